/*
 * appraise.h - evidence + trust anchors + challenge + time → verdict with reasons, facts, claims.
 *
 * Pure: no clock, no files, no store. The order of work is rule ORD-1: AK, quote signature, quote
 * content, PCR values, log replay, events, facts. A check that fails adds a reason and the rest
 * is still appraised where that is safe, because owners need all reasons at once; nothing that
 * rests on an unverified step is ever reported as attested.
 */
#ifndef APPRAISE_APPRAISE_H
#define APPRAISE_APPRAISE_H

#include "appraise/announced.h"
#include "appraise/dbx-minimum.h"
#include "crypto/cert.h"
#include "evidence/evidence.h"
#include "evidence/tpm-message.h"
#include "facts/facts.h"
#include "policy/policy.h"
#include "reasons/reasons.h"
#include "tpm/clock.h"

enum {
    APPRAISE_MAX_REASONS = 64, /* past it, reasons are counted, not kept */
    APPRAISE_MAX_NOTES = 128,
    APPRAISE_MAX_CHANGES = 64,
    APPRAISE_REQUIRED_PCRS = 0xff,           /* SHA-256, 0-7 (decisions section 2) */
    APPRAISE_BASELINE_PCRS = 0x7bff,         /* 0-9 and 11-14: firmware, boot loader, kernel */
    APPRAISE_CLOCK_TOLERANCE_MS = 30 * 1000, /* requests of one guest may overtake each other */
};

/* Anchors per role, never mixed. NULL stores trust nobody. */
struct appraise_trust {
    const struct cert_store *ek;
    const struct cert_store *ak;
    const struct tpm_name *enrolled_aks; /* proven by activation or by the operator's word */
    size_t n_enrolled_aks;
    /* For certificates of enrolled AKs instead of `ak`; NULL: ak. A CA whose certificates count
     * only while a record says so (AK-6) stands here alone. */
    const struct cert_store *ak_enrolled;
    const struct span *db_certificates; /* test keys that the operator names (SB-14): DER */
    size_t n_db_certificates;
};

struct appraise_options {
    int64_t now;    /* seconds; for certificates */
    bool has_nonce; /* extraData must equal nonce (empty: must be empty) */
    struct span nonce;
    uint32_t required_pcrs; /* of SHA-256; 0 = APPRAISE_REQUIRED_PCRS */
    /* required_pcrs is a policy's own mask (required_pcr_mask), whatever it leaves out. Of PCRs 0
     * to 7 that it leaves out and that were not quoted nothing is demanded and nothing is known. */
    bool has_pcr_mask;
    /* Tpm: an AK is taken whose certificate is missing or leads nowhere (the policy's
     * require_valid_aik_cert=false). One for another key is refused all the same. */
    bool waives_ak_certificate;
    const struct tpm_clock *last_clock; /* at its last accepted proof; NULL: first proof */
    const struct boot_facts *baseline;  /* of an earlier boot; NULL: compare with nothing */
    /* Read the log also when no quote of a proven key stands behind it: for people who look into
     * evidence. A server leaves it off and spends nothing on what anybody may send (ORD-1). */
    bool reads_unproven_log;
    uint32_t baseline_pcrs;            /* what that boot attested; 0 = APPRAISE_BASELINE_PCRS */
    const struct announced *announced; /* changes that a trusted boot announced; NULL */
    bool is_shape_changed;             /* the machine is known to have got another shape (vCPUs) */
    /* What is known beforehand; NULL: no key is known and only dbx revokes, and a note says so. */
    const struct reference *reference;
    struct key_cache *key_cache; /* of that reference, shared between appraisals; NULL: none */
    const struct reference_sbat *sbat_minimum; /* of that reference; NULL: none (SB-16) */
    const struct dbx_minimum *dbx_minimum;     /* NULL: none (SB-13) */
};

struct reason {
    enum reason_code code;
    const char *text;   /* for people, escaped */
    const char *rule;   /* "Q-8"; "" */
    const char *where;  /* member, file, event, PCRs: "TpmInfo.PcrQuote", "event 42"; "" */
    const char *remedy; /* what to do: of this very case where it is known, else of the code */
};

struct note {
    const char *code; /* finding or note name */
    const char *text;
    const char *rule;
    int64_t event; /* -1 */
};

struct change {
    enum reason_code code; /* REASON_CHANGE_* */
    bool is_explained;
    const char *text;        /* what is different, in words, before → after */
    const char *explanation; /* what explains it, or why nothing does */
    uint32_t pcrs;           /* registers involved */
};

/* WAIVED: nothing proves it, and options say that nothing has to. */
enum ak_proof { AK_PROOF_NONE, AK_PROOF_ENROLLED, AK_PROOF_CERTIFICATE, AK_PROOF_WAIVED };

struct appraised_ak {
    bool is_parsed;
    /* Tpm sends the key alone: pub and name are then known only when they follow from a layout that
     * an enrolled name or the quote's qualified signer confirms. name.len is 0 otherwise. */
    bool has_public_area;
    struct tpm_public pub;
    struct tpm_name name;
    bool is_certificate_valid; /* leads to an anchor, is for this key, in its validity */
    struct pubkey *key;        /* owned by the appraisal */
    struct cert *certificate;  /* owned; NULL */
    enum ak_proof proof;
    const char *parent; /* "primary key of the endorsement hierarchy", ...; "" */
    const char *label;  /* where its public area came from */
};

struct appraised_quote {
    struct tpm_attest attest;
    bool is_verified; /* signature and PCR digest hold */
    bool counts;      /* and its AK is proven */
    const char *where;
};

/* A key of a Tpm request. */
struct appraised_key {
    const struct evidence_key *sent;
    struct pubkey *key;    /* owned by the appraisal; NULL when it cannot be read */
    struct tpm_public pub; /* KEY_CERTIFIED */
    bool is_bound;         /* as sent->binding says, proven */
};

/* Is the evidence of now? A verdict alone does not say: offline there is nothing to hold it
 * against. */
enum freshness {
    FRESHNESS_NOT_CHECKED, /* no challenge and no earlier clock that is passed, or no quote that
                              verifies */
    FRESHNESS_NONCE,       /* every verified quote answers the challenge */
    FRESHNESS_CLOCK,       /* no challenge; later than the AK's last accepted proof */
    FRESHNESS_FAILED,      /* another challenge, or the clock went back: there is a reason for it */
};
const char *freshness_name(enum freshness freshness); /* "not-checked": static */

struct appraisal {
    enum verdict verdict;
    struct reason reasons[APPRAISE_MAX_REASONS];
    size_t n_reasons;
    struct note notes[APPRAISE_MAX_NOTES];
    size_t n_notes;
    struct change changes[APPRAISE_MAX_CHANGES];
    size_t n_changes;
    bool has_baseline;

    struct appraised_ak aks[EVIDENCE_MAX_KEYS];
    size_t n_aks;
    size_t main_ak; /* the AK that the verdict rests on; aks[0] when none is proven */
    struct appraised_quote quotes[EVIDENCE_MAX_QUOTES];
    size_t n_quotes;
    const char *ek_subject; /* of the verified EK certificate; NULL */

    struct tpm_pcrs attested; /* values covered by a verified quote of a proven AK, nothing else */
    /* attested; while no key is proven: what verified quotes of unproven keys cover, for display */
    struct tpm_pcrs shown;
    bool has_clock;
    struct tpm_clock clock; /* of the main AK's quote */
    struct span extra_data; /* of that quote */
    enum freshness freshness;
    struct pubkey *enc_key; /* AzureGuest: owned; NULL unless certified and bound to the PCRs */
    /* Tpm */
    struct appraised_key request_key;
    struct appraised_key other_keys[TPM_REQUEST_MAX_OTHER_KEYS];
    size_t n_other_keys;
    struct appraisal *boot; /* of boot_attestation, owned; its reasons are among these; NULL */
    uint32_t n_ima_records; /* of the list, that lead to the attested PCR 10 (SHA-256) */

    const struct eventlog *log; /* NULL without a readable log */
    const struct boot_facts
        *facts;         /* NULL without log; only from a log that replays (else facts_unproven) */
    bool is_log_proven; /* replays to the values of verified quotes, all of them */
    bool is_db_known;   /* every db entry is a known platform's or named by the operator */
    bool are_platform_keys_known; /* the same for PK and KEK */
    bool is_dbx_sufficient;       /* well formed, and holds all that options->dbx_minimum demands */
    bool is_windows;              /* Windows' records in PCRs 12 to 14, or its key in PCR 7 */
    /* NULL unless the boot is Windows' own from the firmware on (B-13): else anybody could have
     * measured them. Of facts. */
    const struct windows_facts *windows;
    struct arena *arena;
};

/* Judge. The appraisal lives in the arena; appraisal_done releases its keys. Errors are only
 * ERR_MEMORY, ERR_CRYPTO and the like: bad evidence is a verdict. */
err_t appraise(struct arena *arena, const struct evidence *evidence,
               const struct appraise_trust *trust, const struct appraise_options *options,
               struct hasher *hasher, struct appraisal **ret) MUST_CHECK;
void appraisal_done(struct appraisal *appraisal);
/* Does the proof hold, so that a policy may be asked about what it proves? False for not-verified
 * and cannot-judge; a boot that is bad is proven too. */
bool appraisal_is_proven(const struct appraisal *appraisal);
DEFINE_CLEANUP(struct appraisal *, appraisal_done)

/* Say better what somebody outside knows better; code and verdict stay. Borrows both texts. Without
 * such a reason nothing happens. */
void appraisal_reword(struct appraisal *appraisal, enum reason_code code, const char *where,
                      const char *text, const char *remedy);
/* Add a reason found outside (challenge state, policy): recomputes the verdict. Text is copied. */
void appraisal_add_reason(struct appraisal *appraisal, enum reason_code code, const char *rule,
                          const char *where, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Claims of an azurevm token (token-claims section 3), all of them always supplied. vmid may be
 * NULL. Only attested values and authenticated facts enter. */
err_t appraise_azurevm_claims(struct arena *arena, yyjson_mut_doc *doc,
                              const struct appraisal *appraisal, const struct evidence *evidence,
                              const char *vmid, struct claims *ret) MUST_CHECK;

/*
 * Claims, then the policy on them. A denial becomes the reason policy-denied unless the verdict is
 * unhealthy or worse already; a policy that cannot be evaluated becomes policy-failed. The token
 * gets *incoming and then ret->issued, and only when appraisal->verdict is healthy or changed
 * afterwards.
 */
err_t appraise_decide(struct arena *arena, yyjson_mut_doc *doc, struct appraisal *appraisal,
                      const struct evidence *evidence, const struct policy *policy,
                      const char *vmid, struct claims *incoming,
                      struct policy_result *ret) MUST_CHECK;

/* Does a claim say so, of everything that makes the verdict unhealthy? Then who relies on a token
 * can read it there, and a policy that looks at claims has seen it. For the default policy's
 * claims, false: secureboot, ...-securebootkeysvalidated, -debuggersdisabled, -signingdisabled. A
 * revoked image or a shim that checks nothing is in no claim. */
bool appraisal_is_told(const struct appraisal *appraisal, const struct claims *claims);

/* The documented JSON form of a result: {"verdict","reasons","changes","notes","facts","pcrs",
 * "claims","ak"} (docs/formats/appraisal.md). claims may be NULL. */
yyjson_mut_val *appraisal_json(struct arena *arena, yyjson_mut_doc *doc,
                               const struct appraisal *appraisal, const struct claims *claims);
/* [{"code","explained","text","explanation","pcrs"}] */
yyjson_mut_val *appraise_changes_json(yyjson_mut_doc *doc, const struct change *changes, size_t n);
/* [{"code","text","rule","where","remedy"}] */
yyjson_mut_val *appraisal_reasons_json(yyjson_mut_doc *doc, const struct appraisal *appraisal);

#endif
