/*
 * raw.c - find a value's text again. The text has passed json_read: it is valid JSON.
 */
#include "json/raw.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_space(struct span raw, size_t at)
{
    while (at < raw.len && is_space(raw.data[at])) {
        at++;
    }
    return at;
}

static size_t skip_string(struct span raw, size_t at)
{
    for (at++; at < raw.len && raw.data[at] != '"'; at++) {
        at += raw.data[at] == '\\' ? 1 : 0;
    }
    return at < raw.len ? at + 1 : raw.len;
}

/* Behind the value that begins at `at`. Brackets are counted, never descended into. */
static size_t skip_value(struct span raw, size_t at)
{
    size_t depth = 0;

    while (at < raw.len) {
        uint8_t c = raw.data[at];

        if (c == '"') {
            at = skip_string(raw, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return at;
            }
            depth--;
            at++;
        } else if (depth == 0 && (c == ',' || c == ':' || is_space(c))) {
            return at;
        } else {
            at++;
            continue; /* inside a number or a word, or between values */
        }
        if (depth == 0) {
            return at;
        }
    }
    return raw.len;
}

static struct span take_value(struct span raw, size_t at)
{
    return span_cut(raw, at, skip_value(raw, at) - at);
}

struct span json_raw_root(struct span document)
{
    return take_value(document, skip_space(document, 0));
}

/* To the next value of a container, over the separator in front of it. */
static size_t next_in(struct span raw, size_t at)
{
    at = skip_space(raw, at);
    if (at < raw.len && (raw.data[at] == ',' || raw.data[at] == ':')) {
        at = skip_space(raw, at + 1);
    }
    return at;
}

struct span json_raw_member(yyjson_val *object, struct span raw, const char *name)
{
    yyjson_val *wanted = json_get(object, name);
    size_t at = 1;
    size_t index;
    size_t max;
    yyjson_val *key;
    yyjson_val *value;

    if (wanted == NULL || raw.len < 2) {
        return (struct span){0};
    }
    yyjson_obj_foreach(object, index, max, key, value)
    {
        at = next_in(raw, skip_value(raw, next_in(raw, at)));
        if (value == wanted) {
            return take_value(raw, at);
        }
        at = skip_value(raw, at);
    }
    return (struct span){0};
}

struct span json_raw_item(yyjson_val *array, struct span raw, size_t index)
{
    size_t at = 1;

    if (index >= yyjson_arr_size(array) || raw.len < 2) {
        return (struct span){0};
    }
    for (size_t i = 0; i < index; i++) {
        at = skip_value(raw, next_in(raw, at));
    }
    return take_value(raw, next_in(raw, at));
}
