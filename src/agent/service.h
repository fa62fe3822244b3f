/*
 * service.h - the calls of the agent to its service, and what their answers mean.
 *
 * Two addresses from one URL: attestation goes to the whole URL (a provider may be in its path),
 * the guest API (docs/formats/guest-api.md) to the bare host.
 */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include "agent/fault.h"
#include "agent/options.h"
#include "base/arena.h"
#include "httpclient/client.h"
#include "json/json.h"

enum { SERVICE_MAX_REASONS = 64 };

struct service {
    struct http_client *guest;  /* base: https://host:port */
    struct http_client *attest; /* base: the whole URL */
    const char *address;        /* "host:port", borrowed */
};

/* Keeps nothing of the options. ERR_USAGE, ERR_NOT_FOUND (CA file). */
err_t service_open(const struct agent_options *options, struct trail *trail,
                   struct service *ret) MUST_CHECK;
void service_done(struct service *service);
DEFINE_CLEANUP_DONE(struct service, service_done)

/* An answer, whatever its status. Other than 200: code and message from the body, escaped. */
struct service_answer {
    unsigned status;
    unsigned retry_after_s;
    yyjson_val *body; /* of 200: an object */
    struct span bytes;
    const char *code, *message;               /* of others; "" when it says none */
    const char *reasons[SERVICE_MAX_REASONS]; /* the message, one reason at a time */
    size_t n_reasons;
};

enum service_call {
    CALL_JOIN,
    CALL_SESSION,
    CALL_ACTIVATE,
    CALL_CHALLENGE,
    CALL_ATTEST,
    CALL_CERTS,
};

/* body with NULL data: none. An answer is a success of the call. ERR_NETWORK, ERR_TIMEOUT with
 * "endpoint unreachable: host:port. why. remedy" (decisions, section 10). */
err_t service_call(struct service *service, enum service_call call, const char *bearer,
                   struct span body, struct arena *arena, struct fault *fault,
                   struct service_answer *ret) MUST_CHECK;

/* The fault for an answer that is no success: "what refused: host:port said 403 Untrusted:
 * message". 408, 429 and 5xx are temporary. */
err_t service_refused(const struct service *service, enum service_call call,
                      const struct service_answer *answer, struct fault *fault);

#endif
