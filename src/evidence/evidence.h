/*
 * evidence.h - one form for what a guest sends, whatever wire it came on.
 *
 * `struct evidence` holds bytes and where each came from; it has been taken apart, not judged.
 * Binary structures are still unparsed: the appraisal reads them, so that a malformed quote is a
 * finding with a name and not a lost request. Everything borrows from the arena or the input.
 * Who may send these bytes: anybody who reaches the server.
 */
#ifndef EVIDENCE_EVIDENCE_H
#define EVIDENCE_EVIDENCE_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/pubkey.h"
#include "tpm/tpm.h"
#include "json/json.h"

enum {
    EVIDENCE_MAX_BYTES = 1024 * 1024, /* decisions section 1: an attest body */
    EVIDENCE_MAX_KEYS = 4,
    EVIDENCE_MAX_QUOTES = 8,
    EVIDENCE_MAX_INTERMEDIATES = 8,
    EVIDENCE_MAX_TEXT = 256, /* OS names and versions */
    EVIDENCE_MAX_LATER_LOGS = 7,
};

/* Bytes and the place they came from: "TpmInfo.PcrQuote", "quote_rsa.attest". */
struct evidence_blob {
    struct span bytes;
    const char *where;
};

struct evidence_ak {
    struct evidence_blob public_area; /* TPM2B_PUBLIC */
    bool public_area_may_trail;       /* TPM2B_NAME bytes may follow (Python client) */
    struct evidence_blob certificate; /* DER, NV padding allowed; empty when there is none */
    yyjson_val *jwk; /* Tpm: the key alone, in place of its public area; else NULL */
    const char *jwk_where;
};

struct evidence_quote {
    struct evidence_blob attest;
    struct evidence_blob signature;
    bool is_framed; /* TPMT_SIGNATURE; else raw RSASSA bytes */
    size_t ak;      /* index into aks */
};

struct evidence_ek {
    struct evidence_blob certificate;
    struct evidence_blob public_area; /* TPM2B_PUBLIC; empty when not sent */
};

/* EVIDENCE_TPM_BOOT: the earlier state inside a Tpm request. */
enum evidence_form {
    EVIDENCE_AZUREGUEST,
    EVIDENCE_BOOT_FOLDER,
    EVIDENCE_TPM,
    EVIDENCE_TPM_BOOT,
};

/* What only an AzureGuest request has (azure-guest-protocol sections 2 and 8a). */
struct evidence_azure {
    const char *protocol_version; /* "1.0", "2.0" */
    const char *os_type, *os_distro, *os_build;
    uint64_t os_version_major, os_version_minor;
    yyjson_val
        *client_payload; /* NULL when absent, null or empty: echoed verbatim, never believed */
    struct evidence_blob enc_key_public, enc_key_certify, enc_key_signature;
    bool has_bootwarden;     /* our own agent's member is there */
    struct span context;     /* Bootwarden.Context, decoded */
    yyjson_val *guest_facts; /* hints unless covered by extraData */
    struct span guest_facts_canonical;
};

struct evidence_tpm; /* evidence/tpm-message.h */

struct evidence {
    enum evidence_form form;
    struct evidence_ak aks[EVIDENCE_MAX_KEYS];
    size_t n_aks;
    struct evidence_quote quotes[EVIDENCE_MAX_QUOTES];
    size_t n_quotes;
    struct evidence_ek eks[EVIDENCE_MAX_KEYS];
    size_t n_eks;
    struct evidence_blob intermediates[EVIDENCE_MAX_INTERMEDIATES]; /* untrusted CA certificates */
    size_t n_intermediates;
    struct tpm_pcrs pcrs; /* as supplied: nothing here is attested yet */
    const char *pcrs_where;
    bool has_pcr_set; /* AzureGuest: PcrSet must equal the signed selection */
    uint32_t pcr_set;
    struct evidence_blob log; /* data NULL when there is none */
    /* Tpm: further TCG logs, each of which goes on where the one before it ended. */
    struct evidence_blob later_logs[EVIDENCE_MAX_LATER_LOGS];
    size_t n_later_logs;
    struct evidence_blob ima;
    struct evidence_azure azure;
    const struct evidence_tpm *tpm; /* EVIDENCE_TPM; else NULL */
};

#endif
