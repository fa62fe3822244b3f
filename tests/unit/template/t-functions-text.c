/*
 * Functions of strings, encodings, hashes and times: right arguments and wrong ones.
 */
#include "expand.h"

static void strings(void **state)
{
    static const struct expression_case cases[] = {
        {"concat()", "!takes at least 1 argument"},
        {"concat(createArray(1), 'a')", "!must be all arrays or all strings; argument 2 is a str"},
        {"concat('a', createArray(1))", "!argument 2 is an array, the first is a string"},
        {"concat(null())", "!argument 1 must be"},
        {"concat(createObject())", "!argument 1 must be"},
        {"concat('a')", "\"a\""},
        {"concat('a', 'b', '')", "\"ab\""},
        {"concat('vm', 1, true())", "\"vm1True\""},
        {"CONCAT('it''s')", "\"it's\""},
        {"toLower()", "!takes 1 argument, not 0"},
        {"toLower('a', 'b')", "!takes 1 argument, not 2"},
        {"toLower(1)", "!argument 1 must be a string, it is an integer"},
        {"toLower('ABC-Ä1')", "\"abc-Ä1\""},
        {"toUpper('abcZ')", "\"ABCZ\""},
        {"toUpper(true())", "!it is a boolean"},
        {"trim('  a b ')", "\"a b\""},
        {"trim('')", "\"\""},
        {"trim('   ')", "\"\""},
        {"trim(createArray())", "!must be a string, it is an array"},
        {"startsWith('abcdef', 'AB')", "true"},
        {"startsWith('abcdef', 'e')", "false"},
        {"startsWith('a', 'ab')", "false"},
        {"startsWith('a', '')", "true"},
        {"startsWith('a', 1)", "!argument 2 must be a string"},
        {"startsWith('a')", "!takes 2 arguments, not 1"},
        {"endsWith('abcdef', 'EF')", "true"},
        {"endsWith('abcdef', 'e')", "false"},
        {"endsWith('', 'e')", "false"},
        {"endsWith(createArray(), 'e')", "!argument 1 must be a string"},
        {"string(1)", "\"1\""},
        {"string(true())", "\"True\""},
        {"string('a')", "\"a\""},
        {"string(createArray(1, 'a', null()))", "\"[1,\\\"a\\\",null]\""},
        {"string(createObject('a', false()))", "\"{\\\"a\\\":false}\""},
        {"string(null())", "\"\""},
        {"string(float('1.5'))", "\"1.5\""},
        {"substring('one two', 4)", "\"two\""},
        {"substring('one two', 4, 2)", "\"tw\""},
        {"substring('one two', 0, 0)", "\"\""},
        {"substring('äöü', 1, 1)", "\"ö\""},
        {"substring('abc', 3)", "\"\""},
        {"substring('abc', 4)", "!the string has 3 characters"},
        {"substring('abc', 1, 3)", "!the string has 3 characters"},
        {"substring('abc', -1)", "!the string has 3 characters"},
        {"substring('abc', 0, -1)", "!the string has 3 characters"},
        {"substring('abc', 9223372036854775807, 9223372036854775807)", "!the string has 3"},
        {"substring('abc', '0')", "!argument 2 must be an integer"},
        {"padLeft('123', 5, '0')", "\"00123\""},
        {"padLeft(7, 3, '0')", "\"007\""},
        {"padLeft('abc', 2)", "\"abc\""},
        {"padLeft('a', 3)", "\"  a\""},
        {"padLeft('a', 3, 'ä')", "\"ääa\""},
        {"padLeft('a', 3, 'xy')", "!what fills one character"},
        {"padLeft('a', 3, '')", "!what fills one character"},
        {"padLeft('a', 3, 0)", "!what fills one character"},
        {"padLeft('a', -1, '0')", "!the length must be from 0"},
        {"padLeft('a', 99999999999, '0')", "!the length must be from 0"},
        {"padLeft('a', 1048576, 'ä')", "!a string of 2097151 bytes would be made"},
        {"padLeft('a', 'b')", "!argument 2 must be an integer"},
        {"replace('a-b-c', '-', '')", "\"abc\""},
        {"replace('aaa', 'a', 'aa')", "\"aaaaaa\""},
        {"replace('abc', 'B', 'x')", "\"abc\""},
        {"replace('abc', '', 'x')", "!the string to replace is empty"},
        {"replace('', 'a', 'x')", "\"\""},
        {"replace('abc', 'b')", "!takes 3 arguments"},
        {"replace('abc', 'b', 1)", "!argument 3 must be a string"},
        {"split('a,b,,c', ',')", "[\"a\",\"b\",\"\",\"c\"]"},
        {"split('a,b;c', createArray(',', ';'))", "[\"a\",\"b\",\"c\"]"},
        {"split('', ',')", "[\"\"]"},
        {"split('abc', '')", "[\"abc\"]"},
        {"split('abc', createArray())", "[\"abc\"]"},
        {"split('abc', createArray(1))", "!argument 2 must be an array of strings, element 0"},
        {"split(1, ',')", "!argument 1 must be a string"},
        {"join(createArray('a', 'b'), ', ')", "\"a, b\""},
        {"join(createArray(1, true()), '-')", "\"1-True\""},
        {"join(createArray(), '-')", "\"\""},
        {"join('a', '-')", "!argument 1 must be an array"},
        {"join(createArray('a'), 1)", "!argument 2 must be a string"},
        {"length('äb')", "2"},
        {"empty('')", "true"},
        {"empty(' ')", "false"},
        {"first('öl')", "\"ö\""},
        {"first('')", "\"\""},
        {"last('bö')", "\"ö\""},
        {"last('')", "\"\""},
        {"take('abc', 2)", "\"ab\""},
        {"take('abc', -2)", "\"\""},
        {"take('abc', 9223372036854775807)", "\"abc\""},
        {"skip('abc', 2)", "\"c\""},
        {"skip('abc', -1)", "\"abc\""},
        {"skip('abc', 4)", "\"\""},
        {"contains('OneTwo', 'Two')", "true"},
        {"contains('OneTwo', 'two')", "false"},
        {"contains('a1', 1)", "true"},
        {"contains('a1', true())", "!argument 2 must be a string"},
        {"indexOf('test', 'T')", "0"},
        {"indexOf('äö', 'ö')", "1"},
        {"indexOf('test', 'x')", "-1"},
        {"indexOf('test', '')", "0"},
        {"indexOf('test', 1)", "!argument 2 must be a string"},
        {"lastIndexOf('test', 'T')", "3"},
        {"lastIndexOf('', 'T')", "-1"},
        {"format('{0} {1}', 'a', 2)", "\"a 2\""},
        {"format('{0:D3}', 7)", "\"007\""},
        {"format('{0:d}', -7)", "\"-7\""},
        {"format('{0:X2}', 10)", "\"0A\""},
        {"format('{0:x}', 255)", "\"ff\""},
        {"format('{0:N0}', 8175133)", "\"8,175,133\""},
        {"format('{0:N}', -1000)", "\"-1,000.00\""},
        {"format('{0:F1}', 5)", "\"5.0\""},
        {"format('{0,5}|{0,-5}|', 'ab')", "\"   ab|ab   |\""},
        {"format('{{{0}}}', true())", "\"{True}\""},
        {"format('a')", "\"a\""},
        {"format('{0}')", "!asks for argument {0}, there are 0"},
        {"format('{1}', 'a')", "!asks for argument {1}, there are 1"},
        {"format('{0', 'a')", "!not valid at byte"},
        {"format('{a}', 'a')", "!not valid at byte"},
        {"format('}', 'a')", "!not valid at byte"},
        {"format('{0,99999}', 'a')", "!not valid at byte"},
        {"format('{0:D3}', 'a')", "!only integers take the format"},
        {"format('{0:Q}', 1)", "!the format of a number is"},
        {"format('{0:D100}', 1)", "!the format of a number is"},
        {"format(1)", "!argument 1 must be a string"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void encodings(void **state)
{
    static const struct expression_case cases[] = {
        {"base64('one, two')", "\"b25lLCB0d28=\""},
        {"base64('')", "\"\""},
        {"base64(1)", "!argument 1 must be a string"},
        {"base64ToString('b25lLCB0d28=')", "\"one, two\""},
        {"base64ToString('*')", "!is not base64 of text in UTF-8"},
        {"base64ToString('/w==')", "!is not base64 of text in UTF-8"},
        {"base64ToJson(base64('{\"a\": [1]}')).a[0]", "1"},
        {"base64ToJson(base64('{'))", "!the string is not JSON"},
        {"dataUri('Hello')", "\"data:text/plain;charset=utf8;base64,SGVsbG8=\""},
        {"dataUriToString(dataUri('Hello'))", "\"Hello\""},
        {"dataUriToString('data:,a%20b')", "\"a b\""},
        {"dataUriToString('data:,a%2')", "!percent sign without two digits"},
        {"dataUriToString('SGVsbG8=')", "!is not a data URI"},
        {"uriComponent('http://a.b/c d?e=ä')", "\"http%3A%2F%2Fa.b%2Fc%20d%3Fe%3D%C3%A4\""},
        {"uriComponentToString('a%20b+c')", "\"a b+c\""},
        {"uriComponentToString('%zz')", "!is not percent-encoded"},
        {"uriComponentToString('%ff')", "!is not percent-encoded"},
        {"uri('http://a.b/c/', 'd.sh')", "\"http://a.b/c/d.sh\""},
        {"uri('http://a.b/c', 'd.sh')", "\"http://a.b/d.sh\""},
        {"uri('http://a.b', '/d.sh')", "\"http://a.b/d.sh\""},
        {"uri('a.b', 'd.sh')", "!the base is no absolute URI"},
        {"json('null')", "null"},
        {"json('{\"a\":1}').a", "1"},
        {"json('[1,2]')[1]", "2"},
        {"json('\"[concat(1)]\"')", "\"[concat(1)]\""},
        {"json('1.5')", "1.5"},
        {"json('')", "!the string is not JSON"},
        {"json('{\"a\":1,\"a\":2}')", "!the string is not JSON"},
        {"json(1)", "!argument 1 must be a string"},
        {"length(uniqueString('a'))", "13"},
        {"equals(uniqueString('a'), uniqueString('a'))", "true"},
        {"equals(uniqueString('a'), uniqueString('b'))", "false"},
        {"equals(uniqueString('ab', 'c'), uniqueString('a', 'bc'))", "false"},
        {"uniqueString()", "!takes at least 1 argument"},
        {"uniqueString(1)", "!argument 1 must be a string"},
        {"length(guid('a', 'b'))", "36"},
        {"substring(guid('a'), 14, 1)", "\"5\""},
        {"equals(guid('a', 'b'), guid('a', 'b'))", "true"},
        {"equals(guid('a'), guid('b'))", "false"},
        {"guid(1)", "!argument 1 must be a string"},
        {"newGuid()", "!may only be used in default values of parameters"},
        {"utcNow()", "!may only be used in default values of parameters"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void times(void **state)
{
    static const struct expression_case cases[] = {
        {"dateTimeToEpoch('1970-01-01T00:00:00Z')", "0"},
        {"dateTimeToEpoch('2020-04-07 14:53:14Z')", "1586271194"},
        {"dateTimeToEpoch('20200407T145314Z')", "1586271194"},
        {"dateTimeToEpoch('2020-04-07T16:53:14.123+02:00')", "1586271194"},
        {"dateTimeToEpoch('2020-04-07')", "1586217600"},
        {"dateTimeToEpoch('2020-02-30T00:00:00Z')", "!is not a time"},
        {"dateTimeToEpoch('yesterday')", "!is not a time"},
        {"dateTimeToEpoch('2020-04-07T16:53:14+25:00')", "!is not a time"},
        {"dateTimeToEpoch('2020-04-07T16:53:14Zx')", "!is not a time"},
        {"dateTimeToEpoch(1)", "!argument 1 must be a string"},
        {"dateTimeFromEpoch(1586271194)", "\"2020-04-07T14:53:14Z\""},
        {"dateTimeFromEpoch(-1)", "\"1969-12-31T23:59:59Z\""},
        {"dateTimeFromEpoch(9223372036854775807)", "!outside the years"},
        {"dateTimeFromEpoch('1')", "!argument 1 must be an integer"},
        {"dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')", "\"2023-04-07T14:53:14Z\""},
        {"dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')", "\"2020-03-29T14:53:14Z\""},
        {"dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H')", "\"2020-04-07T15:53:14Z\""},
        {"dateTimeAdd('2020-04-07 14:53:14Z', 'P1Y2M10DT2H30M5S')", "\"2021-06-17T17:23:19Z\""},
        {"dateTimeAdd('2020-01-31', 'P1M')", "\"2020-02-29T00:00:00Z\""},
        {"dateTimeAdd('2020-01-31', 'P1W', 'yyyy-MM-dd')", "\"2020-02-07\""},
        {"dateTimeAdd('2020-04-07', 'P1D', 'ddd, d MMM yy H:mm ''Uhr'' tt')",
         "\"Wed, 8 Apr 20 0:00 Uhr AM\""},
        {"dateTimeAdd('2020-04-07', 'P1D', 'ddd, d MMM yy h:mm tt zzz')",
         "\"Wed, 8 Apr 20 12:00 AM +00:00\""},
        {"dateTimeAdd('2020-04-07', 'P1D', 'u')", "\"2020-04-08 00:00:00Z\""},
        {"dateTimeAdd('2020-04-07', 'P1D', 'R')", "\"Wed, 08 Apr 2020 00:00:00 GMT\""},
        {"dateTimeAdd('2020-04-07', 'P')", "!is not a duration"},
        {"dateTimeAdd('2020-04-07', 'PT')", "!is not a duration"},
        {"dateTimeAdd('2020-04-07', '1D')", "!is not a duration"},
        {"dateTimeAdd('2020-04-07', 'P1S')", "!is not a duration"},
        {"dateTimeAdd('2020-04-07', 'P99999999999Y')", "!is not a duration"},
        {"dateTimeAdd('2020-04-07', 'P99999999Y')", "!outside the years"},
        {"dateTimeAdd('2020-04-07', '-P3000Y')", "!outside the years"},
        {"dateTimeAdd('2020-04-07')", "!takes from 2 to 3 arguments, not 1"},
    };

    (void)state;
    check_cases("", cases, ARRAY_LEN(cases));
}

static void names_of_hashes_have_their_form(void **state)
{
    CLEANUP(arena_free) struct arena *arena = big_arena();
    const char *unique = evaluate_in(arena, "", "uniqueString(resourceGroup().id)");
    const char *guid = evaluate_in(arena, "", "guid(subscription().id, 'x')");

    (void)state;
    assert_int_equal(strlen(unique), 15);
    assert_int_equal(strspn(unique + 1, "abcdefghijklmnopqrstuvwxyz234567"), 13);
    assert_int_equal(strlen(guid), 38);
    assert_int_equal(guid[15], '5');
    assert_non_null(strchr("89ab", guid[20]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(encodings),
        cmocka_unit_test(times),
        cmocka_unit_test(names_of_hashes_have_their_form),
    };

    return RUN_TESTS(tests);
}
