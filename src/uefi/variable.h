/*
 * variable.h - UEFI variables as they stand in events, and GUIDs.
 *
 * Who may send these bytes: root of any guest.
 */
#ifndef UEFI_VARIABLE_H
#define UEFI_VARIABLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* UEFI_VARIABLE_DATA (PFP 10.4.1; little endian GUID, lengths in units and bytes). */
struct uefi_variable {
    uint8_t guid[16];
    struct span name_utf16;
    const char *name; /* UTF-8, escaped, in the arena */
    struct span value;
};
err_t uefi_variable_parse(struct arena *arena, struct span data,
                          struct uefi_variable *ret) MUST_CHECK;
/* "8be4df61-93ca-11d2-aa0d-00e098032b8c" from 16 bytes; text of at least 37. */
void uefi_guid_format(const uint8_t guid[16], char *text, size_t size);

extern const uint8_t guid_efi_global[16];
extern const uint8_t guid_image_security[16];
extern const uint8_t guid_shim_lock[16];
/* Without a name in UTF-8, and with bytes behind the value handed out instead of refused. */
err_t uefi_variable_split(struct span data, struct uefi_variable *ret,
                          struct span *ret_rest) MUST_CHECK;
/* GUID and name both: an attacker may put a variable of the same name elsewhere (SB-2). */
bool uefi_variable_is(const struct uefi_variable *var, const uint8_t guid[16], const char *name);

/* One of those that Secure Boot rests on and firmware measures into PCR 7. */
bool uefi_variable_is_secure_boot(const struct uefi_variable *var);

#endif
