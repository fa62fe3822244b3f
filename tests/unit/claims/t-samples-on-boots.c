/*
 * Published policies on recorded boots: each boot attests by /attest/Tpm with a quote made here,
 * the claims are what its log proves, and each policy comes to the result that stands in the table.
 */
#include "unit/appraise/tpm-requests.h"

#include "base/file.h"
#include "claims/claims.h"
#include "policy/policy.h"

static const char *const boots[] = {"a-secureboot-healthy", "b-secureboot-off", "k-uki-healthy"};

enum { BOOTS = ARRAY_LEN(boots), WORDS_MAX = 600 };

/* "permit secureBootEnabled=true" for each boot; NULL: as the boot before. */
static const struct {
    const char *policy;
    const char *results[BOOTS];
} table[] = {
#include "samples-on-boots.h"
};

static struct claims *claims_of(struct attester *t, const char *boot)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct appraisal *a;
    struct claims *claims;

    attester_begin(t, boot);
    a = attester_judge(t);
    claims = claims_new(t->r.machine.arena);
    assert_true(appraisal_is_proven(a));
    assert_ok(claims_tpm(t->r.machine.arena, hasher, a, t->evidence, NULL, claims));
    appraisal_done(a);
    return claims;
}

/* The decision and what was issued; long texts by their length. */
static const char *result_words(struct arena *arena, const struct policy *policy,
                                const struct claims *claims)
{
    static const char *const decisions[] = {[POLICY_ERROR] = "error",
                                            [POLICY_NO_PERMIT] = "no-permit",
                                            [POLICY_DENY_ISSUED] = "deny",
                                            [POLICY_PERMIT] = "permit"};
    struct policy_result result;
    const char *words;

    assert_ok(policy_evaluate(arena, policy, claims, NULL, &result));
    words = decisions[result.decision];
    if (result.decision == POLICY_ERROR) {
        return arena_printf(arena, "error %s", policy_fault_kind_name(result.fault.kind));
    }
    for (size_t i = 0; i < result.issued->n; i++) {
        const struct claim *claim = &result.issued->items[i];
        const char *type = arena_printf(arena, "%.*s", (int)claim->type.len, claim->type.data);

        switch (claim->kind) {
        case CLAIM_BOOL:
            words = arena_printf(arena, "%s %s=%s", words, type, claim->boolean ? "true" : "false");
            break;
        case CLAIM_INT:
            words = arena_printf(arena, "%s %s=%lld", words, type, (long long)claim->integer);
            break;
        default:
            words = claim->string.len > 40
                        ? arena_printf(arena, "%s %s=(%s)", words, type, "text")
                        : arena_printf(arena, "%s %s='%.*s'", words, type, (int)claim->string.len,
                                       (const char *)claim->string.data);
            break;
        }
    }
    return words;
}

static struct span sample(struct arena *arena, const char *name)
{
    struct span text = test_public_file(arena, arena_printf(arena, "policy/samples/%s", name));

    if (strncmp(name, "snippet-", 8) != 0 && strncmp(name, "grammar-", 8) != 0) {
        return text;
    }
    return span_str(arena_printf(arena,
                                 "version=1.2;\nauthorizationrules\n{\n=> permit();\n};\n"
                                 "issuancerules\n{\n%.*s\n};\n",
                                 (int)text.len, (const char *)text.data));
}

static const char *wanted_of(const char *policy, size_t boot)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(table[i].policy, policy) == 0) {
            while (boot > 0 && table[i].results[boot] == NULL) {
                boot--;
            }
            return table[i].results[boot];
        }
    }
    return NULL;
}

static void published_policies_decide_on_recorded_boots_as_the_table_says(void **state)
{
    static struct attester attesters[BOOTS];
    const struct claims *claims[BOOTS];
    struct arena *arena;
    const char **names = NULL;
    size_t n_results = 0, n_wrong = 0;

    (void)state;
    test_needs_public_data();
    arena = test_arena();
    assert_ok(file_list(arena, arena_printf(arena, "%s/policy/samples", test_public_data()), NULL,
                        &names));
    for (size_t b = 0; b < BOOTS; b++) {
        claims[b] = claims_of(&attesters[b], boots[b]);
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        CLEANUP(policy_unref) struct policy *policy = NULL;
        struct policy_fault fault = {0};

        if (policy_compile(sample(arena, names[i]), &fault, &policy) != ERR_OK) {
            continue; /* which those are, tests/unit/policy/t-samples.c says */
        }
        for (size_t b = 0; b < BOOTS; b++) {
            const char *words = result_words(arena, policy, claims[b]);
            const char *wanted = wanted_of(names[i], b);

            n_results++;
            if (wanted == NULL || strcmp(words, wanted) != 0) {
                print_message("%s on %s:\n  %s\n  wanted %s\n", names[i], boots[b], words,
                              wanted == NULL ? "(not in the table)" : wanted);
                n_wrong++;
            }
        }
    }
    print_message("figure: %zu results of published policies on recorded boots, %zu not as the "
                  "table says\n",
                  n_results, n_wrong);
    for (size_t b = 0; b < BOOTS; b++) {
        attester_end(&attesters[b]);
    }
    arena_free(arena);
    assert_int_equal(n_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_policies_decide_on_recorded_boots_as_the_table_says),
    };

    return RUN_TESTS(tests);
}
