/*
 * explain.c - rules, decisions and reasons in words for people.
 *
 * Pieces of the policy and values of claims are escaped and cut.
 */
#include "base/text.h"
#include "policy/format.h"
#include "policy/run.h"

enum { RULE_MAX = 240, PIECE_MAX = 120, VALUE_MAX = 60, SHOWN_CLAIMS = 4, FLAT_MAX = 1024 * 1024 };

static const char *piece(struct arena *arena, struct span source, size_t from, size_t to,
                         size_t max)
{
    CLEANUP(buf_done) struct buf flat = {0};

    buf_init(&flat, FLAT_MAX);
    policy_format_flat(&flat, source, from, to);
    return buf_err(&flat) ? NULL : text_escape_dup(arena, buf_span(&flat), max);
}

const char *explain_rule(struct arena *arena, const struct policy *policy, const struct rule *rule)
{
    return piece(arena, policy->source, rule->offset, rule->end, RULE_MAX);
}

/* ---- decisions ---- */

static const struct test *test_of(const struct condition *condition, enum property property)
{
    for (size_t i = 0; i < condition->n_tests; i++) {
        if (condition->tests[i].property == property) {
            return &condition->tests[i];
        }
    }
    return NULL;
}

/* [type=="x", value==5] is "x is 5"; NULL when it says more than that. */
static const char *plain_words(struct arena *arena, const struct policy *policy,
                               const struct condition *condition)
{
    static const char *const words[] = {"is",         "is not",       "is less than",
                                        "is at most", "is more than", "is at least"};
    const struct test *type = test_of(condition, PROPERTY_TYPE);
    const struct test *value = test_of(condition, PROPERTY_VALUE);
    const char *name;

    if (condition->n_tests > 2 || type == NULL || type->relation != RELATION_EQUAL ||
        type->right->kind != EXPR_STRING || (condition->n_tests == 2 && value == NULL)) {
        return NULL;
    }
    name = text_escape_dup(arena, type->right->string, PIECE_MAX);
    if (value == NULL) {
        return arena_printf(arena, condition->is_negative ? "there is no %s" : "there is %s", name);
    }
    return arena_printf(
        arena, "%s%s %s %s", condition->is_negative ? "no " : "", name, words[value->relation],
        piece(arena, policy->source, value->right->offset, value->right->end, PIECE_MAX));
}

const char *explain_decision(struct arena *arena, const struct policy *policy,
                             const struct rule *rule, const char *verb)
{
    const char *all = "";

    for (size_t i = 0; i < rule->n_conditions && all != NULL; i++) {
        const struct condition *condition = &rule->conditions[i];
        const char *words = plain_words(arena, policy, condition);

        if (words == NULL) {
            words = piece(arena, policy->source, condition->offset, condition->end, PIECE_MAX);
        }
        all =
            words == NULL ? NULL : arena_printf(arena, "%s%s%s", all, i > 0 ? " and " : "", words);
        if (all != NULL && strlen(all) > RULE_MAX) {
            all = text_escape_dup(arena, span_str(all), RULE_MAX);
            break;
        }
    }
    if (all == NULL) {
        return NULL;
    }
    return arena_printf(arena, "line %u %s%s%s", rule->line, verb,
                        all[0] == '\0' ? " without condition" : ": ", all);
}

/* ---- the trace ---- */

static const char *tests_words(struct arena *arena, const struct policy *policy,
                               const struct condition *condition, size_t from, size_t to)
{
    return piece(arena, policy->source, condition->tests[from].offset,
                 condition->tests[to].right->end, PIECE_MAX);
}

const char *explain_condition(struct arena *arena, const struct policy *policy,
                              const struct rule *rule, size_t at, const struct selection *selection,
                              const struct narrowing *narrowing)
{
    const struct condition *condition = &rule->conditions[at];
    const char *which = piece(arena, policy->source, condition->offset, condition->end, PIECE_MAX);
    size_t n = 0;

    if (which == NULL) {
        return NULL;
    }
    if (condition->is_negative) {
        return arena_printf(arena, "condition %zu, %s: %zu claim%s match%s", at + 1, which,
                            selection->n, selection->n == 1 ? "" : "s",
                            selection->n == 1 ? "es" : "");
    }
    while (n + 1 < condition->n_tests && narrowing->left[n] > 0) {
        n++;
    }
    if (n == 0) {
        return arena_printf(arena, "condition %zu, %s: no claim has %s", at + 1, which,
                            tests_words(arena, policy, condition, 0, 0));
    }
    return arena_printf(arena, "condition %zu, %s: of %zu claim%s with %s, none has %s", at + 1,
                        which, narrowing->left[n - 1], narrowing->left[n - 1] == 1 ? "" : "s",
                        tests_words(arena, policy, condition, 0, n - 1),
                        tests_words(arena, policy, condition, n, n));
}

static const char *claim_words(struct arena *arena, const struct claim *claim)
{
    const char *type = text_escape_dup(arena, claim->type, VALUE_MAX);

    switch (claim->kind) {
    case CLAIM_BOOL:
        return arena_printf(arena, "%s = %s", type, claim->boolean ? "true" : "false");
    case CLAIM_INT:
        return arena_printf(arena, "%s = %lld", type, (long long)claim->integer);
    case CLAIM_STRING:
    case CLAIM_JSON:
    default:
        return arena_printf(arena, "%s = \"%s\"", type,
                            text_escape_dup(arena, claim->string, VALUE_MAX));
    }
}

const char *explain_action(struct arena *arena, const struct run *run, size_t n_made)
{
    static const char *const verbs[] = {"permits", "denies", "adds", "issues", "sets"};
    const char *words = verbs[run->rule->action.kind];

    if (run->rule->action.kind == ACTION_ISSUE && run->section == POLICY_AUTHORIZATION) {
        words = "adds (issue is add here)";
    }
    if (run->rule->action.kind >= ACTION_ADD && n_made == 0) {
        return arena_printf(arena, "%s nothing: there is no value", words);
    }
    for (size_t i = 0; i < n_made && words != NULL; i++) {
        if (i == SHOWN_CLAIMS) {
            return arena_printf(arena, "%s and %zu more", words, n_made - i);
        }
        words = arena_printf(arena, "%s%s %s", words, i > 0 ? "," : "",
                             claim_words(arena, run->incoming.items[run->incoming.n - n_made + i]));
    }
    return words;
}
