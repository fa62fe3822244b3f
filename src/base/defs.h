/*
 * defs.h - the few words every room uses: checked results, scope cleanup, array sizes.
 */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

#include <stddef.h>

/* An ignored result is a warning, and a warning is an error. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NONNULL __attribute__((nonnull))

/* CLEANUP(free_fn): free_fn(&variable) runs when the variable leaves its scope. Declare the
 * handler for a type once with DEFINE_CLEANUP; the function itself accepts NULL. */
#define CLEANUP(fn) __attribute__((cleanup(fn##_cleanup)))
/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
    static inline void fn##_cleanup(type *p)                                                       \
    {                                                                                              \
        fn(*p);                                                                                    \
    }
/* For embedded objects, whose fn takes the address. */
#define DEFINE_CLEANUP_DONE(type, fn)                                                              \
    static inline void fn##_cleanup(type *p)                                                       \
    {                                                                                              \
        fn(p);                                                                                     \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

/* Hand a pointer over and clear the source, so that its CLEANUP does nothing. */
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
