/*
 * directory.h - what `bootwarden-server principal` and `bootwarden-server user` have in common:
 * options, the document in DIR/identity, the lock, the audit log.
 *
 * Both work whether the server runs or not; a running one sees a change within a second. Every
 * change is in DIR/audit.log before it is made.
 */
#ifndef SERVER_DIRECTORY_H
#define SERVER_DIRECTORY_H

#include "identity/principals.h"
#include "json/json.h"

enum { DIRECTORY_WORDS = 4 }; /* the command and what it works on */

struct directory {
    struct arena *arena;
    const char *noun, *usage; /* "principal" */
    const char *command;      /* "" when none was given */
    const char *words[DIRECTORY_WORDS];
    size_t n_words; /* behind the command */
    const char *data;
    const char *certificate, *name; /* options of some commands; NULL */
    bool is_json, is_managed;
    int lock_fd;
    struct principals *principals;
};

/* What each command takes, in the order of --help. */
struct directory_command {
    const char *name;
    size_t n_words;
    const char *needs; /* "a client id" */
    bool has_output;
    bool changes;
    int (*run)(struct directory *directory);
};

/* The whole program: arguments, lock, document, command. Returns an exit code. */
int directory_main(struct directory *directory, const struct directory_command *commands, size_t n,
                   int argc, char **argv);
/* Write the changed document; scope names what was changed. */
int directory_write(struct directory *directory, const struct principals *changed,
                    const char *scope);
int directory_print(struct directory *directory, yyjson_mut_doc *doc, yyjson_mut_val *root);

#endif
