/*
 * public.c - TPMT_PUBLIC (Part 2, 12.2.4), names (Part 1, 16). Who may send these bytes: any
 * guest that enrols or attests.
 */
#include "tpm/tpm.h"

#include <stdio.h>

/* Part 2, 6.3: schemes and modes that occur inside public areas and are not in tpm.h. */
enum {
    ALG_MGF1 = 0x0007,
    ALG_XOR = 0x000a,
    ALG_SM4 = 0x0013,
    ALG_ECDH = 0x0019,
    ALG_ECDAA = 0x001a,
    ALG_SM2 = 0x001b,
    ALG_ECSCHNORR = 0x001c,
    ALG_ECMQV = 0x001d,
    ALG_KDF1_SP800_56A = 0x0020,
    ALG_KDF2 = 0x0021,
    ALG_KDF1_SP800_108 = 0x0022,
    ALG_CAMELLIA = 0x0026,
};

/* Part 2, 11.4.2 (TCG Algorithm Registry, 6.4). */
enum { CURVE_ID_P256 = 3, CURVE_ID_P384 = 4, CURVE_ID_P521 = 5 };

/* TPMT_SYM_DEF_OBJECT: TPM_ALG_NULL alone, or a block cipher with key bits and mode. */
static err_t read_symmetric(struct reader *r, struct tpm_public *pub)
{
    err_t err = reader_u16be(r, &pub->symmetric);

    if (err || pub->symmetric == TPM_NULL) {
        return err;
    }
    if (pub->symmetric != TPM_AES && pub->symmetric != ALG_SM4 && pub->symmetric != ALG_CAMELLIA) {
        return ERR_UNSUPPORTED;
    }
    err = reader_u16be(r, &pub->symmetric_bits);
    return err ? err : reader_u16be(r, &pub->symmetric_mode);
}

static err_t read_hash(struct reader *r, enum hash_alg *ret)
{
    uint16_t id = 0;
    err_t err = reader_u16be(r, &id);

    if (err) {
        return err;
    }
    *ret = hash_by_tpm_id(id);
    return *ret == HASH_NONE ? ERR_UNSUPPORTED : ERR_OK;
}

/* TPMT_RSA_SCHEME and TPMT_ECC_SCHEME. */
static err_t read_scheme(struct reader *r, struct tpm_public *pub)
{
    err_t err = reader_u16be(r, &pub->scheme);

    pub->scheme_hash = HASH_NONE;
    if (err) {
        return err;
    }
    switch (pub->scheme) {
    case TPM_NULL:
        return ERR_OK;
    case TPM_RSAES:
        return pub->type == TPM_RSA ? ERR_OK : ERR_UNSUPPORTED;
    case TPM_RSASSA:
    case TPM_RSAPSS:
    case TPM_OAEP:
        return pub->type == TPM_RSA ? read_hash(r, &pub->scheme_hash) : ERR_UNSUPPORTED;
    case TPM_ECDSA:
    case ALG_ECDH:
    case ALG_SM2:
    case ALG_ECSCHNORR:
    case ALG_ECMQV:
        return pub->type == TPM_ECC ? read_hash(r, &pub->scheme_hash) : ERR_UNSUPPORTED;
    case ALG_ECDAA:
        err = pub->type == TPM_ECC ? read_hash(r, &pub->scheme_hash) : ERR_UNSUPPORTED;
        return err ? err : reader_skip(r, 2); /* count */
    default:
        return ERR_UNSUPPORTED;
    }
}

/* TPMT_KDF_SCHEME: nobody uses it, but the bytes are there. */
static err_t read_kdf(struct reader *r)
{
    uint16_t scheme = 0;
    enum hash_alg hash = HASH_NONE;
    err_t err = reader_u16be(r, &scheme);

    if (err || scheme == TPM_NULL) {
        return err;
    }
    if (scheme != ALG_MGF1 && scheme != ALG_KDF1_SP800_56A && scheme != ALG_KDF2 &&
        scheme != ALG_KDF1_SP800_108) {
        return ERR_UNSUPPORTED;
    }
    return read_hash(r, &hash);
}

static err_t read_rsa(struct reader *r, struct tpm_public *pub)
{
    err_t err = read_symmetric(r, pub);

    err = err ? err : read_scheme(r, pub);
    err = err ? err : reader_u16be(r, &pub->key_bits);
    err = err ? err : reader_u32be(r, &pub->exponent);
    err = err ? err : reader_tpm2b(r, RSA_MAX_BYTES, &pub->a);
    if (err == ERR_OK && pub->exponent == 0) {
        pub->exponent = 65537; /* Part 2, 12.2.3.5 */
    }
    return err;
}

static err_t read_ecc(struct reader *r, struct tpm_public *pub)
{
    err_t err = read_symmetric(r, pub);

    err = err ? err : read_scheme(r, pub);
    err = err ? err : reader_u16be(r, &pub->curve_id);
    err = err ? err : read_kdf(r);
    err = err ? err : reader_tpm2b(r, EC_MAX_BYTES, &pub->a);
    return err ? err : reader_tpm2b(r, EC_MAX_BYTES, &pub->b);
}

static err_t read_area(struct reader *r, struct tpm_public *pub)
{
    err_t err = reader_u16be(r, &pub->type);

    if (err == ERR_OK && pub->type != TPM_RSA && pub->type != TPM_ECC) {
        return ERR_UNSUPPORTED;
    }
    err = err ? err : reader_u16be(r, &pub->name_alg);
    if (err) {
        return err;
    }
    pub->name_hash = hash_by_tpm_id(pub->name_alg);
    if (pub->name_hash == HASH_NONE) {
        return ERR_UNSUPPORTED; /* also TPM_ALG_NULL: such an object has no name */
    }
    err = reader_u32be(r, &pub->attributes);
    err = err ? err : reader_tpm2b(r, HASH_MAX_BYTES, &pub->auth_policy);
    if (err) {
        return err;
    }
    if (pub->auth_policy.len != 0 && pub->auth_policy.len != hash_size(pub->name_hash)) {
        return ERR_VALUE;
    }
    err = pub->type == TPM_RSA ? read_rsa(r, pub) : read_ecc(r, pub);
    return err ? err : reader_end(r);
}

err_t tpm_public_parse(struct span area, struct trail *trail, struct tpm_public *ret)
{
    struct reader r = reader_on(area);
    struct tpm_public pub = {.area = area, .scheme_hash = HASH_NONE, .name_hash = HASH_NONE};
    err_t err;

    if (area.len > TPM_PUBLIC_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "public area is larger than %d bytes",
                         TPM_PUBLIC_MAX_BYTES);
    }
    err = read_area(&r, &pub);
    if (err) {
        return trail_set_at(trail, err, r.offset, "public area %s",
                            err == ERR_UNSUPPORTED ? "is of a kind or algorithm not supported"
                                                   : err_text(err));
    }
    *ret = pub;
    return ERR_OK;
}

err_t tpm2b_public_parse(struct span bytes, bool allow_trailing, struct trail *trail,
                         struct tpm_public *ret)
{
    struct reader r = reader_on(bytes);
    struct span area = {0};
    err_t err = reader_tpm2b(&r, TPM_PUBLIC_MAX_BYTES, &area);

    if (err == ERR_OK && !allow_trailing) {
        err = reader_end(&r);
    }
    if (err) {
        return trail_set_at(trail, err, r.offset, "TPM2B_PUBLIC %s", err_text(err));
    }
    return tpm_public_parse(area, trail, ret);
}

/* nameAlg || H(a || b). */
static err_t make_name(const struct tpm_public *pub, struct span a, struct span b,
                       struct tpm_name *ret)
{
    uint8_t input[TPM_NAME_MAX_BYTES * 2 + TPM_PUBLIC_MAX_BYTES];
    struct tpm_name name = {.len = 2 + hash_size(pub->name_hash)};
    err_t err;

    if (pub->name_hash == HASH_NONE || b.len > sizeof(input) || a.len > sizeof(input) - b.len) {
        return ERR_VALUE;
    }
    if (a.len > 0) {
        memcpy(input, a.data, a.len);
    }
    if (b.len > 0) {
        memcpy(input + a.len, b.data, b.len);
    }
    name.bytes[0] = (uint8_t)(pub->name_alg >> 8);
    name.bytes[1] = (uint8_t)pub->name_alg;
    err = hash_once(pub->name_hash, span_of(input, a.len + b.len), name.bytes + 2);
    if (err == ERR_OK) {
        *ret = name;
    }
    return err;
}

err_t tpm_public_name(const struct tpm_public *pub, struct tpm_name *ret)
{
    return make_name(pub, pub->area, (struct span){0}, ret);
}

err_t tpm_qualified_name_child(const struct tpm_name *parent_qualified,
                               const struct tpm_public *pub, struct tpm_name *ret)
{
    struct tpm_name name;
    err_t err = tpm_public_name(pub, &name);

    return err ? err : make_name(pub, tpm_name_span(parent_qualified), tpm_name_span(&name), ret);
}

err_t tpm_qualified_name_primary(const struct tpm_public *pub, uint32_t hierarchy,
                                 struct tpm_name *ret)
{
    struct tpm_name handle = {
        .bytes = {(uint8_t)(hierarchy >> 24), (uint8_t)(hierarchy >> 16), (uint8_t)(hierarchy >> 8),
                  (uint8_t)hierarchy},
        .len = 4,
    };

    return tpm_qualified_name_child(&handle, pub, ret);
}

static err_t rsa_key(const struct tpm_public *pub, struct trail *trail, struct pubkey **ret)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    err_t err;

    if (pub->exponent != 65537) {
        return trail_set(trail, ERR_VALUE, "RSA exponent %u is not 65537", (unsigned)pub->exponent);
    }
    if (pub->key_bits < RSA_MIN_BITS || pub->a.len != pub->key_bits / 8u) {
        return trail_set(trail, ERR_VALUE, "RSA key of %u bits with a modulus of %zu bytes",
                         (unsigned)pub->key_bits, pub->a.len);
    }
    err = pubkey_new_rsa(pub->a, pub->exponent, &key);
    if (err) {
        return trail_set(trail, err, "RSA key of %u bits is not accepted", (unsigned)pub->key_bits);
    }
    if (pubkey_bits(key) != pub->key_bits) {
        return trail_set(trail, ERR_VALUE, "RSA modulus is shorter than its %u bits",
                         (unsigned)pub->key_bits);
    }
    if (pubkey_is_roca(key)) {
        return trail_set(trail, ERR_VALUE,
                         "RSA key was made by a faulty generator (CVE-2017-15361)");
    }
    *ret = TAKE(key);
    return ERR_OK;
}

err_t tpm_public_key(const struct tpm_public *pub, struct trail *trail, struct pubkey **ret)
{
    enum pubkey_curve curve = pub->curve_id == CURVE_ID_P256   ? CURVE_P256
                              : pub->curve_id == CURVE_ID_P384 ? CURVE_P384
                              : pub->curve_id == CURVE_ID_P521 ? CURVE_P521
                                                               : CURVE_NONE;
    err_t err;

    if (pub->type == TPM_RSA) {
        return rsa_key(pub, trail, ret);
    }
    if (curve == CURVE_NONE) {
        return trail_set(trail, ERR_VALUE, "elliptic curve 0x%04x is not accepted",
                         (unsigned)pub->curve_id);
    }
    err = pubkey_new_ec(curve, pub->a, pub->b, ret);
    return err ? trail_set(trail, err, "point is not on its elliptic curve") : ERR_OK;
}

err_t tpm_public_check_ak(const struct tpm_public *pub, struct trail *trail)
{
    /* AK-2, with what each one keeps out. */
    static const struct {
        uint32_t bit;
        const char *name;
    } needed[] = {
        {TPM_FIXED_TPM, "fixedTPM"},                        /* copies of the key elsewhere */
        {TPM_FIXED_PARENT, "fixedParent"},                  /* the same, by its parent */
        {TPM_SENSITIVE_DATA_ORIGIN, "sensitiveDataOrigin"}, /* keys made outside the TPM */
        {TPM_RESTRICTED, "restricted"},                     /* signing forged attestations */
        {TPM_SIGN, "sign"},
    };
    bool is_signing = pub->type == TPM_RSA ? pub->scheme == TPM_RSASSA || pub->scheme == TPM_RSAPSS
                                           : pub->scheme == TPM_ECDSA;

    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if ((pub->attributes & needed[i].bit) == 0) {
            return trail_set(trail, ERR_VALUE, "attestation key lacks attribute %s",
                             needed[i].name);
        }
    }
    if ((pub->attributes & TPM_DECRYPT) != 0) {
        return trail_set(trail, ERR_VALUE, "attestation key has attribute decrypt");
    }
    if (!is_signing) {
        return trail_set(trail, ERR_VALUE, "attestation key has no signing scheme of its own");
    }
    if (pub->scheme_hash == HASH_SHA1 || pub->name_hash == HASH_SHA1) {
        return trail_set(trail, ERR_VALUE, "attestation key uses SHA-1");
    }
    return ERR_OK;
}
