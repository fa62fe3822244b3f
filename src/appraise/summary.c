/*
 * summary.c - the words of a comparison as a whole.
 */
#include "appraise/summary.h"

#include "appraise/baseline-parts.h"
#include "base/show.h"
#include "facts/windows.h"

#include <string.h>

enum { NAME_MAX_SHOWN = 80 };

/* Always told, changed or not: what an owner asks first. */
static const enum reason_code asked[] = {
    REASON_CHANGE_UKI,
    REASON_CHANGE_KERNEL,
    REASON_CHANGE_CMDLINE,
    REASON_CHANGE_INITRD,
};

const char *change_class_words(enum reason_code code)
{
    switch (code) {
    case REASON_CHANGE_FIRMWARE:
        return "firmware";
    case REASON_CHANGE_SHAPE:
        return "shape of the machine";
    case REASON_CHANGE_KEYS:
        return "Secure Boot keys";
    case REASON_CHANGE_DBX:
        return "revocations";
    case REASON_CHANGE_LOADER:
        return "boot loader";
    case REASON_CHANGE_KERNEL:
        return "kernel";
    case REASON_CHANGE_INITRD:
        return "initramfs";
    case REASON_CHANGE_CMDLINE:
        return "kernel command line";
    case REASON_CHANGE_GRUB_CONFIG:
        return "GRUB configuration";
    case REASON_CHANGE_MOK:
        return "machine owner keys";
    case REASON_CHANGE_UKI:
        return "unified kernel image";
    case REASON_CHANGE_CREDENTIALS:
        return "credentials beside the kernel image";
    case REASON_CHANGE_SYSEXT:
        return "system extensions beside the kernel image";
    case REASON_CHANGE_BOOT_PATH:
        return "boot path";
    default:
        return "what no rule knows";
    }
}

static const struct change *change_of(const struct change *changes, size_t n, enum reason_code code)
{
    for (size_t i = 0; i < n; i++) {
        if (changes[i].code == code) {
            return &changes[i];
        }
    }
    return NULL;
}

static bool has_class(const struct boot_facts *facts, enum reason_code code)
{
    for (size_t i = 0; i < facts->readings->n; i++) {
        const struct reading *r = &facts->readings->items[i];

        if (r->role != ROLE_NONE && r->role != ROLE_SEPARATOR &&
            baseline_class_of(facts, r) == code) {
            return true;
        }
    }
    return false;
}

/* "CN=Debian Secure Boot CA, O=..." -> "Debian Secure Boot CA" */
static const char *common_name(struct arena *arena, const char *subject)
{
    const char *begin = strncmp(subject, "CN=", 3) == 0 ? subject + 3 : subject;
    char *name = arena_printf(arena, "%.*s", (int)strcspn(begin, ","), begin);

    return name == NULL ? NULL : show_cut(arena, name, NAME_MAX_SHOWN);
}

/* Who allowed the last link of the chain: its key was the last to be measured, and when none was
 * measured for it, an earlier one did. */
static const char *validator_words(struct arena *arena, const struct boot_facts *facts)
{
    const struct authority *last = NULL;
    const char *name;

    for (size_t i = 0; i < facts->n_authorities; i++) {
        if (!facts->authorities[i].before_separator && facts->authorities[i].subject[0] != '\0') {
            last = &facts->authorities[i];
        }
    }
    if (last == NULL) {
        return "the same keys as before";
    }
    name = last->known != NULL ? last->known->name : common_name(arena, last->subject);
    return name == NULL ? NULL
                        : arena_printf(arena, "%s%s", name,
                                       strcmp(last->source, "db") == 0 ? "" : " through shim");
}

static const char *kernel_words(struct arena *arena, const struct boot_facts *before,
                                const struct boot_facts *after, const struct change *change)
{
    struct span old = baseline_kernel_version(before);
    struct span new = baseline_kernel_version(after);
    const char *words = change_class_words(change->code);
    const char *validator = validator_words(arena, after);

    if (!has_class(after, change->code)) {
        return arena_printf(arena, "%s not measured any more", words);
    }
    if (!has_class(before, change->code)) {
        return arena_printf(arena, "%s measured, which was not before", words);
    }
    if (old.len > 0 && new.len > 0 && !span_equal(old, new)) {
        words = arena_printf(arena, "%s %s \xe2\x86\x92 %s", words,
                             show_cut(arena, (const char *)old.data, NAME_MAX_SHOWN),
                             show_cut(arena, (const char *)new.data, NAME_MAX_SHOWN));
        if (words != NULL && baseline_is_kernel_older(before, after)) {
            words = arena_printf(arena, "%s, an OLDER one", words);
        }
    } else {
        words = arena_printf(arena, "%s changed", words);
    }
    if (words == NULL || validator == NULL || !change->is_explained) {
        return words;
    }
    return arena_printf(arena, "%s, both validated by %s", words, validator);
}

static const char *phrase(struct arena *arena, const struct boot_facts *before,
                          const struct boot_facts *after, const struct change *change)
{
    switch (change->code) {
    case REASON_CHANGE_KERNEL:
    case REASON_CHANGE_UKI:
        return kernel_words(arena, before, after, change);
    case REASON_CHANGE_KEYS:
        if (before->secure_boot != after->secure_boot && after->secure_boot != STATE_UNKNOWN) {
            return after->secure_boot == STATE_YES ? "Secure Boot is on now"
                                                   : "Secure Boot is OFF now";
        }
        break;
    case REASON_CHANGE_CMDLINE:
        if (before->cmdline != NULL && after->cmdline != NULL &&
            strcmp(before->cmdline, after->cmdline) == 0) {
            return "kernel parameters unchanged";
        }
        break;
    default:
        break;
    }
    return arena_printf(arena, "%s changed%s", change_class_words(change->code),
                        change->is_explained ? " (explained)" : "");
}

static const char *add(struct arena *arena, const char *sentence, const char *words)
{
    return sentence == NULL || words == NULL ? NULL
           : sentence[0] == '\0'             ? words
                                             : arena_printf(arena, "%s; %s", sentence, words);
}

static bool is_asked(enum reason_code code)
{
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        if (asked[i] == code) {
            return true;
        }
    }
    return false;
}

static const char *sentence_of(struct arena *arena, const struct boot_facts *before,
                               const struct boot_facts *after, const struct change *changes,
                               size_t n)
{
    const struct change *keys = change_of(changes, n, REASON_CHANGE_KEYS);
    bool is_switched = keys != NULL && before->secure_boot != after->secure_boot;
    /* Before all else. */
    const char *sentence = is_switched ? phrase(arena, before, after, keys) : "";

    if (n == 0) {
        return "nothing that was measured is different";
    }
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        const struct change *change = change_of(changes, n, asked[i]);

        if (change != NULL) {
            sentence = add(arena, sentence, phrase(arena, before, after, change));
        } else if (has_class(before, asked[i]) && has_class(after, asked[i])) {
            sentence = add(arena, sentence,
                           arena_printf(arena, "%s unchanged", change_class_words(asked[i])));
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_asked(changes[i].code) && !(is_switched && &changes[i] == keys)) {
            sentence = add(arena, sentence, phrase(arena, before, after, &changes[i]));
        }
    }
    return sentence;
}

/* A test key that the operator does not name (SB-14). */
static bool has_test_key(const struct boot_facts *after, const struct appraise_trust *trust)
{
    return (after->pk.has_test_key && known_key_database(trust, &after->pk, REFERENCE_PK)) ||
           (after->kek.has_test_key && known_key_database(trust, &after->kek, REFERENCE_KEK)) ||
           (after->db.has_test_key && known_key_database(trust, &after->db, REFERENCE_DB));
}

/* Why the boot is bad, whatever changed; NULL. The rules of an appraisal, without what only quotes
 * and policies can know. */
static const char *why_bad(const struct boot_facts *after, const struct appraise_trust *trust)
{
    if (after->secure_boot == STATE_NO) {
        return "Secure Boot was off";
    }
    if (after->secure_boot == STATE_UNKNOWN) {
        return "nothing proves that Secure Boot was on";
    }
    if (after->shim_validation == STATE_NO) {
        return "shim's validation was switched off";
    }
    if (after->has_shim && after->shim_validation == STATE_UNKNOWN) {
        return "nothing rules out that shim's validation was switched off";
    }
    if (after->windows != NULL && !after->windows->is_whole) {
        return "what Windows measured of its state is not whole";
    }
    if (has_test_key(after, trust)) {
        return "a test key is enrolled, whose private half is public";
    }
    for (size_t i = 0; i < after->n_findings; i++) {
        if (after->findings[i].weight == WEIGHT_BAD) {
            return after->findings[i].text;
        }
    }
    return NULL;
}

static const struct finding *first_fault(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->n_findings; i++) {
        if (facts->findings[i].weight == WEIGHT_FAULT) {
            return &facts->findings[i];
        }
    }
    return NULL;
}

/* A log that contradicts itself proves nothing; a bad boot stays bad whatever is explained. */
static void judge(const struct boot_facts *before, const struct boot_facts *after,
                  const struct appraise_trust *trust, struct summary *summary)
{
    const struct finding *fault = first_fault(after);
    const char *bad = why_bad(after, trust);

    if (fault != NULL) {
        summary->state = VERDICT_NOT_VERIFIED;
        summary->why = fault->text;
    } else if (bad != NULL) {
        summary->state = VERDICT_UNHEALTHY;
        summary->why = bad;
    } else if (!baseline_has_strong_bank(before, after)) {
        summary->state = VERDICT_NOT_VERIFIED;
        summary->why = "the logs have SHA-1 digests alone: events with equal digests can be made, "
                       "so what looks the same may not be";
    } else if (summary->n_unexplained > 0) {
        summary->state = VERDICT_CHANGED;
        summary->why = "a person decides about what is not explained";
    } else {
        summary->state = VERDICT_HEALTHY;
        summary->why = "nothing unexplained";
    }
}

err_t baseline_summary(struct arena *arena, const struct boot_facts *before,
                       const struct boot_facts *after, const struct change *changes, size_t n,
                       const struct appraise_trust *trust, struct summary *ret)
{
    const char *incomparable = baseline_incomparable(before, after, true);
    bool are_compared = incomparable == NULL;
    struct summary summary = {
        .sentence = are_compared ? sentence_of(arena, before, after, changes, n) : incomparable};

    if (summary.sentence == NULL) {
        return ERR_MEMORY;
    }
    for (int code = REASON_CHANGE_FIRMWARE; are_compared && code < REASON_COUNT; code++) {
        if (code != REASON_CHANGE_UNKNOWN &&
            change_of(changes, n, (enum reason_code)code) == NULL &&
            has_class(before, (enum reason_code)code) && has_class(after, (enum reason_code)code)) {
            summary.unchanged[summary.n_unchanged++] = change_class_words((enum reason_code)code);
        }
    }
    for (size_t i = 0; i < n; i++) {
        summary.n_unexplained += !changes[i].is_explained;
    }
    judge(before, after, trust, &summary);
    *ret = summary;
    return ERR_OK;
}
