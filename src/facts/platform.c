/*
 * facts/platform.c - what machine this was, as far as its firmware lets it be guessed.
 *
 * Nothing signs such names: whoever makes firmware chooses them. The guess says what it rests on
 * and is for people; no verdict looks at it. Texts as they stand in real logs.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

#include <string.h>

static const char gce_nonhost[16] = "GCE NonHostInfo"; /* with its NUL; a technology byte follows */

/* The firmware's own version text (EV_S_CRTM_VERSION). */
static const struct {
    const char *begins, *platform;
} versions[] = {
    {"GCE Virtual Firmware", "Google Compute Engine"},
    {"Hyper-V UEFI", "Hyper-V"},
    {"VMW", "VMware"},
    {"edk2-", "EDK II (OVMF), as under QEMU and KVM"},
    {"EDK II", "EDK II (OVMF), as under QEMU and KVM"},
};

/* Who owns the platform: words of the PK's subject. */
static const struct {
    const char *contains, *platform;
} owners[] = {
    {"Microsoft Corporation UEFI PK", "Hyper-V or Azure"},
    {"Hyper-V", "Hyper-V or Azure"},
    {"Google", "Google Compute Engine"},
    {"VMware", "VMware"},
    {"Lenovo", "a machine of Lenovo"},
    {"Dell", "a machine of Dell"},
    {"Hewlett", "a machine of HP"},
    {"HP ", "a machine of HP"},
    {"Supermicro", "a machine of Supermicro"},
    {"Intel", "a machine of Intel"},
    {"ASUS", "a machine of ASUS"},
    {"Gigabyte", "a machine of Gigabyte"},
    {"Fujitsu", "a machine of Fujitsu"},
};

/* Names of boot options that a hypervisor's firmware makes. */
static const struct {
    const char *contains, *platform;
} options[] = {
    {"Google PersistentDisk", "Google Compute Engine"},
    {"VMware", "VMware"},
    {"Amazon", "Amazon EC2"},
    {"QEMU", "QEMU"},
    {"UiApp", "EDK II (OVMF), as under QEMU and KVM"},
};

static bool guess(struct facts_ctx *ctx, const char *platform, const char *ground,
                  const struct event *event, bool is_authenticated)
{
    ctx->facts->platform = (struct platform_guess){
        .name = platform, .ground = ground, .event = event, .is_authenticated = is_authenticated};
    return true;
}

static bool guess_by_nonhost(struct facts_ctx *ctx, const struct reading *r)
{
    static const char *const technologies[] = {
        "Google Compute Engine",          "Google Compute Engine, AMD SEV",
        "Google Compute Engine, SEV-ES",  "Google Compute Engine, Intel TDX",
        "Google Compute Engine, SEV-SNP",
    };
    uint8_t technology;

    if (r->event->type != EV_NONHOST_INFO || r->match != READING_MATCHES ||
        r->content.len <= sizeof(gce_nonhost) ||
        memcmp(r->content.data, gce_nonhost, sizeof(gce_nonhost)) != 0) {
        return false;
    }
    technology = r->content.data[sizeof(gce_nonhost)];
    return guess(ctx, technologies[technology < ARRAY_LEN(technologies) ? technology : 0],
                 "what the firmware measured about the host", r->event, true);
}

static bool guess_by_version(struct facts_ctx *ctx, const struct reading *r)
{
    const char *version = ctx->facts->firmware_version;

    if (version == NULL || r->event->type != EV_S_CRTM_VERSION || r->match != READING_MATCHES) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (strncmp(version, versions[i].begins, strlen(versions[i].begins)) == 0) {
            return guess(ctx, versions[i].platform, "the firmware's version text", r->event, true);
        }
    }
    return false;
}

static bool guess_by_owner(struct facts_ctx *ctx)
{
    const struct key_database *pk = &ctx->facts->pk;
    const char *subject;

    if (!pk->present || pk->keys.is_malformed || pk->keys.n_certificates == 0) {
        return false;
    }
    subject = pk->keys.certificates[0].subject != NULL ? pk->keys.certificates[0].subject : "";
    for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
        if (strstr(subject, owners[i].contains) != NULL) {
            return guess(ctx, owners[i].platform, "the owner of the platform key", pk->event, true);
        }
    }
    return false;
}

static bool guess_by_option(struct facts_ctx *ctx, const struct reading *r)
{
    if (r->role != ROLE_BOOT_VARIABLE) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (strstr(r->text, options[i].contains) != NULL) {
            return guess(ctx, options[i].platform, "the name of a boot option", r->event,
                         r->match == READING_MATCHES);
        }
    }
    return false;
}

void facts_platform(struct facts_ctx *ctx)
{
    bool (*const grounds[])(struct facts_ctx *, const struct reading *) = {
        guess_by_nonhost, guess_by_version, guess_by_option};

    for (size_t ground = 0; ground < ARRAY_LEN(grounds); ground++) {
        if (ground == 2 && guess_by_owner(ctx)) {
            return;
        }
        for (size_t i = 0; i < ctx->readings->n; i++) {
            if (grounds[ground](ctx, &ctx->readings->items[i])) {
                return;
            }
        }
    }
}
