/*
 * rows.h - inside of the store room: one statement from its bindings to its last row.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/sqlite.h"

struct store;

enum { READING_BOUND_MAX = 12 };

/* A value for a parameter. Bytes are borrowed. */
struct bound {
    enum { BOUND_END, BOUND_TEXT, BOUND_BLOB, BOUND_NUMBER } kind;
    struct span bytes;
    int64_t number;
};

static inline struct bound bound_text(const char *text)
{
    return (struct bound){.kind = BOUND_TEXT, .bytes = span_str(text)};
}

static inline struct bound bound_blob(struct span bytes)
{
    return (struct bound){.kind = BOUND_BLOB, .bytes = bytes};
}

/* Of a statement that finds by one or the other. */
static inline struct bound bound_key(struct span key, bool is_text)
{
    return (struct bound){.kind = is_text ? BOUND_TEXT : BOUND_BLOB, .bytes = key};
}

static inline struct bound bound_number(int64_t number)
{
    return (struct bound){.kind = BOUND_NUMBER, .number = number};
}

struct reading {
    enum statement which;
    struct bound bound[READING_BOUND_MAX]; /* ?1, ?2, ... as far as there are any */
    size_t max;                            /* rows that are looked at; 0 = all */
    /* Called for each row, the first has index 0. NULL: rows are counted alone. */
    err_t (*row)(sqlite3_stmt *row, size_t index, void *data, struct trail *trail);
    void *data;
    const bool *is_enough; /* looked at behind each row: true ends it. NULL = never */
};

/* On one connection; *ret_n rows were there. Also for statements that give none. */
err_t query_rows(struct sqlite *db, const struct reading *reading, struct trail *trail,
                 size_t *ret_n) MUST_CHECK;
/* The same on a connection of the pool. */
err_t read_rows(struct store *store, const struct reading *reading, struct trail *trail,
                size_t *ret_n) MUST_CHECK;
/* A statement of which no row is wanted. */
err_t run_bound(struct sqlite *db, enum statement which, struct bound a, struct bound b,
                struct trail *trail) MUST_CHECK;

#endif
