/*
 * functions-resource.c - ids of resources, and what is asked of them when they are made.
 */
#include "template/functions.h"
#include "template/internal.h"

#include "base/text.h"

/* ---- ids ---- */

/* The names behind the type, joined with slashes. */
static err_t join_names(struct call *call, uint32_t from, struct value *ret)
{
    uint64_t len = 0;
    uint8_t *room = NULL;
    size_t used = 0;
    err_t err;

    for (uint32_t i = from; i < call->n; i++) {
        if (call->arguments[i].n == 0) {
            return arm_call_fail(call, "argument %u, a name, is empty", i + 1);
        }
        len += (uint64_t)call->arguments[i].n + 1;
    }
    err = arm_work_string(call->w, len, &room);
    for (uint32_t i = from; err == ERR_OK && i < call->n; i++) {
        room[used] = '/';
        used += i > from ? 1 : 0;
        memcpy(room + used, call->arguments[i].bytes, call->arguments[i].n);
        used += call->arguments[i].n;
    }
    *ret = value_string(span_of(room, used));
    return err;
}

/* Which argument is the type: the first with as many names behind it as it has parts. n when none
 * is. */
static uint32_t find_type(const struct call *call, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last && i < call->n; i++) {
        size_t parts = arm_name_parts(call_text(call, i));

        if (parts >= 2 && parts - 1 == call->n - i - 1) {
            return i;
        }
    }
    return call->n;
}

static err_t make_id(struct call *call, const char *base, uint32_t type, struct value *ret)
{
    struct value names = value_null();
    const char *id = NULL;
    err_t err = join_names(call, type + 1, &names);

    err = err ? err : arm_name_id(call->w, base, call_text(call, type), value_span(names), &id);
    if (err == ERR_OK) {
        *ret = value_text(id);
    }
    return err;
}

static err_t no_type(struct call *call)
{
    return arm_call_fail(call,
                         "no argument is a type as 'Microsoft.Compute/virtualMachines' with as "
                         "many names behind it as it has parts behind the first slash");
}

/* Texts of arguments go into paths: one part each. */
static err_t need_part(struct call *call, uint32_t argument)
{
    struct span text = call_text(call, argument);

    return text.len == 0 || memchr(text.data, '/', text.len) != NULL
               ? arm_call_fail(call, "argument %u must be one name, without slashes", argument + 1)
               : ERR_OK;
}

err_t arm_resourceid(struct call *call, struct value *ret)
{
    struct template_scope scope = call->eval->t->scope;
    uint32_t type = find_type(call, 0, 2);
    struct value part = value_null();
    const char *base = NULL;
    err_t err = type == call->n ? no_type(call) : ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < type; i++) {
        err = need_part(call, i);
        err = err ? err : arm_work_copy(call->w, call_text(call, i), &part);
        if (err) {
            break;
        }
        /* One alone is a subscription when it looks like one. */
        if (i == 0 && (type == 2 || text_is_guid(call_text(call, 0)))) {
            scope.subscription_id = (const char *)part.bytes;
        } else {
            scope.group_name = (const char *)part.bytes;
        }
    }
    err = err ? err : arm_scope_id(call->w, &scope, &base);
    return err ? err : make_id(call, base, type, ret);
}

err_t arm_subscriptionresourceid(struct call *call, struct value *ret)
{
    struct template_scope scope = call->eval->t->scope;
    uint32_t type = find_type(call, 0, 1);
    struct value part = value_null();
    const char *base = NULL;
    err_t err = type == call->n ? no_type(call) : ERR_OK;

    scope.group_name = NULL;
    if (err == ERR_OK && type == 1) {
        err = need_part(call, 0);
        err = err ? err : arm_work_copy(call->w, call_text(call, 0), &part);
        scope.subscription_id = (const char *)part.bytes;
    }
    err = err ? err : arm_scope_id(call->w, &scope, &base);
    return err ? err : make_id(call, base, type, ret);
}

err_t arm_tenantresourceid(struct call *call, struct value *ret)
{
    return find_type(call, 0, 0) == call->n ? no_type(call) : make_id(call, "", 0, ret);
}

err_t arm_extensionresourceid(struct call *call, struct value *ret)
{
    struct span base = call_text(call, 0);
    struct value copy = value_null();
    err_t err = find_type(call, 1, 1) == call->n ? no_type(call) : ERR_OK;

    if (err == ERR_OK && (base.len == 0 || base.data[0] != '/')) {
        err = arm_call_fail(call, "argument 1 is the id of a resource and begins with a slash");
    }
    while (base.len > 0 && base.data[base.len - 1] == '/') {
        base.len--;
    }
    err = err ? err : arm_work_copy(call->w, base, &copy);
    return err ? err : make_id(call, (const char *)copy.bytes, 1, ret);
}

/* ---- what is made ---- */

/* The id and apiVersion that a text means: of the template, or any id. */
static err_t resolve(struct call *call, struct span text, const char **ret_id,
                     const char **ret_version)
{
    struct eval *e = call->eval;
    bool is_id = text.len > 0 && text.data[0] == '/';
    struct value copy = value_null();
    uint32_t index;
    err_t err = arm_work_steps(call->w, 1 + 3 * (uint64_t)e->t->n_rows + text.len / 16);

    if (err) {
        return err;
    }
    index = arm_resource_find(e, text, is_id);
    if (index < e->t->n_rows) {
        *ret_id = e->t->rows[index].shown.id;
        *ret_version = e->t->rows[index].shown.api_version;
        if (e->seen != NULL) {
            e->seen[index] = 1;
        }
        return ERR_OK;
    }
    if (!is_id) {
        return arm_call_fail(call,
                             "the resource '%.*s' is not defined in the template, and it is no "
                             "id",
                             text.len < 80 ? (int)text.len : 80, (const char *)text.data);
    }
    if (text.len > TEMPLATE_MAX_ID || memchr(text.data, 0, text.len) != NULL) {
        return arm_call_fail(call, "the id is too long or has a NUL");
    }
    err = arm_work_copy(call->w, text, &copy);
    *ret_id = (const char *)copy.bytes;
    *ret_version = NULL;
    return err;
}

static err_t ask(struct call *call, const char *id, const char *version, bool is_full,
                 struct value *ret)
{
    struct eval *e = call->eval;
    yyjson_val *json = NULL;
    err_t err = e->reference == NULL ? ERR_OK
                                     : e->reference(e->context, call->w->arena, id, version,
                                                    is_full, call->w->trail, &json);

    if (err) {
        e->w.is_callers_fault = true;
        return trail_set(call->w->trail, err, "the resource '%s' cannot be read for '%s'", id,
                         call->name);
    }
    if (json == NULL) {
        *ret = value_unknown(e->expression);
        return ERR_OK;
    }
    return arm_value_from_json(call->w, json, ret);
}

static err_t need_full(struct call *call, uint32_t argument, bool *ret)
{
    *ret = call->n > argument;
    return *ret && !text_span_equal_nocase(call_text(call, argument), "Full")
               ? arm_call_fail(call, "argument %u can only be 'Full'", argument + 1)
               : ERR_OK;
}

err_t arm_reference(struct call *call, struct value *ret)
{
    const char *id = NULL;
    const char *version = NULL;
    struct value given = value_null();
    bool is_full = false;
    err_t err = need_full(call, 2, &is_full);

    err = err ? err : resolve(call, call_text(call, 0), &id, &version);
    if (err == ERR_OK && call->n > 1 && call->arguments[1].n > 0) {
        err = arm_work_copy(call->w, call_text(call, 1), &given);
        version = (const char *)given.bytes;
    }
    return err ? err : ask(call, id, version, is_full, ret);
}

/* Of all copies of a loop, in their order. */
err_t arm_references(struct call *call, struct value *ret)
{
    struct eval *e = call->eval;
    struct span name = call_text(call, 0);
    uint8_t found[TEMPLATE_MAX_RESOURCES] = {0};
    struct value by_index[TEMPLATE_MAX_RESOURCES] = {{0}};
    struct list list = {0};
    uint32_t n;
    bool is_full = false;
    bool is_known = true;
    err_t err = need_full(call, 1, &is_full);

    err = err ? err : arm_work_steps(call->w, 1 + e->t->n_rows);
    n = err ? 0 : arm_resource_find_all(e->t, name, found);
    if (err == ERR_OK && n == 0) {
        return arm_call_fail(call, "the template has no loop '%.*s'",
                             name.len < 80 ? (int)name.len : 80, (const char *)name.data);
    }
    for (uint32_t i = 0; err == ERR_OK && i < e->t->n_rows; i++) {
        const struct template_resource *r = &e->t->rows[i].shown;
        uint32_t at = r->copy_index < n ? r->copy_index : n - 1;

        if (found[i] == 0) {
            continue;
        }
        if (e->seen != NULL) {
            e->seen[i] = 1;
        }
        err = ask(call, r->id, r->api_version, is_full, &by_index[at]);
        is_known &= err == ERR_OK && !value_is(by_index[at], VALUE_UNKNOWN);
    }
    if (err || !is_known) {
        *ret = value_unknown(e->expression);
        return err;
    }
    for (uint32_t i = 0; err == ERR_OK && i < n; i++) {
        err = arm_list_add(call->w, &list, by_index[i]);
    }
    return err ? err : arm_list_end(call->w, &list, ret);
}

err_t arm_resourceinfo(struct call *call, struct value *ret)
{
    struct eval *e = call->eval;
    struct members members = {0};
    struct span name = call_text(call, 0);
    err_t err = arm_work_steps(call->w, 1 + 3 * (uint64_t)e->t->n_rows + name.len / 16);
    uint32_t index = err ? 0 : arm_resource_find(e, name, false);
    const struct template_resource *r;

    if (err || index >= e->t->n_rows) {
        return err ? err
                   : arm_call_fail(call, "the template has no resource of this name (or not yet)");
    }
    r = &e->t->rows[index].shown;
    err = arm_members_add(call->w, &members, span_str("id"), value_text(r->id));
    err = err ? err : arm_members_add(call->w, &members, span_str("name"), value_text(r->name));
    err = err ? err : arm_members_add(call->w, &members, span_str("type"), value_text(r->type));
    err = err ? err
              : arm_members_add(call->w, &members, span_str("apiVersion"),
                                value_text(r->api_version));
    return err ? err : arm_members_end(call->w, &members, ret);
}

err_t arm_list(struct call *call, struct value *ret)
{
    (void)ret;
    return arm_call_fail(call, "functions that list keys or secrets ('%.*s') are not supported",
                         call->node->text.len < 40 ? (int)call->node->text.len : 40,
                         (const char *)call->node->text.data);
}
