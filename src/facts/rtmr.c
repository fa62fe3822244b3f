/*
 * facts/rtmr.c - what the log of a confidential VM proves, and what it cannot (SB-1, B-1, D-2,
 * B-14).
 *
 * RTMR0 takes what a TPM keeps apart in PCR 1 and 7, RTMR1 takes PCR 2 to 6. Types are not
 * authenticated, and in a shared register nearly every type may stand; some of them (configuration
 * data, firmware volumes) carry data that no digest covers. Whoever runs code in the guest's kernel
 * can extend all of these registers further and relabel what is in them. So:
 *
 *   - That a thing was measured is proven; that nothing else was is not. An image, an authority, a
 *     MOK variable may hide as "ACPI DATA". Facts that are a "no" are taken back to unknown here,
 *     unless the digest that would say "yes" is known and looked for under every type.
 *   - The firmware draws a line behind the Secure Boot variables before anything else runs. Its
 *     digest is known to everybody, so it is found whatever its type says (rtmr.c), and variables
 *     behind the first line are late (SB-2): a set of variables cannot be appended.
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/rtmr.h"
#include "facts/parts.h"

/* What EDK II wrote for the name of a firmware volume until it knew better. */
static const char placeholder[] = "Fv(XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX)";

/* ---- D-2 ---- */

/* Types that the profile puts into one of the PCRs that the register stands for. */
bool facts_rtmr_type_allowed(const struct event *event)
{
    switch (event->type) {
    case EV_SEPARATOR:
    case EV_EFI_ACTION:
    case EV_POST_CODE:
    case EV_POST_CODE2:
    case EV_PLATFORM_CONFIG_FLAGS:
    case EV_NONHOST_CODE:
    case EV_NONHOST_CONFIG:
    case EV_NONHOST_INFO:
    case EV_EFI_PLATFORM_FIRMWARE_BLOB:
    case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
    case EV_EFI_VARIABLE_BOOT:
    case EV_EFI_VARIABLE_BOOT2:
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
        return event->pcr == RTMR_0 || event->pcr == RTMR_1;
    case EV_S_CRTM_CONTENTS:
    case EV_S_CRTM_VERSION:
    case EV_CPU_MICROCODE:
    case EV_TABLE_OF_DEVICES:
    case EV_EFI_HANDOFF_TABLES:
    case EV_EFI_HANDOFF_TABLES2:
    case EV_EFI_VARIABLE_AUTHORITY:
    case EV_EFI_SPDM_DEVICE_POLICY:
    case EV_EFI_SPDM_DEVICE_AUTHORITY:
        return event->pcr == RTMR_0;
    case EV_COMPACT_HASH:
    case EV_OMIT_BOOT_DEVICE_EVENTS:
    case EV_EFI_BOOT_SERVICES_APPLICATION:
    case EV_EFI_BOOT_SERVICES_DRIVER:
    case EV_EFI_RUNTIME_SERVICES_DRIVER:
    case EV_EFI_GPT_EVENT:
    case EV_EFI_GPT_EVENT2:
    case EV_EFI_SPDM_FIRMWARE_BLOB:
    case EV_EFI_SPDM_FIRMWARE_CONFIG:
        return event->pcr == RTMR_1;
    case EV_EVENT_TAG:
        return true;
    case EV_IPL:
        return event->pcr == RTMR_2 || event->pcr == RTMR_3;
    default:
        return event->pcr == RTMR_3; /* the owner's: any */
    }
}

/* ---- SB-1, B-1 ---- */

static bool has_placeholder(const struct facts_ctx *ctx)
{
    for (size_t i = 0; i < ctx->log->n_events; i++) {
        const struct event *event = &ctx->log->events[i];

        if (event->type == EV_EFI_PLATFORM_FIRMWARE_BLOB2 && event->data.len > 1 &&
            span_starts(span_cut(event->data, 1, event->data.len), placeholder)) {
            return true;
        }
    }
    return false;
}

/*
 * Seen in nine logs: one line for each register; or one for each PCR that a register stands for.
 * OVMF of about 2022 drew the second line into RTMR0 instead of RTMR1. That is a quirk by name
 * (L-14) because a log with a line moved by hand looks the same; it lets no variable pass as early,
 * the first line alone counts for that.
 */
static void check_counts(struct facts_ctx *ctx, unsigned rtmr0, unsigned rtmr1)
{
    bool by_register = rtmr0 == 1 && rtmr1 == 1;
    bool by_pcr = (rtmr0 == 2 || rtmr0 == 3) && rtmr1 == 5;

    if (by_register || by_pcr) {
        return;
    }
    if (rtmr0 == 2 && rtmr1 == 0 && has_placeholder(ctx)) {
        facts_find(ctx, FINDING_VENDOR_QUIRK, WEIGHT_NOTE, "B-14", NULL,
                   "quirk ovmf-rtmr-separator: the firmware drew the line of RTMR1 into RTMR0; "
                   "drivers and boot images cannot be told apart");
        return;
    }
    if (rtmr0 != 1) {
        ctx->pcr7_sound = false;
        facts_find(ctx, FINDING_SEPARATOR, WEIGHT_FAULT, "SB-1", NULL,
                   rtmr0 == 0 ? "RTMR0 has no separator"
                              : "RTMR0 has %u separators and RTMR1 %u: neither one for each "
                                "register nor one for each PCR",
                   rtmr0, rtmr1);
    }
    if (rtmr1 != 1) {
        facts_find(ctx, FINDING_SEPARATOR, WEIGHT_FAULT, "B-1", NULL,
                   "RTMR1 has %u separators: drivers and boot images cannot be told apart", rtmr1);
    }
}

void facts_rtmr_separators(struct facts_ctx *ctx)
{
    unsigned seen[RTMR_REGISTERS] = {0};
    bool lacks[EVENTLOG_MAX_BANKS] = {false};

    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->role != ROLE_SEPARATOR || r->event->pcr > RTMR_1) {
            continue;
        }
        seen[r->event->pcr]++;
        if (r->event->type != EV_SEPARATOR) {
            facts_find(ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", r->event,
                       "event %u in %s is a separator that calls itself something else",
                       r->event->index, facts_register(ctx, r->event));
            continue;
        }
        facts_separator_value(ctx, r);
        if (r->match == READING_DIFFERS) {
            facts_bank_separators(ctx, r, lacks);
        }
    }
    check_counts(ctx, seen[RTMR_0], seen[RTMR_1]);
}

/* ---- what was said too much ---- */

/* SB-8 by digest: these texts are known, whatever type they stand under. */
static bool find_action(struct facts_ctx *ctx, const char *text)
{
    bool found = false;

    for (size_t i = 0; i < ctx->log->n_events && ctx->err == ERR_OK; i++) {
        const struct event *event = &ctx->log->events[i];

        if (event->type == EV_NO_ACTION || event->pcr != RTMR_0 ||
            !facts_digest_is(ctx, event, span_str(text))) {
            continue;
        }
        found = true;
        if (event->type != EV_EFI_ACTION) {
            facts_find(ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", event,
                       "event %u in RTMR0 calls itself something else, but what was measured is: "
                       "%s",
                       event->index, text);
        }
    }
    return found;
}

static void take_back(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;

    if (find_action(ctx, "UEFI Debug Mode")) {
        facts->debug_mode = STATE_YES;
        facts->secure_boot = facts->secure_boot == STATE_YES ? STATE_UNKNOWN : facts->secure_boot;
    }
    if (find_action(ctx, "DMA Protection Disabled")) {
        facts->dma_protection_disabled = STATE_YES;
    }
    /* A switched-off validation or a longer list may stand in RTMR2 under another name. */
    if (facts->shim_validation == STATE_YES) {
        facts->shim_validation = STATE_UNKNOWN;
    }
    if (facts->mok_enrolled == STATE_NO) {
        facts->mok_enrolled = STATE_UNKNOWN;
    }
    if (!ctx->pcr7_sound && facts->secure_boot == STATE_YES) {
        facts->secure_boot = STATE_UNKNOWN;
    }
}

void facts_rtmr(struct facts_ctx *ctx)
{
    if (ctx->log->kind != EVENTLOG_RTMRS) {
        return;
    }
    take_back(ctx);
    facts_find(ctx, FINDING_SHARED_REGISTERS, WEIGHT_NOTE, "D-2", NULL,
               "the log of a confidential VM: each register is shared by several kinds of events, "
               "so what is listed was measured, but other things may have been too");
}
