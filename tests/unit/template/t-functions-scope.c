/*
 * Functions that ask where the template is deployed and what is in it; the grammar; and that no
 * function is without a row.
 */
#include "expand.h"

#define ID GROUP_ID "/providers/"

static void where_it_is_deployed(void **state)
{
    static const struct expression_case cases[] = {
        {"resourceGroup().id", "\"" GROUP_ID "\""},
        {"resourceGroup().name", "\"rg1\""},
        {"resourceGroup().location", "\"westus\""},
        {"resourceGroup().tags", "{}"},
        {"resourceGroup().managedBy", "null"},
        {"resourceGroup().properties.provisioningState", "\"Succeeded\""},
        {"resourceGroup('a')", "!takes 0 arguments, not 1"},
        {"resourceGroup().region", "!property 'region' doesn't exist"},
        {"subscription().id", "\"/subscriptions/" SUBSCRIPTION "\""},
        {"subscription().subscriptionId", "\"" SUBSCRIPTION "\""},
        {"subscription().displayName", "\"Sub One\""},
        {"subscription().tenantId", "\"22222222-2222-2222-2222-222222222222\""},
        {"tenant().tenantId", "\"22222222-2222-2222-2222-222222222222\""},
        {"deployer().tenantId", "\"22222222-2222-2222-2222-222222222222\""},
        {"deployment().name", "\"dep1\""},
        {"deployment().properties.mode", "\"Incremental\""},
        {"deployment().properties.provisioningState", "\"Accepted\""},
        {"deployment().properties.template.contentVersion", "\"1.0.0.0\""},
        {"environment().name", "\"AzureCloud\""},
        {"environment().suffixes.storage", "\"core.windows.net\""},
        {"managementGroup()", "!there are no management groups here"},
        {"pickZones('a', 'b', 'c')", "[]"},
        {"pickZones('a')", "!takes from 3 to 5 arguments"},
        {"providers('a', 'b').apiVersions", "[]"},
        {"providers('a').resourceTypes", "[]"},
        {"listKeys('a', 'b')", "!functions that list keys or secrets ('listKeys') are not supp"},
        {"list('a', 'b')", "!is not valid: there is none of that name"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void ids(void **state)
{
    static const struct expression_case cases[] = {
        {"resourceId('Microsoft.Compute/virtualMachines', 'vm')",
         "\"" ID "Microsoft.Compute/virtualMachines/vm\""},
        {"resourceId('Microsoft.Network/networkInterfaces/', 'n')",
         "\"" ID "Microsoft.Network/networkInterfaces/n\""},
        {"resourceId('Microsoft.Compute/virtualMachines/extensions', 'vm', 'x')",
         "\"" ID "Microsoft.Compute/virtualMachines/vm/extensions/x\""},
        {"resourceId('rg2', 'Microsoft.Compute/virtualMachines', 'vm')",
         "\"/subscriptions/" SUBSCRIPTION
         "/resourceGroups/rg2/providers/Microsoft.Compute/virtualMachines/vm\""},
        {"resourceId('33333333-3333-3333-3333-333333333333', 'rg2', "
         "'Microsoft.Compute/virtualMachines', 'vm')",
         "\"/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/rg2/providers/"
         "Microsoft.Compute/virtualMachines/vm\""},
        {"resourceId('33333333-3333-3333-3333-333333333333', 'Microsoft.Compute/virtualMachines', "
         "'vm')",
         "\"/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/rg1/providers/"
         "Microsoft.Compute/virtualMachines/vm\""},
        {"resourceId('Microsoft.Compute/virtualMachines')", "!takes at least 2"},
        {"resourceId('Microsoft.Compute/virtualMachines', 'a', 'b')", "!no argument is a type"},
        {"resourceId('vm', 'x')", "!no argument is a type"},
        {"resourceId('a/b', 'Microsoft.Compute/virtualMachines', 'c', 'd')", "!no argument"},
        {"resourceId('Microsoft.Compute/virtualMachines', '')", "!a name, is empty"},
        {"resourceId('Microsoft.Compute/virtualMachines', 1)", "!argument 2 must be a string"},
        {"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
         "\"/subscriptions/" SUBSCRIPTION "/providers/Microsoft.Authorization/roleDefinitions/r\""},
        {"subscriptionResourceId('Microsoft.Resources/resourceGroups', 'g')",
         "\"/subscriptions/" SUBSCRIPTION "/resourceGroups/g\""},
        {"subscriptionResourceId('s', 'Microsoft.Authorization/roleDefinitions', 'r')",
         "\"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/r\""},
        {"subscriptionResourceId('a', 'b')", "!no argument is a type"},
        {"tenantResourceId('Microsoft.Authorization/roleDefinitions', 'r')",
         "\"/providers/Microsoft.Authorization/roleDefinitions/r\""},
        {"tenantResourceId('a', 'b')", "!no argument is a type"},
        {"extensionResourceId('/a/b/', 'Microsoft.Authorization/locks', 'l')",
         "\"/a/b/providers/Microsoft.Authorization/locks/l\""},
        {"extensionResourceId('a', 'Microsoft.Authorization/locks', 'l')", "!begins with a slash"},
        {"extensionResourceId('/a', 'x', 'l')", "!no argument is a type"},
        {"reference('x')", "!the resource 'x' is not defined in the template, and it is no id"},
        {"reference('/x', '2020-01-01', 'Half')", "!can only be 'Full'"},
        {"reference('/x').a.b", "{\"$unknown\":\"[reference('/x').a.b]\"}"},
        {"if(reference('/x').a, div(1, 0), 2)",
         "{\"$unknown\":\"[if(reference('/x').a, div(1, 0), 2)]\"}"},
        {"references('x')", "!the template has no loop 'x'"},
        {"resourceInfo('x')", "!the template has no resource of this name"},
        {"parameters('x')", "!The template parameter 'x' is not found"},
        {"parameters(1)", "!argument 1 must be a string"},
        {"variables('x')", "!The template variable 'x' is not found"},
        {"variables('V').b[1]", "2"},
        {"variables('e')", "\"ab\""},
        {"variables('n')", "\"[x]\""},
        {"variables('loop')", "!Circular dependency detected: the variable"},
        {"variables('ask')", "!'reference' is not expected at this location"},
        {"variables('copied')", "[\"a0\",\"a1\"]"},
        {"variables('inside').list", "[10,11,12]"},
        {"copyIndex()", "!no loop runs here"},
        {"copyIndex('x')", "!no loop 'x' runs here"},
        {"copyIndex(1, 2)", "!it takes the name of a loop and a number"},
        {"my.twice('ab')", "\"abab\""},
        {"my.TWICE(5)", "!takes a value of type 'String' as 's', not an integer"},
        {"my.twice()", "!takes 1 arguments, not 0"},
        {"my.thrice('a')", "!the template defines none of that name"},
        {"my.nosy()", "!functions of a template see nothing but their own parameters"},
        {"my.nested()", "!functions of a template cannot call each other"},
        {"my.other()", "!has no parameter of this name"},
    };
    static const char rest[] =
        "\"variables\":{\"v\":{\"b\":[1,\"[add(1,1)]\"]},\"e\":\"[concat('a','b')]\",\"n\":\"[[x]"
        "\","
        "\"loop\":\"[variables('loop2')]\",\"loop2\":\"[concat(variables('loop'),'x')]\","
        "\"ask\":\"[reference('/x').y]\",\"unused\":\"[nothing()]\","
        "\"copy\":[{\"name\":\"copied\",\"count\":2,\"input\":\"[concat('a',copyIndex('copied'))]\""
        "}],\"inside\":{\"copy\":[{\"name\":\"list\",\"count\":3,"
        "\"input\":\"[copyIndex('list',10)]\"}]}},"
        "\"functions\":[{\"namespace\":\"my\",\"members\":{"
        "\"twice\":{\"parameters\":[{\"name\":\"s\",\"type\":\"string\"}],\"output\":{\"type\":"
        "\"string\",\"value\":\"[concat(parameters('s'),parameters('S'))]\"}},"
        "\"nosy\":{\"output\":{\"type\":\"string\",\"value\":\"[resourceGroup().id]\"}},"
        "\"other\":{\"output\":{\"type\":\"string\",\"value\":\"[parameters('x')]\"}},"
        "\"nested\":{\"output\":{\"type\":\"string\",\"value\":\"[my.nosy()]\"}}}}],";

    (void)state;
    check_cases(rest, cases, ARRAY_LEN(cases));
}

static void grammar(void **state)
{
    static const struct expression_case cases[] = {
        {"", "!ends where a string, a number or the name of a function is expected"},
        {"concat(", "!it ends where"},
        {"concat('a'", "!',' or ')' is expected"},
        {"concat('a',)", "!')' at position 13, where a string"},
        {"concat('a' 'b')", "!where ',' or ')' is expected"},
        {"concat('a", "!the quote that ends the string"},
        {"concat", "!'(' behind the name of a function is expected"},
        {"concat('a') x", "!the end of the expression is expected"},
        {"concat('a').", "!the name of a property is expected"},
        {"concat('a')[", "!it ends where"},
        {"createArray(1)[0", "!']' is expected"},
        {"a.b.c()", "!'(' behind the name of a function"},
        {"nosuch()", "!The template function 'nosuch' is not valid"},
        {"averyveryverylongfunctionnamethatdoesnotexist()", "!there is none of that name"},
        {"\"", "!position 2"},
        {"- 1", "!a digit is expected"},
        {"''", "\"\""},
        {"''''", "\"'\""},
        {"  concat (\n 'a' ,\n'b' ) ", "\"ab\""},
        {"createObject( 'a' , 1 ) . a", "1"},
        {"'a]b[c'", "\"a]b[c\""},
        {"'\"\\'", "\"\\\"\\\\\""},
        {"+5", "5"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

/* Each function with no arguments and with very many: a result or a sentence. */
static void every_function_checks_how_many_arguments(void **state)
{
    size_t n = 0;
    const char *const *names = template_functions(&n);

    (void)state;
    assert_true(n > 90);
    for (size_t i = 0; i < n; i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        const char *got = evaluate_in(arena, "", arena_printf(arena, "%s()", names[i]));

        assert_true(got[0] != '!' || strstr(got, names[i]) != NULL);
        got = evaluate_in(arena, "",
                          arena_printf(arena,
                                       "%s(1,'a',null(),true(),createArray(),"
                                       "createObject(),1,2,3,4,5)",
                                       names[i]));
        assert_true(got[0] == '!' || strcmp(names[i], "createArray") == 0 ||
                    strcmp(names[i], "coalesce") == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_it_is_deployed),
        cmocka_unit_test(ids),
        cmocka_unit_test(grammar),
        cmocka_unit_test(every_function_checks_how_many_arguments),
    };

    return RUN_TESTS(tests);
}
