/*
 * quote.c - what a quote says about register values, and the policy bound to them.
 */
#include "base/buf.h"
#include "crypto/secret.h"
#include "tpm/tpm.h"

enum {
    TPM_CC_POLICY_PCR = 0x0000017f,
    POLICY_SELECT_MIN_BYTES = 1,
    ALL_PCRS_BYTES = TPM_MAX_SELECTIONS * TPM_MAX_PCRS * HASH_MAX_BYTES,
};

/* The values of one selection in ascending order behind one another, appended to bytes. */
static err_t add_values(const struct tpm_pcrs *pcrs, enum hash_alg bank, uint32_t mask,
                        struct trail *trail, uint8_t *bytes, size_t *len)
{
    size_t size = hash_size(bank);

    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask >> pcr & 1) == 0) {
            continue;
        }
        if ((pcrs->have[bank] >> pcr & 1) == 0) {
            return trail_set(trail, ERR_NOT_FOUND, "PCR %u of bank %s is quoted but not given", pcr,
                             hash_name(bank));
        }
        memcpy(bytes + *len, pcrs->value[bank][pcr], size);
        *len += size;
    }
    return ERR_OK;
}

err_t tpm_quote_check_pcrs(const struct tpm_attest *quote, enum hash_alg scheme_hash,
                           const struct tpm_pcrs *pcrs, struct trail *trail)
{
    uint8_t bytes[ALL_PCRS_BYTES];
    uint8_t digest[HASH_MAX_BYTES];
    size_t len = 0;
    err_t err = ERR_OK;

    for (size_t i = 0; i < quote->n_selections && err == ERR_OK; i++) {
        const struct tpm_selection *selection = &quote->selections[i];

        if (selection->mask == 0) {
            continue;
        }
        if (selection->bank == HASH_NONE) {
            return trail_set(trail, ERR_UNSUPPORTED, "quote covers unknown bank 0x%04x",
                             (unsigned)selection->alg);
        }
        err = add_values(pcrs, selection->bank, selection->mask, trail, bytes, &len);
    }
    if (err) {
        return err;
    }
    if (len == 0) {
        return trail_set(trail, ERR_MISMATCH, "quote covers no PCR at all");
    }
    err = hash_once(scheme_hash, span_of(bytes, len), digest);
    if (err) {
        return err;
    }
    if (!secret_equal(quote->pcr_digest, span_of(digest, hash_size(scheme_hash)))) {
        return trail_set(trail, ERR_MISMATCH, "PCR values do not have the quoted digest");
    }
    return ERR_OK;
}

err_t tpm_policy_pcr_digest(uint32_t pcr_mask, size_t select_bytes, const struct tpm_pcrs *pcrs,
                            uint8_t digest[SHA256_BYTES])
{
    static const uint8_t start[SHA256_BYTES] = {0};
    CLEANUP(buf_done) struct buf policy = {0};
    uint8_t values[TPM_MAX_PCRS * SHA256_BYTES];
    uint8_t values_digest[SHA256_BYTES];
    size_t len = 0;
    err_t err;

    if (select_bytes < POLICY_SELECT_MIN_BYTES || select_bytes > TPM_SELECT_MAX_BYTES ||
        pcr_mask >> TPM_MAX_PCRS != 0 || (uint64_t)pcr_mask >> (8 * select_bytes) != 0) {
        return ERR_VALUE;
    }
    err = add_values(pcrs, HASH_SHA256, pcr_mask, NULL, values, &len);
    err = err ? err : hash_once(HASH_SHA256, span_of(values, len), values_digest);
    if (err) {
        return err;
    }
    buf_init(&policy, 128);
    buf_add(&policy, span_of(start, sizeof(start)));
    buf_u32be(&policy, TPM_CC_POLICY_PCR);
    buf_u32be(&policy, 1);
    buf_u16be(&policy, TPM_SHA256);
    buf_u8(&policy, (uint8_t)select_bytes);
    for (size_t i = 0; i < select_bytes; i++) {
        buf_u8(&policy, (uint8_t)(pcr_mask >> (8 * i)));
    }
    buf_add(&policy, span_of(values_digest, sizeof(values_digest)));
    err = buf_err(&policy);
    return err ? err : hash_once(HASH_SHA256, buf_span(&policy), digest);
}
