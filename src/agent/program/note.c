/*
 * note.c - the version, where who signs packages of this program can read it without running it.
 */
#include "package/program.h"

static const struct program_note note
    __attribute__((used, aligned(4), section(PROGRAM_NOTE_SECTION))) =
        PROGRAM_NOTE(BOOTWARDEN_VERSION);
