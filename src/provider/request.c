#include "provider/request.h"

#include "base/codec.h"

#include <string.h>

const char owner_request_empty[] = "eyJhbGciOiJub25lIn0..";

/* What clients call the certificate in their requests, the current name first (attestation-api
 * section 7). */
static const char *const certificate_names[] = {
    "policyCertificate",
    "maa-policyCertificate",
    "x-ms-policyCertificate",
    "aas-policyCertificate",
};

void owner_request_done(struct owner_request *request)
{
    for (size_t i = 0; i < request->n_chain; i++) {
        cert_free(request->chain[i]);
    }
    pubkey_free(request->key);
    *request = (struct owner_request){0};
}

/* ---- reading ---- */

static struct span trim(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.data[0]) != NULL && text.data[0] != '\0') {
        text = span_cut(text, 1, text.len - 1);
    }
    while (text.len > 0 && text.data[text.len - 1] != '\0' &&
           strchr(" \t\r\n", text.data[text.len - 1]) != NULL) {
        text = span_cut(text, 0, text.len - 1);
    }
    return text;
}

/* Bare or a JSON string. */
static err_t unwrap(struct arena *arena, struct span body, struct trail *trail, struct span *ret)
{
    struct span text = trim(body);
    yyjson_val *root = NULL;
    err_t err;

    if (text.len == 0 || (text.data[0] != '"' && text.data[0] != '{')) {
        *ret = text;
        return ERR_OK;
    }
    err = json_read(arena, text, NULL, trail, &root);
    if (err) {
        return err;
    }
    if (!yyjson_is_str(root)) {
        return trail_set(trail, ERR_VALUE, "expected a JSON string with a JWS in compact form");
    }
    *ret = json_span(root);
    return ERR_OK;
}

err_t owner_request_unwrap(struct arena *arena, struct span body, enum owner_operation operation,
                           struct trail *trail, struct span *ret)
{
    static const char *const members[] = {
        [OWNER_ADDS_SIGNER] = "policyCertificateToAdd",
        [OWNER_REMOVES_SIGNER] = "policyCertificateToRemove",
    };
    const char *const only[] = {members[operation], NULL};
    yyjson_val *root = NULL;
    err_t err;

    if (!span_starts(trim(body), "{")) {
        *ret = body;
        return ERR_OK;
    }
    err = json_read(arena, trim(body), NULL, trail, &root);
    if (err) {
        return err;
    }
    err = json_need_only(root, only, NULL);
    if (err) {
        return trail_set(trail, err, "expected a JWS as a JSON string, or as the member %s alone",
                         only[0]);
    }
    return json_need_string(root, only[0], trail, ret);
}

/* The key that the header shows. */
static err_t find_key(struct arena *arena, const struct jws *jws, struct trail *trail,
                      struct owner_request *request)
{
    CLEANUP(jwk_done) struct jwk jwk = {0};
    yyjson_val *shown = json_get(jws->header, "jwk");
    err_t err;

    if (json_get(jws->header, "x5c") != NULL) {
        err = jws_chain(arena, jws, trail, request->chain, &request->n_chain);
        if (err) {
            return err;
        }
        if (request->n_chain == 0 || cert_key(request->chain[0]) == NULL) {
            return trail_set(trail, ERR_UNSUPPORTED,
                             "the signer's key is of a kind that is not accepted: RSA of 2048 bits "
                             "or more, or P-256, P-384, P-521");
        }
        return pubkey_new_spki(cert_spki(request->chain[0]), &request->key);
    }
    if (shown == NULL) {
        return trail_set(trail, ERR_VALUE,
                         "the header names an algorithm but no key: x5c or jwk is needed");
    }
    err = jwk_read(arena, shown, trail, &jwk);
    if (err) {
        return trail_in(trail, err, "jwk");
    }
    request->key = TAKE(jwk.key);
    while (request->n_chain < jwk.n_chain) {
        request->chain[request->n_chain] = TAKE(jwk.chain[request->n_chain]);
        request->n_chain++;
    }
    return ERR_OK;
}

static err_t check_signature(struct arena *arena, const struct jws *jws, struct trail *trail,
                             struct owner_request *request)
{
    err_t err;

    if (jws_is_unsecured(jws)) {
        return ERR_OK;
    }
    err = find_key(arena, jws, trail, request);
    if (err) {
        return err;
    }
    request->alg = token_alg_of(request->key);
    request->is_signed = true;
    return jws_check(jws, request->key, request->alg, trail);
}

static err_t read_payload(struct arena *arena, const struct jws *jws, struct trail *trail,
                          struct owner_request *request)
{
    err_t err;

    if (jws->payload.len == 0) {
        return ERR_OK;
    }
    err = json_read(arena, jws->payload, NULL, trail, &request->payload);
    if (err == ERR_OK && !yyjson_is_obj(request->payload)) {
        err = trail_set(trail, ERR_VALUE, "expected a JSON object");
    }
    return err ? trail_in(trail, err, "payload") : ERR_OK;
}

err_t owner_request_read(struct arena *arena, struct span body, struct trail *trail,
                         struct owner_request *ret)
{
    CLEANUP(owner_request_done) struct owner_request request = {0};
    struct jws jws = {0};
    err_t err = unwrap(arena, body, trail, &request.jws);

    err = err ? err : jws_read(arena, request.jws, OWNER_REQUEST_MAX_BYTES, trail, &jws);
    err = err ? err : check_signature(arena, &jws, trail, &request);
    /* Not before the signature holds. */
    err = err ? err : read_payload(arena, &jws, trail, &request);
    if (err) {
        return err;
    }
    *ret = request;
    request = (struct owner_request){0};
    return ERR_OK;
}

/* ---- who signed ---- */

static bool is_key_of(const struct pubkey *key, const struct signers *signers)
{
    for (size_t i = 0; i < signers->n; i++) {
        if (pubkey_equal(key, cert_key(signers->certs[i]))) {
            return true;
        }
    }
    return false;
}

static err_t check_path(const struct owner_request *request, const struct signers *signers,
                        int64_t now, struct trail *trail)
{
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_store_free) struct cert_store *between = cert_store_new();
    err_t err = anchors == NULL || between == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < signers->n; i++) {
        err = cert_store_add(anchors, signers->certs[i]);
    }
    for (size_t i = 1; err == ERR_OK && i < request->n_chain; i++) {
        err = cert_store_add(between, request->chain[i]);
    }
    return err ? err
               : cert_verify(request->chain[0], between, anchors, CERT_ROLE_ANY, now, false, trail);
}

err_t owner_request_authorize(struct arena *arena, const struct owner_request *request,
                              const struct signers *signers, int64_t now, struct trail *trail)
{
    struct trail path = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err;

    (void)arena;
    if (!request->is_signed) {
        return trail_set(trail, ERR_VALUE,
                         "this provider is isolated: it takes only what one of its policy signing "
                         "certificates has signed, and this is not signed");
    }
    if (is_key_of(request->key, signers)) {
        return ERR_OK;
    }
    if (request->n_chain == 0) {
        return trail_set(trail, ERR_UNTRUSTED,
                         "the key that signed this is not one of the provider's policy signers");
    }
    err = check_path(request, signers, now, &path);
    if (err == ERR_OK && !cert_may_sign(request->chain[0])) {
        return trail_set(trail, ERR_MISMATCH,
                         "the signer's certificate is not for signing: its keyUsage has no "
                         "digitalSignature");
    }
    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    trail_format(&path, err, words, sizeof(words));
    return trail_set(trail, err,
                     "the signer is none of the provider's policy signing certificates, and "
                     "issued under none of them: %s",
                     words);
}

yyjson_mut_val *owner_request_signer(struct arena *arena, yyjson_mut_doc *doc,
                                     const struct owner_request *request)
{
    return request->is_signed ? jwk_value(arena, doc, NULL, request->alg, request->key,
                                          request->chain, request->n_chain)
                              : NULL;
}

/* ---- what is asked ---- */

err_t owner_request_policy(struct arena *arena, const struct owner_request *request,
                           struct trail *trail, struct span *ret_text)
{
    yyjson_val *member = json_get(request->payload, "AttestationPolicy");

    if (!yyjson_is_str(member)) {
        return trail_set(trail, ERR_VALUE,
                         "the payload needs a member AttestationPolicy with the policy's text in "
                         "base64url");
    }
    if (base64_decode(arena, BASE64_URL_LENIENT, json_span(member), ret_text) != ERR_OK) {
        return trail_set(trail, ERR_ENCODING,
                         "AttestationPolicy: not base64url (the text as it is, which the "
                         "api-version 2018-09-01-preview knew, is not taken)");
    }
    return ERR_OK;
}

err_t owner_request_certificate(struct arena *arena, const struct owner_request *request,
                                struct trail *trail, struct cert **ret)
{
    for (size_t i = 0; i < ARRAY_LEN(certificate_names); i++) {
        yyjson_val *jwk = json_get(request->payload, certificate_names[i]);

        if (jwk != NULL) {
            err_t err = signers_read_key(arena, jwk, trail, ret);

            return err ? trail_in(trail, err, certificate_names[i]) : ERR_OK;
        }
    }
    return trail_set(trail, ERR_VALUE,
                     "the payload needs a member policyCertificate with a key that has x5c");
}

err_t owner_request_of_policy(struct arena *arena, struct span text, struct span *ret)
{
    const char *encoded = base64_dup(arena, BASE64_URL, text);
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span payload;

    if (encoded == NULL || root == NULL) {
        return ERR_MEMORY;
    }
    json_add_text(doc, root, "AttestationPolicy", encoded);
    payload = json_write(arena, doc, root, false);
    return payload.data == NULL ? ERR_MEMORY : jws_unsecured(arena, payload, ret);
}
