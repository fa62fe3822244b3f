/* The functions of libbootwarden, by their public header. */
#include "bootwarden.h"
#include "unit/token/signer.h"

#include <pthread.h>
#include <stdlib.h>

static struct bootwarden_demands demands_of(void)
{
    return (struct bootwarden_demands){
        .size = sizeof(struct bootwarden_demands), .issuer = ISSUER, .now = NOW, .skew_s = 10};
}

static struct bootwarden_keys *keys_of(struct issuer *w)
{
    struct bootwarden_keys *keys = NULL;
    struct bootwarden_fault fault = {0};
    struct span json = {0};

    assert_ok(jwks_write(w->arena, w->keys, &json));
    assert_int_equal(bootwarden_keys_new((const char *)json.data, json.len, &keys, &fault),
                     BOOTWARDEN_OK);
    assert_int_equal(fault.status, BOOTWARDEN_OK);
    return keys;
}

/* The code, which must also be in the fault; nothing is handed out with a refusal. */
static enum bootwarden_status verify(const struct bootwarden_keys *keys, struct span text,
                                     const struct bootwarden_demands *demands)
{
    struct bootwarden_token *token = NULL;
    struct bootwarden_fault fault = {0};
    enum bootwarden_status status =
        bootwarden_token_verify(keys, (const char *)text.data, text.len, demands, &token, &fault);

    assert_int_equal(fault.status, status);
    assert_int_equal(token != NULL, status == BOOTWARDEN_OK);
    assert_int_equal(fault.words[0] != '\0', status != BOOTWARDEN_OK);
    bootwarden_token_free(token);
    token = NULL;
    assert_int_equal(
        bootwarden_token_verify(keys, (const char *)text.data, text.len, demands, &token, NULL),
        status);
    bootwarden_token_free(token);
    return status;
}

static void misuse_is_refused_and_crashes_nothing(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    struct bootwarden_keys *keys = keys_of(&w);
    struct bootwarden_token *token = NULL;
    struct bootwarden_keys *none = NULL;
    struct span text = token_of(&w, claims_with(&w, ""));
    const char *compact = (const char *)text.data;
    struct bootwarden_demands bad[8];
    const struct bootwarden_demands good = demands_of();
    bool is_on = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bad[i] = demands_of();
    }
    bad[0].size = 0;
    bad[1].size = sizeof(good) - 1;
    bad[2].issuer = NULL;
    bad[3].issuer = "";
    bad[4].now = 0; /* a clock that nobody asked must not make an old token new */
    bad[5].skew_s = BOOTWARDEN_SKEW_MAX_S + 1;
    bad[6].skew_s = -1;
    bad[7].nonce = ""; /* a variable that was never filled in */
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(verify(keys, text, &bad[i]), BOOTWARDEN_E_USAGE);
    }
    assert_int_equal(verify(keys, text, NULL), BOOTWARDEN_E_USAGE);
    assert_int_equal(verify(NULL, text, &good), BOOTWARDEN_E_USAGE);
    assert_int_equal(bootwarden_token_verify(keys, NULL, 0, &good, &token, NULL),
                     BOOTWARDEN_E_USAGE);
    assert_int_equal(bootwarden_token_verify(keys, compact, text.len, &good, NULL, NULL),
                     BOOTWARDEN_E_USAGE);
    assert_int_equal(bootwarden_keys_new(NULL, 0, &none, NULL), BOOTWARDEN_E_USAGE);
    assert_int_equal(bootwarden_keys_new("{}", 2, NULL, NULL), BOOTWARDEN_E_USAGE);
    assert_int_equal(bootwarden_token_boolean(NULL, "a", &is_on), BOOTWARDEN_E_USAGE);
    assert_int_equal(bootwarden_token_kid(NULL)[0], '\0');
    assert_int_equal(bootwarden_token_expires_at(NULL), 0);
    assert_int_equal(bootwarden_token_issued_at(NULL), 0);
    assert_int_equal(bootwarden_keys_count(NULL), 0);
    assert_int_equal(bootwarden_keys_left_out(NULL), 0);
    bootwarden_keys_free(NULL);
    bootwarden_token_free(NULL);
    bootwarden_text_free(NULL);
    bootwarden_keys_free(keys);
}

/* A program built with a later header: what it demands is known here, or refused. */
static void demands_of_a_later_version_are_not_overlooked(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    struct bootwarden_keys *keys = keys_of(&w);
    struct span text = token_of(&w, claims_with(&w, ""));
    struct {
        struct bootwarden_demands known;
        const char *later;
    } demands = {.known = demands_of()};

    (void)state;
    demands.known.size = sizeof(demands);
    assert_int_equal(verify(keys, text, &demands.known), BOOTWARDEN_OK);
    demands.later = "something";
    assert_int_equal(verify(keys, text, &demands.known), BOOTWARDEN_E_USAGE);
    bootwarden_keys_free(keys);
}

static void key_sets_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *json;
        enum bootwarden_status want;
    } cases[] = {
        {"", BOOTWARDEN_E_KEYS},
        {"[]", BOOTWARDEN_E_KEYS},
        {"{}", BOOTWARDEN_E_KEYS},
        {"{\"keys\":{}}", BOOTWARDEN_E_KEYS},
        {"{\"keys\":[],\"keys\":[]}", BOOTWARDEN_E_KEYS},
        {"{\"keys\":[}", BOOTWARDEN_E_KEYS},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", BOOTWARDEN_E_LIMIT},
        {"{\"keys\":[]}", BOOTWARDEN_OK},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"x\"}]}", BOOTWARDEN_OK},
    };
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    struct bootwarden_keys *keys = NULL;
    struct bootwarden_fault fault = {0};
    const struct bootwarden_demands demands = demands_of();
    struct span json = {0};
    struct span text = token_of(&w, claims_with(&w, ""));
    char *twice;
    char *big;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        keys = NULL;
        assert_int_equal(bootwarden_keys_new(cases[i].json, strlen(cases[i].json), &keys, &fault),
                         cases[i].want);
        assert_int_equal(keys != NULL, cases[i].want == BOOTWARDEN_OK);
        if (keys != NULL) {
            assert_int_equal(bootwarden_keys_count(keys), 0);
            assert_int_equal(verify(keys, text, &demands), BOOTWARDEN_E_UNKNOWN_KEY);
        }
        bootwarden_keys_free(keys);
    }
    /* J-10: the same kid twice, two readers could take different keys. */
    assert_ok(jwks_write(w.arena, w.keys, &json));
    twice = arena_printf(w.arena, "{\"keys\":[%.*s,%.*s]}", (int)(json.len - 11), json.data + 9,
                         (int)(json.len - 11), json.data + 9);
    assert_int_equal(bootwarden_keys_new(twice, strlen(twice), &keys, &fault), BOOTWARDEN_E_KEYS);
    assert_non_null(strstr(fault.words, "twice"));
    big = calloc(1, BOOTWARDEN_KEY_SET_MAX_BYTES + 1);
    assert_non_null(big);
    assert_int_equal(bootwarden_keys_new(big, BOOTWARDEN_KEY_SET_MAX_BYTES + 1, &keys, &fault),
                     BOOTWARDEN_E_LIMIT);
    free(big);
}

static void each_fault_of_a_token_has_its_code(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    CLEANUP(issuer_done) struct issuer other = issuer_of(SIGNKEY_P256);
    struct bootwarden_keys *keys = keys_of(&w);
    struct bootwarden_keys *others = keys_of(&other);
    const struct bootwarden_demands good = demands_of();
    struct bootwarden_demands d = good;
    struct span text = token_of(&w, claims_with(&w, ",\"nonce\":\"n1\""));
    struct span blank = span_str(arena_printf(w.arena, " \r\n%.*s\n", (int)text.len, text.data));
    char *big = calloc(1, BOOTWARDEN_TOKEN_MAX_BYTES + 1);

    (void)state;
    assert_non_null(big);
    memset(big, 'a', BOOTWARDEN_TOKEN_MAX_BYTES + 1);
    assert_int_equal(verify(keys, span_of(big, BOOTWARDEN_TOKEN_MAX_BYTES + 1), &good),
                     BOOTWARDEN_E_LIMIT);
    free(big);
    assert_int_equal(verify(keys, span_of("", 0), &good), BOOTWARDEN_E_FORM);
    assert_int_equal(verify(keys, span_cut(text, 0, text.len - 90), &good), BOOTWARDEN_E_FORM);
    assert_int_equal(verify(keys, span_cut(text, 0, text.len - 2), &good), BOOTWARDEN_E_SIGNATURE);
    assert_int_equal(verify(keys, forged(&w, "{\"alg\":\"none\"}", claims_with(&w, ""), ""), &good),
                     BOOTWARDEN_E_UNSECURED);
    assert_int_equal(verify(others, text, &good), BOOTWARDEN_E_UNKNOWN_KEY);
    d.issuer = ISSUER "/";
    assert_int_equal(verify(keys, text, &d), BOOTWARDEN_E_ISSUER);
    d = good;
    d.now = NOW + EIGHT_HOURS + 10;
    assert_int_equal(verify(keys, text, &d), BOOTWARDEN_E_EXPIRED);
    d.now = NOW - 11;
    assert_int_equal(verify(keys, text, &d), BOOTWARDEN_E_NOT_YET);
    d = good;
    d.audience = "me";
    assert_int_equal(verify(keys, text, &d), BOOTWARDEN_E_AUDIENCE);
    d = good;
    d.nonce = "n2";
    assert_int_equal(verify(keys, text, &d), BOOTWARDEN_E_NONCE);
    d.nonce = "n1";
    assert_int_equal(verify(keys, text, &d), BOOTWARDEN_OK);
    assert_int_equal(verify(keys, blank, &good), BOOTWARDEN_OK);
    bootwarden_keys_free(keys);
    bootwarden_keys_free(others);
}

static void claims_are_read_by_name_and_kind(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_RSA2048);
    struct bootwarden_keys *keys = keys_of(&w);
    const struct bootwarden_demands demands = demands_of();
    struct span text = token_of(
        &w, claims_with(&w, ",\"secureboot\":true,\"off\":false,\"n\":-3,\"big\":"
                            "18446744073709551615,\"f\":1.0,\"t\":\"true\",\"z\":\"a\\u0000b\","
                            "\"o\":{\"p\":{\"q\":7},\"x.y\":[1,\"\\u00e9\"]}"));
    struct bootwarden_token *token = NULL;
    const char *words = "untouched";
    char *json = NULL;
    bool is_on = true;
    int64_t number = 42;
    size_t len = 0;

    (void)state;
    assert_int_equal(
        bootwarden_token_verify(keys, (const char *)text.data, text.len, &demands, &token, NULL),
        BOOTWARDEN_OK);
    /* The token needs neither the key set nor the text any more. */
    bootwarden_keys_free(keys);
    assert_int_equal(bootwarden_token_boolean(token, "t", &is_on), BOOTWARDEN_E_CLAIM_KIND);
    assert_int_equal(bootwarden_token_boolean(token, "n", &is_on), BOOTWARDEN_E_CLAIM_KIND);
    assert_int_equal(bootwarden_token_boolean(token, "Secureboot", &is_on), BOOTWARDEN_E_NO_CLAIM);
    assert_true(is_on);
    assert_int_equal(bootwarden_token_boolean(token, "off", &is_on), BOOTWARDEN_OK);
    assert_false(is_on);
    assert_int_equal(bootwarden_token_boolean(token, "secureboot", &is_on), BOOTWARDEN_OK);
    assert_true(is_on);
    assert_int_equal(bootwarden_token_integer(token, "big", &number), BOOTWARDEN_E_CLAIM_KIND);
    assert_int_equal(bootwarden_token_integer(token, "f", &number), BOOTWARDEN_E_CLAIM_KIND);
    assert_int_equal(bootwarden_token_integer(token, "secureboot", &number),
                     BOOTWARDEN_E_CLAIM_KIND);
    assert_int_equal(number, 42);
    assert_int_equal(bootwarden_token_integer(token, "n", &number), BOOTWARDEN_OK);
    assert_int_equal(number, -3);
    assert_int_equal(bootwarden_token_integer(token, "o.p.q", &number), BOOTWARDEN_OK);
    assert_int_equal(number, 7);
    assert_int_equal(bootwarden_token_text(token, "z", &words, NULL), BOOTWARDEN_E_CLAIM_KIND);
    assert_int_equal(bootwarden_token_text(token, "n", &words, NULL), BOOTWARDEN_E_CLAIM_KIND);
    assert_string_equal(words, "untouched");
    assert_int_equal(bootwarden_token_text(token, "z", &words, &len), BOOTWARDEN_OK);
    assert_int_equal(len, 3);
    assert_int_equal(bootwarden_token_text(token, "iss", &words, NULL), BOOTWARDEN_OK);
    assert_string_equal(words, ISSUER);
    assert_int_equal(bootwarden_token_json(token, "none", &json), BOOTWARDEN_E_NO_CLAIM);
    assert_int_equal(bootwarden_token_json(token, "o.x.y", &json), BOOTWARDEN_OK);
    assert_string_equal(json, "[1,\"\xc3\xa9\"]");
    bootwarden_text_free(json);
    assert_int_equal(bootwarden_token_json(token, NULL, &json), BOOTWARDEN_OK);
    assert_int_equal(json[0], '{');
    bootwarden_text_free(json);
    assert_int_equal(bootwarden_token_expires_at(token), NOW + EIGHT_HOURS);
    assert_int_equal(bootwarden_token_issued_at(token), NOW);
    assert_string_equal(bootwarden_token_kid(token), token_key_kid(w.key));
    bootwarden_token_free(token);
}

static void every_code_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < 64; i++) {
        const char *name = bootwarden_status_name((enum bootwarden_status)i);

        for (int k = 0; k < i; k++) {
            if (strcmp(name, "unknown") != 0) {
                assert_string_not_equal(name, bootwarden_status_name((enum bootwarden_status)k));
            }
        }
        assert_true(strlen(bootwarden_status_text((enum bootwarden_status)i)) > 3);
    }
    assert_string_equal(bootwarden_status_name(BOOTWARDEN_E_UNKNOWN_KEY), "unknown-key");
    assert_string_equal(bootwarden_version(), BOOTWARDEN_VERSION);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 50 };

struct shared {
    const struct bootwarden_keys *keys;
    const struct bootwarden_token *token;
    struct span text;
    struct span jwks;
};

static void *use_all(void *context)
{
    const struct shared *s = context;
    const struct bootwarden_demands demands = demands_of();

    for (int i = 0; i < ROUNDS; i++) {
        struct bootwarden_token *token = NULL;
        struct bootwarden_keys *keys = NULL;
        char *json = NULL;
        bool is_good = bootwarden_token_verify(s->keys, (const char *)s->text.data, s->text.len,
                                               &demands, &token, NULL) == BOOTWARDEN_OK &&
                       bootwarden_keys_new((const char *)s->jwks.data, s->jwks.len, &keys, NULL) ==
                           BOOTWARDEN_OK &&
                       bootwarden_token_json(s->token, NULL, &json) == BOOTWARDEN_OK;

        bootwarden_text_free(json);
        bootwarden_token_free(token);
        bootwarden_keys_free(keys);
        if (!is_good) {
            return context;
        }
    }
    return NULL;
}

static void one_key_set_and_one_token_serve_many_threads(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    struct bootwarden_keys *keys = keys_of(&w);
    struct bootwarden_token *token = NULL;
    struct shared s = {.keys = keys, .text = token_of(&w, claims_with(&w, ""))};
    const struct bootwarden_demands demands = demands_of();
    pthread_t threads[THREADS];

    (void)state;
    assert_ok(jwks_write(w.arena, w.keys, &s.jwks));
    assert_int_equal(bootwarden_token_verify(keys, (const char *)s.text.data, s.text.len, &demands,
                                             &token, NULL),
                     BOOTWARDEN_OK);
    s.token = token;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, &s), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    bootwarden_token_free(token);
    bootwarden_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misuse_is_refused_and_crashes_nothing),
        cmocka_unit_test(demands_of_a_later_version_are_not_overlooked),
        cmocka_unit_test(key_sets_that_are_none_are_refused),
        cmocka_unit_test(each_fault_of_a_token_has_its_code),
        cmocka_unit_test(claims_are_read_by_name_and_kind),
        cmocka_unit_test(every_code_has_a_name_and_a_sentence),
        cmocka_unit_test(one_key_set_and_one_token_serve_many_threads),
    };

    return RUN_TESTS(tests);
}
