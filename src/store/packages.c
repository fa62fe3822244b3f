#include "store/packages.h"

#include "package/version.h"
#include "store/queue.h"

#include <stdio.h>

/* ---- rows ---- */

static void read_package(sqlite3_stmt *row, bool has_counts, struct store_package *ret)
{
    struct store_package p = {0};
    struct span digest = column_span(row, 6);

    p.id = sqlite3_column_int64(row, 0);
    column_text(row, 1, p.subscription, sizeof(p.subscription));
    column_text(row, 2, p.platform, sizeof(p.platform));
    column_text(row, 3, p.version, sizeof(p.version));
    column_text(row, 4, p.minimum, sizeof(p.minimum));
    p.size = (uint64_t)sqlite3_column_int64(row, 5);
    if (digest.len == sizeof(p.digest)) {
        memcpy(p.digest, digest.data, digest.len);
    }
    column_text(row, 7, p.file, sizeof(p.file));
    p.is_running = sqlite3_column_int(row, 8) != 0;
    column_text(row, 9, p.why, sizeof(p.why));
    column_text(row, 10, p.who, sizeof(p.who));
    p.created = sqlite3_column_int64(row, 11);
    p.changed = sqlite3_column_int64(row, 12);
    if (has_counts) {
        p.n_offered = (uint64_t)sqlite3_column_int64(row, 13);
        p.n_taken = (uint64_t)sqlite3_column_int64(row, 14);
        p.n_confirmed = (uint64_t)sqlite3_column_int64(row, 15);
        p.n_failed = (uint64_t)sqlite3_column_int64(row, 16);
    }
    *ret = p;
}

/* platform NULL: of all, with counts. `to` has STORE_PACKAGES_MAX places. */
err_t query_packages(struct sqlite *db, const char *subscription, const char *platform,
                     struct trail *trail, struct store_package *to, size_t *ret_n)
{
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t n = 0;
    err_t err =
        sqlite_use(db, platform == NULL ? STATEMENT_PACKAGES : STATEMENT_PACKAGES_FOR, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(subscription));
    if (platform != NULL) {
        sqlite_bind_text(row, 2, span_str(platform));
    }
    sqlite3_bind_int(row, platform == NULL ? 2 : 3, STORE_PACKAGES_MAX);
    while (err == ERR_OK && has_row && n < STORE_PACKAGES_MAX) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err == ERR_OK && has_row) {
            read_package(row, platform == NULL, &to[n++]);
        }
    }
    sqlite_release(row);
    *ret_n = n;
    return err;
}

err_t query_package(struct sqlite *db, int64_t id, struct trail *trail, struct store_package *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = sqlite_use(db, STATEMENT_PACKAGE_BY_ID, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, id);
    err = sqlite_step(db, row, trail, &has_row);
    if (err == ERR_OK && has_row) {
        read_package(row, false, ret);
    }
    sqlite_release(row);
    return err == ERR_OK && !has_row ? ERR_NOT_FOUND : err;
}

/* ---- reading ---- */

err_t store_packages(struct store *store, struct arena *arena, const char *subscription,
                     struct trail *trail, struct store_package **ret, size_t *ret_n)
{
    struct store_package *packages = arena_calloc(arena, STORE_PACKAGES_MAX, sizeof(*packages));
    struct sqlite *db = NULL;
    err_t err = packages == NULL ? ERR_MEMORY : store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    err = query_packages(db, subscription, NULL, trail, packages, ret_n);
    store_give_reader(store, db, err);
    *ret = packages;
    return err;
}

bool store_package_has_file(struct store *store, const char *file)
{
    struct sqlite *db = NULL;
    sqlite3_stmt *row = NULL;
    bool has_row = true; /* when in doubt it is somebody's */
    err_t err = store_take_reader(store, NULL, &db);

    if (err) {
        return true;
    }
    err = sqlite_use(db, STATEMENT_PACKAGE_FILES, NULL, &row);
    if (err == ERR_OK) {
        sqlite_bind_text(row, 1, span_str(file));
        err = sqlite_step(db, row, NULL, &has_row);
        sqlite_release(row);
    }
    store_give_reader(store, db, err);
    return err || has_row;
}

/* ---- what owners do: inside the writer's transaction ---- */

/* One of its version and platform, however that is written. */
static err_t check_is_new(struct sqlite *db, const struct store_package *p, struct trail *trail)
{
    struct store_package packages[STORE_PACKAGES_MAX];
    size_t n = 0;
    err_t err = query_packages(db, p->subscription, p->platform, trail, packages, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        if (version_text_equal(span_str(packages[i].version), span_str(p->version))) {
            err = trail_set(trail, ERR_CONFLICT,
                            "version %s for %s is published already: withdraw it first, or make a "
                            "later version",
                            packages[i].version, p->platform);
        }
    }
    return err;
}

static err_t run_add(struct sqlite *db, void *data, struct trail *trail)
{
    const struct store_package *p = data;
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    int64_t n = 0;
    err_t err = sqlite_use(db, STATEMENT_PACKAGES_COUNT, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(p->subscription));
    err = sqlite_step(db, row, trail, &has_row);
    n = err == ERR_OK && has_row ? sqlite3_column_int64(row, 0) : 0;
    sqlite_release(row);
    if (err == ERR_OK && n >= STORE_PACKAGES_MAX) {
        return trail_set(trail, ERR_TOO_MANY,
                         "there are %d packages already: withdraw those that nobody needs",
                         STORE_PACKAGES_MAX);
    }
    err = err ? err : check_is_new(db, p, trail);
    err = err ? err : sqlite_use(db, STATEMENT_PACKAGE_ADD, trail, &row);
    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(p->subscription));
    sqlite_bind_text(row, 2, span_str(p->platform));
    sqlite_bind_text(row, 3, span_str(p->version));
    sqlite_bind_text(row, 4, span_str(p->minimum));
    sqlite3_bind_int64(row, 5, (int64_t)p->size);
    sqlite_bind_span(row, 6, span_of(p->digest, sizeof(p->digest)));
    sqlite_bind_text(row, 7, span_str(p->file));
    sqlite_bind_text(row, 8, span_str(p->who));
    sqlite3_bind_int64(row, 9, p->created);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

err_t store_package_add(struct store *store, const struct store_package *package,
                        struct trail *trail)
{
    struct store_package copy = *package;
    struct op op = {.kind = OP_CALL, .call = run_add, .data = &copy};

    return store_wait_for(store, &op, trail);
}

struct setting {
    int64_t id, now;
    bool is_running;
    const char *why;
};

err_t write_package_state(struct sqlite *db, int64_t id, bool is_running, const char *why,
                          int64_t now, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_PACKAGE_SET, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, id);
    sqlite3_bind_int(row, 2, is_running);
    sqlite_bind_text(row, 3, span_str(why));
    sqlite3_bind_int64(row, 4, now);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    if (err || sqlite3_changes(db->db) == 0) {
        return err ? err : ERR_NOT_FOUND;
    }
    if (!is_running) {
        err = sqlite_use(db, STATEMENT_ROLLOUT_WITHDRAW, trail, &row);
        if (err) {
            return err;
        }
        sqlite3_bind_int64(row, 1, id);
        err = sqlite_step(db, row, trail, &has_row);
        sqlite_release(row);
    }
    return err;
}

static err_t run_set(struct sqlite *db, void *data, struct trail *trail)
{
    const struct setting *s = data;

    return write_package_state(db, s->id, s->is_running, s->why, s->now, trail);
}

err_t store_package_set(struct store *store, int64_t id, bool is_running, const char *why,
                        int64_t now, struct trail *trail)
{
    struct setting setting = {.id = id, .now = now, .is_running = is_running, .why = why};
    struct op op = {.kind = OP_CALL, .call = run_set, .data = &setting};

    return store_wait_for(store, &op, trail);
}

static err_t run_remove(struct sqlite *db, void *data, struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_PACKAGE_REMOVE, trail, &row);

    if (err) {
        return err;
    }
    sqlite3_bind_int64(row, 1, *(int64_t *)data);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err == ERR_OK && sqlite3_changes(db->db) == 0 ? ERR_NOT_FOUND : err;
}

err_t store_package_remove(struct store *store, int64_t id, struct trail *trail)
{
    struct op op = {.kind = OP_CALL, .call = run_remove, .data = &id};

    return store_wait_for(store, &op, trail);
}
