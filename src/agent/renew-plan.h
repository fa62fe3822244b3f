/*
 * renew-plan.h - how a cloud's certificate is renewed (azure-guest-protocol, section 7): which call
 * comes next, when, and what its answer means. Pure: time, random numbers and answers go in.
 *
 * A sequence is at most four calls with up to RENEW_RETRIES repetitions each:
 *   VM      which machine this is
 *   RENEW   a new certificate for the old one
 *   ORDER   the older form of that, when the newer one brings none: a GUID
 *   QUERY   a minute later: the certificate for the GUID
 * At most one sequence a day.
 */
#ifndef AGENT_RENEW_PLAN_H
#define AGENT_RENEW_PLAN_H

#include "agent/retry.h"
#include "base/arena.h"
#include "crypto/guid.h"
#include "httpclient/metadata.h"

enum {
    RENEW_TIMEOUT_MS = 300 * 1000,
    RENEW_RETRIES = 3,
    RENEW_RETRY_WAIT_MS = 30 * 1000, /* doubles */
    RENEW_QUERY_WAIT_MS = 60 * 1000,
    RENEW_DAY_MS = 24 * 3600 * 1000,
};

enum renew_step { RENEW_IDLE, RENEW_VM, RENEW_RENEW, RENEW_ORDER, RENEW_QUERY };
const char *renew_step_name(enum renew_step step); /* static */

/* {0} is a plan before its first sequence. Times are milliseconds of any clock that only rises. */
struct renew_plan {
    enum renew_step step;
    uint64_t due_ms;        /* when the step's call is to be made */
    uint64_t not_before_ms; /* of the next sequence */
    struct retry retry;
    char vm_id[GUID_SIZE], order[GUID_SIZE];
};

/* Begin a sequence, unless one is under way or it is too early. True when it began. */
bool renew_plan_begin(struct renew_plan *plan, uint64_t now_ms);

/* The call of this step. certificate: PEM of the old one. request_id: a GUID, new for each call.
 * The request lives in the arena. */
err_t renew_plan_request(const struct renew_plan *plan, const char *address,
                         struct span certificate, const char *request_id, struct arena *arena,
                         struct metadata_request *ret) MUST_CHECK;

enum renew_result { RENEW_GOES_ON, RENEW_HAS_CERTIFICATE, RENEW_HAS_FAILED };
/*
 * What came of it: call_err with the words in *trail (*reply is
 * {0} then), or ERR_OK and a reply. The plan moves on.
 * RENEW_GOES_ON: to the next call or a repetition, then *trail has words; RENEW_HAS_CERTIFICATE:
 * *ret_pem, not looked at, and the plan is idle; RENEW_HAS_FAILED: why is in *trail, and it is
 * idle.
 */
enum renew_result renew_plan_answer(struct renew_plan *plan, uint64_t now_ms, err_t call_err,
                                    const struct metadata_reply *reply, struct arena *arena,
                                    struct trail *trail, struct span *ret_pem);

#define RENEW_REMEDY                                                                               \
    "Let the guest reach " METADATA_HOST                                                           \
    " port 80 (TCP), not through a proxy; run tries it once a "                                    \
    "day, and when it starts."

/* ---- what the answers hold ---- */

/* A GUID and nothing else. ERR_VALUE. */
err_t renew_read_guid(struct span body, struct trail *trail, char ret[GUID_SIZE]) MUST_CHECK;
/* The text of the member AkCertPem of a JSON object, or PEM as it is. */
err_t renew_read_certificate(struct arena *arena, struct span body, struct trail *trail,
                             struct span *ret_pem) MUST_CHECK;

#endif
