/*
 * resources.c - from the resources of a document to rows: loops expanded, children beside their
 * parents, each with its type, name and id.
 */
#include "template/internal.h"

#include "base/text.h"

#include <stdio.h>

enum {
    RESOURCE_STEPS = 8, /* saying where it is */
    SYMBOL_MAX = 255    /* bytes of a symbolic name */
};

/* What holds for all resources of one list. */
struct place {
    struct template *t;
    const struct row *parent; /* NULL: none */
    const char *label;        /* "resources" */
    const struct loop *loops;
};

static err_t add_list(struct eval *e, const struct place *place, yyjson_val *resources);

/* ---- type, name, id ---- */

static err_t join(struct eval *e, const char *a, const char *b, const char **ret)
{
    struct value value = value_null();
    err_t err = arm_work_printf(&e->w, &value, "%s/%s", a, b);

    *ret = (const char *)value.bytes;
    return err;
}

/* "Microsoft.Compute/virtualMachines//" names the same type: slashes count once. */
static err_t tidy(struct eval *e, const char **text)
{
    struct value value = value_null();
    uint8_t *room = NULL;
    size_t len = strlen(*text);
    size_t n = 0;
    err_t err = arm_work_string(&e->w, len, &room);

    if (err) {
        return err;
    }
    for (size_t i = 0; i < len; i++) {
        if ((*text)[i] != '/' || (n > 0 && room[n - 1] != '/')) {
            room[n++] = (uint8_t)(*text)[i];
        }
    }
    n -= n > 0 && room[n - 1] == '/' ? 1 : 0;
    err = arm_work_copy(&e->w, span_of(room, n), &value);
    *text = (const char *)value.bytes;
    return err;
}

static bool has_prefix(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strlen(text) > n && text[n] == '/' &&
           text_spans_equal_nocase(span_of(text, n), span_of(prefix, n));
}

/* Types and names of children are relative to the parent, unless they are whole already. */
static err_t complete(struct eval *e, const struct row *parent, struct template_resource *r)
{
    size_t parts;
    err_t err = ERR_OK;

    if (parent == NULL) {
        return ERR_OK;
    }
    if (!has_prefix(r->type, parent->shown.type)) {
        err = join(e, parent->shown.type, r->type, &r->type);
    }
    parts = err ? 0 : arm_name_parts(span_str(r->type)) - 1;
    if (err == ERR_OK && arm_name_parts(span_str(r->name)) < parts) {
        err = join(e, parent->shown.name, r->name, &r->name);
    }
    return err;
}

static err_t check_parts(struct eval *e, const struct template_resource *r)
{
    size_t in_type = arm_name_parts(span_str(r->type));
    size_t in_name = arm_name_parts(span_str(r->name));

    if (in_type < 2 || strchr(r->type, '.') == NULL) {
        return arm_work_fail(
            &e->w, ERR_VALUE,
            "The type '%.80s' of the template resource '%.80s' is not valid: it is of "
            "the form Namespace.Name/type",
            r->type, r->name);
    }
    if (in_name != in_type - 1) {
        return arm_work_fail(&e->w, ERR_VALUE,
                             "The template resource '%.80s' for type '%.80s' has incorrect segment "
                             "lengths: the type needs a name of %zu segment%s, this has %zu",
                             r->name, r->type, in_type - 1, in_type == 2 ? "" : "s", in_name);
    }
    return ERR_OK;
}

/* Below the resource that `scope` names, in the group that a deployment names, or in ours. */
static err_t find_base(struct eval *e, yyjson_val *json, const struct template_resource *r,
                       const char **ret)
{
    struct template_scope scope = e->t->scope;
    struct span type = {0}, name = {0};
    const char *text = NULL;
    const char *base = NULL;
    err_t err = arm_eval_text(e, json, "scope", false, &text);

    if (err == ERR_OK && text != NULL && text[0] == '/') {
        size_t len = strlen(text);
        struct value value = value_null();

        while (len > 0 && text[len - 1] == '/') {
            len--;
        }
        err = arm_work_copy(&e->w, span_of(text, len), &value);
        *ret = (const char *)value.bytes;
        return err;
    }
    if (err == ERR_OK && text_equal_nocase(r->type, "Microsoft.Resources/deployments")) {
        const char *subscription = NULL;
        const char *group = NULL;

        err = arm_eval_text(e, json, "subscriptionId", false, &subscription);
        err = err ? err : arm_eval_text(e, json, "resourceGroup", false, &group);
        scope.group_name = group != NULL ? group : subscription != NULL ? NULL : scope.group_name;
        scope.subscription_id = subscription != NULL ? subscription : scope.subscription_id;
    }
    err = err ? err : arm_scope_id(&e->w, &scope, &base);
    if (err == ERR_OK && text != NULL) {
        if (!arm_name_split(span_str(text), &type, &name)) {
            arm_work_fail(&e->w, ERR_VALUE, "'%.80s' is no id and not of the form Type/name", text);
            return trail_in(e->w.trail, ERR_VALUE, "scope");
        }
        err = arm_name_id(&e->w, base, type, name, &base);
    }
    *ret = base;
    return err;
}

/* ---- one row ---- */

static struct span behind_providers(const char *id)
{
    const char *found = NULL;

    for (const char *at = strstr(id, "/providers/"); at != NULL; at = strstr(at, "/providers/")) {
        at += strlen("/providers/");
        found = at;
    }
    return span_str(found);
}

static err_t read_row(struct eval *e, const struct place *place, struct row *row)
{
    struct template_resource *r = &row->shown;
    const char *base = NULL;
    bool is_wanted = true;
    /* Its members are looked through for each. */
    err_t err = arm_work_steps(&e->w, 1 + yyjson_obj_size(row->json));

    err = err ? err : arm_eval_text(e, row->json, "type", true, &r->type);
    err = err ? err : arm_eval_text(e, row->json, "name", true, &r->name);
    err = err ? err : arm_eval_text(e, row->json, "apiVersion", true, &r->api_version);
    err = err ? err : tidy(e, &r->type);
    err = err ? err : complete(e, place->parent, r);
    if (err == ERR_OK) {
        arm_work_target(&e->w, span_str(r->name));
        err = check_parts(e, r);
    }
    err = err ? err : arm_eval_condition(e, row->json, &is_wanted);
    err = err ? err : find_base(e, row->json, r, &base);
    err = err ? err : arm_name_id(&e->w, base, span_str(r->type), span_str(r->name), &r->id);
    r->is_skipped = !is_wanted;
    r->is_existing = yyjson_get_bool(json_get(row->json, "existing"));
    if (err == ERR_OK) {
        row->behind_providers = behind_providers(r->id);
        e->w.fault->target[0] = '\0'; /* nothing happened */
    }
    return err;
}

static err_t add_children(struct eval *e, struct template *t, const struct row *row)
{
    struct place place = {.t = t, .parent = row, .loops = row->loops};
    yyjson_val *children = NULL;
    err_t err = json_get_nocase(row->json, "resources", e->w.trail, &children);

    /* That of a deployment is of its own template. */
    if (err || children == NULL || yyjson_is_null(children)) {
        return err;
    }
    place.label = arena_printf(e->w.arena, "%s.resources", row->shown.place);
    return place.label == NULL ? arm_work_memory(&e->w) : add_list(e, &place, children);
}

static err_t add_row(struct eval *e, const struct place *place, struct row row)
{
    struct template *t = place->t;
    const struct loop *outer = e->loops;
    struct row *added;
    err_t err;

    if (t->n_rows >= TEMPLATE_MAX_RESOURCES) {
        return arm_work_fail(
            &e->w, ERR_TOO_MANY,
            "the template has more resources than %d, copies included, which is the "
            "most allowed",
            TEMPLATE_MAX_RESOURCES);
    }
    e->loops = row.loops;
    e->w.at = row.json;
    err = read_row(e, place, &row);
    if (err) {
        return err;
    }
    e->w.at = NULL;
    added = &t->rows[t->n_rows++];
    *added = row;
    err = add_children(e, t, added);
    e->loops = outer;
    return err;
}

/* ---- loops ---- */

struct copy {
    const char *name;
    int64_t count;
    uint32_t batch; /* 0: all at once */
};

static err_t read_copy(struct eval *e, yyjson_val *json, struct copy *ret)
{
    const char *mode = NULL;
    struct value size = value_int(1);
    struct copy copy = {0};
    yyjson_val *batch = json_get(json, "batchSize");
    err_t err;

    e->w.at = json;
    if (!yyjson_is_obj(json)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "must be an object with a name and a count");
    }
    arm_work_use(&e->w, yyjson_obj_size(json) / 2);
    err = arm_eval_text(e, json, "name", true, &copy.name);
    err = err ? err : arm_eval_text(e, json, "mode", false, &mode);
    err = err ? err : arm_eval_count(e, json_get(json, "count"), span_str(copy.name), &copy.count);
    if (err == ERR_OK && batch != NULL) {
        err = arm_eval_json(e, batch, &size);
    }
    if (err == ERR_OK &&
        (!value_is(size, VALUE_INT) || size.integer < 1 || size.integer > TEMPLATE_MAX_RESOURCES)) {
        err = arm_work_fail(&e->w, ERR_VALUE, "'batchSize' must be an integer from 1 to %d",
                            TEMPLATE_MAX_RESOURCES);
    }
    if (err == ERR_OK && mode != NULL && !text_equal_nocase(mode, "serial") &&
        !text_equal_nocase(mode, "parallel")) {
        err = arm_work_fail(&e->w, ERR_VALUE, "'mode' must be serial or parallel");
    }
    copy.batch = mode != NULL && text_equal_nocase(mode, "serial") ? (uint32_t)size.integer : 0;
    *ret = copy;
    return err;
}

static err_t add_copies(struct eval *e, const struct place *place, yyjson_val *json, struct row row)
{
    struct copy copy = {0};
    const char *label = row.shown.place;
    err_t err = read_copy(e, json, &copy);

    if (err) {
        return trail_in(e->w.trail, err, "copy");
    }
    row.shown.copy_name = copy.name;
    row.shown.copy_batch = copy.batch;
    row.loop_name = span_str(copy.name);
    for (int64_t i = 0; err == ERR_OK && i < copy.count; i++) {
        struct loop *loop = arena_calloc(e->w.arena, 1, sizeof(*loop));

        row.shown.place = arena_printf(e->w.arena, "%s[copy %lld]", label, (long long)i);
        if (loop == NULL || row.shown.place == NULL) {
            return arm_work_memory(&e->w);
        }
        *loop = (struct loop){.outer = place->loops, .name = row.loop_name, .index = i};
        row.loops = loop;
        row.shown.copy_index = (uint32_t)i;
        err = arm_work_steps(&e->w, 1);
        err = err ? err : add_row(e, place, row);
        if (err) {
            char which[40];

            snprintf(which, sizeof(which), "[copy %lld]", (long long)i);
            return trail_in(e->w.trail, err, which);
        }
    }
    return err;
}

/* ---- lists ---- */

static err_t add_resource(struct eval *e, const struct place *place, yyjson_val *json,
                          struct row row)
{
    yyjson_val *copy = NULL;
    err_t err = ERR_OK;

    e->w.at = json;
    if (!yyjson_is_obj(json)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "must be an object");
    }
    err = arm_work_steps(&e->w, RESOURCE_STEPS + yyjson_obj_size(json) / 8);
    err = err ? err : json_get_nocase(json, "copy", e->w.trail, &copy);
    row.json = json;
    row.loops = place->loops;
    e->loops = place->loops;
    if (err || copy == NULL) {
        return err ? err : add_row(e, place, row);
    }
    return add_copies(e, place, copy, row);
}

static err_t add_list(struct eval *e, const struct place *place, yyjson_val *resources)
{
    yyjson_val *key, *value;
    size_t index, max;
    char where[40];
    err_t err = ERR_OK;

    if (yyjson_is_obj(resources)) {
        yyjson_obj_foreach(resources, index, max, key, value)
        {
            const char *symbol = json_text(key);
            struct row row = {.shown.symbolic_name = symbol,
                              .shown.place =
                                  arena_printf(e->w.arena, "%s.%s", place->label, symbol)};

            if (symbol == NULL || yyjson_get_len(key) > SYMBOL_MAX) {
                return arm_work_fail(&e->w, ERR_VALUE,
                                     "a symbolic name has a NUL, or more than %d bytes",
                                     SYMBOL_MAX);
            }
            if (row.shown.place == NULL) {
                return arm_work_memory(&e->w);
            }
            err = add_resource(e, place, value, row);
            if (err) {
                (void)trail_in(e->w.trail, err, symbol);
                return trail_in(e->w.trail, err, "resources");
            }
        }
        return ERR_OK;
    }
    if (!yyjson_is_arr(resources)) {
        e->w.at = resources;
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "'resources' must be an array or an object");
    }
    yyjson_arr_foreach(resources, index, max, value)
    {
        struct row row = {.shown.place = arena_printf(e->w.arena, "%s[%zu]", place->label, index)};

        err = row.shown.place == NULL ? arm_work_memory(&e->w) : add_resource(e, place, value, row);
        if (err) {
            snprintf(where, sizeof(where), "resources[%zu]", index);
            return trail_in(e->w.trail, err, where);
        }
    }
    return ERR_OK;
}

/* Two that are both made would overwrite each other. */
static err_t check_unique(struct eval *e, const struct template *t)
{
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct template_resource *a = &t->rows[i].shown;
        err_t err = arm_work_steps(&e->w, 1 + t->n_rows / 8);

        for (uint32_t k = 0; err == ERR_OK && k < i; k++) {
            const struct template_resource *b = &t->rows[k].shown;

            if (!a->is_skipped && !b->is_skipped && !a->is_existing && !b->is_existing &&
                arm_work_same(&e->w, span_str(a->id), span_str(b->id))) {
                e->w.at = t->rows[i].json;
                arm_work_target(&e->w, span_str(a->name));
                arm_work_fail(
                    &e->w, ERR_JSON_DUPLICATE,
                    "The resource '%.160s' is defined more than once in the template, first "
                    "as %.60s",
                    a->id, t->rows[k].shown.place);
                return trail_in(e->w.trail, ERR_JSON_DUPLICATE, t->rows[i].shown.place);
            }
        }
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

err_t arm_resources_open(struct eval *e, struct template *t)
{
    struct place place = {.t = t, .label = "resources"};
    yyjson_val *resources = NULL;
    err_t err = json_get_nocase(t->document, "resources", e->w.trail, &resources);

    t->rows = arena_calloc(e->w.arena, TEMPLATE_MAX_RESOURCES, sizeof(*t->rows));
    if (t->rows == NULL) {
        return arm_work_memory(&e->w);
    }
    err = err ? err : add_list(e, &place, resources);
    e->loops = NULL;
    return err ? err : check_unique(e, t);
}
