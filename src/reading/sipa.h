/*
 * sipa.h - the records inside Windows' tagged events.
 *
 * A tagged event holds one or more records: id, size, payload, little endian; containers hold
 * further records (Windows SDK, wbcl.h). Reading them says nothing about who wrote them: the caller
 * looks at the event's digest first (rules B-13, D-1). The records of a trust point are measured
 * nowhere.
 *
 * Who may send these bytes: root of any guest. Time is linear in the bytes and memory fixed,
 * whatever the nesting (rule L-15).
 */
#ifndef READING_SIPA_H
#define READING_SIPA_H

#include "base/err.h"
#include "base/span.h"

enum { SIPA_MAX_DEPTH = 8 }; /* real logs need two */

/* Bits of an id: not an enum, they fill 32 bits. */
#define SIPA_NOT_MEASURED 0x80000000u
#define SIPA_CONTAINER 0x40000000u

#define SIPA_TRUST_BOUNDARY 0x40010001u
#define SIPA_ELAM 0x40010002u
#define SIPA_MODULE 0x40010003u
#define SIPA_TRUST_POINT 0xc0010004u
#define SIPA_BOOT_COUNTER 0x00020002u
#define SIPA_TRANSFER_CONTROL 0x00020003u
#define SIPA_BITLOCKER_UNLOCK 0x00020005u
#define SIPA_EVENT_COUNTER 0x00020006u
#define SIPA_COUNTER_ID 0x00020007u
#define SIPA_FIRMWARE_FAILURE 0x00030001u
#define SIPA_TPM_FAILURE 0x80030002u
#define SIPA_INTERNAL_FAILURE 0x00030003u
#define SIPA_BOOT_REVOCATIONS 0x00040002u
#define SIPA_SYSTEM_ROOT 0x00050009u
#define SIPA_OS_REVOCATIONS 0x00050013u
#define SIPA_VSM_IDENTITY_KEY 0x00050020u
#define SIPA_VSM_SIGNING_KEY 0x00050023u
#define SIPA_NO_AUTHORITY 0x00060001u
#define SIPA_AUTHORITY_KEY 0x00060002u
#define SIPA_FILE_PATH 0x00070001u
#define SIPA_IMAGE_SIZE 0x00070002u
#define SIPA_HASH_ALGORITHM 0x00070003u
#define SIPA_AUTHENTICODE_HASH 0x00070004u
#define SIPA_AUTHORITY_ISSUER 0x00070005u
#define SIPA_AUTHORITY_SERIAL 0x00070006u
#define SIPA_IMAGE_BASE 0x00070007u
#define SIPA_AUTHORITY_PUBLISHER 0x00070008u
#define SIPA_AUTHORITY_THUMBPRINT 0x00070009u
#define SIPA_IMAGE_VALIDATED 0x0007000au
#define SIPA_MODULE_SVN 0x0007000bu
#define SIPA_QUOTE 0x80080001u
#define SIPA_QUOTE_SIGNATURE 0x80080002u
#define SIPA_AIK_ID 0x80080003u
#define SIPA_AIK_DIGEST 0x80080004u
#define SIPA_ELAM_NAME 0x00090001u
#define SIPA_ELAM_CONFIGURATION 0x00090002u
#define SIPA_ELAM_POLICY 0x00090003u
#define SIPA_ELAM_MEASURED 0x00090004u

struct sipa_record {
    uint32_t id;
    struct span payload; /* of a container: the records that come next */
    unsigned depth;      /* 0: beside the event's first record */
    size_t offset;       /* in what was given to sipa_begin */
};

struct sipa_iter {
    struct span bytes;
    size_t offset;
    unsigned depth;
    size_t end[SIPA_MAX_DEPTH + 1]; /* of the containers around */
};

void sipa_begin(struct sipa_iter *iter, struct span bytes);
/*
 * The next record, a container before what is in it. ERR_END when all was read; ERR_SHORT when a
 * record is longer than what it stands in, or a rest is no record; ERR_TOO_DEEP. After an error
 * there are no further records: the same error comes again.
 */
err_t sipa_next(struct sipa_iter *iter, struct sipa_record *ret) MUST_CHECK;

/* An integer of 1, 2, 4 or 8 bytes: the record's own size says which. */
bool sipa_uint(struct span payload, uint64_t *ret) MUST_CHECK;

/* "boot debugging"; NULL for ids that are not known. Static. */
const char *sipa_name(uint32_t id);
/* "sha256" for 0x800c; NULL for algorithms that are not known. Static. */
const char *sipa_hash_name(uint64_t algorithm);

#endif
