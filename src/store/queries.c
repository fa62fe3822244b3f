#include "store/queries.h"
#include "store/joins.h"
#include "store/rows.h"

enum { SWEEP_OLD_ROWS = 2000 }; /* at a time: others wait for the writer */

/* What a record is, for how long it is kept: the column `kind`. Statements know 0, 3 and 4. */
enum kind {
    KIND_UNPROVEN = 0, /* anybody can cause it */
    KIND_COPY,         /* of a proven AK and not fresh: who holds a copy can cause it */
    KIND_REFUSED_COPY, /* likewise, and refused */
    KIND_FRESH,        /* only the TPM can cause it; with the verdict of the fresh one before */
    KIND_CHANGE,       /* and with another verdict, or the first */
};

struct span column_span(sqlite3_stmt *row, int index)
{
    const void *data = sqlite3_column_blob(row, index);

    return span_of(data, data == NULL ? 0 : (size_t)sqlite3_column_bytes(row, index));
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

/* Where the AK's clock stands, or the highest that it ever showed. */
err_t query_clock(struct sqlite *db, enum statement which, struct span ak_name, struct trail *trail,
                  struct tpm_clock *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, which, trail, &row);

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

/* Vacuously so for the first one. */
static err_t is_clock_later(struct sqlite *db, enum statement which,
                            const struct store_attestation *a, struct trail *trail, bool *ret)
{
    struct tpm_clock known = {0};
    err_t err = query_clock(db, which, a->ak_name, trail, &known);

    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        *ret = err != ERR_OK || tpm_clock_compare(&a->clock, &known) == TPM_CLOCK_LATER;
        return ERR_OK;
    }
    return err;
}

static err_t set_clock(struct sqlite *db, enum statement which, const struct store_attestation *a,
                       struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, which, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, a->ak_name);
    sqlite3_bind_int64(row, 2, a->clock.reset_count);
    sqlite3_bind_int64(row, 3, a->clock.restart_count);
    sqlite3_bind_int64(row, 4, (sqlite3_int64)a->clock.clock_ms);
    if (sqlite3_bind_parameter_count(row) > 4) {
        sqlite3_bind_int64(row, 5, a->time);
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

/* ---- attestations ---- */

struct span capped(struct span json, size_t max)
{
    return json.len > max ? span_str("{\"omitted\":\"larger than the store keeps\"}") : json;
}

static const char *const freshness_names[] = {
    [STORE_FRESHNESS_UNKNOWN] = "unknown",
    [STORE_FRESHNESS_NONE] = "none",
    [STORE_FRESHNESS_CLOCK] = "clock",
    [STORE_FRESHNESS_CHALLENGE] = "challenge",
};

const char *store_freshness_name(enum store_freshness freshness)
{
    return freshness_names[freshness];
}

static err_t add_attestation(struct sqlite *db, const struct store_attestation *a,
                             enum store_freshness freshness, enum kind kind, struct trail *trail)
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
    sqlite_bind_text(row, 14, span_str(freshness_names[freshness]));
    sqlite3_bind_int(row, 15, (int)kind);
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

/* ---- evidence that came before ---- */

err_t query_repeated(struct sqlite *db, const struct store_attestation *a, struct trail *trail,
                     int64_t *ret_id)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = a->is_proven && a->has_clock ? sqlite_use(db, STATEMENT_REPEATED, trail, &row)
                                             : ERR_NOT_FOUND;

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, a->ak_name);
    sqlite3_bind_int64(row, 2, (sqlite3_int64)a->clock.clock_ms);
    sqlite_bind_span(row, 3, span_of(a->evidence_digest, sizeof(a->evidence_digest)));
    sqlite_bind_text(row, 4, span_str(a->verdict));
    if (a->machine_id != NULL) {
        sqlite_bind_text(row, 5, span_str(a->machine_id));
    }
    err = sqlite_step(db, row, trail, &has_row);
    if (err == ERR_OK && has_row) {
        *ret_id = sqlite3_column_int64(row, 0);
    }
    sqlite_release(row);
    return err == ERR_OK && !has_row ? ERR_NOT_FOUND : err;
}

static err_t run_with_numbers(struct sqlite *db, enum statement which, int64_t a, int64_t b,
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

/* A refused proof again is a copy of it. */
static err_t count_refused(struct sqlite *db, int64_t id, int64_t time, struct trail *trail)
{
    return run_with_numbers(db, STATEMENT_REFUSED_ADD, id, time, trail);
}

err_t write_repeat(struct sqlite *db, int64_t id, int64_t time, struct trail *trail)
{
    err_t err = run_with_numbers(db, STATEMENT_REPEAT, id, time, trail);

    return err ? err : count_refused(db, id, time, trail);
}

err_t query_refused_copies(struct sqlite *db, struct span ak_name, struct trail *trail,
                           uint64_t *ret_n, int64_t *ret_last)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = sqlite_use(db, STATEMENT_REFUSED_GET, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, ak_name);
    err = sqlite_step(db, row, trail, &has_row);
    if (err == ERR_OK) {
        *ret_n = has_row ? (uint64_t)sqlite3_column_int64(row, 0) : 0;
        *ret_last = has_row ? sqlite3_column_int64(row, 1) : 0;
    }
    sqlite_release(row);
    return err;
}

/* ---- new evidence ---- */

static void bind_machine_id(sqlite3_stmt *row, int index, const struct store_attestation *a)
{
    if (a->machine_id != NULL) {
        sqlite_bind_text(row, index, span_str(a->machine_id));
    }
}

/* Who holds a copy of a machine's evidence may send it in a thousand wrappings: that pushes out
 * records of the same kind of the same AK, and nothing else. */
static err_t sweep_kind(struct sqlite *db, const struct store_attestation *a, enum kind kind,
                        struct trail *trail)
{
    static const int limits[] = {
        [KIND_COPY] = STORE_MAX_STALE,
        [KIND_REFUSED_COPY] = STORE_MAX_REFUSED_STALE,
        [KIND_FRESH] = STORE_MAX_ROWS_PER_MACHINE,
        [KIND_CHANGE] = STORE_MAX_CHANGES,
    };
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_SWEEP_KIND, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, a->ak_name);
    bind_machine_id(row, 2, a);
    sqlite3_bind_int(row, 3, (int)kind);
    sqlite3_bind_int(row, 4, limits[kind]);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t find_kind(struct sqlite *db, const struct store_attestation *a,
                       enum store_freshness freshness, struct trail *trail, enum kind *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err;

    if (!a->is_proven || freshness == STORE_FRESHNESS_NONE) {
        *ret = !a->is_proven ? KIND_UNPROVEN : a->advances_clock ? KIND_COPY : KIND_REFUSED_COPY;
        return ERR_OK;
    }
    err = sqlite_use(db, STATEMENT_VERDICT_BEFORE, trail, &row);
    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, a->ak_name);
    bind_machine_id(row, 2, a);
    err = sqlite_step(db, row, trail, &has_row);
    if (err == ERR_OK) {
        *ret = has_row && span_is(column_span(row, 0), a->verdict) ? KIND_FRESH : KIND_CHANGE;
    }
    sqlite_release(row);
    return err;
}

/*
 * Whether the TPM made the proof for this request, whatever was found in it. The highest clock that
 * the AK ever showed is kept apart from the records and from where the accepted clock stands: an
 * operator's forgetting of the one, or the end of the others, makes no copy fresh.
 */
static err_t find_freshness(struct sqlite *db, const struct store_attestation *a,
                            struct trail *trail, enum store_freshness *ret)
{
    bool is_new = false;
    err_t err = ERR_OK;

    *ret = STORE_FRESHNESS_NONE;
    if (!a->is_proven) {
        return ERR_OK;
    }
    if (a->has_clock) {
        err = is_clock_later(db, STATEMENT_SHOWN_GET, a, trail, &is_new);
    }
    if (err == ERR_OK && is_new) {
        err = set_clock(db, STATEMENT_SHOWN_SET, a, trail);
    }
    if (err == ERR_OK && a->challenge_id.len > 0 && a->answers_challenge) {
        *ret = STORE_FRESHNESS_CHALLENGE;
    } else if (err == ERR_OK && is_new) {
        *ret = STORE_FRESHNESS_CLOCK;
    }
    return err;
}

/* Only a fresh proof that holds moves the clock that later ones are held against: a refused one,
 * or a copy after an operator's forgetting, would lock the machine out. */
static err_t advance_clock(struct sqlite *db, const struct store_attestation *a,
                           enum store_freshness freshness, struct trail *trail)
{
    bool is_later = false;
    err_t err = ERR_OK;

    if (a->has_clock && a->advances_clock && freshness != STORE_FRESHNESS_NONE) {
        err = is_clock_later(db, STATEMENT_CLOCK_GET, a, trail, &is_later);
    }
    return err || !is_later ? err : set_clock(db, STATEMENT_CLOCK_SET, a, trail);
}

static err_t write_new(struct sqlite *db, const struct store_attestation *a, struct trail *trail,
                       enum store_freshness *ret)
{
    enum store_freshness freshness = STORE_FRESHNESS_NONE;
    enum kind kind = KIND_UNPROVEN;
    err_t err = find_freshness(db, a, trail, &freshness);

    err = err ? err : advance_clock(db, a, freshness, trail);
    err = err ? err : find_kind(db, a, freshness, trail, &kind);
    err = err ? err : add_attestation(db, a, freshness, kind, trail);
    if (err == ERR_OK && kind == KIND_REFUSED_COPY) {
        err = count_refused(db, sqlite3_last_insert_rowid(db->db), a->time, trail);
    }
    if (err == ERR_OK && kind != KIND_UNPROVEN) {
        err = sweep_kind(db, a, kind, trail);
    }
    /* A copy is no sign of life. */
    if (err == ERR_OK && a->machine_id != NULL && freshness != STORE_FRESHNESS_NONE) {
        err = mark_seen(db, a, trail);
    }
    if (err) {
        return err;
    }
    *ret = freshness;
    return ERR_OK;
}

err_t write_attestation(struct sqlite *db, const struct store_attestation *a, struct trail *trail,
                        struct store_recorded *ret)
{
    struct store_recorded recorded = {STORE_RECORDED, STORE_FRESHNESS_NONE};
    bool is_first = true;
    int64_t id = 0;
    err_t err = ERR_OK;

    if (a->challenge_id.len > 0) {
        err = write_once(db, a->challenge_id, a->challenge_expires, trail, &is_first);
    }
    if (err == ERR_OK && !is_first) {
        *ret = (struct store_recorded){STORE_CHALLENGE_USED, STORE_FRESHNESS_NONE};
        return ERR_OK;
    }
    if (err == ERR_OK) {
        err = a->challenge_id.len > 0 ? ERR_NOT_FOUND : query_repeated(db, a, trail, &id);
    }
    if (err == ERR_OK) {
        recorded.outcome = STORE_REPEATED;
        err = write_repeat(db, id, a->time, trail);
    } else if (err == ERR_NOT_FOUND) {
        err = write_new(db, a, trail, &recorded.freshness);
    }
    if (err) {
        return err;
    }
    *ret = recorded;
    return ERR_OK;
}

/* ---- reading attestations ---- */

static struct span keep(struct arena *arena, sqlite3_stmt *row, int index)
{
    if (sqlite3_column_type(row, index) == SQLITE_NULL) {
        return (struct span){0};
    }
    return arena_dup(arena, column_span(row, index));
}

static enum store_freshness read_freshness(sqlite3_stmt *row, int index)
{
    struct span text = column_span(row, index);

    for (size_t i = 0; i < ARRAY_LEN(freshness_names); i++) {
        if (span_is(text, freshness_names[i])) {
            return (enum store_freshness)i;
        }
    }
    return STORE_FRESHNESS_UNKNOWN;
}

struct kept_attestations {
    struct arena *arena;
    struct store_attestation *items;
};

static err_t take_attestation(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    const struct kept_attestations *kept = data;
    struct arena *arena = kept->arena;
    struct store_attestation *a = &kept->items[index];
    struct span digest = column_span(row, 8);

    (void)trail;
    a->id = sqlite3_column_int64(row, 0);
    a->time = sqlite3_column_int64(row, 1);
    a->machine_id = (const char *)keep(arena, row, 2).data;
    a->ak_name = keep(arena, row, 3);
    a->is_proven = sqlite3_column_int(row, 4) != 0;
    a->verdict = (const char *)keep(arena, row, 5).data;
    a->reasons = keep(arena, row, 6);
    a->facts = keep(arena, row, 7);
    if (digest.len == STORE_DIGEST_BYTES) {
        memcpy(a->evidence_digest, digest.data, STORE_DIGEST_BYTES);
    }
    a->token_id = (const char *)keep(arena, row, 9).data;
    a->pcr_digest = keep(arena, row, 10);
    a->has_clock = sqlite3_column_type(row, 11) != SQLITE_NULL;
    a->clock.reset_count = (uint32_t)sqlite3_column_int64(row, 11);
    a->clock.restart_count = (uint32_t)sqlite3_column_int64(row, 12);
    a->clock.clock_ms = (uint64_t)sqlite3_column_int64(row, 13);
    a->freshness = read_freshness(row, 14);
    a->repeats = (uint64_t)sqlite3_column_int64(row, 15);
    a->last_repeat = sqlite3_column_int64(row, 16);
    return a->verdict == NULL || a->reasons.data == NULL ? ERR_MEMORY : ERR_OK;
}

err_t query_attestations(struct sqlite *db, struct arena *arena, enum statement which,
                         const char *machine_id, size_t max, struct trail *trail,
                         struct store_attestation **ret, size_t *ret_n)
{
    struct kept_attestations kept = {arena, arena_calloc(arena, max, sizeof(*kept.items))};
    struct reading reading = {.which = which,
                              .bound = {bound_number((int64_t)max)},
                              .max = max,
                              .row = take_attestation,
                              .data = &kept};
    err_t err;

    if (machine_id != NULL) {
        reading.bound[1] = bound_text(machine_id);
    }
    err = kept.items == NULL ? ERR_MEMORY : query_rows(db, &reading, trail, ret_n);
    if (err == ERR_OK) {
        *ret = kept.items;
    }
    return err;
}

/* ---- sweeping ---- */

/* A clock far ahead makes everything old, and so does a server that stood still for long: the
 * records cannot tell these apart. Those of the last day may be of this very clock. */
static err_t find_doubt(struct sqlite *db, int64_t now, struct trail *trail, bool *ret)
{
    sqlite3_stmt *row = NULL;
    err_t err = sqlite_use(db, STATEMENT_CLOCK_DOUBT, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, now - (int64_t)STORE_DOUBT_DAYS * 86400);
    sqlite3_bind_int64(row, 2, now - 86400);
    err = sqlite_step(db, row, trail, ret);
    sqlite_release(row);
    return err;
}

err_t write_sweep(struct sqlite *db, int64_t now, bool is_clock_sure, struct trail *trail,
                  bool *ret_is_held)
{
    const int64_t oldest = now - (int64_t)STORE_RETENTION_DAYS * 86400;
    bool is_held = false;
    err_t err = run_with_numbers(db, STATEMENT_SWEEP_UNPROVEN, STORE_MAX_UNPROVEN, 0, trail);

    if (err == ERR_OK && !is_clock_sure) {
        err = find_doubt(db, now, trail, &is_held);
    }
    if (err == ERR_OK && !is_held) {
        err = run_with_numbers(db, STATEMENT_SWEEP_USED, now, 0, trail);
        err = err ? err : run_with_numbers(db, STATEMENT_SWEEP_OLD, oldest, SWEEP_OLD_ROWS, trail);
        err = err ? err : run_with_numbers(db, STATEMENT_ANNOUNCED_SWEEP, now, 0, trail);
        err = err ? err
                  : run_with_numbers(db, STATEMENT_WAITING_SWEEP,
                                     now - (int64_t)STORE_WAITING_DAYS * 86400, 0, trail);
    }
    if (err) {
        return err;
    }
    *ret_is_held = is_held;
    return ERR_OK;
}
