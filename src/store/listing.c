#include "store/listing.h"

#include "store/queue.h"

const char *listing_text(struct arena *arena, sqlite3_stmt *row, int index)
{
    return (const char *)arena_dup(arena, column_span(row, index)).data;
}

err_t listing_within(struct store *store, struct arena *arena, const struct reading *reading,
                     size_t size, size_t bytes_max, struct trail *trail, void **ret, size_t *ret_n)
{
    struct listing rows = {
        .arena = arena, .items = arena_calloc(arena, reading->max, size), .bytes_left = bytes_max};
    struct reading own = *reading;
    err_t err;

    if (rows.items == NULL) {
        return ERR_MEMORY;
    }
    own.data = &rows;
    own.is_enough = &rows.is_enough;
    err = read_rows(store, &own, trail, &rows.n);
    if (err == ERR_OK) {
        *ret = rows.items;
        *ret_n = rows.n;
    }
    return err;
}

err_t listing_all(struct store *store, struct arena *arena, const struct reading *reading,
                  size_t size, struct trail *trail, void **ret, size_t *ret_n)
{
    return listing_within(store, arena, reading, size, SIZE_MAX, trail, ret, ret_n);
}

err_t listing_one(struct store *store, struct arena *arena, const struct reading *reading,
                  void *ret, struct trail *trail)
{
    struct listing rows = {.arena = arena, .items = ret};
    struct reading own = *reading;
    size_t n = 0;
    err_t err;

    own.data = &rows;
    own.max = 1;
    err = read_rows(store, &own, trail, &n);
    return err == ERR_OK && n == 0 ? ERR_NOT_FOUND : err;
}

err_t run_writing(struct sqlite *db, void *data, struct trail *trail)
{
    size_t n;

    return query_rows(db, data, trail, &n);
}

err_t writing_one(struct store *store, struct reading *writing, struct trail *trail)
{
    struct op op = {.kind = OP_CALL, .call = run_writing, .data = writing};

    return store_wait_for(store, &op, trail);
}
