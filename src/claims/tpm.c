/*
 * tpm.c - the incoming claims of the TPM type (policy-language 11.1, 11.2; token-claims 5).
 *
 * Each claim says something good when it is true, so what nothing proves is false (S-3). Those
 * about Windows' state are true only for a Windows whose own records say so: of Linux nothing
 * measured speaks of them.
 */
#include "claims/parts.h"

#include "base/codec.h"
#include "facts/windows.h"

enum { TPM_MAJOR_VERSION = 2 };

/* Of the current state, or of the boot before a resume, whose settings it goes on with. */
static enum tristate setting(const struct appraisal *a, enum windows_setting flag)
{
    enum tristate state = STATE_UNKNOWN;

    if (a->is_log_proven && a->windows != NULL) {
        state = a->windows->flag[flag];
    }
    if (state == STATE_UNKNOWN && a->windows != NULL && a->windows->resumed == STATE_YES &&
        a->boot != NULL && a->boot->is_log_proven && a->boot->windows != NULL) {
        state = a->boot->windows->flag[flag];
    }
    return state;
}

static bool is_secure_boot_on(const struct appraisal *a)
{
    return a->is_log_proven && a->facts != NULL && a->facts->secure_boot == STATE_YES;
}

static err_t add_states(const struct appraisal *a, struct claims *claims)
{
    const struct {
        const char *type;
        bool value;
    } states[] = {
        {"aikValidated", a->aks[a->main_ak].is_certificate_valid},
        {"secureBootEnabled", is_secure_boot_on(a)},
        {"iommuEnabled", setting(a, WINDOWS_VBS_IOMMU) == STATE_YES},
        {"bootDebuggingDisabled", setting(a, WINDOWS_BOOT_DEBUGGING) == STATE_NO},
        {"notSafeMode", setting(a, WINDOWS_SAFE_MODE) == STATE_NO},
        {"notWinPE", setting(a, WINDOWS_WINPE) == STATE_NO},
        {"vbsEnabled",
         setting(a, WINDOWS_VBS_VSM) == STATE_YES && setting(a, WINDOWS_VBS_MANDATORY) != STATE_NO},
        /* Enclave reports are not judged; samples write both names. */
        {"vbsReportPresent", false},
        {"vsmReportPresent", false},
    };
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(states); i++) {
        err = add_bool(claims, states[i].type, states[i].value);
    }
    return err;
}

static err_t add_ak(struct arena *arena, const struct appraisal *a, struct claims *claims)
{
    uint8_t digest[SHA256_BYTES];
    struct span spki = {0};
    const char *text;
    err_t err = pubkey_spki(a->aks[a->main_ak].key, arena, &spki);

    err = err ? err : hash_once(HASH_SHA256, spki, digest);
    if (err) {
        return err;
    }
    text = base64_dup(arena, BASE64_STANDARD, span_of(digest, sizeof(digest)));
    err = text == NULL ? ERR_MEMORY : add_string(claims, "aikPubHash", text);
    return err ? err : add_int(claims, "tpmVersion", TPM_MAJOR_VERSION);
}

static err_t add_events(struct arena *arena, struct hasher *hasher, const struct appraisal *a,
                        const struct evidence *evidence, struct trail *trail, struct claims *claims)
{
    struct span json = {0};
    err_t err = claims_events(arena, hasher, a, evidence, trail, &json);

    err = err ? err : add_document(claims, "events", json, false);
    if (err == ERR_OK && a->boot != NULL) {
        err = claims_events(arena, hasher, a->boot, evidence->tpm->boot, trail, &json);
        err = err ? trail_in(trail, err, "boot_attestation")
                  : add_document(claims, "bootEvents", json, false);
    }
    return err;
}

static err_t add_keys(struct arena *arena, const struct appraisal *a, struct claims *claims)
{
    struct span json = {0};
    err_t err = claims_pcrs(arena, a, &json);

    err = err ? err : add_document(claims, "pcrs", json, true);
    err = err ? err : claims_request_key(arena, a, &json);
    err = err ? err : add_document(claims, "x-ms-tpm-request-key", json, false);
    err = err ? err : claims_other_keys(arena, a, &json);
    return err ? err : add_document(claims, "x-ms-tpm-other-keys", json, false);
}

static err_t add_client_claims(struct arena *arena, const struct evidence_tpm *tpm,
                               struct claims *claims)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < tpm->n_custom; i++) {
        const char *type = arena_printf(arena, CLAIMS_CLIENT_PREFIX "%s", tpm->custom[i].name);

        err = type == NULL ? ERR_MEMORY : add_custom(claims, type, &tpm->custom[i]);
    }
    return err;
}

static err_t refuse_records(struct appraisal *a, const struct evidence *evidence, err_t err,
                            const struct trail *trail)
{
    char text[TRAIL_WHAT_MAX];

    trail_format(trail, err, text, sizeof(text));
    appraisal_add_reason(a, REASON_LOG_MALFORMED, "B-13", evidence->log.where,
                         "Windows' records in the event log cannot be read: %s", text);
    return ERR_DENIED;
}

static err_t add_all(struct arena *arena, struct hasher *hasher, const struct appraisal *a,
                     const struct evidence *evidence, struct trail *trail, struct claims *claims)
{
    err_t err = add_states(a, claims);

    err = err ? err : add_ak(arena, a, claims);
    err = err ? err : add_events(arena, hasher, a, evidence, trail, claims);
    err = err ? err : add_keys(arena, a, claims);
    return err ? err : add_client_claims(arena, evidence->tpm, claims);
}

err_t claims_tpm(struct arena *arena, struct hasher *hasher, struct appraisal *appraisal,
                 const struct evidence *evidence, struct trail *trail, struct claims *ret)
{
    size_t before = count_claims(ret);
    err_t err;

    if (evidence->tpm == NULL || !appraisal_is_proven(appraisal)) {
        return trail_set(trail, ERR_DENIED,
                         "the evidence does not hold: there is nothing to claim");
    }
    err = add_all(arena, hasher, appraisal, evidence, trail, ret);
    if (err) {
        drop_claims(ret, before);
    }
    return err == ERR_MALFORMED || err == ERR_TOO_DEEP
               ? refuse_records(appraisal, evidence, err, trail)
               : err;
}
