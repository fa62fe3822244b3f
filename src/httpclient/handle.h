/*
 * handle.h - inside httpclient: a client's parts, and what its files share.
 */
#ifndef HTTPCLIENT_HANDLE_H
#define HTTPCLIENT_HANDLE_H

#include "base/buf.h"
#include "httpclient/client.h"

#include <curl/curl.h>

/* ---- addresses, through curl's parser: what we show is what it connects to ---- */

/* A part of a parsed URL; NULL when it has none. curl_free it. */
char *url_part(CURLU *parts, CURLUPart what, unsigned flags);
/* The host without brackets; false when there is none or it is too long. */
bool url_host(CURLU *parts, char *host, size_t size);
/* The port that is written, else `otherwise`; false for 0. */
bool url_port(CURLU *parts, unsigned otherwise, uint16_t *ret);
/* "host:port". */
void url_address_text(const char *host, uint16_t port, char *text, size_t size);

/* ---- the client ---- */

struct http_client {
    CURL *curl;
    char *base_url;
    char *ca_file;
    char *user_agent;
    long timeout_ms, connect_timeout_ms;
    struct http_address address;
    struct http_proxy proxy;
    struct http_failure failure;
    size_t body_max_bytes;
    char words[CURL_ERROR_SIZE]; /* curl's, of the last call */
};

/* What every handle of this client gets: limits, trust, proxy. */
CURLcode handle_set_fixed(struct http_client *client, CURL *curl);
/* The options of one call; url, body, headers and answer must live until it is done. */
CURLcode handle_set_call(CURL *curl, const char *method, const char *url, struct span body,
                         const struct curl_slist *headers, struct buf *answer);
/* Fill what the call says of itself from a handle that has performed. */
err_t handle_read_reply(CURL *curl, const struct buf *answer, struct arena *arena,
                        struct http_reply *ret) MUST_CHECK;

/* What became of a call: fills client->failure (its proxy_words were filled meanwhile), and gives
 * the error with its words. body may be NULL. */
err_t failure_read(struct http_client *client, CURL *curl, CURLcode code, const struct buf *body,
                   struct trail *trail);
/* CURLOPT_HEADERFUNCTION with the client as its context: notes the proxy's words. */
size_t failure_take_header(char *bytes, size_t size, size_t count, void *context);

#endif
