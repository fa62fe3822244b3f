/*
 * Resources and their parts, as the store keeps them: whoever was slower changes nothing, what lies
 * below goes with it, and ranges do not touch their neighbours.
 */
#include "unit/store/keeping.h"

#include <pthread.h>

static const char *const no_parents[STORE_RESOURCE_PARENTS];

static struct store_resource like(const char *key, const char *type, int64_t version)
{
    return (struct store_resource){.key = key,
                                   .id = key,
                                   .subscription = "s",
                                   .type = type,
                                   .location = "westus",
                                   .state = "Succeeded",
                                   .tags = span_str("{}"),
                                   .body = span_str("{\"a\":1}"),
                                   .version = version};
}

static enum store_resource_bar put_with(const struct store_resource *wanted,
                                        const char *const parents[STORE_RESOURCE_PARENTS],
                                        size_t *ret_parent)
{
    enum store_resource_bar bar = STORE_RESOURCE_FULL;
    int64_t version = -1;

    *ret_parent = 99;
    assert_ok(store_resource_put(store, wanted, parents, NOW, NULL, &bar, ret_parent, &version));
    if (bar == STORE_RESOURCE_NO_BAR) {
        assert_true(version > wanted->version);
    }
    return bar;
}

static enum store_resource_bar put(const char *key, const char *type, int64_t version)
{
    const struct store_resource wanted = like(key, type, version);
    size_t parent;

    return put_with(&wanted, no_parents, &parent);
}

static int64_t version_of(const char *key)
{
    struct store_resource got;
    int64_t version = 0;

    assert_ok(store_resource_get(store, arena, key, NULL, &got));
    assert_ok(store_resource_version(store, key, NULL, &version));
    assert_int_equal(version, got.version);
    return got.version;
}

static void add(const char *key, const char *type)
{
    assert_int_equal(put(key, type, 0), STORE_RESOURCE_NO_BAR);
}

static bool is_there(const char *key)
{
    struct store_resource row;
    err_t err = store_resource_get(store, arena, key, NULL, &row);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    return err == ERR_OK;
}

static enum store_resource_bar drop(const char *key, int64_t version, bool *ret_was_there)
{
    enum store_resource_bar bar = STORE_RESOURCE_NO_BAR;

    assert_ok(store_resource_remove(store, key, version, NULL, ret_was_there, &bar));
    return bar;
}

/* ---- versions and parents ---- */

static void whoever_has_another_version_changes_nothing(void **state)
{
    struct store_resource row;
    int64_t version;
    bool was_there;

    (void)state;
    assert_int_equal(put(G, GROUPS, 1), STORE_RESOURCE_CHANGED); /* it is not there */
    assert_int_equal(store_resource_version(store, G, NULL, &version), ERR_NOT_FOUND);
    assert_false(is_there(G));
    add(G, GROUPS);
    assert_int_equal(put(G, GROUPS, 0), STORE_RESOURCE_CHANGED); /* it is there already */
    assert_int_equal(put(G, GROUPS, 2), STORE_RESOURCE_CHANGED);
    assert_int_equal(put(G, GROUPS, 1), STORE_RESOURCE_NO_BAR);
    assert_int_equal(put(G, GROUPS, 1), STORE_RESOURCE_CHANGED);
    assert_ok(store_resource_get(store, arena, G, NULL, &row));
    assert_int_equal(row.version, 2);
    assert_int_equal(drop(G, 1, &was_there), STORE_RESOURCE_CHANGED);
    assert_true(is_there(G));
    assert_int_equal(drop(G, 2, &was_there), STORE_RESOURCE_NO_BAR);
    assert_true(was_there);
    assert_int_equal(drop(G, 2, &was_there), STORE_RESOURCE_NO_BAR);
    assert_false(was_there);
    assert_int_equal(put(G, GROUPS, 2), STORE_RESOURCE_CHANGED); /* gone meanwhile */
}

/* Loaded, then gone and made anew by somebody else: one has to hear of that, whatever was changed
 * on either side. */
static void no_version_comes_back_with_a_name(void **state)
{
    struct store_resource old, anew;
    bool was_there;

    (void)state;
    add(G, GROUPS);
    add(VM, "n/vms");
    assert_ok(store_resource_get(store, arena, VM, NULL, &old));
    assert_int_equal(put(VM, "n/vms", old.version), STORE_RESOURCE_NO_BAR);
    assert_ok(store_resource_get(store, arena, VM, NULL, &old));
    assert_int_equal(drop(VM, 0, &was_there), STORE_RESOURCE_NO_BAR);
    add(VM, "n/vms");
    for (int i = 0; i < 5; i++) {
        assert_ok(store_resource_get(store, arena, VM, NULL, &anew));
        assert_true(anew.version > old.version);
        assert_int_equal(put(VM, "n/vms", old.version), STORE_RESOURCE_CHANGED);
        assert_int_equal(drop(VM, old.version, &was_there), STORE_RESOURCE_CHANGED);
        assert_int_equal(put(VM, "n/vms", anew.version), STORE_RESOURCE_NO_BAR);
    }
    /* Nor after a start. */
    assert_ok(store_resource_get(store, arena, VM, NULL, &old));
    assert_int_equal(drop(VM, 0, &was_there), STORE_RESOURCE_NO_BAR);
    store_close(store);
    store = open_store();
    add(VM, "n/vms");
    assert_ok(store_resource_get(store, arena, VM, NULL, &anew));
    assert_true(anew.version > old.version);
}

static void nothing_is_kept_below_what_is_missing_or_going(void **state)
{
    static const char *const parents[STORE_RESOURCE_PARENTS] = {G, VM};
    const struct store_resource wanted = like(VM "/extensions/e", "n/vms/extensions", 0);
    struct store_resource going = like(G, GROUPS, 1);
    size_t parent;

    (void)state;
    assert_int_equal(put_with(&wanted, parents, &parent), STORE_RESOURCE_NO_PARENT);
    assert_int_equal(parent, 0);
    add(G, GROUPS);
    assert_int_equal(put_with(&wanted, parents, &parent), STORE_RESOURCE_NO_PARENT);
    assert_int_equal(parent, 1);
    add(VM, "n/vms");
    assert_int_equal(put_with(&wanted, parents, &parent), STORE_RESOURCE_NO_BAR);
    going.state = "Deleting";
    assert_int_equal(put_with(&going, no_parents, &parent), STORE_RESOURCE_NO_BAR);
    assert_int_equal(put_with(&wanted, parents, &parent), STORE_RESOURCE_GOING);
    assert_int_equal(parent, 0);
}

static void what_is_too_large_is_refused(void **state)
{
    struct store_resource wanted = like(G, GROUPS, 0);
    char key[STORE_RESOURCE_KEY_MAX + 2];
    enum store_resource_bar bar;
    int64_t version;
    size_t parent;
    bool was_there;

    (void)state;
    wanted.body = span_of(G, STORE_RESOURCE_BODY_MAX + 1); /* its length alone is looked at */
    assert_err(store_resource_put(store, &wanted, no_parents, NOW, NULL, &bar, &parent, &version),
               ERR_TOO_LARGE);
    assert_err(store_part_put(store, G, NULL, "p", span_of(G, STORE_PART_MAX + 1), NULL),
               ERR_TOO_LARGE);
    memset(key, 'k', sizeof(key));
    key[sizeof(key) - 1] = '\0';
    assert_err(store_resource_remove(store, key, 0, NULL, &was_there, &bar), ERR_TOO_LARGE);
}

/* Many were made in the life of a server, and few are there. */
static void what_was_deleted_does_not_count_as_full(void **state)
{
    bool was_there;

    (void)state;
    add(S "/resourcegroups/first", GROUPS);
    run_sql("UPDATE resources SET rowid = 5000000");
    assert_int_equal(put(G, GROUPS, 0), STORE_RESOURCE_NO_BAR);
    (void)drop(G, 0, &was_there);
    run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
            "INSERT INTO resources SELECT '/x/' || i, '', '', '', '', 'Succeeded', '{}', '{}', 1, "
            "0, 0 FROM n");
    assert_int_equal(put(G, GROUPS, 0), STORE_RESOURCE_FULL);
    /* One that is there may still be changed. */
    assert_int_equal(put(S "/resourcegroups/first", GROUPS, 1), STORE_RESOURCE_NO_BAR);
}

/* No owner takes the room of the others. */
static void a_subscription_that_is_full_leaves_room_for_others(void **state)
{
    struct store_resource of_another = like("/subscriptions/t/resourcegroups/g", GROUPS, 0);
    bool was_there;
    size_t parent;

    (void)state;
    run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) "
            "INSERT INTO resources SELECT '/x/' || i, '', 's', '', '', 'Succeeded', '{}', '{}', 1, "
            "0, 0 FROM n");
    assert_int_equal(put(G, GROUPS, 0), STORE_RESOURCE_NO_BAR);
    assert_int_equal(put(G "2", GROUPS, 0), STORE_RESOURCE_SUBSCRIPTION_FULL);
    of_another.subscription = "t";
    assert_int_equal(put_with(&of_another, no_parents, &parent), STORE_RESOURCE_NO_BAR);
    assert_int_equal(put(G, GROUPS, 1), STORE_RESOURCE_NO_BAR); /* it may be changed */
    (void)drop(G, 0, &was_there);
    assert_int_equal(put(G "2", GROUPS, 0), STORE_RESOURCE_NO_BAR);
}

/* ---- ranges ---- */

static const char *const neighbours[] = {"a", "a-b", "a.b", "a0", "a/b", "ab", "a(", "a~"};

static const char *group(const char *name)
{
    return arena_printf(arena, S "/resourcegroups/%s", name);
}

static const char *vm_in(const char *name)
{
    return arena_printf(arena, S "/resourcegroups/%s/providers/n/vms/vm", name);
}

static void add_neighbours(void)
{
    for (size_t i = 0; i < ARRAY_LEN(neighbours); i++) {
        if (strchr(neighbours[i], '/') == NULL) {
            add(group(neighbours[i]), GROUPS);
            add(vm_in(neighbours[i]), "n/vms");
            assert_ok(store_part_put(store, vm_in(neighbours[i]), NULL, "p", span_str("{}"), NULL));
        }
    }
}

static size_t list_below(const char *below, const char *type, const char *after, size_t max,
                         struct store_resource **ret)
{
    const struct store_resource_query query = {.below = below,
                                               .subscription = type[0] != '\0' ? "s" : "",
                                               .type = type,
                                               .after = after,
                                               .max = max};
    size_t n = 99;

    assert_ok(store_resources(store, arena, &query, NULL, ret, &n));
    return n;
}

static void a_group_does_not_mix_with_those_whose_names_begin_alike(void **state)
{
    struct store_resource *list;
    struct span text;
    bool was_there;

    (void)state;
    add_neighbours();
    assert_int_equal(list_below(group("a"), "", "", 100, &list), 1);
    assert_string_equal(list[0].key, vm_in("a"));
    assert_int_equal(list_below(group("a"), "n/vms", "", 100, &list), 1);
    assert_int_equal(list_below(group("A"), "", "", 100, &list), 0); /* keys are in lower case */
    assert_int_equal(list_below(S, "n/vms", "", 100, &list), 7);
    (void)drop(group("a"), 0, &was_there);
    assert_true(was_there);
    assert_false(is_there(vm_in("a")));
    assert_err(store_part_get(store, arena, vm_in("a"), "p", NULL, &text), ERR_NOT_FOUND);
    for (size_t i = 1; i < ARRAY_LEN(neighbours); i++) {
        if (strchr(neighbours[i], '/') == NULL) {
            assert_true(is_there(group(neighbours[i])));
            assert_true(is_there(vm_in(neighbours[i])));
            assert_ok(store_part_get(store, arena, vm_in(neighbours[i]), "p", NULL, &text));
        }
    }
}

static void lists_come_in_pages_and_none_is_missing(void **state)
{
    const char *after = "";
    struct store_resource *list;
    size_t n, total = 0;

    (void)state;
    add(G, GROUPS);
    for (int i = 0; i < 50; i++) {
        add(arena_printf(arena, G "/providers/n/vms/vm%d", i), "n/vms");
        add(arena_printf(arena, G "/providers/n/vms/vm%d/extensions/e", i), "n/vms/extensions");
    }
    while ((n = list_below(G, "n/vms", after, 7, &list)) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(strcmp(list[i].key, after) > 0);
            after = list[i].key;
        }
        total += n;
    }
    assert_int_equal(total, 50);
    assert_int_equal(list_below(G, "", "", 1000, &list), 100);
    /* A place that was never there, and one in front of the range: nothing of others. */
    assert_int_equal(list_below(G, "", G "/zzz", 1000, &list), 0);
    assert_int_equal(list_below(G, "", "zzz", 1000, &list), 0);
    assert_int_equal(list_below(G, "", "/a", 1000, &list), 100);
    assert_int_equal(list_below("/subscriptions/other", "", "", 1000, &list), 0);
}

static void resources_of_one_state_are_found(void **state)
{
    struct store_resource going = like(G, GROUPS, 1), *list;
    size_t n, parent;

    (void)state;
    add(G, GROUPS);
    add(S "/resourcegroups/other", GROUPS);
    going.state = "Deleting";
    assert_int_equal(put_with(&going, no_parents, &parent), STORE_RESOURCE_NO_BAR);
    assert_ok(store_resources_in_state(store, arena, GROUPS, "Deleting", "", 10, NULL, &list, &n));
    assert_int_equal(n, 1);
    assert_string_equal(list[0].key, G);
    assert_int_equal(list[0].body.len,
                     0); /* a thousand long ones are not read to find their keys */
    assert_ok(store_resources_in_state(store, arena, GROUPS, "Deleting", G, 10, NULL, &list, &n));
    assert_int_equal(n, 0);
    assert_ok(store_resources_in_state(store, arena, "n/vms", "Deleting", "", 10, NULL, &list, &n));
    assert_int_equal(n, 0);
}

/* ---- parts ---- */

static void parts_are_replaced_and_found_by_how_they_begin(void **state)
{
    struct store_part *parts;
    struct span text;
    size_t n;

    (void)state;
    add(VM, "n/vms");
    add(VM "x", "n/vms");
    assert_ok(store_part_put(store, VM, NULL, "operation/2", span_str("{\"n\":2}"), NULL));
    assert_ok(store_part_put(store, VM, NULL, "operation/1", span_str("{\"n\":0}"), NULL));
    assert_ok(store_part_put(store, VM, NULL, "operation/1", span_str("{\"n\":1}"), NULL));
    assert_ok(store_part_put(store, VM, NULL, "operation0", span_str("{}"), NULL));
    assert_ok(store_part_put(store, VM "x", NULL, "operation/3", span_str("{}"), NULL));
    assert_ok(store_parts(store, arena, VM, "operation/", 10, NULL, &parts, &n));
    assert_int_equal(n, 2);
    assert_string_equal(parts[0].name, "operation/1");
    assert_true(span_is(parts[0].text, "{\"n\":1}"));
    assert_ok(store_parts_forget(store, VM, NULL));
    assert_err(store_part_get(store, arena, VM, "operation0", NULL, &text), ERR_NOT_FOUND);
    assert_ok(store_part_get(store, arena, VM "x", "operation/3", NULL, &text));
}

/* Who worked on one that is gone, with its parts, writes nothing into what is made in its place. */
static void who_does_not_hold_a_resource_writes_nothing(void **state)
{
    struct store_resource held = like(VM, "n/vms", 0);
    struct span text;
    size_t parent;
    bool was_there;
    enum store_resource_bar bar;

    (void)state;
    assert_err(store_part_put(store, VM, NULL, "p", span_str("{}"), NULL), ERR_NOT_FOUND);
    add(VM, "n/vms");
    assert_err(store_part_put(store, VM, "first", "p", span_str("1"), NULL), ERR_NOT_FOUND);
    assert_ok(store_part_put(store, VM, NULL, STORE_PART_HOLDER, span_str("first"), NULL));
    assert_ok(store_part_put(store, VM, "first", "p", span_str("1"), NULL));
    held.holder = "first";
    held.version = version_of(VM);
    assert_int_equal(put_with(&held, no_parents, &parent), STORE_RESOURCE_NO_BAR);
    assert_ok(store_resource_remove(store, VM, 0, NULL, &was_there, &bar));
    add(VM, "n/vms");
    assert_ok(store_part_put(store, VM, NULL, STORE_PART_HOLDER, span_str("second"), NULL));
    assert_err(store_part_put(store, VM, "first", "p", span_str("1"), NULL), ERR_NOT_FOUND);
    assert_err(store_part_get(store, arena, VM, "p", NULL, &text), ERR_NOT_FOUND);
    held.version = version_of(VM);
    assert_int_equal(put_with(&held, no_parents, &parent), STORE_RESOURCE_CHANGED);
    held.holder = "second";
    held.version = version_of(VM);
    assert_int_equal(put_with(&held, no_parents, &parent), STORE_RESOURCE_NO_BAR);
}

/* ---- several at the same time ---- */

enum { THREADS = 8, ROUNDS = 60 };

struct racer {
    pthread_t thread;
    unsigned won;
    err_t err;
};

/* Raise the version until it was done ROUNDS times, as clients do that read and write back. */
static void *race(void *context)
{
    struct racer *racer = context;
    CLEANUP(arena_free) struct arena *own = arena_new(1024 * 1024);

    while (racer->err == ERR_OK && racer->won < ROUNDS) {
        struct store_resource row, wanted;
        enum store_resource_bar bar = STORE_RESOURCE_FULL;
        int64_t version;
        size_t parent;

        arena_reset(own);
        racer->err = store_resource_get(store, own, G, NULL, &row);
        wanted = like(G, GROUPS, row.version);
        racer->err = racer->err ? racer->err
                                : store_resource_put(store, &wanted, no_parents, NOW, NULL, &bar,
                                                     &parent, &version);
        if (bar == STORE_RESOURCE_NO_BAR) {
            racer->won++;
        } else if (bar != STORE_RESOURCE_CHANGED) {
            racer->err = ERR_INTERNAL;
        }
    }
    return NULL;
}

static void of_those_who_write_at_the_same_time_one_wins_each_round(void **state)
{
    struct racer racers[THREADS] = {0};
    struct store_resource row;

    (void)state;
    add(G, GROUPS);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_ok(racers[i].err);
    }
    assert_ok(store_resource_get(store, arena, G, NULL, &row));
    assert_int_equal(row.version, 1 + THREADS * ROUNDS); /* no write was lost, none counted twice */
}

static _Atomic unsigned made;

/* The same new name from all sides. */
static void *make(void *context)
{
    struct racer *racer = context;

    for (unsigned i = 0; i < ROUNDS && racer->err == ERR_OK; i++) {
        char key[96];
        struct store_resource wanted;
        enum store_resource_bar bar = STORE_RESOURCE_FULL;
        int64_t version;
        size_t parent;

        snprintf(key, sizeof(key), S "/resourcegroups/r%u", i);
        wanted = like(key, GROUPS, 0);
        racer->err =
            store_resource_put(store, &wanted, no_parents, NOW, NULL, &bar, &parent, &version);
        made += bar == STORE_RESOURCE_NO_BAR;
    }
    return NULL;
}

static void a_new_name_is_one_callers(void **state)
{
    struct racer racers[THREADS] = {0};

    (void)state;
    made = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&racers[i].thread, NULL, make, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        assert_ok(racers[i].err);
    }
    assert_int_equal(made, ROUNDS);
}

static void a_page_ends_where_it_has_enough_bytes(void **state)
{
    struct store_resource_query query = {
        .below = S, .subscription = "", .type = "", .after = "", .max = 10};
    struct store_resource row = like(S "/resourcegroups/r0", GROUPS, 0), *rows;
    enum store_resource_bar bar;
    int64_t version;
    size_t n, parent;
    char key[96];

    (void)state;
    for (int i = 0; i < 6; i++) {
        snprintf(key, sizeof(key), S "/resourcegroups/r%d", i);
        row.key = key;
        assert_ok(store_resource_put(store, &row, no_parents, NOW, NULL, &bar, &parent, &version));
    }
    assert_ok(store_resources(store, arena, &query, NULL, &rows, &n));
    assert_int_equal(n, 6);
    query.bytes_max = 1;
    assert_ok(store_resources(store, arena, &query, NULL, &rows, &n));
    assert_int_equal(n, 1);
    query.bytes_max = 2 * (row.tags.len + row.body.len) + 1;
    query.after = rows[0].key;
    assert_ok(store_resources(store, arena, &query, NULL, &rows, &n));
    assert_int_equal(n, 3);
    assert_string_equal(rows[0].key, S "/resourcegroups/r1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(whoever_has_another_version_changes_nothing),
        WITH_STORE(no_version_comes_back_with_a_name),
        WITH_STORE(nothing_is_kept_below_what_is_missing_or_going),
        WITH_STORE(what_is_too_large_is_refused),
        WITH_STORE(what_was_deleted_does_not_count_as_full),
        WITH_STORE(a_subscription_that_is_full_leaves_room_for_others),
        WITH_STORE(a_group_does_not_mix_with_those_whose_names_begin_alike),
        WITH_STORE(lists_come_in_pages_and_none_is_missing),
        WITH_STORE(resources_of_one_state_are_found),
        WITH_STORE(parts_are_replaced_and_found_by_how_they_begin),
        WITH_STORE(who_does_not_hold_a_resource_writes_nothing),
        WITH_STORE(of_those_who_write_at_the_same_time_one_wins_each_round),
        WITH_STORE(a_new_name_is_one_callers),
        WITH_STORE(a_page_ends_where_it_has_enough_bytes),
    };

    return RUN_TESTS(tests);
}
