/*
 * run.h - one evaluation of a policy: what its parts share. Not for other rooms.
 *
 * Two arenas of the evaluation's own: `keep` for what lasts to its end (added claims, documents,
 * compiled queries), `scratch` for one rule. Steps are counted down; ERR_VALUE says that the fault
 * is filled in, ERR_MEMORY that the machine has none. One evaluation belongs to one thread.
 */
#ifndef POLICY_RUN_H
#define POLICY_RUN_H

#include "jmespath/jmespath.h"
#include "policy/claim-index.h"
#include "policy/tree.h"

enum { RUN_STEP_BYTES = 64 }; /* compared, hashed or copied for one step */

struct value {
    enum claim_kind kind; /* never CLAIM_JSON */
    bool boolean;
    bool is_kept; /* the string lasts to the end of the evaluation */
    int64_t integer;
    struct span string;
};

/* Distinct values in order: the result of every expression. */
struct values {
    const struct value *items;
    size_t n;
    bool is_read_only;
    const uint32_t *slots; /* of a larger set, for values_have; else NULL */
    size_t n_slots;
    uint64_t seed;
};

/* The claims that a condition selected. */
struct selection {
    const struct claim **items;
    size_t n;
};

/* Which test of a condition left nothing, for the trace. */
struct narrowing {
    size_t left[POLICY_MAX_TESTS]; /* claims that satisfy this test and those before it */
};

struct parsed; /* query.c: documents and queries read before */

struct run {
    const struct policy *policy;
    struct policy_fault *fault;
    struct arena *keep, *scratch;
    struct claim_index incoming;
    struct claim_index issued, properties; /* distinct */
    size_t issued_bytes;
    uint64_t max_steps, steps_left;
    struct jmespath_budget budget;
    struct parsed *parsed;
    enum policy_section section;
    const struct rule *rule;
    struct selection selected[POLICY_MAX_CONDITIONS];
};

/* run.c */
/* Always ERR_VALUE: `what` (a function or an action) and words; without values of claims. */
err_t run_fail(struct run *run, enum policy_fault_kind kind, const char *what, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* What a NULL of one of the run's arenas means. */
err_t run_no_memory(struct run *run);
err_t run_spend(struct run *run, uint64_t steps) MUST_CHECK;
/* For this many bytes. */
err_t run_spend_bytes(struct run *run, size_t bytes) MUST_CHECK;
void *run_scratch(struct run *run, size_t count, size_t size);

/* values.c */
struct collector {
    struct value *items;
    uint32_t *slots;
    size_t n, size, n_slots;
    uint64_t seed;
};
struct value value_of_property(const struct claim *claim, enum property property);
struct value value_string(struct span text, bool is_kept);
bool values_equal(const struct value *a, const struct value *b);
/* One value. */
err_t values_one(struct run *run, struct value value, bool is_read_only,
                 struct values *ret) MUST_CHECK;
/* Several: zeroed, then added one by one; equal ones collapse. */
err_t collector_add(struct run *run, struct collector *collector,
                    const struct value *value) MUST_CHECK;
struct values collector_values(const struct collector *collector, bool is_read_only);
err_t values_have(struct run *run, const struct values *values, const struct value *value,
                  bool *ret) MUST_CHECK;

/* expression.c */
err_t run_expression(struct run *run, const struct expr *e, struct values *ret) MUST_CHECK;
err_t run_call(struct run *run, const struct expr *e, struct values *ret) MUST_CHECK;

/* query.c */
err_t run_jmespath(struct run *run, const struct value *json, const struct value *query,
                   struct span *ret) MUST_CHECK;
err_t run_json(struct run *run, const char *what, const struct value *json,
               const struct jmespath_value **ret) MUST_CHECK;

/* select.c: the claims of a condition into run->selected[at]. narrowing may be NULL. */
err_t run_condition(struct run *run, size_t at, struct narrowing *narrowing) MUST_CHECK;

/* action.c: *ret_n claims were made, the last ones of run->incoming. */
err_t run_action(struct run *run, size_t *ret_n) MUST_CHECK;

/* explain.c */
const char *explain_rule(struct arena *arena, const struct policy *policy, const struct rule *rule);
/* "line 4 denies: secureboot is false" */
const char *explain_decision(struct arena *arena, const struct policy *policy,
                             const struct rule *rule, const char *verb);
const char *explain_condition(struct arena *arena, const struct policy *policy,
                              const struct rule *rule, size_t at, const struct selection *selection,
                              const struct narrowing *narrowing);
const char *explain_action(struct arena *arena, const struct run *run, size_t n_made);

#endif
