/*
 * running.h - what the running Linux says of itself: GuestFacts of docs/formats/azureguest.md.
 *
 * It is this guest's own word: covered by the quote, so that nobody between guest and service
 * changes it, but proven by nothing. What cannot be read is left out, never guessed. All texts are
 * escaped and cut; files are read up to named limits.
 */
#ifndef GUEST_RUNNING_H
#define GUEST_RUNNING_H

#include "crypto/hash.h"
#include "guest/guest.h"
#include "guest/modules.h"

enum {
    RUNNING_TEXT_MAX = 128, /* names: of the OS, of its version */
    RUNNING_WORD_MAX = 32,
    RUNNING_SBAT_MAX = 1024,
    RUNNING_SMALL_FILE_MAX = 4096,
    RUNNING_VARIABLE_MAX = 256 * 1024, /* of a UEFI variable */
    RUNNING_MODULES_FILE_MAX = 512 * 1024,
    RUNNING_MODULES_MAX = 512, /* in the document */
    RUNNING_UNREAD_MAX = 16,
    RUNNING_ARENA_MAX = 8 * 1024 * 1024,
};

/* Variables of shim, in the order of running_mok_names. */
enum running_mok {
    RUNNING_MOK_LIST,
    RUNNING_MOK_LIST_X,
    RUNNING_MOK_LIST_TRUSTED,
    RUNNING_SBAT_LEVEL,
    RUNNING_MOK_SB_STATE,
    RUNNING_MOK_COUNT
};
const char *running_mok_name(enum running_mok which);

enum running_answer { RUNNING_UNKNOWN, RUNNING_NO, RUNNING_YES };

struct running_variable {
    enum running_answer is_there;
    size_t size; /* of the data, without the attributes */
    uint8_t sha256[SHA256_BYTES];
};

struct running_unread {
    const char *fact, *why; /* "no-permission", "too-large", "malformed" */
};

struct running {
    enum running_answer secure_boot, setup_mode, enforces_signatures;
    struct running_variable mok[RUNNING_MOK_COUNT];
    const char *sbat_level; /* NULL: not read, as below */
    const char *lockdown;
    bool has_taints;
    uint64_t taints;
    bool has_modules;
    size_t n_loaded; /* of which these, by name; those with taints before others */
    struct kernel_module *modules;
    struct module_signature *signatures;
    size_t n_modules;
    bool is_complete; /* the signature of none is left for later */
    struct running_unread unread[RUNNING_UNREAD_MAX];
    size_t n_unread;
};

/* All of it in the arena. root stands before every path: "" for this machine. For memory see
 * modules.h. */
err_t running_read(struct arena *arena, const char *root, const struct guest_facts *facts,
                   struct modules *memory, struct running *ret) MUST_CHECK;
/* GuestFacts in their canonical form, at most AZUREGUEST_FACTS_MAX bytes: for that modules are left
 * out, those with taints or without a signer last. */
err_t running_document(struct arena *arena, const struct guest_os *os,
                       const struct guest_facts *facts, const struct running *running,
                       struct span *ret) MUST_CHECK;
/* Both, of this machine. Only the document stays in the arena. */
err_t running_facts(struct arena *arena, const struct guest_os *os, const struct guest_facts *facts,
                    struct modules *memory, struct span *ret) MUST_CHECK;

#endif
