#include "agent/retry.h"

#include "agent/options.h"
#include "support/support.h"

/* decisions, section 10: 5, 10, 20 s, Retry-After if larger. */
static void retries_wait_5_10_20_seconds_and_then_end(void **state)
{
    struct retry retry = {.left = AGENT_MAX_RETRIES, .wait_ms = AGENT_RETRY_WAIT_MS};
    uint64_t wait = 0;

    (void)state;
    assert_true(retry_next(&retry, 0, AGENT_MAX_WAIT_MS, 0, &wait));
    assert_int_equal(wait, 5000);
    assert_true(retry_next(&retry, 3000, AGENT_MAX_WAIT_MS, 0, &wait));
    assert_int_equal(wait, 10000);
    assert_true(retry_next(&retry, 60000, AGENT_MAX_WAIT_MS, 0, &wait));
    assert_int_equal(wait, 60000);
    assert_false(retry_next(&retry, 0, AGENT_MAX_WAIT_MS, 0, &wait));
}

static void jitter_adds_less_than_a_quarter(void **state)
{
    uint64_t wait = 0;

    (void)state;
    for (uint32_t jitter = 0; jitter < 1000; jitter += 37) {
        struct retry retry = {.left = 1, .wait_ms = 10000};

        assert_true(retry_next(&retry, 0, AGENT_MAX_WAIT_MS, jitter, &wait));
        assert_in_range(wait, 10000, 12499);
    }
}

static void a_service_that_asks_for_an_hour_ends_the_run(void **state)
{
    struct retry retry = {.left = 3, .wait_ms = 5000};
    uint64_t wait = 0;

    (void)state;
    assert_false(retry_next(&retry, 3600 * 1000, AGENT_MAX_WAIT_MS, 0, &wait));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_wait_5_10_20_seconds_and_then_end),
        cmocka_unit_test(jitter_adds_less_than_a_quarter),
        cmocka_unit_test(a_service_that_asks_for_an_hour_ends_the_run),
    };

    return RUN_TESTS(tests);
}
