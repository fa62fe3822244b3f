/*
 * jws.c - JSON Web Signatures in compact form (RFC 7515, 7.1). Who may send these bytes: any
 * client, any guest; whoever wrote a file given to the command line.
 */
#include "base/codec.h"
#include "base/text.h"
#include "token/internal.h"

static const struct {
    const char *name;
    enum sig_scheme scheme;
    enum hash_alg hash;
    enum pubkey_curve curve;
} algs[TOKEN_ALG_COUNT] = {
    [TOKEN_RS256] = {"RS256", SIG_RSASSA, HASH_SHA256, CURVE_NONE},
    [TOKEN_RS384] = {"RS384", SIG_RSASSA, HASH_SHA384, CURVE_NONE},
    [TOKEN_RS512] = {"RS512", SIG_RSASSA, HASH_SHA512, CURVE_NONE},
    [TOKEN_PS256] = {"PS256", SIG_RSAPSS, HASH_SHA256, CURVE_NONE},
    [TOKEN_PS384] = {"PS384", SIG_RSAPSS, HASH_SHA384, CURVE_NONE},
    [TOKEN_PS512] = {"PS512", SIG_RSAPSS, HASH_SHA512, CURVE_NONE},
    [TOKEN_ES256] = {"ES256", SIG_ECDSA, HASH_SHA256, CURVE_P256},
    [TOKEN_ES384] = {"ES384", SIG_ECDSA, HASH_SHA384, CURVE_P384},
    [TOKEN_ES512] = {"ES512", SIG_ECDSA, HASH_SHA512, CURVE_P521},
};

const char *token_alg_name(enum token_alg alg)
{
    return (unsigned)alg < TOKEN_ALG_COUNT ? algs[alg].name : "?";
}

enum token_alg token_alg_of(const struct pubkey *key)
{
    switch (pubkey_curve(key)) {
    case CURVE_P256:
        return TOKEN_ES256;
    case CURVE_P384:
        return TOKEN_ES384;
    case CURVE_P521:
        return TOKEN_ES512;
    case CURVE_NONE:
    default:
        return TOKEN_RS256;
    }
}

bool token_alg_fits(enum token_alg alg, const struct pubkey *key)
{
    return (unsigned)alg < TOKEN_ALG_COUNT && algs[alg].curve == pubkey_curve(key);
}

/* Members that change what the rest means (J-5, J-8). Unknown ones do not. */
static err_t check_header(yyjson_val *header, struct trail *trail)
{
    yyjson_val *b64 = json_get(header, "b64");

    if (!yyjson_is_obj(header)) {
        return trail_set(trail, ERR_JSON_TYPE, "header is not an object");
    }
    if (json_get(header, "crit") != NULL) {
        return trail_set(trail, ERR_UNSUPPORTED, "header has critical extensions");
    }
    if (b64 != NULL && !yyjson_is_true(b64)) {
        return trail_set(trail, ERR_UNSUPPORTED, "payload is not in base64 (b64)");
    }
    if (json_get(header, "zip") != NULL || json_get(header, "enc") != NULL) {
        return trail_set(trail, ERR_UNSUPPORTED, "is encrypted or compressed, not just signed");
    }
    return ERR_OK;
}

static err_t read_header(struct arena *arena, struct span text, struct trail *trail,
                         yyjson_val **ret)
{
    static const struct json_limits limits = {.max_depth = 8, .max_values = 512};
    struct span json = {0};
    yyjson_val *header = NULL;
    err_t err;

    if (text.len > TOKEN_MAX_HEADER_BYTES / 3 * 4 + 4) {
        return trail_set(trail, ERR_TOO_LARGE, "header is larger than allowed");
    }
    err = base64_decode(arena, BASE64_URL, text, &json);
    if (err) {
        return trail_set(trail, err, "header is not base64url without padding");
    }
    err = json_read(arena, json, &limits, trail, &header);
    err = err ? err : check_header(header, trail);
    if (err) {
        return trail_in(trail, err, "header");
    }
    *ret = header;
    return ERR_OK;
}

err_t jws_read(struct arena *arena, struct span text, size_t max_bytes, struct trail *trail,
               struct jws *ret)
{
    size_t max = max_bytes == 0 ? TOKEN_MAX_BYTES : max_bytes;
    struct jws jws = {0};
    const uint8_t *first;
    const uint8_t *second;
    size_t header_len;
    size_t payload_at;
    err_t err;

    if (text.len > max) {
        return trail_set(trail, ERR_TOO_LARGE, "token is larger than %zu bytes", max);
    }
    first = text.len == 0 ? NULL : memchr(text.data, '.', text.len);
    header_len = first == NULL ? 0 : (size_t)(first - text.data);
    payload_at = header_len + 1;
    second = first == NULL ? NULL : memchr(first + 1, '.', text.len - payload_at);
    if (second == NULL || memchr(second + 1, '.', text.len - (size_t)(second - text.data) - 1)) {
        return trail_set(trail, ERR_MALFORMED, "token does not have three parts");
    }
    jws.signed_part = span_cut(text, 0, (size_t)(second - text.data));
    err = read_header(arena, span_cut(text, 0, header_len), trail, &jws.header);
    if (err) {
        return err;
    }
    err = base64_decode(arena, BASE64_URL,
                        span_cut(jws.signed_part, payload_at, jws.signed_part.len), &jws.payload);
    err = err ? err
              : base64_decode(arena, BASE64_URL, span_cut(text, jws.signed_part.len + 1, text.len),
                              &jws.signature);
    if (err) {
        return trail_set(trail, err, "token is not base64url without padding");
    }
    *ret = jws;
    return ERR_OK;
}

bool jws_is_unsecured(const struct jws *jws)
{
    return span_is(json_span(json_get(jws->header, "alg")), "none") && jws->signature.len == 0;
}

err_t jws_check(const struct jws *jws, const struct pubkey *key, enum token_alg alg,
                struct trail *trail)
{
    struct span named = json_span(json_get(jws->header, "alg"));
    char shown[32];
    err_t err;

    if (!token_alg_fits(alg, key)) {
        return trail_set(trail, ERR_SIGNATURE, "key cannot make %s signatures",
                         token_alg_name(alg));
    }
    if (named.data == NULL || !span_is(named, algs[alg].name)) {
        text_escape(named, shown, sizeof(shown));
        return trail_set(trail, ERR_SIGNATURE, "algorithm '%s' is not the key's (%s)", shown,
                         algs[alg].name);
    }
    err = pubkey_verify(key, algs[alg].scheme, algs[alg].hash, jws->signed_part, jws->signature);
    return err ? trail_set(trail, err, "signature does not verify") : ERR_OK;
}

err_t jws_chain(struct arena *arena, const struct jws *jws, struct trail *trail,
                struct cert *ret[TOKEN_MAX_CHAIN], size_t *ret_n)
{
    yyjson_val *list = json_get(jws->header, "x5c");
    struct jwk holder = {0};
    err_t err;

    if (list == NULL) {
        return trail_set(trail, ERR_NOT_FOUND, "header has no x5c");
    }
    err = jwk_read_chain(arena, list, trail, &holder);
    if (err) {
        jwk_done(&holder);
        return trail_in(trail, err, "header");
    }
    memcpy(ret, holder.chain, sizeof(holder.chain));
    *ret_n = holder.n_chain;
    return ERR_OK;
}

err_t jws_unsecured(struct arena *arena, struct span payload, struct span *ret)
{
    /* {"alg":"none"} */
    const char *encoded = base64_dup(arena, BASE64_URL, payload);
    char *text = encoded == NULL ? NULL : arena_printf(arena, "eyJhbGciOiJub25lIn0.%s.", encoded);

    if (text == NULL) {
        return ERR_MEMORY;
    }
    *ret = span_str(text);
    return ERR_OK;
}

err_t jws_sign(struct arena *arena, const struct signkey *key, enum token_alg alg,
               struct span header_json, struct span payload, struct span *ret)
{
    size_t max = (header_json.len + payload.len + RSA_MAX_BYTES) / 3 * 4 + 16;
    CLEANUP(buf_done) struct buf text = {0};
    struct span signature = {0};
    err_t err;

    buf_init(&text, max);
    (void)buf_room(&text, max); /* at once, instead of by doubling */
    base64_encode(&text, BASE64_URL, header_json);
    buf_add_char(&text, '.');
    base64_encode(&text, BASE64_URL, payload);
    err = buf_err(&text);
    err = err ? err
              : signkey_sign(key, arena, algs[alg].scheme, algs[alg].hash, buf_span(&text),
                             &signature);
    buf_add_char(&text, '.');
    base64_encode(&text, BASE64_URL, signature);
    return err ? err : buf_copy(&text, arena, ret);
}
