/*
 * dbx-minimum.h - the revocations that a machine must have (SB-13), from the operator's file.
 *
 * Judged by content: what matters is that each entry is there, whoever put it there and however
 * long the list is. Immutable once read; lives in the arena it was read into.
 */
#ifndef APPRAISE_DBX_MINIMUM_H
#define APPRAISE_DBX_MINIMUM_H

#include "base/arena.h"
#include "base/err.h"
#include "facts/key-contents.h"

enum { DBX_MINIMUM_MAX_BYTES = 1024 * 1024 };

struct dbx_minimum {
    const struct siglist_entry *entries; /* sorted by kind and data, each once */
    size_t n;
};

/*
 * EFI signature lists: bare, behind the four attribute bytes of efivarfs, or behind the signature
 * of an update (EFI_VARIABLE_AUTHENTICATION_2: DBXUpdate.bin). That signature is not verified: the
 * operator names the file. ERR_MALFORMED for anything else, and for lists without an entry.
 */
err_t dbx_minimum_read(struct arena *arena, struct span bytes, struct trail *trail,
                       struct dbx_minimum *ret) MUST_CHECK;

/* How many entries of the minimum the lists lack. A security version number is there when the same
 * component has it or a later one. ERR_MEMORY; malformed lists lack everything. */
err_t dbx_minimum_missing(const struct dbx_minimum *minimum, struct arena *arena, struct span lists,
                          const struct key_contents *contents, size_t *ret_missing) MUST_CHECK;

#endif
