/*
 * What the resources of a subscription and their parts take: counted exactly, and no more than one
 * may have. What gets smaller, or goes, always can.
 */
#include "unit/store/keeping.h"

#define MAX STORE_RESOURCES_SUBSCRIPTION_BYTES_MAX
#define BYTES(TEXT) "length(CAST(" TEXT " AS BLOB))"
#define SUMS                                                                                       \
    "(SELECT coalesce(sum(" BYTES("tags") " + " BYTES(                                             \
        "body") "), 0) FROM resources) +"                                                          \
                " (SELECT coalesce(sum(" BYTES("text") "), 0) FROM resource_parts)"

static const char *const no_parents[STORE_RESOURCE_PARENTS];

static enum store_resource_bar put_owed(const char *key, int64_t version, const char *body,
                                        bool is_owed)
{
    const struct store_resource wanted = {.key = key,
                                          .id = key,
                                          .subscription = key[15] == 's' ? "s" : "t",
                                          .type = "n/things",
                                          .location = "",
                                          .state = "Succeeded",
                                          .tags = span_str("{}"),
                                          .body = span_str(body),
                                          .version = version,
                                          .is_owed = is_owed};
    enum store_resource_bar bar = STORE_RESOURCE_FULL;
    size_t parent;
    int64_t ignored;

    assert_ok(store_resource_put(store, &wanted, no_parents, NOW, NULL, &bar, &parent, &ignored));
    return bar;
}

static enum store_resource_bar put(const char *key, const char *body)
{
    struct store_resource before = {0};
    err_t err = store_resource_get(store, arena, key, NULL, &before);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    return put_owed(key, before.version, body, false);
}

static err_t put_part(const char *key, const char *name, const char *text)
{
    return store_part_put(store, key, NULL, name, span_str(text), NULL);
}

static void drop(const char *key)
{
    enum store_resource_bar bar;
    bool was_there = false;

    assert_ok(store_resource_remove(store, key, 0, NULL, &was_there, &bar));
    assert_true(was_there);
}

static void set_bytes(int64_t bytes)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "UPDATE resource_bytes SET bytes = %lld WHERE subscription = 's'",
             (long long)bytes);
    run_sql(sql);
}

static void assert_counted(int64_t bytes)
{
    char where[450];

    snprintf(where, sizeof(where),
             "resource_bytes WHERE subscription = 's' AND bytes = %lld AND bytes = " SUMS,
             (long long)bytes);
    if (count_of(where) != 1) {
        fail_msg("other than %lld bytes are counted, or there", (long long)bytes);
    }
}

static void all_that_is_kept_is_counted_and_nothing_twice(void **state)
{
    (void)state;
    assert_int_equal(put(G, "{}"), STORE_RESOURCE_NO_BAR);
    assert_counted(4);
    assert_int_equal(put(VM, "{\"a\":\"\xc3\xa4\"}"),
                     STORE_RESOURCE_NO_BAR); /* bytes, not letters */
    assert_counted(4 + 12);
    assert_int_equal(put_owed(VM, 99, "{\"a\":\"longer\"}", false), STORE_RESOURCE_CHANGED);
    assert_int_equal(put_owed(VM, 0, "{\"a\":\"longer\"}", false), STORE_RESOURCE_CHANGED);
    assert_counted(4 + 12);
    assert_int_equal(put(VM, "{\"a\":1}"), STORE_RESOURCE_NO_BAR);
    assert_counted(4 + 9);
    assert_ok(put_part(VM, "p", "[1,2,3]"));
    assert_ok(put_part(VM, "q", "[]"));
    assert_counted(4 + 9 + 7 + 2);
    assert_ok(put_part(VM, "p", "[1]"));
    assert_counted(4 + 9 + 3 + 2);
    assert_err(put_part(VM "x", "p", "[1]"), ERR_NOT_FOUND);
    assert_counted(4 + 9 + 3 + 2);
    assert_ok(store_parts_forget(store, VM, NULL));
    assert_counted(4 + 9);
    assert_ok(put_part(VM, "p", "[1,2,3]"));
    assert_ok(put_part(G, "p", "[1,2,3]"));
    drop(G); /* with all below */
    assert_counted(0);
    assert_int_equal(put(G, "{}"), STORE_RESOURCE_NO_BAR);
    assert_counted(4);
}

static void who_takes_too_much_gets_no_more(void **state)
{
    (void)state;
    assert_int_equal(put(G, "{}"), STORE_RESOURCE_NO_BAR);
    assert_int_equal(put(VM, "{\"a\":1}"), STORE_RESOURCE_NO_BAR);
    assert_ok(put_part(VM, "p", "[1]"));
    set_bytes(MAX - 4);
    assert_int_equal(put(G "2", "{}"), STORE_RESOURCE_NO_BAR); /* the last bytes */
    assert_int_equal(put(G "3", ""), STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL);
    assert_int_equal(put(VM, "{\"a\":10}"), STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL);
    assert_err(put_part(VM, "q", "1"), ERR_TOO_MANY);
    assert_err(store_part_get(store, arena, VM, "q", NULL, &(struct span){0}), ERR_NOT_FOUND);
    /* Another's room is its own. */
    assert_int_equal(put("/subscriptions/t/resourcegroups/g", "{}"), STORE_RESOURCE_NO_BAR);
    /* What gets no larger, and what goes. */
    assert_int_equal(put(VM, "{\"a\":2}"), STORE_RESOURCE_NO_BAR);
    set_bytes(2 * (int64_t)MAX); /* as an older version left it */
    assert_int_equal(put(VM, "{}"), STORE_RESOURCE_NO_BAR);
    assert_ok(put_part(VM, "p", "1"));
    drop(VM);
    set_bytes(MAX);
    drop(G "2");
    assert_int_equal(put(G "3", "{}"), STORE_RESOURCE_NO_BAR);
    assert_int_equal(put(G "4", "{}"), STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL);
}

/* How something ended that was begun in time. */
static void what_is_owed_takes_a_little_more(void **state)
{
    struct store_resource row;

    (void)state;
    assert_int_equal(put(VM, "{}"), STORE_RESOURCE_NO_BAR);
    assert_ok(put_part(VM, "p", "[1]"));
    set_bytes(MAX);
    assert_ok(store_resource_get(store, arena, VM, NULL, &row));
    assert_int_equal(put_owed(VM, row.version, "{\"a\":1}", true), STORE_RESOURCE_NO_BAR);
    assert_ok(put_part(VM, "p", "[1,2]"));
    set_bytes(MAX + STORE_RESOURCES_OWED_BYTES_MAX);
    assert_ok(store_resource_get(store, arena, VM, NULL, &row));
    assert_int_equal(put_owed(VM, row.version, "{\"a\":10}", true),
                     STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL);
    assert_err(put_part(VM, "p", "[1,2,3]"), ERR_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(all_that_is_kept_is_counted_and_nothing_twice),
        WITH_STORE(who_takes_too_much_gets_no_more),
        WITH_STORE(what_is_owed_takes_a_little_more),
    };

    return RUN_TESTS(tests);
}
