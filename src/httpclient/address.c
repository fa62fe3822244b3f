#include "httpclient/address.h"

#include "httpclient/handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *url_part(CURLU *parts, CURLUPart what, unsigned flags)
{
    char *text = NULL;

    return curl_url_get(parts, what, &text, flags) == CURLUE_OK ? text : NULL;
}

bool url_host(CURLU *parts, char *host, size_t size)
{
    char *text = url_part(parts, CURLUPART_HOST, 0);
    size_t len = text == NULL ? 0 : strlen(text);
    bool has_brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    bool fits = len > 0 && len < size;

    if (fits) {
        snprintf(host, size, "%.*s", (int)(has_brackets ? len - 2 : len),
                 has_brackets ? text + 1 : text);
    }
    curl_free(text);
    return fits;
}

bool url_port(CURLU *parts, unsigned otherwise, uint16_t *ret)
{
    char *text = url_part(parts, CURLUPART_PORT, 0);
    unsigned long port = text == NULL ? otherwise : strtoul(text, NULL, 10);

    curl_free(text);
    *ret = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

void url_address_text(const char *host, uint16_t port, char *text, size_t size)
{
    bool is_v6 = strchr(host, ':') != NULL;

    snprintf(text, size, "%s%.255s%s:%u", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

static bool has_part(CURLU *parts, CURLUPart what)
{
    char *text = url_part(parts, what, 0);
    bool has = text != NULL;

    curl_free(text);
    return has;
}

static err_t read_parts(CURLU *parts, const char *url, struct trail *trail,
                        struct http_address *address)
{
    /* What stands before an '@' may be a password. */
    bool is_shown = strchr(url, '@') == NULL;
    const char *quote = is_shown ? "'" : "";
    const char *shown = is_shown ? url : "what was given";
    char *scheme;
    bool is_https;

    if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        !url_host(parts, address->host, sizeof(address->host)) ||
        !url_port(parts, 443, &address->port)) {
        return trail_set(trail, ERR_USAGE, "%s%.200s%s is not an address like https://host:port",
                         quote, shown, quote);
    }
    scheme = url_part(parts, CURLUPART_SCHEME, 0);
    is_https = scheme != NULL && strcmp(scheme, "https") == 0;
    curl_free(scheme);
    if (!is_https) {
        return trail_set(trail, ERR_USAGE, "%s%.200s%s must begin with https://", quote, shown,
                         quote);
    }
    if (has_part(parts, CURLUPART_USER) || has_part(parts, CURLUPART_PASSWORD) ||
        has_part(parts, CURLUPART_QUERY) || has_part(parts, CURLUPART_FRAGMENT)) {
        return trail_set(trail, ERR_USAGE, "%s%.200s%s must hold no user and no query", quote,
                         shown, quote);
    }
    url_address_text(address->host, address->port, address->text, sizeof(address->text));
    return ERR_OK;
}

err_t http_address_read(const char *url, struct trail *trail, struct http_address *ret)
{
    struct http_address address = {0};
    CURLU *parts = curl_url();
    err_t err;

    if (parts == NULL) {
        return ERR_MEMORY;
    }
    err = read_parts(parts, url, trail, &address);
    curl_url_cleanup(parts);
    if (err == ERR_OK) {
        *ret = address;
    }
    return err;
}
