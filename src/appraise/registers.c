/*
 * registers.c - the log against the attested PCR values, both ways (rules L-9 to L-13, ALG-*).
 *
 * Every attested PCR that is not in its reset state must be explained by the firmware log, or
 * PCR 10 by the IMA list. Events for PCRs outside the attested set are dropped before anything is
 * read from them: they are text that anybody could have written (B-8, S-2).
 */
#include "appraise/internal.h"

enum { PCR_IMA = 10, FIRMWARE_PCRS = 0xff };

static bool is_reset_value(const struct tpm_pcrs *pcrs, enum hash_alg bank, unsigned pcr)
{
    struct span value = tpm_pcr(pcrs, bank, pcr);

    return span_all(value, 0) || (pcr >= 17 && pcr <= 22 && span_all(value, 0xff));
}

/* ALG-2: a bank that firmware did not extend is open to any history the OS likes. */
static bool check_bank(struct job *job, enum hash_alg bank)
{
    const struct tpm_pcrs *shown = &job->result->shown;
    bool all_reset = true;

    for (unsigned pcr = 0; pcr < 8; pcr++) {
        bool have = (shown->have[bank] & 1u << pcr) != 0;

        all_reset = all_reset && (!have || is_reset_value(shown, bank, pcr));
    }
    if ((shown->have[bank] & FIRMWARE_PCRS) != 0 && all_reset) {
        job_reason(job, REASON_BANK_UNEXTENDED, "ALG-2", "",
                   "%s PCRs 0 to 7 are in their reset state: firmware never extended this bank",
                   hash_name(bank));
        return false;
    }
    if (job->result->log != NULL && eventlog_bank(job->result->log, bank) < 0 &&
        shown->have[bank] != 0) {
        job_reason(job, REASON_BANK_UNEXTENDED, "ALG-2", job->evidence->log.where,
                   "the quote covers bank %s, but firmware's event log does not", hash_name(bank));
        return false;
    }
    return true;
}

/* The registers of one bank, both ways. */
static err_t compare_bank(struct job *job, enum hash_alg bank, struct replay *replay)
{
    const struct tpm_pcrs *shown = &job->result->shown;
    struct eventlog_registers *registers = &replay->banks[bank];
    struct trail trail = {0};
    char text[TRAIL_WHAT_MAX];
    err_t err = eventlog_replay(job->result->log, bank, job->hasher, &trail, registers);

    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        job_reason(job, REASON_LOG_REPLAY, "L-9", job->evidence->log.where,
                   "the log cannot be replayed in %s: %s", hash_name(bank), text);
        return err_category(err) == ERR_CAT_INTERNAL ? err : ERR_OK;
    }
    replay->has[bank] = true;
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        struct span replayed = span_of(registers->value[pcr], hash_size(bank));

        if ((shown->have[bank] & 1u << pcr) == 0) {
            continue;
        }
        if ((registers->extended & 1u << pcr) != 0) {
            if (!span_equal(replayed, tpm_pcr(shown, bank, pcr))) {
                replay->differs[bank] |= 1u << pcr;
            }
        } else if (pcr != PCR_IMA && !is_reset_value(shown, bank, pcr)) {
            replay->unexplained[bank] |= 1u << pcr;
        }
    }
    return ERR_OK;
}

/* A systemd-stub measured a unified kernel image: without it systemd measures no phases. Whether
 * the pairs are whole is a finding of the facts (B-9). */
static bool shows_stub(const struct readings *readings)
{
    for (size_t i = 0; i < readings->n; i++) {
        if (readings->items[i].role == ROLE_UKI_SECTION &&
            readings->items[i].event->pcr == BOOT_PHASES_PCR &&
            readings->items[i].match == READING_MATCHES) {
            return true;
        }
    }
    return false;
}

/* B-9: what PCR 11 holds behind the sections of a unified kernel image, the same in every bank. */
static err_t explain_phases(struct job *job, struct replay *replay)
{
    const uint32_t mask = 1u << BOOT_PHASES_PCR;
    const struct tpm_pcrs *shown = &job->result->shown;
    struct phase_register registers[HASH_COUNT];
    struct boot_phases *phases;
    struct readings *readings = NULL;
    size_t n = 0;
    err_t err;

    for (int bank = 0; bank < HASH_COUNT; bank++) {
        if (replay->has[bank] && (shown->have[bank] & replay->banks[bank].extended & mask) != 0) {
            registers[n++] = (struct phase_register){
                (enum hash_alg)bank,
                span_of(replay->banks[bank].value[BOOT_PHASES_PCR], hash_size((enum hash_alg)bank)),
                tpm_pcr(shown, (enum hash_alg)bank, BOOT_PHASES_PCR)};
        }
    }
    err = n == 0 ? ERR_OK : job_readings(job, &readings);
    if (err || n == 0 || !shows_stub(readings)) {
        return err;
    }
    phases = arena_calloc(job->arena, 1, sizeof(*phases));
    if (phases == NULL) {
        return ERR_MEMORY;
    }
    err = boot_phases_find(registers, n, job->hasher, phases);
    if (err) {
        return err == ERR_END ? ERR_OK : err;
    }
    job->phases = phases;
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        replay->differs[bank] &= ~mask;
    }
    return ERR_OK;
}

static err_t replay_log(struct job *job, bool *ret_all_match)
{
    const struct tpm_pcrs *shown = &job->result->shown;
    struct replay *replay = arena_calloc(job->arena, 1, sizeof(*replay));
    err_t err = replay == NULL ? ERR_MEMORY : ERR_OK;

    for (int bank = 0; err == ERR_OK && bank < HASH_COUNT; bank++) {
        if (shown->have[bank] == 0) {
            continue;
        }
        if (!check_bank(job, (enum hash_alg)bank)) {
            *ret_all_match = false;
        } else if (job->result->log != NULL) {
            err = compare_bank(job, (enum hash_alg)bank, replay);
            *ret_all_match = *ret_all_match && err == ERR_OK && replay->has[bank];
        }
    }
    err = err ? err : explain_phases(job, replay);
    for (int bank = 0; err == ERR_OK && bank < HASH_COUNT; bank++) {
        if ((replay->differs[bank] | replay->unexplained[bank]) != 0) {
            *ret_all_match = false;
        }
    }
    return err ? err : report_replay(job, replay);
}

/* Banks that a verified quote covers. */
static unsigned attested_banks(const struct job *job)
{
    unsigned banks = 0;

    for (int hash = 0; hash < HASH_COUNT; hash++) {
        banks |= job->result->shown.have[hash] != 0 ? 1u << hash : 0;
    }
    return banks;
}

static void note_dropped_banks(struct job *job, const struct eventlog *whole, unsigned banks)
{
    const char *dropped = "";

    for (size_t i = 0; i < whole->n_banks; i++) {
        enum hash_alg hash = whole->banks[i].hash;

        if (hash == HASH_NONE || (banks & 1u << hash) == 0) {
            dropped = arena_printf(job->arena, "%s%s%s", dropped, dropped[0] == '\0' ? "" : ", ",
                                   eventlog_bank_name(job->arena, &whole->banks[i]));
        }
    }
    if (dropped[0] != '\0') {
        job_note(job, "bank-not-attested", "Q-14", -1,
                 "the log's digests in %s are left out: the quote does not cover that bank",
                 dropped);
    }
}

static uint32_t extended_pcrs(const struct eventlog *log)
{
    uint32_t pcrs = 0;

    for (size_t i = 0; i < log->n_events; i++) {
        if (log->events[i].type != EV_NO_ACTION && log->events[i].pcr < TPM_MAX_PCRS) {
            pcrs |= 1u << log->events[i].pcr;
        }
    }
    return pcrs;
}

/*
 * The log without what nobody attested: events of PCRs outside the quote, digests of banks outside
 * the quote. Without any verified quote all is kept, for display; the verdict is not-verified then.
 */
static err_t attested_log(struct job *job, const struct eventlog *whole, struct eventlog **ret)
{
    uint32_t mask = job->result->shown.have[HASH_SHA256];
    uint32_t pcrs = mask == 0 ? UINT32_MAX : mask;
    bool has_bank = mask != 0 && eventlog_bank(whole, HASH_SHA256) >= 0;
    unsigned banks = has_bank ? attested_banks(job) : EVENTLOG_ALL_BANKS;
    uint32_t dropped = extended_pcrs(whole) & ~pcrs;

    if (dropped != 0) {
        job_note(job, "log-beyond-quote", "L-12", -1,
                 "the log has events for %s, which the quote does not cover: they are left out",
                 pcr_names(job->arena, dropped));
    }
    if (has_bank) {
        note_dropped_banks(job, whole, banks);
    }
    return eventlog_keep(job->arena, whole, pcrs, banks, ret);
}

static void report_unread(struct job *job, const char *where, err_t err, const struct trail *trail)
{
    char text[TRAIL_WHAT_MAX];

    trail_format(trail, err, text, sizeof(text));
    if (err == ERR_NOT_FOUND) {
        job_reason(job, REASON_NO_LOG, "L-5", where,
                   "there is no event log: the guest sent an empty one");
    } else if (err == ERR_UNSUPPORTED) {
        job_reason(job, REASON_LOG_UNSUPPORTED, "L-1", where,
                   "the event log is of a kind that is not supported: %s", text);
    } else {
        job_reason(job, REASON_LOG_MALFORMED, "L-3", where, "the event log cannot be read: %s",
                   text);
    }
}

/* All logs as one; *ret stays NULL, with a reason, when one cannot be read. */
static err_t read_logs(struct job *job, struct eventlog **ret)
{
    struct eventlog *logs[1 + EVIDENCE_MAX_LATER_LOGS] = {NULL};
    const struct evidence *evidence = job->evidence;
    struct trail trail = {0};
    err_t err = ERR_OK;

    for (size_t i = 0; i <= evidence->n_later_logs; i++) {
        const struct evidence_blob *blob = i == 0 ? &evidence->log : &evidence->later_logs[i - 1];

        trail = (struct trail){0};
        err = eventlog_read(job->arena, blob->bytes, &trail, &logs[i]);
        if (err && err_category(err) != ERR_CAT_INTERNAL) {
            report_unread(job, blob->where, err, &trail);
            return ERR_OK;
        }
        if (err) {
            return err;
        }
    }
    if (evidence->n_later_logs == 0) {
        *ret = logs[0];
        return ERR_OK;
    }
    err = eventlog_join(job->arena, logs, 1 + evidence->n_later_logs, &trail, ret);
    if (err && err_category(err) != ERR_CAT_INTERNAL) {
        report_unread(job, evidence->later_logs[0].where, err, &trail);
        return ERR_OK;
    }
    return err;
}

static err_t read_log(struct job *job)
{
    struct eventlog *whole = NULL;
    struct eventlog *log = NULL;
    err_t err = read_logs(job, &whole);

    if (err || whole == NULL) {
        return err;
    }
    if (whole->kind != EVENTLOG_PCRS) {
        job_reason(job, REASON_LOG_UNSUPPORTED, "L-10", job->evidence->log.where,
                   "the event log is that of a confidential VM (CCEL): its registers are RTMRs, "
                   "and a quote of PCRs says nothing about them");
        return ERR_OK;
    }
    err = attested_log(job, whole, &log);
    job->result->log = log;
    return err;
}

static bool any_counts(const struct appraisal *a)
{
    for (size_t i = 0; i < a->n_quotes; i++) {
        if (a->quotes[i].counts) {
            return true;
        }
    }
    return false;
}

err_t judge_registers(struct job *job)
{
    struct appraisal *a = job->result;
    bool all_match = a->shown.have[HASH_SHA256] != 0;
    err_t err = ERR_OK;

    if (!any_counts(a) && !job->options->reads_unproven_log && job->evidence->log.bytes.len > 0) {
        return ERR_OK;
    }
    if (job->evidence->log.bytes.len == 0) {
        job_reason(job, REASON_NO_LOG, "L-5", "",
                   "there is no event log: nothing says what was booted");
    } else {
        err = read_log(job);
    }
    err = err ? err : replay_log(job, &all_match);
    /* Without a firmware log the verdict is cannot-judge; PCR 10 would only add noise. */
    if (err == ERR_OK && a->log != NULL) {
        err = judge_ima(job);
    }
    a->is_log_proven = a->log != NULL && all_match;
    return err;
}
