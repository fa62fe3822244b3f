/*
 * words.h - texts of the agent speak of its command line; owners of an extension have settings.
 */
#ifndef EXTENSION_WORDS_H
#define EXTENSION_WORDS_H

#include "base/arena.h"

/* Names of the extension's settings for those of the command line, in any text. is_azure:
 * attestation is all there is. The text itself when it is too long or memory is out. Pure. */
const char *extension_words(struct arena *arena, const char *text, bool is_azure);

#endif
