/*
 * rollouts.c - which machine has which package: each change sees all others, since one thread
 * writes.
 */
#include "store/packages.h"
#include "store/queue.h"

#include "base/codec.h"
#include "package/version.h"

#include <stdio.h>

enum { OVERDUE_MAX = STORE_STOPS_MAX };

/* ---- rows ---- */

/* What is said of a machine that says nothing. */
static const char silence[] = "it took the package and did not confirm it within ";

struct row {
    int64_t package, time, due;
    char state[STORE_ROLLOUT_STATE_SIZE];
    bool was_silent; /* that is why it failed */
};

static bool is_state(const struct row *row, const char *state)
{
    return row != NULL && strcmp(row->state, state) == 0;
}

static err_t query_rollouts(struct sqlite *db, const char *machine_id, struct trail *trail,
                            struct row *to, size_t *ret_n)
{
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t n = 0;
    err_t err = sqlite_use(db, STATEMENT_ROLLOUTS_OF, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    while (err == ERR_OK && has_row && n < STORE_PACKAGES_MAX) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err == ERR_OK && has_row) {
            to[n].package = sqlite3_column_int64(row, 0);
            column_text(row, 1, to[n].state, sizeof(to[n].state));
            to[n].time = sqlite3_column_int64(row, 2);
            to[n].due = sqlite3_column_int64(row, 3);
            to[n].was_silent = span_starts(column_span(row, 4), silence);
            n++;
        }
    }
    sqlite_release(row);
    *ret_n = n;
    return err;
}

static struct row *row_of(struct row *rows, size_t n, int64_t package)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].package == package) {
            return &rows[i];
        }
    }
    return NULL;
}

static err_t put(struct sqlite *db, const char *machine_id, int64_t package, const char *state,
                 int64_t time, int64_t due, const char *why, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_ROLLOUT_PUT, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    sqlite3_bind_int64(row, 2, package);
    sqlite_bind_text(row, 3, span_str(state));
    sqlite3_bind_int64(row, 4, time);
    sqlite3_bind_int64(row, 5, due);
    sqlite_bind_text(row, 6, span_str(why));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t drop(struct sqlite *db, const char *machine_id, int64_t package, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_ROLLOUT_REMOVE, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    sqlite3_bind_int64(row, 2, package);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t count(struct sqlite *db, enum statement which, const struct store_contact *contact,
                   struct trail *trail, uint64_t *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = sqlite_use(db, which, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(contact->subscription));
    sqlite_bind_text(row, 2, span_str(contact->platform));
    err = sqlite_step(db, row, trail, &has_row);
    *ret = err == ERR_OK && has_row ? (uint64_t)sqlite3_column_int64(row, 0) : 0;
    sqlite_release(row);
    return err;
}

/* ---- failing ---- */

struct failure {
    const char *machine_id, *machine_name, *words;
    int64_t package, now;
    bool is_known; /* it stopped the rollout before, and does not again: somebody has looked */
};

/* A machine failed: nobody else gets the package until a person has looked. */
static err_t fail(struct sqlite *db, const struct failure *failure, struct trail *trail,
                  struct store_stops *stops)
{
    struct store_package package;
    char why[STORE_PACKAGE_WHY_SIZE];
    err_t err = query_package(db, failure->package, trail, &package);

    err = err ? err
              : put(db, failure->machine_id, failure->package, "failed", failure->now, 0,
                    failure->words, trail);
    if (err || (failure->is_known && package.is_running)) {
        return err;
    }
    snprintf(why, sizeof(why), "machine %s: %.*s", failure->machine_name,
             (int)(sizeof(why) - STORE_NAME_MAX - 16), failure->words);
    if (package.is_running && stops->n < STORE_STOPS_MAX) {
        struct store_stop *stop = &stops->items[stops->n++];

        memcpy(stop->version, package.version, sizeof(stop->version));
        memcpy(stop->platform, package.platform, sizeof(stop->platform));
        snprintf(stop->machine, sizeof(stop->machine), "%s", failure->machine_id);
        memcpy(stop->why, why, sizeof(stop->why));
    }
    /* What a person said is kept; the words of silence give way to those of the machine. */
    return package.is_running || strncmp(package.why, "machine ", 8) == 0
               ? write_package_state(db, package.id, false, why, failure->now, trail)
               : ERR_OK;
}

struct overdue {
    char machine[STORE_ID_SIZE], name[STORE_NAME_MAX + 1];
    struct row row;
};

static err_t query_overdue(struct sqlite *db, int64_t now, int64_t listening_since,
                           struct trail *trail, struct overdue *to, size_t *ret_n)
{
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t n = 0;
    err_t err = sqlite_use(db, STATEMENT_ROLLOUT_DUE, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, now);
    sqlite3_bind_int64(row, 2, listening_since);
    sqlite3_bind_int(row, 3, OVERDUE_MAX);
    while (err == ERR_OK && has_row && n < OVERDUE_MAX) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err == ERR_OK && has_row) {
            column_text(row, 0, to[n].machine, sizeof(to[n].machine));
            to[n].row.package = sqlite3_column_int64(row, 1);
            column_text(row, 2, to[n].row.state, sizeof(to[n].row.state));
            to[n].row.time = sqlite3_column_int64(row, 3);
            to[n].row.due = sqlite3_column_int64(row, 4);
            column_text(row, 5, to[n].name, sizeof(to[n].name));
            n++;
        }
    }
    sqlite_release(row);
    *ret_n = n;
    return err;
}

static err_t settle(struct sqlite *db, int64_t now, int64_t listening_since, struct trail *trail,
                    struct store_stops *stops)
{
    struct overdue overdue[OVERDUE_MAX];
    char words[STORE_PACKAGE_WHY_SIZE];
    size_t n = 0;
    err_t err = query_overdue(db, now, listening_since, trail, overdue, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        const struct row *row = &overdue[i].row;
        int64_t patience = row->due - row->time;

        if (is_state(row, "offered")) {
            err = put(db, overdue[i].machine, row->package, "lapsed", now,
                      now + STORE_LAPSE_REST * patience, "it did not fetch the package", trail);
        } else {
            const struct failure failure = {.machine_id = overdue[i].machine,
                                            .machine_name = overdue[i].name,
                                            .words = words,
                                            .package = row->package,
                                            .now = now};

            snprintf(words, sizeof(words), "%s%lld s", silence, (long long)patience);
            err = fail(db, &failure, trail, stops);
        }
    }
    return err;
}

/* Who was disabled or replaced has a place no more, and its silence says nothing of the package. */
struct gone {
    char machine[STORE_ID_SIZE];
    int64_t package;
};

static err_t query_gone(struct sqlite *db, struct trail *trail, struct gone *to, size_t *ret_n)
{
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t n = 0;
    err_t err = sqlite_use(db, STATEMENT_ROLLOUT_GONE, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int(row, 1, OVERDUE_MAX);
    while (err == ERR_OK && has_row && n < OVERDUE_MAX) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err == ERR_OK && has_row) {
            column_text(row, 0, to[n].machine, sizeof(to[n].machine));
            to[n++].package = sqlite3_column_int64(row, 1);
        }
    }
    sqlite_release(row);
    *ret_n = n;
    return err;
}

static err_t drop_gone(struct sqlite *db, struct trail *trail)
{
    struct gone gone[OVERDUE_MAX];
    size_t n = 0;
    err_t err = query_gone(db, trail, gone, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        err = drop(db, gone[i].machine, gone[i].package, trail);
    }
    return err;
}

struct sweep {
    int64_t now, listening_since;
    struct store_stops *stops;
};

static err_t run_sweep(struct sqlite *db, void *data, struct trail *trail)
{
    const struct sweep *sweep = data;
    err_t err = drop_gone(db, trail);

    sweep->stops->n = 0; /* a write that failed may be run again */
    return err ? err : settle(db, sweep->now, sweep->listening_since, trail, sweep->stops);
}

err_t store_rollout_sweep(struct store *store, int64_t now, int64_t listening_since,
                          struct trail *trail, struct store_stops *ret)
{
    struct sweep sweep = {now, listening_since, ret};
    struct op op = {.kind = OP_CALL, .call = run_sweep, .data = &sweep};
    struct overdue overdue[OVERDUE_MAX];
    struct gone gone[OVERDUE_MAX];
    struct sqlite *db = NULL;
    size_t n = 0, n_gone = 0;
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    ret->n = 0;
    err = query_overdue(db, now, listening_since, trail, overdue, &n);
    err = err ? err : query_gone(db, trail, gone, &n_gone);
    store_give_reader(store, db, err);
    return err || n + n_gone == 0 ? err : store_wait_for(store, &op, trail);
}

/* ---- what a machine says and gets ---- */

struct choice {
    struct store_package packages[STORE_PACKAGES_MAX];
    size_t n;
    struct row rows[STORE_PACKAGES_MAX];
    size_t n_rows;
};

static bool is_digest(const struct store_package *package, const char *hex)
{
    char own[2 * STORE_DIGEST_BYTES + 1];

    hex_encode(span_of(package->digest, sizeof(package->digest)), own, sizeof(own));
    return strcmp(own, hex) == 0;
}

static err_t take_words(struct sqlite *db, struct store_contact *contact, struct choice *choice,
                        struct trail *trail)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < choice->n; i++) {
        const struct store_package *p = &choice->packages[i];
        struct row *row = row_of(choice->rows, choice->n_rows, p->id);
        bool has_failed = contact->failed != NULL && is_digest(p, contact->failed);
        bool is_known = is_state(row, "failed");

        if (row == NULL || is_state(row, "confirmed")) {
            continue; /* what was never offered is not what it speaks of */
        }
        if (has_failed && (!is_known || row->was_silent)) {
            const struct failure failure = {.machine_id = contact->machine_id,
                                            .machine_name = contact->machine_name,
                                            .words = contact->failed_words,
                                            .package = p->id,
                                            .now = contact->now,
                                            .is_known = is_known};

            err = fail(db, &failure, trail, &contact->stops);
        } else if (!has_failed && contact->runs != NULL &&
                   version_text_equal(span_str(contact->runs), span_str(p->version))) {
            err = put(db, contact->machine_id, p->id, "confirmed", contact->now, 0, "", trail);
        }
    }
    return err;
}

/* What it may choose of, after all that was said. */
static err_t look(struct sqlite *db, const struct store_contact *contact, struct choice *choice,
                  struct trail *trail)
{
    err_t err = query_packages(db, contact->subscription, contact->platform, trail,
                               choice->packages, &choice->n);

    return err ? err
               : query_rollouts(db, contact->machine_id, trail, choice->rows, &choice->n_rows);
}

/* Half way: the same again, or nothing once it was stopped. One that has come to a later version by
 * another way is half way no more. */
static err_t offer_again(struct sqlite *db, struct store_contact *contact,
                         const struct store_package *package, struct trail *trail)
{
    const bool is_refused = false;

    if (package->is_running && contact->choose(package, &is_refused, 1, contact->context) < 0) {
        return drop(db, contact->machine_id, package->id, trail);
    }
    contact->offer = *package;
    contact->has_offer = package->is_running;
    return ERR_OK;
}

static err_t offer(struct sqlite *db, struct store_contact *contact, struct choice *choice,
                   struct trail *trail)
{
    bool refused[STORE_PACKAGES_MAX] = {false};
    const struct row *held = NULL;
    uint64_t group = 0, busy = 0;
    int chosen = -1;
    err_t err = ERR_OK;

    for (size_t i = 0; i < choice->n; i++) {
        struct row *row = row_of(choice->rows, choice->n_rows, choice->packages[i].id);

        refused[i] =
            is_state(row, "failed") || (is_state(row, "lapsed") && row->due > contact->now);
        held = is_state(row, "offered") || is_state(row, "taken") ? row : held;
        if (is_state(row, "taken") && contact->takes) {
            return offer_again(db, contact, &choice->packages[i], trail);
        }
    }
    if (contact->takes) {
        chosen = contact->choose(choice->packages, refused, choice->n, contact->context);
    }
    if (chosen >= 0 && held != NULL && held->package == choice->packages[chosen].id) {
        contact->offer = choice->packages[chosen];
        contact->has_offer = true;
        return ERR_OK;
    }
    if (held != NULL && is_state(held, "offered")) {
        err = drop(db, contact->machine_id, held->package, trail);
    }
    if (err || chosen < 0) {
        return err;
    }
    err = count(db, STATEMENT_ROLLOUT_GROUP, contact, trail, &group);
    err = err ? err : count(db, STATEMENT_ROLLOUT_BUSY, contact, trail, &busy);
    if (err || !contact->has_room(group, busy)) {
        return err;
    }
    contact->offer = choice->packages[chosen];
    contact->has_offer = true;
    return put(db, contact->machine_id, contact->offer.id, "offered", contact->now,
               contact->now + contact->patience_s, "", trail);
}

static err_t run_contact(struct sqlite *db, void *data, struct trail *trail)
{
    struct store_contact *contact = data;
    struct choice choice;
    err_t err;

    contact->has_offer = false;
    contact->stops.n = 0;
    err = settle(db, contact->now, contact->listening_since, trail, &contact->stops);
    err = err ? err : look(db, contact, &choice, trail);
    err = err ? err : take_words(db, contact, &choice, trail);
    err = err ? err : look(db, contact, &choice, trail);
    return err ? err : offer(db, contact, &choice, trail);
}

/* Most machines, most of the time, have nothing to do with a package: no write for them. */
static bool has_business(const struct store_contact *contact, const struct choice *choice)
{
    for (size_t i = 0; i < choice->n_rows; i++) {
        const struct row *row = &choice->rows[i];

        if (!is_state(row, "confirmed") && !(is_state(row, "failed") && contact->runs == NULL)) {
            return true;
        }
    }
    return false;
}

err_t store_rollout_contact(struct store *store, struct store_contact *contact, struct trail *trail)
{
    struct op op = {.kind = OP_CALL, .call = run_contact, .data = contact};
    bool refused[STORE_PACKAGES_MAX] = {false};
    struct sqlite *db = NULL;
    struct choice choice = {.n = 0};
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    contact->has_offer = false;
    contact->stops.n = 0;
    err = look(db, contact, &choice, trail);
    store_give_reader(store, db, err);
    if (err || choice.n == 0 ||
        (!has_business(contact, &choice) &&
         (!contact->takes ||
          contact->choose(choice.packages, refused, choice.n, contact->context) < 0))) {
        return err;
    }
    return store_wait_for(store, &op, trail);
}

struct taking {
    const char *machine_id, *version;
    int64_t now, patience_s;
    struct store_package *ret;
};

static err_t run_take(struct sqlite *db, void *data, struct trail *trail)
{
    const struct taking *taking = data;
    struct row rows[STORE_PACKAGES_MAX];
    size_t n = 0;
    err_t err = query_rollouts(db, taking->machine_id, trail, rows, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        if (!is_state(&rows[i], "offered") && !is_state(&rows[i], "taken")) {
            continue;
        }
        err = query_package(db, rows[i].package, trail, taking->ret);
        if (err || !version_text_equal(span_str(taking->version), span_str(taking->ret->version))) {
            continue;
        }
        if (!taking->ret->is_running) {
            return trail_set(trail, ERR_DENIED, "the rollout of version %s was stopped",
                             taking->version);
        }
        /* A second fetch buys no more time. */
        return is_state(&rows[i], "taken")
                   ? ERR_OK
                   : put(db, taking->machine_id, rows[i].package, "taken", taking->now,
                         taking->now + taking->patience_s, "", trail);
    }
    return err ? err
               : trail_set(trail, ERR_NOT_FOUND,
                           "no package of this version was offered to this "
                           "machine");
}

err_t store_rollout_take(struct store *store, const char *machine_id, const char *version,
                         int64_t now, int64_t patience_s, struct trail *trail,
                         struct store_package *ret)
{
    struct taking taking = {machine_id, version, now, patience_s, ret};
    struct op op = {.kind = OP_CALL, .call = run_take, .data = &taking};

    return store_wait_for(store, &op, trail);
}

err_t store_rollout_last(struct store *store, const char *machine_id, struct trail *trail,
                         struct store_rollout *ret)
{
    struct store_rollout last = {.state = ""};
    struct sqlite *db = NULL;
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    err = sqlite_use(db, STATEMENT_ROLLOUT_LAST, trail, &row);
    if (err == ERR_OK) {
        sqlite_bind_text(row, 1, span_str(machine_id));
        err = sqlite_step(db, row, trail, &has_row);
        if (err == ERR_OK && has_row) {
            column_text(row, 0, last.version, sizeof(last.version));
            column_text(row, 1, last.state, sizeof(last.state));
            last.time = sqlite3_column_int64(row, 2);
            column_text(row, 3, last.why, sizeof(last.why));
        }
        sqlite_release(row);
    }
    store_give_reader(store, db, err);
    if (err == ERR_OK) {
        *ret = last;
    }
    return err;
}
