#include "base/err.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

err_t trail_set(struct trail *trail, err_t err, const char *fmt, ...)
{
    va_list args;

    if (trail != NULL && err != ERR_OK) {
        va_start(args, fmt);
        trail_words(trail, fmt, args);
        va_end(args);
    }
    return err;
}

err_t trail_set_at(struct trail *trail, err_t err, uint64_t offset, const char *fmt, ...)
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
    char path[TRAIL_WHERE_MAX];
    char inner[TRAIL_WHERE_MAX];
    const char *dot;

    if (trail == NULL || err == ERR_OK) {
        return err;
    }
    memcpy(inner, trail->where, sizeof(inner));
    dot = inner[0] == '\0' || inner[0] == '[' ? "" : ".";
    text_escape(span_str(name), path, sizeof(path));
    snprintf(trail->where, sizeof(trail->where), "%.90s%s%.90s", path, dot, inner);
    return err;
}

void trail_format(const struct trail *trail, err_t err, char *text, size_t size)
{
    const char *what = err_text(err);
    char offset[40] = "";

    if (trail == NULL) {
        snprintf(text, size, "%s", what);
        return;
    }
    if (trail->what[0] != '\0') {
        what = trail->what;
    }
    if (trail->has_offset) {
        snprintf(offset, sizeof(offset), " (at byte %llu)", (unsigned long long)trail->offset);
    }
    snprintf(text, size, "%s%s%s%s", trail->where, trail->where[0] == '\0' ? "" : ": ", what,
             offset);
}
