/*
 * store.h - what the service remembers, by intent.
 *
 * One thread owns the writing connection and commits what arrived together in one transaction
 * (group commit); a call that writes returns when its transaction is on the disk, so whatever was
 * answered survives a crash. Reads use connections of their own. All calls may come from any
 * thread and may block for the time of a disk flush.
 *
 * Driver today: SQLite in WAL mode with synchronous=FULL. Trouble is ERR_STORE and the trail says
 * which: locked by another program, disk full, damaged, not writable, written by a newer version.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "tpm/clock.h"

enum {
    STORE_ID_SIZE = 37, /* a UUID as text and its NUL */
    STORE_NAME_MAX = 64,
    STORE_AK_NAME_MAX = 66,
    STORE_EK_PUBLIC_MAX = 2050, /* TPM2B_PUBLIC */
    STORE_DIGEST_BYTES = 32,
    STORE_ONCE_MAX = 64,
    STORE_FACTS_MAX = 64 * 1024,
    STORE_REASONS_MAX = 32 * 1024,
    STORE_MAX_UNPROVEN = 10000, /* records of evidence without a proven AK: anybody can send it */
    /* Of one proven AK (of one machine), each kind on its own: no record pushes out one of another
     * kind. What is not fresh can be sent by whoever holds a copy of the AK's evidence. */
    STORE_MAX_STALE = 100,             /* not fresh, accepted */
    STORE_MAX_REFUSED_STALE = 100,     /* not fresh, refused */
    STORE_MAX_ROWS_PER_MACHINE = 2000, /* fresh, with the verdict of the fresh one before */
    STORE_MAX_CHANGES = 500,           /* fresh, with another verdict than the one before */
    STORE_RETENTION_DAYS = 90,         /* of all records */
    /* The newest fresh and the newest refused record of a machine stay, whatever these say. */
    STORE_DOUBT_DAYS = 30,
    STORE_QUEUE_MAX = 4096,
};

struct store;

struct store_options {
    const char *path;
    size_t max_bytes; /* for tests: past it the disk counts as full. 0, as the server has it: the
                         disk is the limit, and the numbers above bound what one machine takes */
    int64_t now;      /* for the first sweep */
    /* An operator's command, perhaps beside a running server: the database must be there and of
     * this version (else ERR_NOT_FOUND, ERR_UNSUPPORTED), and nothing is swept. */
    bool is_tool;
};

/* Opens or makes the database (mode 0600) and brings its schema up to this version.
 * ERR_UNSUPPORTED when a newer version or another program wrote it. */
err_t store_open(const struct store_options *options, struct trail *trail,
                 struct store **ret) MUST_CHECK;
/* Writes what is queued, then closes. No other call may be running. */
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)
/* Can it be written? At most one real write a second, and one call at a time that waits for it, for
 * half a second at most: others get the last answer. */
err_t store_check(struct store *store, struct trail *trail) MUST_CHECK;
/* Forget what has expired and what is past its retention. Not by age when there are records older
 * than STORE_DOUBT_DAYS and none between that and a day before now: the clock may be wrong, and
 * what is gone does not come back. After a day of running the clock counts as right. */
err_t store_sweep(struct store *store, int64_t now, struct trail *trail) MUST_CHECK;
/* Whether the last sweep left age out for that reason. */
bool store_is_sweep_held(const struct store *store);

/* ---- machines: an endorsement key, the attestation key activated for it (AK-5 to AK-7) ---- */

struct store_machine {
    char id[STORE_ID_SIZE];
    char name[STORE_NAME_MAX + 1];
    uint8_t ek_digest[STORE_DIGEST_BYTES];
    uint8_t ak_name[STORE_AK_NAME_MAX];
    size_t ak_name_len; /* 0 = replaced: the next join of the EK or of the name brings one */
    uint8_t ek_public[STORE_EK_PUBLIC_MAX]; /* to challenge the machine again */
    size_t ek_public_len;
    bool is_active;
    int64_t created;
    int64_t last_seen; /* by a fresh proof of this AK; 0 = never */
    /* Of a replaced machine: only this EK may take it up. Without it, any trusted one. */
    bool has_successor;
    uint8_t successor_ek[STORE_DIGEST_BYTES];
    char subscription[STORE_ID_SIZE]; /* whose it is; "" = the server's own */
};

/* ERR_NOT_FOUND when there is none. */
err_t store_machine_by_ak(struct store *store, struct span ak_name, struct trail *trail,
                          struct store_machine *ret) MUST_CHECK;
err_t store_machine_by_ek(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                          struct trail *trail, struct store_machine *ret) MUST_CHECK;
err_t store_machine_by_id(struct store *store, const char *id, struct trail *trail,
                          struct store_machine *ret) MUST_CHECK;
err_t store_machine_by_name(struct store *store, const char *name, struct trail *trail,
                            struct store_machine *ret) MUST_CHECK;
/*
 * In one write (AK-6): the EK's machine is active with this AK. A new EK gets `wanted` as it is; a
 * known one keeps id, name and time of creation, which *ret shows. A replaced machine is taken up
 * by its EK, or by a new EK with its name; where a successor was named, by that EK alone.
 * ERR_CONFLICT, nothing changed: the EK has another AK, the AK another EK, the name another EK, the
 * place is kept for another EK, or an operator disabled it (AK-7).
 */
err_t store_machine_activate(struct store *store, const struct store_machine *wanted,
                             struct trail *trail, struct store_machine *ret) MUST_CHECK;
/* Machines by name, the first max behind the name `after` ("" = from the first), in the arena. */
err_t store_machines(struct store *store, struct arena *arena, const char *after, size_t max,
                     struct trail *trail, struct store_machine **ret, size_t *ret_n) MUST_CHECK;

/* What an operator does to a machine. */
enum store_change {
    STORE_DISABLE, /* its AK and its sessions count for nothing */
    STORE_ENABLE,
    STORE_REPLACE,      /* its AK is forgotten; see store_machine_activate. History stays. */
    STORE_FORGET_CLOCK, /* the AK's next proof that answers a challenge may show any clock;
                           what clock it ever showed is remembered all the same */
    STORE_REMOVE,       /* records of it stay for their time, without a machine */
};
enum { STORE_WHO_MAX = 64 };
/* The change and its line in the audit, in one transaction. who: user name. ERR_NOT_FOUND when
 * there is no such machine. *ret_is_new is false when it was like that before, which is audited
 * too. */
err_t store_machine_change(struct store *store, const char *machine_id, enum store_change change,
                           const char *who, int64_t now, struct trail *trail,
                           bool *ret_is_new) MUST_CHECK;
/* STORE_REPLACE with a successor: only the EK of this digest may take the machine up, also when it
 * is another than the machine's. ERR_CONFLICT when another machine has that EK. */
err_t store_machine_replace(struct store *store, const char *machine_id,
                            const uint8_t successor_ek[STORE_DIGEST_BYTES], const char *who,
                            int64_t now, struct trail *trail, bool *ret_is_new) MUST_CHECK;

struct store_audit {
    int64_t time;
    const char *who; /* a user name; "-" for what a guest did: taking up a replaced machine */
    const char *what;
    const char *machine_id, *name;
};
/* What was done to the machine, and to others of its name before it; newest first, in the arena. */
err_t store_audits(struct store *store, struct arena *arena, const struct store_machine *machine,
                   size_t max, struct trail *trail, struct store_audit **ret,
                   size_t *ret_n) MUST_CHECK;

/* ---- things that may be used once (Q-9) ---- */

/* *ret_is_first is true for exactly one call with this id until it expires. */
err_t store_use_once(struct store *store, struct span id, int64_t expires, struct trail *trail,
                     bool *ret_is_first) MUST_CHECK;
/* Whether it was used; only a hint until used. */
err_t store_was_used(struct store *store, struct span id, struct trail *trail,
                     bool *ret) MUST_CHECK;

/* ---- attestations ---- */

/* Where an AK's clock stands. ERR_NOT_FOUND before its first accepted proof. */
err_t store_clock_get(struct store *store, struct span ak_name, struct trail *trail,
                      struct tpm_clock *ret) MUST_CHECK;

/*
 * What shows that a proof was made for its request, and is not a copy of an earlier one. It says
 * nothing about the verdict: a machine that goes bad proves that freshly too, and then no copy of
 * its good evidence may take that back.
 */
enum store_freshness {
    STORE_FRESHNESS_UNKNOWN, /* recorded by a version that did not ask */
    STORE_FRESHNESS_NONE,    /* nothing: a copy, a proof that was overtaken, an unproven one */
    STORE_FRESHNESS_CLOCK,   /* the AK's clock is past all that a verified quote of it ever showed,
                                accepted or not */
    STORE_FRESHNESS_CHALLENGE, /* it answers a challenge that was unused */
};
/* "unknown", "none", "clock", "challenge" */
const char *store_freshness_name(enum store_freshness freshness);

/* One appraisal, accepted or not (S-7). Spans and texts are borrowed during the call. */
struct store_attestation {
    /* Given by the store, ignored when recording. */
    int64_t id;
    enum store_freshness freshness;
    uint64_t repeats;    /* how often the same evidence came again, with the same verdict */
    int64_t last_repeat; /* 0 = never */

    int64_t time;
    const char *machine_id; /* NULL when the AK belongs to none of our machines */
    struct span ak_name;
    bool is_proven; /* the AK is: a record that only a real TPM can cause */
    const char *verdict;
    struct span reasons; /* JSON, at most STORE_REASONS_MAX: else a note takes its place */
    struct span facts;   /* JSON, at most STORE_FACTS_MAX: likewise; data NULL = none */
    uint8_t evidence_digest[STORE_DIGEST_BYTES];
    const char *token_id;   /* jti; NULL when no token was issued */
    struct span pcr_digest; /* data NULL = none */
    bool has_clock;
    struct tpm_clock clock;
    /* A proof that holds: the AK's clock moves forward, never back, if it is fresh. Without it the
     * record counts as refused. */
    bool advances_clock;
    struct span challenge_id; /* used up with this record; empty = none */
    int64_t challenge_expires;
    bool answers_challenge; /* a verified quote of the proven AK has this challenge in it */
    /* What a fresh proof says of the machine, in the same write (store/monitor.h); NULL. */
    struct store_monitor_change *monitor;
};

enum store_outcome {
    STORE_RECORDED,
    STORE_REPEATED,       /* counted at the record of the same evidence */
    STORE_CHALLENGE_USED, /* by another request meanwhile: nothing was recorded */
};
struct store_recorded {
    enum store_outcome outcome;
    enum store_freshness freshness;
};
/* Challenge, clocks, record and the machine's last_seen (which only a fresh proof moves, good or
 * bad) in one transaction. Nobody waits for a disk when evidence is repeated that is on it already.
 */
err_t store_attestation_record(struct store *store, const struct store_attestation *attestation,
                               struct trail *trail, struct store_recorded *ret) MUST_CHECK;
/* The same for evidence that proves nothing: copied and written with the next batch, nobody
 * waits. False when the queue is full and it was dropped. */
bool store_attestation_note(struct store *store, const struct store_attestation *attestation);
/* Newest first, at most max; of one machine or (NULL) of all. In the arena. */
err_t store_attestations(struct store *store, struct arena *arena, const char *machine_id,
                         size_t max, struct trail *trail, struct store_attestation **ret,
                         size_t *ret_n) MUST_CHECK;

/* Of one machine, the fresh ones by the AK that it has now, or those that are not fresh; so copies
 * crowd out nothing. */
err_t store_proofs(struct store *store, struct arena *arena, const char *machine_id, bool is_fresh,
                   size_t max, struct trail *trail, struct store_attestation **ret,
                   size_t *ret_n) MUST_CHECK;

/* The fresh ones by any AK that it had: its history. */
err_t store_proofs_ever(struct store *store, struct arena *arena, const char *machine_id,
                        size_t max, struct trail *trail, struct store_attestation **ret,
                        size_t *ret_n) MUST_CHECK;

enum { STORE_VERDICT_SIZE = 32 };
/* The verdict of the last fresh proof by the AK that the machine has now: no copy, of good evidence
 * or of bad, is a word about the machine. "" without one. */
err_t store_last_verdict(struct store *store, const char *machine_id, struct trail *trail,
                         char ret[STORE_VERDICT_SIZE]) MUST_CHECK;
/* How often refused evidence of the AK came that was not fresh, and when last (0 = never). */
err_t store_refused_copies(struct store *store, struct span ak_name, struct trail *trail,
                           uint64_t *ret_n, int64_t *ret_last) MUST_CHECK;

#endif
