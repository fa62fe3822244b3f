#include "store/resources.h"

#include "store/listing.h"
#include "store/mentions-write.h"
#include "store/queue.h"

#include <stdio.h>

static err_t take_resource(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct listing *rows = data;
    struct store_resource *r = (struct store_resource *)rows->items + index;
    size_t bytes = column_span(row, 6).len + column_span(row, 7).len;

    (void)trail;
    rows->is_enough = bytes >= rows->bytes_left;
    rows->bytes_left -= rows->is_enough ? rows->bytes_left : bytes;
    *r = (struct store_resource){
        .key = listing_text(rows->arena, row, 0),
        .id = listing_text(rows->arena, row, 1),
        .subscription = listing_text(rows->arena, row, 2),
        .type = listing_text(rows->arena, row, 3),
        .location = listing_text(rows->arena, row, 4),
        .state = listing_text(rows->arena, row, 5),
        .tags = arena_dup(rows->arena, column_span(row, 6)),
        .body = arena_dup(rows->arena, column_span(row, 7)),
        .version = sqlite3_column_int64(row, 8),
        .created = sqlite3_column_int64(row, 9),
        .changed = sqlite3_column_int64(row, 10),
    };
    return r->key == NULL || r->id == NULL || r->subscription == NULL || r->type == NULL ||
                   r->location == NULL || r->state == NULL || r->tags.data == NULL ||
                   r->body.data == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

/* ---- resources ---- */

err_t store_resource_get(struct store *store, struct arena *arena, const char *key,
                         struct trail *trail, struct store_resource *ret)
{
    struct reading reading = {
        .which = STATEMENT_RESOURCE_GET, .bound = {bound_text(key)}, .row = take_resource};

    return listing_one(store, arena, &reading, ret, trail);
}

/* All keys below one: behind "key/" and before "key0", which follows it in the order of bytes. */
static bool range_below(struct arena *arena, const char *below, const char **ret_from,
                        const char **ret_to)
{
    *ret_from = arena_printf(arena, "%s/", below);
    *ret_to = arena_printf(arena, "%s0", below);
    return *ret_from != NULL && *ret_to != NULL;
}

err_t store_resources(struct store *store, struct arena *arena,
                      const struct store_resource_query *query, struct trail *trail,
                      struct store_resource **ret, size_t *ret_n)
{
    bool is_typed = query->type[0] != '\0';
    const char *from, *to;
    struct reading reading = {.which = is_typed          ? STATEMENT_RESOURCES_OF_TYPE
                                       : query->is_short ? STATEMENT_RESOURCES_BETWEEN_SHORT
                                                         : STATEMENT_RESOURCES_BETWEEN,
                              .max = query->max,
                              .row = take_resource};
    void *items = NULL;
    err_t err = range_below(arena, query->below, &from, &to) ? ERR_OK : ERR_MEMORY;

    if (err) {
        return err;
    }
    if (strcmp(query->after, from) > 0) {
        from = query->after;
    }
    reading.bound[0] = bound_text(from);
    reading.bound[1] = bound_text(to);
    reading.bound[2] = bound_number((int64_t)query->max);
    if (is_typed) {
        reading.bound[3] = bound_text(query->subscription);
        reading.bound[4] = bound_text(query->type);
    }
    err = listing_within(store, arena, &reading, sizeof(**ret),
                         query->bytes_max == 0 ? SIZE_MAX : query->bytes_max, trail, &items, ret_n);
    *ret = items;
    return err;
}

err_t store_resources_past(struct store *store, struct arena *arena,
                           const struct store_resource_query *query, size_t keep,
                           struct trail *trail, struct store_resource **ret, size_t *ret_n)
{
    const char *from, *to;
    struct reading reading = {
        .which = STATEMENT_RESOURCES_TOO_MANY, .max = query->max, .row = take_resource};
    void *items = NULL;
    err_t err;

    if (!range_below(arena, query->below, &from, &to)) {
        return ERR_MEMORY;
    }
    reading.bound[0] = bound_text(from);
    reading.bound[1] = bound_text(to);
    reading.bound[2] = bound_number((int64_t)query->max);
    reading.bound[3] = bound_text(query->subscription);
    reading.bound[4] = bound_text(query->type);
    reading.bound[5] = bound_number((int64_t)keep);
    err = listing_all(store, arena, &reading, sizeof(**ret), trail, &items, ret_n);
    *ret = items;
    return err;
}

err_t store_resources_in_state(struct store *store, struct arena *arena, const char *type,
                               const char *state, const char *after, size_t max,
                               struct trail *trail, struct store_resource **ret, size_t *ret_n)
{
    struct reading reading = {.which = STATEMENT_RESOURCES_IN_STATE,
                              .bound = {bound_text(after), bound_text("0"),
                                        bound_number((int64_t)max), bound_text(type),
                                        bound_text(state)},
                              .max = max,
                              .row = take_resource};
    void *items = NULL;
    err_t err = listing_all(store, arena, &reading, sizeof(**ret), trail, &items, ret_n);

    *ret = items;
    return err;
}

/* ---- changes: on the writer's thread, in its transaction ---- */

struct there {
    bool is_there, is_going;
    int64_t version;
};

static err_t take_there(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct there *there = data;

    (void)index;
    (void)trail;
    there->is_there = true;
    there->is_going = span_is(column_span(row, 0), "Deleting");
    there->version = sqlite3_column_int64(row, 1);
    return ERR_OK;
}

static err_t look(struct sqlite *db, const char *key, struct trail *trail, struct there *ret)
{
    const struct reading reading = {.which = STATEMENT_RESOURCE_STATE,
                                    .bound = {bound_text(key)},
                                    .row = take_there,
                                    .data = ret};
    size_t n;

    *ret = (struct there){0};
    return query_rows(db, &reading, trail, &n);
}

err_t store_resource_version(struct store *store, const char *key, struct trail *trail,
                             int64_t *ret)
{
    struct there there = {0};
    const struct reading reading = {.which = STATEMENT_RESOURCE_STATE,
                                    .bound = {bound_text(key)},
                                    .row = take_there,
                                    .data = &there};
    size_t n = 0;
    err_t err = read_rows(store, &reading, trail, &n);

    if (err == ERR_OK && there.is_there) {
        *ret = there.version;
    }
    return err == ERR_OK && !there.is_there ? ERR_NOT_FOUND : err;
}

/* Of a resource: is it held so? */
struct holding {
    struct span holder;
    bool is_so;
};

static err_t take_holder(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct holding *holding = data;

    (void)index;
    (void)trail;
    holding->is_so = span_equal(column_span(row, 1), holding->holder);
    return ERR_OK;
}

static err_t ask_holder(struct sqlite *db, const char *key, const char *holder, struct trail *trail,
                        bool *ret_is_so)
{
    struct holding holding = {.holder = span_str(holder == NULL ? "" : holder),
                              .is_so = holder == NULL};
    const struct reading reading = {.which = STATEMENT_PART_GET,
                                    .bound = {bound_text(key), bound_text(STORE_PART_HOLDER)},
                                    .row = take_holder,
                                    .data = &holding};
    size_t n;
    err_t err = holder == NULL ? ERR_OK : query_rows(db, &reading, trail, &n);

    *ret_is_so = holding.is_so;
    return err;
}

struct putting {
    const struct store_resource *wanted;
    const char *const *parents;
    int64_t now;
    enum store_resource_bar bar;
    size_t parent;
    int64_t version; /* the new one */
};

static err_t take_number(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    (void)index;
    (void)trail;
    *(int64_t *)data = sqlite3_column_int64(row, 0);
    return ERR_OK;
}

/* Of a new one. Nothing is counted before as many were made as there may be. */
static err_t look_for_room(struct sqlite *db, struct putting *putting, struct trail *trail)
{
    int64_t count = 0, count_of = 0;
    const struct reading counting = {.which = STATEMENT_RESOURCE_COUNT,
                                     .bound = {bound_number(STORE_RESOURCES_MAX)},
                                     .row = take_number,
                                     .data = &count};
    const struct reading counting_of = {.which = STATEMENT_RESOURCE_COUNT_OF,
                                        .bound = {bound_number(STORE_RESOURCES_SUBSCRIPTION_MAX),
                                                  bound_text(putting->wanted->subscription)},
                                        .row = take_number,
                                        .data = &count_of};
    size_t n;
    err_t err = query_rows(db, &counting, trail, &n);

    err = err ? err : query_rows(db, &counting_of, trail, &n);
    if (count_of >= STORE_RESOURCES_SUBSCRIPTION_MAX) {
        putting->bar = STORE_RESOURCE_SUBSCRIPTION_FULL;
    } else if (count >= STORE_RESOURCES_MAX) {
        putting->bar = STORE_RESOURCE_FULL;
    }
    return err;
}

static err_t ask_number(struct sqlite *db, enum statement which, struct bound a, struct bound b,
                        struct trail *trail, int64_t *ret, bool *ret_is_there)
{
    int64_t number = 0;
    const struct reading reading = {
        .which = which, .bound = {a, b}, .row = take_number, .data = &number};
    size_t n = 0;
    err_t err = query_rows(db, &reading, trail, &n);

    *ret_is_there = n > 0;
    *ret = number;
    return err;
}

/* Something that is to be written, and how to ask what its subscription and it take now. */
struct weighing {
    enum statement room, size;
    struct bound of_room, of_size, of_size_too;
    size_t bytes;       /* that it will take */
    bool is_owed;       /* (resources.h) */
    bool is_owed_again; /* if there is one already */
};

/* Its size is looked at only when it matters. */
static err_t weigh(struct sqlite *db, const struct weighing *w, struct trail *trail, bool *ret_fits)
{
    int64_t all = 0, before = 0, wanted = (int64_t)w->bytes;
    int64_t max = STORE_RESOURCES_SUBSCRIPTION_BYTES_MAX;
    bool is_there = false;
    err_t err = ask_number(db, w->room, w->of_room, (struct bound){0}, trail, &all, &is_there);

    *ret_fits = err == ERR_OK && all + wanted <= max;
    if (err || *ret_fits) {
        return err;
    }
    err = ask_number(db, w->size, w->of_size, w->of_size_too, trail, &before, &is_there);
    max += w->is_owed || (is_there && w->is_owed_again) ? STORE_RESOURCES_OWED_BYTES_MAX : 0;
    *ret_fits = err == ERR_OK && (wanted <= before || all - before + wanted <= max);
    return err;
}

/* In bytes, of one that is there too. */
static err_t look_for_bytes(struct sqlite *db, struct putting *putting, struct trail *trail)
{
    const struct store_resource *wanted = putting->wanted;
    const struct weighing weighing = {.room = STATEMENT_RESOURCE_ROOM,
                                      .size = STATEMENT_RESOURCE_SIZE,
                                      .of_room = bound_text(wanted->subscription),
                                      .of_size = bound_text(wanted->key),
                                      .bytes = wanted->tags.len + wanted->body.len,
                                      .is_owed = wanted->is_owed};
    bool fits = false;
    err_t err = weigh(db, &weighing, trail, &fits);

    if (err == ERR_OK && !fits) {
        putting->bar = STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL;
    }
    return err;
}

static err_t look_for_bars(struct sqlite *db, struct putting *putting, struct trail *trail)
{
    const struct store_resource *wanted = putting->wanted;
    struct there there;
    bool is_held = true;
    err_t err = ERR_OK;

    for (size_t i = 0; i < STORE_RESOURCE_PARENTS && putting->parents[i] != NULL; i++) {
        err = look(db, putting->parents[i], trail, &there);
        if (err || !there.is_there || there.is_going) {
            putting->parent = i;
            putting->bar = there.is_going ? STORE_RESOURCE_GOING : STORE_RESOURCE_NO_PARENT;
            return err;
        }
    }
    err = look(db, wanted->key, trail, &there);
    err = err ? err : ask_holder(db, wanted->key, wanted->holder, trail, &is_held);
    if (err == ERR_OK && (there.version != wanted->version || !is_held)) {
        putting->bar = STORE_RESOURCE_CHANGED;
        return ERR_OK;
    }
    if (err == ERR_OK && wanted->version == 0) {
        err = look_for_room(db, putting, trail);
    }
    return err || putting->bar != STORE_RESOURCE_NO_BAR ? err : look_for_bytes(db, putting, trail);
}

/* Counted over all resources: who loaded one that is gone has no version of what was made anew
 * under its name. */
static err_t next_version(struct sqlite *db, struct putting *putting, struct trail *trail)
{
    const struct reading raising = {.which = STATEMENT_RESOURCE_VERSION_RAISE};
    const struct reading reading = {
        .which = STATEMENT_RESOURCE_VERSION, .row = take_number, .data = &putting->version};
    size_t n;
    err_t err = query_rows(db, &raising, trail, &n);

    return err ? err : query_rows(db, &reading, trail, &n);
}

static err_t run_put(struct sqlite *db, void *data, struct trail *trail)
{
    struct putting *putting = data;
    const struct store_resource *w = putting->wanted;
    struct reading writing;
    size_t n;
    err_t err = look_for_bars(db, putting, trail);

    if (err || putting->bar != STORE_RESOURCE_NO_BAR) {
        return err;
    }
    err = next_version(db, putting, trail);
    if (err) {
        return err;
    }
    if (w->version == 0) {
        writing = (struct reading){
            .which = STATEMENT_RESOURCE_ADD,
            .bound = {bound_text(w->key), bound_text(w->id), bound_text(w->subscription),
                      bound_text(w->type), bound_text(w->location), bound_text(w->state),
                      bound_key(w->tags, true), bound_key(w->body, true),
                      bound_number(putting->now), bound_number(putting->version)}};
    } else {
        writing = (struct reading){
            .which = STATEMENT_RESOURCE_SET,
            .bound = {bound_text(w->key), bound_number(w->version), bound_text(w->location),
                      bound_text(w->state), bound_key(w->tags, true), bound_key(w->body, true),
                      bound_number(putting->now), bound_number(putting->version)}};
    }
    err = query_rows(db, &writing, trail, &n);
    return err ? err : mentions_write(db, w, trail);
}

err_t store_resource_put(struct store *store, const struct store_resource *wanted,
                         const char *const parents[STORE_RESOURCE_PARENTS], int64_t now,
                         struct trail *trail, enum store_resource_bar *ret_bar, size_t *ret_parent,
                         int64_t *ret_version)
{
    struct putting putting = {
        .wanted = wanted, .parents = parents, .now = now, .version = wanted->version};
    struct op op = {.kind = OP_CALL, .call = run_put, .data = &putting};
    err_t err;

    if (wanted->body.len > STORE_RESOURCE_BODY_MAX) {
        return trail_set(trail, ERR_TOO_LARGE, "the resource takes %zu bytes, %d are allowed",
                         wanted->body.len, STORE_RESOURCE_BODY_MAX);
    }
    err = store_wait_for(store, &op, trail);
    if (err == ERR_OK) {
        *ret_bar = putting.bar;
        *ret_parent = putting.parent;
        *ret_version = putting.version;
    }
    return err;
}

struct removing {
    const char *key, *from, *to;
    int64_t version;
    bool was_there;
    enum store_resource_bar bar;
};

static err_t run_remove(struct sqlite *db, void *data, struct trail *trail)
{
    struct removing *removing = data;
    struct there there;
    err_t err = look(db, removing->key, trail, &there);

    removing->was_there = there.is_there;
    if (err || !there.is_there) {
        return err;
    }
    if (removing->version != 0 && removing->version != there.version) {
        removing->bar = STORE_RESOURCE_CHANGED;
        return ERR_OK;
    }
    err = run_bound(db, STATEMENT_RESOURCES_REMOVE, bound_text(removing->from),
                    bound_text(removing->to), trail);
    err = err ? err
              : run_bound(db, STATEMENT_PARTS_BELOW_FORGET, bound_text(removing->from),
                          bound_text(removing->to), trail);
    err = err ? err
              : run_bound(db, STATEMENT_PARTS_FORGET, bound_text(removing->key), (struct bound){0},
                          trail);
    return err ? err
               : run_bound(db, STATEMENT_RESOURCE_REMOVE, bound_text(removing->key),
                           (struct bound){0}, trail);
}

err_t store_resource_remove(struct store *store, const char *key, int64_t version,
                            struct trail *trail, bool *ret_was_there,
                            enum store_resource_bar *ret_bar)
{
    char from[STORE_RESOURCE_KEY_MAX + 2], to[STORE_RESOURCE_KEY_MAX + 2];
    struct removing removing = {.key = key, .from = from, .to = to, .version = version};
    struct op op = {.kind = OP_CALL, .call = run_remove, .data = &removing};
    err_t err;

    if (strlen(key) > STORE_RESOURCE_KEY_MAX) {
        return trail_set(trail, ERR_TOO_LARGE, "the id is too long");
    }
    snprintf(from, sizeof(from), "%s/", key);
    snprintf(to, sizeof(to), "%s0", key);
    err = store_wait_for(store, &op, trail);
    if (err == ERR_OK) {
        *ret_was_there = removing.was_there;
        *ret_bar = removing.bar;
    }
    return err;
}

/* ---- parts ---- */

struct putting_part {
    const char *key, *holder, *name;
    struct span text;
    bool is_put, is_full;
};

static err_t run_part_put(struct sqlite *db, void *data, struct trail *trail)
{
    struct putting_part *putting = data;
    struct reading writing = {
        .which = STATEMENT_PART_PUT,
        .bound = {bound_text(putting->key), bound_text(putting->name), bound_json(putting->text)}};
    const struct weighing weighing = {.room = STATEMENT_PART_ROOM,
                                      .size = STATEMENT_PART_SIZE,
                                      .of_room = bound_text(putting->key),
                                      .of_size = bound_text(putting->key),
                                      .of_size_too = bound_text(putting->name),
                                      .bytes = putting->text.len,
                                      .is_owed_again = true};
    struct there there;
    bool is_held = false, fits = false;
    err_t err = look(db, putting->key, trail, &there);

    err = err ? err : ask_holder(db, putting->key, putting->holder, trail, &is_held);
    if (err || !there.is_there || !is_held) {
        return err;
    }
    err = weigh(db, &weighing, trail, &fits);
    putting->is_put = err == ERR_OK && fits;
    putting->is_full = !fits;
    return putting->is_put ? run_writing(db, &writing, trail) : err;
}

err_t store_part_put(struct store *store, const char *key, const char *holder, const char *name,
                     struct span text, struct trail *trail)
{
    struct putting_part putting = {.key = key, .holder = holder, .name = name, .text = text};
    struct op op = {.kind = OP_CALL, .call = run_part_put, .data = &putting};
    err_t err;

    if (text.len > STORE_PART_MAX) {
        return trail_set(trail, ERR_TOO_LARGE, "%zu bytes, %d are allowed", text.len,
                         STORE_PART_MAX);
    }
    err = store_wait_for(store, &op, trail);
    if (err == ERR_OK && putting.is_full) {
        return trail_set(trail, ERR_TOO_MANY, "the resources of the subscription take %d MiB",
                         STORE_RESOURCES_SUBSCRIPTION_BYTES_MAX / (1024 * 1024));
    }
    return err ? err : putting.is_put ? ERR_OK : ERR_NOT_FOUND;
}

static err_t take_part(sqlite3_stmt *row, size_t index, void *data, struct trail *trail)
{
    struct listing *rows = data;
    struct store_part *part = (struct store_part *)rows->items + index;

    (void)trail;
    part->name = listing_text(rows->arena, row, 0);
    part->text = arena_dup(rows->arena, column_span(row, 1));
    return part->name == NULL || part->text.data == NULL ? ERR_MEMORY : ERR_OK;
}

err_t store_part_get(struct store *store, struct arena *arena, const char *key, const char *name,
                     struct trail *trail, struct span *ret)
{
    struct reading reading = {.which = STATEMENT_PART_GET,
                              .bound = {bound_text(key), bound_text(name)},
                              .row = take_part};
    struct store_part part = {0};
    err_t err = listing_one(store, arena, &reading, &part, trail);

    *ret = part.text;
    return err;
}

err_t store_parts(struct store *store, struct arena *arena, const char *key, const char *prefix,
                  size_t max, struct trail *trail, struct store_part **ret, size_t *ret_n)
{
    struct reading reading = {
        .which = STATEMENT_PARTS,
        .bound = {bound_text(key), bound_text(prefix), bound_number((int64_t)max)},
        .max = max,
        .row = take_part};
    void *items = NULL;
    err_t err = listing_all(store, arena, &reading, sizeof(**ret), trail, &items, ret_n);

    *ret = items;
    return err;
}

err_t store_parts_forget(struct store *store, const char *key, struct trail *trail)
{
    struct reading writing = {.which = STATEMENT_PARTS_FORGET, .bound = {bound_text(key)}};

    return writing_one(store, &writing, trail);
}
