/*
 * azureguest.c - the AzureGuest request taken apart, its reply sealed.
 *
 * Who may send these bytes: anybody who reaches the server; the call needs no credential.
 * Sources: docs/formats/azureguest.md and the client sources named there.
 */
#include "evidence/azureguest.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <stdio.h>

static err_t need_text(struct arena *arena, yyjson_val *object, const char *name,
                       struct trail *trail, const char **ret)
{
    struct span text;
    err_t err = json_need_string(object, name, trail, &text);

    if (err) {
        return err;
    }
    if (text.len > EVIDENCE_MAX_TEXT) {
        trail_set(trail, ERR_TOO_LARGE, "is longer than %d characters", EVIDENCE_MAX_TEXT);
        return trail_in(trail, ERR_TOO_LARGE, name);
    }
    *ret = text_escape_dup(arena, text, EVIDENCE_MAX_TEXT);
    return ERR_OK;
}

/* OS descriptions are base64 of text; they are claims about the sender by the sender. */
static err_t need_encoded_text(struct arena *arena, yyjson_val *object, const char *name,
                               struct trail *trail, const char **ret)
{
    struct span text;
    err_t err = json_need_base64(arena, object, name, BASE64_STANDARD, trail, &text);

    if (err) {
        return err;
    }
    if (text.len > EVIDENCE_MAX_TEXT) {
        trail_set(trail, ERR_TOO_LARGE, "is longer than %d characters", EVIDENCE_MAX_TEXT);
        return trail_in(trail, ERR_TOO_LARGE, name);
    }
    *ret = text_escape_dup(arena, text, EVIDENCE_MAX_TEXT);
    return ERR_OK;
}

/* The C++ client sends a number, the Python client a decimal string, perhaps "04". */
static err_t need_version(yyjson_val *object, const char *name, struct trail *trail, uint64_t *ret)
{
    yyjson_val *value;
    struct span text;
    uint64_t number = 0;
    err_t err = json_need(object, name, trail, &value);

    if (err) {
        return err;
    }
    if (yyjson_is_uint(value) && yyjson_get_uint(value) <= UINT32_MAX) {
        *ret = yyjson_get_uint(value);
        return ERR_OK;
    }
    text = json_span(value);
    err = text.len == 0 || text.len > 9 ? ERR_JSON_TYPE : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < text.len; i++) {
        err = text.data[i] < '0' || text.data[i] > '9' ? ERR_JSON_TYPE : ERR_OK;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (err) {
        trail_set(trail, err, "must be a number or a string of at most 9 digits");
        return trail_in(trail, err, name);
    }
    *ret = number;
    return ERR_OK;
}

static err_t need_blob(struct arena *arena, yyjson_val *object, const char *name, const char *where,
                       struct trail *trail, struct evidence_blob *ret)
{
    struct span bytes;
    err_t err = json_need_base64(arena, object, name, BASE64_ANY, trail, &bytes);

    if (err) {
        return err;
    }
    if (bytes.len == 0) {
        trail_set(trail, ERR_JSON_MISSING, "is empty");
        return trail_in(trail, ERR_JSON_MISSING, name);
    }
    *ret = (struct evidence_blob){bytes, where};
    return ERR_OK;
}

static err_t list_fault(struct trail *trail, const char *list, size_t index, err_t err,
                        const char *words)
{
    char where[48];

    snprintf(where, sizeof(where), "%s[%zu]", list, index);
    trail_set(trail, err, "%s", words);
    return trail_in(trail, err, where);
}

static err_t parse_pcr_set(yyjson_val *info, struct trail *trail, struct evidence *evidence)
{
    yyjson_val *set;
    yyjson_val *value;
    size_t index;
    size_t max;
    err_t err = json_need_array(info, "PcrSet", trail, &set);

    if (err) {
        return err;
    }
    yyjson_arr_foreach(set, index, max, value)
    {
        uint64_t pcr = yyjson_get_uint(value);

        if (!yyjson_is_uint(value) || pcr >= TPM_MAX_PCRS) {
            return list_fault(trail, "PcrSet", index, ERR_JSON_TYPE,
                              "must be a PCR index from 0 to 23");
        }
        if ((evidence->pcr_set & 1u << pcr) != 0) {
            return list_fault(trail, "PcrSet", index, ERR_VALUE, "names a PCR twice");
        }
        evidence->pcr_set |= 1u << pcr;
    }
    evidence->has_pcr_set = true;
    return ERR_OK;
}

static err_t parse_pcrs(struct arena *arena, yyjson_val *info, struct trail *trail,
                        struct evidence *evidence)
{
    yyjson_val *list;
    yyjson_val *value;
    size_t index;
    size_t max;
    err_t err = json_need_array(info, "PCRs", trail, &list);

    if (err) {
        return err;
    }
    yyjson_arr_foreach(list, index, max, value)
    {
        uint64_t pcr = 0;
        struct span digest = {0};

        if (!yyjson_is_obj(value)) {
            return list_fault(trail, "PCRs", index, ERR_JSON_TYPE, "must be an object");
        }
        err = json_need_uint(value, "Index", TPM_MAX_PCRS - 1, trail, &pcr);
        err = err ? err : json_need_base64(arena, value, "Digest", BASE64_ANY, trail, &digest);
        if (err) {
            return list_fault(trail, "PCRs", index, err, "");
        }
        if (digest.len != SHA256_BYTES) {
            return list_fault(trail, "PCRs", index, ERR_VALUE,
                              "Digest must have 32 bytes (SHA-256)");
        }
        if ((evidence->pcrs.have[HASH_SHA256] & 1u << pcr) != 0) {
            return list_fault(trail, "PCRs", index, ERR_VALUE, "the same PCR occurs twice");
        }
        memcpy(evidence->pcrs.value[HASH_SHA256][pcr], digest.data, digest.len);
        evidence->pcrs.have[HASH_SHA256] |= 1u << pcr;
    }
    evidence->pcrs_where = "TpmInfo.PCRs";
    return ERR_OK;
}

static err_t parse_tpm_info(struct arena *arena, yyjson_val *info, struct trail *trail,
                            struct evidence *evidence)
{
    struct evidence_ak *ak = &evidence->aks[0];
    struct evidence_quote *quote = &evidence->quotes[0];
    struct evidence_azure *azure = &evidence->azure;
    err_t err = need_blob(arena, info, "AikCert", "TpmInfo.AikCert", trail, &ak->certificate);

    err = err ? err : need_blob(arena, info, "AikPub", "TpmInfo.AikPub", trail, &ak->public_area);
    err = err ? err : need_blob(arena, info, "PcrQuote", "TpmInfo.PcrQuote", trail, &quote->attest);
    err = err ? err
              : need_blob(arena, info, "PcrSignature", "TpmInfo.PcrSignature", trail,
                          &quote->signature);
    err = err ? err : parse_pcr_set(info, trail, evidence);
    err = err ? err : parse_pcrs(arena, info, trail, evidence);
    err = err ? err
              : need_blob(arena, info, "EncKeyPub", "TpmInfo.EncKeyPub", trail,
                          &azure->enc_key_public);
    err = err ? err
              : need_blob(arena, info, "EncKeyCertifyInfo", "TpmInfo.EncKeyCertifyInfo", trail,
                          &azure->enc_key_certify);
    err = err ? err
              : need_blob(arena, info, "EncKeyCertifyInfoSignature",
                          "TpmInfo.EncKeyCertifyInfoSignature", trail, &azure->enc_key_signature);
    ak->public_area_may_trail = true;
    evidence->n_aks = 1;
    evidence->n_quotes = 1;
    return err ? trail_in(trail, err, "TpmInfo") : ERR_OK;
}

static err_t parse_isolation(yyjson_val *root, struct trail *trail)
{
    yyjson_val *isolation;
    struct span type;
    char shown[40];
    err_t err = json_need_object(root, "IsolationInfo", trail, &isolation);

    if (err) {
        return err;
    }
    err = json_need_string(isolation, "Type", trail, &type);
    if (err == ERR_OK && !span_is(type, "TrustedLaunch")) {
        text_escape(type, shown, sizeof(shown));
        err = ERR_UNSUPPORTED;
        trail_set(trail, err, "is '%s': this service verifies TrustedLaunch guests only", shown);
        trail_in(trail, err, "Type");
    }
    return err ? trail_in(trail, err, "IsolationInfo") : ERR_OK;
}

/* TcgLogs may be "" (the client sends whatever it gets): then there is no log. */
static err_t parse_log(struct arena *arena, yyjson_val *root, struct trail *trail,
                       struct evidence *evidence)
{
    err_t err;

    evidence->log.where = "TcgLogs";
    err = json_need_base64(arena, root, "TcgLogs", BASE64_ANY, trail, &evidence->log.bytes);
    if (err == ERR_OK && evidence->log.bytes.len == 0) {
        evidence->log.bytes.data = NULL;
    }
    return err;
}

static err_t parse_payload(yyjson_val *root, struct trail *trail, struct evidence *evidence)
{
    yyjson_val *payload = json_get(root, "ClientPayload");

    if (payload == NULL || yyjson_is_null(payload)) {
        return ERR_OK;
    }
    if (!yyjson_is_obj(payload)) {
        trail_set(trail, ERR_JSON_TYPE, "must be an object or null");
        return trail_in(trail, ERR_JSON_TYPE, "ClientPayload");
    }
    evidence->azure.client_payload = yyjson_obj_size(payload) > 0 ? payload : NULL;
    return ERR_OK;
}

static err_t canonical_facts(struct arena *arena, yyjson_val *facts, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *copy = doc == NULL ? NULL : yyjson_val_mut_copy(doc, facts);
    err_t err = copy == NULL ? ERR_MEMORY : json_sort(arena, doc, copy);

    if (err) {
        return err;
    }
    *ret = json_write(arena, doc, copy, false);
    return ret->data == NULL ? ERR_MEMORY : ERR_OK;
}

/* Our own agent's addition (decisions section 4). */
static err_t parse_bootwarden(struct arena *arena, yyjson_val *root, struct trail *trail,
                              struct evidence *evidence)
{
    struct evidence_azure *azure = &evidence->azure;
    yyjson_val *member = json_get(root, "Bootwarden");
    yyjson_val *facts;
    err_t err = ERR_OK;

    if (member == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_obj(member)) {
        trail_set(trail, ERR_JSON_TYPE, "must be an object");
        return trail_in(trail, ERR_JSON_TYPE, "Bootwarden");
    }
    azure->has_bootwarden = true;
    err = json_need_base64(arena, member, "Context", BASE64_URL_LENIENT, trail, &azure->context);
    if (err == ERR_OK && azure->context.len > AZUREGUEST_CONTEXT_MAX) {
        err = trail_set(trail, ERR_TOO_LARGE, "is longer than %d bytes", AZUREGUEST_CONTEXT_MAX);
        trail_in(trail, err, "Context");
    }
    if (err == ERR_OK && json_get(member, "ImaLog") != NULL) {
        evidence->ima.where = "Bootwarden.ImaLog";
        err = json_need_base64(arena, member, "ImaLog", BASE64_ANY, trail, &evidence->ima.bytes);
    }
    facts = json_get(member, "GuestFacts");
    if (err == ERR_OK && facts != NULL && !yyjson_is_obj(facts)) {
        err = trail_set(trail, ERR_JSON_TYPE, "must be an object");
        trail_in(trail, err, "GuestFacts");
    }
    if (err == ERR_OK && facts != NULL) {
        azure->guest_facts = facts;
        err = canonical_facts(arena, facts, &azure->guest_facts_canonical);
        if (err == ERR_OK && azure->guest_facts_canonical.len > AZUREGUEST_FACTS_MAX) {
            err = trail_set(trail, ERR_TOO_LARGE, "is longer than %d bytes", AZUREGUEST_FACTS_MAX);
            trail_in(trail, err, "GuestFacts");
        }
    }
    return err ? trail_in(trail, err, "Bootwarden") : ERR_OK;
}

static err_t parse_document(struct arena *arena, yyjson_val *root, struct trail *trail,
                            struct evidence **ret)
{
    struct evidence *evidence = arena_calloc(arena, 1, sizeof(*evidence));
    struct evidence_azure *azure;
    yyjson_val *info = NULL;
    err_t err;

    if (evidence == NULL) {
        return ERR_MEMORY;
    }
    if (!yyjson_is_obj(root)) {
        return trail_set(trail, ERR_JSON_TYPE, "the attestation information must be a JSON object");
    }
    evidence->form = EVIDENCE_AZUREGUEST;
    azure = &evidence->azure;
    err = need_text(arena, root, "AttestationProtocolVersion", trail, &azure->protocol_version);
    if (err == ERR_OK && strcmp(azure->protocol_version, "1.0") != 0 &&
        strcmp(azure->protocol_version, "2.0") != 0) {
        trail_set(trail, ERR_UNSUPPORTED, "is '%.16s': only 1.0 and 2.0 are known",
                  azure->protocol_version);
        err = trail_in(trail, ERR_UNSUPPORTED, "AttestationProtocolVersion");
    }
    err = err ? err : need_encoded_text(arena, root, "OSType", trail, &azure->os_type);
    err = err ? err : need_encoded_text(arena, root, "OSDistro", trail, &azure->os_distro);
    err = err ? err : need_encoded_text(arena, root, "OSBuild", trail, &azure->os_build);
    err = err ? err : need_version(root, "OSVersionMajor", trail, &azure->os_version_major);
    err = err ? err : need_version(root, "OSVersionMinor", trail, &azure->os_version_minor);
    err = err ? err : parse_log(arena, root, trail, evidence);
    err = err ? err : parse_payload(root, trail, evidence);
    err = err ? err : parse_isolation(root, trail);
    err = err ? err : json_need_object(root, "TpmInfo", trail, &info);
    err = err ? err : parse_tpm_info(arena, info, trail, evidence);
    err = err ? err : parse_bootwarden(arena, root, trail, evidence);
    if (err == ERR_OK) {
        *ret = evidence;
    }
    return err;
}

err_t azureguest_parse_inner(struct arena *arena, struct span inner, struct trail *trail,
                             struct evidence **ret)
{
    yyjson_val *root = NULL;
    err_t err = json_read(arena, inner, NULL, trail, &root);

    return err ? err : parse_document(arena, root, trail, ret);
}

static err_t parse_outer(struct arena *arena, yyjson_val *member, struct trail *trail,
                         struct evidence **ret)
{
    struct span inner = {0};
    err_t err = ERR_OK;

    if (!yyjson_is_str(member)) {
        err = trail_set(trail, ERR_JSON_TYPE, "must be a string");
    }
    if (err == ERR_OK) {
        err = base64_decode(arena, BASE64_URL_LENIENT, json_span(member), &inner);
        if (err == ERR_ENCODING) {
            trail_set(trail, err, "is not valid base64url");
        }
    }
    err = err ? err : azureguest_parse_inner(arena, inner, trail, ret);
    return err ? trail_in(trail, err, "AttestationInfo") : ERR_OK;
}

err_t azureguest_parse(struct arena *arena, struct span body, struct trail *trail,
                       struct evidence **ret)
{
    yyjson_val *root = NULL;
    yyjson_val *member = NULL;
    err_t err = json_read(arena, body, NULL, trail, &root);

    if (err == ERR_OK && !yyjson_is_obj(root)) {
        err = trail_set(trail, ERR_JSON_TYPE, "the body must be a JSON object");
    }
    err = err ? err : json_get_nocase(root, "AttestationInfo", trail, &member);
    if (err == ERR_OK && member == NULL) {
        trail_set(trail, ERR_JSON_MISSING, "is missing");
        err = trail_in(trail, ERR_JSON_MISSING, "AttestationInfo");
    }
    return err ? err : parse_outer(arena, member, trail, ret);
}

err_t azureguest_parse_any(struct arena *arena, struct span text, struct trail *trail,
                           struct evidence **ret)
{
    yyjson_val *root = NULL;
    yyjson_val *member = NULL;
    err_t err = json_read(arena, text, NULL, trail, &root);

    err = err ? err : json_get_nocase(root, "AttestationInfo", trail, &member);
    if (err) {
        return err;
    }
    return member != NULL ? parse_outer(arena, member, trail, ret)
                          : parse_document(arena, root, trail, ret);
}

err_t azureguest_expected_nonce(struct span context, struct span guest_facts_canonical,
                                uint8_t digest[SHA256_BYTES])
{
    uint8_t joined[AZUREGUEST_CONTEXT_MAX + SHA256_BYTES];
    err_t err;

    if (context.len > AZUREGUEST_CONTEXT_MAX) {
        return ERR_TOO_LARGE;
    }
    if (context.len > 0) {
        memcpy(joined, context.data, context.len);
    }
    err = hash_once(HASH_SHA256, guest_facts_canonical, joined + context.len);
    return err ? err : hash_once(HASH_SHA256, span_of(joined, context.len + SHA256_BYTES), digest);
}
