#include "guest/guest.h"

#include "support/support.h"

#include <string.h>

static const struct {
    const char *text;
    const char *distro;
    unsigned major, minor;
} systems[] = {
    {"", "Linux", 1, 0},
    {"NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n", "Debian GNU/Linux", 12, 0},
    {"PRETTY_NAME=\"x\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"", "Ubuntu", 22, 4},
    {"NAME='Arch Linux'\n", "Arch Linux", 1, 0},
    {"NAME=Fedora\nVERSION_ID=40\n", "Fedora", 40, 0},
    {"MY_NAME=no\nNAME=yes\n", "yes", 1, 0},
    {"NAME=\nVERSION_ID=\n", "Linux", 1, 0},
    {"NAME=x\nVERSION_ID=rolling\n", "x", 1, 0},
    {"NAME=x\nVERSION_ID=0.5\n", "x", 1, 5},
    {"NAME=x\nVERSION_ID=99999999999.1\n", "x", 1, 0},
    {"NAME=x\nVERSION_ID=3.\n", "x", 3, 0},
    {"NAME=\"a\x1b[31mb\"\n", "a\\x1b[31mb", 1, 0},
};

static void os_release_is_read_as_azures_client_does(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
        struct guest_os os;

        guest_os_parse(arena, span_str(systems[i].text), &os);
        if (strcmp(os.distro, systems[i].distro) != 0 || os.version_major != systems[i].major ||
            os.version_minor != systems[i].minor) {
            fail_msg("%s: %s %u.%u", systems[i].text, os.distro, os.version_major,
                     os.version_minor);
        }
    }
    arena_free(arena);
}

static void names_that_os_release_does_not_tell_are_not_made_up(void **state)
{
    static const char digits[] = "01234567890123456789012345678901234567890123456789";
    struct arena *arena = test_arena();
    const char *long_name = arena_printf(
        arena, "PRETTY_NAME='\x1b[31m%s%s%s'\nVERSION_ID=\"12 (x)\"\n", digits, digits, digits);
    struct guest_os os;

    (void)state;
    guest_os_parse(arena, span_str("NAME=Linux\nPRETTY_NAME=\nVERSION_ID=\"\"\n"), &os);
    assert_null(os.pretty_name);
    assert_null(os.version);
    guest_os_parse(arena, span_str(long_name), &os);
    assert_int_equal(strlen(os.pretty_name), 128);
    assert_string_equal(os.pretty_name + 125, "...");
    assert_null(strchr(os.pretty_name, '\x1b'));
    assert_string_equal(os.version, "12 (x)");
    arena_free(arena);
}

static void given_logs_must_be_there(void **state)
{
    struct arena *arena = test_arena();
    struct trail trail = {0};
    bool is_too_large;
    struct span log;

    (void)state;
    assert_err(guest_event_log(arena, "/nonexistent/log", &trail, &log), ERR_USAGE);
    assert_non_null(strstr(trail.what, "/nonexistent/log"));
    assert_err(guest_ima_log(arena, "/nonexistent/ima", &trail, &log, &is_too_large), ERR_USAGE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(os_release_is_read_as_azures_client_does),
        cmocka_unit_test(names_that_os_release_does_not_tell_are_not_made_up),
        cmocka_unit_test(given_logs_must_be_there),
    };

    return RUN_TESTS(tests);
}
