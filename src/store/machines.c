/*
 * Machines: finding, binding to keys, what operators do to them, and the audit of that.
 */
#include "store/queries.h"
#include "store/rows.h"

#include <stdio.h>

void column_text(sqlite3_stmt *row, int index, char *text, size_t size)
{
    const unsigned char *value = sqlite3_column_text(row, index);

    snprintf(text, size, "%s", value == NULL ? "" : (const char *)value);
}

/* ---- finding ---- */

err_t read_machine_row(sqlite3_stmt *row, struct trail *trail, struct store_machine *ret)
{
    struct store_machine machine = {0};
    struct span ek = column_span(row, 2), ak = column_span(row, 3);
    struct span ek_public = column_span(row, 7), successor = column_span(row, 8);
    bool is_replaced = sqlite3_column_type(row, 3) == SQLITE_NULL;

    if (ek.len != sizeof(machine.ek_digest) || ak.len > sizeof(machine.ak_name) ||
        (ak.len == 0) != is_replaced || ek_public.len > sizeof(machine.ek_public) ||
        (successor.len != 0 && successor.len != sizeof(machine.successor_ek))) {
        return trail_set(trail, ERR_STORE, "the database is damaged: a machine's keys are not");
    }
    column_text(row, 0, machine.id, sizeof(machine.id));
    column_text(row, 1, machine.name, sizeof(machine.name));
    memcpy(machine.ek_digest, ek.data, ek.len);
    if (ak.len > 0) {
        memcpy(machine.ak_name, ak.data, ak.len);
    }
    machine.ak_name_len = ak.len;
    if (ek_public.len > 0) {
        memcpy(machine.ek_public, ek_public.data, ek_public.len);
    }
    machine.ek_public_len = ek_public.len;
    machine.has_successor = successor.len > 0;
    if (machine.has_successor) {
        memcpy(machine.successor_ek, successor.data, successor.len);
    }
    machine.is_active = sqlite3_column_int(row, 4) != 0;
    machine.created = sqlite3_column_int64(row, 5);
    machine.last_seen = sqlite3_column_int64(row, 6);
    column_text(row, 9, machine.subscription, sizeof(machine.subscription));
    *ret = machine;
    return ERR_OK;
}

static err_t take_machine(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct store_machine *to = data;

    return read_machine_row(row, trail, &to[index]);
}

err_t query_machine(struct sqlite *db, enum statement by, struct span key, bool is_text,
                    struct trail *trail, struct store_machine *ret)
{
    const struct reading reading = {
        .which = by, .bound = {bound_key(key, is_text)}, .row = take_machine, .data = ret};
    size_t n = 0;
    err_t err = query_rows(db, &reading, trail, &n);

    return err == ERR_OK && n == 0 ? ERR_NOT_FOUND : err;
}

err_t query_machine_if_any(struct sqlite *db, enum statement by, struct span key, bool is_text,
                           struct trail *trail, struct store_machine *ret, bool *ret_is_there)
{
    err_t err = query_machine(db, by, key, is_text, trail, ret);

    *ret_is_there = err == ERR_OK;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

err_t query_machines(struct sqlite *db, struct arena *arena, const char *after, size_t max,
                     struct trail *trail, struct store_machine **ret, size_t *ret_n)
{
    struct store_machine *machines = arena_calloc(arena, max, sizeof(*machines));
    const struct reading reading = {.which = STATEMENT_MACHINES,
                                    .bound = {bound_number((int64_t)max), bound_text(after)},
                                    .max = max,
                                    .row = take_machine,
                                    .data = machines};
    err_t err = machines == NULL ? ERR_MEMORY : query_rows(db, &reading, trail, ret_n);

    if (err == ERR_OK) {
        *ret = machines;
    }
    return err;
}

static err_t take_verdict(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    (void)index;
    (void)trail;
    column_text(row, 0, data, STORE_VERDICT_SIZE);
    return ERR_OK;
}

err_t query_last_verdict(struct sqlite *db, const char *machine_id, struct trail *trail,
                         char ret[STORE_VERDICT_SIZE])
{
    const struct reading reading = {.which = STATEMENT_LAST_VERDICT,
                                    .bound = {bound_text(machine_id)},
                                    .row = take_verdict,
                                    .data = ret};
    size_t n = 0;
    err_t err = query_rows(db, &reading, trail, &n);

    if (err == ERR_OK && n == 0) {
        ret[0] = '\0';
    }
    return err;
}

/* ---- the audit ---- */

err_t write_audit(struct sqlite *db, const struct store_machine *machine, const char *who,
                  const char *what, int64_t now, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_AUDIT_ADD, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, now);
    sqlite_bind_text(row, 2, span_str(who));
    sqlite_bind_text(row, 3, span_str(what));
    sqlite_bind_text(row, 4, span_str(machine->id));
    sqlite_bind_text(row, 5, span_str(machine->name));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static const char *keep_text(struct arena *arena, sqlite3_stmt *row, int index)
{
    return (const char *)arena_dup(arena, column_span(row, index)).data;
}

struct kept_audits {
    struct arena *arena;
    struct store_audit *items;
};

static err_t take_audit(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    const struct kept_audits *kept = data;
    struct store_audit *to = &kept->items[index];

    (void)trail;
    to->time = sqlite3_column_int64(row, 0);
    to->who = keep_text(kept->arena, row, 1);
    to->what = keep_text(kept->arena, row, 2);
    to->machine_id = keep_text(kept->arena, row, 3);
    to->name = keep_text(kept->arena, row, 4);
    return to->who == NULL || to->what == NULL || to->machine_id == NULL || to->name == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

err_t query_audits(struct sqlite *db, struct arena *arena, const struct store_machine *machine,
                   size_t max, struct trail *trail, struct store_audit **ret, size_t *ret_n)
{
    struct kept_audits kept = {arena, arena_calloc(arena, max, sizeof(*kept.items))};
    const struct reading reading = {
        .which = STATEMENT_AUDITS,
        .bound = {bound_number((int64_t)max), bound_text(machine->id), bound_text(machine->name)},
        .max = max,
        .row = take_audit,
        .data = &kept};
    err_t err = kept.items == NULL ? ERR_MEMORY : query_rows(db, &reading, trail, ret_n);

    if (err == ERR_OK) {
        *ret = kept.items;
    }
    return err;
}

/* ---- what operators do ---- */

static err_t run_for(struct sqlite *db, enum statement which, struct span key, bool is_text,
                     int number, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, which, trail, &row);

    if (err) {
        return err;
    }
    if (is_text) {
        sqlite_bind_text(row, 1, key);
    } else {
        sqlite_bind_span(row, 1, key);
    }
    if (sqlite3_bind_parameter_count(row) > 1) {
        sqlite3_bind_int(row, 2, number);
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t replace(struct sqlite *db, const struct store_machine *machine, struct span successor,
                     int64_t now, struct trail *trail, bool *ret_is_new)
{
    struct span before =
        span_of(machine->successor_ek, machine->has_successor ? STORE_DIGEST_BYTES : 0);
    struct store_machine other;
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = ERR_OK;

    *ret_is_new = machine->ak_name_len > 0 || !span_equal(before, successor);
    if (successor.len > 0) {
        err = query_machine_if_any(db, STATEMENT_MACHINE_BY_EK, successor, false, trail, &other,
                                   &has_row);
    }
    if (err == ERR_OK && has_row && strcmp(other.id, machine->id) != 0) {
        return trail_set(trail, ERR_CONFLICT, "this endorsement key belongs to machine %s (%s)",
                         other.name, other.id);
    }
    err = err ? err : sqlite_use(db, STATEMENT_MACHINE_REPLACE, trail, &row);
    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine->id));
    if (successor.len > 0) {
        sqlite_bind_span(row, 2, successor);
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    /* What the key proved that it had says nothing of it any more. */
    return err ? err
               : write_monitor_begin(db, machine, now,
                                     "an operator replaced it: it waits for a TPM to join as it",
                                     trail);
}

/* What it was before says nothing: while it was disabled nobody looked. */
static err_t write_enabled(struct sqlite *db, const char *machine_id, const char *who,
                           struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MONITOR_ENABLED, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    sqlite_bind_text(row, 2, span_str(who));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t apply(struct sqlite *db, const struct store_machine *machine, enum store_change change,
                   const char *who, struct span successor, int64_t now, struct trail *trail,
                   bool *ret_is_new)
{
    struct span id = span_str(machine->id);
    err_t err;

    *ret_is_new = true;
    switch (change) {
    case STORE_DISABLE:
    case STORE_ENABLE:
        *ret_is_new = machine->is_active != (change == STORE_ENABLE);
        err = run_for(db, STATEMENT_MACHINE_ACTIVE, id, true, change == STORE_ENABLE, trail);
        if (err == ERR_OK && change == STORE_ENABLE && *ret_is_new) {
            return write_enabled(db, machine->id, who, trail);
        }
        return err ? err : run_for(db, STATEMENT_MONITOR_AGAIN, id, true, 0, trail);
    case STORE_REPLACE:
        return replace(db, machine, successor, now, trail, ret_is_new);
    case STORE_FORGET_CLOCK:
        err = run_for(db, STATEMENT_CLOCK_FORGET, span_of(machine->ak_name, machine->ak_name_len),
                      false, 0, trail);
        *ret_is_new = sqlite3_changes(db->db) > 0;
        return err;
    case STORE_REMOVE:
        err = run_for(db, STATEMENT_MACHINE_RECORDS, id, true, 0, trail);
        err = err ? err : run_for(db, STATEMENT_EXTENSION_FORGET, id, true, 0, trail);
        return err ? err : run_for(db, STATEMENT_MACHINE_REMOVE, id, true, 0, trail);
    }
    return ERR_INTERNAL;
}

err_t write_change(struct sqlite *db, const char *machine_id, enum store_change change,
                   struct span successor, const char *who, int64_t now, struct trail *trail,
                   bool *ret_is_new)
{
    static const char *const names[] = {
        [STORE_DISABLE] = "disable", [STORE_ENABLE] = "enable",
        [STORE_REPLACE] = "replace", [STORE_FORGET_CLOCK] = "forget-clock",
        [STORE_REMOVE] = "remove",
    };
    struct store_machine machine = {0};
    err_t err =
        query_machine(db, STATEMENT_MACHINE_BY_ID, span_str(machine_id), true, trail, &machine);

    err = err ? err : apply(db, &machine, change, who, successor, now, trail, ret_is_new);
    return err ? err : write_audit(db, &machine, who, names[change], now, trail);
}
