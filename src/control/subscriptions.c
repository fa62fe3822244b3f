/*
 * subscriptions.c - subscriptions, and the places in which their resources say they are.
 */
#include "control/internal.h"

#include "base/text.h"
#include "provider/region.h"

static yyjson_mut_val *subscription_value(struct control_call *call, const char *subscription)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *policies;

    json_add_text(doc, object, "id", arena_printf(call->arena, "/subscriptions/%s", subscription));
    json_add_text(doc, object, "subscriptionId", subscription);
    json_add_text(doc, object, "displayName",
                  text_equal_nocase(subscription, call->control->subscription)
                      ? "Bootwarden"
                      : arena_printf(call->arena, "Bootwarden %.8s", subscription));
    json_add_text(doc, object, "state", "Enabled");
    json_add_text(doc, object, "tenantId", call->control->tenant);
    policies = json_add_object(doc, object, "subscriptionPolicies");
    json_add_text(doc, policies, "locationPlacementId", "Public_2014-09-01");
    json_add_text(doc, policies, "quotaId", "Bootwarden_2026-01-01");
    json_add_text(doc, policies, "spendingLimit", "Off");
    json_add_text(doc, object, "authorizationSource", "RoleBased");
    json_add_array(doc, object, "managedByTenants");
    return object;
}

static void handle_list(struct control_call *call, struct control_answer *ret)
{
    const struct control *control = call->control;
    yyjson_mut_val *array = yyjson_mut_arr(call->doc), *root, *count;
    const char **ids = NULL;
    size_t n = 0;
    err_t err = control->subscriptions(control->may_context, call->caller, call->arena, &ids, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        err = yyjson_mut_arr_append(array, subscription_value(call, ids[i])) ? ERR_OK : ERR_MEMORY;
    }
    if (err) {
        control_fail(call, err, NULL, ret);
        return;
    }
    root = yyjson_mut_obj(call->doc);
    json_add_value(call->doc, root, "value", array);
    count = json_add_object(call->doc, root, "count");
    json_add_text(call->doc, count, "type", "Total");
    json_add_uint(call->doc, count, "value", n);
    control_answer_value(call, 200, root, ret);
}

static void handle_get(struct control_call *call, struct control_answer *ret)
{
    const char *id = resource_key(call->arena, call->path.subscription);

    control_answer_value(call, 200, subscription_value(call, id), ret);
}

static yyjson_mut_val *location_value(struct control_call *call, const struct region *region)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *metadata;

    json_add_text(doc, object, "id",
                  arena_printf(call->arena, "%s/locations/%s", call->path.scope, region->name));
    json_add_text(doc, object, "name", region->name);
    json_add_text(doc, object, "type", "Region");
    json_add_text(doc, object, "displayName", region->display);
    json_add_text(doc, object, "regionalDisplayName", region->display);
    metadata = json_add_object(doc, object, "metadata");
    json_add_text(doc, metadata, "regionType", "Physical");
    json_add_text(doc, metadata, "regionCategory", "Other");
    /* Where they are is nobody's business here: the names alone count. */
    json_add_text(doc, metadata, "geographyGroup", "");
    json_add_text(doc, metadata, "longitude", "0");
    json_add_text(doc, metadata, "latitude", "0");
    json_add_text(doc, metadata, "physicalLocation", "");
    json_add_array(doc, metadata, "pairedRegion");
    return object;
}

static void handle_locations(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);

    for (size_t i = 0; i < region_count(); i++) {
        (void)yyjson_mut_arr_append(array, location_value(call, region_at(i)));
    }
    control_answer_list(call, array, NULL, ret);
}

const struct control_row control_subscription_rows[] = {
    {HTTP_GET, CONTROL_TENANT, "subscriptions", NULL, handle_list, ROW_ANY_CALLER, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "", "Microsoft.Resources/subscriptions/read", handle_get,
     ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "locations",
     "Microsoft.Resources/subscriptions/locations/read", handle_locations, ROW_ANY_ROLE, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
