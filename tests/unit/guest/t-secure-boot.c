#include "guest/secure-boot.h"

#include "base/file.h"
#include "support/support.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[] = {
    "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
    "SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c",
    "MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23",
};

/* Contents behind the attributes; NULL: no such file. A length of 4 is none at all. */
struct firmware {
    struct span values[3];
    enum secure_boot want;
};

#define BYTES(text)                                                                                \
    {                                                                                              \
        (const uint8_t *)"\7\0\0\0" text, sizeof("\7\0\0\0" text) - 1                              \
    }

static enum secure_boot read_firmware(const char *folder, const struct firmware *firmware)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char path[160];
    enum secure_boot state;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
        if (firmware->values[i].data != NULL) {
            assert_ok(file_write(path, firmware->values[i], 0644, NULL));
        }
    }
    state = secure_boot_read(arena, folder);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    return state;
}

static void only_exact_variables_say_that_it_is_on(void **state)
{
    static const struct firmware cases[] = {
        {{BYTES("\0"), BYTES("\0"), {0}}, SECURE_BOOT_OFF},
        {{BYTES("\0"), BYTES("\1"), {0}}, SECURE_BOOT_SETUP_MODE},
        {{BYTES("\1"), BYTES("\1"), {0}}, SECURE_BOOT_SETUP_MODE},
        {{BYTES("\1"), BYTES("\0"), BYTES("\1")}, SECURE_BOOT_SHIM_OFF},
        {{BYTES("\1"), BYTES("\0"), BYTES("\2")}, SECURE_BOOT_UNREADABLE},
        {{BYTES("\1"), BYTES("\0"), BYTES("")}, SECURE_BOOT_UNREADABLE},
        {{BYTES("\1"), BYTES("\0\0"), {0}}, SECURE_BOOT_UNREADABLE},
        {{BYTES("\2"), BYTES("\0"), {0}}, SECURE_BOOT_UNREADABLE},
        {{BYTES("\1\0"), BYTES("\0"), {0}}, SECURE_BOOT_UNREADABLE},
        {{BYTES(""), BYTES("\0"), {0}}, SECURE_BOOT_UNREADABLE},
        {{{0}, BYTES("\0"), BYTES("\0")}, SECURE_BOOT_UNSUPPORTED},
        {{BYTES("\1"), BYTES("\0"), BYTES("\0")}, SECURE_BOOT_ON},
        {{BYTES("\1"), BYTES("\0"), {0}}, SECURE_BOOT_ON},
        {{BYTES("\1"), {0}, {0}}, SECURE_BOOT_ON},
    };
    char folder[] = "/tmp/bootwarden-efi.XXXXXX", inner[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof(inner), "%s/efivars", folder);
    assert_int_equal(mkdir(inner, 0755), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum secure_boot got;

        /* Another variable, so that the folder is not an empty one. */
        if (cases[i].want == SECURE_BOOT_UNSUPPORTED) {
            assert_non_null(cases[i].values[1].data);
        }
        got = read_firmware(inner, &cases[i]);
        if (got != cases[i].want) {
            fail_msg("case %zu: %d, wanted %d", i, got, cases[i].want);
        }
    }
    rmdir(inner);
    rmdir(folder);
}

static void missing_folders_are_told_apart(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char folder[] = "/tmp/bootwarden-efi.XXXXXX", inner[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof(inner), "%s/efivars", folder);
    assert_int_equal(secure_boot_read(arena, "/nonexistent/efivars"), SECURE_BOOT_NO_UEFI);
    assert_int_equal(secure_boot_read(arena, inner), SECURE_BOOT_NOT_SHOWN);
    assert_int_equal(mkdir(inner, 0755), 0);
    assert_int_equal(secure_boot_read(arena, inner), SECURE_BOOT_NOT_SHOWN);
    rmdir(inner);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_exact_variables_say_that_it_is_on),
        cmocka_unit_test(missing_folders_are_told_apart),
    };

    return RUN_TESTS(tests);
}
