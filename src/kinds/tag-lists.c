/*
 * tag-lists.c - the service tags as clients list them: serviceTags, all at once, and
 * serviceTagDetails, with filters.
 */
#include "kinds/network.h"

#include "base/text.h"

#include <stdio.h>

#define TAGS_READ "Microsoft.Network/locations/serviceTags/read"
#define DETAILS_READ "Microsoft.Network/locations/serviceTagDetails/read"
#define LOCATION "providers/Microsoft.Network/locations/{}/"

static const char *list_id(struct control_call *call, const struct service_tags *tags)
{
    return arena_printf(call->arena, "%s/providers/Microsoft.Network/serviceTags/%s",
                        call->path.scope, tags->cloud);
}

static bool take(struct control_call *call, struct tags_snapshot **ret_snapshot,
                 struct control_answer *ret)
{
    *ret_snapshot = service_tags_take(control_service_tags(call->control));
    if (*ret_snapshot == NULL) {
        control_refuse(call, ret, 503, "ServiceUnavailable", "there are no service tags here");
    }
    return *ret_snapshot != NULL;
}

static void handle_tags(struct control_call *call, struct control_answer *ret)
{
    CLEANUP(tags_release) struct tags_snapshot *snapshot = NULL;

    if (take(call, &snapshot, ret)) {
        const struct service_tags *tags = tags_of(snapshot);

        control_answer_value(call, 200, tags_write_rest(call->doc, tags, list_id(call, tags)), ret);
    }
}

/* {"value": [...]}: of one tag, or without its prefixes, if the query says so. */
static void handle_details(struct control_call *call, struct control_answer *ret)
{
    CLEANUP(tags_release) struct tags_snapshot *snapshot = NULL;
    struct span name = control_query(call, "tagName");
    bool is_bare = text_span_equal_nocase(control_query(call, "noAddressPrefixes"), "true");
    yyjson_mut_val *list = yyjson_mut_arr(call->doc), *item;
    yyjson_mut_arr_iter iter;

    if (!take(call, &snapshot, ret)) {
        return;
    }
    (void)yyjson_mut_arr_iter_init(
        body_get(tags_write_rest(call->doc, tags_of(snapshot), ""), "values"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *tag = body_text_at(item, "name");

        if (name.len > 0 && (tag == NULL || !text_span_equal_nocase(name, tag))) {
            continue;
        }
        if (is_bare) {
            body_drop(body_get(item, "properties"), "addressPrefixes");
        }
        (void)yyjson_mut_arr_append(list, yyjson_mut_val_mut_copy(call->doc, item));
    }
    control_answer_list(call, list, NULL, ret);
}

const struct control_row tag_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, LOCATION "serviceTags", TAGS_READ, handle_tags, ROW_ANY_ROLE,
     NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, LOCATION "serviceTagDetails", DETAILS_READ, handle_details,
     ROW_ANY_ROLE, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
