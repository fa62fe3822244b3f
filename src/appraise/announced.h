/*
 * announced.h - what a trusted boot said, before an update, that the next boot will measure.
 *
 * A list of digests and texts, each for one class of change (docs/formats/announcement.md). It
 * makes exactly these changes explained and nothing else (docs/baseline.md). Whether its sender may
 * be believed is the business of whoever hands it in.
 */
#ifndef APPRAISE_ANNOUNCED_H
#define APPRAISE_ANNOUNCED_H

#include "crypto/hash.h"
#include "reading/reading.h"
#include "reasons/reasons.h"

enum {
    ANNOUNCED_MAX_BYTES = 64 * 1024,
    ANNOUNCED_MAX_ITEMS = 256,
    ANNOUNCED_TEXT_MAX = 4096,
    ANNOUNCED_FORMS = 4, /* ways in which boot software measures one and the same text */
};

struct announced_item {
    enum reason_code code; /* REASON_CHANGE_LOADER, _KERNEL, _INITRD, _CMDLINE, ... */
    /* SHA-256 of what will be measured; of a text in each form that is known. */
    uint8_t digest[ANNOUNCED_FORMS][SHA256_BYTES];
    size_t n_digests;
    struct span text; /* a command line, as GRUB measures it behind the kernel's name; or empty */
};

struct announced {
    struct announced_item *items;
    size_t n;
};

/*
 * Read the JSON form. Everything lives in the arena and borrows nothing. ERR_JSON_*, ERR_VALUE,
 * ERR_TOO_LARGE, ERR_TOO_MANY with the member's name; a class that cannot be announced (keys,
 * firmware) is ERR_VALUE: nobody is to believe that it was.
 * Who may send these bytes: a guest whose boot was judged good, or an operator.
 */
err_t announced_read(struct arena *arena, struct span json, struct hasher *hasher,
                     struct trail *trail, struct announced **ret) MUST_CHECK;

/* Was this very measurement announced for this class? announced NULL: no. */
bool announced_has(const struct announced *announced, enum reason_code code,
                   const struct eventlog *log, const struct reading *reading);

#endif
