/*
 * ima.h - the kernel's IMA measurement list (binary_runtime_measurements), which explains PCR 10.
 *
 * Each record: u32 PCR, 20-byte template digest, u32 length and template name, then template
 * data (little endian; Documentation/security/IMA-templates). The logged digest is SHA-1; in other
 * banks the kernel extends the bank's hash of the template data, or before 6.12, for banks whose
 * hash it had not built in, the SHA-1 digest padded with zeros. A zero digest is a recorded
 * violation and extends as all-ones.
 */
#ifndef EVENTLOG_IMA_H
#define EVENTLOG_IMA_H

#include "eventlog/eventlog.h"

enum {
    IMA_MAX_BYTES = 1024 * 1024,
    IMA_MAX_RECORDS = 16384,
    IMA_NAME_MAX = 64,
    IMA_DATA_MAX = 16 * 1024
};

enum { IMA_FIELD_NAME = 256 };

/* One record. Fields borrow from the list, but for the first template's. */
struct ima_record {
    uint32_t index;
    size_t offset;
    struct span digest; /* SHA-1 */
    struct span name;   /* of the template */
    struct span data;   /* as hashed: template data, or `padded` */
    uint8_t padded[SHA1_BYTES + IMA_FIELD_NAME];
};
struct ima_iter {
    struct span bytes;
    size_t offset;
    uint32_t n; /* records returned */
};
void ima_begin(struct ima_iter *iter, struct span bytes);
/* The next record, whose digest may be of anything yet. ERR_END behind the last; ERR_SHORT,
 * ERR_MALFORMED, ERR_TOO_MANY with the record's number. *ret->data borrows from *ret for the first
 * template. */
err_t ima_next(struct ima_iter *iter, struct trail *trail, struct ima_record *ret) MUST_CHECK;
/* A zero digest: the kernel could not vouch for what it names. */
bool ima_is_violation(const struct ima_record *record);

enum ima_extend {
    IMA_EXTEND_HASH,        /* H of the template data in the bank's hash */
    IMA_EXTEND_SHA1_PADDED, /* the SHA-1 digest padded with zeros */
};

struct ima_summary {
    uint32_t records;
    uint32_t violations;
    uint8_t value[HASH_MAX_BYTES]; /* PCR 10 */
};

/* Replay into PCR 10 of one bank. Refuses records for other PCRs, SHA-1 digests that are not of
 * their data ("ima" template included), cut records: ERR_SHORT, ERR_MALFORMED, ERR_MISMATCH with
 * offset. An empty list is zero records and a zero register. */
err_t ima_replay(struct span bytes, enum hash_alg bank, enum ima_extend how, struct hasher *hasher,
                 struct trail *trail, struct ima_summary *ret) MUST_CHECK;

/*
 * The same, stopping at the first record after which PCR 10 is `wanted`: the kernel goes on
 * measuring between a quote and the reading of the list, so a genuine list may be longer than what
 * was quoted. The records behind that point prove nothing and are not counted; they are still read.
 * ERR_END when no such record exists (*ret is then the whole list's).
 */
err_t ima_replay_until(struct span bytes, enum hash_alg bank, enum ima_extend how,
                       struct span wanted, struct hasher *hasher, struct trail *trail,
                       struct ima_summary *ret) MUST_CHECK;

#endif
