#include "tpmdev/device.h"

enum {
    READ_TRIES = 16, /* PCR 10 grows while programs start; more often is a machine gone wild */
    QUOTE_TRIES = 8,
};

/* One TPM2_PCR_Read: adds the values it brought to pcrs and takes them off *missing. */
static err_t read_some(struct tpmdev *dev, uint32_t *missing, struct trail *trail,
                       struct tpm_pcrs *pcrs, uint32_t *ret_counter)
{
    ESYS_OWNED TPML_PCR_SELECTION *got = NULL;
    ESYS_OWNED TPML_DIGEST *values = NULL;
    TPML_PCR_SELECTION want = tpmdev_selection(*missing);
    uint32_t mask = 0, n = 0;
    TSS2_RC rc = Esys_PCR_Read(dev->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &want,
                               ret_counter, &got, &values);

    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "reading PCRs");
    }
    if (got->count == 1 && got->pcrSelections[0].hash == TPM2_ALG_SHA256) {
        for (unsigned i = 0; i < got->pcrSelections[0].sizeofSelect && i < 3; i++) {
            mask |= (uint32_t)got->pcrSelections[0].pcrSelect[i] << (8 * i);
        }
    }
    mask &= *missing;
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask >> pcr & 1) == 0) {
            continue;
        }
        if (n >= values->count || values->digests[n].size != SHA256_BYTES) {
            return trail_set(trail, ERR_TPM, "reading PCRs: the TPM's answer is malformed");
        }
        memcpy(pcrs->value[HASH_SHA256][pcr], values->digests[n++].buffer, SHA256_BYTES);
    }
    if (mask == 0) {
        return trail_set(
            trail, ERR_UNSUPPORTED,
            "the TPM has no SHA-256 PCRs; switch that bank on in the firmware, or with "
            "tpm2_pcrallocate sha256:all and a restart");
    }
    pcrs->have[HASH_SHA256] |= mask;
    *missing &= ~mask;
    return ERR_OK;
}

err_t tpmdev_pcr_read(struct tpmdev *dev, uint32_t mask, struct trail *trail, struct tpm_pcrs *ret)
{
    for (int tries = 0; tries < READ_TRIES; tries++) {
        struct tpm_pcrs pcrs = {0};
        uint32_t missing = mask, first = 0, counter = 0;
        err_t err = ERR_OK;

        while (missing != 0 && err == ERR_OK && counter == first) {
            bool is_first = missing == mask;

            err = read_some(dev, &missing, trail, &pcrs, &counter);
            first = is_first ? counter : first;
        }
        if (err) {
            return err;
        }
        if (missing == 0 && counter == first) {
            *ret = pcrs;
            return ERR_OK;
        }
    }
    return trail_set(trail, ERR_UNAVAILABLE, "the PCRs change faster than they can be read");
}

static err_t quote_once(struct tpmdev *dev, ESYS_TR ak, uint32_t mask, const TPM2B_DATA *extra,
                        struct arena *arena, struct trail *trail, struct tpmdev_quote *quote)
{
    static const TPMT_SIG_SCHEME own_scheme = {.scheme = TPM2_ALG_NULL};
    ESYS_OWNED TPM2B_ATTEST *attest = NULL;
    ESYS_OWNED TPMT_SIGNATURE *signature = NULL;
    TPML_PCR_SELECTION selection = tpmdev_selection(mask);
    struct tpm_attest parsed;
    TSS2_RC rc;
    err_t err = tpmdev_pcr_read(dev, mask, trail, &quote->pcrs);

    if (err) {
        return err;
    }
    rc = Esys_Quote(dev->esys, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, extra, &own_scheme,
                    &selection, &attest, &signature);
    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "quoting the PCRs");
    }
    err = tpmdev_attest_bytes(attest, signature, arena, trail, &quote->attest, &quote->signature);
    err = err ? err : tpm_attest_parse(quote->attest, TPM_ATTEST_QUOTE, trail, &parsed);
    if (err) {
        return err;
    }
    if (parsed.n_selections != 1 || parsed.selections[0].mask != mask) {
        return trail_set(trail, ERR_TPM, "the TPM quoted other PCRs than it was asked for");
    }
    return tpm_quote_check_pcrs(&parsed, HASH_SHA256, &quote->pcrs, NULL);
}

err_t tpmdev_quote(struct tpmdev *dev, uint32_t mask, struct span extra_data, struct arena *arena,
                   struct trail *trail, struct tpmdev_quote *ret)
{
    CLEANUP(tpm_object_done) struct tpm_object ak = {0};
    struct tpmdev_quote quote = {.pcr_mask = mask};
    TPM2B_DATA extra = {0};
    err_t err;

    if (extra_data.len > TPMDEV_EXTRA_DATA_MAX || mask == 0 || mask >> TPM_MAX_PCRS != 0) {
        return ERR_VALUE;
    }
    extra.size = (UINT16)extra_data.len;
    if (extra_data.len > 0) {
        memcpy(extra.buffer, extra_data.data, extra_data.len);
    }
    err = tpmdev_object_at(dev, TPMDEV_AK_HANDLE, trail, &ak);
    if (err) {
        return err;
    }
    for (int tries = 0; tries < QUOTE_TRIES; tries++) {
        err = quote_once(dev, ak.tr, mask, &extra, arena, trail, &quote);
        if (err == ERR_OK) {
            *ret = quote;
        }
        if (err != ERR_MISMATCH) {
            return err;
        }
    }
    return trail_set(trail, ERR_UNAVAILABLE, "the PCRs change faster than they can be quoted");
}

err_t tpmdev_clock_read(struct tpmdev *dev, struct trail *trail, struct tpmdev_clock *ret)
{
    ESYS_OWNED TPMS_TIME_INFO *info = NULL;
    TSS2_RC rc = Esys_ReadClock(dev->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &info);

    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "reading the clock of the TPM");
    }
    *ret = (struct tpmdev_clock){.clock_ms = info->clockInfo.clock,
                                 .reset_count = info->clockInfo.resetCount,
                                 .restart_count = info->clockInfo.restartCount,
                                 .is_safe = info->clockInfo.safe == TPM2_YES};
    return ERR_OK;
}
