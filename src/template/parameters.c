/*
 * parameters.c - parameters: what is declared, what was given, and whether the one fits the other.
 * Values of secure parameters appear in no message.
 */
#include "template/functions.h"
#include "template/internal.h"

#include "base/text.h"

#include <stdio.h>

enum { REFERENCES_MAX = 16 }; /* "$ref" to "$ref" */

/* ---- types ---- */

static const struct {
    const char *name, *shown;
    unsigned kinds;
} types[] = {
    [TYPE_STRING] = {"string", "String", 1u << VALUE_STRING},
    [TYPE_SECURE_STRING] = {"securestring", "SecureString", 1u << VALUE_STRING},
    [TYPE_INT] = {"int", "Int", 1u << VALUE_INT},
    [TYPE_BOOL] = {"bool", "Bool", 1u << VALUE_BOOL},
    [TYPE_OBJECT] = {"object", "Object", 1u << VALUE_OBJECT},
    [TYPE_SECURE_OBJECT] = {"secureObject", "SecureObject", 1u << VALUE_OBJECT},
    [TYPE_ARRAY] = {"array", "Array", 1u << VALUE_ARRAY},
};

enum type arm_type_read(yyjson_val *value)
{
    for (size_t i = 0; yyjson_is_str(value) && i < ARRAY_LEN(types); i++) {
        if (text_span_equal_nocase(json_span(value), types[i].name)) {
            return (enum type)i;
        }
    }
    return TYPE_UNKNOWN;
}

bool arm_type_is_secure(enum type type)
{
    return type == TYPE_SECURE_STRING || type == TYPE_SECURE_OBJECT;
}

bool arm_type_fits(enum type type, struct value value)
{
    return type < TYPE_UNKNOWN && (types[type].kinds & (1u << value.kind)) != 0;
}

const char *arm_type_name(enum type type)
{
    return type < TYPE_UNKNOWN ? types[type].shown : "Unknown";
}

/* ---- declared ---- */

static err_t name_fault(struct eval *e, err_t err, struct span name, const char *section)
{
    struct value copy = value_null();

    arm_work_target(&e->w, name);
    if (arm_work_copy(&e->w, name, &copy) == ERR_OK) {
        (void)trail_in(e->w.trail, err, (const char *)copy.bytes);
    }
    return trail_in(e->w.trail, err, section);
}

/* A definition that is {"$ref":"#/definitions/x"} stands for another. */
static err_t follow_reference(struct eval *e, yyjson_val **definition)
{
    static const char start[] = "#/definitions/";
    yyjson_val *definitions = json_get(e->t->document, "definitions");

    for (size_t i = 0; i < REFERENCES_MAX; i++) {
        struct span reference = json_span(json_get(*definition, "$ref"));
        yyjson_val *next;

        if (reference.data == NULL) {
            return ERR_OK;
        }
        next = span_starts(reference, start)
                   ? yyjson_obj_getn(definitions, (const char *)reference.data + sizeof(start) - 1,
                                     reference.len - (sizeof(start) - 1))
                   : NULL;
        if (!yyjson_is_obj(next)) {
            return arm_work_fail(
                &e->w, ERR_NOT_FOUND, "the type '%.*s' is not defined in the template",
                reference.len < 64 ? (int)reference.len : 64, (const char *)reference.data);
        }
        *definition = next;
    }
    return arm_work_fail(&e->w, ERR_CONFLICT, "the type refers to others without end");
}

static struct parameter *find(struct template *t, struct span name)
{
    for (uint32_t i = 0; i < t->n_parameters; i++) {
        if (text_spans_equal_nocase(t->parameters[i].name, name)) {
            return &t->parameters[i];
        }
    }
    return NULL;
}

static err_t declare(struct eval *e, struct template *t, yyjson_val *key, yyjson_val *definition)
{
    struct parameter *p = &t->parameters[t->n_parameters];
    err_t err = ERR_OK;

    e->w.at = key;
    if (!yyjson_is_obj(definition)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "must be an object");
    }
    if (find(t, json_span(key)) != NULL) {
        return arm_work_fail(&e->w, ERR_JSON_DUPLICATE, "is declared twice, in different case");
    }
    *p = (struct parameter){.name = json_span(key), .definition = definition};
    /* What stands beside the "$ref" wins: the default and what is only said of it. */
    err = follow_reference(e, &definition);
    p->type = arm_type_read(json_get(definition, "type"));
    if (err == ERR_OK && p->type == TYPE_UNKNOWN) {
        err =
            arm_work_fail(&e->w, ERR_VALUE,
                          "'type' must be string, securestring, int, bool, object, secureObject or "
                          "array");
    }
    t->n_parameters += err ? 0 : 1;
    return err;
}

/* ---- given ---- */

static err_t unknown_parameter(struct eval *e, const struct template *t, struct span name)
{
    char names[200] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < t->n_parameters && used + 8 < sizeof(names); i++) {
        int n = snprintf(names + used, sizeof(names) - used, "%s%.*s", i > 0 ? ", " : "",
                         t->parameters[i].name.len < 48 ? (int)t->parameters[i].name.len : 48,
                         (const char *)t->parameters[i].name.data);

        used += n > 0 ? (size_t)n : 0;
    }
    return arm_work_fail(
        &e->w, ERR_NOT_FOUND,
        "The parameter '%.*s' was supplied, but the template has none of this name; those it "
        "has are '%s'",
        name.len < 64 ? (int)name.len : 64, (const char *)name.data, names);
}

static err_t take_given(struct eval *e, struct template *t, yyjson_val *key, yyjson_val *given)
{
    struct parameter *p = find(t, json_span(key));
    yyjson_val *value = NULL;
    yyjson_val *reference = NULL;
    err_t err = ERR_OK;

    e->w.at = key;
    if (p == NULL) {
        return unknown_parameter(e, t, json_span(key));
    }
    if (p->given != NULL) {
        return arm_work_fail(&e->w, ERR_JSON_DUPLICATE, "is given twice, in different case");
    }
    err = json_get_nocase(given, "value", e->w.trail, &value);
    err = err ? err : json_get_nocase(given, "reference", e->w.trail, &reference);
    if (err == ERR_OK && reference != NULL) {
        err = arm_work_fail(&e->w, ERR_UNSUPPORTED,
                            "references to key vaults are not supported; give the value");
    }
    if (err == ERR_OK && value == NULL) {
        err = arm_work_fail(&e->w, ERR_JSON_MISSING, "must be an object with a 'value'");
    }
    p->given = value;
    return err;
}

typedef err_t member_fn(struct eval *e, struct template *t, yyjson_val *key, yyjson_val *value);

static err_t for_each(struct eval *e, struct template *t, yyjson_val *object, member_fn *run)
{
    yyjson_val *key, *value;
    size_t index, max;

    if (object == NULL) {
        return ERR_OK;
    }
    yyjson_obj_foreach(object, index, max, key, value)
    {
        err_t err = run(e, t, key, value);

        if (err) {
            return name_fault(e, err, json_span(key), "parameters");
        }
    }
    return ERR_OK;
}

err_t arm_parameters_open(struct eval *e, struct template *t)
{
    yyjson_val *declared = NULL;
    err_t err = json_get_nocase(t->document, "parameters", e->w.trail, &declared);

    if (err || (declared != NULL && !yyjson_is_obj(declared))) {
        return err ? err : arm_work_fail(&e->w, ERR_JSON_TYPE, "'parameters' must be an object");
    }
    if (yyjson_obj_size(declared) > TEMPLATE_MAX_PARAMETERS) {
        return arm_work_fail(&e->w, ERR_TOO_MANY,
                             "the template has %zu parameters, at most %d are "
                             "allowed",
                             yyjson_obj_size(declared), TEMPLATE_MAX_PARAMETERS);
    }
    t->parameters = arena_calloc(e->w.arena, yyjson_obj_size(declared) + 1, sizeof(*t->parameters));
    if (t->parameters == NULL) {
        return arm_work_memory(&e->w);
    }
    err = for_each(e, t, declared, declare);
    if (err == ERR_OK && t->given != NULL && !yyjson_is_null(t->given) &&
        !yyjson_is_obj(t->given)) {
        err = arm_work_fail(&e->w, ERR_JSON_TYPE, "the values of parameters must be an object");
    }
    err = err ? err : for_each(e, t, t->given, take_given);
    if (err == ERR_OK) {
        e->w.at = NULL;
    }
    return err;
}

/* ---- values ---- */

/* A limit of the definition as a number; false when there is none. */
static err_t get_limit(struct eval *e, yyjson_val *definition, const char *name, bool *ret_is,
                       int64_t *ret)
{
    yyjson_val *json = json_get(definition, name);

    *ret_is = json != NULL;
    if (json == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_int(json) || (yyjson_is_uint(json) && yyjson_get_uint(json) > INT64_MAX)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "'%s' must be an integer", name);
    }
    *ret = yyjson_is_uint(json) ? (int64_t)yyjson_get_uint(json) : yyjson_get_sint(json);
    return ERR_OK;
}

static err_t check_limits(struct eval *e, yyjson_val *definition, const char *min_name,
                          const char *max_name, int64_t value, const char *what)
{
    int64_t min = 0, max = 0;
    bool has_min = false, has_max = false;
    err_t err = get_limit(e, definition, min_name, &has_min, &min);

    err = err ? err : get_limit(e, definition, max_name, &has_max, &max);
    if (err == ERR_OK && has_min && value < min) {
        err =
            arm_work_fail(&e->w, ERR_VALUE,
                          "The provided value for the template parameter is not valid: %s is below "
                          "the minimum of %lld",
                          what, (long long)min);
    }
    if (err == ERR_OK && has_max && value > max) {
        err =
            arm_work_fail(&e->w, ERR_VALUE,
                          "The provided value for the template parameter is not valid: %s is above "
                          "the maximum of %lld",
                          what, (long long)max);
    }
    return err;
}

static err_t is_allowed(struct eval *e, yyjson_val *allowed, struct value value, bool *ret)
{
    yyjson_val *json;
    size_t index, max;
    err_t err = ERR_OK;

    *ret = false;
    yyjson_arr_foreach(allowed, index, max, json)
    {
        struct value other = value_null();

        err = err || *ret ? err : arm_value_from_json(&e->w, json, &other);
        err = err || *ret ? err : arm_value_equal(&e->w, value, other, ret);
    }
    return err;
}

static err_t refuse_value(struct eval *e, const struct parameter *p, yyjson_val *allowed,
                          struct value value)
{
    struct span shown = span_str("...");
    struct span all = {0};
    struct value list = value_null();
    err_t err = arm_value_from_json(&e->w, allowed, &list);

    err = err ? err : arm_value_to_text(&e->w, list, &all);
    if (err == ERR_OK && !arm_type_is_secure(p->type)) {
        err = arm_value_to_text(&e->w, value, &shown);
    }
    return err ? err
               : arm_work_fail(
                     &e->w, ERR_VALUE,
                     "The provided value %.*s for the template parameter is not valid: it is "
                     "not part of the allowed values %.*s",
                     shown.len < 64 ? (int)shown.len : 64, (const char *)shown.data,
                     all.len < 160 ? (int)all.len : 160, (const char *)all.data);
}

/* Of an array each element may be one of them. */
static err_t check_allowed(struct eval *e, const struct parameter *p, yyjson_val *allowed,
                           struct value value)
{
    bool is_fine = false;
    err_t err;

    if (allowed == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(allowed)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "'allowedValues' must be an array");
    }
    err = is_allowed(e, allowed, value, &is_fine);
    if (err == ERR_OK && !is_fine && value_is(value, VALUE_ARRAY)) {
        is_fine = true;
        for (uint32_t i = 0; err == ERR_OK && is_fine && i < value.n; i++) {
            err = is_allowed(e, allowed, value.items[i], &is_fine);
        }
    }
    return err || is_fine ? err : refuse_value(e, p, allowed, value);
}

static err_t check_value(struct eval *e, const struct parameter *p, yyjson_val *definition,
                         struct value value)
{
    err_t err = ERR_OK;

    if (!arm_type_fits(p->type, value)) {
        return arm_work_fail(
            &e->w, ERR_VALUE,
            "The provided value for the template parameter is not valid: a value of "
            "type '%s' is expected, it is %s",
            arm_type_name(p->type), arm_value_kind_words(value));
    }
    if (value_is(value, VALUE_INT)) {
        err = check_limits(e, definition, "minValue", "maxValue", value.integer, "the value");
    } else if (value_is(value, VALUE_STRING)) {
        err = check_limits(e, definition, "minLength", "maxLength",
                           (int64_t)arm_text_characters(value_span(value)), "its length");
    } else if (value_is(value, VALUE_ARRAY)) {
        err = check_limits(e, definition, "minLength", "maxLength", value.n, "its length");
    }
    return err ? err : check_allowed(e, p, json_get(definition, "allowedValues"), value);
}

static err_t not_given(struct eval *e, const struct parameter *p)
{
    const struct template_scope *scope = &e->t->scope;
    int len = p->name.len < 64 ? (int)p->name.len : 64;
    unsigned line = 0, column = 0;

    if (template_where(scope->text, scope->text_root, p->definition, &line, &column)) {
        e->w.fault->line = line;
        e->w.fault->column = column;
        return arm_work_fail(
            &e->w, ERR_JSON_MISSING,
            "The value for the template parameter '%.*s' at line '%u' and column '%u' "
            "is not provided",
            len, (const char *)p->name.data, line, column);
    }
    return arm_work_fail(&e->w, ERR_JSON_MISSING,
                         "The value for the template parameter '%.*s' is not provided", len,
                         (const char *)p->name.data);
}

static err_t make_value(struct eval *e, const struct parameter *p, struct value *ret)
{
    yyjson_val *definition = p->definition;
    yyjson_val *fallback = json_get(definition, "defaultValue");
    bool is_nullable;
    err_t err = follow_reference(e, &definition);

    is_nullable = yyjson_get_bool(json_get(p->definition, "nullable")) ||
                  yyjson_get_bool(json_get(definition, "nullable"));
    fallback = fallback != NULL ? fallback : json_get(definition, "defaultValue");
    if (err) {
        return err;
    }
    if (p->given != NULL) {
        err = arm_value_from_json(&e->w, p->given, ret);
    } else if (fallback != NULL) {
        err = arm_eval_json(e, fallback, ret);
        err = err ? trail_in(e->w.trail, err, "defaultValue") : ERR_OK;
    } else if (is_nullable) {
        *ret = value_null();
    } else {
        return not_given(e, p);
    }
    if (err || (is_nullable && value_is(*ret, VALUE_NULL))) {
        return err;
    }
    return check_value(e, p, definition, *ret);
}

err_t arm_parameter_value(struct eval *e, const struct parameter *p, struct value *ret)
{
    yyjson_val *outer = e->w.at;
    err_t err = ERR_OK;

    e->w.at = p->definition;
    err = make_value(e, p, ret);
    if (err) {
        return name_fault(e, err, p->name, "parameters");
    }
    e->w.at = outer;
    return ERR_OK;
}

/* ---- the echo ---- */

err_t template_parameters(const struct template *t, struct arena *arena, yyjson_mut_doc *doc,
                          struct trail *trail, struct template_fault *fault, yyjson_mut_val **ret)
{
    struct template_fault unused_fault = {0};
    struct trail unused_trail = {0};
    yyjson_mut_val *all = yyjson_mut_obj(doc);
    struct eval e;
    err_t err = arm_eval_begin(&e, t, STAGE_PLAN, arena, trail != NULL ? trail : &unused_trail,
                               fault != NULL ? fault : &unused_fault);

    for (uint32_t i = 0; err == ERR_OK && i < t->n_parameters; i++) {
        const struct parameter *p = &t->parameters[i];
        yyjson_mut_val *shown = yyjson_mut_obj(doc);
        yyjson_mut_val *value = NULL;
        yyjson_mut_val *name = yyjson_mut_strn(doc, (const char *)p->name.data, p->name.len);

        yyjson_mut_obj_add_str(doc, shown, "type", arm_type_name(p->type));
        if (!arm_type_is_secure(p->type)) {
            err = arm_value_to_json(&e.w, doc, t->parameter_slots[i].value, 0, &value);
            json_add_value(doc, shown, "value", value);
        }
        if (err == ERR_OK && !yyjson_mut_obj_add(all, name, shown)) {
            err = arm_work_memory(&e.w);
        }
    }
    *ret = all;
    return arm_eval_end(&e, err);
}
