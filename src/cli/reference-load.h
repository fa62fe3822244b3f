/*
 * reference-load.h - the reference data of a command, or one line that says why there is none.
 */
#ifndef CLI_REFERENCE_LOAD_H
#define CLI_REFERENCE_LOAD_H

#include "refdata/refdata.h"

/* folder: of --reference; NULL: what came with the program. EXIT_YES, or what to end with when
 * the reason has been said. */
int reference_load(const char *command, const char *folder, struct reference **ret);

#endif
