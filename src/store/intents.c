/*
 * intents.c - what callers ask of the store: reading on a connection of the pool, writing through
 * the queue.
 */
#include "store/queue.h"

#include <stdlib.h>

static err_t find_machine(struct store *store, enum statement by, struct span key, bool is_text,
                          struct trail *trail, struct store_machine *ret)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_machine(reader, by, key, is_text, trail, ret);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_machine_by_ak(struct store *store, struct span ak_name, struct trail *trail,
                          struct store_machine *ret)
{
    return find_machine(store, STATEMENT_MACHINE_BY_AK, ak_name, false, trail, ret);
}

err_t store_machine_by_ek(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                          struct trail *trail, struct store_machine *ret)
{
    return find_machine(store, STATEMENT_MACHINE_BY_EK, span_of(ek_digest, STORE_DIGEST_BYTES),
                        false, trail, ret);
}

err_t store_machine_by_id(struct store *store, const char *id, struct trail *trail,
                          struct store_machine *ret)
{
    return find_machine(store, STATEMENT_MACHINE_BY_ID, span_str(id), true, trail, ret);
}

err_t store_machine_by_name(struct store *store, const char *name, struct trail *trail,
                            struct store_machine *ret)
{
    return find_machine(store, STATEMENT_MACHINE_BY_NAME, span_str(name), true, trail, ret);
}

err_t store_machine_change(struct store *store, const char *machine_id, enum store_change change,
                           const char *who, int64_t now, struct trail *trail, bool *ret_is_new)
{
    struct op op = {
        .kind = OP_CHANGE, .machine_id = machine_id, .change = change, .who = who, .number = now};
    err_t err = store_wait_for(store, &op, trail);

    if (err == ERR_OK) {
        *ret_is_new = op.is_first;
    }
    return err;
}

err_t store_machine_replace(struct store *store, const char *machine_id,
                            const uint8_t successor_ek[STORE_DIGEST_BYTES], const char *who,
                            int64_t now, struct trail *trail, bool *ret_is_new)
{
    struct op op = {.kind = OP_CHANGE,
                    .machine_id = machine_id,
                    .change = STORE_REPLACE,
                    .who = who,
                    .number = now,
                    .id = span_of(successor_ek, STORE_DIGEST_BYTES)};
    err_t err = store_wait_for(store, &op, trail);

    if (err == ERR_OK) {
        *ret_is_new = op.is_first;
    }
    return err;
}

err_t store_audits(struct store *store, struct arena *arena, const struct store_machine *machine,
                   size_t max, struct trail *trail, struct store_audit **ret, size_t *ret_n)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_audits(reader, arena, machine, max, trail, ret, ret_n);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_last_verdict(struct store *store, const char *machine_id, struct trail *trail,
                         char ret[STORE_VERDICT_SIZE])
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_last_verdict(reader, machine_id, trail, ret);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_machines(struct store *store, struct arena *arena, const char *after, size_t max,
                     struct trail *trail, struct store_machine **ret, size_t *ret_n)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_machines(reader, arena, after, max, trail, ret, ret_n);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_use_once(struct store *store, struct span id, int64_t expires, struct trail *trail,
                     bool *ret_is_first)
{
    struct op op = {.kind = OP_ONCE, .id = id, .number = expires};
    err_t err =
        id.len == 0 || id.len > STORE_ONCE_MAX ? ERR_VALUE : store_wait_for(store, &op, trail);

    if (err == ERR_OK) {
        *ret_is_first = op.is_first;
    }
    return err;
}

err_t store_was_used(struct store *store, struct span id, struct trail *trail, bool *ret)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_was_used(reader, id, trail, ret);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_clock_get(struct store *store, struct span ak_name, struct trail *trail,
                      struct tpm_clock *ret)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_clock(reader, STATEMENT_CLOCK_GET, ak_name, trail, ret);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_refused_copies(struct store *store, struct span ak_name, struct trail *trail,
                           uint64_t *ret_n, int64_t *ret_last)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_refused_copies(reader, ak_name, trail, ret_n, ret_last);
    store_give_reader(store, reader, err);
    return err;
}

/* Takes op, which the writer frees. False, and op is freed, when the queue is full. */
static bool enqueue_note(struct store *store, struct op *op)
{
    bool is_taken;

    pthread_mutex_lock(&store->lock);
    is_taken = store->n_queued < STORE_QUEUE_MAX;
    if (is_taken) {
        store_enqueue(store, op);
    }
    pthread_mutex_unlock(&store->lock);
    if (!is_taken) {
        free(op);
    }
    return is_taken;
}

/* Evidence that is on the disk already is counted with the next batch. False: it is new, as far as
 * can be seen here, and the writer looks again. */
static bool note_repeat(struct store *store, const struct store_attestation *attestation)
{
    struct sqlite *reader = NULL;
    struct op *op;
    int64_t id = 0;
    err_t err = store_take_reader(store, NULL, &reader);

    if (err) {
        return false;
    }
    err = query_repeated(reader, attestation, NULL, &id);
    store_give_reader(store, reader, err);
    op = err ? NULL : calloc(1, sizeof(*op));
    if (op == NULL) {
        return false;
    }
    op->kind = OP_REPEAT;
    op->is_note = true;
    op->number = id;
    op->attestation.time = attestation->time;
    return enqueue_note(store, op);
}

err_t store_attestation_record(struct store *store, const struct store_attestation *attestation,
                               struct trail *trail, struct store_recorded *ret)
{
    struct op op = {.kind = OP_RECORD, .attestation = *attestation};
    err_t err;

    if (attestation->challenge_id.len == 0 && note_repeat(store, attestation)) {
        *ret = (struct store_recorded){STORE_REPEATED, STORE_FRESHNESS_NONE};
        return ERR_OK;
    }
    err = store_wait_for(store, &op, trail);
    if (err == ERR_OK) {
        *ret = op.recorded;
    }
    return err;
}

static uint8_t *place(uint8_t *at, struct span *bytes)
{
    if (bytes->data != NULL) {
        memcpy(at, bytes->data, bytes->len);
        at[bytes->len] = 0;
        bytes->data = at;
        at += bytes->len + 1;
    }
    return at;
}

bool store_attestation_note(struct store *store, const struct store_attestation *attestation)
{
    struct store_attestation copy = *attestation;
    struct span verdict = span_str(copy.verdict);
    struct op *op;
    uint8_t *at;

    copy.reasons = capped(copy.reasons, STORE_REASONS_MAX);
    copy.facts = capped(copy.facts, STORE_FACTS_MAX);
    op = calloc(1, sizeof(*op) + copy.ak_name.len + verdict.len + copy.reasons.len +
                       copy.facts.len + copy.pcr_digest.len + 5);
    if (op == NULL) {
        return false;
    }
    at = (uint8_t *)(op + 1);
    at = place(at, &copy.ak_name);
    at = place(at, &verdict);
    at = place(at, &copy.reasons);
    at = place(at, &copy.facts);
    (void)place(at, &copy.pcr_digest);
    copy.verdict = (const char *)verdict.data;
    /* Nothing unproven names a machine, carries a token or moves a clock. */
    copy.machine_id = NULL;
    copy.token_id = NULL;
    copy.advances_clock = false;
    copy.is_proven = false;
    copy.challenge_id = (struct span){0};
    copy.monitor = NULL;
    op->kind = OP_RECORD;
    op->is_note = true;
    op->attestation = copy;
    return enqueue_note(store, op);
}

static err_t read_attestations(struct store *store, struct arena *arena, enum statement which,
                               const char *machine_id, size_t max, struct trail *trail,
                               struct store_attestation **ret, size_t *ret_n)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_attestations(reader, arena, which, machine_id, max, trail, ret, ret_n);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_attestations(struct store *store, struct arena *arena, const char *machine_id,
                         size_t max, struct trail *trail, struct store_attestation **ret,
                         size_t *ret_n)
{
    return read_attestations(
        store, arena, machine_id != NULL ? STATEMENT_ATTESTATIONS_OF : STATEMENT_ATTESTATIONS,
        machine_id, max, trail, ret, ret_n);
}

err_t store_proofs(struct store *store, struct arena *arena, const char *machine_id, bool is_fresh,
                   size_t max, struct trail *trail, struct store_attestation **ret, size_t *ret_n)
{
    return read_attestations(store, arena, is_fresh ? STATEMENT_FRESH_OF : STATEMENT_COPIES_OF,
                             machine_id, max, trail, ret, ret_n);
}

err_t store_proofs_ever(struct store *store, struct arena *arena, const char *machine_id,
                        size_t max, struct trail *trail, struct store_attestation **ret,
                        size_t *ret_n)
{
    return read_attestations(store, arena, STATEMENT_FRESH_EVER, machine_id, max, trail, ret,
                             ret_n);
}
