/*
 * documents.c - registers and keys as documents (policy-language 13).
 */
#include "claims/parts.h"

#include "base/codec.h"

static const char *const bank_names[HASH_COUNT] = {[HASH_SHA1] = "SHA1",
                                                   [HASH_SHA256] = "SHA256",
                                                   [HASH_SHA384] = "SHA384",
                                                   [HASH_SHA512] = "SHA512"};

static void write_values(struct text *text, const struct tpm_pcrs *pcrs, unsigned pcr, bool is_hex)
{
    text_name(text, is_hex ? "Digests" : "DigestsBase64Url");
    text_open(text, '{');
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        if ((pcrs->have[bank] & 1u << pcr) == 0) {
            continue;
        }
        text_name(text, bank_names[bank]);
        if (is_hex) {
            text_hex(text, tpm_pcr(pcrs, (enum hash_alg)bank, pcr));
        } else {
            text_base64url(text, tpm_pcr(pcrs, (enum hash_alg)bank, pcr));
        }
    }
    text_close(text, '}');
}

err_t claims_pcrs(struct arena *arena, const struct appraisal *appraisal, struct span *ret_json)
{
    CLEANUP(text_done) struct text text;
    const struct tpm_pcrs *pcrs = &appraisal->attested;
    uint32_t any = 0;

    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        any |= pcrs->have[bank];
    }
    text_open(&text, '{');
    text_name(&text, "PCRs");
    text_open(&text, '[');
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((any & 1u << pcr) != 0) {
            text_open(&text, '{');
            text_name(&text, "Index");
            text_uint(&text, pcr);
            write_values(&text, pcrs, pcr, true);
            write_values(&text, pcrs, pcr, false);
            text_close(&text, '}');
        }
    }
    text_close(&text, ']');
    text_close(&text, '}');
    return text_end(&text, ret_json);
}

/* The key as it was sent; what binds it only where that is proven. */
static void write_key(struct text *text, const struct appraised_key *key)
{
    text_open(text, '{');
    text_name(text, "jwk");
    text_raw(text, key->sent->raw);
    if (key->is_bound) {
        text_name(text, "info");
        text_open(text, '{');
        text_name(text, key->sent->binding == KEY_QUOTED ? "tpm_quote" : "tpm_certify");
        text_open(text, '{');
        if (key->sent->binding == KEY_QUOTED) {
            text_name(text, "hash_alg");
            text_string(text, span_str(key->sent->hash_name));
        } else {
            text_name(text, "name_alg");
            text_uint(text, key->pub.name_alg);
            text_name(text, "obj_attr");
            text_uint(text, key->pub.attributes);
            if (key->pub.auth_policy.len > 0) {
                text_name(text, "auth_policy");
                text_base64url(text, key->pub.auth_policy);
            }
        }
        text_close(text, '}');
        text_close(text, '}');
    }
    text_close(text, '}');
}

err_t claims_request_key(struct arena *arena, const struct appraisal *appraisal,
                         struct span *ret_json)
{
    CLEANUP(text_done) struct text text;

    if (appraisal->request_key.sent == NULL) {
        return ERR_NOT_FOUND;
    }
    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    write_key(&text, &appraisal->request_key);
    return text_end(&text, ret_json);
}

err_t claims_other_keys(struct arena *arena, const struct appraisal *appraisal,
                        struct span *ret_json)
{
    CLEANUP(text_done) struct text text;

    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    text_open(&text, '[');
    for (size_t i = 0; i < appraisal->n_other_keys; i++) {
        write_key(&text, &appraisal->other_keys[i]);
    }
    text_close(&text, ']');
    return text_end(&text, ret_json);
}
