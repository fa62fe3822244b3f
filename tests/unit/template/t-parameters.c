/*
 * The shape of templates, and their parameters.
 */
#include "expand.h"

/* Templates that are refused, the values given, and a part of the words. */
struct refusal {
    const char *text, *parameters, *words;
    err_t err;
};

static void check_refusals(const struct refusal *cases, size_t n)
{
    size_t faults = 0;

    for (size_t i = 0; i < n; i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        struct expanded x;

        expand(arena, span_str(cases[i].text), cases[i].parameters, &x);
        if (x.err != cases[i].err || strstr(x.words, cases[i].words) == NULL) {
            print_message("%s: got %s: %s\n", cases[i].text, err_name(x.err), x.words);
            faults++;
        }
        assert_string_equal(x.fault.code, "InvalidTemplate");
    }
    assert_int_equal(faults, 0);
}

#define SCHEMA                                                                                     \
    "\"$schema\":\"https://schema.management.azure.com/schemas/2019-04-01/"                        \
    "deploymentTemplate.json#\""
#define WITH(parameters) HEAD "\"resources\":[],\"parameters\":" parameters "}"
#define ONE(definition) WITH("{\"p\":" definition "}")

static void refuses_other_shapes(void **state)
{
    static const struct refusal cases[] = {
        {"[]", NULL, "the template is not a JSON object", ERR_JSON_TYPE},
        {"{}", NULL, "needs a '$schema' that is a string", ERR_JSON_MISSING},
        {"{\"$schema\":1}", NULL, "needs a '$schema' that is a string", ERR_JSON_TYPE},
        {"{\"$schema\":\"x\",contentVersion:\"1.0.0.0\"}", NULL,
         "'$schema' of the template is not "
         "supported",
         ERR_UNSUPPORTED},
        {"{" SCHEMA "}", NULL, "needs a 'contentVersion'", ERR_JSON_MISSING},
        {"{" SCHEMA ",contentVersion:\"1.0\"}", NULL, "not of the form 1.0.0.0", ERR_VALUE},
        {"{" SCHEMA ",contentVersion:\"1.0.0.0\"}", NULL, "has no 'resources'", ERR_JSON_MISSING},
        {HEAD "resources:1}", NULL, "'resources' must be an array", ERR_JSON_TYPE},
        {HEAD "resources:[],resource:[]}", NULL, "unknown member 'resource'", ERR_VALUE},
        {HEAD "resources:[],Resources:[]}", NULL, "different spellings", ERR_JSON_DUPLICATE},
        {HEAD "resources:[],languageVersion:\"3\"}", NULL, "'languageVersion'", ERR_UNSUPPORTED},
        {HEAD "resources:[],variables:[]}", NULL, "'variables' must be an object", ERR_JSON_TYPE},
        {HEAD "resources:[],functions:{}}", NULL, "'functions' must be an array", ERR_JSON_TYPE},
        {HEAD "resources:[],outputs:[]}", NULL, "'outputs' must be an object", ERR_JSON_TYPE},
        {HEAD "resources:[],parameters:[]}", NULL, "'parameters' must be an object", ERR_JSON_TYPE},
        {HEAD "resources:[],outputs:{o:{value:1}}}", NULL, "outputs.o: 'type' must be", ERR_VALUE},
        {HEAD "resources:[],outputs:{o:{type:\"int\"}}}", NULL, "needs a 'value'",
         ERR_JSON_MISSING},
        {HEAD "resources:[],outputs:{o:{type:\"int\",value:\"a\"}}}", NULL,
         "outputs.o: The template output is not valid: its value must be of type 'Int'", ERR_VALUE},
        {HEAD "resources:[],variables:{a:1,A:2}}", NULL, "the variable 'A' is defined twice",
         ERR_JSON_DUPLICATE},
        {HEAD "resources:[],functions:[{namespace:\"a\"}]}", NULL, "a namespace and members",
         ERR_JSON_MISSING},
    };

    (void)state;
    check_refusals(cases, ARRAY_LEN(cases));
}

static void refuses_parameters(void **state)
{
    static const struct refusal cases[] = {
        {ONE("1"), NULL, "parameters.p: must be an object", ERR_JSON_TYPE},
        {ONE("{}"), NULL, "parameters.p: 'type' must be", ERR_VALUE},
        {ONE("{type:\"text\"}"), NULL, "'type' must be", ERR_VALUE},
        {WITH("{\"p\":{type:\"int\"},\"P\":{type:\"int\"}}"), NULL, "declared twice",
         ERR_JSON_DUPLICATE},
        {ONE("{type:\"string\"}"), NULL,
         "The value for the template parameter 'p' at line '1' and column '154' is not provided",
         ERR_JSON_MISSING},
        {ONE("{type:\"string\"}"), "{\"q\":{\"value\":1}}",
         "The parameter 'q' was supplied, but the template has none of this name; those it has are "
         "'p'",
         ERR_NOT_FOUND},
        {ONE("{type:\"string\"}"), "{\"p\":{\"value\":\"a\"},\"P\":{\"value\":\"a\"}}",
         "given twice", ERR_JSON_DUPLICATE},
        {ONE("{type:\"string\"}"), "{\"p\":\"a\"}", "an object with a 'value'", ERR_JSON_MISSING},
        {ONE("{type:\"string\"}"), "{\"p\":{\"reference\":{\"keyVault\":{}}}}", "key vaults",
         ERR_UNSUPPORTED},
        {ONE("{type:\"string\"}"), "[]", "must be an object", ERR_JSON_TYPE},
        {ONE("{type:\"string\"}"), "{\"p\":{\"value\":1}}",
         "a value of type 'String' is expected, it is an integer", ERR_VALUE},
        {ONE("{type:\"int\"}"), "{\"p\":{\"value\":\"1\"}}", "of type 'Int'", ERR_VALUE},
        {ONE("{type:\"bool\"}"), "{\"p\":{\"value\":\"true\"}}", "of type 'Bool'", ERR_VALUE},
        {ONE("{type:\"object\"}"), "{\"p\":{\"value\":[]}}", "of type 'Object'", ERR_VALUE},
        {ONE("{type:\"array\"}"), "{\"p\":{\"value\":{}}}", "of type 'Array'", ERR_VALUE},
        {ONE("{type:\"string\"}"), "{\"p\":{\"value\":null}}", "it is null", ERR_VALUE},
        {ONE("{type:\"int\",minValue:5}"), "{\"p\":{\"value\":4}}", "below the minimum of 5",
         ERR_VALUE},
        {ONE("{type:\"int\",maxValue:5}"), "{\"p\":{\"value\":6}}", "above the maximum of 5",
         ERR_VALUE},
        {ONE("{type:\"int\",maxValue:\"5\"}"), "{\"p\":{\"value\":6}}", "'maxValue' must be an int",
         ERR_JSON_TYPE},
        {ONE("{type:\"string\",minLength:2}"), "{\"p\":{\"value\":\"ä\"}}", "its length is below",
         ERR_VALUE},
        {ONE("{type:\"array\",maxLength:1}"), "{\"p\":{\"value\":[1,2]}}", "its length is above",
         ERR_VALUE},
        {ONE("{type:\"string\",allowedValues:[\"a\",\"b\"]}"), "{\"p\":{\"value\":\"c\"}}",
         "The provided value \"c\" for the template parameter is not valid: it is not part of the "
         "allowed values [\"a\",\"b\"]",
         ERR_VALUE},
        {ONE("{type:\"string\",allowedValues:1}"), "{\"p\":{\"value\":\"c\"}}", "must be an array",
         ERR_JSON_TYPE},
        {ONE("{type:\"array\",allowedValues:[1,2]}"), "{\"p\":{\"value\":[1,3]}}", "not part of",
         ERR_VALUE},
        {ONE("{type:\"string\",defaultValue:1}"), NULL, "of type 'String'", ERR_VALUE},
        {ONE("{type:\"string\",defaultValue:\"[parameters('p')]\"}"), NULL,
         "Circular dependency detected: the parameter 'p'", ERR_CONFLICT},
        {ONE("{type:\"string\",defaultValue:\"[variables('p')]\"}"), NULL,
         "variables are not known yet", ERR_DENIED},
        {ONE("{type:\"string\",defaultValue:\"[reference('p').x]\"}"), NULL,
         "'reference' is not expected at this location", ERR_DENIED},
        {ONE("{\"$ref\":\"#/definitions/x\"}"), NULL, "is not defined in the template",
         ERR_NOT_FOUND},
    };

    (void)state;
    check_refusals(cases, ARRAY_LEN(cases));
}

static void secrets_are_in_no_message_and_no_echo(void **state)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *echo = NULL;
    struct expanded x;

    (void)state;
    expand(arena, span_str(ONE("{type:\"secureString\",allowedValues:[\"a\"]}")),
           "{\"p\":{\"value\":\"geheim\"}}", &x);
    assert_err(x.err, ERR_VALUE);
    assert_null(strstr(x.words, "geheim"));
    expand(arena, span_str(ONE("{type:\"secureString\"}")), "{\"p\":{\"value\":\"geheim\"}}", &x);
    assert_ok(x.err);
    assert_ok(template_parameters(x.t, arena, doc, NULL, NULL, &echo));
    assert_string_equal((const char *)json_write(arena, doc, echo, false).data,
                        "{\"p\":{\"type\":\"SecureString\"}}");
}

static void takes_values_defaults_and_any_case(void **state)
{
    static const char text[] = HEAD
        "definitions:{name:{type:\"string\",minLength:2}},parameters:{"
        "a:{type:\"STRING\",defaultValue:\"[concat(parameters('B'),'x')]\"},b:{type:\"string\"},"
        "n:{type:\"string\",nullable:true},r:{\"$ref\":\"#/definitions/name\",defaultValue:\"ab\"},"
        "t:{type:\"string\",defaultValue:\"[utcNow()]\"},u:{type:\"string\",defaultValue:"
        "\"[utcNow('yyyy-MM-dd')]\"},g:{type:\"string\",defaultValue:\"[newGuid()]\"},"
        "h:{type:\"string\",defaultValue:\"[newGuid()]\"},l:{type:\"array\",allowedValues:[1,2],"
        "defaultValue:[2,1]},e:{type:\"string\",defaultValue:\"[[x]\"}},resources:[],outputs:{"
        "differ:{type:\"bool\",value:\"[not(equals(parameters('g'),parameters('h')))]\"},"
        "form:{type:\"string\",value:\"[substring(parameters('g'),14,1)]\"},"
        "secret:{type:\"secureString\",value:\"x\"},"
        "off:{type:\"string\",value:\"x\",condition:\"[empty('x')]\"},"
        "copy:{type:\"array\",copy:{count:2,input:\"[copyIndex(1)]\"}}}}";
    CLEANUP(arena_free) struct arena *arena = big_arena();
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *echo = NULL;
    struct expanded x;
    const char *got;

    (void)state;
    expand(arena, span_str(text), "{\"B\":{\"value\":\"[concat('raw')]\"}}", &x);
    if (x.err) {
        fail_msg("%s", x.words);
    }
    assert_ok(template_parameters(x.t, arena, doc, NULL, NULL, &echo));
    got = (const char *)json_write(arena, doc, echo, false).data;
    /* Values that were given are not evaluated. */
    assert_non_null(strstr(got, "\"a\":{\"type\":\"String\",\"value\":\"[concat('raw')]x\"}"));
    assert_non_null(strstr(got, "\"n\":{\"type\":\"String\",\"value\":null}"));
    assert_non_null(strstr(got, "\"r\":{\"type\":\"String\",\"value\":\"ab\"}"));
    assert_non_null(strstr(got, "\"20231114T221320Z\""));
    assert_non_null(strstr(got, "\"2023-11-14\""));
    assert_non_null(strstr(got, "\"e\":{\"type\":\"String\",\"value\":\"[x]\"}"));
    assert_string_equal(outputs(&x, NULL, NULL), "{\"differ\":{\"type\":\"Bool\",\"value\":true},"
                                                 "\"form\":{\"type\":\"String\",\"value\":\"4\"},"
                                                 "\"secret\":{\"type\":\"SecureString\"},"
                                                 "\"copy\":{\"type\":\"Array\",\"value\":[1,2]}}");
}

static void the_hash_is_of_the_document_not_of_its_text(void **state)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    struct expanded a, b, c;

    (void)state;
    expand(arena, span_str(HEAD "resources:[]}"), NULL, &a);
    expand(arena, span_str(HEAD "\n\n\"resources\" : [ ] /* x */ }"), NULL, &b);
    expand(arena, span_str(HEAD "resources:[],outputs:{}}"), NULL, &c);
    assert_string_equal(template_hash(a.t), template_hash(b.t));
    assert_string_not_equal(template_hash(a.t), template_hash(c.t));
    assert_int_equal(strspn(template_hash(a.t), "0123456789"), strlen(template_hash(a.t)));
}

static void says_where_in_the_text(void **state)
{
    static const char text[] =
        HEAD "\n\"variables\": {\n  \"a\": { \"b\": [ \"[nosuch()]\" ] } },\n"
             "\"resources\": [], \"outputs\": { \"o\": { \"type\": "
             "\"string\", \"value\": \"[variables('a')]\" } } }";
    CLEANUP(arena_free) struct arena *arena = big_arena();
    struct expanded x;

    (void)state;
    expand(arena, span_str(text), NULL, &x);
    assert_err(x.err, ERR_UNSUPPORTED);
    assert_int_equal(x.fault.line, 3);
    assert_int_equal(x.fault.column, 17);
    assert_string_equal(x.fault.target, "o");
    assert_ptr_equal(strstr(x.words, "variables.a.b[0]: The template function 'nosuch'"), x.words);
}

/* However long the way to it was: where it went wrong, and not by whom it was asked. */
static void a_path_begins_at_the_variable_that_is_wrong(void **state)
{
    static const char text[] =
        HEAD "\"variables\":{\"a\":\"[variables('b')]\",\"b\":{\"m\":\"[variables('c')]\"},"
             "\"c\":{\"copy\":[{\"name\":\"l\",\"count\":\"x\",\"input\":1}]}},"
             "\"resources\":[],\"outputs\":{\"o\":{\"type\":\"object\",\"value\":"
             "\"[variables('a')]\"}}}";
    CLEANUP(arena_free) struct arena *arena = big_arena();
    struct expanded x;

    (void)state;
    expand(arena, span_str(text), NULL, &x);
    assert_int_not_equal(x.err, ERR_OK);
    assert_ptr_equal(strstr(x.words, "variables.c.copy.l.count: the count of the loop"), x.words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_other_shapes),
        cmocka_unit_test(refuses_parameters),
        cmocka_unit_test(secrets_are_in_no_message_and_no_echo),
        cmocka_unit_test(takes_values_defaults_and_any_case),
        cmocka_unit_test(the_hash_is_of_the_document_not_of_its_text),
        cmocka_unit_test(says_where_in_the_text),
        cmocka_unit_test(a_path_begins_at_the_variable_that_is_wrong),
    };

    return RUN_TESTS(tests);
}
