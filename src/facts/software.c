/*
 * software.c - what booted, in a word, and the firmware's version.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

struct software {
    bool grub, systemd_boot, uki, stub, efi;
};

static void note_software(struct software *seen, const struct reading *r)
{
    if (r->event->type == EV_IPL && (r->event->home == 8 || r->event->home == 9) &&
        r->role != ROLE_OTHER) {
        seen->grub = true;
    } else if (r->role == ROLE_UKI_SECTION) {
        seen->uki = true;
    } else if ((r->event->home == 12 && r->role == ROLE_CMDLINE) ||
               (r->event->home == 5 && r->role == ROLE_BOOT_FILE)) {
        seen->systemd_boot = true;
    } else if (r->event->home == 9 && r->event->type == EV_EVENT_TAG && r->role != ROLE_OTHER) {
        seen->stub = true;
    } else if (r->role == ROLE_IMAGE || r->role == ROLE_SB_VARIABLE) {
        seen->efi = true;
    }
}

static const char *software_name(const struct software *seen, const struct boot_facts *facts)
{
    if (facts->is_windows) {
        return facts->has_shim ? "shim + Windows" : "Windows";
    }
    if (seen->uki) {
        return facts->has_shim ? "shim + UKI" : "UKI";
    }
    if (seen->grub) {
        return facts->has_shim ? "shim + GRUB" : "GRUB";
    }
    if (seen->systemd_boot) {
        return facts->has_shim ? "shim + systemd-boot" : "systemd-boot";
    }
    if (seen->stub) {
        return facts->has_shim ? "shim + Linux EFI stub" : "Linux EFI stub";
    }
    if (facts->has_shim) {
        return "shim";
    }
    return seen->efi || facts->log->n_events < 2 ? "unknown" : "legacy BIOS";
}

/* EV_S_CRTM_VERSION: UTF-16 text from most firmware, else a GUID or something of the vendor's. */
static void read_firmware_version(struct facts_ctx *ctx, const struct reading *r)
{
    struct boot_facts *facts = ctx->facts;

    if (r->event->type == EV_S_CRTM_VERSION && r->event->home == 0 && r->match == READING_MATCHES &&
        facts->firmware_version == NULL && r->content.len % 2 == 0 &&
        show_is_plain_utf16(r->content)) {
        facts->firmware_version = show_utf16(ctx->arena, r->content);
        ctx->err = facts->firmware_version == NULL ? ERR_MEMORY : ctx->err;
    }
}

void facts_software(struct facts_ctx *ctx)
{
    struct software seen = {0};

    for (size_t i = 0; i < ctx->readings->n && ctx->err == ERR_OK; i++) {
        note_software(&seen, &ctx->readings->items[i]);
        read_firmware_version(ctx, &ctx->readings->items[i]);
    }
    ctx->facts->boot_software = software_name(&seen, ctx->facts);
}
