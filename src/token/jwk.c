/*
 * jwk.c - JSON Web Keys and sets of them (RFC 7517, 7518). Who may send these bytes: any client
 * (policy signers, request keys), issuers that an operator configured.
 */
#include "base/codec.h"
#include "token/internal.h"

#include <stdio.h>

static const struct {
    const char *name;
    enum pubkey_curve curve;
    size_t bytes;
} curves[] = {
    {"P-256", CURVE_P256, 32},
    {"P-384", CURVE_P384, 48},
    {"P-521", CURVE_P521, 66},
};

void jwk_done(struct jwk *jwk)
{
    pubkey_free(jwk->key);
    for (size_t i = 0; i < jwk->n_chain; i++) {
        cert_free(jwk->chain[i]);
    }
    *jwk = (struct jwk){0};
}

err_t jwk_read_chain(struct arena *arena, yyjson_val *list, struct trail *trail, struct jwk *jwk)
{
    size_t index;
    size_t max;
    yyjson_val *item;
    char name[40];

    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0) {
        trail_set(trail, ERR_JSON_TYPE, "is not an array of certificates");
        return trail_in(trail, ERR_JSON_TYPE, "x5c");
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        struct span text = json_span(item);
        struct span der = {0};
        err_t err = text.data == NULL ? ERR_JSON_TYPE : ERR_OK;

        if (err == ERR_OK && jwk->n_chain == TOKEN_MAX_CHAIN) {
            err = trail_set(trail, ERR_TOO_MANY, "more than %d certificates", TOKEN_MAX_CHAIN);
        }
        err = err ? err : base64_decode(arena, BASE64_STANDARD, text, &der);
        err = err ? err : cert_new_der(der, trail, &jwk->chain[jwk->n_chain]);
        if (err) {
            snprintf(name, sizeof(name), "x5c[%zu]", index);
            return trail_in(trail, err, name);
        }
        jwk->n_chain++;
    }
    return ERR_OK;
}

/* RFC 7518 6.3.1: minimal big-endian numbers. 65537 is the only exponent we take. */
static err_t read_rsa(struct arena *arena, yyjson_val *value, struct trail *trail,
                      struct pubkey **ret)
{
    struct span n = {0};
    struct span e = {0};
    err_t err = json_need_base64(arena, value, "n", BASE64_URL, trail, &n);

    err = err ? err : json_need_base64(arena, value, "e", BASE64_URL, trail, &e);
    if (err) {
        return err;
    }
    if (!span_equal(e, span_of("\x01\x00\x01", 3))) {
        return trail_set(trail, ERR_UNSUPPORTED, "RSA exponent is not 65537");
    }
    if (n.len > RSA_MAX_BYTES || n.len == 0 || n.data[0] == 0) {
        return trail_set(trail, ERR_VALUE, "RSA modulus is too long or has leading zeros");
    }
    err = pubkey_new_rsa(n, 65537, ret);
    return err == ERR_VALUE ? trail_set(trail, ERR_UNSUPPORTED, "RSA key is not accepted") : err;
}

/* RFC 7518 6.2.1: coordinates of exactly the field's size. */
static err_t read_ec(struct arena *arena, yyjson_val *value, struct trail *trail,
                     struct pubkey **ret)
{
    struct span crv = {0};
    struct span x = {0};
    struct span y = {0};
    err_t err = json_need_string(value, "crv", trail, &crv);

    for (size_t i = 0; i < ARRAY_LEN(curves) && err == ERR_OK; i++) {
        if (!span_is(crv, curves[i].name)) {
            continue;
        }
        err = json_need_base64(arena, value, "x", BASE64_URL, trail, &x);
        err = err ? err : json_need_base64(arena, value, "y", BASE64_URL, trail, &y);
        if (err == ERR_OK && (x.len != curves[i].bytes || y.len != curves[i].bytes)) {
            err = ERR_VALUE;
        }
        err = err ? err : pubkey_new_ec(curves[i].curve, x, y, ret);
        return err ? trail_set(trail, err, "is not a point of curve %s", curves[i].name) : ERR_OK;
    }
    return err ? err : trail_set(trail, ERR_UNSUPPORTED, "elliptic curve is not accepted");
}

static err_t read_key(struct arena *arena, yyjson_val *value, struct trail *trail, struct jwk *jwk)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    yyjson_val *x5c = json_get(value, "x5c");
    struct span kty = {0};
    bool has_numbers;
    err_t err = json_need_string(value, "kty", trail, &kty);

    if (err) {
        return err;
    }
    if (!span_is(kty, "RSA") && !span_is(kty, "EC")) {
        return trail_set(trail, ERR_UNSUPPORTED, "key type is not accepted");
    }
    has_numbers = json_get(value, span_is(kty, "RSA") ? "n" : "x") != NULL;
    if (x5c != NULL) {
        err = jwk_read_chain(arena, x5c, trail, jwk);
    }
    if (err == ERR_OK && (has_numbers || x5c == NULL)) {
        err = span_is(kty, "RSA") ? read_rsa(arena, value, trail, &key)
                                  : read_ec(arena, value, trail, &key);
    }
    if (err) {
        return err;
    }
    if (jwk->n_chain > 0) {
        const struct pubkey *certified = cert_key(jwk->chain[0]);

        if (certified == NULL ||
            pubkey_kind(certified) != (span_is(kty, "RSA") ? PUBKEY_RSA : PUBKEY_EC)) {
            return trail_set(trail, ERR_UNSUPPORTED, "key of the certificate is not accepted");
        }
        if (key != NULL && !pubkey_equal(key, certified)) {
            return trail_set(trail, ERR_MISMATCH, "x5c is not a certificate of this key");
        }
        key = key != NULL ? key : pubkey_ref(certified);
    }
    jwk->key = TAKE(key);
    return ERR_OK;
}

static err_t read_alg(yyjson_val *value, struct trail *trail, struct jwk *jwk)
{
    yyjson_val *named = json_get(value, "alg");

    jwk->alg = token_alg_of(jwk->key);
    if (named == NULL) {
        return ERR_OK;
    }
    for (enum token_alg alg = 0; alg < TOKEN_ALG_COUNT; alg++) {
        if (span_is(json_span(named), token_alg_name(alg)) && token_alg_fits(alg, jwk->key)) {
            jwk->alg = alg;
            return ERR_OK;
        }
    }
    return trail_set(trail, ERR_UNSUPPORTED, "algorithm does not fit the key");
}

static err_t read_jwk(struct arena *arena, yyjson_val *value, struct trail *trail, struct jwk *jwk)
{
    yyjson_val *kid = json_get(value, "kid");
    yyjson_val *use = json_get(value, "use");
    err_t err;

    if (!yyjson_is_obj(value)) {
        return trail_set(trail, ERR_JSON_TYPE, "is not a JSON Web Key");
    }
    /* RFC 7518 6.2.2, 6.3.2, 6.4: who sends a private key has made a mistake. */
    if (json_get(value, "d") != NULL || json_get(value, "k") != NULL) {
        return trail_set(trail, ERR_VALUE, "holds a secret key");
    }
    if (use != NULL && !span_is(json_span(use), "sig")) {
        return trail_set(trail, ERR_UNSUPPORTED, "key is not for signatures");
    }
    if (kid != NULL) {
        const char *text = json_text(kid);

        if (text == NULL || yyjson_get_len(kid) > TOKEN_MAX_KID) {
            return trail_set(trail, ERR_VALUE, "kid is not a short text");
        }
        snprintf(jwk->kid, sizeof(jwk->kid), "%s", text);
    }
    err = read_key(arena, value, trail, jwk);
    return err ? err : read_alg(value, trail, jwk);
}

err_t jwk_read(struct arena *arena, yyjson_val *value, struct trail *trail, struct jwk *ret)
{
    struct jwk jwk = {0};
    err_t err = read_jwk(arena, value, trail, &jwk);

    if (err) {
        jwk_done(&jwk);
        return err;
    }
    *ret = jwk;
    return ERR_OK;
}

err_t jwk_read_public(struct arena *arena, yyjson_val *value, struct trail *trail,
                      struct pubkey **ret)
{
    struct span kty = {0};
    err_t err;

    if (!yyjson_is_obj(value)) {
        return trail_set(trail, ERR_JSON_TYPE, "is not a JSON Web Key");
    }
    if (json_get(value, "d") != NULL || json_get(value, "k") != NULL) {
        return trail_set(trail, ERR_VALUE, "holds a secret key");
    }
    err = json_need_string(value, "kty", trail, &kty);
    if (err) {
        return err;
    }
    if (span_is(kty, "RSA")) {
        return read_rsa(arena, value, trail, ret);
    }
    return span_is(kty, "EC") ? read_ec(arena, value, trail, ret)
                              : trail_set(trail, ERR_UNSUPPORTED, "key type is not accepted");
}

static void add_base64(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const char *name, struct span bytes)
{
    json_add_text(doc, object, name, base64_dup(arena, BASE64_URL, bytes));
}

static const char *curve_name(enum pubkey_curve curve)
{
    for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
        if (curves[i].curve == curve) {
            return curves[i].name;
        }
    }
    return "";
}

yyjson_mut_val *jwk_value(struct arena *arena, yyjson_mut_doc *doc, const char *kid,
                          enum token_alg alg, const struct pubkey *key, struct cert *const *chain,
                          size_t n_chain)
{
    yyjson_mut_val *value = yyjson_mut_obj(doc);
    bool is_rsa = pubkey_kind(key) == PUBKEY_RSA;
    struct span a = {0};
    struct span b = {0};

    if (value == NULL || pubkey_numbers(key, arena, &a, &b) != ERR_OK) {
        return NULL;
    }
    if (n_chain > 0) {
        yyjson_mut_val *x5c = json_add_array(doc, value, "x5c");

        for (size_t i = 0; i < n_chain; i++) {
            const char *text = base64_dup(arena, BASE64_STANDARD, cert_der(chain[i]));

            if (text == NULL || !yyjson_mut_arr_add_str(doc, x5c, text)) {
                return NULL;
            }
        }
    }
    if (kid != NULL) {
        json_add_text(doc, value, "kid", kid);
    }
    json_add_text(doc, value, "kty", is_rsa ? "RSA" : "EC");
    json_add_text(doc, value, "alg", token_alg_name(alg));
    json_add_text(doc, value, "use", "sig");
    if (is_rsa) {
        add_base64(arena, doc, value, "n", a);
        add_base64(arena, doc, value, "e", b);
    } else {
        json_add_text(doc, value, "crv", curve_name(pubkey_curve(key)));
        add_base64(arena, doc, value, "x", a);
        add_base64(arena, doc, value, "y", b);
    }
    return value;
}

err_t jwks_write(struct arena *arena, const struct token_keys *keys, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    yyjson_mut_val *list = root == NULL ? NULL : json_add_array(doc, root, "keys");
    struct span text;

    for (size_t i = 0; list != NULL && i < token_keys_count(keys); i++) {
        const struct jwk *jwk = token_keys_at(keys, i);
        yyjson_mut_val *value =
            jwk_value(arena, doc, jwk->kid, jwk->alg, jwk->key, jwk->chain, jwk->n_chain);

        if (value == NULL || !yyjson_mut_arr_append(list, value)) {
            return ERR_MEMORY;
        }
    }
    text = json_write(arena, doc, list == NULL ? NULL : root, false);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}

static err_t add_listed(struct arena *arena, yyjson_val *value, struct trail *trail,
                        struct token_keys *keys, size_t *left_out)
{
    CLEANUP(jwk_done) struct jwk jwk = {0};
    err_t err = jwk_read(arena, value, NULL, &jwk);

    if (err == ERR_MEMORY || err == ERR_CRYPTO) {
        return err;
    }
    if (err || jwk.kid[0] == '\0') {
        (*left_out)++;
        return ERR_OK;
    }
    err = token_keys_add(keys, &jwk);
    return err ? trail_set(trail, err, "key with this kid is there twice, or too many keys")
               : ERR_OK;
}

err_t jwks_read(struct arena *arena, struct span json, struct trail *trail, struct token_keys **ret,
                size_t *ret_left_out)
{
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    yyjson_val *root = NULL;
    yyjson_val *list = NULL;
    yyjson_val *item;
    size_t left_out = 0;
    size_t index;
    size_t max;
    char name[40];
    err_t err = keys == NULL ? ERR_MEMORY : json_read(arena, json, NULL, trail, &root);

    err = err ? err : json_need_array(root, "keys", trail, &list);
    if (err) {
        return err;
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        err = add_listed(arena, item, trail, keys, &left_out);
        if (err) {
            snprintf(name, sizeof(name), "keys[%zu]", index);
            return trail_in(trail, err, name);
        }
    }
    *ret = TAKE(keys);
    *ret_left_out = left_out;
    return ERR_OK;
}
