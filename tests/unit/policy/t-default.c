/*
 * The default policy: every rule can deny, an absent claim denies (S-1, S-3), and its text is what
 * tokens name by its hash.
 */
#include "support/policy.h"
#include "support/support.h"

static const char *const required[] = {
    "secureboot",
    "x-ms-azurevm-default-securebootkeysvalidated",
    "x-ms-azurevm-dbvalidated",
    "x-ms-azurevm-dbxvalidated",
    "x-ms-azurevm-debuggersdisabled",
    "x-ms-azurevm-signingdisabled",
};

static struct policy_result evaluate(struct arena *arena, const struct claims *claims)
{
    struct policy_result result = {0};

    assert_ok(policy_evaluate(arena, test_default_policy(), claims, NULL, &result));
    return result;
}

/* The verifier completes its claims before any policy sees them; no claim of a client can stand in
 * for one of the service. */
static void denies_each_claim_that_is_false_absent_no_boolean_or_of_a_client(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t bad = 0; bad < ARRAY_LEN(required); bad++) {
        for (int how = 0; how < 4; how++) {
            struct claims *claims = claims_new(arena);
            struct policy_result result;
            struct claim foreign = {
                .type = span_str(required[bad]), .kind = CLAIM_BOOL, .boolean = true};

            for (size_t i = 0; i < ARRAY_LEN(required); i++) {
                if (i != bad) {
                    assert_ok(claims_add_bool(claims, required[i], true));
                } else if (how == 0) {
                    assert_ok(claims_add_bool(claims, required[i], false));
                } else if (how == 1) {
                    assert_ok(claims_add_string(claims, required[i], "true"));
                } else if (how == 2) {
                    assert_ok(claims_add(claims, &foreign));
                }
            }
            assert_ok(policy_complete_azureguest(claims));
            result = evaluate(arena, claims);
            assert_int_equal(result.decision, POLICY_DENY_ISSUED);
            assert_false(result.is_permitted);
            assert_non_null(strstr(result.rule, required[bad]));
            assert_non_null(strstr(result.rule, "is false"));
            assert_int_equal(result.issued->n, 0);
        }
    }
    arena_free(arena);
}

static void permits_when_all_hold_and_issues_nothing_of_its_own(void **state)
{
    struct arena *arena = test_arena();
    struct claims *claims = claims_new(arena);
    struct policy_result result;
    size_t n;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        assert_ok(claims_add_bool(claims, required[i], true));
    }
    assert_ok(claims_add_string(claims, "x-ms-azurevm-ostype", "Linux"));
    n = claims->n;
    assert_ok(policy_complete_azureguest(claims));
    assert_int_equal(claims->n, n);
    result = evaluate(arena, claims);
    assert_true(result.is_permitted);
    assert_int_equal(result.decision, POLICY_PERMIT);
    assert_int_equal(result.issued->n, 0);
    arena_free(arena);
}

/* Whoever pins a policy by its hash in tokens would see a change of the text as a change of rules.
 */
static void its_text_and_hash_stay(void **state)
{
    struct arena *arena = test_arena();
    const char *hash = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        assert_non_null(
            strstr((const char *)policy_source(test_default_policy()).data, required[i]));
    }
    assert_true(span_equal(policy_source(test_default_policy()), policy_default_azureguest_text()));
    assert_ok(policy_hash(arena, policy_default_azureguest_text(), &hash));
    assert_string_equal(hash, "vrw592Xfx9jEgSxSNpvnPW0-lmQxW2sfgzmpGK7c-is");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denies_each_claim_that_is_false_absent_no_boolean_or_of_a_client),
        cmocka_unit_test(permits_when_all_hold_and_issues_nothing_of_its_own),
        cmocka_unit_test(its_text_and_hash_stay),
    };

    return RUN_TESTS(tests);
}
