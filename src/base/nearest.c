#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 32, EDITS_MAX = 2 }; /* more edits are another word */

/* Edits between two short words: insertions, deletions, replacements (Wagner and Fischer). */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > WORD_MAX || b_len > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            bool is_same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t above = row[j];
            size_t best = diagonal + (is_same ? 0 : 1);

            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[b_len];
}

const char *nearest_word(const char *typed, const char *const *known, size_t n)
{
    const char *nearest = NULL;
    size_t best = EDITS_MAX + 1;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(typed, known[i]);

        if (d < best && d < strlen(known[i])) {
            best = d;
            nearest = known[i];
        }
    }
    return nearest;
}
