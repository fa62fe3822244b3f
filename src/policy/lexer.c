/*
 * lexer.c - policy text into words (policy-language section 2).
 *
 * Who may send these bytes: whoever may set the policy of a provider, and anybody with a draft
 * policy in a request.
 */
#include "policy/lexer.h"

#include "base/defs.h"
#include "base/text.h"

static const struct {
    const char *name, *keyword;
} tokens[TOKEN_COUNT] = {
#define X(code, name, keyword) {name, keyword},
    TOKEN_TABLE(X)
#undef X
};

const char *policy_token_name(enum token_kind kind)
{
    return tokens[kind].name;
}

const char *policy_token_keyword(enum token_kind kind)
{
    return tokens[kind].keyword;
}

/* Longest first: "=>" before "=". */
static const struct {
    const char *text;
    enum token_kind kind;
} marks[] = {
    {"=>", TOKEN_ARROW},      {"&&", TOKEN_AND},         {"==", TOKEN_EQUAL},
    {"!=", TOKEN_NOT_EQUAL},  {"<=", TOKEN_LESS_EQUAL},  {">=", TOKEN_GREATER_EQUAL},
    {"<", TOKEN_LESS},        {">", TOKEN_GREATER},      {"!", TOKEN_NOT},
    {"=", TOKEN_ASSIGN},      {"[", TOKEN_BRACKET_OPEN}, {"]", TOKEN_BRACKET_CLOSE},
    {"{", TOKEN_BRACE_OPEN},  {"}", TOKEN_BRACE_CLOSE},  {"(", TOKEN_PAREN_OPEN},
    {")", TOKEN_PAREN_CLOSE}, {":", TOKEN_COLON},        {";", TOKEN_SEMICOLON},
    {",", TOKEN_COMMA},       {".", TOKEN_DOT},
};

void policy_lexer_begin(struct lexer *lexer, struct span text)
{
    lexer->text = text;
    lexer->at = span_starts(text, "\xef\xbb\xbf") ? 3 : 0;
}

static int peek(const struct lexer *lexer, size_t ahead)
{
    return ahead < lexer->text.len - lexer->at ? lexer->text.data[lexer->at + ahead] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(int c)
{
    return is_name_start(c) || is_digit(c);
}

static size_t run_of(const struct lexer *lexer, size_t from, bool (*is_part)(int c))
{
    while (is_part(peek(lexer, from))) {
        from++;
    }
    return from;
}

static bool is_same_line(int c)
{
    return c != -1 && c != '\n';
}

/* Bytes of a block comment, or 0 when it does not end. */
static size_t block_comment(const struct lexer *lexer)
{
    for (size_t n = 2; peek(lexer, n) != -1; n++) {
        if (peek(lexer, n) == '*' && peek(lexer, n + 1) == '/') {
            return n + 2;
        }
    }
    return 0;
}

/* Bytes of a string with its quotes, or 0 when it does not end. A backslash takes the character
 * behind it along, so that \" does not end the string. */
static size_t string_len(const struct lexer *lexer)
{
    for (size_t n = 1; peek(lexer, n) != -1; n++) {
        if (peek(lexer, n) == '"') {
            return n + 1;
        }
        if (peek(lexer, n) == '\\' && peek(lexer, n + 1) != -1) {
            n++;
        }
    }
    return 0;
}

static struct token number(const struct lexer *lexer)
{
    struct token token = {.kind = TOKEN_INTEGER, .offset = lexer->at};
    size_t sign = peek(lexer, 0) == '-' ? 1 : 0;
    size_t digits;

    if (sign == 0 && peek(lexer, 0) == '0' && (peek(lexer, 1) == 'x' || peek(lexer, 1) == 'X')) {
        token.len = run_of(lexer, 2, is_hex);
        if (token.len == 2) {
            token.kind = TOKEN_BAD;
            token.fault = "hexadecimal digits must follow 0x";
        }
        return token;
    }
    digits = run_of(lexer, sign, is_digit);
    token.len = digits;
    if (peek(lexer, digits) == '.' && is_digit(peek(lexer, digits + 1))) {
        token.len = run_of(lexer, digits + 1, is_digit);
        token.kind = TOKEN_DECIMAL;
    }
    return token;
}

static struct token name(const struct lexer *lexer)
{
    struct token token = {
        .kind = TOKEN_NAME, .offset = lexer->at, .len = run_of(lexer, 1, is_name)};

    for (int kind = TOKEN_VERSION; kind < TOKEN_COUNT; kind++) {
        const char *keyword = tokens[kind].keyword;

        /* Most names are none of them, and say so in their first letter. */
        if ((peek(lexer, 0) | 0x20) == keyword[0] &&
            text_span_equal_nocase(policy_token_text(lexer->text, &token), keyword)) {
            token.kind = (enum token_kind)kind;
        }
    }
    return token;
}

static struct token mark(const struct lexer *lexer)
{
    struct token token = {.kind = TOKEN_BAD, .offset = lexer->at, .len = 1};
    struct span rest = span_cut(lexer->text, lexer->at, SIZE_MAX);

    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (span_starts(rest, marks[i].text)) {
            token.kind = marks[i].kind;
            token.len = strlen(marks[i].text);
            return token;
        }
    }
    /* All bytes of one character. */
    while (token.len < rest.len && (rest.data[token.len] & 0xc0) == 0x80) {
        token.len++;
    }
    token.fault = rest.data[0] == '&'    ? "conditions are joined with '&&'"
                  : rest.data[0] == '\'' ? "strings stand between double quotes"
                  : token.len > 1        ? "this character can stand in strings and comments only"
                                         : "this character has no meaning here";
    return token;
}

struct token policy_lexer_next(struct lexer *lexer)
{
    struct token token = {.kind = TOKEN_END};
    int c = peek(lexer, 0);

    while (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        lexer->at++;
        c = peek(lexer, 0);
    }
    token.offset = lexer->at;
    if (c == -1) {
        return token;
    }
    if (c == '/' && peek(lexer, 1) == '/') {
        token.kind = TOKEN_COMMENT;
        token.len = run_of(lexer, 2, is_same_line);
    } else if (c == '/' && peek(lexer, 1) == '*') {
        token.kind = TOKEN_COMMENT;
        token.len = block_comment(lexer);
    } else if (c == '"') {
        token.kind = TOKEN_STRING;
        token.len = string_len(lexer);
    } else if (is_digit(c) || (c == '-' && is_digit(peek(lexer, 1)))) {
        token = number(lexer);
    } else if (is_name_start(c)) {
        token = name(lexer);
    } else {
        token = mark(lexer);
    }
    if (token.len == 0) {
        token.fault = token.kind == TOKEN_STRING ? "the string that begins here does not end"
                                                 : "the comment that begins here does not end";
        token.kind = TOKEN_BAD;
        token.len = 1;
    }
    lexer->at += token.len;
    return token;
}
