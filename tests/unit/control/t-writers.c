/* One resource and several writers at the same time: nobody loses what he wrote. */
#include "unit/control/engine.h"

#include <pthread.h>

enum { WRITERS = 4, ROUNDS = 40 };

struct writer {
    pthread_t thread;
    struct manager m; /* of its own, on the same control */
    unsigned n_written;
    const char *target; /* or a member's name */
};

/* Patches always come through: who was slower tries again. */
static void *patch_all_the_time(void *context)
{
    struct writer *w = context;

    for (unsigned i = 0; i < ROUNDS; i++) {
        char body[96];

        snprintf(body, sizeof(body), "{\"properties\":{\"%s\":%u}}", w->target, i);
        ask(&w->m, HTTP_PATCH, THING, body);
        w->n_written += w->m.answer.status == 200;
    }
    return NULL;
}

static void *add_items(void *context)
{
    struct writer *w = context;

    for (unsigned i = 0; i < ROUNDS; i++) {
        ask(&w->m, HTTP_PUT, w->target, "{}");
        w->n_written += w->m.answer.status == 200 || w->m.answer.status == 201;
    }
    return NULL;
}

static void run_writers(struct writer *writers, void *(*work)(void *))
{
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i].m = m;
        writers[i].m.arena = arena_new(1024);
        writers[i].m.hasher = hasher_new();
        writers[i].m.options.may_context = &writers[i].m;
        assert_int_equal(pthread_create(&writers[i].thread, NULL, work, &writers[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        arena_free(writers[i].m.arena);
        hasher_free(writers[i].m.hasher);
    }
}

static void of_two_writers_neither_loses_what_it_wrote(void **state)
{
    struct writer writers[WRITERS] = {
        {.target = "w1"}, {.target = "w2"}, {.target = "w3"}, {.target = "w4"}};
    unsigned n_written = 0;

    (void)state;
    ask(&m, HTTP_PUT, THING, PLAIN);
    run_writers(writers, patch_all_the_time);
    ask(&m, HTTP_GET, THING, NULL);
    for (unsigned i = 0; i < WRITERS; i++) {
        n_written += writers[i].n_written;
        assert_true(writers[i].n_written > 0);
        assert_non_null(member(&m, arena_printf(m.arena, "properties.w%u", i + 1)));
    }
    /* Each 200 was one version; those that gave up said so, and wrote nothing. */
    assert_int_equal(n_done, n_written + 1);
}

static void items_that_are_put_at_the_same_time_are_all_there(void **state)
{
    struct writer writers[WRITERS] = {{.target = BOX "/items/a"},
                                      {.target = BOX "/items/b"},
                                      {.target = BOX "/items/c"},
                                      {.target = BOX "/items/a"}};

    (void)state;
    ask(&m, HTTP_PUT, BOX, PLAIN);
    run_writers(writers, add_items);
    ask(&m, HTTP_GET, BOX "/items", NULL);
    assert_int_equal(yyjson_arr_size(member(&m, "value")), 3);
}

static void *make_if_new(void *context)
{
    struct writer *w = context;

    for (unsigned i = 0; i < ROUNDS; i++) {
        char target[128];

        snprintf(target, sizeof(target), THINGS "/n%u", i);
        w->m.if_none_match = "*";
        ask(&w->m, HTTP_PUT, target, PLAIN);
        w->n_written += w->m.answer.status == 201;
        if (w->m.answer.status != 201 && w->m.answer.status != 412) {
            w->n_written += 1000000;
        }
    }
    return NULL;
}

static void if_none_match_lets_one_through(void **state)
{
    struct writer writers[WRITERS] = {0};
    unsigned n = 0;

    (void)state;
    run_writers(writers, make_if_new);
    for (size_t i = 0; i < WRITERS; i++) {
        n += writers[i].n_written;
    }
    assert_int_equal(n, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(of_two_writers_neither_loses_what_it_wrote),
        WITH_ENGINE(items_that_are_put_at_the_same_time_are_all_there),
        WITH_ENGINE(if_none_match_lets_one_through),
    };

    return RUN_TESTS(tests);
}
