/*
 * proxy.h - which proxy, if any, leads to a host, and who says so.
 *
 * A setting wins over the environment; each of the two settings replaces the variables it stands
 * for. The variables are those of curl, the first that is set and not empty counts:
 *   https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY   the proxy
 *   no_proxy, NO_PROXY                               hosts that are reached without it (direct.h)
 * No proxy is ever used for addresses of this machine and for link-local ones (direct_kind), unless
 * the setting no_proxy, not the environment, has the entry "-loopback" or "-link-local".
 *
 * A proxy is [scheme://][user[:password]@]host[:port], its scheme http (default), https, socks4,
 * socks4a, socks5 or socks5h, its port 443 for https and 1080 else. User and password are
 * percent-encoded. They are wiped when the proxy is done with, and no word here repeats them.
 */
#ifndef HTTPCLIENT_PROXY_H
#define HTTPCLIENT_PROXY_H

#include "httpclient/address.h"
#include "httpclient/direct.h"

enum { HTTP_PROXY_ENTRY_MAX = 128 };

enum http_proxy_kind { HTTP_PROXY_NONE, HTTP_PROXY_HTTP, HTTP_PROXY_HTTPS, HTTP_PROXY_SOCKS };

struct http_proxy {
    enum http_proxy_kind kind;
    struct http_address at;
    char url[HTTP_ADDRESS_MAX + 16]; /* "http://host:port", without user and password */
    char *user, *password;           /* owned; NULL: none */
    bool looks_up_names;             /* it, not this machine, resolves the names of hosts */
    const char *from; /* static: "the settings" or a variable; NULL when no proxy is set at all */

    /* Of HTTP_PROXY_NONE although one is set. */
    enum direct_kind direct;          /* because of what the host is */
    const char *excluded_by;          /* else by whom: as `from`; NULL when not */
    char entry[HTTP_PROXY_ENTRY_MAX]; /* and by which entry, printable */
};

struct http_proxy_settings {
    const char *proxy;    /* NULL: from the environment */
    const char *no_proxy; /* NULL: from the environment */
};

/* getenv, or what a test has instead. */
typedef char *http_environment_fn(const char *name);

/* The proxy for a host as http_address_read gives it. ERR_USAGE when one would be used and is of
 * another form; it is not repeated in the words. */
err_t http_proxy_choose(const struct http_proxy_settings *settings,
                        http_environment_fn *environment, const char *host, struct trail *trail,
                        struct http_proxy *ret) MUST_CHECK;
void http_proxy_done(struct http_proxy *proxy);
DEFINE_CLEANUP_DONE(struct http_proxy, http_proxy_done)

#endif
