/*
 * Signatures of packages, held against RFC 8032 and OpenSSL's forms of keys.
 */
#include "support/support.h"

#include "crypto/ed25519.h"
#include "crypto/signkey.h"

#include <stdio.h>
#include <string.h>

/* RFC 8032, 7.1, TEST 2: the key in PKCS#8, and its public half. */
static const char private_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";
static const uint8_t public_key[] = {
    0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
    0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
static const uint8_t rfc_signature[] = {
    0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
    0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
    0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
    0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

static const char one[] = "-----BEGIN PUBLIC KEY-----\n"
                          "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                          "-----END PUBLIC KEY-----\n";
static const char other[] = "-----BEGIN PUBLIC KEY-----\n"
                            "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                            "-----END PUBLIC KEY-----\n";

static void signs_as_the_rfc_does(void **state)
{
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    struct ed25519_keys key;

    (void)state;
    assert_ok(ed25519_sign(span_str(private_pem), span_of("\x72", 1), NULL, signature, &key));
    assert_memory_equal(signature, rfc_signature, sizeof(signature));
    assert_memory_equal(key.items[0], public_key, sizeof(public_key));
}

static void no_changed_bit_verifies(void **state)
{
    uint8_t signature[ED25519_SIGNATURE_BYTES], message = 0x72;
    struct ed25519_keys keys;

    (void)state;
    assert_ok(ed25519_keys_read(span_str(one), NULL, &keys));
    assert_ok(ed25519_verify(&keys, span_of(&message, 1), span_of(rfc_signature, 64)));
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
        memcpy(signature, rfc_signature, sizeof(signature));
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_err(ed25519_verify(&keys, span_of(&message, 1), span_of(signature, 64)),
                   ERR_SIGNATURE);
    }
    assert_err(ed25519_verify(&keys, span_of(&message, 1), span_of(rfc_signature, 63)),
               ERR_SIGNATURE);
    assert_err(ed25519_verify(&keys, span_of(&message, 0), span_of(rfc_signature, 64)),
               ERR_SIGNATURE);
}

static void one_of_several_keys_will_do(void **state)
{
    struct ed25519_keys keys;
    char both[sizeof(one) + sizeof(other)];

    (void)state;
    snprintf(both, sizeof(both), "%s%s", other, one);
    assert_ok(ed25519_keys_read(span_str(both), NULL, &keys));
    assert_int_equal(keys.n, 2);
    assert_ok(ed25519_verify(&keys, span_of("\x72", 1), span_of(rfc_signature, 64)));
    assert_ok(ed25519_keys_read(span_str(other), NULL, &keys));
    assert_err(ed25519_verify(&keys, span_of("\x72", 1), span_of(rfc_signature, 64)),
               ERR_SIGNATURE);
}

static void refuses_keys_of_other_kinds_and_none(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *ec = NULL;
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    char many[(ED25519_KEYS_MAX + 1) * sizeof(one)] = "";
    struct ed25519_keys keys;
    struct span pem;

    (void)state;
    assert_err(ed25519_keys_read(span_str(""), NULL, &keys), ERR_NOT_FOUND);
    assert_err(ed25519_keys_read(span_str("no PEM"), NULL, &keys), ERR_NOT_FOUND);
    assert_err(ed25519_keys_read(span_str(private_pem), NULL, &keys), ERR_NOT_FOUND);
    assert_err(ed25519_keys_read(span_str("-----BEGIN PUBLIC KEY-----\n????\n"), NULL, &keys),
               ERR_MALFORMED);
    for (int i = 0; i <= ED25519_KEYS_MAX; i++) {
        size_t len = strlen(many);

        snprintf(many + len, sizeof(many) - len, "%s", one);
    }
    assert_err(ed25519_keys_read(span_str(many), NULL, &keys), ERR_TOO_MANY);
    assert_ok(signkey_generate(SIGNKEY_P256, &ec));
    assert_ok(signkey_pem(ec, arena, &pem));
    assert_err(ed25519_sign(pem, span_str("x"), NULL, signature, &keys), ERR_UNSUPPORTED);
    assert_err(ed25519_sign(span_str(one), span_str("x"), NULL, signature, &keys), ERR_NOT_FOUND);
}

static int start(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_rfc_does),
        cmocka_unit_test(no_changed_bit_verifies),
        cmocka_unit_test(one_of_several_keys_will_do),
        cmocka_unit_test(refuses_keys_of_other_kinds_and_none),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
