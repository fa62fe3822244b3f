/*
 * claims.c - the azurevm claims of a token, from attested values and authenticated facts alone
 * (token-claims section 3, decisions section 3).
 */
#include "appraise/internal.h"

#include "base/codec.h"
#include "facts/windows.h"
#include "uefi/siglist.h"

struct claiming {
    struct arena *arena;
    yyjson_mut_doc *doc;
    const struct appraisal *appraisal;
    const struct evidence *evidence;
    struct claims *claims;
};

/* An array in the token, also of one or none; for the policy one claim each. */
static err_t add_attested_pcrs(const struct claiming *c)
{
    static const char type[] = "x-ms-azurevm-attested-pcrs";
    yyjson_mut_val *list = yyjson_mut_arr(c->doc);
    uint32_t mask = c->appraisal->attested.have[HASH_SHA256];
    err_t err = claims_add_json(c->claims, type, list);

    for (unsigned pcr = 0; err == ERR_OK && pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask & 1u << pcr) != 0) {
            yyjson_mut_arr_add_uint(c->doc, list, pcr);
            err = claims_add_int(c->claims, type, pcr);
        }
    }
    return err;
}

/* The key that the reply was sealed to, so that a relying party can encrypt to it too. */
static err_t runtime(const struct claiming *c, yyjson_mut_val **ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(c->doc);
    yyjson_mut_val *keys = json_add_array(c->doc, object, "keys");
    yyjson_mut_val *payload = NULL;

    if (c->appraisal->enc_key != NULL) {
        yyjson_mut_val *key = yyjson_mut_arr_add_obj(c->doc, keys);
        yyjson_mut_val *ops;
        struct span n;
        struct span e;
        err_t err = pubkey_numbers(c->appraisal->enc_key, c->arena, &n, &e);

        if (err) {
            return err;
        }
        json_add_text(c->doc, key, "e", base64_dup(c->arena, BASE64_URL, e));
        ops = json_add_array(c->doc, key, "key_ops");
        yyjson_mut_arr_add_str(c->doc, ops, "encrypt");
        json_add_text(c->doc, key, "kid", "TpmEphemeralEncryptionKey");
        json_add_text(c->doc, key, "kty", "RSA");
        json_add_text(c->doc, key, "n", base64_dup(c->arena, BASE64_URL, n));
    }
    if (c->evidence->azure.client_payload != NULL) {
        payload = yyjson_val_mut_copy(c->doc, c->evidence->azure.client_payload);
        if (payload == NULL) {
            return ERR_MEMORY;
        }
        json_add_value(c->doc, object, "client-payload", payload);
    }
    *ret = object;
    return ERR_OK;
}

/* What Windows' records say; on Linux the neutral values of decisions section 3. What is not known
 * takes the worse value: absent is never a good claim (S-3). */
struct windows_claims {
    bool boot_debugging, kernel_debugging, hypervisor_debugging, test_signing, flight_signing;
    bool elam;
    int64_t hvci_policy;
};

static bool is_possible(const struct windows_facts *windows, enum windows_setting flag)
{
    return windows == NULL || windows->flag[flag] != STATE_NO;
}

static struct windows_claims windows_claims(const struct appraisal *a)
{
    const struct windows_facts *w = a->is_log_proven ? a->windows : NULL;
    const struct windows_value *hvci = w == NULL ? NULL : &w->value[WINDOWS_HVCI_POLICY];

    if (!a->is_windows) {
        return (struct windows_claims){0};
    }
    return (struct windows_claims){
        .boot_debugging = is_possible(w, WINDOWS_BOOT_DEBUGGING),
        .kernel_debugging = is_possible(w, WINDOWS_KERNEL_DEBUGGING),
        .hypervisor_debugging = w == NULL || windows_hypervisor_debugging(w) != STATE_NO,
        .test_signing = is_possible(w, WINDOWS_TEST_SIGNING),
        .flight_signing = is_possible(w, WINDOWS_FLIGHT_SIGNING),
        .elam = w != NULL && w->is_whole && w->n_elam > 0,
        .hvci_policy = hvci != NULL && hvci->n == 1 && hvci->value[0] <= INT32_MAX
                           ? (int64_t)hvci->value[0]
                           : 0,
    };
}

static err_t add_boot(const struct claiming *c)
{
    const struct appraisal *a = c->appraisal;
    const struct boot_facts *facts = a->is_log_proven ? a->facts : NULL;
    bool secure_boot = facts != NULL && facts->secure_boot == STATE_YES;
    bool db_valid = facts != NULL && a->is_db_known;
    bool keys_valid = facts != NULL && a->are_platform_keys_known && a->is_db_known;
    struct windows_claims w = windows_claims(a);
    bool has_debugger = w.boot_debugging || w.kernel_debugging || w.hypervisor_debugging;
    err_t err = claims_add_bool(c->claims, "secureboot", secure_boot);

    err = err ? err : add_attested_pcrs(c);
    err =
        err ? err : claims_add_bool(c->claims, "x-ms-azurevm-bootdebug-enabled", w.boot_debugging);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-dbvalidated", db_valid);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-dbxvalidated",
                                facts != NULL && a->is_dbx_sufficient);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-debuggersdisabled",
                                facts != NULL && !has_debugger);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-default-securebootkeysvalidated",
                                keys_valid);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-elam-enabled", w.elam);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-flightsigning-enabled", w.flight_signing);
    err = err ? err : claims_add_int(c->claims, "x-ms-azurevm-hvci-policy", w.hvci_policy);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-hypervisordebug-enabled",
                                w.hypervisor_debugging);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-is-windows", a->is_windows);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-kerneldebug-enabled", w.kernel_debugging);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-signingdisabled",
                                facts != NULL && !w.test_signing && !w.flight_signing);
    return err ? err
               : claims_add_bool(c->claims, "x-ms-azurevm-testsigning-enabled", w.test_signing);
}

static err_t add_request(const struct claiming *c, const char *vmid)
{
    const struct evidence_azure *azure = &c->evidence->azure;
    yyjson_mut_val *run = NULL;
    err_t err = ERR_OK;

    if (c->evidence->form != EVIDENCE_AZUREGUEST) {
        return ERR_OK;
    }
    err = claims_add_string(c->claims, "x-ms-azurevm-attestation-protocol-ver",
                            azure->protocol_version);
    err = err ? err : claims_add_string(c->claims, "x-ms-azurevm-osbuild", azure->os_build);
    err = err ? err : claims_add_string(c->claims, "x-ms-azurevm-osdistro", azure->os_distro);
    err = err ? err : claims_add_string(c->claims, "x-ms-azurevm-ostype", azure->os_type);
    err = err ? err
              : claims_add_int(c->claims, "x-ms-azurevm-osversion-major",
                               (int64_t)azure->os_version_major);
    err = err ? err
              : claims_add_int(c->claims, "x-ms-azurevm-osversion-minor",
                               (int64_t)azure->os_version_minor);
    if (err == ERR_OK && vmid != NULL) {
        err = claims_add_string(c->claims, "x-ms-azurevm-vmid", vmid);
    }
    err = err ? err : runtime(c, &run);
    return err ? err : claims_add_json(c->claims, "x-ms-runtime", run);
}

err_t appraise_azurevm_claims(struct arena *arena, yyjson_mut_doc *doc,
                              const struct appraisal *appraisal, const struct evidence *evidence,
                              const char *vmid, struct claims *ret)
{
    struct claiming c = {arena, doc, appraisal, evidence, ret};
    err_t err = add_boot(&c);

    err = err ? err : add_request(&c, vmid);
    /* The default policy denies what is false: what is absent must not pass it (S-3). */
    return err ? err : policy_complete_azureguest(ret);
}
