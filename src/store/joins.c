/*
 * joins.c - announced machines, and guests that wait.
 */
#include "store/joins.h"

#include "store/queue.h"
#include "store/rows.h"

#include <stdio.h>

/* ---- rows ---- */

static err_t damaged(struct trail *trail)
{
    return trail_set(trail, ERR_STORE, "the database is damaged: what was announced is not");
}

static err_t read_announced(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct store_announced *to = data;
    struct store_announced announced = {.id = sqlite3_column_int64(row, 0)};
    struct span ek = column_span(row, 3), ak = column_span(row, 4), token = column_span(row, 5);

    if ((ek.len != 0 && ek.len != STORE_DIGEST_BYTES) || ak.len > STORE_AK_NAME_MAX ||
        (token.len != 0 && token.len != STORE_DIGEST_BYTES)) {
        return damaged(trail);
    }
    column_text(row, 1, announced.subscription, sizeof(announced.subscription));
    column_text(row, 2, announced.name, sizeof(announced.name));
    announced.has_ek = ek.len > 0;
    announced.has_token = token.len > 0;
    announced.ak_name_len = ak.len;
    if (ek.len > 0) {
        memcpy(announced.ek_digest, ek.data, ek.len);
    }
    if (ak.len > 0) {
        memcpy(announced.ak_name, ak.data, ak.len);
    }
    if (token.len > 0) {
        memcpy(announced.token_digest, token.data, token.len);
    }
    announced.uses = (unsigned)sqlite3_column_int64(row, 6);
    announced.created = sqlite3_column_int64(row, 7);
    announced.expires = sqlite3_column_int64(row, 8);
    column_text(row, 9, announced.who, sizeof(announced.who));
    column_text(row, 10, announced.machine, sizeof(announced.machine));
    to[index] = announced;
    return ERR_OK;
}

static err_t read_waiting(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct store_waiting *to = data, waiting = {0};
    struct span ek = column_span(row, 0), ak = column_span(row, 1);

    if (ek.len != STORE_DIGEST_BYTES || ak.len == 0 || ak.len > STORE_AK_NAME_MAX) {
        return damaged(trail);
    }
    memcpy(waiting.ek_digest, ek.data, ek.len);
    memcpy(waiting.ak_name, ak.data, ak.len);
    waiting.ak_name_len = ak.len;
    column_text(row, 2, waiting.name, sizeof(waiting.name));
    column_text(row, 3, waiting.maker, sizeof(waiting.maker));
    waiting.is_rejected = sqlite3_column_int(row, 4) != 0;
    waiting.first = sqlite3_column_int64(row, 5);
    waiting.last = sqlite3_column_int64(row, 6);
    to[index] = waiting;
    return ERR_OK;
}

/* ---- finding ---- */

err_t query_announced(struct sqlite *db, enum statement by, struct span key, bool is_text,
                      struct trail *trail, struct store_announced *ret)
{
    const struct reading reading = {
        .which = by, .bound = {bound_key(key, is_text)}, .row = read_announced, .data = ret};
    size_t n = 0;
    err_t err = query_rows(db, &reading, trail, &n);

    return err == ERR_OK && n == 0 ? ERR_NOT_FOUND : err;
}

err_t query_announced_for_ek(struct sqlite *db, struct span ek, int64_t now, struct trail *trail,
                             struct store_announced *ret, size_t *ret_n)
{
    const struct reading reading = {.which = STATEMENT_ANNOUNCED_FOR_EK,
                                    .bound = {bound_blob(ek), bound_number(now)},
                                    .max = STORE_ANNOUNCED_FOR_EK_MAX,
                                    .row = read_announced,
                                    .data = ret};

    return query_rows(db, &reading, trail, ret_n);
}

static err_t query_announced_of(struct sqlite *db, struct span ek, const char *subscription,
                                struct trail *trail, struct store_announced *ret)
{
    const struct reading reading = {.which = STATEMENT_ANNOUNCED_OF_EK,
                                    .bound = {bound_blob(ek), bound_text(subscription)},
                                    .row = read_announced,
                                    .data = ret};
    size_t n = 0;
    err_t err = query_rows(db, &reading, trail, &n);

    return err == ERR_OK && n == 0 ? ERR_NOT_FOUND : err;
}

err_t query_waiting(struct sqlite *db, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                    struct trail *trail, struct store_waiting *ret)
{
    const struct reading reading = {.which = STATEMENT_WAITING_BY_EK,
                                    .bound = {bound_blob(span_of(ek_digest, STORE_DIGEST_BYTES))},
                                    .row = read_waiting,
                                    .data = ret};
    size_t n = 0;
    err_t err = query_rows(db, &reading, trail, &n);

    return err == ERR_OK && n == 0 ? ERR_NOT_FOUND : err;
}

static err_t read_count(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    size_t *n = data;

    (void)index;
    (void)trail;
    *n = (size_t)sqlite3_column_int64(row, 0);
    return ERR_OK;
}

static err_t count(struct sqlite *db, enum statement which, struct bound bound, struct trail *trail,
                   size_t *ret)
{
    size_t found = 0, n = 0;
    const struct reading reading = {
        .which = which, .bound = {bound}, .row = read_count, .data = &found};
    err_t err = query_rows(db, &reading, trail, &n);

    *ret = found;
    return err;
}

err_t query_waiting_count(struct sqlite *db, bool is_unvouched, struct trail *trail, size_t *ret)
{
    return count(db, STATEMENT_WAITING_COUNT, bound_number(is_unvouched), trail, ret);
}

err_t store_announced_list(struct store *store, struct arena *arena, const char *subscription,
                           size_t max, struct trail *trail, struct store_announced **ret,
                           size_t *ret_n)
{
    struct store_announced *rows = arena_calloc(arena, max, sizeof(*rows));
    const struct reading reading = {.which = STATEMENT_ANNOUNCED,
                                    .bound = {bound_text(subscription), bound_number((int64_t)max)},
                                    .max = max,
                                    .row = read_announced,
                                    .data = rows};
    err_t err = rows == NULL ? ERR_MEMORY : read_rows(store, &reading, trail, ret_n);

    if (err == ERR_OK) {
        *ret = rows;
    }
    return err;
}

err_t store_waiting_list(struct store *store, struct arena *arena, size_t max, struct trail *trail,
                         struct store_waiting **ret, size_t *ret_n)
{
    struct store_waiting *rows = arena_calloc(arena, max, sizeof(*rows));
    const struct reading reading = {.which = STATEMENT_WAITING,
                                    .bound = {bound_number((int64_t)max)},
                                    .max = max,
                                    .row = read_waiting,
                                    .data = rows};
    err_t err = rows == NULL ? ERR_MEMORY : read_rows(store, &reading, trail, ret_n);

    if (err == ERR_OK) {
        *ret = rows;
    }
    return err;
}

static err_t read_count_of(struct store *store, enum statement which, struct bound bound,
                           struct trail *trail, size_t *ret)
{
    size_t found = 0, n = 0;
    const struct reading reading = {
        .which = which, .bound = {bound}, .row = read_count, .data = &found};
    err_t err = read_rows(store, &reading, trail, &n);

    *ret = found;
    return err;
}

err_t store_announced_count(struct store *store, const char *subscription, struct trail *trail,
                            size_t *ret)
{
    return read_count_of(store, STATEMENT_ANNOUNCED_COUNT, bound_text(subscription), trail, ret);
}

err_t store_waiting_count(struct store *store, struct trail *trail, size_t *ret)
{
    size_t n_vouched = 0, n_unvouched = 0;
    err_t err =
        read_count_of(store, STATEMENT_WAITING_COUNT, bound_number(false), trail, &n_vouched);

    err = err ? err
              : read_count_of(store, STATEMENT_WAITING_COUNT, bound_number(true), trail,
                              &n_unvouched);
    *ret = n_vouched + n_unvouched;
    return err;
}

err_t store_announced_by_ek(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                            const char *subscription, int64_t now, struct trail *trail,
                            struct store_announced *ret)
{
    const struct span ek = span_of(ek_digest, STORE_DIGEST_BYTES);
    struct sqlite *db = NULL;
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    err = subscription == NULL
              ? query_announced(db, STATEMENT_ANNOUNCED_BY_EK, ek, false, trail, ret)
              : query_announced_of(db, ek, subscription, trail, ret);
    store_give_reader(store, db, err);
    if (err == ERR_OK && (now >= ret->expires || ret->uses == 0)) {
        err = ERR_NOT_FOUND;
    }
    return err;
}

static err_t find_announced(struct store *store, enum statement by, const char *text,
                            struct trail *trail, struct store_announced *ret)
{
    struct sqlite *db = NULL;
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    err = query_announced(db, by, span_str(text), true, trail, ret);
    store_give_reader(store, db, err);
    return err;
}

err_t store_announced_by_name(struct store *store, const char *name, struct trail *trail,
                              struct store_announced *ret)
{
    return find_announced(store, STATEMENT_ANNOUNCED_BY_NAME, name, trail, ret);
}

err_t store_announced_by_id(struct store *store, const char *id, struct trail *trail,
                            struct store_announced *ret)
{
    return find_announced(store, STATEMENT_ANNOUNCED_BY_ID, id, trail, ret);
}

err_t store_announced_by_machine(struct store *store, const char *machine_id, struct trail *trail,
                                 struct store_announced *ret)
{
    return find_announced(store, STATEMENT_ANNOUNCED_BY_MACHINE, machine_id, trail, ret);
}

err_t store_waiting_by_ek(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                          struct trail *trail, struct store_waiting *ret)
{
    struct sqlite *db = NULL;
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    err = query_waiting(db, ek_digest, trail, ret);
    store_give_reader(store, db, err);
    return err;
}

err_t store_waiting_by_name(struct store *store, const char *name, struct trail *trail,
                            struct store_waiting *ret, size_t *ret_n)
{
    struct store_waiting found[2] = {0}; /* the statement looks for no more */
    const struct reading reading = {.which = STATEMENT_WAITING_BY_NAME,
                                    .bound = {bound_text(name)},
                                    .max = ARRAY_LEN(found),
                                    .row = read_waiting,
                                    .data = found};
    size_t n = 0;
    err_t err = read_rows(store, &reading, trail, &n);

    if (err || n == 0) {
        return err ? err : ERR_NOT_FOUND;
    }
    *ret = found[0];
    *ret_n = n;
    return ERR_OK;
}

/* ---- writing: run by the writer thread, inside its transaction ---- */

/* Names and endorsement keys are the whole server's. Who has one is said to its owner alone. */
static bool is_own(const struct store_announced *a, const char *subscription)
{
    return strcmp(a->subscription, subscription) == 0;
}

static err_t refuse_name(const struct store_announced *a, bool is_own, const char *words,
                         struct trail *trail)
{
    return trail_set(trail, ERR_CONFLICT, "the name '%s' %s", a->name,
                     is_own ? words : "is taken: choose another");
}

/* May it be announced under the name of this machine? Only to take up its place, and what is for
 * one machine alone never takes that of another. */
static bool may_be(const struct store_announced *a, const struct store_machine *machine)
{
    return machine->ak_name_len == 0 && is_own(a, machine->subscription) &&
           (a->machine[0] == '\0' || strcmp(a->machine, machine->id) == 0);
}

static err_t check_name(struct sqlite *db, const struct store_announced *a, struct trail *trail)
{
    struct store_machine machine;
    struct store_announced other;
    bool is_there = false;
    err_t err = query_machine_if_any(db, STATEMENT_MACHINE_BY_NAME, span_str(a->name), true, trail,
                                     &machine, &is_there);

    if (err == ERR_OK && is_there && !may_be(a, &machine)) {
        return refuse_name(a, is_own(a, machine.subscription),
                           "is a machine's: choose another, or replace that one first", trail);
    }
    err = err ? err
              : query_announced(db, STATEMENT_ANNOUNCED_BY_NAME, span_str(a->name), true, trail,
                                &other);
    if (err == ERR_OK) {
        return refuse_name(a, is_own(a, other.subscription),
                           "was announced before: withdraw that first", trail);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t check_ek(struct sqlite *db, const struct store_announced *a, struct trail *trail)
{
    static const char taken[] = "this endorsement key is taken: the operator of this server knows "
                                "by what";
    const struct span ek = span_of(a->ek_digest, STORE_DIGEST_BYTES);
    struct store_machine machine;
    struct store_announced other;
    bool is_there = false;
    err_t err =
        query_machine_if_any(db, STATEMENT_MACHINE_BY_EK, ek, false, trail, &machine, &is_there);

    if (err == ERR_OK && is_there && !is_own(a, machine.subscription)) {
        return trail_set(trail, ERR_CONFLICT, "%s", taken);
    }
    if (err == ERR_OK && is_there && machine.ak_name_len > 0) {
        return trail_set(trail, ERR_CONFLICT,
                         "this endorsement key belongs to the machine '%s' already", machine.name);
    }
    err = err ? err : query_announced_of(db, ek, a->subscription, trail, &other);
    if (err == ERR_OK) {
        return trail_set(trail, ERR_CONFLICT, "this endorsement key was announced before%s%s",
                         other.name[0] != '\0' ? ", as " : "", other.name);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* A token may be its owner's own words, so two may be alike: whose it would be is not guessed. */
static err_t check_token(struct sqlite *db, const struct store_announced *a, struct trail *trail)
{
    struct store_announced other;
    err_t err = query_announced(db, STATEMENT_ANNOUNCED_BY_TOKEN,
                                span_of(a->token_digest, STORE_DIGEST_BYTES), false, trail, &other);

    return err == ERR_NOT_FOUND ? ERR_OK
           : err                ? err
                 : trail_set(trail, ERR_CONFLICT, "this join token is another machine's already");
}

/* Nobody else has the name, the endorsement key or the token. */
static err_t check_free(struct sqlite *db, const struct store_announced *a, struct trail *trail)
{
    err_t err = a->name[0] != '\0' ? check_name(db, a, trail) : ERR_OK;

    err = err || !a->has_token ? err : check_token(db, a, trail);
    return err || !a->has_ek ? err : check_ek(db, a, trail);
}

static err_t add_announced(struct sqlite *db, const struct store_announced *a, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_ANNOUNCED_ADD, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(a->subscription));
    sqlite_bind_text(row, 2, span_str(a->name));
    if (a->has_ek) {
        sqlite_bind_span(row, 3, span_of(a->ek_digest, STORE_DIGEST_BYTES));
    }
    if (a->ak_name_len > 0) {
        sqlite_bind_span(row, 4, span_of(a->ak_name, a->ak_name_len));
    }
    if (a->has_token) {
        sqlite_bind_span(row, 5, span_of(a->token_digest, STORE_DIGEST_BYTES));
    }
    sqlite3_bind_int64(row, 6, a->uses);
    sqlite3_bind_int64(row, 7, a->created);
    sqlite3_bind_int64(row, 8, a->expires);
    sqlite_bind_text(row, 9, span_str(a->who));
    sqlite_bind_text(row, 10, span_str(a->machine));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t run_announce(struct sqlite *db, void *data, struct trail *trail)
{
    const struct store_announced *a = data;
    size_t n = 0;
    err_t err = run_bound(db, STATEMENT_ANNOUNCED_SWEEP, bound_number(a->created),
                          (struct bound){0}, trail);

    err = err ? err
              : run_bound(db, STATEMENT_ANNOUNCED_FORGET, bound_text(a->machine), (struct bound){0},
                          trail);
    err = err ? err : count(db, STATEMENT_ANNOUNCED_COUNT, bound_text(a->subscription), trail, &n);
    if (err == ERR_OK && n >= STORE_ANNOUNCED_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "%zu machines are announced already", n);
    }
    err = err ? err : check_free(db, a, trail);
    return err ? err : add_announced(db, a, trail);
}

struct approving {
    const struct store_waiting *shown;
    const struct store_announced *announced;
};

static bool is_as_shown(const struct store_waiting *now, const struct store_waiting *shown)
{
    return span_equal(span_of(now->ak_name, now->ak_name_len),
                      span_of(shown->ak_name, shown->ak_name_len)) &&
           strcmp(now->name, shown->name) == 0 && strcmp(now->maker, shown->maker) == 0;
}

static err_t run_approve(struct sqlite *db, void *data, struct trail *trail)
{
    const struct approving *a = data;
    struct store_announced announced = *a->announced;
    struct span ek = span_of(a->shown->ek_digest, STORE_DIGEST_BYTES);
    struct store_waiting now;
    err_t err = query_waiting(db, a->shown->ek_digest, trail, &now);

    if (err == ERR_NOT_FOUND) {
        return trail_set(trail, err, "no guest with this endorsement key waits");
    }
    if (err == ERR_OK && !is_as_shown(&now, a->shown)) {
        return trail_set(trail, ERR_MISMATCH,
                         "it asked with another attestation key, name or certificate meanwhile: "
                         "look again");
    }
    announced.has_ek = true;
    memcpy(announced.ek_digest, now.ek_digest, sizeof(announced.ek_digest));
    memcpy(announced.ak_name, now.ak_name, now.ak_name_len);
    announced.ak_name_len = now.ak_name_len;
    err = err ? err : run_announce(db, &announced, trail);
    return err ? err
               : run_bound(db, STATEMENT_WAITING_REMOVE, bound_blob(ek), (struct bound){0}, trail);
}

static err_t run_reject(struct sqlite *db, void *data, struct trail *trail)
{
    err_t err = run_bound(db, STATEMENT_WAITING_REJECT,
                          bound_blob(span_of(data, STORE_DIGEST_BYTES)), (struct bound){0}, trail);

    return err || sqlite3_changes(db->db) == 1
               ? err
               : trail_set(trail, ERR_NOT_FOUND, "no guest with this endorsement key waits");
}

static err_t run_withdraw(struct sqlite *db, void *data, struct trail *trail)
{
    const int64_t *id = data;
    err_t err =
        run_bound(db, STATEMENT_ANNOUNCED_REMOVE, bound_number(*id), (struct bound){0}, trail);

    return err || sqlite3_changes(db->db) == 1 ? err : ERR_NOT_FOUND;
}

err_t store_announce(struct store *store, const struct store_announced *announced,
                     struct trail *trail)
{
    struct store_announced copy = *announced;
    struct op op = {.kind = OP_CALL, .call = run_announce, .data = &copy};

    return store_wait_for(store, &op, trail);
}

err_t store_waiting_approve(struct store *store, const struct store_waiting *shown,
                            const struct store_announced *announced, struct trail *trail)
{
    struct approving approving = {shown, announced};
    struct op op = {.kind = OP_CALL, .call = run_approve, .data = &approving};

    return store_wait_for(store, &op, trail);
}

err_t store_waiting_reject(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                           struct trail *trail)
{
    uint8_t copy[STORE_DIGEST_BYTES];
    struct op op = {.kind = OP_CALL, .call = run_reject, .data = copy};

    memcpy(copy, ek_digest, sizeof(copy));
    return store_wait_for(store, &op, trail);
}

err_t store_announced_remove(struct store *store, int64_t id, struct trail *trail)
{
    struct op op = {.kind = OP_CALL, .call = run_withdraw, .data = &id};

    return store_wait_for(store, &op, trail);
}
