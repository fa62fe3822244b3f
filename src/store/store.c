/*
 * store.c - the queue, the writer thread, and the pool of reading connections.
 */
#include "store/queue.h"

#include "store/monitor.h"

#include "base/timestamp.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    BATCH_MAX = 256,
    CHECK_EVERY_US = 1000 * 1000,
    CHECK_WAIT_US = 500 * 1000, /* a probe holds a thread that others need */
    CLOCK_SURE_S = 86400,
    SWEEP_UNPROVEN_EVERY = 1000, /* unproven records and notes between two looks at their number */
};

/* ---- the writer ---- */

static err_t run_sweep(struct store *store, struct op *op)
{
    bool is_sure = timestamp_ticks_us() - store->opened_us >= (uint64_t)CLOCK_SURE_S * 1000 * 1000;
    bool is_held = false;
    err_t err = write_sweep(store->writer, op->number, is_sure, &op->trail, &is_held);

    if (err == ERR_OK) {
        atomic_store(&store->is_sweep_held, is_held);
    }
    return err;
}

/* Is the machine the one whose key made the proof? */
static bool is_still(const struct store_machine *machine, const struct store_attestation *a)
{
    return machine->is_active &&
           span_equal(span_of(machine->ak_name, machine->ak_name_len), a->ak_name);
}

/* Only what is fresh says how the machine is. */
static err_t run_record(struct sqlite *db, struct op *op)
{
    struct store_machine machine;
    const struct store_attestation *a = &op->attestation;
    err_t err = write_attestation(db, a, &op->trail, &op->recorded);

    if (err || a->monitor == NULL || a->machine_id == NULL ||
        op->recorded.outcome != STORE_RECORDED || op->recorded.freshness < STORE_FRESHNESS_CLOCK) {
        return err;
    }
    err = query_machine(db, STATEMENT_MACHINE_BY_ID, span_str(a->machine_id), true, &op->trail,
                        &machine);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !is_still(&machine, a))) {
        return ERR_OK; /* it was removed, replaced or disabled while this proof was judged */
    }
    a->monitor->freshness = op->recorded.freshness;
    return err ? err : write_monitor_change(db, a->machine_id, a->monitor, &op->trail);
}

static err_t run_op(struct store *store, struct op *op)
{
    struct sqlite *db = store->writer;

    switch (op->kind) {
    case OP_ONCE:
        return write_once(db, op->id, op->number, &op->trail, &op->is_first);
    case OP_RECORD:
        return run_record(db, op);
    case OP_REPEAT:
        return write_repeat(db, op->number, op->attestation.time, &op->trail);
    case OP_CHANGE:
        return write_change(db, op->machine_id, op->change, op->id, op->who, op->number, &op->trail,
                            &op->is_first);
    case OP_SWEEP:
        return run_sweep(store, op);
    case OP_CHECK:
        return sqlite_run(db, STATEMENT_CHECK, &op->trail);
    case OP_CALL:
        return op->call(db, op->data, &op->trail);
    }
    return ERR_INTERNAL;
}

/* One op inside the batch's transaction: it is undone alone when it fails. */
static void run_in_savepoint(struct store *store, struct op *op)
{
    struct sqlite *db = store->writer;

    op->err = sqlite_run(db, STATEMENT_SAVEPOINT, &op->trail);
    op->err = op->err ? op->err : run_op(store, op);
    if (op->err && sqlite3_get_autocommit(db->db) == 0) {
        (void)!sqlite_run(db, STATEMENT_SAVEPOINT_UNDO, NULL);
    }
    if (sqlite3_get_autocommit(db->db) == 0) {
        err_t err = sqlite_run(db, STATEMENT_SAVEPOINT_KEEP, &op->trail);

        op->err = op->err ? op->err : err;
    }
}

static void fail_all(struct op *batch, err_t err, const struct trail *trail)
{
    for (struct op *op = batch; op != NULL; op = op->next) {
        op->err = err;
        op->trail = *trail;
    }
}

/* All of the batch, then one flush for all of them. */
static void run_batch(struct store *store, struct op *batch)
{
    struct sqlite *db = store->writer;
    struct trail trail = {0};
    err_t err = sqlite_run(db, STATEMENT_BEGIN, &trail);

    for (struct op *op = batch; err == ERR_OK && op != NULL; op = op->next) {
        run_in_savepoint(store, op);
        /* A full disk ends the whole transaction, and with it what ran before. */
        if (sqlite3_get_autocommit(db->db) != 0) {
            err = op->err ? op->err : ERR_STORE;
            trail = op->trail;
        }
    }
    err = err ? err : sqlite_run(db, STATEMENT_COMMIT, &trail);
    if (err) {
        if (sqlite3_get_autocommit(db->db) == 0) {
            (void)!sqlite_run(db, STATEMENT_ROLLBACK, NULL);
        }
        fail_all(batch, err, &trail);
        return;
    }
    atomic_store(&store->committed_us, timestamp_ticks_us());
}

/* Up to BATCH_MAX ops, or NULL when closing and all is done. */
static struct op *take_batch(struct store *store)
{
    struct op *batch, *end;
    size_t n = 1;

    pthread_mutex_lock(&store->lock);
    while (store->first == NULL && !store->is_closing) {
        pthread_cond_wait(&store->arrived, &store->lock);
    }
    batch = store->first;
    for (end = batch; end != NULL && end->next != NULL && n < BATCH_MAX; end = end->next) {
        n++;
    }
    if (batch != NULL) {
        store->first = end->next;
        end->next = NULL;
        if (store->first == NULL) {
            store->last = &store->first;
        }
        store->n_queued -= n;
    }
    pthread_mutex_unlock(&store->lock);
    return batch;
}

static void finish_batch(struct store *store, struct op *batch)
{
    struct op *notes = NULL, *next;

    pthread_mutex_lock(&store->lock);
    for (struct op *op = batch; op != NULL; op = next) {
        next = op->next; /* a waiting caller's op is gone once it is done */
        if (op->kind == OP_CHECK) {
            store->is_checking = false;
            store->check_err = op->err;
            store->check_trail = op->trail;
        }
        if (op->is_note) {
            op->next = notes;
            notes = op;
        } else {
            op->is_done = true;
        }
    }
    pthread_cond_broadcast(&store->finished);
    pthread_mutex_unlock(&store->lock);
    for (struct op *op = notes; op != NULL; op = next) {
        next = op->next;
        free(op);
    }
}

static void *run_writer(void *context)
{
    struct store *store = context;
    struct op *batch;
    size_t n_unproven = 0;

    while ((batch = take_batch(store)) != NULL) {
        struct op sweep = {.kind = OP_SWEEP, .is_note = true};

        for (struct op *op = batch; op != NULL; op = op->next) {
            bool counts = op->is_note ? op->kind != OP_CHECK
                                      : op->kind == OP_RECORD && !op->attestation.is_proven;

            n_unproven += counts;
            sweep.number = counts ? op->attestation.time : sweep.number;
        }
        run_batch(store, batch);
        finish_batch(store, batch);
        /* What anybody can send must not fill the disk between two sweeps. */
        if (n_unproven >= SWEEP_UNPROVEN_EVERY) {
            n_unproven = 0;
            run_batch(store, &sweep);
        }
    }
    return NULL;
}

/* ---- callers ---- */

void store_enqueue(struct store *store, struct op *op)
{
    op->next = NULL;
    *store->last = op;
    store->last = &op->next;
    store->n_queued++;
    pthread_cond_signal(&store->arrived);
}

err_t store_wait_for(struct store *store, struct op *op, struct trail *trail)
{
    pthread_mutex_lock(&store->lock);
    store_enqueue(store, op);
    while (!op->is_done) {
        pthread_cond_wait(&store->finished, &store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    if (op->err && trail != NULL && trail->what[0] == '\0') {
        *trail = op->trail;
    }
    return op->err;
}

err_t store_take_reader(struct store *store, struct trail *trail, struct sqlite **ret)
{
    struct sqlite *reader = NULL;

    pthread_mutex_lock(&store->lock);
    if (store->n_readers > 0) {
        reader = store->readers[--store->n_readers];
    }
    pthread_mutex_unlock(&store->lock);
    if (reader == NULL) {
        return sqlite_open_reader(store->path, trail, ret);
    }
    *ret = reader;
    return ERR_OK;
}

/* A connection that failed may be in any state: it is not used again. */
void store_give_reader(struct store *store, struct sqlite *reader, err_t err)
{
    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        pthread_mutex_lock(&store->lock);
        if (store->n_readers < STORE_READERS_MAX) {
            store->readers[store->n_readers++] = reader;
            reader = NULL;
        }
        pthread_mutex_unlock(&store->lock);
    }
    sqlite_close(reader);
}

/* ---- opening and closing ---- */

static err_t start_writer(struct store *store)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&store->thread, NULL, run_writer, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    store->has_thread = failed == 0;
    return failed == 0 ? ERR_OK : ERR_UNAVAILABLE;
}

err_t store_open(const struct store_options *options, struct trail *trail, struct store **ret)
{
    CLEANUP(store_close) struct store *store = calloc(1, sizeof(*store));
    err_t err;

    if (store == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->arrived, NULL);
    pthread_cond_init(&store->finished, NULL);
    store->last = &store->first;
    store->opened_us = timestamp_ticks_us();
    store->path = strdup(options->path);
    if (store->path == NULL) {
        return ERR_MEMORY;
    }
    err = sqlite_open_writer(options, trail, &store->writer);
    err = err ? err : start_writer(store);
    if (err == ERR_OK && !options->is_tool) {
        err = store_sweep(store, options->now, trail);
    }
    if (err) {
        return err;
    }
    *ret = TAKE(store);
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->has_thread) {
        pthread_mutex_lock(&store->lock);
        store->is_closing = true;
        pthread_cond_signal(&store->arrived);
        pthread_mutex_unlock(&store->lock);
        pthread_join(store->thread, NULL);
    }
    for (size_t i = 0; i < store->n_readers; i++) {
        sqlite_close(store->readers[i]);
    }
    sqlite_close(store->writer);
    pthread_cond_destroy(&store->arrived);
    pthread_cond_destroy(&store->finished);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

/* Under lock: until the check is done, or has taken long enough. */
static void wait_for_check(struct store *store)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)CHECK_WAIT_US * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (store->is_checking && pthread_cond_clockwait(&store->finished, &store->lock,
                                                        CLOCK_MONOTONIC, &until) != ETIMEDOUT) {
    }
}

err_t store_check(struct store *store, struct trail *trail)
{
    uint64_t last = atomic_load(&store->committed_us), now = timestamp_ticks_us();
    struct trail words = {0};
    struct op *op;
    err_t err;

    if (last != 0 && now - last < CHECK_EVERY_US) {
        return ERR_OK;
    }
    op = calloc(1, sizeof(*op));
    if (op == NULL) {
        return ERR_MEMORY;
    }
    op->kind = OP_CHECK;
    op->is_note = true;
    pthread_mutex_lock(&store->lock);
    if (!store->is_checking) {
        store->is_checking = true;
        store->check_since_us = now;
        store_enqueue(store, op);
        op = NULL;
        wait_for_check(store);
    }
    if (store->is_checking && timestamp_ticks_us() - store->check_since_us >= CHECK_WAIT_US) {
        err = trail_set(&words, ERR_STORE,
                        "the database has not answered for half a second: it is locked by another "
                        "program, or the disk is slow");
    } else {
        err = store->check_err;
        words = store->check_trail;
    }
    pthread_mutex_unlock(&store->lock);
    free(op);
    if (err && trail != NULL && trail->what[0] == '\0') {
        *trail = words;
    }
    return err;
}

bool store_is_sweep_held(const struct store *store)
{
    return atomic_load(&store->is_sweep_held);
}

err_t store_sweep(struct store *store, int64_t now, struct trail *trail)
{
    struct op op = {.kind = OP_SWEEP, .number = now};

    return store_wait_for(store, &op, trail);
}
