/*
 * azureguest.h - the body of POST /attest/AzureGuest and its sealed reply
 * (azure-guest-protocol sections 2, 6 and 8a; docs/formats/azureguest.md).
 */
#ifndef EVIDENCE_AZUREGUEST_H
#define EVIDENCE_AZUREGUEST_H

#include "evidence/evidence.h"

enum { AZUREGUEST_CONTEXT_MAX = 512, AZUREGUEST_FACTS_MAX = 48 * 1024 };

/* The outer body {"AttestationInfo": base64url}. Errors name the member or the offset. */
err_t azureguest_parse(struct arena *arena, struct span body, struct trail *trail,
                       struct evidence **ret) MUST_CHECK;
/* The inner document alone, as found in files. */
err_t azureguest_parse_inner(struct arena *arena, struct span inner, struct trail *trail,
                             struct evidence **ret) MUST_CHECK;
/* Either of the two: the outer form when it has the member AttestationInfo. */
err_t azureguest_parse_any(struct arena *arena, struct span text, struct trail *trail,
                           struct evidence **ret) MUST_CHECK;

/* What extraData must be when the Bootwarden member is there:
 * SHA-256(context || SHA-256(canonical GuestFacts)) (decisions section 4). */
err_t azureguest_expected_nonce(struct span context, struct span guest_facts_canonical,
                                uint8_t digest[SHA256_BYTES]) MUST_CHECK;

/* {"token": base64url of the sealed document}: the JWT readable only by the holder of enc_key.
 * Random key and IV; RSAES-PKCS1-v1_5, AES-256-GCM with AAD "Transport Key". */
err_t azureguest_seal_reply(struct arena *arena, struct span jwt, const struct pubkey *enc_key,
                            struct span *ret_body) MUST_CHECK;

/* The sealed document taken apart, for the guest's side. */
struct azureguest_sealed {
    struct span jwt_cipher, wrapped_key, iv, tag;
};
err_t azureguest_parse_reply(struct arena *arena, struct span body, struct trail *trail,
                             struct azureguest_sealed *ret) MUST_CHECK;
/* Open with the unwrapped key: the compact JWS. ERR_SIGNATURE when it does not authenticate. */
err_t azureguest_open_reply(struct arena *arena, const struct azureguest_sealed *sealed,
                            struct span key, struct span *ret_jwt) MUST_CHECK;

#endif
