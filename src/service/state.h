/*
 * state.h - inside of the service room: what a proof, a report or silence makes of a machine's
 * state, and its baseline. What follows from what is the monitor room's; this brings it to the
 * store and says in the log when a state changes.
 */
#ifndef SERVICE_STATE_H
#define SERVICE_STATE_H

#include "service/internal.h"
#include "service/off.h"

#include "monitor/doubt.h"
#include "monitor/monitor.h"
#include "store/monitor.h"

/* What a machine's row is to become. One lives as long as its write. */
struct state_update {
    struct store_monitor_change change; /* for the store */
    const struct store_machine *machine;
    bool is_active; /* when it is judged */
    int64_t listening_since;
    int64_t usual_s; /* the period of one that never said its own */
    /* A fresh proof. */
    bool has_proof; /* false again when it did not count: then `doubt` says why */
    enum verdict verdict;
    const char *provider, *wanted; /* names: who judged it, who is to; NULL = nobody is named */
    bool has_clock;
    struct tpm_clock clock;
    enum monitor_doubt doubt;
    const char *words; /* its reasons, or changes */
    /* A word of the machine's own session. */
    bool is_contact;
    int64_t period_s;                     /* 0 = as before */
    int64_t longest_s;                    /* that it may have, of one that says its own */
    const char *agent_version, *platform; /* NULL = as before */
    bool has_trouble;
    enum monitor_state trouble;
    const char *trouble_words;
    int64_t trouble_time;
    bool wants_proof; /* an owner asks for one */
    bool sets_off;    /* monitoring of it, to the following; when it comes on again, what was known
                         counts no more, and `words` say why */
    bool is_off;
    enum off_reason off; /* why */
    bool is_approved;    /* an owner took the last changed boot for good */
};

/* Fill the change around what is said above; in place, so that context stays valid. */
void state_prepare(const struct service *service, struct state_update *update,
                   const struct store_machine *machine, int64_t now);
/* Write it, and log it when the state changed. */
err_t state_apply(struct service *service, struct state_update *update,
                  struct trail *trail) MUST_CHECK;
/* After a write that carried the change with it. */
void state_log(const struct state_update *update);

/* Do these registers, of which a quote is yet to be checked, hold what the baseline's boot held?
 * Then there is nothing to compare, if the quote confirms them: see state_confirms. *ret_stored
 * gets the digest. */
err_t state_looks_alike(struct service *service, const struct service_call *call,
                        const struct store_machine *machine, const struct tpm_pcrs *claimed,
                        struct trail *trail, struct store_baseline *ret_stored,
                        bool *ret) MUST_CHECK;
/* Are the attested registers those of the baseline? */
err_t state_confirms(const struct service_call *call, const struct appraisal *appraisal,
                     const struct store_baseline *stored, bool *ret) MUST_CHECK;
/* The machine's baseline as appraise takes it: into options. Baselines that cannot be read are
 * ERR_STORE: nothing is judged without the measure that was there. */
err_t state_baseline_into(struct service *service, const struct service_call *call,
                          const struct store_machine *machine, const struct reference *reference,
                          struct trail *trail, struct store_baseline *ret_stored,
                          struct appraise_options *options) MUST_CHECK;
/* What the proof makes of state and baseline. `stored` is what it was compared with; provider and
 * wanted of *ret are set. */
err_t state_of_proof(struct service *service, const struct service_call *call,
                     const struct store_machine *machine, const struct appraisal *appraisal,
                     const struct store_baseline *stored, struct trail *trail,
                     struct state_update *ret) MUST_CHECK;

/* About once a second: machines that have fallen silent. */
void state_tick(struct service *service, int64_t now);

#endif
