/*
 * listing.h - inside of the store room: rows into an arena, and writes of which no row comes back.
 */
#ifndef STORE_LISTING_H
#define STORE_LISTING_H

#include "store/rows.h"

/* What a reading's `row` gets as its data. */
struct listing {
    struct arena *arena;
    void *items;
    size_t n;
    size_t bytes_left; /* that may still come: rows count their own */
    bool is_enough;
};

/* A column in the arena; NULL: no memory. */
const char *listing_text(struct arena *arena, sqlite3_stmt *row, int index);
/* At most reading->max rows of `size` bytes each into the arena; those that count bytes end with
 * the one that reaches bytes_max. */
err_t listing_within(struct store *store, struct arena *arena, const struct reading *reading,
                     size_t size, size_t bytes_max, struct trail *trail, void **ret,
                     size_t *ret_n) MUST_CHECK;
err_t listing_all(struct store *store, struct arena *arena, const struct reading *reading,
                  size_t size, struct trail *trail, void **ret, size_t *ret_n) MUST_CHECK;
/* The first row. ERR_NOT_FOUND. */
err_t listing_one(struct store *store, struct arena *arena, const struct reading *reading,
                  void *ret, struct trail *trail) MUST_CHECK;

/* `data` is the reading: for OP_CALL. */
err_t run_writing(struct sqlite *db, void *data, struct trail *trail) MUST_CHECK;
err_t writing_one(struct store *store, struct reading *writing, struct trail *trail) MUST_CHECK;

/* NULL data: an empty text. */
static inline struct bound bound_json(struct span json)
{
    return bound_key(json.data == NULL ? span_str("") : json, true);
}

#endif
