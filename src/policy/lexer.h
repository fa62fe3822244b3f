/*
 * lexer.h - the words of a policy. Not for other rooms.
 *
 * The text is borrowed, and is UTF-8 without NUL characters when lexing begins. Comments are words
 * too, so that the printer can keep them. A word that is none is TOKEN_BAD: the lexer does not stop
 * there, whoever reads the words does.
 */
#ifndef POLICY_LEXER_H
#define POLICY_LEXER_H

#include "base/span.h"

/* X(name, what it is called in messages, keyword) */
/* clang-format off */
#define TOKEN_TABLE(X)                                                                             \
    X(END,                 "<EOF>",              NULL)                                             \
    X(BAD,                 "a word",             NULL)                                             \
    X(COMMENT,             "a comment",          NULL)                                             \
    X(STRING,              "a string",           NULL)                                             \
    X(INTEGER,             "an integer",         NULL)                                             \
    X(DECIMAL,             "a version number",   NULL)                                             \
    X(NAME,                "a name",             NULL)                                             \
    X(ARROW,               "'=>'",               NULL)                                             \
    X(AND,                 "'&&'",               NULL)                                             \
    X(EQUAL,               "'=='",               NULL)                                             \
    X(NOT_EQUAL,           "'!='",               NULL)                                             \
    X(LESS,                "'<'",                NULL)                                             \
    X(LESS_EQUAL,          "'<='",               NULL)                                             \
    X(GREATER,             "'>'",                NULL)                                             \
    X(GREATER_EQUAL,       "'>='",               NULL)                                             \
    X(NOT,                 "'!'",                NULL)                                             \
    X(ASSIGN,              "'='",                NULL)                                             \
    X(BRACKET_OPEN,        "'['",                NULL)                                             \
    X(BRACKET_CLOSE,       "']'",                NULL)                                             \
    X(BRACE_OPEN,          "'{'",                NULL)                                             \
    X(BRACE_CLOSE,         "'}'",                NULL)                                             \
    X(PAREN_OPEN,          "'('",                NULL)                                             \
    X(PAREN_CLOSE,         "')'",                NULL)                                             \
    X(COLON,               "':'",                NULL)                                             \
    X(SEMICOLON,           "';'",                NULL)                                             \
    X(COMMA,               "','",                NULL)                                             \
    X(DOT,                 "'.'",                NULL)                                             \
    X(VERSION,             "'version'",            "version")                                      \
    X(CONFIGURATIONRULES,  "'configurationrules'", "configurationrules")                           \
    X(AUTHORIZATIONRULES,  "'authorizationrules'", "authorizationrules")                           \
    X(ISSUANCERULES,       "'issuancerules'",      "issuancerules")                                \
    X(PERMIT,              "'permit'",             "permit")                                       \
    X(DENY,                "'deny'",               "deny")                                         \
    X(ADD,                 "'add'",                "add")                                          \
    X(ISSUE,               "'issue'",              "issue")                                        \
    X(ISSUEPROPERTY,       "'issueproperty'",      "issueproperty")                                \
    X(CLAIM,               "'claim'",              "claim")                                        \
    X(TYPE,                "'type'",               "type")                                         \
    X(VALUE,               "'value'",              "value")                                        \
    X(VALUETYPE,           "'valueType'",          "valueType")                                    \
    X(ISSUER,              "'issuer'",             "issuer")                                       \
    X(TRUE,                "'true'",               "true")                                         \
    X(FALSE,               "'false'",              "false")
/* clang-format on */

enum token_kind {
#define X(code, name, keyword) TOKEN_##code,
    TOKEN_TABLE(X)
#undef X
        TOKEN_COUNT
};

struct token {
    enum token_kind kind;
    size_t offset, len; /* in the text; a string with its quotes, a comment with its marks */
    const char *fault;  /* TOKEN_BAD: what is wrong; static */
};

struct lexer {
    struct span text;
    size_t at;
};

/* At the start of text, behind its byte order mark. */
void policy_lexer_begin(struct lexer *lexer, struct span text);
/* TOKEN_END again and again at the end. */
struct token policy_lexer_next(struct lexer *lexer);

/* "';'", "a string": static. */
const char *policy_token_name(enum token_kind kind);
/* The usual spelling of a keyword; NULL for the rest. */
const char *policy_token_keyword(enum token_kind kind);
static inline struct span policy_token_text(struct span text, const struct token *token)
{
    return span_cut(text, token->offset, token->len);
}

#endif
