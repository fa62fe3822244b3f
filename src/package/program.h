/*
 * program.h - what an agent's program says of itself, from its bytes and without running it: for
 * which platform it was built, and its version (docs/formats/agent-package.md).
 *
 * The version stands in an ELF note, which stripping leaves where it is.
 */
#ifndef PACKAGE_PROGRAM_H
#define PACKAGE_PROGRAM_H

#include "base/err.h"
#include "base/span.h"
#include "package/version.h"

enum { PROGRAM_NOTE_AGENT = 1, PROGRAM_HEADERS_MAX = 64, PROGRAM_NOTES_MAX = 64 };
#define PROGRAM_NOTE_OWNER "Bootwarden"

/* The note, as the agent's program has it: `static const struct program_note` in section
 * PROGRAM_NOTE_SECTION. */
struct program_note {
    uint32_t owner_bytes, version_bytes, type;
    char owner[(sizeof(PROGRAM_NOTE_OWNER) + 3) / 4 * 4];
    char version[VERSION_TEXT_SIZE]; /* the rest is 0 */
};
#define PROGRAM_NOTE_SECTION ".note.bootwarden"
/* clang-format off */
#define PROGRAM_NOTE(text) \
    {sizeof(PROGRAM_NOTE_OWNER), VERSION_TEXT_SIZE, PROGRAM_NOTE_AGENT, PROGRAM_NOTE_OWNER, text}
/* clang-format on */

/* Platforms that agents are built for: "linux-x86_64", ..., NULL. */
extern const char *const program_platforms[];
bool program_is_platform(struct span name);

struct program {
    const char *platform; /* one of them */
    char version_text[VERSION_TEXT_SIZE];
    struct version version;
};
/* ERR_MALFORMED when it is no program of Linux, ERR_MISMATCH for another processor than those, and
 * ERR_NOT_FOUND when it does not say its version; with words. */
err_t program_read(struct span bytes, struct trail *trail, struct program *ret) MUST_CHECK;

#endif
