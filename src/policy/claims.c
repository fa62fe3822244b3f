/*
 * claims.c - sets of claims, and claims as members of a token.
 */
#include "policy/claims.h"

#include "policy/claim-index.h"

enum { FIRST_SIZE = 32 };

void claims_init(struct claims *claims, struct arena *arena)
{
    *claims = (struct claims){.arena = arena};
}

struct claims *claims_new(struct arena *arena)
{
    struct claims *claims = arena_alloc(arena, sizeof(*claims));

    if (claims != NULL) {
        claims_init(claims, arena);
    }
    return claims;
}

err_t claims_add(struct claims *claims, const struct claim *claim)
{
    if (claims->n == CLAIMS_MAX) {
        return ERR_TOO_MANY;
    }
    if (claims->n == claims->size) {
        size_t size = claims->size == 0 ? FIRST_SIZE : 2 * claims->size;
        struct claim *items = arena_calloc(claims->arena, size, sizeof(*items));

        if (items == NULL) {
            return ERR_MEMORY;
        }
        if (claims->n > 0) {
            memcpy(items, claims->items, claims->n * sizeof(*items));
        }
        claims->items = items;
        claims->size = size;
    }
    claims->items[claims->n++] = *claim;
    return ERR_OK;
}

static struct claim of_service(const char *type, enum claim_kind kind)
{
    return (struct claim){.type = span_str(type), .kind = kind, .issuer = CLAIM_SERVICE};
}

err_t claims_add_bool(struct claims *claims, const char *type, bool value)
{
    struct claim claim = of_service(type, CLAIM_BOOL);

    claim.boolean = value;
    return claims_add(claims, &claim);
}

err_t claims_add_int(struct claims *claims, const char *type, int64_t value)
{
    struct claim claim = of_service(type, CLAIM_INT);

    claim.integer = value;
    return claims_add(claims, &claim);
}

err_t claims_add_text(struct claims *claims, const char *type, struct span value)
{
    struct claim claim = of_service(type, CLAIM_STRING);

    claim.string = value;
    return claims_add(claims, &claim);
}

err_t claims_add_string(struct claims *claims, const char *type, const char *value)
{
    return claims_add_text(claims, type, span_str(value));
}

err_t claims_add_read_only(struct claims *claims, const char *type, struct span value)
{
    struct claim claim = of_service(type, CLAIM_STRING);

    claim.string = value;
    claim.is_read_only = true;
    return claims_add(claims, &claim);
}

err_t claims_add_json(struct claims *claims, const char *type, yyjson_mut_val *value)
{
    struct claim claim = of_service(type, CLAIM_JSON);

    if (value == NULL) {
        return ERR_MEMORY;
    }
    claim.json = value;
    return claims_add(claims, &claim);
}

const struct claim *claims_find(const struct claims *claims, const char *type)
{
    struct span wanted = span_str(type);

    for (size_t i = 0; i < claims->n; i++) {
        if (span_equal(claims->items[i].type, wanted)) {
            return &claims->items[i];
        }
    }
    return NULL;
}

bool claim_values_equal(const struct claim *a, const struct claim *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case CLAIM_BOOL:
        return a->boolean == b->boolean;
    case CLAIM_INT:
        return a->integer == b->integer;
    case CLAIM_STRING:
        return span_equal(a->string, b->string);
    case CLAIM_JSON:
    default:
        return a->json == b->json;
    }
}

const char *claim_issuer_name(enum claim_issuer issuer)
{
    static const char *const names[] = {"CustomClaim", "AttestationService", "AttestationPolicy"};

    return names[issuer];
}

const char *claim_kind_name(enum claim_kind kind)
{
    static const char *const names[] = {"String", "Integer", "Boolean", "JSON"};

    return names[kind];
}

/* ---- the token ---- */

static yyjson_mut_val *to_json(yyjson_mut_doc *doc, const struct claim *claim)
{
    switch (claim->kind) {
    case CLAIM_BOOL:
        return yyjson_mut_bool(doc, claim->boolean);
    case CLAIM_INT:
        return yyjson_mut_sint(doc, claim->integer);
    case CLAIM_STRING:
        return yyjson_mut_strncpy(
            doc, claim->string.data == NULL ? "" : (const char *)claim->string.data,
            claim->string.len);
    case CLAIM_JSON:
    default:
        return yyjson_mut_val_mut_copy(doc, claim->json);
    }
}

/* Was an equal value there before? */
static bool is_repeated(const struct claim_index *index, const struct claim_group *group,
                        uint32_t at)
{
    for (uint32_t i = group->first; i != at; i = index->next[i]) {
        if (claim_values_equal(index->items[i], index->items[at])) {
            return true;
        }
    }
    return false;
}

/* One value as it is, several as an array; a JSON claim is all of its type. */
static yyjson_mut_val *group_to_json(yyjson_mut_doc *doc, const struct claim_index *index,
                                     const struct claim_group *group)
{
    yyjson_mut_val *list = NULL;
    yyjson_mut_val *only = NULL;

    for (uint32_t i = group->first; i != CLAIM_INDEX_NONE; i = index->next[i]) {
        if (index->items[i]->kind == CLAIM_JSON) {
            return to_json(doc, index->items[i]);
        }
    }
    for (uint32_t i = group->first; i != CLAIM_INDEX_NONE; i = index->next[i]) {
        yyjson_mut_val *value;

        if (is_repeated(index, group, i)) {
            continue;
        }
        value = to_json(doc, index->items[i]);
        if (value == NULL) {
            return NULL;
        }
        if (only == NULL) {
            only = value;
            continue;
        }
        if (list == NULL) {
            list = yyjson_mut_arr(doc);
            if (!yyjson_mut_arr_append(list, only)) {
                return NULL;
            }
        }
        if (!yyjson_mut_arr_append(list, value)) {
            return NULL;
        }
    }
    return list != NULL ? list : only;
}

static err_t add_group_to_json(yyjson_mut_doc *doc, const struct claim_index *index,
                               const struct claim_group *group, yyjson_mut_val *object)
{
    yyjson_mut_val *key, *value;

    if (yyjson_mut_obj_getn(object, (const char *)group->type.data, group->type.len) != NULL) {
        return ERR_OK;
    }
    key = yyjson_mut_strncpy(doc, (const char *)group->type.data, group->type.len);
    value = group_to_json(doc, index, group);
    return key != NULL && value != NULL && yyjson_mut_obj_add(object, key, value) ? ERR_OK
                                                                                  : ERR_MEMORY;
}

void claims_to_json(yyjson_mut_doc *doc, const struct claims *claims, yyjson_mut_val *object)
{
    struct claim_index index;
    err_t err = ERR_OK;

    claim_index_init(&index, claims->arena);
    for (size_t i = 0; err == ERR_OK && i < claims->n; i++) {
        err = claim_index_add(&index, &claims->items[i]);
    }
    for (size_t i = 0; err == ERR_OK && i < index.n_groups; i++) {
        err = add_group_to_json(doc, &index, &index.groups[i], object);
    }
    if (err) {
        json_add_value(doc, object, "claims", NULL); /* nothing of this document gets out */
    }
}
