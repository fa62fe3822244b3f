/*
 * claim-index.h - claims by type, in the order they came. Not for other rooms.
 *
 * A condition looks at the claims of its type alone, however many others there are. Claims are
 * borrowed; the tables lie in the arena.
 */
#ifndef POLICY_CLAIM_INDEX_H
#define POLICY_CLAIM_INDEX_H

#include "policy/claims.h"

#define CLAIM_INDEX_NONE UINT32_MAX

struct claim_group {
    struct span type;
    uint64_t hash;
    uint32_t first, last; /* in items */
    uint32_t n;
    uint32_t next; /* of the same slot */
};

struct claim_index {
    struct arena *arena;
    const struct claim **items;
    uint32_t *next; /* of the same type */
    size_t n, size;
    struct claim_group *groups; /* in order of first appearance */
    size_t n_groups, groups_size;
    uint32_t *slots;
    size_t n_slots; /* a power of two */
    uint64_t seed;
};

void claim_index_init(struct claim_index *index, struct arena *arena);
/* ERR_MEMORY at the arena's limit. */
err_t claim_index_add(struct claim_index *index, const struct claim *claim) MUST_CHECK;
/* NULL when there is no claim of the type. */
const struct claim_group *claim_index_find(const struct claim_index *index, struct span type);

#endif
