/*
 * probe.h - one GET on a connection of its own, for whoever wants to know how the way to a service
 * is: which addresses were tried, how far it came, which certificate was shown, how long it took.
 *
 * Everything that the other side said is untrusted and printable.
 */
#ifndef HTTPCLIENT_PROBE_H
#define HTTPCLIENT_PROBE_H

#include "httpclient/client.h"

enum { HTTP_PROBE_ADDRESSES = 8, HTTP_PROBE_NAMES_MAX = 300 };

struct http_probe {
    struct http_failure failure; /* stop is HTTP_STOP_NONE when an answer came */
    const char *words;           /* what stopped it, as in the trail of a call; else "" */
    /* Numeric addresses to which a connection was tried, in order: the proxy's, when one is used.
     */
    const char *addresses[HTTP_PROBE_ADDRESSES];
    size_t n_addresses;
    /* Until TCP stood (names included), then until TLS stood, then all of it; 0 = did not come. */
    uint32_t connect_ms, tls_ms, total_ms;
    struct http_reply reply;
    /* The server's certificate, also when it was refused: PEM; data NULL when none was seen. A
     * refused one is looked at in a second handshake, in which nothing is sent. */
    struct span certificate;
    const char *certificate_names; /* those it is for, "" when not seen */
};

/* Not getting through is a result; errors are of memory and the CA file (ERR_USAGE) alone. */
err_t http_client_probe(struct http_client *client, const char *path, struct arena *arena,
                        struct trail *trail, struct http_probe *ret) MUST_CHECK;

/* ---- names ---- */

enum http_name_fault {
    HTTP_NAME_FOUND,
    HTTP_NAME_UNKNOWN,   /* there is no such name, or it has no address */
    HTTP_NAME_NO_ANSWER, /* the name server did not answer, or could not find out */
    HTTP_NAME_OTHER,
};

struct http_name {
    const char *addresses[HTTP_PROBE_ADDRESSES];
    size_t n_addresses;
    bool is_numeric; /* the host is an address itself */
    bool has_ipv4, has_ipv6;
    const char *words; /* the resolver's, for a fault; else "" */
};

/* What this machine makes of a host's name. May take as long as the system's resolver does. */
enum http_name_fault http_name_look_up(const char *host, struct arena *arena,
                                       struct http_name *ret);

#endif
