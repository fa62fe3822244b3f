/*
 * guest-pair.c - reading the keys, the name and the certificates that a guest sends.
 *
 * Who may send these bytes: anybody.
 */
#include "service/guest.h"

#include "base/codec.h"
#include "store/joins.h"

#include <stdio.h>

enum { MAX_INTERMEDIATES = 8 };

static const struct json_limits body_limits = {.max_depth = 8, .max_values = 256};
/* With facts of the guest in it. */
static const struct json_limits document_limits = {.max_depth = 12, .max_values = 16384};

void guest_pair_done(struct guest_pair *pair)
{
    pubkey_free(pair->ek);
    pubkey_free(pair->ak);
}

static err_t read_body(const struct service_call *call, struct span body,
                       const struct json_limits *limits, struct trail *trail, yyjson_val **ret)
{
    yyjson_val *root = NULL;
    err_t err = json_read(call->arena, body, limits, trail, &root);

    if (err == ERR_OK && !yyjson_is_obj(root)) {
        err = trail_set(trail, ERR_JSON_TYPE, "the body is not a JSON object");
    }
    if (err) {
        return err;
    }
    *ret = root;
    return ERR_OK;
}

err_t guest_read_body(const struct service_call *call, struct span body, struct trail *trail,
                      yyjson_val **ret)
{
    return read_body(call, body, &body_limits, trail, ret);
}

err_t guest_read_document(const struct service_call *call, struct span body, struct trail *trail,
                          yyjson_val **ret)
{
    return read_body(call, body, &document_limits, trail, ret);
}

err_t guest_need_public(const struct service_call *call, yyjson_val *root, const char *name,
                        struct trail *trail, struct span *ret)
{
    err_t err = json_need_base64(call->arena, root, name, BASE64_STANDARD, trail, ret);

    if (err == ERR_OK && ret->len > GUEST_PUBLIC_MAX) {
        trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", GUEST_PUBLIC_MAX);
        err = trail_in(trail, ERR_TOO_LARGE, name);
    }
    return err;
}

err_t guest_read_ak(struct guest_pair *pair, struct trail *trail)
{
    err_t err = tpm2b_public_parse(pair->ak_bytes, false, trail, &pair->ak_pub);

    err = err ? err : tpm_public_check_ak(&pair->ak_pub, trail);
    err = err ? err : tpm_public_key(&pair->ak_pub, trail, &pair->ak);
    err = err ? err : tpm_public_name(&pair->ak_pub, &pair->ak_name);
    return trail_in(trail, err, "akPublic");
}

err_t guest_read_ek(const struct service_call *call, struct guest_pair *pair, struct trail *trail)
{
    struct span spki = {0};
    err_t err = tpm2b_public_parse(pair->ek_bytes, false, trail, &pair->ek_pub);

    err = err ? err : tpm_public_key(&pair->ek_pub, trail, &pair->ek);
    err = err ? err : pubkey_spki(pair->ek, call->arena, &spki);
    err = err ? err : hasher_once(call->hasher, HASH_SHA256, spki, pair->ek_digest);
    return trail_in(trail, err, "ekPublic");
}

/* 1 to 64 of A-Z a-z 0-9 . _ - */
err_t guest_read_name(const struct service_call *call, yyjson_val *root, struct trail *trail,
                      const char **ret)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    yyjson_val *value = json_get(root, "name");
    const char *text = value == NULL ? NULL : json_text(value);

    if (value == NULL) {
        *ret = "";
        return ERR_OK;
    }
    if (text == NULL || text[0] == '\0' || strlen(text) > STORE_NAME_MAX ||
        text[strspn(text, allowed)] != '\0') {
        trail_set(trail, ERR_VALUE, "must be 1 to %d of A-Z a-z 0-9 . _ -", STORE_NAME_MAX);
        return trail_in(trail, ERR_VALUE, "name");
    }
    *ret = (const char *)arena_dup(call->arena, span_str(text)).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t read_intermediates(const struct service_call *call, yyjson_val *root,
                                struct trail *trail, struct cert_store *store)
{
    yyjson_val *list = json_get(root, "intermediates"), *item;
    size_t i, n;
    err_t err = ERR_OK;

    if (list == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > MAX_INTERMEDIATES) {
        trail_set(trail, ERR_VALUE, "must be an array of at most %d certificates",
                  MAX_INTERMEDIATES);
        return trail_in(trail, ERR_VALUE, "intermediates");
    }
    yyjson_arr_foreach(list, i, n, item)
    {
        CLEANUP(cert_free) struct cert *cert = NULL;
        struct span der = {0};

        err = base64_decode(call->arena, BASE64_STANDARD, json_span(item), &der);
        err = err ? err : cert_new_nv(der, trail, &cert);
        err = err ? err : cert_store_add(store, cert);
        if (err) {
            return trail_in(trail, err, "intermediates");
        }
    }
    return ERR_OK;
}

err_t guest_read_token(const struct service_call *call, yyjson_val *root, struct trail *trail,
                       struct span *ret)
{
    struct span token = json_span(json_get(root, "joinToken"));
    uint8_t *digest;
    err_t err;

    if (json_get(root, "joinToken") == NULL) {
        return ERR_OK;
    }
    if (token.len == 0 || token.len > GUEST_TOKEN_MAX) {
        trail_set(trail, ERR_VALUE, "must be a string of 1 to %d characters", GUEST_TOKEN_MAX);
        return trail_in(trail, ERR_VALUE, "joinToken");
    }
    digest = arena_alloc(call->arena, SHA256_BYTES);
    err = digest == NULL ? ERR_MEMORY : hasher_once(call->hasher, HASH_SHA256, token, digest);
    if (err == ERR_OK) {
        *ret = span_of(digest, SHA256_BYTES);
    }
    return err;
}

err_t guest_read_certificate(const struct service_call *call, yyjson_val *root,
                             const struct guest_certificate *kind, struct trail *trail,
                             struct cert **ret)
{
    CLEANUP(cert_store_free) struct cert_store *intermediates = cert_store_new();
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct span der = {0};
    struct trail why = {0};
    char words[TRAIL_WHAT_MAX];
    err_t err = intermediates == NULL ? ERR_MEMORY : ERR_OK;

    err =
        err ? err : json_need_base64(call->arena, root, kind->member, BASE64_STANDARD, trail, &der);
    err = err ? err : read_intermediates(call, root, trail, intermediates);
    if (err) {
        return err;
    }
    err = cert_new_nv(der, trail, &cert);
    if (err) {
        return trail_in(trail, err, kind->member);
    }
    if (cert_key(cert) == NULL || !pubkey_equal(cert_key(cert), kind->key)) {
        trail_set(trail, ERR_VALUE, "is for another key than %s", kind->key_member);
        return trail_in(trail, ERR_VALUE, kind->member);
    }
    err = cert_verify(cert, intermediates, kind->anchors, kind->role, call->now,
                      kind->may_be_expired, &why);
    if (err && err_category(err) != ERR_CAT_INTERNAL) {
        trail_format(&why, err, words, sizeof(words));
        return trail_set(trail, ERR_UNTRUSTED,
                         "the %s's certificate, issued by '%s', does not lead to a root in %s of "
                         "the server: %s",
                         kind->name, cert_issuer(cert, call->arena), kind->folder, words);
    }
    if (err) {
        return err;
    }
    *ret = TAKE(cert);
    return ERR_OK;
}

static err_t check_certificate(struct service *service, const struct service_call *call,
                               yyjson_val *root, struct guest_pair *pair, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(trust_free) struct trust *trust = service_trust(service);
    /* EK certificates are not renewed: an expired one still names the maker. */
    const struct guest_certificate kind = {.member = "ekCertificate",
                                           .key_member = "ekPublic",
                                           .name = "endorsement key",
                                           .folder = "trust/ek",
                                           .key = pair->ek,
                                           .anchors = trust->ek,
                                           .role = CERT_ROLE_EK,
                                           .may_be_expired = true};
    err_t err = guest_read_certificate(call, root, &kind, trail, &cert);

    pair->maker = err ? "" : cert_issuer(cert, call->arena);
    return err;
}

err_t guest_check_ek(struct service *service, const struct service_call *call, yyjson_val *root,
                     struct guest_pair *pair, struct trail *trail)
{
    struct store_announced announced;
    struct trail inner = {0};
    err_t err = ERR_OK;

    if (json_get(root, "ekCertificate") != NULL) {
        err = check_certificate(service, call, root, pair, &inner);
    }
    if (err == ERR_UNTRUSTED && store_announced_by_ek(service->store, pair->ek_digest, NULL,
                                                      call->now, NULL, &announced) == ERR_OK) {
        return ERR_OK; /* an owner named this very key */
    }
    if (err) {
        *trail = inner;
    }
    return err;
}
