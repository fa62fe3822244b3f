/*
 * client.h - call one HTTPS service, with deadlines and limits: JSON in, JSON out as a rule.
 *
 * A client holds one connection to one base address and belongs to one thread. Only https is
 * spoken (TLS 1.2 or later), redirects are never followed (a bearer token must not travel to
 * somebody else's address), proxies come from settings or the environment (proxy.h) and are chosen
 * once, when the client is made. With a CA file nothing but that file is trusted, not even the
 * system's roots; a proxy that speaks TLS itself is trusted by that file or by those roots.
 *
 * Not reaching the service is an error: ERR_TIMEOUT when it took too long, ERR_UNTRUSTED when its
 * certificate is refused (which no repetition mends), ERR_USAGE when the CA file holds none,
 * ERR_NETWORK for the rest, ERR_TOO_LARGE for an answer over the limit. The trail's `where` is
 * "host:port", its `what` the cause in words: name resolution, refused, no route, which certificate
 * problem, what the proxy (named with its host and port) said. http_client_failure says the same
 * for programs. An answer with any status is a success of the call: the caller looks at `status`.
 */
#ifndef HTTPCLIENT_CLIENT_H
#define HTTPCLIENT_CLIENT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "httpclient/address.h"
#include "httpclient/failure.h"
#include "httpclient/proxy.h"

enum {
    HTTP_CLIENT_TIMEOUT_MS = 30 * 1000,
    HTTP_CLIENT_CONNECT_TIMEOUT_MS = 10 * 1000,
    HTTP_CLIENT_BODY_MAX_BYTES = 1024 * 1024,
};

struct http_client;

struct http_client_options {
    const char *base_url;        /* "https://host[:port][/path]"; a last slash is ignored */
    const char *ca_file;         /* PEM; NULL = the system's roots */
    const char *user_agent;      /* NULL = "bootwarden/VERSION" */
    unsigned timeout_ms;         /* the whole call; 0 = HTTP_CLIENT_TIMEOUT_MS */
    unsigned connect_timeout_ms; /* 0 = HTTP_CLIENT_CONNECT_TIMEOUT_MS, or less with timeout_ms */
    size_t body_max_bytes;       /* of an answer; 0 = HTTP_CLIENT_BODY_MAX_BYTES */
    struct http_proxy_settings proxy; /* {0}: as the environment says */
};

/* Is there a CA file, with something in PEM form in it? ERR_USAGE with words. Nothing is started.
 */
err_t http_ca_file_check(const char *path, struct trail *trail) MUST_CHECK;

struct http_reply {
    unsigned status;
    unsigned retry_after_s; /* from Retry-After; 0 when there is none */
    struct span body;       /* in the arena, NUL behind it */
};

/* Copies the options. ERR_USAGE for an address that is not https, for a CA file that is missing,
 * unreadable or no regular file, and for a proxy that is no address; nothing is connected yet. */
err_t http_client_new(const struct http_client_options *options, struct trail *trail,
                      struct http_client **ret) MUST_CHECK;
void http_client_free(struct http_client *client);
DEFINE_CLEANUP(struct http_client *, http_client_free)

/* "host:port" for messages; borrowed. */
const char *http_client_address(const struct http_client *client);
/* Where it connects to, and by which proxy; borrowed. */
const struct http_address *http_client_target(const struct http_client *client);
const struct http_proxy *http_client_proxy(const struct http_client *client);
/* What stopped the last call; borrowed, until the next. */
const struct http_failure *http_client_failure(const struct http_client *client);

struct http_client_request {
    const char *method;       /* GET, HEAD, POST, PUT, PATCH or DELETE */
    const char *path;         /* begins with "/" and may carry a query */
    const char *bearer;       /* NULL = none */
    struct span body;         /* data NULL = none */
    const char *content_type; /* of the body; NULL = "application/json" */
    /* Takes the body of a 200 as it comes, at most body_max_bytes of it; false ends the call with
     * ERR_IO. The reply has none then. NULL: the reply has it. */
    bool (*sink)(void *context, struct span piece);
    void *sink_context;
};
/* One call. Nothing of the request is kept. */
err_t http_client_send(struct http_client *client, const struct http_client_request *request,
                       struct arena *arena, struct trail *trail, struct http_reply *ret) MUST_CHECK;
/* The same in short, for JSON. */
err_t http_client_call(struct http_client *client, const char *method, const char *path,
                       const char *bearer, struct span body, struct arena *arena,
                       struct trail *trail, struct http_reply *ret) MUST_CHECK;

#endif
