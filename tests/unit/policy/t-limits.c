/*
 * Limits (policy-language section 17): each at its value and one past it, and policies and claims
 * that are made to take time or memory without end.
 */
#include "support/support.h"

#include "base/buf.h"
#include "policy/policy.h"

enum { TEXT_MAX = 4 * 1024 * 1024, STRING_MAX = 40 * 1024 * 1024 };

#define BEGIN "version=1.2;authorizationrules{=>permit();};issuancerules{"
#define END "};"

static void repeat(struct buf *buf, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_str(buf, text);
    }
}

static enum policy_fault_kind compile_kind(struct span text)
{
    struct policy_fault fault = {0};
    struct policy *policy = NULL;
    err_t err = policy_compile(text, &fault, &policy);

    policy_unref(policy);
    assert_true(err == ERR_OK || err == ERR_VALUE);
    assert_int_equal(err == ERR_OK, fault.kind == POLICY_FAULT_NONE);
    return fault.kind;
}

/* begin, `unit` n times with `between`, end. */
static enum policy_fault_kind compile_repeated(const char *begin, const char *unit,
                                               const char *between, size_t n, const char *end)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, begin);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&text, i > 0 ? between : "");
        buf_add_str(&text, unit);
    }
    buf_add_str(&text, end);
    assert_ok(buf_err(&text));
    return compile_kind(buf_span(&text));
}

static void a_policy_has_at_most_256_kib(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};

    (void)state;
    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, BEGIN END "//");
    repeat(&text, "x", POLICY_MAX_BYTES - text.len);
    assert_int_equal(compile_kind(buf_span(&text)), POLICY_FAULT_NONE);
    buf_add_char(&text, 'x');
    assert_int_equal(compile_kind(buf_span(&text)), POLICY_FAULT_TOO_LARGE);
}

static void rules_conditions_tests_and_calls_are_counted(void **state)
{
    static const char condition[] = "[type==\"a\"]";
    static const char call[] = "NegateBool(";
    const char *nested = "true";
    struct arena *arena = test_arena();

    (void)state;
    assert_int_equal(
        compile_repeated(BEGIN, "=>add(type=\"a\",value=1);", "", POLICY_MAX_RULES - 1, END),
        POLICY_FAULT_NONE);
    assert_int_equal(
        compile_repeated(BEGIN, "=>add(type=\"a\",value=1);", "", POLICY_MAX_RULES, END),
        POLICY_FAULT_TOO_LARGE);
    assert_int_equal(compile_repeated(BEGIN, condition, "&&", POLICY_MAX_CONDITIONS,
                                      "=>add(type=\"a\",value=1);" END),
                     POLICY_FAULT_NONE);
    assert_int_equal(compile_repeated(BEGIN, condition, "&&", POLICY_MAX_CONDITIONS + 1,
                                      "=>add(type=\"a\",value=1);" END),
                     POLICY_FAULT_SYNTAX);
    assert_int_equal(compile_repeated(BEGIN "[", "value==1", ",", POLICY_MAX_TESTS,
                                      "]=>add(type=\"a\",value=1);" END),
                     POLICY_FAULT_NONE);
    assert_int_equal(compile_repeated(BEGIN "[", "value==1", ",", POLICY_MAX_TESTS + 1,
                                      "]=>add(type=\"a\",value=1);" END),
                     POLICY_FAULT_SYNTAX);
    for (size_t depth = 1; depth <= POLICY_MAX_CALL_DEPTH + 1; depth++) {
        nested = arena_printf(arena, "%s%s)", call, nested);
        assert_int_equal(compile_kind(span_str(
                             arena_printf(arena, BEGIN "=>add(type=\"a\",value=%s);" END, nested))),
                         depth <= POLICY_MAX_CALL_DEPTH ? POLICY_FAULT_NONE : POLICY_FAULT_SYNTAX);
    }
    /* As deep as the text is long: refused where the limit is, without going down. */
    assert_int_equal(compile_repeated(BEGIN "=>add(type=\"a\",value=", call, "", 20000, END),
                     POLICY_FAULT_SYNTAX);
    assert_int_equal(compile_repeated(BEGIN "=>add(type=\"a\",value=AppendString(", "\"\"", ",",
                                      50000, "));" END),
                     POLICY_FAULT_WRONG_ARITY);
    arena_free(arena);
}

/* What the rules come to. */
static enum policy_fault_kind evaluate(struct arena *arena, struct span text,
                                       const struct claims *claims)
{
    CLEANUP(policy_unref) struct policy *policy = NULL;
    struct policy_fault fault = {0};
    struct policy_result result;

    if (policy_compile(text, &fault, &policy) != ERR_OK) {
        fail_msg("%s", policy_fault_show(arena, &fault, "policy", text));
    }
    assert_ok(policy_evaluate(arena, policy, claims, NULL, &result));
    assert_int_equal(result.decision == POLICY_ERROR, result.fault.kind != POLICY_FAULT_NONE);
    if (result.decision == POLICY_ERROR) {
        assert_false(result.is_permitted);
        assert_int_equal(result.issued->n, 0);
        assert_string_equal(policy_fault_code(&result.fault), "PolicyEvaluationError");
    }
    return result.fault.kind;
}

static enum policy_fault_kind evaluate_rules(struct arena *arena, const char *rules,
                                             const struct claims *claims)
{
    return evaluate(arena, span_str(arena_printf(arena, BEGIN "%s" END, rules)), claims);
}

static struct claims *many_claims(struct arena *arena, const char *type, size_t n)
{
    struct claims *claims = claims_new(arena);

    for (size_t i = 0; i < n; i++) {
        assert_ok(claims_add_int(claims, type, (int64_t)i));
    }
    return claims;
}

static void claims_are_counted(void **state)
{
    struct arena *arena = test_arena();
    struct claims *claims = many_claims(arena, "a", POLICY_MAX_CLAIMS - 1);

    (void)state;
    assert_int_equal(evaluate_rules(arena, "=>add(type=\"b\",value=1);", claims),
                     POLICY_FAULT_NONE);
    assert_int_equal(
        evaluate_rules(arena, "=>add(type=\"b\",value=1);=>add(type=\"b\",value=1);", claims),
        POLICY_FAULT_LIMIT);
    assert_ok(claims_add_int(claims, "a", 0));
    assert_err(claims_add_int(claims, "a", 0), ERR_TOO_MANY);
    arena_free(arena);
}

/* "[0,1,2,...]" */
static struct span numbers(struct arena *arena, size_t n)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct span copy = {0};

    buf_init(&text, STRING_MAX);
    for (size_t i = 0; i < n; i++) {
        buf_addf(&text, "%c%zu", i == 0 ? '[' : ',', i);
    }
    buf_add_char(&text, ']');
    assert_ok(buf_copy(&text, arena, &copy));
    return copy;
}

static struct claims *text_claim(struct arena *arena, const char *type, struct span text)
{
    struct claims *claims = claims_new(arena);

    assert_ok(claims_add_text(claims, type, text));
    return claims;
}

static void values_of_a_set_are_counted(void **state)
{
    static const char rules[] = "c:[type==\"c\"]=>add(type=\"n\","
                                "value=IsSubsetOf(JsonToClaimValue(c.value),1));";
    struct arena *arena = test_arena();

    (void)state;
    assert_int_equal(
        evaluate_rules(arena, rules, text_claim(arena, "c", numbers(arena, POLICY_MAX_VALUES))),
        POLICY_FAULT_NONE);
    assert_int_equal(
        evaluate_rules(arena, rules, text_claim(arena, "c", numbers(arena, POLICY_MAX_VALUES + 1))),
        POLICY_FAULT_LIMIT);
    assert_int_equal(evaluate_rules(arena,
                                    "c:[type==\"c\"]=>add(type=\"n\",value=IsSubsetOf(c.value,1));",
                                    many_claims(arena, "c", POLICY_MAX_VALUES + 1)),
                     POLICY_FAULT_LIMIT);
    arena_free(arena);
}

static void issued_claims_and_their_bytes_are_counted(void **state)
{
    static const char rules[] =
        "c:[type==\"c\"]=>issue(type=\"n\",value=JsonToClaimValue(c.value));";
    struct arena *arena = test_arena();
    uint8_t *text = arena_calloc(arena, 1, POLICY_MAX_ISSUED_BYTES);

    (void)state;
    assert_int_equal(
        evaluate_rules(arena, rules, text_claim(arena, "c", numbers(arena, POLICY_MAX_ISSUED))),
        POLICY_FAULT_NONE);
    assert_int_equal(
        evaluate_rules(arena, rules, text_claim(arena, "c", numbers(arena, POLICY_MAX_ISSUED + 1))),
        POLICY_FAULT_LIMIT);
    memset(text, 'x', POLICY_MAX_ISSUED_BYTES);
    assert_int_equal(
        evaluate_rules(arena, "c:[type==\"c\"]=>issue(claim=c);",
                       text_claim(arena, "c", span_of(text, POLICY_MAX_ISSUED_BYTES - 1))),
        POLICY_FAULT_NONE);
    assert_int_equal(evaluate_rules(arena, "c:[type==\"c\"]=>issue(claim=c);",
                                    text_claim(arena, "c", span_of(text, POLICY_MAX_ISSUED_BYTES))),
                     POLICY_FAULT_LIMIT);
    arena_free(arena);
}

static void properties_are_counted_like_issued_claims(void **state)
{
    static const char rules[] =
        "c:[type==\"c\"]=>issueproperty(type=\"n\",value=JsonToClaimValue(c.value));";
    struct arena *arena = test_arena();
    uint8_t *text = arena_calloc(arena, 1, POLICY_MAX_ISSUED_BYTES);

    (void)state;
    assert_int_equal(
        evaluate_rules(arena, rules, text_claim(arena, "c", numbers(arena, POLICY_MAX_ISSUED))),
        POLICY_FAULT_NONE);
    assert_int_equal(
        evaluate_rules(arena, rules, text_claim(arena, "c", numbers(arena, POLICY_MAX_ISSUED + 1))),
        POLICY_FAULT_LIMIT);
    memset(text, 'x', POLICY_MAX_ISSUED_BYTES);
    assert_int_equal(evaluate_rules(arena, "c:[type==\"c\"]=>issueproperty(claim=c);",
                                    text_claim(arena, "c", span_of(text, POLICY_MAX_ISSUED_BYTES))),
                     POLICY_FAULT_LIMIT);
    arena_free(arena);
}

/* A document that a rule puts together is read each time; that is counted dearly. */
static void reading_documents_again_and_again_ends_at_the_limit(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct arena *arena = test_arena();

    (void)state;
    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, BEGIN);
    repeat(&text,
           "c:[type==\"c\"]=>add(type=\"n\",value=JmesPath(AppendString(c.value,\" \"),\"a\"));",
           1000);
    buf_add_str(&text, END);
    assert_int_equal(
        evaluate(arena, buf_span(&text), text_claim(arena, "c", numbers(arena, 200000))),
        POLICY_FAULT_LIMIT);
    arena_free(arena);
}

/* Each rule makes the string twice as long: 2^24 bytes are the most. */
static void a_string_that_doubles_stops_at_16_mib(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct arena *arena = test_arena();

    (void)state;
    for (int last = 24; last <= 25; last++) {
        buf_done(&text);
        buf_init(&text, TEXT_MAX);
        buf_add_str(&text, BEGIN "=>add(type=\"s0\",value=\"x\");");
        for (int i = 0; i < last; i++) {
            buf_addf(&text,
                     "s:[type==\"s%d\"]=>add(type=\"s%d\",value=AppendString(s.value,s.value));", i,
                     i + 1);
        }
        buf_add_str(&text, END);
        assert_int_equal(evaluate(arena, buf_span(&text), claims_new(arena)),
                         last == 24 ? POLICY_FAULT_NONE : POLICY_FAULT_LIMIT);
    }
    arena_free(arena);
}

/* Long strings side by side, none of them too long. */
static void memory_ends_at_the_limit(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct arena *arena = test_arena();
    uint8_t *half = arena_calloc(arena, 1, POLICY_MAX_STRING / 2);

    (void)state;
    memset(half, 'x', POLICY_MAX_STRING / 2);
    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, BEGIN);
    repeat(&text, "s:[type==\"s\"]=>add(type=\"t\",value=AppendString(s.value,s.value));", 50);
    buf_add_str(&text, END);
    assert_int_equal(evaluate(arena, buf_span(&text),
                              text_claim(arena, "s", span_of(half, POLICY_MAX_STRING / 2))),
                     POLICY_FAULT_LIMIT);
    arena_free(arena);
}

static struct span nested_json(struct arena *arena, size_t depth)
{
    char *text = arena_calloc(arena, 1, 2 * depth + 1);

    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return span_str(text);
}

static void documents_are_bounded(void **state)
{
    static const char rules[] = "c:[type==\"c\"]=>add(type=\"n\",value=JmesPath(c.value,\"a\"));";
    struct arena *arena = test_arena();

    (void)state;
    assert_int_equal(
        evaluate_rules(arena, rules,
                       text_claim(arena, "c", nested_json(arena, POLICY_MAX_JSON_DEPTH))),
        POLICY_FAULT_NONE);
    assert_int_equal(
        evaluate_rules(arena, rules,
                       text_claim(arena, "c", nested_json(arena, POLICY_MAX_JSON_DEPTH + 1))),
        POLICY_FAULT_INVALID_JSON);
    assert_int_equal(
        evaluate_rules(arena, rules,
                       text_claim(arena, "c", numbers(arena, POLICY_MAX_JSON_VALUES + 2))),
        POLICY_FAULT_LIMIT);
    arena_free(arena);
}

static void queries_are_bounded(void **state)
{
    static const char rules[] =
        "q:[type==\"q\"]=>add(type=\"n\",value=JmesPath(\"[1,2,3]\",q.value));";
    struct arena *arena = test_arena();
    char *text = arena_calloc(arena, 1, 128 * 1024);
    struct span list = numbers(arena, 4000);
    struct claims *claims = text_claim(arena, "c", list);
    char *contains =
        arena_printf(arena, "[?contains(`%.*s`, @)]", (int)list.len, (const char *)list.data);

    (void)state;
    memset(text, ' ', 70 * 1024);
    text[0] = 'a';
    assert_int_equal(evaluate_rules(arena, rules, text_claim(arena, "q", span_str(text))),
                     POLICY_FAULT_JMESPATH_SYNTAX);
    memset(text, '(', 100);
    text[100] = 'a';
    text[101] = '\0';
    assert_int_equal(evaluate_rules(arena, rules, text_claim(arena, "q", span_str(text))),
                     POLICY_FAULT_JMESPATH_SYNTAX);
    /* Every number against every other: the steps of all queries together are counted. */
    assert_ok(claims_add_text(claims, "q", span_str(contains)));
    assert_int_equal(evaluate_rules(arena,
                                    "c:[type==\"c\"]&&q:[type==\"q\"]"
                                    "=>add(type=\"n\",value=JmesPath(c.value,q.value));"
                                    "c:[type==\"c\"]&&q:[type==\"q\"]"
                                    "=>add(type=\"n\",value=JmesPath(c.value,q.value));",
                                    claims),
                     POLICY_FAULT_LIMIT);
    arena_free(arena);
}

/* 20 000 claims, 2000 rules, 16 tests a condition, and none says which type it wants. */
static void comparing_ends_at_the_limit(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct arena *arena = test_arena();
    struct claims *claims = many_claims(arena, "a", POLICY_MAX_CLAIMS);

    (void)state;
    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, BEGIN);
    for (int i = 0; i < 1000; i++) {
        buf_add_str(&text, "[");
        repeat(&text, "value!=\"\",", POLICY_MAX_TESTS - 1);
        buf_add_str(&text, "value==true]=>add(type=\"b\",value=1);");
    }
    buf_add_str(&text, END);
    assert_int_equal(evaluate(arena, buf_span(&text), claims), POLICY_FAULT_LIMIT);
    arena_free(arena);
}

/* As large as may be, but asking for types: that is no attack, and ends well. */
static void a_large_policy_on_many_claims_is_evaluated(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct arena *arena = test_arena();
    struct claims *claims = claims_new(arena);

    (void)state;
    for (size_t i = 0; i < POLICY_MAX_CLAIMS; i++) {
        assert_ok(claims_add_int(claims, arena_printf(arena, "type%zu", i), (int64_t)i));
    }
    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, "version=1.2;authorizationrules{");
    for (int i = 0; i < POLICY_MAX_RULES - 1; i++) {
        buf_addf(&text, "![type==\"type%d\",value==%d]&&[value>=0]=>deny();", i, i);
    }
    buf_add_str(&text, "=>permit();};");
    assert_int_equal(evaluate(arena, buf_span(&text), claims), POLICY_FAULT_NONE);
    arena_free(arena);
}

/* A layout that would be no policy any more is none. */
static void a_layout_keeps_to_the_limit_too(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct arena *arena = test_arena();
    struct policy_fault fault = {0};
    struct span out = {0};

    (void)state;
    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, BEGIN);
    repeat(&text, "//\n", (POLICY_MAX_BYTES - text.len - 8) / 3);
    buf_add_str(&text, END);
    assert_err(policy_format(arena, buf_span(&text), &fault, &out), ERR_VALUE);
    assert_int_equal(fault.kind, POLICY_FAULT_TOO_LARGE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_has_at_most_256_kib),
        cmocka_unit_test(rules_conditions_tests_and_calls_are_counted),
        cmocka_unit_test(claims_are_counted),
        cmocka_unit_test(values_of_a_set_are_counted),
        cmocka_unit_test(issued_claims_and_their_bytes_are_counted),
        cmocka_unit_test(properties_are_counted_like_issued_claims),
        cmocka_unit_test(reading_documents_again_and_again_ends_at_the_limit),
        cmocka_unit_test(a_string_that_doubles_stops_at_16_mib),
        cmocka_unit_test(memory_ends_at_the_limit),
        cmocka_unit_test(documents_are_bounded),
        cmocka_unit_test(queries_are_bounded),
        cmocka_unit_test(comparing_ends_at_the_limit),
        cmocka_unit_test(a_large_policy_on_many_claims_is_evaluated),
        cmocka_unit_test(a_layout_keeps_to_the_limit_too),
    };

    return RUN_TESTS(tests);
}
