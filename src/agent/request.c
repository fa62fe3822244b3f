#include "agent/request.h"

#include "base/codec.h"
#include "json/json.h"

static void add_base64(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const char *name, struct span bytes)
{
    json_add_text(doc, object, name, base64_dup(arena, BASE64_STANDARD, bytes));
}

static void add_pcrs(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *info,
                     const struct tpmdev_quote *quote)
{
    yyjson_mut_val *set = json_add_array(doc, info, "PcrSet");
    yyjson_mut_val *values = json_add_array(doc, info, "PCRs");

    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        yyjson_mut_val *entry;

        if ((quote->pcr_mask >> pcr & 1) == 0) {
            continue;
        }
        entry = yyjson_mut_obj(doc);
        json_add_uint(doc, entry, "Index", pcr);
        add_base64(arena, doc, entry, "Digest", tpm_pcr(&quote->pcrs, HASH_SHA256, pcr));
        yyjson_mut_arr_append(values, entry);
        yyjson_mut_arr_append(set, yyjson_mut_uint(doc, pcr));
    }
}

static void add_tpm_info(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root,
                         const struct request *request)
{
    yyjson_mut_val *info = json_add_object(doc, root, "TpmInfo");

    add_base64(arena, doc, info, "AikCert", request->ak->certificate);
    add_base64(arena, doc, info, "AikPub", request->ak->public_area);
    add_base64(arena, doc, info, "PcrQuote", request->quote->attest);
    add_base64(arena, doc, info, "PcrSignature", request->quote->signature);
    add_pcrs(arena, doc, info, request->quote);
    add_base64(arena, doc, info, "EncKeyPub", request->enckey->public_area);
    add_base64(arena, doc, info, "EncKeyCertifyInfo", request->enckey->certify);
    add_base64(arena, doc, info, "EncKeyCertifyInfoSignature", request->enckey->certify_signature);
}

static void add_bootwarden(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root,
                           const struct request *request)
{
    yyjson_mut_val *member = json_add_object(doc, root, "Bootwarden");

    json_add_text(doc, member, "Context", base64_dup(arena, BASE64_URL, request->context));
    json_add_value(doc, member, "GuestFacts",
                   yyjson_mut_rawncpy(doc, (const char *)request->facts.data, request->facts.len));
    if (request->ima_log.len > 0) {
        add_base64(arena, doc, member, "ImaLog", request->ima_log);
    }
}

err_t request_build_inner(struct arena *arena, const struct request *request, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span text;
    err_t err;

    if (root == NULL) {
        return ERR_MEMORY;
    }
    json_add_text(doc, root, "AttestationProtocolVersion", "2.0");
    add_base64(arena, doc, root, "OSType", span_str("Linux"));
    add_base64(arena, doc, root, "OSDistro", span_str(request->os->distro));
    json_add_uint(doc, root, "OSVersionMajor", request->os->version_major);
    json_add_uint(doc, root, "OSVersionMinor", request->os->version_minor);
    /* Sic: what Azure's Linux client sends. */
    add_base64(arena, doc, root, "OSBuild", span_str("NotApplication"));
    add_base64(arena, doc, root, "TcgLogs", request->event_log);
    json_add_object(doc, root, "ClientPayload");
    json_add_text(doc, json_add_object(doc, root, "IsolationInfo"), "Type", "TrustedLaunch");
    add_tpm_info(arena, doc, root, request);
    if (request->facts.len > 0) {
        add_bootwarden(arena, doc, root, request);
    }
    err = json_sort(arena, doc, root);
    if (err) {
        return err;
    }
    text = json_write(arena, doc, root, false);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}

err_t request_build(struct arena *arena, const struct request *request, struct span *ret)
{
    CLEANUP(buf_done) struct buf body = {0};
    struct span inner = {0};
    err_t err = request_build_inner(arena, request, &inner);

    if (err) {
        return err;
    }
    buf_init(&body, REQUEST_BODY_MAX_BYTES);
    buf_add_str(&body, "{\"AttestationInfo\":\"");
    base64_encode(&body, BASE64_URL, inner);
    buf_add_str(&body, "\"}");
    return buf_copy(&body, arena, ret);
}
