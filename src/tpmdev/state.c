#include "tpmdev/device.h"

static err_t read_property(struct tpmdev *dev, TPM2_PT property, struct trail *trail, uint32_t *ret)
{
    ESYS_OWNED TPMS_CAPABILITY_DATA *data = NULL;
    TPMI_YES_NO more = 0;
    TSS2_RC rc = Esys_GetCapability(dev->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                    TPM2_CAP_TPM_PROPERTIES, property, 1, &more, &data);
    const TPML_TAGGED_TPM_PROPERTY *list;

    if (rc != TSS2_RC_SUCCESS) {
        return tpmdev_fail(trail, rc, "asking the TPM for its state");
    }
    list = &data->data.tpmProperties;
    /* A TPM without this property answers with the next one. */
    if (list->count < 1 || list->tpmProperty[0].property != property) {
        return trail_set(trail, ERR_TPM, "the TPM does not tell its state (property 0x%x)",
                         property);
    }
    *ret = list->tpmProperty[0].value;
    return ERR_OK;
}

err_t tpmdev_state_read(struct tpmdev *dev, struct trail *trail, struct tpmdev_state *ret)
{
    struct tpmdev_state state = {0};
    uint32_t permanent = 0;
    err_t err = read_property(dev, TPM2_PT_PERMANENT, trail, &permanent);

    err =
        err ? err : read_property(dev, TPM2_PT_LOCKOUT_INTERVAL, trail, &state.lockout_interval_s);
    if (err) {
        return err;
    }
    state.is_locked_out = (permanent & TPMA_PERMANENT_INLOCKOUT) != 0;
    state.has_owner_password = (permanent & TPMA_PERMANENT_OWNERAUTHSET) != 0;
    state.has_endorsement_password = (permanent & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0;
    *ret = state;
    return ERR_OK;
}
