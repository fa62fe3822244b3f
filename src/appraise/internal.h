/*
 * internal.h - the workings of one appraisal, shared by the files of this room alone.
 */
#ifndef APPRAISE_INTERNAL_H
#define APPRAISE_INTERNAL_H

#include "appraise/appraise.h"

struct job {
    struct arena *arena;
    const struct evidence *evidence;
    const struct appraise_trust *trust;
    const struct appraise_options *options;
    struct hasher *hasher;
    struct appraisal *result;
    struct readings *readings;        /* of result->log; NULL until job_readings made them */
    const struct boot_phases *phases; /* that explain PCR 11; NULL: not known */
    bool has_nonce;    /* extraData must be this: the option's, or what a Tpm request makes of it */
    struct span nonce; /* may lie in nonce_bytes */
    uint8_t nonce_bytes[HASH_MAX_BYTES];
};

/* Text is formatted, escaped, copied, and cut behind a word where it is too long. Past the limits
 * the last entry says that more was found. The second form has a remedy of its own, which must live
 * as long as the arena. */
void job_reason(struct job *job, enum reason_code code, const char *rule, const char *where,
                const char *fmt, ...) PRINTF_LIKE(5, 6);
void job_reason_remedy(struct job *job, enum reason_code code, const char *rule, const char *where,
                       const char *remedy, const char *fmt, ...) PRINTF_LIKE(6, 7);
void job_note(struct job *job, const char *code, const char *rule, int64_t event, const char *fmt,
              ...) PRINTF_LIKE(5, 6);

/* The steps, in the order of rule ORD-1. Errors are ours (memory, crypto); bad evidence is a
 * reason. */
err_t judge_request(struct job *job)
    MUST_CHECK; /* tpm-request.c: who signed it, for which challenge */
err_t judge_keys(struct job *job) MUST_CHECK;       /* keys.c: AK, EK and their provenance */
err_t judge_quotes(struct job *job) MUST_CHECK;     /* quotes.c: signature, content, PCR values */
err_t judge_enc_key(struct job *job) MUST_CHECK;    /* enckey.c: AzureGuest's sealing key */
err_t judge_bound_keys(struct job *job) MUST_CHECK; /* tpm-request.c: keys the TPM vouches for */
err_t judge_boot_attestation(struct job *job)
    MUST_CHECK; /* tpm-boot.c: the state before a resume */
/* tpm-boot.c: may the two be of one boot? Asks what the log says. */
void judge_resume(struct job *job);
err_t judge_registers(struct job *job) MUST_CHECK; /* registers.c: the log against the PCRs */
err_t judge_ima(struct job *job) MUST_CHECK;       /* ima.c: the IMA list against PCR 10 */
err_t judge_boot(struct job *job) MUST_CHECK;      /* boot.c: facts and findings */
/* windows.c: may Windows' own records be believed, and do they say all that is needed? (B-13) */
err_t judge_windows(struct job *job, const struct boot_facts *facts) MUST_CHECK;
err_t judge_changes(struct job *job) MUST_CHECK; /* changes.c: baseline */

/* keys.c: why this AK may be believed. */
err_t prove_ak(struct job *job, const struct cert_store *intermediates, struct appraised_ak *ak,
               const struct evidence_ak *sent) MUST_CHECK;
/* tpm-ak.c: an AK that was sent as a key alone. */
err_t judge_bare_ak(struct job *job, const struct cert_store *intermediates,
                    const struct evidence_ak *sent, struct appraised_ak *ak) MUST_CHECK;
/* Its name and parent, from a verified quote: ERR_OK also when they stay unknown. */
err_t name_bare_ak(struct job *job, struct appraised_ak *ak,
                   const struct tpm_attest *quote) MUST_CHECK;
/* A signature of it, framed: by its own scheme where that is known, else by one that is allowed. */
err_t check_ak_signature(const struct appraised_ak *ak, struct span signature, struct span message,
                         struct trail *trail, struct tpm_signature *ret) MUST_CHECK;

/* The readings of the log, made once. */
err_t job_readings(struct job *job, struct readings **ret) MUST_CHECK;

/* "0, 2, 4-7": three and more in a row are a range. */
const char *pcr_list(struct arena *arena, uint32_t mask);
/* "PCR 9", "PCRs 0, 4-7" */
const char *pcr_names(struct arena *arena, uint32_t mask);

/* The registers against the log, bank by bank (registers.c). */
struct replay {
    struct eventlog_registers banks[HASH_COUNT];
    bool has[HASH_COUNT];             /* attested, and the log could be replayed in it */
    uint32_t differs[HASH_COUNT];     /* the log leads to another value than the attested one */
    uint32_t unexplained[HASH_COUNT]; /* attested and extended, and the log has nothing for it */
};
/* replay-words.c: one reason for all that differs and one for all that is unexplained, with what
 * can be known about why. */
err_t report_replay(struct job *job, const struct replay *replay) MUST_CHECK;

/* chain-words.c: what to do about a certificate that does not hold, from why it does not: the CA
 * that is missing by its name, the date, ... *ret is NULL when nothing more is known than its code.
 * leaf is NULL when it could not be read. */
err_t chain_remedy(struct job *job, const struct cert *leaf, const struct cert_store *intermediates,
                   const struct cert_store *anchors, enum cert_role role, err_t fault,
                   const char **ret) MUST_CHECK;

/* known-keys.c: NULL when every entry of the database is a certificate that is known in this role
 * (enum reference_role) or named by the operator; else the subject of the first that is not, or
 * what else stands there. */
const char *known_key_database(const struct appraise_trust *trust,
                               const struct key_database *database, unsigned role);

/* minimums.c: SBAT level and dbx against what the options demand (SB-13, SB-16). */
err_t judge_minimums(struct job *job, const struct boot_facts *facts) MUST_CHECK;

#endif
