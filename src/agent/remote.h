/*
 * remote.h - the calls of the agent to its service, and what their answers mean.
 *
 * Two addresses from one URL: attestation goes to the whole URL (a provider may be in its path),
 * the guest API (docs/formats/guest-api.md) to the bare host.
 */
#ifndef AGENT_REMOTE_H
#define AGENT_REMOTE_H

#include "agent/answer.h"
#include "agent/fault.h"
#include "agent/options.h"
#include "base/arena.h"
#include "httpclient/client.h"

struct remote {
    struct http_client *guest;  /* base: https://host:port */
    struct http_client *attest; /* base: the whole URL */
    const char *address;        /* "host:port", borrowed */
};

/* Keeps nothing of the options. ERR_USAGE, ERR_NOT_FOUND (CA file). */
err_t remote_open(const struct agent_options *options, struct trail *trail,
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

/* To the guest API's host, for files: large ones, that may take their time. The caller frees. */
err_t remote_open_files(const struct agent_options *options, size_t max_bytes, unsigned timeout_ms,
                        struct trail *trail, struct http_client **ret) MUST_CHECK;

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
