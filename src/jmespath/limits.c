/*
 * limits.c - budgets, memory, and what each error means in the words of JMESPath.
 */
#include "jmespath/value.h"

err_t budget_take(struct jmespath_budget *budget, uint64_t steps, struct trail *trail)
{
    if (steps > budget->steps_left) {
        budget->steps_left = 0;
        return trail_set(trail, ERR_TOO_MANY, "the query takes more steps than it may");
    }
    budget->steps_left -= steps;
    return ERR_OK;
}

enum jmespath_fault jmespath_fault(err_t err)
{
    switch (err) {
    case ERR_OK:
        return JMESPATH_OK;
    case ERR_MALFORMED:
        return JMESPATH_SYNTAX;
    case ERR_JSON_TYPE:
        return JMESPATH_INVALID_TYPE;
    case ERR_VALUE:
        return JMESPATH_INVALID_VALUE;
    case ERR_USAGE:
        return JMESPATH_INVALID_ARITY;
    case ERR_UNSUPPORTED:
        return JMESPATH_UNKNOWN_FUNCTION;
    case ERR_TOO_LARGE:
    case ERR_TOO_MANY:
    case ERR_TOO_DEEP:
        return JMESPATH_LIMIT;
    default:
        return JMESPATH_OTHER;
    }
}

const char *jmespath_fault_name(enum jmespath_fault fault)
{
    static const char *const names[] = {
        [JMESPATH_OK] = "ok",
        [JMESPATH_SYNTAX] = "syntax",
        [JMESPATH_INVALID_TYPE] = "invalid-type",
        [JMESPATH_INVALID_VALUE] = "invalid-value",
        [JMESPATH_INVALID_ARITY] = "invalid-arity",
        [JMESPATH_UNKNOWN_FUNCTION] = "unknown-function",
        [JMESPATH_LIMIT] = "limit",
        [JMESPATH_OTHER] = "other",
    };

    return (size_t)fault < ARRAY_LEN(names) ? names[fault] : names[JMESPATH_OTHER];
}
