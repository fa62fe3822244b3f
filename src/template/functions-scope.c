/*
 * functions-scope.c - where the template is deployed, its parameters and variables, its loops.
 */
#include "template/functions.h"
#include "template/internal.h"

#include "base/text.h"

err_t arm_parameters(struct call *call, struct value *ret)
{
    struct eval *e = call->eval;

    if (e->stage != STAGE_MEMBER) {
        return arm_eval_parameter(e, call_text(call, 0), ret);
    }
    for (const struct binding *b = e->arguments; b != NULL; b = b->outer) {
        arm_work_use(call->w, 1);
        if (arm_work_same(call->w, b->name, call_text(call, 0))) {
            *ret = b->value;
            return ERR_OK;
        }
    }
    return arm_call_fail(call, "the function of the template has no parameter of this name");
}

err_t arm_variables(struct call *call, struct value *ret)
{
    return arm_eval_variable(call->eval, call_text(call, 0), ret);
}

/* ---- loops ---- */

static const struct loop *find_loop(struct work *w, const struct loop *loops, struct span name)
{
    const struct loop *nearest = loops;

    if (name.len == 0) {
        /* That of the resource or output, unless there is none. */
        for (; loops != NULL && loops->is_named; loops = loops->outer) {
            arm_work_use(w, 1);
        }
        return loops != NULL ? loops : nearest;
    }
    while (loops != NULL && !arm_work_same(w, loops->name, name)) {
        arm_work_use(w, 1);
        loops = loops->outer;
    }
    return loops;
}

err_t arm_copyindex(struct call *call, struct value *ret)
{
    bool has_name = call->n > 0 && value_is(call->arguments[0], VALUE_STRING);
    struct span name = has_name ? call_text(call, 0) : span_str("");
    int64_t offset = 0;
    const struct loop *loop = find_loop(call->w, call->eval->loops, name);
    int64_t index;

    if (call->n > (has_name ? 2 : 1)) {
        return arm_call_fail(call,
                             "it takes the name of a loop and a number, each may be left out");
    }
    if (call->n > 0 && (call->n == 2 || !has_name)) {
        offset = call->arguments[call->n - 1].integer;
    }
    if (loop == NULL && has_name) {
        return arm_call_fail(call, "no loop '%.*s' runs here", name.len < 64 ? (int)name.len : 64,
                             (const char *)name.data);
    }
    if (loop == NULL) {
        return arm_call_fail(call, "no loop runs here");
    }
    if (__builtin_add_overflow(loop->index, offset, &index)) {
        return arm_call_fail(call, "the result does not fit 64 bits");
    }
    *ret = value_int(index);
    return ERR_OK;
}

/* ---- objects of names and texts ---- */

struct fields {
    struct work *w;
    struct members members;
    err_t err;
};

static void add(struct fields *f, const char *name, struct value value)
{
    f->err = f->err ? f->err : arm_members_add(f->w, &f->members, span_str(name), value);
}

static void add_text(struct fields *f, const char *name, const char *text)
{
    add(f, name, text != NULL ? value_text(text) : value_null());
}

static struct value fields_end(struct fields *f)
{
    struct value value = value_null();

    f->err = f->err ? f->err : arm_members_end(f->w, &f->members, &value);
    return value;
}

err_t arm_resourcegroup(struct call *call, struct value *ret)
{
    const struct template_scope *scope = &call->eval->t->scope;
    struct fields f = {.w = call->w};
    struct fields properties = {.w = call->w};
    struct value tags = value_null();
    const char *id = NULL;

    if (scope->group_name == NULL) {
        return arm_call_fail(call,
                             "the template is deployed into a subscription, there is no resource "
                             "group");
    }
    f.err = arm_scope_id(call->w, scope, &id);
    if (f.err == ERR_OK && yyjson_is_obj(scope->group_tags)) {
        f.err = arm_value_from_json(call->w, scope->group_tags, &tags);
    } else if (f.err == ERR_OK) {
        struct members none = {0};

        f.err = arm_members_end(call->w, &none, &tags);
    }
    add_text(&f, "id", id);
    add_text(&f, "name", scope->group_name);
    add_text(&f, "type", "Microsoft.Resources/resourceGroups");
    add_text(&f, "location", scope->group_location);
    add_text(&f, "managedBy", NULL);
    add(&f, "tags", tags);
    add_text(&properties, "provisioningState", "Succeeded");
    add(&f, "properties", fields_end(&properties));
    *ret = fields_end(&f);
    return f.err ? f.err : properties.err;
}

err_t arm_subscription(struct call *call, struct value *ret)
{
    const struct template_scope *scope = &call->eval->t->scope;
    struct fields f = {.w = call->w};
    struct value id = value_null();

    f.err = arm_work_printf(call->w, &id, "/subscriptions/%s", scope->subscription_id);
    add(&f, "id", id);
    add_text(&f, "subscriptionId", scope->subscription_id);
    add_text(&f, "tenantId", scope->tenant_id);
    add_text(&f, "displayName", scope->subscription_name);
    *ret = fields_end(&f);
    return f.err;
}

err_t arm_tenant(struct call *call, struct value *ret)
{
    const struct template_scope *scope = &call->eval->t->scope;
    struct fields f = {.w = call->w};
    struct value id = value_null();

    f.err = arm_work_printf(call->w, &id, "/tenants/%s", scope->tenant_id);
    add(&f, "id", id);
    add_text(&f, "tenantId", scope->tenant_id);
    *ret = fields_end(&f);
    return f.err;
}

err_t arm_managementgroup(struct call *call, struct value *ret)
{
    (void)ret;
    return arm_call_fail(call, "there are no management groups here");
}

/* Who deploys is not told to templates: the tenant alone. */
err_t arm_deployer(struct call *call, struct value *ret)
{
    struct fields f = {.w = call->w};

    add_text(&f, "tenantId", call->eval->t->scope.tenant_id);
    add_text(&f, "objectId", "00000000-0000-0000-0000-000000000000");
    *ret = fields_end(&f);
    return f.err;
}

err_t arm_deployment(struct call *call, struct value *ret)
{
    const struct template *t = call->eval->t;
    struct fields f = {.w = call->w};
    struct fields properties = {.w = call->w};
    struct value document = value_null();
    struct value given = value_null();

    f.err = arm_value_from_json(call->w, t->document, &document);
    if (f.err == ERR_OK && t->given != NULL) {
        f.err = arm_value_from_json(call->w, t->given, &given);
    }
    add(&properties, "template", document);
    add_text(&properties, "templateHash", t->hash);
    add(&properties, "parameters", given);
    add_text(&properties, "mode", t->scope.mode);
    add_text(&properties, "provisioningState", "Accepted");
    add_text(&f, "name", t->scope.deployment_name);
    add(&f, "properties", fields_end(&properties));
    *ret = fields_end(&f);
    return f.err ? f.err : properties.err;
}

/* The public cloud's, as far as templates ask: they make names of it. */
err_t arm_environment(struct call *call, struct value *ret)
{
    static const char *const suffixes[][2] = {
        {"acrLoginServer", ".azurecr.io"},
        {"keyvaultDns", ".vault.azure.net"},
        {"sqlServerHostname", ".database.windows.net"},
        {"storage", "core.windows.net"},
    };
    const char *tenant = call->eval->t->scope.tenant_id;
    struct fields f = {.w = call->w};
    struct fields authentication = {.w = call->w};
    struct fields names = {.w = call->w};

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        add_text(&names, suffixes[i][0], suffixes[i][1]);
    }
    add_text(&authentication, "loginEndpoint", "https://login.microsoftonline.com/");
    add_text(&authentication, "tenant", tenant);
    add_text(&f, "name", "AzureCloud");
    add_text(&f, "resourceManager", "https://management.azure.com/");
    add(&f, "authentication", fields_end(&authentication));
    add(&f, "suffixes", fields_end(&names));
    *ret = fields_end(&f);
    return f.err ? f.err : authentication.err ? authentication.err : names.err;
}

/* Machines here are in no zones. */
err_t arm_pickzones(struct call *call, struct value *ret)
{
    return arm_value_array(call->w, NULL, 0, ret);
}

err_t arm_providers(struct call *call, struct value *ret)
{
    struct fields f = {.w = call->w};
    struct value none = value_null();

    f.err = arm_value_array(call->w, NULL, 0, &none);
    if (call->n > 1) {
        add(&f, "resourceType", call->arguments[1]);
        add(&f, "locations", none);
        add(&f, "apiVersions", none);
    } else {
        add(&f, "namespace", call->arguments[0]);
        add(&f, "resourceTypes", none);
    }
    *ret = fields_end(&f);
    return f.err;
}
