/*
 * fabricate-tpm.h - requests of /attest/Tpm made without a TPM, as a client with one would.
 *
 * The keys of fabricate.h and a request key in OpenSSL. {0} with challenge, registers and a log is
 * a good request; every other member makes it a bad one in one way. What a real TPM does is tested
 * with one.
 */
#ifndef TESTS_FABRICATE_TPM_H
#define TESTS_FABRICATE_TPM_H

#include "support/fabricate.h"

#include "token/token.h"

enum { FABRICATE_LOGS = 20, FABRICATE_OTHER_KEYS = 3 };

struct fabricate_key {
    const struct signkey *key;
    const char *jwk;              /* text to send; NULL: as fabricate_jwk writes it */
    const char *info;             /* text to send; NULL: what binds it */
    bool is_unbound;              /* no info */
    uint32_t attributes;          /* of its public area; 0 = 0x00040072 */
    struct span challenge;        /* that it was certified for; {0} = the request's */
    const struct signkey *named;  /* whose name is certified; NULL = its own */
    const struct signkey *signer; /* NULL = the attestation key */
};

struct fabricate_log {
    const char *type; /* "TCG", "IMA" */
    struct span bytes;
};

struct fabricate_tpm {
    struct span challenge;       /* in the quote and in the request */
    struct span sent_challenge;  /* in the request alone; {0} = challenge */
    struct span service_context; /* {0} = anything */
    const struct tpm_pcrs *pcrs; /* what is quoted, by their `have` */
    uint32_t hidden_pcrs;        /* quoted, and not sent */
    bool are_pcrs_unsorted;      /* sent from the last to the first */
    struct fabricate_log logs[FABRICATE_LOGS];
    size_t n_logs;
    struct fabricate_key request_key; /* key is set */
    bool is_certified;                /* the request key, instead of bound by the quote */
    const char *quoted_jwk;           /* text that the quote binds; NULL = the one sent */
    struct fabricate_key other_keys[FABRICATE_OTHER_KEYS];
    size_t n_other_keys;
    struct span extra_data; /* of the quote; {0} = as it must be */
    struct span attest;     /* quote and signature made before; {0} = made now */
    struct span signature;
    const struct signkey *aik; /* sent as aik_pub; NULL = the one that signs */
    const char *aik_jwk;       /* text to send as aik_pub; NULL = of aik */
    struct span certificate;   /* {0} = the machine's */
    bool has_no_certificate;
    uint32_t reset_count; /* 0 = 3 */
    uint32_t restart_count;
    uint64_t clock_ms;         /* 0 = 100000 */
    const char *rp_data;       /* base64url; NULL = none */
    const char *custom_claims; /* JSON; NULL = none */
    const char *att_type;      /* NULL = basic */
    /* The signature of the request. */
    const char *alg; /* NULL = PS256 */
    const char *typ; /* NULL = attReqV2 */
    enum { FABRICATE_PSS, FABRICATE_PKCS1, FABRICATE_NONE } how;
    const struct signkey *signer;          /* NULL = the request key */
    const struct fabricate_tpm *boot;      /* of boot_attestation: its registers, logs and clock */
    const struct fabricated *boot_machine; /* NULL = the same */
};

/* {"kty":"RSA","n":...,"e":"AQAB"} */
const char *fabricate_jwk(struct arena *arena, const struct signkey *key);
const char *fabricate_public_jwk(struct arena *arena, const struct pubkey *key);

/* The payload of the request, the compact JWS over it, the body around that. */
struct span fabricate_tpm_payload(struct arena *arena, const struct fabricated *f,
                                  const struct fabricate_tpm *request);
struct span fabricate_tpm_sign(struct arena *arena, const struct fabricate_tpm *request,
                               struct span payload);
struct span fabricate_tpm_body(struct arena *arena, struct span message);
/* All at once: the JWS. */
struct span fabricate_tpm_request(struct arena *arena, const struct fabricated *f,
                                  const struct fabricate_tpm *request);
/* The quote alone, as it would stand in that request. */
void fabricate_tpm_quote(struct arena *arena, const struct fabricated *f,
                         const struct fabricate_tpm *request, struct span *ret_attest,
                         struct span *ret_signature);
/* TPMT_SIGNATURE, RSASSA with SHA-256. */
struct span fabricate_signature(struct arena *arena, const struct signkey *key,
                                struct span message);

#endif
