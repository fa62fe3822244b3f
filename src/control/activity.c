/*
 * activity.c - what was done to whom: the activity log, as clients of Microsoft.Insights read it.
 */
#include "control/internal.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "control/filter.h"

#include <stdlib.h>

enum { PAGE = 200, DAY_S = 86400 };

void activity_record(struct control_call *call, const struct control_target *target,
                     const struct control_answer *answer)
{
    struct store_activity activity = {
        .time = call->now,
        .subscription = resource_key(call->arena, call->path.subscription),
        .resource =
            resource_key(call->arena, span_str(target->id != NULL ? target->id : target->scope)),
        .action = target->action == NULL ? "" : target->action,
        .status = answer->code != NULL                                    ? "Failed"
                  : answer->operation != NULL || answer->location != NULL ? "Accepted"
                                                                          : "Succeeded",
        .caller = caller_name(call->caller),
        .correlation = call->correlation,
    };
    yyjson_mut_val *detail = yyjson_mut_obj(call->doc);
    struct trail trail = {0};
    err_t err;

    json_add_uint(call->doc, detail, "httpStatus", answer->status);
    json_add_text(call->doc, detail, "objectId", call->caller->object_id);
    if (call->is_rule) {
        json_add_bool(call->doc, detail, "byRule", true);
    }
    if (answer->code != NULL) {
        json_add_text(call->doc, detail, "code", answer->code);
        json_add_text(call->doc, detail, "message", answer->message);
    }
    activity.detail = json_write(call->arena, call->doc, detail, false);
    if (activity.subscription == NULL || activity.resource == NULL ||
        activity.detail.data == NULL || activity.subscription[0] == '\0') {
        return;
    }
    err = store_activity_add(call->control->store, &activity, &trail);
    control_log_lost("entry of the activity log", activity.resource, err, &trail);
}

static yyjson_mut_val *localized(struct control_call *call, yyjson_mut_val *object,
                                 const char *name, const char *value)
{
    yyjson_mut_val *member = json_add_object(call->doc, object, name);

    json_add_text(call->doc, member, "value", value);
    json_add_text(call->doc, member, "localizedValue", value);
    return member;
}

static yyjson_mut_val *event_value(struct control_call *call, const struct store_activity *a)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *properties = NULL;
    yyjson_val *detail = NULL;
    struct resource_path path = {0};
    char time[TIMESTAMP_SIZE];

    timestamp_format(a->time, time, sizeof(time));
    json_add_text(doc, object, "eventTimestamp", time);
    json_add_text(doc, object, "submissionTimestamp", time);
    json_add_text(doc, object, "eventDataId", arena_printf(call->arena, "%lld", (long long)a->id));
    json_add_text(doc, object, "correlationId", a->correlation);
    json_add_text(doc, object, "operationId", a->correlation);
    json_add_text(doc, object, "caller", a->caller);
    json_add_text(doc, object, "resourceId", a->resource);
    json_add_text(doc, object, "subscriptionId", a->subscription);
    if (resource_id_read(call->arena, span_str(a->resource), NULL, &path) == ERR_OK &&
        path.group.data != NULL) {
        json_add_span(doc, object, "resourceGroupName", path.group);
    }
    localized(call, object, "operationName", a->action);
    localized(call, object, "status", a->status);
    localized(call, object, "subStatus", "");
    localized(call, object, "eventName",
              strcmp(a->status, "Accepted") == 0 ? "BeginRequest" : "EndRequest");
    localized(call, object, "category", "Administrative");
    json_add_text(doc, object, "level",
                  strcmp(a->status, "Failed") == 0 ? "Error" : "Informational");
    json_add_text(doc, object, "channels", "Operation");
    if (json_read(call->arena, a->detail, NULL, NULL, &detail) == ERR_OK) {
        properties = yyjson_val_mut_copy(doc, detail);
    }
    json_add_value(doc, object, "properties",
                   properties == NULL ? yyjson_mut_obj(doc) : properties);
    return object;
}

static bool read_time(struct control_call *call, struct span text, int64_t *ret)
{
    struct span copy = arena_dup(call->arena, text);

    return copy.data != NULL && timestamp_parse((const char *)copy.data, ret) == ERR_OK;
}

/* What the filter asks for; false and refused. */
static bool read_query(struct control_call *call, struct store_activity_query *query,
                       struct control_answer *ret)
{
    struct filter filter;
    struct trail trail = {0};
    struct span group, resource;
    err_t err = filter_read(call->arena, call->filter, &trail, &filter);

    query->from = call->now - (int64_t)STORE_ACTIVITY_DAYS * DAY_S;
    query->to = INT64_MAX;
    for (size_t i = 0; err == ERR_OK && i < filter.n; i++) {
        const struct filter_term *term = &filter.terms[i];
        int64_t time;

        if (!text_span_equal_nocase(term->name, "eventTimestamp")) {
            continue;
        }
        if (!read_time(call, term->value, &time)) {
            err = trail_set(&trail, ERR_VALUE, "$filter: eventTimestamp is no time");
        } else if (term->operator== FILTER_GE || term->operator== FILTER_GT) {
            query->from = time;
        } else {
            query->to = time;
        }
    }
    if (err) {
        control_refuse(call, ret, 400, "BadRequest", "%s", trail.what);
        return false;
    }
    group = filter_value(&filter, "resourceGroupName");
    resource = filter_value(&filter, "resourceUri");
    query->below = resource_key(call->arena, span_str(call->path.scope));
    if (resource.data != NULL) {
        query->below = resource_key(call->arena, resource);
    } else if (group.data != NULL) {
        query->below =
            resource_key(call->arena, span_str(arena_printf(call->arena, "%s/resourceGroups/%.*s",
                                                            call->path.scope, (int)group.len,
                                                            (const char *)group.data)));
    }
    query->subscription = resource_key(call->arena, call->path.subscription);
    return true;
}

static void handle_events(struct control_call *call, struct control_answer *ret)
{
    const char *after = page_after(call, ret);
    struct store_activity_query query = {.max = PAGE,
                                         .before = after == NULL ? 0 : strtoll(after, NULL, 10)};
    struct store_activity *events = NULL;
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);
    struct trail trail = {0};
    size_t n = 0;
    err_t err;

    if (after == NULL || !read_query(call, &query, ret)) {
        return;
    }
    err = query.below == NULL || query.subscription == NULL
              ? ERR_MEMORY
              : store_activities(call->control->store, call->arena, &query, &trail, &events, &n);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        err = yyjson_mut_arr_append(array, event_value(call, &events[i])) ? ERR_OK : ERR_MEMORY;
    }
    if (err) {
        control_fail(call, err, &trail, ret);
        return;
    }
    control_answer_list(
        call, array,
        n < PAGE ? NULL : arena_printf(call->arena, "%lld", (long long)events[n - 1].id), ret);
}

const struct control_row control_activity_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/Microsoft.Insights/eventtypes/management/values",
     "Microsoft.Insights/eventtypes/values/read", handle_events, 0, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
