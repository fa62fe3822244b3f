/*
 * Several logs as one: the later ones go on with the registers, and may tell of a dynamic launch.
 */
#include "unit/facts/logs.h"

enum { PCR_DYNAMIC = 17 };

static struct eventlog *one(struct arena *arena, uint32_t pcr, const char *text)
{
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");

    edit->n = 0;
    logs_insert(edit, 0, pcr, EV_EVENT_TAG, span_str(text));
    return logs_read(arena, logs_bytes(edit));
}

static void expect_register(const struct eventlog_registers *registers, unsigned pcr, uint8_t start,
                            const char *first, const char *second)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    uint8_t value[SHA256_BYTES];
    uint8_t digest[SHA256_BYTES];
    const char *texts[] = {first, second};

    memset(value, start, sizeof(value));
    for (size_t i = 0; i < 2 && texts[i] != NULL; i++) {
        assert_ok(hasher_once(hasher, HASH_SHA256, span_str(texts[i]), digest));
        assert_ok(
            hasher_extend(hasher, HASH_SHA256, span_of(value, 32), span_of(digest, 32), value));
    }
    assert_memory_equal(registers->value[pcr], value, sizeof(value));
}

static void later_logs_go_on_where_the_first_ended(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct eventlog *logs[] = {one(arena, 12, "a"), one(arena, 12, "b"), one(arena, 5, "c")};
    struct eventlog *joined = NULL;
    struct eventlog_registers registers;

    (void)state;
    assert_ok(eventlog_join(arena, logs, 3, NULL, &joined));
    assert_int_equal(joined->n_events, 6);
    for (size_t i = 0; i < joined->n_events; i++) {
        assert_int_equal(joined->events[i].index, i);
    }
    assert_ok(eventlog_replay(joined, HASH_SHA256, hasher, NULL, &registers));
    expect_register(&registers, 12, 0, "a", "b");
    expect_register(&registers, 5, 0, "c", NULL);
}

/* L-9: in a log behind the first, and there from zero. */
static void a_dynamic_launch_is_told_by_a_later_log_alone_L_9(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct eventlog *dynamic = one(arena, PCR_DYNAMIC, "a");
    struct eventlog *logs[] = {one(arena, 4, "b"), dynamic, one(arena, PCR_DYNAMIC, "c")};
    struct eventlog *joined = NULL;
    struct eventlog_registers registers;
    struct eventlog_reach reach;

    (void)state;
    assert_err(eventlog_replay(dynamic, HASH_SHA256, hasher, NULL, &registers), ERR_VALUE);
    assert_ok(eventlog_join(arena, logs, 3, NULL, &joined));
    assert_ok(eventlog_replay(joined, HASH_SHA256, hasher, NULL, &registers));
    expect_register(&registers, PCR_DYNAMIC, 0, "a", "c");
    assert_true(span_all(span_of(registers.value[18], 32), 0xff));
    assert_ok(eventlog_reach(joined, HASH_SHA256, PCR_DYNAMIC,
                             span_of(registers.value[PCR_DYNAMIC], 32), hasher, &reach));
    assert_int_equal(reach.n_covered, 2);
    logs[0] = dynamic;
    assert_ok(eventlog_join(arena, logs, 2, NULL, &joined));
    assert_err(eventlog_replay(joined, HASH_SHA256, hasher, NULL, &registers), ERR_VALUE);
}

/* ALG-4: a digest that one of the logs has not cannot be replayed. */
static void only_banks_of_all_logs_are_kept(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog *logs[] = {one(arena, 4, "a"),
                               logs_read(arena, logs_boot(arena, "l-sha256-only-bank"))};
    struct eventlog *joined = NULL;

    (void)state;
    assert_ok(eventlog_join(arena, logs, 2, NULL, &joined));
    assert_int_equal(joined->n_banks, 1);
    assert_int_equal(joined->banks[0].hash, HASH_SHA256);
    for (size_t i = 0; i < joined->n_events; i++) {
        assert_true(joined->events[i].type == EV_NO_ACTION ||
                    joined->events[i].digest[0].len == SHA256_BYTES);
    }
}

/* L-7: how PCR 0 began is for the first log to say. */
static void a_later_log_does_not_say_how_the_registers_began_L_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog *logs[] = {one(arena, 4, "a"), one(arena, 4, "b")};
    struct eventlog *joined = NULL;

    (void)state;
    logs[1]->startup_locality = 3;
    assert_err(eventlog_join(arena, logs, 2, NULL, &joined), ERR_MALFORMED);
    logs[1]->startup_locality = 0;
    logs[1]->kind = EVENTLOG_RTMRS;
    assert_err(eventlog_join(arena, logs, 2, NULL, &joined), ERR_MALFORMED);
    logs[1]->kind = EVENTLOG_PCRS;
    logs[1]->n_events = EVENTLOG_MAX_EVENTS;
    assert_err(eventlog_join(arena, logs, 2, NULL, &joined), ERR_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_log_does_not_say_how_the_registers_began_L_7),
        cmocka_unit_test(a_dynamic_launch_is_told_by_a_later_log_alone_L_9),
        cmocka_unit_test(only_banks_of_all_logs_are_kept),
        cmocka_unit_test(later_logs_go_on_where_the_first_ended),
    };

    return RUN_TESTS(tests);
}
