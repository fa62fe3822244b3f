/*
 * run.c - what every part of an evaluation needs: faults and budgets.
 */
#include "policy/run.h"

#include <stdarg.h>
#include <stdio.h>

err_t run_fail(struct run *run, enum policy_fault_kind kind, const char *what, const char *fmt, ...)
{
    struct policy_fault *fault = run->fault;
    va_list args;
    int len;

    policy_fault_at(fault, kind, run->policy->source, run->rule == NULL ? 0 : run->rule->offset,
                    span_str(what), "%s: ", what);
    fault->is_evaluation = true;
    fault->outer = "claimRule";
    fault->inner = "action";
    len = (int)strlen(fault->text);
    va_start(args, fmt);
    vsnprintf(fault->text + len, sizeof(fault->text) - (size_t)len, fmt, args);
    va_end(args);
    return ERR_VALUE;
}

err_t run_no_memory(struct run *run)
{
    if (arena_is_exhausted(run->keep) || arena_is_exhausted(run->scratch)) {
        return run_fail(run, POLICY_FAULT_LIMIT, "evaluation", "the memory for it is used up");
    }
    return ERR_MEMORY;
}

err_t run_spend(struct run *run, uint64_t steps)
{
    if (steps > run->steps_left) {
        run->steps_left = 0;
        return run_fail(run, POLICY_FAULT_LIMIT, "evaluation",
                        "it takes more than %llu steps of comparing",
                        (unsigned long long)run->max_steps);
    }
    run->steps_left -= steps;
    return ERR_OK;
}

err_t run_spend_bytes(struct run *run, size_t bytes)
{
    return run_spend(run, 1 + bytes / RUN_STEP_BYTES);
}

void *run_scratch(struct run *run, size_t count, size_t size)
{
    return arena_calloc(run->scratch, count, size);
}
