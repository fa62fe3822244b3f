/*
 * What runs and what did not hold, as it stands on the disk; and which programs may run.
 */
#include "support/support.h"

#include "agent/options.h"
#include "base/file.h"
#include "crypto/ed25519.h"
#include "crypto/hash.h"
#include "upgrade/lifeline.h"
#include "upgrade/slots.h"
#include "upgrade/supervise.h"
#include "upgrade/vet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char private_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";
static char folder[64], key_file[96];
static struct slots slots;
#define PROGRAM "a program"

static void put(const char *path, struct span bytes, unsigned mode)
{
    assert_ok(file_write(path, bytes, mode, NULL));
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-slots.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(slots_open(&slots, folder));
    assert_ok(slots_make(&slots, NULL));
    snprintf(key_file, sizeof(key_file), "%s/keys.pem", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {
        "slots/a/header", "slots/a/agent", "slots/b/header", "slots/b/agent", "slots/a",
        "slots/b",        "slots/current", "slots/bad",      "slots",         "keys.pem"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        (void)!remove(path);
    }
    return rmdir(folder);
}

/* ---- what runs ---- */

static void what_cannot_be_read_is_the_installed_program(void **state)
{
    static const char *const texts[] = {"",     "slot = c\n", "slot = a\nprevious = ../../x\n",
                                        "slot", "\xff\xfe",   "[a]\nslot = x\n"};
    char path[SLOTS_PATH_MAX];
    struct slot_current current;

    (void)state;
    slots_current(&slots, "0.1.0", &current);
    assert_int_equal(current.slot, SLOT_INSTALLED);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        put(slots_path(&slots, SLOT_INSTALLED, "current", path), span_str(texts[i]), 0600);
        slots_current(&slots, "0.1.0", &current);
        assert_int_equal(current.slot, SLOT_INSTALLED);
        assert_false(current.is_trial);
        assert_string_equal(current.version, "0.1.0");
    }
}

static void what_was_written_is_read(void **state)
{
    struct slot_current wanted = {.slot = SLOT_B,
                                  .previous = SLOT_A,
                                  .is_trial = true,
                                  .version = "0.1.2",
                                  .previous_version = "0.1.1",
                                  .level = 2,
                                  .cut = 1},
                        got;

    (void)state;
    memset(wanted.package, 'a', sizeof(wanted.package) - 1);
    memset(wanted.cut_package, 'b', sizeof(wanted.cut_package) - 1);
    assert_ok(slots_set_current(&slots, &wanted, NULL));
    slots_current(&slots, "0.1.0", &got);
    assert_int_equal(got.slot, SLOT_B);
    assert_int_equal(got.previous, SLOT_A);
    assert_true(got.is_trial);
    assert_string_equal(got.version, wanted.version);
    assert_string_equal(got.previous_version, wanted.previous_version);
    assert_string_equal(got.package, wanted.package);
    assert_string_equal(got.cut_package, wanted.cut_package);
    assert_int_equal(got.level, 2);
    assert_int_equal(got.cut, 1);
}

static void bad_packages_are_remembered_the_oldest_forgotten(void **state)
{
    struct slot_bad bad = {.version = "0.1.2"};
    struct slot_bads bads;

    (void)state;
    slots_bads(&slots, &bads);
    assert_int_equal(bads.n, 0);
    for (int i = 0; i < SLOTS_BAD_MAX + 3; i++) {
        memset(bad.package, 'a' + i, sizeof(bad.package) - 1);
        snprintf(bad.why, sizeof(bad.why), "reason %d\nwith a line", i);
        assert_ok(slots_set_bad(&slots, &bad, NULL));
    }
    slots_bads(&slots, &bads);
    assert_int_equal(bads.n, SLOTS_BAD_MAX);
    assert_true(slots_is_bad(&bads, bad.package));
    memset(bad.package, 'a', sizeof(bad.package) - 1);
    assert_false(slots_is_bad(&bads, bad.package));
    bad = bads.items[4];
    assert_string_equal(bad.why, "reason 7\\nwith a line");
    bad.is_told = true;
    assert_ok(slots_set_bad(&slots, &bad, NULL));
    slots_bads(&slots, &bads);
    assert_int_equal(bads.n, SLOTS_BAD_MAX);
    assert_true(bads.items[bads.n - 1].is_told);
}

/* ---- what may run ---- */

struct made {
    const char *version, *platform, *minimum, *program;
    unsigned mode;
};

static void make_slot(struct arena *arena, struct made made)
{
    struct package package = {.size = strlen(PROGRAM)};
    uint8_t header[PACKAGE_HEADER_MAX];
    char path[SLOTS_PATH_MAX];
    struct ed25519_keys key;
    struct span head;

    snprintf(package.version_text, sizeof(package.version_text), "%s",
             made.version == NULL ? "0.1.5" : made.version);
    snprintf(package.platform, sizeof(package.platform), "%s",
             made.platform == NULL ? AGENT_PLATFORM : made.platform);
    package.has_minimum = made.minimum != NULL;
    snprintf(package.minimum_text, sizeof(package.minimum_text), "%s",
             made.minimum == NULL ? "" : made.minimum);
    assert_ok(hash_once(HASH_SHA256, span_str(PROGRAM), package.sha256));
    assert_ok(package_write(arena, &package, NULL, &head));
    memcpy(header, head.data, head.len);
    assert_ok(ed25519_sign(span_str(private_pem), head, NULL, header + head.len, &key));
    put(slots_path(&slots, SLOT_A, "header", path), span_of(header, head.len + 64), 0600);
    put(slots_path(&slots, SLOT_A, "agent", path),
        span_str(made.program == NULL ? PROGRAM : made.program), made.mode == 0 ? 0700 : made.mode);
}

static void make_keys(const char *pem, unsigned mode)
{
    put(key_file, span_str(pem), mode);
}

static const char good_key[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                               "-----END PUBLIC KEY-----\n";
static const char other_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                "-----END PUBLIC KEY-----\n";

static err_t vet(struct arena *arena, bool is_upgrade, struct trail *trail)
{
    const struct vetting vetting = {
        .key_file = key_file, .above = "0.1.0", .is_upgrade = is_upgrade};
    int fd = -1;
    err_t err = vet_slot(arena, &slots, SLOT_A, &vetting, trail, &fd);

    if (err == ERR_OK) {
        close(fd);
    }
    return err;
}

static void no_program_runs_that_does_not_hold(void **state)
{
    static const struct {
        struct made made;
        const char *why;
    } cases[] = {
        {{.version = "0.1.0"}, "not later than 0.1.0"},
        {{.version = "0.0.9"}, "not later than 0.1.0"},
        {{.platform = "linux-other"}, "is for linux-other"},
        {{.minimum = "0.1.3"}, "wants to follow 0.1.3 or later"},
        {{.program = "b program"}, "is not the one that its manifest names"},
        {{.program = "a progra"}, "has 8 bytes, its manifest says 9"},
        {{.mode = 0720}, "others may write it"},
        {{.mode = 0702}, "others may write it"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    make_keys(good_key, 0644);
    make_slot(arena, (struct made){.version = NULL});
    assert_ok(vet(arena, true, NULL));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trail trail = {0};

        make_slot(arena, cases[i].made);
        assert_int_not_equal(vet(arena, true, &trail), ERR_OK);
        assert_non_null(strstr(trail.what, cases[i].why));
    }
    /* What it had to follow counts for the change, not for each start. */
    make_slot(arena, (struct made){.minimum = "0.1.3"});
    assert_ok(vet(arena, false, NULL));
}

static void no_bit_of_a_header_may_change(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char path[SLOTS_PATH_MAX];
    struct span header;
    uint8_t bytes[PACKAGE_HEADER_MAX];

    (void)state;
    make_keys(good_key, 0600);
    make_slot(arena, (struct made){.version = NULL});
    slots_path(&slots, SLOT_A, "header", path);
    assert_ok(file_read(arena, path, sizeof(bytes), NULL, &header));
    for (size_t i = 0; i < header.len; i++) {
        memcpy(bytes, header.data, header.len);
        bytes[i] ^= 1;
        put(path, span_of(bytes, header.len), 0600);
        assert_int_not_equal(vet(arena, true, NULL), ERR_OK);
    }
    put(path, span_cut(header, 0, header.len - 1), 0600);
    assert_int_not_equal(vet(arena, true, NULL), ERR_OK);
}

static void what_was_verified_is_what_runs(void **state)
{
    const struct vetting vetting = {.key_file = key_file, .above = "0.1.0"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct trail trail = {0};
    char path[SLOTS_PATH_MAX], got[sizeof(PROGRAM)] = "";
    int fd = -1;

    (void)state;
    make_keys(good_key, 0644);
    make_slot(arena, (struct made){.version = "0.1.1"});
    assert_ok(vet_slot(arena, &slots, SLOT_A, &vetting, &trail, &fd));
    assert_int_equal(truncate(slots_path(&slots, SLOT_A, "agent", path), 1), 0);
    assert_int_equal(pread(fd, got, sizeof(got), 0), strlen(PROGRAM));
    assert_string_equal(got, PROGRAM);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
}

static void keys_decide(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct trail trail = {0};

    (void)state;
    make_slot(arena, (struct made){.version = NULL});
    assert_err(vet(arena, true, NULL), ERR_NOT_FOUND); /* no file */
    make_keys(other_key, 0600);
    assert_err(vet(arena, true, &trail), ERR_SIGNATURE);
    make_keys("", 0600);
    assert_err(vet(arena, true, NULL), ERR_NOT_FOUND);
    make_keys(good_key, 0622);
    assert_err(vet(arena, true, NULL), ERR_DENIED);
    make_keys(good_key, 0600);
    assert_ok(vet(arena, true, NULL));
}

/* ---- words, and waiting ---- */

static void waiting_doubles_up_to_a_minute(void **state)
{
    (void)state;
    assert_int_equal(supervise_wait_ms(1), 1000);
    assert_int_equal(supervise_wait_ms(2), 2000);
    assert_int_equal(supervise_wait_ms(6), 32000);
    assert_int_equal(supervise_wait_ms(7), SUPERVISE_WAIT_MAX_MS);
    assert_int_equal(supervise_wait_ms(4000000000U), SUPERVISE_WAIT_MAX_MS);
}

static void only_a_socket_of_messages_is_a_lifeline(void **state)
{
    static const char *const numbers[] = {"", "x", "-1", "0", "2", "99999999999999999999", "777"};
    struct lifeline line;
    char text[LIFELINE_MAX], number[16];
    bool is_closed = false;
    int ends[2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        setenv(LIFELINE_FD, numbers[i], 1);
        lifeline_open(&line);
        assert_int_equal(line.fd, -1);
        assert_false(lifeline_is_there());
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    snprintf(number, sizeof(number), "%d", ends[1]);
    setenv(LIFELINE_FD, number, 1);
    setenv(LIFELINE_TRIAL, "1", 1);
    lifeline_open(&line);
    assert_int_equal(line.fd, ends[1]);
    assert_true(line.is_trial);
    lifeline_say(line.fd, "round %u", 2);
    lifeline_say(-1, "nothing");
    assert_true(lifeline_hear(ends[0], text, &is_closed));
    assert_string_equal(text, "round 2");
    assert_false(lifeline_hear(ends[0], text, &is_closed));
    assert_false(is_closed);
    close(ends[1]);
    assert_false(lifeline_hear(ends[0], text, &is_closed));
    assert_true(is_closed);
    close(ends[0]);
}

static int start(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    return 0;
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_cannot_be_read_is_the_installed_program),
        WITH_FOLDER(what_was_written_is_read),
        WITH_FOLDER(bad_packages_are_remembered_the_oldest_forgotten),
        WITH_FOLDER(no_program_runs_that_does_not_hold),
        WITH_FOLDER(no_bit_of_a_header_may_change),
        WITH_FOLDER(what_was_verified_is_what_runs),
        WITH_FOLDER(keys_decide),
        cmocka_unit_test(waiting_doubles_up_to_a_minute),
        cmocka_unit_test(only_a_socket_of_messages_is_a_lifeline),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
