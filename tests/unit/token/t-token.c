#include "base/codec.h"
#include "crypto/seal.h"
#include "support/support.h"
#include "token/token.h"

enum { NOW = 1760000000, EIGHT_HOURS = 28800 };
static const char iss[] = "https://localhost:8443";
static const char jku[] = "https://localhost:8443/certs";

struct world {
    struct arena *arena;
    struct signkey *secret;
    struct token_key *key;
    struct token_keys *keys;
};

static struct world world_of(enum signkey_kind kind)
{
    struct world w = {.arena = test_arena(), .keys = token_keys_new()};
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = iss,
                                         .not_before = NOW - 100,
                                         .not_after = NOW + 100000};
    struct cert *cert = NULL;

    assert_ok(signkey_generate(kind, &w.secret));
    assert_ok(cert_issue(&request, signkey_public(w.secret), NULL, w.secret, &cert));
    assert_ok(token_key_new(w.secret, &cert, 1, &w.key));
    assert_ok(token_keys_add_own(w.keys, w.key));
    cert_free(cert);
    return w;
}

static void world_done(struct world *w)
{
    token_keys_free(w->keys);
    token_key_free(w->key);
    signkey_free(w->secret);
    arena_free(w->arena);
}
DEFINE_CLEANUP_DONE(struct world, world_done)

static struct token_verify_options options_of(const struct world *w)
{
    return (struct token_verify_options){.keys = w->keys, .iss = iss, .now = NOW, .skew_s = 10};
}

static struct span good_payload(struct world *w)
{
    char *text = arena_printf(w->arena, "{\"exp\":%d,\"iat\":%d,\"iss\":\"%s\",\"nbf\":%d}",
                              NOW + EIGHT_HOURS, NOW, iss, NOW);

    return span_str(text);
}

/* Any header over any payload, signed with the real key: what only the signer could do. */
static struct span signed_with(struct world *w, const char *header, struct span payload)
{
    char *part = arena_printf(w->arena, "%s.%s", base64_dup(w->arena, BASE64_URL, span_str(header)),
                              base64_dup(w->arena, BASE64_URL, payload));
    struct span sig = {0};

    assert_ok(signkey_sign(
        w->secret, w->arena, token_key_alg(w->key) == TOKEN_RS256 ? SIG_RSASSA : SIG_ECDSA,
        token_key_alg(w->key) == TOKEN_ES384 ? HASH_SHA384 : HASH_SHA256, span_str(part), &sig));
    return span_str(arena_printf(w->arena, "%s.%s", part, base64_dup(w->arena, BASE64_URL, sig)));
}

static void what_is_signed_verifies(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_RSA3072, SIGNKEY_P256,
                                              SIGNKEY_P384};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(world_done) struct world w = world_of(kinds[i]);
        struct token_verify_options options = options_of(&w);
        struct span text = {0};
        struct token token = {0};

        assert_ok(token_sign(w.key, w.arena, jku, good_payload(&w), &text));
        assert_ok(token_verify(w.arena, text, &options, NULL, &token));
        assert_int_equal(token.issued_at, NOW);
        assert_int_equal(token.expires_at, NOW + EIGHT_HOURS);
        assert_string_equal(token.key->kid, token_key_kid(w.key));
        assert_string_equal(json_text(json_get(token.payload, "iss")), iss);
    }
}

/* Token claims, 1: members, order and spacing of the header. */
static void the_header_is_the_services(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_RSA2048);
    struct span text = {0};
    struct span header = {0};
    char *want =
        arena_printf(w.arena, "{\"alg\":\"RS256\",\"jku\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                     jku, token_key_kid(w.key));

    (void)state;
    assert_ok(token_sign(w.key, w.arena, jku, span_str("{}"), &text));
    assert_ok(base64_decode(
        w.arena, BASE64_URL,
        span_cut(text, 0, (size_t)((const uint8_t *)memchr(text.data, '.', text.len) - text.data)),
        &header));
    assert_true(span_equal(header, span_str(want)));
}

/* J-1, J-5, J-6: no changed character ever verifies. */
static void no_changed_token_verifies(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_P256};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(world_done) struct world w = world_of(kinds[i]);
        struct token_verify_options options = options_of(&w);
        struct arena *scratch = arena_new(1024 * 1024);
        struct span text = {0};
        struct token token = {0};

        assert_ok(token_sign(w.key, w.arena, jku, good_payload(&w), &text));
        for (size_t at = 0; at < text.len; at++) {
            uint8_t *c = (uint8_t *)(uintptr_t)text.data + at;
            uint8_t was = *c;
            static const char others[] = "Aa9-.=";

            for (size_t k = 0; k < sizeof(others) - 1; k++) {
                *c = (uint8_t)others[k];
                arena_reset(scratch);
                if (*c != was && token_verify(scratch, text, &options, NULL, &token) == ERR_OK) {
                    fail_msg("character %zu changed to %c", at, others[k]);
                }
            }
            *c = was;
            arena_reset(scratch);
            assert_true(token_verify(scratch, span_cut(text, 0, at), &options, NULL, &token) !=
                        ERR_OK);
        }
        assert_ok(token_verify(w.arena, text, &options, NULL, &token));
        arena_free(scratch);
    }
}

/* J-2: the public key, known to all, as the secret of an HMAC. */
static void a_public_key_is_no_hmac_secret(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_RSA2048);
    struct token_verify_options options = options_of(&w);
    size_t n = 0;
    struct span pem = {0};
    struct span secrets[2];
    struct token token;

    (void)state;
    assert_ok(cert_pem(token_key_chain(w.key, &n)[0], w.arena, &pem));
    secrets[0] = pem;
    assert_ok(pubkey_spki(signkey_public(w.secret), w.arena, &secrets[1]));
    for (size_t i = 0; i < 2; i++) {
        char *header = arena_printf(w.arena, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                    token_key_kid(w.key));
        char *part =
            arena_printf(w.arena, "%s.%s", base64_dup(w.arena, BASE64_URL, span_str(header)),
                         base64_dup(w.arena, BASE64_URL, good_payload(&w)));
        uint8_t mac[SHA256_BYTES];
        char *text;

        assert_ok(hmac_once(HASH_SHA256, secrets[i], span_str(part), mac));
        text = arena_printf(w.arena, "%s.%s", part,
                            base64_dup(w.arena, BASE64_URL, span_of(mac, sizeof(mac))));
        assert_err(token_verify(w.arena, span_str(text), &options, NULL, &token), ERR_SIGNATURE);
    }
}

/* J-1: a header cannot choose, even where the key really made the signature. */
static void the_algorithm_is_the_keys(void **state)
{
    static const char *const algs[] = {"none",  "None",  "",      "HS256",
                                       "PS256", "RS384", "ES256", "rs256"};
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_RSA2048);
    struct token_verify_options options = options_of(&w);
    struct token token;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        char *header = arena_printf(w.arena, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                    algs[i], token_key_kid(w.key));

        assert_err(token_verify(w.arena, signed_with(&w, header, good_payload(&w)), &options, NULL,
                                &token),
                   ERR_SIGNATURE);
    }
    {
        char *header =
            arena_printf(w.arena, "{\"kid\":\"%s\",\"typ\":\"JWT\"}", token_key_kid(w.key));

        assert_err(token_verify(w.arena, signed_with(&w, header, good_payload(&w)), &options, NULL,
                                &token),
                   ERR_SIGNATURE);
    }
}

/* J-3: no fallback to the only key there is. */
static void an_unknown_kid_fails(void **state)
{
    static const char *const members[] = {"",
                                          "\"kid\":\"\",",
                                          "\"kid\":null,",
                                          "\"kid\":0,",
                                          "\"kid\":\"../../etc/passwd\",",
                                          "\"kid\":\"' OR 1=1 --\",",
                                          "\"kid\":\"a\\u0000\",",
                                          "\"kid\":\"https://evil.example/key\","};
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);
    struct token token;
    struct trail trail = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char *header = arena_printf(w.arena, "{\"alg\":\"ES256\",%s\"typ\":\"JWT\"}", members[i]);

        trail = (struct trail){0};
        assert_err(token_verify(w.arena, signed_with(&w, header, good_payload(&w)), &options,
                                &trail, &token),
                   ERR_UNTRUSTED);
    }
    {
        size_t huge = 1024u * 1024;
        char *kid = arena_calloc(w.arena, 1, huge + 1);
        char *header;

        memset(kid, 'k', huge);
        header = arena_printf(w.arena, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", kid);
        assert_err(token_verify(w.arena, signed_with(&w, header, good_payload(&w)), &options, NULL,
                                &token),
                   ERR_TOO_LARGE);
    }
}

/* J-4: a stranger's key, sent along in every way there is. */
static void keys_in_the_header_choose_nothing(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    CLEANUP(world_done) struct world evil = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);
    yyjson_mut_doc *doc = json_new(evil.arena);
    size_t n = 0;
    struct cert *const *chain = token_key_chain(evil.key, &n);
    struct span jwk = json_write(evil.arena, doc,
                                 jwk_value(evil.arena, doc, token_key_kid(w.key), TOKEN_ES256,
                                           signkey_public(evil.secret), chain, n),
                                 false);
    struct token token;
    char *header = arena_printf(
        evil.arena,
        "{\"alg\":\"ES256\",\"jku\":\"https://evil.example/certs\",\"jwk\":%.*s,\"kid\":\"%s\","
        "\"typ\":\"JWT\",\"x5c\":[\"%s\"],\"x5u\":\"https://evil.example/x\"}",
        (int)jwk.len, (const char *)jwk.data, token_key_kid(w.key),
        base64_dup(evil.arena, BASE64_STANDARD, cert_der(chain[0])));

    (void)state;
    assert_err(token_verify(w.arena, signed_with(&evil, header, good_payload(&evil)), &options,
                            NULL, &token),
               ERR_SIGNATURE);
    /* The same members in a token of ours do no harm either. */
    assert_ok(
        token_verify(w.arena, signed_with(&w, header, good_payload(&w)), &options, NULL, &token));
}

/* J-5 */
static void critical_members_fail(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);
    static const char *const members[] = {"\"crit\":[\"x\"],\"x\":1,", "\"b64\":false,",
                                          "\"crit\":[\"b64\"],\"b64\":false,", "\"zip\":\"DEF\",",
                                          "\"cty\":\"JWT\","};
    struct token token;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char *header = arena_printf(w.arena, "{\"alg\":\"ES256\",%s\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                    members[i], token_key_kid(w.key));

        assert_err(token_verify(w.arena, signed_with(&w, header, good_payload(&w)), &options, NULL,
                                &token),
                   ERR_UNSUPPORTED);
    }
}

/* J-6: CVE-2022-21449. */
static void refuses_psychic_signatures(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);
    static const size_t lengths[] = {0, 1, 32, 63, 64, 65, 72, 96, 128};
    uint8_t zeros[128] = {0};
    struct token token;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        char *header = arena_printf(w.arena, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                    token_key_kid(w.key));
        char *text =
            arena_printf(w.arena, "%s.%s.%s", base64_dup(w.arena, BASE64_URL, span_str(header)),
                         base64_dup(w.arena, BASE64_URL, good_payload(&w)),
                         base64_dup(w.arena, BASE64_URL, span_of(zeros, lengths[i])));

        assert_err(token_verify(w.arena, span_str(text), &options, NULL, &token), ERR_SIGNATURE);
    }
}

/* J-7 */
static void holds_tokens_to_their_claims(void **state)
{
    static const struct {
        const char *payload;
        err_t want;
        const char *why;
    } cases[] = {
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100}", ERR_OK, "the least"},
        {"{\"iss\":\"https://localhost:8443\"}", ERR_JSON_MISSING, "no end"},
        {"{\"exp\":1760000100}", ERR_MISMATCH, "no issuer"},
        {"{\"iss\":\"https://localhost:8443/\",\"exp\":1760000100}", ERR_MISMATCH, "issuer with /"},
        {"{\"iss\":\"https://LOCALHOST:8443\",\"exp\":1760000100}", ERR_MISMATCH, "issuer in caps"},
        {"{\"iss\":\"https://localhost:8443\\u0000\",\"exp\":1760000100}", ERR_MISMATCH, "NUL"},
        {"{\"iss\":[\"https://localhost:8443\"],\"exp\":1760000100}", ERR_MISMATCH, "list"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1759999991}", ERR_OK, "within the skew"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1759999990}", ERR_EXPIRED, "past the skew"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1}", ERR_EXPIRED, "long ago"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":0}", ERR_EXPIRED, "zero"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":\"1760000100\"}", ERR_JSON_TYPE, "text"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100.5}", ERR_JSON_TYPE, "fraction"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":-1}", ERR_JSON_TYPE, "negative"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1e30}", ERR_JSON_TYPE, "huge"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":18446744073709551615}", ERR_JSON_TYPE,
         "2^64"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":null}", ERR_JSON_TYPE, "null"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100,\"nbf\":1760000010}", ERR_OK,
         "nbf"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100,\"nbf\":1760000011}", ERR_EXPIRED,
         "not yet"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100,\"iat\":1760000011}", ERR_EXPIRED,
         "from the future"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100,\"nbf\":\"x\"}", ERR_JSON_TYPE,
         "nbf"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100,\"aud\":\"x\"}", ERR_MISMATCH,
         "meant for somebody"},
        {"{\"iss\":\"https://localhost:8443\",\"exp\":1760000100,\"exp\":1}", ERR_JSON_DUPLICATE,
         "two ends"},
        {"[]", ERR_JSON_TYPE, "list"},
        {"", ERR_JSON_SYNTAX, "nothing"},
    };
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span text = {0};
        struct token token;
        err_t got;

        assert_ok(token_sign(w.key, w.arena, NULL, span_str(cases[i].payload), &text));
        got = token_verify(w.arena, text, &options, NULL, &token);
        if (got != cases[i].want) {
            fail_msg("%s: got %s, wanted %s", cases[i].why, err_name(got), err_name(cases[i].want));
        }
    }
}

/* J-7: who is meant. */
static void a_token_is_for_its_audience(void **state)
{
    static const struct {
        const char *aud;
        err_t want;
    } cases[] = {
        {"", ERR_MISMATCH},
        {",\"aud\":\"me\"", ERR_OK},
        {",\"aud\":\"you\"", ERR_MISMATCH},
        {",\"aud\":[\"you\",\"me\"]", ERR_OK},
        {",\"aud\":[\"you\"]", ERR_MISMATCH},
        {",\"aud\":[]", ERR_MISMATCH},
        {",\"aud\":[[\"me\"]]", ERR_MISMATCH},
        {",\"aud\":{\"me\":1}", ERR_MISMATCH},
        {",\"aud\":null", ERR_MISMATCH},
    };
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);

    (void)state;
    options.aud = "me";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span text = {0};
        struct token token;
        char *payload =
            arena_printf(w.arena, "{\"iss\":\"%s\",\"exp\":1760000100%s}", iss, cases[i].aud);

        assert_ok(token_sign(w.key, w.arena, NULL, span_str(payload), &text));
        assert_err(token_verify(w.arena, text, &options, NULL, &token), cases[i].want);
    }
}

/* J-7: an enrolment token is no result token. */
static void a_token_of_one_type_is_none_of_another(void **state)
{
    static const struct {
        const char *made, *wanted;
        bool may_be_absent;
        err_t want;
    } cases[] = {
        {NULL, NULL, false, ERR_OK},
        {"jwt", NULL, false, ERR_OK},
        {"join+jwt", NULL, false, ERR_MISMATCH},
        {NULL, "join+jwt", false, ERR_MISMATCH},
        {NULL, "join+jwt", true, ERR_MISMATCH},
        {"join+jwt", "join+jwt", false, ERR_OK},
        {"", NULL, true, ERR_MISMATCH},
    };
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);
    char *no_typ =
        arena_printf(w.arena, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", token_key_kid(w.key));
    struct token token;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct token_header header = {.typ = cases[i].made};
        struct span text = {0};

        options.typ = cases[i].wanted;
        options.typ_may_be_absent = cases[i].may_be_absent;
        assert_ok(token_sign_with(w.key, w.arena, &header, good_payload(&w), &text));
        assert_err(token_verify(w.arena, text, &options, NULL, &token), cases[i].want);
    }
    options = options_of(&w);
    assert_err(
        token_verify(w.arena, signed_with(&w, no_typ, good_payload(&w)), &options, NULL, &token),
        ERR_MISMATCH);
    options.typ_may_be_absent = true;
    assert_ok(
        token_verify(w.arena, signed_with(&w, no_typ, good_payload(&w)), &options, NULL, &token));
}

/* J-7: a verifier without expectations gives no answer. */
static void refuses_to_verify_without_expectations(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options bad[4];
    struct span text = {0};
    struct token token;

    (void)state;
    assert_ok(token_sign(w.key, w.arena, NULL, good_payload(&w), &text));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bad[i] = options_of(&w);
    }
    bad[0].keys = NULL;
    bad[1].iss = NULL;
    bad[2].skew_s = TOKEN_MAX_SKEW_S + 1;
    bad[3].skew_s = -1;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(token_verify(w.arena, text, &bad[i], NULL, &token), ERR_VALUE);
    }
}

/* J-10: an old key verifies as long as it is published. */
static void old_keys_verify_until_they_are_withdrawn(void **state)
{
    CLEANUP(world_done) struct world old = world_of(SIGNKEY_RSA2048);
    CLEANUP(world_done) struct world fresh = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&fresh);
    struct span text = {0};
    struct token token;

    (void)state;
    assert_ok(token_sign(old.key, old.arena, jku, good_payload(&old), &text));
    assert_err(token_verify(fresh.arena, text, &options, NULL, &token), ERR_UNTRUSTED);
    assert_ok(token_keys_add_own(fresh.keys, old.key));
    assert_ok(token_verify(fresh.arena, text, &options, NULL, &token));
    /* The algorithm of one key does not open the other. */
    {
        char *header = arena_printf(old.arena, "{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                    token_key_kid(fresh.key));

        assert_err(token_verify(fresh.arena, signed_with(&old, header, good_payload(&old)),
                                &options, NULL, &token),
                   ERR_SIGNATURE);
    }
}

/* Token claims, 1 and 2: byte order at every level; exp, nbf and jti as the service's. */
static void issues_sorted_claims(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_P256);
    struct token_verify_options options = options_of(&w);
    yyjson_mut_doc *doc = json_new(w.arena);
    yyjson_mut_val *claims = token_claims(doc, iss, NOW, EIGHT_HOURS);
    yyjson_mut_val *inner = json_add_object(doc, claims, "x-ms-runtime");
    char jti[TOKEN_JTI_SIZE];
    char again[TOKEN_JTI_SIZE];
    struct span text = {0};
    struct jws jws;
    struct token token;

    (void)state;
    assert_ok(token_jti(jti));
    assert_ok(token_jti(again));
    assert_int_equal(strlen(jti), 64);
    assert_string_not_equal(jti, again);
    json_add_text(doc, inner, "z", "1");
    json_add_text(doc, inner, "a", "2");
    json_add_text(doc, claims, "x-ms-Ver", "1.0");
    json_add_text(doc, claims, "jti", "fixed");
    assert_ok(token_issue(w.key, w.arena, jku, doc, claims, &text));
    assert_ok(jws_read(w.arena, text, 0, NULL, &jws));
    assert_true(span_is(jws.payload, "{\"exp\":1760028800,\"iat\":1760000000,"
                                     "\"iss\":\"https://localhost:8443\",\"jti\":\"fixed\","
                                     "\"nbf\":1760000000,\"x-ms-Ver\":\"1.0\","
                                     "\"x-ms-runtime\":{\"a\":\"2\",\"z\":\"1\"}}"));
    assert_ok(token_verify(w.arena, text, &options, NULL, &token));
}

static void names_its_certificate_when_asked(void **state)
{
    CLEANUP(world_done) struct world w = world_of(SIGNKEY_RSA2048);
    struct token_verify_options options = options_of(&w);
    const struct token_header headers[] = {{.cert = TOKEN_X5C}, {.cert = TOKEN_X5T}};
    const char *x5t = NULL;
    size_t n = 0;
    struct cert *const *chain = token_key_chain(w.key, &n);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct span text = {0};
        struct token token;

        assert_ok(token_sign_with(w.key, w.arena, &headers[i], good_payload(&w), &text));
        assert_ok(token_verify(w.arena, text, &options, NULL, &token));
        assert_int_equal(json_get(token.header, "x5c") != NULL, i == 0);
        assert_int_equal(json_get(token.header, "x5t") != NULL, i == 1);
        assert_null(json_get(token.header, "jku"));
        if (i == 1) {
            assert_ok(token_kid_x5t(w.arena, cert_der(chain[0]), &x5t));
            assert_string_equal(json_text(json_get(token.header, "x5t")), x5t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_verifies),
        cmocka_unit_test(the_header_is_the_services),
        cmocka_unit_test(no_changed_token_verifies),
        cmocka_unit_test(a_public_key_is_no_hmac_secret),
        cmocka_unit_test(the_algorithm_is_the_keys),
        cmocka_unit_test(an_unknown_kid_fails),
        cmocka_unit_test(keys_in_the_header_choose_nothing),
        cmocka_unit_test(critical_members_fail),
        cmocka_unit_test(refuses_psychic_signatures),
        cmocka_unit_test(holds_tokens_to_their_claims),
        cmocka_unit_test(a_token_is_for_its_audience),
        cmocka_unit_test(a_token_of_one_type_is_none_of_another),
        cmocka_unit_test(refuses_to_verify_without_expectations),
        cmocka_unit_test(old_keys_verify_until_they_are_withdrawn),
        cmocka_unit_test(issues_sorted_claims),
        cmocka_unit_test(names_its_certificate_when_asked),
    };

    return RUN_TESTS(tests);
}
