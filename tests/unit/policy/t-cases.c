/*
 * The conformance cases of tests/vectors/policy/cases.json, all of them and compared in full:
 * result, reason, issued claims, properties, error, claims of the token. Every case that comes out
 * otherwise is named, and how many came out as they must is printed.
 */
#include "support/support.h"

#include "policy/claims-read.h"
#include "policy/policy.h"

enum { CASES = 399, PROPERTIES_MAX = 16 };

struct run {
    struct arena *arena;
    const char *name;
    struct policy_fault fault;
    struct policy_properties configured;
    struct policy_result result;
    bool is_read; /* the policy compiled */
    bool is_run;  /* and its configuration ran */
    size_t n_differences;
};

/* Said, not failed at: the cases behind this one are to be run and counted too. */
static void PRINTF_LIKE(2, 3) differ(struct run *run, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_error("%s: ", run->name);
    vprint_error(fmt, args);
    print_error("\n");
    va_end(args);
    run->n_differences++;
}

static void expect(struct run *run, bool is_so, const char *what)
{
    if (!is_so) {
        differ(run, "%s", what);
    }
}

static void compare_text(struct run *run, const char *what, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0) {
        differ(run, "%s is %s, wanted %s (%s)", what, got, wanted, run->fault.text);
    }
}

static const char *member(yyjson_val *object, const char *name)
{
    const char *text = json_text(json_get(object, name));

    return text == NULL ? "" : text;
}

static bool is_value(const struct claim *claim, yyjson_val *value)
{
    switch (claim->kind) {
    case CLAIM_BOOL:
        return yyjson_is_bool(value) && yyjson_get_bool(value) == claim->boolean;
    case CLAIM_INT:
        return yyjson_is_int(value) && yyjson_get_sint(value) == claim->integer &&
               (claim->integer < 0) == yyjson_is_sint(value);
    case CLAIM_STRING:
        return yyjson_is_str(value) && span_equal(json_span(value), claim->string);
    case CLAIM_JSON:
    default:
        return false;
    }
}

static void compare_claim(struct run *run, const struct claim *got, yyjson_val *wanted)
{
    if (!span_is(got->type, member(wanted, "type")) || !is_value(got, json_get(wanted, "value"))) {
        differ(run, "the claim %.*s is not the wanted %s", (int)got->type.len,
               (const char *)got->type.data, member(wanted, "type"));
    }
}

static void compare_issued(struct run *run, yyjson_val *wanted)
{
    size_t index, max;
    yyjson_val *item;

    if (run->result.issued->n != yyjson_arr_size(wanted)) {
        differ(run, "%zu claims issued, wanted %zu", run->result.issued->n,
               yyjson_arr_size(wanted));
        return;
    }
    yyjson_arr_foreach(wanted, index, max, item)
    {
        compare_claim(run, &run->result.issued->items[index], item);
    }
}

static void compare_properties(struct run *run, yyjson_val *wanted)
{
    const struct claims *early = run->configured.claims;
    const struct claims *late = run->result.properties.claims;
    size_t index, max;
    yyjson_val *item;

    if (early->n + late->n != yyjson_arr_size(wanted)) {
        differ(run, "%zu properties, wanted %zu", early->n + late->n, yyjson_arr_size(wanted));
        return;
    }
    yyjson_arr_foreach(wanted, index, max, item)
    {
        bool is_early = index < early->n;

        compare_claim(run, is_early ? &early->items[index] : &late->items[index - early->n], item);
        compare_text(run, "section",
                     policy_section_name(is_early ? run->configured.section
                                                  : run->result.properties.section),
                     member(item, "section"));
    }
}

static void compare_token(struct run *run, yyjson_val *wanted)
{
    yyjson_mut_doc *doc = json_new(run->arena);
    yyjson_mut_val *got = yyjson_mut_obj(doc);
    struct span text;
    yyjson_val *again = NULL;

    if (wanted == NULL) {
        return;
    }
    claims_to_json(doc, run->result.issued, got);
    text = json_write(run->arena, doc, got, false);
    assert_non_null(text.data);
    assert_ok(json_read(run->arena, text, NULL, NULL, &again));
    if (!yyjson_equals(again, wanted)) {
        differ(run, "in the token: %s", text.data);
    }
}

static void compare_error(struct run *run, yyjson_val *wanted)
{
    compare_text(run, "code", policy_fault_code(&run->fault), member(wanted, "code"));
    compare_text(run, "kind", policy_fault_kind_name(run->fault.kind), member(wanted, "kind"));
    expect(run, run->fault.text[0] != '\0', "an error without words");
    expect(run, run->fault.line >= 1, "an error without a line");
    expect(run, policy_fault_message(run->arena, &run->fault)[0] != '\0', "no message");
}

static const char *result_name(const struct run *run)
{
    if (!run->is_run || run->result.decision == POLICY_ERROR) {
        return "error";
    }
    return run->result.decision == POLICY_PERMIT ? "permit" : "deny";
}

static void compare(struct run *run, yyjson_val *wanted)
{
    compare_text(run, "result", result_name(run), member(wanted, "result"));
    if (strcmp(result_name(run), "error") == 0) {
        compare_error(run, json_get(wanted, "error"));
        return;
    }
    if (run->result.decision != POLICY_PERMIT) {
        compare_text(run, "reason",
                     run->result.decision == POLICY_DENY_ISSUED ? "deny-issued" : "no-permit",
                     member(wanted, "reason"));
        expect(run, run->result.issued->n == 0, "a denial issues claims");
        expect(run, run->result.properties.claims->n == 0, "a denial issues properties");
        return;
    }
    expect(run, run->result.is_permitted, "permit, and not permitted");
    compare_issued(run, json_get(wanted, "issued"));
    compare_properties(run, json_get(wanted, "properties"));
    compare_token(run, json_get(wanted, "token_claims"));
}

/* With and without writing down the way, which must not change where it leads. */
static void evaluate(struct run *run, const struct policy *policy, yyjson_val *incoming)
{
    struct claims *claims = NULL;
    struct policy_trace trace;
    struct policy_result traced;
    err_t err = policy_configure(run->arena, policy, &run->configured, &run->fault);

    expect(run, err == ERR_OK || err == ERR_VALUE, "configuration ends in another error");
    run->is_run = err == ERR_OK;
    if (err) {
        return;
    }
    assert_ok(claims_read(run->arena, incoming, NULL, &claims));
    assert_ok(policy_evaluate(run->arena, policy, claims, NULL, &run->result));
    assert_ok(policy_evaluate(run->arena, policy, claims, &trace, &traced));
    expect(run, run->result.decision == traced.decision, "another result when it is traced");
    for (size_t i = 0; i < trace.n; i++) {
        expect(run, trace.rules[i].text != NULL && trace.rules[i].words[0] != '\0',
               "a rule of the trace says nothing");
    }
    run->fault = run->result.fault;
}

/* Did it come out as expected? */
static bool run_case(yyjson_val *item)
{
    struct run run = {.arena = test_arena(), .name = member(item, "name")};
    CLEANUP(policy_unref) struct policy *policy = NULL;
    err_t err = policy_compile(json_span(json_get(item, "policy")), &run.fault, &policy);

    expect(&run, err == ERR_OK || err == ERR_VALUE, "compiling ends in another error");
    if (err == ERR_OK) {
        evaluate(&run, policy, json_get(item, "incoming_claims"));
    }
    compare(&run, json_get(item, "expect"));
    arena_free(run.arena);
    return run.n_differences == 0;
}

static void every_case_comes_out_as_expected(void **state)
{
    struct arena *arena = test_arena();
    yyjson_val *cases = NULL;
    yyjson_val *item;
    size_t index, max, n_good = 0, n_cases;

    (void)state;
    assert_ok(json_read(arena, test_vector(arena, "policy/cases.json"), NULL, NULL, &cases));
    yyjson_arr_foreach(cases, index, max, item)
    {
        n_good += run_case(item) ? 1 : 0;
    }
    n_cases = yyjson_arr_size(cases);
    arena_free(arena);
    print_message("figure: policy: %zu of %zu cases as expected\n", n_good, n_cases);
    assert_int_equal(n_good, n_cases);
    assert_int_equal(n_cases, CASES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_comes_out_as_expected),
    };

    return RUN_TESTS(tests);
}
