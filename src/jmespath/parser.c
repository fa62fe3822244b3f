/*
 * parser.c - an expression into nodes: recursive descent, one function for each strength of
 * binding. Who may send these bytes: as lexer.c.
 */
#include "jmespath/parser.h"
#include "jmespath/functions.h"

#include "base/text.h"

static err_t parse_expression(struct parser *p, struct node **ret) MUST_CHECK;
static err_t parse_path(struct parser *p, struct node **ret) MUST_CHECK;

/* ---- tokens ---- */

err_t parser_advance(struct parser *p)
{
    return lexer_next(&p->lexer, p->trail, &p->now);
}

enum { SHOWN_TOKEN_MAX = 48 };

err_t parser_unexpected(struct parser *p, const char *wanted)
{
    char shown[SHOWN_TOKEN_MAX];

    if (p->now.kind == TOKEN_END) {
        return trail_set_at(p->trail, ERR_MALFORMED, p->now.offset,
                            "the expression ends where %s is expected", wanted);
    }
    text_escape(p->now.text, shown, sizeof(shown));
    return trail_set_at(p->trail, ERR_MALFORMED, p->now.offset, "'%s' stands where %s is expected",
                        shown, wanted);
}

err_t parser_expect(struct parser *p, enum token_kind kind, const char *wanted)
{
    return p->now.kind == kind ? parser_advance(p) : parser_unexpected(p, wanted);
}

/* ---- nodes ---- */

err_t parser_node(struct parser *p, enum node_kind kind, struct node **ret)
{
    struct node *node = arena_calloc(p->arena, 1, sizeof(*node));

    if (node == NULL) {
        return arena_refused(p->arena, p->trail);
    }
    node->kind = kind;
    node->offset = (uint32_t)p->now.offset;
    *ret = node;
    return ERR_OK;
}

void node_add(struct node *owner, struct node *part)
{
    *(owner->last == NULL ? &owner->first : &owner->last->next) = part;
    owner->last = part;
    owner->n_parts++;
}

/* Another part for a row of `kind`: *row becomes one when it is none yet. */
static err_t row_add(struct parser *p, enum node_kind kind, struct node **row, struct node *part)
{
    struct node *owner = *row;
    err_t err = ERR_OK;

    if (owner->kind != kind) {
        err = parser_node(p, kind, &owner);
        if (err == ERR_OK) {
            node_add(owner, *row);
        }
    }
    if (err == ERR_OK) {
        node_add(owner, part);
        *row = owner;
    }
    return err;
}

/* An expression inside brackets or a call, one level deeper. */
err_t parse_inner(struct parser *p, struct node **ret)
{
    err_t err;

    if (p->depth == JMESPATH_MAX_DEPTH) {
        return trail_set_at(p->trail, ERR_TOO_DEEP, p->now.offset,
                            "the expression is nested deeper than %d levels", JMESPATH_MAX_DEPTH);
    }
    p->depth++;
    err = parse_expression(p, ret);
    p->depth--;
    return err;
}

/* ---- functions ---- */

static err_t parse_argument(struct parser *p, struct node *call)
{
    struct node *argument = NULL;
    struct node *inner = NULL;
    err_t err = ERR_OK;

    if (p->now.kind != TOKEN_EXPREF) {
        err = parse_inner(p, &argument);
    } else {
        err = parser_node(p, NODE_EXPREF, &argument);
        err = err ? err : parser_advance(p);
        err = err ? err : parse_inner(p, &inner);
        if (err == ERR_OK) {
            node_add(argument, inner);
        }
    }
    if (err == ERR_OK) {
        node_add(call, argument);
    }
    return err;
}

/* The name is read, `now` is the opening parenthesis. */
static err_t parse_call(struct parser *p, const struct token *name, struct node *chain)
{
    struct node *call = NULL;
    err_t err = parser_node(p, NODE_FUNCTION, &call);

    err = err ? err : parser_advance(p);
    if (err || call == NULL) {
        return err;
    }
    call->offset = (uint32_t)name->offset;
    while (err == ERR_OK && p->now.kind != TOKEN_RPAREN) {
        err = parse_argument(p, call);
        if (err == ERR_OK && p->now.kind == TOKEN_COMMA) {
            err = parser_advance(p);
            if (err == ERR_OK && p->now.kind == TOKEN_RPAREN) {
                err = parser_unexpected(p, "an argument");
            }
        } else if (err == ERR_OK && p->now.kind != TOKEN_RPAREN) {
            err = parser_unexpected(p, "',' or ')'");
        }
    }
    err = err ? err : parser_advance(p);
    err = err ? err : function_bind(call, name->text, p->trail);
    if (err == ERR_OK) {
        node_add(chain, call);
    }
    return err;
}

/* A field, or a call. */
static err_t parse_name(struct parser *p, struct node *chain)
{
    struct token name = p->now;
    struct node *field = NULL;
    err_t err = parser_node(p, NODE_FIELD, &field);

    err = err ? err : parser_advance(p);
    if (err == ERR_OK && p->now.kind == TOKEN_LPAREN) {
        return name.kind == TOKEN_NAME
                   ? parse_call(p, &name, chain)
                   : parser_unexpected(p, "an operator (the name of a function has "
                                          "no quotes)");
    }
    err = err ? err : token_name(p->arena, &name, p->trail, &field->name);
    if (err == ERR_OK) {
        node_add(chain, field);
    }
    return err;
}

/* ---- paths ---- */

/* Behind a dot. */
static err_t parse_dotted(struct parser *p, struct node *chain)
{
    err_t err = parser_advance(p);

    if (err) {
        return err;
    }
    switch (p->now.kind) {
    case TOKEN_NAME:
    case TOKEN_QUOTED:
        return parse_name(p, chain);
    case TOKEN_STAR:
        return parse_each_value(p, chain);
    case TOKEN_LBRACKET:
        return parse_multi_list(p, chain);
    case TOKEN_LBRACE:
        return parse_multi_hash(p, chain);
    default:
        return parser_unexpected(p, "a name, '*', '[' or '{'");
    }
}

err_t parse_steps(struct parser *p, struct node *chain)
{
    err_t err = ERR_OK;

    while (err == ERR_OK) {
        if (p->now.kind == TOKEN_DOT) {
            err = parse_dotted(p, chain);
        } else if (p->now.kind == TOKEN_LBRACKET) {
            err = parse_bracket(p, chain);
        } else if (p->now.kind == TOKEN_FILTER) {
            err = parse_filter(p, chain);
        } else {
            break;
        }
    }
    return err;
}

static err_t parse_literal(struct parser *p, struct node *chain)
{
    struct node *node = NULL;
    struct span raw = {0};
    err_t err = parser_node(p, NODE_LITERAL, &node);

    if (err == ERR_OK && p->now.kind == TOKEN_RAW) {
        err = token_raw(p->arena, &p->now, p->trail, &raw);
        node->value = value_string(raw);
    } else if (err == ERR_OK) {
        err = token_literal(p->arena, &p->now, p->trail, &node->value);
    }
    if (err == ERR_OK) {
        node_add(chain, node);
    }
    return err ? err : parser_advance(p);
}

static err_t parse_negation(struct parser *p, struct node *chain)
{
    struct node *node = NULL;
    struct node *negated = NULL;
    err_t err = parser_node(p, NODE_NOT, &node);

    if (p->depth == JMESPATH_MAX_DEPTH) {
        return trail_set_at(p->trail, ERR_TOO_DEEP, p->now.offset,
                            "the expression is nested deeper than %d levels", JMESPATH_MAX_DEPTH);
    }
    err = err ? err : parser_advance(p);
    p->depth++;
    err = err ? err : parse_path(p, &negated);
    p->depth--;
    if (err == ERR_OK) {
        node_add(node, negated);
        node_add(chain, node);
    }
    return err;
}

static err_t parse_parenthesis(struct parser *p, struct node *chain)
{
    struct node *inner = NULL;
    err_t err = parser_advance(p);

    err = err ? err : parse_inner(p, &inner);
    err = err ? err : parser_expect(p, TOKEN_RPAREN, "')'");
    if (err == ERR_OK) {
        node_add(chain, inner);
    }
    return err;
}

/* What a path begins with. Brackets that apply to the current value are left to parse_steps. */
static err_t parse_start(struct parser *p, struct node *chain)
{
    bool is_specifier = false;
    err_t err;

    switch (p->now.kind) {
    case TOKEN_NAME:
    case TOKEN_QUOTED:
        return parse_name(p, chain);
    case TOKEN_RAW:
    case TOKEN_LITERAL:
        return parse_literal(p, chain);
    case TOKEN_CURRENT:
        return parser_advance(p);
    case TOKEN_STAR:
        return parse_each_value(p, chain);
    case TOKEN_NOT:
        return parse_negation(p, chain);
    case TOKEN_LPAREN:
        return parse_parenthesis(p, chain);
    case TOKEN_LBRACE:
        return parse_multi_hash(p, chain);
    case TOKEN_FILTER:
    case TOKEN_FLATTEN:
        return ERR_OK;
    case TOKEN_LBRACKET:
        err = parse_is_specifier(p, &is_specifier);
        return err || is_specifier ? err : parse_multi_list(p, chain);
    case TOKEN_NUMBER:
        return parser_unexpected(p, "an expression (a number is written in backticks)");
    default:
        return parser_unexpected(p, "an expression");
    }
}

static err_t parse_path(struct parser *p, struct node **ret)
{
    struct node *chain = NULL;
    err_t err = parser_node(p, NODE_CHAIN, &chain);

    err = err ? err : parse_start(p, chain);
    err = err ? err : parse_steps(p, chain);
    while (err == ERR_OK && p->now.kind == TOKEN_FLATTEN) {
        err = parse_flatten(p, chain);
    }
    if (err == ERR_OK && chain != NULL) {
        *ret = chain->n_parts == 1 ? chain->first : chain;
    }
    return err;
}

/* ---- operators, strongest first ---- */

static err_t parse_comparison(struct parser *p, struct node **ret)
{
    struct node *left = NULL;
    err_t err = parse_path(p, &left);

    while (err == ERR_OK && p->now.kind >= TOKEN_EQ) {
        enum token_kind comparison = p->now.kind;
        struct node *right = NULL;

        err = parser_advance(p);
        err = err ? err : parse_path(p, &right);
        if (err == ERR_OK) {
            right->comparison = (uint8_t)comparison;
            err = row_add(p, NODE_COMPARISON, &left, right);
        }
    }
    if (err == ERR_OK) {
        *ret = left;
    }
    return err;
}

static err_t parse_and(struct parser *p, struct node **ret)
{
    struct node *left = NULL;
    err_t err = parse_comparison(p, &left);

    while (err == ERR_OK && p->now.kind == TOKEN_AND) {
        struct node *right = NULL;

        err = parser_advance(p);
        err = err ? err : parse_comparison(p, &right);
        err = err ? err : row_add(p, NODE_AND, &left, right);
    }
    if (err == ERR_OK) {
        *ret = left;
    }
    return err;
}

static err_t parse_or(struct parser *p, struct node **ret)
{
    struct node *left = NULL;
    err_t err = parse_and(p, &left);

    while (err == ERR_OK && p->now.kind == TOKEN_OR) {
        struct node *right = NULL;

        err = parser_advance(p);
        err = err ? err : parse_and(p, &right);
        err = err ? err : row_add(p, NODE_OR, &left, right);
    }
    if (err == ERR_OK) {
        *ret = left;
    }
    return err;
}

static err_t parse_expression(struct parser *p, struct node **ret)
{
    struct node *left = NULL;
    err_t err = parse_or(p, &left);

    while (err == ERR_OK && p->now.kind == TOKEN_PIPE) {
        struct node *right = NULL;

        err = parser_advance(p);
        err = err ? err : parse_or(p, &right);
        err = err ? err : row_add(p, NODE_CHAIN, &left, right);
    }
    if (err == ERR_OK) {
        *ret = left;
    }
    return err;
}

err_t jmespath_compile(struct arena *arena, struct span text, struct trail *trail,
                       struct jmespath **ret)
{
    struct parser p = {.arena = arena, .trail = trail};
    struct jmespath *query = arena_calloc(arena, 1, sizeof(*query));
    struct node *root = NULL;
    err_t err;

    if (text.len > JMESPATH_MAX_TEXT) {
        return trail_set(trail, ERR_TOO_LARGE, "the expression is longer than %d bytes",
                         JMESPATH_MAX_TEXT);
    }
    if (!text_is_utf8(text)) {
        return trail_set(trail, ERR_MALFORMED, "the expression is not valid UTF-8");
    }
    p.lexer.text = arena_dup(arena, text);
    if (query == NULL || p.lexer.text.data == NULL) {
        return arena_refused(arena, trail);
    }
    err = parser_advance(&p);
    err = err ? err : parse_expression(&p, &root);
    if (err == ERR_OK && p.now.kind != TOKEN_END) {
        err = parser_unexpected(&p, "an operator or the end");
    }
    if (err == ERR_OK) {
        query->root = root;
        *ret = query;
    }
    return err;
}
