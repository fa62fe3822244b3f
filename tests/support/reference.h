/*
 * reference.h - for tests: the reference data of this source tree, read once.
 */
#ifndef TESTS_SUPPORT_REFERENCE_H
#define TESTS_SUPPORT_REFERENCE_H

#include "reference/reference.h"

/* Shared by all tests of a program and never freed by them; the test fails when it is broken. */
const struct reference *test_reference(void);
/* The same with a count of its own, to hand over or free. */
struct reference *test_reference_own(void);
/* Its folder: data/reference. */
const char *test_reference_folder(void);

#endif
