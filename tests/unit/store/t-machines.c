/*
 * Machines: who joins, under which keys and names, and how they are found.
 */
#include "unit/store/folder.h"

#include <pthread.h>

/* AK-7: the same EK with another AK, another EK with the same AK or name. */
static void never_overwrites_a_machine(void **state)
{
    struct store *store = open_store();
    struct store_machine first = machine_of(1, 1, "web"), got, again;
    const struct {
        struct store_machine machine;
        const char *words;
    } intruders[] = {
        {machine_of(1, 2, "web"), "another attestation key"},
        {machine_of(2, 1, "db"), "another endorsement key"},
        {machine_of(2, 2, "WEB"), "the name 'WEB' belongs"},
    };

    (void)state;
    assert_ok(store_machine_activate(store, &first, NULL, &got));
    for (size_t i = 0; i < ARRAY_LEN(intruders); i++) {
        struct trail trail = {0};

        assert_err(store_machine_activate(store, &intruders[i].machine, &trail, &got),
                   ERR_CONFLICT);
        assert_non_null(strstr(trail.what, intruders[i].words));
    }
    /* The same keys again: the same machine, whatever id and name were wished for. */
    again = machine_of(1, 1, "other");
    snprintf(again.id, sizeof(again.id), "11111111-0000-4000-8000-000000000001");
    assert_ok(store_machine_activate(store, &again, NULL, &got));
    assert_string_equal(got.id, first.id);
    assert_string_equal(got.name, "web");
    store_close(store);
}

struct rival {
    struct store *store;
    uint8_t ak;
    int wins;
};

static void *register_machines(void *context)
{
    struct rival *rival = context;

    for (uint8_t ek = 1; ek <= 50; ek++) {
        char name[16];
        struct store_machine m, got;

        snprintf(name, sizeof(name), "vm-%u", ek);
        m = machine_of(ek, (uint8_t)(rival->ak + ek), name);
        if (store_machine_activate(rival->store, &m, NULL, &got) == ERR_OK) {
            rival->wins++;
        }
    }
    return NULL;
}

/* AK-6: two registrations of one EK at the same time, with different AKs. */
static void lets_one_of_two_rivals_have_a_machine(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct rival rivals[2] = {{store, 60, 0}, {store, 150, 0}};
    struct store_machine *all;
    pthread_t threads[2];
    size_t n;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, register_machines, &rivals[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(rivals[0].wins + rivals[1].wins, 50);
    assert_ok(store_machines(store, arena, "", 200, NULL, &all, &n));
    assert_int_equal(n, 50);
    store_close(store);
    arena_free(arena);
}

static void finds_machines_by_each_of_their_names(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "web"), got, *all;
    size_t n;

    (void)state;
    assert_err(store_machine_by_ak(store, span_of(m.ak_name, 34), NULL, &got), ERR_NOT_FOUND);
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    assert_ok(store_machine_by_ak(store, span_of(m.ak_name, 34), NULL, &got));
    assert_true(got.is_active);
    assert_ok(store_machine_by_ek(store, m.ek_digest, NULL, &got));
    assert_ok(store_machine_by_id(store, m.id, NULL, &got));
    assert_ok(store_machine_by_name(store, "Web", NULL, &got));
    assert_string_equal(got.id, m.id);
    assert_err(store_machine_by_ak(store, span_of(m.ak_name, 33), NULL, &got), ERR_NOT_FOUND);
    assert_ok(store_machines(store, arena, "", 10, NULL, &all, &n));
    assert_int_equal(n, 1);
    store_close(store);
    arena_free(arena);
}

static void lists_machines_page_by_page(void **state)
{
    static const char *const names[] = {"a", "B", "c", "D", "e"};
    struct arena *arena = test_arena();
    struct store *store = open_store();
    const char *after = "";
    size_t seen = 0, n = 2;

    (void)state;
    for (uint8_t i = 0; i < ARRAY_LEN(names); i++) {
        struct store_machine m = machine_of((uint8_t)(i + 1), (uint8_t)(i + 1), names[i]), got;

        assert_ok(store_machine_activate(store, &m, NULL, &got));
    }
    while (n == 2) {
        struct store_machine *page = NULL;

        assert_ok(store_machines(store, arena, after, 2, NULL, &page, &n));
        for (size_t i = 0; i < n; i++) {
            assert_string_equal(page[i].name, names[seen++]);
            after = page[i].name;
        }
    }
    assert_int_equal(seen, 5);
    store_close(store);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(never_overwrites_a_machine),
        WITH_FOLDER(lets_one_of_two_rivals_have_a_machine),
        WITH_FOLDER(lists_machines_page_by_page),
        WITH_FOLDER(finds_machines_by_each_of_their_names),
    };

    return RUN_TESTS(tests);
}
