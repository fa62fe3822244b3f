/*
 * Functions of arrays, objects, numbers and truth: right arguments and wrong ones.
 */
#include "expand.h"

static void arrays(void **state)
{
    static const struct expression_case cases[] = {
        {"createArray()", "[]"},
        {"createArray(1, 'a', createArray())", "[1,\"a\",[]]"},
        {"array('a')", "[\"a\"]"},
        {"array(createArray(1))", "[1]"},
        {"array(null())", "[null]"},
        {"array()", "!takes 1 argument"},
        {"concat(createArray(1), createArray(2, 3))", "[1,2,3]"},
        {"contains(createArray('a', 'b'), 'a')", "true"},
        {"contains(createArray('a', 'b'), 'A')", "false"},
        {"contains(createArray(createObject('a', 1)), createObject('A', 1))", "true"},
        {"contains(1, 'a')", "!argument 1 must be a string or an array or an object"},
        {"empty(createArray())", "true"},
        {"empty(createArray(null()))", "false"},
        {"empty(null())", "true"},
        {"empty(0)", "!argument 1 must be"},
        {"first(createArray('a', 'b'))", "\"a\""},
        {"first(createArray())", "null"},
        {"first(createObject())", "!argument 1 must be"},
        {"last(createArray('a', 'b'))", "\"b\""},
        {"last(1)", "!argument 1 must be"},
        {"length(createArray(1, 2))", "2"},
        {"length(null())", "!argument 1 must be"},
        {"indexOf(createArray('a', 'b', 'a'), 'a')", "0"},
        {"indexOf(createArray('a'), 'A')", "-1"},
        {"indexOf(1, 1)", "!argument 1 must be"},
        {"lastIndexOf(createArray('a', 'b', 'a'), 'a')", "2"},
        {"lastIndexOf(createArray(), 'a')", "-1"},
        {"intersection(createArray(1, 2, 3, 2), createArray(2, 3))", "[2,3]"},
        {"intersection(createArray(1), createArray(2))", "[]"},
        {"intersection(createArray(1), createObject())", "!must be all arrays or all objects"},
        {"intersection(createArray(1))", "!takes at least 2"},
        {"union(createArray(1, 2), createArray(2, 3))", "[1,2,3]"},
        {"union(createArray(1), 'a')", "!argument 2 must be an array or an object"},
        {"max(createArray(1, 5, 3))", "5"},
        {"max(1, 7)", "7"},
        {"max(createArray())", "!the array is empty"},
        {"max(createArray('a'))", "!element 0 is a string"},
        {"max('a')", "!argument 1 must be an integer or an array"},
        {"max(createArray(1), 2)", "!it takes one array, or integers"},
        {"min(createArray(4, 2))", "2"},
        {"min(-1, 0)", "-1"},
        {"min(null())", "!argument 1 must be"},
        {"range(5, 3)", "[5,6,7]"},
        {"range(0, 0)", "[]"},
        {"range(0, -1)", "!the count must be from 0 to 10000"},
        {"range(0, 10001)", "!the count must be from 0 to 10000"},
        {"range(9223372036854775807, 2)", "!the count must be"},
        {"length(range(0, 10000))", "10000"},
        {"range('a', 1)", "!argument 1 must be an integer"},
        {"skip(createArray(1, 2, 3), 1)", "[2,3]"},
        {"skip(createArray(1), 9)", "[]"},
        {"skip(createArray(1), '1')", "!argument 2 must be an integer"},
        {"take(createArray(1, 2, 3), 2)", "[1,2]"},
        {"take(createArray(1), 0)", "[]"},
        {"take(createObject(), 0)", "!argument 1 must be"},
        {"flatten(createArray(createArray(1), createArray(2, 3)))", "[1,2,3]"},
        {"flatten(createArray(1))", "!element 0 is an integer, not an array"},
        {"indexFromEnd(createArray(1, 2, 3), 1)", "3"},
        {"indexFromEnd(createArray(1), 2)", "!there is none at 2 from the end"},
        {"indexFromEnd(createArray(1), 0)", "!there is none at 0 from the end"},
        {"tryIndexFromEnd(createArray(1), 2)", "null"},
        {"tryIndexFromEnd(createArray(1, 2), 2)", "1"},
        {"tryGet(createObject('a', createArray(1, 2)), 'a', 1)", "2"},
        {"tryGet(createObject('a', 1), 'b')", "null"},
        {"tryGet(createArray(1), 5)", "null"},
        {"tryGet(null(), 'b')", "null"},
        {"tryGet(createObject('a', 1))", "!takes at least 2"},
        {"createArray(1, 2)[1]", "2"},
        {"createArray(1, 2)[2]", "!out of bounds"},
        {"createArray(1, 2)[-1]", "!out of bounds"},
        {"createArray(1)['a']", "!is an array, not an object"},
        {"createArray(1)[?7]", "null"},
        {"'abc'[0]", "!needs an array and an integer"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void objects(void **state)
{
    static const struct expression_case cases[] = {
        {"createObject()", "{}"},
        {"createObject('a', 1, 'b', createArray())", "{\"a\":1,\"b\":[]}"},
        {"createObject('a', 1, 'A', 2)", "{\"a\":2}"},
        {"createObject('a')", "!takes keys and values in pairs"},
        {"createObject(1, 2)", "!argument 1 must be a string"},
        {"createObject('a', 1).A", "1"},
        {"createObject('a', createObject('b', 2)).a.b", "2"},
        {"createObject('a', 1)['a']", "1"},
        {"createObject('a', 1).b", "!property 'b' doesn't exist, available properties are 'a'."},
        {"createObject('a', 1, 'c', 2).b", "!available properties are 'a, c'."},
        {"createObject('a', 1).?b", "null"},
        {"createObject('a', 1).?b.c.d", "null"},
        {"createObject('a', 1)[?'b']", "null"},
        {"createObject('a', 1).a.b", "!what it is asked of is an integer, not an object"},
        {"createObject('a', 1)[0]", "!needs an array and an integer"},
        {"null().a", "!what it is asked of is null"},
        {"contains(createObject('a', 1), 'A')", "true"},
        {"contains(createObject('a', 1), 'b')", "false"},
        {"empty(createObject())", "true"},
        {"length(createObject('a', 1))", "1"},
        {"intersection(createObject('a', 1, 'b', 2), createObject('b', 2, 'a', 3))", "{\"b\":2}"},
        {"union(createObject('a', 1), createObject('b', 2))", "{\"a\":1,\"b\":2}"},
        {"union(createObject('a', createObject('x', 1)), createObject('A', createObject('y', 2)))",
         "{\"a\":{\"x\":1,\"y\":2}}"},
        {"union(createObject('a', createArray(1)), createObject('a', createArray(2)))",
         "{\"a\":[2]}"},
        {"union(createObject(), createArray())", "!must be all arrays or all objects"},
        {"shallowMerge(createArray(createObject('a', createObject('x', 1)), createObject('a', "
         "createObject('y', 2))))",
         "{\"a\":{\"y\":2}}"},
        {"shallowMerge(createArray(1))", "!element 0 is an integer, not an object"},
        {"items(createObject('b', 1, 'a', 2))",
         "[{\"key\":\"a\",\"value\":2},{\"key\":\"b\",\"value\":1}]"},
        {"items(createArray())", "!argument 1 must be an object"},
        {"objectKeys(createObject('b', 1, 'a', 2))", "[\"a\",\"b\"]"},
        {"objectKeys('a')", "!argument 1 must be an object"},
        {"null()", "null"},
        {"null(1)", "!takes 0 arguments, not 1"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void numbers(void **state)
{
    static const struct expression_case cases[] = {
        {"add(5, 3)", "8"},
        {"add('5', 3)", "!argument 1 must be an integer, it is a string"},
        {"add(9223372036854775807, 1)", "!does not fit 64 bits"},
        {"sub(5, 8)", "-3"},
        {"sub(-9223372036854775808, 1)", "!does not fit 64 bits"},
        {"mul(4, -3)", "-12"},
        {"mul(9223372036854775807, 2)", "!does not fit 64 bits"},
        {"div(8, 3)", "2"},
        {"div(-8, 3)", "-2"},
        {"div(1, 0)", "!the divisor is 0"},
        {"div(-9223372036854775808, -1)", "!does not fit 64 bits"},
        {"mod(7, 3)", "1"},
        {"mod(-7, 3)", "-1"},
        {"mod(7, 0)", "!the divisor is 0"},
        {"mod(1)", "!takes 2 arguments"},
        {"int('12')", "12"},
        {"int('-12')", "-12"},
        {"int(5)", "5"},
        {"int(float('3.9'))", "3"},
        {"int('a')", "!the string is not a whole number"},
        {"int('')", "!the string is not a whole number"},
        {"int('1 ')", "!the string is not a whole number"},
        {"int('0x10')", "!the string is not a whole number"},
        {"int('99999999999999999999')", "!does not fit 64 bits"},
        {"int(float('1e30'))", "!does not fit 64 bits"},
        {"int(true())", "!argument 1 must be"},
        {"float('1.5')", "1.5"},
        {"float(2)", "2.0"},
        {"float('nan')", "!the string is not a number"},
        {"float('1e999')", "!not a number that fits"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "!does not fit 64 bits"},
        {"1.5", "!numbers are whole"},
        {"equals(1, 1)", "true"},
        {"equals(1, float('1'))", "true"},
        {"equals(1, '1')", "false"},
        {"equals('a', 'A')", "false"},
        {"equals(createArray(1, createObject('a', 2)), createArray(1, createObject('A', 2)))",
         "true"},
        {"equals(null(), null())", "true"},
        {"equals(null(), '')", "false"},
        {"equals(1)", "!takes 2 arguments"},
        {"greater(2, 1)", "true"},
        {"greater('b', 'a')", "true"},
        {"greater('b', 1)", "!both arguments must be numbers, or both strings"},
        {"greater(true(), false())", "!argument 1 must be"},
        {"greaterOrEquals(1, 1)", "true"},
        {"greaterOrEquals('a', 'ab')", "false"},
        {"less(1, 2)", "true"},
        {"less('', 'a')", "true"},
        {"less(createArray(), 1)", "!argument 1 must be"},
        {"lessOrEquals(2, 1)", "false"},
        {"lessOrEquals(float('0.5'), 1)", "true"},
        {"lessOrEquals(1)", "!takes 2 arguments"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void truth(void **state)
{
    static const struct expression_case cases[] = {
        {"true()", "true"},
        {"False()", "false"},
        {"and(true(), true(), false())", "false"},
        {"and(true(), true())", "true"},
        {"and(false(), div(1, 0))", "false"},
        {"and(true(), 1)", "!argument 2 must be a boolean"},
        {"and(true())", "!takes at least 2"},
        {"or(false(), true())", "true"},
        {"or(false(), false())", "false"},
        {"or('true', false())", "!argument 1 must be a boolean"},
        {"not(true())", "false"},
        {"not('true')", "!argument 1 must be a boolean"},
        {"bool('True')", "true"},
        {"bool('0')", "false"},
        {"bool(1)", "true"},
        {"bool(false())", "false"},
        {"bool('yes')", "!neither 'true' nor 'false'"},
        {"bool(createArray())", "!argument 1 must be"},
        {"if(true(), 1, div(1, 0))", "1"},
        {"if(false(), div(1, 0), 2)", "2"},
        {"if(1, 2, 3)", "!argument 1 must be a boolean"},
        {"if(true(), 1)", "!takes 3 arguments"},
        {"coalesce(null(), 'a', div(1, 0))", "\"a\""},
        {"coalesce(null(), null())", "null"},
        {"coalesce()", "!takes at least 1"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void lambdas(void **state)
{
    static const struct expression_case cases[] = {
        {"map(range(1, 3), lambda('x', mul(lambdaVariables('x'), 2)))", "[2,4,6]"},
        {"map(createArray('a'), lambda('x', 'i', concat(lambdaVariables('x'), "
         "lambdaVariables('i'))))",
         "[\"a0\"]"},
        {"map(range(0, 2), lambda('x', map(range(0, 2), lambda('y', add(lambdaVariables('x'), "
         "lambdaVariables('y'))))))",
         "[[0,1],[1,2]]"},
        {"filter(range(0, 5), lambda('x', greater(lambdaVariables('X'), 2)))", "[3,4]"},
        {"filter(range(0, 5), lambda('x', 1))", "!the lambda must give a boolean"},
        {"reduce(range(1, 4), 0, lambda('a', 'b', add(lambdaVariables('a'), "
         "lambdaVariables('b'))))",
         "10"},
        {"sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), "
         "lambdaVariables('b'))))",
         "[1,2,3]"},
        {"toObject(createArray('a', 'b'), lambda('x', lambdaVariables('x')), lambda('x', 1))",
         "{\"a\":1,\"b\":1}"},
        {"groupBy(createArray('ax', 'b', 'ay'), lambda('x', first(lambdaVariables('x'))))",
         "{\"a\":[\"ax\",\"ay\"],\"b\":[\"b\"]}"},
        {"mapValues(createObject('a', 1), lambda('v', add(lambdaVariables('v'), 1)))", "{\"a\":2}"},
        {"map(1, lambda('x', 1))", "!argument 1 must be an array"},
        {"map(createArray(1), 1)", "!must be a lambda"},
        {"map(createArray(1), lambda(1))", "!must be a lambda"},
        {"map(createArray(1), lambda(concat('x'), 1))", "!the variables of a lambda are strings"},
        {"map(createArray(1), lambda('x', 'y', 'z', 1))", "!must be a lambda"},
        {"lambda('x', 1)", "!may only be an argument of"},
        {"lambdaVariables('x')", "!no lambda with this variable runs here"},
        {"toObject(createArray(1), lambda('x', 1))", "!the lambda must give a string"},
        {"sort(createArray(1, 2), lambda('a', 'b', 1))", "!the lambda must give a boolean"},
        {"mapValues(createArray(), lambda('v', 1))", "!argument 1 must be an object"},
        {"reduce(createArray(), 7, lambda('a', 'b', 1))", "7"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays), cmocka_unit_test(objects), cmocka_unit_test(numbers),
        cmocka_unit_test(truth),  cmocka_unit_test(lambdas),
    };

    return RUN_TESTS(tests);
}
