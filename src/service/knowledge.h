/*
 * knowledge.h - what a service judges by beside its trust anchors: the reference data and the
 * minimums that the configuration demands. Read whole, replaced whole, immutable and reference
 * counted: a request keeps the one it began with.
 */
#ifndef SERVICE_KNOWLEDGE_H
#define SERVICE_KNOWLEDGE_H

#include "appraise/appraise.h"

struct knowledge {
    _Atomic unsigned references;
    struct arena *arena;
    struct reference *reference;
    struct key_cache *key_cache;               /* of this reference: gone when it is replaced */
    const struct reference_sbat *sbat_minimum; /* NULL: none */
    struct dbx_minimum dbx_minimum;
    bool has_dbx_minimum;
};

/* reference: taken over, also on failure. sbat_minimum: a level's name, NULL: none. dbx_minimum:
 * the bytes of a list (appraise/dbx-minimum.h), data NULL: none. ERR_NOT_FOUND for a level that the
 * reference data does not know, ERR_MALFORMED for a list that is none. */
err_t knowledge_new(struct reference *reference, const char *sbat_minimum, struct span dbx_minimum,
                    struct trail *trail, struct knowledge **ret) MUST_CHECK;
/* What there is to judge by, for an appraisal; NULL: nothing. Borrowed. */
void knowledge_into(const struct knowledge *knowledge, struct appraise_options *options);
struct knowledge *knowledge_ref(struct knowledge *knowledge);
void knowledge_free(struct knowledge *knowledge);
DEFINE_CLEANUP(struct knowledge *, knowledge_free)

#endif
