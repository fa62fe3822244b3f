/*
 * resources.c - attestation providers as resources: the paths of Microsoft.Attestation.
 */
#include "service/resources.h"

#include "api/internal.h"
#include "api/protect.h"

#include <string.h>

#define SUBSCRIPTION "/subscriptions/{subscription}"
#define GROUP SUBSCRIPTION "/resourceGroups/{group}"
#define PROVIDERS "/providers/Microsoft.Attestation/attestationProviders"

/* attestation-api section 8 */
static bool check_version(struct http_request *request, struct http_response *response)
{
    static const char *const versions[] = {"2018-09-01-preview", "2020-10-01", "2021-06-01-preview",
                                           "2021-06-01"};
    struct span version = http_request_query(request, "api-version");

    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (span_is(version, versions[i])) {
            return true;
        }
    }
    if (version.data == NULL) {
        http_answer_error(request->arena, response, 400, "MissingApiVersionParameter",
                          "The api-version query parameter (?api-version=) is required for all "
                          "requests.");
    } else {
        http_answer_error(request->arena, response, 400, "InvalidResourceType",
                          "The resource type 'attestationProviders' has no api-version '%.*s'. The "
                          "supported api-versions are '2018-09-01-preview,2020-10-01,"
                          "2021-06-01-preview,2021-06-01'.",
                          (int)(version.len < 40 ? version.len : 40), (const char *)version.data);
    }
    return false;
}

/* How much of the path names a scope: the subscription, the group, or the provider. */
enum depth { OF_SUBSCRIPTION = 1, OF_GROUP, OF_PROVIDER };

static struct resource_path path_of(const struct http_request *request, enum depth depth)
{
    struct resource_path path = {.subscription = request->parameters[0]};

    if (depth >= OF_GROUP) {
        path.group = request->parameters[1];
    }
    if (depth == OF_PROVIDER) {
        path.name = request->parameters[2];
    }
    return path;
}

static const char *scope_of(const struct http_request *request, enum depth depth)
{
    const struct span *p = request->parameters;
    struct arena *arena = request->arena;
    const char *scope = arena_printf(arena, "/subscriptions/%.*s", (int)p[0].len, p[0].data);

    if (scope != NULL && depth >= OF_GROUP) {
        scope = arena_printf(arena, "%s/resourceGroups/%.*s", scope, (int)p[1].len, p[1].data);
    }
    if (scope != NULL && depth == OF_PROVIDER) {
        scope = arena_printf(arena, "%s" PROVIDERS "/%.*s", scope, (int)p[2].len, p[2].data);
    }
    return scope;
}

typedef void resource_call(struct service *service, const struct service_call *call,
                           const struct resource_path *path, struct span body,
                           struct service_answer *ret);

static void run(struct http_request *request, struct http_response *response, enum depth depth,
                const char *action, resource_call *run_call)
{
    const struct resource_path path = path_of(request, depth);
    struct service_call call = api_call(request);
    struct service_answer answer = {0};
    struct access_caller caller = {0};
    struct protect_change change = {
        .caller = &caller, .action = action, .scope = scope_of(request, depth)};
    bool is_change = strcmp(action, ACCESS_PROVIDER_READ) != 0;

    if (change.scope == NULL) {
        http_answer_error(request->arena, response, 500, "InternalError", "out of memory");
        return;
    }
    if (!check_version(request, response) ||
        !protect_check(request, response, ACCESS_MANAGEMENT, action, change.scope, &caller) ||
        (is_change && !protect_begin(request, response, &change))) {
        return;
    }
    run_call(api_of(request)->service, &call, &path, request->body, &answer);
    api_finish(request, &answer, response);
    if (is_change) {
        protect_finish(request, response, &change);
    }
}

/* ---- calls ---- */

static void call_get(struct service *service, const struct service_call *call,
                     const struct resource_path *path, struct span body, struct service_answer *ret)
{
    (void)body;
    service_resource_get(service, call, path, ret);
}

static void call_list(struct service *service, const struct service_call *call,
                      const struct resource_path *path, struct span body,
                      struct service_answer *ret)
{
    (void)body;
    service_resource_list(service, call, path, ret);
}

static void call_delete(struct service *service, const struct service_call *call,
                        const struct resource_path *path, struct span body,
                        struct service_answer *ret)
{
    (void)body;
    service_resource_delete(service, call, path, ret);
}

static void call_rotate(struct service *service, const struct service_call *call,
                        const struct resource_path *path, struct span body,
                        struct service_answer *ret)
{
    (void)body;
    service_resource_rotate(service, call, path, ret);
}

static void call_defaults(struct service *service, const struct service_call *call,
                          const struct resource_path *path, struct span body,
                          struct service_answer *ret)
{
    (void)path;
    (void)body;
    service_resource_defaults(service, call, ret);
}

/* ---- handlers ---- */

static void handle_get(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_READ, call_get);
}

static void handle_put(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_WRITE, service_resource_put);
}

static void handle_patch(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_WRITE, service_resource_patch);
}

static void handle_delete(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_DELETE, call_delete);
}

static void handle_rotate(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_WRITE, call_rotate);
}

static void handle_list_group(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_GROUP, ACCESS_PROVIDER_READ, call_list);
}

static void handle_list_subscription(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_SUBSCRIPTION, ACCESS_PROVIDER_READ, call_list);
}

static void handle_defaults(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_SUBSCRIPTION, ACCESS_PROVIDER_READ, call_defaults);
}

/* The second name is a location's here, and no part of the scope. */
static void call_default(struct service *service, const struct service_call *call,
                         const struct resource_path *path, struct span body,
                         struct service_answer *ret)
{
    (void)path;
    service_resource_default(service, call, body, ret);
}

static void handle_default(struct http_request *request, struct http_response *response)
{
    request->body = request->parameters[1]; /* a GET has none of its own */
    run(request, response, OF_SUBSCRIPTION, ACCESS_PROVIDER_READ, call_default);
}

/* ---- what is the same for everybody ---- */

static void handle_operations(struct http_request *request, struct http_response *response)
{
    static const char operations[] = "{\"value\":["
#define OPERATION(NAME, OPERATION_TEXT, DESCRIPTION)                                               \
    "{\"name\":\"Microsoft.Attestation/attestationProviders/" NAME "\",\"display\":{\"provider\":" \
    "\"Microsoft Azure Attestation\",\"resource\":\"Attestation\",\"operation\":\"" OPERATION_TEXT \
    "\",\"description\":\"" DESCRIPTION "\"}}"
        OPERATION("read", "Read", "Gets an attestation provider.") "," OPERATION("write", "Write", "Adds or changes an attestation provider.") "," OPERATION(
            "delete", "Delete",
            "Removes an attestation provider.") "," OPERATION("attestation/read", "Read",
                                                              "Gets the attestation service "
                                                              "status.") "," OPERATION("attestation"
                                                                                       "/write",
                                                                                       "Write",
                                                                                       "Adds "
                                                                                       "attestation"
                                                                                       " service.") "," OPERATION("attestation/delete",
                                                                                                                  "Delete",
                                                                                                                  "Removes attestation service.")
#undef OPERATION
            "]}";

    if (check_version(request, response)) {
        http_answer_json(response, 200, span_str(operations));
    }
}

/* Private endpoints belong to a network that this server does not run: there are none, and none are
 * made. */
static void call_no_connections(struct service *service, const struct service_call *call,
                                const struct resource_path *path, struct span body,
                                struct service_answer *ret)
{
    service_resource_get(service, call, path, ret);
    (void)body;
    if (ret->code == NULL) {
        ret->body = span_str("{\"value\":[]}");
    }
}

static void handle_connections(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_READ, call_no_connections);
}

static void call_link_resources(struct service *service, const struct service_call *call,
                                const struct resource_path *path, struct span body,
                                struct service_answer *ret)
{
    service_resource_get(service, call, path, ret);
    (void)body;
    if (ret->code == NULL) {
        ret->body = span_str(
            "{\"value\":[{\"name\":\"tenant\",\"type\":\"Microsoft.Attestation/"
            "attestationProviders/privateLinkResources\",\"properties\":{\"groupId\":\"standard\","
            "\"requiredMembers\":[\"default\"],\"requiredZoneNames\":[\"privatelink.attest.azure."
            "net\"]"
            "}}]}");
    }
}

static void handle_link_resources(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_READ, call_link_resources);
}

static void call_connection(struct service *service, const struct service_call *call,
                            const struct resource_path *path, struct span body,
                            struct service_answer *ret)
{
    service_resource_get(service, call, path, ret);
    (void)body;
    if (ret->code == NULL) {
        *ret = (struct service_answer){.status = 404,
                                       .code = "PrivateEndpointConnectionNotFound",
                                       .message = "there are no private endpoint connections: this "
                                                  "server has no private networks of its own"};
    }
}

static void handle_connection_get(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_READ, call_connection);
}

static void handle_connection_change(struct http_request *request, struct http_response *response)
{
    run(request, response, OF_PROVIDER, ACCESS_PROVIDER_WRITE, call_connection);
}

/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_GET, "/providers/Microsoft.Attestation/operations", handle_operations, 0, 0, API_ROLE_MANAGE},
    {HTTP_GET, SUBSCRIPTION PROVIDERS, handle_list_subscription, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, SUBSCRIPTION "/providers/Microsoft.Attestation/defaultProviders", handle_defaults, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, SUBSCRIPTION "/providers/Microsoft.Attestation/locations/{location}/defaultProvider", handle_default, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, GROUP PROVIDERS, handle_list_group, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, GROUP PROVIDERS "/{name}", handle_get, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_PUT, GROUP PROVIDERS "/{name}", handle_put, API_RESOURCE_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_PATCH, GROUP PROVIDERS "/{name}", handle_patch, API_RESOURCE_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_DELETE, GROUP PROVIDERS "/{name}", handle_delete, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, GROUP PROVIDERS "/{name}/rotateKey", handle_rotate, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, GROUP PROVIDERS "/{name}/privateEndpointConnections", handle_connections, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, GROUP PROVIDERS "/{name}/privateEndpointConnections/{connection}", handle_connection_get, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_PUT | HTTP_DELETE, GROUP PROVIDERS "/{name}/privateEndpointConnections/{connection}", handle_connection_change, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_GET, GROUP PROVIDERS "/{name}/privateLinkResources", handle_link_resources, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
};
/* clang-format on */
struct http_routes api_resource_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
