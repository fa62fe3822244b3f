/* Who may send the answers read here: whoever sits at the configured address, or on the way to it
 * before TLS holds. */
#include "httpclient/client.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEADER_MAX_BYTES = 8192, ADDRESS_MAX = 300 };

struct http_client {
    CURL *curl;
    char *base_url;
    char *ca_file;
    char address[ADDRESS_MAX];
    size_t body_max_bytes;
    char words[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started = CURLE_FAILED_INIT;

static void start_curl(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Checks the scheme and writes "host:port". */
static err_t read_address(const char *url, char *address, struct trail *trail)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *query = NULL;
    err_t err = ERR_OK;

    if (parts == NULL) {
        return ERR_MEMORY;
    }
    if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        err = trail_set(trail, ERR_USAGE, "'%.200s' is not an address like https://host:port", url);
    } else if (strcmp(scheme, "https") != 0) {
        err = trail_set(trail, ERR_USAGE, "'%.200s' must begin with https://", url);
    } else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK ||
               curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_OK) {
        err = trail_set(trail, ERR_USAGE, "'%.200s' must hold no user and no query", url);
    } else {
        snprintf(address, ADDRESS_MAX, "%.256s:%s", host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    curl_free(query);
    curl_url_cleanup(parts);
    return err;
}

static CURLcode set_fixed_options(struct http_client *client, const struct http_client_options *o)
{
    static const char agent[] = "bootwarden/" BOOTWARDEN_VERSION;
    long timeout = o->timeout_ms != 0 ? (long)o->timeout_ms : HTTP_CLIENT_TIMEOUT_MS;
    long connect =
        o->connect_timeout_ms != 0 ? (long)o->connect_timeout_ms : HTTP_CLIENT_CONNECT_TIMEOUT_MS;
    CURL *curl = client->curl;
    CURLcode code = CURLE_OK;

    if (connect > timeout) {
        connect = timeout;
    }
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->words);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* ".." is a name, too */
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect);
    code = code ? code
                : curl_easy_setopt(curl, CURLOPT_USERAGENT,
                                   o->user_agent != NULL ? o->user_agent : agent);
    if (client->ca_file != NULL) {
        code = code ? code : curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    return code;
}

/* Copies of the strings, and curl's handle. */
static struct http_client *client_alloc(const struct http_client_options *options,
                                        const char *address)
{
    struct http_client *client = calloc(1, sizeof(*client));
    size_t len;

    if (client == NULL) {
        return NULL;
    }
    client->base_url = strdup(options->base_url);
    client->ca_file = options->ca_file != NULL ? strdup(options->ca_file) : NULL;
    client->body_max_bytes =
        options->body_max_bytes != 0 ? options->body_max_bytes : (size_t)HTTP_CLIENT_BODY_MAX_BYTES;
    client->curl = curl_easy_init();
    if (client->base_url == NULL || client->curl == NULL ||
        (options->ca_file != NULL && client->ca_file == NULL)) {
        http_client_free(client);
        return NULL;
    }
    snprintf(client->address, sizeof(client->address), "%s", address);
    len = strlen(client->base_url);
    while (len > 0 && client->base_url[len - 1] == '/') {
        client->base_url[--len] = '\0';
    }
    return client;
}

/* libcurl looks at it only when it connects, and says little. */
static err_t check_ca_file(const char *path, struct trail *trail)
{
    if (!file_exists(path)) {
        return trail_set(trail, ERR_USAGE, "the CA file '%.200s' does not exist", path);
    }
    if (!file_is_regular(path)) {
        return trail_set(trail, ERR_USAGE, "the CA file '%.200s' is no file but something else",
                         path);
    }
    if (access(path, R_OK) != 0) {
        return trail_set(trail, ERR_USAGE, "the CA file '%.200s' cannot be read: %s", path,
                         strerror(errno));
    }
    return ERR_OK;
}

err_t http_client_new(const struct http_client_options *options, struct trail *trail,
                      struct http_client **ret)
{
    CLEANUP(http_client_free) struct http_client *client = NULL;
    char address[ADDRESS_MAX];
    err_t err;

    pthread_once(&curl_once, start_curl);
    if (curl_started != CURLE_OK) {
        return trail_set(trail, ERR_INTERNAL, "libcurl does not start");
    }
    err = read_address(options->base_url, address, trail);
    if (err) {
        return err;
    }
    err = options->ca_file != NULL ? check_ca_file(options->ca_file, trail) : ERR_OK;
    if (err) {
        return err;
    }
    client = client_alloc(options, address);
    if (client == NULL) {
        return ERR_MEMORY;
    }
    if (set_fixed_options(client, options) != CURLE_OK) {
        return trail_set(trail, ERR_INTERNAL, "libcurl lacks an option that is needed");
    }
    *ret = TAKE(client);
    return ERR_OK;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    curl_easy_cleanup(client->curl);
    free(client->base_url);
    free(client->ca_file);
    free(client);
}

const char *http_client_address(const struct http_client *client)
{
    return client->address;
}

/* Where an answer goes. */
struct taking {
    const struct http_client_request *request;
    CURL *curl;
    struct buf body;
    size_t n_sunk, max;
};

static bool sink(struct taking *taking, struct span piece)
{
    if (piece.len > taking->max - taking->n_sunk) {
        taking->body.err = ERR_TOO_LARGE;
        return false;
    }
    taking->n_sunk += piece.len;
    if (!taking->request->sink(taking->request->sink_context, piece)) {
        taking->body.err = ERR_IO;
    }
    return taking->body.err == ERR_OK;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct taking *taking = context;
    struct span piece = span_of(bytes, size * count);
    long status = 0;

    if (taking->request->sink != NULL &&
        curl_easy_getinfo(taking->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
        status == 200) {
        return sink(taking, piece) ? piece.len : 0;
    }
    buf_add(&taking->body, piece);
    return taking->body.err ? 0 : piece.len;
}

/* What curl calls the failure, in our words; curl's own go behind them where they say more. */
static const char *cause_words(CURLcode code)
{
    /* The enum has a hundred members and grows; the ones that people meet have a name here. */
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the name cannot be resolved";
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "the name of the proxy cannot be resolved";
    case CURLE_COULDNT_CONNECT:
        return "no connection";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "the server's certificate is refused";
    case CURLE_SSL_CONNECT_ERROR:
        return "TLS failed";
    case CURLE_GOT_NOTHING:
        return "the server closed the connection without an answer";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return "the connection broke";
    default:
        return curl_easy_strerror(code);
    }
}

static err_t call_error(struct http_client *client, CURLcode code, const struct buf *body,
                        struct trail *trail)
{
    curl_off_t connect_us = 0;
    long os_error = 0;
    err_t err = ERR_NETWORK;

    if (body->err == ERR_TOO_LARGE) {
        err = trail_set(trail, ERR_TOO_LARGE, "the answer is larger than %zu bytes",
                        client->body_max_bytes);
    } else if (body->err != ERR_OK) {
        err = body->err;
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        curl_easy_getinfo(client->curl, CURLINFO_APPCONNECT_TIME_T, &connect_us);
        err = trail_set(trail, ERR_TIMEOUT, "%s",
                        connect_us > 0 ? "connected, but the answer did not come in time"
                                       : "connection timed out");
    } else if (code == CURLE_PEER_FAILED_VERIFICATION) {
        err = trail_set(trail, ERR_UNTRUSTED, "%s%s%s", cause_words(code),
                        client->words[0] != '\0' ? ": " : "", client->words);
    } else if (code == CURLE_SSL_CACERT_BADFILE) {
        err = trail_set(trail, ERR_USAGE, "the CA file '%.200s' holds no certificate in PEM form",
                        client->ca_file != NULL ? client->ca_file : "of the system");
    } else if (code == CURLE_OUT_OF_MEMORY) {
        err = ERR_MEMORY;
    } else if (code == CURLE_COULDNT_CONNECT &&
               curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK &&
               os_error != 0) {
        /* "Connection refused", "No route to host": what to look for. curl's words lack it. */
        trail_set(trail, err, "%s", strerror((int)os_error));
    } else {
        trail_set(trail, err, "%s%s%s", cause_words(code), client->words[0] != '\0' ? ": " : "",
                  client->words);
    }
    return trail_in(trail, err, client->address);
}

/* A line break in a token would let its sender write headers. */
static bool is_header_safe(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return false;
        }
    }
    return strlen(text) < HEADER_MAX_BYTES - 64;
}

static err_t make_headers(const struct http_client_request *request, struct curl_slist **ret)
{
    struct curl_slist *list = NULL, *more;
    char line[HEADER_MAX_BYTES], type[128];
    /* No "Expect: 100-continue": bodies are small, a round trip is not. */
    const char *lines[] = {"Accept: application/json", "Expect:", NULL, NULL};
    size_t n = 2;

    if (request->body.data != NULL) {
        snprintf(type, sizeof(type), "Content-Type: %s",
                 request->content_type != NULL ? request->content_type : "application/json");
        lines[n++] = type;
    }
    if (request->bearer != NULL) {
        snprintf(line, sizeof(line), "Authorization: Bearer %s", request->bearer);
        lines[n++] = line;
    }
    for (size_t i = 0; i < n; i++) {
        more = curl_slist_append(list, lines[i]);
        if (more == NULL) {
            curl_slist_free_all(list);
            return ERR_MEMORY;
        }
        list = more;
    }
    *ret = list;
    return ERR_OK;
}

static CURLcode set_call_options(CURL *curl, const char *method, const char *url, struct span body,
                                 const struct curl_slist *headers, struct taking *answer)
{
    bool is_head = strcmp(method, "HEAD") == 0;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);

    /* HTTPGET undoes what the call before set. */
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOBODY, is_head ? 1L : 0L);
    if (body.data != NULL) {
        code = code ? code : curl_easy_setopt(curl, CURLOPT_POST, 1L);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body.data);
        code =
            code ? code : curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    }
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, is_head ? NULL : method);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    return code;
}

static err_t read_reply(CURL *curl, const struct buf *answer, struct arena *arena,
                        struct http_reply *ret)
{
    long status = 0;
    curl_off_t retry_after = 0;
    struct span body = arena_dup(arena, buf_span(answer));

    if (body.data == NULL) {
        return ERR_MEMORY;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    ret->status = (unsigned)status;
    ret->retry_after_s = retry_after > 0 && retry_after < 86400 ? (unsigned)retry_after : 0;
    ret->body = body;
    return ERR_OK;
}

err_t http_client_send(struct http_client *client, const struct http_client_request *request,
                       struct arena *arena, struct trail *trail, struct http_reply *ret)
{
    struct taking answer = {
        .request = request, .curl = client->curl, .max = client->body_max_bytes};
    const char *url = arena_printf(arena, "%s%s", client->base_url, request->path);
    struct curl_slist *headers = NULL;
    CURLcode code;
    err_t err;

    if (url == NULL) {
        return ERR_MEMORY;
    }
    if (request->bearer != NULL && !is_header_safe(request->bearer)) {
        return trail_set(trail, ERR_VALUE, "the bearer token holds characters no token has");
    }
    err = make_headers(request, &headers);
    if (err) {
        return err;
    }
    buf_init(&answer.body, client->body_max_bytes);
    client->words[0] = '\0';
    code = set_call_options(client->curl, request->method, url, request->body, headers, &answer);
    code = code ? code : curl_easy_perform(client->curl);
    err = code != CURLE_OK ? call_error(client, code, &answer.body, trail)
                           : read_reply(client->curl, &answer.body, arena, ret);
    buf_done(&answer.body);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL);
    curl_slist_free_all(headers);
    return err;
}

err_t http_client_call(struct http_client *client, const char *method, const char *path,
                       const char *bearer, struct span body, struct arena *arena,
                       struct trail *trail, struct http_reply *ret)
{
    const struct http_client_request request = {
        .method = method, .path = path, .bearer = bearer, .body = body};

    return http_client_send(client, &request, arena, trail, ret);
}
