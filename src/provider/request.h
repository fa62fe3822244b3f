/*
 * request.h - what an owner asks of a provider in a JWS: policies, and who may sign them.
 *
 * An unsecured JWS ("alg":"none") is a form without a signature; whether that will do is for the
 * provider's trust model. A signature proves possession of the key that the header shows, nothing
 * more: who that is, owner_request_authorize asks (attestation-api sections 6.1 and 7).
 */
#ifndef PROVIDER_REQUEST_H
#define PROVIDER_REQUEST_H

#include "provider/signers.h"
#include "token/token.h"

enum {
    /* A policy of 256 KiB in base64url twice, a chain in the header, and room to breathe. */
    OWNER_REQUEST_MAX_BYTES = 640 * 1024,
};

struct owner_request {
    struct span jws;     /* as it came: x-ms-policy-token-hash is over these bytes */
    yyjson_val *payload; /* an object; NULL when the payload is empty */
    bool is_signed;
    enum token_alg alg;
    struct pubkey *key;                  /* owned: what the signature was checked with */
    struct cert *chain[TOKEN_MAX_CHAIN]; /* owned; of the header's x5c, leaf first */
    size_t n_chain;
};
void owner_request_done(struct owner_request *request);
DEFINE_CLEANUP_DONE(struct owner_request, owner_request_done)

/*
 * A body about a signer: the JWS inside {"policyCertificateToAdd"} or {"policyCertificateToRemove"}
 * (the 2025-06-01 form), any other body as it is, for owner_request_read. An object has the member
 * of its own operation and no other, or what was meant to be removed would be added: ERR_VALUE,
 * ERR_JSON_*. *ret borrows from the body or the arena.
 */
enum owner_operation { OWNER_ADDS_SIGNER, OWNER_REMOVES_SIGNER };
err_t owner_request_unwrap(struct arena *arena, struct span body, enum owner_operation operation,
                           struct trail *trail, struct span *ret) MUST_CHECK;

/*
 * The text of a body: a compact JWS, bare or as a JSON string (which one client sends where another
 * sends the bare form). ERR_SIGNATURE when it does not verify under its own key, ERR_VALUE for a
 * signature without x5c or jwk; what jws_read refuses with its code.
 */
err_t owner_request_read(struct arena *arena, struct span body, struct trail *trail,
                         struct owner_request *ret) MUST_CHECK;

/*
 * Signed by one of these? The leaf is one of them, or was issued under one of them that is a CA.
 * Neither validity nor key usage of a registered certificate is asked, it counts as a key: who
 * cannot renew it in time would lose the provider. One that was issued must be for signing.
 * ERR_VALUE when nobody signed, ERR_UNTRUSTED (and others of cert_verify) when somebody else did,
 * ERR_MISMATCH for a certificate that is not for signing.
 */
err_t owner_request_authorize(struct arena *arena, const struct owner_request *request,
                              const struct signers *signers, int64_t now,
                              struct trail *trail) MUST_CHECK;

/* x-ms-policy-signer: the key as JWK with its certificates. NULL when nobody signed, or at the
 * arena's limit. */
yyjson_mut_val *owner_request_signer(struct arena *arena, yyjson_mut_doc *doc,
                                     const struct owner_request *request);

/* The policy in the member AttestationPolicy, decoded. ERR_VALUE with words when there is none. */
err_t owner_request_policy(struct arena *arena, const struct owner_request *request,
                           struct trail *trail, struct span *ret_text) MUST_CHECK;
/* The certificate that is to be added or removed, under any of the names that clients use. */
err_t owner_request_certificate(struct arena *arena, const struct owner_request *request,
                                struct trail *trail, struct cert **ret) MUST_CHECK;
/* {"alg":"none"}.payload. of a policy text, the form in which defaults are shown. */
err_t owner_request_of_policy(struct arena *arena, struct span text, struct span *ret) MUST_CHECK;
/* The JWS that stands for "no policy": no payload, no signature. */
extern const char owner_request_empty[];

#endif
