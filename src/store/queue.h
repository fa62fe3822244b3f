/*
 * queue.h - inside of the store room: the queue of wishes that the writer thread works off, and the
 * pool of connections for reading.
 */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "store/queries.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STORE_READERS_MAX = 64 };

enum op_kind { OP_ONCE, OP_RECORD, OP_REPEAT, OP_CHANGE, OP_SWEEP, OP_CHECK, OP_CALL };

/* One wish. It lives on its caller's stack while the caller waits, or on the heap (is_note). */
struct op {
    struct op *next;
    enum op_kind kind;
    bool is_note;
    bool is_done;
    err_t err;
    struct trail trail;
    enum store_change change;
    const char *machine_id, *who;
    struct span id; /* or a successor's EK */
    int64_t number; /* expiry, now, or a record's id */
    bool is_first;  /* or new */
    struct store_attestation attestation;
    struct store_recorded recorded;
    err_t (*call)(struct sqlite *db, void *data, struct trail *trail); /* OP_CALL */
    void *data;
};

struct store {
    char *path;
    struct sqlite *writer; /* the writer thread's */
    pthread_t thread;
    bool has_thread;
    /* Under lock: the queue, is_done of queued ops, is_closing, readers. No lock is taken under
     * it. */
    pthread_mutex_t lock;
    pthread_cond_t arrived, finished;
    struct op *first, **last;
    size_t n_queued;
    bool is_closing;
    struct sqlite *readers[STORE_READERS_MAX];
    size_t n_readers;
    _Atomic uint64_t committed_us; /* the last commit that held */
    uint64_t opened_us;
    _Atomic bool is_sweep_held;
    /* Under lock: a check that is queued, since when, and what the last one came to. */
    bool is_checking;
    uint64_t check_since_us;
    err_t check_err;
    struct trail check_trail;
};

/* store.c. Under store->lock. op is the writer's until it is done. */
void store_enqueue(struct store *store, struct op *op);
/* Until the writer is done with op. trail: may be NULL, and is left alone when it says something.
 */
err_t store_wait_for(struct store *store, struct op *op, struct trail *trail) MUST_CHECK;
/* A connection for reading, which goes back with what came of the reading. */
err_t store_take_reader(struct store *store, struct trail *trail, struct sqlite **ret) MUST_CHECK;
void store_give_reader(struct store *store, struct sqlite *reader, err_t err);

#endif
