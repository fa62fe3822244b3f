/*
 * cel.h - canonical event logs (TCG Canonical Event Log Format 1.0, encoding CEL-TLV).
 *
 * What runs after the firmware writes its own measurements in this form: a record has a number, a
 * register, digests and a content. The registers go on where an earlier log left them, so a replay
 * is given the value to start from. A record's content may be believed where its digest covers it;
 * that is known for one kind alone, "COS" (Google's Container-Optimized OS), whose digest is of the
 * whole content field with its type and length.
 *
 * Each field: u8 type, u32 length, value; big endian. In a record, in this order: number (0),
 * register (PCR 1, NV index 2, register of a confidential VM 108), digests (3), content.
 *
 * The log is borrowed: `bytes` must outlive everything here; records live in the arena.
 * Who may send these bytes: root of any guest.
 */
#ifndef EVENTLOG_CEL_H
#define EVENTLOG_CEL_H

#include "base/arena.h"
#include "base/err.h"
#include "crypto/hash.h"

enum {
    CEL_MAX_BYTES = 1024 * 1024,
    CEL_MAX_RECORDS = 8192,
    CEL_MAX_DIGESTS = 16,
};

enum cel_kind { CEL_PCR, CEL_NV, CEL_CCMR };

/* Types of contents that are named in public; others stay numbers. */
enum { CEL_CONTENT_COS = 80 };

struct cel_digest {
    uint16_t alg; /* TPM_ALG_ID */
    struct span bytes;
};

struct cel_record {
    uint64_t number;
    size_t offset;
    enum cel_kind kind;
    uint32_t index;            /* a PCR (0 to 23), an NV handle, or 1 to 4 for RTMR0 to 3 */
    struct cel_digest *digest; /* each algorithm once */
    size_t n_digests;
    uint8_t content_type;
    struct span content; /* its value */
    struct span field;   /* all of it, type and length included */
    bool has_inner;      /* COS: the value is one field again, of these */
    uint8_t inner_type;
    struct span inner;
};

struct cel {
    struct cel_record *records;
    size_t n;
};

/* Does it begin like such a log? For choosing a reader, not for judging. */
bool cel_is_likely(struct span bytes);

/*
 * The whole log or an error: ERR_NOT_FOUND when it is empty; ERR_SHORT, ERR_MALFORMED (field out of
 * order, numbers that do not begin at 0 or do not increase, register out of range, digest of
 * another size than its algorithm's, algorithm twice), ERR_TOO_MANY, ERR_TOO_LARGE, with offset.
 */
err_t cel_read(struct arena *arena, struct span bytes, struct trail *trail,
               struct cel **ret) MUST_CHECK;

/*
 * The value of one register after the log. `start` is what an earlier log left in it, as long as a
 * digest of the bank. ERR_NOT_FOUND when a record of the register lacks the bank: then nobody knows
 * what was extended there (ALG-4).
 */
err_t cel_replay(const struct cel *cel, enum cel_kind kind, uint32_t index, enum hash_alg bank,
                 struct span start, struct hasher *hasher, struct trail *trail,
                 uint8_t *ret) MUST_CHECK;

/* Is the content what was measured, in every bank that we can compute? Only ever for COS. */
err_t cel_is_covered(const struct cel_record *record, struct hasher *hasher, bool *ret) MUST_CHECK;

/* "image reference": what a COS content is about; NULL for types without a public name. Static. */
const char *cel_cos_name(uint8_t inner_type);
/* "PCR 8", "RTMR3", "NV 0x01d10200"; in the arena. */
const char *cel_register_name(struct arena *arena, const struct cel_record *record);

#endif
