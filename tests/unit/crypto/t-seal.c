#include "crypto/seal.h"

#include "support/support.h"

/* NIST GCM specification, test cases 16 (AES-256), 10 (AES-192) and 4 (AES-128). */
static const struct {
    const char *key, *cipher, *tag;
} gcm_cases[] = {
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828"
     "838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c",
     "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3"
     "f4718e2448b2fe324d9ccda2710",
     "2519498e80f1478f37ba55bd6d27618c"},
    {"feffe9928665731c6d6a8f9467308308",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84a"
     "a051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
};
static const char gcm_iv[] = "cafebabefacedbaddecaf888";
static const char gcm_aad[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
static const char gcm_plain[] = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c"
                                "3c0c95956809532fcf0e2449a6b525"
                                "b16aedf5aa0de657ba637b39";

static void gcm_gives_the_published_ciphertexts(void **state)
{
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(gcm_cases); i++) {
        struct span key = test_hex(arena, gcm_cases[i].key);
        struct span iv = test_hex(arena, gcm_iv);
        struct span aad = test_hex(arena, gcm_aad);
        struct span plain = test_hex(arena, gcm_plain);
        struct span out = {0};
        struct span back = {0};
        uint8_t tag[GCM_TAG_BYTES];

        assert_ok(gcm_seal(arena, key, iv, aad, plain, &out, tag));
        assert_true(span_equal(out, test_hex(arena, gcm_cases[i].cipher)));
        assert_true(span_equal(span_of(tag, sizeof(tag)), test_hex(arena, gcm_cases[i].tag)));
        assert_ok(gcm_open(arena, key, iv, aad, out, span_of(tag, sizeof(tag)), &back));
        assert_true(span_equal(back, plain));
    }
    arena_free(arena);
}

static void gcm_opens_nothing_that_was_touched(void **state)
{
    struct arena *arena = test_arena();
    struct span key = test_hex(arena, gcm_cases[0].key);
    struct span iv = test_hex(arena, gcm_iv);
    struct span aad = test_hex(arena, gcm_aad);
    struct span cipher = test_hex(arena, gcm_cases[0].cipher);
    struct span tag = test_hex(arena, gcm_cases[0].tag);
    struct span out = {0};

    (void)state;
    for (size_t i = 0; i < cipher.len; i++) {
        uint8_t *byte = (uint8_t *)(uintptr_t)cipher.data + i;

        *byte ^= 1;
        assert_err(gcm_open(arena, key, iv, aad, cipher, tag, &out), ERR_SIGNATURE);
        *byte ^= 1;
    }
    for (size_t i = 0; i < tag.len; i++) {
        assert_err(gcm_open(arena, key, iv, aad, cipher, span_cut(tag, 0, i), &out), ERR_SIGNATURE);
    }
    assert_err(gcm_open(arena, key, iv, (struct span){0}, cipher, tag, &out), ERR_SIGNATURE);
    assert_err(gcm_open(arena, key, span_cut(iv, 0, 11), aad, cipher, tag, &out), ERR_VALUE);
    assert_err(gcm_open(arena, span_cut(key, 0, 31), iv, aad, cipher, tag, &out), ERR_VALUE);
    assert_null(out.data);
    arena_free(arena);
}

/* RFC 4231, test cases 2 and 6. */
static void hmac_gives_the_published_values(void **state)
{
    struct arena *arena = test_arena();
    uint8_t mac[HASH_MAX_BYTES];
    uint8_t long_key[131];

    (void)state;
    assert_ok(
        hmac_once(HASH_SHA256, span_str("Jefe"), span_str("what do ya want for nothing?"), mac));
    assert_true(span_equal(
        span_of(mac, 32),
        test_hex(arena, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
    memset(long_key, 0xaa, sizeof(long_key));
    assert_ok(hmac_once(HASH_SHA384, span_of(long_key, sizeof(long_key)),
                        span_str("Test Using Larger Than Block-Size Key - Hash Key First"), mac));
    assert_true(span_equal(
        span_of(mac, 48), test_hex(arena, "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05"
                                          "033ac4c60c2ef6ab4030fe8296248df163f44952")));
    /* An empty key is a key, not "the one of last time". */
    assert_ok(hmac_once(HASH_SHA256, (struct span){0}, span_str(""), mac));
    assert_true(span_equal(
        span_of(mac, 32),
        test_hex(arena, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")));
    arena_free(arena);
}

/* KDFa is NIST SP 800-108 in counter mode; the first block written out by hand. */
static void kdfa_is_counter_mode_over_hmac(void **state)
{
    static const char message[] = "\0\0\0\1LABEL\0uuvvv\0\0\1\x40"; /* counter, L, U, V, 320 bits */
    uint8_t out[40];
    uint8_t want[SHA256_BYTES];

    (void)state;
    assert_ok(
        kdfa(HASH_SHA256, span_str("key"), "LABEL", span_str("uu"), span_str("vvv"), 320, out));
    assert_ok(hmac_once(HASH_SHA256, span_str("key"), span_of(message, sizeof(message) - 1), want));
    assert_memory_equal(out, want, sizeof(want));
    assert_err(kdfa(HASH_SHA256, span_str("key"), "L", span_str(""), span_str(""), 12, out),
               ERR_VALUE);
    assert_err(kdfa(HASH_NONE, span_str("key"), "L", span_str(""), span_str(""), 128, out),
               ERR_VALUE);
}

static void kdfe_hashes_counter_secret_and_parties(void **state)
{
    static const char message[] = "\0\0\0\1ZZIDENTITY\0uuvvv";
    uint8_t out[SHA256_BYTES];
    uint8_t want[SHA256_BYTES];

    (void)state;
    assert_ok(
        kdfe(HASH_SHA256, span_str("ZZ"), "IDENTITY", span_str("uu"), span_str("vvv"), 256, out));
    assert_ok(hash_once(HASH_SHA256, span_of(message, sizeof(message) - 1), want));
    assert_memory_equal(out, want, sizeof(want));
}

/* NIST SP 800-38A F.3.13 has an IV; with a zero IV the first block is E(0) xor plain. */
static void cfb_works_in_place(void **state)
{
    struct arena *arena = test_arena();
    struct span key = test_hex(arena, "2b7e151628aed2a6abf7158809cf4f3c");
    uint8_t text[21];
    uint8_t zeros[21] = {0};
    uint8_t copy[21];

    (void)state;
    memset(text, 0, sizeof(text));
    assert_ok(aes_cfb_encrypt(key, span_of(zeros, sizeof(zeros)), copy));
    assert_ok(aes_cfb_encrypt(key, span_of(text, sizeof(text)), text));
    assert_memory_equal(text, copy, sizeof(text));
    /* AES-128 of the zero block under the key of FIPS-197 appendix A. */
    assert_true(span_equal(span_of(text, 16), test_hex(arena, "7df76b0c1ab899b33e42f047b91b546f")));
    assert_err(aes_cfb_encrypt(span_cut(key, 0, 15), span_of(text, 1), text), ERR_VALUE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcm_gives_the_published_ciphertexts),
        cmocka_unit_test(gcm_opens_nothing_that_was_touched),
        cmocka_unit_test(hmac_gives_the_published_values),
        cmocka_unit_test(kdfa_is_counter_mode_over_hmac),
        cmocka_unit_test(kdfe_hashes_counter_secret_and_parties),
        cmocka_unit_test(cfb_works_in_place),
    };

    return RUN_TESTS(tests);
}
