/*
 * The sealed reply: readable with the private key alone, and only as it was sent.
 */
#include "support/support.h"

#include "base/codec.h"
#include "crypto/signkey.h"
#include "evidence/azureguest.h"

#include <stdlib.h>

static const char jwt[] = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";

static struct span opened(struct arena *arena, const struct signkey *key, struct span body,
                          err_t want)
{
    struct azureguest_sealed sealed;
    struct span inner_key = {0};
    struct span plain = {0};

    assert_ok(azureguest_parse_reply(arena, body, NULL, &sealed));
    if (signkey_decrypt_pkcs1(key, arena, sealed.wrapped_key, &inner_key) != ERR_OK) {
        assert_int_not_equal(want, ERR_OK);
        return plain;
    }
    assert_err(azureguest_open_reply(arena, &sealed, inner_key, &plain), want);
    return plain;
}

static void another_key_does_not_open_it(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(signkey_free) struct signkey *other = NULL;
    struct span body;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &other));
    assert_ok(azureguest_seal_reply(arena, span_str(jwt), signkey_public(key), &body));
    assert_null(opened(arena, other, body, ERR_SIGNATURE).data);
    assert_true(span_is(opened(arena, key, body, ERR_OK), jwt));
    arena_free(arena);
}

static void an_altered_reply_does_not_open(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct azureguest_sealed sealed;
    struct span inner_key;
    struct span body;
    struct span plain = {0};

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(azureguest_seal_reply(arena, span_str(jwt), signkey_public(key), &body));
    assert_ok(azureguest_parse_reply(arena, body, NULL, &sealed));
    assert_ok(signkey_decrypt_pkcs1(key, arena, sealed.wrapped_key, &inner_key));
    for (size_t i = 0; i < sealed.jwt_cipher.len; i++) {
        struct azureguest_sealed altered = sealed;
        struct span copy = arena_dup(arena, sealed.jwt_cipher);
        uint8_t *bytes = malloc(copy.len);

        memcpy(bytes, copy.data, copy.len);
        bytes[i] ^= 1;
        altered.jwt_cipher = span_of(bytes, copy.len);
        assert_err(azureguest_open_reply(arena, &altered, inner_key, &plain), ERR_SIGNATURE);
        free(bytes);
    }
    assert_null(plain.data);
    arena_free(arena);
}

/* azure-guest-protocol section 6: the reference client insists on this form. */
static void has_the_form_that_azure_clients_read(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct span body;
    struct span inner;
    yyjson_val *root;
    struct azureguest_sealed sealed;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(azureguest_seal_reply(arena, span_str(jwt), signkey_public(key), &body));
    assert_ok(json_read(arena, body, NULL, NULL, &root));
    assert_ok(json_need_base64(arena, root, "token", BASE64_URL, NULL, &inner));
    assert_true(span_starts(inner, "{\"Jwt\":\""));
    assert_non_null(
        strstr((const char *)arena_dup(arena, inner).data,
               "\"EncryptionParams\":{\"BlockMode\":\"ChainingModeGCM\",\"BlockPadding\":\"PKCS7\","
               "\"Cipher\":\"AES\",\"KeySizeInBits\":256,\"Iv\":\""));
    assert_ok(azureguest_parse_reply(arena, body, NULL, &sealed));
    assert_int_equal(sealed.jwt_cipher.len, strlen(jwt));
    assert_int_equal(sealed.wrapped_key.len, 256);
    arena_free(arena);
}

static void refuses_replies_of_another_form(void **state)
{
    static const char *const inner[] = {
        "",
        "{}",
        "{\"Jwt\":\"AA==\",\"EncryptedInnerKey\":\"AA==\",\"EncryptionParams\":{},"
        "\"AuthenticationData\":\"AA==\"}",
        "{\"Jwt\":\"AA==\",\"EncryptedInnerKey\":\"AA==\",\"EncryptionParams\":{\"BlockMode\":"
        "\"ChainingModeCBC\",\"BlockPadding\":\"PKCS7\",\"Cipher\":\"AES\",\"Iv\":"
        "\"AAAAAAAAAAAAAAAA\"},\"AuthenticationData\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}",
        "{\"Jwt\":\"AA==\",\"EncryptedInnerKey\":\"AA==\",\"EncryptionParams\":{\"BlockMode\":"
        "\"ChainingModeGCM\",\"BlockPadding\":\"PKCS7\",\"Cipher\":\"AES\",\"Iv\":\"AAAA\"},"
        "\"AuthenticationData\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}",
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(inner); i++) {
        struct azureguest_sealed sealed;
        const char *body = arena_printf(arena, "{\"token\":\"%s\"}",
                                        base64_dup(arena, BASE64_URL, span_str(inner[i])));

        assert_true(azureguest_parse_reply(arena, span_str(body), NULL, &sealed) != ERR_OK);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_key_does_not_open_it),
        cmocka_unit_test(an_altered_reply_does_not_open),
        cmocka_unit_test(has_the_form_that_azure_clients_read),
        cmocka_unit_test(refuses_replies_of_another_form),
    };

    return RUN_TESTS(tests);
}
