/*
 * token.c - JSON Web Tokens: issuing ours, judging anybody's. Who may send tokens to judge: any
 * client; whoever wrote a file given to the command line.
 */
#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "token/internal.h"

/* The last second of the year 9999: more is no time but a mistake or an attempt to overflow. */
static const int64_t latest_time = 253402300799;

static err_t add_cert_header(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                             const struct token_key *key, const struct token_header *header)
{
    const char *x5t = NULL;
    err_t err = ERR_OK;

    if (header->cert == TOKEN_X5T) {
        err = token_kid_x5t(arena, cert_der(key->chain[0]), &x5t);
        if (err == ERR_OK) {
            json_add_text(doc, object, "x5t", x5t);
        }
    } else if (header->cert == TOKEN_X5C) {
        yyjson_mut_val *x5c = json_add_array(doc, object, "x5c");

        for (size_t i = 0; i < key->n_chain && err == ERR_OK; i++) {
            const char *text = base64_dup(arena, BASE64_STANDARD, cert_der(key->chain[i]));

            err = text != NULL && yyjson_mut_arr_add_str(doc, x5c, text) ? ERR_OK : ERR_MEMORY;
        }
    }
    return err;
}

err_t token_sign_with(const struct token_key *key, struct arena *arena,
                      const struct token_header *header, struct span payload_json, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *object = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span json;
    err_t err;

    if (object == NULL) {
        return ERR_MEMORY;
    }
    json_add_text(doc, object, "alg", token_alg_name(key->alg));
    if (header->jku != NULL) {
        json_add_text(doc, object, "jku", header->jku);
    }
    json_add_text(doc, object, "kid", key->kid);
    json_add_text(doc, object, "typ", header->typ == NULL ? "JWT" : header->typ);
    err = add_cert_header(arena, doc, object, key, header);
    json = json_write(arena, doc, object, false);
    if (err || json.data == NULL) {
        return err ? err : ERR_MEMORY;
    }
    return jws_sign(arena, key->key, key->alg, json, payload_json, ret);
}

err_t token_sign(const struct token_key *key, struct arena *arena, const char *jku,
                 struct span payload_json, struct span *ret)
{
    const struct token_header header = {.jku = jku};

    return token_sign_with(key, arena, &header, payload_json, ret);
}

yyjson_mut_val *token_claims(yyjson_mut_doc *doc, const char *iss, int64_t iat, int64_t lifetime_s)
{
    yyjson_mut_val *claims = yyjson_mut_obj(doc);

    if (claims != NULL) {
        json_add_int(doc, claims, "exp", iat + lifetime_s);
        json_add_int(doc, claims, "iat", iat);
        json_add_text(doc, claims, "iss", iss);
        json_add_int(doc, claims, "nbf", iat);
    }
    return claims;
}

err_t token_jti(char text[TOKEN_JTI_SIZE])
{
    uint8_t bytes[32];
    err_t err = random_bytes(bytes, sizeof(bytes));

    if (err == ERR_OK) {
        hex_encode(span_of(bytes, sizeof(bytes)), text, TOKEN_JTI_SIZE);
    }
    return err;
}

err_t token_issue(const struct token_key *key, struct arena *arena, const char *jku,
                  yyjson_mut_doc *doc, yyjson_mut_val *claims, struct span *ret)
{
    struct span json;
    err_t err = json_sort(arena, doc, claims);

    if (err) {
        return err;
    }
    json = json_write(arena, doc, claims, false);
    return json.data == NULL ? ERR_MEMORY : token_sign(key, arena, jku, json, ret);
}

/* NumericDate (RFC 7519, 2), whole seconds alone. */
static err_t read_time(yyjson_val *payload, const char *name, bool is_needed, struct trail *trail,
                       bool *ret_there, int64_t *ret)
{
    yyjson_val *value = json_get(payload, name);

    *ret_there = value != NULL;
    if (value == NULL && !is_needed) {
        return ERR_OK;
    }
    if (value == NULL) {
        trail_set(trail, ERR_JSON_MISSING, "is missing");
        return trail_in(trail, ERR_JSON_MISSING, name);
    }
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > (uint64_t)latest_time) {
        trail_set(trail, ERR_JSON_TYPE, "is not a time in seconds");
        return trail_in(trail, ERR_JSON_TYPE, name);
    }
    *ret = (int64_t)yyjson_get_uint(value);
    return ERR_OK;
}

err_t token_check_times(const struct token_verify_options *options, struct trail *trail,
                        struct token *token)
{
    int64_t not_before = 0;
    bool has_exp = false;
    bool has_nbf = false;
    bool has_iat = false;
    err_t err = read_time(token->payload, "exp", true, trail, &has_exp, &token->expires_at);

    err = err ? err : read_time(token->payload, "nbf", false, trail, &has_nbf, &not_before);
    err = err ? err : read_time(token->payload, "iat", false, trail, &has_iat, &token->issued_at);
    if (err) {
        return err;
    }
    if (options->now - options->skew_s >= token->expires_at) {
        return trail_set(trail, ERR_EXPIRED, "token has expired");
    }
    if (has_nbf && options->now + options->skew_s < not_before) {
        return trail_set(trail, ERR_EXPIRED, "token is not valid yet");
    }
    if (has_iat && options->now + options->skew_s < token->issued_at) {
        return trail_set(trail, ERR_EXPIRED, "token was issued in the future");
    }
    return ERR_OK;
}

/* RFC 7519 4.1.3: a text or a list of texts; who does not expect any must not be meant. */
err_t token_check_audience(yyjson_val *payload, const char *wanted, struct trail *trail)
{
    yyjson_val *aud = json_get(payload, "aud");
    yyjson_val *item;
    size_t index;
    size_t max;

    if (aud == NULL && wanted == NULL) {
        return ERR_OK;
    }
    if (wanted != NULL && yyjson_is_str(aud) && span_is(json_span(aud), wanted)) {
        return ERR_OK;
    }
    if (wanted != NULL && yyjson_is_arr(aud)) {
        yyjson_arr_foreach(aud, index, max, item)
        {
            if (yyjson_is_str(item) && span_is(json_span(item), wanted)) {
                return ERR_OK;
            }
        }
    }
    return trail_set(trail, ERR_MISMATCH, "token is for another audience");
}

err_t token_check_type(yyjson_val *header, const struct token_verify_options *options,
                       struct trail *trail)
{
    const char *wanted = options->typ == NULL ? "JWT" : options->typ;
    yyjson_val *typ = json_get(header, "typ");

    if (json_get(header, "cty") != NULL) {
        return trail_set(trail, ERR_UNSUPPORTED, "token holds another one (cty)");
    }
    if (typ == NULL && options->typ_may_be_absent) {
        return ERR_OK;
    }
    if (!yyjson_is_str(typ) || !text_span_equal_nocase(json_span(typ), wanted)) {
        return trail_set(trail, ERR_MISMATCH, "token is not of type %s", wanted);
    }
    return ERR_OK;
}

err_t token_check_issuer(yyjson_val *payload, const char *wanted, struct trail *trail)
{
    yyjson_val *iss = json_get(payload, "iss");

    if (!yyjson_is_str(iss) || !span_is(json_span(iss), wanted)) {
        return trail_set(trail, ERR_MISMATCH, "token is of another issuer than %s", wanted);
    }
    return ERR_OK;
}

static err_t check_signature(const struct jws *jws, const struct token_verify_options *options,
                             struct trail *trail, const struct jwk **ret)
{
    struct span kid = json_span(json_get(jws->header, "kid"));
    const struct jwk *key;
    char shown[64];
    err_t err;

    if (kid.data == NULL || kid.len == 0) {
        return trail_set(trail, ERR_UNTRUSTED, "token does not name its key (kid)");
    }
    key = token_keys_find(options->keys, kid);
    if (key == NULL) {
        text_escape(kid, shown, sizeof(shown));
        return trail_set(trail, ERR_UNTRUSTED, "token is signed with the unknown key '%s'", shown);
    }
    err = jws_check(jws, key->key, key->alg, trail);
    if (err == ERR_OK) {
        *ret = key;
    }
    return err;
}

static err_t check_payload(struct arena *arena, const struct jws *jws,
                           const struct token_verify_options *options, struct trail *trail,
                           struct token *token)
{
    err_t err = json_read(arena, jws->payload, NULL, trail, &token->payload);

    if (err == ERR_OK && !yyjson_is_obj(token->payload)) {
        err = trail_set(trail, ERR_JSON_TYPE, "is not an object");
    }
    if (err) {
        return trail_in(trail, err, "payload");
    }
    err = token_check_issuer(token->payload, options->iss, trail);
    err = err ? err : token_check_audience(token->payload, options->aud, trail);
    return err ? err : token_check_times(options, trail, token);
}

err_t token_verify(struct arena *arena, struct span text,
                   const struct token_verify_options *options, struct trail *trail,
                   struct token *ret)
{
    struct jws jws = {0};
    struct token token = {0};
    err_t err;

    /* A caller that forgot what to expect must not get an answer. */
    if (options->keys == NULL || options->iss == NULL || options->skew_s < 0 ||
        options->skew_s > TOKEN_MAX_SKEW_S) {
        return trail_set(trail, ERR_VALUE, "verification without key set, issuer or bounded skew");
    }
    err = jws_read(arena, text, options->max_bytes, trail, &jws);
    err = err ? err : check_signature(&jws, options, trail, &token.key);
    err = err ? err : token_check_type(jws.header, options, trail);
    err = err ? err : check_payload(arena, &jws, options, trail, &token);
    if (err) {
        return err;
    }
    token.header = jws.header;
    *ret = token;
    return ERR_OK;
}
