/*
 * eval.c - evaluating trees, and JSON that has expressions in it.
 */
#include "template/functions.h"
#include "template/internal.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdio.h>

enum { VARIABLE_SHOWN_MAX = 128 };

/* ---- beginning and end ---- */

static err_t copy_slots(struct work *w, const struct slot *from, uint32_t n, struct slot **ret)
{
    struct slot *slots = arena_calloc(w->arena, n + 1, sizeof(*slots));

    if (slots == NULL) {
        return arm_work_memory(w);
    }
    if (from != NULL) {
        memcpy(slots, from, n * sizeof(*slots));
    }
    *ret = slots;
    return ERR_OK;
}

err_t arm_eval_begin(struct eval *e, const struct template *t, enum stage stage,
                     struct arena *arena, struct trail *trail, struct template_fault *fault)
{
    err_t err;

    *e = (struct eval){
        .w = {.arena = arena,
              .trail = trail,
              .fault = fault,
              .steps_left = TEMPLATE_MAX_STEPS,
              .bytes_left = TEMPLATE_MAX_MADE},
        .t = t,
        .stage = stage,
        .keep = arena,
    };
    err = copy_slots(&e->w, t->parameter_slots, t->n_parameters, &e->parameters);
    return err ? err : copy_slots(&e->w, t->variable_slots, t->n_variables, &e->variables);
}

err_t arm_eval_end(struct eval *e, err_t err)
{
    struct template_fault *fault = e->w.fault;

    if (err == ERR_OK || err == ERR_MEMORY || err == ERR_CRYPTO) {
        return err;
    }
    if (fault->code == NULL && !e->w.is_callers_fault) {
        fault->code = "InvalidTemplate";
    }
    if (fault->line == 0 && e->w.at != NULL && e->t->scope.text_root != NULL) {
        (void)template_where(e->t->scope.text, e->t->scope.text_root, e->w.at, &fault->line,
                             &fault->column);
    }
    return err;
}

static err_t enter(struct eval *e)
{
    if (e->depth >= TEMPLATE_MAX_EVALUATION) {
        return arm_work_fail(&e->w, ERR_TOO_DEEP,
                             "expressions lead to expressions more than %d levels deep",
                             TEMPLATE_MAX_EVALUATION);
    }
    e->depth++;
    return ERR_OK;
}

/* ---- access ---- */

/* The names of an object's members, as far as they fit a sentence. */
static void list_names(struct value object, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < object.n && used + 4 < size; i++) {
        struct span name = object.members[i].name;
        int n = snprintf(text + used, size - used, "%s%.*s", i > 0 ? ", " : "",
                         name.len < 64 ? (int)name.len : 64, (const char *)name.data);

        if (n < 0 || (size_t)n >= size - used) {
            snprintf(text + used, size - used, "...");
            return;
        }
        used += (size_t)n;
    }
}

err_t arm_eval_property(struct eval *e, struct value object, struct span name, bool is_optional,
                        struct value *ret)
{
    const struct value *found;
    char names[160];
    err_t err = arm_work_steps(&e->w, 1);

    if (err) {
        return err;
    }
    if (value_is(object, VALUE_UNKNOWN)) {
        *ret = object;
        return ERR_OK;
    }
    found = arm_value_find(&e->w, object, name);
    if (found != NULL) {
        *ret = *found;
        return ERR_OK;
    }
    if (is_optional && (value_is(object, VALUE_OBJECT) || value_is(object, VALUE_NULL))) {
        *ret = value_null();
        return ERR_OK;
    }
    if (!value_is(object, VALUE_OBJECT)) {
        return arm_work_fail(
            &e->w, ERR_VALUE,
            "The language expression property '%.*s' can't be evaluated: what it is "
            "asked of is %s, not an object",
            name.len < 64 ? (int)name.len : 64, (const char *)name.data,
            arm_value_kind_words(object));
    }
    list_names(object, names, sizeof(names));
    return arm_work_fail(
        &e->w, ERR_NOT_FOUND,
        "The language expression property '%.*s' doesn't exist, available properties "
        "are '%s'.",
        name.len < 64 ? (int)name.len : 64, (const char *)name.data, names);
}

err_t arm_eval_index(struct eval *e, struct value container, struct value index, bool is_optional,
                     struct value *ret)
{
    if (value_is(container, VALUE_UNKNOWN) || value_is(index, VALUE_UNKNOWN)) {
        *ret = value_unknown(e->expression);
        return ERR_OK;
    }
    if (value_is(index, VALUE_STRING)) {
        return arm_eval_property(e, container, value_span(index), is_optional, ret);
    }
    if (is_optional && value_is(container, VALUE_NULL)) {
        *ret = value_null();
        return ERR_OK;
    }
    if (!value_is(index, VALUE_INT) || !value_is(container, VALUE_ARRAY)) {
        return arm_work_fail(
            &e->w, ERR_VALUE,
            "[...] needs an array and an integer, or an object and a string, not %s "
            "and %s",
            arm_value_kind_words(container), arm_value_kind_words(index));
    }
    if (index.integer < 0 || index.integer >= container.n) {
        if (is_optional) {
            *ret = value_null();
            return ERR_OK;
        }
        return arm_work_fail(&e->w, ERR_NOT_FOUND,
                             "the array index '%lld' is out of bounds: the array has %u elements",
                             (long long)index.integer, container.n);
    }
    *ret = container.items[index.integer];
    return arm_work_steps(&e->w, 1);
}

/* What stands behind a value. Behind an optional access that found nothing all is null. */
static err_t follow(struct eval *e, const struct access *access, struct value *value)
{
    bool is_absent = false;
    err_t err = ERR_OK;

    for (; err == ERR_OK && access != NULL; access = access->next) {
        bool is_optional = access->is_optional || is_absent;

        if (access->index != NULL) {
            struct value index = value_null();

            err = arm_eval_node(e, access->index, &index);
            err = err ? err : arm_eval_index(e, *value, index, is_optional, value);
        } else {
            err = arm_eval_property(e, *value, access->name, is_optional, value);
        }
        is_absent = is_optional && value_is(*value, VALUE_NULL);
    }
    return err;
}

err_t arm_eval_node(struct eval *e, const struct node *node, struct value *ret)
{
    struct value value = value_null();
    err_t err = enter(e);

    err = err ? err : arm_work_steps(&e->w, 1);
    if (err) {
        return err;
    }
    if (node->kind == NODE_TEXT) {
        value = value_string(node->text);
    } else if (node->kind == NODE_INTEGER) {
        value = value_int(node->integer);
    } else if (node->function != NULL) {
        err = arm_call(e, node, &value);
    } else {
        err = arm_member_call(e, node, &value);
    }
    err = err ? err : follow(e, node->accesses, &value);
    e->depth--;
    *ret = value;
    return err;
}

/* ---- JSON ---- */

err_t arm_eval_string(struct eval *e, struct span string, struct value *ret)
{
    struct span outer = e->expression;
    struct node *node = NULL;
    err_t err;

    if (!arm_expression_is(string)) {
        bool is_escaped = span_starts(string, "[[");

        *ret = value_string(is_escaped ? span_cut(string, 1, string.len) : string);
        return ERR_OK;
    }
    e->expression = string;
    err = arm_expression_parse(&e->w, string, &node);
    err = err ? err : arm_eval_node(e, node, ret);
    e->expression = outer;
    return err;
}

/* Is this member the loops of others? [{"name":..,"count":..,"input":..}] */
static bool is_loops(struct work *w, yyjson_val *key, yyjson_val *value)
{
    yyjson_val *loop;
    size_t index, max;

    if (!text_span_equal_nocase(json_span(key), "copy") || yyjson_arr_size(value) == 0) {
        return false;
    }
    yyjson_arr_foreach(value, index, max, loop)
    {
        arm_work_use(w, 1 + yyjson_obj_size(loop) / 2); /* looked through here and when it runs */
        if (json_get(loop, "count") == NULL || json_get(loop, "input") == NULL) {
            return false;
        }
    }
    return true;
}

err_t arm_eval_count(struct eval *e, yyjson_val *json, struct span loop, int64_t *ret)
{
    struct value count = value_null();
    err_t err = json == NULL ? ERR_OK : arm_eval_json(e, json, &count);

    if (err) {
        return trail_in(e->w.trail, err, "count");
    }
    if (!value_is(count, VALUE_INT) || count.integer < 0 ||
        count.integer > TEMPLATE_MAX_RESOURCES) {
        arm_work_fail(
            &e->w, ERR_VALUE, "the count of the loop '%.*s' must be an integer from 0 to %d",
            loop.len < 64 ? (int)loop.len : 64, (const char *)loop.data, TEMPLATE_MAX_RESOURCES);
        return trail_in(e->w.trail, ERR_VALUE, "count");
    }
    *ret = count.integer;
    return ERR_OK;
}

err_t arm_eval_loop(struct eval *e, struct span name, bool is_named, yyjson_val *count,
                    yyjson_val *input, struct value *ret)
{
    struct loop loop = {.outer = e->loops, .name = name, .is_named = is_named};
    struct value value = value_null();
    struct list list = {0};
    int64_t n = 0;
    err_t err = arm_eval_count(e, count, name, &n);

    e->loops = &loop;
    for (; err == ERR_OK && loop.index < n; loop.index++) {
        err = arm_eval_json(e, input, &value);
        err = err ? err : arm_list_add(&e->w, &list, value);
    }
    e->loops = loop.outer;
    return err ? err : arm_list_end(&e->w, &list, ret);
}

static err_t eval_loops(struct eval *e, yyjson_val *loops, struct members *members)
{
    struct value value = value_null();
    yyjson_val *loop;
    size_t index, max;
    err_t err = ERR_OK;

    yyjson_arr_foreach(loops, index, max, loop)
    {
        struct span name = json_span(json_get(loop, "name"));

        if (name.len == 0) {
            return arm_work_fail(&e->w, ERR_JSON_MISSING, "a loop of 'copy' has no name");
        }
        err =
            arm_eval_loop(e, name, true, json_get(loop, "count"), json_get(loop, "input"), &value);
        err = err ? err : arm_members_set(&e->w, members, name, value);
        if (err) {
            return trail_in(e->w.trail, err, (const char *)name.data);
        }
    }
    return err;
}

static bool is_among(struct span name, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++) {
        if (text_span_equal_nocase(name, *names)) {
            return true;
        }
    }
    return false;
}

err_t arm_eval_members(struct eval *e, yyjson_val *object, const char *const *skip,
                       struct members *members)
{
    yyjson_val *key, *child;
    size_t index, max;
    err_t err = ERR_OK;

    yyjson_obj_foreach(object, index, max, key, child)
    {
        struct value value = value_null();
        struct value name = value_null();

        if (is_among(json_span(key), skip)) {
            continue;
        }
        if (is_loops(&e->w, key, child)) {
            err = eval_loops(e, child, members);
        } else {
            err = arm_eval_json(e, child, &value);
            /* Names may be expressions too. */
            err = err ? err : arm_eval_string(e, json_span(key), &name);
            if (err == ERR_OK && !value_is(name, VALUE_STRING)) {
                err = arm_work_fail(&e->w, ERR_VALUE, "the name of a member is %s, not a string",
                                    arm_value_kind_words(name));
            }
            if (err == ERR_OK && arm_expression_is(json_span(key))) {
                err = arm_members_set(&e->w, members, value_span(name), value);
            } else {
                err = err ? err : arm_members_add(&e->w, members, value_span(name), value);
            }
        }
        if (err) {
            return trail_in(e->w.trail, err, yyjson_get_str(key));
        }
    }
    return err;
}

static err_t eval_array(struct eval *e, yyjson_val *array, struct value *ret)
{
    struct value value = value_null();
    struct list list = {0};
    yyjson_val *child;
    size_t index, max;
    char where[24];
    err_t err = ERR_OK;

    yyjson_arr_foreach(array, index, max, child)
    {
        err = arm_eval_json(e, child, &value);
        err = err ? err : arm_list_add(&e->w, &list, value);
        if (err) {
            snprintf(where, sizeof(where), "[%zu]", index);
            return trail_in(e->w.trail, err, where);
        }
    }
    return arm_list_end(&e->w, &list, ret);
}

err_t arm_eval_json(struct eval *e, yyjson_val *json, struct value *ret)
{
    yyjson_val *outer = e->w.at;
    struct members members = {0};
    err_t err = enter(e);

    if (err) {
        return err;
    }
    if (yyjson_is_str(json)) {
        e->w.at = json;
        err = arm_eval_string(e, json_span(json), ret);
    } else if (yyjson_is_obj(json)) {
        err = arm_eval_members(e, json, NULL, &members);
        err = err ? err : arm_members_end(&e->w, &members, ret);
    } else if (yyjson_is_arr(json)) {
        err = eval_array(e, json, ret);
    } else {
        err = arm_value_from_json(&e->w, json, ret);
    }
    if (err == ERR_OK) {
        e->w.at = outer; /* else it says where */
    }
    e->depth--;
    return err ? err : arm_work_steps(&e->w, 1);
}

/* ---- members of resources and the like ---- */

err_t arm_eval_text(struct eval *e, yyjson_val *object, const char *name, bool is_needed,
                    const char **ret)
{
    struct value value = value_null();
    yyjson_val *json = NULL;
    err_t err = json_get_nocase(object, name, e->w.trail, &json);

    *ret = NULL;
    if (err == ERR_OK && json == NULL) {
        if (is_needed) {
            arm_work_fail(&e->w, ERR_JSON_MISSING, "'%s' is missing", name);
        }
        return is_needed ? ERR_JSON_MISSING : ERR_OK;
    }
    err = err ? err : arm_eval_json(e, json, &value);
    if (err == ERR_OK && value_is(value, VALUE_NULL) && !is_needed) {
        return ERR_OK;
    }
    if (err == ERR_OK && (!value_is(value, VALUE_STRING) || value.n == 0 ||
                          value.n > TEMPLATE_MAX_ID || memchr(value.bytes, 0, value.n) != NULL)) {
        e->w.at = json;
        err = arm_work_fail(&e->w, ERR_VALUE, "must be a string that is not empty, it is %s",
                            value_is(value, VALUE_STRING) ? "empty, too long or has a NUL"
                                                          : arm_value_kind_words(value));
    }
    if (err == ERR_OK) {
        /* Parts of others end where others go on. */
        *ret = (const char *)arena_dup(e->keep, value_span(value)).data;
        err = *ret == NULL ? arm_work_memory(&e->w) : ERR_OK;
    }
    return err ? trail_in(e->w.trail, err, name) : ERR_OK;
}

err_t arm_eval_condition(struct eval *e, yyjson_val *object, bool *ret)
{
    struct value value = value_bool(true);
    yyjson_val *json = NULL;
    err_t err = json_get_nocase(object, "condition", e->w.trail, &json);

    if (err == ERR_OK && json != NULL) {
        err = arm_eval_json(e, json, &value);
    }
    if (err == ERR_OK && !value_is(value, VALUE_BOOL)) {
        e->w.at = json;
        err = arm_work_fail(&e->w, ERR_VALUE, "must be a boolean, it is %s",
                            arm_value_kind_words(value));
    }
    if (err) {
        return trail_in(e->w.trail, err, "condition");
    }
    *ret = value.boolean;
    return ERR_OK;
}

/* ---- parameters and variables ---- */

/* What runs while a value is made that stays: nothing of where it was asked for. */
struct outside {
    enum stage stage;
    const struct loop *loops;
    const struct binding *arguments, *lambdas;
    struct arena *arena;
};

static struct outside step_out(struct eval *e, enum stage stage)
{
    struct outside saved = {e->stage, e->loops, e->arguments, e->lambdas, e->w.arena};

    e->stage = stage;
    e->loops = NULL;
    e->arguments = NULL;
    e->lambdas = NULL;
    e->w.arena = e->keep;
    return saved;
}

static void step_in(struct eval *e, struct outside saved)
{
    e->stage = saved.stage;
    e->loops = saved.loops;
    e->arguments = saved.arguments;
    e->lambdas = saved.lambdas;
    e->w.arena = saved.arena;
}

static err_t cycle(struct eval *e, const char *what, struct span name)
{
    return arm_work_fail(&e->w, ERR_CONFLICT,
                         "Circular dependency detected: the %s '%.*s' is needed for its own value",
                         what, name.len < 64 ? (int)name.len : 64, (const char *)name.data);
}

err_t arm_eval_parameter(struct eval *e, struct span name, struct value *ret)
{
    const struct template *t = e->t;
    uint32_t i = 0;
    struct outside saved;
    struct slot *slot;
    err_t err = arm_work_steps(&e->w, 1 + t->n_parameters / 8);

    while (i < t->n_parameters && !arm_work_same(&e->w, t->parameters[i].name, name)) {
        i++;
    }
    if (err || i == t->n_parameters) {
        return err ? err
                   : arm_work_fail(&e->w, ERR_NOT_FOUND,
                                   "The template parameter '%.*s' is not found",
                                   name.len < 64 ? (int)name.len : 64, (const char *)name.data);
    }
    slot = &e->parameters[i];
    if (slot->state == SLOT_RUNNING) {
        return cycle(e, "parameter", name);
    }
    if (slot->state == SLOT_NEW) {
        slot->state = SLOT_RUNNING;
        saved = step_out(e, STAGE_DEFAULT);
        err = arm_parameter_value(e, &t->parameters[i], &slot->value);
        step_in(e, saved);
        slot->state = err ? SLOT_NEW : SLOT_DONE;
    }
    *ret = slot->value;
    return err;
}

/* The path begins here, and ends with that: who asked for the value is told by line and column. */
static err_t variable_fault(struct eval *e, err_t err, struct span name)
{
    char shown[VARIABLE_SHOWN_MAX];

    text_escape(name, shown, sizeof(shown));
    (void)trail_in(e->w.trail, err, shown);
    (void)trail_in(e->w.trail, err, "variables");
    e->w.trail = NULL;
    return err;
}

err_t arm_eval_variable(struct eval *e, struct span name, struct value *ret)
{
    const struct template *t = e->t;
    uint32_t i = 0;
    struct outside saved;
    struct slot *slot;
    err_t err = arm_work_steps(&e->w, 1 + t->n_variables / 8);

    while (i < t->n_variables && !arm_work_same(&e->w, t->variables[i].name, name)) {
        i++;
    }
    if (err || i == t->n_variables) {
        return err ? err
                   : arm_work_fail(&e->w, ERR_NOT_FOUND,
                                   "The template variable '%.*s' is not found",
                                   name.len < 64 ? (int)name.len : 64, (const char *)name.data);
    }
    slot = &e->variables[i];
    if (slot->state == SLOT_RUNNING) {
        return cycle(e, "variable", name);
    }
    if (slot->state == SLOT_NEW) {
        const struct variable *v = &t->variables[i];

        slot->state = SLOT_RUNNING;
        saved = step_out(e, STAGE_PLAN);
        err = v->count != NULL ? arm_eval_loop(e, v->name, true, v->count, v->json, &slot->value)
                               : arm_eval_json(e, v->json, &slot->value);
        step_in(e, saved);
        slot->state = err ? SLOT_NEW : SLOT_DONE;
        err = err ? variable_fault(e, err, v->name) : ERR_OK;
    }
    *ret = slot->value;
    return err;
}
