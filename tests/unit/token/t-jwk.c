#include "base/codec.h"
#include "support/support.h"
#include "token/token.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static yyjson_val *parse(struct arena *arena, const char *json)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, span_str(json), NULL, NULL, &root));
    return root;
}

/* RFC 7517, appendix A.1, the RSA key; its thumbprint is RFC 7638, 3.1. */
#define RFC_N                                                                                      \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"      \
    "BJECPeb"                                                                                      \
    "WKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"            \
    "FDW2QvzqY368QQ"                                                                               \
    "MicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"                          \
    "bFTWhAI4vMQFh6WeZu0fM4lFd2N"                                                                  \
    "cRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RFC_X "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define RFC_Y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"

static void refuses_keys_that_are_none(void **state)
{
    static const struct {
        const char *json;
        err_t want;
    } cases[] = {
        {"[]", ERR_JSON_TYPE},
        {"{}", ERR_JSON_MISSING},
        {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", ERR_VALUE}, /* J-2: no secrets here */
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}", ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"d\":\"AA\"}", ERR_VALUE},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\"}", ERR_JSON_MISSING},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"Aw\"}", ERR_UNSUPPORTED},     /* 3 */
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AAEAAQ\"}", ERR_UNSUPPORTED}, /* 00.. */
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "==\",\"e\":\"AQAB\"}", ERR_ENCODING},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"use\":\"enc\"}", ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"alg\":\"HS256\"}", ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"alg\":\"none\"}", ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"alg\":\"ES256\"}", ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"alg\":7}", ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"kid\":7}", ERR_VALUE},
        {"{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"kid\":\"a\\u0000b\"}", ERR_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X "\",\"y\":\"" RFC_X "\"}", ERR_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" RFC_X "\",\"y\":\"" RFC_Y "\"}", ERR_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" RFC_X "\",\"y\":\"" RFC_Y "\"}",
         ERR_UNSUPPORTED},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X "\",\"y\":\"" RFC_Y
         "\",\"alg\":\"RS256\"}",
         ERR_UNSUPPORTED},
        {"{\"kty\":\"RSA\",\"x5c\":[]}", ERR_JSON_TYPE},
        {"{\"kty\":\"RSA\",\"x5c\":\"MIIB\"}", ERR_JSON_TYPE},
        {"{\"kty\":\"RSA\",\"x5c\":[\"MIIB\"]}", ERR_SHORT},
        {"{\"kty\":\"RSA\",\"x5c\":[\"-_\"]}", ERR_ENCODING},
        {"{\"kty\":\"RSA\",\"x5c\":[7]}", ERR_JSON_TYPE},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jwk jwk = {0};
        err_t got = jwk_read(arena, parse(arena, cases[i].json), NULL, &jwk);

        if (got != cases[i].want) {
            fail_msg("%.60s...: got %s, wanted %s", cases[i].json, err_name(got),
                     err_name(cases[i].want));
        }
        assert_null(jwk.key);
    }
    arena_free(arena);
}

static void reads_the_keys_of_the_rfc(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(jwk_done) struct jwk rsa = {0};
    CLEANUP(jwk_done) struct jwk ec = {0};
    const char *thumbprint = NULL;

    (void)state;
    assert_ok(jwk_read(arena,
                       parse(arena, "{\"kty\":\"RSA\",\"n\":\"" RFC_N
                                    "\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}"),
                       NULL, &rsa));
    assert_string_equal(rsa.kid, "2011-04-29");
    assert_int_equal(rsa.alg, TOKEN_RS256);
    assert_int_equal(pubkey_bits(rsa.key), 2048);
    assert_ok(token_thumbprint(arena, rsa.key, &thumbprint));
    assert_string_equal(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_ok(jwk_read(arena,
                       parse(arena, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X
                                    "\",\"y\":\"" RFC_Y "\",\"use\":\"sig\",\"more\":{}}"),
                       NULL, &ec));
    assert_int_equal(ec.alg, TOKEN_ES256);
    assert_string_equal(ec.kid, "");
    arena_free(arena);
}

/* J-1: a key may be pinned to another algorithm that it can make. */
static void pins_the_algorithm_that_a_key_names(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(jwk_done) struct jwk jwk = {0};

    (void)state;
    assert_ok(jwk_read(
        arena,
        parse(arena, "{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\",\"alg\":\"PS256\"}"),
        NULL, &jwk));
    assert_int_equal(jwk.alg, TOKEN_PS256);
    arena_free(arena);
}

static struct token_key *make_token_key(enum signkey_kind kind, bool is_chained)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(signkey_free) struct signkey *ca_key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct cert_request request = {
        .profile = CERT_CA, .common_name = "CA", .not_before = 1700000000, .not_after = 1900000000};
    struct token_key *made = NULL;

    assert_ok(signkey_generate(kind, &key));
    if (is_chained) {
        assert_ok(signkey_generate(SIGNKEY_P256, &ca_key));
        assert_ok(cert_issue(&request, signkey_public(ca_key), NULL, ca_key, &ca));
    }
    request.profile = CERT_TOKEN;
    request.common_name = "https://localhost:8443";
    assert_ok(cert_issue(&request, signkey_public(key), ca, is_chained ? ca_key : key, &cert));
    {
        struct cert *chain[] = {cert, ca};

        assert_err(token_key_new(key, chain, 0, &made), ERR_VALUE);
        assert_ok(token_key_new(key, chain, is_chained ? 2 : 1, &made));
    }
    return made;
}

static void refuses_a_certificate_of_another_key(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(token_key_free) struct token_key *key = make_token_key(SIGNKEY_P256, false);
    CLEANUP(signkey_free) struct signkey *other = NULL;
    struct token_key *made = NULL;
    size_t n = 0;
    struct cert *const *chain = token_key_chain(key, &n);

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &other));
    assert_err(token_key_new(other, chain, n, &made), ERR_MISMATCH);
    assert_null(made);
    arena_free(arena);
}

static void reads_the_set_it_writes(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_P256, SIGNKEY_P384};
    static const enum token_alg algs[] = {TOKEN_RS256, TOKEN_ES256, TOKEN_ES384};
    struct arena *arena = test_arena();
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    CLEANUP(token_keys_free) struct token_keys *again = NULL;
    struct span json = {0};
    struct span second = {0};
    size_t left_out = 99;

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(kinds); i++) {
        CLEANUP(token_key_free) struct token_key *key = make_token_key(kinds[i / 2], i % 2 == 1);

        assert_int_equal(token_key_alg(key), algs[i / 2]);
        assert_ok(token_keys_add_own(keys, key));
        /* J-10 */
        assert_err(token_keys_add_own(keys, key), ERR_CONFLICT);
    }
    assert_ok(jwks_write(arena, keys, &json));
    assert_true(span_starts(json, "{\"keys\":[{\"x5c\":[\"MII"));
    assert_ok(jwks_read(arena, json, NULL, &again, &left_out));
    assert_int_equal(left_out, 0);
    assert_int_equal(token_keys_count(again), 6);
    for (size_t i = 0; i < 6; i++) {
        const struct jwk *jwk = token_keys_at(again, i);
        const struct jwk *found = token_keys_find(keys, span_str(jwk->kid));

        assert_non_null(found);
        assert_true(pubkey_equal(found->key, jwk->key));
        assert_int_equal(found->alg, jwk->alg);
        assert_int_equal(jwk->n_chain, 1 + i % 2);
    }
    assert_ok(jwks_write(arena, again, &second));
    assert_true(span_equal(json, second));
    arena_free(arena);
}

/* One odd key must not take all others away; two of one name must. */
static void leaves_out_what_it_cannot_use(void **state)
{
    static const char good[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X "\",\"y\":\"" RFC_Y "\",\"kid\":\"a\"}";
    struct arena *arena = test_arena();
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct token_keys *none = NULL;
    size_t left_out = 0;
    const char *json = arena_printf(
        arena, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"x\"},7,{\"kty\":\"OKP\"},%s]}",
        good);

    (void)state;
    assert_ok(jwks_read(arena, span_str(json), NULL, &keys, &left_out));
    assert_int_equal(left_out, 3);
    assert_int_equal(token_keys_count(keys), 1);
    json = arena_printf(arena, "{\"keys\":[%s,%s]}", good, good);
    assert_err(jwks_read(arena, span_str(json), NULL, &none, &left_out), ERR_CONFLICT);
    assert_err(jwks_read(arena, span_str("{}"), NULL, &none, &left_out), ERR_JSON_MISSING);
    assert_err(jwks_read(arena, span_str("{\"keys\":1}"), NULL, &none, &left_out), ERR_JSON_TYPE);
    assert_err(jwks_read(arena, span_str("{\"keys\":[],\"keys\":[]}"), NULL, &none, &left_out),
               ERR_JSON_DUPLICATE);
    assert_null(none);
    arena_free(arena);
}

/* J-3 */
static void finds_keys_by_their_whole_name_alone(void **state)
{
    static const char *const strangers[] = {"",       "a",     "../a",   "key",
                                            "key-12", "KEY-1", "key-1 ", "key-1' OR '1'='1"};
    struct arena *arena = test_arena();
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    CLEANUP(jwk_done) struct jwk jwk = {0};
    size_t huge = 1024u * 1024;
    char *long_name = arena_calloc(arena, 1, huge);

    (void)state;
    assert_ok(jwk_read(arena,
                       parse(arena, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X
                                    "\",\"y\":\"" RFC_Y "\",\"kid\":\"key-1\"}"),
                       NULL, &jwk));
    assert_ok(token_keys_add(keys, &jwk));
    assert_null(jwk.key); /* taken over */
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        assert_null(token_keys_find(keys, span_str(strangers[i])));
    }
    memset(long_name, 'k', huge);
    assert_null(token_keys_find(keys, span_of(long_name, huge)));
    assert_null(token_keys_find(keys, span_of("key-1\0", 6)));
    assert_non_null(token_keys_find(keys, span_str("key-1")));
    arena_free(arena);
}

/* Attestation API, signing keys: both rules, recomputed from a captured response. */
static void recomputes_the_key_ids_of_a_real_service(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct span json = test_public_file(arena, "attestation/maa-certs-response-2020.json");
    yyjson_val *root = NULL;
    yyjson_val *list = NULL;
    yyjson_val *item;
    size_t index;
    size_t max;
    size_t self_issued = 0;

    (void)state;
    assert_ok(json_read(arena, json, NULL, NULL, &root));
    assert_ok(json_need_array(root, "keys", NULL, &list));
    yyjson_arr_foreach(list, index, max, item)
    {
        CLEANUP(cert_free) struct cert *cert = NULL;
        struct span der = {0};
        const char *kid = NULL;

        assert_ok(base64_decode(arena, BASE64_STANDARD,
                                json_span(yyjson_arr_get_first(json_get(item, "x5c"))), &der));
        assert_ok(cert_new_der(der, NULL, &cert));
        assert_ok(token_kid(arena, cert, &kid));
        assert_string_equal(kid, json_text(json_get(item, "kid")));
        self_issued += cert_is_self_issued(cert);
    }
    assert_int_equal(max, 5);
    assert_int_equal(self_issued, 1);
    arena_free(arena);
}

static void reads_the_key_set_of_a_real_service(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct span json = test_public_file(arena, "attestation/maa-certs-response-2020.json");
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    size_t left_out = 0;

    (void)state;
    assert_ok(jwks_read(arena, json, NULL, &keys, &left_out));
    assert_int_equal(token_keys_count(keys), 4);
    assert_int_equal(left_out, 1); /* RSA of 1024 bits */
    assert_non_null(token_keys_find(keys, span_str("ZQzLfoNwhBNCu9r8Fucjn6H4Cdw")));
    assert_int_equal(token_keys_at(keys, 0)->n_chain, 3);
    arena_free(arena);
}

/* The rule again, with OpenSSL writing the PEM. */
static void the_key_id_is_over_openssls_pem_and_a_nul(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(token_key_free) struct token_key *key = make_token_key(SIGNKEY_RSA2048, false);
    size_t n = 0;
    struct cert *const *chain = token_key_chain(key, &n);
    const unsigned char *at = cert_der(chain[0]).data;
    X509 *x = d2i_X509(NULL, &at, (long)cert_der(chain[0]).len);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    uint8_t digest[SHA256_BYTES];
    long len;

    (void)state;
    assert_int_equal(PEM_write_bio_PUBKEY(bio, X509_get0_pubkey(x)), 1);
    assert_int_equal(BIO_write(bio, "", 1), 1);
    len = BIO_get_mem_data(bio, &text);
    assert_ok(hash_once(HASH_SHA256, span_of(text, (size_t)len), digest));
    assert_string_equal(token_key_kid(key),
                        base64_dup(arena, BASE64_STANDARD, span_of(digest, sizeof(digest))));
    BIO_free(bio);
    X509_free(x);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_keys_that_are_none),
        cmocka_unit_test(reads_the_keys_of_the_rfc),
        cmocka_unit_test(pins_the_algorithm_that_a_key_names),
        cmocka_unit_test(refuses_a_certificate_of_another_key),
        cmocka_unit_test(reads_the_set_it_writes),
        cmocka_unit_test(leaves_out_what_it_cannot_use),
        cmocka_unit_test(finds_keys_by_their_whole_name_alone),
        cmocka_unit_test(recomputes_the_key_ids_of_a_real_service),
        cmocka_unit_test(reads_the_key_set_of_a_real_service),
        cmocka_unit_test(the_key_id_is_over_openssls_pem_and_a_nul),
    };

    return RUN_TESTS(tests);
}
