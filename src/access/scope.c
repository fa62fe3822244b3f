/*
 * scope.c - scopes and actions. Who may send these bytes: whoever writes a role assignment; callers
 * choose the names in a scope that is asked about.
 */
#include "access/scope.h"

#include "base/text.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

struct segments {
    struct span items[ACCESS_SCOPE_MAX_SEGMENTS];
    size_t n;
};

/* Two readers must see one path: nothing that one of them might decode, fold or normalise. */
static bool is_segment(struct span segment)
{
    if (segment.len == 0 || span_is(segment, ".") || span_is(segment, "..")) {
        return false;
    }
    for (size_t i = 0; i < segment.len; i++) {
        uint8_t c = segment.data[i];

        if (c <= ' ' || c == 0x7f || strchr("%?#\\*\"<>|&;", c) != NULL) {
            return false;
        }
    }
    return text_is_utf8(segment);
}

static err_t cut(struct span scope, struct trail *trail, struct segments *ret)
{
    struct segments cut = {0};
    size_t at = 1;

    if (scope.len > ACCESS_SCOPE_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "a scope is longer than %d bytes",
                         ACCESS_SCOPE_MAX_BYTES);
    }
    if (scope.len == 0 || scope.data[0] != '/') {
        return trail_set(trail, ERR_VALUE, "a scope must begin with /");
    }
    while (at <= scope.len && scope.len > 1) {
        const uint8_t *end = memchr(scope.data + at, '/', scope.len - at);
        size_t to = end == NULL ? scope.len : (size_t)(end - scope.data);
        struct span segment = span_of(scope.data + at, to - at);

        if (cut.n == ACCESS_SCOPE_MAX_SEGMENTS) {
            return trail_set(trail, ERR_TOO_LARGE, "a scope has more than %d segments",
                             ACCESS_SCOPE_MAX_SEGMENTS);
        }
        if (!is_segment(segment)) {
            return trail_set(trail, ERR_VALUE,
                             "a scope has an empty segment, or one with characters of no name");
        }
        cut.items[cut.n++] = segment;
        at = to + 1;
    }
    *ret = cut;
    return ERR_OK;
}

static bool is_word(const struct segments *s, size_t index, const char *word)
{
    return index < s->n && text_span_equal_nocase(s->items[index], word);
}

/* providers/NAMESPACE/TYPE/NAME with any number of further TYPE/NAME, from segment `from`. */
static bool is_resource(const struct segments *s, size_t from)
{
    return is_word(s, from, "providers") && s->n - from >= 4 && (s->n - from) % 2 == 0;
}

static err_t read_scope(struct span scope, struct trail *trail, struct segments *ret)
{
    struct segments s = {0};
    bool is_good;
    err_t err = cut(scope, trail, &s);

    if (err) {
        return err;
    }
    is_good = s.n == 0 || is_resource(&s, 0) ||
              (is_word(&s, 0, "subscriptions") &&
               (s.n == 2 || is_resource(&s, 2) ||
                (is_word(&s, 2, "resourceGroups") && (s.n == 4 || is_resource(&s, 4)))));
    if (!is_good) {
        return trail_set(trail, ERR_VALUE,
                         "is no scope: /, /subscriptions/S, a resource group or a resource below");
    }
    *ret = s;
    return ERR_OK;
}

err_t access_scope_check(struct span scope, struct trail *trail)
{
    struct segments s = {0};

    return read_scope(scope, trail, &s);
}

bool access_scope_covers(struct span outer, struct span inner)
{
    struct segments a = {0}, b = {0};

    if (read_scope(outer, NULL, &a) != ERR_OK || read_scope(inner, NULL, &b) != ERR_OK ||
        a.n > b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (!equal_nocase(a.items[i], b.items[i])) {
            return false;
        }
    }
    return true;
}

bool access_scope_is_shared(struct span scope)
{
    struct segments s = {0};

    return read_scope(scope, NULL, &s) == ERR_OK && is_word(&s, 0, "providers");
}

bool access_action_is(struct span action, bool may_have_wildcards)
{
    if (action.len == 0 || action.len > ACCESS_ACTION_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < action.len; i++) {
        uint8_t c = lower(action.data[i]);
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '/' ||
                        c == '-' || c == '_';

        if (!is_plain && !(c == '*' && may_have_wildcards)) {
            return false;
        }
    }
    return true;
}

/* One place to go back to is enough: what an earlier star could take, the last one can as well. So
 * the time is the product of the lengths at most, however many stars there are. */
bool access_action_matches(struct span pattern, struct span action)
{
    size_t p = 0, a = 0, star = SIZE_MAX, from = 0;

    while (a < action.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            from = a;
        } else if (p < pattern.len && lower(pattern.data[p]) == lower(action.data[a])) {
            p++;
            a++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            a = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.len;
}
