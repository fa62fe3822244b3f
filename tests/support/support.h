/*
 * support.h - what many tests need: cmocka in one line, arenas, vectors, public corpora.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

/* cmocka needs its includes in this order. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
/* clang-format on */

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* An arena of 64 MiB that the test frees; crypto_init has run. Fails the test on no memory. */
struct arena *test_arena(void);

/* A file below tests/vectors, whole, or the test fails. */
struct span test_vector(struct arena *arena, const char *relative);
/* Absolute path of a file below tests/vectors, in the arena. */
const char *test_vector_path(struct arena *arena, const char *relative);

/* Folder of the public corpora (BOOTWARDEN_DATA, else ../shared/data beside the project), NULL
 * when there is none. */
const char *test_public_data(void);
/* Skips the test, with a line that says so, when there is no such folder. The test's first
 * statement: skipping leaves the function without its cleanups. */
void test_needs_public_data(void);
/* A file below it, whole, or the test fails. */
struct span test_public_file(struct arena *arena, const char *relative);

/* Hex text to bytes, or the test fails. */
struct span test_hex(struct arena *arena, const char *hex);

#define assert_err(expression, wanted)                                                             \
    do {                                                                                           \
        err_t got_ = (expression);                                                                 \
        if (got_ != (wanted)) {                                                                    \
            fail_msg("%s: got %s, wanted %s", #expression, err_name(got_), err_name(wanted));      \
        }                                                                                          \
    } while (0)
#define assert_ok(expression) assert_err(expression, ERR_OK)

#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
