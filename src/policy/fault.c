/*
 * fault.c - places, words and messages of what is wrong.
 */
#include "policy/fault.h"

#include "base/text.h"
#include "policy/tree.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_SHOWN = 100, LINE_LEAD = 60 };

const char *policy_fault_kind_name(enum policy_fault_kind kind)
{
    static const char *const names[POLICY_FAULT_COUNT] = {[POLICY_FAULT_NONE] = "",
#define X(code, name) [POLICY_FAULT_##code] = (name),
                                                          POLICY_FAULT_TABLE(X)
#undef X
    };

    return (unsigned)kind < POLICY_FAULT_COUNT ? names[kind] : "";
}

const char *policy_fault_code(const struct policy_fault *fault)
{
    return fault->is_evaluation ? "PolicyEvaluationError" : "PolicyParsingError";
}

/* Where the line of offset begins; the byte order mark belongs to no line. */
static size_t line_start(struct span source, size_t offset)
{
    size_t start = offset < source.len ? offset : source.len;

    while (start > 0 && source.data[start - 1] != '\n') {
        start--;
    }
    return start == 0 && span_starts(source, "\xef\xbb\xbf") ? 3 : start;
}

static size_t characters(struct span text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += (text.data[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return n;
}

void policy_place(struct span source, size_t offset, uint32_t *ret_line, uint32_t *ret_column)
{
    size_t start = line_start(source, offset);
    uint32_t line = 1;

    for (size_t i = 0; i < start; i++) {
        line += source.data[i] == '\n' ? 1 : 0;
    }
    *ret_line = line;
    *ret_column = 1;
    if (offset > start) {
        *ret_column += (uint32_t)characters(span_cut(source, start, offset - start));
    }
}

err_t policy_fault_at(struct policy_fault *fault, enum policy_fault_kind kind, struct span source,
                      size_t offset, struct span symbol, const char *fmt, ...)
{
    va_list args;

    *fault = (struct policy_fault){.kind = kind, .offset = offset, .outer = "", .inner = "policy"};
    policy_place(source, offset, &fault->line, &fault->column);
    if (offset >= source.len) {
        snprintf(fault->symbol, sizeof(fault->symbol), "<EOF>");
    } else {
        text_escape(symbol, fault->symbol, sizeof(fault->symbol));
    }
    va_start(args, fmt);
    vsnprintf(fault->text, sizeof(fault->text), fmt, args);
    va_end(args);
    return ERR_VALUE;
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

const char *policy_fault_message(struct arena *arena, const struct policy_fault *fault)
{
    if (fault->is_evaluation) {
        return or_empty(arena_printf(arena,
                                     "Policy Evaluation Error has occurred\n"
                                     "Policy Engine Exception: %s\n"
                                     "Line: '%u'",
                                     fault->text, fault->line));
    }
    return or_empty(
        arena_printf(arena,
                     "Invalid policy was specified\n"
                     "Policy Parser Exception Thrown: Offending symbol: '%s'\n"
                     "Line: '%u', Column: '%u'\n"
                     "Failure message: '%s'\n"
                     "Failing rule: '%s%s%s'",
                     fault->symbol, fault->line, fault->column, fault->text, or_empty(fault->outer),
                     or_empty(fault->outer)[0] != '\0' ? " > " : "", or_empty(fault->inner)));
}

/* A tab is one character wide here, so that the caret stands under its place. */
static struct span without_tabs(struct arena *arena, struct span line)
{
    uint8_t *copy = arena_alloc(arena, line.len + 1);

    if (copy == NULL) {
        return (struct span){0};
    }
    for (size_t i = 0; i < line.len; i++) {
        copy[i] = line.data[i] == '\t' ? ' ' : line.data[i];
    }
    return span_of(copy, line.len);
}

/* Not into the middle of a character. */
static size_t character_start(struct span source, size_t at, size_t least)
{
    while (at > least && at < source.len && (source.data[at] & 0xc0) == 0x80) {
        at--;
    }
    return at;
}

const char *policy_fault_show(struct arena *arena, const struct policy_fault *fault,
                              const char *name, struct span source)
{
    size_t start = line_start(source, fault->offset);
    size_t at = fault->offset < source.len ? fault->offset : source.len;
    size_t end = start;
    struct span before, line;
    const char *shown_before, *shown;

    while (end < source.len && source.data[end] != '\n' && source.data[end] != '\r') {
        end++;
    }
    at = at < start ? start : at > end ? end : at;
    /* Of a long line, what is around the place. */
    if (at - start > LINE_LEAD) {
        start = character_start(source, at - LINE_LEAD, start);
    }
    if (end - start > LINE_MAX_SHOWN) {
        end = character_start(source, start + LINE_MAX_SHOWN, at);
    }
    line = without_tabs(arena, span_cut(source, start, end - start));
    before = span_cut(line, 0, at - start);
    shown = text_escape_dup(arena, line, 4096);
    shown_before = text_escape_dup(arena, before, 4096);
    return or_empty(arena_printf(arena, "%s:%u:%u: %s: %s\n    %s\n    %*s^\n",
                                 text_escape_dup(arena, span_str(name), 512), fault->line,
                                 fault->column, policy_fault_kind_name(fault->kind), fault->text,
                                 shown, (int)characters(span_str(shown_before)), ""));
}
