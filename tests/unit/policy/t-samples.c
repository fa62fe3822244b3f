/*
 * Published policies, read from where the public corpora lie: those that the language has are
 * accepted, the others refused for the known reason; laid out anew they say the same.
 */
#include "support/support.h"

#include "base/file.h"
#include "policy/policy.h"

static const struct {
    const char *name;
    enum policy_fault_kind kind;
} rejected[] = {
    {"author-1.0-structure.txt", POLICY_FAULT_SYNTAX},
    {"sgx-1.0-custom.txt", POLICY_FAULT_SYNTAX},
    {"sgx-1.1-custom-tcb.txt", POLICY_FAULT_SYNTAX},
    {"snippet-1.2-secure-boot.txt", POLICY_FAULT_UNKNOWN_VARIABLE},
    {"tpm-1.2-functions-page-secureboot.txt", POLICY_FAULT_SYNTAX},
    {"tpm-1.2-secureboot-elam.txt", POLICY_FAULT_SYNTAX},
};

/* Snippets hold rules alone and are read inside an issuancerules section. */
static struct span sample(struct arena *arena, const char *name)
{
    const char *path = arena_printf(arena, "policy/samples/%s", name);
    struct span text = test_public_file(arena, path);

    if (strncmp(name, "snippet-", 8) != 0 && strncmp(name, "grammar-", 8) != 0) {
        return text;
    }
    return span_str(arena_printf(arena,
                                 "version=1.2;\nauthorizationrules\n{\n=> permit();\n};\n"
                                 "issuancerules\n{\n%.*s\n};\n",
                                 (int)text.len, (const char *)text.data));
}

static enum policy_fault_kind wanted_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rejected); i++) {
        if (strcmp(rejected[i].name, name) == 0) {
            return rejected[i].kind;
        }
    }
    return POLICY_FAULT_NONE;
}

static void expect_layout_that_says_the_same(struct arena *arena, const char *name,
                                             const struct policy *policy)
{
    CLEANUP(policy_unref) struct policy *again = NULL;
    struct policy_fault fault = {0};
    struct span once = {0}, twice = {0};

    assert_ok(policy_format(arena, policy_source(policy), &fault, &once));
    if (policy_compile(once, &fault, &again) != ERR_OK) {
        fail_msg("%s laid out: %s", name, policy_fault_show(arena, &fault, name, once));
    }
    if (!policy_same(policy, again)) {
        fail_msg("%s says something else when laid out:\n%s", name, once.data);
    }
    assert_ok(policy_format(arena, once, &fault, &twice));
    if (!span_equal(once, twice)) {
        fail_msg("%s changes when laid out again:\n%s---\n%s", name, once.data, twice.data);
    }
}

/* Without evidence a policy comes to a result too. */
static void expect_result(struct arena *arena, const char *name, const struct policy *policy)
{
    struct policy_properties properties;
    struct policy_result result;
    struct policy_fault fault;
    struct policy_warnings warnings;

    assert_ok(policy_configure(arena, policy, &properties, &fault));
    assert_ok(policy_evaluate(arena, policy, claims_new(arena), NULL, &result));
    if (result.decision == POLICY_ERROR) {
        fail_msg("%s: %s", name, result.fault.text);
    }
    assert_ok(policy_lint(arena, policy, &warnings));
}

static void published_policies_are_read_as_the_language_has_them(void **state)
{
    struct arena *arena;
    const char **names = NULL;
    size_t n_accepted = 0, n_rejected = 0;

    (void)state;
    test_needs_public_data();
    arena = test_arena();
    assert_ok(file_list(arena, arena_printf(arena, "%s/policy/samples", test_public_data()), NULL,
                        &names));
    for (size_t i = 0; names[i] != NULL; i++) {
        CLEANUP(policy_unref) struct policy *policy = NULL;
        struct policy_fault fault = {0};
        enum policy_fault_kind wanted = wanted_of(names[i]);
        err_t err = policy_compile(sample(arena, names[i]), &fault, &policy);

        if (fault.kind != wanted) {
            fail_msg("%s: %s (%s), wanted '%s'", names[i], policy_fault_kind_name(fault.kind),
                     fault.text, policy_fault_kind_name(wanted));
        }
        if (err) {
            n_rejected++;
            continue;
        }
        expect_layout_that_says_the_same(arena, names[i], policy);
        expect_result(arena, names[i], policy);
        n_accepted++;
    }
    print_message("figure: policy: %zu published policies accepted and laid out alike twice, %zu "
                  "refused as known\n",
                  n_accepted, n_rejected);
    assert_int_equal(n_rejected, ARRAY_LEN(rejected));
    assert_true(n_accepted >= 50);
    arena_free(arena);
}

/* The conformance cases are policies too. */
static void policies_of_the_cases_keep_their_meaning_when_laid_out(void **state)
{
    struct arena *arena = test_arena();
    yyjson_val *cases = NULL;
    yyjson_val *item;
    size_t index, max, n_kept = 0;

    (void)state;
    assert_ok(json_read(arena, test_vector(arena, "policy/cases.json"), NULL, NULL, &cases));
    yyjson_arr_foreach(cases, index, max, item)
    {
        CLEANUP(policy_unref) struct policy *policy = NULL;
        struct policy_fault fault;

        if (policy_compile(json_span(json_get(item, "policy")), &fault, &policy) == ERR_OK) {
            expect_layout_that_says_the_same(arena, json_text(json_get(item, "name")), policy);
            n_kept++;
        }
    }
    print_message("figure: policy: %zu policies of the cases laid out alike twice\n", n_kept);
    assert_true(n_kept > 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_of_the_cases_keep_their_meaning_when_laid_out),
        cmocka_unit_test(published_policies_are_read_as_the_language_has_them),
    };

    return RUN_TESTS(tests);
}
