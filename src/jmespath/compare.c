/*
 * compare.c - equality and order of values. Recursion is capped by the nesting of values.
 */
#include "jmespath/value.h"

static int order_of(bool is_less, bool is_more)
{
    return (is_more ? 1 : 0) - (is_less ? 1 : 0);
}

/* A real is no integer (or it would be of that form), so an integer that rounds when it becomes a
 * double is far from it; only past the largest integer may the rounded value meet a real. */
static int order_numbers(struct jmespath_value a, struct jmespath_value b)
{
    double x;
    double y;

    if (a.form == NUMBER_NATURAL && b.form == NUMBER_NATURAL) {
        return order_of(a.natural<b.natural, a.natural> b.natural);
    }
    if (a.form == NUMBER_NEGATIVE && b.form == NUMBER_NEGATIVE) {
        return order_of(a.negative<b.negative, a.negative> b.negative);
    }
    x = value_to_real(a);
    y = value_to_real(b);
    if (x == y && a.form != b.form) {
        return a.form == NUMBER_NATURAL ? -1 : 1; /* 2^64 - 1 rounds to 2^64 */
    }
    return order_of(x<y, x> y);
}

int value_order(struct jmespath_value a, struct jmespath_value b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order;

    if (a.kind == JMESPATH_NUMBER) {
        return order_numbers(a, b);
    }
    /* The order of UTF-8 bytes is the order of code points. */
    order = n == 0 ? 0 : memcmp(a.bytes, b.bytes, n);
    return order != 0 ? order : order_of(a.n<b.n, a.n> b.n);
}

static err_t equal_arrays(struct jmespath_value a, struct jmespath_value b,
                          struct jmespath_budget *budget, struct trail *trail, bool *ret)
{
    bool is_equal = true;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && is_equal && i < a.n; i++) {
        err = value_equal(a.items[i], b.items[i], budget, trail, &is_equal);
    }
    *ret = is_equal;
    return err;
}

/* Names are distinct in each: as many, and each of a in b, is equality. They mostly come in the
 * same order. */
static err_t equal_objects(struct jmespath_value a, struct jmespath_value b,
                           struct jmespath_budget *budget, struct trail *trail, bool *ret)
{
    bool is_equal = true;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && is_equal && i < a.n; i++) {
        struct span name = value_span(a.items[2 * i]);
        const struct jmespath_value *other = &b.items[2 * i + 1];

        if (!span_equal(name, value_span(b.items[2 * i]))) {
            err = budget_take(budget, value_find_steps(b), trail);
            other = value_find(b, name);
        }
        is_equal = other != NULL;
        if (err == ERR_OK && is_equal) {
            err = value_equal(a.items[2 * i + 1], *other, budget, trail, &is_equal);
        }
    }
    *ret = is_equal;
    return err;
}

err_t value_equal(struct jmespath_value a, struct jmespath_value b, struct jmespath_budget *budget,
                  struct trail *trail, bool *ret)
{
    err_t err = budget_take(budget, value_order_steps(a), trail);

    if (err) {
        return err;
    }
    if (a.kind != b.kind || a.form != b.form || a.n != b.n) {
        *ret = false;
        return ERR_OK;
    }
    switch ((enum jmespath_kind)a.kind) {
    case JMESPATH_NULL:
        *ret = true;
        break;
    case JMESPATH_BOOLEAN:
        *ret = a.boolean == b.boolean;
        break;
    case JMESPATH_NUMBER:
    case JMESPATH_STRING:
        *ret = value_order(a, b) == 0;
        break;
    case JMESPATH_ARRAY:
    case JMESPATH_OBJECT:
        /* The same parts: what a query puts together shares them, as often as it likes. */
        if (a.items == b.items) {
            *ret = true;
        } else if (a.nesting != b.nesting) {
            *ret = false;
        } else if (a.kind == JMESPATH_ARRAY) {
            return equal_arrays(a, b, budget, trail, ret);
        } else {
            return equal_objects(a, b, budget, trail, ret);
        }
        break;
    }
    return ERR_OK;
}

err_t jmespath_equal(const struct jmespath_value *a, const struct jmespath_value *b,
                     struct jmespath_budget *budget, struct trail *trail, bool *ret)
{
    return value_equal(*a, *b, budget, trail, ret);
}
