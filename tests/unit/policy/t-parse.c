/*
 * What is no policy is refused, never taken for one that permits (S-1); and where it is wrong:
 * kind, line, column, symbol and rule of every fault.
 */
#include "support/support.h"

#include "policy/policy.h"

#define HEAD "version=1.2;\nauthorizationrules{\n"
#define TAIL "\n};\n"

static const struct {
    const char *text;
    enum policy_fault_kind kind;
    uint32_t line, column;
    const char *symbol, *rule, *words;
} faults[] = {
    /* The sample of the documentation: a semicolon is missing. */
    {"version=1.0\n[type==\"a\"] => permit();", POLICY_FAULT_SYNTAX, 2, 1, "[",
     "policy > versionInfo", "mismatched input '[' expecting ';'"},
    {"", POLICY_FAULT_SYNTAX, 1, 1, "<EOF>", "policy > versionInfo",
     "mismatched input '<EOF>' expecting 'version'"},
    {"version=1;", POLICY_FAULT_SYNTAX, 1, 9, "1", "policy > versionInfo", "a version number"},
    {"version=1.3;", POLICY_FAULT_UNSUPPORTED_VERSION, 1, 9, "1.3", "policy > versionInfo", "1.2"},
    {"version=1.20;", POLICY_FAULT_UNSUPPORTED_VERSION, 1, 9, "1.20", "policy > versionInfo", ""},
    {"\xef\xbb\xbfversion=1.3;", POLICY_FAULT_UNSUPPORTED_VERSION, 1, 9, "1.3", NULL, ""},
    {"version=1.0;\nissuancerules{};\n", POLICY_FAULT_MISSING_SECTION, 3, 1, "<EOF>", "policy",
     "authorizationrules"},
    {"version=1.0;\nissuancerules{};\nauthorizationrules{};", POLICY_FAULT_SECTION_ORDER, 3, 1,
     "authorizationrules", "policy > authorizationRules", "once each"},
    {"version=1.0; configurationrules{};", POLICY_FAULT_FEATURE_NOT_IN_VERSION, 1, 14,
     "configurationrules", "policy > configurationRules", "1.1"},
    {"version=1.0; authorizationrules{} ;x", POLICY_FAULT_SYNTAX, 1, 36, "x", "policy",
     "expecting 'issuancerules' or <EOF>"},
    /* Rules. */
    {HEAD "=> permit()" TAIL, POLICY_FAULT_SYNTAX, 4, 1, "}", "authorizationRules > claimRule",
     "expecting ';'"},
    {HEAD "[] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 2, "]",
     "claimRule > claimPropertyCondition", "'type', 'value', 'valueType' or 'issuer'"},
    {HEAD "[type=\"a\"] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 6, "=", NULL, "expecting '=='"},
    {HEAD "[kind==\"a\"] => permit();" TAIL, POLICY_FAULT_UNKNOWN_PROPERTY, 3, 2, "kind", NULL,
     "valueType"},
    {HEAD "[type==\"a\"] || [type==\"b\"] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 13, "|",
     "authorizationRules > claimRule", "no meaning"},
    {HEAD "[type==\"a\"] & [type==\"b\"] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 13, "&", NULL,
     "'&&'"},
    {HEAD "[type=='a'] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 8, "'", NULL, "double quotes"},
    {HEAD "[value==1.5] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 9, "1.5", NULL, "fraction"},
    {HEAD "[value==0x] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 9, "0x", NULL, "digits"},
    {HEAD "[value==-9223372036854775809] => permit();" TAIL, POLICY_FAULT_INTEGER_RANGE, 3, 9,
     "-9223372036854775809", NULL, "64 bits"},
    {HEAD "[value==0x8000000000000000] => permit();" TAIL, POLICY_FAULT_INTEGER_RANGE, 3, 9,
     "0x8000000000000000", NULL, "64 bits"},
    {HEAD "[type==\"a] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 8, "\"", NULL, "does not end"},
    {HEAD "/* => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 1, "/", NULL, "does not end"},
    {HEAD "=> premit();" TAIL, POLICY_FAULT_SYNTAX, 3, 4, "premit", "claimRule > action",
     "'permit', 'deny'"},
    {HEAD "=> permit(1);" TAIL, POLICY_FAULT_SYNTAX, 3, 11, "1", "claimRule > action",
     "expecting ')'"},
    {HEAD "=> add(type=\"a\");" TAIL, POLICY_FAULT_SYNTAX, 3, 16, ")", "claimRule > action",
     "'value'"},
    {HEAD "=> add(type=\"a\", type=\"b\");" TAIL, POLICY_FAULT_SYNTAX, 3, 18, "type", NULL,
     "twice"},
    {HEAD "=> add(type=\"a\", value=1, issuer=\"x\");" TAIL, POLICY_FAULT_SYNTAX, 3, 27, "issuer",
     NULL, "issuer"},
    {HEAD "!c:[type==\"a\"] => permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 2, "c", NULL,
     "expecting '['"},
    {"version=1.1;authorizationrules{![type==\"a\"] => permit();};",
     POLICY_FAULT_FEATURE_NOT_IN_VERSION, 1, 32, "!", "claimRule > condition", "1.2"},
    /* Columns count characters: the e with an accent is one. */
    {HEAD "/* \xc3\xa9 */ =>> permit();" TAIL, POLICY_FAULT_SYNTAX, 3, 11, ">", NULL, ""},
    {HEAD "=> add(type=\xe2\x80\x9d"
          "a\xe2\x80\x9d, value=1);" TAIL,
     POLICY_FAULT_SYNTAX, 3, 13, "\xe2\x80\x9d", NULL, "strings and comments only"},
    /* Static checks. */
    {HEAD "=> issueproperty(type=\"omit_x5c\", value=true);" TAIL, POLICY_FAULT_ACTION_NOT_ALLOWED,
     3, 4, "issueproperty", "claimRule > action", "permit, deny, add and issue"},
    {HEAD "=> add(type=\"a\", value=Max(1));" TAIL, POLICY_FAULT_UNKNOWN_FUNCTION, 3, 24, "Max",
     "action > expression", "JmesPath"},
    {HEAD "=> add(type=\"a\", value=NegateBool());" TAIL, POLICY_FAULT_WRONG_ARITY, 3, 24,
     "NegateBool", "action > expression", "1 argument"},
    {HEAD "=> add(type=\"a\", value=c.value);" TAIL, POLICY_FAULT_UNKNOWN_VARIABLE, 3, 24, "c",
     NULL, "to the left"},
    {HEAD "c:[type==\"a\"] =>\n  add(claim = d);" TAIL, POLICY_FAULT_UNKNOWN_VARIABLE, 4, 15, "d",
     "claimRule > action", "to the left"},
    {HEAD "c:[type==\"a\"] && c:[type==\"b\"] => permit();" TAIL, POLICY_FAULT_DUPLICATE_VARIABLE,
     3, 18, "c", "claimRule > condition", "another condition"},
    {HEAD "[type<\"a\"] => permit();" TAIL, POLICY_FAULT_OPERATOR_TYPE, 3, 2, "type<\"a\"",
     "claimRule > claimPropertyCondition", "no order"},
    {HEAD "[value<\"a\"] => permit();" TAIL, POLICY_FAULT_OPERATOR_TYPE, 3, 8, "\"a\"", NULL, ""},
    {HEAD "=> add(type=\"a\", value=1, valueType=\"Int\");" TAIL, POLICY_FAULT_OPERATOR_TYPE, 3, 37,
     "\"Int\"", NULL, "Integer"},
    {HEAD "};issuancerules{=> issue(type=\"exp\", value=1);" TAIL, POLICY_FAULT_RESERVED_CLAIM, 3,
     31, "\"exp\"", NULL, "itself"},
    {HEAD "};issuancerules{=> issueproperty(type=\"omit_x5c\", value=1);" TAIL,
     POLICY_FAULT_PROPERTY_TYPE, 3, 57, "1", NULL, "a Boolean"},
    /* Characters. */
    {HEAD "// \xff\n=> permit();" TAIL, POLICY_FAULT_ENCODING, 3, 4, "\\xff", "policy", "UTF-8"},
    {HEAD "// \xc3", POLICY_FAULT_ENCODING, 3, 4, "\\xc3", "policy", "UTF-8"},
};

static void expect_fault(struct span text, size_t i)
{
    struct arena *arena = test_arena();
    struct policy_fault fault = {0};
    struct policy *policy = NULL;
    const char *message;

    assert_err(policy_compile(text, &fault, &policy), ERR_VALUE);
    assert_null(policy);
    if (fault.kind != faults[i].kind || fault.line != faults[i].line ||
        fault.column != faults[i].column) {
        fail_msg("case %zu: %s at %u:%u (%s), wanted %s at %u:%u", i,
                 policy_fault_kind_name(fault.kind), fault.line, fault.column, fault.text,
                 policy_fault_kind_name(faults[i].kind), faults[i].line, faults[i].column);
    }
    assert_string_equal(fault.symbol, faults[i].symbol);
    if (strstr(fault.text, faults[i].words) == NULL) {
        fail_msg("case %zu: '%s' lacks '%s'", i, fault.text, faults[i].words);
    }
    assert_string_equal(policy_fault_code(&fault), "PolicyParsingError");
    message = policy_fault_message(arena, &fault);
    if (faults[i].rule != NULL &&
        strstr(message, arena_printf(arena, "Failing rule: '%s'", faults[i].rule)) == NULL) {
        fail_msg("case %zu: '%s' lacks the rule %s", i, message, faults[i].rule);
    }
    arena_free(arena);
}

static void every_fault_has_its_kind_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        expect_fault(span_str(faults[i].text), i);
    }
}

/* policy-language section 15: what clients of Azure's service see. */
static void the_message_is_that_of_the_wire(void **state)
{
    struct arena *arena = test_arena();
    struct policy_fault fault;
    struct policy *policy = NULL;

    (void)state;
    assert_err(policy_compile(span_str("version=1.0\n[type"), &fault, &policy), ERR_VALUE);
    assert_string_equal(policy_fault_message(arena, &fault),
                        "Invalid policy was specified\n"
                        "Policy Parser Exception Thrown: Offending symbol: '['\n"
                        "Line: '2', Column: '1'\n"
                        "Failure message: 'mismatched input '[' expecting ';''\n"
                        "Failing rule: 'policy > versionInfo'");
    arena_free(arena);
}

/* D-5: a policy is shown to people; its control characters are not sent to their terminal. */
static void the_caret_stands_under_the_place_and_nothing_is_raw(void **state)
{
    struct arena *arena = test_arena();
    struct span text = span_str("version=1.0;\r\n\t/* \xc3\xa9\x1b[31m */ oops\r\n");
    struct policy_fault fault;
    struct policy *policy = NULL;

    (void)state;
    assert_err(policy_compile(text, &fault, &policy), ERR_VALUE);
    assert_string_equal(
        policy_fault_show(arena, &fault, "a\x1b.txt", text),
        "a\\x1b.txt:2:15: syntax: mismatched input 'oops' expecting 'authorizationrules'\n"
        "     /* \xc3\xa9\\x1b[31m */ oops\n"
        "                     ^\n");
    arena_free(arena);
}

static void a_long_line_is_shown_around_the_place(void **state)
{
    struct arena *arena = test_arena();
    char text[2048];
    struct policy_fault fault;
    struct policy *policy = NULL;
    const char *shown;
    size_t n;

    (void)state;
    n = (size_t)snprintf(text, sizeof(text), "version=1.0; /* %0900d */ oops /* %0900d */", 1, 2);
    assert_err(policy_compile(span_of(text, n), &fault, &policy), ERR_VALUE);
    shown = policy_fault_show(arena, &fault, "p", span_of(text, n));
    assert_non_null(strstr(shown, "oops"));
    assert_true(strlen(shown) < 400);
    assert_non_null(strchr(strchr(shown, '\n') + 1, '^'));
    arena_free(arena);
}

static void keywords_have_any_case_and_escapes_are_those_two(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(policy_unref) struct policy *policy = NULL;
    struct policy_fault fault;
    struct policy_result result;

    (void)state;
    assert_ok(policy_compile(span_str("VERSION=1.0;AuthorizationRules{=>PERMIT();};"
                                      "ISSUANCERULES{=>Issue(VALUE=\"\\\"\\\\\\u00e9\\n\","
                                      "Type=\"t\",VALUETYPE=\"String\");};"),
                             &fault, &policy));
    assert_ok(policy_evaluate(arena, policy, claims_new(arena), NULL, &result));
    assert_int_equal(result.issued->n, 1);
    assert_true(span_is(result.issued->items[0].string, "\"\\\\u00e9\\n"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_its_kind_and_place),
        cmocka_unit_test(the_message_is_that_of_the_wire),
        cmocka_unit_test(the_caret_stands_under_the_place_and_nothing_is_raw),
        cmocka_unit_test(a_long_line_is_shown_around_the_place),
        cmocka_unit_test(keywords_have_any_case_and_escapes_are_those_two),
    };

    return RUN_TESTS(tests);
}
