/*
 * Beyond the conformance cases: results in words, properties, what reaches a token, what a policy
 * cannot see, and one policy on many threads.
 */
#include "support/support.h"

#include "policy/policy.h"

#include <pthread.h>

static struct policy *compile(const char *text)
{
    struct policy *policy = NULL;
    struct policy_fault fault = {0};

    if (policy_compile(span_str(text), &fault, &policy) != ERR_OK) {
        fail_msg("%s at %u:%u", fault.text, fault.line, fault.column);
    }
    return policy;
}

static struct policy_result evaluate(struct arena *arena, const char *text,
                                     const struct claims *claims)
{
    struct policy *policy = compile(text);
    struct policy_result result;

    assert_ok(policy_evaluate(arena, policy, claims, NULL, &result));
    policy_unref(policy);
    return result;
}

static void a_result_that_nobody_filled_in_permits_nothing(void **state)
{
    struct policy_result result = {0};

    (void)state;
    assert_int_equal(result.decision, POLICY_ERROR);
    assert_false(result.is_permitted);
}

/* What a double rounds is another number: kept exactly, or refused. */
static void whole_numbers_of_json_are_exact_or_refused(void **state)
{
    static const struct {
        const char *json, *want; /* NULL: unsupported-json */
    } cases[] = {
        {"9007199254740993.5", NULL},
        {"0.99999999999999999999", NULL},
        {"9223372036854775808", NULL},
        {"-9223372036854775809", NULL},
        {"-9223372036854775809.0", NULL},
        {"[1,2.5]", NULL},
        {"1e999", NULL},
        {"9007199254740993.0", "9007199254740993"},
        {"9223372036854775807.0", "9223372036854775807"},
        {"-9223372036854775808.00", "-9223372036854775808"},
        {"90071992547409930e-1", "9007199254740993"},
        {"2.0", "2"},
        {"2e1", "20"},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_result result =
            evaluate(arena,
                     arena_printf(arena,
                                  "version=1.2;authorizationrules{=> permit();};issuancerules{"
                                  "=> add(type=\"n\", value=JsonToClaimValue(\"%s\"));"
                                  "[type==\"n\", value==%s] => issue(type=\"same\", value=true);};",
                                  cases[i].json, cases[i].want == NULL ? "0" : cases[i].want),
                     claims_new(arena));

        if (cases[i].want == NULL ? result.decision != POLICY_ERROR ||
                                        result.fault.kind != POLICY_FAULT_UNSUPPORTED_JSON
                                  : result.decision != POLICY_PERMIT || result.issued->n != 1) {
            fail_msg("%s", cases[i].json);
        }
    }
    arena_free(arena);
}

static void decisions_are_said_in_words_with_their_line(void **state)
{
    static const struct {
        const char *text;
        enum policy_decision decision;
        const char *words, *message;
    } cases[] = {
        {"version=1.0;\nauthorizationrules{\n[type==\"a\", value==false]\n=> deny();};",
         POLICY_DENY_ISSUED, "line 3 denies: a is false", "A Deny claim was issued"},
        {"version=1.2;authorizationrules{![type==\"b\"] && [type==\"a\", value!=true] => deny();};",
         POLICY_DENY_ISSUED, "line 1 denies: there is no b and a is not true",
         "A Deny claim was issued"},
        {"version=1.0;authorizationrules{[value < 5] => deny();};", POLICY_DENY_ISSUED,
         "line 1 denies: [value<5]", "A Deny claim was issued"},
        {"version=1.0;authorizationrules{=> deny();};", POLICY_DENY_ISSUED,
         "line 1 denies without condition", "A Deny claim was issued"},
        {"version=1.0;authorizationrules{[type==\"x\"] => permit();};", POLICY_NO_PERMIT,
         "no rule permits it", "A Permit claim was not issued"},
        {"version=1.0;authorizationrules{\n\n=> permit();};", POLICY_PERMIT,
         "line 3 permits without condition", ""},
        {"version=1.2;authorizationrules{\n=> add(type=\"x\", value=NegateBool(1));};",
         POLICY_ERROR,
         "line 2 fails: NegateBool: the first argument is of kind Integer, where Boolean is needed",
         "Policy Engine Exception: NegateBool: the first argument is of kind Integer"},
    };
    struct arena *arena = test_arena();
    struct claims *claims = claims_new(arena);

    (void)state;
    assert_ok(claims_add_bool(claims, "a", false));
    assert_ok(claims_add_int(claims, "n", 4));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_result result = evaluate(arena, cases[i].text, claims);

        assert_int_equal(result.decision, cases[i].decision);
        assert_string_equal(result.rule, cases[i].words);
        assert_non_null(strstr(policy_result_message(arena, &result), cases[i].message));
    }
    arena_free(arena);
}

/* Values of claims are evidence of a machine; they do not belong into messages. */
static void messages_do_not_show_values(void **state)
{
    struct arena *arena = test_arena();
    struct claims *claims = claims_new(arena);
    struct policy_result result;

    (void)state;
    assert_ok(claims_add_string(claims, "a", "{secret"));
    result = evaluate(arena,
                      "version=1.2;authorizationrules{c:[type==\"a\"] => add(type=\"x\", "
                      "value=JmesPath(c.value, \"a\"));};",
                      claims);
    assert_int_equal(result.fault.kind, POLICY_FAULT_INVALID_JSON);
    assert_null(strstr(policy_result_message(arena, &result), "secret"));
    assert_null(strstr(result.rule, "secret"));
    arena_free(arena);
}

static void every_rule_says_whether_it_fired_and_why_not(void **state)
{
    struct arena *arena = test_arena();
    struct claims *claims = claims_new(arena);
    struct policy *policy =
        compile("version=1.2;\n"
                "authorizationrules{\n"
                "[type==\"x\"] => deny();\n"
                "[type==\"a\", value==1] && [type==\"a\", value==9] => deny();\n"
                "![type==\"a\"] => deny();\n"
                "=> permit();\n};\n"
                "issuancerules{\n"
                "c:[type==\"a\"] => issue(type=\"out\", value=c.value);\n"
                "=> issue(type=\"o\", value=JsonToClaimValue(\"[]\"));\n"
                "=> add(type=\"o\", value=NegateBool(1));\n"
                "=> add(type=\"o\", value=1);\n"
                "};");
    static const char *const words[] = {
        "condition 1, [type==\"x\"]: no claim has type==\"x\"",
        "condition 2, [type==\"a\", value==9]: of 2 claims with type==\"a\", none has value==9",
        "condition 1, ![type==\"a\"]: 2 claims match",
        "permits",
        "issues out = 1, out = 2",
        "issues nothing: there is no value",
        "fails: NegateBool",
        "was not reached",
    };
    static const uint32_t lines[] = {3, 4, 5, 6, 9, 10, 11, 12};
    static const bool fired[] = {false, false, false, true, true, true, false, false};
    struct policy_trace trace;
    struct policy_result result;

    (void)state;
    assert_ok(claims_add_int(claims, "a", 1));
    assert_ok(claims_add_int(claims, "a", 2));
    assert_ok(policy_evaluate(arena, policy, claims, &trace, &result));
    assert_int_equal(result.decision, POLICY_ERROR);
    assert_int_equal(trace.n, ARRAY_LEN(words));
    for (size_t i = 0; i < trace.n; i++) {
        if (strstr(trace.rules[i].words, words[i]) == NULL) {
            fail_msg("rule %zu: '%s' lacks '%s'", i, trace.rules[i].words, words[i]);
        }
        assert_int_equal(trace.rules[i].line, lines[i]);
        assert_int_equal(trace.rules[i].has_fired, fired[i]);
        assert_int_equal(trace.rules[i].was_reached, i < 7);
        assert_int_equal(trace.rules[i].is_fault, i == 6);
    }
    assert_string_equal(trace.rules[4].text,
                        "c:[type==\"a\"] => issue(type=\"out\", value=c.value)");
    policy_unref(policy);
    arena_free(arena);
}

/* U6: whether a comparison fails hangs neither on the claims nor on the order of the tests. */
static void ordering_against_a_set_fails_before_claims_are_looked_at(void **state)
{
    static const char *const conditions[] = {"[type==\"svn\", value>=m.value]",
                                             "[value>=m.value, type==\"svn\"]"};
    struct arena *arena = test_arena();
    struct claims *claims = claims_new(arena);

    (void)state;
    assert_ok(claims_add_int(claims, "min", 1));
    assert_ok(claims_add_int(claims, "min", 2));
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        struct policy_result result = evaluate(
            arena,
            arena_printf(arena,
                         "version=1.0;authorizationrules{m:[type==\"min\"] && %s => permit();};",
                         conditions[i]),
            claims);

        assert_int_equal(result.fault.kind, POLICY_FAULT_NOT_SINGLE_VALUE);
    }
    arena_free(arena);
}

static void properties_have_defaults_and_the_last_one_counts(void **state)
{
    struct arena *arena = test_arena();
    struct policy *plain = compile("version=1.0;authorizationrules{=>permit();};");
    struct policy *set =
        compile("version=1.1;configurationrules{"
                "=>issueproperty(type=\"required_pcr_mask\",value=15);"
                "=>issueproperty(type=\"required_pcr_mask\",value=255);"
                "=>issueproperty(type=\"require_valid_aik_cert\",value=false);"
                "=>issueproperty(type=\"omit_x5c\",value=\"of the other section\");};"
                "authorizationrules{=>permit();};"
                "issuancerules{=>issueproperty(type=\"report_validity_in_minutes\",value=5);"
                "=>issueproperty(type=\"omit_x5c\",value=true);};");
    struct policy_properties p;
    struct policy_fault fault;
    struct policy_result result;

    (void)state;
    assert_ok(policy_configure(arena, plain, &p, &fault));
    assert_true(p.require_valid_aik_cert && !p.has_require_valid_aik_cert);
    assert_true(p.required_pcr_mask == 0xffffff && !p.has_required_pcr_mask);
    assert_int_equal(p.claims->n, 0);
    assert_ok(policy_evaluate(arena, plain, claims_new(arena), NULL, &result));
    assert_int_equal(result.properties.report_validity_in_minutes, 1440);
    assert_false(result.properties.omit_x5c || result.properties.has_report_validity_in_minutes);

    assert_ok(policy_configure(arena, set, &p, &fault));
    assert_int_equal(p.required_pcr_mask, 255);
    assert_true(p.has_required_pcr_mask && p.has_require_valid_aik_cert);
    assert_false(p.require_valid_aik_cert);
    assert_false(p.omit_x5c || p.has_omit_x5c);
    assert_int_equal(p.claims->n, 4);
    assert_ok(policy_evaluate(arena, set, claims_new(arena), NULL, &result));
    assert_int_equal(result.properties.report_validity_in_minutes, 5);
    assert_true(result.properties.omit_x5c);
    policy_unref(plain);
    policy_unref(set);
    arena_free(arena);
}

static void a_configuration_that_fails_is_a_fault(void **state)
{
    struct arena *arena = test_arena();
    struct policy *policy =
        compile("version=1.2;configurationrules{\n=>issueproperty(type=\"required_pcr_mask\","
                "value=JsonToClaimValue(\"-1\"));};authorizationrules{=>permit();};");
    struct policy_properties p;
    struct policy_fault fault;

    (void)state;
    assert_err(policy_configure(arena, policy, &p, &fault), ERR_VALUE);
    assert_int_equal(fault.kind, POLICY_FAULT_PROPERTY_RANGE);
    assert_string_equal(policy_fault_code(&fault), "PolicyEvaluationError");
    assert_int_equal(fault.line, 2);
    policy_unref(policy);
    arena_free(arena);
}

/* They see no claims, so they need next to nothing; and they run at each start. */
static void configuration_rules_have_small_limits_of_their_own(void **state)
{
    static const char numbers[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]";
    struct arena *arena = test_arena();
    const char *square =
        arena_printf(arena, "JmesPath(\"%s\", \"map(&map(&[@,@,@,@,@,@],[%s]),[%s][][])\")",
                     numbers, "`0`,`1`,`2`,`3`,`4`,`5`,`6`,`7`,`8`,`9`",
                     "`[[1,2,3,4,5,6,7,8,9],[1,2,3,4,5,6,7,8,9],[1,2,3,4,5,6,7,8,9]]`,"
                     "`[[1,2,3,4,5,6,7,8,9],[1,2,3,4,5,6,7,8,9],[1,2,3,4,5,6,7,8,9]]`");
    const char *many = "";
    struct policy *policy;
    struct policy_properties p;
    struct policy_result result;
    struct policy_fault fault;

    (void)state;
    for (int i = 0; i < 8; i++) {
        many =
            arena_printf(arena, "%s => issueproperty(type=\"p%d\", value=%s);\n", many, i, square);
    }
    policy = compile(arena_printf(
        arena, "version=1.2;configurationrules{%s};authorizationrules{=>permit();};", many));
    assert_err(policy_configure(arena, policy, &p, &fault), ERR_VALUE);
    assert_int_equal(fault.kind, POLICY_FAULT_LIMIT);
    policy_unref(policy);
    /* What is too much for them is little for an evaluation. */
    policy = compile(arena_printf(
        arena, "version=1.2;authorizationrules{=>permit();};issuancerules{%s};", many));
    assert_ok(policy_evaluate(arena, policy, claims_new(arena), NULL, &result));
    assert_int_equal(result.decision, POLICY_PERMIT);
    assert_in_range(result.work, 1, 20);
    policy_unref(policy);
    arena_free(arena);
}

/* A name that a read-only value gives would show the value. */
static void a_type_made_of_a_read_only_value_is_not_issued(void **state)
{
    struct arena *arena = test_arena();
    struct claims *claims = claims_new(arena);
    struct policy_result result;

    (void)state;
    assert_ok(claims_add_read_only(claims, "pcrs", span_str("secret")));
    result = evaluate(arena,
                      "version=1.0;authorizationrules{=>permit();};"
                      "issuancerules{c:[type==\"pcrs\"]=>issue(type=c.value,value=1);};",
                      claims);
    assert_int_equal(result.fault.kind, POLICY_FAULT_READ_ONLY);
    arena_free(arena);
}

static void claims_for_the_token_are_not_seen_by_rules(void **state)
{
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    struct claims *claims = claims_new(arena);
    struct policy_result result;

    (void)state;
    assert_ok(claims_add_json(claims, "run", yyjson_mut_obj(doc)));
    result = evaluate(
        arena,
        "version=1.2;authorizationrules{[type==\"run\"]=>deny();[value!=1]=>deny();=>permit();};",
        claims);
    assert_int_equal(result.decision, POLICY_PERMIT);
    arena_free(arena);
}

/* policy-language section 10: what the service writes wins. */
static void the_token_takes_the_services_value_first(void **state)
{
    struct arena *arena = test_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct claims *own = claims_new(arena);
    struct claims *issued = claims_new(arena);

    (void)state;
    yyjson_mut_arr_add_int(doc, list, 7);
    assert_ok(claims_add_json(own, "pcrs", list));
    assert_ok(claims_add_int(own, "pcrs", 7));
    assert_ok(claims_add_bool(own, "secureboot", false));
    assert_ok(claims_add_bool(issued, "secureboot", true));
    assert_ok(claims_add_int(issued, "n", -1));
    assert_ok(claims_add_int(issued, "n", -1));
    assert_ok(claims_add_string(issued, "s", "1"));
    assert_ok(claims_add_int(issued, "s", 1));
    assert_ok(claims_add_string(issued, "s", "1"));
    claims_to_json(doc, own, root);
    claims_to_json(doc, issued, root);
    assert_string_equal(json_write(arena, doc, root, false).data,
                        "{\"pcrs\":[7],\"secureboot\":false,\"n\":-1,\"s\":[\"1\",1]}");
    arena_free(arena);
}

enum { THREADS = 4, ROUNDS = 200 };

static void *evaluate_often(void *arg)
{
    struct policy *policy = policy_ref(arg);
    struct arena *arena = arena_new(1024 * 1024);
    size_t n_permitted = 0;

    for (int i = 0; arena != NULL && i < ROUNDS; i++) {
        struct claims *claims;
        struct policy_result result;

        arena_reset(arena);
        claims = claims_new(arena);
        if (claims != NULL && claims_add_string(claims, "d", "{\"a\":[1,2]}") == ERR_OK &&
            policy_evaluate(arena, policy, claims, NULL, &result) == ERR_OK &&
            result.is_permitted && result.issued->n == 2) {
            n_permitted++;
        }
    }
    arena_free(arena);
    policy_unref(policy);
    return n_permitted == ROUNDS ? arg : NULL;
}

static void one_policy_serves_many_threads(void **state)
{
    struct policy *policy = compile("version=1.2;authorizationrules{=>permit();};issuancerules{"
                                    "c:[type==\"d\"]=>issue(type=\"a\",value=JsonToClaimValue("
                                    "JmesPath(c.value,\"a\")));};");
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, evaluate_often, policy), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_that_nobody_filled_in_permits_nothing),
        cmocka_unit_test(whole_numbers_of_json_are_exact_or_refused),
        cmocka_unit_test(decisions_are_said_in_words_with_their_line),
        cmocka_unit_test(messages_do_not_show_values),
        cmocka_unit_test(every_rule_says_whether_it_fired_and_why_not),
        cmocka_unit_test(ordering_against_a_set_fails_before_claims_are_looked_at),
        cmocka_unit_test(properties_have_defaults_and_the_last_one_counts),
        cmocka_unit_test(a_configuration_that_fails_is_a_fault),
        cmocka_unit_test(configuration_rules_have_small_limits_of_their_own),
        cmocka_unit_test(a_type_made_of_a_read_only_value_is_not_issued),
        cmocka_unit_test(claims_for_the_token_are_not_seen_by_rules),
        cmocka_unit_test(the_token_takes_the_services_value_first),
        cmocka_unit_test(one_policy_serves_many_threads),
    };

    return RUN_TESTS(tests);
}
