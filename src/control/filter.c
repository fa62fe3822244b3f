/* Who may send these bytes: callers that are signed in. */
#include "control/filter.h"

#include "base/text.h"

static void skip_blanks(struct span *text)
{
    while (text->len > 0 && text->data[0] == ' ') {
        *text = span_cut(*text, 1, text->len);
    }
}

static struct span take_word(struct span *text)
{
    struct span word;
    size_t len = 0;

    skip_blanks(text);
    while (len < text->len && text->data[len] != ' ' && text->data[len] != '\'') {
        len++;
    }
    word = span_cut(*text, 0, len);
    *text = span_cut(*text, len, text->len);
    return word;
}

static err_t take_value(struct arena *arena, struct span *text, struct trail *trail,
                        struct span *ret)
{
    uint8_t *value;
    size_t n = 0, at = 1;

    skip_blanks(text);
    if (text->len == 0 || text->data[0] != '\'') {
        *ret = take_word(text); /* numbers, times */
        return ret->len > 0 ? ERR_OK : trail_set(trail, ERR_VALUE, "$filter: a value is missing");
    }
    value = arena_alloc(arena, text->len);
    if (value == NULL) {
        return ERR_MEMORY;
    }
    for (; at < text->len; at++) {
        if (text->data[at] == '\'') {
            if (at + 1 == text->len || text->data[at + 1] != '\'') {
                *ret = span_of(value, n);
                *text = span_cut(*text, at + 1, text->len);
                return ERR_OK;
            }
            at++;
        }
        value[n++] = text->data[at];
    }
    return trail_set(trail, ERR_VALUE, "$filter: a text has no end: ' is missing");
}

static bool take_operator(struct span word, struct filter_term *term)
{
    static const char *const names[] = {"eq", "ne", "ge", "le", "gt", "lt"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_span_equal_nocase(word, names[i])) {
            term->operator= i;
            return true;
        }
    }
    return false;
}

err_t filter_read(struct arena *arena, struct span text, struct trail *trail, struct filter *ret)
{
    *ret = (struct filter){0};
    skip_blanks(&text);
    while (text.len > 0) {
        struct filter_term *term = &ret->terms[ret->n];
        err_t err;

        if (ret->n == FILTER_MAX_TERMS) {
            return trail_set(trail, ERR_TOO_MANY, "$filter: more than %d conditions",
                             FILTER_MAX_TERMS);
        }
        term->name = take_word(&text);
        if (term->name.len == 0 || !take_operator(take_word(&text), term)) {
            return trail_set(trail, ERR_VALUE,
                             "$filter: expected NAME eq 'VALUE', several joined by 'and'");
        }
        err = take_value(arena, &text, trail, &term->value);
        if (err) {
            return err;
        }
        ret->n++;
        skip_blanks(&text);
        if (text.len == 0) {
            break;
        }
        if (!text_span_equal_nocase(take_word(&text), "and")) {
            return trail_set(trail, ERR_VALUE, "$filter: only 'and' joins conditions here");
        }
        skip_blanks(&text);
        if (text.len == 0) {
            return trail_set(trail, ERR_VALUE, "$filter: a condition is missing behind 'and'");
        }
    }
    return ERR_OK;
}

struct span filter_value(const struct filter *filter, const char *name)
{
    for (size_t i = 0; i < filter->n; i++) {
        if (filter->terms[i].operator== FILTER_EQ &&
            text_span_equal_nocase(filter->terms[i].name, name)) {
            return filter->terms[i].value;
        }
    }
    return (struct span){0};
}
