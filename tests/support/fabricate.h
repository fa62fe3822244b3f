/*
 * fabricate.h - AzureGuest requests made without a TPM, as a TPM would make them.
 *
 * An RSA key in OpenSSL plays the attestation key: fit for tests of form, mutation and speed, where
 * the point is what the verifier does with the bytes. What a TPM really does is tested with TPMs.
 */
#ifndef TESTS_FABRICATE_H
#define TESTS_FABRICATE_H

#include "base/arena.h"
#include "crypto/cert.h"
#include "tpm/tpm.h"

struct fabricated {
    struct signkey *ca_key, *ak_key, *enc_key; /* enc_key: the private half the reply opens with */
    struct cert *ca, *ak_cert;
    struct tpm_name ak_name;
    struct span ak_public; /* TPM2B_PUBLIC */
};

/* What a request says; {0} is a plain Azure one of PCRs 0-7. */
struct fabricate_request {
    struct span pcrs_sha256; /* 24 values, as pcrs_sha256.bin */
    struct span log;
    struct span ima;   /* with has_bootwarden */
    uint32_t pcr_mask; /* 0 = PCRs 0-7 */
    uint16_t bank;     /* TPM_ALG_ID in the selection; 0 = SHA-256 */
    struct span nonce; /* extraData */
    bool has_bootwarden;
    struct span context;
    const char *guest_facts;    /* JSON text or NULL */
    const char *client_payload; /* JSON text or NULL */
    uint32_t reset_count;       /* 0 = 3 */
    uint64_t clock_ms;          /* 0 = 100000 */
};

/* Keys and an AK certificate for `CN=<uuid>.TrustedVM`, valid around `now`. */
struct fabricated *fabricate_machine(struct arena *arena, int64_t now);
void fabricated_free(struct fabricated *f);

/* A quote over several banks, of those registers that `pcrs` has, and its raw RSASSA signature. The
 * request's nonce and clock hold. */
void fabricate_quote(struct arena *arena, const struct fabricated *f,
                     const struct fabricate_request *request, const struct tpm_pcrs *pcrs,
                     struct span *ret_attest, struct span *ret_signature);

/* The inner JSON document / the outer body around it. */
struct span fabricate_inner(struct arena *arena, const struct fabricated *f,
                            const struct fabricate_request *request);
struct span fabricate_outer(struct arena *arena, struct span inner);

#endif
