/*
 * metadata.h - ask the platform that this machine runs on about the machine: plain HTTP to an
 * address on the link, as clouds have it (169.254.169.254).
 *
 * Never through a proxy, no redirects, no names of others: whoever answers is between the machine
 * and its host, and there is no TLS that would say who. So nothing that is trusted may come from
 * here; what comes is untrusted bytes.
 */
#ifndef HTTPCLIENT_METADATA_H
#define HTTPCLIENT_METADATA_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    METADATA_TIMEOUT_MS = 5000,
    METADATA_CONNECT_TIMEOUT_MS = 2000,
    METADATA_MAX_BYTES = 64 * 1024
};

/* GET with "Metadata: true". ERR_TIMEOUT, ERR_NETWORK, ERR_TOO_LARGE as http_client_call;
 * ERR_REFUSED for any other status than 200. The trail's `where` is "host:port". ERR_USAGE for
 * another scheme than http. */
err_t metadata_get(const char *url, struct arena *arena, struct trail *trail,
                   struct span *ret_body) MUST_CHECK;

#endif
