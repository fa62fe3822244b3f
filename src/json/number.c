/*
 * number.c - what a JSON number says, without a double in between. Who may send these bytes:
 * whoever may send JSON.
 */
#include "json/json.h"

enum { DIGITS_MAX = 20 }; /* of the largest number of 64 bits */

/* More than any text is long, and far from the end of its type. */
#define EXPONENT_MAX ((int64_t)1 << 48)

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int64_t read_exponent(struct span text)
{
    bool is_negative = span_starts(text, "-");
    int64_t value = 0;

    for (size_t i = 0; i < text.len && value < EXPONENT_MAX; i++) {
        value = is_digit(text.data[i]) ? value * 10 + (text.data[i] - '0') : value;
    }
    return is_negative ? -value : value;
}

/* Digits without the point and without zeros at either end; the number is they times ten to the
 * power of *ret_exponent. */
static size_t significant(struct span text, uint8_t digits[DIGITS_MAX], int64_t *ret_exponent)
{
    size_t zeros = 0; /* since the last other digit */
    size_t used = 0;
    size_t fraction = 0;
    bool has_point = false;
    size_t i = 0;

    for (; i < text.len && (is_digit(text.data[i]) || text.data[i] == '.'); i++) {
        if (text.data[i] == '.') {
            has_point = true;
            continue;
        }
        fraction += has_point;
        if (text.data[i] == '0') {
            zeros += used > 0;
            continue;
        }
        for (; zeros > 0 && used < DIGITS_MAX; zeros--) {
            digits[used++] = 0;
        }
        if (used == DIGITS_MAX) {
            return DIGITS_MAX + 1;
        }
        digits[used++] = (uint8_t)(text.data[i] - '0');
    }
    *ret_exponent = (i < text.len ? read_exponent(span_cut(text, i + 1, text.len)) : 0) -
                    (int64_t)fraction + (int64_t)zeros;
    return used;
}

bool json_number_whole(struct span text, bool *ret_is_negative, uint64_t *ret_magnitude)
{
    bool is_negative = span_starts(text, "-");
    uint8_t digits[DIGITS_MAX];
    int64_t exponent = 0;
    size_t n = significant(is_negative ? span_cut(text, 1, text.len) : text, digits, &exponent);
    uint64_t magnitude = 0;

    if (n > 0 && (n > DIGITS_MAX || exponent < 0 || exponent > DIGITS_MAX - (int64_t)n)) {
        return false;
    }
    for (size_t i = 0; n > 0 && i < n + (size_t)exponent; i++) {
        if (__builtin_mul_overflow(magnitude, 10, &magnitude) ||
            __builtin_add_overflow(magnitude, i < n ? digits[i] : 0, &magnitude)) {
            return false;
        }
    }
    *ret_is_negative = is_negative && magnitude > 0;
    *ret_magnitude = magnitude;
    return true;
}
