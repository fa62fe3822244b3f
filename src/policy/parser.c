/*
 * parser.c - the words of a policy into its tree (policy-language section 3).
 *
 * Recursive descent, one function a production; only calls nest, at most POLICY_MAX_CALL_DEPTH
 * deep. The first fault ends the reading. `outer` and `inner` are the productions that a fault is
 * reported in, under the names that users of Azure's service know.
 */
#include "base/codec.h"
#include "base/text.h"
#include "policy/lexer.h"
#include "policy/tree.h"

#include <string.h>

struct parser {
    struct policy *policy;
    struct policy_fault *fault;
    struct lexer lexer;
    struct token token; /* the next one */
    size_t last_end;    /* of the one before */
    const char *outer, *inner;
    size_t n_rules;
    size_t call_depth;
    size_t counted; /* bytes whose line ends are in `line` */
    uint32_t line;
};

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

static void advance(struct parser *p)
{
    p->last_end = p->token.offset + p->token.len;
    do {
        p->token = policy_lexer_next(&p->lexer);
    } while (p->token.kind == TOKEN_COMMENT);
}

static struct span text_of(const struct parser *p)
{
    return policy_token_text(p->policy->source, &p->token);
}

static err_t fail(struct parser *p, enum policy_fault_kind kind, const char *words)
{
    err_t err = policy_fault_at(p->fault, kind, p->policy->source, p->token.offset, text_of(p),
                                "%s", words);

    p->fault->outer = p->outer;
    p->fault->inner = p->inner;
    return err;
}

/* "mismatched input 'x' expecting ';'", as the published message has it. */
static err_t mismatch(struct parser *p, const char *expected)
{
    char shown[64];
    err_t err;

    if (p->token.kind == TOKEN_BAD) {
        return fail(p, POLICY_FAULT_SYNTAX, p->token.fault);
    }
    if (p->token.kind == TOKEN_DECIMAL) {
        return fail(p, POLICY_FAULT_SYNTAX, "there are no numbers with a fraction");
    }
    text_escape(text_of(p), shown, sizeof(shown));
    err = policy_fault_at(p->fault, POLICY_FAULT_SYNTAX, p->policy->source, p->token.offset,
                          text_of(p), "mismatched input '%s' expecting %s",
                          p->token.kind == TOKEN_END ? "<EOF>" : shown, expected);
    p->fault->outer = p->outer;
    p->fault->inner = p->inner;
    return err;
}

static err_t take(struct parser *p, enum token_kind kind)
{
    if (p->token.kind != kind) {
        return mismatch(p, policy_token_name(kind));
    }
    advance(p);
    return ERR_OK;
}

static void *allocate(struct parser *p, size_t count, size_t size)
{
    return arena_calloc(p->policy->arena, count, size);
}

/* Of offset, which only grows: every byte is counted once. */
static uint32_t line_of(struct parser *p, size_t offset)
{
    for (; p->counted < offset; p->counted++) {
        p->line += p->policy->source.data[p->counted] == '\n' ? 1 : 0;
    }
    return p->line;
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
    struct span text = text_of(p);
    bool is_negative = text.len > 0 && text.data[0] == '-';
    bool is_hex = text.len > 2 && (text.data[1] == 'x' || text.data[1] == 'X');
    uint64_t base = is_hex ? 16 : 10;
    uint64_t most = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
    uint64_t value = 0;

    for (size_t i = is_hex ? 2 : is_negative ? 1 : 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint64_t digit = (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);

        if (value > (most - digit) / base) {
            return fail(p, POLICY_FAULT_INTEGER_RANGE,
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

static err_t property(struct parser *p, enum property *ret)
{
    if (property_of(p->token.kind, ret)) {
        advance(p);
        return ERR_OK;
    }
    if (p->token.kind == TOKEN_NAME) {
        return fail(p, POLICY_FAULT_UNKNOWN_PROPERTY,
                    "a claim has the properties type, value, valueType and issuer");
    }
    return mismatch(p, "'type', 'value', 'valueType' or 'issuer'");
}

static err_t expression(struct parser *p, struct expr **ret);

static err_t arguments(struct parser *p, struct expr *call)
{
    err_t err = ERR_OK;

    if (p->token.kind == TOKEN_PAREN_CLOSE) {
        return ERR_OK;
    }
    do {
        struct expr *arg = NULL;

        if (call->n_args > 0) {
            advance(p); /* the comma */
        }
        err = expression(p, &arg);
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
        return fail(p, POLICY_FAULT_UNKNOWN_FUNCTION,
                    "the functions are JmesPath, JsonToClaimValue, IsSubsetOf, AppendString, "
                    "NegateBool and ContainsOnlyValue, in this spelling");
    }
    if (p->call_depth == POLICY_MAX_CALL_DEPTH) {
        return fail(p, POLICY_FAULT_SYNTAX, "calls are nested deeper than 32 levels");
    }
    e->kind = EXPR_CALL;
    e->function = (enum function)i;
    p->call_depth++;
    advance(p);
    err = arguments(p, e);
    err = err                                  ? err
          : p->token.kind == TOKEN_PAREN_CLOSE ? take(p, TOKEN_PAREN_CLOSE)
                                               : mismatch(p, "',' or ')'");
    p->call_depth--;
    return err;
}

static err_t name_expression(struct parser *p, struct expr *e)
{
    struct token name = p->token;

    advance(p);
    if (p->token.kind == TOKEN_PAREN_OPEN) {
        return call(p, name, e);
    }
    e->kind = EXPR_ACCESS;
    e->string = policy_token_text(p->policy->source, &name);
    e->variable = POLICY_NO_VARIABLE;
    if (p->token.kind != TOKEN_DOT) {
        return mismatch(p, "'.' or '('");
    }
    advance(p);
    return property(p, &e->property);
}

static err_t expression(struct parser *p, struct expr **ret)
{
    struct expr *e = allocate(p, 1, sizeof(*e));
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
        err = unescape(p, text_of(p), &e->string);
        advance(p);
        break;
    case TOKEN_INTEGER:
        e->kind = EXPR_INT;
        err = integer(p, &e->integer);
        if (err == ERR_OK) {
            advance(p);
        }
        break;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        e->kind = EXPR_BOOL;
        e->boolean = p->token.kind == TOKEN_TRUE;
        advance(p);
        break;
    case TOKEN_NAME:
        err = name_expression(p, e);
        break;
    default:
        err = mismatch(p, "a string, an integer, 'true', 'false', a variable or a function");
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

/* ---- conditions ---- */

static err_t relation(struct parser *p, enum relation *ret)
{
    static const enum token_kind kinds[] = {TOKEN_EQUAL,      TOKEN_NOT_EQUAL, TOKEN_LESS,
                                            TOKEN_LESS_EQUAL, TOKEN_GREATER,   TOKEN_GREATER_EQUAL};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (p->token.kind == kinds[i]) {
            advance(p);
            *ret = (enum relation)i;
            return ERR_OK;
        }
    }
    return mismatch(p, "'==', '!=', '<', '<=', '>' or '>='");
}

static err_t test(struct parser *p, struct test *ret)
{
    err_t err;

    p->inner = "claimPropertyCondition";
    ret->offset = (uint32_t)p->token.offset;
    err = property(p, &ret->property);
    err = err ? err : relation(p, &ret->relation);
    err = err ? err : expression(p, &ret->right);
    p->inner = "condition";
    return err;
}

static err_t tests(struct parser *p, struct condition *condition)
{
    struct test found[POLICY_MAX_TESTS] = {{0}};
    size_t n = 0;
    err_t err = ERR_OK;

    do {
        if (n == POLICY_MAX_TESTS) {
            return fail(p, POLICY_FAULT_SYNTAX, "a condition has at most 16 tests");
        }
        if (n > 0) {
            advance(p); /* the comma */
        }
        err = test(p, &found[n++]);
    } while (err == ERR_OK && p->token.kind == TOKEN_COMMA);
    if (err) {
        return err;
    }
    condition->tests = allocate(p, n, sizeof(*condition->tests));
    if (condition->tests == NULL) {
        return ERR_MEMORY;
    }
    memcpy(condition->tests, found, n * sizeof(found[0]));
    condition->n_tests = n;
    return p->token.kind == TOKEN_BRACKET_CLOSE ? take(p, TOKEN_BRACKET_CLOSE)
                                                : mismatch(p, "',' or ']'");
}

static err_t condition(struct parser *p, struct condition *ret)
{
    err_t err;

    p->outer = "claimRule";
    p->inner = "condition";
    ret->offset = (uint32_t)p->token.offset;
    if (p->token.kind == TOKEN_NOT) {
        ret->is_negative = true;
        if (p->policy->minor < 2) {
            return fail(p, POLICY_FAULT_FEATURE_NOT_IN_VERSION,
                        "conditions with '!' need version 1.2");
        }
        advance(p);
    } else if (p->token.kind == TOKEN_NAME) {
        ret->variable = text_of(p);
        ret->variable_offset = (uint32_t)p->token.offset;
        advance(p);
        err = take(p, TOKEN_COLON);
        if (err) {
            return err;
        }
    }
    err = take(p, TOKEN_BRACKET_OPEN);
    err = err ? err : tests(p, ret);
    ret->end = (uint32_t)p->last_end;
    return err;
}

static err_t conditions(struct parser *p, struct rule *rule)
{
    struct condition found[POLICY_MAX_CONDITIONS] = {{0}};
    size_t n = 0;
    err_t err = ERR_OK;

    do {
        if (n == POLICY_MAX_CONDITIONS) {
            return fail(p, POLICY_FAULT_SYNTAX, "a rule has at most 32 conditions");
        }
        if (n > 0) {
            advance(p); /* the && */
        }
        err = condition(p, &found[n++]);
    } while (err == ERR_OK && p->token.kind == TOKEN_AND);
    if (err) {
        return err;
    }
    rule->conditions = allocate(p, n, sizeof(*rule->conditions));
    if (rule->conditions == NULL) {
        return ERR_MEMORY;
    }
    memcpy(rule->conditions, found, n * sizeof(found[0]));
    rule->n_conditions = n;
    return ERR_OK;
}

/* ---- actions ---- */

static err_t field(struct parser *p, struct action *action)
{
    struct expr **at = NULL;
    err_t err;

    switch (p->token.kind) {
    case TOKEN_TYPE:
        at = &action->type;
        break;
    case TOKEN_VALUE:
        at = &action->value;
        break;
    case TOKEN_VALUETYPE:
        at = &action->value_type;
        break;
    case TOKEN_ISSUER:
        return fail(p, POLICY_FAULT_SYNTAX, "the issuer of a new claim cannot be chosen");
    default:
        return mismatch(p, "'type', 'value' or 'valueType'");
    }
    if (*at != NULL) {
        return fail(p, POLICY_FAULT_SYNTAX, "the field stands here twice");
    }
    advance(p);
    err = take(p, TOKEN_ASSIGN);
    return err ? err : expression(p, at);
}

static err_t fields(struct parser *p, struct action *action)
{
    bool is_first = true;
    err_t err = ERR_OK;

    do {
        if (!is_first) {
            advance(p); /* the comma */
        }
        is_first = false;
        err = field(p, action);
    } while (err == ERR_OK && p->token.kind == TOKEN_COMMA);
    if (err) {
        return err;
    }
    if (action->type == NULL || action->value == NULL) {
        return mismatch(p, action->type == NULL ? "',' and 'type'" : "',' and 'value'");
    }
    return ERR_OK;
}

static err_t claim_argument(struct parser *p, struct action *action)
{
    err_t err;

    if (p->token.kind != TOKEN_CLAIM) {
        return fields(p, action);
    }
    advance(p);
    err = take(p, TOKEN_ASSIGN);
    if (err) {
        return err;
    }
    if (p->token.kind != TOKEN_NAME) {
        return mismatch(p, "a variable");
    }
    action->claim = text_of(p);
    action->claim_offset = (uint32_t)p->token.offset;
    action->variable = POLICY_NO_VARIABLE;
    advance(p);
    return ERR_OK;
}

static err_t action(struct parser *p, struct action *ret)
{
    err_t err;

    p->outer = "claimRule";
    p->inner = "action";
    ret->offset = (uint32_t)p->token.offset;
    switch (p->token.kind) {
    case TOKEN_PERMIT:
        ret->kind = ACTION_PERMIT;
        break;
    case TOKEN_DENY:
        ret->kind = ACTION_DENY;
        break;
    case TOKEN_ADD:
        ret->kind = ACTION_ADD;
        break;
    case TOKEN_ISSUE:
        ret->kind = ACTION_ISSUE;
        break;
    case TOKEN_ISSUEPROPERTY:
        ret->kind = ACTION_ISSUEPROPERTY;
        break;
    default:
        return mismatch(p, "'permit', 'deny', 'add', 'issue' or 'issueproperty'");
    }
    advance(p);
    err = take(p, TOKEN_PAREN_OPEN);
    if (err == ERR_OK && ret->kind != ACTION_PERMIT && ret->kind != ACTION_DENY) {
        err = claim_argument(p, ret);
    }
    return err ? err : take(p, TOKEN_PAREN_CLOSE);
}

/* ---- sections ---- */

static err_t rule(struct parser *p, const char *section, struct rule **ret)
{
    struct rule *r;
    err_t err = ERR_OK;

    p->outer = section;
    p->inner = "claimRule";
    if (p->n_rules == POLICY_MAX_RULES) {
        return fail(p, POLICY_FAULT_TOO_LARGE, "a policy has at most 2000 rules");
    }
    p->n_rules++;
    r = allocate(p, 1, sizeof(*r));
    if (r == NULL) {
        return ERR_MEMORY;
    }
    r->offset = (uint32_t)p->token.offset;
    if (p->token.kind == TOKEN_NOT || p->token.kind == TOKEN_NAME ||
        p->token.kind == TOKEN_BRACKET_OPEN) {
        err = conditions(p, r);
        p->outer = section;
        p->inner = "claimRule";
        if (err == ERR_OK && p->token.kind != TOKEN_ARROW) {
            return mismatch(p, "'&&' or '=>'");
        }
    } else if (p->token.kind != TOKEN_ARROW) {
        return mismatch(p, "'[', '!', '=>', a variable or '}'");
    }
    err = err ? err : take(p, TOKEN_ARROW);
    err = err ? err : action(p, &r->action);
    if (err) {
        return err;
    }
    r->end = (uint32_t)p->last_end;
    p->outer = section;
    p->inner = "claimRule";
    err = take(p, TOKEN_SEMICOLON);
    if (err) {
        return err;
    }
    r->line = line_of(p, r->offset);
    *ret = r;
    return ERR_OK;
}

static err_t section(struct parser *p, struct section *section, const char *name)
{
    struct rule **last = &section->rules;
    err_t err;

    p->outer = "policy";
    p->inner = name;
    section->is_present = true;
    section->offset = (uint32_t)p->token.offset;
    advance(p);
    err = take(p, TOKEN_BRACE_OPEN);
    while (err == ERR_OK && p->token.kind != TOKEN_BRACE_CLOSE) {
        err = rule(p, name, last);
        if (err == ERR_OK) {
            last = &(*last)->next;
            section->n_rules++;
        }
        p->outer = "policy";
        p->inner = name;
    }
    err = err ? err : take(p, TOKEN_BRACE_CLOSE);
    return err ? err : take(p, TOKEN_SEMICOLON);
}

static err_t sections(struct parser *p)
{
    static const char *const names[POLICY_SECTIONS] = {"configurationRules", "authorizationRules",
                                                       "issuanceRules"};
    int last = -1;
    err_t err = ERR_OK;

    while (err == ERR_OK && p->token.kind >= TOKEN_CONFIGURATIONRULES &&
           p->token.kind <= TOKEN_ISSUANCERULES) {
        int which = (int)p->token.kind - TOKEN_CONFIGURATIONRULES;

        p->outer = "policy";
        p->inner = names[which];
        if (which <= last) {
            return fail(p, POLICY_FAULT_SECTION_ORDER,
                        "sections stand once each, in the order configurationrules, "
                        "authorizationrules, issuancerules");
        }
        if (which == POLICY_CONFIGURATION && p->policy->minor < 1) {
            return fail(p, POLICY_FAULT_FEATURE_NOT_IN_VERSION,
                        "configurationrules need version 1.1 or 1.2");
        }
        last = which;
        err = section(p, &p->policy->sections[which], names[which]);
    }
    if (err) {
        return err;
    }
    p->outer = "";
    p->inner = "policy";
    if (p->token.kind != TOKEN_END) {
        return mismatch(p, last < POLICY_AUTHORIZATION ? "'authorizationrules'"
                           : last < POLICY_ISSUANCE    ? "'issuancerules' or <EOF>"
                                                       : "<EOF>");
    }
    if (!p->policy->sections[POLICY_AUTHORIZATION].is_present) {
        return fail(p, POLICY_FAULT_MISSING_SECTION, "authorizationrules are missing");
    }
    return ERR_OK;
}

static err_t version(struct parser *p)
{
    err_t err;

    p->outer = "policy";
    p->inner = "versionInfo";
    err = take(p, TOKEN_VERSION);
    err = err ? err : take(p, TOKEN_ASSIGN);
    if (err) {
        return err;
    }
    if (p->token.kind != TOKEN_DECIMAL) {
        return mismatch(p, policy_token_name(TOKEN_DECIMAL));
    }
    if (span_is(text_of(p), "1.0")) {
        p->policy->minor = 0;
    } else if (span_is(text_of(p), "1.1")) {
        p->policy->minor = 1;
    } else if (span_is(text_of(p), "1.2")) {
        p->policy->minor = 2;
    } else {
        return fail(p, POLICY_FAULT_UNSUPPORTED_VERSION, "the versions are 1.0, 1.1 and 1.2");
    }
    advance(p);
    return take(p, TOKEN_SEMICOLON);
}

err_t policy_parse(struct policy *policy, struct policy_fault *fault)
{
    struct parser p = {.policy = policy, .fault = fault, .line = 1};
    err_t err;

    policy_lexer_begin(&p.lexer, policy->source);
    advance(&p);
    err = version(&p);
    return err ? err : sections(&p);
}
