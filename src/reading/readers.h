/*
 * readers.h - what the reading-*.c files share: one file per family of software that measures.
 *
 * Not for other rooms. Each reader gets an event with its reading preset to "other, not covered"
 * and refines it. Failures (memory, hashing) stick in ctx->err and end readings_make.
 */
#ifndef READING_READERS_H
#define READING_READERS_H

#include "base/show.h"
#include "reading/reading.h"
#include "uefi/variable.h"

/* The GRUB command that explains the files read after it. */
enum grub_verb { GRUB_NONE, GRUB_LINUX, GRUB_INITRD, GRUB_CONFIG_FILE };

struct reading_ctx {
    struct arena *arena;
    const struct eventlog *log;
    struct hasher *hasher;
    err_t err;
    bool has_bank; /* some bank has a hash we know; else nothing can match */
    /* GRUB: the last command whose text is authentic and that reads files */
    enum grub_verb verb;
    struct span verb_args;
    uint32_t verb_files; /* read since */
    /* systemd-stub: the section whose name was measured last, content still to come */
    struct span section_name; /* as UTF-16 in the log */
};

/* Is the event's digest H(content) in every bank we can compute (D-1)? False without any. */
bool reading_digest_is(struct reading_ctx *ctx, const struct event *event, struct span content);
/* The same as reading: MATCHES with content, else `otherwise`. */
void reading_match(struct reading_ctx *ctx, struct reading *r, struct span content,
                   const char *rule, enum reading_match otherwise);

/* Texts that make a full arena an error. Never NULL. */
const char *ctx_show(struct reading_ctx *ctx, struct span bytes);  /* up to the first NUL */
const char *ctx_bytes(struct reading_ctx *ctx, struct span bytes); /* all of them */
const char *ctx_show16(struct reading_ctx *ctx, struct span utf16);
const char *ctx_join(struct reading_ctx *ctx, const char *a, const char *b, const char *c);
/* r->text = what + name, marked when the name is a hint or the digest is not of the text. */
void reading_say(struct reading_ctx *ctx, struct reading *r, const char *what, const char *name);

/* ---- families ---- */
void read_separator(struct reading_ctx *ctx, struct reading *r);
void read_firmware(struct reading_ctx *ctx, struct reading *r);
void read_action(struct reading_ctx *ctx, struct reading *r);
void read_gpt(struct reading_ctx *ctx, struct reading *r);
void read_image(struct reading_ctx *ctx, struct reading *r);
void read_variable_config(struct reading_ctx *ctx, struct reading *r);
void read_variable_boot(struct reading_ctx *ctx, struct reading *r);
void read_variable_authority(struct reading_ctx *ctx, struct reading *r);
void read_device(struct reading_ctx *ctx, struct reading *r);              /* SPDM */
void read_shim_ipl(struct reading_ctx *ctx, struct reading *r);            /* PCR 14 */
void read_grub_text(struct reading_ctx *ctx, struct reading *r);           /* PCR 8 */
void read_grub_file(struct reading_ctx *ctx, struct reading *r);           /* PCR 9 */
void read_systemd_ipl(struct reading_ctx *ctx, struct reading *r);         /* PCR 11, 12, 13 */
void read_tagged(struct reading_ctx *ctx, struct reading *r);              /* EV_EVENT_TAG */
void read_windows_compact(struct reading_ctx *ctx, struct reading *r);     /* PCR 11 */
void read_windows_records(struct reading_ctx *ctx, struct reading *r);     /* PCR 11-14, matching */
void read_windows_trust_point(struct reading_ctx *ctx, struct reading *r); /* EV_NO_ACTION */
/* Types whose data may or may not be what was hashed: believed after a match alone. */
void read_unruled(struct reading_ctx *ctx, struct reading *r);

/* Old shim's authority events: see reading/uefi.c (L-14). */
extern const char rule_old_shim[];

#endif
