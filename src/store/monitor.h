/*
 * monitor.h - how each machine is, as the store keeps it: its state and since when, what its last
 * fresh proof came to, what it reported itself, its baseline.
 *
 * What a state follows from is the monitor room's business: changes are functions that the writer
 * runs on the row inside its transaction, so that two that come together see each other.
 */
#ifndef STORE_MONITOR_H
#define STORE_MONITOR_H

#include "store/store.h"

enum {
    STORE_STATE_SIZE = 24,
    STORE_DOUBT_SIZE = 320,
    STORE_PROVIDER_SIZE = 64,
    STORE_WORDS_SIZE = 1536, /* bounded words for people; what is longer is cut */
    STORE_VERSION_SIZE = 40,
    STORE_STATUS_MAX = 64 * 1024, /* the extension's status file is at most 128 KiB, ours is less */
    STORE_BASELINE_MAX = 2 * 1024 * 1024,
    STORE_STATE_CHANGES_MAX = 1000, /* kept for each machine */
};

#define STORE_STATE_FIRST "never-reported" /* of a machine, or of its new keys */

struct store_monitor {
    char state[STORE_STATE_SIZE];
    int64_t since;
    char why[STORE_WORDS_SIZE];
    char proof[STORE_VERDICT_SIZE]; /* verdict of the last fresh proof; "" = none yet */
    char proof_why[STORE_WORDS_SIZE];
    int64_t proof_time;
    char trouble[STORE_STATE_SIZE]; /* why the guest could not prove: "unreachable", ...; "" */
    char trouble_why[STORE_WORDS_SIZE];
    int64_t trouble_time;
    int64_t contact;  /* by a fresh proof or by a session of the machine; 0 = never */
    int64_t period_s; /* between two reports, as the guest says; 0 = it did not say */
    int64_t due;      /* when the state is to be judged anew; 0 = never */
    char agent_version[STORE_VERSION_SIZE], platform[STORE_VERSION_SIZE];
    bool wants_proof; /* an owner asked for one now */
    /* Of the last proof that counted: */
    char provider[STORE_PROVIDER_SIZE]; /* that judged it; "" = none did */
    uint32_t reset_count, restart_count;
    /* of the boot's first one: what the TPM's clock said, and when that was; 0 = there was none */
    int64_t clock_ms, clock_time;
    bool answers;                 /* a proof of this key answered a challenge */
    bool is_off;                  /* its owner switched monitoring off */
    char doubt[STORE_DOUBT_SIZE]; /* why the last proof did not count; "" = it did */
};

/* Changes the row; false when nothing is to be written. Runs on the writer's thread: it must not
 * wait and must not call the store. */
typedef bool store_monitor_fn(struct store_monitor *row, void *context);

struct store_monitor_change {
    store_monitor_fn *apply;
    void *context;
    int64_t now;
    struct span status, facts;    /* JSON, replaced unless data is NULL */
    struct span baseline;         /* likewise, of a boot that is the measure from now on */
    struct span baseline_digest;  /* of its registers, to know it again */
    struct span candidate;        /* likewise, of a boot that waits for a person, */
    struct span candidate_digest; /* and of its registers: what is approved */
    enum store_freshness
        freshness;                 /* of the proof that this is; given by the store, before apply */
    bool drops_candidate;          /* the machine is as its baseline again */
    char before[STORE_STATE_SIZE]; /* given by the store: the states, */
    struct store_monitor after;    /* and the row */
};

/* ERR_NOT_FOUND when there is no such machine. */
err_t store_monitor_apply(struct store *store, const char *machine_id,
                          struct store_monitor_change *change, struct trail *trail) MUST_CHECK;
err_t store_monitor_get(struct store *store, const char *machine_id, struct trail *trail,
                        struct store_monitor *ret) MUST_CHECK;
/* What the guest said last, in the arena; data NULL = nothing. */
err_t store_monitor_said(struct store *store, struct arena *arena, const char *machine_id,
                         struct trail *trail, struct span *ret_status,
                         struct span *ret_facts) MUST_CHECK;

struct store_monitored {
    struct store_machine machine;
    struct store_monitor monitor;
};
/* By name, the first max behind `after`, in the arena. */
err_t store_monitored(struct store *store, struct arena *arena, const char *subscription,
                      const char *after, size_t max, struct trail *trail,
                      struct store_monitored **ret, size_t *ret_n) MUST_CHECK;
/* The clock went back: what was due later is looked at now. */
err_t store_monitor_due_now(struct store *store, int64_t now, struct trail *trail) MUST_CHECK;
/* Ids of machines whose state is to be judged anew by now. */
err_t store_monitor_due(struct store *store, struct arena *arena, int64_t now, size_t max,
                        struct trail *trail, const char ***ret, size_t *ret_n) MUST_CHECK;

struct store_state_count {
    char state[STORE_STATE_SIZE];
    uint64_t n;
};
enum { STORE_STATES_MAX = 32 };
/* How many machines are in which state; states without machines are left out. */
err_t store_state_counts(struct store *store, struct trail *trail,
                         struct store_state_count ret[STORE_STATES_MAX], size_t *ret_n) MUST_CHECK;

struct store_state_change {
    int64_t time;
    const char *before, *after, *why;
};
/* Newest first, in the arena. */
err_t store_state_changes(struct store *store, struct arena *arena, const char *machine_id,
                          size_t max, struct trail *trail, struct store_state_change **ret,
                          size_t *ret_n) MUST_CHECK;

/* ---- baselines ---- */

struct store_baseline {
    struct span document; /* docs/formats/baseline.md; data NULL = none yet */
    struct span digest;   /* of its registers; data NULL = not known */
    int64_t learned;
    struct span candidate; /* of a changed boot that nobody has judged yet; data NULL = none */
    int64_t candidate_time;
    struct span candidate_digest;
};
/* In the arena. All empty when there is none. */
err_t store_baseline_get(struct store *store, struct arena *arena, const char *machine_id,
                         struct trail *trail, struct store_baseline *ret) MUST_CHECK;
/* Its digest alone, in the arena; data NULL when there is none. */
err_t store_baseline_digest(struct store *store, struct arena *arena, const char *machine_id,
                            struct trail *trail, struct span *ret) MUST_CHECK;
/* The candidate becomes the baseline, and `change` is applied, in one write: if it has the digest
 * that was shown, and the machine's last proof is changed. ERR_NOT_FOUND when not. */
err_t store_baseline_approve(struct store *store, const char *machine_id, struct span digest,
                             struct store_monitor_change *change, struct trail *trail) MUST_CHECK;
/* The next good boot is the measure. */
err_t store_baseline_forget(struct store *store, const char *machine_id,
                            struct trail *trail) MUST_CHECK;

#endif
