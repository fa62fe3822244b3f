/*
 * The usual layout, comments in every place, and what lint has to say.
 */
#include "support/support.h"

#include "policy/policy.h"

static const struct {
    const char *text, *wanted;
} layouts[] = {
    {"\xef\xbb\xbf"
     "Version = 1.0 ;AUTHORIZATIONRULES{=>Permit();};",
     "version=1.0;\n\nauthorizationrules\n{\n    => permit();\n};\n"},
    {"version=1.0;authorizationrules{};issuancerules{};",
     "version=1.0;\n\nauthorizationrules\n{\n};\n\nissuancerules\n{\n};\n"},
    {"version=1.2;authorizationrules{ c : [ TYPE == \"a\" , value<-1,ValueType!=\"x\" ]&&! [ "
     "issuer "
     "== c . value ]=>add( type = AppendString( \"a\" ,c.type ),value=0x1F ) ;=>permit( );};",
     "version=1.2;\n\nauthorizationrules\n{\n"
     "    c:[type==\"a\", value<-1, valueType!=\"x\"] &&\n"
     "    ![issuer==c.value]\n"
     "        => add(type=AppendString(\"a\", c.type), value=0x1F);\n"
     "    => permit();\n};\n"},
    /* Comments. */
    {"// head\n\n\n// more\nversion=1.0; // v\n// before\nauthorizationrules { // open\n\n"
     "   // own\n => permit(); /* tail */ => deny(); // end\n\n // last\n} /* b */; // c\n//eof",
     "// head\n\n// more\nversion=1.0; // v\n\n// before\nauthorizationrules\n{ // open\n"
     "    // own\n    => permit(); /* tail */\n    => deny(); // end\n\n    // last\n} /* b */; "
     "// c\n\n//eof\n"},
    {"version=1.0;authorizationrules{[type==\"a\" /* in */, value==1 // why\n] &&// next\n"
     "[type==\"b\"]=> /*x*/ permit();};",
     "version=1.0;\n\nauthorizationrules\n{\n"
     "    [type==\"a\" /* in */, value==1 // why\n        ] && // next\n"
     "    [type==\"b\"]\n        => /*x*/ permit();\n};\n"},
    /* One blank line between rules stays. */
    {"version=1.0;authorizationrules{\n\n=>permit();\n\n\n=>deny();\n};",
     "version=1.0;\n\nauthorizationrules\n{\n    => permit();\n\n    => deny();\n};\n"},
    /* Strings stay, whatever is in them. */
    {"version=1.0;authorizationrules{[type==\"a  // \\\"\n b\"]=>permit();};",
     "version=1.0;\n\nauthorizationrules\n{\n    [type==\"a  // \\\"\n b\"]\n        => "
     "permit();\n};\n"},
};

static void policies_have_one_layout(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        struct policy_fault fault = {0};
        struct span once = {0}, twice = {0};

        if (policy_format(arena, span_str(layouts[i].text), &fault, &once) != ERR_OK) {
            fail_msg("layout %zu: %s", i, fault.text);
        }
        assert_string_equal(once.data, layouts[i].wanted);
        assert_ok(policy_format(arena, once, &fault, &twice));
        assert_string_equal(twice.data, once.data);
    }
    arena_free(arena);
}

static void policies_that_differ_are_not_the_same(void **state)
{
    static const char *const rules[] = {
        "=>permit();",
        "=>deny();",
        "[type==\"a\"]=>permit();",
        "[type!=\"a\"]=>permit();",
        "![type==\"a\"]=>permit();",
        "c:[type==\"a\"]=>permit();",
        "[type==\"b\"]=>permit();",
        "[value==1]=>permit();",
        "[value==2]=>permit();",
        "[value==true]=>permit();",
        "[value==1, value==1]=>permit();",
        "=>add(type=\"a\", value=1);",
        "=>add(type=\"a\", value=1, valueType=\"Integer\");",
        "=>add(type=\"a\", value=AppendString(\"a\", \"b\"));",
        "=>add(type=\"a\", value=AppendString(\"a\", \"c\"));",
        "c:[type==\"a\"]=>add(claim=c);",
        "=>permit();=>permit();",
    };
    struct arena *arena = test_arena();
    struct policy *policies[ARRAY_LEN(rules)];
    struct policy_fault fault;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const char *text = arena_printf(arena, "version=1.2;authorizationrules{%s};", rules[i]);

        assert_ok(policy_compile(span_str(text), &fault, &policies[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        for (size_t j = 0; j < ARRAY_LEN(rules); j++) {
            assert_int_equal(policy_same(policies[i], policies[j]), i == j);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        policy_unref(policies[i]);
    }
    arena_free(arena);
}

static const struct {
    const char *rules; /* of authorization */
    uint32_t column;
    const char *words;
} warnings[] = {
    {"=>issue(type=\"a\", value=1);=>permit();", 3, "nothing reaches the token"},
    {"=>add(type=\"a\", value=JmesPath(\"{}\", \"a[\"));=>permit();", 38, "the query is not valid"},
    {"=>add(type=\"a\", value=JsonToClaimValue(\"{\"));=>permit();", 40, "not valid JSON"},
    {"=>add(type=\"a\", value=JsonToClaimValue(\"1e999\"));=>permit();", 40, "is too large"},
    {"=>add(type=\"a\", value=NegateBool(\"true\"));=>permit();", 34, "needs a Boolean"},
    {"[type==\"h\", issuer==\"AttestationPolicy\"]=>permit();", 1, "no rule of this policy makes"},
    {"[type==\"h\", issuer==\"AttestationPolicy\"]=>permit();=>add(type=\"h\",value=1);", 1,
     "only later, by the rule of line 1"},
    {"[type==\"h\", issuer==\"Attestation\"]=>permit();", 21, "no claim has this issuer"},
    {"[type==\"h\", valueType==\"string\"]=>permit();", 24, "no claim has this valueType"},
    {"=>deny();=>permit();", 1, "every evaluation is denied"},
    {"=>permit();", 0, NULL},
    {"=>add(type=\"h\",value=1);[type==\"h\", issuer==\"AttestationPolicy\"]=>permit();", 0, NULL},
    {"c:[type==\"x\"]=>add(type=c.value,value=1);[type==\"h\", "
     "issuer==\"AttestationPolicy\"]=>permit();",
     0, NULL},
    {"![type==\"h\", issuer==\"AttestationPolicy\"]=>permit();", 0, NULL},
};

static void what_is_hardly_meant_is_a_warning(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(warnings); i++) {
        CLEANUP(policy_unref) struct policy *policy = NULL;
        struct policy_fault fault = {0};
        struct policy_warnings got;
        const char *text =
            arena_printf(arena, "version=1.2;authorizationrules{%s};", warnings[i].rules);

        assert_ok(policy_compile(span_str(text), &fault, &policy));
        assert_ok(policy_lint(arena, policy, &got));
        if (warnings[i].words == NULL) {
            assert_int_equal(got.n, 0);
            continue;
        }
        assert_int_equal(got.n, 1);
        assert_int_equal(got.items[0].line, 1);
        assert_int_equal(got.items[0].column - strlen("version=1.2;authorizationrules{"),
                         warnings[i].column);
        if (strstr(got.items[0].text, warnings[i].words) == NULL) {
            fail_msg("warning %zu: '%s' lacks '%s'", i, got.items[0].text, warnings[i].words);
        }
    }
    arena_free(arena);
}

static void properties_without_effect_are_warnings(void **state)
{
    static const char text[] =
        "version=1.1;\nconfigurationrules{=>issueproperty(type=\"omit_x5c\",value=true);};\n"
        "authorizationrules{};\n"
        "issuancerules{=>issueproperty(type=\"omit_x5C\",value=true);};";
    struct arena *arena = test_arena();
    CLEANUP(policy_unref) struct policy *policy = NULL;
    struct policy_fault fault;
    struct policy_warnings got;

    (void)state;
    assert_ok(policy_compile(span_str(text), &fault, &policy));
    assert_ok(policy_lint(arena, policy, &got));
    assert_int_equal(got.n, 3);
    assert_non_null(strstr(got.items[0].text, "no effect in this section"));
    assert_non_null(strstr(got.items[1].text, "no rule permits"));
    assert_int_equal(got.items[1].line, 3);
    assert_non_null(strstr(got.items[2].text, "no property of this name"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_have_one_layout),
        cmocka_unit_test(policies_that_differ_are_not_the_same),
        cmocka_unit_test(what_is_hardly_meant_is_a_warning),
        cmocka_unit_test(properties_without_effect_are_warnings),
    };

    return RUN_TESTS(tests);
}
