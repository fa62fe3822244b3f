/* Who may send the answers read here: whoever sits at the configured address, or on the way to it
 * before TLS holds. */
#include "httpclient/client.h"

#include "base/buf.h"
#include "base/file.h"
#include "httpclient/handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEADER_MAX_BYTES = 8192, CA_FILE_MAX = 1024 * 1024 };

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started = CURLE_FAILED_INIT;

static void start_curl(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* With a password Basic or Digest, whichever the proxy asks for. Kerberos (Negotiate) only when
 * user and password are there and empty: curl would prefer it, and not come back from it when this
 * machine has no ticket. Never NTLM: whoever hears it can use it elsewhere. */
static long proxy_auth(const struct http_proxy *proxy)
{
    bool is_empty = proxy->user != NULL && proxy->user[0] == '\0' &&
                    (proxy->password == NULL || proxy->password[0] == '\0');

    return is_empty ? (long)CURLAUTH_NEGOTIATE : (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST);
}

static CURLcode set_proxy(const struct http_client *client, CURL *curl)
{
    const struct http_proxy *proxy = &client->proxy;
    /* Both are always set, so that curl does not ask the environment itself. */
    CURLcode code = curl_easy_setopt(curl, CURLOPT_PROXY, proxy->url);

    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    if (proxy->kind == HTTP_PROXY_NONE) {
        return code;
    }
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, proxy->user);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, proxy->password);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXYAUTH, proxy_auth(proxy));
    if (proxy->kind == HTTP_PROXY_HTTPS) {
        code =
            code ? code
                 : curl_easy_setopt(curl, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        if (client->ca_file != NULL) {
            code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, client->ca_file);
        }
    }
    return code;
}

CURLcode handle_set_fixed(struct http_client *client, CURL *curl)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);

    code = code ? code : curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->words);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* ".." is a name, too */
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, client->timeout_ms);
    code =
        code ? code : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_USERAGENT, client->user_agent);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, failure_take_header);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HEADERDATA, client);
    code = code ? code : set_proxy(client, curl);
    if (client->ca_file != NULL) {
        code = code ? code : curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
        code = code ? code : curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    return code;
}

static void set_limits(struct http_client *client, const struct http_client_options *o)
{
    client->timeout_ms = o->timeout_ms != 0 ? (long)o->timeout_ms : HTTP_CLIENT_TIMEOUT_MS;
    client->connect_timeout_ms =
        o->connect_timeout_ms != 0 ? (long)o->connect_timeout_ms : HTTP_CLIENT_CONNECT_TIMEOUT_MS;
    if (client->connect_timeout_ms > client->timeout_ms) {
        client->connect_timeout_ms = client->timeout_ms;
    }
    client->body_max_bytes =
        o->body_max_bytes != 0 ? o->body_max_bytes : (size_t)HTTP_CLIENT_BODY_MAX_BYTES;
}

/* Copies of the strings, and curl's handle. */
static struct http_client *client_alloc(const struct http_client_options *options)
{
    struct http_client *client = calloc(1, sizeof(*client));
    size_t len;

    if (client == NULL) {
        return NULL;
    }
    client->base_url = strdup(options->base_url);
    client->ca_file = options->ca_file != NULL ? strdup(options->ca_file) : NULL;
    client->user_agent = strdup(options->user_agent != NULL ? options->user_agent
                                                            : "bootwarden/" BOOTWARDEN_VERSION);
    client->curl = curl_easy_init();
    if (client->base_url == NULL || client->curl == NULL || client->user_agent == NULL ||
        (options->ca_file != NULL && client->ca_file == NULL)) {
        http_client_free(client);
        return NULL;
    }
    set_limits(client, options);
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

err_t http_ca_file_check(const char *path, struct trail *trail)
{
    static const char pem[] = "-----BEGIN ";
    CLEANUP(arena_free) struct arena *arena = arena_new(2 * (size_t)CA_FILE_MAX);
    struct span text = {0};
    err_t err = check_ca_file(path, trail);

    if (err) {
        return err;
    }
    err = arena == NULL ? ERR_MEMORY : file_read(arena, path, CA_FILE_MAX, NULL, &text);
    if (err == ERR_TOO_LARGE) {
        return ERR_OK; /* for the library to judge */
    }
    return err == ERR_OK && memmem(text.data, text.len, pem, sizeof(pem) - 1) == NULL
               ? trail_set(trail, ERR_USAGE,
                           "the CA file '%.200s' holds no certificate in PEM form", path)
               : err;
}

err_t http_client_new(const struct http_client_options *options, struct trail *trail,
                      struct http_client **ret)
{
    CLEANUP(http_client_free) struct http_client *client = NULL;
    struct http_address address;
    err_t err;

    pthread_once(&curl_once, start_curl);
    if (curl_started != CURLE_OK) {
        return trail_set(trail, ERR_INTERNAL, "libcurl does not start");
    }
    err = http_address_read(options->base_url, trail, &address);
    if (err) {
        return err;
    }
    err = options->ca_file != NULL ? check_ca_file(options->ca_file, trail) : ERR_OK;
    if (err) {
        return err;
    }
    client = client_alloc(options);
    if (client == NULL) {
        return ERR_MEMORY;
    }
    client->address = address;
    err = http_proxy_choose(&options->proxy, getenv, address.host, trail, &client->proxy);
    if (err) {
        return err;
    }
    if (handle_set_fixed(client, client->curl) != CURLE_OK) {
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
    http_proxy_done(&client->proxy);
    free(client->base_url);
    free(client->ca_file);
    free(client->user_agent);
    free(client);
}

const char *http_client_address(const struct http_client *client)
{
    return client->address.text;
}

const struct http_address *http_client_target(const struct http_client *client)
{
    return &client->address;
}

const struct http_proxy *http_client_proxy(const struct http_client *client)
{
    return &client->proxy;
}

const struct http_failure *http_client_failure(const struct http_client *client)
{
    return &client->failure;
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

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct buf *body = context;

    buf_add(body, span_of(bytes, size * count));
    return body->err ? 0 : size * count;
}

/* The body of a success may be the caller's to take, piece by piece. */
static size_t take_or_sink(char *bytes, size_t size, size_t count, void *context)
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

CURLcode handle_set_call(CURL *curl, const char *method, const char *url, struct span body,
                         const struct curl_slist *headers, struct buf *answer)
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
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    return code;
}

err_t handle_read_reply(CURL *curl, const struct buf *answer, struct arena *arena,
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
    client->failure = (struct http_failure){0};
    code =
        handle_set_call(client->curl, request->method, url, request->body, headers, &answer.body);
    if (request->sink != NULL) {
        code = code ? code : curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_or_sink);
        code = code ? code : curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &answer);
    }
    code = code ? code : curl_easy_perform(client->curl);
    err = code != CURLE_OK ? failure_read(client, client->curl, code, &answer.body, trail)
                           : handle_read_reply(client->curl, &answer.body, arena, ret);
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
