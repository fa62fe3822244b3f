/*
 * boot.c - from facts and findings to reasons: was this boot a good one? (rules SB-*, B-*, D-*)
 */
#include "appraise/internal.h"

#include <stdio.h>

/* Which reason a finding becomes. Notes never become reasons. */
static enum reason_code finding_reason(enum finding_code code)
{
    switch (code) {
    case FINDING_EVENT_DIGEST:
        return REASON_EVENT_DIGEST;
    case FINDING_EVENT_TYPE:
    case FINDING_PCR7_ACTION:
    case FINDING_UNKNOWN_EVENT_TYPE:
        return REASON_EVENT_TYPE;
    case FINDING_SEPARATOR:
    case FINDING_EVENT_ORDER:
    case FINDING_UKI_INCOMPLETE:
    case FINDING_NO_EXIT_BOOT:
    case FINDING_OTHER:
        return REASON_EVENT_ORDER;
    case FINDING_SECURE_BOOT_VALUE:
        return REASON_SECURE_BOOT_UNKNOWN;
    case FINDING_DEBUG_MODE:
        return REASON_DEBUG_MODE;
    case FINDING_SIGLIST:
        return REASON_SIGNATURE_LIST_MALFORMED;
    case FINDING_AUTHORITY_NOT_IN_DB:
        return REASON_AUTHORITY_NOT_IN_DB;
    case FINDING_AUTHORITY_IN_DBX:
    case FINDING_IMAGE_IN_DBX:
    case FINDING_IMAGE_REVOKED:
    case FINDING_AUTHORITY_REVOKED:
        return REASON_REVOKED_IMAGE;
    case FINDING_AUTHORITY_UNKNOWN:
        return REASON_AUTHORITY_UNKNOWN;
    case FINDING_CMDLINE_CONFLICT:
        return REASON_CMDLINE_AMBIGUOUS;
    case FINDING_BANK_LACKS_SEPARATOR:
        return REASON_BANK_UNEXTENDED;
    case FINDING_UNKNOWN_BANK:
        return REASON_BANK_UNSUPPORTED;
    case FINDING_WINDOWS_DEBUGGING:
        return REASON_OS_DEBUGGING;
    case FINDING_WINDOWS_TEST_SIGNING:
        return REASON_TEST_SIGNING;
    case FINDING_WINDOWS_CODE_INTEGRITY:
        return REASON_CODE_INTEGRITY_OFF;
    case FINDING_WINDOWS_SAFE_MODE:
        return REASON_SAFE_MODE;
    case FINDING_WINDOWS_PE:
        return REASON_WINPE;
    case FINDING_WINDOWS_FAILURE:
        return REASON_BOOT_FAILURE;
    case FINDING_WINDOWS_RECORD:
        return REASON_LOG_MALFORMED;
    case FINDING_WINDOWS_CONTRADICTION:
        return REASON_EVENT_ORDER;
    case FINDING_WINDOWS_MODULE: /* notes alone */
    case FINDING_WINDOWS_LATE:
    case FINDING_OLD_SHIM_AUTHORITY:
    default:
        return REASON_EVENT_DIGEST;
    }
}

/* Events of required PCRs that nobody attested were dropped, and the missing PCR is a reason
 * already, or a policy does without them: that their separators and variables are "missing" then
 * says nothing about the boot. */
static bool lacks_required_pcrs(const struct job *job)
{
    const struct appraisal *a = job->result;
    uint32_t mask = a->shown.have[HASH_SHA256];

    bool is_partial = mask != 0 && (mask & APPRAISE_REQUIRED_PCRS) != APPRAISE_REQUIRED_PCRS;

    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == REASON_PCR_MISSING) {
            return is_partial;
        }
    }
    return is_partial && job->options->has_pcr_mask;
}

static bool is_about_absence(enum finding_code code)
{
    return code == FINDING_SEPARATOR || code == FINDING_EVENT_ORDER ||
           code == FINDING_BANK_LACKS_SEPARATOR || code == FINDING_AUTHORITY_NOT_IN_DB;
}

static void judge_findings(struct job *job, const struct boot_facts *facts)
{
    bool is_partial = lacks_required_pcrs(job);

    for (size_t i = 0; i < facts->n_findings; i++) {
        const struct finding *finding = &facts->findings[i];
        char where[32] = "";

        if (is_partial && is_about_absence(finding->code)) {
            continue;
        }
        if (finding->weight == WEIGHT_NOTE) {
            job_note(job, finding_code_name(finding->code), finding->rule, finding->event, "%s",
                     finding->text);
            continue;
        }
        if (finding->event >= 0) {
            snprintf(where, sizeof(where), "event %lld", (long long)finding->event);
        }
        job_reason(job, finding_reason(finding->code), finding->rule,
                   (const char *)arena_dup(job->arena, span_str(where)).data, "%s", finding->text);
    }
}

static bool is_empty(const struct key_database *database)
{
    return database->present && database->lists.len == 0;
}

static void judge_secure_boot(struct job *job, const struct boot_facts *facts)
{
    if (facts->secure_boot == STATE_NO) {
        job_reason(job, REASON_SECURE_BOOT_OFF, "SB-5", "",
                   "Secure Boot was off in this boot (measured in PCR 7)");
    } else if (facts->secure_boot == STATE_UNKNOWN && !lacks_required_pcrs(job)) {
        job_reason(job, REASON_SECURE_BOOT_UNKNOWN, "SB-5", "",
                   "the measurements in PCR 7 do not prove that Secure Boot was on");
    }
    if (facts->setup_mode == STATE_YES || is_empty(&facts->pk) || is_empty(&facts->kek) ||
        is_empty(&facts->db)) {
        job_reason(job, REASON_SECURE_BOOT_KEYS_MISSING, "SB-6", "",
                   "no Secure Boot keys are enrolled:%s%s%s empty",
                   is_empty(&facts->pk) ? " PK" : "", is_empty(&facts->kek) ? " KEK" : "",
                   is_empty(&facts->db) ? " db" : "");
    }
    if (facts->shim_validation == STATE_NO && facts->secure_boot != STATE_NO) {
        job_reason(
            job, REASON_SHIM_VALIDATION_OFF, "SB-15", "",
            "shim's validation is switched off (MokSBState): after shim, anything could run");
    }
    if (facts->has_shim && facts->shim_validation == STATE_UNKNOWN) {
        job_reason(job, REASON_SHIM_VALIDATION_UNKNOWN, "SB-15", "",
                   "the measurements do not rule out that shim's validation was switched off");
    }
    if (facts->mok_enrolled == STATE_YES) {
        job_note(job, "mok-enrolled", "SB-15", -1,
                 "machine owner keys are enrolled beside shim's own: software signed with them "
                 "passes Secure Boot");
    }
    if (facts->has_user_mok) {
        job_note(job, "mok-used", "SB-15", -1,
                 "a component was allowed by a machine owner key, not by db or the distribution's "
                 "own key");
    }
    if (facts->debug_mode == STATE_YES) {
        job_reason(job, REASON_DEBUG_MODE, "SB-8", "", "the firmware was in debug mode");
    }
    if (facts->dma_protection_disabled == STATE_YES) {
        job_note(job, "dma-protection-disabled", "SB-8", -1,
                 "firmware reports that DMA protection was disabled");
    }
}

static void judge_test_keys(struct job *job, const struct boot_facts *facts)
{
    const struct {
        const struct key_database *database;
        unsigned role;
        const char *name;
    } databases[] = {{&facts->pk, REFERENCE_PK, "PK"},
                     {&facts->kek, REFERENCE_KEK, "KEK"},
                     {&facts->db, REFERENCE_DB, "db"}};

    for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
        const char *test_key = databases[i].database->test_key;

        if (!databases[i].database->has_test_key) {
            continue;
        }
        if (known_key_database(job->trust, databases[i].database, databases[i].role) != NULL) {
            job_reason(job, REASON_TEST_KEYS, "SB-14", "",
                       "%s holds a test key whose private half is public: %s", databases[i].name,
                       test_key);
        } else {
            job_note(job, "test-keys-named", "SB-14", -1,
                     "%s holds a test key that the operator named: %s", databases[i].name,
                     test_key);
        }
    }
}

/* What the claims about key databases rest on (decisions section 3). */
static void judge_platform_keys(struct job *job, const struct boot_facts *facts)
{
    struct appraisal *a = job->result;
    const char *pk = !facts->pk.present ? "PK is not measured"
                                        : known_key_database(job->trust, &facts->pk, REFERENCE_PK);
    const char *kek = !facts->kek.present
                          ? "KEK is not measured"
                          : known_key_database(job->trust, &facts->kek, REFERENCE_KEK);
    const char *db = !facts->db.present ? "db is not measured"
                                        : known_key_database(job->trust, &facts->db, REFERENCE_DB);

    a->are_platform_keys_known = pk == NULL && kek == NULL;
    a->is_db_known = db == NULL;
    if (!a->are_platform_keys_known) {
        job_note(job, "platform-key-unknown", "SB-14", -1, "not a known platform's key in %s: %s",
                 pk != NULL ? "PK" : "KEK", pk != NULL ? pk : kek);
    }
    if (!a->is_db_known) {
        job_note(job, "db-key-unknown", "SB-14", -1, "not a known platform's key in db: %s", db);
    }
}

static err_t make_facts(struct job *job, const struct readings *readings, struct boot_facts **ret)
{
    struct key_cache *cache = job->options->key_cache;

    return cache != NULL
               ? boot_facts_make_cached(job->arena, readings, cache, job->hasher, ret)
               : boot_facts_make(job->arena, readings, job->options->reference, job->hasher, ret);
}

err_t judge_boot(struct job *job)
{
    struct appraisal *a = job->result;
    struct readings *readings = NULL;
    struct boot_facts *facts = NULL;
    err_t err;

    if (a->log == NULL) {
        return ERR_OK;
    }
    err = job_readings(job, &readings);
    err = err ? err : make_facts(job, readings, &facts);
    if (err) {
        return err;
    }
    facts->phases = job->phases;
    a->facts = facts;
    judge_findings(job, facts);
    judge_secure_boot(job, facts);
    if (facts->reference == NULL) {
        job_note(job, "no-reference", "B-4", -1,
                 "judged without reference data: nothing is known to be revoked but by dbx");
    }
    err = judge_windows(job, facts);
    judge_platform_keys(job, facts);
    judge_test_keys(job, facts);
    return err ? err : judge_minimums(job, facts);
}
