/*
 * providers.c - which namespaces and types there are, with their api-versions: from the table of
 * kinds. az takes the first version that is no preview.
 */
#include "control/internal.h"

#include "base/text.h"
#include "provider/region.h"

enum { NAMESPACES_MAX = 32 };

static struct span namespace_of(const char *type)
{
    return span_of(type, strcspn(type, "/"));
}

static void add_versions(struct control_call *call, yyjson_mut_val *object, const char *versions)
{
    yyjson_mut_val *array = json_add_array(call->doc, object, "apiVersions");

    while (*versions != '\0') {
        size_t len = strcspn(versions, " ");

        (void)yyjson_mut_arr_append(array, yyjson_mut_strncpy(call->doc, versions, len));
        versions += len + (versions[len] == ' ');
    }
}

static void add_type(struct control_call *call, yyjson_mut_val *array, const struct kind *kind)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc), *locations;

    json_add_text(call->doc, object, "resourceType", kind->type + namespace_of(kind->type).len + 1);
    locations = json_add_array(call->doc, object, "locations");
    for (size_t i = 0; (kind->flags & KIND_AT_SUBSCRIPTION) == 0 && i < region_count(); i++) {
        (void)yyjson_mut_arr_append(locations, yyjson_mut_str(call->doc, region_at(i)->display));
    }
    add_versions(call, object, kind->versions);
    json_add_text(call->doc, object, "capabilities",
                  (kind->flags & KIND_HAS_TAGS) != 0 ? "SupportsTags, SupportsLocation" : "None");
    (void)yyjson_mut_arr_append(array, object);
}

static yyjson_mut_val *provider_value(struct control_call *call, struct span ns)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc), *types;

    json_add_text(doc, object, "id",
                  arena_printf(call->arena, "%s/providers/%.*s", call->path.scope, (int)ns.len,
                               (const char *)ns.data));
    json_add_span(doc, object, "namespace", ns);
    json_add_text(doc, object, "registrationState", "Registered");
    json_add_text(doc, object, "registrationPolicy", "RegistrationFree");
    types = json_add_array(doc, object, "resourceTypes");
    for (size_t i = 0; call->control->kinds[i] != NULL; i++) {
        const struct kind *kind = call->control->kinds[i];

        if (text_spans_equal_nocase(namespace_of(kind->type), ns)) {
            add_type(call, types, kind);
        }
    }
    return object;
}

/* As the tables write it; data NULL when there is none. */
static struct span find_namespace(const struct control *control, struct span name)
{
    for (size_t i = 0; control->kinds[i] != NULL; i++) {
        if (text_spans_equal_nocase(namespace_of(control->kinds[i]->type), name)) {
            return namespace_of(control->kinds[i]->type);
        }
    }
    return (struct span){0};
}

static void handle_get(struct control_call *call, struct control_answer *ret)
{
    struct span ns = find_namespace(call->control, call->parameters[0]);

    if (ns.data == NULL) {
        control_refuse(call, ret, 404, "InvalidResourceNamespace",
                       "The resource namespace '%.*s' is invalid.", (int)call->parameters[0].len,
                       (const char *)call->parameters[0].data);
        return;
    }
    control_answer_value(call, 200, provider_value(call, ns), ret);
}

static void handle_list(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);
    struct span seen[NAMESPACES_MAX];
    size_t n = 0;

    for (size_t i = 0; call->control->kinds[i] != NULL; i++) {
        struct span ns = namespace_of(call->control->kinds[i]->type);
        bool is_known = n == NAMESPACES_MAX;

        for (size_t j = 0; j < n; j++) {
            is_known = is_known || span_equal(seen[j], ns);
        }
        if (!is_known) {
            seen[n++] = ns;
            (void)yyjson_mut_arr_append(array, provider_value(call, ns));
        }
    }
    control_answer_list(call, array, NULL, ret);
}

#define READ "Microsoft.Resources/subscriptions/providers/read"

/* Every namespace is there for everybody: to register changes nothing. */
const struct control_row control_provider_rows[] = {
    {HTTP_GET, CONTROL_TENANT, "providers", READ, handle_list, ROW_ANY_CALLER, NULL},
    {HTTP_GET, CONTROL_TENANT, "providers/{}", READ, handle_get, ROW_ANY_CALLER, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers", READ, handle_list, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/{}", READ, handle_get, ROW_ANY_ROLE, NULL},
    {HTTP_POST, CONTROL_SUBSCRIPTION, "providers/{}/register",
     "Microsoft.Resources/subscriptions/providers/register/action", handle_get, 0, NULL},
    {HTTP_POST, CONTROL_SUBSCRIPTION, "providers/{}/unregister",
     "Microsoft.Resources/subscriptions/providers/unregister/action", handle_get, 0, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
