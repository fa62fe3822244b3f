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
};

/* Text is formatted, escaped and copied. Past the limits the last entry says that more was found.
 */
void job_reason(struct job *job, enum reason_code code, const char *rule, const char *where,
                const char *fmt, ...) PRINTF_LIKE(5, 6);
void job_note(struct job *job, const char *code, const char *rule, int64_t event, const char *fmt,
              ...) PRINTF_LIKE(5, 6);

/* The steps, in the order of rule ORD-1. Errors are ours (memory, crypto); bad evidence is a
 * reason. */
err_t judge_keys(struct job *job) MUST_CHECK;    /* keys.c: AK, EK and their provenance */
err_t judge_quotes(struct job *job) MUST_CHECK;  /* quotes.c: signature, content, PCR values */
err_t judge_enc_key(struct job *job) MUST_CHECK; /* enckey.c: AzureGuest's sealing key */
err_t judge_registers(struct job *job)
    MUST_CHECK;                               /* registers.c: log and IMA list against the PCRs */
err_t judge_boot(struct job *job) MUST_CHECK; /* boot.c: facts and findings */
err_t judge_changes(struct job *job) MUST_CHECK; /* changes.c: baseline */

/* "0, 1, 7" */
const char *pcr_list(struct arena *arena, uint32_t mask);

/* known-keys.c: certificates that known platforms carry in PK, KEK and db. */
enum known_key_role { KNOWN_PK = 1, KNOWN_KEK = 2, KNOWN_DB = 4, KNOWN_WINDOWS = 8 };
/* Name of the certificate with this SHA-256 fingerprint when it is known in that role, else NULL.
 */
const char *known_key_name(const uint8_t fingerprint[SHA256_BYTES], unsigned roles);
/* Is every entry of the database known in this role, or named by the operator? ret_unknown gets
 * the subject of the first that is not ("a SHA-256 digest" for hashes); NULL otherwise. */
err_t known_key_database(struct job *job, const struct key_database *database, unsigned role,
                         const char **ret_unknown) MUST_CHECK;

#endif
