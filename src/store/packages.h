/*
 * packages.h - packages of the agent, and how far each machine is with them.
 *
 * A machine is `offered` a package, has `taken` it, then `confirmed` it, or it `failed`; an offer
 * that was not taken in time has `lapsed`. Who has a place (offered or taken) is counted and given
 * one in the same write, so that no two calls give the same place away.
 */
#ifndef STORE_PACKAGES_H
#define STORE_PACKAGES_H

#include "store/store.h"

enum {
    STORE_PACKAGES_MAX = 64, /* of a subscription */
    STORE_PACKAGE_VERSION_SIZE = 32,
    STORE_PACKAGE_PLATFORM_SIZE = 40,
    STORE_PACKAGE_FILE_SIZE = 33,
    STORE_PACKAGE_WHY_SIZE = 768,
    STORE_ROLLOUT_STATE_SIZE = 16,
    STORE_STOPS_MAX = 16, /* in one write; others come with the next */
    STORE_LAPSE_REST =
        4, /* who let an offer lapse is offered it again after so many times its length */
};

struct store_package {
    int64_t id;
    char subscription[STORE_ID_SIZE];
    char platform[STORE_PACKAGE_PLATFORM_SIZE];
    char version[STORE_PACKAGE_VERSION_SIZE], minimum[STORE_PACKAGE_VERSION_SIZE]; /* "" = none */
    uint64_t size;                                                                 /* of the file */
    uint8_t digest[STORE_DIGEST_BYTES];                                            /* likewise */
    char file[STORE_PACKAGE_FILE_SIZE];                                            /* its name */
    bool is_running;
    char why[STORE_PACKAGE_WHY_SIZE]; /* it was stopped */
    char who[STORE_WHO_MAX + 1];
    int64_t created, changed;
    uint64_t n_offered, n_taken, n_confirmed, n_failed; /* by store_packages alone */
};

/* ERR_CONFLICT when there is one of its version and platform, ERR_TOO_MANY. */
err_t store_package_add(struct store *store, const struct store_package *package,
                        struct trail *trail) MUST_CHECK;
/* All of a subscription, in the order of their coming, in the arena. */
err_t store_packages(struct store *store, struct arena *arena, const char *subscription,
                     struct trail *trail, struct store_package **ret, size_t *ret_n) MUST_CHECK;
bool store_package_has_file(struct store *store, const char *file);
/* Stop (offers that were not taken are withdrawn) or go on. ERR_NOT_FOUND. */
err_t store_package_set(struct store *store, int64_t id, bool is_running, const char *why,
                        int64_t now, struct trail *trail) MUST_CHECK;
err_t store_package_remove(struct store *store, int64_t id, struct trail *trail) MUST_CHECK;

/* ---- machines ---- */

/* A rollout that a machine stopped: for the log. */
struct store_stop {
    char version[STORE_PACKAGE_VERSION_SIZE], platform[STORE_PACKAGE_PLATFORM_SIZE];
    char machine[STORE_ID_SIZE];
    char why[STORE_PACKAGE_WHY_SIZE];
};
struct store_stops {
    struct store_stop items[STORE_STOPS_MAX];
    size_t n;
};

/* What decides, run inside of the write: it must not call the store. -1 = none. `refused`: this
 * machine failed with that one, or let it lapse not long ago. */
typedef int store_choose_fn(const struct store_package *packages, const bool *refused, size_t n,
                            void *context);
typedef bool store_room_fn(uint64_t group, uint64_t taken);

struct store_contact {
    const char *machine_id, *machine_name;
    const char *subscription, *platform;
    int64_t now;
    int64_t listening_since; /* before that nobody could be heard */
    int64_t patience_s;      /* for taking an offer */
    const char *runs;        /* version that runs for good; NULL = it does not say */
    const char *failed;      /* digest, in hexadecimal, of a package that did not hold; NULL */
    const char *failed_words;
    bool takes; /* it may be offered one now */
    store_choose_fn *choose;
    store_room_fn *has_room;
    void *context;
    /* Given by the store. */
    bool has_offer;
    struct store_package offer;
    struct store_stops stops;
};
/* What the machine says of packages, and what it gets, in one write. */
err_t store_rollout_contact(struct store *store, struct store_contact *contact,
                            struct trail *trail) MUST_CHECK;
/* It fetches the package that it was offered, and has patience_s to confirm it. ERR_NOT_FOUND when
 * it was offered none of that version, ERR_DENIED when the rollout was stopped. */
err_t store_rollout_take(struct store *store, const char *machine_id, const char *version,
                         int64_t now, int64_t patience_s, struct trail *trail,
                         struct store_package *ret) MUST_CHECK;
/* Offers that lapsed, and machines that took a package and said nothing in time. */
err_t store_rollout_sweep(struct store *store, int64_t now, int64_t listening_since,
                          struct trail *trail, struct store_stops *ret) MUST_CHECK;

struct store_rollout {
    char version[STORE_PACKAGE_VERSION_SIZE];
    char state[STORE_ROLLOUT_STATE_SIZE]; /* "" = none yet */
    int64_t time;
    char why[STORE_PACKAGE_WHY_SIZE];
};
/* The last of a machine. */
err_t store_rollout_last(struct store *store, const char *machine_id, struct trail *trail,
                         struct store_rollout *ret) MUST_CHECK;

#endif
