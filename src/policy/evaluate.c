/*
 * evaluate.c - the phases of an evaluation (policy-language sections 6.1 and 6.5).
 */
#include "policy/run.h"

#include <stdlib.h>

enum {
    DEFAULT_PCR_MASK = 0xffffff,
    DEFAULT_VALIDITY_MINUTES = 1440,
};

/* ---- begin and end ---- */

static void run_free(struct run *run)
{
    if (run != NULL) {
        arena_free(run->keep);
        arena_free(run->scratch);
        free(run);
    }
}
DEFINE_CLEANUP(struct run *, run_free)

struct limits {
    uint64_t steps, jmespath_steps;
    size_t memory;
};
static const struct limits configuration_limits = {
    POLICY_CONFIGURE_STEPS, POLICY_CONFIGURE_JMESPATH_STEPS, POLICY_CONFIGURE_MEMORY};
static const struct limits evaluation_limits = {POLICY_MAX_STEPS, POLICY_MAX_JMESPATH_STEPS,
                                                POLICY_MAX_MEMORY};

static struct run *run_new(const struct policy *policy, const struct limits *limits,
                           struct policy_fault *fault)
{
    struct run *run = calloc(1, sizeof(*run));

    if (run == NULL) {
        return NULL;
    }
    run->policy = policy;
    run->fault = fault;
    run->keep = arena_new(limits->memory / 2);
    run->scratch = arena_new(limits->memory / 2);
    if (run->keep == NULL || run->scratch == NULL) {
        run_free(run);
        return NULL;
    }
    run->max_steps = run->steps_left = limits->steps;
    run->budget.steps_left = limits->jmespath_steps;
    claim_index_init(&run->incoming, run->keep);
    claim_index_init(&run->issued, run->keep);
    claim_index_init(&run->properties, run->keep);
    return run;
}

/* Claims for the token alone stay out. */
static err_t take_incoming(struct run *run, const struct claims *incoming)
{
    for (size_t i = 0; i < incoming->n; i++) {
        const struct claim *claim = &incoming->items[i];

        if (claim->kind == CLAIM_JSON) {
            continue;
        }
        if (run->incoming.n == POLICY_MAX_CLAIMS) {
            return run_fail(run, POLICY_FAULT_LIMIT, "evaluation", "there are more than %d claims",
                            POLICY_MAX_CLAIMS);
        }
        if (claim->string.len > POLICY_MAX_STRING) {
            return run_fail(run, POLICY_FAULT_LIMIT, "evaluation",
                            "a claim is longer than %d bytes", POLICY_MAX_STRING);
        }
        if (claim_index_add(&run->incoming, claim) != ERR_OK) {
            return run_no_memory(run);
        }
    }
    return ERR_OK;
}

static err_t dup_claim(struct arena *arena, const struct claim *claim, struct claims *ret)
{
    struct claim copy = *claim;

    copy.type = arena_dup(arena, claim->type);
    copy.string = claim->kind == CLAIM_STRING ? arena_dup(arena, claim->string) : (struct span){0};
    if (copy.type.data == NULL || (claim->kind == CLAIM_STRING && copy.string.data == NULL)) {
        return ERR_MEMORY;
    }
    return claims_add(ret, &copy);
}

/* Into the caller's arena; NULL index: none. Equal ones collapse. */
static err_t hand_out(struct arena *arena, const struct claim_index *index, struct claims **ret)
{
    struct claims *claims = claims_new(arena);

    for (size_t i = 0; claims != NULL && index != NULL && i < index->n; i++) {
        const struct claim_group *group = claim_index_find(index, index->items[i]->type);
        bool is_repeated = false;

        for (uint32_t j = group->first; !is_repeated && j != i; j = index->next[j]) {
            is_repeated = claim_values_equal(index->items[j], index->items[i]);
        }
        if (!is_repeated && dup_claim(arena, index->items[i], claims) != ERR_OK) {
            return ERR_MEMORY;
        }
    }
    if (claims == NULL) {
        return ERR_MEMORY;
    }
    *ret = claims;
    return ERR_OK;
}

/* ---- properties ---- */

static const struct claim *last_of(const struct claim_index *index, const char *type)
{
    const struct claim_group *group =
        index == NULL ? NULL : claim_index_find(index, span_str(type));

    return group == NULL ? NULL : index->items[group->last];
}

/* Kinds and ranges were checked when they were issued, in their own section. */
static err_t read_properties(struct arena *arena, const struct claim_index *issued,
                             enum policy_section section, struct policy_properties *ret)
{
    bool is_early = section == POLICY_CONFIGURATION;
    const struct claim *aik = is_early ? last_of(issued, "require_valid_aik_cert") : NULL;
    const struct claim *mask = is_early ? last_of(issued, "required_pcr_mask") : NULL;
    const struct claim *validity = is_early ? NULL : last_of(issued, "report_validity_in_minutes");
    const struct claim *omit = is_early ? NULL : last_of(issued, "omit_x5c");
    struct policy_properties properties = {
        .section = section,
        .require_valid_aik_cert = aik == NULL || aik->boolean,
        .required_pcr_mask = mask == NULL ? DEFAULT_PCR_MASK : (uint32_t)mask->integer,
        .report_validity_in_minutes =
            validity == NULL ? DEFAULT_VALIDITY_MINUTES : (uint32_t)validity->integer,
        .omit_x5c = omit != NULL && omit->boolean,
        .has_require_valid_aik_cert = aik != NULL,
        .has_required_pcr_mask = mask != NULL,
        .has_report_validity_in_minutes = validity != NULL,
        .has_omit_x5c = omit != NULL,
    };
    err_t err = hand_out(arena, issued, &properties.claims);

    if (err == ERR_OK) {
        *ret = properties;
    }
    return err;
}

/* ---- rules ---- */

/* Where to write down what happened; all NULL when nobody asks. */
struct tracing {
    struct arena *arena;
    struct policy_traced_rule *rule;
};

static err_t trace_rule(struct tracing *tracing, bool has_fired, const char *words)
{
    if (words == NULL) {
        return ERR_MEMORY;
    }
    tracing->rule->was_reached = true;
    tracing->rule->has_fired = has_fired;
    tracing->rule->words = words;
    return ERR_OK;
}

static err_t run_rule(struct run *run, const struct rule *rule, struct tracing *tracing,
                      bool *ret_fired)
{
    struct narrowing narrowing;
    size_t n_made = 0;
    err_t err = ERR_OK;

    run->rule = rule;
    arena_reset(run->scratch);
    for (size_t i = 0; i < rule->n_conditions; i++) {
        const struct selection *selection = &run->selected[i];

        err = run_condition(run, i, tracing == NULL ? NULL : &narrowing);
        if (err) {
            return err;
        }
        if ((selection->n > 0) == rule->conditions[i].is_negative) {
            *ret_fired = false;
            return tracing == NULL ? ERR_OK
                                   : trace_rule(tracing, false,
                                                explain_condition(tracing->arena, run->policy, rule,
                                                                  i, selection, &narrowing));
        }
    }
    err = run_action(run, &n_made);
    if (err) {
        return err;
    }
    *ret_fired = true;
    return tracing == NULL ? ERR_OK
                           : trace_rule(tracing, true, explain_action(tracing->arena, run, n_made));
}

/* Rules of a section. *ret_denied, *ret_permitted: the first of each that fired. */
static err_t run_section(struct run *run, enum policy_section section, struct tracing *tracing,
                         const struct rule **ret_denied, const struct rule **ret_permitted)
{
    run->section = section;
    for (const struct rule *rule = run->policy->sections[section].rules; rule != NULL;
         rule = rule->next) {
        bool has_fired = false;
        err_t err = run_rule(run, rule, tracing, &has_fired);

        if (err) {
            if (tracing != NULL && err == ERR_VALUE) {
                tracing->rule->was_reached = true;
                tracing->rule->is_fault = true;
                tracing->rule->words = arena_printf(tracing->arena, "fails: %s", run->fault->text);
            }
            return err;
        }
        if (has_fired && rule->action.kind == ACTION_DENY) {
            *ret_denied = rule;
            return ERR_OK;
        }
        if (has_fired && rule->action.kind == ACTION_PERMIT && *ret_permitted == NULL) {
            *ret_permitted = rule;
        }
        if (tracing != NULL) {
            tracing->rule++;
        }
    }
    return ERR_OK;
}

err_t policy_configure(struct arena *arena, const struct policy *policy,
                       struct policy_properties *ret, struct policy_fault *fault)
{
    CLEANUP(run_free) struct run *run = run_new(policy, &configuration_limits, fault);
    const struct rule *denied = NULL, *permitted = NULL;
    err_t err;

    if (run == NULL) {
        return ERR_MEMORY;
    }
    err = run_section(run, POLICY_CONFIGURATION, NULL, &denied, &permitted);
    return err ? err : read_properties(arena, &run->properties, POLICY_CONFIGURATION, ret);
}

/* ---- the whole ---- */

static err_t begin_trace(struct arena *arena, const struct policy *policy,
                         struct policy_trace *trace)
{
    size_t n =
        policy->sections[POLICY_AUTHORIZATION].n_rules + policy->sections[POLICY_ISSUANCE].n_rules;
    struct policy_traced_rule *rules = arena_calloc(arena, n == 0 ? 1 : n, sizeof(*rules));
    size_t at = 0;

    if (rules == NULL) {
        return ERR_MEMORY;
    }
    for (int section = POLICY_AUTHORIZATION; section <= POLICY_ISSUANCE; section++) {
        for (const struct rule *rule = policy->sections[section].rules; rule != NULL;
             rule = rule->next) {
            rules[at++] = (struct policy_traced_rule){
                .section = (enum policy_section)section,
                .line = rule->line,
                .text = explain_rule(arena, policy, rule),
                .words = "was not reached",
            };
        }
    }
    *trace = (struct policy_trace){.rules = rules, .n = n};
    return ERR_OK;
}

static err_t decide(struct run *run, struct arena *arena, const struct claims *incoming,
                    const struct policy_trace *trace, struct policy_result *result)
{
    struct tracing tracing = {arena, trace == NULL ? NULL : trace->rules};
    struct tracing *traced = trace == NULL ? NULL : &tracing;
    const struct rule *denied = NULL, *permitted = NULL, *unused = NULL;
    err_t err = take_incoming(run, incoming);

    err = err ? err : run_section(run, POLICY_AUTHORIZATION, traced, &denied, &permitted);
    if (err) {
        return err;
    }
    if (denied != NULL) {
        result->decision = POLICY_DENY_ISSUED;
        result->line = denied->line;
        result->rule = explain_decision(arena, run->policy, denied, "denies");
        return ERR_OK;
    }
    if (permitted == NULL) {
        result->decision = POLICY_NO_PERMIT;
        result->rule = "no rule permits it";
        return ERR_OK;
    }
    if (traced != NULL) {
        tracing.rule = trace->rules + run->policy->sections[POLICY_AUTHORIZATION].n_rules;
    }
    err = run_section(run, POLICY_ISSUANCE, traced, &denied, &unused);
    if (err) {
        return err;
    }
    result->decision = POLICY_PERMIT;
    result->line = permitted->line;
    result->rule = explain_decision(arena, run->policy, permitted, "permits");
    return ERR_OK;
}

static unsigned work_of(const struct run *run)
{
    uint64_t steps = POLICY_MAX_STEPS - run->steps_left;
    uint64_t queries = POLICY_MAX_JMESPATH_STEPS - run->budget.steps_left;
    uint64_t a = steps * 1000 / POLICY_MAX_STEPS;
    uint64_t b = queries * 1000 / POLICY_MAX_JMESPATH_STEPS;

    return (unsigned)(a > b ? a : b);
}

err_t policy_evaluate(struct arena *arena, const struct policy *policy,
                      const struct claims *incoming, struct policy_trace *trace,
                      struct policy_result *ret)
{
    struct policy_result result = {.decision = POLICY_ERROR, .rule = ""};
    CLEANUP(run_free) struct run *run = run_new(policy, &evaluation_limits, &result.fault);
    bool is_permitted;
    err_t err = run == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK && trace != NULL) {
        err = begin_trace(arena, policy, trace);
    }
    err = err ? err : decide(run, arena, incoming, trace, &result);
    ret->work = result.work = run == NULL ? 0 : work_of(run); /* also where something else fails */
    if (err == ERR_VALUE) {
        result.decision = POLICY_ERROR;
        result.line = result.fault.line;
        result.rule =
            arena_printf(arena, "line %u fails: %s", result.fault.line, result.fault.text);
        err = ERR_OK;
    }
    if (err) {
        return err;
    }
    is_permitted = result.decision == POLICY_PERMIT;
    result.is_permitted = is_permitted;
    err = hand_out(arena, is_permitted ? &run->issued : NULL, &result.issued);
    err = err ? err
              : read_properties(arena, is_permitted ? &run->properties : NULL, POLICY_ISSUANCE,
                                &result.properties);
    if (err == ERR_OK && result.rule == NULL) {
        err = ERR_MEMORY;
    }
    if (err == ERR_OK) {
        *ret = result;
    }
    return err;
}

const char *policy_result_message(struct arena *arena, const struct policy_result *result)
{
    switch (result->decision) {
    case POLICY_DENY_ISSUED:
        return "Policy Evaluation Error has occurred\n"
               "Policy Engine Exception: A Deny claim was issued, authorization failed.";
    case POLICY_NO_PERMIT:
        return "Policy Evaluation Error has occurred\n"
               "Policy Engine Exception: A Permit claim was not issued, authorization failed.";
    case POLICY_ERROR:
        return policy_fault_message(arena, &result->fault);
    case POLICY_PERMIT:
    default:
        return "";
    }
}
