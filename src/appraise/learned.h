/*
 * learned.h - a baseline as a document, to keep and to compare with later
 * (docs/formats/baseline.md).
 *
 * It is the log of a boot that was judged good and the registers that its quotes covered: all that
 * baseline_compare needs, and nothing that was worked out from it, so that better rules read old
 * baselines better.
 */
#ifndef APPRAISE_LEARNED_H
#define APPRAISE_LEARNED_H

#include "appraise/appraise.h"

enum { LEARNED_MAX_BYTES = 2 * EVENTLOG_MAX_BYTES };

struct learned {
    int64_t time; /* of the appraisal */
    uint32_t pcrs;
    const char *ak_name; /* hexadecimal, of the key that proved it */
    const struct boot_facts *facts;
};

/*
 * The document of a proven boot. ERR_DENIED with the reason in the trail unless the verdict is
 * healthy, or changed and somebody approves of it: what was never good is no measure.
 */
err_t baseline_learn(struct arena *arena, const struct appraisal *appraisal, bool is_approved,
                     int64_t now, struct trail *trail, struct span *ret_json) MUST_CHECK;

/* Is this text meant to be such a document? Says nothing about whether it is a good one. */
bool learned_is(struct span json);

/* Read it back. Trusted input, bounded all the same: it may come from a disk that others write. The
 * facts live in the arena and borrow from it and from the reference (NULL: nothing is named). */
err_t learned_read(struct arena *arena, struct span json, const struct reference *reference,
                   struct hasher *hasher, struct trail *trail, struct learned *ret) MUST_CHECK;

#endif
