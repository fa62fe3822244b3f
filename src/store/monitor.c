/*
 * monitor.c - rows of machines' states, and what changes them.
 */
#include "store/monitor.h"

#include "store/queue.h"
#include "store/rows.h"

#include <stdio.h>

/* ---- rows ---- */

static void read_monitor(sqlite3_stmt *row, int at, struct store_monitor *ret)
{
    struct store_monitor monitor = {0};

    column_text(row, at, monitor.state, sizeof(monitor.state));
    monitor.since = sqlite3_column_int64(row, at + 1);
    column_text(row, at + 2, monitor.why, sizeof(monitor.why));
    column_text(row, at + 3, monitor.proof, sizeof(monitor.proof));
    column_text(row, at + 4, monitor.proof_why, sizeof(monitor.proof_why));
    monitor.proof_time = sqlite3_column_int64(row, at + 5);
    column_text(row, at + 6, monitor.trouble, sizeof(monitor.trouble));
    column_text(row, at + 7, monitor.trouble_why, sizeof(monitor.trouble_why));
    monitor.trouble_time = sqlite3_column_int64(row, at + 8);
    monitor.contact = sqlite3_column_int64(row, at + 9);
    monitor.period_s = sqlite3_column_int64(row, at + 10);
    monitor.due = sqlite3_column_int64(row, at + 11);
    column_text(row, at + 12, monitor.agent_version, sizeof(monitor.agent_version));
    column_text(row, at + 13, monitor.platform, sizeof(monitor.platform));
    monitor.wants_proof = sqlite3_column_int(row, at + 14) != 0;
    column_text(row, at + 15, monitor.provider, sizeof(monitor.provider));
    monitor.reset_count = (uint32_t)sqlite3_column_int64(row, at + 16);
    monitor.restart_count = (uint32_t)sqlite3_column_int64(row, at + 17);
    monitor.clock_ms = sqlite3_column_int64(row, at + 18);
    monitor.clock_time = sqlite3_column_int64(row, at + 19);
    monitor.answers = sqlite3_column_int(row, at + 20) != 0;
    monitor.is_off = sqlite3_column_int(row, at + 21) != 0;
    column_text(row, at + 22, monitor.doubt, sizeof(monitor.doubt));
    *ret = monitor;
}

static err_t take_monitor(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    (void)index;
    (void)trail;
    read_monitor(row, 0, data);
    return ERR_OK;
}

static err_t query_monitor(struct sqlite *db, const char *machine_id, struct trail *trail,
                           struct store_monitor *ret)
{
    const struct reading reading = {.which = STATEMENT_MONITOR_GET,
                                    .bound = {bound_text(machine_id)},
                                    .row = take_monitor,
                                    .data = ret};
    size_t n = 0;
    err_t err = query_rows(db, &reading, trail, &n);

    return err == ERR_OK && n == 0 ? ERR_NOT_FOUND : err;
}

/* A statement about one machine with at most two blobs or texts and a number between or behind. */
static err_t run_machine(struct sqlite *db, enum statement which, const char *machine_id,
                         struct span a, struct span b, int64_t number, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    int at = 2, n;
    err_t err = sqlite_use(db, which, trail, &row);

    if (err) {
        return err;
    }
    n = sqlite3_bind_parameter_count(row);
    sqlite_bind_text(row, 1, span_str(machine_id));
    if (a.data != NULL) {
        sqlite_bind_span(row, at++, a);
    }
    if (b.data != NULL) {
        sqlite_bind_span(row, at++, b);
    }
    if (at <= n) {
        sqlite3_bind_int64(row, at, number);
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t run_text(struct sqlite *db, enum statement which, const char *machine_id,
                      struct span text, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, which, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    if (text.data != NULL) {
        sqlite_bind_text(row, 2, text);
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

/* ---- changing: inside the writer's transaction ---- */

static err_t set_monitor(struct sqlite *db, const char *machine_id, const struct store_monitor *m,
                         struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MONITOR_SET, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    sqlite_bind_text(row, 2, span_str(m->state));
    sqlite3_bind_int64(row, 3, m->since);
    sqlite_bind_text(row, 4, span_str(m->why));
    sqlite_bind_text(row, 5, span_str(m->proof));
    sqlite_bind_text(row, 6, span_str(m->proof_why));
    sqlite3_bind_int64(row, 7, m->proof_time);
    sqlite_bind_text(row, 8, span_str(m->trouble));
    sqlite_bind_text(row, 9, span_str(m->trouble_why));
    sqlite3_bind_int64(row, 10, m->trouble_time);
    sqlite3_bind_int64(row, 11, m->contact);
    sqlite3_bind_int64(row, 12, m->period_s);
    sqlite3_bind_int64(row, 13, m->due);
    sqlite_bind_text(row, 14, span_str(m->agent_version));
    sqlite_bind_text(row, 15, span_str(m->platform));
    sqlite3_bind_int(row, 16, m->wants_proof);
    sqlite_bind_text(row, 17, span_str(m->provider));
    sqlite3_bind_int64(row, 18, m->reset_count);
    sqlite3_bind_int64(row, 19, m->restart_count);
    sqlite3_bind_int64(row, 20, m->clock_ms);
    sqlite3_bind_int64(row, 21, m->clock_time);
    sqlite3_bind_int(row, 22, m->answers);
    sqlite3_bind_int(row, 23, m->is_off);
    sqlite_bind_text(row, 24, span_str(m->doubt));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t add_change(struct sqlite *db, const char *machine_id, const char *before,
                        const struct store_monitor *m, int64_t now, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MONITOR_CHANGE_ADD, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    sqlite3_bind_int64(row, 2, now);
    sqlite_bind_text(row, 3, span_str(before));
    sqlite_bind_text(row, 4, span_str(m->state));
    sqlite_bind_text(row, 5, span_str(m->why));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err ? err
               : run_machine(db, STATEMENT_MONITOR_CHANGES_SWEEP, machine_id, (struct span){0},
                             (struct span){0}, STORE_STATE_CHANGES_MAX, trail);
}

err_t write_monitor_begin(struct sqlite *db, const struct store_machine *machine, int64_t now,
                          const char *why, struct trail *trail)
{
    struct store_monitor before = {0}, after = {.state = STORE_STATE_FIRST, .since = now};
    err_t err = query_monitor(db, machine->id, trail, &before);
    bool is_known = err == ERR_OK;

    if (err && err != ERR_NOT_FOUND) {
        return err;
    }
    err = ERR_OK;
    if (is_known && (!machine->is_active || strcmp(before.state, after.state) == 0)) {
        after = before;
    } else if (is_known) {
        after.due = 1;
        snprintf(after.why, sizeof(after.why), "%s", why);
        err = add_change(db, machine->id, before.state, &after, now, trail);
    }
    if (err == ERR_OK) {
        const struct reading begin = {.which = STATEMENT_MONITOR_BEGIN,
                                      .bound = {bound_text(machine->id), bound_text(after.state),
                                                bound_number(after.since),
                                                bound_number(after.due)}};
        size_t n = 0;

        err = query_rows(db, &begin, trail, &n);
    }
    return err ? err
               : run_bound(db, STATEMENT_BASELINE_FORGET, bound_text(machine->id),
                           (struct bound){0}, trail);
}

static err_t set_baseline(struct sqlite *db, const char *machine_id,
                          const struct store_monitor_change *change, struct trail *trail)
{
    const struct span none = {0};
    err_t err = ERR_OK;

    if (change->baseline.data != NULL) {
        return run_machine(db, STATEMENT_BASELINE_SET, machine_id, change->baseline,
                           change->baseline_digest, change->now, trail);
    }
    if (change->candidate.data != NULL) {
        return run_machine(db, STATEMENT_CANDIDATE_SET, machine_id, change->candidate,
                           change->candidate_digest, change->now, trail);
    }
    if (change->drops_candidate) {
        err = run_machine(db, STATEMENT_CANDIDATE_DROP, machine_id, none, none, 0, trail);
    }
    return err;
}

err_t write_monitor_change(struct sqlite *db, const char *machine_id,
                           struct store_monitor_change *change, struct trail *trail)
{
    struct store_monitor m = {0};
    err_t err = query_monitor(db, machine_id, trail, &m);

    if (err) {
        return err;
    }
    snprintf(change->before, sizeof(change->before), "%s", m.state);
    if (change->apply(&m, change->context)) {
        if (strcmp(m.state, change->before) != 0) {
            m.since = change->now;
            err = add_change(db, machine_id, change->before, &m, change->now, trail);
        }
        err = err ? err : set_monitor(db, machine_id, &m, trail);
    }
    if (err == ERR_OK && change->status.data != NULL) {
        err = run_text(db, STATEMENT_MONITOR_STATUS_SET, machine_id,
                       capped(change->status, STORE_STATUS_MAX), trail);
    }
    if (err == ERR_OK && change->facts.data != NULL) {
        err = run_text(db, STATEMENT_MONITOR_FACTS_SET, machine_id,
                       capped(change->facts, STORE_FACTS_MAX), trail);
    }
    err = err ? err : set_baseline(db, machine_id, change, trail);
    change->after = m;
    return err;
}

struct applied {
    const char *machine_id;
    struct store_monitor_change *change;
    struct span digest; /* of what is approved */
};

static err_t run_apply(struct sqlite *db, void *data, struct trail *trail)
{
    struct applied *applied = data;

    return write_monitor_change(db, applied->machine_id, applied->change, trail);
}

static err_t run_approve(struct sqlite *db, void *data, struct trail *trail)
{
    struct applied *applied = data;
    struct store_monitor m = {0};
    err_t err = query_monitor(db, applied->machine_id, trail, &m);

    if (err == ERR_OK && strcmp(m.proof, "changed") != 0) {
        return ERR_NOT_FOUND; /* what waits is of a boot before the last one */
    }
    err = err ? err
              : run_machine(db, STATEMENT_CANDIDATE_TAKE, applied->machine_id, applied->digest,
                            (struct span){0}, applied->change->now, trail);
    if (err == ERR_OK && sqlite3_changes(db->db) == 0) {
        return ERR_NOT_FOUND;
    }
    return err ? err : run_apply(db, data, trail);
}

err_t store_monitor_apply(struct store *store, const char *machine_id,
                          struct store_monitor_change *change, struct trail *trail)
{
    struct applied applied = {.machine_id = machine_id, .change = change};
    struct op op = {.kind = OP_CALL, .call = run_apply, .data = &applied};

    return store_wait_for(store, &op, trail);
}

err_t store_baseline_approve(struct store *store, const char *machine_id, struct span digest,
                             struct store_monitor_change *change, struct trail *trail)
{
    struct applied applied = {machine_id, change, digest};
    struct op op = {.kind = OP_CALL, .call = run_approve, .data = &applied};

    return store_wait_for(store, &op, trail);
}

static err_t run_forget(struct sqlite *db, void *data, struct trail *trail)
{
    return run_machine(db, STATEMENT_BASELINE_FORGET, data, (struct span){0}, (struct span){0}, 0,
                       trail);
}

err_t store_baseline_forget(struct store *store, const char *machine_id, struct trail *trail)
{
    char id[STORE_ID_SIZE];
    struct op op = {.kind = OP_CALL, .call = run_forget, .data = id};

    snprintf(id, sizeof(id), "%s", machine_id);
    return store_wait_for(store, &op, trail);
}

static err_t run_due_now(struct sqlite *db, void *data, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MONITOR_DUE_NOW, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, *(const int64_t *)data);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

err_t store_monitor_due_now(struct store *store, int64_t now, struct trail *trail)
{
    struct op op = {.kind = OP_CALL, .call = run_due_now, .data = &now};

    return store_wait_for(store, &op, trail);
}

/* ---- reading ---- */

err_t store_monitor_get(struct store *store, const char *machine_id, struct trail *trail,
                        struct store_monitor *ret)
{
    const struct reading reading = {.which = STATEMENT_MONITOR_GET,
                                    .bound = {bound_text(machine_id)},
                                    .row = take_monitor,
                                    .data = ret};
    size_t n = 0;
    err_t err = read_rows(store, &reading, trail, &n);

    return err == ERR_OK && n == 0 ? ERR_NOT_FOUND : err;
}

/* What rows become, one behind the other; their bytes are kept in the arena. */
struct collected {
    struct arena *arena;
    union {
        struct store_monitored *monitored;
        struct store_state_change *changes;
        const char **ids;
        struct store_baseline *baseline;
        struct span *said;
        struct store_state_count *counts;
    } to;
};

static err_t keep(struct arena *arena, sqlite3_stmt *row, int index, struct span *ret)
{
    struct span bytes = column_span(row, index);

    *ret = bytes.data == NULL ? bytes : arena_dup(arena, bytes);
    return bytes.data != NULL && ret->data == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t take_said(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct collected *c = data;
    err_t err = keep(c->arena, row, 0, &c->to.said[0]);

    (void)index;
    (void)trail;
    return err ? err : keep(c->arena, row, 1, &c->to.said[1]);
}

err_t store_monitor_said(struct store *store, struct arena *arena, const char *machine_id,
                         struct trail *trail, struct span *ret_status, struct span *ret_facts)
{
    struct span said[2] = {{0}, {0}};
    struct collected c = {.arena = arena, .to.said = said};
    const struct reading reading = {.which = STATEMENT_MONITOR_SAID,
                                    .bound = {bound_text(machine_id)},
                                    .row = take_said,
                                    .data = &c};
    size_t n = 0;
    err_t err = read_rows(store, &reading, trail, &n);

    *ret_status = said[0];
    *ret_facts = said[1];
    return err;
}

static err_t take_monitored(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct collected *c = data;
    struct store_monitored *to = &c->to.monitored[index];

    read_monitor(row, STORE_MACHINE_COLUMNS, &to->monitor);
    return read_machine_row(row, trail, &to->machine);
}

err_t store_monitored(struct store *store, struct arena *arena, const char *subscription,
                      const char *after, size_t max, struct trail *trail,
                      struct store_monitored **ret, size_t *ret_n)
{
    struct collected c = {.arena = arena,
                          .to.monitored = arena_calloc(arena, max, sizeof(*c.to.monitored))};
    const struct reading reading = {
        .which = STATEMENT_MONITORED,
        .bound = {bound_text(subscription), bound_text(after), bound_number((int64_t)max)},
        .max = max,
        .row = take_monitored,
        .data = &c};
    err_t err = c.to.monitored == NULL ? ERR_MEMORY : read_rows(store, &reading, trail, ret_n);

    *ret = c.to.monitored;
    return err;
}

static err_t take_id(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct collected *c = data;
    struct span id = {0};
    err_t err = keep(c->arena, row, 0, &id);

    (void)trail;
    c->to.ids[index] = (const char *)id.data;
    return err;
}

err_t store_monitor_due(struct store *store, struct arena *arena, int64_t now, size_t max,
                        struct trail *trail, const char ***ret, size_t *ret_n)
{
    struct collected c = {.arena = arena, .to.ids = arena_calloc(arena, max, sizeof(*c.to.ids))};
    const struct reading reading = {.which = STATEMENT_MONITOR_DUE,
                                    .bound = {bound_number(now), bound_number((int64_t)max)},
                                    .max = max,
                                    .row = take_id,
                                    .data = &c};
    err_t err = c.to.ids == NULL ? ERR_MEMORY : read_rows(store, &reading, trail, ret_n);

    *ret = c.to.ids;
    return err;
}

static err_t take_change(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct collected *c = data;
    struct store_state_change *to = &c->to.changes[index];
    struct span before = {0}, after = {0}, why = {0};
    err_t err;

    (void)trail;
    to->time = sqlite3_column_int64(row, 0);
    err = keep(c->arena, row, 1, &before);
    err = err ? err : keep(c->arena, row, 2, &after);
    err = err ? err : keep(c->arena, row, 3, &why);
    to->before = (const char *)before.data;
    to->after = (const char *)after.data;
    to->why = why.data == NULL ? "" : (const char *)why.data;
    return err;
}

err_t store_state_changes(struct store *store, struct arena *arena, const char *machine_id,
                          size_t max, struct trail *trail, struct store_state_change **ret,
                          size_t *ret_n)
{
    struct collected c = {.arena = arena,
                          .to.changes = arena_calloc(arena, max, sizeof(*c.to.changes))};
    const struct reading reading = {.which = STATEMENT_MONITOR_CHANGES,
                                    .bound = {bound_text(machine_id), bound_number((int64_t)max)},
                                    .max = max,
                                    .row = take_change,
                                    .data = &c};
    err_t err = c.to.changes == NULL ? ERR_MEMORY : read_rows(store, &reading, trail, ret_n);

    *ret = c.to.changes;
    return err;
}

static err_t take_count(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct collected *c = data;
    struct store_state_count *to = &c->to.counts[index];

    (void)trail;
    column_text(row, 0, to->state, sizeof(to->state));
    to->n = (uint64_t)sqlite3_column_int64(row, 1);
    return ERR_OK;
}

err_t store_state_counts(struct store *store, struct trail *trail,
                         struct store_state_count ret[STORE_STATES_MAX], size_t *ret_n)
{
    struct collected c = {.to.counts = ret};
    const struct reading reading = {
        .which = STATEMENT_MONITOR_COUNTS, .max = STORE_STATES_MAX, .row = take_count, .data = &c};

    return read_rows(store, &reading, trail, ret_n);
}

static err_t take_baseline(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct collected *c = data;
    struct store_baseline *to = c->to.baseline;
    err_t err = keep(c->arena, row, 0, &to->document);

    (void)index;
    (void)trail;
    err = err ? err : keep(c->arena, row, 1, &to->digest);
    to->learned = sqlite3_column_int64(row, 2);
    err = err ? err : keep(c->arena, row, 3, &to->candidate);
    to->candidate_time = sqlite3_column_int64(row, 4);
    return err ? err : keep(c->arena, row, 5, &to->candidate_digest);
}

err_t store_baseline_get(struct store *store, struct arena *arena, const char *machine_id,
                         struct trail *trail, struct store_baseline *ret)
{
    struct collected c = {.arena = arena, .to.baseline = ret};
    const struct reading reading = {.which = STATEMENT_BASELINE_GET,
                                    .bound = {bound_text(machine_id)},
                                    .row = take_baseline,
                                    .data = &c};
    size_t n = 0;

    *ret = (struct store_baseline){0};
    return read_rows(store, &reading, trail, &n);
}

static err_t take_digest(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct collected *c = data;

    (void)index;
    (void)trail;
    return keep(c->arena, row, 0, c->to.said);
}

err_t store_baseline_digest(struct store *store, struct arena *arena, const char *machine_id,
                            struct trail *trail, struct span *ret)
{
    struct collected c = {.arena = arena, .to.said = ret};
    const struct reading reading = {.which = STATEMENT_BASELINE_DIGEST,
                                    .bound = {bound_text(machine_id)},
                                    .row = take_digest,
                                    .data = &c};
    size_t n = 0;

    *ret = (struct span){0};
    return read_rows(store, &reading, trail, &n);
}
