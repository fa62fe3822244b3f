/*
 * verify-show.h - an appraisal for people: the verdict first, then why, then what was measured.
 */
#ifndef CLI_VERIFY_SHOW_H
#define CLI_VERIFY_SHOW_H

#include "appraise/appraise.h"

#include <stdio.h>

void verify_show(FILE *out, struct arena *arena, const struct appraisal *appraisal,
                 bool is_verbose);

#endif
