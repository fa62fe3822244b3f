/* Who may write these bytes: firmware and kernel; in a copy whoever made it. */
#include "guest/secure-boot.h"

#include "base/file.h"

#include <string.h>

#define GLOBAL_GUID "8be4df61-93ca-11d2-aa0d-00e098032b8c" /* EFI_GLOBAL_VARIABLE */
#define SHIM_GUID "605dab50-e046-4300-abb6-3dd810dd8b23"

enum { ATTRIBUTES = 4, VARIABLE_MAX = 64 };

/* A variable of one byte. ERR_NOT_FOUND, ERR_MALFORMED, or what reading the file says. */
static err_t read_flag(struct arena *arena, const char *folder, const char *name, uint8_t *ret)
{
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    struct span bytes = {0};
    err_t err = path == NULL ? ERR_MEMORY : file_read(arena, path, VARIABLE_MAX, NULL, &bytes);

    if (err) {
        return err;
    }
    if (bytes.len != ATTRIBUTES + 1 || bytes.data[ATTRIBUTES] > 1) {
        return ERR_MALFORMED;
    }
    *ret = bytes.data[ATTRIBUTES];
    return ERR_OK;
}

/* Why there is no variable SecureBoot. */
static enum secure_boot missing(struct arena *arena, const char *folder)
{
    const char *slash = strrchr(folder, '/');
    const char *above =
        slash == NULL ? "." : arena_printf(arena, "%.*s", (int)(slash - folder), folder);
    const char **names = NULL;

    if (above == NULL || !file_is_folder(above[0] == '\0' ? "/" : above)) {
        return SECURE_BOOT_NO_UEFI;
    }
    if (file_list(arena, folder, NULL, &names) != ERR_OK || names[0] == NULL) {
        return SECURE_BOOT_NOT_SHOWN;
    }
    return SECURE_BOOT_UNSUPPORTED;
}

enum secure_boot secure_boot_read(struct arena *arena, const char *folder)
{
    uint8_t is_on = 0, is_setup = 0, is_shim_off = 0;
    err_t err = read_flag(arena, folder, "SecureBoot-" GLOBAL_GUID, &is_on);

    if (err == ERR_NOT_FOUND) {
        return missing(arena, folder);
    }
    if (err) {
        return SECURE_BOOT_UNREADABLE;
    }
    err = read_flag(arena, folder, "SetupMode-" GLOBAL_GUID, &is_setup);
    if (err && err != ERR_NOT_FOUND) {
        return SECURE_BOOT_UNREADABLE;
    }
    if (is_setup) {
        return SECURE_BOOT_SETUP_MODE;
    }
    if (!is_on) {
        return SECURE_BOOT_OFF;
    }
    /* shim's own copy for the system that runs; without shim there is none. */
    err = read_flag(arena, folder, "MokSBStateRT-" SHIM_GUID, &is_shim_off);
    if (err && err != ERR_NOT_FOUND) {
        return SECURE_BOOT_UNREADABLE;
    }
    return is_shim_off ? SECURE_BOOT_SHIM_OFF : SECURE_BOOT_ON;
}
