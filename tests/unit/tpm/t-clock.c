#include "support/support.h"

#include "tpm/clock.h"

#define HALF 0x80000000u
#define STEPS TPM_CLOCK_MAX_STEPS

struct pair {
    struct tpm_clock now, last;
    enum tpm_clock_order want;
};

static void expect(const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum tpm_clock_order got = tpm_clock_compare(&pairs[i].now, &pairs[i].last);

        if (got != pairs[i].want) {
            fail_msg("pair %zu: got %d, wanted %d", i, got, pairs[i].want);
        }
    }
}

/* what an attacker would like to be later. Half the range is as far ahead as behind. */
static void takes_no_impossible_step_for_a_later_clock(void **state)
{
    static const struct pair pairs[] = {
        {{5 + STEPS + 1, 0, 9}, {5, 0, 1}, TPM_CLOCK_OLDER},
        {{5 + HALF - 1, 0, 9}, {5, 0, 1}, TPM_CLOCK_OLDER},
        {{5 + HALF, 0, 9}, {5, 0, 1}, TPM_CLOCK_OLDER},
        {{5, 0, 9}, {5 + HALF, 0, 1}, TPM_CLOCK_OLDER}, /* nor is the way back */
        {{5 + HALF + 1, 0, 9}, {5, 0, 1}, TPM_CLOCK_OLDER},
        {{5, 7 + STEPS + 1, 9}, {5, 7, 1}, TPM_CLOCK_OLDER},
        {{5, 7 + HALF, 9}, {5, 7, 1}, TPM_CLOCK_OLDER},
        {{UINT32_MAX, 0, 9}, {0, 0, 1}, TPM_CLOCK_OLDER}, /* one back, not 2^32 - 1 ahead */
        {{0, UINT32_MAX, 9}, {0, 0, 1}, TPM_CLOCK_OLDER},
    };

    (void)state;
    expect(pairs, ARRAY_LEN(pairs));
}

/* around the end of 32 bits, where the constant of a key may put any machine. */
static void counts_modulo_two_to_the_32(void **state)
{
    static const struct pair pairs[] = {
        {{0, 0, 1}, {UINT32_MAX, 0, 9}, TPM_CLOCK_LATER},
        {{UINT32_MAX, 0, 9}, {UINT32_MAX - 1, 0, 9}, TPM_CLOCK_LATER},
        {{STEPS - 1, 0, 1}, {UINT32_MAX, 0, 9}, TPM_CLOCK_LATER},
        {{STEPS, 0, 1}, {UINT32_MAX, 0, 9}, TPM_CLOCK_OLDER},
        {{HALF, 0, 1}, {HALF - 1, 0, 9}, TPM_CLOCK_LATER},
        {{HALF - 1, 0, 9}, {HALF, 0, 1}, TPM_CLOCK_OLDER},
        {{9, 0, 1}, {9, UINT32_MAX, 9}, TPM_CLOCK_LATER},
        {{9, UINT32_MAX, 9}, {9, 0, 1}, TPM_CLOCK_OLDER},
    };

    (void)state;
    expect(pairs, ARRAY_LEN(pairs));
}

/* Whatever constant the TPM adds to the counters of a key, the order is the same. */
static void is_the_same_for_every_constant_of_a_key(void **state)
{
    static const uint32_t constants[] = {0,          1,         1000000007,     HALF - 1,
                                         HALF,       HALF + 1,  UINT32_MAX - 1, UINT32_MAX,
                                         7u - STEPS, 0u - STEPS};
    static const struct pair pairs[] = {
        {{5, 2, 10}, {5, 2, 10}, TPM_CLOCK_SAME},  {{5, 2, 11}, {5, 2, 10}, TPM_CLOCK_LATER},
        {{5, 2, 9}, {5, 2, 10}, TPM_CLOCK_OLDER},  {{5, 3, 1}, {5, 2, 10}, TPM_CLOCK_LATER},
        {{5, 1, 99}, {5, 2, 10}, TPM_CLOCK_OLDER}, {{6, 0, 1}, {5, 2, 10}, TPM_CLOCK_LATER},
        {{4, 9, 99}, {5, 2, 10}, TPM_CLOCK_OLDER}, {{5 + STEPS, 0, 1}, {5, 2, 10}, TPM_CLOCK_LATER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(constants); i++) {
        for (size_t k = 0; k < ARRAY_LEN(pairs); k++) {
            struct pair pair = pairs[k];

            pair.now.reset_count += constants[i];
            pair.last.reset_count += constants[i];
            pair.now.restart_count += constants[ARRAY_LEN(constants) - 1 - i];
            pair.last.restart_count += constants[ARRAY_LEN(constants) - 1 - i];
            expect(&pair, 1);
        }
    }
}

static void compares_all_64_bits_of_the_clock(void **state)
{
    static const struct pair pairs[] = {
        {{1, 1, UINT64_MAX}, {1, 1, 0}, TPM_CLOCK_LATER},
        {{1, 1, 0}, {1, 1, UINT64_MAX}, TPM_CLOCK_OLDER},
        {{1, 1, UINT64_MAX}, {1, 1, UINT64_MAX}, TPM_CLOCK_SAME},
        {{1, 1, 1ull << 32}, {1, 1, 1}, TPM_CLOCK_LATER},
    };

    (void)state;
    expect(pairs, ARRAY_LEN(pairs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_no_impossible_step_for_a_later_clock),
        cmocka_unit_test(counts_modulo_two_to_the_32),
        cmocka_unit_test(is_the_same_for_every_constant_of_a_key),
        cmocka_unit_test(compares_all_64_bits_of_the_clock),
    };

    return RUN_TESTS(tests);
}
