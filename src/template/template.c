/*
 * template.c - opening a template: its shape, then parameters, variables, resources, their order,
 * and whether bodies and outputs can be evaluated.
 */
#include "template/internal.h"

#include "base/text.h"
#include "crypto/hash.h"

#include <stdio.h>

/* ---- shape ---- */

static const char *const known_members[] = {
    "$schema",    "contentVersion", "apiProfile", "languageVersion", "metadata", "definitions",
    "parameters", "variables",      "functions",  "resources",       "outputs",
};

static err_t check_members(struct eval *e, yyjson_val *document)
{
    yyjson_val *key, *value;
    size_t index, max;

    yyjson_obj_foreach(document, index, max, key, value)
    {
        size_t i = 0;

        while (i < ARRAY_LEN(known_members) &&
               !text_span_equal_nocase(json_span(key), known_members[i])) {
            i++;
        }
        if (i == ARRAY_LEN(known_members)) {
            e->w.at = key;
            return arm_work_fail(&e->w, ERR_VALUE, "the template has the unknown member '%.*s'",
                                 yyjson_get_len(key) < 64 ? (int)yyjson_get_len(key) : 64,
                                 yyjson_get_str(key));
        }
    }
    (void)value;
    return ERR_OK;
}

static err_t need_string(struct eval *e, const char *name, struct span *ret)
{
    yyjson_val *value = NULL;
    err_t err = json_get_nocase(e->t->document, name, e->w.trail, &value);

    if (err == ERR_OK && !yyjson_is_str(value)) {
        err = arm_work_fail(&e->w, value == NULL ? ERR_JSON_MISSING : ERR_JSON_TYPE,
                            "the template needs a '%s' that is a string", name);
    }
    *ret = json_span(value);
    return err;
}

/* ".../schemas/2019-04-01/deploymentTemplate.json#" */
static err_t check_schema(struct eval *e)
{
    static const char *const years[] = {"2015-01-01", "2018-05-01", "2019-04-01", "2019-08-01"};
    static const char *const files[] = {"deploymentTemplate.json",
                                        "subscriptionDeploymentTemplate.json"};
    struct span schema = {0};
    err_t err = need_string(e, "$schema", &schema);
    char known[96];

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(years) * ARRAY_LEN(files); i++) {
        struct span end;
        size_t len =
            schema.len > 0 && schema.data[schema.len - 1] == '#' ? schema.len - 1 : schema.len;

        snprintf(known, sizeof(known), "/schemas/%s/%s", years[i / 2], files[i % 2]);
        end = span_cut(schema, len > strlen(known) ? len - strlen(known) : 0, strlen(known));
        if (len > strlen(known) && text_span_equal_nocase(end, known)) {
            return ERR_OK;
        }
    }
    return err ? err
               : arm_work_fail(&e->w, ERR_UNSUPPORTED,
                               "the '$schema' of the template is not supported; it ends in "
                               "/schemas/2019-04-01/deploymentTemplate.json# (or 2015-01-01, "
                               "2018-05-01, 2019-08-01, or subscriptionDeploymentTemplate.json#)");
}

static err_t check_versions(struct eval *e)
{
    struct span version = {0};
    yyjson_val *language = NULL;
    size_t dots = 0;
    err_t err = need_string(e, "contentVersion", &version);
    bool is_fine = version.len > 0 && version.len <= 64;

    for (size_t i = 0; i < version.len; i++) {
        dots += version.data[i] == '.' ? 1 : 0;
        is_fine &= version.data[i] == '.' || (version.data[i] >= '0' && version.data[i] <= '9');
    }
    if (err == ERR_OK && (!is_fine || dots != 3)) {
        err = arm_work_fail(&e->w, ERR_VALUE,
                            "the 'contentVersion' of the template is not of the form 1.0.0.0");
    }
    err = err ? err : json_get_nocase(e->t->document, "languageVersion", e->w.trail, &language);
    if (err == ERR_OK && language != NULL && !span_is(json_span(language), "1.0") &&
        !span_starts(json_span(language), "2.0") && !span_starts(json_span(language), "1.9")) {
        e->w.at = language;
        err = arm_work_fail(
            &e->w, ERR_UNSUPPORTED,
            "the 'languageVersion' of the template is not supported; 1.0, 1.9 and 2.0 "
            "are");
    }
    return err;
}

static err_t check_shape(struct eval *e)
{
    yyjson_val *resources = NULL;
    err_t err = ERR_OK;

    if (!yyjson_is_obj(e->t->document)) {
        return arm_work_fail(&e->w, ERR_JSON_TYPE, "the template is not a JSON object");
    }
    err = check_members(e, e->t->document);
    err = err ? err : check_schema(e);
    err = err ? err : check_versions(e);
    err = err ? err : json_get_nocase(e->t->document, "resources", e->w.trail, &resources);
    if (err == ERR_OK && resources == NULL) {
        err = arm_work_fail(&e->w, ERR_JSON_MISSING, "the template has no 'resources'");
    }
    return err;
}

/* ---- hash ---- */

static err_t set_hash(struct eval *e, struct template *t)
{
    yyjson_mut_doc *doc = json_new(e->w.arena);
    uint8_t digest[SHA256_BYTES];
    struct span text = {0};
    uint64_t number = 0;
    err_t err;

    if (doc != NULL) {
        text = json_write(e->w.arena, doc, yyjson_val_mut_copy(doc, t->document), false);
    }
    if (text.data == NULL) {
        return arm_work_memory(&e->w);
    }
    err = hash_once(HASH_SHA256, text, digest);
    for (size_t i = 0; i < sizeof(number); i++) {
        number = number << 8 | digest[i];
    }
    t->hash = arena_printf(e->w.arena, "%llu", (unsigned long long)number);
    return err ? err : t->hash == NULL ? arm_work_memory(&e->w) : ERR_OK;
}

const char *template_hash(const struct template *t)
{
    return t->hash;
}

/* ---- opening ---- */

static err_t all_parameters(struct eval *e, const struct template *t)
{
    err_t err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < t->n_parameters; i++) {
        struct value unused = value_null();

        err = arm_eval_parameter(e, t->parameters[i].name, &unused);
    }
    return err;
}

static err_t open_parts(struct eval *e, struct template *t)
{
    err_t err = check_shape(e);

    err = err ? err : set_hash(e, t);
    err = err ? err : json_get_nocase(t->document, "outputs", e->w.trail, &t->outputs);
    err = err ? err : arm_functions_open(e, t);
    err = err ? err : arm_parameters_open(e, t);
    err = err ? err : arm_variables_open(e, t);
    if (err) {
        return err;
    }
    e->parameters = arena_calloc(e->w.arena, t->n_parameters + 1, sizeof(*e->parameters));
    e->variables = arena_calloc(e->w.arena, t->n_variables + 1, sizeof(*e->variables));
    if (e->parameters == NULL || e->variables == NULL) {
        return arm_work_memory(&e->w);
    }
    err = all_parameters(e, t);
    err = err ? err : arm_resources_open(e, t);
    err = err ? err : arm_depends_open(e, t);
    return err ? err : arm_outputs_check(e);
}

err_t template_open(struct arena *arena, yyjson_val *document, yyjson_val *parameters,
                    const struct template_scope *scope, struct trail *trail,
                    struct template_fault *fault, struct template **ret)
{
    struct template_fault unused_fault = {0};
    struct trail unused_trail = {0};
    struct template *t = arena_calloc(arena, 1, sizeof(*t));
    struct eval e;
    err_t err;

    if (t == NULL) {
        return ERR_MEMORY;
    }
    t->document = document;
    t->given = parameters;
    t->scope = *scope;
    err = arm_eval_begin(&e, t, STAGE_PLAN, arena, trail != NULL ? trail : &unused_trail,
                         fault != NULL ? fault : &unused_fault);
    err = err ? err : open_parts(&e, t);
    if (err == ERR_OK) {
        t->parameter_slots = e.parameters;
        t->variable_slots = e.variables;
        *ret = t;
    }
    return arm_eval_end(&e, err);
}

size_t template_n_resources(const struct template *t)
{
    return t->n_rows;
}

const struct template_resource *template_resource(const struct template *t, size_t index)
{
    return &t->rows[index].shown;
}

const struct template_resource *template_find(const struct template *t, const char *id)
{
    for (uint32_t i = 0; i < t->n_rows; i++) {
        if (text_equal_nocase(t->rows[i].shown.id, id)) {
            return &t->rows[i].shown;
        }
    }
    return NULL;
}
