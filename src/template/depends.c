/*
 * depends.c - what each resource waits for, and an order in which nothing waits.
 */
#include "template/internal.h"

#include "base/text.h"

#include <stdio.h>

enum { CYCLE_SHOWN = 6 };

/* A flag for each pair: edges[i * n + k] when i waits for k. */
struct graph {
    struct template *t;
    uint8_t *edges;
    uint32_t n;
};

static uint8_t *waits(const struct graph *g, uint32_t i)
{
    return g->edges + (size_t)i * g->n;
}

/* ---- what an entry of dependsOn names ---- */

static bool is_named(struct work *w, const struct template_resource *r, struct span text)
{
    return arm_name_same(w, span_str(r->name), text);
}

/* "Type/name": the parts of the type first, or as in an id. */
static bool is_typed(struct work *w, const struct row *row, struct span text, bool has_type,
                     struct span type, struct span name)
{
    return arm_name_same(w, row->behind_providers, text) ||
           (has_type && arm_name_same(w, span_str(row->shown.type), type) &&
            arm_name_same(w, span_str(row->shown.name), name));
}

static err_t ambiguous(struct eval *e, const struct template *t, struct span text, uint32_t a,
                       uint32_t b)
{
    return arm_work_fail(
        &e->w, ERR_CONFLICT,
        "The resource '%.*s' is ambiguous: it may be of type '%.60s' or '%.60s'; give "
        "its id",
        text.len < 80 ? (int)text.len : 80, (const char *)text.data, t->rows[a].shown.type,
        t->rows[b].shown.type);
}

/* Flags for those that a text means. */
static err_t find_all(struct eval *e, const struct template *t, struct span text, uint8_t *found)
{
    bool is_id = text.len > 0 && text.data[0] == '/';
    struct span type = {0}, name = {0};
    bool has_type = arm_name_split(text, &type, &name);
    uint32_t n = is_id ? 0 : arm_resource_find_all(t, text, found);
    uint32_t first = t->n_rows;

    for (uint32_t i = 0; n == 0 && !is_id && i < t->n_rows; i++) {
        if (!is_named(&e->w, &t->rows[i].shown, text)) {
            continue;
        }
        if (first < t->n_rows &&
            !text_equal_nocase(t->rows[i].shown.type, t->rows[first].shown.type)) {
            return ambiguous(e, t, text, first, i);
        }
        first = i;
        found[i] = 1;
    }
    n += first < t->n_rows ? 1 : 0;
    for (uint32_t i = 0; n == 0 && i < t->n_rows; i++) {
        const struct row *row = &t->rows[i];

        found[i] = is_id ? arm_name_same(&e->w, span_str(row->shown.id), text)
                         : is_typed(&e->w, row, text, has_type, type, name);
        first = found[i] != 0 ? i : first;
    }
    if (n == 0 && first == t->n_rows) {
        uint32_t index = is_id ? t->n_rows : arm_resource_find(e, text, false); /* "symbol[2]" */

        if (index == t->n_rows) {
            return arm_work_fail(&e->w, ERR_NOT_FOUND,
                                 "The resource '%.*s' is not defined in the template",
                                 text.len < 160 ? (int)text.len : 160, (const char *)text.data);
        }
        found[index] = 1;
    }
    return ERR_OK;
}

static err_t self(struct eval *e, const struct template *t, uint32_t i)
{
    return arm_work_fail(&e->w, ERR_CONFLICT,
                         "Circular dependency detected: the resource '%.160s' depends on itself",
                         t->rows[i].shown.id);
}

static err_t add_entry(struct eval *e, struct graph *g, uint32_t i, struct value entry)
{
    uint8_t found[TEMPLATE_MAX_RESOURCES] = {0};
    err_t err = arm_work_steps(&e->w, 1 + g->n);

    if (err || value_is(entry, VALUE_NULL)) {
        return err;
    }
    if (!value_is(entry, VALUE_STRING) || entry.n == 0) {
        return arm_work_fail(&e->w, ERR_VALUE, "must be the name or id of a resource, it is %s",
                             value_is(entry, VALUE_STRING) ? "empty" : arm_value_kind_words(entry));
    }
    err = arm_work_steps(&e->w, 3 * (uint64_t)g->n + entry.n / 16);
    err = err ? err : find_all(e, g->t, value_span(entry), found);
    for (uint32_t k = 0; err == ERR_OK && k < g->n; k++) {
        if (found[k] != 0 && k == i) {
            err = self(e, g->t, i);
        }
        waits(g, i)[k] |= found[k];
    }
    return err;
}

static err_t add_explicit(struct eval *e, struct graph *g, uint32_t i)
{
    struct value list = value_null();
    yyjson_val *json = NULL;
    char where[24];
    err_t err = json_get_nocase(g->t->rows[i].json, "dependsOn", e->w.trail, &json);

    if (err || json == NULL) {
        return err;
    }
    err = arm_eval_json(e, json, &list);
    if (err == ERR_OK && !value_is(list, VALUE_ARRAY) && !value_is(list, VALUE_NULL)) {
        err = arm_work_fail(&e->w, ERR_JSON_TYPE, "must be an array");
    }
    for (uint32_t k = 0; err == ERR_OK && value_is(list, VALUE_ARRAY) && k < list.n; k++) {
        yyjson_val *entry = yyjson_arr_get(json, k);

        err = add_entry(e, g, i, list.items[k]);
        if (err) {
            e->w.at = entry != NULL ? entry : json;
            snprintf(where, sizeof(where), "dependsOn[%u]", k);
            return trail_in(e->w.trail, err, where);
        }
    }
    return err ? trail_in(e->w.trail, err, "dependsOn") : ERR_OK;
}

/* ---- loops that are not all at once ---- */

static bool is_same_loop(const struct row *a, const struct row *b)
{
    return a->json == b->json && a->loops != NULL && b->loops != NULL &&
           a->loops->outer == b->loops->outer;
}

static void add_batches(struct graph *g, uint32_t i)
{
    const struct row *row = &g->t->rows[i];
    uint32_t batch = row->shown.copy_batch;

    for (uint32_t k = 0; batch > 0 && k < i; k++) {
        const struct row *other = &g->t->rows[k];

        if (is_same_loop(row, other) &&
            other->shown.copy_index / batch + 1 == row->shown.copy_index / batch) {
            waits(g, i)[k] = 1;
        }
    }
}

/* ---- what bodies ask ---- */

/* Evaluates the body for what it asks reference() for, and for its faults. */
static err_t add_implicit(struct eval *e, struct graph *g, uint32_t i)
{
    const struct row *row = &g->t->rows[i];
    struct value body = value_null();
    err_t err;

    e->stage = STAGE_RUN;
    e->seen = waits(g, i);
    e->w.bytes_left = TEMPLATE_MAX_MADE;
    err = arm_body_value(e, row, &body);
    e->seen = NULL;
    e->stage = STAGE_PLAN;
    if (err == ERR_OK && waits(g, i)[i] != 0) {
        err = self(e, g->t, i);
    }
    return err;
}

static err_t add_all(struct eval *e, struct graph *g, struct arena *scratch)
{
    struct arena *keep = e->w.arena;
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < g->n; i++) {
        const struct row *row = &g->t->rows[i];

        if (row->shown.is_skipped) {
            continue;
        }
        arena_reset(scratch);
        e->w.arena = scratch;
        e->loops = row->loops;
        err = add_explicit(e, g, i);
        if (err == ERR_OK && !row->shown.is_existing) {
            add_batches(g, i);
            err = add_implicit(e, g, i);
        }
        e->loops = NULL;
        e->w.arena = keep;
        if (err) {
            arm_work_target(&e->w, span_str(row->shown.name));
            return trail_in(e->w.trail, err, row->shown.place);
        }
    }
    /* Nobody waits for what is not made. */
    for (uint32_t i = 0; i < g->n; i++) {
        for (uint32_t k = 0; k < g->n; k++) {
            waits(g, i)[k] &= g->t->rows[k].shown.is_skipped ? 0 : 1;
        }
    }
    return err;
}

/* ---- the order ---- */

static uint32_t first_waited(const struct graph *g, uint32_t i, const uint8_t *is_placed)
{
    uint32_t k = 0;

    while (k < g->n && (waits(g, i)[k] == 0 || is_placed[k] != 0)) {
        k++;
    }
    return k;
}

/* All that is left waits: following what it waits for leads into a circle. */
static err_t cycle(struct eval *e, const struct graph *g, const uint8_t *is_placed)
{
    uint8_t was_seen[TEMPLATE_MAX_RESOURCES] = {0};
    const struct row *rows = g->t->rows;
    uint32_t at = 0;
    uint32_t from;
    char path[240];
    size_t used;

    while (is_placed[at] != 0) {
        at++;
    }
    while (was_seen[at] == 0) {
        was_seen[at] = 1;
        at = first_waited(g, at, is_placed);
    }
    from = at;
    used = (size_t)snprintf(path, sizeof(path), "%.60s", rows[at].shown.name);
    for (int i = 0; i < CYCLE_SHOWN; i++) {
        at = first_waited(g, at, is_placed);
        used += used < sizeof(path) ? (size_t)snprintf(path + used, sizeof(path) - used,
                                                       " -> %.60s", rows[at].shown.name)
                                    : 0;
        if (at == from) {
            break;
        }
    }
    e->w.at = rows[from].json;
    arm_work_target(&e->w, span_str(rows[from].shown.name));
    arm_work_fail(&e->w, ERR_CONFLICT, "Circular dependency detected: %s%s", path,
                  at == from ? "" : " -> ...");
    return trail_in(e->w.trail, ERR_CONFLICT, rows[from].shown.place);
}

/* Of those that wait for nothing, always the first as written. */
static err_t make_order(struct eval *e, const struct graph *g, uint16_t *order)
{
    uint8_t is_placed[TEMPLATE_MAX_RESOURCES] = {0};
    uint16_t pending[TEMPLATE_MAX_RESOURCES] = {0};

    for (uint32_t i = 0; i < g->n; i++) {
        for (uint32_t k = 0; k < g->n; k++) {
            pending[i] = (uint16_t)(pending[i] + waits(g, i)[k]);
        }
    }
    for (uint32_t placed = 0; placed < g->n; placed++) {
        uint32_t next = 0;

        while (next < g->n && (is_placed[next] != 0 || pending[next] > 0)) {
            next++;
        }
        if (next == g->n) {
            return cycle(e, g, is_placed);
        }
        is_placed[next] = 1;
        order[placed] = (uint16_t)next;
        for (uint32_t i = 0; i < g->n; i++) {
            pending[i] = (uint16_t)(pending[i] - waits(g, i)[next]);
        }
    }
    return ERR_OK;
}

static err_t set_depends(struct eval *e, const struct graph *g, uint32_t i, const uint16_t *place,
                         struct template_resource *r)
{
    uint16_t *depends;
    size_t n = 0;

    for (uint32_t k = 0; k < g->n; k++) {
        n += waits(g, i)[k];
    }
    depends = arena_calloc(e->w.arena, n + 1, sizeof(*depends));
    if (depends == NULL) {
        return arm_work_memory(&e->w);
    }
    r->depends = depends;
    for (uint32_t k = 0; k < g->n; k++) {
        if (waits(g, i)[k] != 0) {
            depends[r->n_depends++] = place[k];
        }
    }
    return ERR_OK;
}

static err_t apply_order(struct eval *e, const struct graph *g, const uint16_t *order)
{
    struct template *t = g->t;
    uint16_t place[TEMPLATE_MAX_RESOURCES];
    struct row *rows = arena_calloc(e->w.arena, g->n + 1, sizeof(*rows));
    err_t err = ERR_OK;

    if (rows == NULL) {
        return arm_work_memory(&e->w);
    }
    for (uint32_t i = 0; i < g->n; i++) {
        place[order[i]] = (uint16_t)i;
    }
    for (uint32_t i = 0; err == ERR_OK && i < g->n; i++) {
        rows[i] = t->rows[order[i]];
        err = set_depends(e, g, order[i], place, &rows[i].shown);
    }
    if (err == ERR_OK) {
        t->rows = rows;
    }
    return err;
}

err_t arm_depends_open(struct eval *e, struct template *t)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(TEMPLATE_ARENA_BYTES / 2);
    uint16_t order[TEMPLATE_MAX_RESOURCES] = {0};
    struct graph g = {.t = t, .n = t->n_rows};
    err_t err;

    g.edges = scratch == NULL ? NULL : arena_calloc(e->w.arena, (size_t)g.n * g.n + 1, 1);
    if (g.edges == NULL) {
        return scratch == NULL ? ERR_MEMORY : arm_work_memory(&e->w);
    }
    err = add_all(e, &g, scratch);
    err = err ? err : make_order(e, &g, order);
    return err ? err : apply_order(e, &g, order);
}
