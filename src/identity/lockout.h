/*
 * lockout.h - how often the password of a user or the secret of a client was wrong, by where it
 * came from (lockout.c). Not for other rooms. Plain memory: whoever calls holds the provider's
 * lock.
 */
#ifndef IDENTITY_LOCKOUT_H
#define IDENTITY_LOCKOUT_H

#include "identity/idp.h"

enum { IDP_DIGEST_BYTES = 32 };

/* So many failures since then. */
struct idp_window {
    int64_t began;
    unsigned failures;
};
bool idp_window_is_over(const struct idp_window *window, int64_t now, int64_t length_s);
bool idp_window_is_limited(const struct idp_window *window, int64_t now);
void idp_window_count(struct idp_window *window, int64_t now, int64_t length_s);

struct idp_lock {
    struct idp_window window;
    int64_t until, last; /* locked until; the last wrong one */
    unsigned rounds;     /* locked so often in a row */
};

struct idp_lock_source {
    uint8_t source[IDP_DIGEST_BYTES];
    bool is_taken;
    bool is_own; /* the right one came from here */
    int64_t seen;
    struct idp_lock lock;
};

/* Of one user or client, or of the names that share a bucket. Zeroed memory counted nothing so far.
 */
struct idp_lockout {
    struct idp_lock all;
    struct idp_lock_source sources[IDP_LOCK_SOURCES];
};

/* What was counted for an attempt, so that it can be taken back when the password is right. */
struct idp_counted {
    bool is_in_all, has_locked_all;
    struct idp_lock before; /* the count of all sources */
};

/* How many are too many, and for how long. */
struct lockout_rule {
    unsigned failures;
    int64_t window_s, first_s, max_s;
};
struct lockout_rules {
    struct lockout_rule of_source, of_all;
};
extern const struct lockout_rules lockout_of_users, lockout_of_clients;

/* Seconds for which this source has to wait; 0 = it may try. */
unsigned lockout_left(const struct lockout_rules *rules, struct idp_lockout *lockout,
                      const uint8_t source[IDP_DIGEST_BYTES], int64_t now);
/* One is tried: as if it were wrong, since many at the same time are many. */
void lockout_count(const struct lockout_rules *rules, struct idp_lockout *lockout,
                   const uint8_t source[IDP_DIGEST_BYTES], int64_t now, struct idp_counted *ret);
/* It was right: the source begins anew and is one of its own from now on. */
void lockout_take_back(struct idp_lockout *lockout, const uint8_t source[IDP_DIGEST_BYTES],
                       int64_t now, const struct idp_counted *counted);

#endif
