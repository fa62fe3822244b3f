/*
 * parse-expression.c - words, and the expressions of a policy (policy-language section 3).
 *
 * Only calls nest, at most POLICY_MAX_CALL_DEPTH deep.
 */
#include "policy/parser.h"

#include "base/text.h"

static const struct {
    const char *name;
    size_t arity;
} functions[FUNCTION_COUNT] = {
    [FUNCTION_JMESPATH] = {"JmesPath", 2},
    [FUNCTION_JSON_TO_CLAIM_VALUE] = {"JsonToClaimValue", 1},
    [FUNCTION_IS_SUBSET_OF] = {"IsSubsetOf", 2},
    [FUNCTION_APPEND_STRING] = {"AppendString", 2},
    [FUNCTION_NEGATE_BOOL] = {"NegateBool", 1},
    [FUNCTION_CONTAINS_ONLY_VALUE] = {"ContainsOnlyValue", 2},
};

const char *policy_function_name(enum function function)
{
    return functions[function].name;
}

size_t policy_function_arity(enum function function)
{
    return functions[function].arity;
}

const char *policy_property_name(enum property property)
{
    static const char *const names[] = {"type", "value", "valueType", "issuer"};

    return names[property];
}

const char *policy_relation_name(enum relation relation)
{
    static const char *const names[] = {"==", "!=", "<", "<=", ">", ">="};

    return names[relation];
}

const char *policy_action_name(enum action_kind kind)
{
    static const char *const names[] = {"permit", "deny", "add", "issue", "issueproperty"};

    return names[kind];
}

/* ---- words ---- */

void policy_parser_advance(struct parser *p)
{
    p->last_end = p->token.offset + p->token.len;
    do {
        p->token = policy_lexer_next(&p->lexer);
    } while (p->token.kind == TOKEN_COMMENT);
}

struct span policy_parser_text(const struct parser *p)
{
    return policy_token_text(p->policy->source, &p->token);
}

err_t policy_parser_fail(struct parser *p, enum policy_fault_kind kind, const char *words)
{
    err_t err = policy_fault_at(p->fault, kind, p->policy->source, p->token.offset,
                                policy_parser_text(p), "%s", words);

    p->fault->outer = p->outer;
    p->fault->inner = p->inner;
    return err;
}

/* "mismatched input 'x' expecting ';'", as the published message has it. */
err_t policy_parser_mismatch(struct parser *p, const char *expected)
{
    char shown[64];
    err_t err;

    if (p->token.kind == TOKEN_BAD) {
        return policy_parser_fail(p, POLICY_FAULT_SYNTAX, p->token.fault);
    }
    if (p->token.kind == TOKEN_DECIMAL) {
        return policy_parser_fail(p, POLICY_FAULT_SYNTAX, "there are no numbers with a fraction");
    }
    text_escape(policy_parser_text(p), shown, sizeof(shown));
    err = policy_fault_at(p->fault, POLICY_FAULT_SYNTAX, p->policy->source, p->token.offset,
                          policy_parser_text(p), "mismatched input '%s' expecting %s",
                          p->token.kind == TOKEN_END ? "<EOF>" : shown, expected);
    p->fault->outer = p->outer;
    p->fault->inner = p->inner;
    return err;
}

err_t policy_parser_take(struct parser *p, enum token_kind kind)
{
    if (p->token.kind != kind) {
        return policy_parser_mismatch(p, policy_token_name(kind));
    }
    policy_parser_advance(p);
    return ERR_OK;
}

void *policy_parser_allocate(struct parser *p, size_t count, size_t size)
{
    return arena_calloc(p->policy->arena, count, size);
}

/* ---- expressions ---- */

/* \" is a quote, \\ a backslash; any other backslash stays with what follows it, so that \u00e9
 * reaches a reader of JSON as it was written. */
static err_t unescape(struct parser *p, struct span quoted, struct span *ret)
{
    uint8_t *text = arena_alloc(p->policy->arena, quoted.len);
    size_t n = 0;

    if (text == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        uint8_t c = quoted.data[i];

        if (c == '\\' && (quoted.data[i + 1] == '"' || quoted.data[i + 1] == '\\')) {
            c = quoted.data[++i];
        }
        text[n++] = c;
    }
    *ret = span_of(text, n);
    return ERR_OK;
}

static err_t integer(struct parser *p, int64_t *ret)
{
    struct span text = policy_parser_text(p);
    bool is_negative = text.len > 0 && text.data[0] == '-';
    bool is_hex = text.len > 2 && (text.data[1] == 'x' || text.data[1] == 'X');
    uint64_t base = is_hex ? 16 : 10;
    uint64_t most = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
    uint64_t value = 0;

    for (size_t i = is_hex ? 2 : is_negative ? 1 : 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint64_t digit = (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);

        if (value > (most - digit) / base) {
            return policy_parser_fail(p, POLICY_FAULT_INTEGER_RANGE,
                                      "the integer does not fit into 64 bits with a sign");
        }
        value = value * base + digit;
    }
    *ret = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return ERR_OK;
}

static bool property_of(enum token_kind kind, enum property *ret)
{
    switch (kind) {
    case TOKEN_TYPE:
        *ret = PROPERTY_TYPE;
        return true;
    case TOKEN_VALUE:
        *ret = PROPERTY_VALUE;
        return true;
    case TOKEN_VALUETYPE:
        *ret = PROPERTY_VALUE_TYPE;
        return true;
    case TOKEN_ISSUER:
        *ret = PROPERTY_ISSUER;
        return true;
    default:
        return false;
    }
}

err_t policy_parser_property(struct parser *p, enum property *ret)
{
    if (property_of(p->token.kind, ret)) {
        policy_parser_advance(p);
        return ERR_OK;
    }
    if (p->token.kind == TOKEN_NAME) {
        return policy_parser_fail(p, POLICY_FAULT_UNKNOWN_PROPERTY,
                                  "a claim has the properties type, value, valueType and issuer");
    }
    return policy_parser_mismatch(p, "'type', 'value', 'valueType' or 'issuer'");
}

static err_t arguments(struct parser *p, struct expr *call)
{
    err_t err = ERR_OK;

    if (p->token.kind == TOKEN_PAREN_CLOSE) {
        return ERR_OK;
    }
    do {
        struct expr *arg = NULL;

        if (call->n_args > 0) {
            policy_parser_advance(p); /* the comma */
        }
        err = policy_parser_expression(p, &arg);
        if (err == ERR_OK && call->n_args < POLICY_MAX_ARGUMENTS) {
            call->args[call->n_args] = arg;
        }
        call->n_args++;
    } while (err == ERR_OK && p->token.kind == TOKEN_COMMA);
    return err;
}

/* A name was read; "(" comes next. */
static err_t call(struct parser *p, struct token name, struct expr *e)
{
    struct span text = policy_token_text(p->policy->source, &name);
    size_t i = 0;
    err_t err;

    while (i < FUNCTION_COUNT && !span_is(text, functions[i].name)) {
        i++;
    }
    if (i == FUNCTION_COUNT) {
        p->token = name;
        return policy_parser_fail(
            p, POLICY_FAULT_UNKNOWN_FUNCTION,
            "the functions are JmesPath, JsonToClaimValue, IsSubsetOf, AppendString, "
            "NegateBool and ContainsOnlyValue, in this spelling");
    }
    if (p->call_depth == POLICY_MAX_CALL_DEPTH) {
        return policy_parser_fail(p, POLICY_FAULT_SYNTAX, "calls are nested deeper than 32 levels");
    }
    e->kind = EXPR_CALL;
    e->function = (enum function)i;
    p->call_depth++;
    policy_parser_advance(p);
    err = arguments(p, e);
    err = err                                  ? err
          : p->token.kind == TOKEN_PAREN_CLOSE ? policy_parser_take(p, TOKEN_PAREN_CLOSE)
                                               : policy_parser_mismatch(p, "',' or ')'");
    p->call_depth--;
    return err;
}

static err_t name_expression(struct parser *p, struct expr *e)
{
    struct token name = p->token;

    policy_parser_advance(p);
    if (p->token.kind == TOKEN_PAREN_OPEN) {
        return call(p, name, e);
    }
    e->kind = EXPR_ACCESS;
    e->string = policy_token_text(p->policy->source, &name);
    e->variable = POLICY_NO_VARIABLE;
    if (p->token.kind != TOKEN_DOT) {
        return policy_parser_mismatch(p, "'.' or '('");
    }
    policy_parser_advance(p);
    return policy_parser_property(p, &e->property);
}

err_t policy_parser_expression(struct parser *p, struct expr **ret)
{
    struct expr *e = policy_parser_allocate(p, 1, sizeof(*e));
    const char *outer = p->outer;
    const char *inner = p->inner;
    err_t err = e == NULL ? ERR_MEMORY : ERR_OK;

    if (err) {
        return err;
    }
    p->outer = inner;
    p->inner = "expression";
    e->offset = (uint32_t)p->token.offset;
    switch (p->token.kind) {
    case TOKEN_STRING:
        e->kind = EXPR_STRING;
        err = unescape(p, policy_parser_text(p), &e->string);
        policy_parser_advance(p);
        break;
    case TOKEN_INTEGER:
        e->kind = EXPR_INT;
        err = integer(p, &e->integer);
        if (err == ERR_OK) {
            policy_parser_advance(p);
        }
        break;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        e->kind = EXPR_BOOL;
        e->boolean = p->token.kind == TOKEN_TRUE;
        policy_parser_advance(p);
        break;
    case TOKEN_NAME:
        err = name_expression(p, e);
        break;
    default:
        err = policy_parser_mismatch(
            p, "a string, an integer, 'true', 'false', a variable or a function");
        break;
    }
    if (err) {
        return err;
    }
    e->end = (uint32_t)p->last_end;
    p->outer = outer;
    p->inner = inner;
    *ret = e;
    return ERR_OK;
}
