/*
 * expression.c - literals, properties of variables, and the six functions (policy-language 7).
 */
#include "policy/run.h"

static err_t access(struct run *run, const struct expr *e, struct values *ret)
{
    const struct selection *selection = &run->selected[e->variable];
    struct collector collector = {0};
    bool is_read_only = false;

    if (selection->n == 1) {
        return values_one(run, value_of_property(selection->items[0], e->property),
                          e->property == PROPERTY_VALUE && selection->items[0]->is_read_only, ret);
    }
    for (size_t i = 0; i < selection->n; i++) {
        struct value value = value_of_property(selection->items[i], e->property);
        err_t err = collector_add(run, &collector, &value);

        if (err) {
            return err;
        }
        is_read_only |= e->property == PROPERTY_VALUE && selection->items[i]->is_read_only;
    }
    *ret = collector_values(&collector, is_read_only);
    return ERR_OK;
}

err_t run_expression(struct run *run, const struct expr *e, struct values *ret)
{
    struct value value = {.is_kept = true};

    switch (e->kind) {
    case EXPR_STRING:
        return values_one(run, value_string(e->string, true), false, ret);
    case EXPR_INT:
        value.kind = CLAIM_INT;
        value.integer = e->integer;
        return values_one(run, value, false, ret);
    case EXPR_BOOL:
        value.kind = CLAIM_BOOL;
        value.boolean = e->boolean;
        return values_one(run, value, false, ret);
    case EXPR_ACCESS:
        return access(run, e, ret);
    case EXPR_CALL:
    default:
        return run_call(run, e, ret);
    }
}

/* ---- functions ---- */

static const char *const ordinals[POLICY_MAX_ARGUMENTS] = {"first", "second"};

/* The one value of an argument; NULL when there is another number of them: the fault is said. */
static const struct value *need_single(struct run *run, const struct expr *e,
                                       const struct values *args, size_t i)
{
    if (args[i].n == 1) {
        return args[i].items;
    }
    run_fail(run, POLICY_FAULT_NOT_SINGLE_VALUE, policy_function_name(e->function),
             "the %s argument has %zu values, where one is needed", ordinals[i], args[i].n);
    return NULL;
}

static const struct value *need_kind(struct run *run, const struct expr *e,
                                     const struct values *args, size_t i, enum claim_kind kind)
{
    const struct value *value = need_single(run, e, args, i);

    if (value == NULL || value->kind == kind) {
        return value;
    }
    run_fail(run, POLICY_FAULT_TYPE_MISMATCH, policy_function_name(e->function),
             "the %s argument is of kind %s, where %s is needed", ordinals[i],
             claim_kind_name(value->kind), claim_kind_name(kind));
    return NULL;
}

static const struct value *need_text(struct run *run, const struct expr *e,
                                     const struct values *args, size_t i)
{
    const struct value *value = need_kind(run, e, args, i, CLAIM_STRING);

    if (value == NULL || value->string.len > 0) {
        return value;
    }
    run_fail(run, POLICY_FAULT_EMPTY_ARGUMENT, policy_function_name(e->function),
             "the %s argument is empty", ordinals[i]);
    return NULL;
}

static err_t jmes_path(struct run *run, const struct expr *e, const struct values *args,
                       struct values *ret)
{
    const struct value *json = need_text(run, e, args, 0);
    const struct value *query = json == NULL ? NULL : need_text(run, e, args, 1);
    struct span text = {0};
    err_t err;

    if (query == NULL) {
        return ERR_VALUE;
    }
    err = run_jmespath(run, json, query, &text);
    return err ? err
               : values_one(run, value_string(text, false),
                            args[0].is_read_only || args[1].is_read_only, ret);
}

/* A scalar of JSON; null adds nothing. */
static err_t add_json(struct run *run, struct collector *collector,
                      const struct jmespath_value *json, bool is_kept)
{
    static const char what[] = "JsonToClaimValue";
    struct value value = {.is_kept = true};

    switch (jmespath_kind(json)) {
    case JMESPATH_NULL:
        return ERR_OK;
    case JMESPATH_BOOLEAN:
        value.kind = CLAIM_BOOL;
        value.boolean = jmespath_is_true(json);
        break;
    case JMESPATH_NUMBER:
        value.kind = CLAIM_INT;
        if (!jmespath_integer(json, &value.integer)) {
            return run_fail(run, POLICY_FAULT_UNSUPPORTED_JSON, what,
                            "a number has a fraction or does not fit into 64 bits");
        }
        break;
    case JMESPATH_STRING:
        value = value_string(jmespath_string(json), is_kept);
        break;
    case JMESPATH_ARRAY:
    case JMESPATH_OBJECT:
    default:
        return run_fail(run, POLICY_FAULT_UNSUPPORTED_JSON, what,
                        "objects, and arrays in arrays, are no claim values");
    }
    return collector_add(run, collector, &value);
}

static err_t json_to_claim_value(struct run *run, const struct expr *e, const struct values *args,
                                 struct values *ret)
{
    const struct value *text = need_text(run, e, args, 0);
    const struct jmespath_value *json = NULL;
    struct collector collector = {0};
    err_t err;

    if (text == NULL) {
        return ERR_VALUE;
    }
    err = run_json(run, policy_function_name(e->function), text, &json);
    if (err) {
        return err;
    }
    if (jmespath_kind(json) != JMESPATH_ARRAY) {
        err = add_json(run, &collector, json, text->is_kept);
    }
    for (size_t i = 0;
         err == ERR_OK && jmespath_kind(json) == JMESPATH_ARRAY && i < jmespath_count(json); i++) {
        err = add_json(run, &collector, jmespath_item(json, i), text->is_kept);
    }
    if (err) {
        return err;
    }
    *ret = collector_values(&collector, args[0].is_read_only);
    return ERR_OK;
}

static err_t boolean(struct run *run, bool value, bool is_read_only, struct values *ret)
{
    return values_one(run, (struct value){.kind = CLAIM_BOOL, .boolean = value, .is_kept = true},
                      is_read_only, ret);
}

static err_t is_subset_of(struct run *run, const struct values *args, struct values *ret)
{
    bool is_in = true;

    for (size_t i = 0; is_in && i < args[0].n; i++) {
        err_t err = values_have(run, &args[1], &args[0].items[i], &is_in);

        if (err) {
            return err;
        }
    }
    return boolean(run, is_in, false, ret);
}

static err_t append_string(struct run *run, const struct expr *e, const struct values *args,
                           struct values *ret)
{
    const struct value *first = need_kind(run, e, args, 0, CLAIM_STRING);
    const struct value *second = first == NULL ? NULL : need_kind(run, e, args, 1, CLAIM_STRING);
    struct span a, b;
    uint8_t *text;
    err_t err;

    if (second == NULL) {
        return ERR_VALUE;
    }
    a = first->string;
    b = second->string;
    if (a.len > POLICY_MAX_STRING || b.len > POLICY_MAX_STRING - a.len) {
        return run_fail(run, POLICY_FAULT_LIMIT, policy_function_name(e->function),
                        "the string would be longer than %d bytes", POLICY_MAX_STRING);
    }
    err = run_spend_bytes(run, a.len + b.len);
    if (err) {
        return err;
    }
    text = arena_alloc(run->scratch, a.len + b.len + 1);
    if (text == NULL) {
        return run_no_memory(run);
    }
    if (a.len > 0) {
        memcpy(text, a.data, a.len);
    }
    if (b.len > 0) {
        memcpy(text + a.len, b.data, b.len);
    }
    return values_one(run, value_string(span_of(text, a.len + b.len), false),
                      args[0].is_read_only || args[1].is_read_only, ret);
}

static err_t negate_bool(struct run *run, const struct expr *e, const struct values *args,
                         struct values *ret)
{
    const struct value *value = need_kind(run, e, args, 0, CLAIM_BOOL);

    return value == NULL ? ERR_VALUE : boolean(run, !value->boolean, args[0].is_read_only, ret);
}

static err_t contains_only_value(struct run *run, const struct expr *e, const struct values *args,
                                 struct values *ret)
{
    const struct value *value = need_single(run, e, args, 1);

    if (value == NULL) {
        return ERR_VALUE;
    }
    /* Values are distinct: all are equal to one when there is one, which is equal to it. */
    return boolean(run, args[0].n == 1 && values_equal(&args[0].items[0], value), false, ret);
}

/* Calls nest as deep as the parser lets them. */
err_t run_call(struct run *run, const struct expr *e, struct values *ret)
{
    struct values args[POLICY_MAX_ARGUMENTS] = {{0}};
    err_t err = run_spend(run, 1);

    for (size_t i = 0; err == ERR_OK && i < e->n_args; i++) {
        err = run_expression(run, e->args[i], &args[i]);
    }
    if (err) {
        return err;
    }
    switch (e->function) {
    case FUNCTION_JMESPATH:
        return jmes_path(run, e, args, ret);
    case FUNCTION_JSON_TO_CLAIM_VALUE:
        return json_to_claim_value(run, e, args, ret);
    case FUNCTION_IS_SUBSET_OF:
        return is_subset_of(run, args, ret);
    case FUNCTION_APPEND_STRING:
        return append_string(run, e, args, ret);
    case FUNCTION_NEGATE_BOOL:
        return negate_bool(run, e, args, ret);
    case FUNCTION_CONTAINS_ONLY_VALUE:
        return contains_only_value(run, e, args, ret);
    case FUNCTION_COUNT:
    default:
        return ERR_INTERNAL;
    }
}
