/*
 * doubt.h - may a proof say that a machine is well? Each one that is asked about was verified, and
 * is no copy of what was seen before. What it may still be is a proof of an earlier moment that was
 * kept back, or the opinion of a judge whom the guest has chosen. Pure.
 *
 * Without challenges a clock stops copies, not preparation: who has root in a good boot can set the
 * TPM's clock forward between two quotes, or prove nothing for a day (docs/decisions/0007).
 */
#ifndef MONITOR_DOUBT_H
#define MONITOR_DOUBT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* A TPM's clock may be slow by this part (TPM 2.0 Library, Part 1, "Clock": 15 percent at
     * most), and a proof takes its time. */
    MONITOR_CLOCK_SLOW_PERCENT = 15,
    MONITOR_CLOCK_SLACK_S = 300,
};

struct monitor_proof {
    bool answers_challenge;
    bool used_to_answer; /* an earlier proof of the same key did */
    bool is_same_boot;   /* as the last proof that counted: the TPM was not reset since, */
    bool is_same_run;    /* nor did the machine sleep */
    int64_t wall_s;      /* since that boot's first proof: by the server's clock, */
    int64_t tpm_s;       /* and by the TPM's */
    const char *provider;
    const char *wanted; /* the one that the machine's owner has set; NULL = none */
    const char *before; /* the one of the last proof that counted; "" = there was none */
    bool is_better;     /* than what that one came to */
};

enum monitor_doubt {
    MONITOR_NO_DOUBT,
    MONITOR_DOUBT_CHALLENGE, /* it answers none, and this machine can */
    MONITOR_DOUBT_CLOCK, /* it answers none, and its TPM did not run for as long as time went by */
    MONITOR_DOUBT_PROVIDER, /* another one than its owner has set */
    MONITOR_DOUBT_MILDER,   /* another one that judges the very same boot better */
};
enum monitor_doubt monitor_doubt(const struct monitor_proof *proof);
/* For people: why it did not count. Static; "" for no doubt. */
const char *monitor_doubt_words(enum monitor_doubt doubt);

#endif
