/*
 * action.c - what a rule does when its conditions hold (policy-language sections 6.4, 8 and 9).
 */
#include "policy/run.h"

/* Does the action put claims where the outside sees them? In authorization, issue is add. */
static bool is_outgoing(const struct run *run)
{
    return run->rule->action.kind == ACTION_ISSUEPROPERTY ||
           (run->rule->action.kind == ACTION_ISSUE && run->section == POLICY_ISSUANCE);
}

static const char *verb(const struct run *run)
{
    return policy_action_name(run->rule->action.kind);
}

/* Is an equal claim there? */
static err_t is_known(struct run *run, const struct claim_index *set, const struct claim *claim,
                      bool *ret)
{
    const struct claim_group *group = claim_index_find(set, claim->type);

    *ret = false;
    for (uint32_t i = group == NULL ? CLAIM_INDEX_NONE : group->first;
         !*ret && i != CLAIM_INDEX_NONE; i = set->next[i]) {
        err_t err = set->items[i]->string.len == claim->string.len
                        ? run_spend_bytes(run, claim->string.len)
                        : run_spend(run, 1);

        if (err) {
            return err;
        }
        *ret = claim_values_equal(set->items[i], claim);
    }
    return ERR_OK;
}

/* One more claim into a set that leaves the evaluation. */
static err_t put_out(struct run *run, struct claim_index *set, const struct claim *claim)
{
    size_t bytes = claim->type.len + claim->string.len;

    if (set->n == POLICY_MAX_ISSUED) {
        return run_fail(run, POLICY_FAULT_LIMIT, verb(run), "more than %d claims are issued",
                        POLICY_MAX_ISSUED);
    }
    if (bytes > POLICY_MAX_ISSUED_BYTES - run->issued_bytes) {
        return run_fail(run, POLICY_FAULT_LIMIT, verb(run),
                        "the issued claims have more than %d bytes", POLICY_MAX_ISSUED_BYTES);
    }
    run->issued_bytes += bytes;
    return claim_index_add(set, claim) ? run_no_memory(run) : ERR_OK;
}

static err_t issue_claim(struct run *run, const struct claim *claim)
{
    bool is_there = false;
    err_t err;

    if (policy_is_reserved(claim->type)) {
        return run_fail(run, POLICY_FAULT_RESERVED_CLAIM, verb(run),
                        "the service itself writes this claim");
    }
    err = is_known(run, &run->issued, claim, &is_there);
    return err || is_there ? err : put_out(run, &run->issued, claim);
}

static err_t issue_property(struct run *run, const struct claim *claim)
{
    const char *wanted = "";
    enum policy_fault_kind kind = policy_property_fault(run->section, claim->type, claim, &wanted);

    if (kind != POLICY_FAULT_NONE) {
        return run_fail(run, kind, verb(run), "the property must be %s", wanted);
    }
    return put_out(run, &run->properties, claim);
}

/* A claim into the incoming set, and where its action says besides. */
static err_t make(struct run *run, const struct claim *claim)
{
    struct claim *made;
    err_t err;

    if (run->incoming.n == POLICY_MAX_CLAIMS) {
        return run_fail(run, POLICY_FAULT_LIMIT, verb(run), "there are more than %d claims",
                        POLICY_MAX_CLAIMS);
    }
    made = arena_alloc(run->keep, sizeof(*made));
    if (made == NULL) {
        return run_no_memory(run);
    }
    *made = *claim;
    made->issuer = CLAIM_POLICY;
    err = run_spend_bytes(run, claim->type.len);
    if (err == ERR_OK && is_outgoing(run)) {
        err = run->rule->action.kind == ACTION_ISSUE ? issue_claim(run, made)
                                                     : issue_property(run, made);
    }
    if (err) {
        return err;
    }
    return claim_index_add(&run->incoming, made) ? run_no_memory(run) : ERR_OK;
}

static err_t read_only(struct run *run)
{
    return run_fail(run, POLICY_FAULT_READ_ONLY, verb(run), "the value is read-only");
}

static err_t copy_claims(struct run *run)
{
    const struct selection *from = &run->selected[run->rule->action.variable];
    err_t err = ERR_OK;

    for (size_t i = 0; is_outgoing(run) && i < from->n; i++) {
        if (from->items[i]->is_read_only) {
            return read_only(run);
        }
    }
    for (size_t i = 0; err == ERR_OK && i < from->n; i++) {
        err = make(run, from->items[i]);
    }
    return err;
}

/* ---- from fields ---- */

static err_t string_field(struct run *run, const struct expr *e, const char *name,
                          struct values *ret)
{
    err_t err = run_expression(run, e, ret);

    if (err) {
        return err;
    }
    if (ret->n != 1) {
        return run_fail(run, POLICY_FAULT_NOT_SINGLE_VALUE, verb(run),
                        "%s has %zu values, where one is needed", name, ret->n);
    }
    if (ret->items[0].kind != CLAIM_STRING) {
        return run_fail(run, POLICY_FAULT_TYPE_MISMATCH, verb(run),
                        "%s is of kind %s, where String is needed", name,
                        claim_kind_name(ret->items[0].kind));
    }
    if (ret->items[0].string.len == 0) {
        return run_fail(run, POLICY_FAULT_EMPTY_ARGUMENT, verb(run), "%s is empty", name);
    }
    return ERR_OK;
}

static err_t check_value_type(struct run *run, const struct values *values)
{
    struct values type = {0};
    err_t err;

    if (run->rule->action.value_type == NULL) {
        return ERR_OK;
    }
    err = string_field(run, run->rule->action.value_type, "valueType", &type);
    for (size_t i = 0; err == ERR_OK && i < values->n; i++) {
        if (!span_is(type.items[0].string, claim_kind_name(values->items[i].kind))) {
            return run_fail(run, POLICY_FAULT_TYPE_MISMATCH, verb(run),
                            "a value is not of the given valueType");
        }
    }
    return err;
}

/* The string of a value that is to last. */
static err_t keep_string(struct run *run, const struct value *value, struct span *ret)
{
    struct span copy = value->string;
    err_t err = ERR_OK;

    if (!value->is_kept && value->kind == CLAIM_STRING) {
        if (value->string.len > POLICY_MAX_STRING) {
            return run_fail(run, POLICY_FAULT_LIMIT, verb(run),
                            "the string is longer than %d bytes", POLICY_MAX_STRING);
        }
        err = run_spend_bytes(run, value->string.len);
        copy = err ? copy : arena_dup(run->keep, value->string);
        if (err == ERR_OK && copy.data == NULL) {
            return run_no_memory(run);
        }
    }
    if (err == ERR_OK) {
        *ret = copy;
    }
    return err;
}

static err_t from_fields(struct run *run)
{
    const struct action *action = &run->rule->action;
    struct values type = {0}, values = {0};
    struct claim claim = {0};
    err_t err = string_field(run, action->type, "type", &type);

    err = err ? err : run_expression(run, action->value, &values);
    err = err ? err : check_value_type(run, &values);
    if (err || values.n == 0) {
        return err;
    }
    if (is_outgoing(run) && (values.is_read_only || type.is_read_only)) {
        return read_only(run);
    }
    err = keep_string(run, &type.items[0], &claim.type);
    claim.is_read_only = values.is_read_only || type.is_read_only;
    for (size_t i = 0; err == ERR_OK && i < values.n; i++) {
        claim.kind = values.items[i].kind;
        claim.boolean = values.items[i].boolean;
        claim.integer = values.items[i].integer;
        err = keep_string(run, &values.items[i], &claim.string);
        err = err ? err : make(run, &claim);
    }
    return err;
}

err_t run_action(struct run *run, size_t *ret_n)
{
    size_t before = run->incoming.n;
    err_t err = ERR_OK;

    switch (run->rule->action.kind) {
    case ACTION_PERMIT:
    case ACTION_DENY:
        break;
    case ACTION_ADD:
    case ACTION_ISSUE:
    case ACTION_ISSUEPROPERTY:
    default:
        err = run->rule->action.claim.data != NULL ? copy_claims(run) : from_fields(run);
        break;
    }
    if (err == ERR_OK) {
        *ret_n = run->incoming.n - before;
    }
    return err;
}
