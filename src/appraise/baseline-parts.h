/*
 * baseline-parts.h - one comparison of two boots, shared by the files baseline*.c alone.
 */
#ifndef APPRAISE_BASELINE_PARTS_H
#define APPRAISE_BASELINE_PARTS_H

#include "appraise/baseline.h"
#include "appraise/internal.h"

enum { GROUP_SHOWN = 8 };

/* One class of change while it is collected. */
struct group {
    uint32_t pcrs;
    const struct reading *removed[GROUP_SHOWN]; /* the first few, for words */
    const struct reading *added[GROUP_SHOWN];
    size_t n_removed, n_added;
    size_t n_new, n_gone; /* different digests that only one boot has, however often measured */
    size_t n_new_images;
    size_t n_files_removed, n_files_added;     /* of those, what GRUB read (PCR 9) */
    size_t n_unannounced, n_unannounced_files; /* of the new ones */
};

struct comparison {
    struct arena *arena;
    const struct boot_facts *before;
    const struct boot_facts *after;
    uint32_t after_pcrs; /* whose history is proven */
    bool is_shape_changed;
    const struct announced *announced; /* NULL */
    uint32_t pcrs;                     /* of all groups */
    size_t n_new_images, n_gone_images;
    struct group groups[REASON_COUNT];
};

/* baseline.c: why two boots cannot be compared, static; NULL when they can. */
const char *baseline_incomparable(const struct boot_facts *a, const struct boot_facts *b,
                                  bool are_logs_alone);
/* baseline.c: have both logs digests in a bank whose collisions nobody can make? */
bool baseline_has_strong_bank(const struct boot_facts *a, const struct boot_facts *b);
/* baseline.c: the class of change that an event belongs to when only one boot has it. */
enum reason_code baseline_class_of(const struct boot_facts *facts, const struct reading *reading);
/* baseline-explain.c: fills code, is_explained and explanation of a change of class `code`. */
err_t baseline_explain(const struct comparison *c, enum reason_code code,
                       struct change *change) MUST_CHECK;
/* Why a signed component cannot be believed on its signature, NULL when it can. */
const char *baseline_signature_doubt(const struct comparison *c);
/* baseline-windows.c: what both boots' Windows measured, compared by its records. */
err_t baseline_windows(struct comparison *c, struct change *changes, size_t *n) MUST_CHECK;
/* Is the event of one of the boots compared there, and so not here? */
bool baseline_windows_covers(const struct comparison *c, const struct boot_facts *facts,
                             const struct event *event);
/* baseline-words.c: "kernel: image 0123 -> image 4567", before and after. */
const char *baseline_words(const struct comparison *c, enum reason_code code);
/* "/boot/vmlinuz-6.1.0-55-amd64" -> "6.1.0-55-amd64"; empty without a name or a version. */
struct span baseline_kernel_version(const struct boot_facts *facts);
/* Do the names of both kernels tell versions, of which the new one is lower? Compared are the
 * numbers in front of the first letter: no distribution's way of ordering the rest is another's. */
bool baseline_is_kernel_older(const struct boot_facts *before, const struct boot_facts *after);
/* "6.1.0-55 -> 6.1.0-56" when all measured texts of the group are the same but for the version in
 * the kernel's file name, as a kernel update rewrites them; NULL otherwise. For words alone:
 * whoever writes the boot menu can write so, too. */
const char *baseline_version_words(const struct comparison *c, const struct group *group);

#endif
