/*
 * claim.c - demands on claims. Who may send the claims: an issuer whose signature held; what they
 * say of the guest is the guest's word as far as the client payload goes.
 */
#include "token/claim.h"

#include "base/codec.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const char payload_nonce[] = "x-ms-runtime.client-payload.nonce";

/* The longest part of name that ends before a dot and is a member; its length, or 0. */
static size_t leading_part(yyjson_val *object, const char *name, size_t len, yyjson_val **ret)
{
    while (len > 0) {
        const char *dot = memrchr(name, '.', len);

        if (dot == NULL) {
            return 0;
        }
        len = (size_t)(dot - name);
        *ret = yyjson_obj_getn(object, name, len);
        if (*ret != NULL) {
            return len;
        }
    }
    return 0;
}

yyjson_val *claim_find(yyjson_val *claims, const char *name)
{
    if (strlen(name) > CLAIM_NAME_MAX) {
        return NULL;
    }
    while (yyjson_is_obj(claims)) {
        yyjson_val *found = yyjson_obj_get(claims, name);
        yyjson_val *inner = NULL;
        size_t len;

        if (found != NULL) {
            return found;
        }
        len = leading_part(claims, name, strlen(name), &inner);
        if (len == 0) {
            return NULL;
        }
        claims = inner;
        name += len + 1;
    }
    return NULL;
}

/* Numbers as they are written; everything else is put into words by its kind. */
static const char *number_words(struct arena *arena, yyjson_val *value)
{
    const char *text = NULL;

    if (yyjson_is_uint(value)) {
        text = arena_printf(arena, "the number %llu", (unsigned long long)yyjson_get_uint(value));
    } else if (yyjson_is_sint(value)) {
        text = arena_printf(arena, "the number %lld", (long long)yyjson_get_sint(value));
    } else {
        text = arena_printf(arena, "the fraction %.17g", yyjson_get_real(value));
    }
    return text == NULL ? "a number" : text;
}

const char *claim_words(struct arena *arena, yyjson_val *value)
{
    const char *text = NULL;

    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL:
        return "null";
    case YYJSON_TYPE_BOOL:
        return yyjson_get_bool(value) ? "true" : "false";
    case YYJSON_TYPE_NUM:
        return number_words(arena, value);
    case YYJSON_TYPE_STR:
        text = arena_printf(arena, "the text \"%s\"",
                            text_escape_dup(arena, json_span(value), CLAIM_SHOWN_MAX));
        return text == NULL ? "a text" : text;
    case YYJSON_TYPE_ARR:
        text = arena_printf(arena, "a list of %zu", yyjson_arr_size(value));
        return text == NULL ? "a list" : text;
    case YYJSON_TYPE_OBJ:
        return "an object";
    default:
        return "nothing";
    }
}

static err_t read_value(struct arena *arena, const char *text, yyjson_val **ret)
{
    yyjson_mut_doc *doc;
    struct span json;
    err_t err = json_read(arena, span_str(text), NULL, NULL, ret);

    if (err == ERR_OK || err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    doc = json_new(arena);
    if (doc == NULL) {
        return ERR_MEMORY;
    }
    /* Through the writer, so that both kinds of value are of one type. */
    json = json_write(arena, doc, yyjson_mut_strcpy(doc, text), false);
    return json.data == NULL ? ERR_VALUE : json_read(arena, json, NULL, NULL, ret);
}

err_t claim_demand_read(struct arena *arena, const char *text, struct trail *trail,
                        struct claim_demand *ret)
{
    const char *equals = strchr(text, '=');
    yyjson_val *value = NULL;
    struct span name;
    err_t err;

    if (equals == NULL || equals == text) {
        return trail_set(trail, ERR_USAGE, "'%s' is not NAME=VALUE", text);
    }
    if (equals - text > CLAIM_NAME_MAX) {
        return trail_set(trail, ERR_USAGE, "the name is longer than %d bytes", CLAIM_NAME_MAX);
    }
    name = arena_dup(arena, span_of(text, (size_t)(equals - text)));
    if (name.data == NULL) {
        return ERR_MEMORY;
    }
    err = read_value(arena, equals + 1, &value);
    if (err) {
        return trail_set(trail, err, "the value of '%s' is no text that a claim can have",
                         (const char *)name.data);
    }
    *ret = (struct claim_demand){.name = (const char *)name.data, .value = value};
    return ERR_OK;
}

/* The same text, once in quotes: what JSON makes of 1.0 or true surprises people. */
static bool is_same_written(yyjson_val *is, yyjson_val *wanted)
{
    yyjson_val *text = yyjson_is_str(is) ? is : wanted;
    yyjson_val *other = yyjson_is_str(is) ? wanted : is;
    char *written;
    bool same;

    if (!yyjson_is_str(text) || yyjson_is_str(other) || yyjson_is_ctn(other)) {
        return false;
    }
    written = yyjson_val_write(other, YYJSON_WRITE_NOFLAG, NULL);
    same = written != NULL && yyjson_equals_str(text, written);
    free(written);
    return same;
}

err_t claim_check(struct arena *arena, yyjson_val *claims, const struct claim_demand *demand,
                  const char **ret_words)
{
    yyjson_val *is = claim_find(claims, demand->name);
    const char *wanted = claim_words(arena, demand->value);
    const char *words;
    bool is_equal = is != NULL && yyjson_equals(is, demand->value);

    if (is_equal) {
        words = arena_printf(arena, "is %s", claim_words(arena, is));
    } else if (is == NULL) {
        words = arena_printf(arena, "the token has no such claim; wanted is %s", wanted);
    } else if (is_same_written(is, demand->value)) {
        words = arena_printf(arena, "is %s; wanted is %s, which is of another kind",
                             claim_words(arena, is), wanted);
    } else if (yyjson_is_ctn(is) && yyjson_get_type(is) == yyjson_get_type(demand->value)) {
        words =
            arena_printf(arena, "is %s with other contents than wanted", claim_words(arena, is));
    } else {
        words = arena_printf(arena, "is %s; wanted is %s", claim_words(arena, is), wanted);
    }
    *ret_words = words == NULL ? "" : words;
    return is_equal ? ERR_OK : ERR_MISMATCH;
}

static bool is_in_base64(struct arena *arena, yyjson_val *value, const char *nonce)
{
    struct span bytes = {0};

    return yyjson_is_str(value) &&
           base64_decode(arena, BASE64_STANDARD, json_span(value), &bytes) == ERR_OK &&
           span_is(bytes, nonce);
}

err_t claim_check_nonce(struct arena *arena, yyjson_val *claims, const char *nonce,
                        const char **ret_words)
{
    yyjson_val *own = yyjson_obj_get(claims, "nonce");
    yyjson_val *echoed = claim_find(claims, payload_nonce);
    const char *words;

    /* The service's own claim is the better witness: where it is, the guest's is not asked. */
    if (own != NULL && yyjson_is_str(own) && span_is(json_span(own), nonce)) {
        *ret_words = "is the claim nonce";
        return ERR_OK;
    }
    if (own == NULL && is_in_base64(arena, echoed, nonce)) {
        *ret_words = "is what the guest sent along (x-ms-runtime.client-payload.nonce)";
        return ERR_OK;
    }
    if (own == NULL && echoed == NULL) {
        *ret_words = "the token carries none, neither as claim nonce nor in the client payload";
        return ERR_MISMATCH;
    }
    if (own == NULL && yyjson_is_str(echoed) && span_is(json_span(echoed), nonce)) {
        *ret_words = "x-ms-runtime.client-payload.nonce is the nonce itself, not its base64";
        return ERR_MISMATCH;
    }
    words = arena_printf(arena, "%s is %s", own != NULL ? "the claim nonce" : payload_nonce,
                         claim_words(arena, own != NULL ? own : echoed));
    *ret_words = words == NULL ? "is another" : words;
    return ERR_MISMATCH;
}
