/*
 * When rounds come, and the reports that wait for them.
 */
#include "agent/queue.h"
#include "agent/status.h"
#include "daemon/daemon.h"

#include "base/file.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOUR_MS = 3600 * 1000 };

static void the_period_has_ten_percent_of_jitter(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    (void)state;
    for (uint32_t random = 0; random < 4000000; random += 997) {
        uint64_t wait = daemon_wait_ms(HOUR_MS, 0, 0, random);

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, HOUR_MS / 10 * 9, HOUR_MS / 100 * 91);
    assert_in_range(most, HOUR_MS / 100 * 109, HOUR_MS / 10 * 11);
}

static void failures_are_tried_again_sooner_and_then_more_slowly(void **state)
{
    uint64_t before = 0;

    (void)state;
    for (unsigned n = 1; n < 40; n++) {
        uint64_t wait = daemon_wait_ms(HOUR_MS, n, 0, (uint32_t)-1);

        assert_true(wait <= HOUR_MS / 10 * 11);
        assert_true(n > 7 || wait > before / 2);
        before = wait;
    }
    assert_true(daemon_wait_ms(HOUR_MS, 1, 0, 0) < 60 * 1000);
    /* Never more often than the period, however short that is. */
    assert_true(daemon_wait_ms(1000, 1, 0, (uint32_t)-1) <= 1100);
}

static void what_the_service_asks_for_is_waited(void **state)
{
    (void)state;
    assert_true(daemon_wait_ms(HOUR_MS, 1, 600, 0) >= 540 * 1000);
    assert_true(daemon_wait_ms(HOUR_MS, 1, 600, (uint32_t)-1) <= 660 * 1000);
    /* But nobody is silenced: three periods without a word are an alarm. */
    assert_true(daemon_wait_ms(60 * 1000, 1, 86400, (uint32_t)-1) <= 66 * 1000);
    assert_true(daemon_wait_ms(60 * 1000, 0, UINT32_MAX, (uint32_t)-1) <= 66 * 1000);
}

/* ---- the queue ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-queue.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static void put_text(struct queue *queue, unsigned number)
{
    char text[32];

    snprintf(text, sizeof(text), "{\"n\":%u}", number);
    queue_put(queue, span_str(text));
}

static void reports_come_out_in_order_and_survive_a_start(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct queue queue;
    struct trail trail = {0};
    struct span report = {0};
    uint64_t number;
    int64_t time;

    (void)state;
    assert_ok(queue_open(&queue, folder, &trail));
    assert_err(queue_first(&queue, arena, &number, &time, &report), ERR_NOT_FOUND);
    put_text(&queue, 1);
    put_text(&queue, 2);
    assert_ok(queue_open(&queue, folder, &trail));
    put_text(&queue, 3);
    for (unsigned n = 1; n <= 3; n++) {
        char wanted[32];

        snprintf(wanted, sizeof(wanted), "{\"n\":%u}", n);
        assert_ok(queue_first(&queue, arena, &number, &time, &report));
        assert_true(span_is(report, wanted));
        queue_remove(&queue, number);
    }
    assert_err(queue_first(&queue, arena, &number, &time, &report), ERR_NOT_FOUND);
    assert_int_equal(queue.dropped, 0);
}

static void the_oldest_goes_when_there_are_too_many_and_is_counted(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct queue queue;
    struct trail trail = {0};
    struct span report = {0};
    uint64_t number;
    int64_t time;

    (void)state;
    assert_ok(queue_open(&queue, folder, &trail));
    for (unsigned n = 1; n <= QUEUE_MAX + 5; n++) {
        put_text(&queue, n);
    }
    assert_int_equal(queue.dropped, 5);
    assert_ok(queue_first(&queue, arena, &number, &time, &report));
    assert_true(span_is(report, "{\"n\":6}"));
}

static void without_a_folder_reports_are_dropped_and_counted(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct queue queue;
    struct trail trail = {0};
    struct span report = {0};
    char path[96];
    uint64_t number;
    int64_t time;

    (void)state;
    snprintf(path, sizeof(path), "%s/file", folder);
    assert_ok(file_write(path, span_str("x"), 0600, &trail));
    assert_true(queue_open(&queue, path, &trail) != ERR_OK);
    put_text(&queue, 1);
    assert_int_equal(queue.dropped, 1);
    assert_err(queue_first(&queue, arena, &number, &time, &report), ERR_NOT_FOUND);
}

static void what_others_put_there_is_left_alone_or_dropped(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct queue queue;
    struct trail trail = {0};
    struct span report = {0};
    char path[128];
    uint64_t number;
    int64_t time;

    (void)state;
    snprintf(path, sizeof(path), "%s/note.txt", folder);
    assert_ok(file_write(path, span_str("x"), 0600, &trail));
    snprintf(path, sizeof(path), "%s/00000000000000000003.json", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_ok(queue_open(&queue, folder, &trail));
    assert_err(queue_first(&queue, arena, &number, &time, &report), ERR_NOT_FOUND);
    assert_int_equal(queue.dropped, 1);
}

/* ---- the status ---- */

static void a_status_has_the_form_of_azures_agent(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct status status = {.operation = "Enable", .status = STATUS_ERROR, .code = 1100};
    char *long_text = arena_alloc(arena, 5000);
    yyjson_val *root = NULL, *first, *inner;
    struct span text;

    (void)state;
    memset(long_text, 'x', 4999);
    long_text[4999] = '\0';
    status.message = long_text;
    for (int i = 0; i < STATUS_MAX_SUBS + 5; i++) {
        status_add(&status, "Connectivity", STATUS_WARNING, 3, "a\nb");
    }
    text = status_text(arena, &status);
    assert_non_null(text.data);
    assert_true(text.len < STATUS_FILE_MAX);
    assert_ok(json_read(arena, text, NULL, NULL, &root));
    assert_int_equal(yyjson_arr_size(root), 1);
    first = yyjson_arr_get_first(root);
    assert_true(span_is(json_span(json_get(first, "version")), "1.0"));
    inner = json_get(first, "status");
    assert_true(span_is(json_span(json_get(inner, "status")), "error"));
    assert_true(span_is(json_span(json_get(json_get(inner, "formattedMessage"), "lang")), "en-US"));
    assert_true(json_span(json_get(json_get(inner, "formattedMessage"), "message")).len <=
                STATUS_MESSAGE_MAX + 4);
    assert_int_equal(yyjson_arr_size(json_get(inner, "substatus")), STATUS_MAX_SUBS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_period_has_ten_percent_of_jitter),
        cmocka_unit_test(failures_are_tried_again_sooner_and_then_more_slowly),
        cmocka_unit_test(what_the_service_asks_for_is_waited),
        WITH_FOLDER(reports_come_out_in_order_and_survive_a_start),
        WITH_FOLDER(the_oldest_goes_when_there_are_too_many_and_is_counted),
        WITH_FOLDER(without_a_folder_reports_are_dropped_and_counted),
        WITH_FOLDER(what_others_put_there_is_left_alone_or_dropped),
        cmocka_unit_test(a_status_has_the_form_of_azures_agent),
    };

    return RUN_TESTS(tests);
}
