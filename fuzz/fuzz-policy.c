/*
 * Who can send these bytes: whoever may set the policy of a provider; and to the command line,
 * whoever wrote a file.
 */
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Laid out it says the same, and is laid out the same once more. */
static bool is_kept(struct arena *arena, const struct policy *policy)
{
    CLEANUP(policy_unref) struct policy *same = NULL;
    struct policy_fault fault;
    struct span once, twice;

    return policy_format(arena, policy_source(policy), &fault, &once) != ERR_OK ||
           (policy_compile(once, &fault, &same) == ERR_OK && policy_same(policy, same) &&
            policy_format(arena, once, &fault, &twice) == ERR_OK && span_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(64u * 1024 * 1024);
    CLEANUP(policy_unref) struct policy *policy = NULL;
    struct claims *claims = arena == NULL ? NULL : claims_new(arena);
    struct policy_fault fault;
    struct policy_result result;
    struct policy_trace trace;

    if (claims != NULL && policy_compile(span_of(data, size), &fault, &policy) == ERR_OK &&
        claims_add_int(claims, "a", 1) == ERR_OK && claims_add_int(claims, "a", 2) == ERR_OK &&
        claims_add_read_only(claims, "pcrs", span_str("{\"PCRs\":[{\"Index\":0}]}")) == ERR_OK &&
        policy_evaluate(arena, policy, claims, &trace, &result) == ERR_OK &&
        (!is_kept(arena, policy) || (!result.is_permitted && result.issued->n > 0))) {
        __builtin_trap();
    }
    return 0;
}
