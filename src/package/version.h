/*
 * version.h - versions of the agent: dotted numbers, compared number by number
 * (docs/formats/agent-package.md).
 */
#ifndef PACKAGE_VERSION_H
#define PACKAGE_VERSION_H

#include "base/err.h"
#include "base/span.h"

enum {
    VERSION_MIN_PARTS = 2,
    VERSION_MAX_PARTS = 4,
    VERSION_PART_MAX = 999999,
    VERSION_TEXT_SIZE = 32, /* four numbers of six digits, three dots, NUL */
};

struct version {
    uint32_t parts[VERSION_MAX_PARTS]; /* major, minor, ...; what is not written is 0 */
};

/* ERR_VALUE for anything else. */
err_t version_read(struct span text, struct version *ret) MUST_CHECK;
/* Below, equal to or above 0: a is earlier, the same, later. */
int version_compare(const struct version *a, const struct version *b);
/* Both are versions, and the same one: 1.0.1 is 1.0.1.0. */
bool version_text_equal(struct span a, struct span b);

/* May `from` go to `to` by itself? Later, of the same major version, and of the same minor one
 * unless those are wanted. */
bool version_is_upgrade(const struct version *from, const struct version *to, bool takes_minor);

#endif
