#include "service/state.h"

#include "appraise/learned.h"
#include "base/log.h"
#include "base/text.h"

#include <stdio.h>

enum {
    TICK_MAX = 256, /* machines that fall silent in one tick; the rest in the next */
    TICK_ARENA_BYTES = 1 << 20,
    SHORT_WORDS = 200,
    COUNT_EVERY_S = 10,
    SLEPT_S = 30, /* longer between two ticks: the server slept, or the clock jumped */
};

/* ---- one row: run by the writer ---- */

static struct monitor_facts facts_of(const struct store_monitor *row,
                                     const struct state_update *update)
{
    struct monitor_facts facts = {
        .is_active = update->is_active && !row->is_off,
        .proof_time = row->proof_time,
        .trouble_time = row->trouble_time,
        .contact = row->contact,
        .period_s = row->period_s > 0 ? row->period_s : update->usual_s,
        .listening_since = update->listening_since,
    };

    facts.has_proof = monitor_state_by_name(span_str(row->proof), &facts.proof);
    facts.has_trouble = monitor_state_by_name(span_str(row->trouble), &facts.trouble);
    facts.was_silent =
        strcmp(row->state, "silent") == 0 && !update->has_proof && !update->has_trouble;
    return facts;
}

static void put(char *to, size_t size, const char *words)
{
    struct span text = span_str(words);

    /* Cut between characters: text_escape does not write half of one. */
    text_escape(text, to, size);
}

/* A guest that is to come more often from now on is not late for what it was told before: the new
 * period holds with its next proof. */
static bool makes_late(const struct store_monitor *row, int64_t period_s, int64_t now)
{
    int64_t heard = row->proof_time > row->trouble_time ? row->proof_time : row->trouble_time;

    return heard != 0 && period_s < row->period_s &&
           now >= heard + (int64_t)MONITOR_SILENT_PERIODS * period_s;
}

static void apply_contact(struct store_monitor *row, const struct state_update *update, int64_t now)
{
    int64_t said = update->period_s > 0 ? update->period_s : row->period_s;
    /* A guest that may say how long its silence is normal could be silent for as long as it likes.
     */
    int64_t period = update->longest_s > 0 && said > update->longest_s ? update->longest_s : said;

    row->contact = row->contact > now ? row->contact : now;
    if (period > 0 && !makes_late(row, period, now)) {
        row->period_s = period;
    }
    if (update->agent_version != NULL) {
        put(row->agent_version, sizeof(row->agent_version), update->agent_version);
    }
    if (update->platform != NULL) {
        put(row->platform, sizeof(row->platform), update->platform);
    }
}

/* Words of the change that switched it off stay while it is off. */
static const char *why_not(const struct store_monitor *row, const struct state_update *update)
{
    return !update->is_active                   ? "an operator disabled it"
           : update->sets_off && update->is_off ? off_why(update->off)
                                                : off_why(off_of(row->why));
}

static void say_why(struct store_monitor *row, enum monitor_state state,
                    const struct monitor_facts *facts, const struct state_update *update,
                    const char *before)
{
    switch (state) {
    case MONITOR_SILENT:
        snprintf(row->why, sizeof(row->why),
                 "no proof that counts and no report came for three periods of %lld s%s; before "
                 "that it was %s%s%s",
                 (long long)facts->period_s, row->period_s > 0 ? "" : " (it never said its own)",
                 before,
                 row->doubt[0] == '\0' ? "" : "; a proof came that did not count: ", row->doubt);
        break;
    case MONITOR_NOT_APPLICABLE:
        put(row->why, sizeof(row->why), why_not(row, update));
        break;
    case MONITOR_NEVER_REPORTED:
        if (row->doubt[0] != '\0') {
            snprintf(row->why, sizeof(row->why), "a proof came that did not count: %s", row->doubt);
        } else if (row->proof_why[0] != '\0') {
            put(row->why, sizeof(row->why), row->proof_why); /* why it begins anew */
        } else {
            put(row->why, sizeof(row->why),
                facts->contact > 0 ? "it joined, and has not proven its boot yet" : "");
        }
        break;
    default:
        put(row->why, sizeof(row->why),
            facts->has_trouble && facts->trouble == state &&
                    (!facts->has_proof || facts->trouble_time > facts->proof_time)
                ? row->trouble_why
                : row->proof_why);
        break;
    }
}

/* ---- proofs ---- */

/* healthy < changed < the others, which are all bad. */
static int badness(enum monitor_state state)
{
    return state == MONITOR_HEALTHY ? 0 : state == MONITOR_CHANGED ? 1 : 2;
}

static bool is_same_boot(const struct store_monitor *row, const struct state_update *update)
{
    return update->has_clock && row->clock_time != 0 &&
           update->clock.reset_count == row->reset_count;
}

static bool is_same_run(const struct store_monitor *row, const struct state_update *update)
{
    return is_same_boot(row, update) && update->clock.restart_count == row->restart_count;
}

static void weigh(const struct store_monitor *row, struct state_update *update)
{
    enum monitor_state before = MONITOR_NEVER_REPORTED, now = MONITOR_NEVER_REPORTED;
    bool had_proof = monitor_state_by_name(span_str(row->proof), &before);
    struct monitor_proof proof = {
        .answers_challenge = update->change.freshness == STORE_FRESHNESS_CHALLENGE,
        .used_to_answer = row->answers,
        .is_same_boot = is_same_boot(row, update),
        .is_same_run = is_same_run(row, update),
        .wall_s = update->change.now - row->clock_time,
        .tpm_s = ((int64_t)update->clock.clock_ms - row->clock_ms) / 1000,
        .provider = update->provider,
        .wanted = update->wanted,
        .before = row->provider,
    };
    bool is_worse;

    (void)!monitor_state_by_name(span_str(verdict_name(update->verdict)), &now);
    is_worse = badness(now) > (had_proof ? badness(before) : 0);
    proof.is_better = had_proof && badness(now) < badness(before);
    update->doubt = monitor_doubt(&proof);
    if (update->doubt == MONITOR_NO_DOUBT) {
        return;
    }
    /* It is no measure. That a machine went bad is believed all the same, but not by a judge whom
     * nobody has set. */
    update->change.baseline = update->change.candidate = (struct span){0};
    update->has_proof = is_worse && update->doubt != MONITOR_DOUBT_PROVIDER;
    update->change.drops_candidate = update->has_proof; /* what waits is of another boot */
}

static void apply_proof(struct store_monitor *row, const struct state_update *update, int64_t now)
{
    enum monitor_state before = MONITOR_NEVER_REPORTED, after = MONITOR_NEVER_REPORTED;
    bool is_tie;

    (void)!monitor_state_by_name(span_str(row->proof), &before);
    (void)!monitor_state_by_name(span_str(verdict_name(update->verdict)), &after);
    /* Who judged a boot badly stays the one to better it: another one that is as bad does not take
     * that over. */
    is_tie = update->wanted == NULL && row->proof[0] != '\0' && is_same_boot(row, update) &&
             badness(after) > 0 && badness(after) == badness(before);
    put(row->proof, sizeof(row->proof), verdict_name(update->verdict));
    put(row->proof_why, sizeof(row->proof_why), update->words);
    row->proof_time = now;
    row->wants_proof = false;
    row->answers |= update->change.freshness == STORE_FRESHNESS_CHALLENGE;
    if (!is_tie) {
        put(row->provider, sizeof(row->provider), update->provider);
    }
    if (row->trouble_time > now) {
        row->trouble[0] = '\0'; /* of a clock that was ahead */
    }
    if (update->has_clock && (!is_same_run(row, update) || row->clock_time > now)) {
        row->reset_count = update->clock.reset_count;
        row->restart_count = update->clock.restart_count;
        row->clock_ms = (int64_t)update->clock.clock_ms;
        row->clock_time = now;
    }
}

/* An owner lets it in again: it has to prove itself, whatever it was. */
static void begin_again(struct store_monitor *row, const char *words)
{
    row->proof[0] = row->trouble[0] = row->trouble_why[0] = '\0';
    row->proof_time = row->trouble_time = 0;
    put(row->proof_why, sizeof(row->proof_why), words);
    row->doubt[0] = '\0';
    row->answers = false; /* by another client, perhaps */
    row->wants_proof = true;
}

/* What a guest says later, or says of earlier, takes nothing back: only a proof does. */
static bool is_news(const struct store_monitor *row, const struct state_update *update)
{
    return update->trouble_time >= row->trouble_time &&
           (strcmp(row->trouble, "not-verified") != 0 || row->proof_time >= row->trouble_time);
}

static bool apply(struct store_monitor *row, void *context)
{
    struct state_update *update = context;
    int64_t now = update->change.now;
    char before[STORE_STATE_SIZE];
    struct monitor_facts facts;
    enum monitor_state state;

    memcpy(before, row->state, sizeof(before));
    if (update->has_proof) {
        weigh(row, update);
        put(row->doubt, sizeof(row->doubt), monitor_doubt_words(update->doubt));
    }
    if (update->has_proof) {
        apply_proof(row, update, now);
    }
    if (update->doubt != MONITOR_NO_DOUBT &&
        update->change.freshness == STORE_FRESHNESS_CHALLENGE) {
        row->wants_proof = false; /* one came, and asking again changes nothing */
    }
    if (update->sets_off) {
        if (row->is_off && !update->is_off) {
            begin_again(row, update->words);
        }
        row->is_off = update->is_off;
    }
    if (update->is_approved && strcmp(row->proof, "changed") == 0) {
        put(row->proof, sizeof(row->proof), "healthy");
        put(row->proof_why, sizeof(row->proof_why), update->words);
    }
    if (update->has_proof || update->is_contact) {
        apply_contact(row, update, now);
    }
    if (update->has_trouble && is_news(row, update)) {
        put(row->trouble, sizeof(row->trouble), monitor_state_name(update->trouble));
        put(row->trouble_why, sizeof(row->trouble_why), update->trouble_words);
        row->trouble_time = update->trouble_time;
    }
    row->wants_proof |= update->wants_proof;
    facts = facts_of(row, update);
    state = monitor_judge(&facts, now);
    put(row->state, sizeof(row->state), monitor_state_name(state));
    say_why(row, state, &facts, update, before);
    row->due = monitor_due(&facts, now);
    return true;
}

void state_prepare(const struct service *service, struct state_update *update,
                   const struct store_machine *machine, int64_t now)
{
    update->change.apply = apply;
    update->change.context = update;
    update->change.now = now;
    update->machine = machine;
    update->is_active = machine->is_active;
    update->listening_since = atomic_load(&service->listening_since);
    update->usual_s = service->period_s;
}

void state_log(const struct state_update *update)
{
    const struct store_monitor *after = &update->change.after;
    struct log_line line;
    bool is_bad;

    if (update->doubt != MONITOR_NO_DOUBT) {
        log_begin(&line, LOG_WARN, "machine.doubt");
        log_text(&line, "machine", update->machine->id);
        log_text(&line, "name", update->machine->name);
        log_text(&line, "verdict", verdict_name(update->verdict));
        log_text(&line, "provider", update->provider);
        log_text(&line, "why", monitor_doubt_words(update->doubt));
        log_end(&line);
    }
    if (strcmp(update->change.before, after->state) == 0) {
        return;
    }
    is_bad = strcmp(after->state, "healthy") != 0 && strcmp(after->state, "never-reported") != 0;
    log_begin(&line, is_bad ? LOG_WARN : LOG_INFO, "machine.state");
    log_text(&line, "machine", update->machine->id);
    log_text(&line, "name", update->machine->name);
    log_text(&line, "from", update->change.before);
    log_text(&line, "to", after->state);
    log_text(&line, "why", after->why);
    log_end(&line);
}

err_t state_apply(struct service *service, struct state_update *update, struct trail *trail)
{
    err_t err = store_monitor_apply(service->store, update->machine->id, &update->change, trail);

    if (err == ERR_OK) {
        state_log(update);
    }
    return err;
}

/* ---- baselines ---- */

/* Which registers were attested and what was in them, of those that a boot fills. */
static err_t registers_digest(const struct service_call *call, const struct tpm_pcrs *attested,
                              struct span *ret)
{
    uint32_t mask = attested->have[HASH_SHA256] & APPRAISE_BASELINE_PCRS;
    CLEANUP(buf_done) struct buf bytes = {0};
    uint8_t *digest = arena_alloc(call->arena, SHA256_BYTES);
    err_t err;

    buf_init(&bytes, 4 + TPM_MAX_PCRS * SHA256_BYTES);
    buf_u32be(&bytes, mask);
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask >> pcr & 1) != 0) {
            buf_add(&bytes, tpm_pcr(attested, HASH_SHA256, pcr));
        }
    }
    err = digest == NULL ? ERR_MEMORY : buf_err(&bytes);
    err = err ? err : hasher_once(call->hasher, HASH_SHA256, buf_span(&bytes), digest);
    if (err == ERR_OK) {
        *ret = span_of(digest, SHA256_BYTES);
    }
    return err;
}

err_t state_looks_alike(struct service *service, const struct service_call *call,
                        const struct store_machine *machine, const struct tpm_pcrs *claimed,
                        struct trail *trail, struct store_baseline *ret_stored, bool *ret)
{
    struct span digest = {0};
    err_t err =
        store_baseline_digest(service->store, call->arena, machine->id, trail, &ret_stored->digest);

    err = err ? err : registers_digest(call, claimed, &digest);
    *ret = err == ERR_OK && ret_stored->digest.len > 0 && span_equal(digest, ret_stored->digest);
    return err;
}

err_t state_confirms(const struct service_call *call, const struct appraisal *appraisal,
                     const struct store_baseline *stored, bool *ret)
{
    struct span digest = {0};
    err_t err = registers_digest(call, &appraisal->attested, &digest);

    *ret = err == ERR_OK && span_equal(digest, stored->digest);
    return err;
}

err_t state_baseline_into(struct service *service, const struct service_call *call,
                          const struct store_machine *machine, const struct reference *reference,
                          struct trail *trail, struct store_baseline *ret_stored,
                          struct appraise_options *options)
{
    struct trail inner = {0};
    struct learned *learned = arena_calloc(call->arena, 1, sizeof(*learned));
    err_t err = learned == NULL ? ERR_MEMORY
                                : store_baseline_get(service->store, call->arena, machine->id,
                                                     trail, ret_stored);

    if (err || ret_stored->document.data == NULL) {
        return err;
    }
    err = learned_read(call->arena, ret_stored->document, reference, call->hasher, &inner, learned);
    if (err && arena_is_exhausted(call->arena)) {
        return ERR_MEMORY; /* of the request, whatever it broke first */
    }
    if (err && err != ERR_MEMORY) {
        return trail_set(trail, ERR_STORE,
                         "the baseline of machine %s cannot be read (%s): forget it with "
                         "bootwarden vm relearn %s",
                         machine->id, inner.what, machine->name);
    }
    options->baseline = learned->facts;
    options->baseline_pcrs = learned->pcrs;
    return err;
}

/* The baseline moves on by itself when nothing is unexplained; what is, waits for a person. */
static err_t learn(const struct service_call *call, const struct appraisal *appraisal,
                   const struct store_baseline *stored, struct store_monitor_change *change)
{
    bool is_healthy = appraisal->verdict == VERDICT_HEALTHY;
    struct span digest = {0}, document = {0};
    struct trail why = {0};
    err_t err;

    if (!is_healthy && appraisal->verdict != VERDICT_CHANGED) {
        return ERR_OK;
    }
    err = registers_digest(call, &appraisal->attested, &digest);
    if (err) {
        return err;
    }
    if (is_healthy && span_equal(digest, stored->digest)) {
        change->drops_candidate = true;
        return ERR_OK;
    }
    err = baseline_learn(call->arena, appraisal, true, call->now, &why, &document);
    if (err == ERR_DENIED) {
        return ERR_OK; /* no log that is a measure: healthy all the same, by the policy */
    }
    if (err == ERR_OK && is_healthy) {
        change->baseline = document;
        change->baseline_digest = digest;
    } else if (err == ERR_OK) {
        change->candidate = document;
        change->candidate_digest = digest;
    }
    return err;
}

/* "change-cmdline: ...; change-initrd: ...": every reason by its code, in few words; the record of
 * the proof has them whole. Without reasons, the changes that were explained. */
static const char *words_of(struct arena *arena, const struct appraisal *appraisal)
{
    CLEANUP(buf_done) struct buf text = {0};
    size_t n = appraisal->n_reasons > 0 ? appraisal->n_reasons : appraisal->n_changes;

    buf_init(&text, (size_t)STORE_WORDS_SIZE * 4);
    for (size_t i = 0; i < n && text.len < STORE_WORDS_SIZE; i++) {
        bool is_reason = appraisal->n_reasons > 0;
        const char *words = is_reason ? appraisal->reasons[i].text : appraisal->changes[i].text;
        enum reason_code code = is_reason ? appraisal->reasons[i].code : appraisal->changes[i].code;
        char shown[SHORT_WORDS];

        text_escape(span_str(words), shown, sizeof(shown));
        buf_addf(&text, "%s%s%s: %s", text.len > 0 ? "; " : "", reason_name(code),
                 is_reason ? "" : " (explained)", shown);
    }
    return text.len == 0 ? "" : (const char *)arena_dup(arena, buf_span(&text)).data;
}

err_t state_of_proof(struct service *service, const struct service_call *call,
                     const struct store_machine *machine, const struct appraisal *appraisal,
                     const struct store_baseline *stored, struct trail *trail,
                     struct state_update *ret)
{
    err_t err;

    (void)trail;
    ret->has_proof = true;
    ret->verdict = appraisal->verdict;
    ret->has_clock = appraisal->has_clock;
    ret->clock = appraisal->clock;
    ret->words = words_of(call->arena, appraisal);
    if (ret->words == NULL) {
        return ERR_MEMORY;
    }
    err = learn(call, appraisal, stored, &ret->change);
    if (err == ERR_OK) {
        state_prepare(service, ret, machine, call->now);
    }
    return err;
}

/* ---- silence ---- */

/* Its row was begun anew, by an operator's command or by a join: the history knows from what. */
static void log_begun(struct service *service, struct state_update *update, struct arena *arena)
{
    struct store_state_change *last = NULL;
    size_t n = 0;

    if (strcmp(update->change.after.state, STORE_STATE_FIRST) == 0 &&
        store_state_changes(service->store, arena, update->machine->id, 1, NULL, &last, &n) ==
            ERR_OK &&
        n == 1 && last[0].time == update->change.after.since) {
        snprintf(update->change.before, sizeof(update->change.before), "%s", last[0].before);
        put(update->change.after.why, sizeof(update->change.after.why), last[0].why);
        state_log(update);
    }
}

static void judge_again(struct service *service, struct arena *arena, const char *machine_id,
                        int64_t now)
{
    struct state_update update = {0};
    struct store_machine machine;
    struct trail trail = {0};
    struct log_line line;
    err_t err = store_machine_by_id(service->store, machine_id, &trail, &machine);

    if (err == ERR_OK) {
        state_prepare(service, &update, &machine, now);
        err = state_apply(service, &update, &trail);
    }
    if (err == ERR_OK && strcmp(update.change.before, update.change.after.state) == 0) {
        log_begun(service, &update, arena);
    }
    if (err && err != ERR_NOT_FOUND) {
        log_begin(&line, LOG_ERROR, "monitor.failed");
        log_text(&line, "machine", machine_id);
        log_text(&line, "cause", trail.what[0] != '\0' ? trail.what : err_text(err));
        log_end(&line);
    }
}

/* Every state has its figure, also when no machine is in it. */
static void count_states(struct service *service)
{
    struct store_state_count counts[STORE_STATES_MAX];
    struct trail ignored = {0};
    size_t n = 0;

    if (store_state_counts(service->store, &ignored, counts, &n) != ERR_OK) {
        return;
    }
    for (size_t state = 0; state < MONITOR_STATES; state++) {
        const char *name[] = {monitor_state_name((enum monitor_state)state)};
        uint64_t number = 0;

        for (size_t i = 0; i < n; i++) {
            number += strcmp(counts[i].state, name[0]) == 0 ? counts[i].n : 0;
        }
        metric_set(service->states, name, number);
    }
}

/* While the server slept, or the clock jumped, nobody could be heard. */
static void note_sleep(struct service *service, int64_t now)
{
    int64_t last = atomic_exchange(&service->last_tick, now);

    if (now - last > SLEPT_S || now < last) {
        atomic_store(&service->listening_since, now);
    }
    if (now < last) {
        struct trail trail = {0};

        (void)!store_monitor_due_now(service->store, now,
                                     &trail); /* readiness says what is wrong */
    }
}

void state_tick(struct service *service, int64_t now)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    struct trail trail = {0};
    const char **ids = NULL;
    size_t n = 0;

    note_sleep(service, now);
    arena = arena_new(TICK_ARENA_BYTES);
    if (arena == NULL ||
        store_monitor_due(service->store, arena, now, TICK_MAX, &trail, &ids, &n) != ERR_OK) {
        return; /* the sweep and readiness say what is wrong with the store */
    }
    for (size_t i = 0; i < n; i++) {
        judge_again(service, arena, ids[i], now);
    }
    if (now >= service->next_count || service->next_count - now > COUNT_EVERY_S) {
        service->next_count = now + COUNT_EVERY_S;
        count_states(service);
    }
}
