/* The frame of the command, and `bootwarden eventlog`. */
#include "cli/run.h"

#include "json/json.h"

static const char *boot(struct arena *arena, const char *name)
{
    return test_vector_path(arena, arena_printf(arena, "boots/%s/eventlog.bin", name));
}

static yyjson_val *parse(struct arena *arena, const char *text)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, span_str(text), NULL, NULL, &root));
    return root;
}

static void wrong_use_is_2_with_one_line(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *log = boot(arena, "a-secureboot-healthy");
    const struct {
        const char *args[8];
        const char *says;
    } cases[] = {
        {{"evntlog"}, "unknown command 'evntlog'; did you mean 'eventlog'?"},
        {{"something"}, "see 'bootwarden --help'"},
        {{"a\033[2Jb"}, "'a\\x1b[2Jb'"},
        {{"eventlog"}, "needs FILE"},
        {{"eventlog", log, log}, "one argument too many"},
        {{"eventlog", "--pcrr", "7", log}, "did you mean '--pcr'?"},
        {{"eventlog", "--pcr", "24", log}, "--pcr: '24' is not a number from 0 to 23"},
        {{"eventlog", "-p", "x", log}, "--pcr: 'x' is not a number from 0 to 23"},
        {{"eventlog", "--pcr", "-1", log}, "'-1' is not a number from 0 to 23"},
        {{"eventlog", "--pcr", "99999999999999999999", log}, "is not a number from 0 to 23"},
        {{"eventlog", "--pcr"}, "option --pcr needs a value: N"},
        {{"eventlog", "--pcr", "", log}, "option --pcr needs a value, not an empty one: N"},
        {{"eventlog", "--output=", log}, "option --output needs a value, not an empty one: FORM"},
        {{"eventlog", "-o", "xml", log}, "option --output: 'xml' is not one of text, json\n"},
        {{"eventlog", "-x", log}, "unknown option '-x'; see 'bootwarden eventlog --help'"},
        {{"eventlog", ""}, "FILE is empty: name a file"},
        {{"eventlog", "/tmp"}, "/tmp: is a folder; name the event log in it"},
        {{"eventlog", "--events=yes", log}, "takes no value"},
        {{"eventlog", "--output", "jsn", log}, "did you mean 'json'?"},
        {{"eventlog", "-o", "json", "-ojson", log}, "unknown option '-ojson'"},
        {{"eventlog", "-o", "json", "-o", "text", log}, "given twice"},
        {{"eventlog", "/nonexistent/log"},
         "/nonexistent/log: cannot open: No such file or directory; check the name"},
        {{"eventlog", "--", "--help"}, "--help: cannot open"},
        {{"eventlog", "diff"}, "eventlog diff: needs OLD NEW"},
        {{"eventlog", "diff", log}, "eventlog diff: needs OLD NEW"},
        {{"eventlog", "diff", log, "/nonexistent"}, "eventlog diff: /nonexistent: cannot open"},
        {{"eventlog", "diff", log, log, "--announced", log}, "is not valid JSON"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run run = run_program(arena, cases[i].args, (struct span){0});
        const char *end = strchr(run.err, '\n');

        assert_int_equal(run.exit_code, 2);
        assert_string_equal(run.out, "");
        assert_says(run.err, cases[i].says);
        assert_true(strncmp(run.err, "bootwarden", 10) == 0);
        assert_non_null(end);
        assert_int_equal(end[1], '\0');
    }
}

static void help_and_version_are_answers(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct run run = RUN(arena, "--help");

    (void)state;
    assert_int_equal(run.exit_code, 0);
    assert_says(run.out, "eventlog");
    assert_string_equal(run.err, "");
    run = RUN(arena, "--version");
    assert_int_equal(run.exit_code, 0);
    assert_says(run.out, "bootwarden ");
    run = RUN(arena, "eventlog", "--help");
    assert_int_equal(run.exit_code, 0);
    assert_says(run.out, "usage: bootwarden eventlog");
    assert_says(run.out, "--output FORM");
    assert_says(run.out, "--facts");
    run = run_program(arena, (const char *const[]){NULL}, (struct span){0});
    assert_int_equal(run.exit_code, 2);
    assert_says(run.err, "usage: bootwarden COMMAND");
}

static void no_log_is_2_and_says_so_L_5(void **state)
{
    static const uint8_t zeros[4096];
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct run run = RUN(arena, "eventlog", "-");

    (void)state;
    assert_int_equal(run.exit_code, 2);
    assert_says(run.err, "no event log");
    run = run_program(arena, (const char *const[]){"eventlog", "-", NULL},
                      span_of(zeros, sizeof(zeros)));
    assert_int_equal(run.exit_code, 2);
    assert_says(run.err, "no event log");
    run = RUN(arena, "eventlog", "/dev/null");
    assert_int_equal(run.exit_code, 2);
    assert_says(run.err, "no event log");
}

/* A caller decides by the exit status, and finds no half of a result (L-16). */
static void an_unreadable_log_is_2_with_the_place_L_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span bytes = test_vector(arena, "boots/a-secureboot-healthy/eventlog.bin");
    struct run run =
        run_program(arena, (const char *const[]){"eventlog", "-", NULL}, span_cut(bytes, 0, 5000));

    (void)state;
    assert_int_equal(run.exit_code, 2);
    assert_string_equal(run.out, "");
    assert_says(run.err, "event 7 (at 4536): data of 3179 bytes where 342 are left");
    assert_says(run.err, "byte 4658");
}

static void json_has_its_members(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct run run =
        RUN(arena, "eventlog", boot(arena, "a-secureboot-healthy"), "--output", "json");
    yyjson_val *root = parse(arena, run.out);
    yyjson_val *events = json_get(root, "events");
    yyjson_val *event = yyjson_arr_get(events, 4);

    (void)state;
    assert_int_equal(run.exit_code, 0);
    assert_string_equal(run.err, "");
    assert_string_equal(json_text(json_get(root, "format")), "crypto-agile");
    assert_int_equal(yyjson_arr_size(json_get(root, "banks")), 3);
    assert_string_equal(json_text(json_get(json_get(json_get(root, "registers"), "sha256"), "7")),
                        "75677db6f14082d3bfec4d14bdd75c8d72612ef6914ca99cd5a5997b7a21309d");
    assert_null(json_get(json_get(json_get(root, "registers"), "sha256"), "10"));
    assert_int_equal(yyjson_arr_size(events), 49);
    assert_int_equal(yyjson_get_uint(json_get(event, "index")), 4);
    assert_int_equal(yyjson_get_uint(json_get(event, "pcr")), 7);
    assert_string_equal(json_text(json_get(event, "type")), "EV_EFI_VARIABLE_DRIVER_CONFIG");
    assert_string_equal(json_text(json_get(event, "name")), "SecureBoot");
    assert_true(yyjson_is_true(json_get(event, "matches_data")));
    assert_true(yyjson_is_null(json_get(yyjson_arr_get(events, 2), "matches_data")));
    assert_string_equal(
        json_text(json_get(json_get(json_get(root, "facts"), "secure_boot"), "state")), "enabled");
    assert_int_equal(yyjson_arr_size(json_get(root, "oddities")), 0);
}

static void a_forged_text_is_marked_D_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *log = boot(arena, "j-log-secureboot-text-forged");
    struct run run = RUN(arena, "eventlog", log, "-o", "json");
    yyjson_val *root = parse(arena, run.out);
    yyjson_val *odd = yyjson_arr_get(json_get(root, "oddities"), 0);

    (void)state;
    assert_int_equal(run.exit_code, 0);
    assert_true(
        yyjson_is_false(json_get(yyjson_arr_get(json_get(root, "events"), 4), "matches_data")));
    assert_string_equal(json_text(json_get(odd, "code")), "event-digest");
    assert_string_equal(json_text(json_get(odd, "rule")), "D-1");
    assert_int_equal(yyjson_get_uint(json_get(odd, "event")), 4);
    assert_string_equal(
        json_text(json_get(json_get(json_get(root, "facts"), "secure_boot"), "state")), "unknown");
    run = RUN(arena, "eventlog", log);
    assert_says(run.out, "Secure Boot:       not known");
    assert_says(run.out, "[digest is not of this text]");
}

static void selections_leave_the_rest_out(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *log = boot(arena, "a-secureboot-healthy");
    struct run run = RUN(arena, "eventlog", log, "-o", "json", "--pcr", "4", "--pcr=9", "--events");
    yyjson_val *root = parse(arena, run.out);
    size_t i, n;
    yyjson_val *event;

    (void)state;
    assert_null(json_get(root, "facts"));
    assert_non_null(json_get(root, "oddities"));
    assert_int_equal(yyjson_obj_size(json_get(json_get(root, "registers"), "sha1")), 2);
    yyjson_arr_foreach(json_get(root, "events"), i, n, event)
    {
        uint64_t pcr = yyjson_get_uint(json_get(event, "pcr"));

        assert_true(pcr == 4 || pcr == 9);
    }
    assert_int_equal(n, 9);
    root = parse(arena, RUN(arena, "eventlog", log, "-o", "json", "--facts").out);
    assert_null(json_get(root, "events"));
    assert_non_null(json_get(root, "facts"));
    run = RUN(arena, "eventlog", log, "--facts");
    assert_says(run.out, "Boot software:     shim + GRUB");
    assert_null(strstr(run.out, "\nFirmware\n"));
    run = RUN(arena, "eventlog", log, "--events");
    assert_says(run.out, "\nSecure Boot policy and keys\n");
    assert_null(strstr(run.out, "Boot software"));
}

static void people_get_the_summary_first(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct run run = RUN(arena, "eventlog", boot(arena, "m-shim-validation-disabled"));

    (void)state;
    assert_int_equal(run.exit_code, 0);
    assert_says(run.out, "Secure Boot:       on\n");
    assert_says(run.out, "shim validation:   ! switched off\n");
    assert_says(run.out, "Command line:      root=LABEL=root ro console=ttyS0 quiet\n");
    assert_says(run.out, "Kernel:            /boot/vmlinuz-6.1.0-55-cloud-amd64\n");
    assert_true(strstr(run.out, "Secure Boot:") < strstr(run.out, "\nFirmware\n"));
}

static void two_boots_are_compared_in_words(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *old = boot(arena, "a-secureboot-healthy");
    struct run run = RUN(arena, "eventlog", "diff", old, boot(arena, "d-initrd-tampered"));
    yyjson_val *root;

    (void)state;
    assert_int_equal(run.exit_code, 1);
    assert_says(run.out, "kernel unchanged; kernel command line unchanged; initramfs changed\n");
    assert_says(run.out, "UNEXPLAINED  initramfs");
    assert_says(run.out, "\nchanged: ");
    run = RUN(arena, "eventlog", "diff", old, boot(arena, "m-shim-validation-disabled"));
    assert_int_equal(run.exit_code, 1);
    assert_says(run.out, "\nunhealthy: shim's validation was switched off\n");
    run = RUN(arena, "eventlog", "diff", "-o", "json", old, boot(arena, "i-powercycle"));
    assert_int_equal(run.exit_code, 0);
    root = parse(arena, run.out);
    assert_string_equal(json_text(json_get(root, "state")), "healthy");
    assert_int_equal(yyjson_arr_size(json_get(root, "changes")), 0);
    assert_true(yyjson_arr_size(json_get(root, "unchanged")) > 8);
}

/* Rule D-5: whatever the log holds, a terminal gets printable characters and line ends. */
static void nothing_raw_reaches_the_terminal_D_5(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span bytes = test_vector(arena, "boots/a-secureboot-healthy/eventlog.bin");
    struct span copy = arena_dup(arena, bytes);
    uint8_t *edit = (uint8_t *)(uintptr_t)copy.data;

    (void)state;
    for (size_t i = 0; i + 9 < copy.len; i++) {
        if (memcmp(edit + i, "grub_cmd:", 9) == 0 || memcmp(edit + i, "/boot/vml", 9) == 0) {
            edit[i + 10] = 0x1b;
            edit[i + 11] = '[';
            edit[i + 12] = 0x9b;
        }
    }
    for (int form = 0; form < 2; form++) {
        struct run run = run_program(
            arena, (const char *const[]){"eventlog", "-", "-o", form ? "json" : "text", NULL},
            copy);

        assert_int_equal(run.exit_code, 0);
        for (const char *c = run.out; *c != '\0'; c++) {
            unsigned char byte = (unsigned char)*c;

            assert_true(byte == '\n' || (byte >= 0x20 && byte < 0x7f));
        }
    }
}

static void a_full_disk_is_told(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *command = arena_printf(arena, "exec '%s' eventlog '%s' >/dev/full",
                                       BOOTWARDEN_PROGRAM, boot(arena, "a-secureboot-healthy"));
    pid_t pid;
    int status = 0;
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    extern char **environ;

    (void)state;
    assert_int_equal(
        posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_use_is_2_with_one_line),
        cmocka_unit_test(help_and_version_are_answers),
        cmocka_unit_test(no_log_is_2_and_says_so_L_5),
        cmocka_unit_test(an_unreadable_log_is_2_with_the_place_L_4),
        cmocka_unit_test(json_has_its_members),
        cmocka_unit_test(a_forged_text_is_marked_D_1),
        cmocka_unit_test(selections_leave_the_rest_out),
        cmocka_unit_test(people_get_the_summary_first),
        cmocka_unit_test(two_boots_are_compared_in_words),
        cmocka_unit_test(nothing_raw_reaches_the_terminal_D_5),
        cmocka_unit_test(a_full_disk_is_told),
    };

    return RUN_TESTS(tests);
}
