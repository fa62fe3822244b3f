#include "store/mentions.h"

#include "store/mentions-write.h"
#include "store/queue.h"
#include "store/resources.h"
#include "store/rows.h"

err_t mentions_write(struct sqlite *db, const struct store_resource *resource, struct trail *trail)
{
    const struct store_mentions *mentions = resource->mentions;
    size_t n;
    err_t err;

    if (mentions == NULL) {
        return ERR_OK;
    }
    if (mentions->n > STORE_MENTIONS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "the resource refers to more than %d others",
                         STORE_MENTIONS_MAX);
    }
    err = resource->version == 0 ? ERR_OK
                                 : run_bound(db, STATEMENT_MENTIONS_FORGET,
                                             bound_text(resource->key), (struct bound){0}, trail);
    for (size_t i = 0; err == ERR_OK && i < mentions->n; i++) {
        const struct reading writing = {
            .which = STATEMENT_MENTION_ADD,
            .bound = {bound_text(resource->subscription), bound_text(mentions->items[i].word),
                      bound_text(resource->key), bound_text(mentions->items[i].value)}};

        err = query_rows(db, &writing, trail, &n);
    }
    return err;
}

struct visiting {
    store_mention_visit *visit;
    void *context;
};

static err_t visit_row(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    const struct visiting *visiting = data;

    (void)index;
    (void)trail;
    return visiting->visit(visiting->context, column_span(row, 0), column_span(row, 1),
                           column_span(row, 2));
}

err_t store_mentions(struct store *store, const char *subscription, const char *from,
                     const char *to, store_mention_visit *visit, void *context, struct trail *trail)
{
    struct visiting visiting = {visit, context};
    const struct reading reading = {
        .which = STATEMENT_MENTIONS,
        .bound = {bound_text(subscription), bound_text(from), bound_text(to)},
        .row = visit_row,
        .data = &visiting};
    size_t n;

    return read_rows(store, &reading, trail, &n);
}

static err_t take_count(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    (void)index;
    (void)trail;
    *(int64_t *)data = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

err_t store_mentions_count(struct store *store, const char *subscription, const char *from,
                           const char *to, struct trail *trail, int64_t *ret)
{
    const struct reading reading = {
        .which = STATEMENT_MENTIONS_COUNT,
        .bound = {bound_text(subscription), bound_text(from), bound_text(to)},
        .row = take_count,
        .data = ret};
    size_t n;

    *ret = 0;
    return read_rows(store, &reading, trail, &n);
}
