/*
 * replay-words.c - why a log does not lead to the attested values, as far as that can be known.
 *
 * Replay fails as a whole: it says which registers differ, and nothing about why. But a register
 * that is reached in the middle of its events, one that a known end of the log would reach, one
 * that another bank does reach, or which registers fit and which do not: each tells one story from
 * another. The words are for people alone; the verdict is the same for all.
 */
#include "appraise/internal.h"

#include "base/codec.h"
#include "base/show.h"

enum {
    FIRMWARE_OWN = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 7, /* not the boot's choice */
    EVENT_SHOWN = 120,
    OS_EXTENDABLE = 0xff00, /* PCR 8 to 15 (B-10) */
};

struct diagnosis {
    const char *why;
    const char *remedy;
};

static uint32_t all_of(const uint32_t masks[HASH_COUNT])
{
    uint32_t all = 0;

    for (int bank = 0; bank < HASH_COUNT; bank++) {
        all |= masks[bank];
    }
    return all;
}

/* "PCRs 4, 8-10 (sha256, sha1) and PCR 9 (sha384)": banks with the same registers together. */
static const char *registers_text(struct arena *arena, const uint32_t masks[HASH_COUNT])
{
    bool is_done[HASH_COUNT] = {false};
    const char *text = "";

    for (int bank = 0; bank < HASH_COUNT && text != NULL; bank++) {
        const char *banks = hash_name((enum hash_alg)bank);

        if (masks[bank] == 0 || is_done[bank]) {
            continue;
        }
        for (int other = bank + 1; other < HASH_COUNT && banks != NULL; other++) {
            if (masks[other] == masks[bank]) {
                banks = arena_printf(arena, "%s, %s", banks, hash_name((enum hash_alg)other));
                is_done[other] = true;
            }
        }
        text = banks == NULL
                   ? NULL
                   : arena_printf(arena, "%s%s%s (%s)", text, text[0] == '\0' ? "" : " and ",
                                  pcr_names(arena, masks[bank]), banks);
    }
    return text;
}

/* SHA-256 where it differs, else the first bank that does: the one to speak of. */
static enum hash_alg main_bank(const uint32_t masks[HASH_COUNT])
{
    for (int bank = 0; bank < HASH_COUNT && masks[HASH_SHA256] == 0; bank++) {
        if (masks[bank] != 0) {
            return (enum hash_alg)bank;
        }
    }
    return HASH_SHA256;
}

/* ---- one bank alone ---- */

/* The same events lead to the attested values in another bank: only digests are wrong. */
static const char *agreeing_bank(const struct replay *replay, uint32_t all)
{
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        if (replay->has[bank] && (replay->banks[bank].extended & all) == all &&
            (replay->differs[bank] & all) == 0) {
            return hash_name((enum hash_alg)bank);
        }
    }
    return NULL;
}

static void blame_bank(struct job *job, const char *agreeing, struct diagnosis *ret)
{
    ret->why = arena_printf(job->arena,
                            "the same events lead to the attested values in %s, so these digests "
                            "are not those that were measured",
                            agreeing);
    ret->remedy = "The log's digests of this bank were altered, or firmware logs others than it "
                  "measures: compare with a fresh log from the machine; if that one has the same "
                  "fault, report the firmware and quote SHA-256 alone.";
}

/* ---- the log is longer than what was quoted ---- */

/* All registers that differ are reached within their events, at the same place in every bank. */
static err_t find_surplus(struct job *job, const struct replay *replay, uint32_t *ret_n,
                          uint32_t *ret_first)
{
    uint32_t all = all_of(replay->differs);
    uint32_t first = UINT32_MAX;
    uint32_t n = 0;

    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        struct eventlog_reach reach = {0};
        bool has_reach = false;

        if ((all & 1u << pcr) == 0) {
            continue;
        }
        for (int bank = 0; bank < HASH_COUNT; bank++) {
            struct eventlog_reach here = {0};
            err_t err;

            if ((replay->differs[bank] & 1u << pcr) == 0) {
                continue;
            }
            err = eventlog_reach(job->result->log, (enum hash_alg)bank, pcr,
                                 tpm_pcr(&job->result->shown, (enum hash_alg)bank, pcr),
                                 job->hasher, &here);
            if (err) {
                return err;
            }
            if (has_reach && here.n_covered != reach.n_covered) {
                return ERR_END;
            }
            reach = here;
            has_reach = true;
        }
        n += reach.n_left;
        first = reach.first_left < first ? reach.first_left : first;
    }
    *ret_n = n;
    *ret_first = first;
    return ERR_OK;
}

static const char *event_words(const struct readings *readings, uint32_t index)
{
    for (size_t i = 0; i < readings->n; i++) {
        if (readings->items[i].event->index == index) {
            return readings->items[i].text;
        }
    }
    return "";
}

static err_t blame_surplus(struct job *job, uint32_t n, uint32_t first, struct diagnosis *ret)
{
    struct readings *readings = NULL;
    err_t err = job_readings(job, &readings);

    if (err) {
        return err;
    }
    ret->why = arena_printf(job->arena,
                            "the log goes on behind what the quote attests, with %u event%s, from "
                            "event %u on (%s)",
                            n, n == 1 ? "" : "s", first,
                            show_cut(job->arena, event_words(readings, first), EVENT_SHOWN));
    ret->remedy = "Quote again and send log and quote of the same moment. If the new quote lacks "
                  "these events too, they were never measured, only written into the log: treat as "
                  "an incident.";
    return ERR_OK;
}

/* ---- the log is shorter than what was quoted ---- */

/* How every UEFI log goes on: separators, and in PCR 5 the end of the firmware phase. */
static err_t is_cut(struct job *job, const struct replay *replay, enum hash_alg bank, unsigned pcr,
                    bool *ret)
{
    static const struct {
        uint32_t pcrs;
        const char *data[4];
        size_t len[4];
    } ends[] = {
        {1u << 5,
         {"Exit Boot Services Invocation", "Exit Boot Services Returned with Success"},
         {29, 40}},
        {1u << 5, {"Exit Boot Services Returned with Success"}, {40}},
        {0xff, {"\0\0\0"}, {4}},
        {1u << 5,
         {"\0\0\0", "Exit Boot Services Invocation", "Exit Boot Services Returned with Success"},
         {4, 29, 40}},
    };
    size_t size = hash_size(bank);

    *ret = false;
    for (size_t i = 0; !*ret && i < ARRAY_LEN(ends); i++) {
        uint8_t value[HASH_MAX_BYTES];
        uint8_t digest[HASH_MAX_BYTES];

        if ((ends[i].pcrs & 1u << pcr) == 0) {
            continue;
        }
        memcpy(value, replay->banks[bank].value[pcr], size);
        for (size_t k = 0; ends[i].data[k] != NULL; k++) {
            err_t err =
                hasher_once(job->hasher, bank,
                            span_of((const uint8_t *)ends[i].data[k], ends[i].len[k]), digest);

            err = err ? err
                      : hasher_extend(job->hasher, bank, span_of(value, size),
                                      span_of(digest, size), value);
            if (err) {
                return err;
            }
        }
        *ret = span_equal(span_of(value, size), tpm_pcr(&job->result->shown, bank, pcr));
    }
    return ERR_OK;
}

static err_t find_cut(struct job *job, const struct replay *replay, enum hash_alg bank,
                      struct diagnosis *ret, bool *ret_found)
{
    *ret_found = false;
    for (unsigned pcr = 0; pcr < 8 && !*ret_found; pcr++) {
        err_t err = (replay->differs[bank] & 1u << pcr) == 0
                        ? ERR_OK
                        : is_cut(job, replay, bank, pcr, ret_found);

        if (err) {
            return err;
        }
        if (*ret_found) {
            ret->why = arena_printf(job->arena,
                                    "the log is cut: PCR %u goes on with the events that end the "
                                    "firmware phase, which the log lacks",
                                    pcr);
            ret->remedy = "Send the log whole, exactly as the kernel gives it "
                          "(binary_bios_measurements); if it is, keep it and report it.";
        }
    }
    return ERR_OK;
}

/* ---- which registers fit ---- */

/* Registers that the log leads to with more than the separators that every log has. */
static uint32_t fitting(const struct job *job, const struct replay *replay, enum hash_alg bank)
{
    const struct eventlog *log = job->result->log;
    uint32_t telling = 0;

    for (size_t i = 0; i < log->n_events; i++) {
        if (log->events[i].type != EV_NO_ACTION && log->events[i].type != EV_SEPARATOR &&
            log->events[i].pcr < TPM_MAX_PCRS) {
            telling |= 1u << log->events[i].pcr;
        }
    }
    return job->result->shown.have[bank] & telling & ~replay->differs[bank];
}

static void blame_pattern(struct job *job, const struct replay *replay, enum hash_alg bank,
                          struct diagnosis *ret)
{
    uint32_t differs = all_of(replay->differs);
    uint32_t fits = fitting(job, replay, bank);

    if (fits == 0) {
        ret->why = "no register fits: the log is of another machine, or of the same one with other "
                   "firmware";
        ret->remedy =
            "Send the log of the machine and the boot that were quoted: read it beside the "
            "quote, in the same boot.";
    } else if (differs == 1u << BOOT_PHASES_PCR) {
        ret->why = "everything else fits; what was extended behind the log's events is not the "
                   "sequence of systemd's boot phases";
        ret->remedy =
            "Look at /run/log/systemd/tpm2-measure.log on the machine: it names what was measured "
            "into PCR 11. Words other than systemd's own, and kexec, cannot be explained; a "
            "restart begins anew.";
    } else if ((differs & ~OS_EXTENDABLE) == 0) {
        ret->why = arena_printf(
            job->arena,
            "firmware, keys and started images fit; %s can be extended by the running system, and "
            "something did, or the log is of another boot with the same images",
            pcr_names(job->arena, differs));
        ret->remedy = "Send the log of this very boot. If it is, find what extended these PCRs "
                      "after the boot (or restart and attest again): a program that measures "
                      "without a log, or somebody who hides what was measured.";
    } else if ((differs & FIRMWARE_OWN) == 0) {
        ret->why = arena_printf(
            job->arena,
            "firmware and keys fit (%s), what was started does not: the log is of another boot of "
            "this machine, perhaps of one before an update, or it was altered",
            pcr_names(job->arena, fits));
        ret->remedy = "Read the log in the boot that is quoted, and send both together. If that "
                      "was done, compare with a fresh log from the machine; what differs was "
                      "altered: treat as an incident.";
    } else {
        ret->why =
            arena_printf(job->arena,
                         "%s fit%s: the log was altered, or is of a boot with other firmware "
                         "or keys",
                         pcr_names(job->arena, fits), (fits & (fits - 1)) == 0 ? "s" : "");
        ret->remedy = "Read the log in the boot that is quoted, and send both together. If that "
                      "was done, the log was altered, or firmware logs other digests than it "
                      "measures: compare with a fresh log from the machine.";
    }
}

static err_t diagnose(struct job *job, const struct replay *replay, struct diagnosis *ret)
{
    enum hash_alg bank = main_bank(replay->differs);
    const char *agreeing = agreeing_bank(replay, all_of(replay->differs));
    bool found = false;
    uint32_t first = 0;
    uint32_t n = 0;
    err_t err;

    if (agreeing != NULL) {
        blame_bank(job, agreeing, ret);
        return ERR_OK;
    }
    err = find_surplus(job, replay, &n, &first);
    if (err == ERR_OK) {
        return blame_surplus(job, n, first, ret);
    }
    err = err == ERR_END ? find_cut(job, replay, bank, ret, &found) : err;
    if (err == ERR_OK && !found) {
        blame_pattern(job, replay, bank, ret);
    }
    return err;
}

/* ---- registers that no event explains ---- */

static const char *unexplained_remedy(uint32_t pcrs)
{
    if (pcrs == 1u << 15) {
        return "systemd measures machine id and file systems into PCR 15 when a unified kernel "
               "image was started, and keeps its own log: leave PCR 15 out of the quote.";
    }
    if (pcrs == 1u << BOOT_PHASES_PCR) {
        return "systemd measures boot phases into PCR 11 only behind a unified kernel image, and "
               "this log has none: find what extended it, or leave PCR 11 out of the quote.";
    }
    if ((pcrs & 0xff00) == 0 && (pcrs & 0xff) == 0) {
        return "PCRs 16 to 23 belong to whoever uses them and say nothing about the boot: leave "
               "them out of the quote.";
    }
    return NULL;
}

err_t report_replay(struct job *job, const struct replay *replay)
{
    const struct tpm_pcrs *shown = &job->result->shown;
    uint32_t differs = all_of(replay->differs);
    uint32_t unexplained = all_of(replay->unexplained);
    struct diagnosis diagnosis = {0};

    if (differs != 0) {
        enum hash_alg bank = main_bank(replay->differs);
        unsigned pcr = 0;
        err_t err = diagnose(job, replay, &diagnosis);

        if (err) {
            return err;
        }
        while ((replay->differs[bank] & 1u << pcr) == 0) {
            pcr++;
        }
        job_reason_remedy(
            job, REASON_LOG_REPLAY, "L-12",
            arena_printf(job->arena, "%s, %s", job->evidence->log.where,
                         pcr_names(job->arena, differs)),
            diagnosis.remedy,
            "the event log does not lead to the attested values of %s: %s (%s PCR %u: the log "
            "leads to %.16s..., the quote attests %.16s...)",
            registers_text(job->arena, replay->differs), diagnosis.why, hash_name(bank), pcr,
            hex_dup(job->arena, span_of(replay->banks[bank].value[pcr], hash_size(bank))),
            hex_dup(job->arena, tpm_pcr(shown, bank, pcr)));
    }
    if (unexplained != 0) {
        bool is_one = (unexplained & (unexplained - 1)) == 0;

        job_reason_remedy(job, REASON_LOG_UNEXPLAINED_PCR, "L-12",
                          pcr_names(job->arena, unexplained), unexplained_remedy(unexplained),
                          "%s %s extended, but no log says by what",
                          registers_text(job->arena, replay->unexplained), is_one ? "was" : "were");
    }
    return ERR_OK;
}
