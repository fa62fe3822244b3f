/*
 * json.c - an appraisal for scripts; docs/formats/appraisal.md is its description.
 */
#include "appraise/internal.h"

#include "base/codec.h"

#include <stdio.h>

yyjson_mut_val *appraisal_reasons_json(yyjson_mut_doc *doc, const struct appraisal *appraisal)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < appraisal->n_reasons; i++) {
        const struct reason *reason = &appraisal->reasons[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "code", reason_name(reason->code));
        json_add_text(doc, item, "text", reason->text);
        json_add_text(doc, item, "rule", reason->rule);
        json_add_text(doc, item, "where", reason->where);
        json_add_text(doc, item, "remedy", reason->remedy);
    }
    return list;
}

static yyjson_mut_val *pcr_array(yyjson_mut_doc *doc, uint32_t mask)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (unsigned pcr = 0; pcr < 32; pcr++) {
        if ((mask & 1u << pcr) != 0) {
            yyjson_mut_arr_add_uint(doc, list, pcr);
        }
    }
    return list;
}

yyjson_mut_val *appraise_changes_json(yyjson_mut_doc *doc, const struct change *changes, size_t n)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < n; i++) {
        const struct change *change = &changes[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "code", reason_name(change->code));
        json_add_bool(doc, item, "explained", change->is_explained);
        json_add_text(doc, item, "text", change->text);
        json_add_text(doc, item, "explanation", change->explanation);
        json_add_value(doc, item, "pcrs", pcr_array(doc, change->pcrs));
    }
    return list;
}

static yyjson_mut_val *notes_json(yyjson_mut_doc *doc, const struct appraisal *appraisal)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < appraisal->n_notes; i++) {
        const struct note *note = &appraisal->notes[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "code", note->code);
        json_add_text(doc, item, "text", note->text);
        json_add_text(doc, item, "rule", note->rule);
        if (note->event >= 0) {
            json_add_int(doc, item, "event", note->event);
        }
    }
    return list;
}

/* Values that a verified quote covers, and no others. */
static yyjson_mut_val *pcrs_json(struct arena *arena, yyjson_mut_doc *doc,
                                 const struct tpm_pcrs *pcrs)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    for (int bank = 0; bank < HASH_COUNT; bank++) {
        yyjson_mut_val *values;

        if (pcrs->have[bank] == 0) {
            continue;
        }
        values = json_add_object(doc, object, hash_name((enum hash_alg)bank));
        for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            char name[4];

            if ((pcrs->have[bank] & 1u << pcr) != 0) {
                snprintf(name, sizeof(name), "%u", pcr);
                json_add_hex(arena, doc, values, name, tpm_pcr(pcrs, (enum hash_alg)bank, pcr));
            }
        }
    }
    return object;
}

static const char *proof_name(enum ak_proof proof)
{
    switch (proof) {
    case AK_PROOF_ENROLLED:
        return "enrolled";
    case AK_PROOF_CERTIFICATE:
        return "certificate";
    case AK_PROOF_WAIVED:
        return "waived";
    case AK_PROOF_NONE:
    default:
        return "none";
    }
}

static yyjson_mut_val *ak_json(struct arena *arena, yyjson_mut_doc *doc,
                               const struct appraised_ak *ak)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    json_add_text(doc, object, "name",
                  ak->name.len > 0 ? hex_dup(arena, tpm_name_span(&ak->name)) : NULL);
    json_add_text(doc, object, "proof", proof_name(ak->proof));
    json_add_text(doc, object, "from", ak->label);
    if (ak->key != NULL) {
        json_add_text(doc, object, "kind", pubkey_kind(ak->key) == PUBKEY_RSA ? "rsa" : "ecc");
        json_add_uint(doc, object, "bits", pubkey_bits(ak->key));
    }
    json_add_text(doc, object, "parent", ak->parent);
    if (ak->certificate != NULL) {
        json_add_text(doc, object, "certificate_subject", cert_subject(ak->certificate, arena));
        json_add_text(doc, object, "certificate_issuer", cert_issuer(ak->certificate, arena));
    }
    return object;
}

static yyjson_mut_val *quotes_json(yyjson_mut_doc *doc, const struct appraisal *a)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < a->n_quotes; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "from", a->quotes[i].where);
        json_add_bool(doc, item, "verified", a->quotes[i].is_verified);
        json_add_bool(doc, item, "counts", a->quotes[i].counts);
        if (a->quotes[i].is_verified) {
            json_add_uint(doc, item, "reset_count", a->quotes[i].attest.reset_count);
            json_add_uint(doc, item, "restart_count", a->quotes[i].attest.restart_count);
            json_add_uint(doc, item, "clock_ms", a->quotes[i].attest.clock_ms);
        }
    }
    return list;
}

const char *freshness_name(enum freshness freshness)
{
    switch (freshness) {
    case FRESHNESS_NONCE:
        return "nonce";
    case FRESHNESS_CLOCK:
        return "clock";
    case FRESHNESS_FAILED:
        return "failed";
    case FRESHNESS_NOT_CHECKED:
    default:
        return "not-checked";
    }
}

yyjson_mut_val *appraisal_json(struct arena *arena, yyjson_mut_doc *doc, const struct appraisal *a,
                               const struct claims *claims)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *claim_object;
    bool any_attested = false;

    for (int bank = 0; bank < HASH_COUNT; bank++) {
        any_attested = any_attested || a->attested.have[bank] != 0;
    }
    json_add_text(doc, root, "verdict", verdict_name(a->verdict));
    json_add_text(doc, root, "freshness", freshness_name(a->freshness));
    json_add_value(doc, root, "reasons", appraisal_reasons_json(doc, a));
    if (a->has_baseline) {
        json_add_value(doc, root, "changes", appraise_changes_json(doc, a->changes, a->n_changes));
    }
    json_add_value(doc, root, "notes", notes_json(doc, a));
    if (a->facts != NULL) {
        json_add_value(doc, root, "facts", boot_facts_json(arena, doc, a->facts));
    } else {
        json_add_object(doc, root, "facts");
    }
    json_add_bool(doc, root, "facts_proven", a->is_log_proven && any_attested);
    json_add_value(doc, root, "pcrs",
                   pcrs_json(arena, doc, any_attested ? &a->attested : &a->shown));
    json_add_bool(doc, root, "pcrs_attested", any_attested);
    claim_object = json_add_object(doc, root, "claims");
    if (claims != NULL) {
        claims_to_json(doc, claims, claim_object);
    }
    if (a->n_aks > 0) {
        json_add_value(doc, root, "ak", ak_json(arena, doc, &a->aks[a->main_ak]));
    } else {
        json_add_object(doc, root, "ak");
    }
    json_add_value(doc, root, "quotes", quotes_json(doc, a));
    json_add_text(doc, root, "ek_subject", a->ek_subject);
    return root;
}
