/*
 * kernel-text.h - what the kernel says of itself in small texts under /proc and /sys.
 *
 * Pure: bytes in, values out. The kernel writes these texts, but names of modules are the word of
 * whoever built them, with any byte in them. What is of no known form is ERR_MALFORMED, never read
 * halfway.
 */
#ifndef GUEST_KERNEL_TEXT_H
#define GUEST_KERNEL_TEXT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    KERNEL_MODULE_NAME_MAX = 63,   /* bytes; the kernel's own limit is lower */
    KERNEL_MODULE_TAINTS_MAX = 26, /* letters */
    KERNEL_MODULES_LISTED_MAX = 4096,
    KERNEL_TAINT_BITS = 64,
};

/* What stands before `end`, or all; *rest becomes what stands behind it. */
struct span kernel_text_until(struct span *rest, char end);
/* Without the spaces and line ends behind it. */
struct span kernel_text_trim(struct span text);

/* A decimal number of at most 64 bits. */
err_t kernel_number(struct span text, uint64_t *ret) MUST_CHECK;
/* A parameter of type bool: Y or N, or a number. */
err_t kernel_yes_no(struct span text, bool *ret) MUST_CHECK;
/* The word in brackets of "none [integrity] confidentiality", borrowed. Lower-case letters. */
err_t kernel_chosen(struct span text, struct span *ret) MUST_CHECK;

/* The kernel's name of a bit of /proc/sys/kernel/tainted, "OOT_MODULE"; NULL when unknown here
 * (include/linux/panic.h; Documentation/admin-guide/tainted-kernels.rst). */
const char *kernel_taint_name(unsigned bit);

struct kernel_module {
    const char *name; /* printable */
    bool is_plain;    /* of letters, digits, "_" and "-": may stand in a path */
    uint64_t size;
    char taints[KERNEL_MODULE_TAINTS_MAX + 1]; /* letters as the kernel shows them: "OE"; "" */
};

/* /proc/modules, by name, in the arena. ERR_TOO_MANY, ERR_MALFORMED with the line. */
err_t kernel_modules(struct arena *arena, struct span text, struct trail *trail,
                     struct kernel_module **ret, size_t *ret_n) MUST_CHECK;

#endif
