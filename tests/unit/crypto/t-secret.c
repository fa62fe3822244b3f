#include "crypto/secret.h"

#include "support/support.h"

static void compares_lengths_and_contents(void **state)
{
    (void)state;
    assert_true(secret_equal(span_str("abc"), span_str("abc")));
    assert_false(secret_equal(span_str("abc"), span_str("abd")));
    assert_false(secret_equal(span_str("abc"), span_str("ab")));
    assert_false(secret_equal(span_str("ab"), span_str("abc")));
    assert_true(secret_equal((struct span){0}, (struct span){0}));
    assert_false(secret_equal((struct span){0}, span_str("a")));
}

/* challenges come from here (CVE-2026-6420 was a constant). */
static void never_gives_the_same_bytes_twice(void **state)
{
    enum { COUNT = 1000, SIZE = 16 };
    static uint8_t seen[COUNT][SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_ok(random_bytes(seen[i], SIZE));
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(seen[i], seen[k], SIZE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_lengths_and_contents),
        cmocka_unit_test(never_gives_the_same_bytes_twice),
    };

    return RUN_TESTS(tests);
}
