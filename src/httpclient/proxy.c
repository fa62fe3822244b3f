/* Who may write these texts: whoever configures the program, or sets its environment. */
#include "httpclient/proxy.h"

#include "base/text.h"
#include "httpclient/handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEME_MAX = 8, URL_TEXT_MAX = 4096 };

static const char settings_name[] = "the settings";

static const struct {
    const char *name;
    enum http_proxy_kind kind;
    uint16_t port;
    bool looks_up_names;
} schemes[] = {
    {"http", HTTP_PROXY_HTTP, 1080, true},     {"https", HTTP_PROXY_HTTPS, 443, true},
    {"socks4", HTTP_PROXY_SOCKS, 1080, false}, {"socks4a", HTTP_PROXY_SOCKS, 1080, true},
    {"socks5", HTTP_PROXY_SOCKS, 1080, false}, {"socks5h", HTTP_PROXY_SOCKS, 1080, true},
};

/* What curl gave us, wiped as far as we can reach it. */
static void free_secret(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        curl_free(text);
    }
}

void http_proxy_done(struct http_proxy *proxy)
{
    free_secret(proxy->user);
    free_secret(proxy->password);
    *proxy = (struct http_proxy){0};
}

/* The value that counts, and whose it is. */
static const char *find_value(const char *setting, const char *const *names,
                              http_environment_fn *environment, const char **ret_from)
{
    if (setting != NULL) {
        *ret_from = settings_name;
        return setting[0] == '\0' ? NULL : setting;
    }
    for (; *names != NULL; names++) {
        const char *value = environment(*names);

        if (value != NULL && value[0] != '\0') {
            *ret_from = *names;
            return value;
        }
    }
    return NULL;
}

/* Is the host reached without the proxy that is set? Then the reason is in *ret. */
static bool is_direct(const struct http_proxy_settings *settings, http_environment_fn *environment,
                      const char *host, struct http_proxy *ret)
{
    static const char *const names[] = {"no_proxy", "NO_PROXY", NULL};
    static const char *const words[] = {
        [DIRECT_LOOPBACK] = "-loopback", [DIRECT_LINK_LOCAL] = "-link-local"};
    const char *from = NULL;
    const char *list = find_value(settings->no_proxy, names, environment, &from);
    enum direct_kind kind = direct_kind(host);
    struct span entry = {0};

    if (kind != DIRECT_NOT &&
        (settings->no_proxy == NULL || !direct_has_word(settings->no_proxy, words[kind]))) {
        ret->direct = kind;
        return true;
    }
    if (list != NULL) {
        entry = direct_entry(list, host);
    }
    if (entry.data == NULL) {
        return false;
    }
    ret->excluded_by = from;
    text_escape(entry, ret->entry, sizeof(ret->entry));
    return true;
}

static bool take_scheme(CURLU *parts, struct http_proxy *proxy, uint16_t *ret_port)
{
    char *scheme = url_part(parts, CURLUPART_SCHEME, 0);
    bool is_known = false;

    for (size_t i = 0; i < ARRAY_LEN(schemes) && scheme != NULL && !is_known; i++) {
        if (strcmp(scheme, schemes[i].name) == 0) {
            is_known = true;
            proxy->kind = schemes[i].kind;
            proxy->looks_up_names = schemes[i].looks_up_names;
            *ret_port = schemes[i].port;
            snprintf(proxy->url, sizeof(proxy->url), "%s://", scheme);
        }
    }
    curl_free(scheme);
    return is_known;
}

/* A '/', '?' or '#' in a password that was not encoded ends the host early: what stands behind it
 * must not be taken for a path, and what stands before it not for a host. */
static bool has_nothing_behind(CURLU *parts)
{
    char *path = url_part(parts, CURLUPART_PATH, 0);
    char *query = url_part(parts, CURLUPART_QUERY, 0);
    char *fragment = url_part(parts, CURLUPART_FRAGMENT, 0);
    bool is_empty = (path == NULL || strcmp(path, "/") == 0) && query == NULL && fragment == NULL;

    free_secret(path);
    free_secret(query);
    free_secret(fragment);
    return is_empty;
}

static bool take_user(CURLU *parts, struct http_proxy *proxy)
{
    bool has_user = false, has_password = false;
    char *raw = url_part(parts, CURLUPART_USER, 0);

    has_user = raw != NULL;
    free_secret(raw);
    raw = url_part(parts, CURLUPART_PASSWORD, 0);
    has_password = raw != NULL;
    free_secret(raw);
    proxy->user = has_user ? url_part(parts, CURLUPART_USER, CURLU_URLDECODE) : NULL;
    proxy->password = has_password ? url_part(parts, CURLUPART_PASSWORD, CURLU_URLDECODE) : NULL;
    /* What cannot be decoded holds control characters: it would write headers. */
    return (proxy->user != NULL) == has_user && (proxy->password != NULL) == has_password;
}

static bool take_url(CURLU *parts, const char *text, struct http_proxy *proxy)
{
    char url[URL_TEXT_MAX];
    uint16_t port = 0;
    bool is_whole = snprintf(url, sizeof(url), "%s%s", strstr(text, "://") == NULL ? "http://" : "",
                             text) < (int)sizeof(url);
    CURLUcode code = CURLUE_MALFORMED_INPUT;
    size_t len;

    if (is_whole) {
        code = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    }
    explicit_bzero(url, sizeof(url));
    if (code != CURLUE_OK || !take_scheme(parts, proxy, &port) ||
        !url_host(parts, proxy->at.host, sizeof(proxy->at.host)) ||
        !url_port(parts, port, &proxy->at.port) || !has_nothing_behind(parts) ||
        !take_user(parts, proxy)) {
        return false;
    }
    url_address_text(proxy->at.host, proxy->at.port, proxy->at.text, sizeof(proxy->at.text));
    len = strlen(proxy->url);
    snprintf(proxy->url + len, sizeof(proxy->url) - len, "%s", proxy->at.text);
    return true;
}

err_t http_proxy_choose(const struct http_proxy_settings *settings,
                        http_environment_fn *environment, const char *host, struct trail *trail,
                        struct http_proxy *ret)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL};
    CLEANUP(http_proxy_done) struct http_proxy proxy = {0};
    const char *from = NULL;
    const char *text = find_value(settings->proxy, names, environment, &from);
    CURLU *parts;
    bool is_good = true;

    proxy.from = from;
    if (text != NULL && !is_direct(settings, environment, host, &proxy)) {
        parts = curl_url();
        if (parts == NULL) {
            return ERR_MEMORY;
        }
        is_good = take_url(parts, text, &proxy);
        curl_url_cleanup(parts);
    }
    if (!is_good) {
        return trail_set(trail, ERR_USAGE,
                         "the proxy in %s is no address like http://host:port; user and password "
                         "stand before it as user:password@, every sign of them but letters and "
                         "digits as %%XX (not shown here, since it may hold a password)",
                         from);
    }
    *ret = proxy;
    proxy = (struct http_proxy){0};
    return ERR_OK;
}
