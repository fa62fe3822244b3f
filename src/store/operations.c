#include "store/operations.h"

#include "store/listing.h"
#include "store/queue.h"

static err_t take_operation(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct listing *rows = data;
    struct store_operation *o = (struct store_operation *)rows->items + index;

    (void)trail;
    *o = (struct store_operation){
        .id = listing_text(rows->arena, row, 0),
        .subscription = listing_text(rows->arena, row, 1),
        .resource = listing_text(rows->arena, row, 2),
        .what = listing_text(rows->arena, row, 3),
        .status = listing_text(rows->arena, row, 4),
        .error = arena_dup(rows->arena, column_span(row, 5)),
        .output = arena_dup(rows->arena, column_span(row, 6)),
        .started = sqlite3_column_int64(row, 7),
        .ended = sqlite3_column_int64(row, 8),
    };
    return o->id == NULL || o->subscription == NULL || o->resource == NULL || o->what == NULL ||
                   o->status == NULL || o->error.data == NULL || o->output.data == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

static err_t take_activity(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct listing *rows = data;
    struct store_activity *a = (struct store_activity *)rows->items + index;

    (void)trail;
    *a = (struct store_activity){
        .id = sqlite3_column_int64(row, 0),
        .time = sqlite3_column_int64(row, 1),
        .subscription = listing_text(rows->arena, row, 2),
        .resource = listing_text(rows->arena, row, 3),
        .action = listing_text(rows->arena, row, 4),
        .status = listing_text(rows->arena, row, 5),
        .caller = listing_text(rows->arena, row, 6),
        .correlation = listing_text(rows->arena, row, 7),
        .detail = arena_dup(rows->arena, column_span(row, 8)),
    };
    return a->subscription == NULL || a->resource == NULL || a->action == NULL ||
                   a->status == NULL || a->caller == NULL || a->correlation == NULL ||
                   a->detail.data == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

err_t store_operation_put(struct store *store, const struct store_operation *o, struct trail *trail)
{
    struct reading writing = {
        .which = STATEMENT_OPERATION_PUT,
        .bound = {bound_text(o->id), bound_text(o->subscription), bound_text(o->resource),
                  bound_text(o->what), bound_text(o->status), bound_json(o->error),
                  bound_json(o->output), bound_number(o->started), bound_number(o->ended)}};

    return writing_one(store, &writing, trail);
}

err_t store_operation_get(struct store *store, struct arena *arena, const char *id,
                          struct trail *trail, struct store_operation *ret)
{
    struct reading reading = {
        .which = STATEMENT_OPERATION_GET, .bound = {bound_text(id)}, .row = take_operation};

    return listing_one(store, arena, &reading, ret, trail);
}

err_t store_operations_of(struct store *store, struct arena *arena, const char *resource,
                          const char *what, size_t max, struct trail *trail,
                          struct store_operation **ret, size_t *ret_n)
{
    struct reading reading = {
        .which = STATEMENT_OPERATIONS_OF,
        .bound = {bound_text(resource), bound_text(what), bound_number((int64_t)max)},
        .max = max,
        .row = take_operation};
    void *items = NULL;
    err_t err = listing_all(store, arena, &reading, sizeof(**ret), trail, &items, ret_n);

    *ret = items;
    return err;
}

err_t store_activity_add(struct store *store, const struct store_activity *a, struct trail *trail)
{
    struct reading writing = {.which = STATEMENT_ACTIVITY_ADD,
                              .bound = {bound_number(a->time), bound_text(a->subscription),
                                        bound_text(a->resource), bound_text(a->action),
                                        bound_text(a->status), bound_text(a->caller),
                                        bound_text(a->correlation), bound_json(a->detail)}};

    return writing_one(store, &writing, trail);
}

err_t store_activities(struct store *store, struct arena *arena,
                       const struct store_activity_query *query, struct trail *trail,
                       struct store_activity **ret, size_t *ret_n)
{
    struct reading reading = {.which = STATEMENT_ACTIVITY,
                              .bound = {bound_text(query->subscription),
                                        bound_number(query->before > 0 ? query->before : INT64_MAX),
                                        bound_number(query->from), bound_number(query->to),
                                        bound_text(query->below),
                                        bound_number((int64_t)query->max)},
                              .max = query->max,
                              .row = take_activity};
    void *items = NULL;
    err_t err = listing_all(store, arena, &reading, sizeof(**ret), trail, &items, ret_n);

    *ret = items;
    return err;
}

static err_t run_sweep(struct sqlite *db, void *data, struct trail *trail)
{
    int64_t now = *(const int64_t *)data;
    enum { DAY_S = 86400 };
    err_t err = run_bound(db, STATEMENT_OPERATIONS_FORGET,
                          bound_number(now - (int64_t)STORE_OPERATION_DAYS * DAY_S),
                          (struct bound){0}, trail);

    err = err ? err
              : run_bound(db, STATEMENT_OPERATIONS_TRIM,
                          bound_number(STORE_OPERATION_SUBSCRIPTION_MAX), (struct bound){0}, trail);
    err = err ? err
              : run_bound(db, STATEMENT_OPERATIONS_GIVE_UP,
                          bound_number(now - (int64_t)STORE_OPERATION_OPEN_DAYS * DAY_S),
                          (struct bound){0}, trail);
    err = err ? err
              : run_bound(db, STATEMENT_ACTIVITY_FORGET,
                          bound_number(now - (int64_t)STORE_ACTIVITY_DAYS * DAY_S),
                          (struct bound){0}, trail);
    return err ? err
               : run_bound(db, STATEMENT_ACTIVITY_TRIM,
                           bound_number(STORE_ACTIVITY_SUBSCRIPTION_MAX), (struct bound){0}, trail);
}

err_t store_operations_sweep(struct store *store, int64_t now, struct trail *trail)
{
    struct op op = {.kind = OP_CALL, .call = run_sweep, .data = &now};

    return store_wait_for(store, &op, trail);
}
