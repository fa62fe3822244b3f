/*
 * brackets.c - what stands in brackets and braces. Who may send these bytes: as lexer.c.
 */
#include "jmespath/parser.h"

err_t parse_is_specifier(struct parser *p, bool *ret)
{
    struct lexer ahead = p->lexer;
    struct token first;
    struct token second = {0};
    err_t err = lexer_next(&ahead, p->trail, &first);

    if (err == ERR_OK && first.kind == TOKEN_STAR) {
        err = lexer_next(&ahead, p->trail, &second);
    }
    if (err == ERR_OK) {
        *ret = first.kind == TOKEN_NUMBER || first.kind == TOKEN_COLON ||
               second.kind == TOKEN_RBRACKET;
    }
    return err;
}

/* The right side of a projection: everything that binds stronger than `[]`. */
static err_t parse_projected(struct parser *p, struct node *projection, struct node *chain)
{
    struct node *right = NULL;
    err_t err;

    if (p->projections == JMESPATH_MAX_PROJECTIONS) {
        return trail_set_at(p->trail, ERR_TOO_DEEP, p->now.offset,
                            "more than %d projections inside each other", JMESPATH_MAX_PROJECTIONS);
    }
    p->projections++;
    err = parser_node(p, NODE_CHAIN, &right);
    err = err ? err : parse_steps(p, right);
    p->projections--;
    if (err == ERR_OK) {
        node_add(projection, right);
        node_add(chain, projection);
    }
    return err;
}

/* What stands behind `[` up to `]` when it has a colon. */
static err_t parse_slice(struct parser *p, struct node *node)
{
    int64_t parts[3] = {0, 0, 1};
    bool has[3] = {false};
    size_t part = 0;
    err_t err = ERR_OK;

    while (err == ERR_OK && p->now.kind != TOKEN_RBRACKET) {
        if (p->now.kind == TOKEN_COLON && part < 2) {
            part++;
        } else if (p->now.kind == TOKEN_NUMBER && !has[part]) {
            parts[part] = token_number(&p->now);
            has[part] = true;
        } else {
            return parser_unexpected(p, part < 2 ? "a number, ':' or ']'" : "']'");
        }
        err = parser_advance(p);
    }
    node->kind = NODE_EACH_OF_SLICE;
    node->slice = (struct slice){parts[0], parts[1], parts[2], has[0], has[1]};
    return err ? err : parser_advance(p);
}

err_t parse_bracket(struct parser *p, struct node *chain)
{
    struct node *node = NULL;
    struct lexer ahead;
    struct token second = {0};
    err_t err = parser_node(p, NODE_INDEX, &node);

    err = err ? err : parser_advance(p);
    if (err) {
        return err;
    }
    if (p->now.kind == TOKEN_STAR) {
        node->kind = NODE_EACH_ELEMENT;
        err = parser_advance(p);
        err = err ? err : parser_expect(p, TOKEN_RBRACKET, "']'");
        return err ? err : parse_projected(p, node, chain);
    }
    if (p->now.kind != TOKEN_NUMBER && p->now.kind != TOKEN_COLON) {
        return parser_unexpected(p, "an index, a slice or '*'");
    }
    ahead = p->lexer;
    err = lexer_next(&ahead, p->trail, &second);
    if (err == ERR_OK && (p->now.kind == TOKEN_COLON || second.kind == TOKEN_COLON)) {
        err = parse_slice(p, node);
        return err ? err : parse_projected(p, node, chain);
    }
    node->index = token_number(&p->now);
    err = err ? err : parser_advance(p);
    err = err ? err : parser_expect(p, TOKEN_RBRACKET, "']' or ':'");
    if (err == ERR_OK) {
        node_add(chain, node);
    }
    return err;
}

err_t parse_filter(struct parser *p, struct node *chain)
{
    struct node *node = NULL;
    struct node *condition = NULL;
    err_t err = parser_node(p, NODE_EACH_MATCH, &node);

    err = err ? err : parser_advance(p);
    err = err ? err : parse_inner(p, &condition);
    err = err ? err : parser_expect(p, TOKEN_RBRACKET, "']'");
    if (err) {
        return err;
    }
    node_add(node, condition);
    return parse_projected(p, node, chain);
}

err_t parse_each_value(struct parser *p, struct node *chain)
{
    struct node *node = NULL;
    err_t err = parser_node(p, NODE_EACH_VALUE, &node);

    err = err ? err : parser_advance(p);
    return err ? err : parse_projected(p, node, chain);
}

err_t parse_flatten(struct parser *p, struct node *chain)
{
    struct node *node = NULL;
    err_t err = parser_node(p, NODE_FLATTEN, &node);

    err = err ? err : parser_advance(p);
    return err ? err : parse_projected(p, node, chain);
}

err_t parse_multi_list(struct parser *p, struct node *chain)
{
    struct node *list = NULL;
    err_t err = parser_node(p, NODE_MULTI_LIST, &list);

    do {
        struct node *part = NULL;

        err = err ? err : parser_advance(p); /* the bracket, or the comma */
        err = err ? err : parse_inner(p, &part);
        if (err) {
            return err;
        }
        node_add(list, part);
    } while (p->now.kind == TOKEN_COMMA);
    node_add(chain, list);
    return parser_expect(p, TOKEN_RBRACKET, "',' or ']'");
}

/* `name: expression`. A name that comes again gives its member a new value. */
static err_t parse_pair(struct parser *p, struct node *hash)
{
    struct node *pair = NULL;
    struct node *value = NULL;
    struct span name = {0};
    err_t err;

    if (p->now.kind != TOKEN_NAME && p->now.kind != TOKEN_QUOTED) {
        return parser_unexpected(p, "the name of a member");
    }
    if (hash->n_parts == JMESPATH_MAX_PAIRS) {
        return trail_set_at(p->trail, ERR_TOO_MANY, p->now.offset,
                            "a multi-select hash has more than %d members", JMESPATH_MAX_PAIRS);
    }
    err = token_name(p->arena, &p->now, p->trail, &name);
    for (struct node *old = hash->first; err == ERR_OK && old != NULL; old = old->next) {
        pair = span_equal(old->name, name) ? old : pair;
    }
    if (err == ERR_OK && pair == NULL) {
        err = parser_node(p, NODE_PAIR, &pair);
        if (err == ERR_OK) {
            pair->name = name;
            node_add(hash, pair);
        }
    }
    err = err ? err : parser_advance(p);
    err = err ? err : parser_expect(p, TOKEN_COLON, "':'");
    err = err ? err : parse_inner(p, &value);
    if (err == ERR_OK) {
        pair->first = pair->last = value;
        pair->n_parts = 1;
    }
    return err;
}

err_t parse_multi_hash(struct parser *p, struct node *chain)
{
    struct node *hash = NULL;
    err_t err = parser_node(p, NODE_MULTI_HASH, &hash);

    do {
        err = err ? err : parser_advance(p); /* the brace, or the comma */
        err = err ? err : parse_pair(p, hash);
        if (err) {
            return err;
        }
    } while (p->now.kind == TOKEN_COMMA);
    node_add(chain, hash);
    return parser_expect(p, TOKEN_RBRACE, "',' or '}'");
}
