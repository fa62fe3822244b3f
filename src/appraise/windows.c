/*
 * windows.c - may Windows' own records be believed, and do they say all that is needed? (B-13)
 *
 * Any program can extend PCRs 11 to 14 with records that look like Windows'. They are Windows' own
 * when nothing else was started: the firmware loaded one image, and the last key in PCR 7 that
 * allowed a load is one that signs Windows' boot programs alone. (The key of an option ROM may
 * stand before it; a second loader would be a second image.) The registers are closed before the
 * kernel runs, so what the running system adds is not looked at (facts/windows.c).
 */
#include "appraise/internal.h"

#include "facts/windows.h"

static bool is_windows_key(const struct authority *authority)
{
    return !authority->before_separator && authority->known != NULL &&
           (authority->known->roles & REFERENCE_WINDOWS) != 0;
}

static bool is_same_image(const struct boot_image *a, const struct boot_image *b)
{
    for (int hash = 0; hash < HASH_COUNT; hash++) {
        if (!span_equal(a->digest[hash], b->digest[hash])) {
            return false;
        }
    }
    return true;
}

/* Started by the firmware, however often. */
static bool has_one_image(const struct boot_facts *facts)
{
    const struct boot_image *first = NULL;

    for (size_t i = 0; i < facts->n_images; i++) {
        const struct boot_image *image = &facts->images[i];

        if (image->before_separator) {
            continue;
        }
        if (first != NULL && !is_same_image(first, image)) {
            return false;
        }
        first = image;
    }
    return first != NULL;
}

/* Root of a Linux guest can append Windows' key to PCR 7. The one that really allowed its loader
 * stands before it, and is another. */
static bool has_foreign_key(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->n_authorities; i++) {
        if (!facts->authorities[i].before_separator && !is_windows_key(&facts->authorities[i])) {
            return true;
        }
    }
    return false;
}

/* Such a key may be an option ROM's, which firmware loads late on some machines; then PCR 2 tells
 * of it before its separator, where nobody else can write. */
static bool has_driver(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->readings->n; i++) {
        const struct reading *r = &facts->readings->items[i];

        if (r->event->home == 2 && r->role == ROLE_SEPARATOR) {
            return false;
        }
        if (r->event->home == 2 && r->role == ROLE_DRIVER) {
            return true;
        }
    }
    return false;
}

/* The settings without which nobody can say whether the boot was good. */
static const char *missing_settings(struct job *job, const struct windows_facts *windows)
{
    static const struct {
        enum windows_setting flag;
        const char *words;
    } needed[] = {
        {WINDOWS_BOOT_DEBUGGING, "boot debugging"}, {WINDOWS_KERNEL_DEBUGGING, "kernel debugging"},
        {WINDOWS_TEST_SIGNING, "test signing"},     {WINDOWS_CODE_INTEGRITY, "code integrity"},
        {WINDOWS_SAFE_MODE, "safe mode"},           {WINDOWS_WINPE, "Windows PE"},
    };
    const char *text =
        windows_hypervisor_debugging(windows) == STATE_UNKNOWN ? "hypervisor debugging" : "";

    for (size_t i = 0; i < ARRAY_LEN(needed) && text != NULL; i++) {
        if (windows->flag[needed[i].flag] == STATE_UNKNOWN) {
            text = arena_printf(job->arena, "%s%s%s", text, text[0] == '\0' ? "" : ", ",
                                needed[i].words);
        }
    }
    return text;
}

/* Why nothing is known of its state; *ret stays NULL when all is. *ret_is_own: its records are
 * Windows' own. */
static err_t find_doubt(struct job *job, const struct boot_facts *facts, bool has_key,
                        bool is_last_key, bool *ret_is_own, const char **ret)
{
    const struct windows_facts *windows = facts->windows;
    const char *missing;

    if (!has_key) {
        *ret =
            "PCRs 12 to 14 tell of a Windows boot, but no key of Windows allowed the boot loader";
        return ERR_OK;
    }
    if (has_foreign_key(facts) && !has_driver(facts)) {
        *ret = "another key than Windows' allowed something to start, and the firmware loaded no "
               "driver that it could have been for";
        return ERR_OK;
    }
    if (!is_last_key || !has_one_image(facts)) {
        *ret = "something else than Windows was started, too: it may have extended PCRs 12 to 14";
        return ERR_OK;
    }
    if (windows == NULL || !facts->is_windows) {
        *ret = "PCRs 12 and 13 with what Windows measured of its state are not attested, or hold "
               "nothing that can be read";
        return ERR_OK;
    }
    *ret_is_own = true;
    if (!windows->is_whole) {
        *ret = "PCRs 12 and 13 do not tell all of Windows' boot";
        return ERR_OK;
    }
    missing = missing_settings(job, windows);
    if (missing != NULL && missing[0] == '\0') {
        return ERR_OK;
    }
    if (missing != NULL) {
        *ret = arena_printf(job->arena, "%s: not measured is %s",
                            windows->resumed == STATE_YES ? "Windows resumed from hibernation"
                                                          : "the log does not tell all settings",
                            missing);
    }
    return missing == NULL || *ret == NULL ? ERR_MEMORY : ERR_OK;
}

/* Resumed from hibernation: the settings were measured at the boot before, and the request brings
 * the proof of that one along. */
static bool is_told_by_boot_attestation(const struct job *job, const struct windows_facts *windows)
{
    const struct appraisal *boot = job->result->boot;

    /* Another system between hibernation and resume: then that one was attested. */
    return windows != NULL && windows->is_whole && windows->resumed == STATE_YES && boot != NULL &&
           boot->windows != NULL && appraisal_is_proven(boot);
}

err_t judge_windows(struct job *job, const struct boot_facts *facts)
{
    struct appraisal *a = job->result;
    bool has_key = false;
    bool is_last_key = false;
    bool is_own = false;
    const char *text = NULL;
    err_t err;

    for (size_t i = 0; i < facts->n_authorities; i++) {
        is_last_key = is_windows_key(&facts->authorities[i]);
        has_key = has_key || is_last_key;
    }
    a->is_windows = facts->windows != NULL || has_key;
    if (!a->is_windows) {
        return ERR_OK;
    }
    err = find_doubt(job, facts, has_key, is_last_key, &is_own, &text);
    if (err) {
        return err;
    }
    a->windows = is_own && facts->secure_boot == STATE_YES ? facts->windows : NULL;
    /* Without Secure Boot nothing stands behind what was started, and there is a reason already. */
    if (text != NULL && is_own && is_told_by_boot_attestation(job, facts->windows)) {
        job_note(job, "resumed", "Q-19", -1,
                 "Windows resumed from hibernation: its settings are those of boot_attestation");
    } else if (text != NULL && facts->secure_boot == STATE_YES) {
        job_reason(job, REASON_WINDOWS_STATE_UNKNOWN, "B-13", job->evidence->log.where,
                   "this is a Windows boot whose state is not known: %s", text);
    }
    return ERR_OK;
}
