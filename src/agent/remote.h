/*
 * remote.h - the calls of the agent to its service, and what their answers mean.
 *
 * Two addresses from one URL: attestation goes to the whole URL (a provider may be in its path),
 * the guest API (docs/formats/guest-api.md) to the bare host. Attestation may also have a URL of
 * its own (--attest-server).
 */
#ifndef AGENT_REMOTE_H
#define AGENT_REMOTE_H

#include "agent/alive.h"
#include "agent/answer.h"
#include "agent/fault.h"
#include "agent/options.h"
#include "base/arena.h"
#include "httpclient/client.h"

struct remote {
    struct http_client *guest;
    struct http_client *attest; /* the same one, when both have one host and port */
    const char *attest_path;    /* of the provider, before that of a call; "" */
    const char *attest_option;  /* that names it: "--server" */
    const struct alive *alive;  /* hears of it before each call; NULL = nobody */
};

/* How a connection to url is made: trust, proxy, name of the program. */
struct http_client_options remote_http_options(const struct agent_options *options,
                                               const char *url);
/* "https://host:port/path" to "https://host:port", in the arena. */
const char *remote_origin(struct arena *arena, const char *url);
/* Keeps nothing of the options; what it keeps is in the arena. ERR_USAGE: an address, the CA file
 * or the proxy. */
err_t remote_open(const struct agent_options *options, struct arena *arena, struct trail *trail,
                  struct remote *ret) MUST_CHECK;
void remote_done(struct remote *remote);
DEFINE_CLEANUP_DONE(struct remote, remote_done)

enum remote_call {
    CALL_JOIN,
    CALL_SESSION,
    CALL_ACTIVATE,
    CALL_CHALLENGE,
    CALL_GOALSTATE,
    CALL_REPORT,
    CALL_STATUS,
    CALL_ATTEST,
    CALL_CERTS,
};

/* "host:port" that a call goes to; borrowed. */
const char *remote_address(const struct remote *remote, enum remote_call call);
/* To the guest API's host, for files: large ones, that may take their time. The caller frees. */
err_t remote_open_files(const struct agent_options *options, struct arena *arena, size_t max_bytes,
                        unsigned timeout_ms, struct trail *trail,
                        struct http_client **ret) MUST_CHECK;

/* body with NULL data: none. An answer is a success of the call. ERR_NETWORK, ERR_TIMEOUT with
 * "endpoint unreachable: host:port. why. remedy" (decisions, section 10). */
err_t remote_call(struct remote *remote, enum remote_call call, const char *bearer,
                  struct span body, struct arena *arena, struct fault *fault,
                  struct answer *ret) MUST_CHECK;

/* The fault for an answer that is no success: "what refused: host:port said 403 Untrusted:
 * message". 408, 429 and 5xx are temporary. */
err_t remote_refused(const struct remote *remote, enum remote_call call,
                     const struct answer *answer, struct fault *fault);

#endif
