#include "monitor/doubt.h"

#include <stddef.h>
#include <strings.h>

static bool is_kept_back(const struct monitor_proof *proof)
{
    int64_t sure_s = proof->wall_s - proof->wall_s * MONITOR_CLOCK_SLOW_PERCENT / 100;

    return proof->is_same_run && proof->tpm_s < sure_s - MONITOR_CLOCK_SLACK_S;
}

enum monitor_doubt monitor_doubt(const struct monitor_proof *proof)
{
    bool is_wanted = proof->wanted != NULL && strcasecmp(proof->wanted, proof->provider) == 0;

    if (proof->wanted != NULL && !is_wanted) {
        return MONITOR_DOUBT_PROVIDER;
    }
    if (!proof->answers_challenge && proof->used_to_answer) {
        return MONITOR_DOUBT_CHALLENGE;
    }
    if (!proof->answers_challenge && is_kept_back(proof)) {
        return MONITOR_DOUBT_CLOCK;
    }
    if (!is_wanted && proof->is_same_boot && proof->is_better && proof->before[0] != '\0' &&
        strcasecmp(proof->before, proof->provider) != 0) {
        return MONITOR_DOUBT_MILDER;
    }
    return MONITOR_NO_DOUBT;
}

const char *monitor_doubt_words(enum monitor_doubt doubt)
{
    switch (doubt) {
    case MONITOR_NO_DOUBT:
        return "";
    case MONITOR_DOUBT_CHALLENGE:
        return "it answers no challenge, as proofs of this machine did before, so it may have been "
               "made long ago: let bootwarden-agent run on it; if another client is to prove it "
               "from now on, disable and enable it";
    case MONITOR_DOUBT_CLOCK:
        return "it answers no challenge, and its TPM's clock went on for less than the time since "
               "this boot's first proof, so it may have been kept back: let bootwarden-agent run "
               "on it, or boot the machine again";
    case MONITOR_DOUBT_PROVIDER:
        return "it was judged by another provider than maaEndpoint of the machine's settings names";
    case MONITOR_DOUBT_MILDER:
        return "another provider judged this very boot worse: set maaEndpoint of the machine's "
               "settings to the one that counts";
    }
    return "";
}
