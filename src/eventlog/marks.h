/*
 * marks.h - by what the events of boot software can be told: GRUB's words, and the tags of Linux
 * and systemd with the register that each is for.
 */
#ifndef EVENTLOG_MARKS_H
#define EVENTLOG_MARKS_H

#include "base/span.h"

#include <stdbool.h>

/* What stands before a text that GRUB measures (PCR 8); the digest is of what stands behind it. */
enum { GRUB_PREFIXES = 5 };
struct grub_prefix {
    const char *prefix;
    bool with_nul; /* the NUL behind the text was hashed */
    bool is_cmdline;
};
extern const struct grub_prefix grub_prefixes[GRUB_PREFIXES];
/* Does it begin like one of them? */
bool grub_is_text(struct span data);

/* The PCR that Linux and systemd use a tag for (EV_EVENT_TAG); UINT32_MAX: none of theirs. */
uint32_t tag_register(uint32_t id);

#endif
