/*
 * format.c - a policy laid out anew, word by word, comments kept.
 *
 *     version=1.2;
 *
 *     authorizationrules
 *     {
 *         c:[type=="events", issuer=="AttestationService"] &&
 *         [type=="aikValidated", value==true]
 *             => permit();
 *     };
 *
 * A rule stands on one line when it fits. Strings and comments stay as they are; a comment stays
 * behind what it stood behind, or on lines of its own. So what comes out comes out the same again.
 */
#include "policy/format.h"

#include "policy/lexer.h"
#include "policy/policy.h"

enum { WIDTH = 100, STEP = 4, OUT_MAX_BYTES = 8 * 1024 * 1024 };

enum gap { GAP_NONE, GAP_SPACE, GAP_LINE, GAP_BLANK }; /* the larger one wins */

struct printer {
    struct buf *out;
    struct span source;
    struct lexer lexer;
    struct token token; /* the next one, comments among them */
    size_t newlines;    /* before it */
    size_t end;         /* of the one before it */
    enum token_kind last;
    bool is_after_comment; /* the one before it was a comment ... */
    bool is_after_line;    /* ... that ended its line ... */
    bool is_after_own;     /* ... or stood on lines of its own */
    enum gap gap;          /* to be written before the next word */
    size_t indent;
    bool is_in_section, is_in_rule, is_broken;
};

static void advance(struct printer *p)
{
    p->end = p->token.offset + p->token.len;
    p->token = policy_lexer_next(&p->lexer);
    p->newlines = 0;
    for (size_t i = p->end; i < p->token.offset; i++) {
        p->newlines += p->source.data[i] == '\n' ? 1 : 0;
    }
}

static void at_least(struct printer *p, enum gap gap)
{
    p->gap = gap > p->gap ? gap : p->gap;
}

static void write_gap(struct printer *p)
{
    if (p->gap == GAP_SPACE) {
        buf_add_char(p->out, ' ');
    } else if (p->gap != GAP_NONE) {
        buf_add_str(p->out, p->gap == GAP_BLANK ? "\n\n" : "\n");
        for (size_t i = 0; i < p->indent; i++) {
            buf_add_char(p->out, ' ');
        }
    }
    p->gap = GAP_NONE;
}

static void write_word(struct buf *out, struct span source, const struct token *token)
{
    if (policy_token_keyword(token->kind) != NULL) {
        buf_add_str(out, policy_token_keyword(token->kind));
    } else {
        buf_add(out, policy_token_text(source, token));
    }
}

static bool hugs_left(enum token_kind kind)
{
    return kind == TOKEN_COMMA || kind == TOKEN_SEMICOLON || kind == TOKEN_PAREN_CLOSE ||
           kind == TOKEN_BRACKET_CLOSE || kind == TOKEN_DOT;
}

static enum gap gap_between(enum token_kind left, enum token_kind right)
{
    if (left == TOKEN_ARROW || left == TOKEN_AND || right == TOKEN_ARROW || right == TOKEN_AND) {
        return GAP_SPACE;
    }
    return left == TOKEN_COMMA ? GAP_SPACE : GAP_NONE;
}

/* ---- comments ---- */

static struct span without_trailing_blanks(struct span text)
{
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t' ||
                            text.data[text.len - 1] == '\r')) {
        text.len--;
    }
    return text;
}

static void comment(struct printer *p)
{
    struct span text = policy_token_text(p->source, &p->token);
    bool is_line = text.data != NULL && span_starts(text, "//");
    bool is_first = p->end == 0 && p->out->len == 0;
    bool is_own = p->newlines > 0 || is_first;

    if (is_own) {
        if (!is_first) {
            at_least(p, GAP_LINE);
        }
        if (!p->is_in_rule && p->last != TOKEN_BRACE_OPEN &&
            (p->newlines > 1 ||
             (!p->is_in_section && p->last == TOKEN_SEMICOLON && !p->is_after_own))) {
            at_least(p, is_first ? GAP_NONE : GAP_BLANK);
        }
        write_gap(p);
        buf_add(p->out, is_line ? without_trailing_blanks(text) : text);
        p->gap = GAP_LINE;
    } else {
        /* Behind the word it belongs to, before the line ends. */
        buf_add_char(p->out, ' ');
        buf_add(p->out, is_line ? without_trailing_blanks(text) : text);
        at_least(p, is_line ? GAP_LINE : GAP_NONE);
    }
    p->is_after_comment = true;
    p->is_after_line = is_own || is_line;
    p->is_after_own = is_own;
    advance(p);
}

static void comments(struct printer *p)
{
    while (p->token.kind == TOKEN_COMMENT) {
        comment(p);
    }
}

/* ---- words ---- */

static void word(struct printer *p)
{
    write_gap(p);
    write_word(p->out, p->source, &p->token);
    p->last = p->token.kind;
    p->is_after_comment = false;
    p->is_after_line = false;
    p->is_after_own = false;
    advance(p);
}

static void word_in_rule(struct printer *p, bool has_conditions)
{
    enum token_kind kind = p->token.kind;

    if (p->is_after_comment && !p->is_after_line) {
        at_least(p, hugs_left(kind) ? GAP_NONE : GAP_SPACE);
    }
    at_least(p, gap_between(p->last, kind));
    if (kind == TOKEN_ARROW && p->is_broken && has_conditions) {
        p->indent = (size_t)2 * STEP;
        at_least(p, GAP_LINE);
    }
    word(p);
    p->indent = (size_t)2 * STEP;
    if (kind == TOKEN_AND && p->is_broken) {
        p->indent = STEP;
        at_least(p, GAP_LINE);
    }
}

static void rule_words(struct printer *p, bool is_broken)
{
    bool has_conditions = p->token.kind != TOKEN_ARROW;
    bool is_end = false;

    p->is_in_rule = true;
    p->is_broken = is_broken;
    word(p);
    p->indent = (size_t)2 * STEP;
    while (!is_end && p->token.kind != TOKEN_END) {
        comments(p);
        is_end = p->token.kind == TOKEN_SEMICOLON;
        if (p->token.kind != TOKEN_END) {
            word_in_rule(p, has_conditions);
        }
    }
    p->is_in_rule = false;
    p->indent = STEP;
    p->gap = GAP_LINE;
}

static void rule(struct printer *p)
{
    struct printer attempt;
    size_t start;
    struct span line;
    bool fits;

    if (p->newlines > 1 && p->last != TOKEN_BRACE_OPEN) {
        at_least(p, GAP_BLANK);
    }
    p->indent = STEP;
    write_gap(p);
    start = p->out->len;
    attempt = *p;
    rule_words(&attempt, false);
    line = span_cut(buf_span(p->out), start, SIZE_MAX);
    fits = line.len <= WIDTH - STEP && (line.len == 0 || memchr(line.data, '\n', line.len) == NULL);
    if (fits || buf_err(p->out) != ERR_OK) {
        *p = attempt;
        return;
    }
    p->out->len = start;
    rule_words(p, true);
}

static void section(struct printer *p)
{
    p->indent = 0;
    if (p->last != TOKEN_END) {
        at_least(p, p->is_after_own && p->newlines < 2 ? GAP_LINE : GAP_BLANK);
    }
    word(p);
    comments(p);
    at_least(p, GAP_LINE);
    word(p); /* the brace */
    p->is_in_section = true;
    p->indent = STEP;
    p->gap = GAP_LINE;
    comments(p);
    while (p->token.kind != TOKEN_BRACE_CLOSE && p->token.kind != TOKEN_END) {
        rule(p);
        comments(p);
    }
    p->indent = 0;
    p->gap = GAP_LINE;
    word(p);
    comments(p);
    word(p); /* the semicolon */
    p->is_in_section = false;
    p->gap = GAP_LINE;
}

static void version(struct printer *p)
{
    bool is_end = false;

    while (!is_end && p->token.kind != TOKEN_END) {
        comments(p);
        is_end = p->token.kind == TOKEN_SEMICOLON;
        if (p->is_after_comment && !p->is_after_line && p->last != TOKEN_END && !is_end) {
            at_least(p, GAP_SPACE);
        }
        word(p);
    }
    p->gap = GAP_LINE;
}

err_t policy_format(struct arena *arena, struct span text, struct policy_fault *fault,
                    struct span *ret)
{
    CLEANUP(policy_unref) struct policy *policy = NULL;
    CLEANUP(buf_done) struct buf out = {0};
    struct printer p = {.out = &out, .source = text, .last = TOKEN_END};
    err_t err = policy_compile(text, fault, &policy);

    if (err) {
        return err;
    }
    buf_init(&out, OUT_MAX_BYTES);
    policy_lexer_begin(&p.lexer, text);
    p.token = policy_lexer_next(&p.lexer);
    version(&p);
    comments(&p);
    while (p.token.kind != TOKEN_END) {
        section(&p);
        comments(&p);
    }
    buf_add_char(&out, '\n');
    err = buf_err(&out);
    if (err == ERR_OK && out.len > POLICY_MAX_BYTES) {
        *fault = (struct policy_fault){
            .kind = POLICY_FAULT_TOO_LARGE,
            .line = 1,
            .column = 1,
            .outer = "",
            .inner = "policy",
            .text = "laid out, the policy would have more than 262144 bytes",
        };
        return ERR_VALUE;
    }
    return err ? err : buf_copy(&out, arena, ret);
}

void policy_format_flat(struct buf *out, struct span source, size_t from, size_t to)
{
    struct lexer lexer = {.text = span_cut(source, 0, to), .at = from};
    enum token_kind last = TOKEN_END;
    struct token token;

    for (token = policy_lexer_next(&lexer); token.kind != TOKEN_END;
         token = policy_lexer_next(&lexer)) {
        if (token.kind == TOKEN_COMMENT) {
            continue;
        }
        if (last != TOKEN_END && gap_between(last, token.kind) == GAP_SPACE) {
            buf_add_char(out, ' ');
        }
        write_word(out, source, &token);
        last = token.kind;
    }
}
