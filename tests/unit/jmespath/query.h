/*
 * query.h - a document and an expression in, the text of the result or the name of the fault out.
 */
#ifndef TESTS_JMESPATH_QUERY_H
#define TESTS_JMESPATH_QUERY_H

#include "support/support.h"

#include "jmespath/jmespath.h"

#include <string.h>

/* The trail of the last query that failed, and the steps that the last query took. */
struct query_end {
    struct trail trail;
    uint64_t steps;
};

static inline const char *query(struct arena *arena, const char *document, const char *expression,
                                struct query_end *ret_end)
{
    struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
    const struct jmespath_value *root = NULL;
    const struct jmespath_value *result = NULL;
    struct jmespath *compiled = NULL;
    struct span text = {0};
    err_t err;

    *ret_end = (struct query_end){0};
    assert_ok(jmespath_read(arena, span_str(document), NULL, &root));
    err = jmespath_compile(arena, span_str(expression), &ret_end->trail, &compiled);
    err = err ? err : jmespath_search(compiled, arena, root, &budget, &ret_end->trail, &result);
    err = err ? err
              : jmespath_to_text(arena, result, JMESPATH_COMPACT, &budget, &ret_end->trail, &text);
    ret_end->steps = JMESPATH_MAX_STEPS - budget.steps_left;
    return err ? jmespath_fault_name(jmespath_fault(err)) : (const char *)text.data;
}

struct query_case {
    const char *document, *expression, *wanted;
};

static inline void check_queries(const struct query_case *cases, size_t n)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    for (size_t i = 0; i < n; i++) {
        struct query_end end;
        const char *got = query(arena, cases[i].document, cases[i].expression, &end);

        if (strcmp(got, cases[i].wanted) != 0) {
            fail_msg("%s on %s: got %s (%s), wanted %s", cases[i].expression, cases[i].document,
                     got, end.trail.what, cases[i].wanted);
        }
    }
    print_message("%zu cases\n", n);
}

#endif
