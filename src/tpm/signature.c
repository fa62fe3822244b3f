/*
 * signature.c - TPMT_SIGNATURE (Part 2, 11.3.4). Who may send these bytes: any guest.
 */
#include "tpm/tpm.h"

err_t tpm_signature_parse(struct span bytes, struct trail *trail, struct tpm_signature *ret)
{
    struct reader r = reader_on(bytes);
    struct tpm_signature sig = {.hash = HASH_NONE};
    uint16_t hash = 0;
    err_t err = bytes.len > TPM_SIGNATURE_MAX_BYTES ? ERR_TOO_LARGE : ERR_OK;

    err = err ? err : reader_u16be(&r, &sig.scheme);
    if (err == ERR_OK && sig.scheme != TPM_RSASSA && sig.scheme != TPM_RSAPSS &&
        sig.scheme != TPM_ECDSA) {
        err = ERR_UNSUPPORTED;
    }
    err = err ? err : reader_u16be(&r, &hash);
    if (err == ERR_OK) {
        sig.hash = hash_by_tpm_id(hash);
        err = sig.hash == HASH_NONE ? ERR_UNSUPPORTED : ERR_OK;
    }
    if (err == ERR_OK && sig.scheme == TPM_ECDSA) {
        err = reader_tpm2b(&r, EC_MAX_BYTES, &sig.a);
        err = err ? err : reader_tpm2b(&r, EC_MAX_BYTES, &sig.b);
    } else if (err == ERR_OK) {
        err = reader_tpm2b(&r, RSA_MAX_BYTES, &sig.a);
    }
    err = err ? err : reader_end(&r);
    if (err) {
        return trail_set_at(trail, err, r.offset, "signature %s", err_text(err));
    }
    *ret = sig;
    return ERR_OK;
}

err_t tpm_signature_raw(const struct tpm_public *signer, struct span bytes, struct trail *trail,
                        struct tpm_signature *ret)
{
    if (signer->type != TPM_RSA || signer->scheme != TPM_RSASSA) {
        return trail_set(trail, ERR_SIGNATURE,
                         "raw signature, but the key's own scheme is not RSASSA");
    }
    if (bytes.len != signer->a.len) {
        return trail_set(trail, ERR_SIGNATURE, "signature of %zu bytes under a key of %zu",
                         bytes.len, signer->a.len);
    }
    *ret = (struct tpm_signature){.scheme = TPM_RSASSA, .hash = signer->scheme_hash, .a = bytes};
    return ERR_OK;
}

/* A TPM may leave leading zeros out; pubkey_verify wants both numbers at the field's size. */
static bool pad_pair(const struct tpm_signature *sig, size_t size, uint8_t out[2 * EC_MAX_BYTES])
{
    const struct span pair[2] = {sig->a, sig->b};

    memset(out, 0, (size_t)2 * EC_MAX_BYTES);
    for (size_t i = 0; i < 2; i++) {
        if (pair[i].len == 0 || pair[i].len > size) {
            return false;
        }
        memcpy(out + (i + 1) * size - pair[i].len, pair[i].data, pair[i].len);
    }
    return true;
}

err_t tpm_signature_verify_bare(const struct tpm_signature *sig, const struct pubkey *key,
                                struct span message, struct trail *trail)
{
    uint8_t pair[2 * EC_MAX_BYTES];
    size_t field = (pubkey_bits(key) + 7) / 8;
    enum sig_scheme scheme = sig->scheme == TPM_RSASSA   ? SIG_RSASSA
                             : sig->scheme == TPM_RSAPSS ? SIG_RSAPSS
                                                         : SIG_ECDSA;
    struct span bytes = sig->a;
    err_t err;

    if (sig->hash == HASH_SHA1) {
        return trail_set(trail, ERR_SIGNATURE, "signature over SHA-1 is not accepted");
    }
    if (scheme == SIG_ECDSA) {
        if (pubkey_kind(key) != PUBKEY_EC || !pad_pair(sig, field, pair)) {
            return trail_set(trail, ERR_SIGNATURE, "signature does not fit the key");
        }
        bytes = span_of(pair, 2 * field);
    }
    err = pubkey_verify(key, scheme, sig->hash, message, bytes);
    return err ? trail_set(trail, err, "signature %s",
                           err == ERR_SIGNATURE ? "does not verify" : err_text(err))
               : ERR_OK;
}

err_t tpm_signature_verify(const struct tpm_signature *sig, const struct tpm_public *signer,
                           const struct pubkey *key, struct span message, struct trail *trail)
{
    /* the key says how it signs; a message that says otherwise is not believed. */
    if (sig->scheme != signer->scheme || sig->hash != signer->scheme_hash) {
        return trail_set(trail, ERR_SIGNATURE,
                         "signature scheme 0x%04x with %s is not the key's own (0x%04x with %s)",
                         (unsigned)sig->scheme, hash_name(sig->hash), (unsigned)signer->scheme,
                         hash_name(signer->scheme_hash));
    }
    return tpm_signature_verify_bare(sig, key, message, trail);
}
