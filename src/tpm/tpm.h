/*
 * tpm.h - structures of TPM 2.0 as the verifier meets them: public areas, attestations,
 * signatures, names, credentials. No TPM and no tss2 here: bytes in, values out.
 *
 * Who may send these bytes: any guest, any holder of a network connection. Everything is read
 * through base/reader.h, every TPM2B has a limit, every list a cap, trailing bytes are refused
 * (rule Q-4). Parsed structures borrow from the input. Sources: TPM 2.0 Library, Parts 1 and 2.
 */
#ifndef TPM_TPM_H
#define TPM_TPM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/reader.h"
#include "crypto/hash.h"
#include "crypto/pubkey.h"

/* Part 2: 6.3 algorithm ids, 6.9 structure tags, 8.3 object attributes. */
enum tpm_alg {
    TPM_RSA = 0x0001,
    TPM_SHA1 = 0x0004,
    TPM_AES = 0x0006,
    TPM_KEYEDHASH = 0x0008,
    TPM_SHA256 = 0x000b,
    TPM_SHA384 = 0x000c,
    TPM_SHA512 = 0x000d,
    TPM_NULL = 0x0010,
    TPM_SM3_256 = 0x0012,
    TPM_RSASSA = 0x0014,
    TPM_RSAES = 0x0015,
    TPM_RSAPSS = 0x0016,
    TPM_OAEP = 0x0017,
    TPM_ECDSA = 0x0018,
    TPM_ECC = 0x0023,
    TPM_CFB = 0x0043,
};
#define TPM_GENERATED 0xff544347u
enum tpm_attest_type {
    TPM_ATTEST_NV = 0x8014,
    TPM_ATTEST_COMMAND_AUDIT = 0x8015,
    TPM_ATTEST_SESSION_AUDIT = 0x8016,
    TPM_ATTEST_CERTIFY = 0x8017,
    TPM_ATTEST_QUOTE = 0x8018,
    TPM_ATTEST_TIME = 0x8019,
    TPM_ATTEST_CREATION = 0x801a,
    TPM_ATTEST_NV_DIGEST = 0x801c,
};
enum tpm_object_attribute {
    TPM_FIXED_TPM = 1u << 1,
    TPM_ST_CLEAR = 1u << 2,
    TPM_FIXED_PARENT = 1u << 4,
    TPM_SENSITIVE_DATA_ORIGIN = 1u << 5,
    TPM_USER_WITH_AUTH = 1u << 6,
    TPM_ADMIN_WITH_POLICY = 1u << 7,
    TPM_NO_DA = 1u << 10,
    TPM_ENCRYPTED_DUPLICATION = 1u << 11,
    TPM_RESTRICTED = 1u << 16,
    TPM_DECRYPT = 1u << 17,
    TPM_SIGN = 1u << 18,
};
enum {
    TPM_RH_OWNER = 0x40000001,
    TPM_RH_NULL = 0x40000007,
    TPM_RH_ENDORSEMENT = 0x4000000b,
    TPM_RH_PLATFORM = 0x4000000c
};

enum {
    TPM_PUBLIC_MAX_BYTES = 2048,
    TPM_ATTEST_MAX_BYTES = 2048,
    TPM_SIGNATURE_MAX_BYTES = 2048,
    TPM_NAME_MAX_BYTES = 2 + HASH_MAX_BYTES,
    TPM_MAX_SELECTIONS = 8,   /* banks in one quote */
    TPM_MAX_PCRS = 24,        /* PCRs of a PC Client TPM; more in a selection is refused */
    TPM_SELECT_MAX_BYTES = 4, /* sizeofSelect */
};

/* A name: nameAlg and digest (Part 1, 16), or a 4-byte handle. */
struct tpm_name {
    uint8_t bytes[TPM_NAME_MAX_BYTES];
    size_t len;
};
static inline struct span tpm_name_span(const struct tpm_name *name)
{
    return span_of(name->bytes, name->len);
}

/* ---- public areas (Part 2, 12.2.4) ---- */

struct tpm_public {
    struct span area; /* TPMT_PUBLIC, exactly */
    uint16_t type;    /* TPM_RSA or TPM_ECC */
    uint16_t name_alg;
    enum hash_alg name_hash;
    uint32_t attributes;
    struct span auth_policy;
    uint16_t symmetric; /* TPM_NULL or TPM_AES ... */
    uint16_t symmetric_bits;
    uint16_t symmetric_mode;
    uint16_t scheme;           /* TPM_NULL when the key has none */
    enum hash_alg scheme_hash; /* HASH_NONE without scheme */
    uint16_t key_bits;         /* RSA */
    uint32_t exponent;         /* RSA; 65537 when the field is 0 */
    uint16_t curve_id;         /* ECC */
    struct span a, b;          /* RSA: modulus, empty; ECC: x, y */
};

/* A bare TPMT_PUBLIC, all consumed. ERR_UNSUPPORTED for other types than RSA and ECC and for
 * unknown algorithms inside. */
err_t tpm_public_parse(struct span area, struct trail *trail, struct tpm_public *ret) MUST_CHECK;
/* A TPM2B_PUBLIC. allow_trailing: some clients send the TPM2B_NAME behind it; ignored. */
err_t tpm2b_public_parse(struct span bytes, bool allow_trailing, struct trail *trail,
                         struct tpm_public *ret) MUST_CHECK;
/* nameAlg || H(area), computed here and never taken from the sender (AK-1). */
err_t tpm_public_name(const struct tpm_public *pub, struct tpm_name *ret) MUST_CHECK;
/* Key material checked as pubkey.h says (AK-3, AK-4): ERR_VALUE for small, odd or ROCA keys. */
err_t tpm_public_key(const struct tpm_public *pub, struct trail *trail,
                     struct pubkey **ret) MUST_CHECK;
/* Attribute rule AK-2 and scheme rule AK-3 for attestation keys: ERR_VALUE names the fault. */
err_t tpm_public_check_ak(const struct tpm_public *pub, struct trail *trail) MUST_CHECK;
/* Qualified name of a primary key: nameAlg || H(hierarchy handle || name) (Part 1, 16; Q-20). */
err_t tpm_qualified_name_primary(const struct tpm_public *pub, uint32_t hierarchy,
                                 struct tpm_name *ret) MUST_CHECK;
/* Qualified name of a child: H(parent's qualified name || name). */
err_t tpm_qualified_name_child(const struct tpm_name *parent_qualified,
                               const struct tpm_public *pub, struct tpm_name *ret) MUST_CHECK;

/* ---- attestations (Part 2, 10.12) ---- */

struct tpm_selection {
    uint16_t alg;
    enum hash_alg bank; /* HASH_NONE for a bank we do not know */
    uint32_t mask;      /* bit n = PCR n */
};

struct tpm_attest {
    struct span bytes; /* exactly what was signed */
    uint32_t magic;
    uint16_t type;
    struct span qualified_signer;
    struct span extra_data;
    uint64_t clock_ms;
    uint32_t reset_count;
    uint32_t restart_count;
    bool clock_safe;
    uint64_t firmware_version;
    /* TPM_ATTEST_QUOTE */
    struct tpm_selection selections[TPM_MAX_SELECTIONS]; /* as listed; empty ones included */
    size_t n_selections;
    struct span pcr_digest;
    /* TPM_ATTEST_CERTIFY */
    struct span certified_name;
    struct span certified_qualified_name;
};

/*
 * Read a TPMS_ATTEST of the wanted type, all bytes. ERR_MAGIC and ERR_ATTEST_TYPE
 * come before anything else is looked at; otherwise ERR_SHORT, ERR_TRAILING, ERR_TOO_MANY,
 * ERR_VALUE (safe neither 0 nor 1; same bank twice; PCR over 23) with offset.
 */
err_t tpm_attest_parse(struct span bytes, enum tpm_attest_type wanted, struct trail *trail,
                       struct tpm_attest *ret) MUST_CHECK;

/* PCR values by bank. `have` says which are set; the rest is zero. */
struct tpm_pcrs {
    uint32_t have[HASH_COUNT];
    uint8_t value[HASH_COUNT][TPM_MAX_PCRS][HASH_MAX_BYTES];
};
static inline struct span tpm_pcr(const struct tpm_pcrs *pcrs, enum hash_alg bank, unsigned pcr)
{
    return span_of(pcrs->value[bank][pcr], hash_size(bank));
}

/*
 * H over the values of the selected PCRs, selections in listed order, indexes ascending,
 * with H = the hash of the signing scheme. ERR_NOT_FOUND names a PCR whose value is not there,
 * ERR_UNSUPPORTED an unknown bank, ERR_MISMATCH when the digest differs.
 */
err_t tpm_quote_check_pcrs(const struct tpm_attest *quote, enum hash_alg scheme_hash,
                           const struct tpm_pcrs *pcrs, struct trail *trail) MUST_CHECK;

/* ---- signatures (Part 2, 11.3) ---- */

struct tpm_signature {
    uint16_t scheme; /* TPM_RSASSA, TPM_RSAPSS, TPM_ECDSA */
    enum hash_alg hash;
    struct span a, b; /* RSA: signature, empty; ECDSA: r, s */
};
/* A framed TPMT_SIGNATURE, all consumed. Raw RSA bytes are another input: see
 * tpm_signature_raw. */
err_t tpm_signature_parse(struct span bytes, struct trail *trail,
                          struct tpm_signature *ret) MUST_CHECK;
/* Raw RSASSA bytes under a key whose own scheme is RSASSA: the scheme comes from the key. */
err_t tpm_signature_raw(const struct tpm_public *signer, struct span bytes, struct trail *trail,
                        struct tpm_signature *ret) MUST_CHECK;
/* Signature over exactly `message` by signer, whose own scheme and hash it must name.
 * ERR_SIGNATURE otherwise. key belongs to signer. */
err_t tpm_signature_verify(const struct tpm_signature *sig, const struct tpm_public *signer,
                           const struct pubkey *key, struct span message,
                           struct trail *trail) MUST_CHECK;

/* The same under a key of which nothing but the key is known: its kind and the allow list (RSASSA,
 * RSAPSS, ECDSA over SHA-256, SHA-384, SHA-512) bound what the message may name. */
err_t tpm_signature_verify_bare(const struct tpm_signature *sig, const struct pubkey *key,
                                struct span message, struct trail *trail) MUST_CHECK;

/* ---- policy and credentials ---- */

/* authPolicy of PolicyPCR alone over the selection and values (Part 3, 23.7), SHA-256:
 * H(0^32 || 0x0000017F || TPML_PCR_SELECTION || H(values)). select_bytes is sizeofSelect. */
err_t tpm_policy_pcr_digest(uint32_t pcr_mask, size_t select_bytes, const struct tpm_pcrs *pcrs,
                            uint8_t digest[SHA256_BYTES]) MUST_CHECK;

/*
 * TPM2_MakeCredential in software (Part 1, 24; Part 3, 12.6): secret (at most the EK's name
 * digest) readable only by the TPM that holds ek and an object named `name`. Results are
 * TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET with their sizes, in the arena. EK must be a
 * restricted decryption key with AES-CFB.
 */
err_t tpm_make_credential(struct arena *arena, const struct tpm_public *ek,
                          const struct pubkey *ek_key, const struct tpm_name *name,
                          struct span secret, struct span *ret_blob,
                          struct span *ret_encrypted_secret) MUST_CHECK;

#endif
