/*
 * template.c - bootwarden template: what an ARM template makes, offline.
 */
#include "template/template.h"
#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "crypto/secret.h"
#include "resource/path.h"

#include <string.h>

enum { ARENA_BYTES = 3 * TEMPLATE_ARENA_BYTES, SHOWN_MAX = 64 * 1024 * 1024 };
enum output { OUTPUT_TEXT, OUTPUT_JSON };
static const char *const outputs[] = {"text", "json", NULL};

static const char no_subscription[] = "00000000-0000-0000-0000-000000000000";

struct expansion {
    struct arena *arena;
    const char *path, *parameters_path;
    struct span parameters_text; /* of that file */
    yyjson_val *parameters_root, *parameters;
    struct template_scope scope;
    const struct template *t;
    struct arena *showing; /* for what is shown: of one resource after the other, or of all */
    yyjson_mut_doc *doc;
    struct trail trail;
    struct template_fault fault;
};

/* ---- reading ---- */

/* The place is in front: not behind the words as well. */
static void cut_place(struct expansion *x)
{
    const char *place =
        arena_printf(x->arena, " at line %u, column %u", x->fault.line, x->fault.column);
    size_t len = strlen(x->trail.what), n = place == NULL ? 0 : strlen(place);

    if (n > 0 && len > n && strcmp(x->trail.what + len - n, place) == 0) {
        x->trail.what[len - n] = '\0';
    }
}

/* What the file gives for the parameter of "parameters.NAME"; NULL: nothing. */
static yyjson_val *find_given(const struct expansion *x)
{
    static const char before[] = "parameters.";
    yyjson_val *key, *value;
    size_t i, n;

    if (strncmp(x->trail.where, before, strlen(before)) != 0) {
        return NULL;
    }
    yyjson_obj_foreach(x->parameters, i, n, key, value)
    {
        if (text_span_equal_nocase(json_span(key), x->trail.where + strlen(before))) {
            return value;
        }
    }
    return NULL;
}

/* Is it the value in the file of parameters that is wrong, and not the parameter's definition? Then
 * that is the place. */
static bool place_in_parameters(struct expansion *x)
{
    static const char *const words[] = {"The provided value", "The parameter '",
                                        "references to key vaults", "must be an object with a",
                                        "is given twice"};
    yyjson_val *given = find_given(x);

    for (size_t i = 0; given != NULL && i < ARRAY_LEN(words); i++) {
        if (strncmp(x->trail.what, words[i], strlen(words[i])) == 0) {
            if (!template_where(x->parameters_text, x->parameters_root, given, &x->fault.line,
                                &x->fault.column)) {
                x->fault.line = 0;
            }
            return true;
        }
    }
    return false;
}

/* "FILE:LINE:COLUMN: where: what" */
static int complain(struct expansion *x, const char *path, err_t err)
{
    const char *place = path;

    if (x->t == NULL && path == x->path && place_in_parameters(x)) {
        path = place = x->parameters_path;
    }
    if (x->fault.line > 0) {
        cut_place(x);
        place = arena_printf(x->arena, "%s:%u:%u", path, x->fault.line, x->fault.column);
        x->trail.has_offset = false; /* said already, and better */
    }
    return cli_fail("template", place != NULL ? place : path, err, &x->trail);
}

static int read_file(struct expansion *x, const char *path, struct span *ret_text, yyjson_val **ret)
{
    err_t err = file_read(x->arena, path, TEMPLATE_MAX_BYTES, &x->trail, ret_text);

    err = err ? err : template_read(x->arena, *ret_text, &x->trail, &x->fault, ret);
    return err ? complain(x, path, err) : EXIT_YES;
}

/* What a request holds is taken as well: {"properties":{"template":..,"parameters":..}}, or that
 * without "properties". */
static yyjson_val *unwrap(yyjson_val *root, yyjson_val **parameters)
{
    yyjson_val *inner = json_get(root, "properties") != NULL ? json_get(root, "properties") : root;

    if (json_get(root, "$schema") != NULL || json_get(inner, "template") == NULL) {
        return root;
    }
    *parameters = json_get(inner, "parameters");
    return json_get(inner, "template");
}

/* What az and others have in files: the values are "parameters", beside a "$schema" or not. The
 * value of one parameter of that name has members that are no objects. */
static bool has_wrapping(yyjson_val *root)
{
    yyjson_val *inner = json_get(root, "parameters"), *key, *value;
    size_t i, n;

    if (json_get(root, "$schema") != NULL || json_get(root, "contentVersion") != NULL) {
        return true;
    }
    yyjson_obj_foreach(inner, i, n, key, value)
    {
        if (!yyjson_is_obj(value)) {
            return false;
        }
    }
    return yyjson_is_obj(inner);
}

/* A file of parameters is {"n":{"value":..}}, or that as "parameters" of an object. */
static int read_parameters(struct expansion *x, yyjson_val **ret)
{
    yyjson_val *root = NULL;
    int code = read_file(x, x->parameters_path, &x->parameters_text, &root);

    if (code == EXIT_YES && !yyjson_is_obj(root)) {
        cli_complain("template", "%s: the parameters must be a JSON object", x->parameters_path);
        return EXIT_USAGE;
    }
    if (code != EXIT_YES) {
        return code;
    }
    x->parameters_root = root;
    x->parameters = *ret = has_wrapping(root) ? json_get(root, "parameters") : root;
    if (*ret != NULL && !yyjson_is_obj(*ret)) {
        cli_complain("template", "%s: 'parameters' must be an object", x->parameters_path);
        return EXIT_USAGE;
    }
    return EXIT_YES;
}

static bool is_of_subscription(yyjson_val *document)
{
    struct span schema = json_span(json_get(document, "$schema"));

    return schema.len > 0 && memmem(schema.data, schema.len, "/subscriptionDeployment", 23) != NULL;
}

static int open_template(struct expansion *x)
{
    yyjson_val *root = NULL;
    yyjson_val *document;
    yyjson_val *parameters = NULL;
    struct template *t = NULL;
    int code = read_file(x, x->path, &x->scope.text, &root);
    err_t err;

    if (code != EXIT_YES) {
        return code;
    }
    document = unwrap(root, &parameters);
    code = x->parameters_path == NULL ? EXIT_YES : read_parameters(x, &parameters);
    if (code != EXIT_YES) {
        return code;
    }
    x->scope.text_root = root;
    if (x->scope.group_name == NULL && !is_of_subscription(document)) {
        x->scope.group_name = "resource-group";
    }
    err = random_bytes(x->scope.random, sizeof(x->scope.random));
    err = err ? err
              : template_open(x->arena, document, parameters, &x->scope, &x->trail, &x->fault, &t);
    x->t = t;
    return err ? complain(x, x->path, err) : EXIT_YES;
}

/* ---- showing ---- */

static int get_body(struct expansion *x, size_t index, yyjson_mut_val **ret)
{
    err_t err =
        template_body(x->t, index, NULL, NULL, x->showing, x->doc, &x->trail, &x->fault, ret);

    return err ? complain(x, x->path, err) : EXIT_YES;
}

static int get_outputs(struct expansion *x, yyjson_mut_val **ret)
{
    err_t err = template_outputs(x->t, NULL, NULL, x->showing, x->doc, &x->trail, &x->fault, ret);

    return err ? complain(x, x->path, err) : EXIT_YES;
}

static int print_value(struct expansion *x, yyjson_mut_val *value, bool is_escaped)
{
    struct span text = json_write(x->showing, x->doc, value, true);

    if (text.data == NULL) {
        cli_complain("template", "out of memory");
        return EXIT_INTERNAL;
    }
    if (is_escaped) {
        text = span_str(text_escape_lines_dup(x->showing, text, SHOWN_MAX));
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

static int add_resource(struct expansion *x, size_t index, yyjson_mut_val *all)
{
    const struct template_resource *r = template_resource(x->t, index);
    yyjson_mut_val *shown = yyjson_mut_arr_add_obj(x->doc, all);
    yyjson_mut_val *depends;
    yyjson_mut_val *value = NULL;
    int code = EXIT_YES;

    json_add_text(x->doc, shown, "id", r->id);
    json_add_text(x->doc, shown, "type", r->type);
    json_add_text(x->doc, shown, "name", r->name);
    json_add_text(x->doc, shown, "apiVersion", r->api_version);
    if (r->symbolic_name != NULL) {
        json_add_text(x->doc, shown, "symbolicName", r->symbolic_name);
    }
    json_add_bool(x->doc, shown, "existing", r->is_existing);
    json_add_bool(x->doc, shown, "skipped", r->is_skipped);
    depends = json_add_array(x->doc, shown, "dependsOn");
    for (size_t i = 0; i < r->n_depends; i++) {
        yyjson_mut_arr_add_strcpy(x->doc, depends, template_resource(x->t, r->depends[i])->id);
    }
    if (!r->is_skipped && !r->is_existing) {
        code = get_body(x, index, &value);
        json_add_value(x->doc, shown, "body", value);
    }
    return code;
}

static int print_json(struct expansion *x)
{
    yyjson_mut_val *root = yyjson_mut_obj(x->doc);
    yyjson_mut_val *parameters = NULL;
    yyjson_mut_val *resources;
    yyjson_mut_val *outs = NULL;
    int code = EXIT_YES;
    err_t err = template_parameters(x->t, x->showing, x->doc, &x->trail, &x->fault, &parameters);

    if (err) {
        return complain(x, x->path, err);
    }
    json_add_text(x->doc, root, "templateHash", template_hash(x->t));
    json_add_value(x->doc, root, "parameters", parameters);
    resources = json_add_array(x->doc, root, "resources");
    for (size_t i = 0; code == EXIT_YES && i < template_n_resources(x->t); i++) {
        code = add_resource(x, i, resources);
    }
    code = code == EXIT_YES ? get_outputs(x, &outs) : code;
    if (code != EXIT_YES) {
        return code;
    }
    json_add_value(x->doc, root, "outputs", outs);
    return print_value(x, root, false);
}

static int print_resource(struct expansion *x, size_t index)
{
    const struct template_resource *r = template_resource(x->t, index);
    const char *state = r->is_skipped    ? " (skipped: its condition is false)"
                        : r->is_existing ? " (existing: only read)"
                                         : "";
    yyjson_mut_val *value = NULL;
    int code;

    printf("%zu. %s%s\n", index + 1, text_escape_dup(x->showing, span_str(r->id), TEMPLATE_MAX_ID),
           state);
    if (r->n_depends > 0) {
        printf("   after");
        for (size_t i = 0; i < r->n_depends; i++) {
            printf("%s %u", i > 0 ? "," : "", r->depends[i] + 1u);
        }
        putchar('\n');
    }
    if (r->is_skipped || r->is_existing) {
        return EXIT_YES;
    }
    code = get_body(x, index, &value);
    return code == EXIT_YES ? print_value(x, value, true) : code;
}

/* Nothing shown is needed any more. */
static int begin_showing(struct expansion *x)
{
    arena_reset(x->showing);
    x->doc = json_new(x->showing);
    if (x->doc == NULL) {
        cli_complain("template", "out of memory");
        return EXIT_INTERNAL;
    }
    return EXIT_YES;
}

static int print_text(struct expansion *x)
{
    yyjson_mut_val *outs = NULL;
    int code = EXIT_YES;

    for (size_t i = 0; code == EXIT_YES && i < template_n_resources(x->t); i++) {
        code = begin_showing(x);
        code = code == EXIT_YES ? print_resource(x, i) : code;
        code = cli_finish("template", x->showing, code);
    }
    code = code == EXIT_YES ? begin_showing(x) : code;
    code = code == EXIT_YES ? get_outputs(x, &outs) : code;
    if (code == EXIT_YES && yyjson_mut_obj_size(outs) > 0) {
        puts("outputs");
        code = print_value(x, outs, true);
    }
    return code;
}

/* ---- expand ---- */

/* What no server has would only make ids that no server has. */
static int check_scope(struct expansion *x)
{
    const struct template_scope *scope = &x->scope;

    if (!text_is_guid(span_str(scope->subscription_id))) {
        cli_complain(
            "template",
            "--subscription '%s' is no subscription's id, "
            "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
            text_escape_dup(x->showing, span_str(scope->subscription_id), TEMPLATE_MAX_ID));
        return EXIT_USAGE;
    }
    if (scope->group_name != NULL && !resource_group_is_possible(span_str(scope->group_name))) {
        cli_complain("template",
                     "--resource-group '%s' is no resource group's name: 1 to %d letters, digits, "
                     "periods, underscores, hyphens and parentheses, no period at the end",
                     text_escape_dup(x->showing, span_str(scope->group_name), TEMPLATE_MAX_ID),
                     RESOURCE_GROUP_MAX);
        return EXIT_USAGE;
    }
    return EXIT_YES;
}

static int run_expand(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    CLEANUP(arena_free) struct arena *showing = arena_new(ARENA_BYTES);
    struct expansion x = {
        .arena = arena,
        .showing = showing,
        .scope = {.tenant_id = no_subscription,
                  .subscription_id = no_subscription,
                  .subscription_name = "subscription",
                  .group_location = "location",
                  .deployment_name = "deployment",
                  .mode = "Incremental",
                  .now = timestamp_now()},
    };
    int output = OUTPUT_TEXT;
    const struct option options[] = {
        {"parameters", 'p', OPTION_TEXT, "FILE", "values of the parameters", &x.parameters_path,
         NULL, 0},
        {"subscription", 0, OPTION_TEXT, "ID", "of subscription(); zeroes without",
         &x.scope.subscription_id, NULL, 0},
        {"resource-group", 'g', OPTION_TEXT, "NAME", "of resourceGroup(); 'resource-group' without",
         &x.scope.group_name, NULL, 0},
        {"location", 'l', OPTION_TEXT, "LOCATION", "of resourceGroup(); 'location' without",
         &x.scope.group_location, NULL, 0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
    };
    const struct option_set set = {
        .command = "template expand",
        .arguments = "FILE",
        .description =
            "Show the resources of an ARM template in the order in which they are made, with what\n"
            "is sent for each. What is only known when they are made stays as {\"$unknown\":..}.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 2 the template or its parameters are wrong.",
    };
    struct option_result result;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    code = arena == NULL || showing == NULL ? EXIT_INTERNAL : begin_showing(&x);
    if (code != EXIT_YES) {
        return code;
    }
    x.path = result.arguments[0];
    code = check_scope(&x);
    code = code == EXIT_YES ? open_template(&x) : code;
    if (code == EXIT_YES) {
        code = output == OUTPUT_JSON ? print_json(&x) : print_text(&x);
    }
    return cli_finish("template", arena_is_exhausted(arena) ? arena : showing, code);
}

int cmd_template(int argc, char **argv)
{
    static const struct command verbs[] = {
        {"expand", "show what a template makes, in order", run_expand},
    };
    static const struct verb_set set = {
        .command = "template",
        .description = "Templates of deployments (ARM), offline.",
        .verbs = verbs,
        .n_verbs = ARRAY_LEN(verbs),
        .notes = "Exit status: 0 done, 2 wrong use, or a template that is wrong.",
    };

    return verbs_run(&set, argc, argv);
}
