/*
 * facts/parts.h - what the facts*.c files share. Not for other rooms.
 *
 * Each part walks the readings once and fills its share of boot_facts. Failures (memory, hashing)
 * stick in ctx->err and end boot_facts_make.
 */
#ifndef FACTS_PARTS_H
#define FACTS_PARTS_H

#include "facts/facts.h"
#include "reading/readers.h"

enum { FINDINGS_PER_WEIGHT = 1024 };

struct facts_ctx {
    struct arena *arena;
    struct hasher *hasher;
    const struct eventlog *log;
    const struct readings *readings;
    const struct reference *reference;
    struct key_cache *cache; /* NULL: none */
    struct boot_facts *facts;
    err_t err;
    size_t findings_size;
    size_t n_by_weight[WEIGHT_BAD + 1];
    size_t n_by_role[ROLE_COUNT];
    bool pcr7_sound; /* no fault among the events of PCR 7 so far */
};

/* Add a finding; text is made like printf, its arguments are escaped already. */
void facts_find(struct facts_ctx *ctx, enum finding_code code, enum finding_weight weight,
                const char *rule, const struct event *event, const char *fmt, ...)
    PRINTF_LIKE(6, 7);
/* Cleared memory; NULL and ctx->err at the limit, or when count is 0. */
void *facts_alloc(struct facts_ctx *ctx, size_t count, size_t size);
/* The event's digests by hash. */
void facts_digests(const struct facts_ctx *ctx, const struct event *event,
                   struct span digest[HASH_COUNT]);
/* The bank to speak of where one digest must do: SHA-256, else the strongest; -1 when none. */
int facts_bank(const struct facts_ctx *ctx);
/* H(bytes) in facts_bank equals the event's digest there. */
bool facts_digest_is(struct facts_ctx *ctx, const struct event *event, struct span bytes);

/* "PCR 7", "RTMR0": of the event. */
const char *facts_register(struct facts_ctx *ctx, const struct event *event);

/* B-1, SB-1: the value of a separator; it must be one. */
void facts_separator_value(struct facts_ctx *ctx, const struct reading *r);
/* ALG-2, ALG-5: a bank in which the firmware did not hash but fill in something. */
void facts_bank_separators(struct facts_ctx *ctx, const struct reading *r, bool *lacks);

void facts_general(struct facts_ctx *ctx);
void facts_secure_boot(struct facts_ctx *ctx);
void facts_authorities(struct facts_ctx *ctx);
void facts_shim(struct facts_ctx *ctx);
void facts_chain(struct facts_ctx *ctx);
void facts_revoked(struct facts_ctx *ctx); /* after authorities, Secure Boot and chain */
void facts_windows(struct facts_ctx *ctx); /* after the chain */
void facts_software(struct facts_ctx *ctx);
void facts_signers(struct facts_ctx *ctx); /* after authorities and chain */
void facts_platform(struct facts_ctx *ctx);
void facts_basis(struct facts_ctx *ctx);     /* last */
void facts_reference(struct facts_ctx *ctx); /* facts/reference.c: after authorities and chain */

/* The members of JSON objects that name what is known. */
void facts_add_image_names(yyjson_mut_doc *doc, yyjson_mut_val *value,
                           const struct boot_image *image);
void facts_add_authority_names(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value,
                               const struct authority *authority);
void facts_add_database_names(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value,
                              const struct key_database *db);
void facts_banks(struct facts_ctx *ctx);   /* ALG-5 */
void facts_quirks(struct facts_ctx *ctx);  /* B-14 */
void facts_devices(struct facts_ctx *ctx); /* B-5, B-11 */
void facts_gpt(struct facts_ctx *ctx);     /* B-6 */
/* Their members of the facts' object. */
void facts_devices_json(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct boot_facts *facts);

/* ---- logs of confidential VMs: facts/rtmr.c ---- */
bool facts_rtmr_type_allowed(const struct event *event);
void facts_rtmr_separators(struct facts_ctx *ctx);
void facts_rtmr(
    struct facts_ctx *ctx); /* behind all that it takes back: what such a log cannot prove */

#endif
