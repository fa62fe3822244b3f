/*
 * parser.c - the words of a policy into its tree (policy-language section 3).
 *
 * Recursive descent, one function a production; the first fault ends the reading.
 */
#include "policy/parser.h"

#include <string.h>

/* Of offset, which only grows: every byte is counted once. */
static uint32_t line_of(struct parser *p, size_t offset)
{
    for (; p->counted < offset; p->counted++) {
        p->line += p->policy->source.data[p->counted] == '\n' ? 1 : 0;
    }
    return p->line;
}

/* ---- conditions ---- */

static err_t relation(struct parser *p, enum relation *ret)
{
    static const enum token_kind kinds[] = {TOKEN_EQUAL,      TOKEN_NOT_EQUAL, TOKEN_LESS,
                                            TOKEN_LESS_EQUAL, TOKEN_GREATER,   TOKEN_GREATER_EQUAL};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (p->token.kind == kinds[i]) {
            policy_parser_advance(p);
            *ret = (enum relation)i;
            return ERR_OK;
        }
    }
    return policy_parser_mismatch(p, "'==', '!=', '<', '<=', '>' or '>='");
}

static err_t test(struct parser *p, struct test *ret)
{
    err_t err;

    p->inner = "claimPropertyCondition";
    ret->offset = (uint32_t)p->token.offset;
    err = policy_parser_property(p, &ret->property);
    err = err ? err : relation(p, &ret->relation);
    err = err ? err : policy_parser_expression(p, &ret->right);
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
            return policy_parser_fail(p, POLICY_FAULT_SYNTAX, "a condition has at most 16 tests");
        }
        if (n > 0) {
            policy_parser_advance(p); /* the comma */
        }
        err = test(p, &found[n++]);
    } while (err == ERR_OK && p->token.kind == TOKEN_COMMA);
    if (err) {
        return err;
    }
    condition->tests = policy_parser_allocate(p, n, sizeof(*condition->tests));
    if (condition->tests == NULL) {
        return ERR_MEMORY;
    }
    memcpy(condition->tests, found, n * sizeof(found[0]));
    condition->n_tests = n;
    return p->token.kind == TOKEN_BRACKET_CLOSE ? policy_parser_take(p, TOKEN_BRACKET_CLOSE)
                                                : policy_parser_mismatch(p, "',' or ']'");
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
            return policy_parser_fail(p, POLICY_FAULT_FEATURE_NOT_IN_VERSION,
                                      "conditions with '!' need version 1.2");
        }
        policy_parser_advance(p);
    } else if (p->token.kind == TOKEN_NAME) {
        ret->variable = policy_parser_text(p);
        ret->variable_offset = (uint32_t)p->token.offset;
        policy_parser_advance(p);
        err = policy_parser_take(p, TOKEN_COLON);
        if (err) {
            return err;
        }
    }
    err = policy_parser_take(p, TOKEN_BRACKET_OPEN);
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
            return policy_parser_fail(p, POLICY_FAULT_SYNTAX, "a rule has at most 32 conditions");
        }
        if (n > 0) {
            policy_parser_advance(p); /* the && */
        }
        err = condition(p, &found[n++]);
    } while (err == ERR_OK && p->token.kind == TOKEN_AND);
    if (err) {
        return err;
    }
    rule->conditions = policy_parser_allocate(p, n, sizeof(*rule->conditions));
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
        return policy_parser_fail(p, POLICY_FAULT_SYNTAX,
                                  "the issuer of a new claim cannot be chosen");
    default:
        return policy_parser_mismatch(p, "'type', 'value' or 'valueType'");
    }
    if (*at != NULL) {
        return policy_parser_fail(p, POLICY_FAULT_SYNTAX, "the field stands here twice");
    }
    policy_parser_advance(p);
    err = policy_parser_take(p, TOKEN_ASSIGN);
    return err ? err : policy_parser_expression(p, at);
}

static err_t fields(struct parser *p, struct action *action)
{
    bool is_first = true;
    err_t err = ERR_OK;

    do {
        if (!is_first) {
            policy_parser_advance(p); /* the comma */
        }
        is_first = false;
        err = field(p, action);
    } while (err == ERR_OK && p->token.kind == TOKEN_COMMA);
    if (err) {
        return err;
    }
    if (action->type == NULL || action->value == NULL) {
        return policy_parser_mismatch(p,
                                      action->type == NULL ? "',' and 'type'" : "',' and 'value'");
    }
    return ERR_OK;
}

static err_t claim_argument(struct parser *p, struct action *action)
{
    err_t err;

    if (p->token.kind != TOKEN_CLAIM) {
        return fields(p, action);
    }
    policy_parser_advance(p);
    err = policy_parser_take(p, TOKEN_ASSIGN);
    if (err) {
        return err;
    }
    if (p->token.kind != TOKEN_NAME) {
        return policy_parser_mismatch(p, "a variable");
    }
    action->claim = policy_parser_text(p);
    action->claim_offset = (uint32_t)p->token.offset;
    action->variable = POLICY_NO_VARIABLE;
    policy_parser_advance(p);
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
        return policy_parser_mismatch(p, "'permit', 'deny', 'add', 'issue' or 'issueproperty'");
    }
    policy_parser_advance(p);
    err = policy_parser_take(p, TOKEN_PAREN_OPEN);
    if (err == ERR_OK && ret->kind != ACTION_PERMIT && ret->kind != ACTION_DENY) {
        err = claim_argument(p, ret);
    }
    return err ? err : policy_parser_take(p, TOKEN_PAREN_CLOSE);
}

/* ---- sections ---- */

static err_t rule(struct parser *p, const char *section, struct rule **ret)
{
    struct rule *r;
    err_t err = ERR_OK;

    p->outer = section;
    p->inner = "claimRule";
    if (p->n_rules == POLICY_MAX_RULES) {
        return policy_parser_fail(p, POLICY_FAULT_TOO_LARGE, "a policy has at most 2000 rules");
    }
    p->n_rules++;
    r = policy_parser_allocate(p, 1, sizeof(*r));
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
            return policy_parser_mismatch(p, "'&&' or '=>'");
        }
    } else if (p->token.kind != TOKEN_ARROW) {
        return policy_parser_mismatch(p, "'[', '!', '=>', a variable or '}'");
    }
    err = err ? err : policy_parser_take(p, TOKEN_ARROW);
    err = err ? err : action(p, &r->action);
    if (err) {
        return err;
    }
    r->end = (uint32_t)p->last_end;
    p->outer = section;
    p->inner = "claimRule";
    err = policy_parser_take(p, TOKEN_SEMICOLON);
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
    policy_parser_advance(p);
    err = policy_parser_take(p, TOKEN_BRACE_OPEN);
    while (err == ERR_OK && p->token.kind != TOKEN_BRACE_CLOSE) {
        err = rule(p, name, last);
        if (err == ERR_OK) {
            last = &(*last)->next;
            section->n_rules++;
        }
        p->outer = "policy";
        p->inner = name;
    }
    err = err ? err : policy_parser_take(p, TOKEN_BRACE_CLOSE);
    return err ? err : policy_parser_take(p, TOKEN_SEMICOLON);
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
            return policy_parser_fail(p, POLICY_FAULT_SECTION_ORDER,
                                      "sections stand once each, in the order configurationrules, "
                                      "authorizationrules, issuancerules");
        }
        if (which == POLICY_CONFIGURATION && p->policy->minor < 1) {
            return policy_parser_fail(p, POLICY_FAULT_FEATURE_NOT_IN_VERSION,
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
        return policy_parser_mismatch(p, last < POLICY_AUTHORIZATION ? "'authorizationrules'"
                                         : last < POLICY_ISSUANCE    ? "'issuancerules' or <EOF>"
                                                                     : "<EOF>");
    }
    if (!p->policy->sections[POLICY_AUTHORIZATION].is_present) {
        return policy_parser_fail(p, POLICY_FAULT_MISSING_SECTION,
                                  "authorizationrules are missing");
    }
    return ERR_OK;
}

static err_t version(struct parser *p)
{
    err_t err;

    p->outer = "policy";
    p->inner = "versionInfo";
    err = policy_parser_take(p, TOKEN_VERSION);
    err = err ? err : policy_parser_take(p, TOKEN_ASSIGN);
    if (err) {
        return err;
    }
    if (p->token.kind != TOKEN_DECIMAL) {
        return policy_parser_mismatch(p, policy_token_name(TOKEN_DECIMAL));
    }
    if (span_is(policy_parser_text(p), "1.0")) {
        p->policy->minor = 0;
    } else if (span_is(policy_parser_text(p), "1.1")) {
        p->policy->minor = 1;
    } else if (span_is(policy_parser_text(p), "1.2")) {
        p->policy->minor = 2;
    } else {
        return policy_parser_fail(p, POLICY_FAULT_UNSUPPORTED_VERSION,
                                  "the versions are 1.0, 1.1 and 1.2");
    }
    policy_parser_advance(p);
    return policy_parser_take(p, TOKEN_SEMICOLON);
}

err_t policy_parse(struct policy *policy, struct policy_fault *fault)
{
    struct parser p = {.policy = policy, .fault = fault, .line = 1};
    err_t err;

    policy_lexer_begin(&p.lexer, policy->source);
    policy_parser_advance(&p);
    err = version(&p);
    return err ? err : sections(&p);
}
