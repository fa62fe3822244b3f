/*
 * The default policy: every rule can deny, an absent claim denies (S-1, S-3), and its text says the
 * same.
 */
#include "support/support.h"

#include "policy/policy.h"

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

    assert_ok(policy_evaluate(arena, policy_default_azureguest(), claims, &result));
    return result;
}

static void denies_each_claim_that_is_false_absent_or_no_boolean(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t bad = 0; bad < ARRAY_LEN(required); bad++) {
        for (int how = 0; how < 3; how++) {
            struct claims *claims = arena_calloc(arena, 1, sizeof(*claims));
            struct policy_result result;

            for (size_t i = 0; i < ARRAY_LEN(required); i++) {
                if (i != bad) {
                    assert_ok(claims_add_bool(claims, required[i], true));
                } else if (how == 0) {
                    assert_ok(claims_add_bool(claims, required[i], false));
                } else if (how == 1) {
                    assert_ok(claims_add_string(claims, required[i], "true"));
                }
            }
            result = evaluate(arena, claims);
            assert_false(result.is_permitted);
            assert_non_null(strstr(result.rule, required[bad]));
            assert_int_equal(result.issued->n, 0);
        }
    }
    arena_free(arena);
}

static void permits_and_issues_when_all_hold(void **state)
{
    struct arena *arena = test_arena();
    struct claims *claims = arena_calloc(arena, 1, sizeof(*claims));
    struct policy_result result;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        assert_ok(claims_add_bool(claims, required[i], true));
    }
    assert_ok(claims_add_string(claims, "x-ms-azurevm-ostype", "Linux"));
    result = evaluate(arena, claims);
    assert_true(result.is_permitted);
    assert_int_equal(result.issued->n, claims->n);
    arena_free(arena);
}

static void its_text_names_every_rule(void **state)
{
    struct arena *arena = test_arena();
    const char *hash = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        assert_non_null(strstr(policy_text(policy_default_azureguest()), required[i]));
    }
    assert_ok(policy_hash(arena, policy_default_azureguest(), &hash));
    assert_int_equal(strlen(hash), 43);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denies_each_claim_that_is_false_absent_or_no_boolean),
        cmocka_unit_test(permits_and_issues_when_all_hold),
        cmocka_unit_test(its_text_names_every_rule),
    };

    return RUN_TESTS(tests);
}
