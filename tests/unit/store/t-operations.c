/*
 * Operations and activities, as the store keeps them: what is past its time goes, and nobody's
 * activities push out another's.
 */
#include "unit/store/keeping.h"

/* ---- operations ---- */

static void put_operation(const char *id, const char *resource, const char *status, int64_t started,
                          int64_t ended)
{
    const struct store_operation operation = {.id = id,
                                              .subscription = "s",
                                              .resource = resource,
                                              .what = "group-delete",
                                              .status = status,
                                              .started = started,
                                              .ended = ended};

    assert_ok(store_operation_put(store, &operation, NULL));
}

static bool has_operation(const char *id)
{
    struct store_operation operation;
    err_t err = store_operation_get(store, arena, id, NULL, &operation);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    return err == ERR_OK;
}

enum { DAY = 86400 };

static void ended_operations_are_forgotten_and_no_others(void **state)
{
    (void)state;
    put_operation("old", G, "Succeeded", NOW - 3 * DAY, NOW - 2 * DAY);
    put_operation("new", G, "Failed", NOW - 3 * DAY, NOW - 100);
    put_operation("open", G, "Running", NOW - 3 * DAY, 0);
    /* Nobody ever asked how this one came out. */
    put_operation("unasked", G, "Running", NOW - 30 * DAY, 0);
    assert_ok(store_operations_sweep(store, NOW, NULL));
    assert_false(has_operation("old"));
    assert_false(has_operation("unasked"));
    assert_true(has_operation("new"));
    assert_true(has_operation("open"));
}

/* However much is done in one subscription, another keeps all of its own. */
static void the_oldest_ended_operations_of_a_busy_subscription_go(void **state)
{
    (void)state;
    put_operation("oldest", G, "Succeeded", NOW - 99, NOW - 99);
    put_operation("older", G, "Succeeded", NOW - 98, NOW - 98);
    put_operation("open", G, "Running", NOW - 99, 0);
    run_sql("INSERT INTO operations VALUES ('of another', 'a', '', '', 'Succeeded', '', '', 1, "
            "1799999900), ('of the last', 'z', '', '', 'Succeeded', '', '', 1, 1799999900)");
    run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19999) "
            "INSERT INTO operations SELECT 'n' || i, 's', '', '', 'Succeeded', '', '', 1, "
            "1800000000 FROM n");
    assert_ok(store_operations_sweep(store, NOW, NULL));
    assert_false(has_operation("oldest"));
    assert_true(has_operation("older"));
    assert_true(has_operation("open"));
    assert_true(has_operation("of another"));
    assert_true(has_operation("of the last"));
    assert_int_equal(count_of("operations"), STORE_OPERATION_SUBSCRIPTION_MAX + 3);
}

static void open_operations_of_a_resource_are_found_among_many(void **state)
{
    struct store_operation *open;
    size_t n;

    (void)state;
    for (int i = 0; i < 300; i++) {
        put_operation(arena_printf(arena, "other%d", i), VM, "Running", NOW - 1000 + i, 0);
    }
    put_operation("mine", G, "Running", NOW, 0);
    put_operation("mine-too", G, "Running", NOW, 0);
    put_operation("ended", G, "Failed", NOW, NOW);
    assert_ok(store_operations_of(store, arena, G, "group-delete", 10, NULL, &open, &n));
    assert_int_equal(n, 2);
    assert_string_equal(open[0].id, "mine");
    assert_ok(store_operations_of(store, arena, G, "deployment", 10, NULL, &open, &n));
    assert_int_equal(n, 0);
}

/* ---- activities ---- */

static void record(const char *subscription, const char *resource, int64_t time)
{
    const struct store_activity activity = {.time = time,
                                            .subscription = subscription,
                                            .resource = resource,
                                            .action = "n/vms/write",
                                            .status = "Succeeded",
                                            .caller = "me",
                                            .correlation = "c",
                                            .detail = span_str("{}")};

    assert_ok(store_activity_add(store, &activity, NULL));
}

static struct store_activity *asked;

static size_t ask(const char *below, int64_t from, int64_t to, int64_t before, size_t max)
{
    const struct store_activity_query query = {
        .subscription = "s", .below = below, .from = from, .to = to, .before = before, .max = max};
    size_t n = 99;

    assert_ok(store_activities(store, arena, &query, NULL, &asked, &n));
    return n;
}

static void activities_are_told_newest_first_in_pages(void **state)
{
    int64_t before = 0;
    size_t n, total = 0;

    (void)state;
    for (int i = 0; i < 25; i++) {
        record("s", G, NOW + i);
        record("other", "/subscriptions/other/resourcegroups/g", NOW + i);
    }
    record("s", G "0", NOW);
    record("s", G "-b", NOW);
    record("s", VM, NOW);
    while ((n = ask(G, 0, INT64_MAX, before, 4)) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(before == 0 || asked[i].id < before);
            before = asked[i].id;
        }
        total += n;
    }
    assert_int_equal(total, 26); /* the group's and its machine's */
    assert_int_equal(ask(VM, 0, INT64_MAX, 0, 100), 1);
    assert_int_equal(ask(S, 0, INT64_MAX, 0, 100), 28);
    assert_int_equal(ask(G, NOW + 10, NOW + 14, 0, 100), 5);
    assert_int_equal(ask(G, NOW + 14, NOW + 10, 0, 100), 0);
    assert_int_equal(ask(G, 0, INT64_MAX, 0, 3), 3);
    assert_int_equal(asked[0].id > asked[1].id, 1);
}

static void old_activities_are_forgotten(void **state)
{
    (void)state;
    record("s", G, NOW - (int64_t)(STORE_ACTIVITY_DAYS + 1) * DAY);
    record("s", G, NOW - (int64_t)(STORE_ACTIVITY_DAYS - 1) * DAY);
    assert_ok(store_operations_sweep(store, NOW, NULL));
    assert_int_equal(ask(G, 0, INT64_MAX, 0, 100), 1);
}

/* However much goes on in one, another keeps all of its own. */
static void the_oldest_activities_of_a_busy_subscription_go(void **state)
{
    (void)state;
    record("a", "/subscriptions/a", NOW);
    record("s", S, NOW - 9);
    record("s", S, NOW - 8);
    run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 49999) "
            "INSERT INTO activity SELECT i + 10, 1800000000, 's', '/subscriptions/s', 'w', "
            "'Succeeded', 'me', 'c', '{}' FROM n");
    record("z", S "2", NOW);
    assert_ok(store_operations_sweep(store, NOW, NULL));
    assert_int_equal(ask(S, 0, NOW - 9, 0, 100), 0);
    assert_int_equal(ask(S, 0, NOW - 8, 0, 100), 1);
    assert_int_equal(count_of("activity"), STORE_ACTIVITY_SUBSCRIPTION_MAX + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(ended_operations_are_forgotten_and_no_others),
        WITH_STORE(the_oldest_ended_operations_of_a_busy_subscription_go),
        WITH_STORE(open_operations_of_a_resource_are_found_among_many),
        WITH_STORE(activities_are_told_newest_first_in_pages),
        WITH_STORE(old_activities_are_forgotten),
        WITH_STORE(the_oldest_activities_of_a_busy_subscription_go),
    };

    return RUN_TESTS(tests);
}
