/*
 * helper.h - recorded evidence by case and name; attestations made to order, signed by a key of
 * the test.
 */
#ifndef TESTS_TPM_HELPER_H
#define TESTS_TPM_HELPER_H

#include "base/buf.h"
#include "crypto/signkey.h"
#include "support/support.h"
#include "tpm/tpm.h"

static const char healthy[] = "a-secureboot-healthy";

static inline struct span boot_file(struct arena *arena, const char *boot, const char *name)
{
    return test_vector(arena, arena_printf(arena, "boots/%s/%s", boot, name));
}

/* A public area and its key. */
struct signer {
    struct tpm_public pub;
    struct pubkey *key;
};
static inline struct signer boot_signer(struct arena *arena, const char *boot, const char *name)
{
    struct signer signer = {0};

    assert_ok(tpm2b_public_parse(boot_file(arena, boot, name), false, NULL, &signer.pub));
    assert_ok(tpm_public_key(&signer.pub, NULL, &signer.key));
    return signer;
}
static inline void signer_done(struct signer *signer)
{
    pubkey_free(signer->key);
}
DEFINE_CLEANUP_DONE(struct signer, signer_done)

/* pcrs_<bank>.bin: 24 values behind one another. */
static inline struct tpm_pcrs boot_pcrs(struct arena *arena, const char *boot)
{
    static const char *const names[] = {"pcrs_sha1.bin", "pcrs_sha256.bin", "pcrs_sha384.bin"};
    struct tpm_pcrs pcrs = {0};

    for (enum hash_alg bank = HASH_SHA1; bank <= HASH_SHA384; bank++) {
        struct span all = boot_file(arena, boot, names[bank]);

        assert_int_equal(all.len, TPM_MAX_PCRS * hash_size(bank));
        for (size_t pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            memcpy(pcrs.value[bank][pcr], all.data + pcr * hash_size(bank), hash_size(bank));
        }
        pcrs.have[bank] = 0xffffff;
    }
    return pcrs;
}

/* The way of every quote: the signature first, over all bytes, then what they say. */
static inline err_t check_quote(const struct signer *signer, struct span attest, struct span sig,
                                struct trail *trail, struct tpm_attest *ret)
{
    struct tpm_signature parsed = {0};
    err_t err = tpm_signature_parse(sig, trail, &parsed);

    err = err ? err : tpm_signature_verify(&parsed, &signer->pub, signer->key, attest, trail);
    return err ? err : tpm_attest_parse(attest, TPM_ATTEST_QUOTE, trail, ret);
}

/* TPMS_ATTEST up to and without the attested part. */
static inline void put_attest_head(struct buf *out, uint32_t magic, uint16_t type,
                                   struct span extra)
{
    static const uint8_t signer[34] = {0x00, 0x0b};

    buf_u32be(out, magic);
    buf_u16be(out, type);
    buf_tpm2b(out, span_of(signer, sizeof(signer)));
    buf_tpm2b(out, extra);
    buf_u64be(out, 1000);
    buf_u32be(out, 7);
    buf_u32be(out, 3);
    buf_u8(out, 1);
    buf_u64be(out, 0x2020031200120003);
}

static inline void put_selection(struct buf *out, uint16_t alg, uint8_t size, uint32_t mask)
{
    buf_u16be(out, alg);
    buf_u8(out, size);
    for (unsigned i = 0; i < size; i++) {
        buf_u8(out, (uint8_t)(i < 4 ? mask >> (8 * i) : 0));
    }
}

/* TPMT_PUBLIC of a software key that claims to be an attestation key. */
static inline struct span put_public(struct arena *arena, const struct signkey *key,
                                     uint32_t attributes, uint16_t scheme, uint16_t hash)
{
    struct buf out = {0};
    struct span a = {0};
    struct span b = {0};
    const struct pubkey *pub = signkey_public(key);
    bool is_rsa = pubkey_kind(pub) == PUBKEY_RSA;
    struct span copy;

    assert_ok(pubkey_numbers(pub, arena, &a, &b));
    buf_init(&out, 2048);
    buf_u16be(&out, is_rsa ? TPM_RSA : TPM_ECC);
    buf_u16be(&out, TPM_SHA256);
    buf_u32be(&out, attributes);
    buf_tpm2b(&out, (struct span){0});
    buf_u16be(&out, TPM_NULL);
    buf_u16be(&out, scheme);
    if (scheme != TPM_NULL) {
        buf_u16be(&out, hash);
    }
    if (is_rsa) {
        buf_u16be(&out, (uint16_t)pubkey_bits(pub));
        buf_u32be(&out, 0);
        buf_tpm2b(&out, a);
    } else {
        buf_u16be(&out, pubkey_curve(pub) == CURVE_P256 ? 3 : 4);
        buf_u16be(&out, TPM_NULL);
        buf_tpm2b(&out, a);
        buf_tpm2b(&out, b);
    }
    assert_ok(buf_err(&out));
    copy = arena_dup(arena, buf_span(&out));
    buf_done(&out);
    return copy;
}

static inline struct span done_copy(struct arena *arena, struct buf *out)
{
    struct span copy;

    assert_ok(buf_err(out));
    copy = arena_dup(arena, buf_span(out));
    buf_done(out);
    return copy;
}

#endif
