#include "unit/tpm/helper.h"

static struct tpm_attest recorded_quote(struct arena *arena, const char *name)
{
    struct tpm_attest attest = {0};

    assert_ok(tpm_attest_parse(boot_file(arena, healthy, name), TPM_ATTEST_QUOTE, NULL, &attest));
    return attest;
}

/* any other value of any selected register is another digest. */
static void refuses_any_other_value(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);
    struct tpm_attest quote = recorded_quote(arena, "quote_rsa_allbanks.attest");

    (void)state;
    assert_ok(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL));
    for (enum hash_alg bank = HASH_SHA1; bank <= HASH_SHA384; bank++) {
        for (size_t pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            pcrs.value[bank][pcr][hash_size(bank) - 1] ^= 1;
            assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL), ERR_MISMATCH);
            pcrs.value[bank][pcr][hash_size(bank) - 1] ^= 1;
        }
    }
    arena_free(arena);
}

/* SHA-1, SHA-256 and SHA-384 banks, all under the hash of the scheme. */
static void hashes_with_the_scheme_and_not_the_bank(void **state)
{
    static const char *const names[] = {"quote_rsa.attest", "quote_ecc.attest",
                                        "quote_rsa_allbanks.attest"};
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct tpm_attest quote = recorded_quote(arena, names[i]);

        assert_ok(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL));
        assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA1, &pcrs, NULL), ERR_MISMATCH);
        assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA384, &pcrs, NULL), ERR_MISMATCH);
    }
    arena_free(arena);
}

static void names_the_register_that_is_not_given(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);
    struct tpm_attest quote = recorded_quote(arena, "quote_rsa.attest");
    struct trail trail = {0};

    (void)state;
    pcrs.have[HASH_SHA256] &= ~(1u << 9);
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, &trail), ERR_NOT_FOUND);
    assert_string_equal(trail.what, "PCR 9 of bank sha256 is quoted but not given");
    arena_free(arena);
}

/* Q-13 (CVE-2022-0317): a quote over nothing proves nothing, whatever its digest. */
static void refuses_quotes_over_nothing(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);
    struct tpm_attest quote = recorded_quote(arena, "quote_rsa.attest");
    uint8_t empty[SHA256_BYTES];

    (void)state;
    assert_ok(hash_once(HASH_SHA256, (struct span){0}, empty));
    quote.pcr_digest = span_of(empty, sizeof(empty));
    quote.selections[0].mask = 0;
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL), ERR_MISMATCH);
    quote.n_selections = 0;
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL), ERR_MISMATCH);
    arena_free(arena);
}

/* Q-13, ALG-6: an unknown bank cannot be checked; one that selects nothing does not matter. */
static void refuses_unknown_banks_unless_empty(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);
    struct tpm_attest quote = recorded_quote(arena, "quote_rsa.attest");

    (void)state;
    quote.selections[1] = (struct tpm_selection){.alg = TPM_SM3_256, .bank = HASH_NONE};
    quote.n_selections = 2;
    assert_ok(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL));
    quote.selections[1].mask = 1;
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL), ERR_UNSUPPORTED);
    arena_free(arena);
}

static void refuses_digests_of_another_length(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);
    struct tpm_attest quote = recorded_quote(arena, "quote_rsa.attest");

    (void)state;
    quote.pcr_digest = span_cut(quote.pcr_digest, 0, 31);
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL), ERR_MISMATCH);
    quote.pcr_digest = (struct span){0};
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL), ERR_MISMATCH);
    arena_free(arena);
}

/* the order of the list counts. */
static void keeps_the_listed_order(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);
    struct tpm_attest quote = recorded_quote(arena, "quote_rsa_allbanks.attest");
    struct tpm_selection first = quote.selections[0];

    (void)state;
    quote.selections[0] = quote.selections[1];
    quote.selections[1] = first;
    assert_err(tpm_quote_check_pcrs(&quote, HASH_SHA256, &pcrs, NULL), ERR_MISMATCH);
    arena_free(arena);
}

static void policy_digest_covers_selection_and_values(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_pcrs pcrs = boot_pcrs(arena, healthy);
    uint8_t digest[SHA256_BYTES];
    uint8_t other[SHA256_BYTES];

    (void)state;
    assert_ok(tpm_policy_pcr_digest(0xff, 3, &pcrs, digest));
    assert_ok(tpm_policy_pcr_digest(0xfe, 3, &pcrs, other));
    assert_memory_not_equal(digest, other, sizeof(digest));
    assert_ok(tpm_policy_pcr_digest(0xff, 4, &pcrs, other));
    assert_memory_not_equal(digest, other, sizeof(digest));
    pcrs.value[HASH_SHA256][7][0] ^= 1;
    assert_ok(tpm_policy_pcr_digest(0xff, 3, &pcrs, other));
    assert_memory_not_equal(digest, other, sizeof(digest));
    pcrs.have[HASH_SHA256] &= ~1u;
    assert_err(tpm_policy_pcr_digest(0xff, 3, &pcrs, other), ERR_NOT_FOUND);
    assert_err(tpm_policy_pcr_digest(0x1fe, 1, &pcrs, other), ERR_VALUE);
    assert_err(tpm_policy_pcr_digest(2, 0, &pcrs, other), ERR_VALUE);
    assert_err(tpm_policy_pcr_digest(2, 5, &pcrs, other), ERR_VALUE);
    assert_err(tpm_policy_pcr_digest(1u << 24, 4, &pcrs, other), ERR_VALUE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_any_other_value),
        cmocka_unit_test(hashes_with_the_scheme_and_not_the_bank),
        cmocka_unit_test(names_the_register_that_is_not_given),
        cmocka_unit_test(refuses_quotes_over_nothing),
        cmocka_unit_test(refuses_unknown_banks_unless_empty),
        cmocka_unit_test(refuses_digests_of_another_length),
        cmocka_unit_test(keeps_the_listed_order),
        cmocka_unit_test(policy_digest_covers_selection_and_values),
    };

    return RUN_TESTS(tests);
}
