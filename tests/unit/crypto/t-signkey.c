#include "crypto/signkey.h"

#include "support/support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

static void refuses_what_is_no_private_key(void **state)
{
    struct arena *arena = test_arena();
    struct signkey *key = NULL;

    (void)state;
    assert_err(signkey_new_pem((struct span){0}, &key), ERR_MALFORMED);
    assert_err(signkey_new_pem(span_str("-----BEGIN PRIVATE KEY-----\nMAA=\n"
                                        "-----END PRIVATE KEY-----\n"),
                               &key),
               ERR_MALFORMED);
    assert_err(signkey_new_pem(test_vector(arena, "boots/a-secureboot-healthy/ak_rsa.pem"), &key),
               ERR_MALFORMED);
    assert_null(key);
    arena_free(arena);
}

static struct span pem_of(struct arena *arena, EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    struct span copy;
    long len;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &text);
    copy = arena_dup(arena, span_of(text, (size_t)len));
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return copy;
}

static void refuses_weak_and_foreign_kinds(void **state)
{
    struct arena *arena = test_arena();
    struct signkey *key = NULL;

    (void)state;
    assert_err(
        signkey_new_pem(pem_of(arena, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024)), &key),
        ERR_VALUE);
    assert_err(signkey_new_pem(pem_of(arena, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), &key),
               ERR_VALUE);
    assert_err(signkey_new_pem(pem_of(arena, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224")), &key),
               ERR_VALUE);
    assert_null(key);
    arena_free(arena);
}

static void reads_the_pem_it_writes(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_P256, SIGNKEY_P384};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(signkey_free) struct signkey *key = NULL;
        CLEANUP(signkey_free) struct signkey *again = NULL;
        enum sig_scheme scheme = i == 0 ? SIG_RSAPSS : SIG_ECDSA;
        struct span pem = {0};
        struct span sig = {0};

        assert_ok(signkey_generate(kinds[i], &key));
        assert_ok(signkey_pem(key, arena, &pem));
        assert_true(span_starts(pem, "-----BEGIN PRIVATE KEY-----\n"));
        assert_ok(signkey_new_pem(pem, &again));
        assert_true(pubkey_equal(signkey_public(key), signkey_public(again)));
        assert_ok(signkey_sign(again, arena, scheme, HASH_SHA256, span_str("m"), &sig));
        assert_ok(pubkey_verify(signkey_public(key), scheme, HASH_SHA256, span_str("m"), sig));
        assert_err(signkey_sign(again, arena, i == 0 ? SIG_ECDSA : SIG_RSASSA, HASH_SHA256,
                                span_str("m"), &sig),
                   ERR_VALUE);
    }
    arena_free(arena);
}

/* A public half of another key, as a damaged or mixed up file would have. */
static void refuses_halves_that_do_not_fit(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct signkey *again = NULL;
    struct span pem = {0};
    EVP_PKEY *pkey;
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIO *bio;
    uint8_t point[65];
    size_t len = 0;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(signkey_pem(key, arena, &pem));
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_int_equal(EVP_PKEY_get_octet_string_param(other, "pub", point, sizeof(point), &len), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(pkey, point, len), 1);
    EVP_PKEY_free(other);
    assert_true(signkey_new_pem(pem_of(arena, pkey), &again) != ERR_OK);
    assert_null(again);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_private_key),
        cmocka_unit_test(refuses_weak_and_foreign_kinds),
        cmocka_unit_test(reads_the_pem_it_writes),
        cmocka_unit_test(refuses_halves_that_do_not_fit),
    };

    return RUN_TESTS(tests);
}
