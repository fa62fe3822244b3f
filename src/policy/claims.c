#include "policy/policy.h"

#include <string.h>

static err_t add(struct claims *claims, struct claim claim)
{
    if (claims->n == CLAIMS_MAX) {
        return ERR_TOO_MANY;
    }
    claim.issuer = "AttestationService";
    claims->items[claims->n++] = claim;
    return ERR_OK;
}

err_t claims_add_bool(struct claims *claims, const char *type, bool value)
{
    return add(claims, (struct claim){.type = type, .kind = CLAIM_BOOL, .boolean = value});
}

err_t claims_add_int(struct claims *claims, const char *type, int64_t value)
{
    return add(claims, (struct claim){.type = type, .kind = CLAIM_INT, .integer = value});
}

err_t claims_add_string(struct claims *claims, const char *type, const char *value)
{
    return add(claims, (struct claim){.type = type, .kind = CLAIM_STRING, .string = value});
}

err_t claims_add_json(struct claims *claims, const char *type, yyjson_mut_val *value)
{
    if (value == NULL) {
        return ERR_MEMORY;
    }
    return add(claims, (struct claim){.type = type, .kind = CLAIM_JSON, .json = value});
}

const struct claim *claims_find(const struct claims *claims, const char *type)
{
    for (size_t i = 0; i < claims->n; i++) {
        if (strcmp(claims->items[i].type, type) == 0) {
            return &claims->items[i];
        }
    }
    return NULL;
}

void claims_to_json(yyjson_mut_doc *doc, const struct claims *claims, yyjson_mut_val *object)
{
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *claim = &claims->items[i];

        switch (claim->kind) {
        case CLAIM_BOOL:
            json_add_bool(doc, object, claim->type, claim->boolean);
            break;
        case CLAIM_INT:
            json_add_int(doc, object, claim->type, claim->integer);
            break;
        case CLAIM_STRING:
            json_add_text(doc, object, claim->type, claim->string);
            break;
        case CLAIM_JSON:
        default:
            json_add_value(doc, object, claim->type, yyjson_mut_val_mut_copy(doc, claim->json));
            break;
        }
    }
}
