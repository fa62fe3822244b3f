/*
 * claims-read.c - claims from JSON. Who may send these bytes: the user of the command line.
 */
#include "policy/claims-read.h"

#include <stdio.h>

static err_t refuse(struct trail *trail, const char *name, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, name);
}

static err_t read_value(yyjson_val *value, struct trail *trail, struct claim *claim)
{
    if (yyjson_is_str(value)) {
        claim->kind = CLAIM_STRING;
        claim->string = json_span(value);
    } else if (yyjson_is_bool(value)) {
        claim->kind = CLAIM_BOOL;
        claim->boolean = yyjson_get_bool(value);
    } else if (yyjson_is_sint(value) ||
               (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX)) {
        claim->kind = CLAIM_INT;
        claim->integer = yyjson_get_sint(value);
    } else {
        return refuse(trail, "value", "must be a string, a whole number of 64 bits or a Boolean");
    }
    return ERR_OK;
}

static err_t read_issuer(yyjson_val *issuer, struct trail *trail, struct claim *claim)
{
    if (issuer == NULL) {
        return ERR_OK;
    }
    for (int i = CLAIM_CUSTOM; i <= CLAIM_POLICY; i++) {
        if (span_is(json_span(issuer), claim_issuer_name((enum claim_issuer)i))) {
            claim->issuer = (enum claim_issuer)i;
            return ERR_OK;
        }
    }
    return refuse(trail, "issuer", "must be AttestationService, AttestationPolicy or CustomClaim");
}

static err_t check_members(yyjson_val *item, struct trail *trail)
{
    static const char *const known[] = {"type", "value", "valueType", "issuer", "readOnly"};
    yyjson_obj_iter iter = yyjson_obj_iter_with(item);
    yyjson_val *key;

    while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
        bool is_known = false;

        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            is_known |= span_is(json_span(key), known[i]);
        }
        if (!is_known) {
            return refuse(trail, yyjson_get_str(key), "is no member of a claim");
        }
    }
    return ERR_OK;
}

static err_t read_claim(yyjson_val *item, struct trail *trail, struct claim *ret)
{
    struct claim claim = {0};
    yyjson_val *value = NULL;
    yyjson_val *kind = json_get(item, "valueType");
    yyjson_val *read_only = json_get(item, "readOnly");
    err_t err;

    if (!yyjson_is_obj(item)) {
        return trail_set(trail, ERR_JSON_TYPE, "must be an object with type and value");
    }
    err = check_members(item, trail);
    err = err ? err : json_need_string(item, "type", trail, &claim.type);
    err = err ? err : json_need(item, "value", trail, &value);
    err = err ? err : read_value(value, trail, &claim);
    err = err ? err : read_issuer(json_get(item, "issuer"), trail, &claim);
    if (err == ERR_OK && kind != NULL && !span_is(json_span(kind), claim_kind_name(claim.kind))) {
        return refuse(trail, "valueType", "does not fit the value");
    }
    if (err == ERR_OK && read_only != NULL && !yyjson_is_bool(read_only)) {
        return refuse(trail, "readOnly", "must be a Boolean");
    }
    claim.is_read_only = yyjson_get_bool(read_only);
    if (err == ERR_OK) {
        *ret = claim;
    }
    return err;
}

err_t claims_read(struct arena *arena, yyjson_val *list, struct trail *trail, struct claims **ret)
{
    struct claims *claims = claims_new(arena);
    size_t index, max;
    yyjson_val *item;

    if (claims == NULL) {
        return ERR_MEMORY;
    }
    if (!yyjson_is_arr(list)) {
        return trail_set(trail, ERR_JSON_TYPE, "must be an array of claims");
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        struct claim claim;
        char name[32];
        err_t err = read_claim(item, trail, &claim);

        err = err ? err : claims_add(claims, &claim);
        if (err) {
            snprintf(name, sizeof(name), "[%zu]", index);
            return trail_in(trail, err, name);
        }
    }
    *ret = claims;
    return ERR_OK;
}
