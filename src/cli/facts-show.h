/*
 * facts-show.h - what several commands say of a boot for people.
 */
#ifndef CLI_FACTS_SHOW_H
#define CLI_FACTS_SHOW_H

#include "facts/facts.h"

#include <stdio.h>

/* "on", "off" or "not known" for a state. */
const char *state_words(enum tristate state, const char *yes, const char *no);
/* ": shim 16.1 of Debian", ": REVOKED 2023-05-09, ..." when something is known of the image. */
void image_show_known(FILE *out, const struct boot_image *image);
/* Lines of Windows' state; nothing when it measured none. Labels as wide as they are to be; `doubt`
 * stands behind the first line. */
struct windows_labels {
    const char *debuggers, *signatures, *windows, *protection, *antimalware;
};
void windows_show(FILE *out, struct arena *arena, const struct windows_labels *labels,
                  const struct boot_facts *facts, const char *doubt);

#endif
