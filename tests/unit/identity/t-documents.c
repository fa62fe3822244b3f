/* What the room reads: forms, principals, discovery documents. */
#include "support/support.h"

#include "identity/discovery.h"
#include "identity/form.h"
#include "identity/principals.h"

#include <string.h>

static struct arena *arena;

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* ---- forms ---- */

static void refuses_forms_that_two_readers_could_read_differently(void **state)
{
    static const struct {
        const char *text;
        err_t err;
    } cases[] = {
        {"a=1&a=2", ERR_CONFLICT}, {"a=1&%61=2", ERR_CONFLICT}, {"a&a", ERR_CONFLICT},
        {"a=%", ERR_MALFORMED},    {"a=%4", ERR_MALFORMED},     {"a=%4x", ERR_MALFORMED},
        {"a=%00", ERR_MALFORMED},  {"%00=a", ERR_MALFORMED},    {"a=%-1", ERR_MALFORMED},
        {"a=%e", ERR_MALFORMED},
    };
    struct form form = {0};
    char many[4096] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_err(form_read(arena, span_str(cases[i].text), NULL, &form), cases[i].err);
    }
    for (int i = 0; i <= FORM_MAX_FIELDS; i++) {
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "f%d=1&", i);
    }
    assert_err(form_read(arena, span_str(many), NULL, &form), ERR_TOO_MANY);
    assert_err(form_read(arena,
                         span_of(arena_calloc(arena, 1, FORM_MAX_BYTES + 1), FORM_MAX_BYTES + 1),
                         NULL, &form),
               ERR_TOO_LARGE);
    assert_err(form_read(arena, span_of("a=\0", 3), NULL, &form), ERR_MALFORMED);
}

static void reads_forms_as_clients_write_them(void **state)
{
    struct form form = {0};
    struct span value;

    (void)state;
    assert_ok(form_read(
        arena, span_str("&grant_type=client_credentials&x=&scope=a%2Fb+c%20d&y&e=a%3Db=c&"), NULL,
        &form));
    assert_true(span_is(form_get(&form, "grant_type"), "client_credentials"));
    assert_true(span_is(form_get(&form, "scope"), "a/b c d"));
    assert_true(span_is(form_get(&form, "e"), "a=b=c"));
    assert_null(form_get(&form, "x").data); /* RFC 6749, 3.2: as if it were not there */
    assert_null(form_get(&form, "y").data);
    assert_null(form_get(&form, "GRANT_TYPE").data);
    value = form_get(&form, "scope");
    form_wipe(&form);
    assert_true(span_all(value, 0));
    assert_ok(form_read(arena, span_str(""), NULL, &form));
    assert_int_equal(form.n, 0);
}

/* ---- principals ---- */

#define ID1 "11111111-1111-4111-8111-111111111111"
#define ID2 "22222222-2222-4222-8222-222222222222"
#define ID3 "33333333-3333-4333-8333-333333333333"
#define HASH                                                                                       \
    "$scrypt$ln=14,r=8,p=1$00112233445566778899aabbccddeeff$"                                      \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ONE(client, object, name, secret)                                                          \
    "{\"clientId\":\"" client "\",\"objectId\":\"" object "\",\"name\":\"" name                    \
    "\",\"secret\":\"" secret "\"}"
#define ALL(list) "{\"tenant\":\"" ID1 "\",\"subscription\":\"" ID2 "\",\"principals\":[" list "]}"

static void refuses_documents_of_principals_that_are_not_as_written(void **state)
{
    static const struct {
        const char *text;
        err_t err;
    } cases[] = {
        {"[]", ERR_JSON_TYPE},
        {"{}", ERR_JSON_MISSING},
        {"{\"tenant\":\"" ID1 "\",\"subscription\":\"" ID2 "\",\"principals\":{}}", ERR_JSON_TYPE},
        {"{\"tenant\":\"x\",\"subscription\":\"" ID2 "\",\"principals\":[]}", ERR_VALUE},
        {"{\"tenant\":\"" ID1 "\",\"owner\":1,\"principals\":[]}", ERR_VALUE},
        {ALL("7"), ERR_JSON_TYPE},
        {ALL(ONE("x", ID2, "n", HASH)), ERR_VALUE},
        {ALL(ONE(ID1, "x", "n", HASH)), ERR_VALUE},
        {ALL(ONE(ID1, ID2, "", HASH)), ERR_VALUE},
        {ALL(ONE(ID1, ID2, "a\\nb", HASH)), ERR_VALUE},
        {ALL(ONE(ID1, ID2, "n", "secret in the clear")), ERR_VALUE},
        {ALL(ONE(ID1, ID2, "n", "")), ERR_VALUE},
        {ALL(ONE(ID1, ID2, "n", HASH) "," ONE(ID1, ID3, "m", HASH)), ERR_CONFLICT},
        {ALL(ONE(ID1, ID2, "n", HASH) "," ONE(ID3, ID2, "m", HASH)), ERR_CONFLICT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct principals *principals = NULL;
        err_t err = principals_read(span_str(cases[i].text), NULL, &principals);

        if (err != cases[i].err) {
            fail_msg("%s: got %s", cases[i].text, err_name(err));
        }
        assert_null(principals);
    }
}

static void principals_come_and_go(void **state)
{
    CLEANUP(principals_free) struct principals *none = NULL;
    CLEANUP(principals_free) struct principals *one = NULL;
    CLEANUP(principals_free) struct principals *renewed = NULL;
    CLEANUP(principals_free) struct principals *read = NULL;
    struct principals *gone = NULL;
    char secret[PRINCIPAL_SECRET_SIZE], other[PRINCIPAL_SECRET_SIZE];
    struct principal principal;
    struct span text = {0}, again = {0};

    (void)state;
    assert_ok(principals_new(&none));
    assert_err(principal_new("", NULL, &principal, secret), ERR_VALUE);
    assert_err(principal_new("a\x1b", NULL, &principal, secret), ERR_VALUE);
    assert_ok(principal_new("ci", NULL, &principal, secret));
    assert_int_equal(strlen(secret), PRINCIPAL_SECRET_SIZE - 1);
    assert_ok(password_check(principal.secret, span_str(secret)));
    assert_ok(principals_with(none, &principal, NULL, &one));
    assert_int_equal(principals_count(one), 1);
    assert_int_equal(principals_count(none), 0);
    assert_string_equal(principals_tenant(one), principals_tenant(none));

    assert_ok(principal_renew(&principal, other));
    assert_ok(principals_with(one, &principal, NULL, &renewed));
    assert_int_equal(principals_count(renewed), 1);
    assert_err(password_check(principals_at(renewed, 0)->secret, span_str(secret)), ERR_DENIED);
    assert_ok(password_check(principals_at(renewed, 0)->secret, span_str(other)));

    assert_ok(principals_write(renewed, arena, &text));
    assert_null(strstr((const char *)text.data, other));
    assert_ok(principals_read(text, NULL, &read));
    assert_ok(principals_write(read, arena, &again));
    assert_true(span_equal(text, again));

    assert_err(principals_without(renewed, span_str(ID1), &gone), ERR_NOT_FOUND);
    assert_ok(principals_without(renewed, span_str(principal.client_id), &gone));
    assert_int_equal(principals_count(gone), 0);
    principals_free(gone);
}

static void there_are_no_more_principals_than_places(void **state)
{
    CLEANUP(principals_free) struct principals *full = NULL;
    struct principal principal = {.name = "n", .secret = HASH};
    struct principals *more = NULL;

    (void)state;
    assert_ok(principals_new(&full));
    for (int i = 0; i < PRINCIPALS_MAX; i++) {
        assert_ok(guid_new(principal.client_id));
        assert_ok(principals_with(full, &principal, NULL, &more));
        principals_free(full);
        full = more;
    }
    more = NULL;
    assert_ok(guid_new(principal.client_id));
    assert_err(principals_with(full, &principal, NULL, &more), ERR_TOO_MANY);
    assert_null(more);
}

/* ---- discovery ---- */

#define ISSUER "https://login.example/t/v2.0"

static void refuses_discovery_documents_of_somebody_else(void **state)
{
    static const struct {
        const char *text;
        err_t err;
    } cases[] = {
        {"", ERR_JSON_SYNTAX},
        {"<html>", ERR_JSON_SYNTAX},
        {"[]", ERR_JSON_MISSING},
        {"{\"jwks_uri\":\"https://a/k\"}", ERR_JSON_MISSING},
        {"{\"issuer\":\"" ISSUER "\"}", ERR_JSON_MISSING},
        {"{\"issuer\":\"" ISSUER "/\",\"jwks_uri\":\"https://a/k\"}", ERR_MISMATCH},
        {"{\"issuer\":\"https://LOGIN.example/t/v2.0\",\"jwks_uri\":\"https://a/k\"}",
         ERR_MISMATCH},
        {"{\"issuer\":\"" ISSUER "\\u0000\",\"jwks_uri\":\"https://a/k\"}", ERR_MISMATCH},
        {"{\"issuer\":\"x\",\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a/k\"}",
         ERR_JSON_DUPLICATE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://a/k\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"file:///etc/passwd\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https:///k\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://u@a/k\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a/k#f\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a/k\\r\\nHost: b\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"HTTPS://a/k\"}", ERR_VALUE},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":7}", ERR_JSON_TYPE},
    };
    const char *uri = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err_t err = discovery_read(arena, span_str(cases[i].text), ISSUER, NULL, &uri);

        if (err != cases[i].err) {
            fail_msg("%s: got %s", cases[i].text, err_name(err));
        }
        assert_null(uri);
    }
}

static void finds_where_the_keys_are(void **state)
{
    static const struct {
        const char *url, *base, *path;
    } cases[] = {
        {"https://a/k", "https://a", "/k"},
        {"https://a:8443/k/l?p=b2c", "https://a:8443", "/k/l?p=b2c"},
        {"https://a", "https://a", "/"},
        {"https://a?x", "https://a", "/?x"},
        {"https://[::1]:1/k", "https://[::1]:1", "/k"},
    };
    const char *uri = NULL, *base = NULL, *path = NULL;

    (void)state;
    assert_ok(discovery_read(
        arena, span_str("{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://b.example/keys\"}"),
        ISSUER, NULL, &uri));
    assert_string_equal(uri, "https://b.example/keys");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(discovery_split(arena, cases[i].url, NULL, &base, &path));
        assert_string_equal(base, cases[i].base);
        assert_string_equal(path, cases[i].path);
    }
    assert_err(discovery_split(arena, "http://a/k", NULL, &base, &path), ERR_VALUE);
    assert_string_equal(discovery_url(arena, "https://a/t/"),
                        "https://a/t/.well-known/openid-configuration");
    assert_string_equal(discovery_url(arena, ISSUER), ISSUER "/.well-known/openid-configuration");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_forms_that_two_readers_could_read_differently),
        cmocka_unit_test(reads_forms_as_clients_write_them),
        cmocka_unit_test(refuses_documents_of_principals_that_are_not_as_written),
        cmocka_unit_test(principals_come_and_go),
        cmocka_unit_test(there_are_no_more_principals_than_places),
        cmocka_unit_test(refuses_discovery_documents_of_somebody_else),
        cmocka_unit_test(finds_where_the_keys_are),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
