#include "service/knowledge.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { ARENA_BYTES = 16 * 1024 * 1024 };

err_t knowledge_new(struct reference *reference, const char *sbat_minimum, struct span dbx_minimum,
                    struct trail *trail, struct knowledge **ret)
{
    CLEANUP(knowledge_free) struct knowledge *knowledge = calloc(1, sizeof(*knowledge));

    if (knowledge == NULL) {
        reference_free(reference);
        return ERR_MEMORY;
    }
    atomic_init(&knowledge->references, 1);
    knowledge->reference = reference;
    knowledge->arena = arena_new(ARENA_BYTES);
    knowledge->key_cache = key_cache_new(reference);
    if (knowledge->arena == NULL || knowledge->key_cache == NULL) {
        return ERR_MEMORY;
    }
    if (sbat_minimum != NULL) {
        knowledge->sbat_minimum = reference_sbat(reference, sbat_minimum);
        if (knowledge->sbat_minimum == NULL) {
            return trail_set(trail, ERR_NOT_FOUND,
                             "'%.40s' is no SBAT level that the reference data knows; see "
                             "bootwarden reference show --kind sbat-levels",
                             sbat_minimum);
        }
    }
    if (dbx_minimum.data != NULL) {
        err_t err = dbx_minimum_read(knowledge->arena, dbx_minimum, trail, &knowledge->dbx_minimum);

        if (err) {
            return err;
        }
        knowledge->has_dbx_minimum = true;
    }
    *ret = TAKE(knowledge);
    return ERR_OK;
}

void knowledge_into(const struct knowledge *knowledge, struct appraise_options *options)
{
    if (knowledge != NULL) {
        options->reference = knowledge->reference;
        options->key_cache = knowledge->key_cache;
        options->sbat_minimum = knowledge->sbat_minimum;
        options->dbx_minimum = knowledge->has_dbx_minimum ? &knowledge->dbx_minimum : NULL;
    }
}

struct knowledge *knowledge_ref(struct knowledge *knowledge)
{
    if (knowledge != NULL) {
        atomic_fetch_add_explicit(&knowledge->references, 1, memory_order_relaxed);
    }
    return knowledge;
}

void knowledge_free(struct knowledge *knowledge)
{
    if (knowledge != NULL &&
        atomic_fetch_sub_explicit(&knowledge->references, 1, memory_order_acq_rel) == 1) {
        key_cache_free(knowledge->key_cache);
        reference_free(knowledge->reference);
        arena_free(knowledge->arena);
        free(knowledge);
    }
}
