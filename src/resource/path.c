/* Who may send these bytes: anybody who reaches the port, before any authentication. */
#include "resource/path.h"

#include "base/buf.h"
#include "base/text.h"

bool resource_name_is_possible(struct span name)
{
    static const char forbidden[] = " <>%&\\?/#\"'`^{}|";
    char shown[4 * RESOURCE_NAME_MAX + 16];

    if (name.len == 0 || name.len > RESOURCE_NAME_MAX || span_is(name, ".") ||
        span_is(name, "..")) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (memchr(forbidden, name.data[i], sizeof(forbidden) - 1) != NULL) {
            return false;
        }
    }
    text_escape(name, shown, sizeof(shown)); /* what is not printable comes out different */
    return span_is(name, shown);
}

bool resource_group_is_possible(struct span name)
{
    static const char marks[] = "._-()";

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c >= 0x80 || memchr(marks, c, sizeof(marks) - 1) != NULL)) {
            return false;
        }
    }
    return name.len > 0 && name.len <= RESOURCE_GROUP_MAX && name.data[name.len - 1] != '.';
}

static err_t check_names(const struct span *segments, size_t n, struct trail *trail)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++) {
        total += segments[i].len + 1;
        if (!resource_name_is_possible(segments[i])) {
            return trail_set(trail, ERR_VALUE,
                             "'%.*s' in the path is no name: at most %d printable characters, no "
                             "spaces and none of <>%%&\\?/#",
                             (int)(segments[i].len < 60 ? segments[i].len : 60),
                             (const char *)segments[i].data, RESOURCE_NAME_MAX);
        }
    }
    return total > RESOURCE_ID_MAX
               ? trail_set(trail, ERR_TOO_LARGE, "the path is longer than %d characters",
                           RESOURCE_ID_MAX)
               : ERR_OK;
}

static const char *join(struct arena *arena, const struct span *segments, size_t n)
{
    char *text;
    size_t at = 0, total = 1;

    for (size_t i = 0; i < n; i++) {
        total += segments[i].len + 1;
    }
    text = arena_alloc(arena, total);
    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n && segments[i].data != NULL; i++) {
        text[at++] = '/';
        memcpy(text + at, segments[i].data, segments[i].len);
        at += segments[i].len;
    }
    text[at] = '\0';
    return text;
}

static bool is(const struct span *segments, size_t n, size_t at, const char *word)
{
    return at < n && text_span_equal_nocase(segments[at], word);
}

/* Names stand at every other place, so a resource called "providers" is none. */
static size_t end_of_chain(const struct span *segments, size_t n, size_t at)
{
    while (at < n && !is(segments, n, at, "providers")) {
        at += 2;
    }
    return at < n ? at : n;
}

static err_t split(struct arena *arena, const struct span *segments, size_t n, struct trail *trail,
                   struct resource_path *ret)
{
    struct resource_path path = {0};
    size_t at = 0, scope = 0, next;
    err_t err = check_names(segments, n, trail);

    if (err) {
        return err;
    }
    if (is(segments, n, at, "subscriptions") && n > 1) {
        path.subscription = segments[1];
        at = 2;
        if (is(segments, n, at, "resourceGroups") && n > at + 1) {
            path.group = segments[at + 1];
            at += 2;
        }
    }
    scope = at;
    while (is(segments, n, at, "providers")) {
        scope = at;
        if (at + 1 == n) { /* the list of providers */
            break;
        }
        path.ns = segments[at + 1];
        at += 2;
        next = end_of_chain(segments, n, at);
        if (next == n) {
            break;
        }
        path.is_extension = next > at;
        at = next;
    }
    if (path.ns.data == NULL) {
        at = scope;
    }
    path.scope = join(arena, segments, scope);
    path.n = n - at;
    memcpy(path.pieces, segments + at, path.n * sizeof(*segments));
    *ret = path;
    return path.scope == NULL ? ERR_MEMORY : ERR_OK;
}

err_t resource_path_read(struct arena *arena, const struct span *segments, size_t n,
                         struct trail *trail, struct resource_path *ret)
{
    struct span kept[RESOURCE_MAX_SEGMENTS];
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (segments[i].len == 0) {
            continue;
        }
        if (n_kept == RESOURCE_MAX_SEGMENTS) {
            return trail_set(trail, ERR_TOO_MANY, "the path has more than %d segments",
                             RESOURCE_MAX_SEGMENTS);
        }
        kept[n_kept++] = segments[i];
    }
    return split(arena, kept, n_kept, trail, ret);
}

err_t resource_id_read(struct arena *arena, struct span id, struct trail *trail,
                       struct resource_path *ret)
{
    struct span segments[RESOURCE_MAX_SEGMENTS];
    size_t n = 0;

    if (!span_starts(id, "/") || id.len > RESOURCE_ID_MAX) {
        return trail_set(trail, ERR_VALUE,
                         "'%.*s' is no id of a resource: it begins with "
                         "/subscriptions/",
                         (int)(id.len < 80 ? id.len : 80), (const char *)id.data);
    }
    while (id.len > 0) {
        const uint8_t *slash;
        size_t len;

        id = span_cut(id, 1, id.len);
        slash = id.len == 0 ? NULL : memchr(id.data, '/', id.len);
        len = slash == NULL ? id.len : (size_t)(slash - id.data);
        if (len > 0 && n == RESOURCE_MAX_SEGMENTS) {
            return trail_set(trail, ERR_TOO_MANY, "the id has more than %d segments",
                             RESOURCE_MAX_SEGMENTS);
        }
        if (len > 0) {
            segments[n++] = span_cut(id, 0, len);
        }
        id = span_cut(id, len, id.len);
    }
    return split(arena, segments, n, trail, ret);
}

const char *resource_path_type(struct arena *arena, const struct resource_path *path)
{
    const char *type = arena_printf(arena, "%.*s", (int)path->ns.len, (const char *)path->ns.data);

    if (path->ns.data == NULL) {
        return NULL;
    }
    for (size_t i = 0; type != NULL && i < path->n; i += 2) {
        type = arena_printf(arena, "%s/%.*s", type, (int)path->pieces[i].len,
                            (const char *)path->pieces[i].data);
    }
    return type;
}

struct span resource_path_name(const struct resource_path *path)
{
    return resource_path_is_one(path) ? path->pieces[path->n - 1] : (struct span){0};
}

const char *resource_key(struct arena *arena, struct span id)
{
    char *key = arena_alloc(arena, id.len + 1);

    if (key == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.data[i];

        key[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    key[id.len] = '\0';
    return key;
}
