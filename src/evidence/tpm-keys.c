/*
 * tpm-keys.c - the keys of a /attest/Tpm request, and the claims that the client makes itself.
 *
 * Who may send these bytes: anybody who reaches the server.
 */
#include "evidence/tpm-parts.h"

#include "base/text.h"
#include "json/raw.h"

#include <stdlib.h>

enum { SHOWN_MAX = 40, NUMBER_MAX = 24 };

/* ---- keys ---- */

static err_t read_quote_binding(struct arena *arena, yyjson_val *binding, struct trail *trail,
                                struct evidence_key *key)
{
    static const struct {
        const char *name;
        enum hash_alg hash;
    } hashes[] = {{"sha-256", HASH_SHA256}, {"sha-384", HASH_SHA384}, {"sha-512", HASH_SHA512}};
    struct span name = {0};
    char shown[SHOWN_MAX];
    err_t err = yyjson_is_obj(binding) ? json_need_string(binding, "hash_alg", trail, &name)
                                       : trail_set(trail, ERR_JSON_TYPE, "must be an object");

    (void)arena;
    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(hashes); i++) {
        if (span_is(name, hashes[i].name)) {
            key->binding = KEY_QUOTED;
            key->hash_name = hashes[i].name;
            key->hash = hashes[i].hash;
            return ERR_OK;
        }
    }
    if (err) {
        return err;
    }
    text_escape(name, shown, sizeof(shown));
    trail_set(trail, ERR_UNSUPPORTED, "is '%s': sha-256, sha-384 and sha-512 are supported", shown);
    return trail_in(trail, ERR_UNSUPPORTED, "hash_alg");
}

static err_t read_certify_binding(struct arena *arena, yyjson_val *binding, struct trail *trail,
                                  struct evidence_key *key)
{
    err_t err =
        yyjson_is_obj(binding) ? ERR_OK : trail_set(trail, ERR_JSON_TYPE, "must be an object");

    err = err ? err : tpm_need_blob(arena, binding, key->where, "public", trail, &key->public_area);
    err = err ? err
              : tpm_need_blob(arena, binding, key->where, "certification", trail,
                              &key->certification);
    err =
        err ? err : tpm_need_blob(arena, binding, key->where, "signature", trail, &key->signature);
    key->binding = KEY_CERTIFIED;
    return err;
}

static err_t read_info(struct arena *arena, yyjson_val *object, bool may_quote, struct trail *trail,
                       struct evidence_key *key)
{
    yyjson_val *info = json_get(object, "info");
    yyjson_val *quoted;
    yyjson_val *certified;
    const char *name;
    err_t err;

    if (info == NULL || yyjson_is_null(info)) {
        return ERR_OK;
    }
    if (!yyjson_is_obj(info)) {
        return tpm_fault(trail, ERR_JSON_TYPE, "info", "must be an object");
    }
    quoted = json_get(info, "tpm_quote");
    certified = json_get(info, "tpm_certify");
    name = quoted != NULL ? "tpm_quote" : "tpm_certify";
    if (quoted != NULL && certified != NULL) {
        err = trail_set(trail, ERR_VALUE, "names two bindings of one key");
    } else if (quoted != NULL && !may_quote) {
        err = tpm_fault(trail, ERR_VALUE, name, "only the request key may be bound by the quote");
    } else if (quoted != NULL || certified != NULL) {
        err = quoted != NULL ? read_quote_binding(arena, quoted, trail, key)
                             : read_certify_binding(arena, certified, trail, key);
        err = err ? trail_in(trail, err, name) : ERR_OK;
    } else if (yyjson_obj_size(info) > 0) {
        /* A binding that we do not know is no reason to take the key for a bound one, nor to say
         * nothing about it. */
        err =
            trail_set(trail, ERR_UNSUPPORTED, "has another binding than tpm_quote and tpm_certify");
    } else {
        err = ERR_OK;
    }
    return err ? trail_in(trail, err, "info") : ERR_OK;
}

static err_t read_key(struct arena *arena, yyjson_val *object, struct span raw, bool may_quote,
                      struct trail *trail, struct evidence_key *key)
{
    err_t err = json_need_object(object, "jwk", trail, &key->jwk);

    if (err) {
        return err;
    }
    key->raw = json_raw_member(object, raw, "jwk");
    if (key->raw.len == 0) {
        return ERR_INTERNAL;
    }
    if (key->raw.len > TPM_REQUEST_MAX_JWK) {
        trail_set(trail, ERR_TOO_LARGE, "is longer than %d bytes", TPM_REQUEST_MAX_JWK);
        return trail_in(trail, ERR_TOO_LARGE, "jwk");
    }
    return read_info(arena, object, may_quote, trail, key);
}

err_t tpm_read_other_keys(struct arena *arena, yyjson_val *data, struct span raw,
                          struct trail *trail, struct evidence_tpm *tpm)
{
    static const char *const names[TPM_REQUEST_MAX_OTHER_KEYS] = {"other_keys[0]", "other_keys[1]"};
    yyjson_val *list = json_get(data, "other_keys");
    struct span raw_list;
    yyjson_val *item;
    size_t index;
    size_t max;

    if (list == NULL || yyjson_is_null(list)) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(list)) {
        return tpm_fault(trail, ERR_JSON_TYPE, "other_keys", "must be an array");
    }
    if (yyjson_arr_size(list) > TPM_REQUEST_MAX_OTHER_KEYS) {
        return tpm_fault(trail, ERR_TOO_MANY, "other_keys", "has more than two keys");
    }
    raw_list = json_raw_member(data, raw, "other_keys");
    yyjson_arr_foreach(list, index, max, item)
    {
        struct evidence_key *key = &tpm->other_keys[index];
        err_t err;

        key->where = names[index];
        err = yyjson_is_obj(item)
                  ? read_key(arena, item, json_raw_item(list, raw_list, index), false, trail, key)
                  : trail_set(trail, ERR_JSON_TYPE, "must be an object");
        if (err) {
            return trail_in(trail, err, names[index]);
        }
        tpm->n_other_keys = index + 1;
    }
    return ERR_OK;
}

err_t tpm_read_request_key(struct arena *arena, yyjson_val *data, struct span raw,
                           struct trail *trail, struct evidence_tpm *tpm)
{
    yyjson_val *object = NULL;
    err_t err = json_need_object(data, "request_key", trail, &object);

    if (err) {
        return err;
    }
    tpm->request_key.where = "request_key";
    err = read_key(arena, object, json_raw_member(data, raw, "request_key"), true, trail,
                   &tpm->request_key);
    return err ? trail_in(trail, err, "request_key") : ERR_OK;
}

/* ---- custom claims ---- */

/* "12", 12: the client writes its values as text or as they are. */
static err_t custom_integer(yyjson_val *value, struct trail *trail, struct evidence_custom *claim)
{
    const char *text = json_text(value);
    char *end = NULL;
    long long number;

    if (yyjson_is_int(value) && !(yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX)) {
        claim->integer = yyjson_get_sint(value);
        return ERR_OK;
    }
    if (text == NULL || yyjson_get_len(value) == 0 || yyjson_get_len(value) > NUMBER_MAX ||
        (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) {
        return tpm_fault(trail, ERR_JSON_TYPE, "value", "is no whole number");
    }
    number = strtoll(text, &end, 10);
    /* At the ends of the range only the ends themselves are meant. */
    if (*end != '\0' || end == text ||
        (number == INT64_MAX && strcmp(text, "9223372036854775807") != 0) ||
        (number == INT64_MIN && strcmp(text, "-9223372036854775808") != 0)) {
        return tpm_fault(trail, ERR_JSON_TYPE, "value", "is no whole number of 64 bits");
    }
    claim->integer = number;
    return ERR_OK;
}

static err_t custom_boolean(yyjson_val *value, struct trail *trail, struct evidence_custom *claim)
{
    struct span text = json_span(value);
    bool is_true = yyjson_is_true(value) || text_span_equal_nocase(text, "true");

    if (!is_true && !yyjson_is_false(value) && !text_span_equal_nocase(text, "false")) {
        return tpm_fault(trail, ERR_JSON_TYPE, "value", "is neither true nor false");
    }
    claim->boolean = is_true;
    return ERR_OK;
}

static err_t custom_text(yyjson_val *object, const char *name, struct trail *trail,
                         const char **ret)
{
    struct span text = {0};
    err_t err = json_need_string(object, name, trail, &text);

    if (err) {
        return err;
    }
    if (json_text(json_get(object, name)) == NULL) {
        return tpm_fault(trail, ERR_VALUE, name, "holds a NUL character");
    }
    if (text.len > TPM_REQUEST_MAX_CUSTOM_TEXT) {
        trail_set(trail, ERR_TOO_LARGE, "is longer than %d bytes", TPM_REQUEST_MAX_CUSTOM_TEXT);
        return trail_in(trail, ERR_TOO_LARGE, name);
    }
    *ret = (const char *)text.data;
    return ERR_OK;
}

static err_t read_custom(yyjson_val *object, struct trail *trail, struct evidence_custom *claim)
{
    yyjson_val *value = NULL;
    struct span type = span_str("String");
    err_t err = custom_text(object, "name", trail, &claim->name);

    if (err == ERR_OK && claim->name[0] == '\0') {
        err = tpm_fault(trail, ERR_VALUE, "name", "is empty");
    }
    err = err ? err : json_need(object, "value", trail, &value);
    if (err == ERR_OK && json_get(object, "value_type") != NULL) {
        err = json_need_string(object, "value_type", trail, &type);
    }
    if (err) {
        return err;
    }
    if (text_span_equal_nocase(type, "integer")) {
        claim->kind = CUSTOM_INTEGER;
        return custom_integer(value, trail, claim);
    }
    if (text_span_equal_nocase(type, "boolean")) {
        claim->kind = CUSTOM_BOOLEAN;
        return custom_boolean(value, trail, claim);
    }
    if (!text_span_equal_nocase(type, "string")) {
        return tpm_fault(trail, ERR_UNSUPPORTED, "value_type",
                         "is none of String, Integer, Boolean");
    }
    claim->kind = CUSTOM_STRING;
    return custom_text(object, "value", trail, &claim->string);
}

err_t tpm_read_custom_claims(yyjson_val *data, struct trail *trail, struct evidence_tpm *tpm)
{
    yyjson_val *list = json_get(data, "custom_claims");
    yyjson_val *item;
    size_t index;
    size_t max;

    if (list == NULL || yyjson_is_null(list)) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(list)) {
        return tpm_fault(trail, ERR_JSON_TYPE, "custom_claims", "must be an array");
    }
    if (yyjson_arr_size(list) > TPM_REQUEST_MAX_CUSTOM_CLAIMS) {
        trail_set(trail, ERR_TOO_MANY, "more than %d claims", TPM_REQUEST_MAX_CUSTOM_CLAIMS);
        return trail_in(trail, ERR_TOO_MANY, "custom_claims");
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        err_t err = yyjson_is_obj(item) ? read_custom(item, trail, &tpm->custom[index])
                                        : trail_set(trail, ERR_JSON_TYPE, "must be an object");

        if (err) {
            return tpm_in_list(trail, err, "custom_claims", index);
        }
        tpm->n_custom = index + 1;
    }
    return ERR_OK;
}
