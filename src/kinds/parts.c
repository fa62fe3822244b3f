#include "kinds/parts.h"

#include "access/scope.h"
#include "base/codec.h"
#include "base/text.h"
#include "crypto/guid.h"

/* Networks end at the subscription: what another owner has is not even there. */
static bool is_same_subscription(struct control_call *call, const char *a, const char *b)
{
    struct resource_path x, y;

    return resource_id_read(call->arena, span_str(a), NULL, &x) == ERR_OK &&
           resource_id_read(call->arena, span_str(b), NULL, &y) == ERR_OK &&
           x.subscription.data != NULL && y.subscription.data != NULL &&
           text_spans_equal_nocase(x.subscription, y.subscription);
}

/* Is this an id of that type, in the one spelling that roles are asked about? */
static bool is_id_of(struct control_call *call, const char *id, const struct kind *kind)
{
    struct resource_path path;
    const char *type;

    if (access_scope_check(span_str(id), NULL) != ERR_OK ||
        resource_id_read(call->arena, span_str(id), NULL, &path) != ERR_OK ||
        !resource_path_is_one(&path)) {
        return false;
    }
    type = resource_path_type(call->arena, &path);
    return type != NULL && text_equal_nocase(type, kind->type);
}

static bool refuse_reference(struct control_call *call, const char *id, const struct resource *from,
                             struct control_answer *ret)
{
    control_refuse(call, ret, 400, "InvalidResourceReference",
                   "Resource %s referenced by resource %s was not found. Please make sure that the "
                   "referenced resource exists, and that both resources are in the same region.",
                   id, from->id);
    return false;
}

bool may_link(struct control_call *call, const char *link, const char *id, const char *more,
              struct control_answer *ret)
{
    const struct access_caller *caller = call->caller;

    if (control_caller_may(call, link, id)) {
        return true;
    }
    control_refuse(call, ret, 403, "LinkedAuthorizationFailed",
                   "The client '%s' with object id '%s' has permission to perform action '%s' on "
                   "scope '%s'; however, it does not have permission to perform action(s) '%s' on "
                   "the linked scope(s) '%s' (respectively) or the linked scope(s) are invalid.%s",
                   access_caller_shown(caller), caller->object_id, call->target->action,
                   call->target->scope, link, id, more);
    return false;
}

bool need_link(struct control_call *call, const char *id, const struct kind *kind, const char *link,
               const struct resource *from, struct control_answer *ret)
{
    return is_id_of(call, id, kind) ? link == NULL || may_link(call, link, id, "", ret)
                                    : refuse_reference(call, id, from, ret);
}

bool need_reference(struct control_call *call, const char *id, const struct kind *kind,
                    const char *link, const struct resource *from, struct resource *ret_target,
                    struct control_answer *ret)
{
    struct resource target;
    struct trail trail = {0};
    err_t err;

    if (!need_link(call, id, kind, link, from, ret)) {
        return false;
    }
    err = is_same_subscription(call, id, from->id) ? resource_load(call, id, &trail, &target)
                                                   : ERR_NOT_FOUND;
    if (err == ERR_OK && target.kind == kind) {
        if (ret_target != NULL) {
            *ret_target = target;
        }
        return true;
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    return refuse_reference(call, id, from, ret);
}

bool refuse_member(struct control_call *call, const char *member, const char *words,
                   struct control_answer *ret)
{
    control_refuse(call, ret, 400, "InvalidParameter", "%s %s.", member, words);
    ret->target = member;
    return false;
}

const char *reference_id(yyjson_mut_val *object, const char *member)
{
    return body_text(body_get(body_get(object, member), "id"));
}

/* ---- members ---- */

static bool is_named_before(yyjson_mut_val *array, size_t index, const char *name)
{
    for (size_t i = 0; i < index; i++) {
        const char *other = body_text_at(yyjson_mut_arr_get(array, i), "name");

        if (other != NULL && text_equal_nocase(other, name)) {
            return true;
        }
    }
    return false;
}

bool members_prepare(struct control_call *call, struct resource *wanted, const char *member,
                     struct control_answer *ret)
{
    enum { MEMBERS_MAX = 1000 }; /* the look for twins is quadratic */
    yyjson_mut_val *array = body_get(resource_properties(call, wanted), member);
    size_t n = yyjson_mut_arr_size(array);

    if (array != NULL && !yyjson_mut_is_arr(array)) {
        control_refuse(call, ret, 400, "InvalidRequestFormat", "%s is not an array.", member);
        return false;
    }
    if (n > MEMBERS_MAX) {
        control_refuse(call, ret, 400, "TooManyItems", "%s has %zu items; %d are allowed.", member,
                       n, MEMBERS_MAX);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_get(array, i);
        const char *name = body_text_at(item, "name");

        if (name == NULL || name[0] == '\0' || strlen(name) > 80 ||
            !resource_name_is_possible(span_str(name))) {
            control_refuse(call, ret, 400, "InvalidResourceName",
                           "Item %zu of %s of '%s' has no good name: 1 to 80 letters, digits, "
                           "periods, underscores and hyphens.",
                           i, member, wanted->id);
            return false;
        }
        if (is_named_before(array, i, name)) {
            control_refuse(call, ret, 400, "DuplicateResourceName",
                           "Resource %s has two child resources with the same name (%s).",
                           wanted->id, name);
            return false;
        }
        body_drop(item, "id");
        body_drop(item, "etag");
        body_drop(item, "type");
        (void)body_need_object(call->doc, item, "properties");
        body_drop(body_get(item, "properties"), "provisioningState");
    }
    return true;
}

void members_show(struct control_call *call, const struct resource *resource,
                  yyjson_mut_val *object, const char *member, const struct kind *kind)
{
    yyjson_mut_val *array = body_get(body_get(object, "properties"), member);
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;

    if (array == NULL) {
        array =
            json_add_array(call->doc, body_need_object(call->doc, object, "properties"), member);
    }
    if (!yyjson_mut_arr_iter_init(array, &iter)) {
        return;
    }
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *name = body_text_at(item, "name");

        json_add_text(call->doc, item, "id",
                      arena_printf(call->arena, "%s/%s/%s", resource->id, member, name));
        if (kind != NULL) {
            json_add_text(call->doc, item, "type", kind->type);
        }
        json_add_text(call->doc, item, "etag", resource_etag(call, resource));
        json_add_text(call->doc, body_get(item, "properties"), "provisioningState", "Succeeded");
    }
}

/* ---- values of their own ---- */

const char *derived_hex(struct control_call *call, const char *id, const char *salt, size_t digits)
{
    uint8_t digest[HASH_MAX_BYTES];
    const char *key = resource_key(call->arena, span_str(id));
    const char *text = key == NULL ? NULL : arena_printf(call->arena, "%s %s", salt, key), *hex;

    if (text == NULL || hasher_once(call->hasher, HASH_SHA256, span_str(text), digest) != ERR_OK) {
        return NULL;
    }
    hex = hex_dup(call->arena, span_of(digest, 32));
    return hex == NULL ? NULL : arena_printf(call->arena, "%.*s", (int)digits, hex);
}

const char *derived_guid(struct control_call *call, const char *id)
{
    const char *hex = derived_hex(call, id, "guid", 32);

    return hex == NULL ? NULL
                       : arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                                      hex + 12, hex + 16, hex + 20);
}

const char *own_guid(struct control_call *call, struct resource *resource, const char *name)
{
    yyjson_mut_val *own = resource_private(call, resource);
    const char *known = body_text_at(own, name);
    char text[GUID_SIZE];

    if (known != NULL) {
        return known;
    }
    if (guid_new(text) != ERR_OK) {
        return NULL;
    }
    body_set_text(call->doc, own, name, text);
    return body_text_at(own, name);
}
