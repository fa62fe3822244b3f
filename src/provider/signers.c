#include "provider/signers.h"

#include "base/codec.h"
#include "crypto/hash.h"
#include "token/token.h"

void signers_done(struct signers *signers)
{
    for (size_t i = 0; i < signers->n; i++) {
        cert_free(signers->certs[i]);
    }
    *signers = (struct signers){0};
}

err_t signers_read_key(struct arena *arena, yyjson_val *jwk, struct trail *trail, struct cert **ret)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    yyjson_val *x5c = json_get(jwk, "x5c");
    struct span text = json_span(yyjson_arr_get_first(x5c));
    struct span der = {0};
    err_t err;

    if (text.data == NULL) {
        /* In the service's words: clients show them. */
        return trail_set(trail, ERR_VALUE,
                         "PolicySigningCertificate key is not an X509 security "
                         "key: it has no x5c with a certificate");
    }
    if (base64_decode(arena, BASE64_STANDARD, text, &der) != ERR_OK) {
        return trail_set(trail, ERR_ENCODING, "x5c: not base64 with padding (RFC 7517, 4.7)");
    }
    err = cert_new_der(der, trail, &cert);
    if (err) {
        return trail_in(trail, err, "x5c");
    }
    if (cert_key(cert) == NULL) {
        return trail_set(trail, ERR_UNSUPPORTED,
                         "x5c: the certificate's key is of a kind that is not accepted: RSA of "
                         "2048 bits or more, or P-256, P-384, P-521");
    }
    *ret = TAKE(cert);
    return ERR_OK;
}

bool signers_have(const struct signers *signers, const struct cert *cert)
{
    for (size_t i = 0; i < signers->n; i++) {
        if (span_equal(cert_der(signers->certs[i]), cert_der(cert))) {
            return true;
        }
    }
    return false;
}

err_t signers_add(struct signers *signers, struct cert *cert)
{
    if (signers_have(signers, cert)) {
        return ERR_OK;
    }
    if (signers->n == SIGNERS_MAX) {
        return ERR_TOO_MANY;
    }
    signers->certs[signers->n++] = cert_ref(cert);
    return ERR_OK;
}

err_t signers_remove(struct signers *signers, const struct cert *cert)
{
    size_t n = 0;

    if (!signers_have(signers, cert)) {
        return ERR_OK;
    }
    if (signers->n == 1) {
        return ERR_CONFLICT;
    }
    for (size_t i = 0; i < signers->n; i++) {
        if (span_equal(cert_der(signers->certs[i]), cert_der(cert))) {
            cert_free(signers->certs[i]);
        } else {
            signers->certs[n++] = signers->certs[i];
        }
    }
    signers->n = n;
    return ERR_OK;
}

void signers_copy(const struct signers *signers, struct signers *ret)
{
    *ret = (struct signers){.n = signers->n};
    for (size_t i = 0; i < signers->n; i++) {
        ret->certs[i] = cert_ref(signers->certs[i]);
    }
}

err_t signers_read(struct arena *arena, yyjson_val *jwks, struct trail *trail, struct signers *ret)
{
    CLEANUP(signers_done) struct signers signers = {0};
    yyjson_val *keys = NULL;
    yyjson_val *key;
    size_t i, n;
    err_t err = json_need_array(jwks, "keys", trail, &keys);

    yyjson_arr_foreach(keys, i, n, key)
    {
        CLEANUP(cert_free) struct cert *cert = NULL;

        err = err ? err : signers_read_key(arena, key, trail, &cert);
        err = err ? err : signers_add(&signers, cert);
        if (err == ERR_TOO_MANY) {
            trail_set(trail, err, "more than %d certificates", SIGNERS_MAX);
        }
        if (err) {
            char where[32];

            snprintf(where, sizeof(where), "keys[%zu]", i);
            return trail_in(trail, err, where);
        }
    }
    if (err) {
        return err;
    }
    *ret = signers;
    signers = (struct signers){0};
    return ERR_OK;
}

yyjson_mut_val *signers_value(struct arena *arena, yyjson_mut_doc *doc,
                              const struct signers *signers)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_mut_val *keys = json_add_array(doc, object, "keys");

    for (size_t i = 0; i < signers->n; i++) {
        const struct cert *cert = signers->certs[i];
        const char *text = base64_dup(arena, BASE64_STANDARD, cert_der(cert));
        yyjson_mut_val *key = yyjson_mut_arr_add_obj(doc, keys);
        yyjson_mut_val *x5c;

        if (text == NULL || key == NULL) {
            return NULL;
        }
        json_add_text(doc, key, "alg", token_alg_name(token_alg_of(cert_key(cert))));
        json_add_text(doc, key, "kty", pubkey_kind(cert_key(cert)) == PUBKEY_RSA ? "RSA" : "EC");
        json_add_text(doc, key, "use", "sig");
        x5c = json_add_array(doc, key, "x5c");
        if (!yyjson_mut_arr_add_str(doc, x5c, text)) {
            return NULL;
        }
    }
    return object;
}

const char *signers_thumbprint(struct arena *arena, const struct cert *cert)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    uint8_t digest[HASH_MAX_BYTES];
    char *text = arena_alloc(arena, (size_t)2 * HASH_MAX_BYTES + 1);

    if (hasher == NULL || text == NULL ||
        hasher_once(hasher, HASH_SHA1, cert_der(cert), digest) != ERR_OK) {
        return NULL;
    }
    hex_encode(span_of(digest, hash_size(HASH_SHA1)), text, (size_t)2 * HASH_MAX_BYTES + 1);
    for (char *c = text; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'f') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
    return text;
}
