/*
 * credential.c - TPM2_MakeCredential without a TPM (Part 1, 24; Part 1, B.10.4 and C.6.4).
 */
#include "base/buf.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "tpm/tpm.h"

enum { CREDENTIAL_MAX_BYTES = 512, AES_MAX_BYTES = 32 };

static err_t check_ek(const struct tpm_public *ek, const struct pubkey *ek_key)
{
    uint32_t wanted = TPM_RESTRICTED | TPM_DECRYPT;

    if ((ek->type == TPM_RSA) != (pubkey_kind(ek_key) == PUBKEY_RSA)) {
        return ERR_VALUE;
    }
    if ((ek->attributes & (wanted | TPM_SIGN)) != wanted || ek->symmetric != TPM_AES ||
        ek->symmetric_mode != TPM_CFB ||
        (ek->symmetric_bits != 128 && ek->symmetric_bits != 192 && ek->symmetric_bits != 256)) {
        return ERR_VALUE;
    }
    return ERR_OK;
}

/* RSA: a random seed, OAEP with the name's hash (Part 1, B.10.4). */
static err_t seed_for_rsa(struct arena *arena, const struct tpm_public *ek,
                          const struct pubkey *ek_key, uint8_t *seed, struct buf *encrypted)
{
    static const char label[] = "IDENTITY"; /* its NUL belongs to it */
    struct span cipher = {0};
    size_t size = hash_size(ek->name_hash);
    err_t err = random_bytes(seed, size);

    err = err ? err
              : pubkey_encrypt_oaep(ek_key, arena, ek->name_hash, span_of(label, sizeof(label)),
                                    span_of(seed, size), &cipher);
    if (err == ERR_OK) {
        buf_tpm2b(encrypted, cipher);
    }
    return err;
}

/* ECC: KDFe over the shared point; the TPM gets the ephemeral point (Part 1, C.6.4). */
static err_t seed_for_ecc(struct arena *arena, const struct tpm_public *ek,
                          const struct pubkey *ek_key, uint8_t *seed, struct buf *encrypted)
{
    CLEANUP(buf_done) struct buf point = {0};
    struct span shared = {0};
    struct span x = {0};
    struct span y = {0};
    struct span ek_x = {0};
    struct span ek_y = {0};
    err_t err = pubkey_ecdh_ephemeral(ek_key, arena, &shared, &x, &y);

    err = err ? err : pubkey_numbers(ek_key, arena, &ek_x, &ek_y);
    err = err ? err
              : kdfe(ek->name_hash, shared, "IDENTITY", x, ek_x,
                     (unsigned)hash_size(ek->name_hash) * 8, seed);
    secret_wipe(shared);
    if (err) {
        return err;
    }
    buf_init(&point, (size_t)2 * (EC_MAX_BYTES + 2));
    buf_tpm2b(&point, x);
    buf_tpm2b(&point, y);
    err = buf_err(&point);
    buf_tpm2b(encrypted, buf_span(&point));
    return err;
}

/* Part 1, 24.4 and 24.5: encrypt the credential, then authenticate it with the object's name. */
static err_t wrap(const struct tpm_public *ek, const uint8_t *seed, const struct tpm_name *name,
                  struct span secret, struct buf *blob)
{
    CLEANUP(buf_done) struct buf identity = {0};
    CLEANUP(buf_done) struct buf id_object = {0};
    size_t size = hash_size(ek->name_hash);
    uint8_t aes_key[AES_MAX_BYTES];
    uint8_t hmac_key[HASH_MAX_BYTES];
    uint8_t mac[HASH_MAX_BYTES];
    size_t encrypted;
    err_t err = kdfa(ek->name_hash, span_of(seed, size), "STORAGE", tpm_name_span(name),
                     (struct span){0}, ek->symmetric_bits, aes_key);

    buf_init_secret(&identity, CREDENTIAL_MAX_BYTES);
    buf_tpm2b(&identity, secret);
    encrypted = identity.len;
    err = err ? err : buf_err(&identity);
    err = err ? err
              : aes_cfb_encrypt(span_of(aes_key, ek->symmetric_bits / 8u), buf_span(&identity),
                                identity.data);
    err = err ? err
              : kdfa(ek->name_hash, span_of(seed, size), "INTEGRITY", (struct span){0},
                     (struct span){0}, (unsigned)size * 8, hmac_key);
    buf_add(&identity, tpm_name_span(name));
    err = err ? err : buf_err(&identity);
    err = err ? err : hmac_once(ek->name_hash, span_of(hmac_key, size), buf_span(&identity), mac);
    explicit_bzero(aes_key, sizeof(aes_key));
    explicit_bzero(hmac_key, sizeof(hmac_key));
    if (err) {
        return err;
    }
    buf_init(&id_object, CREDENTIAL_MAX_BYTES);
    buf_tpm2b(&id_object, span_of(mac, size));
    buf_add(&id_object, span_cut(buf_span(&identity), 0, encrypted));
    buf_tpm2b(blob, buf_span(&id_object));
    return buf_err(&id_object);
}

err_t tpm_make_credential(struct arena *arena, const struct tpm_public *ek,
                          const struct pubkey *ek_key, const struct tpm_name *name,
                          struct span secret, struct span *ret_blob,
                          struct span *ret_encrypted_secret)
{
    CLEANUP(buf_done) struct buf blob = {0};
    CLEANUP(buf_done) struct buf encrypted = {0};
    uint8_t seed[HASH_MAX_BYTES];
    struct span blob_copy;
    struct span encrypted_copy;
    err_t err = check_ek(ek, ek_key);

    if (err == ERR_OK && (secret.len == 0 || secret.len > hash_size(ek->name_hash))) {
        err = ERR_VALUE;
    }
    if (err) {
        return err;
    }
    buf_init(&blob, CREDENTIAL_MAX_BYTES);
    buf_init(&encrypted, RSA_MAX_BYTES + 2);
    err = pubkey_kind(ek_key) == PUBKEY_RSA ? seed_for_rsa(arena, ek, ek_key, seed, &encrypted)
                                            : seed_for_ecc(arena, ek, ek_key, seed, &encrypted);
    err = err ? err : wrap(ek, seed, name, secret, &blob);
    explicit_bzero(seed, sizeof(seed));
    err = err ? err : buf_err(&blob);
    err = err ? err : buf_err(&encrypted);
    if (err) {
        return err;
    }
    blob_copy = arena_dup(arena, buf_span(&blob));
    encrypted_copy = arena_dup(arena, buf_span(&encrypted));
    if (blob_copy.data == NULL || encrypted_copy.data == NULL) {
        return ERR_MEMORY;
    }
    *ret_blob = blob_copy;
    *ret_encrypted_secret = encrypted_copy;
    return ERR_OK;
}
