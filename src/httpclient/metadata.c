/* Who may send these bytes: the host that runs this machine, or whoever answers in its place. */
#include "httpclient/metadata.h"

#include "base/buf.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLACE_MAX = 300, POLL_FDS_MAX = 8 };

struct metadata_call {
    CURLM *multi;
    CURL *curl;
    struct curl_slist *headers;
    struct buf body;
    char place[PLACE_MAX];
    CURLcode code;
    bool is_over;
};

const char *metadata_address(void)
{
    const char *other = getenv(METADATA_VARIABLE);

    return other == NULL ? "http://" METADATA_HOST : other;
}

static err_t read_place(const char *url, char *place, struct trail *trail)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    err_t err = ERR_OK;

    if (parts == NULL) {
        return ERR_MEMORY;
    }
    if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        strcmp(scheme, "http") != 0 || curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        err = trail_set(trail, ERR_USAGE, "'%.200s' is not an address like http://host", url);
    } else {
        snprintf(place, PLACE_MAX, "%.256s:%s", host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return err;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct buf *body = context;

    buf_add(body, span_of(bytes, size * count));
    return body->err ? 0 : size * count;
}

static CURLcode set_form(CURL *curl, struct span form)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)form.len);

    return code ? code : curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, form.data);
}

static CURLcode set_up(struct metadata_call *call, const struct metadata_request *request)
{
    CURL *curl = call->curl;
    long timeout_ms = request->timeout_ms != 0 ? (long)request->timeout_ms : METADATA_TIMEOUT_MS;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, request->url);

    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY, "");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    code =
        code ? code
             : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)METADATA_CONNECT_TIMEOUT_MS);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEDATA, &call->body);
    return code || request->form.data == NULL ? code : set_form(curl, request->form);
}

err_t metadata_begin(const struct metadata_request *request, struct trail *trail,
                     struct metadata_call **ret)
{
    CLEANUP(metadata_free) struct metadata_call *call = NULL;
    char place[PLACE_MAX];
    err_t err = read_place(request->url, place, trail);

    if (err || (call = calloc(1, sizeof(*call))) == NULL) {
        return err ? err : ERR_MEMORY;
    }
    memcpy(call->place, place, sizeof(place));
    buf_init(&call->body, METADATA_MAX_BYTES);
    call->curl = curl_easy_init();
    call->headers = curl_slist_append(NULL, "Metadata: true");
    if (call->curl == NULL || call->headers == NULL || set_up(call, request) != CURLE_OK) {
        return ERR_MEMORY;
    }
    call->multi = curl_multi_init();
    if (call->multi == NULL || curl_multi_add_handle(call->multi, call->curl) != CURLM_OK) {
        return ERR_MEMORY;
    }
    *ret = TAKE(call);
    return ERR_OK;
}

void metadata_free(struct metadata_call *call)
{
    if (call == NULL) {
        return;
    }
    if (call->multi != NULL) {
        curl_multi_remove_handle(call->multi, call->curl);
        curl_multi_cleanup(call->multi);
    }
    curl_easy_cleanup(call->curl);
    curl_slist_free_all(call->headers);
    buf_done(&call->body);
    free(call);
}

const char *metadata_place(const struct metadata_call *call)
{
    return call->place;
}

bool metadata_is_over(struct metadata_call *call)
{
    int n = 0;
    const CURLMsg *message;

    if (call->is_over) {
        return true;
    }
    if (curl_multi_perform(call->multi, &n) != CURLM_OK) {
        call->code = CURLE_FAILED_INIT;
        call->is_over = true;
    }
    while ((message = curl_multi_info_read(call->multi, &n)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            call->code = message->data.result;
            call->is_over = true;
        }
    }
    return call->is_over;
}

int metadata_poll(struct metadata_call *call, struct pollfd *fds, size_t n_fds, int timeout_ms)
{
    struct curl_waitfd others[POLL_FDS_MAX];
    unsigned n = 0;

    for (size_t i = 0; i < n_fds && n < POLL_FDS_MAX; i++) {
        if (fds[i].fd >= 0) {
            others[n++] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
        }
    }
    if (curl_multi_poll(call->multi, others, n, timeout_ms, NULL) != CURLM_OK) {
        return poll(fds, n_fds, timeout_ms);
    }
    return poll(fds, n_fds, 0); /* which of the others are ready */
}

static err_t call_error(const struct metadata_call *call, struct trail *trail)
{
    long os_error = 0;

    if (call->body.err == ERR_TOO_LARGE) {
        return trail_set(trail, ERR_TOO_LARGE, "the answer is larger than %d bytes",
                         METADATA_MAX_BYTES);
    }
    if (call->code == CURLE_OPERATION_TIMEDOUT) {
        return trail_set(trail, ERR_TIMEOUT, "no answer in time");
    }
    if (curl_easy_getinfo(call->curl, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK && os_error != 0) {
        return trail_set(trail, ERR_NETWORK, "%s", strerror((int)os_error));
    }
    return trail_set(trail, ERR_NETWORK, "%s", curl_easy_strerror(call->code));
}

err_t metadata_end(struct metadata_call *call, struct arena *arena, struct trail *trail,
                   struct metadata_reply *ret)
{
    struct span body = {0};
    long status = 0;
    err_t err = ERR_OK;

    if (call->code != CURLE_OK) {
        err = call_error(call, trail);
    } else {
        curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
        err = buf_copy(&call->body, arena, &body);
    }
    if (err) {
        return trail_in(trail, err, call->place);
    }
    *ret = (struct metadata_reply){.status = (unsigned)status, .body = body};
    return ERR_OK;
}

err_t metadata_get(const char *url, struct arena *arena, struct trail *trail, struct span *ret_body)
{
    CLEANUP(metadata_free) struct metadata_call *call = NULL;
    const struct metadata_request request = {.url = url};
    struct metadata_reply reply = {0};
    err_t err = metadata_begin(&request, trail, &call);

    if (err) {
        return err;
    }
    while (!metadata_is_over(call)) {
        (void)metadata_poll(call, NULL, 0, METADATA_TIMEOUT_MS);
    }
    err = metadata_end(call, arena, trail, &reply);
    if (err == ERR_OK && reply.status != 200) {
        err = trail_set(trail, ERR_REFUSED, "it answered %u", reply.status);
        return trail_in(trail, err, call->place);
    }
    if (err == ERR_OK) {
        *ret_body = reply.body;
    }
    return err;
}
