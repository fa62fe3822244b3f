/*
 * parts.h - for the files of this room alone.
 */
#ifndef CLAIMS_PARTS_H
#define CLAIMS_PARTS_H

#include "claims/claims.h"
#include "claims/text.h"

/* windows-records.c: the records of a tagged event as one object. ERR_MALFORMED when one of them is
 * shorter than its form or than what it stands in; ERR_TOO_DEEP. */
err_t write_windows_records(struct text *text, struct span data, struct trail *trail) MUST_CHECK;

/* windows-names.c: how the policy language calls a record, and what its payload is. */
enum record_shape {
    SHAPE_BOOLEAN,   /* true: the first byte is not zero */
    SHAPE_NUMBER,    /* 5 */
    SHAPE_VALUE,     /* {"Value":5} */
    SHAPE_WORD,      /* {"Value":5,"String":"..."} */
    SHAPE_TEXT,      /* UTF-16 */
    SHAPE_RAW,       /* {"RawData":"..."} */
    SHAPE_LIST,      /* [{"RawData":"..."}, ...] */
    SHAPE_STATE,     /* {"SignatureValid":false,"RawData":"..."} */
    SHAPE_CONTAINER, /* {...} */
    SHAPE_ARRAY,     /* [{...}, ...] */
};
/* What several Booleans of one name in one container come to. */
enum record_worse { WORSE_NONE, WORSE_TRUE, WORSE_FALSE };
/* Payloads that have a structure of their own inside SHAPE_RAW and SHAPE_LIST. */
enum record_inner { INNER_NONE, INNER_REVOCATIONS, INNER_POLICY, INNER_SIGNATURE };
struct record_form {
    uint32_t id;
    const char *name; /* "EVENT_BOOTDEBUGGING" */
    enum record_shape shape;
    size_t bytes; /* of numbers: at least */
    enum record_worse worse;
    enum record_inner inner;
};
/* NULL for ids that are not known. */
const struct record_form *record_form(uint32_t id);

/* ima-events.c: the first n records of the list as events, numbered from seq on. */
err_t write_ima_events(struct text *text, struct span list, uint32_t n, uint32_t seq,
                       struct hasher *hasher, struct trail *trail) MUST_CHECK;

/* add.c: the one place that knows how a claim is kept. Strings are borrowed. */
err_t add_bool(struct claims *claims, const char *type, bool value) MUST_CHECK;
err_t add_int(struct claims *claims, const char *type, int64_t value) MUST_CHECK;
err_t add_string(struct claims *claims, const char *type, const char *value) MUST_CHECK;
/* A document that the policy may look into, and for is_read_only not hand on. */
err_t add_document(struct claims *claims, const char *type, struct span json,
                   bool is_read_only) MUST_CHECK;
/* Take back what was added since `n` claims were there: half of the claims are worse than none. */
size_t count_claims(const struct claims *claims);
void drop_claims(struct claims *claims, size_t n);
/* What the client claims, under an issuer of its own. */
err_t add_custom(struct claims *claims, const char *type,
                 const struct evidence_custom *custom) MUST_CHECK;

#endif
