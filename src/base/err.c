#include "base/err.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WHERE_NAME_MAX = 96 }; /* of one name in a path: a hostile one must not hide the rest */

static const struct {
    enum err_category category;
    const char *name;
    const char *text;
} errors[] = {
#define X(code, cat, nm, txt) [ERR_##code] = {ERR_CAT_##cat, nm, txt},
    ERR_TABLE(X)
#undef X
};

const char *err_name(err_t err)
{
    return (unsigned)err < ERR_COUNT ? errors[err].name : "unknown";
}

const char *err_text(err_t err)
{
    return (unsigned)err < ERR_COUNT ? errors[err].text : "unknown error";
}

enum err_category err_category(err_t err)
{
    return (unsigned)err < ERR_COUNT ? errors[err].category : ERR_CAT_INTERNAL;
}

PRINTF_LIKE(2, 0)
static void trail_words(struct trail *trail, const char *fmt, va_list args)
{
    char raw[TRAIL_WHAT_MAX];

    if (trail->what[0] != '\0') {
        return;
    }
    vsnprintf(raw, sizeof(raw), fmt, args);
    text_escape(span_str(raw), trail->what, sizeof(trail->what));
}

err_t(trail_set)(struct trail *trail, err_t err, const char *fmt, ...)
{
    va_list args;

    if (trail != NULL && err != ERR_OK) {
        va_start(args, fmt);
        trail_words(trail, fmt, args);
        va_end(args);
    }
    return err;
}

err_t(trail_set_at)(struct trail *trail, err_t err, uint64_t offset, const char *fmt, ...)
{
    va_list args;

    if (trail != NULL && err != ERR_OK) {
        if (!trail->has_offset) {
            trail->offset = offset;
            trail->has_offset = true;
        }
        va_start(args, fmt);
        trail_words(trail, fmt, args);
        va_end(args);
    }
    return err;
}

err_t trail_in(struct trail *trail, err_t err, const char *name)
{
    char shown[WHERE_NAME_MAX];
    char path[TRAIL_WHERE_MAX + WHERE_NAME_MAX + 1];
    const char *dot;

    if (trail == NULL || err == ERR_OK) {
        return err;
    }
    dot = trail->where[0] == '\0' || trail->where[0] == '[' ? "" : ".";
    text_escape(span_str(name), shown, sizeof(shown));
    snprintf(path, sizeof(path), "%s%s%s", shown, dot, trail->where);
    text_escape(span_str(path), trail->where, sizeof(trail->where));
    return err;
}

void trail_format(const struct trail *trail, err_t err, char *text, size_t size)
{
    char full[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];
    char offset[40] = "";
    bool has_words = trail != NULL && trail->what[0] != '\0';
    bool has_where = trail != NULL && trail->where[0] != '\0';

    if (trail != NULL && trail->has_offset) {
        snprintf(offset, sizeof(offset), " (at byte %llu)", (unsigned long long)trail->offset);
    }
    snprintf(full, sizeof(full), "%s%s%s%s", has_where ? trail->where : "", has_where ? ": " : "",
             has_words ? trail->what : err_text(err), offset);
    text_escape(span_str(full), text, size);
}
