/*
 * functions-number.c - functions over numbers. Whole numbers stay whole as long as they fit 64
 * bits.
 */
#include "jmespath/functions.h"

#include <math.h>

__extension__ typedef __int128 wide; /* no sum of 64-bit numbers in memory overflows it */

static err_t finite_result(struct call *call, double real, struct jmespath_value *ret)
{
    if (!isfinite(real)) {
        return trail_set_at(call->eval->trail, ERR_VALUE, call->node->offset,
                            "the result is too large for a number");
    }
    *ret = value_real(real);
    return ERR_OK;
}

err_t function_abs(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value number = call_argument(call, 0);

    if (number.form == NUMBER_NEGATIVE) {
        /* The smallest number has no positive twin in its own type. */
        number = value_natural(-(uint64_t)number.negative);
    } else if (number.form == NUMBER_REAL) {
        number = value_real(fabs(number.real));
    }
    *ret = number;
    return ERR_OK;
}

err_t function_ceil(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value number = call_argument(call, 0);

    *ret = number.form == NUMBER_REAL ? value_real(ceil(number.real)) : number;
    return ERR_OK;
}

err_t function_floor(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value number = call_argument(call, 0);

    *ret = number.form == NUMBER_REAL ? value_real(floor(number.real)) : number;
    return ERR_OK;
}

struct total {
    wide whole;
    double real;
    bool has_real;
};

static err_t add_up(struct call *call, struct jmespath_value array, struct total *ret)
{
    struct total total = {0};
    err_t err = eval_steps(call->eval, array.n);

    for (size_t i = 0; err == ERR_OK && i < array.n; i++) {
        struct jmespath_value number = array.items[i];

        if (number.form == NUMBER_REAL) {
            total.real += number.real;
            total.has_real = true;
        } else {
            total.whole += number.form == NUMBER_NATURAL ? (wide)number.natural : number.negative;
        }
    }
    *ret = total;
    return err;
}

/* The total exactly when it is whole and fits. */
static bool exact(const struct total *total, struct jmespath_value *ret)
{
    if (total->has_real || total->whole > UINT64_MAX || total->whole < INT64_MIN) {
        return false;
    }
    *ret = total->whole < 0 ? value_integer((int64_t)total->whole)
                            : value_natural((uint64_t)total->whole);
    return true;
}

err_t function_sum(struct call *call, struct jmespath_value *ret)
{
    struct total total;
    err_t err = add_up(call, call_argument(call, 0), &total);

    if (err || exact(&total, ret)) {
        return err;
    }
    return finite_result(call, (double)total.whole + total.real, ret);
}

err_t function_avg(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value array = call_argument(call, 0);
    struct total total;
    err_t err = add_up(call, array, &total);

    if (err) {
        return err;
    }
    if (array.n == 0) {
        *ret = value_null();
        return ERR_OK;
    }
    if (!total.has_real && total.whole % array.n == 0) {
        total.whole /= array.n;
        /* An average lies between its numbers: it fits as they do. */
        return exact(&total, ret) ? ERR_OK : ERR_INTERNAL;
    }
    return finite_result(call, ((double)total.whole + total.real) / (double)array.n, ret);
}

/* Text by the rules of JSON numbers, nothing before or behind it. */
static err_t parse_number(struct call *call, struct span text, struct jmespath_value *ret)
{
    struct span copy;
    yyjson_val json = {0};
    const char *end;
    err_t err = eval_steps(call->eval, 1 + text.len / 16);

    if (err) {
        return err;
    }
    *ret = value_null();
    if (text.len == 0 || (text.data[0] != '-' && (text.data[0] < '0' || text.data[0] > '9'))) {
        return ERR_OK;
    }
    copy = arena_dup(call->eval->arena, text);
    if (copy.data == NULL) {
        return arena_refused(call->eval->arena, call->eval->trail);
    }
    end = yyjson_read_number((const char *)copy.data, &json, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    if (end != (const char *)copy.data + copy.len || !value_of_text((const char *)copy.data, ret)) {
        *ret = value_null();
    }
    return ERR_OK;
}

err_t function_to_number(struct call *call, struct jmespath_value *ret)
{
    struct jmespath_value value = call_argument(call, 0);

    if (value_is(value, JMESPATH_STRING)) {
        return parse_number(call, value_span(value), ret);
    }
    *ret = value_is(value, JMESPATH_NUMBER) ? value : value_null();
    return ERR_OK;
}
