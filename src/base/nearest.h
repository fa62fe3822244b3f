/*
 * nearest.h - for "did you mean": the known word that was probably meant.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* The known word nearest to what was typed, ignoring ASCII case; NULL when none is near: more than
 * two edits away, or long. */
const char *nearest_word(const char *typed, const char *const *known, size_t n);

#endif
