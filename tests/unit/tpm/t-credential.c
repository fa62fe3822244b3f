/*
 * MakeCredential against an activation written out here with OpenSSL alone; a real TPM activates
 * in tests/functional/credential.sh.
 */
#include "crypto/seal.h"
#include "unit/tpm/helper.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { EK_ATTRIBUTES = TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_RESTRICTED | TPM_DECRYPT };

/* An endorsement key in software: both halves. */
struct soft_ek {
    EVP_PKEY *pkey;
    struct pubkey *key;
    struct tpm_public pub;
};

static struct soft_ek make_ek(bool is_rsa, const char *size, uint16_t name_alg, uint16_t aes_bits)
{
    struct soft_ek ek = {.pkey = is_rsa
                                     ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", strtoul(size, NULL, 10))
                                     : EVP_PKEY_Q_keygen(NULL, NULL, "EC", size)};
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(ek.pkey, &der);

    assert_true(len > 0);
    assert_ok(crypto_init());
    assert_ok(pubkey_new_spki(span_of(der, (size_t)len), &ek.key));
    OPENSSL_free(der);
    ek.pub = (struct tpm_public){
        .type = is_rsa ? TPM_RSA : TPM_ECC,
        .name_alg = name_alg,
        .name_hash = hash_by_tpm_id(name_alg),
        .attributes = EK_ATTRIBUTES,
        .symmetric = TPM_AES,
        .symmetric_bits = aes_bits,
        .symmetric_mode = TPM_CFB,
        .scheme = TPM_NULL,
        .scheme_hash = HASH_NONE,
    };
    return ek;
}

static void soft_ek_done(struct soft_ek *ek)
{
    EVP_PKEY_free(ek->pkey);
    pubkey_free(ek->key);
}
DEFINE_CLEANUP_DONE(struct soft_ek, soft_ek_done)

static const EVP_MD *md_of(enum hash_alg alg)
{
    return alg == HASH_SHA384 ? EVP_sha384() : alg == HASH_SHA512 ? EVP_sha512() : EVP_sha256();
}

static void open_rsa_seed(const struct soft_ek *ek, struct span cipher, uint8_t *seed)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek->pkey, NULL);
    size_t len = 1024;
    uint8_t plain[1024];
    void *label = OPENSSL_memdup("IDENTITY", 9);

    assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md_of(ek->pub.name_hash)), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md_of(ek->pub.name_hash)), 1);
    assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, 9), 1);
    assert_int_equal(EVP_PKEY_decrypt(ctx, plain, &len, cipher.data, cipher.len), 1);
    assert_int_equal(len, hash_size(ek->pub.name_hash));
    memcpy(seed, plain, len);
    EVP_PKEY_CTX_free(ctx);
}

static void open_ecc_seed(struct arena *arena, const struct soft_ek *ek, struct span bytes,
                          uint8_t *seed)
{
    struct reader r = reader_on(bytes);
    EVP_PKEY *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek->pkey, NULL);
    uint8_t point[1 + 2 * EC_MAX_BYTES] = {4};
    uint8_t z[EC_MAX_BYTES];
    size_t z_len = sizeof(z);
    struct span x = {0};
    struct span y = {0};
    struct span ek_x = {0};
    struct span ek_y = {0};

    assert_ok(reader_tpm2b(&r, EC_MAX_BYTES, &x));
    assert_ok(reader_tpm2b(&r, EC_MAX_BYTES, &y));
    assert_ok(reader_end(&r));
    memcpy(point + 1, x.data, x.len);
    memcpy(point + 1 + x.len, y.data, y.len);
    assert_int_equal(EVP_PKEY_copy_parameters(peer, ek->pkey), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, point, 1 + x.len + y.len), 1);
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
    assert_int_equal(EVP_PKEY_derive(ctx, z, &z_len), 1);
    assert_ok(pubkey_numbers(ek->key, arena, &ek_x, &ek_y));
    assert_ok(kdfe(ek->pub.name_hash, span_of(z, z_len), "IDENTITY", x, ek_x,
                   (unsigned)hash_size(ek->pub.name_hash) * 8, seed));
    EVP_PKEY_free(peer);
    EVP_PKEY_CTX_free(ctx);
}

/* TPM2_ActivateCredential (Part 3, 12.5). The integrity value decides. */
static bool activate(struct arena *arena, const struct soft_ek *ek, const struct tpm_name *name,
                     struct span blob, struct span encrypted, struct span *ret)
{
    struct reader r = reader_on(blob);
    struct reader in;
    struct span outer = {0};
    struct span mac = {0};
    struct span identity;
    struct span secret = {0};
    size_t size = hash_size(ek->pub.name_hash);
    uint8_t seed[HASH_MAX_BYTES];
    uint8_t key[HASH_MAX_BYTES];
    uint8_t want[HASH_MAX_BYTES];
    uint8_t *plain;
    const uint8_t iv[16] = {0};
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;
    struct span joined;

    in = reader_on(encrypted);
    assert_ok(reader_tpm2b(&in, 1024, &outer));
    assert_ok(reader_end(&in));
    if (ek->pub.type == TPM_RSA) {
        open_rsa_seed(ek, outer, seed);
    } else {
        open_ecc_seed(arena, ek, outer, seed);
    }
    assert_ok(reader_tpm2b(&r, 1024, &outer));
    assert_ok(reader_end(&r));
    in = reader_on(outer);
    assert_ok(reader_tpm2b(&in, 64, &mac));
    assert_int_equal(mac.len, size);
    identity = span_cut(outer, in.offset, outer.len);
    joined = arena_dup(arena, span_of(outer.data, identity.len + name->len));
    memcpy((uint8_t *)(uintptr_t)joined.data, identity.data, identity.len);
    memcpy((uint8_t *)(uintptr_t)joined.data + identity.len, name->bytes, name->len);
    assert_ok(kdfa(ek->pub.name_hash, span_of(seed, size), "INTEGRITY", (struct span){0},
                   (struct span){0}, (unsigned)size * 8, key));
    assert_ok(hmac_once(ek->pub.name_hash, span_of(key, size), joined, want));
    if (!span_equal(mac, span_of(want, size))) {
        EVP_CIPHER_CTX_free(ctx);
        return false;
    }
    assert_ok(kdfa(ek->pub.name_hash, span_of(seed, size), "STORAGE", tpm_name_span(name),
                   (struct span){0}, ek->pub.symmetric_bits, key));
    plain = arena_alloc(arena, identity.len);
    assert_int_equal(EVP_DecryptInit_ex2(ctx,
                                         ek->pub.symmetric_bits == 128   ? EVP_aes_128_cfb()
                                         : ek->pub.symmetric_bits == 192 ? EVP_aes_192_cfb()
                                                                         : EVP_aes_256_cfb(),
                                         key, iv, NULL),
                     1);
    assert_int_equal(EVP_DecryptUpdate(ctx, plain, &len, identity.data, (int)identity.len), 1);
    EVP_CIPHER_CTX_free(ctx);
    in = reader_on(span_of(plain, identity.len));
    assert_ok(reader_tpm2b(&in, 64, &secret));
    assert_ok(reader_end(&in));
    *ret = secret;
    return true;
}

static struct tpm_name some_name(uint8_t fill)
{
    struct tpm_name name = {.bytes = {0x00, 0x0b}, .len = 34};

    memset(name.bytes + 2, fill, 32);
    return name;
}

/* AK-5: only the named object in the TPM of the EK gives the secret back. */
static void only_the_named_key_gets_the_secret(void **state)
{
    static const struct {
        bool is_rsa;
        const char *size;
        uint16_t name_alg, aes_bits;
    } cases[] = {
        {true, "2048", TPM_SHA256, 128},   {true, "3072", TPM_SHA384, 256},
        {true, "4096", TPM_SHA512, 256},   {false, "P-256", TPM_SHA256, 128},
        {false, "P-384", TPM_SHA384, 256}, {false, "P-256", TPM_SHA256, 192},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(soft_ek_done)
        struct soft_ek ek =
            make_ek(cases[i].is_rsa, cases[i].size, cases[i].name_alg, cases[i].aes_bits);
        struct tpm_name name = some_name(0x11);
        struct tpm_name other = some_name(0x12);
        size_t sizes[] = {1, 16, 32, hash_size(ek.pub.name_hash)};

        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            uint8_t secret[HASH_MAX_BYTES];
            struct span blob = {0};
            struct span encrypted = {0};
            struct span back = {0};
            uint8_t *byte;

            memset(secret, 0x5a, sizeof(secret));
            assert_ok(tpm_make_credential(arena, &ek.pub, ek.key, &name, span_of(secret, sizes[s]),
                                          &blob, &encrypted));
            assert_true(activate(arena, &ek, &name, blob, encrypted, &back));
            assert_true(span_equal(back, span_of(secret, sizes[s])));
            assert_false(activate(arena, &ek, &other, blob, encrypted, &back));
            byte = (uint8_t *)(uintptr_t)blob.data + blob.len - 1;
            *byte ^= 1;
            assert_false(activate(arena, &ek, &name, blob, encrypted, &back));
        }
    }
    arena_free(arena);
}

static void no_two_credentials_are_alike(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(soft_ek_done) struct soft_ek ek = make_ek(false, "P-256", TPM_SHA256, 128);
    struct tpm_name name = some_name(1);
    struct span blobs[2] = {{0}, {0}};
    struct span secrets[2] = {{0}, {0}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_ok(tpm_make_credential(arena, &ek.pub, ek.key, &name, span_str("secret"), &blobs[i],
                                      &secrets[i]));
    }
    assert_false(span_equal(blobs[0], blobs[1]));
    assert_false(span_equal(secrets[0], secrets[1]));
    arena_free(arena);
}

static void refuses_keys_that_are_no_storage_parents(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(soft_ek_done) struct soft_ek ek = make_ek(false, "P-256", TPM_SHA256, 128);
    struct tpm_name name = some_name(1);
    const struct tpm_public good = ek.pub;
    struct tpm_public bad[8];
    struct span blob = {0};
    struct span encrypted = {0};
    uint8_t secret[33] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bad[i] = good;
    }
    bad[0].attributes &= ~(uint32_t)TPM_RESTRICTED;
    bad[1].attributes &= ~(uint32_t)TPM_DECRYPT;
    bad[2].attributes |= TPM_SIGN;
    bad[3].symmetric = TPM_NULL;
    bad[4].symmetric = 0x0013; /* SM4 */
    bad[5].symmetric_mode = 0x0042;
    bad[6].symmetric_bits = 64;
    bad[7].type = TPM_RSA; /* not what the key is */
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_err(
            tpm_make_credential(arena, &bad[i], ek.key, &name, span_str("s"), &blob, &encrypted),
            ERR_VALUE);
    }
    assert_err(
        tpm_make_credential(arena, &good, ek.key, &name, span_of(secret, 33), &blob, &encrypted),
        ERR_VALUE);
    assert_err(
        tpm_make_credential(arena, &good, ek.key, &name, (struct span){0}, &blob, &encrypted),
        ERR_VALUE);
    assert_null(blob.data);
    arena_free(arena);
}

static void takes_the_recorded_endorsement_keys(void **state)
{
    static const char *const files[] = {"ek_rsa.pub", "ek_ecc.pub"};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(signer_done) struct signer ek = boot_signer(arena, healthy, files[i]);
        struct tpm_name name = some_name(1);
        struct span blob = {0};
        struct span encrypted = {0};

        assert_ok(tpm_make_credential(arena, &ek.pub, ek.key, &name, span_str("secret"), &blob,
                                      &encrypted));
        assert_int_equal(encrypted.len, i == 0 ? 2 + 256 : 2 + 2 * (2 + 48));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_named_key_gets_the_secret),
        cmocka_unit_test(no_two_credentials_are_alike),
        cmocka_unit_test(refuses_keys_that_are_no_storage_parents),
        cmocka_unit_test(takes_the_recorded_endorsement_keys),
    };

    return RUN_TESTS(tests);
}
