/*
 * metadata.h - ask the platform that this machine runs on about the machine: plain HTTP to an
 * address on the link, as clouds have it (169.254.169.254).
 *
 * Never through a proxy, no redirects, no names of others: whoever answers is between the machine
 * and its host, and there is no TLS that would say who. So nothing that is trusted may come from
 * here; what comes is untrusted bytes. (A certificate that comes from here is believed by nobody
 * for that: who relies on it looks at who signed it.)
 *
 * A call is made in one go (metadata_get), or piece by piece beside other work: begun, taken on
 * whenever something came, and ended. It belongs to one thread.
 */
#ifndef HTTPCLIENT_METADATA_H
#define HTTPCLIENT_METADATA_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#include <poll.h>

/* Another address of the metadata service, for tests: "http://127.0.0.1:1234". */
#define METADATA_VARIABLE "BOOTWARDEN_METADATA"
#define METADATA_HOST "169.254.169.254"

enum {
    METADATA_TIMEOUT_MS = 5000,
    METADATA_CONNECT_TIMEOUT_MS = 2000,
    METADATA_MAX_BYTES = 64 * 1024
};

/* "http://169.254.169.254", or what the variable says. */
const char *metadata_address(void);

/* GET with "Metadata: true". ERR_TIMEOUT, ERR_NETWORK, ERR_TOO_LARGE as http_client_call;
 * ERR_REFUSED for any other status than 200. The trail's `where` is "host:port". ERR_USAGE for
 * another scheme than http. */
err_t metadata_get(const char *url, struct arena *arena, struct trail *trail,
                   struct span *ret_body) MUST_CHECK;

struct metadata_request {
    const char *url;
    struct span form;    /* application/x-www-form-urlencoded, to POST; data NULL = GET */
    unsigned timeout_ms; /* of the whole call; 0 = METADATA_TIMEOUT_MS */
};
struct metadata_reply {
    unsigned status; /* any */
    struct span body;
};
struct metadata_call;

/* Keeps nothing of the request. ERR_USAGE as above. Nothing is waited for. */
err_t metadata_begin(const struct metadata_request *request, struct trail *trail,
                     struct metadata_call **ret) MUST_CHECK;
/* Does what can be done without waiting; true when the call is over. */
bool metadata_is_over(struct metadata_call *call);
/* poll(2), which also ends when there is something to do for the call. The sign of that is not
 * counted: 0. */
int metadata_poll(struct metadata_call *call, struct pollfd *fds, size_t n_fds, int timeout_ms);
/* What came of a call that is over. An answer with any status is a success of the call; errors as
 * those of metadata_get. */
err_t metadata_end(struct metadata_call *call, struct arena *arena, struct trail *trail,
                   struct metadata_reply *ret) MUST_CHECK;
/* "host:port" that it goes to; borrowed. */
const char *metadata_place(const struct metadata_call *call);
void metadata_free(struct metadata_call *call);
DEFINE_CLEANUP(struct metadata_call *, metadata_free)

#endif
