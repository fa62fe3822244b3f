/*
 * lexer.c - tokens of an expression. Who may send these bytes: whoever writes policies, and guests
 * whose values a policy splices into a query.
 */
#include "jmespath/lexer.h"

#include "json/json.h"

static bool is_name_start(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes from the lexer's place on that a name or a number takes. */
static size_t name_length(struct span rest)
{
    size_t n = 1;

    while (n < rest.len && (is_name_start(rest.data[n]) || is_digit(rest.data[n]))) {
        n++;
    }
    return n;
}

static size_t number_length(struct span rest)
{
    size_t n = 1;

    while (n < rest.len && is_digit(rest.data[n])) {
        n++;
    }
    return n;
}

/* With both quotes; 0 when the second is missing. A backslash takes the next byte with it. */
static size_t quoted_length(struct span rest)
{
    for (size_t i = 1; i < rest.len; i++) {
        if (rest.data[i] == '\\') {
            i++;
        } else if (rest.data[i] == rest.data[0]) {
            return i + 1;
        }
    }
    return 0;
}

/* Operators and brackets, longest first. */
static const struct {
    const char *text;
    enum token_kind kind;
} signs[] = {
    {"[?", TOKEN_FILTER},  {"[]", TOKEN_FLATTEN}, {"||", TOKEN_OR},     {"&&", TOKEN_AND},
    {"==", TOKEN_EQ},      {"!=", TOKEN_NE},      {"<=", TOKEN_LE},     {">=", TOKEN_GE},
    {".", TOKEN_DOT},      {"*", TOKEN_STAR},     {"@", TOKEN_CURRENT}, {"&", TOKEN_EXPREF},
    {"[", TOKEN_LBRACKET}, {"]", TOKEN_RBRACKET}, {"{", TOKEN_LBRACE},  {"}", TOKEN_RBRACE},
    {"(", TOKEN_LPAREN},   {")", TOKEN_RPAREN},   {",", TOKEN_COMMA},   {":", TOKEN_COLON},
    {"|", TOKEN_PIPE},     {"!", TOKEN_NOT},      {"<", TOKEN_LT},      {">", TOKEN_GT},
};

static err_t next_sign(struct span rest, size_t offset, struct trail *trail, struct token *ret)
{
    size_t character = 1;

    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (span_starts(rest, signs[i].text)) {
            *ret = (struct token){signs[i].kind, offset, span_cut(rest, 0, strlen(signs[i].text))};
            return ERR_OK;
        }
    }
    if (rest.data[0] == '=') {
        return trail_set_at(trail, ERR_MALFORMED, offset,
                            "'=' is no operator of a query; equality is '=='");
    }
    while (character < rest.len && (rest.data[character] & 0xc0) == 0x80) {
        character++;
    }
    return trail_set_at(trail, ERR_MALFORMED, offset, "'%.*s' begins nothing", (int)character,
                        (const char *)rest.data);
}

static err_t next_quoted(struct span rest, size_t offset, struct trail *trail, struct token *ret)
{
    uint8_t quote = rest.data[0];
    size_t len = quoted_length(rest);

    if (len == 0) {
        return trail_set_at(trail, ERR_MALFORMED, offset, "the %s that begins here has no end",
                            quote == '"'    ? "name in double quotes"
                            : quote == '\'' ? "text in single quotes"
                                            : "JSON in backticks");
    }
    *ret = (struct token){quote == '"'    ? TOKEN_QUOTED
                          : quote == '\'' ? TOKEN_RAW
                                          : TOKEN_LITERAL,
                          offset, span_cut(rest, 0, len)};
    return ERR_OK;
}

err_t lexer_next(struct lexer *lexer, struct trail *trail, struct token *ret)
{
    struct span rest;
    struct token token = {0};
    uint8_t c;
    err_t err = ERR_OK;

    while (lexer->at < lexer->text.len && is_blank(lexer->text.data[lexer->at])) {
        lexer->at++;
    }
    rest = span_cut(lexer->text, lexer->at, lexer->text.len);
    if (rest.len == 0) {
        *ret = (struct token){.kind = TOKEN_END, .offset = lexer->text.len};
        return ERR_OK;
    }
    c = rest.data[0];
    if (is_name_start(c)) {
        token = (struct token){TOKEN_NAME, lexer->at, span_cut(rest, 0, name_length(rest))};
    } else if (is_digit(c) || (c == '-' && rest.len > 1 && is_digit(rest.data[1]))) {
        token = (struct token){TOKEN_NUMBER, lexer->at, span_cut(rest, 0, number_length(rest))};
    } else if (c == '"' || c == '\'' || c == '`') {
        err = next_quoted(rest, lexer->at, trail, &token);
    } else {
        err = next_sign(rest, lexer->at, trail, &token);
    }
    if (err == ERR_OK) {
        lexer->at += token.text.len;
        *ret = token;
    }
    return err;
}

/* ---- what quoted tokens say ---- */

/* The text between the quotes, where a backslash before this quote only keeps it from ending the
 * text. Other pairs stay as they are. */
static err_t unquote(struct arena *arena, const struct token *token, struct trail *trail,
                     struct span *ret)
{
    struct span inner = span_of(token->text.data + 1, token->text.len - 2);
    uint8_t quote = token->text.data[0];
    uint8_t *text;
    size_t used = 0;

    if (memchr(inner.data, '\\', inner.len) == NULL) {
        *ret = inner;
        return ERR_OK;
    }
    text = arena_alloc(arena, inner.len);
    if (text == NULL) {
        return arena_refused(arena, trail);
    }
    for (size_t i = 0; i < inner.len; i++) {
        if (inner.data[i] == '\\' && inner.data[i + 1] != quote) {
            text[used++] = inner.data[i++];
        } else if (inner.data[i] == '\\') {
            i++;
        }
        text[used++] = inner.data[i];
    }
    *ret = span_of(text, used);
    return ERR_OK;
}

/* JSON inside a token. Its own trail, for what it says about a byte is of another text. */
static err_t read_json(struct arena *arena, struct span text, const struct token *token,
                       struct trail *trail, yyjson_val **ret)
{
    static const struct json_limits limits = {
        .max_depth = JMESPATH_MAX_DEPTH, .max_values = JMESPATH_MAX_TEXT, .keeps_numbers = true};
    struct trail inner = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = json_read(arena, text, &limits, &inner, ret);

    if (err == ERR_MEMORY) {
        return arena_refused(arena, trail);
    }
    if (err) {
        inner.has_offset = false;
        trail_format(&inner, err, words, sizeof(words));
        return trail_set_at(trail, err_category(err) == ERR_CAT_LIMIT ? err : ERR_MALFORMED,
                            token->offset, "%s: %s",
                            token->kind == TOKEN_LITERAL ? "the JSON in backticks"
                                                         : "the name in double quotes",
                            words);
    }
    return ERR_OK;
}

err_t token_name(struct arena *arena, const struct token *token, struct trail *trail,
                 struct span *ret)
{
    yyjson_val *json = NULL;
    struct span inner;
    err_t err;

    if (token->kind == TOKEN_NAME) {
        *ret = token->text;
        return ERR_OK;
    }
    inner = span_of(token->text.data + 1, token->text.len - 2);
    if (inner.len == 0) {
        return trail_set_at(trail, ERR_MALFORMED, token->offset, "a name cannot be empty");
    }
    err = read_json(arena, token->text, token, trail, &json);
    if (err == ERR_OK) {
        *ret = json_span(json);
    }
    return err;
}

err_t token_raw(struct arena *arena, const struct token *token, struct trail *trail,
                struct span *ret)
{
    return unquote(arena, token, trail, ret);
}

err_t token_literal(struct arena *arena, const struct token *token, struct trail *trail,
                    struct jmespath_value *ret)
{
    struct span text = {0};
    yyjson_val *json = NULL;
    err_t err = unquote(arena, token, trail, &text);

    err = err ? err : read_json(arena, text, token, trail, &json);
    err = err ? err : value_from_json(arena, json, trail, ret);
    if (err == ERR_UNSUPPORTED) {
        return trail_set_at(
            trail, ERR_MALFORMED, token->offset,
            "the JSON in backticks: a number cannot be kept as it is: too large, too "
            "small or with too many digits");
    }
    return err;
}

int64_t token_number(const struct token *token)
{
    bool is_negative = token->text.data[0] == '-';
    int64_t number = 0;

    for (size_t i = is_negative ? 1 : 0; i < token->text.len; i++) {
        int digit = token->text.data[i] - '0';

        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, digit, &number)) {
            return is_negative ? INT64_MIN : INT64_MAX;
        }
    }
    return is_negative ? number : (number == INT64_MIN ? INT64_MAX : -number);
}
