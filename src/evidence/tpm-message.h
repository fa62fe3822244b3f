/*
 * tpm-message.h - the messages of POST /attest/Tpm (docs/formats/tpm-attestation.md).
 *
 * Two exchanges travel in the member `data`: the client asks for a challenge, then sends a request
 * that is signed by the key it names (JWS) and holds quote, logs and keys. Version 2 for a TPM
 * alone is understood; version 1 and VBS enclaves are recognised and refused by name. Everything
 * borrows from the arena or the input. Nothing is verified here but the form.
 * Who may send these bytes: anybody who reaches the server; whether the call needs a credential is
 * the provider's choice.
 */
#ifndef EVIDENCE_TPM_MESSAGE_H
#define EVIDENCE_TPM_MESSAGE_H

#include "evidence/evidence.h"
#include "token/token.h"

enum {
    TPM_REQUEST_MAX_OTHER_KEYS = 2,
    TPM_REQUEST_MAX_CUSTOM_CLAIMS = 64,
    TPM_REQUEST_MAX_CUSTOM_TEXT = 4096,
    TPM_REQUEST_MAX_LOGS = 16, /* of both kinds in one attestation */
    TPM_REQUEST_MAX_BANKS = 8, /* listed in pcrs */
    TPM_REQUEST_MAX_RP_ID = 2048,
    TPM_REQUEST_MAX_RP_DATA = 4096,
    TPM_REQUEST_MAX_CHALLENGE = 128,
    TPM_REQUEST_MAX_CONTEXT = 16 * 1024,
    TPM_REQUEST_MAX_JWK = 8 * 1024,
};

enum tpm_message_kind {
    TPM_MESSAGE_INIT,    /* {"type":"aikcert"}: the client wants a challenge */
    TPM_MESSAGE_REQUEST, /* {"request":JWS} */
};
struct tpm_message {
    enum tpm_message_kind kind;
    struct span request; /* compact JWS; of a TPM_MESSAGE_REQUEST */
};

/* What binds a key to the TPM (3.2 of the protocol). */
enum key_binding {
    KEY_UNBOUND,
    KEY_QUOTED,    /* the quote's extraData is a hash of the key's own text and the challenge */
    KEY_CERTIFIED, /* TPM2_Certify by the attestation key */
};
struct evidence_key {
    yyjson_val *jwk;
    struct span raw;   /* the text of jwk exactly as it was received: what the quote binds */
    const char *where; /* "request_key", "other_keys[0]" */
    enum key_binding binding;
    const char *hash_name; /* KEY_QUOTED: "sha-256" */
    enum hash_alg hash;
    struct evidence_blob public_area, certification, signature; /* KEY_CERTIFIED */
};

enum custom_kind { CUSTOM_STRING, CUSTOM_INTEGER, CUSTOM_BOOLEAN };
/* What the client claims of itself, for the policy to believe or not. */
struct evidence_custom {
    const char *name;
    enum custom_kind kind;
    const char *string;
    int64_t integer;
    bool boolean;
};

struct evidence_tpm {
    struct jws jws;    /* signed by request_key, says the sender */
    const char *rp_id; /* NULL */
    bool has_rp_data;
    struct span rp_data;         /* decoded */
    struct span challenge;       /* decoded */
    struct span service_context; /* decoded; opaque here */
    struct evidence_key request_key;
    struct evidence_key other_keys[TPM_REQUEST_MAX_OTHER_KEYS];
    size_t n_other_keys;
    struct evidence_custom custom[TPM_REQUEST_MAX_CUSTOM_CLAIMS];
    size_t n_custom;
    const struct evidence *boot; /* boot_attestation: its keys, quote and logs; NULL */
};

/* The body {"data": base64url of {"payload": message} or of the message itself}. Padding is
 * accepted; `metadata` and what else stands beside is ignored. ERR_UNSUPPORTED for another type
 * than "aikcert". */
err_t tpm_message_parse(struct arena *arena, struct span body, struct trail *trail,
                        struct tpm_message *ret) MUST_CHECK;

/* The signed request of the second exchange, taken apart: evidence->tpm is set, the form is
 * EVIDENCE_TPM. ERR_UNSUPPORTED with words of their own for version 1 and for VBS. */
err_t tpm_request_parse(struct arena *arena, struct span request, struct trail *trail,
                        struct evidence **ret) MUST_CHECK;

/* The answers: {"data": base64url of {"payload":{"challenge","service_context"}}} and of
 * {"payload":{"report"}}. */
err_t tpm_challenge_write(struct arena *arena, struct span challenge, struct span service_context,
                          struct span *ret_body) MUST_CHECK;
err_t tpm_report_write(struct arena *arena, struct span jwt, struct span *ret_body) MUST_CHECK;

#endif
