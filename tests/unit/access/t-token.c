/* Bearer tokens: what must be refused first, with the word that the audit log gets. */
#include "support/support.h"

#include "access/token.h"
#include "base/codec.h"

#include <stdlib.h>

#define ISSUER "https://login.example/t1/v2.0"
#define OTHER "https://other.example/"
#define TENANT "11111111-1111-1111-1111-111111111111"
#define NOW 1800000000LL

struct signing {
    struct signkey *key;
    struct cert *cert;
    struct token_key *token;
};

static struct signing ours, theirs, rsa;
static struct access_issuers *issuers;
static struct arena *arena;

static void make(struct signing *made, enum signkey_kind kind)
{
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = "test",
                                         .not_before = NOW - 1000,
                                         .not_after = NOW + 1000};

    assert_ok(signkey_generate(kind, &made->key));
    assert_ok(cert_issue(&request, signkey_public(made->key), NULL, made->key, &made->cert));
    assert_ok(token_key_new(made->key, &made->cert, 1, &made->token));
}

static void drop(struct signing *made)
{
    token_key_free(made->token);
    cert_free(made->cert);
    signkey_free(made->key);
}

static struct access_keys *keys_of(const struct signing *a, const struct signing *b)
{
    struct token_keys *keys = token_keys_new();
    struct access_keys *shared;

    assert_ok(token_keys_add_own(keys, a->token));
    if (b != NULL) {
        assert_ok(token_keys_add_own(keys, b->token));
    }
    shared = access_keys_new(keys);
    assert_non_null(shared);
    return shared;
}

static int start(void **state)
{
    CLEANUP(access_keys_free) struct access_keys *mine = NULL;
    CLEANUP(access_keys_free) struct access_keys *foreign = NULL;

    (void)state;
    arena = test_arena();
    make(&ours, SIGNKEY_P256);
    make(&rsa, SIGNKEY_RSA2048);
    make(&theirs, SIGNKEY_P256);
    mine = keys_of(&ours, &rsa);
    foreign = keys_of(&theirs, NULL);
    const struct access_issuer list[] = {
        {ISSUER,
         TENANT,
         {{"https://attest.azure.net", "https://attest.azure.net/"},
          {"https://management.azure.com/"}},
         mine},
        {OTHER, "22222222-2222-2222-2222-222222222222", {{"https://attest.azure.net"}}, foreign},
        {"https://away.example", "33333333-3333-3333-3333-333333333333", {{"a"}}, NULL},
    };
    assert_ok(access_issuers_new(list, ARRAY_LEN(list), NULL, &issuers));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    access_issuers_free(issuers);
    drop(&ours);
    drop(&theirs);
    drop(&rsa);
    arena_free(arena);
    return 0;
}

static struct span sign(const struct signing *by, const char *payload)
{
    struct span text = {0};

    assert_ok(token_sign(by->token, arena, "https://evil.example/keys", span_str(payload), &text));
    return text;
}

static enum access_reason check(struct span bearer, struct access_result *ret)
{
    access_token_check(arena, issuers, ACCESS_DATA, NOW, bearer, ret);
    return ret->reason;
}

static void assert_refused(struct span bearer, enum access_reason wanted)
{
    struct access_result result;
    enum access_reason got = check(bearer, &result);

    if (got != wanted) {
        fail_msg("got %s, wanted %s", access_reason_name(got), access_reason_name(wanted));
    }
    assert_null(result.caller.object_id);
    assert_null(result.caller.name);
}

#define TIMES "\"nbf\":1799999990,\"iat\":1799999990,\"exp\":1800003600"
#define GOOD_AUD "\"aud\":\"https://attest.azure.net\""
#define WHO "\"oid\":\"o1\",\"tid\":\"" TENANT "\""
#define GOOD "{\"iss\":\"" ISSUER "\"," GOOD_AUD "," TIMES "," WHO "}"

/* J-1, J-2, J-4, J-5: the header chooses nothing. */
static void refuses_what_is_no_token_of_a_configured_key(void **state)
{
    static const struct {
        const char *header, *payload;
        enum access_reason reason;
    } cases[] = {
        {"{\"alg\":\"none\",\"kid\":\"K\"}", GOOD, ACCESS_SIGNATURE},
        {"{\"alg\":\"None\",\"kid\":\"K\"}", GOOD, ACCESS_SIGNATURE},
        {"{\"alg\":\"HS256\",\"kid\":\"K\"}", GOOD, ACCESS_SIGNATURE},
        {"{\"alg\":\"RS256\",\"kid\":\"K\"}", GOOD, ACCESS_SIGNATURE},
        {"{\"kid\":\"K\"}", GOOD, ACCESS_SIGNATURE},
        {"{\"alg\":\"none\"}", GOOD, ACCESS_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"../../etc/passwd\"}", GOOD, ACCESS_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"' OR 1=1\"}", GOOD, ACCESS_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"K\",\"crit\":[\"x\"]}", GOOD, ACCESS_MALFORMED},
        {"{\"alg\":\"ES256\",\"kid\":\"K\",\"b64\":false}", GOOD, ACCESS_MALFORMED},
        {"{\"alg\":\"ES256\",\"kid\":\"K\",\"kid\":\"K\"}", GOOD, ACCESS_MALFORMED},
        {"[]", GOOD, ACCESS_MALFORMED},
        {"{\"alg\":\"ES256\",\"kid\":\"K\"}", "[]", ACCESS_MALFORMED},
        {"{\"alg\":\"ES256\",\"kid\":\"K\"}", "{\"iss\":\"" ISSUER "\",\"iss\":\"" OTHER "\"}",
         ACCESS_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_done) struct buf text = {0};
        CLEANUP(buf_done) struct buf header = {0};
        const char *at = cases[i].header, *mark;

        buf_init(&text, 64 * 1024);
        buf_init(&header, 4096);
        while ((mark = strstr(at, "\"K\"")) != NULL) {
            buf_add(&header, span_of(at, (size_t)(mark - at)));
            buf_addf(&header, "\"%s\"", token_key_kid(ours.token));
            at = mark + 3;
        }
        buf_add_str(&header, at);
        base64_encode(&text, BASE64_URL, buf_span(&header));
        buf_add_char(&text, '.');
        base64_encode(&text, BASE64_URL, span_str(cases[i].payload));
        buf_add_char(&text, '.');
        assert_refused(buf_span(&text), cases[i].reason);
        for (size_t n = 0; n < 64; n++) {
            buf_add_char(&text, 'A'); /* J-6: r and s of zeros */
        }
        assert_true(check(buf_span(&text), &(struct access_result){0}) != ACCESS_OK);
    }
    assert_refused((struct span){0}, ACCESS_NO_TOKEN);
    assert_refused(span_str(""), ACCESS_NO_TOKEN);
    assert_refused(span_str("a.b.c.d.e"), ACCESS_MALFORMED);
    assert_refused(span_str("Bearer x"), ACCESS_MALFORMED);
    assert_refused(span_str(".."), ACCESS_MALFORMED);
}

/* An issuer's key signs for that issuer alone, whatever the token says. */
static void refuses_the_signature_of_another_issuers_key(void **state)
{
    (void)state;
    assert_refused(sign(&theirs, GOOD), ACCESS_KEY);
    assert_refused(sign(&ours, "{\"iss\":\"" OTHER "\"," GOOD_AUD "," TIMES "," WHO "}"),
                   ACCESS_KEY);
}

static void refuses_an_issuer_that_is_nearly_the_configured_one(void **state)
{
    static const char *const urls[] = {
        "",
        "https://login.example/t1/v2.0/",
        "https://LOGIN.example/t1/v2.0",
        "http://login.example/t1/v2.0",
        "https://login.example/t1/v2.0\\u0000",
        "https://login.example/t1/v2",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        assert_refused(sign(&ours, arena_printf(arena, "{\"iss\":\"%s\",%s,%s,%s}", urls[i],
                                                GOOD_AUD, TIMES, WHO)),
                       ACCESS_ISSUER);
    }
    assert_refused(sign(&ours, "{" GOOD_AUD "," TIMES "," WHO "}"), ACCESS_ISSUER);
    assert_refused(sign(&ours, "{\"iss\":[\"" ISSUER "\"]," GOOD_AUD "," TIMES "}"), ACCESS_ISSUER);
}

static void refuses_tokens_by_their_claims(void **state)
{
    static const struct {
        const char *claims;
        enum access_reason reason;
    } cases[] = {
        /* J-7: audience */
        {TIMES "," WHO, ACCESS_AUDIENCE},
        {TIMES "," WHO ",\"aud\":\"\"", ACCESS_AUDIENCE},
        {TIMES "," WHO ",\"aud\":[]", ACCESS_AUDIENCE},
        {TIMES "," WHO ",\"aud\":[\"\"]", ACCESS_AUDIENCE},
        {TIMES "," WHO ",\"aud\":\"https://management.azure.com/\"", ACCESS_AUDIENCE},
        {TIMES "," WHO ",\"aud\":\"https://attest.azure.net/x\"", ACCESS_AUDIENCE},
        {TIMES "," WHO ",\"aud\":{\"a\":\"https://attest.azure.net\"}", ACCESS_AUDIENCE},
        /* times */
        {GOOD_AUD "," WHO, ACCESS_CLAIMS},
        {GOOD_AUD "," WHO ",\"exp\":\"1800003600\"", ACCESS_CLAIMS},
        {GOOD_AUD "," WHO ",\"exp\":1800003600.5", ACCESS_CLAIMS},
        {GOOD_AUD "," WHO ",\"exp\":-1", ACCESS_CLAIMS},
        {GOOD_AUD "," WHO ",\"exp\":1e30", ACCESS_CLAIMS},
        {GOOD_AUD "," WHO ",\"exp\":18446744073709551615", ACCESS_CLAIMS},
        {GOOD_AUD "," WHO ",\"exp\":1799999940", ACCESS_EXPIRED}, /* now - ACCESS_SKEW_S */
        {GOOD_AUD "," WHO ",\"exp\":1800003600,\"nbf\":1800000061", ACCESS_EARLY},
        {GOOD_AUD "," WHO ",\"exp\":1800003600,\"iat\":1800000061", ACCESS_EARLY},
        /* whose */
        {GOOD_AUD "," TIMES ",\"tid\":\"" TENANT "\"", ACCESS_CLAIMS},
        {GOOD_AUD "," TIMES ",\"oid\":\"\",\"sub\":\"s\"", ACCESS_CLAIMS},
        {GOOD_AUD "," TIMES ",\"oid\":7,\"sub\":\"s\"", ACCESS_CLAIMS},
        {GOOD_AUD "," TIMES ",\"oid\":\"a b\"", ACCESS_CLAIMS},
        {GOOD_AUD "," TIMES ",\"oid\":\"a\\u0000\"", ACCESS_CLAIMS},
        {GOOD_AUD "," TIMES ",\"oid\":\"o\",\"tid\":\"22222222-2222-2222-2222-222222222222\"",
         ACCESS_TENANT},
        {GOOD_AUD "," TIMES ",\"oid\":\"o\",\"tid\":null", ACCESS_TENANT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_refused(
            sign(&ours, arena_printf(arena, "{\"iss\":\"%s\",%s}", ISSUER, cases[i].claims)),
            cases[i].reason);
    }
}

static void refuses_a_token_of_another_type(void **state)
{
    static const char *const types[] = {"secevent+jwt", "JOSE", "logout+jwt", "id_token"};
    struct access_result result;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct token_header header = {.typ = types[i]};
        struct span text = {0};

        assert_ok(token_sign_with(ours.token, arena, &header, span_str(GOOD), &text));
        assert_refused(text, ACCESS_TYPE);
    }
    const struct token_header good = {.typ = "at+JWT"}; /* RFC 9068 */
    struct span text = {0};
    assert_ok(token_sign_with(ours.token, arena, &good, span_str(GOOD), &text));
    assert_int_equal(check(text, &result), ACCESS_OK);
}

static void refuses_every_changed_byte(void **state)
{
    const struct span good = sign(&ours, GOOD);
    struct span copy = arena_dup(arena, good);
    struct access_result result;

    (void)state;
    assert_int_equal(check(good, &result), ACCESS_OK);
    for (size_t i = 0; i < copy.len; i++) {
        uint8_t *byte = (uint8_t *)(uintptr_t)copy.data + i;
        uint8_t was = *byte;

        *byte = was == 'A' ? 'B' : 'A';
        assert_true(check(copy, &result) != ACCESS_OK);
        *byte = was;
        assert_true(check(span_cut(copy, 0, i), &result) != ACCESS_OK);
    }
}

static void refuses_a_token_past_the_limit(void **state)
{
    char *long_text = arena_calloc(arena, 1, ACCESS_TOKEN_MAX_BYTES + 1);

    (void)state;
    memset(long_text, 'a', ACCESS_TOKEN_MAX_BYTES);
    assert_refused(sign(&ours, arena_printf(arena, "{\"iss\":\"%s\",\"x\":\"%s\",%s}", ISSUER,
                                            long_text, TIMES)),
                   ACCESS_TOO_LARGE);
}

/* Later it may be good: clients must not take it for final. */
static void says_when_the_issuers_keys_are_missing(void **state)
{
    struct access_result result;

    (void)state;
    check(sign(&ours, "{\"iss\":\"https://away.example\",\"aud\":\"a\"," TIMES "," WHO "}"),
          &result);
    assert_int_equal(result.reason, ACCESS_NO_KEYS);
    assert_true(access_reason_is_temporary(result.reason));
    assert_true(result.has_issuer);
    assert_int_equal(result.issuer, 2);
    assert_false(access_reason_is_temporary(ACCESS_KEY));
}

static void takes_an_unknown_kid_as_a_hint_for_its_issuer(void **state)
{
    struct access_result result;

    (void)state;
    assert_int_equal(check(sign(&theirs, GOOD), &result), ACCESS_KEY);
    assert_true(result.has_issuer);
    assert_int_equal(result.issuer, 0);
}

static void keeps_the_planes_apart(void **state)
{
    struct span token =
        sign(&ours, "{\"iss\":\"" ISSUER "\",\"aud\":\"https://management.azure.com/\"," TIMES
                    "," WHO "}");
    struct access_result result;

    (void)state;
    access_token_check(arena, issuers, ACCESS_MANAGEMENT, NOW, token, &result);
    assert_int_equal(result.reason, ACCESS_OK);
    access_token_check(arena, issuers, ACCESS_MANAGEMENT, NOW, sign(&ours, GOOD), &result);
    assert_int_equal(result.reason, ACCESS_AUDIENCE);
    /* The other issuer has no audience there. */
    access_token_check(arena, issuers, ACCESS_MANAGEMENT, NOW,
                       sign(&theirs, "{\"iss\":\"" OTHER "\",\"aud\":\"\"," TIMES "," WHO "}"),
                       &result);
    assert_int_equal(result.reason, ACCESS_AUDIENCE);
}

static void takes_a_token_at_the_ends_of_its_time(void **state)
{
    static const char *const times[] = {"\"exp\":1799999941",
                                        "\"exp\":1800003600,\"nbf\":1800000060,\"iat\":1800000060"};
    struct access_result result;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        assert_int_equal(check(sign(&ours, arena_printf(arena, "{\"iss\":\"%s\",%s,%s,%s}", ISSUER,
                                                        GOOD_AUD, times[i], WHO)),
                               &result),
                         ACCESS_OK);
    }
}

static void reads_who_is_calling(void **state)
{
    static const struct {
        const char *claims, *id, *name, *client;
        bool is_application;
    } cases[] = {
        {"\"oid\":\"o1\",\"sub\":\"s1\",\"idtyp\":\"app\",\"appid\":\"c1\"", "o1", "c1", "c1",
         true},
        {"\"oid\":\"o1\",\"azp\":\"c2\",\"ver\":\"2.0\"", "o1", "c2", "c2", true},
        {"\"oid\":\"o1\",\"appid\":\"c1\",\"scp\":\"user_impersonation\",\"upn\":\"ada@x\"", "o1",
         "ada@x", "c1", false},
        {"\"oid\":\"o1\",\"azp\":\"c1\",\"preferred_username\":\"ada\",\"name\":\"Ada\"", "o1",
         "ada", "c1", false},
        {"\"sub\":\"s1\",\"name\":\"A\\u001b[31m\\u202eB\"", "s1", "A\\x1b[31m\\u{202e}B", "",
         false},
        {"\"oid\":\"o1\",\"idtyp\":\"user\",\"appid\":\"c1\"", "o1", "", "c1", false},
        {"\"oid\":\"o1\",\"tid\":\"" TENANT "\"", "o1", "", "", false},
    };
    struct access_result result;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(check(sign(&ours, arena_printf(arena, "{\"iss\":\"%s\",%s,%s,%s}", ISSUER,
                                                        GOOD_AUD, TIMES, cases[i].claims)),
                               &result),
                         ACCESS_OK);
        assert_string_equal(result.caller.object_id, cases[i].id);
        assert_string_equal(result.caller.name, cases[i].name);
        assert_string_equal(result.caller.client_id, cases[i].client);
        assert_int_equal(result.caller.is_application, cases[i].is_application);
        assert_string_equal(result.caller.issuer, ISSUER);
        assert_string_equal(result.caller.tenant, TENANT);
    }
    /* By RSA, with a list of audiences. */
    assert_int_equal(
        check(sign(&rsa, "{\"iss\":\"" ISSUER
                         "\",\"aud\":[\"x\",\"https://attest.azure.net/\"]," TIMES "," WHO "}"),
              &result),
        ACCESS_OK);
}

static void says_on_the_wire_only_that_a_token_is_needed(void **state)
{
    (void)state;
    assert_string_equal(
        access_message(arena, span_str("/policies/SgxEnclave")),
        "Access to /policies/SgxEnclave requires a valid JWT bearer token"); /* captured */
    assert_string_equal(access_challenge(arena, "https://h/t", ACCESS_NO_TOKEN),
                        "Bearer authorization_uri=\"https://h/t\"");
    assert_string_equal(access_challenge(arena, "https://h/t", ACCESS_EXPIRED),
                        "Bearer authorization_uri=\"https://h/t\", error=\"invalid_token\"");
    assert_string_equal(access_challenge(arena, "https://h/t", ACCESS_SIGNATURE),
                        access_challenge(arena, "https://h/t", ACCESS_ISSUER));
}

static void gives_every_reason_a_word_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ACCESS_REASON_COUNT; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(access_reason_name(i), access_reason_name(j));
        }
        assert_true(strlen(access_reason_text(i)) > 0);
    }
    assert_string_equal(access_reason_name(1000), "fault");
}

static void refuses_issuers_that_say_too_little(void **state)
{
    static const struct access_issuer bad[] = {
        {NULL, TENANT, {{"a"}}, NULL},           {"", TENANT, {{"a"}}, NULL},
        {ISSUER, NULL, {{"a"}}, NULL},           {ISSUER, "", {{"a"}}, NULL},
        {ISSUER, TENANT, {{NULL}}, NULL},        {ISSUER, TENANT, {{""}}, NULL},
        {"https://a\"b", TENANT, {{"a"}}, NULL},
    };
    const struct access_issuer twice[] = {{ISSUER, TENANT, {{"a"}}, NULL},
                                          {ISSUER, "t", {{"b"}}, NULL}};
    struct access_issuer many = {ISSUER, TENANT, {{NULL}}, NULL};
    struct access_issuers *made = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(access_issuers_new(&bad[i], 1, NULL, &made), ERR_VALUE);
    }
    assert_err(access_issuers_new(twice, 2, NULL, &made), ERR_CONFLICT);
    for (size_t i = 0; i <= ACCESS_MAX_AUDIENCES; i++) {
        many.audiences[ACCESS_DATA][i] = "a";
    }
    assert_err(access_issuers_new(&many, 1, NULL, &made), ERR_TOO_MANY);
    assert_null(made);
    assert_ok(access_issuers_new(NULL, 0, NULL, &made));
    assert_int_equal(access_issuers_count(made), 0);
    access_issuers_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_token_of_a_configured_key),
        cmocka_unit_test(refuses_the_signature_of_another_issuers_key),
        cmocka_unit_test(refuses_an_issuer_that_is_nearly_the_configured_one),
        cmocka_unit_test(refuses_tokens_by_their_claims),
        cmocka_unit_test(refuses_a_token_of_another_type),
        cmocka_unit_test(refuses_every_changed_byte),
        cmocka_unit_test(refuses_a_token_past_the_limit),
        cmocka_unit_test(says_when_the_issuers_keys_are_missing),
        cmocka_unit_test(takes_an_unknown_kid_as_a_hint_for_its_issuer),
        cmocka_unit_test(keeps_the_planes_apart),
        cmocka_unit_test(takes_a_token_at_the_ends_of_its_time),
        cmocka_unit_test(reads_who_is_calling),
        cmocka_unit_test(says_on_the_wire_only_that_a_token_is_needed),
        cmocka_unit_test(gives_every_reason_a_word_of_its_own),
        cmocka_unit_test(refuses_issuers_that_say_too_little),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
