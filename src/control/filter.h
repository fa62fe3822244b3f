/*
 * filter.h - inside of the control room: the part of OData's $filter that lists of resources take:
 * "NAME eq 'VALUE'" and more of them joined by "and". Who may send these bytes: signed-in callers.
 */
#ifndef CONTROL_FILTER_H
#define CONTROL_FILTER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum { FILTER_MAX_TERMS = 16 };

struct filter_term {
    struct span name;
    enum { FILTER_EQ, FILTER_NE, FILTER_GE, FILTER_LE, FILTER_GT, FILTER_LT } operator;
    struct span value; /* without its quotes; '' is one quote */
};
struct filter {
    struct filter_term terms[FILTER_MAX_TERMS];
    size_t n;
};

/* text with data NULL: no terms. ERR_VALUE with what is not understood. */
err_t filter_read(struct arena *arena, struct span text, struct trail *trail,
                  struct filter *ret) MUST_CHECK;
/* The value of the first term of that name with eq; data NULL when there is none. */
struct span filter_value(const struct filter *filter, const char *name);

#endif
