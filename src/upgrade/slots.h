/*
 * slots.h - programs of the agent on the disk: two slots for packages, which of them runs, and
 * which packages did not hold (docs/formats/agent-package.md, "Folders in the guest").
 *
 * The supervisor writes `current`, and `bad` while no agent runs; the agent writes the slot that
 * does not run, and `bad`. Each file is replaced in one piece: a loss of power leaves old or new.
 */
#ifndef UPGRADE_SLOTS_H
#define UPGRADE_SLOTS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "package/package.h"

enum slot { SLOT_INSTALLED, SLOT_A, SLOT_B, SLOT_COUNT };
const char *slot_name(enum slot slot); /* "installed", "a", "b" */
bool slot_by_name(struct span name, enum slot *ret);

enum {
    SLOTS_PATH_MAX = 512,
    SLOTS_DIGEST_SIZE = 2 * PACKAGE_SHA256_BYTES + 1,
    SLOTS_WHY_SIZE = 400,
    SLOTS_BAD_MAX = 16, /* remembered; the oldest are forgotten */
    SLOTS_CUTS_MAX = 2, /* a package whose trial was cut off so often is bad */
    SLOTS_FILE_MAX = 64 * 1024,
};

struct slots {
    char folder[SLOTS_PATH_MAX]; /* STATE/slots */
};

struct slot_current {
    enum slot slot, previous;
    bool is_trial;
    char version[VERSION_TEXT_SIZE], previous_version[VERSION_TEXT_SIZE];
    char package[SLOTS_DIGEST_SIZE]; /* in the slot; "" = none */
    unsigned level;                  /* what a round must come to */
    unsigned cut;                    /* trials of cut_package that were cut off */
    char cut_package[SLOTS_DIGEST_SIZE];
};

/* ERR_TOO_LARGE for a long path. Nothing is made yet. */
err_t slots_open(struct slots *slots, const char *state) MUST_CHECK;
/* The folders, 0700 and ours. */
err_t slots_make(const struct slots *slots, struct trail *trail) MUST_CHECK;
/* "header", "agent" or "incoming" of a slot, into the caller's text. */
const char *slots_path(const struct slots *slots, enum slot slot, const char *file,
                       char path[SLOTS_PATH_MAX]);

/* What runs. The installed program, version `installed`, when there is no file or none that can be
 * read. */
void slots_current(const struct slots *slots, const char *installed, struct slot_current *ret);
err_t slots_set_current(const struct slots *slots, const struct slot_current *current,
                        struct trail *trail) MUST_CHECK;

struct slot_bad {
    char package[SLOTS_DIGEST_SIZE];
    bool is_told; /* the service knows */
    char version[VERSION_TEXT_SIZE];
    char why[SLOTS_WHY_SIZE];
};
struct slot_bads {
    struct slot_bad items[SLOTS_BAD_MAX];
    size_t n;
};
/* Newest last; none when they cannot be read. */
void slots_bads(const struct slots *slots, struct slot_bads *ret);
/* Remember one, or (is_told) that it was told. */
err_t slots_set_bad(const struct slots *slots, const struct slot_bad *bad,
                    struct trail *trail) MUST_CHECK;
bool slots_is_bad(const struct slot_bads *bads, const char *package);

#endif
