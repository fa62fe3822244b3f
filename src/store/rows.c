#include "store/rows.h"

#include "store/queue.h"

static void bind(sqlite3_stmt *row, const struct bound bound[READING_BOUND_MAX])
{
    for (int i = 0; i < READING_BOUND_MAX && bound[i].kind != BOUND_END; i++) {
        if (bound[i].kind == BOUND_TEXT) {
            sqlite_bind_text(row, i + 1, bound[i].bytes);
        } else if (bound[i].kind == BOUND_BLOB) {
            sqlite_bind_span(row, i + 1, bound[i].bytes);
        } else {
            sqlite3_bind_int64(row, i + 1, bound[i].number);
        }
    }
}

err_t query_rows(struct sqlite *db, const struct reading *reading, struct trail *trail,
                 size_t *ret_n)
{
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t n = 0;
    err_t err = sqlite_use(db, reading->which, trail, &row);

    if (err) {
        return err;
    }
    bind(row, reading->bound);
    while (err == ERR_OK && (reading->max == 0 || n < reading->max)) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err || !has_row) {
            break;
        }
        if (reading->row != NULL) {
            err = reading->row(row, n, reading->data, trail);
        }
        n++;
        if (reading->is_enough != NULL && *reading->is_enough) {
            break;
        }
    }
    sqlite_release(row);
    if (err) {
        return err;
    }
    *ret_n = n;
    return ERR_OK;
}

err_t read_rows(struct store *store, const struct reading *reading, struct trail *trail,
                size_t *ret_n)
{
    struct sqlite *db = NULL;
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    err = query_rows(db, reading, trail, ret_n);
    store_give_reader(store, db, err);
    return err;
}

err_t run_bound(struct sqlite *db, enum statement which, struct bound a, struct bound b,
                struct trail *trail)
{
    const struct reading reading = {.which = which, .bound = {a, b}};
    size_t n = 0;

    return query_rows(db, &reading, trail, &n);
}
