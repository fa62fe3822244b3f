#include "api/internal.h"

#include "api/fair.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/signkey.h"
#include "http/request.h"
#include "identity/gate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { METRICS_MAX_BYTES = 1024 * 1024, LOG_PATH_MAX = 128 };

/* ---- requests and answers ---- */

struct service_call api_call(struct http_request *request)
{
    struct api_worker *worker = request->worker;

    return (struct service_call){
        .arena = request->arena, .hasher = worker->hasher, .now = timestamp_now()};
}

void api_finish(struct http_request *request, const struct service_answer *answer,
                struct http_response *response)
{
    if (answer->code != NULL) {
        http_answer_error(request->arena, response, answer->status, answer->code, "%s",
                          answer->message);
    } else {
        http_answer_json(response, answer->status, answer->body);
    }
    response->retry_after_s = answer->retry_after_s;
    response->note = answer->note;
}

/* ---- probes ---- */

static void handle_healthz(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_answer_json(response, 200, span_str("{\"status\":\"ok\"}"));
}

static void handle_readyz(struct http_request *request, struct http_response *response)
{
    struct trail trail = {0};
    err_t err = service_check(api_of(request)->service, timestamp_now(), &trail);

    if (err) {
        http_answer_error(request->arena, response, 503, "ServiceUnavailable", "%s: %s",
                          err == ERR_SIGNING_KEY ? "tokens cannot be signed"
                                                 : "records cannot be written",
                          trail.what[0] != '\0' ? trail.what : err_text(err));
        response->retry_after_s = 5;
        return;
    }
    http_answer_json(response, 200, span_str("{\"status\":\"ready\"}"));
}

static void handle_metrics(struct http_request *request, struct http_response *response)
{
    struct api *api = api_of(request);
    const struct http_server *server = atomic_load(&api->server);
    CLEANUP(buf_done) struct buf text = {0};
    struct http_stats stats = {0};

    if (server != NULL) {
        http_server_stats(server, &stats);
        metric_set(api->connections, NULL, stats.open);
        metric_set(api->accepted, NULL, stats.accepted);
        metric_set(api->refused, NULL, stats.refused);
        metric_set(api->handshakes, NULL, stats.handshakes_failed);
        metric_set(api->timeouts, NULL, stats.timed_out);
    }
    buf_init(&text, METRICS_MAX_BYTES);
    metric_set(api->log_dropped, NULL, log_dropped());
    metric_set(api->unsigned_tokens, NULL, signkey_failures());
    metrics_write(api->metrics, &text);
    if (buf_err(&text) != ERR_OK) {
        http_answer_error(request->arena, response, 500, "InternalError",
                          "the metrics are larger than expected");
        return;
    }
    response->status = 200;
    response->content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response->body = arena_dup(request->arena, buf_span(&text));
}

/* clang-format off */
static const struct http_route own_routes[] = {
    {HTTP_GET, "/healthz", handle_healthz, 0, HTTP_NO_STORE | HTTP_NO_LOG, 0},
    {HTTP_GET, "/readyz", handle_readyz, 0, HTTP_NO_STORE | HTTP_NO_LOG, 0},
    {HTTP_GET, "/metrics", handle_metrics, 0, HTTP_NO_STORE | HTTP_NO_LOG, API_ROLE_METRICS},
};
/* clang-format on */

unsigned api_role_by_name(struct span name)
{
    static const struct {
        const char *name;
        unsigned role;
    } roles[] = {
        {"attest", API_ROLE_ATTEST}, {"manage", API_ROLE_MANAGE},   {"guest", API_ROLE_GUEST},
        {"portal", API_ROLE_PORTAL}, {"metrics", API_ROLE_METRICS},
    };

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (span_is(name, roles[i].name)) {
            return roles[i].role;
        }
    }
    return 0;
}

/* ---- around the requests ---- */

static void *worker_new(void *context, unsigned index)
{
    struct api_worker *worker = calloc(1, sizeof(*worker));

    (void)context;
    (void)index;
    if (worker != NULL) {
        worker->hasher = hasher_new();
        if (worker->hasher == NULL) {
            free(worker);
            worker = NULL;
        }
    }
    return worker;
}

static void worker_free(void *context)
{
    struct api_worker *worker = context;

    hasher_free(worker->hasher);
    free(worker);
}

struct span api_shown_path(struct span path, const char *route, unsigned flags)
{
    static const char secret[] = "metadata/", open[] = "metadata/endpoints";
    struct span rest = path;

    if ((flags & HTTP_SECRET_PATH) != 0) {
        return span_str(route);
    }
    while (rest.len > 0 && rest.data[0] == '/') {
        rest = span_cut(rest, 1, rest.len);
    }
    /* One that fits nothing may have been meant for a path with a secret. */
    if (route[0] == '\0' && text_span_equal_nocase(span_cut(rest, 0, strlen(secret)), secret) &&
        !text_span_equal_nocase(rest, open)) {
        return span_str("/metadata/...");
    }
    return path;
}

struct span api_request_path(const struct http_request *request)
{
    const struct http_route *route = request->route;

    return route == NULL ? api_shown_path(request->head->path, "", 0)
                         : api_shown_path(request->head->path, route->pattern, route->flags);
}

/* One request, one closing line. */
static void log_request(const struct http_done *done)
{
    struct log_line line;

    if ((done->flags & HTTP_NO_LOG) != 0 && done->status < 400) {
        return;
    }
    log_begin(&line, done->status >= 500 ? LOG_ERROR : LOG_INFO, "http.request");
    log_text(&line, "method", done->method);
    log_span(&line, "path",
             span_cut(api_shown_path(done->path, done->route, done->flags), 0, LOG_PATH_MAX));
    log_uint(&line, "status", done->status);
    if (done->error_code[0] != '\0') {
        log_text(&line, "code", done->error_code);
    }
    log_uint(&line, "us", done->duration_us);
    log_uint(&line, "in", done->body_bytes);
    log_uint(&line, "out", done->answer_bytes);
    log_text(&line, "peer", done->peer);
    log_text(&line, "id", done->id);
    if (done->note != NULL) {
        log_fields(&line, done->note);
    }
    log_end(&line);
}

static void on_done(void *context, void *worker, const struct http_done *done)
{
    struct api *api = context;
    /* The pattern, not the path: label values must not come from outside. */
    const char *route = done->route[0] != '\0' ? done->route : "none";
    char status[8];
    const char *labels[] = {route, status};

    (void)worker;
    snprintf(status, sizeof(status), "%u", done->status);
    metric_add(api->requests, labels, 1);
    metric_observe_us(api->durations, &route, done->duration_us);
    log_request(done);
}

static void register_metrics(struct api *api)
{
    static const char *const by_route_status[] = {"route", "status", NULL};
    static const char *const by_route[] = {"route", NULL};
    static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                    0.05,   0.1,   0.25,   1,     5,    30};
    struct metrics *m = api->metrics;

    api->requests = metrics_counter(m, "bootwarden_http_requests",
                                    "Answered requests by route and status.", by_route_status);
    api->durations = metrics_histogram(m, "bootwarden_http_request_duration_seconds",
                                       "From a request's first byte to its answer.", by_route,
                                       bounds, ARRAY_LEN(bounds));
    api->connections = metrics_gauge(m, "bootwarden_http_connections", "Open connections.", NULL);
    api->accepted =
        metrics_counter(m, "bootwarden_http_connections_accepted", "Accepted connections.", NULL);
    api->refused =
        metrics_counter(m, "bootwarden_http_refused",
                        "Connections and requests refused because the server was busy.", NULL);
    api->log_dropped =
        metrics_counter(m, "bootwarden_log_lines_dropped",
                        "Log lines that nobody read: standard error was full.", NULL);
    api->unsigned_tokens =
        metrics_counter(m, "bootwarden_signing_failures",
                        "Signatures that a key held outside the server did not make.", NULL);
    api->handshakes = metrics_counter(m, "bootwarden_tls_handshakes_failed",
                                      "Connections that never became TLS.", NULL);
    api->timeouts = metrics_counter(m, "bootwarden_http_requests_timed_out",
                                    "Requests that did not come in time.", NULL);
}

struct api *api_new(struct service *service, struct metrics *metrics)
{
    struct api *api = calloc(1, sizeof(*api));

    if (api == NULL) {
        return NULL;
    }
    api->fair = fair_new();
    if (api->fair == NULL) {
        free(api);
        return NULL;
    }
    api->service = service;
    api->metrics = metrics;
    register_metrics(api);
    return api;
}

void api_free(struct api *api)
{
    if (api != NULL) {
        fair_free(api->fair);
        free(api);
    }
}

void api_set_control(struct api *api, struct control *control)
{
    api->control = control;
}

void api_set_access(struct api *api, struct gate *gate, struct audit *audit)
{
    static const char *const result[] = {"result", NULL};

    api->gate = gate;
    api->audit = audit;
    api->sign_ins = metrics_counter(api->metrics, "bootwarden_sign_ins",
                                    "Token requests to the built-in identity provider.", result);
}

static void add_routes(struct api *api, struct http_routes routes_of)
{
    /* The tables are ours: one that does not fit must not go missing in part. */
    assert(routes_of.n <= API_MAX_ROUTES - api->n_routes);
    for (size_t i = 0; i < routes_of.n; i++) {
        api->routes[api->n_routes++] = routes_of.items[i];
    }
}

void api_install(struct api *api, struct http_options *options)
{
    api->n_routes = 0;
    /* Exact paths before those with names in them. */
    add_routes(api, (struct http_routes){.items = own_routes, .n = ARRAY_LEN(own_routes)});
    add_routes(api, api_guest_routes());
    add_routes(api, api_machine_routes());
    add_routes(api, api_package_routes());
    add_routes(api, api_attestation_routes());
    if (api->gate != NULL && gate_idp(api->gate) != NULL) {
        add_routes(api, api_device_routes());
        add_routes(api, api_identity_routes());
    }
    if (api->control != NULL) {
        add_routes(api, api_manage_routes());
    }
    api->n_workers = options->n_workers;
    options->routes = (struct http_routes){.items = api->routes, .n = api->n_routes};
    options->context = api;
    options->worker_new = worker_new;
    options->worker_free = worker_free;
    options->done = on_done;
}

void api_set_server(struct api *api, const struct http_server *server)
{
    atomic_store(&api->server, server);
}
