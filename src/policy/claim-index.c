/*
 * claim-index.c - claims by type.
 */
#include "policy/claim-index.h"

#include "policy/hash-bytes.h"

enum { FIRST_SIZE = 64 };

void claim_index_init(struct claim_index *index, struct arena *arena)
{
    *index = (struct claim_index){.arena = arena, .seed = hash_seed(arena)};
}

/* Twice as large; what was there before stays in the arena until its reset. */
static void *grown(struct arena *arena, const void *items, size_t n, size_t size, size_t item)
{
    void *larger = arena_calloc(arena, size, item);

    if (larger != NULL && n > 0) {
        memcpy(larger, items, n * item);
    }
    return larger;
}

static uint32_t find(const struct claim_index *index, struct span type, uint64_t hash)
{
    uint32_t group =
        index->n_slots == 0 ? CLAIM_INDEX_NONE : index->slots[hash & (index->n_slots - 1)];

    while (group != CLAIM_INDEX_NONE &&
           (index->groups[group].hash != hash || !span_equal(index->groups[group].type, type))) {
        group = index->groups[group].next;
    }
    return group;
}

const struct claim_group *claim_index_find(const struct claim_index *index, struct span type)
{
    uint32_t group = find(index, type, hash_bytes(index->seed, type));

    return group == CLAIM_INDEX_NONE ? NULL : &index->groups[group];
}

static void put(struct claim_index *index, uint32_t group)
{
    uint32_t *slot = &index->slots[index->groups[group].hash & (index->n_slots - 1)];

    index->groups[group].next = *slot;
    *slot = group;
}

static err_t make_slots(struct claim_index *index, size_t n)
{
    uint32_t *slots = arena_alloc(index->arena, n * sizeof(*slots));

    if (slots == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        slots[i] = CLAIM_INDEX_NONE;
    }
    index->slots = slots;
    index->n_slots = n;
    for (size_t i = 0; i < index->n_groups; i++) {
        put(index, (uint32_t)i);
    }
    return ERR_OK;
}

static err_t add_group(struct claim_index *index, struct span type, uint64_t hash, uint32_t *ret)
{
    if (index->n_groups == index->groups_size) {
        size_t size = index->groups_size == 0 ? FIRST_SIZE : 2 * index->groups_size;
        struct claim_group *groups =
            grown(index->arena, index->groups, index->n_groups, size, sizeof(*groups));
        err_t err;

        if (groups == NULL) {
            return ERR_MEMORY;
        }
        index->groups = groups;
        index->groups_size = size;
        err = make_slots(index, size);
        if (err) {
            return err;
        }
    }
    *ret = (uint32_t)index->n_groups++;
    index->groups[*ret] =
        (struct claim_group){.type = type, .hash = hash, .first = CLAIM_INDEX_NONE};
    put(index, *ret);
    return ERR_OK;
}

err_t claim_index_add(struct claim_index *index, const struct claim *claim)
{
    uint64_t hash = hash_bytes(index->seed, claim->type);
    uint32_t at = find(index, claim->type, hash);
    uint32_t item = (uint32_t)index->n;
    struct claim_group *group;

    if (index->n == index->size) {
        size_t size = index->size == 0 ? FIRST_SIZE : 2 * index->size;
        const struct claim **items =
            grown(index->arena, index->items, index->n, size, sizeof(const struct claim *));
        uint32_t *next = grown(index->arena, index->next, index->n, size, sizeof(*next));

        if (items == NULL || next == NULL) {
            return ERR_MEMORY;
        }
        index->items = items;
        index->next = next;
        index->size = size;
    }
    if (at == CLAIM_INDEX_NONE) {
        err_t err = add_group(index, claim->type, hash, &at);

        if (err) {
            return err;
        }
    }
    group = &index->groups[at];
    if (group->first == CLAIM_INDEX_NONE) {
        group->first = item;
    } else {
        index->next[group->last] = item;
    }
    group->last = item;
    group->n++;
    index->items[item] = claim;
    index->next[item] = CLAIM_INDEX_NONE;
    index->n++;
    return ERR_OK;
}
