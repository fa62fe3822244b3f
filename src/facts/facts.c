/*
 * facts.c - make facts from readings: the parts in order, and the rules that hold for every
 * register (D-1, D-2, B-1, ALG-2, ALG-6).
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/rtmr.h"
#include "facts/parts.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRMWARE_PCRS = 8, FINDING_TEXT_MAX = 512 };

/* ---- what the parts share ---- */

void *facts_alloc(struct facts_ctx *ctx, size_t count, size_t size)
{
    void *memory = count == 0 ? NULL : arena_calloc(ctx->arena, count, size);

    if (count > 0 && memory == NULL) {
        ctx->err = ERR_MEMORY;
    }
    return memory;
}

static bool findings_grow(struct facts_ctx *ctx)
{
    size_t size = ctx->findings_size == 0 ? 16 : ctx->findings_size * 2;
    struct finding *grown;

    if (ctx->facts->n_findings < ctx->findings_size) {
        return true;
    }
    grown = facts_alloc(ctx, size, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    if (ctx->facts->n_findings > 0) {
        memcpy(grown, ctx->facts->findings, ctx->facts->n_findings * sizeof(*grown));
    }
    ctx->facts->findings = grown;
    ctx->findings_size = size;
    return true;
}

/* PCR 7, or the whole of the register that stands for it: its kinds of events cannot be told apart
 * by anything that is authentic. */
static bool is_policy_register(const struct facts_ctx *ctx, const struct event *event)
{
    return ctx->log->kind == EVENTLOG_RTMRS ? event->pcr == RTMR_0 : event->home == 7;
}

void facts_find(struct facts_ctx *ctx, enum finding_code code, enum finding_weight weight,
                const char *rule, const struct event *event, const char *fmt, ...)
{
    char text[FINDING_TEXT_MAX * 4];
    const char *kept;
    va_list args;

    if (weight == WEIGHT_FAULT && event != NULL && is_policy_register(ctx, event)) {
        ctx->pcr7_sound = false;
    }
    if (++ctx->n_by_weight[weight] > FINDINGS_PER_WEIGHT || ctx->err || !findings_grow(ctx)) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    kept = show_cut(ctx->arena, text, FINDING_TEXT_MAX);
    kept = kept == text ? (const char *)arena_dup(ctx->arena, span_str(text)).data : kept;
    if (kept == NULL) {
        ctx->err = ERR_MEMORY;
        return;
    }
    ctx->facts->findings[ctx->facts->n_findings++] =
        (struct finding){.code = code,
                         .weight = weight,
                         .rule = rule,
                         .text = kept,
                         .event = event != NULL ? (int64_t)event->index : -1};
}

void facts_digests(const struct facts_ctx *ctx, const struct event *event,
                   struct span digest[HASH_COUNT])
{
    for (size_t i = 0; i < ctx->log->n_banks; i++) {
        if (ctx->log->banks[i].hash != HASH_NONE) {
            digest[ctx->log->banks[i].hash] = event->digest[i];
        }
    }
}

int facts_bank(const struct facts_ctx *ctx)
{
    int best = eventlog_bank(ctx->log, HASH_SHA256);

    for (int alg = HASH_COUNT - 1; best < 0 && alg >= 0; alg--) {
        best = eventlog_bank(ctx->log, (enum hash_alg)alg);
    }
    return best;
}

const char *facts_register(struct facts_ctx *ctx, const struct event *event)
{
    const char *name = eventlog_register_name(ctx->arena, ctx->log, event->pcr);

    if (name == NULL) {
        ctx->err = ERR_MEMORY;
        return "";
    }
    return name;
}

bool facts_digest_is(struct facts_ctx *ctx, const struct event *event, struct span bytes)
{
    uint8_t digest[HASH_MAX_BYTES];
    int bank = facts_bank(ctx);

    if (bank < 0 || ctx->err) {
        return false;
    }
    ctx->err = hasher_once(ctx->hasher, ctx->log->banks[bank].hash, bytes, digest);
    return ctx->err == ERR_OK &&
           span_equal(span_of(digest, ctx->log->banks[bank].size), event->digest[bank]);
}

/* ---- D-1: data that its digest does not cover ---- */

/* Of these types the data is used as fact, and in the field it always matches. */
static enum finding_weight weight_of_mismatch(const struct facts_ctx *ctx,
                                              const struct event *event)
{
    if (event->home == 7) {
        return WEIGHT_FAULT;
    }
    switch (event->type) {
    case EV_SEPARATOR:
    case EV_EFI_ACTION:
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
    case EV_EFI_VARIABLE_AUTHORITY:
    case EV_EFI_GPT_EVENT:
        return WEIGHT_FAULT;
    case EV_IPL: /* GRUB's texts, names of UKI sections */
        return event->home == 8 || event->home == 11 ? WEIGHT_FAULT : WEIGHT_NOTE;
    case EV_EFI_VARIABLE_BOOT: /* in the field it always matches there; see facts/rtmr.c */
        return ctx->log->kind == EVENTLOG_RTMRS ? WEIGHT_FAULT : WEIGHT_NOTE;
    default:
        return WEIGHT_NOTE;
    }
}

static void check_digest(struct facts_ctx *ctx, const struct reading *r)
{
    if (r->match == READING_DIFFERS) {
        facts_find(ctx, FINDING_EVENT_DIGEST, weight_of_mismatch(ctx, r->event), "D-1", r->event,
                   "event %u in %s: what it says is not what was measured", r->event->index,
                   facts_register(ctx, r->event));
    } else if (r->rule == rule_old_shim) {
        facts_find(ctx, FINDING_OLD_SHIM_AUTHORITY, WEIGHT_NOTE, "L-14", r->event,
                   "event %u: an old shim left the last byte of its own record out of the digest",
                   r->event->index);
    }
}

/* ---- D-2: the type field is only a claim ---- */

/* A machine without UEFI Secure Boot variables: there EV_IPL and EV_COMPACT_HASH are how a boot
 * block is measured. Nothing in such a log can become "Secure Boot is on". */
static bool is_legacy_bios(const struct facts_ctx *ctx)
{
    for (size_t i = 0; i < ctx->log->n_events; i++) {
        const struct event *event = &ctx->log->events[i];

        if (event->type == EV_EFI_VARIABLE_DRIVER_CONFIG && event->home == 7) {
            return false;
        }
    }
    return true;
}

static bool is_allowed_type(const struct event *event, bool legacy)
{
    switch (event->type) {
    case EV_SEPARATOR:
    case EV_EFI_ACTION:
        return true;
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
    case EV_EFI_VARIABLE_AUTHORITY:
    case EV_EFI_SPDM_DEVICE_POLICY:
    case EV_EFI_SPDM_DEVICE_AUTHORITY:
        return event->home == 7;
    case EV_EFI_BOOT_SERVICES_APPLICATION:
    case EV_EFI_BOOT_SERVICES_DRIVER:
    case EV_EFI_RUNTIME_SERVICES_DRIVER:
        return event->home == 4;
    case EV_COMPACT_HASH:
    case EV_IPL:
    case EV_ACTION: /* "Calling INT 19h" */
        return event->home == 4 && legacy;
    default:
        return false;
    }
}

static void check_type(struct facts_ctx *ctx, const struct event *event, bool legacy)
{
    const char *known = eventlog_type_known(event->type);
    bool misplaced = ctx->log->kind == EVENTLOG_RTMRS ? !facts_rtmr_type_allowed(event)
                                                      : (event->home == 4 || event->home == 7) &&
                                                            !is_allowed_type(event, legacy);
    char number[16] = "";

    if (known == NULL) {
        snprintf(number, sizeof(number), "0x%08x", event->type);
    }
    if (misplaced) {
        facts_find(ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", event,
                   "event %u: type %s does not belong into %s", event->index,
                   known != NULL ? known : number, facts_register(ctx, event));
    } else if (known == NULL) {
        facts_find(ctx, FINDING_UNKNOWN_EVENT_TYPE, WEIGHT_NOTE, "D-2", event,
                   "event %u in %s is of the unknown type %s", event->index,
                   facts_register(ctx, event), number);
    }
}

/* ---- B-1, SB-1, ALG-2: separators ---- */

void facts_separator_value(struct facts_ctx *ctx, const struct reading *r)
{
    const char *rule = r->event->home == 7 ? "SB-1" : "B-1";

    if (r->match != READING_MATCHES) {
        return;
    }
    if (r->content.len == 4 && span_all(r->content, 0)) {
        return;
    }
    if (r->content.len == 4 && span_all(r->content, 0xff) && r->event->home != 7) {
        facts_find(ctx, FINDING_SEPARATOR, WEIGHT_NOTE, rule, r->event,
                   "event %u: separator of %s is FFFFFFFF", r->event->index,
                   facts_register(ctx, r->event));
        return;
    }
    facts_find(ctx, FINDING_SEPARATOR, WEIGHT_FAULT, rule, r->event,
               "event %u: separator of %s has another value: the firmware reports an error",
               r->event->index, facts_register(ctx, r->event));
}

void facts_bank_separators(struct facts_ctx *ctx, const struct reading *r, bool *lacks)
{
    uint8_t digest[HASH_MAX_BYTES];

    for (size_t i = 0; i < ctx->log->n_banks && ctx->err == ERR_OK; i++) {
        const struct eventlog_bank *bank = &ctx->log->banks[i];

        if (bank->hash == HASH_NONE || lacks[i]) {
            continue;
        }
        ctx->err = hasher_once(ctx->hasher, bank->hash, r->event->data, digest);
        if (ctx->err == ERR_OK && !span_equal(span_of(digest, bank->size), r->event->digest[i])) {
            lacks[i] = true;
            facts_find(ctx, FINDING_BANK_LACKS_SEPARATOR, WEIGHT_FAULT, "ALG-2", r->event,
                       "bank %s holds no separator for %s", hash_name(bank->hash),
                       facts_register(ctx, r->event));
        }
    }
}

static void check_separators(struct facts_ctx *ctx)
{
    unsigned seen[FIRMWARE_PCRS] = {0};
    bool lacks[EVENTLOG_MAX_BANKS] = {false};

    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->role != ROLE_SEPARATOR || r->event->home >= FIRMWARE_PCRS) {
            continue;
        }
        if (++seen[r->event->home] == 2) {
            facts_find(ctx, FINDING_SEPARATOR, WEIGHT_FAULT, r->event->home == 7 ? "SB-1" : "B-1",
                       r->event, "event %u: PCR %u has more than one separator", r->event->index,
                       r->event->home);
        }
        facts_separator_value(ctx, r);
        if (r->match == READING_DIFFERS) {
            facts_bank_separators(ctx, r, lacks);
        }
    }
    for (unsigned pcr = 0; pcr < FIRMWARE_PCRS; pcr++) {
        if (seen[pcr] == 0) {
            ctx->pcr7_sound = ctx->pcr7_sound && pcr != 7;
            facts_find(ctx, FINDING_SEPARATOR, WEIGHT_FAULT, pcr == 7 ? "SB-1" : "B-1", NULL,
                       "PCR %u has no separator", pcr);
        }
    }
}

void facts_general(struct facts_ctx *ctx)
{
    bool legacy = is_legacy_bios(ctx);

    for (size_t i = 0; i < ctx->log->n_banks; i++) {
        if (ctx->log->banks[i].hash == HASH_NONE) {
            facts_find(ctx, FINDING_UNKNOWN_BANK, WEIGHT_NOTE, "ALG-6", NULL,
                       "bank %s is not supported: its digests prove nothing",
                       eventlog_bank_name(ctx->arena, &ctx->log->banks[i]));
        }
    }
    for (size_t i = 0; i < ctx->log->n_unused; i++) {
        facts_find(ctx, FINDING_BANK_LACKS_SEPARATOR, WEIGHT_NOTE, "ALG-2", NULL,
                   "bank %s is named in the log's header and nothing was measured into it",
                   eventlog_bank_name(ctx->arena, &ctx->log->unused[i]));
    }
    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];

        ctx->n_by_role[r->role]++;
        if (r->event->type != EV_NO_ACTION) {
            check_digest(ctx, r);
            check_type(ctx, r->event, legacy);
        }
    }
    if (ctx->log->kind == EVENTLOG_RTMRS) {
        facts_rtmr_separators(ctx);
    } else {
        check_separators(ctx);
    }
}

static err_t make(struct facts_ctx *ctx, struct boot_facts **ret)
{
    ctx->log = ctx->readings->log;
    ctx->pcr7_sound = true;
    ctx->facts = arena_calloc(ctx->arena, 1, sizeof(*ctx->facts));
    if (ctx->facts == NULL) {
        return ERR_MEMORY;
    }
    ctx->facts->log = ctx->log;
    ctx->facts->readings = ctx->readings;
    ctx->facts->reference = ctx->reference;
    facts_general(ctx);
    facts_authorities(ctx);
    facts_secure_boot(ctx);
    facts_shim(ctx);
    facts_chain(ctx);
    facts_revoked(ctx);
    facts_reference(ctx);
    facts_windows(ctx);
    facts_software(ctx);
    facts_banks(ctx);
    facts_rtmr(ctx);
    facts_quirks(ctx);
    facts_devices(ctx);
    facts_gpt(ctx);
    facts_signers(ctx);
    facts_platform(ctx);
    facts_basis(ctx);
    if (ctx->err) {
        return ctx->err;
    }
    *ret = ctx->facts;
    return ERR_OK;
}

err_t boot_facts_make(struct arena *arena, const struct readings *readings,
                      const struct reference *reference, struct hasher *hasher,
                      struct boot_facts **ret)
{
    struct facts_ctx ctx = {
        .arena = arena, .hasher = hasher, .readings = readings, .reference = reference};

    return make(&ctx, ret);
}

err_t boot_facts_make_cached(struct arena *arena, const struct readings *readings,
                             struct key_cache *cache, struct hasher *hasher,
                             struct boot_facts **ret)
{
    struct facts_ctx ctx = {.arena = arena,
                            .hasher = hasher,
                            .readings = readings,
                            .reference = key_cache_reference(cache),
                            .cache = cache};

    return make(&ctx, ret);
}
