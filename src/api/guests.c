/*
 * guests.c - the guest API (docs/formats/guest-api.md): joining without a token of any kind, the
 * rest in the session that a TPM earned.
 */
#include "api/internal.h"

typedef void open_call(struct service *service, const struct service_call *call, struct span body,
                       struct service_answer *ret);
typedef void session_call(struct service *service, const struct service_call *call,
                          struct span bearer, struct span body, struct service_answer *ret);

static void run_open(struct http_request *request, struct http_response *response, open_call *run)
{
    struct service_call call = api_call(request);
    struct service_answer answer = {0};

    run(api_of(request)->service, &call, request->body, &answer);
    api_finish(request, &answer, response);
}

static void run_session(struct http_request *request, struct http_response *response,
                        session_call *run)
{
    struct service_call call = api_call(request);
    struct service_answer answer = {0};

    run(api_of(request)->service, &call, http_request_bearer(request), request->body, &answer);
    if (answer.status == 401) {
        http_answer_header(response, "WWW-Authenticate", "Bearer");
    }
    api_finish(request, &answer, response);
}

static void handle_join(struct http_request *request, struct http_response *response)
{
    run_open(request, response, service_guest_join);
}

static void handle_activate(struct http_request *request, struct http_response *response)
{
    run_open(request, response, service_guest_activate);
}

static void handle_session(struct http_request *request, struct http_response *response)
{
    run_open(request, response, service_guest_session);
}

static void handle_challenge(struct http_request *request, struct http_response *response)
{
    run_session(request, response, service_guest_challenge);
}

static void handle_goalstate(struct http_request *request, struct http_response *response)
{
    run_session(request, response, service_guest_goalstate);
}

static void handle_report(struct http_request *request, struct http_response *response)
{
    run_session(request, response, service_guest_report);
}

static void handle_status(struct http_request *request, struct http_response *response)
{
    run_session(request, response, service_guest_status);
}

/* A file, not JSON. */
static void handle_package(struct http_request *request, struct http_response *response)
{
    request->body = request->parameters[0];
    run_session(request, response, service_guest_package);
    if (response->status == 200) {
        response->content_type = "application/octet-stream";
    }
}

/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_POST, "/guest/v1/join", handle_join, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_GUEST},
    {HTTP_POST, "/guest/v1/activate", handle_activate, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_GUEST},
    {HTTP_POST, "/guest/v1/session", handle_session, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_GUEST},
    {HTTP_POST, "/guest/v1/challenge", handle_challenge, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_GUEST},
    {HTTP_POST, "/guest/v1/goalstate", handle_goalstate, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_GUEST},
    {HTTP_POST, "/guest/v1/report", handle_report, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_GUEST},
    {HTTP_POST, "/guest/v1/status", handle_status, API_OTHER_BODY_MAX, HTTP_NO_STORE, API_ROLE_GUEST},
    {HTTP_GET, "/guest/v1/package/{version}", handle_package, 0, HTTP_NO_STORE, API_ROLE_GUEST},
};
/* clang-format on */

struct http_routes api_guest_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
