/*
 * request.h - the body of POST /attest/AzureGuest, built from what the TPM said
 * (azure-guest-protocol, section 2; our addition: decisions, section 4). Pure: bytes in, bytes out.
 */
#ifndef AGENT_REQUEST_H
#define AGENT_REQUEST_H

#include "guest/guest.h"
#include "tpmdev/tpmdev.h"

enum {
    REQUEST_BODY_MAX_BYTES = 1024 * 1024, /* what the service takes */
    REQUEST_PCRS_AZURE = 0x00ff,          /* 0-7: what Azure's Linux client quotes */
    REQUEST_PCRS_OWN = 0x7bff,            /* 0-9, 11-14 */
    REQUEST_PCR_IMA = 0x0400,             /* 10: only together with the log that explains it */
};

struct request {
    const struct tpmdev_ak *ak;
    const struct tpmdev_quote *quote;
    const struct tpmdev_enckey *enckey;
    const struct guest_os *os;
    struct span event_log;
    /* The Bootwarden member; no facts = the plain Azure form without it. */
    struct span facts;   /* GuestFacts in canonical form (guest/running.h) */
    struct span context; /* as the service gave it, decoded */
    struct span ima_log; /* empty: none */
};

/* The inner document, members sorted. */
err_t request_build_inner(struct arena *arena, const struct request *request,
                          struct span *ret) MUST_CHECK;
/* {"AttestationInfo": base64url of it}. ERR_TOO_LARGE past REQUEST_BODY_MAX_BYTES. */
err_t request_build(struct arena *arena, const struct request *request,
                    struct span *ret) MUST_CHECK;

#endif
