/* Who may send these bytes: the configured service, or whoever holds its certificate. */
#include "agent/answer.h"

#include "base/text.h"
#include "reasons/reasons.h"

#include <string.h>

enum { CODE_MAX = 64, MESSAGE_MAX = 16 * 1024, REASON_MAX = 1024 };

/* Words of the service for people: control characters become visible, but a backslash stays one,
 * for the service has escaped what it quotes. */
static const char *show_words(struct arena *arena, struct span words, size_t max)
{
    struct span text = span_str(text_escape_dup(arena, words, max));
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    if (out == NULL) {
        return "";
    }
    for (size_t i = 0; i < text.len; i++) {
        out[n++] = (char)text.data[i];
        i += text.data[i] == '\\' && i + 1 < text.len && text.data[i + 1] == '\\' ? 1 : 0;
    }
    out[n] = '\0';
    return out;
}

/* Length of "word: " at the beginning, a word being lower-case letters, digits and hyphens as in
 * verdicts and reason codes; 0 without one. */
static size_t word_length(struct span text)
{
    size_t n = 0;

    while (n < text.len && ((text.data[n] >= 'a' && text.data[n] <= 'z') ||
                            (text.data[n] >= '0' && text.data[n] <= '9') || text.data[n] == '-')) {
        n++;
    }
    return n > 0 && n + 1 < text.len && text.data[n] == ':' && text.data[n + 1] == ' ' ? n + 2 : 0;
}

/* Where the next "; reason-code: " begins, else the end. */
static size_t reason_length(struct span text)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (text.data[i] == ';' && text.data[i + 1] == ' ' &&
            word_length(span_cut(text, i + 2, text.len)) > 0) {
            return i;
        }
    }
    return text.len;
}

/* "code: words", or words alone. */
static void read_reason(struct arena *arena, struct span text, bool has_verdict,
                        struct answer_reason *ret)
{
    size_t prefix = word_length(text);
    struct span code = span_cut(text, 0, prefix > 0 ? prefix - 2 : 0);
    enum reason_code known;

    ret->code = text_escape_dup(arena, code, CODE_MAX);
    ret->text = show_words(arena, span_cut(text, prefix, text.len), REASON_MAX);
    if (reason_by_name(code, &known)) {
        ret->remedy = reason_remedy(known);
    } else if (has_verdict) {
        ret->remedy = "This agent does not know the code: update it, or look the code up in the "
                      "documentation of the service, which is newer.";
    } else {
        ret->remedy = "Check that agent and service are of the same version; if they are, keep the "
                      "message and report it.";
    }
}

/* "verdict: code: words; code: words". A message of another form is one reason, whole. */
static void read_reasons(struct arena *arena, struct span message, struct answer *answer)
{
    size_t verdict = word_length(message);

    if (verdict > 0 && word_length(span_cut(message, verdict, message.len)) > 0) {
        answer->verdict = text_escape_dup(arena, span_cut(message, 0, verdict - 2), CODE_MAX);
        message = span_cut(message, verdict, message.len);
    }
    while (message.len > 0 && answer->n_reasons < ANSWER_MAX_REASONS) {
        size_t len = reason_length(message);

        read_reason(arena, span_cut(message, 0, len), answer->verdict[0] != '\0',
                    &answer->reasons[answer->n_reasons++]);
        message = span_cut(message, len + 2, message.len);
    }
}

/* {"error":{"code","message"}} */
void answer_read_error(struct arena *arena, struct answer *answer)
{
    yyjson_val *root = NULL;
    yyjson_val *error;
    struct span message;

    answer->code = "";
    answer->message = "";
    answer->verdict = "";
    if (json_read(arena, answer->bytes, NULL, NULL, &root) != ERR_OK) {
        return;
    }
    error = json_get(root, "error");
    message = json_span(json_get(error, "message"));
    answer->code = text_escape_dup(arena, json_span(json_get(error, "code")), CODE_MAX);
    answer->message = show_words(arena, message, MESSAGE_MAX);
    read_reasons(arena, message, answer);
}
