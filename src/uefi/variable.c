/*
 * variable.c - UEFI_VARIABLE_DATA (PFP 1.06, 10.4.3) and GUIDs.
 *
 * Who may send these bytes: root of any guest.
 */
#include "uefi/variable.h"

#include "base/reader.h"
#include "base/show.h"

#include <stdio.h>

err_t uefi_variable_split(struct span data, struct uefi_variable *ret, struct span *ret_rest)
{
    struct uefi_variable var = {0};
    struct reader in = reader_on(data);
    struct span guid = {0};
    uint64_t name_units = 0;
    uint64_t value_len = 0;
    err_t err = reader_take(&in, sizeof(var.guid), &guid);

    err = err ? err : reader_u64le(&in, &name_units);
    err = err ? err : reader_u64le(&in, &value_len);
    if (err) {
        return err;
    }
    if (name_units > reader_left(&in) / 2) {
        return ERR_SHORT;
    }
    err = reader_take(&in, (size_t)name_units * 2, &var.name_utf16);
    if (err == ERR_OK && value_len > reader_left(&in)) {
        err = ERR_SHORT;
    }
    err = err ? err : reader_take(&in, (size_t)value_len, &var.value);
    if (err) {
        return err;
    }
    memcpy(var.guid, guid.data, sizeof(var.guid));
    *ret_rest = span_cut(data, in.offset, data.len);
    *ret = var;
    return ERR_OK;
}

err_t uefi_variable_parse(struct arena *arena, struct span data, struct uefi_variable *ret)
{
    struct uefi_variable var = {0};
    struct span rest = {0};
    err_t err = uefi_variable_split(data, &var, &rest);

    if (err) {
        return err;
    }
    if (rest.len != 0) {
        return ERR_TRAILING;
    }
    var.name = show_utf16(arena, var.name_utf16);
    if (var.name == NULL) {
        return ERR_MEMORY;
    }
    *ret = var;
    return ERR_OK;
}

bool uefi_variable_is(const struct uefi_variable *var, const uint8_t guid[16], const char *name)
{
    size_t len = strlen(name);

    if (memcmp(var->guid, guid, sizeof(var->guid)) != 0 || var->name_utf16.len != len * 2) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (var->name_utf16.data[2 * i] != (uint8_t)name[i] ||
            var->name_utf16.data[2 * i + 1] != 0) {
            return false;
        }
    }
    return true;
}

/* The first three fields are little endian (UEFI 2.10, appendix A). */
void uefi_guid_format(const uint8_t guid[16], char *text, size_t size)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    static const char digits[] = "0123456789abcdef";
    char out[37];
    size_t n = 0;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[n++] = '-';
        }
        out[n++] = digits[guid[order[i]] >> 4];
        out[n++] = digits[guid[order[i]] & 15];
    }
    out[n] = '\0';
    snprintf(text, size, "%s", out);
}

/* 8be4df61-93ca-11d2-aa0d-00e098032b8c */
const uint8_t guid_efi_global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                     0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
/* d719b2cb-3d3a-4596-a3bc-dad00e67656f */
const uint8_t guid_image_security[16] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                         0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};
/* 605dab50-e046-4300-abb6-3dd810dd8b23 */
const uint8_t guid_shim_lock[16] = {0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43,
                                    0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23};

bool uefi_variable_is_secure_boot(const struct uefi_variable *var)
{
    static const char *const globals[] = {"SecureBoot", "PK",           "KEK",
                                          "AuditMode",  "DeployedMode", "SetupMode"};
    static const char *const databases[] = {"db", "dbx", "dbt", "dbr"};

    for (size_t i = 0; i < ARRAY_LEN(globals); i++) {
        if (uefi_variable_is(var, guid_efi_global, globals[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
        if (uefi_variable_is(var, guid_image_security, databases[i])) {
            return true;
        }
    }
    return false;
}
