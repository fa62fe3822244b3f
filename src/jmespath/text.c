/*
 * text.c - values as JSON text.
 */
#include "jmespath/value.h"

#include "base/buf.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_MAX = 40, CHARACTER_MAX = 4, ESCAPED_MAX = 16 };

struct writer {
    struct buf *out;
    struct jmespath_budget *budget;
    struct trail *trail;
    bool is_indented;
    bool is_shown; /* to people */
};

/* ---- numbers ---- */

/* The shortest digits that read back equal: 15 always survive the way to a double and back (of the
 * numbers that have less precision, fewer), 17 always suffice the other way. */
static void shortest(double real, char text[NUMBER_MAX])
{
    int digits = fabs(real) < 2.3e-308 ? 1 : 15;

    do {
        snprintf(text, NUMBER_MAX, "%.*g", digits, real);
        digits++;
    } while (digits <= 17 && strtod(text, NULL) != real);
}

/* "1e+300" and "1e-07" are longer than they need be. */
static void write_real(struct buf *out, double real)
{
    char text[NUMBER_MAX];
    const char *exponent;

    shortest(real, text);
    exponent = strchr(text, 'e');
    if (exponent == NULL) {
        buf_add_str(out, text);
        return;
    }
    buf_add(out, span_of(text, (size_t)(exponent - text) + 1));
    exponent++;
    if (*exponent == '-') {
        buf_add_char(out, '-');
    }
    exponent += strspn(exponent, "+-0");
    buf_add_str(out, exponent);
}

static void write_number(struct buf *out, struct jmespath_value number)
{
    switch ((enum number_form)number.form) {
    case NUMBER_NATURAL:
        buf_addf(out, "%llu", (unsigned long long)number.natural);
        break;
    case NUMBER_NEGATIVE:
        buf_addf(out, "%lld", (long long)number.negative);
        break;
    case NUMBER_REAL:
        write_real(out, number.real);
        break;
    }
}

/* ---- strings ---- */

static void write_control(struct buf *out, uint8_t c)
{
    static const char shorts[] = "\bb\ff\nn\rr\tt";
    const char *found = c == 0 ? NULL : strchr(shorts, c);

    if (found != NULL) {
        buf_addf(out, "\\%c", found[1]);
    } else {
        buf_addf(out, "\\u%04x", (unsigned)c);
    }
}

static size_t character_length(struct span rest)
{
    size_t n = 1;

    while (n < rest.len && n < CHARACTER_MAX && (rest.data[n] & 0xc0) == 0x80) {
        n++;
    }
    return n;
}

/* A character beyond ASCII as \u, when a screen would not show it as what it is. */
static void write_for_screen(struct buf *out, struct span character)
{
    char shown[ESCAPED_MAX];
    uint32_t code = character.data[0] & (0xffu >> (character.len + 1));

    text_escape(character, shown, sizeof(shown));
    if (shown[0] != '\\') {
        buf_add(out, character);
        return;
    }
    for (size_t i = 1; i < character.len; i++) {
        code = code << 6 | (character.data[i] & 0x3f);
    }
    if (code >= 0x10000) {
        buf_addf(out, "\\u%04x", (unsigned)(0xd800 + ((code - 0x10000) >> 10)));
        code = 0xdc00 + ((code - 0x10000) & 0x3ff);
    }
    buf_addf(out, "\\u%04x", (unsigned)code);
}

static void write_string(struct writer *w, struct span text)
{
    size_t i = 0;

    buf_add_char(w->out, '"');
    while (i < text.len) {
        uint8_t c = text.data[i];
        size_t n = 0;

        while (i + n < text.len && text.data[i + n] >= 0x20 && text.data[i + n] != '"' &&
               text.data[i + n] != '\\' && (text.data[i + n] < 0x7f || !w->is_shown)) {
            n++;
        }
        if (n > 0) {
            buf_add(w->out, span_of(text.data + i, n));
        } else if (c < 0x20 || c == 0x7f) {
            write_control(w->out, c);
        } else if (c < 0x80) {
            buf_add_char(w->out, '\\');
            buf_add_char(w->out, (char)c);
        } else {
            n = character_length(span_cut(text, i, text.len));
            write_for_screen(w->out, span_of(text.data + i, n));
        }
        i += n > 0 ? n : 1;
    }
    buf_add_char(w->out, '"');
}

/* ---- values ---- */

static void write_break(struct writer *w, size_t level)
{
    if (w->is_indented) {
        buf_addf(w->out, "\n%*s", (int)(2 * level), "");
    }
}

static err_t write_value(struct writer *w, struct jmespath_value value, size_t level) MUST_CHECK;

static err_t write_container(struct writer *w, struct jmespath_value value, size_t level)
{
    bool is_object = value_is(value, JMESPATH_OBJECT);
    err_t err = ERR_OK;

    buf_add_char(w->out, is_object ? '{' : '[');
    for (size_t i = 0; err == ERR_OK && i < value.n; i++) {
        if (i > 0) {
            buf_add_char(w->out, ',');
        }
        write_break(w, level + 1);
        if (is_object) {
            write_string(w, value_span(value.items[2 * i]));
            buf_add_str(w->out, w->is_indented ? ": " : ":");
        }
        err = write_value(w, value.items[is_object ? 2 * i + 1 : i], level + 1);
    }
    if (value.n > 0) {
        write_break(w, level);
    }
    buf_add_char(w->out, is_object ? '}' : ']');
    return err;
}

/* No deeper than JMESPATH_MAX_NESTING, as values are. A value may hold the same part very often:
 * each time costs. */
static err_t write_value(struct writer *w, struct jmespath_value value, size_t level)
{
    err_t err = budget_take(w->budget, value_order_steps(value), w->trail);

    err = err ? err : buf_err(w->out);
    if (err) {
        return err;
    }
    switch ((enum jmespath_kind)value.kind) {
    case JMESPATH_NULL:
        buf_add_str(w->out, "null");
        break;
    case JMESPATH_BOOLEAN:
        buf_add_str(w->out, value.boolean ? "true" : "false");
        break;
    case JMESPATH_NUMBER:
        write_number(w->out, value);
        break;
    case JMESPATH_STRING:
        write_string(w, value_span(value));
        break;
    case JMESPATH_ARRAY:
    case JMESPATH_OBJECT:
        return write_container(w, value, level);
    }
    return buf_err(w->out);
}

err_t jmespath_to_text(struct arena *arena, const struct jmespath_value *value,
                       enum jmespath_form form, struct jmespath_budget *budget, struct trail *trail,
                       struct span *ret)
{
    CLEANUP(buf_done) struct buf out;
    struct writer w = {.out = &out,
                       .budget = budget,
                       .trail = trail,
                       .is_indented = form == JMESPATH_INDENTED,
                       .is_shown = form != JMESPATH_COMPACT};
    struct span text = {0};
    err_t err;

    buf_init(&out, JMESPATH_MAX_STRING);
    err = write_value(&w, *value, 0);
    err = err ? err : budget_take(budget, out.len / 16, trail);
    if (out.err == ERR_TOO_LARGE) {
        return trail_set(trail, out.err, "the text of a value is longer than %d bytes",
                         JMESPATH_MAX_STRING);
    }
    if (err) {
        return err;
    }
    text = arena_dup(arena, buf_span(&out));
    if (text.data == NULL) {
        return arena_refused(arena, trail);
    }
    *ret = text;
    return ERR_OK;
}
