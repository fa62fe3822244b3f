/*
 * claims.c - the azurevm claims of a token, from attested values and authenticated facts alone
 * (token-claims section 3, decisions section 3).
 */
#include "appraise/internal.h"

#include "base/codec.h"
#include "eventlog/siglist.h"

struct claiming {
    struct arena *arena;
    yyjson_mut_doc *doc;
    const struct appraisal *appraisal;
    const struct evidence *evidence;
    struct claims *claims;
};

static yyjson_mut_val *attested_pcrs(const struct claiming *c)
{
    yyjson_mut_val *list = yyjson_mut_arr(c->doc);
    uint32_t mask = c->appraisal->attested.have[HASH_SHA256];

    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask & 1u << pcr) != 0) {
            yyjson_mut_arr_add_uint(c->doc, list, pcr);
        }
    }
    return list;
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

static err_t add_boot(const struct claiming *c)
{
    const struct appraisal *a = c->appraisal;
    const struct boot_facts *facts = a->is_log_proven ? a->facts : NULL;
    bool secure_boot = facts != NULL && facts->secure_boot == STATE_YES;
    bool db_valid = facts != NULL && a->is_db_known;
    bool keys_valid = facts != NULL && a->are_platform_keys_known && a->is_db_known;
    bool is_windows = facts != NULL && facts->is_windows;
    err_t err = claims_add_bool(c->claims, "secureboot", secure_boot);

    err = err ? err : claims_add_json(c->claims, "x-ms-azurevm-attested-pcrs", attested_pcrs(c));
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-bootdebug-enabled", false);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-dbvalidated", db_valid);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-dbxvalidated",
                                facts != NULL && a->is_dbx_sufficient);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-debuggersdisabled",
                                facts != NULL && !is_windows);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-default-securebootkeysvalidated",
                                keys_valid);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-elam-enabled", false);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-flightsigning-enabled", false);
    err = err ? err : claims_add_int(c->claims, "x-ms-azurevm-hvci-policy", 0);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-hypervisordebug-enabled", false);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-is-windows", is_windows);
    err = err ? err : claims_add_bool(c->claims, "x-ms-azurevm-kerneldebug-enabled", false);
    err = err ? err
              : claims_add_bool(c->claims, "x-ms-azurevm-signingdisabled",
                                facts != NULL && !is_windows);
    return err ? err : claims_add_bool(c->claims, "x-ms-azurevm-testsigning-enabled", false);
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

    return err ? err : add_request(&c, vmid);
}
