/* Who may send these bytes: the host that runs this machine, or whoever answers in its place. */
#include "httpclient/metadata.h"

#include "base/buf.h"

#include <curl/curl.h>
#include <stdio.h>

enum { PLACE_MAX = 300 };

DEFINE_CLEANUP(CURL *, curl_easy_cleanup)
DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

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

static CURLcode set_up(CURL *curl, const char *url, const struct curl_slist *headers,
                       struct buf *body)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);

    code = code ? code : curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_PROXY, "");
    code = code ? code : curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)METADATA_TIMEOUT_MS);
    code =
        code ? code
             : curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)METADATA_CONNECT_TIMEOUT_MS);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    return code;
}

static err_t call_error(CURL *curl, CURLcode code, const struct buf *body, struct trail *trail)
{
    long os_error = 0;

    if (body->err == ERR_TOO_LARGE) {
        return trail_set(trail, ERR_TOO_LARGE, "the answer is larger than %d bytes",
                         METADATA_MAX_BYTES);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return trail_set(trail, ERR_TIMEOUT, "no answer in time");
    }
    if (curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK && os_error != 0) {
        return trail_set(trail, ERR_NETWORK, "%s", strerror((int)os_error));
    }
    return trail_set(trail, ERR_NETWORK, "%s", curl_easy_strerror(code));
}

static err_t perform(CURL *curl, struct buf *body, struct trail *trail)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0;

    if (code != CURLE_OK) {
        return call_error(curl, code, body, trail);
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status == 200 ? ERR_OK : trail_set(trail, ERR_REFUSED, "it answered %ld", status);
}

err_t metadata_get(const char *url, struct arena *arena, struct trail *trail, struct span *ret_body)
{
    CLEANUP(curl_easy_cleanup) CURL *curl = curl_easy_init();
    CLEANUP(curl_slist_free_all)
    struct curl_slist *headers = curl_slist_append(NULL, "Metadata: true");
    CLEANUP(buf_done) struct buf body = {0};
    char place[PLACE_MAX];
    err_t err = read_place(url, place, trail);

    if (err) {
        return err;
    }
    buf_init(&body, METADATA_MAX_BYTES);
    if (curl == NULL || headers == NULL || set_up(curl, url, headers, &body) != CURLE_OK) {
        return ERR_MEMORY;
    }
    err = perform(curl, &body, trail);
    err = err ? err : buf_copy(&body, arena, ret_body);
    return err ? trail_in(trail, err, place) : ERR_OK;
}
