/*
 * values.c - sets of values: distinct, in order, and quick to ask.
 */
#include "policy/run.h"

#include "policy/hash-bytes.h"

enum { FIRST_SIZE = 16, LINEAR_MAX = 8 };

struct value value_string(struct span text, bool is_kept)
{
    return (struct value){.kind = CLAIM_STRING, .string = text, .is_kept = is_kept};
}

/* Claims of an evaluation last as long as it. */
static struct value value_of_claim(const struct claim *claim)
{
    return (struct value){
        .kind = claim->kind,
        .boolean = claim->boolean,
        .integer = claim->integer,
        .string = claim->string,
        .is_kept = true,
    };
}

/* type, valueType and issuer are Strings that last. */
struct value value_of_property(const struct claim *claim, enum property property)
{
    switch (property) {
    case PROPERTY_TYPE:
        return value_string(claim->type, true);
    case PROPERTY_VALUE_TYPE:
        return value_string(span_str(claim_kind_name(claim->kind)), true);
    case PROPERTY_ISSUER:
        return value_string(span_str(claim_issuer_name(claim->issuer)), true);
    case PROPERTY_VALUE:
    default:
        return value_of_claim(claim);
    }
}

bool values_equal(const struct value *a, const struct value *b)
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
    case CLAIM_JSON:
    default:
        return span_equal(a->string, b->string);
    }
}

err_t values_one(struct run *run, struct value value, bool is_read_only, struct values *ret)
{
    struct value *item = arena_alloc(run->scratch, sizeof(*item));

    if (item == NULL) {
        return run_no_memory(run);
    }
    *item = value;
    *ret = (struct values){.items = item, .n = 1, .is_read_only = is_read_only};
    return ERR_OK;
}

static uint64_t hash_of(uint64_t seed, const struct value *value)
{
    struct span bytes = value->kind == CLAIM_STRING ? value->string
                        : value->kind == CLAIM_INT
                            ? span_of(&value->integer, sizeof(value->integer))
                            : span_of(&value->boolean, sizeof(value->boolean));

    return hash_bytes(seed ^ (uint64_t)value->kind, bytes);
}

/* The value's slot: its own, or the empty one that it would get. */
static err_t find_slot(struct run *run, const struct value *items, const uint32_t *slots,
                       size_t n_slots, uint64_t seed, const struct value *value, size_t *ret)
{
    size_t slot;
    err_t err = run_spend_bytes(run, value->string.len);

    if (err) {
        return err;
    }
    slot = hash_of(seed, value) & (n_slots - 1);
    while (slots[slot] != 0) {
        const struct value *other = &items[slots[slot] - 1];

        err = other->string.len == value->string.len ? run_spend_bytes(run, value->string.len)
                                                     : run_spend(run, 1);
        if (err) {
            return err;
        }
        if (values_equal(other, value)) {
            break;
        }
        slot = (slot + 1) & (n_slots - 1);
    }
    *ret = slot;
    return ERR_OK;
}

static err_t grow(struct run *run, struct collector *c)
{
    size_t size = c->size == 0 ? FIRST_SIZE : 2 * c->size;
    struct value *items = run_scratch(run, size, sizeof(*items));
    uint32_t *slots = run_scratch(run, 2 * size, sizeof(*slots));

    if (items == NULL || slots == NULL) {
        return run_no_memory(run);
    }
    if (c->n > 0) {
        memcpy(items, c->items, c->n * sizeof(*items));
    }
    c->seed = c->seed == 0 ? hash_seed(items) : c->seed;
    c->items = items;
    c->slots = slots;
    c->size = size;
    c->n_slots = 2 * size;
    for (size_t i = 0; i < c->n; i++) {
        size_t slot;
        err_t err = find_slot(run, items, slots, c->n_slots, c->seed, &items[i], &slot);

        if (err) {
            return err;
        }
        slots[slot] = (uint32_t)i + 1;
    }
    return ERR_OK;
}

err_t collector_add(struct run *run, struct collector *c, const struct value *value)
{
    size_t slot;
    err_t err = c->n == c->size ? grow(run, c) : ERR_OK;

    err = err ? err : find_slot(run, c->items, c->slots, c->n_slots, c->seed, value, &slot);
    if (err || c->slots[slot] != 0) {
        return err;
    }
    if (c->n == POLICY_MAX_VALUES) {
        return run_fail(run, POLICY_FAULT_LIMIT, "evaluation", "a set has more than %d values",
                        POLICY_MAX_VALUES);
    }
    c->items[c->n++] = *value;
    c->slots[slot] = (uint32_t)c->n;
    return ERR_OK;
}

struct values collector_values(const struct collector *c, bool is_read_only)
{
    return (struct values){
        .items = c->items,
        .n = c->n,
        .is_read_only = is_read_only,
        .slots = c->n > LINEAR_MAX ? c->slots : NULL,
        .n_slots = c->n_slots,
        .seed = c->seed,
    };
}

err_t values_have(struct run *run, const struct values *values, const struct value *value,
                  bool *ret)
{
    err_t err = ERR_OK;
    size_t slot;

    if (values->slots != NULL) {
        err = find_slot(run, values->items, values->slots, values->n_slots, values->seed, value,
                        &slot);
        if (err == ERR_OK) {
            *ret = values->slots[slot] != 0;
        }
        return err;
    }
    for (size_t i = 0; i < values->n; i++) {
        const struct value *other = &values->items[i];

        err = other->string.len == value->string.len ? run_spend_bytes(run, value->string.len)
                                                     : run_spend(run, 1);
        if (err) {
            return err;
        }
        if (values_equal(other, value)) {
            *ret = true;
            return ERR_OK;
        }
    }
    *ret = false;
    return ERR_OK;
}
