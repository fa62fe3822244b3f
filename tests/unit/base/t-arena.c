#include "base/arena.h"

#include "support/support.h"

#include <stdalign.h>

/* Sizes as an attacker writes them; volatile, because compilers warn of what they can see. */
static volatile size_t huge = SIZE_MAX;

static void refuses_past_its_limit(void **state)
{
    struct arena *arena = arena_new(1024);
    char *text;

    (void)state;
    assert_null(arena_alloc(arena, 1025));
    assert_null(arena_alloc(arena, huge));
    assert_null(arena_alloc(arena, huge - 7));
    assert_null(arena_calloc(arena, SIZE_MAX / 2, 3));
    assert_null(arena_calloc(arena, 33, 32));
    assert_null(arena_dup(arena, span_of("x", SIZE_MAX)).data);
    assert_null(arena_dup(arena, span_of("x", 1024)).data); /* the NUL behind it counts */
    assert_null(arena_printf(arena, "%2000d", 1));
    assert_int_equal(arena_used(arena), 0);
    /* What failed took nothing: the whole limit is still there. */
    text = arena_alloc(arena, 1024);
    assert_non_null(text);
    memset(text, 1, 1024);
    assert_null(arena_alloc(arena, 1));
    assert_null(arena_alloc(arena, 0));
    arena_free(arena);
}

static void bounds_tiny_objects_too(void **state)
{
    struct arena *arena = arena_new(4096);
    size_t n = 0;

    (void)state;
    while (arena_alloc(arena, n % 2) != NULL) {
        n++;
        assert_true(n <= 4096);
    }
    assert_true(n <= 4096 / alignof(max_align_t));
    arena_free(arena);
}

/* Who sent the work reached the limit; a machine without memory is another matter. */
static void tells_that_its_limit_was_reached(void **state)
{
    struct arena *arena = arena_new(4096);

    (void)state;
    assert_non_null(arena_alloc(arena, 4000));
    assert_false(arena_is_exhausted(arena));
    assert_null(arena_alloc(arena, 200));
    assert_true(arena_is_exhausted(arena));
    assert_non_null(arena_alloc(arena, 8)); /* and it stays said */
    assert_true(arena_is_exhausted(arena));
    arena_reset(arena);
    assert_false(arena_is_exhausted(arena));
    assert_null(arena_calloc(arena, SIZE_MAX / 2, 3));
    assert_true(arena_is_exhausted(arena));
    arena_reset(arena);
    assert_null(arena_dup(arena, span_of("", SIZE_MAX)).data);
    assert_true(arena_is_exhausted(arena));
    arena_free(arena);
}

static void has_room_for_an_answer_when_extended(void **state)
{
    struct arena *arena = arena_new(4096);

    (void)state;
    while (arena_alloc(arena, 16) != NULL) {
    }
    arena_extend(arena, 1024);
    arena_extend(arena, 512); /* the larger one counts */
    assert_non_null(arena_alloc(arena, 1000));
    assert_null(arena_alloc(arena, 1000));
    arena_extend(arena, SIZE_MAX);
    assert_non_null(arena_alloc(arena, 1000));
    arena_reset(arena);
    assert_non_null(arena_alloc(arena, 4096));
    assert_null(arena_alloc(arena, 1));
    arena_free(arena);
}

static void takes_the_largest_limit_without_overflow(void **state)
{
    struct arena *arena = arena_new(SIZE_MAX);

    (void)state;
    assert_null(arena_alloc(arena, huge));
    assert_null(arena_alloc(arena, huge - 8));
    assert_non_null(arena_alloc(arena, 8));
    assert_null(arena_dup(arena, span_of("", SIZE_MAX - 1)).data);
    arena_free(arena);
}

static void objects_never_overlap(void **state)
{
    static const size_t sizes[] = {0,     1,     15,    16,    17,    100,   5000,
                                   16384, 16385, 40000, 65536, 65537, 200000};
    struct arena *arena = arena_new(64u * 1024 * 1024);
    uint8_t *objects[26 * ARRAY_LEN(sizes)];
    size_t n = 0;

    (void)state;
    for (int round = 0; round < 26; round++) {
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++, n++) {
            objects[n] = arena_alloc(arena, sizes[i]);
            assert_non_null(objects[n]);
            assert_int_equal((uintptr_t)objects[n] % alignof(max_align_t), 0);
            memset(objects[n], (int)(n & 0xff), sizes[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(span_all(span_of(objects[i], sizes[i % ARRAY_LEN(sizes)]), (uint8_t)i));
    }
    arena_free(arena);
}

static void is_empty_again_after_a_reset(void **state)
{
    struct arena *arena = arena_new(256 * 1024);

    (void)state;
    for (int round = 0; round < 100; round++) {
        memset(arena_alloc(arena, 100 * 1024), round, 100 * 1024);
        memset(arena_alloc(arena, 100), round, 100);
        memset(arena_alloc(arena, 100 * 1024), round, 100 * 1024);
        assert_true(arena_used(arena) >= 200 * 1024);
        assert_null(arena_alloc(arena, 100 * 1024));
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_free(arena);
}

static void calloc_clears_what_was_used_before(void **state)
{
    struct arena *arena = arena_new(4096);

    (void)state;
    memset(arena_alloc(arena, 4096), 0xff, 4096);
    arena_reset(arena);
    assert_true(span_all(span_of(arena_calloc(arena, 64, 64), 4096), 0));
    arena_free(arena);
}

static void copies_end_with_nul(void **state)
{
    struct arena *arena = arena_new(4096);
    struct span copy = arena_dup(arena, span_of("ab\0c", 4));

    (void)state;
    assert_int_equal(copy.len, 4);
    assert_memory_equal(copy.data, "ab\0c", 5);
    copy = arena_dup(arena, (struct span){0});
    assert_int_equal(copy.len, 0);
    assert_string_equal((const char *)copy.data, "");
    assert_string_equal(arena_printf(arena, "%s-%d", "x", 7), "x-7");
    assert_string_equal(arena_printf(arena, "%s", ""), "");
    arena_free(arena);
    arena_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_past_its_limit),
        cmocka_unit_test(bounds_tiny_objects_too),
        cmocka_unit_test(tells_that_its_limit_was_reached),
        cmocka_unit_test(has_room_for_an_answer_when_extended),
        cmocka_unit_test(takes_the_largest_limit_without_overflow),
        cmocka_unit_test(objects_never_overlap),
        cmocka_unit_test(is_empty_again_after_a_reset),
        cmocka_unit_test(calloc_clears_what_was_used_before),
        cmocka_unit_test(copies_end_with_nul),
    };

    return RUN_TESTS(tests);
}
