/*
 * add.c - claims into the set that a policy sees.
 */
#include "claims/parts.h"

static const char custom_issuer[] = "CustomClaim";

err_t add_bool(struct claims *claims, const char *type, bool value)
{
    return claims_add_bool(claims, type, value);
}

err_t add_int(struct claims *claims, const char *type, int64_t value)
{
    return claims_add_int(claims, type, value);
}

err_t add_string(struct claims *claims, const char *type, const char *value)
{
    return claims_add_string(claims, type, value);
}

err_t add_document(struct claims *claims, const char *type, struct span json, bool is_read_only)
{
    (void)is_read_only; /* nothing in the built-in policies hands a claim on */
    return claims_add_string(claims, type, (const char *)json.data);
}

size_t count_claims(const struct claims *claims)
{
    return claims->n;
}

void drop_claims(struct claims *claims, size_t n)
{
    claims->n = n;
}

err_t add_custom(struct claims *claims, const char *type, const struct evidence_custom *custom)
{
    err_t err;

    switch (custom->kind) {
    case CUSTOM_INTEGER:
        err = claims_add_int(claims, type, custom->integer);
        break;
    case CUSTOM_BOOLEAN:
        err = claims_add_bool(claims, type, custom->boolean);
        break;
    case CUSTOM_STRING:
    default:
        err = claims_add_string(claims, type, custom->string);
        break;
    }
    if (err == ERR_OK) {
        claims->items[claims->n - 1].issuer = custom_issuer;
    }
    return err;
}
