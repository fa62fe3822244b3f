/*
 * reading/systemd.c - systemd-boot, systemd-stub and the kernel's own EFI stub.
 *
 * systemd-stub measures each section of a unified kernel image into PCR 11 as a pair: the name
 * with its NUL, then the content, both with the name in UTF-16 as event data. PCR 12 takes command
 * lines (the text) and credentials (a name), PCR 13 system extensions
 * (systemd docs/TPM2_PCR_MEASUREMENTS.md). The kernel's stub and newer systemd use EV_EVENT_TAG,
 * whose digest is of a payload outside the log.
 *
 * Who may send these bytes: root of any guest.
 */
#include "reading/readers.h"

#include "base/reader.h"
#include "eventlog/marks.h"

enum { SECTION_NAME_MAX = 32 };

static const struct {
    uint32_t id;
    enum event_role role;
    const char *name;
} tags[] = {
    {0x8f3b22ed, ROLE_CMDLINE, "LOADED_IMAGE::LoadOptions"}, /* Linux, efi-stub-helper.c */
    {0x8f3b22ec, ROLE_INITRD, "Linux initrd"},
    {0xf5bc582a, ROLE_BOOT_FILE, "loader.conf"},
    {0xd5cb7cbc, ROLE_FIRMWARE_CONFIG, "SMBIOS type 1"},
    {0xe0d47bc8, ROLE_FIRMWARE_CONFIG, "SMBIOS type 2"},
    {0xc0b3bd23, ROLE_FIRMWARE_CONFIG, "SMBIOS type 11"},
    {0x6c46f751, ROLE_BOOT_FILE, "device tree"},
    {0x49dffe0f, ROLE_INITRD, "initrd add-on"},
    {0xdac08e1a, ROLE_BOOT_FILE, "microcode"},
};

/* Windows' tags have a class in bits 16 to 23 and only flags above (wbcl.h). */
static bool is_windows_tag(uint32_t id)
{
    uint32_t class = id >> 16 & 0xff;

    return (id & 0x3f00ff00u) == 0 && class >= 1 && class <= 0x0c;
}

void read_tagged(struct reading_ctx *ctx, struct reading *r)
{
    struct reader in = reader_on(r->event->data);
    uint32_t pcr = r->event->home;
    uint32_t id = 0;

    reading_match(ctx, r, r->event->data, "H(tagged event), if it matches", READING_NOT_COVERED);
    if (reader_u32le(&in, &id) == ERR_OK) {
        for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
            if (tags[i].id == id && tag_register(id) == pcr) {
                r->role = tags[i].role;
                r->name = tags[i].name;
            }
        }
        if (r->name[0] == '\0' && pcr >= 11 && pcr <= 14 && is_windows_tag(id)) {
            r->role = ROLE_WINDOWS;
            r->name = "Windows boot";
        }
    }
    r->name_is_hint = r->match != READING_MATCHES;
    reading_say(ctx, r, r->name[0] != '\0' ? "" : "tagged event", r->name);
    if (r->role == ROLE_WINDOWS && r->match == READING_MATCHES) {
        read_windows_records(ctx, r);
    }
}

/* ".linux" from ".\0l\0i\0..."; false when it is no section name. */
static bool section_name(struct span utf16, char name[SECTION_NAME_MAX])
{
    size_t n = utf16.len / 2;

    /* The NUL is part of what was measured. */
    if (utf16.len % 2 != 0 || n < 3 || n > SECTION_NAME_MAX || utf16.data[0] != '.') {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n;

        if (utf16.data[2 * i + 1] != 0 || (utf16.data[2 * i] == 0) != last ||
            utf16.data[2 * i] >= 0x7f || (!last && utf16.data[2 * i] <= 0x20)) {
            return false;
        }
        name[i] = (char)utf16.data[2 * i];
    }
    return true;
}

static void read_section(struct reading_ctx *ctx, struct reading *r)
{
    char name[SECTION_NAME_MAX] = {0};
    struct span data = r->event->data;

    if (!section_name(data, name)) {
        ctx->section_name = (struct span){0};
        read_unruled(ctx, r);
        return;
    }
    r->role = ROLE_UKI_SECTION;
    r->name = ctx_show16(ctx, data);
    if (ctx->section_name.len > 0 && span_equal(ctx->section_name, data)) {
        r->rule = "H(content of the section)";
        ctx->section_name = (struct span){0};
        r->text = ctx_join(ctx, "UKI section ", r->name, ", content");
        return;
    }
    ctx->section_name = (struct span){0};
    reading_match(ctx, r, span_of(name, strlen(name) + 1), "H(section name with NUL)",
                  READING_DIFFERS);
    if (r->match == READING_MATCHES) {
        ctx->section_name = data;
        r->content = span_str(r->name);
        r->text = ctx_join(ctx, "UKI section ", r->name, ", name");
    } else {
        r->name_is_hint = true;
        reading_say(ctx, r, "UKI section ", r->name);
    }
}

/* systemd measures the text with its NUL; the profile of others leaves it out. */
static void read_cmdline(struct reading_ctx *ctx, struct reading *r)
{
    struct span data = r->event->data;
    bool has_nul = data.len >= 2 && data.len % 2 == 0 && data.data[data.len - 1] == 0 &&
                   data.data[data.len - 2] == 0;

    reading_match(ctx, r, data, "H(UTF-16 text)", READING_DIFFERS);
    if (r->match != READING_MATCHES && has_nul) {
        reading_match(ctx, r, span_cut(data, 0, data.len - 2), "H(UTF-16 text without NUL)",
                      READING_DIFFERS);
    }
    r->role = r->match == READING_MATCHES ? ROLE_CMDLINE : ROLE_OTHER;
    r->name_is_hint = r->match != READING_MATCHES;
    reading_say(ctx, r, "command line: ", ctx_show16(ctx, data));
}

void read_systemd_ipl(struct reading_ctx *ctx, struct reading *r)
{
    struct span data = r->event->data;
    const char *name;

    if (r->event->home == 11) {
        read_section(ctx, r);
        return;
    }
    name = ctx_show16(ctx, data);
    if (r->event->home == 13 || strcmp(name, "Configuration extensions initrd") == 0 ||
        strcmp(name, "Global configuration extensions initrd") == 0) {
        r->role = ROLE_SYSEXT;
    } else if (strcmp(name, "Credentials initrd") == 0 ||
               strcmp(name, "Global credentials initrd") == 0) {
        r->role = ROLE_CREDENTIALS;
    } else {
        read_cmdline(ctx, r);
        return;
    }
    r->rule = "H(archive of the files)";
    r->name = name;
    r->name_is_hint = true;
    reading_say(ctx, r, "", name);
}
