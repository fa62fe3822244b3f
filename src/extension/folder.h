/*
 * folder.h - where Azure's guest agent put this version of the extension, and which of its
 * settings count now (docs/formats/extension.md).
 *
 * The guest agent writes HandlerEnvironment.json and config/; status/, heartbeat.log, mrseq and the
 * log folder are ours to write.
 */
#ifndef EXTENSION_FOLDER_H
#define EXTENSION_FOLDER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    HANDLER_ENVIRONMENT_MAX = 64 * 1024, /* bytes of the file */
    HANDLER_PATH_MAX = 1024,
    HANDLER_SEQUENCE_MAX = 2147483647,
};

#define HANDLER_ENVIRONMENT_FILE "HandlerEnvironment.json"
/* Put in front of every path of the system, so that tests need not touch any. */
#define HANDLER_ROOT_VARIABLE "BOOTWARDEN_ROOT"

struct handler_environment {
    const char *log_folder, *config_folder, *status_folder, *heartbeat_file;
    const char *events_folder; /* NULL: the guest agent takes no events */
};

/* Texts live in the arena. Absolute paths alone, each member once; ERR_JSON_*, ERR_VALUE with the
 * member. */
err_t handler_environment_parse(struct arena *arena, struct span text, struct trail *trail,
                                struct handler_environment *ret) MUST_CHECK;

struct handler {
    struct arena *arena; /* of what lasts; not owned */
    const char *folder;  /* absolute */
    const char *root;    /* HANDLER_ROOT_VARIABLE or "" */
    struct handler_environment at;
};

/* folder: "." when the guest agent calls. Its files are read; nothing is written. */
err_t handler_open(struct arena *arena, const char *folder, struct trail *trail,
                   struct handler *ret) MUST_CHECK;
/* "DIR/name", "ROOT/name"; NULL at the arena's limit. */
const char *handler_path(const struct handler *handler, const char *name);
const char *handler_system_path(const struct handler *handler, const char *path);

/* "17"; false for anything else than a number up to HANDLER_SEQUENCE_MAX. */
bool handler_sequence_parse(struct span text, int64_t *ret);
/* Which settings count: what the guest agent says (NULL or empty: it does not), else the settings
 * that were written last, else 0. ERR_VALUE for a word that is no number. */
err_t handler_wanted_sequence(const struct handler *handler, const char *said, struct trail *trail,
                              int64_t *ret) MUST_CHECK;
/* mrseq: which settings were taken up; -1 before any, or when the file is damaged. */
int64_t handler_taken_sequence(const struct handler *handler);
err_t handler_take_sequence(const struct handler *handler, int64_t sequence,
                            struct trail *trail) MUST_CHECK;

#endif
