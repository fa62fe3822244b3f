/*
 * add.c - claims into the set that a policy sees.
 */
#include "claims/parts.h"

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
    return is_read_only ? claims_add_read_only(claims, type, json)
                        : claims_add_text(claims, type, json);
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
    struct claim claim = {.type = span_str(type), .issuer = CLAIM_CUSTOM};

    switch (custom->kind) {
    case CUSTOM_INTEGER:
        claim.kind = CLAIM_INT;
        claim.integer = custom->integer;
        break;
    case CUSTOM_BOOLEAN:
        claim.kind = CLAIM_BOOL;
        claim.boolean = custom->boolean;
        break;
    case CUSTOM_STRING:
    default:
        claim.kind = CLAIM_STRING;
        claim.string = span_str(custom->string);
        break;
    }
    return claims_add(claims, &claim);
}
