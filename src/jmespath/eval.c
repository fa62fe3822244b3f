/*
 * eval.c - a compiled expression meets a document. Who may send either: as lexer.c; documents come
 * from event logs of guests.
 */
#include "jmespath/eval.h"

#include "jmespath/functions.h"
#include "jmespath/lexer.h"

enum { FIRST_STACK = 64, NODES_OF_A_STEP = 8 };

/* ---- memory and work ---- */

err_t eval_steps(struct eval *e, uint64_t steps)
{
    return budget_take(e->budget, steps, e->trail);
}

err_t eval_push(struct eval *e, struct jmespath_value value)
{
    if (e->used == e->size) {
        struct jmespath_value *larger = arena_calloc(e->arena, e->size, 2 * sizeof(*larger));

        if (larger == NULL) {
            return arena_refused(e->arena, e->trail);
        }
        memcpy(larger, e->stack, e->used * sizeof(*larger));
        e->stack = larger;
        e->size *= 2;
    }
    e->stack[e->used++] = value;
    return ERR_OK;
}

err_t eval_pop(struct eval *e, enum jmespath_kind kind, size_t base, struct jmespath_value *ret)
{
    size_t width = e->used - base;
    struct jmespath_value *items = NULL;

    if (width > UINT32_MAX) {
        return trail_set(e->trail, ERR_TOO_MANY, "a value has too many parts");
    }
    if (width > 0) {
        items = arena_alloc(e->arena, width * sizeof(*items));
        if (items == NULL) {
            return arena_refused(e->arena, e->trail);
        }
        memcpy(items, e->stack + base, width * sizeof(*items));
    }
    e->used = base;
    return value_container(kind, items, kind == JMESPATH_OBJECT ? width / 2 : width, e->trail, ret);
}

err_t eval_room(struct eval *e, uint64_t size, uint8_t **ret)
{
    uint8_t *room;
    err_t err = eval_steps(e, 1 + size / 64);

    if (err == ERR_OK && size > JMESPATH_MAX_STRING) {
        err = trail_set(e->trail, ERR_TOO_LARGE, "a string is longer than %d bytes",
                        JMESPATH_MAX_STRING);
    }
    if (err) {
        return err;
    }
    room = arena_alloc(e->arena, (size_t)size);
    if (room == NULL) {
        return arena_refused(e->arena, e->trail);
    }
    *ret = room;
    return ERR_OK;
}

/* ---- what selects ---- */

static err_t eval_chain(struct eval *e, const struct node *node, struct jmespath_value current,
                        struct jmespath_value *ret)
{
    err_t err = ERR_OK;

    for (const struct node *part = node->first; err == ERR_OK && part != NULL; part = part->next) {
        err = eval_node(e, part, current, &current);
    }
    *ret = current;
    return err;
}

static err_t eval_field(struct eval *e, const struct node *node, struct jmespath_value current,
                        struct jmespath_value *ret)
{
    const struct jmespath_value *found = NULL;
    err_t err = ERR_OK;

    if (value_is(current, JMESPATH_OBJECT)) {
        err = eval_steps(e, value_find_steps(current));
        found = err ? NULL : value_find(current, node->name);
    }
    *ret = found == NULL ? value_null() : *found;
    return err;
}

static struct jmespath_value element_at(struct jmespath_value array, int64_t index)
{
    if (index < 0) {
        index += array.n;
    }
    return value_is(array, JMESPATH_ARRAY) && index >= 0 && index < (int64_t)array.n
               ? array.items[index]
               : value_null();
}

static err_t eval_multi_list(struct eval *e, const struct node *node, struct jmespath_value current,
                             struct jmespath_value *ret)
{
    size_t base = e->used;
    err_t err = ERR_OK;

    if (value_is(current, JMESPATH_NULL)) {
        *ret = value_null();
        return ERR_OK;
    }
    for (const struct node *part = node->first; err == ERR_OK && part != NULL; part = part->next) {
        struct jmespath_value value;

        err = eval_node(e, part, current, &value);
        err = err ? err : eval_steps(e, 1);
        err = err ? err : eval_push(e, value);
    }
    return err ? err : eval_pop(e, JMESPATH_ARRAY, base, ret);
}

static err_t eval_multi_hash(struct eval *e, const struct node *node, struct jmespath_value current,
                             struct jmespath_value *ret)
{
    size_t base = e->used;
    err_t err = ERR_OK;

    if (value_is(current, JMESPATH_NULL)) {
        *ret = value_null();
        return ERR_OK;
    }
    for (const struct node *pair = node->first; err == ERR_OK && pair != NULL; pair = pair->next) {
        struct jmespath_value value;

        err = eval_node(e, pair->first, current, &value);
        err = err ? err : eval_steps(e, 1);
        err = err ? err : eval_push(e, value_string(pair->name));
        err = err ? err : eval_push(e, value);
    }
    return err ? err : eval_pop(e, JMESPATH_OBJECT, base, ret);
}

/* ---- operators ---- */

/* The first part that decides, or the last one. */
static err_t eval_or_and(struct eval *e, const struct node *node, struct jmespath_value current,
                         struct jmespath_value *ret)
{
    bool decides = node->kind == NODE_OR;
    err_t err = ERR_OK;

    for (const struct node *part = node->first; err == ERR_OK && part != NULL; part = part->next) {
        err = eval_node(e, part, current, ret);
        if (err == ERR_OK && value_is_true(*ret) == decides) {
            break;
        }
    }
    return err;
}

static err_t compare(struct eval *e, enum token_kind comparison, struct jmespath_value left,
                     struct jmespath_value right, struct jmespath_value *ret)
{
    bool is_equal = false;
    int order;
    err_t err;

    if (comparison == TOKEN_EQ || comparison == TOKEN_NE) {
        err = value_equal(left, right, e->budget, e->trail, &is_equal);
        *ret = value_boolean(is_equal == (comparison == TOKEN_EQ));
        return err;
    }
    if (!value_is(left, JMESPATH_NUMBER) || !value_is(right, JMESPATH_NUMBER)) {
        *ret = value_null();
        return ERR_OK;
    }
    order = value_order(left, right);
    *ret = value_boolean(comparison == TOKEN_LT   ? order < 0
                         : comparison == TOKEN_LE ? order <= 0
                         : comparison == TOKEN_GT ? order > 0
                                                  : order >= 0);
    return ERR_OK;
}

static err_t eval_comparison(struct eval *e, const struct node *node, struct jmespath_value current,
                             struct jmespath_value *ret)
{
    const struct node *part = node->first;
    err_t err = eval_node(e, part, current, ret);

    for (part = part->next; err == ERR_OK && part != NULL; part = part->next) {
        struct jmespath_value right = value_null();

        err = eval_node(e, part, current, &right);
        err = err ? err : compare(e, part->comparison, *ret, right, ret);
    }
    return err;
}

/* ---- projections ---- */

/* The right side of one element; null is dropped. */
static err_t project(struct eval *e, const struct node *node, struct jmespath_value element)
{
    struct jmespath_value value = value_boolean(true);
    err_t err = eval_steps(e, 1);

    if (err == ERR_OK && node->kind == NODE_EACH_MATCH) {
        err = eval_node(e, node->first, element, &value);
    }
    if (err || !value_is_true(value)) {
        return err;
    }
    err = eval_node(e, node->last, element, &value);
    return err || value_is(value, JMESPATH_NULL) ? err : eval_push(e, value);
}

static err_t eval_each(struct eval *e, const struct node *node, struct jmespath_value current,
                       struct jmespath_value *ret)
{
    bool of_object = node->kind == NODE_EACH_VALUE;
    size_t base = e->used;
    err_t err = ERR_OK;

    if (!value_is(current, of_object ? JMESPATH_OBJECT : JMESPATH_ARRAY)) {
        *ret = value_null();
        return ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < current.n; i++) {
        err = project(e, node, current.items[of_object ? 2 * i + 1 : i]);
    }
    return err ? err : eval_pop(e, JMESPATH_ARRAY, base, ret);
}

/* One end of a slice within 0..n, or -1..n-1 going down. */
static int64_t slice_end(int64_t end, int64_t n, bool is_down)
{
    int64_t lowest = is_down ? -1 : 0;
    int64_t highest = is_down ? n - 1 : n;

    if (end < 0) {
        end += n;
    }
    return end < lowest ? lowest : end > highest ? highest : end;
}

static err_t eval_slice(struct eval *e, const struct node *node, struct jmespath_value current,
                        struct jmespath_value *ret)
{
    const struct slice *slice = &node->slice;
    int64_t n = current.n;
    int64_t step = slice->step;
    bool is_down = step < 0;
    int64_t start;
    int64_t stop;
    size_t base = e->used;
    err_t err = ERR_OK;

    if (step == 0) {
        return trail_set_at(e->trail, ERR_VALUE, node->offset, "the step of a slice cannot be 0");
    }
    if (!value_is(current, JMESPATH_ARRAY)) {
        *ret = value_null();
        return ERR_OK;
    }
    start = !slice->has_start ? (is_down ? n - 1 : 0) : slice_end(slice->start, n, is_down);
    stop = !slice->has_stop ? (is_down ? -1 : n) : slice_end(slice->stop, n, is_down);
    /* A longer step reaches no further, and cannot overflow. */
    step = step > n ? n + 1 : step < -n ? -n - 1 : step;
    for (int64_t i = start; err == ERR_OK && (is_down ? i > stop : i < stop); i += step) {
        err = project(e, node, current.items[i]);
    }
    return err ? err : eval_pop(e, JMESPATH_ARRAY, base, ret);
}

static err_t eval_flatten(struct eval *e, const struct node *node, struct jmespath_value current,
                          struct jmespath_value *ret)
{
    size_t base = e->used;
    err_t err = ERR_OK;

    if (!value_is(current, JMESPATH_ARRAY)) {
        *ret = value_null();
        return ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < current.n; i++) {
        struct jmespath_value element = current.items[i];

        if (!value_is(element, JMESPATH_ARRAY)) {
            err = project(e, node, element);
            continue;
        }
        err = eval_steps(e, 1);
        for (size_t j = 0; err == ERR_OK && j < element.n; j++) {
            err = project(e, node, element.items[j]);
        }
    }
    return err ? err : eval_pop(e, JMESPATH_ARRAY, base, ret);
}

/* ---- all of them ---- */

static err_t eval_not(struct eval *e, const struct node *node, struct jmespath_value current,
                      struct jmespath_value *ret)
{
    struct jmespath_value value = value_null();
    err_t err = eval_node(e, node->first, current, &value);

    *ret = value_boolean(!value_is_true(value));
    return err;
}

/* The parser has capped how deep nodes are nested. */
err_t eval_node(struct eval *e, const struct node *node, struct jmespath_value current,
                struct jmespath_value *ret)
{
    err_t err = e->nodes++ % NODES_OF_A_STEP == 0 ? eval_steps(e, 1) : ERR_OK;

    if (err) {
        return err;
    }
    switch (node->kind) {
    case NODE_CHAIN:
        return eval_chain(e, node, current, ret);
    case NODE_LITERAL:
        *ret = node->value;
        return ERR_OK;
    case NODE_FIELD:
        return eval_field(e, node, current, ret);
    case NODE_INDEX:
        *ret = element_at(current, node->index);
        return ERR_OK;
    case NODE_MULTI_LIST:
        return eval_multi_list(e, node, current, ret);
    case NODE_MULTI_HASH:
        return eval_multi_hash(e, node, current, ret);
    case NODE_NOT:
        return eval_not(e, node, current, ret);
    case NODE_OR:
    case NODE_AND:
        return eval_or_and(e, node, current, ret);
    case NODE_COMPARISON:
        return eval_comparison(e, node, current, ret);
    case NODE_FUNCTION:
        return function_call(e, node, current, ret);
    case NODE_EACH_ELEMENT:
    case NODE_EACH_VALUE:
    case NODE_EACH_MATCH:
        return eval_each(e, node, current, ret);
    case NODE_EACH_OF_SLICE:
        return eval_slice(e, node, current, ret);
    case NODE_FLATTEN:
        return eval_flatten(e, node, current, ret);
    case NODE_PAIR:   /* part of a hash */
    case NODE_EXPREF: /* part of a call */
        break;
    }
    return ERR_INTERNAL;
}

err_t jmespath_search(const struct jmespath *query, struct arena *arena,
                      const struct jmespath_value *root, struct jmespath_budget *budget,
                      struct trail *trail, const struct jmespath_value **ret)
{
    struct jmespath_value stack[FIRST_STACK];
    struct eval e = {
        .arena = arena, .budget = budget, .trail = trail, .stack = stack, .size = FIRST_STACK};
    struct jmespath_value *value = arena_alloc(arena, sizeof(*value));
    err_t err =
        value == NULL ? arena_refused(arena, trail) : eval_node(&e, query->root, *root, value);

    if (err == ERR_OK) {
        *ret = value;
    }
    return err;
}
