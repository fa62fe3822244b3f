#include "store/queries.h"

#include <stdio.h>

enum { SWEEP_OLD_ROWS = 2000 }; /* at a time: others wait for the writer */

static struct span column_span(sqlite3_stmt *row, int index)
{
    const void *data = sqlite3_column_blob(row, index);

    return span_of(data, data == NULL ? 0 : (size_t)sqlite3_column_bytes(row, index));
}

static void column_text(sqlite3_stmt *row, int index, char *text, size_t size)
{
    const unsigned char *value = sqlite3_column_text(row, index);

    snprintf(text, size, "%s", value == NULL ? "" : (const char *)value);
}

/* ---- machines ---- */

static err_t read_machine(sqlite3_stmt *row, struct trail *trail, struct store_machine *ret)
{
    struct store_machine machine = {0};
    struct span ek = column_span(row, 2), ak = column_span(row, 3);
    struct span ek_public = column_span(row, 7);

    if (ek.len != sizeof(machine.ek_digest) || ak.len > sizeof(machine.ak_name) || ak.len == 0 ||
        ek_public.len > sizeof(machine.ek_public)) {
        return trail_set(trail, ERR_STORE, "the database is damaged: a machine's keys are not");
    }
    column_text(row, 0, machine.id, sizeof(machine.id));
    column_text(row, 1, machine.name, sizeof(machine.name));
    memcpy(machine.ek_digest, ek.data, ek.len);
    memcpy(machine.ak_name, ak.data, ak.len);
    machine.ak_name_len = ak.len;
    if (ek_public.len > 0) {
        memcpy(machine.ek_public, ek_public.data, ek_public.len);
    }
    machine.ek_public_len = ek_public.len;
    machine.is_active = sqlite3_column_int(row, 4) != 0;
    machine.created = sqlite3_column_int64(row, 5);
    machine.last_seen = sqlite3_column_int64(row, 6);
    *ret = machine;
    return ERR_OK;
}

err_t query_machine(struct sqlite *db, enum statement by, struct span key, bool is_text,
                    struct trail *trail, struct store_machine *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = sqlite_use(db, by, trail, &row);

    if (err) {
        return err;
    }
    if (is_text) {
        sqlite_bind_text(row, 1, key);
    } else {
        sqlite_bind_span(row, 1, key);
    }
    err = sqlite_step(db, row, trail, &has_row);
    if (err == ERR_OK) {
        err = has_row ? read_machine(row, trail, ret) : ERR_NOT_FOUND;
    }
    sqlite_release(row);
    return err;
}

err_t query_machines(struct sqlite *db, struct arena *arena, size_t max, struct trail *trail,
                     struct store_machine **ret, size_t *ret_n)
{
    struct store_machine *machines = arena_calloc(arena, max, sizeof(*machines));
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t n = 0;
    err_t err = machines == NULL ? ERR_MEMORY : sqlite_use(db, STATEMENT_MACHINES, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, (sqlite3_int64)max);
    while (err == ERR_OK && n < max) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err || !has_row) {
            break;
        }
        err = read_machine(row, trail, &machines[n]);
        n++;
    }
    sqlite_release(row);
    if (err) {
        return err;
    }
    *ret = machines;
    *ret_n = n;
    return ERR_OK;
}

static err_t add_machine(struct sqlite *db, const struct store_machine *machine,
                         struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MACHINE_ADD, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine->id));
    sqlite_bind_text(row, 2, span_str(machine->name));
    sqlite_bind_span(row, 3, span_of(machine->ek_digest, sizeof(machine->ek_digest)));
    sqlite_bind_span(row, 4, span_of(machine->ak_name, machine->ak_name_len));
    sqlite3_bind_int(row, 5, 1);
    sqlite3_bind_int64(row, 6, machine->created);
    sqlite3_bind_int64(row, 7, 0);
    sqlite_bind_span(row, 8, span_of(machine->ek_public, machine->ek_public_len));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

/* AK-7: nothing that is there is overwritten. */
err_t write_machine(struct sqlite *db, const struct store_machine *wanted, struct trail *trail,
                    struct store_machine *ret)
{
    struct span ek = span_of(wanted->ek_digest, sizeof(wanted->ek_digest));
    struct span ak = span_of(wanted->ak_name, wanted->ak_name_len);
    struct store_machine found = {0};
    err_t err = query_machine(db, STATEMENT_MACHINE_BY_EK, ek, false, trail, &found);

    if (err == ERR_OK) {
        if (!span_equal(span_of(found.ak_name, found.ak_name_len), ak)) {
            return trail_set(trail, ERR_CONFLICT,
                             "this endorsement key belongs to machine %s with another attestation "
                             "key; an operator must replace the machine",
                             found.id);
        }
        if (!found.is_active) {
            return trail_set(trail, ERR_CONFLICT, "machine %s was disabled by an operator",
                             found.id);
        }
        *ret = found;
        return ERR_OK;
    }
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    err = query_machine(db, STATEMENT_MACHINE_BY_AK, ak, false, trail, &found);
    if (err == ERR_OK) {
        return trail_set(trail, ERR_CONFLICT,
                         "this attestation key belongs to a machine with another endorsement key");
    }
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    err = query_machine(db, STATEMENT_MACHINE_BY_NAME, span_str(wanted->name), true, trail, &found);
    if (err == ERR_OK) {
        return trail_set(trail, ERR_CONFLICT,
                         "the name '%s' belongs to a machine with another endorsement key",
                         wanted->name);
    }
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    err = add_machine(db, wanted, trail);
    if (err) {
        return err;
    }
    *ret = *wanted;
    ret->is_active = true;
    ret->last_seen = 0;
    return ERR_OK;
}

/* ---- once ---- */

err_t write_once(struct sqlite *db, struct span id, int64_t expires, struct trail *trail,
                 bool *ret_is_first)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_USE_ONCE, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, id);
    sqlite3_bind_int64(row, 2, expires);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    if (err) {
        return err;
    }
    *ret_is_first = sqlite3_changes(db->db) == 1;
    return ERR_OK;
}

err_t query_was_used(struct sqlite *db, struct span id, struct trail *trail, bool *ret)
{
    sqlite3_stmt *row = NULL;
    err_t err = sqlite_use(db, STATEMENT_WAS_USED, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, id);
    err = sqlite_step(db, row, trail, ret);
    sqlite_release(row);
    return err;
}

/* ---- clocks ---- */

err_t query_clock(struct sqlite *db, struct span ak_name, struct trail *trail,
                  struct store_clock *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = sqlite_use(db, STATEMENT_CLOCK_GET, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, ak_name);
    err = sqlite_step(db, row, trail, &has_row);
    if (err == ERR_OK && has_row) {
        ret->reset_count = (uint32_t)sqlite3_column_int64(row, 0);
        ret->restart_count = (uint32_t)sqlite3_column_int64(row, 1);
        ret->clock_ms = (uint64_t)sqlite3_column_int64(row, 2);
    }
    sqlite_release(row);
    if (err == ERR_OK && !has_row) {
        return ERR_NOT_FOUND;
    }
    return err;
}

/* The counters may carry a constant of the key added modulo 2^32: only differences count. */
static bool is_later(const struct store_clock *a, const struct store_clock *b)
{
    if (a->reset_count != b->reset_count) {
        return (int32_t)(a->reset_count - b->reset_count) > 0;
    }
    if (a->restart_count != b->restart_count) {
        return (int32_t)(a->restart_count - b->restart_count) > 0;
    }
    return a->clock_ms > b->clock_ms;
}

static err_t advance_clock(struct sqlite *db, const struct store_attestation *a,
                           struct trail *trail)
{
    struct store_clock known = {0};
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = query_clock(db, a->ak_name, trail, &known);

    if (err == ERR_OK && !is_later(&a->clock, &known)) {
        return ERR_OK;
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    err = sqlite_use(db, STATEMENT_CLOCK_SET, trail, &row);
    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, a->ak_name);
    sqlite3_bind_int64(row, 2, a->clock.reset_count);
    sqlite3_bind_int64(row, 3, a->clock.restart_count);
    sqlite3_bind_int64(row, 4, (sqlite3_int64)a->clock.clock_ms);
    sqlite3_bind_int64(row, 5, a->time);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

/* ---- attestations ---- */

/* S-7: capped. A cut JSON text would be none, so a note stands in for it. */
static struct span capped(struct span json, size_t max)
{
    return json.len > max ? span_str("{\"omitted\":\"larger than the store keeps\"}") : json;
}

static err_t add_attestation(struct sqlite *db, const struct store_attestation *a,
                             struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_ATTESTATION_ADD, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, a->time);
    if (a->machine_id != NULL) {
        sqlite_bind_text(row, 2, span_str(a->machine_id));
    }
    /* Empty is not NULL. */
    sqlite3_bind_blob64(row, 3, a->ak_name.len == 0 ? "" : (const void *)a->ak_name.data,
                        a->ak_name.len, SQLITE_STATIC);
    sqlite3_bind_int(row, 4, a->is_proven);
    sqlite_bind_text(row, 5, span_str(a->verdict));
    sqlite_bind_text(row, 6, capped(a->reasons, STORE_REASONS_MAX));
    if (a->facts.data != NULL) {
        sqlite_bind_text(row, 7, capped(a->facts, STORE_FACTS_MAX));
    }
    sqlite_bind_span(row, 8, span_of(a->evidence_digest, sizeof(a->evidence_digest)));
    if (a->token_id != NULL) {
        sqlite_bind_text(row, 9, span_str(a->token_id));
    }
    if (a->pcr_digest.data != NULL) {
        sqlite_bind_span(row, 10, a->pcr_digest);
    }
    if (a->has_clock) {
        sqlite3_bind_int64(row, 11, a->clock.reset_count);
        sqlite3_bind_int64(row, 12, a->clock.restart_count);
        sqlite3_bind_int64(row, 13, (sqlite3_int64)a->clock.clock_ms);
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t mark_seen(struct sqlite *db, const struct store_attestation *a, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MACHINE_SEEN, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(a->machine_id));
    sqlite3_bind_int64(row, 2, a->time);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

err_t write_attestation(struct sqlite *db, const struct store_attestation *a, struct trail *trail,
                        enum store_outcome *ret)
{
    bool is_first = true;
    err_t err = ERR_OK;

    if (a->challenge_id.len > 0) {
        err = write_once(db, a->challenge_id, a->challenge_expires, trail, &is_first);
    }
    if (err == ERR_OK && !is_first) {
        *ret = STORE_CHALLENGE_USED;
        return ERR_OK;
    }
    if (err == ERR_OK && a->has_clock && a->advances_clock) {
        err = advance_clock(db, a, trail);
    }
    err = err ? err : add_attestation(db, a, trail);
    /* Evidence that does not verify, a replay among it, is no sign of life. */
    if (err == ERR_OK && a->machine_id != NULL && a->is_proven && a->advances_clock) {
        err = mark_seen(db, a, trail);
    }
    if (err) {
        return err;
    }
    *ret = STORE_RECORDED;
    return ERR_OK;
}

static struct span keep(struct arena *arena, sqlite3_stmt *row, int index)
{
    if (sqlite3_column_type(row, index) == SQLITE_NULL) {
        return (struct span){0};
    }
    return arena_dup(arena, column_span(row, index));
}

static void read_attestation(struct arena *arena, sqlite3_stmt *row, struct store_attestation *a)
{
    struct span digest = column_span(row, 8);

    a->id = sqlite3_column_int64(row, 0);
    a->time = sqlite3_column_int64(row, 1);
    a->machine_id = (const char *)keep(arena, row, 2).data;
    a->ak_name = keep(arena, row, 3);
    a->is_proven = sqlite3_column_int(row, 4) != 0;
    a->verdict = (const char *)keep(arena, row, 5).data;
    a->reasons = keep(arena, row, 6);
    a->facts = keep(arena, row, 7);
    memcpy(a->evidence_digest, digest.data,
           digest.len < STORE_DIGEST_BYTES ? digest.len : STORE_DIGEST_BYTES);
    a->token_id = (const char *)keep(arena, row, 9).data;
    a->pcr_digest = keep(arena, row, 10);
    a->has_clock = sqlite3_column_type(row, 11) != SQLITE_NULL;
    a->clock.reset_count = (uint32_t)sqlite3_column_int64(row, 11);
    a->clock.restart_count = (uint32_t)sqlite3_column_int64(row, 12);
    a->clock.clock_ms = (uint64_t)sqlite3_column_int64(row, 13);
}

err_t query_attestations(struct sqlite *db, struct arena *arena, const char *machine_id, size_t max,
                         struct trail *trail, struct store_attestation **ret, size_t *ret_n)
{
    struct store_attestation *found = arena_calloc(arena, max, sizeof(*found));
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t n = 0;
    err_t err = found == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK) {
        err =
            sqlite_use(db, machine_id != NULL ? STATEMENT_ATTESTATIONS_OF : STATEMENT_ATTESTATIONS,
                       trail, &row);
    }
    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, (sqlite3_int64)max);
    if (machine_id != NULL) {
        sqlite_bind_text(row, 2, span_str(machine_id));
    }
    while (err == ERR_OK && n < max) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err || !has_row) {
            break;
        }
        read_attestation(arena, row, &found[n]);
        err = found[n].verdict == NULL || found[n].reasons.data == NULL ? ERR_MEMORY : ERR_OK;
        n++;
    }
    sqlite_release(row);
    if (err) {
        return err;
    }
    *ret = found;
    *ret_n = n;
    return ERR_OK;
}

/* ---- sweeping ---- */

static err_t run_with_number(struct sqlite *db, enum statement which, int64_t a, int64_t b,
                             struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, which, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, a);
    if (sqlite3_bind_parameter_count(row) > 1) {
        sqlite3_bind_int64(row, 2, b);
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

err_t write_sweep(struct sqlite *db, int64_t now, struct trail *trail)
{
    const int64_t oldest = now - (int64_t)STORE_RETENTION_DAYS * 86400;
    err_t err = run_with_number(db, STATEMENT_SWEEP_USED, now, 0, trail);

    err = err ? err : run_with_number(db, STATEMENT_SWEEP_UNPROVEN, STORE_MAX_UNPROVEN, 0, trail);
    return err ? err : run_with_number(db, STATEMENT_SWEEP_OLD, oldest, SWEEP_OLD_ROWS, trail);
}
