/*
 * lexer.h - an expression as a row of tokens. For this room alone.
 *
 * A lexer is a place in a text and may be copied to look ahead. Tokens borrow from the text.
 */
#ifndef JMESPATH_LEXER_H
#define JMESPATH_LEXER_H

#include "jmespath/value.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,    /* foo */
    TOKEN_QUOTED,  /* "foo" */
    TOKEN_RAW,     /* 'foo' */
    TOKEN_LITERAL, /* `1` */
    TOKEN_NUMBER,  /* -1 */
    TOKEN_DOT,
    TOKEN_STAR,
    TOKEN_CURRENT, /* @ */
    TOKEN_EXPREF,  /* & */
    TOKEN_FLATTEN, /* [] */
    TOKEN_FILTER,  /* [? */
    TOKEN_LBRACKET,
    TOKEN_RBRACKET,
    TOKEN_LBRACE,
    TOKEN_RBRACE,
    TOKEN_LPAREN,
    TOKEN_RPAREN,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_PIPE,
    TOKEN_OR,
    TOKEN_AND,
    TOKEN_NOT,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
};

struct token {
    enum token_kind kind;
    size_t offset;    /* in the text */
    struct span text; /* with its quotes */
};

struct lexer {
    struct span text; /* valid UTF-8 */
    size_t at;
};

/* The next token; TOKEN_END for good at the end. ERR_MALFORMED with the offset. */
err_t lexer_next(struct lexer *lexer, struct trail *trail, struct token *ret) MUST_CHECK;

/* What a token with quotes says: the name, the text, the JSON value. ERR_MALFORMED. */
err_t token_name(struct arena *arena, const struct token *token, struct trail *trail,
                 struct span *ret) MUST_CHECK;
err_t token_raw(struct arena *arena, const struct token *token, struct trail *trail,
                struct span *ret) MUST_CHECK;
err_t token_literal(struct arena *arena, const struct token *token, struct trail *trail,
                    struct jmespath_value *ret) MUST_CHECK;
/* Past 64 bits the nearest number: no array is that long. */
int64_t token_number(const struct token *token);

#endif
