/*
 * tpm-request.c - the signed request of /attest/Tpm, version 2, taken apart.
 *
 * Read as the protocol lists it: header, att_data, attestations, keys, custom claims. What is in
 * the binary structures is the appraisal's business. Members that are not known are ignored.
 * Who may send these bytes: anybody who reaches the server.
 */
#include "evidence/tpm-parts.h"

#include "base/codec.h"
#include "base/text.h"
#include "json/raw.h"

enum { SHOWN_MAX = 40 };

/* ---- header ---- */

static err_t check_header(const struct jws *jws, struct trail *trail)
{
    struct span typ = json_span(json_get(jws->header, "typ"));
    char shown[SHOWN_MAX];
    err_t err;

    if (span_is(typ, "attReqV2")) {
        return ERR_OK;
    }
    if (span_is(typ, "attReq")) {
        err = trail_set(trail, ERR_UNSUPPORTED,
                        "is attReq: requests of version 1 (Windows platform claims) are not "
                        "supported, send version 2 (attReqV2)");
    } else {
        text_escape(typ, shown, sizeof(shown));
        err = trail_set(trail, ERR_UNSUPPORTED, "is '%s', not attReqV2", shown);
    }
    trail_in(trail, err, "typ");
    return trail_in(trail, err, "header");
}

/* ---- attestations ---- */

static err_t read_bank(struct arena *arena, yyjson_val *item, struct trail *trail,
                       struct evidence *evidence, uint32_t *seen_algs)
{
    yyjson_val *values = NULL;
    yyjson_val *value;
    uint64_t alg = 0;
    enum hash_alg bank;
    size_t index;
    size_t max;
    err_t err = json_need_uint(item, "algorithm", UINT16_MAX, trail, &alg);

    err = err ? err : json_need_array(item, "values", trail, &values);
    if (err) {
        return err;
    }
    bank = hash_by_tpm_id((uint16_t)alg);
    if (bank != HASH_NONE && (*seen_algs & 1u << bank) != 0) {
        return tpm_fault(trail, ERR_VALUE, "algorithm", "occurs twice");
    }
    *seen_algs |= bank == HASH_NONE ? 0 : 1u << bank;
    yyjson_arr_foreach(values, index, max, value)
    {
        struct span digest = {0};
        uint64_t pcr = 0;

        err = yyjson_is_obj(value) ? ERR_OK : trail_set(trail, ERR_JSON_TYPE, "must be an object");
        err = err ? err : json_need_uint(value, "index", TPM_MAX_PCRS - 1, trail, &pcr);
        err = err ? err : tpm_need_bytes(arena, value, "digest", HASH_MAX_BYTES, trail, &digest);
        if (err == ERR_OK && bank != HASH_NONE && digest.len != hash_size(bank)) {
            err = tpm_fault(trail, ERR_VALUE, "digest",
                            "is not as long as a digest of this algorithm");
        }
        if (err == ERR_OK && bank != HASH_NONE && (evidence->pcrs.have[bank] & 1u << pcr) != 0) {
            err = tpm_fault(trail, ERR_VALUE, "index", "occurs twice");
        }
        if (err) {
            return tpm_in_list(trail, err, "values", index);
        }
        /* Values of a bank that we cannot compute are dropped: nothing can be held against them,
         * and a quote of that bank is refused (Q-14, ALG-6). */
        if (bank != HASH_NONE) {
            memcpy(evidence->pcrs.value[bank][pcr], digest.data, digest.len);
            evidence->pcrs.have[bank] |= 1u << pcr;
        }
    }
    return ERR_OK;
}

static err_t read_pcrs(struct arena *arena, yyjson_val *object, const char *of, struct trail *trail,
                       struct evidence *evidence)
{
    yyjson_val *list = NULL;
    yyjson_val *item;
    uint32_t seen = 0;
    size_t index;
    size_t max;
    err_t err = json_need_array(object, "pcrs", trail, &list);

    if (err) {
        return err;
    }
    if (yyjson_arr_size(list) > TPM_REQUEST_MAX_BANKS) {
        return tpm_fault(trail, ERR_TOO_MANY, "pcrs", "lists more algorithms than a TPM has");
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        err = yyjson_is_obj(item) ? read_bank(arena, item, trail, evidence, &seen)
                                  : trail_set(trail, ERR_JSON_TYPE, "must be an object");
        if (err) {
            return tpm_in_list(trail, err, "pcrs", index);
        }
    }
    evidence->pcrs_where = arena_printf(arena, "%s.pcrs", of);
    return evidence->pcrs_where == NULL ? ERR_MEMORY : ERR_OK;
}

/* The first TCG log is the boot's; further ones go on where it ended. */
static err_t keep_tcg_log(struct evidence *evidence, const struct evidence_blob *log,
                          struct trail *trail)
{
    if (evidence->log.where == NULL) {
        evidence->log = *log;
        return ERR_OK;
    }
    if (evidence->n_later_logs == EVIDENCE_MAX_LATER_LOGS) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d TCG logs", EVIDENCE_MAX_LATER_LOGS + 1);
    }
    evidence->later_logs[evidence->n_later_logs++] = *log;
    return ERR_OK;
}

/* IMA lists have no header: one behind the other they are one list. */
static err_t keep_ima_list(struct buf *lists, struct evidence *evidence,
                           const struct evidence_blob *log)
{
    evidence->ima.where = evidence->ima.where == NULL ? log->where : evidence->ima.where;
    buf_add(lists, log->bytes);
    return buf_err(lists);
}

static err_t read_log(struct arena *arena, yyjson_val *item, const char *where, struct trail *trail,
                      struct buf *lists, struct evidence *evidence)
{
    struct evidence_blob log = {.where = where};
    struct span type = {0};
    char shown[SHOWN_MAX];
    err_t err = json_need_string(item, "type", trail, &type);

    /* Empty is what a guest without a log may send: that is a finding with a name (L-5). */
    err = err ? err : json_need_base64(arena, item, "log", BASE64_URL_LENIENT, trail, &log.bytes);
    if (err) {
        return err;
    }
    if (span_is(type, "TCG")) {
        return keep_tcg_log(evidence, &log, trail);
    }
    if (span_is(type, "IMA")) {
        return keep_ima_list(lists, evidence, &log);
    }
    text_escape(type, shown, sizeof(shown));
    trail_set(trail, ERR_UNSUPPORTED, "is '%s': logs are of type TCG or IMA", shown);
    return trail_in(trail, ERR_UNSUPPORTED, "type");
}

static err_t read_logs(struct arena *arena, yyjson_val *object, const char *of, struct trail *trail,
                       struct evidence *evidence)
{
    CLEANUP(buf_done) struct buf lists = {0};
    yyjson_val *list = NULL;
    yyjson_val *item;
    size_t index;
    size_t max;
    err_t err = json_need_array(object, "logs", trail, &list);

    if (err) {
        return err;
    }
    if (yyjson_arr_size(list) > TPM_REQUEST_MAX_LOGS) {
        trail_set(trail, ERR_TOO_MANY, "more than %d logs", TPM_REQUEST_MAX_LOGS);
        return trail_in(trail, ERR_TOO_MANY, "logs");
    }
    buf_init(&lists, EVIDENCE_MAX_BYTES);
    yyjson_arr_foreach(list, index, max, item)
    {
        const char *where = arena_printf(arena, "%s.logs[%zu]", of, index);

        err = where == NULL         ? ERR_MEMORY
              : yyjson_is_obj(item) ? read_log(arena, item, where, trail, &lists, evidence)
                                    : trail_set(trail, ERR_JSON_TYPE, "must be an object");
        if (err) {
            return tpm_in_list(trail, err, "logs", index);
        }
    }
    return evidence->ima.where == NULL ? ERR_OK : buf_copy(&lists, arena, &evidence->ima.bytes);
}

/* aik_cert may be absent: whether it has to be there is the policy's choice. */
static err_t read_certificate(struct arena *arena, yyjson_val *object, const char *of,
                              struct trail *trail, struct evidence_blob *ret)
{
    yyjson_val *member = json_get(object, "aik_cert");

    if (member == NULL || yyjson_is_null(member) || yyjson_equals_str(member, "")) {
        return ERR_OK;
    }
    return tpm_need_blob(arena, object, of, "aik_cert", trail, ret);
}

static err_t read_attestation(struct arena *arena, yyjson_val *object, const char *of,
                              struct trail *trail, struct evidence *evidence)
{
    struct evidence_ak *ak = &evidence->aks[0];
    struct evidence_quote *quote = &evidence->quotes[0];
    err_t err = read_logs(arena, object, of, trail, evidence);

    err = err ? err : read_certificate(arena, object, of, trail, &ak->certificate);
    err = err ? err : json_need_object(object, "aik_pub", trail, &ak->jwk);
    err = err ? err : read_pcrs(arena, object, of, trail, evidence);
    err = err ? err : tpm_need_blob(arena, object, of, "quote", trail, &quote->attest);
    err = err ? err : tpm_need_blob(arena, object, of, "signature", trail, &quote->signature);
    if (err == ERR_OK) {
        ak->jwk_where = arena_printf(arena, "%s.aik_pub", of);
        err = ak->jwk_where == NULL ? ERR_MEMORY : ERR_OK;
    }
    quote->is_framed = true;
    evidence->n_aks = 1;
    evidence->n_quotes = 1;
    return err;
}

static err_t read_tpm_data(struct arena *arena, yyjson_val *data, struct trail *trail,
                           struct evidence *evidence, struct evidence_tpm *tpm)
{
    yyjson_val *tpm_data = NULL;
    yyjson_val *current = NULL;
    yyjson_val *earlier;
    struct evidence *boot;
    err_t err = json_need_object(data, "tpm_att_data", trail, &tpm_data);

    if (err) {
        return err;
    }
    err = json_need_object(tpm_data, "current_attestation", trail, &current);
    if (err == ERR_OK) {
        err = read_attestation(arena, current, "current_attestation", trail, evidence);
        err = err ? trail_in(trail, err, "current_attestation") : ERR_OK;
    }
    earlier = json_get(tpm_data, "boot_attestation");
    if (err == ERR_OK && earlier != NULL && !yyjson_is_null(earlier)) {
        boot = arena_calloc(arena, 1, sizeof(*boot));
        err = boot == NULL ? ERR_MEMORY
              : yyjson_is_obj(earlier)
                  ? read_attestation(arena, earlier, "boot_attestation", trail, boot)
                  : trail_set(trail, ERR_JSON_TYPE, "must be an object");
        if (err) {
            trail_in(trail, err, "boot_attestation");
        } else {
            boot->form = EVIDENCE_TPM_BOOT;
            tpm->boot = boot;
        }
    }
    return err ? trail_in(trail, err, "tpm_att_data") : ERR_OK;
}

/* ---- the whole ---- */

static err_t read_relying_party(struct arena *arena, yyjson_val *data, struct trail *trail,
                                struct evidence_tpm *tpm)
{
    struct span text = {0};
    err_t err = ERR_OK;

    if (json_get(data, "rp_id") != NULL) {
        err = json_need_string(data, "rp_id", trail, &text);
        tpm->rp_id = json_text(json_get(data, "rp_id"));
        if (err == ERR_OK && (tpm->rp_id == NULL || text.len > TPM_REQUEST_MAX_RP_ID)) {
            err = tpm_fault(trail, ERR_VALUE, "rp_id", "is too long or holds a NUL character");
        }
    }
    if (err == ERR_OK && json_get(data, "rp_data") != NULL) {
        err = json_need_base64(arena, data, "rp_data", BASE64_URL_LENIENT, trail, &tpm->rp_data);
        if (err == ERR_OK && tpm->rp_data.len > TPM_REQUEST_MAX_RP_DATA) {
            trail_set(trail, ERR_TOO_LARGE, "is longer than %d bytes", TPM_REQUEST_MAX_RP_DATA);
            err = trail_in(trail, ERR_TOO_LARGE, "rp_data");
        }
        tpm->has_rp_data = true;
    }
    return err;
}

static err_t read_att_data(struct arena *arena, yyjson_val *data, struct span raw,
                           struct trail *trail, struct evidence *evidence, struct evidence_tpm *tpm)
{
    err_t err = read_relying_party(arena, data, trail, tpm);

    err = err ? err
              : tpm_need_bytes(arena, data, "challenge", TPM_REQUEST_MAX_CHALLENGE, trail,
                               &tpm->challenge);
    err = err ? err : read_tpm_data(arena, data, trail, evidence, tpm);
    err = err ? err : tpm_read_request_key(arena, data, raw, trail, tpm);
    err = err ? err : tpm_read_other_keys(arena, data, raw, trail, tpm);
    err = err ? err : tpm_read_custom_claims(data, trail, tpm);
    return err ? err
               : tpm_need_bytes(arena, data, "service_context", TPM_REQUEST_MAX_CONTEXT, trail,
                                &tpm->service_context);
}

static err_t check_type(yyjson_val *root, struct trail *trail)
{
    struct span type = {0};
    char shown[SHOWN_MAX];
    err_t err = json_need_string(root, "att_type", trail, &type);

    if (err || span_is(type, "basic")) {
        return err;
    }
    if (span_is(type, "vbs")) {
        return tpm_fault(trail, ERR_UNSUPPORTED, "att_type",
                         "is vbs: reports of VBS enclaves are not judged here, send basic");
    }
    text_escape(type, shown, sizeof(shown));
    trail_set(trail, ERR_UNSUPPORTED, "is '%s', not basic", shown);
    return trail_in(trail, ERR_UNSUPPORTED, "att_type");
}

static err_t read_payload(struct arena *arena, struct trail *trail, struct evidence *evidence,
                          struct evidence_tpm *tpm)
{
    yyjson_val *root = NULL;
    yyjson_val *data = NULL;
    struct span raw = json_raw_root(tpm->jws.payload);
    err_t err = json_read(arena, tpm->jws.payload, NULL, trail, &root);

    if (err) {
        return err;
    }
    if (!yyjson_is_obj(root)) {
        return trail_set(trail, ERR_JSON_TYPE, "must be a JSON object");
    }
    err = check_type(root, trail);
    err = err ? err : json_need_object(root, "att_data", trail, &data);
    if (err) {
        return err;
    }
    err = read_att_data(arena, data, json_raw_member(root, raw, "att_data"), trail, evidence, tpm);
    return err ? trail_in(trail, err, "att_data") : ERR_OK;
}

err_t tpm_request_parse(struct arena *arena, struct span request, struct trail *trail,
                        struct evidence **ret)
{
    struct evidence *evidence = arena_calloc(arena, 1, sizeof(*evidence));
    struct evidence_tpm *tpm = arena_calloc(arena, 1, sizeof(*tpm));
    err_t err;

    if (evidence == NULL || tpm == NULL) {
        return ERR_MEMORY;
    }
    evidence->form = EVIDENCE_TPM;
    evidence->tpm = tpm;
    err = jws_read(arena, request, EVIDENCE_MAX_BYTES, trail, &tpm->jws);
    err = err ? err : check_header(&tpm->jws, trail);
    err = err ? err : read_payload(arena, trail, evidence, tpm);
    if (err) {
        return trail_in(trail, err, "request");
    }
    *ret = evidence;
    return ERR_OK;
}
