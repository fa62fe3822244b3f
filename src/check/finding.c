#include "check/finding.h"

#include "base/text.h"
#include "base/timestamp.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

void findings_init(struct findings *list, struct arena *arena)
{
    *list = (struct findings){.arena = arena, .since_us = timestamp_ticks_us()};
}

PRINTF_LIKE(2, 0)
static const char *words_of(struct findings *list, const char *fmt, va_list args)
{
    char raw[FINDING_WORDS_MAX];
    const char *words;

    vsnprintf(raw, sizeof(raw), fmt, args);
    words = text_escape_dup(list->arena, span_str(raw), FINDING_WORDS_MAX);
    /* "" is what a full arena gives. */
    list->is_short |= words[0] == '\0' && raw[0] != '\0';
    return words;
}

static struct finding *add(struct findings *list, const char *id, enum finding_status status)
{
    uint64_t now = timestamp_ticks_us();
    struct finding *finding;

    if (list->n == FINDINGS_MAX) {
        list->is_short = true;
        list->n--;
    }
    finding = &list->items[list->n++];
    *finding = (struct finding){.id = id,
                                .status = status,
                                .exit = EXIT_INTERNAL,
                                .ms = (uint32_t)((now - list->since_us) / 1000)};
    list->since_us = now;
    return finding;
}

struct finding *finding_add(struct findings *list, const char *id, enum finding_status status,
                            const char *fmt, ...)
{
    struct finding *finding = add(list, id, status);
    va_list args;

    va_start(args, fmt);
    finding->message = words_of(list, fmt, args);
    va_end(args);
    return finding;
}

struct finding *finding_fail(struct findings *list, const char *id, enum agent_exit exit,
                             const char *fmt, ...)
{
    struct finding *finding = add(list, id, FINDING_FAILED);
    va_list args;

    va_start(args, fmt);
    finding->message = words_of(list, fmt, args);
    va_end(args);
    finding->exit = exit;
    return finding;
}

struct finding *finding_skip(struct findings *list, const char *id, const char *fmt, ...)
{
    struct finding *finding = add(list, id, FINDING_SKIPPED);
    const char *why;
    va_list args;

    va_start(args, fmt);
    why = words_of(list, fmt, args);
    va_end(args);
    finding->message = arena_printf(list->arena, "because %s", why);
    if (finding->message == NULL) {
        finding->message = "";
        list->is_short = true;
    }
    return finding;
}

void finding_remedy(struct findings *list, struct finding *finding, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    finding->remedy = words_of(list, fmt, args);
    va_end(args);
}

void finding_split(struct findings *list, struct finding *finding, const char *words,
                   const char *otherwise)
{
    const char *at = strstr(words, "; ");
    size_t len = at == NULL ? strlen(words) : (size_t)(at - words);
    bool has_stop = at != NULL && at[2] != '\0' && at[strlen(at) - 1] == '.';
    char *message = arena_printf(list->arena, "%.*s", (int)len, words);
    char *remedy = at == NULL || at[2] == '\0'
                       ? arena_printf(list->arena, "%s", otherwise)
                       : arena_printf(list->arena, "%s%s", at + 2, has_stop ? "" : ".");

    if (message == NULL || remedy == NULL) {
        list->is_short = true;
        return;
    }
    remedy[0] = (char)toupper((unsigned char)remedy[0]);
    finding->message = message;
    finding->remedy = remedy;
}

const char *finding_text(struct arena *arena, const struct finding *finding)
{
    size_t len = strlen(finding->message);
    bool has_stop = len > 0 && finding->message[len - 1] == '.';
    const char *text = finding->remedy == NULL ? NULL
                                               : arena_printf(arena, "%s%s %s", finding->message,
                                                              has_stop ? "" : ".", finding->remedy);

    return text == NULL ? finding->message : text;
}

struct finding *finding_get(struct findings *list, const char *id)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i].id, id) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

bool finding_has_failed(struct findings *list, const char *id)
{
    const struct finding *finding = finding_get(list, id);

    return finding != NULL && finding->status == FINDING_FAILED;
}

static const struct finding *first_failed(const struct findings *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].status == FINDING_FAILED) {
            return &list->items[i];
        }
    }
    return NULL;
}

bool findings_are_ok(const struct findings *list)
{
    return first_failed(list) == NULL && !list->is_short;
}

enum agent_exit findings_exit(const struct findings *list)
{
    const struct finding *failed = first_failed(list);

    if (list->is_short) {
        return EXIT_INTERNAL;
    }
    return failed == NULL ? EXIT_TOKEN : failed->exit;
}
