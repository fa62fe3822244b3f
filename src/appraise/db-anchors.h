/*
 * db-anchors.h - Secure Boot keys that an operator names (SB-14), from whatever file holds them.
 */
#ifndef APPRAISE_DB_ANCHORS_H
#define APPRAISE_DB_ANCHORS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum { DB_ANCHORS_MAX = 256 };

struct db_anchors {
    struct span der[DB_ANCHORS_MAX];
    size_t n;
};

/*
 * Adds the certificates of an EFI signature list, of an efivarfs file (the same behind four
 * attribute bytes), of a PEM bundle or of one DER certificate. Copies live in the arena. The
 * trail says why a file is none of these.
 */
err_t db_anchors_add(struct db_anchors *anchors, struct arena *arena, struct span bytes,
                     struct trail *trail) MUST_CHECK;

#endif
