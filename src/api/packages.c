/*
 * packages.c - packages of the agent for their owners: paths of Bootwarden.Monitor
 * (docs/formats/machines.md).
 */
#include "api/internal.h"
#include "package/package.h"

#define BELOW API_MONITOR "/packages"
#define READ "Bootwarden.Monitor/packages/read"
#define WRITE "Bootwarden.Monitor/packages/write"
#define REMOVE "Bootwarden.Monitor/packages/delete"

static void handle_list(struct http_request *request, struct http_response *response)
{
    api_owner_run(request, response, "packages", READ, service_package_list);
}

static void handle_publish(struct http_request *request, struct http_response *response)
{
    api_owner_run(request, response, "packages", WRITE, service_package_publish);
}

/* Which of its platforms: all, or the one of the query. */
static void run_one(struct http_request *request, struct http_response *response,
                    const char *action, machine_call *call)
{
    request->body = http_request_query(request, "platform");
    api_owner_run(request, response, "packages", action, call);
}

static void handle_stop(struct http_request *request, struct http_response *response)
{
    run_one(request, response, WRITE, service_package_stop);
}

static void handle_resume(struct http_request *request, struct http_response *response)
{
    run_one(request, response, WRITE, service_package_resume);
}

static void handle_withdraw(struct http_request *request, struct http_response *response)
{
    run_one(request, response, REMOVE, service_package_withdraw);
}

/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_GET, BELOW, handle_list, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW, handle_publish, PACKAGE_FILE_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/{version}:stop", handle_stop, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_POST, BELOW "/{version}:resume", handle_resume, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_MANAGE},
    {HTTP_DELETE, BELOW "/{version}", handle_withdraw, 0, HTTP_NO_STORE, API_ROLE_MANAGE},
};
/* clang-format on */

struct http_routes api_package_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
