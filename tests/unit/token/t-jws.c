#include "base/codec.h"
#include "support/support.h"
#include "token/token.h"

static struct span jws_of(struct arena *arena, const char *header, const char *payload,
                          const char *signature)
{
    char *text = arena_printf(arena, "%s.%s.%s", base64_dup(arena, BASE64_URL, span_str(header)),
                              base64_dup(arena, BASE64_URL, span_str(payload)),
                              base64_dup(arena, BASE64_URL, span_str(signature)));

    assert_non_null(text);
    return span_str(text);
}

/* RFC 7515, appendices A.2 (RS256) and A.3 (ES256). */
static const char rfc_payload[] = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                  "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
static const char rfc_es256_key[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
static const char rfc_es256_sig[] =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
    "pmWQxfKTUJqPP3-Kg6NU1Q";

static void read_key(struct arena *arena, const char *json, struct jwk *ret)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, span_str(json), NULL, NULL, &root));
    assert_ok(jwk_read(arena, root, NULL, ret));
}

static void verifies_the_example_of_the_rfc(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(jwk_done) struct jwk key = {0};
    struct jws jws;
    char *text = arena_printf(arena, "eyJhbGciOiJFUzI1NiJ9.%s.%s", rfc_payload, rfc_es256_sig);

    (void)state;
    read_key(arena, rfc_es256_key, &key);
    assert_ok(jws_read(arena, span_str(text), 0, NULL, &jws));
    assert_ok(jws_check(&jws, key.key, TOKEN_ES256, NULL));
    assert_err(jws_check(&jws, key.key, TOKEN_ES384, NULL), ERR_SIGNATURE);
    assert_err(jws_check(&jws, key.key, TOKEN_RS256, NULL), ERR_SIGNATURE);
    assert_false(jws_is_unsecured(&jws));
    for (size_t at = 0; at < strlen(text); at++) {
        struct jws other;
        char was = text[at];

        text[at] = was == 'A' ? 'B' : 'A';
        if (jws_read(arena, span_str(text), 0, NULL, &other) == ERR_OK) {
            assert_err(jws_check(&other, key.key, TOKEN_ES256, NULL), ERR_SIGNATURE);
        }
        text[at] = was;
    }
    arena_free(arena);
}

/* J-5, J-8 */
static void refuses_headers_that_change_the_meaning(void **state)
{
    static const struct {
        const char *header;
        err_t want;
    } cases[] = {
        {"{\"alg\":\"RS256\"}", ERR_OK},
        {"{\"alg\":\"RS256\",\"unknown\":1}", ERR_OK},
        {"{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RS256\",\"crit\":[]}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RS256\",\"crit\":null}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RS256\",\"b64\":false,\"crit\":[\"b64\"]}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RS256\",\"b64\":false}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RS256\",\"b64\":\"true\"}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RS256\",\"b64\":true}", ERR_OK},
        {"{\"alg\":\"RS256\",\"zip\":\"DEF\"}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RSA-OAEP\",\"enc\":\"A256GCM\"}", ERR_UNSUPPORTED},
        {"{\"alg\":\"RS256\",\"alg\":\"none\"}", ERR_JSON_DUPLICATE},
        {"{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", ERR_JSON_DUPLICATE},
        {"[]", ERR_JSON_TYPE},
        {"\"alg\"", ERR_JSON_TYPE},
        {"", ERR_JSON_SYNTAX},
        {"{\"alg\":\"RS256\"} ", ERR_OK},
        {"{\"alg\":\"RS256\"}x", ERR_JSON_SYNTAX},
        {"{\"a\":[[[[[[[[[1]]]]]]]]]}", ERR_TOO_DEEP},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jws jws;
        err_t got = jws_read(arena, jws_of(arena, cases[i].header, "{}", "sig"), 0, NULL, &jws);

        if (got != cases[i].want) {
            fail_msg("%s: got %s, wanted %s", cases[i].header, err_name(got),
                     err_name(cases[i].want));
        }
    }
    arena_free(arena);
}

/* J-5: one alphabet, no padding, nothing around; J-8: five parts are a JWE. */
static void refuses_other_forms(void **state)
{
    static const struct {
        const char *text;
        err_t want;
    } cases[] = {
        {"", ERR_MALFORMED},
        {".", ERR_MALFORMED},
        {"..", ERR_JSON_SYNTAX},
        {"eyJhbGciOiJub25lIn0", ERR_MALFORMED},
        {"eyJhbGciOiJub25lIn0.e30", ERR_MALFORMED},
        {"eyJhbGciOiJub25lIn0.e30.", ERR_OK},
        {"eyJhbGciOiJub25lIn0..", ERR_OK},
        {"eyJhbGciOiJub25lIn0=.e30.", ERR_ENCODING},
        {"eyJhbGciOiJub25lIn0.e30=.", ERR_ENCODING},
        {"eyJhbGciOiJub25lIn0.e3+_.", ERR_ENCODING},
        {"eyJhbGciOiJub25lIn0.e3/_.", ERR_ENCODING},
        {"eyJhbGciOiJub25lIn0.e31.", ERR_ENCODING}, /* leftover bits */
        {"eyJhbGciOiJub25lIn0.e30.A", ERR_ENCODING},
        {" eyJhbGciOiJub25lIn0.e30.", ERR_ENCODING},
        {"eyJhbGciOiJub25lIn0.e30.\n", ERR_ENCODING},
        {"eyJhbGciOiJub25lIn0.e30..", ERR_MALFORMED},
        {"eyJhbGciOiJub25lIn0.a.b.c.d", ERR_MALFORMED},
        {"{\"payload\":\"\",\"signatures\":[]}", ERR_MALFORMED},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jws jws;
        err_t got = jws_read(arena, span_str(cases[i].text), 0, NULL, &jws);

        if (got != cases[i].want) {
            fail_msg("'%s': got %s, wanted %s", cases[i].text, err_name(got),
                     err_name(cases[i].want));
        }
    }
    arena_free(arena);
}

static void refuses_what_is_too_large(void **state)
{
    struct arena *arena = test_arena();
    char *big = arena_alloc(arena, TOKEN_MAX_BYTES + 2);
    struct jws jws;

    (void)state;
    memset(big, 'A', TOKEN_MAX_BYTES + 1);
    big[TOKEN_MAX_BYTES + 1] = '\0';
    assert_err(jws_read(arena, span_of(big, TOKEN_MAX_BYTES + 1), 0, NULL, &jws), ERR_TOO_LARGE);
    assert_err(jws_read(arena, span_str("eyJhbGciOiJub25lIn0.e30."), 10, NULL, &jws),
               ERR_TOO_LARGE);
    big[TOKEN_MAX_BYTES - 10] = '.';
    big[TOKEN_MAX_BYTES - 5] = '.';
    assert_err(jws_read(arena, span_of(big, TOKEN_MAX_BYTES), 0, NULL, &jws), ERR_TOO_LARGE);
    arena_free(arena);
}

/* J-1: all spellings of "none", and no algorithm at all. */
static void no_algorithm_verifies_under_a_key(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",   "{\"alg\":\"None\"}",   "{\"alg\":\"nOnE\"}",
        "{\"alg\":\"\"}",       "{\"alg\":null}",       "{\"alg\":[]}",
        "{\"typ\":\"JWT\"}",    "{\"alg\":\"HS256\"}",  "{\"alg\":\"es256\"}",
        "{\"alg\":\"ES256 \"}", "{\"alg\":\"ES256K\"}", "{\"alg\":\"EdDSA\"}"};
    struct arena *arena = test_arena();
    CLEANUP(jwk_done) struct jwk key = {0};

    (void)state;
    read_key(arena, rfc_es256_key, &key);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct jws jws;
        struct trail trail = {0};

        assert_ok(jws_read(arena, jws_of(arena, headers[i], "{}", ""), 0, NULL, &jws));
        assert_err(jws_check(&jws, key.key, TOKEN_ES256, &trail), ERR_SIGNATURE);
        assert_int_equal(jws_is_unsecured(&jws), i == 0);
        jws.signature = span_str("x");
        assert_false(jws_is_unsecured(&jws));
    }
    arena_free(arena);
}

/* Attestation API 6.1: the unsecured forms of a policy, to the byte. */
static void writes_unsecured_policies_as_clients_do(void **state)
{
    struct arena *arena = test_arena();
    struct span text = {0};
    struct jws jws;

    (void)state;
    assert_ok(jws_unsecured(arena, (struct span){0}, &text));
    assert_true(span_is(text, "eyJhbGciOiJub25lIn0.."));
    assert_int_equal(text.len, 21);
    assert_ok(jws_unsecured(arena, span_str("{\"AttestationPolicy\":\"\"}"), &text));
    assert_ok(jws_read(arena, text, 0, NULL, &jws));
    assert_true(jws_is_unsecured(&jws));
    assert_true(span_is(jws.payload, "{\"AttestationPolicy\":\"\"}"));
    arena_free(arena);
}

/* J-4: the chain of a header is handed out to be compared, never used. */
static void hands_out_the_chain_of_a_header(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(token_key_free) struct token_key *signer = NULL;
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = "signer",
                                         .not_before = 1700000000,
                                         .not_after = 1900000000};
    const struct token_header header = {.cert = TOKEN_X5C};
    struct cert *chain[TOKEN_MAX_CHAIN] = {NULL};
    struct span text = {0};
    struct jws jws;
    size_t n = 0;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(token_key_new(key, &cert, 1, &signer));
    assert_ok(token_sign_with(signer, arena, &header, span_str("{}"), &text));
    assert_ok(jws_read(arena, text, 0, NULL, &jws));
    assert_ok(jws_chain(arena, &jws, NULL, chain, &n));
    assert_int_equal(n, 1);
    assert_true(span_equal(cert_der(chain[0]), cert_der(cert)));
    assert_ok(jws_check(&jws, cert_key(chain[0]), TOKEN_RS256, NULL));
    cert_free(chain[0]);
    assert_ok(token_sign(signer, arena, NULL, span_str("{}"), &text));
    assert_ok(jws_read(arena, text, 0, NULL, &jws));
    assert_err(jws_chain(arena, &jws, NULL, chain, &n), ERR_NOT_FOUND);
    arena_free(arena);
}

static void splits_real_tokens(void **state)
{
    test_needs_public_data();

    static const char *const files[] = {"attestation/azureguest-cvm-windows-2023.jwt",
                                        "attestation/azureguest-trustedlaunch-windows-2022.jwt",
                                        "attestation/sevsnpvm-token-2025.jwt"};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct span text = test_public_file(arena, files[i]);
        yyjson_val *payload = NULL;
        struct jws jws;

        while (text.len > 0 && text.data[text.len - 1] == '\n') {
            text.len--;
        }
        assert_ok(jws_read(arena, text, 0, NULL, &jws));
        assert_string_equal(json_text(json_get(jws.header, "alg")), "RS256");
        assert_string_equal(json_text(json_get(jws.header, "typ")), "JWT");
        assert_int_equal(jws.signature.len, 256);
        assert_ok(json_read(arena, jws.payload, NULL, NULL, &payload));
        assert_non_null(json_get(payload, "iss"));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_the_example_of_the_rfc),
        cmocka_unit_test(refuses_headers_that_change_the_meaning),
        cmocka_unit_test(refuses_other_forms),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(no_algorithm_verifies_under_a_key),
        cmocka_unit_test(writes_unsecured_policies_as_clients_do),
        cmocka_unit_test(hands_out_the_chain_of_a_header),
        cmocka_unit_test(splits_real_tokens),
    };

    return RUN_TESTS(tests);
}
