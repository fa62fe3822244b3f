/* The audit log: what cannot be written stops changes, and a line is always one line. */
#include "support/support.h"

#include "base/file.h"
#include "service/audit.h"
#include "json/json.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITERS = 8, LINES = 200, FILE_MAX_BYTES = 16 * 1024 * 1024 };

static char folder[64], path[96];
static struct arena *arena;

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-audit-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/audit.log", folder);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    arena_free(arena);
    return 0;
}

static struct audit *fresh(void)
{
    struct audit *audit = NULL;

    unlink(path);
    assert_ok(audit_open(path, NULL, NULL, &audit));
    return audit;
}

/* Each line as JSON of its own; how many. */
static size_t read_lines(yyjson_val **lines, size_t max)
{
    struct span text = {0};
    size_t n = 0, at = 0;

    assert_ok(file_read(arena, path, FILE_MAX_BYTES, NULL, &text));
    assert_true(text.len == 0 || text.data[text.len - 1] == '\n');
    while (at < text.len) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        struct span line = span_of(text.data + at, (size_t)(end - text.data) - at);
        yyjson_val *value = NULL;

        assert_true(line.len < AUDIT_LINE_MAX_BYTES);
        assert_ok(json_read(arena, line, NULL, NULL, &value));
        if (n < max) {
            lines[n] = value;
        }
        n++;
        at += line.len + 1;
    }
    return n;
}

static const struct audit_entry refusal = {.time = 1800000000,
                                           .id = "r1",
                                           .method = "PUT",
                                           .path = {(const uint8_t *)"/x", 2},
                                           .status = 401,
                                           .reason = "no-token"};

/* The contract: a change whose begin is not on the disk is not made. */
static void a_full_disk_stops_changes_and_not_refusals(void **state)
{
    CLEANUP(audit_close) struct audit *audit = NULL;
    struct trail trail = {0};

    (void)state;
    assert_ok(audit_open("/dev/full", NULL, NULL, &audit));
    assert_err(audit_begin(audit, &refusal, &trail), ERR_IO);
    assert_non_null(strstr(trail.what, "No space left"));
    assert_string_equal(trail.where, "/dev/full");
    audit_refuse(audit, &refusal);
    audit_finish(audit, &refusal);
    assert_err(audit_begin(audit, &refusal, NULL), ERR_IO);
}

/* The disk is full in the middle of a line: no half line stays, and later lines are whole. */
static void a_line_that_was_cut_off_is_taken_back(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    struct rlimit before, small;
    yyjson_val *lines[8];
    struct stat st;

    (void)state;
    assert_ok(audit_begin(audit, &refusal, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = (rlim_t)st.st_size + 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_err(audit_begin(audit, &refusal, NULL), ERR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(read_lines(lines, 8), 1);
    assert_ok(audit_begin(audit, &refusal, NULL));
    assert_int_equal(read_lines(lines, 8), 2);
}

static void a_line_that_a_crash_cut_off_does_not_swallow_the_next(void **state)
{
    CLEANUP(audit_close) struct audit *audit = NULL;
    struct span text = {0};

    (void)state;
    unlink(path);
    assert_ok(file_write(path, span_str("{\"time\":\"2026"), 0600, NULL));
    assert_ok(audit_open(path, NULL, NULL, &audit));
    audit_refuse(audit, &refusal);
    audit_refuse(audit, &refusal);
    assert_ok(file_read(arena, path, FILE_MAX_BYTES, NULL, &text));
    assert_true(span_starts(text, "{\"time\":\"2026\n{\"time\":\"2027-"));
    assert_null(strstr((const char *)text.data, "\n\n"));
}

static void refuses_a_file_that_others_can_read_and_links(void **state)
{
    struct audit *audit = NULL;
    char other[112];

    (void)state;
    unlink(path);
    assert_ok(file_write(path, span_str(""), 0644, NULL));
    assert_err(audit_open(path, NULL, NULL, &audit), ERR_DENIED);
    unlink(path);
    snprintf(other, sizeof(other), "%s/other", folder);
    assert_int_equal(symlink(other, path), 0);
    assert_err(audit_open(path, NULL, NULL, &audit), ERR_DENIED);
    assert_false(file_exists(other));
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(audit_open(path, NULL, NULL, &audit) != ERR_OK);
    rmdir(path);
    assert_null(audit);
}

static void what_callers_chose_cannot_break_out_of_its_line(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    static const char nasty[] =
        "a\n{\"event\":\"finish\"}\r\x1b[31m\"\\\t\x7f\xff\xc2\x9b\xe2\x80\xae";
    struct audit_entry entry = refusal;
    yyjson_val *lines[2];
    struct span text = {0};

    (void)state;
    entry.name = entry.id = entry.scope = entry.action = entry.issuer = entry.object_id = nasty;
    entry.path = span_of(nasty, sizeof(nasty)); /* with its NUL */
    audit_refuse(audit, &entry);
    assert_int_equal(read_lines(lines, 2), 1);
    assert_ok(file_read(arena, path, FILE_MAX_BYTES, NULL, &text));
    for (size_t i = 0; i + 1 < text.len; i++) {
        assert_true(text.data[i] >= ' ' && text.data[i] < 0x7f);
    }
    assert_string_equal(json_text(json_get(lines[0], "event")), "refused");
    assert_non_null(strstr(json_text(json_get(lines[0], "name")), "a\\n{"));
    assert_non_null(strstr(json_text(json_get(lines[0], "path")), "\\x00"));
}

static void the_longest_line_that_a_caller_can_cause_fits(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    struct audit_entry entry = refusal;
    char *text = arena_calloc(arena, 1, 100001);
    yyjson_val *lines[2];

    (void)state;
    memset(text, '\\', 100000);
    entry.id = entry.issuer = entry.object_id = entry.name = entry.peer = text;
    entry.method = entry.action = entry.scope = entry.reason = text;
    entry.path = span_str(text);
    assert_ok(audit_begin(audit, &entry, NULL));
    memset(text, '"', 100000);
    assert_ok(audit_begin(audit, &entry, NULL));
    assert_int_equal(read_lines(lines, 2), 2);
    assert_int_equal(strlen(json_text(json_get(lines[0], "path"))), AUDIT_PATH_MAX);
}

static void *write_many(void *context)
{
    struct audit *audit = context;
    struct audit_entry entry = refusal;
    char name[200];

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    entry.issuer = "https://i";
    entry.object_id = "o";
    entry.name = name;
    for (int i = 0; i < LINES; i++) {
        audit_finish(audit, &entry);
        audit_finish(audit, &entry);
    }
    return NULL;
}

static void lines_of_many_threads_are_never_torn(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    pthread_t threads[WRITERS];
    yyjson_val *lines[1];

    (void)state;
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, audit), 0);
    }
    for (int i = 0; i < 20; i++) {
        assert_ok(audit_reopen(audit, NULL));
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(read_lines(lines, 1), 2 * WRITERS * LINES);
}

static void goes_on_in_a_new_file_after_it_was_renamed(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    char old[112];
    yyjson_val *lines[2];

    (void)state;
    snprintf(old, sizeof(old), "%s.1", path);
    audit_refuse(audit, &refusal);
    assert_int_equal(rename(path, old), 0);
    audit_refuse(audit, &refusal);
    assert_ok(audit_reopen(audit, NULL));
    audit_refuse(audit, &refusal);
    assert_int_equal(read_lines(lines, 2), 1);
    assert_int_equal(rename(old, path), 0);
    assert_int_equal(read_lines(lines, 2), 2);
    /* What cannot be opened changes nothing. */
    assert_int_equal(chmod(path, 0644), 0);
    assert_err(audit_reopen(audit, NULL), ERR_DENIED);
    assert_ok(audit_begin(audit, &refusal, NULL));
}

/* Refusals that anybody can cause do not fill the disk; all others are written. */
static void counts_what_nobody_known_caused_in_a_flood(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    static yyjson_val *lines[AUDIT_ANONYMOUS_BURST + 64];
    struct audit_entry known = refusal, later = refusal;
    size_t n;

    (void)state;
    known.issuer = "https://i";
    known.object_id = "o";
    later.time += 1;
    for (int i = 0; i < AUDIT_ANONYMOUS_BURST + 500; i++) {
        audit_refuse(audit, &refusal);
    }
    audit_refuse(audit, &known);
    assert_ok(audit_begin(audit, &refusal, NULL));
    for (int i = 0; i < 100; i++) {
        audit_refuse(audit, &later);
    }
    n = read_lines(lines, ARRAY_LEN(lines));
    assert_int_equal(n, AUDIT_ANONYMOUS_BURST + 2 + AUDIT_ANONYMOUS_RATE);
    assert_int_equal(yyjson_get_uint(json_get(lines[AUDIT_ANONYMOUS_BURST], "omitted")), 500);
    assert_null(json_get(lines[AUDIT_ANONYMOUS_BURST + 1], "omitted"));
}

/* Nor do those of a caller who signed in, who keeps nobody else's out; changes are always there. */
static void counts_what_one_caller_caused_in_a_flood(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    static yyjson_val *lines[AUDIT_CALLER_BURST + 64];
    struct audit_entry known = refusal, other, later;
    size_t n;

    (void)state;
    known.issuer = "https://i";
    known.object_id = "one";
    other = later = known;
    other.object_id = "another";
    later.time += 3;
    for (int i = 0; i < AUDIT_CALLER_BURST + 70; i++) {
        audit_refuse(audit, &known);
    }
    assert_ok(audit_begin(audit, &known, NULL));
    audit_refuse(audit, &other);
    for (int i = 0; i < 100; i++) {
        audit_refuse(audit, &later);
    }
    n = read_lines(lines, ARRAY_LEN(lines));
    assert_int_equal(n, AUDIT_CALLER_BURST + 2 + 3 * AUDIT_CALLER_RATE);
    assert_int_equal(yyjson_get_uint(json_get(lines[AUDIT_CALLER_BURST], "omitted")), 70);
    assert_string_equal(json_text(json_get(lines[AUDIT_CALLER_BURST + 1], "oid")), "another");
}

/* Each of them waits for the disk, whatever comes of it. */
static void who_changes_too_much_changes_nothing(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    static yyjson_val *lines[AUDIT_CHANGE_BURST + 64];
    struct audit_entry known = refusal, other;
    struct trail trail = {0};

    (void)state;
    known.issuer = "https://i";
    known.object_id = "one";
    other = known;
    other.object_id = "another";
    for (int i = 0; i < AUDIT_CHANGE_BURST; i++) {
        assert_ok(audit_begin(audit, &known, NULL));
    }
    assert_err(audit_begin(audit, &known, &trail), ERR_TOO_MANY);
    assert_ok(audit_begin(audit, &other, NULL));
    known.time += 2;
    for (int i = 0; i < 2 * AUDIT_CHANGE_RATE; i++) {
        assert_ok(audit_begin(audit, &known, NULL));
    }
    assert_err(audit_begin(audit, &known, NULL), ERR_TOO_MANY);
    assert_int_equal(read_lines(lines, ARRAY_LEN(lines)),
                     AUDIT_CHANGE_BURST + 1 + 2 * AUDIT_CHANGE_RATE);
}

/* An owner makes as many as he likes. */
static void identities_of_one_subscription_have_one_purse(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    static yyjson_val *lines[AUDIT_CHANGE_BURST + 64];
    struct audit_entry one = refusal, part, person;
    const char *const ids[] = {"a", "b", "c", "d"};

    (void)state;
    one.issuer = "https://i";
    one.home = "s1";
    for (int i = 0; i < AUDIT_CHANGE_BURST; i++) {
        one.object_id = ids[i % 4];
        assert_ok(audit_begin(audit, &one, NULL));
    }
    one.object_id = "e";
    assert_err(audit_begin(audit, &one, NULL), ERR_TOO_MANY);
    part = one;
    part.cause = "r7";
    assert_ok(audit_begin(audit, &part, NULL));
    person = one;
    person.home = NULL; /* nobody else pays for them */
    assert_ok(audit_begin(audit, &person, NULL));
    one.home = "s2";
    assert_ok(audit_begin(audit, &one, NULL));
    assert_int_equal(read_lines(lines, ARRAY_LEN(lines)), AUDIT_CHANGE_BURST + 3);
    assert_null(json_get(lines[0], "home"));
}

/* Two deployments of 800 resources are two changes of their caller's. */
static void parts_of_a_change_have_a_purse_of_their_own(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    struct audit_entry part = refusal;

    (void)state;
    part.issuer = "https://i";
    part.object_id = "one";
    part.cause = "r7";
    for (int i = 0; i < AUDIT_CHANGE_BURST + 1; i++) {
        assert_ok(audit_begin(audit, &part, NULL));
    }
    part.cause = NULL;
    assert_ok(audit_begin(audit, &part, NULL));
}

static void says_who_what_where_and_how_it_ended(void **state)
{
    CLEANUP(audit_close) struct audit *audit = fresh();
    const struct audit_entry entry = {
        .time = 1800000000,
        .id = "r1",
        .issuer = "https://i/",
        .object_id = "o1",
        .name = "Ada",
        .peer = "127.0.0.1:5",
        .method = "PUT",
        .path = span_str("/policies/AzureGuest"),
        .action = "a/write",
        .scope = "/subscriptions/s",
    };
    struct audit_entry done = entry;
    struct span text = {0};

    (void)state;
    done.status = 200;
    done.reason = "ok";
    assert_ok(audit_begin(audit, &entry, NULL));
    audit_finish(audit, &done);
    assert_ok(file_read(arena, path, FILE_MAX_BYTES, NULL, &text));
#define SAME                                                                                       \
    "\"id\":\"r1\",\"issuer\":\"https://i/\",\"oid\":\"o1\",\"name\":\"Ada\","                     \
    "\"peer\":\"127.0.0.1:5\",\"method\":\"PUT\",\"path\":\"/policies/AzureGuest\","               \
    "\"action\":\"a/write\",\"scope\":\"/subscriptions/s\""
    assert_string_equal((const char *)text.data,
                        "{\"time\":\"2027-01-15T08:00:00Z\",\"event\":\"begin\"," SAME "}\n"
                        "{\"time\":\"2027-01-15T08:00:00Z\",\"event\":\"finish\"," SAME
                        ",\"status\":200,\"reason\":\"ok\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_stops_changes_and_not_refusals),
        cmocka_unit_test(a_line_that_was_cut_off_is_taken_back),
        cmocka_unit_test(a_line_that_a_crash_cut_off_does_not_swallow_the_next),
        cmocka_unit_test(refuses_a_file_that_others_can_read_and_links),
        cmocka_unit_test(what_callers_chose_cannot_break_out_of_its_line),
        cmocka_unit_test(the_longest_line_that_a_caller_can_cause_fits),
        cmocka_unit_test(lines_of_many_threads_are_never_torn),
        cmocka_unit_test(goes_on_in_a_new_file_after_it_was_renamed),
        cmocka_unit_test(counts_what_nobody_known_caused_in_a_flood),
        cmocka_unit_test(counts_what_one_caller_caused_in_a_flood),
        cmocka_unit_test(who_changes_too_much_changes_nothing),
        cmocka_unit_test(identities_of_one_subscription_have_one_purse),
        cmocka_unit_test(parts_of_a_change_have_a_purse_of_their_own),
        cmocka_unit_test(says_who_what_where_and_how_it_ended),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
