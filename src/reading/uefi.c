/*
 * reading/uefi.c - events of the firmware itself: separators, variables, actions, images, GPT.
 *
 * Who may send these bytes: root of any guest.
 */
#include "reading/readers.h"

#include "base/reader.h"
#include "uefi/device-path.h"

const char rule_old_shim[] = "H(variable data without its last byte), shim before 15.3";

enum {
    OLD_SHIM_SLACK = 6, /* bytes behind the value in authority events of old shims */
    GPT_HEADER = 92,
};

void read_separator(struct reading_ctx *ctx, struct reading *r)
{
    struct span data = r->event->data;

    r->role = ROLE_SEPARATOR;
    reading_match(ctx, r, data, "H(data)", READING_DIFFERS);
    if (r->match == READING_DIFFERS) {
        r->text = "separator [digest is not of its data]";
    } else if (data.len == 4 && (span_all(data, 0) || span_all(data, 0xff))) {
        r->text = "separator";
    } else if (span_is(data, "WBCL")) {
        r->text = "separator of the Windows boot";
    } else {
        r->text = "separator with another value: the firmware reports an error";
    }
}

void read_firmware(struct reading_ctx *ctx, struct reading *r)
{
    uint32_t type = r->event->type;

    if (r->event->home == 1 && type != EV_TABLE_OF_DEVICES && type != EV_S_CRTM_VERSION) {
        r->role = ROLE_FIRMWARE;
    }
    if (type == EV_S_CRTM_VERSION) {
        /* 61 of 63 in the field; the others hash something else. */
        reading_match(ctx, r, r->event->data, "H(data), if it matches", READING_NOT_COVERED);
        r->text = "firmware version";
        return;
    }
    r->rule = "H(what is in memory); the data is a label or an address";
    r->text = type == EV_CPU_MICROCODE                                          ? "CPU microcode"
              : type == EV_EFI_HANDOFF_TABLES || type == EV_EFI_HANDOFF_TABLES2 ? "firmware tables"
              : type == EV_TABLE_OF_DEVICES                                     ? "device table"
              : type == EV_EFI_HCRTM_EVENT ? "firmware measured by hardware (H-CRTM)"
                                           : "firmware code or data";
}

void read_action(struct reading_ctx *ctx, struct reading *r)
{
    uint32_t pcr = r->event->home;
    bool efi = r->event->type == EV_EFI_ACTION;

    if (efi && (pcr == 4 || pcr == 5)) {
        r->role = ROLE_BOOT_ACTION;
    } else if (efi && pcr == 7) {
        r->role = ROLE_DEBUG_ACTION;
    }
    reading_match(ctx, r, r->event->data, efi ? "H(text)" : "H(text), if it matches",
                  efi ? READING_DIFFERS : READING_NOT_COVERED);
    r->name_is_hint = r->match != READING_MATCHES;
    r->name = ctx_bytes(ctx, r->event->data);
    reading_say(ctx, r, "", r->name);
}

/* Number of entries: the header's LBA 1 copy, then a count, then entries of the header's size. */
static bool gpt_entries(struct span data, uint64_t *ret)
{
    struct reader in = reader_on(data);
    struct span header = {0};
    uint64_t n = 0;
    uint32_t entry_size;
    err_t err = reader_take(&in, GPT_HEADER, &header);

    err = err ? err : reader_u64le(&in, &n);
    if (err || !span_starts(header, "EFI PART")) {
        return false;
    }
    entry_size = header.data[84] | (uint32_t)header.data[85] << 8 |
                 (uint32_t)header.data[86] << 16 | (uint32_t)header.data[87] << 24;
    if (entry_size == 0 || n > reader_left(&in) / entry_size) {
        return false;
    }
    *ret = n;
    return true;
}

void read_gpt(struct reading_ctx *ctx, struct reading *r)
{
    uint64_t n = 0;

    if (r->event->home == 5) {
        r->role = ROLE_PARTITION_TABLE;
    }
    /* GPT_EVENT2 hashes a form without unique GUIDs and checksums. */
    reading_match(ctx, r, r->event->data, "H(data)",
                  r->event->type == EV_EFI_GPT_EVENT ? READING_DIFFERS : READING_NOT_COVERED);
    if (r->match == READING_DIFFERS) {
        r->text = "partition table [digest is not of its data]";
    } else if (r->match == READING_MATCHES && gpt_entries(r->content, &n) && n == 1) {
        r->text = "partition table, 1 partition";
    } else if (r->match == READING_MATCHES && n > 1) {
        char digits[24];
        size_t at = sizeof(digits);

        digits[--at] = '\0';
        for (; n > 0; n /= 10) {
            digits[--at] = (char)('0' + n % 10);
        }
        r->text = ctx_join(ctx, "partition table, ", digits + at, " partitions");
    } else {
        r->text = "partition table";
    }
}

/* ---- images ---- */

void read_image(struct reading_ctx *ctx, struct reading *r)
{
    bool is_app = r->event->type == EV_EFI_BOOT_SERVICES_APPLICATION;

    r->rule = "Authenticode digest of the image";
    /* The type is a claim: calling an application a driver must not hide it (D-2). */
    if (r->event->home == 4) {
        r->role = ROLE_IMAGE;
    }
    r->name = ctx_show16(ctx, device_path_file(image_load_path(r->event->data)));
    r->name_is_hint = true;
    if (r->name[0] == '\0' && r->event->home == 2) {
        r->text = ctx_join(ctx, "driver, from: ",
                           image_source_name(device_path_source(image_load_path(r->event->data))),
                           " [source not measured]");
    } else if (r->name[0] == '\0') {
        r->text = is_app ? "image without a path" : "driver";
    } else {
        reading_say(ctx, r, is_app ? "image " : "driver ", r->name);
    }
}

/* ---- variables ---- */

static enum event_role role_of_variable(const struct uefi_variable *var)
{
    if (uefi_variable_is(var, guid_image_security, "dbx")) {
        return ROLE_DBX;
    }
    if (uefi_variable_is(var, guid_image_security, "dbt") ||
        uefi_variable_is(var, guid_image_security, "dbr")) {
        return ROLE_DBT;
    }
    return ROLE_SB_VARIABLE;
}

static const char *value_mark(struct span value, char *text)
{
    static const char digits[] = "0123456789abcdef";

    if (value.len == 0) {
        return " (empty)";
    }
    if (value.len > 1) {
        return "";
    }
    memcpy(text, " = ", 3);
    text[3] = digits[value.data[0] >> 4];
    text[4] = digits[value.data[0] & 15];
    text[5] = '\0';
    return text;
}

void read_variable_config(struct reading_ctx *ctx, struct reading *r)
{
    struct uefi_variable var = {0};
    struct span rest = {0};
    char mark[8];

    reading_match(ctx, r, r->event->data, "H(variable data)", READING_DIFFERS);
    if (uefi_variable_split(r->event->data, &var, &rest) != ERR_OK || rest.len != 0) {
        r->content = (struct span){0};
        reading_say(ctx, r, "malformed variable", "");
        return;
    }
    if (r->event->home == 7 && r->event->type == EV_EFI_VARIABLE_DRIVER_CONFIG &&
        uefi_variable_is_secure_boot(&var)) {
        r->role = role_of_variable(&var);
    }
    r->name = ctx_show16(ctx, var.name_utf16);
    if (r->match == READING_MATCHES) {
        r->content = var.value;
        r->text = ctx_join(ctx, "variable ", r->name, value_mark(var.value, mark));
    } else {
        r->name_is_hint = true;
        reading_say(ctx, r, "variable ", r->name);
    }
}

/* EFI_LOAD_OPTION's description, the list of BootOrder, or nothing (UEFI 2.10, 3.1.3). */
static const char *boot_option_text(struct reading_ctx *ctx, const char *name, struct span value)
{
    static const char digits[] = "0123456789ABCDEF";
    char list[32 * 5 + 1];
    size_t n = 0;

    if (strcmp(name, "BootOrder") != 0) {
        return value.len > 6 ? ctx_show16(ctx, span_cut(value, 6, value.len)) : "";
    }
    for (size_t i = 0; i + 1 < value.len && i < 64; i += 2) {
        list[n++] = digits[value.data[i + 1] >> 4];
        list[n++] = digits[value.data[i + 1] & 15];
        list[n++] = digits[value.data[i] >> 4];
        list[n++] = digits[value.data[i] & 15];
        list[n++] = i + 3 < value.len && i + 2 < 64 ? ' ' : '\0';
    }
    list[n] = '\0';
    return ctx_join(ctx, list, "", "");
}

/*
 * Most firmware hashes the value alone, so that name and GUID are only hints; older firmware the
 * whole structure (observed: 390 to 82).
 */
void read_variable_boot(struct reading_ctx *ctx, struct reading *r)
{
    struct uefi_variable var = {0};
    struct span rest = {0};
    bool ok = uefi_variable_split(r->event->data, &var, &rest) == ERR_OK && rest.len == 0;

    if (r->event->home == 1 || r->event->home == 5) {
        r->role = ROLE_BOOT_VARIABLE;
    }
    if (ok) {
        r->name = ctx_show16(ctx, var.name_utf16);
        r->name_is_hint = true;
        reading_match(ctx, r, var.value, "H(variable value)", READING_DIFFERS);
    }
    if (r->match != READING_MATCHES) {
        reading_match(ctx, r, r->event->data, "H(variable data)",
                      r->event->type == EV_EFI_VARIABLE_BOOT ? READING_DIFFERS
                                                             : READING_NOT_COVERED);
        if (ok && r->match == READING_MATCHES) {
            r->name_is_hint = false;
            r->content = var.value;
        }
    }
    if (ok && r->match == READING_MATCHES) {
        const char *option = boot_option_text(ctx, r->name, var.value);

        r->text = ctx_join(ctx, ctx_join(ctx, "boot variable ", r->name, ": "), option,
                           r->name_is_hint ? " [name not measured]" : "");
    } else {
        reading_say(ctx, r, "boot variable ", r->name);
    }
}

/* What an authority event of this variable is in PCR 7 (shim: MokVars.txt, mok.c). */
static enum event_role authority_role(const struct uefi_variable *var)
{
    static const char *const states[] = {"MokSBState",       "MokSBStateRT", "MokListTrusted",
                                         "MokListTrustedRT", "MokIgnoreDB",  "MokPolicy",
                                         "HSIStatus"};

    if (uefi_variable_is(var, guid_shim_lock, "SbatLevel")) {
        return ROLE_SBAT_LEVEL;
    }
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (uefi_variable_is(var, guid_shim_lock, states[i])) {
            return ROLE_MOK_STATE;
        }
    }
    return ROLE_AUTHORITY;
}

void read_variable_authority(struct reading_ctx *ctx, struct reading *r)
{
    struct span data = r->event->data;
    struct uefi_variable var = {0};
    struct span rest = {0};
    bool ok = uefi_variable_split(data, &var, &rest) == ERR_OK;
    bool in_pcr7 = r->event->home == 7;

    if (ok && in_pcr7 && rest.len == OLD_SHIM_SLACK) {
        /* L-14: the one accepted deviation, recorded with the verdict by facts.c. */
        reading_match(ctx, r, span_cut(data, 0, data.len - 1), rule_old_shim, READING_DIFFERS);
    } else {
        reading_match(ctx, r, data, "H(variable data)", READING_DIFFERS);
        ok = ok && rest.len == 0;
    }
    r->role = in_pcr7 ? ROLE_AUTHORITY : r->role;
    if (!ok) {
        r->content = (struct span){0};
        reading_say(ctx, r, "malformed authority", "");
        return;
    }
    if (in_pcr7) {
        r->role = authority_role(&var);
    }
    r->name = ctx_show16(ctx, var.name_utf16);
    if (r->match == READING_MATCHES) {
        r->content = var.value;
    } else {
        r->name_is_hint = true;
    }
    if (r->role == ROLE_SBAT_LEVEL && r->match == READING_MATCHES) {
        r->text = ctx_join(ctx, "SbatLevel ", ctx_bytes(ctx, var.value), "");
    } else if (r->role == ROLE_MOK_STATE && r->match == READING_MATCHES) {
        char mark[8];

        r->text = ctx_join(ctx, r->name, value_mark(var.value, mark), "");
    } else {
        reading_say(ctx, r, "authority from ", r->name);
    }
}
