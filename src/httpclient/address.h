/*
 * address.h - where an https address leads: its host and port. Nothing is asked of the network.
 */
#ifndef HTTPCLIENT_ADDRESS_H
#define HTTPCLIENT_ADDRESS_H

#include "base/err.h"

enum { HTTP_HOST_MAX = 256, HTTP_ADDRESS_MAX = HTTP_HOST_MAX + 16 };

struct http_address {
    char host[HTTP_HOST_MAX];    /* a name, or a numeric address without brackets */
    uint16_t port;               /* of the address, else 443 */
    char text[HTTP_ADDRESS_MAX]; /* "host:port" to show; IPv6 in brackets */
};

/* ERR_USAGE for what is not "https://host[:port][/path]", and for an address with a user or a
 * query. An address with a user in it is not repeated in the words: a password may stand there. */
err_t http_address_read(const char *url, struct trail *trail, struct http_address *ret) MUST_CHECK;

#endif
