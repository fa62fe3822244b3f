/*
 * attest-parts.h - inside of the service room: one request to /attest/AzureGuest, for the files
 * that work on it.
 */
#ifndef SERVICE_ATTEST_PARTS_H
#define SERVICE_ATTEST_PARTS_H

#include "service/internal.h"
#include "service/state.h"

#include "appraise/appraise.h"

/* What the server knows around one request. */
struct attesting {
    struct service *service;
    const struct provider *provider;
    const struct service_call *call;
    struct evidence *evidence;
    struct trust *trust;
    struct knowledge *knowledge; /* NULL: the service has none */
    struct tpm_name ak_name;
    bool has_ak_name;
    bool has_machine; /* a record with this AK, active */
    bool is_disabled; /* a record with this AK, disabled by an operator */
    struct store_machine machine;
    bool has_clock;
    struct tpm_clock last_clock;
    /* The challenge of Bootwarden.Context. */
    bool has_challenge; /* it is one of ours for this purpose, used or not */
    struct ticket challenge;
    bool has_challenge_fault;
    enum reason_code challenge_fault;
    const char *challenge_rule, *challenge_words;
    uint8_t nonce[SHA256_BYTES];
    size_t nonce_len;
    struct appraisal *appraisal;
    struct claims claims;
    struct policy_result decision;
    const char *token_id; /* NULL: none issued */
    struct store_recorded recorded;
    struct store_baseline baseline; /* of the machine, as it was compared with */
    struct state_update state;      /* what this proof makes of the machine */
};

/* A quote that verifies under a proven AK: no one without that TPM can cause this. NULL: none. */
const struct appraised_quote *attest_counted_quote(const struct appraisal *appraisal);
/* The record of the request, written; nothing of a request that ran out of memory. */
err_t attest_record(struct attesting *a, struct span body, struct trail *trail) MUST_CHECK;

#endif
