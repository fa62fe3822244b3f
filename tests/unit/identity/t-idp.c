/* The built-in identity provider: refusals first, then a token that is what its clients expect. */
#include "base/text.h"
#include "support/support.h"

#include "base/codec.h"
#include "identity/idp.h"
#include "json/json.h"

#include <pthread.h>
#include <string.h>

#define ENDPOINT "https://localhost:8443"
#define NOW 1800000000LL
#define CORRELATION "0123abcd-0000-4000-8000-0123456789ab"

static struct arena *arena;
static struct signkey *key;
static struct token_key *token_key;
static struct principals *principals;
static struct principal ci;
static char secret[PRINCIPAL_SECRET_SIZE];

static int start(void **state)
{
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = "identity",
                                         .not_before = NOW - 1000,
                                         .not_after = NOW + 100000};
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(principals_free) struct principals *none = NULL;

    (void)state;
    arena = test_arena();
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(token_key_new(key, &cert, 1, &token_key));
    assert_ok(principals_new(&none));
    assert_ok(principal_new("ci", NULL, &ci, secret));
    assert_ok(principals_with(none, &ci, NULL, &principals));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    principals_free(principals);
    token_key_free(token_key);
    signkey_free(key);
    arena_free(arena);
    return 0;
}

static struct idp *fresh(void)
{
    const struct idp_options options = {
        .endpoint = ENDPOINT, .keys = &token_key, .n_keys = 1, .principals = principals};
    struct idp *provider = NULL;

    assert_ok(idp_new(&options, &provider));
    return provider;
}

static struct idp_call call_at(int64_t now)
{
    return (struct idp_call){.arena = arena,
                             .now = now,
                             .tenant = span_str(principals_tenant(principals)),
                             .correlation_id = span_str(CORRELATION)};
}

static const char *form(const char *client_id, const char *client_secret, const char *rest)
{
    return arena_printf(
        arena, "grant_type=client_credentials&client_id=%s&client_secret=%s&client_info=1%s",
        client_id, client_secret, rest);
}

#define DATA "&scope=https%3A%2F%2Fattest.azure.net%2F.default"

static yyjson_val *ask(struct idp *provider, const struct idp_call *call, const char *body,
                       struct idp_answer *ret)
{
    yyjson_val *root = NULL;

    idp_token(provider, call, span_str(body), ret);
    assert_ok(json_read(arena, ret->body, NULL, NULL, &root));
    return root;
}

static void assert_refused(struct idp *provider, const struct idp_call *call, const char *body,
                           unsigned status, const char *error, unsigned number)
{
    struct idp_answer answer;
    yyjson_val *root = ask(provider, call, body, &answer);
    const char *description = json_text(json_get(root, "error_description"));
    const char *want = arena_printf(arena, "AADSTS%u: ", number);

    if (answer.status != status || strcmp(json_text(json_get(root, "error")), error) != 0 ||
        strncmp(description, want, strlen(want)) != 0) {
        fail_msg("%s: got %u %s, wanted %u %s %u", body, answer.status,
                 (const char *)answer.body.data, status, error, number);
    }
    assert_int_equal(yyjson_get_uint(yyjson_arr_get(json_get(root, "error_codes"), 0)), number);
    assert_string_equal(json_text(json_get(root, "timestamp")), "2027-01-15 08:00:00Z");
    assert_string_equal(json_text(json_get(root, "correlation_id")), CORRELATION);
    assert_true(text_is_guid(json_span(json_get(root, "trace_id"))));
    assert_null(json_get(root, "access_token"));
    assert_string_equal(answer.object_id, "");
    assert_string_not_equal(answer.reason, "ok");
}

static void refuses_requests_in_the_shape_of_entra(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    const struct idp_call call = call_at(NOW);
    struct idp_call elsewhere = call;
    const struct {
        const char *body;
        unsigned status;
        const char *error;
        unsigned number;
    } cases[] = {
        {"", 400, "invalid_request", 900144},
        {"client_id=x", 400, "invalid_request", 900144},
        {"grant_type=client_credentials", 400, "invalid_request", 900144},
        {"grant_type=password&client_id=x", 400, "unauthorized_client", 700016},
        {"grant_type=authorization_code&client_id=x", 400, "unsupported_grant_type", 70003},
        {"grant_type=Client_Credentials&client_id=x", 400, "unsupported_grant_type", 70003},
        {"grant_type=client_credentials&client_id=x", 401, "invalid_client", 7000218},
        {form("x", "", DATA), 401, "invalid_client", 7000218},
        {form(ci.client_id, secret, ""), 400, "invalid_request", 900144},
        {form(ci.client_id, secret, "&scope=https://attest.azure.net"), 400, "invalid_scope",
         1002012},
        {form(ci.client_id, secret, "&scope=/.default"), 400, "invalid_scope", 1002012},
        {form(ci.client_id, secret, "&scope=openid"), 400, "invalid_scope", 1002012},
        {form(ci.client_id, secret, DATA "+https://management.azure.com/.default"), 400,
         "invalid_scope", 1002012},
        {form(ci.client_id, secret, "&scope=https://graph.microsoft.com/.default"), 400,
         "invalid_resource", 500011},
        {form(ci.client_id, secret, "&resource=https://vault.azure.net"), 400, "invalid_resource",
         500011},
        {form(ci.client_id, secret, DATA "&scope=a"), 400, "invalid_request", 9000411},
        {form(ci.client_id, secret, "&x=%zz"), 400, "invalid_request", 90014},
        {form(ci.client_id, "wrong", DATA), 401, "invalid_client", 7000215},
        {form(ci.object_id, secret, DATA), 401, "invalid_client", 7000215},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_refused(provider, &call, cases[i].body, cases[i].status, cases[i].error,
                       cases[i].number);
    }
    elsewhere.tenant = span_str("common");
    assert_refused(provider, &elsewhere, form(ci.client_id, secret, DATA), 400, "invalid_request",
                   90002);
}

/* Who has no account here cannot be told from who has, and a secret is nowhere in an answer. */
static void answers_alike_for_an_unknown_client_and_a_wrong_secret(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    const struct idp_call call = call_at(NOW);
    struct idp_answer known, unknown;
    static const char nobody[] = "99999999-9999-4999-8999-999999999999";
    const char *a, *b;

    (void)state;
    a = json_text(json_get(ask(provider, &call, form(ci.client_id, "S3cr3t-tried", DATA), &known),
                           "error_description"));
    b = json_text(json_get(ask(provider, &call, form(nobody, "S3cr3t-tried", DATA), &unknown),
                           "error_description"));
    assert_int_equal(known.status, unknown.status);
    assert_string_equal(known.reason, unknown.reason);
    assert_int_equal(strlen(a), strlen(b));
    assert_memory_equal(a, b, (size_t)(strstr(a, ci.client_id) - a));
    assert_string_equal(strstr(a, ci.client_id) + 36, strstr(b, nobody) + 36);
    assert_null(strstr((const char *)known.body.data, "S3cr3t"));
}

static void guessing_is_stopped_for_a_minute_without_locking_out_who_signed_in(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    const struct idp_call call = call_at(NOW), later = call_at(NOW + IDP_WINDOW_S);
    const char *const ids[] = {ci.client_id, "99999999-9999-4999-8999-999999999999"};
    struct idp_answer answer;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        for (int n = 0; n < IDP_MAX_FAILURES; n++) {
            ask(provider, &call, form(ids[i], "wrong", DATA), &answer);
            assert_int_equal(answer.status, 401);
        }
        ask(provider, &call, form(ids[i], "wrong", DATA), &answer);
        assert_int_equal(answer.status, 429);
        assert_int_equal(answer.retry_after_s, IDP_WINDOW_S);
        assert_string_equal(answer.reason, "secret-limited");
    }
    /* It never signed in since the start, so its right secret has to wait as well. */
    ask(provider, &call, form(ci.client_id, secret, DATA), &answer);
    assert_int_equal(answer.status, 429);
    ask(provider, &later, form(ci.client_id, secret, DATA), &answer);
    assert_int_equal(answer.status, 200);
    for (int n = 0; n <= IDP_MAX_FAILURES; n++) {
        ask(provider, &later, form(ci.client_id, "wrong", DATA), &answer);
    }
    assert_int_equal(answer.status, 429);
    ask(provider, &later, form(ci.client_id, secret, DATA), &answer);
    assert_int_equal(answer.status, 200);
}

/* Who knows a client's id and no secret keeps it from nothing, not even before it signed in. */
static void whoever_guesses_locks_out_nobody_elsewhere(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    struct idp_call stranger = call_at(NOW), own = call_at(NOW);
    struct idp_answer answer;

    (void)state;
    stranger.source = "192.0.2.1";
    own.source = "192.0.2.2";
    for (int n = 0; n < IDP_MAX_FAILURES; n++) {
        ask(provider, &stranger, form(ci.client_id, "wrong", DATA), &answer);
        assert_int_equal(answer.status, 401);
    }
    ask(provider, &stranger, form(ci.client_id, secret, DATA), &answer);
    assert_int_equal(answer.status, 429);
    ask(provider, &own, form(ci.client_id, "wrong", DATA), &answer);
    assert_int_equal(answer.status, 401);
    ask(provider, &own, form(ci.client_id, secret, DATA), &answer);
    assert_int_equal(answer.status, 200);
}

static void an_old_secret_and_a_removed_client_are_refused_at_once(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    CLEANUP(principals_free) struct principals *renewed = NULL;
    CLEANUP(principals_free) struct principals *removed = NULL;
    const struct idp_call call = call_at(NOW);
    struct principal changed = ci;
    char fresh_secret[PRINCIPAL_SECRET_SIZE];
    struct idp_answer answer;

    (void)state;
    ask(provider, &call, form(ci.client_id, secret, DATA), &answer);
    assert_int_equal(answer.status, 200);
    assert_ok(principal_renew(&changed, fresh_secret));
    assert_ok(principals_with(principals, &changed, NULL, &renewed));
    idp_set_principals(provider, renewed);
    ask(provider, &call, form(ci.client_id, secret, DATA), &answer);
    assert_int_equal(answer.status, 401);
    ask(provider, &call, form(ci.client_id, fresh_secret, DATA), &answer);
    assert_int_equal(answer.status, 200);
    assert_ok(principals_without(renewed, span_str(ci.client_id), &removed));
    idp_set_principals(provider, removed);
    ask(provider, &call, form(ci.client_id, fresh_secret, DATA), &answer);
    assert_int_equal(answer.status, 401);
}

static void gives_tokens_that_its_own_issuers_accept(void **state)
{
    static const struct {
        const char *rest, *aud;
        bool is_v1, is_text;
        enum access_plane plane;
    } cases[] = {
        {DATA, "https://attest.azure.net", false, false, ACCESS_DATA},
        {DATA, "https://attest.azure.net", true, false, ACCESS_DATA},
        {"&scope=https://attest.azure.net/.default+offline_access+openid+profile",
         "https://attest.azure.net", false, false, ACCESS_DATA},
        {"&resource=https://attest.azure.net/", "https://attest.azure.net/", true, true,
         ACCESS_DATA},
        {"&resource=https://management.azure.com/", "https://management.azure.com/", true, true,
         ACCESS_MANAGEMENT},
        {"&scope=https://management.core.windows.net//.default",
         "https://management.core.windows.net/", false, false, ACCESS_MANAGEMENT},
        {"&scope=" ENDPOINT "//.default", ENDPOINT "/", false, false, ACCESS_MANAGEMENT},
        {"&scope=" ENDPOINT "/.default", ENDPOINT, false, false, ACCESS_MANAGEMENT},
    };
    CLEANUP(idp_free) struct idp *provider = fresh();
    CLEANUP(access_issuers_free) struct access_issuers *issuers = NULL;
    struct access_issuer list[IDP_ISSUERS];
    const char *tenant = idp_tenant(provider);

    (void)state;
    assert_ok(idp_issuers(provider, list));
    assert_ok(access_issuers_new(list, IDP_ISSUERS, NULL, &issuers));
    for (size_t i = 0; i < IDP_ISSUERS; i++) {
        access_keys_free(list[i].keys);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct idp_call call = call_at(NOW);
        struct idp_answer answer;
        struct access_result result;
        struct jws jws = {0};
        yyjson_val *root, *claims = NULL;
        bool is_v1 = cases[i].is_v1;

        call.is_v1 = is_v1;
        root = ask(provider, &call, form(ci.client_id, secret, cases[i].rest), &answer);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.reason, "ok");
        assert_string_equal(answer.object_id, ci.object_id);
        assert_string_equal(json_text(json_get(root, "token_type")), "Bearer");
        if (cases[i].is_text) {
            assert_string_equal(json_text(json_get(root, "expires_in")), "3599");
            assert_string_equal(json_text(json_get(root, "expires_on")), "1800003600");
            assert_string_equal(json_text(json_get(root, "resource")), cases[i].aud);
        } else {
            assert_int_equal(yyjson_get_uint(json_get(root, "expires_in")), 3599);
            assert_int_equal(yyjson_get_uint(json_get(root, "ext_expires_in")), 3599);
        }
        for (enum access_plane plane = 0; plane < ACCESS_PLANES; plane++) {
            access_token_check(arena, issuers, plane, NOW,
                               json_span(json_get(root, "access_token")), &result);
            assert_int_equal(result.reason, plane == cases[i].plane ? ACCESS_OK : ACCESS_AUDIENCE);
        }
        access_token_check(arena, issuers, cases[i].plane, NOW,
                           json_span(json_get(root, "access_token")), &result);
        assert_string_equal(result.caller.object_id, ci.object_id);
        assert_string_equal(result.caller.client_id, ci.client_id);
        assert_string_equal(result.caller.tenant, tenant);
        assert_string_equal(result.caller.name, "ci");
        assert_true(result.caller.is_application);
        assert_ok(jws_read(arena, json_span(json_get(root, "access_token")), 0, NULL, &jws));
        assert_ok(json_read(arena, jws.payload, NULL, NULL, &claims));
        assert_string_equal(json_text(json_get(claims, "ver")), is_v1 ? "1.0" : "2.0");
        assert_string_equal(json_text(json_get(claims, "aud")), cases[i].aud);
        assert_string_equal(
            json_text(json_get(claims, "iss")),
            arena_printf(arena, is_v1 ? ENDPOINT "/%s/" : ENDPOINT "/%s/v2.0", tenant));
        assert_null(json_get(claims, "roles"));
        assert_null(json_get(claims, is_v1 ? "azp" : "appid"));
        access_token_check(arena, issuers, cases[i].plane, NOW + IDP_TOKEN_S + 60,
                           json_span(json_get(root, "access_token")), &result);
        assert_int_equal(result.reason, ACCESS_EXPIRED);
    }
}

/* RFC 6749, 2.3.1 */
static void takes_id_and_secret_from_the_header_and_from_one_place_alone(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    const char *both = arena_printf(arena, "%s:%s", ci.client_id, secret);
    const char *escaped =
        arena_printf(arena, "%%%02x%s:%s", (unsigned)ci.client_id[0], ci.client_id + 1, secret);
    const char *wrong = arena_printf(arena, "%s:wrong", ci.client_id);
    const struct {
        const char *credentials, *rest;
        unsigned status;
    } cases[] = {
        {both, "", 200},
        {escaped, "", 200},
        {both, arena_printf(arena, "&client_id=%s", ci.client_id), 200},
        {wrong, "", 401},
        {arena_printf(arena, "%s:", ci.client_id), "", 401},
        {both, "&client_secret=x", 400},
        {both, "&client_id=x", 400},
        {ci.client_id, "", 400},
        {":x", "", 400},
        {"", "", 400},
        {"%zz:x", "", 400},
        {"a%00:x", "", 400},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct idp_call call = call_at(NOW);
        struct idp_answer answer;

        call.authorization = span_str(arena_printf(
            arena, "basic %s", base64_dup(arena, BASE64_STANDARD, span_str(cases[i].credentials))));
        ask(provider, &call,
            arena_printf(arena, "grant_type=client_credentials%s%s", DATA, cases[i].rest), &answer);
        if (answer.status != cases[i].status) {
            fail_msg("%s: got %u", cases[i].credentials, answer.status);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        static const char *const headers[] = {"Bearer x", "Basic", "Basic !"};
        struct idp_call call = call_at(NOW);
        struct idp_answer answer;

        call.authorization = span_str(headers[i]);
        ask(provider, &call, form(ci.client_id, secret, DATA), &answer);
        assert_int_equal(answer.status, 400);
    }
}

static void tells_clients_where_everything_is(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct idp_call call = call_at(NOW);
    struct idp_answer answer;
    yyjson_val *root = NULL;
    const char *tenant = idp_tenant(provider);
    size_t left_out = 0;

    (void)state;
    idp_openid(provider, &call, &answer);
    assert_int_equal(answer.status, 200);
    assert_ok(json_read(arena, answer.body, NULL, NULL, &root));
    assert_string_equal(json_text(json_get(root, "issuer")),
                        arena_printf(arena, ENDPOINT "/%s/v2.0", tenant));
    assert_string_equal(json_text(json_get(root, "token_endpoint")),
                        arena_printf(arena, ENDPOINT "/%s/oauth2/v2.0/token", tenant));
    assert_string_equal(json_text(json_get(root, "jwks_uri")),
                        arena_printf(arena, ENDPOINT "/%s/discovery/v2.0/keys", tenant));
    /* MSAL takes no document without it. */
    assert_non_null(json_text(json_get(root, "authorization_endpoint")));

    call.tenant = span_str("ADFS");
    idp_openid(provider, &call, &answer);
    assert_ok(json_read(arena, answer.body, NULL, NULL, &root));
    assert_string_equal(json_text(json_get(root, "token_endpoint")),
                        ENDPOINT "/adfs/oauth2/token/");
    idp_keys(provider, &call, &answer);
    assert_ok(jwks_read(arena, answer.body, NULL, &keys, &left_out));
    assert_int_equal(token_keys_count(keys), 1);

    idp_instance(provider, &call, &answer);
    assert_ok(json_read(arena, answer.body, NULL, NULL, &root));
    assert_string_equal(
        json_text(json_get(root, "tenant_discovery_endpoint")),
        arena_printf(arena, ENDPOINT "/%s/v2.0/.well-known/openid-configuration", tenant));

    call.tenant = span_str("99999999-9999-4999-8999-999999999999");
    idp_openid(provider, &call, &answer);
    assert_int_equal(answer.status, 400);
    idp_keys(provider, &call, &answer);
    assert_int_equal(answer.status, 400);
}

static void *sign_in_often(void *context)
{
    CLEANUP(arena_free) struct arena *own = arena_new(8u * 1024 * 1024);
    struct idp_call call = call_at(NOW);
    char body[512];

    snprintf(body, sizeof(body), "grant_type=client_credentials&client_id=%s&client_secret=%s%s",
             ci.client_id, secret, DATA);
    call.arena = own;
    for (int i = 0; i < 20; i++) {
        struct idp_answer answer;

        idp_token(context, &call, span_str(body), &answer);
        /* 429: more slow hashes at a time than are allowed. */
        if (answer.status != 200 && strcmp(answer.reason, "provider-busy") != 0) {
            return (void *)1;
        }
        arena_reset(own);
    }
    return NULL;
}

static void many_sign_in_while_principals_change(void **state)
{
    CLEANUP(idp_free) struct idp *provider = fresh();
    pthread_t threads[4];
    void *fault = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sign_in_often, provider), 0);
    }
    for (int i = 0; i < 100; i++) {
        idp_set_principals(provider, principals);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], &fault);
        assert_null(fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_requests_in_the_shape_of_entra),
        cmocka_unit_test(answers_alike_for_an_unknown_client_and_a_wrong_secret),
        cmocka_unit_test(guessing_is_stopped_for_a_minute_without_locking_out_who_signed_in),
        cmocka_unit_test(whoever_guesses_locks_out_nobody_elsewhere),
        cmocka_unit_test(an_old_secret_and_a_removed_client_are_refused_at_once),
        cmocka_unit_test(gives_tokens_that_its_own_issuers_accept),
        cmocka_unit_test(takes_id_and_secret_from_the_header_and_from_one_place_alone),
        cmocka_unit_test(tells_clients_where_everything_is),
        cmocka_unit_test(many_sign_in_while_principals_change),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
