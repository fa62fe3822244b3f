/*
 * facts/quirks.c - deviations of known platforms, by name (B-14, L-14).
 *
 * A quirk is a note: it changes no fact and excuses nothing. Where a deviation breaks a rule, the
 * fault of that rule stands beside it. Each text begins with "quirk NAME: ", so that a person can
 * look the name up in docs/formats/boot-facts.md.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

#include "eventlog/rtmr.h"
#include "uefi/subject.h"

enum quirk {
    QUIRK_GCE,
    QUIRK_CSME,
    QUIRK_TME,
    QUIRK_PCR6,
    QUIRK_POWER_SEPARATOR,
    QUIRK_HYPERV,
    QUIRK_COUNT,
};

static const char *const texts[QUIRK_COUNT] = {
    [QUIRK_GCE] = "quirk gce-nonhostinfo: Google's firmware tells in EV_NONHOST_INFO which "
                  "technology of confidential computing protects the VM",
    [QUIRK_CSME] = "quirk intel-csme: measurements of Intel's management engine stand in the log, "
                   "made outside of the processor that boots",
    [QUIRK_TME] = "quirk intel-tme: the state of Intel's memory encryption was measured as "
                  "configuration flags",
    [QUIRK_PCR6] = "quirk pcr6-compact-hash: a vendor's configuration was measured into PCR 6; "
                   "the log does not hold it",
    [QUIRK_POWER_SEPARATOR] = "quirk openpower-separator: separators carry a text that is not what "
                              "was measured",
    [QUIRK_HYPERV] = "quirk hyperv-template-keys: the keys of Secure Boot come from a template of "
                     "Hyper-V",
};

static bool is_text(struct span data)
{
    for (size_t i = 0; i < data.len; i++) {
        if (data.data[i] < 0x20 || data.data[i] >= 0x7f) {
            return false;
        }
    }
    return data.len > 4;
}

static bool contains(struct span data, const char *word)
{
    return data.len > 0 && memmem(data.data, data.len, word, strlen(word)) != NULL;
}

/* QUIRK_COUNT: none. */
static enum quirk quirk_of(const struct facts_ctx *ctx, const struct reading *r)
{
    struct span data = r->event->data;

    switch (r->event->type) {
    case EV_NONHOST_INFO:
    case EV_NONHOST_CODE:
    case EV_NONHOST_CONFIG:
        /* GCE's is believed only where it is what was measured (B-12). */
        if (span_starts(data, "GCE NonHostInfo") && r->match == READING_MATCHES) {
            return QUIRK_GCE;
        }
        return span_starts(data, "IntelCSxE") ? QUIRK_CSME : QUIRK_COUNT;
    case EV_NO_ACTION:
        return span_starts(data, "IntelCSxE") ? QUIRK_CSME : QUIRK_COUNT;
    case EV_PLATFORM_CONFIG_FLAGS:
    case EV_POST_CODE:
    case EV_POST_CODE2:
        return is_text(data) && contains(data, "TME") ? QUIRK_TME : QUIRK_COUNT;
    case EV_COMPACT_HASH:
        return r->event->home == 6 && r->match != READING_MATCHES && ctx->log->n_banks > 0
                   ? QUIRK_PCR6
                   : QUIRK_COUNT;
    case EV_SEPARATOR:
        return r->match == READING_DIFFERS && is_text(data) ? QUIRK_POWER_SEPARATOR : QUIRK_COUNT;
    default:
        return QUIRK_COUNT;
    }
}

/* Subject of the one platform key that Hyper-V's templates enrol. */
static bool has_template_key(struct facts_ctx *ctx)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};

    if (!ctx->facts->pk.present) {
        return false;
    }
    siglist_begin(&iter, ctx->facts->pk.lists);
    while (siglist_next(&iter, &entry) == ERR_OK && ctx->err == ERR_OK) {
        const char *subject = NULL;
        err_t err = entry.kind == SIGLIST_X509 ? subject_of(ctx->arena, entry.data, &subject)
                                               : ERR_MALFORMED;

        ctx->err = err == ERR_MEMORY ? err : ctx->err;
        if (err == ERR_OK && strstr(subject, "Hyper-V") != NULL) {
            return true;
        }
    }
    return false;
}

void facts_quirks(struct facts_ctx *ctx)
{
    bool seen[QUIRK_COUNT] = {false};

    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];
        enum quirk quirk = quirk_of(ctx, r);

        if (quirk != QUIRK_COUNT && !seen[quirk]) {
            seen[quirk] = true;
            facts_find(ctx, FINDING_VENDOR_QUIRK, WEIGHT_NOTE, "B-14", r->event, "%s",
                       texts[quirk]);
        }
    }
    if (has_template_key(ctx)) {
        facts_find(ctx, FINDING_VENDOR_QUIRK, WEIGHT_NOTE, "B-14", ctx->facts->pk.event, "%s",
                   texts[QUIRK_HYPERV]);
    }
}
