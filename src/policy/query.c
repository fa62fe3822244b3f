/*
 * query.c - JSON and JMESPath in an evaluation: each document read once, each query compiled once.
 *
 * The text of `events` goes through dozens of rules. What a claim or the policy itself holds stays
 * where it is, so its place is its name here; what a rule makes up on the way is read every time.
 *
 * Who may send these bytes: guests (events, custom claims), and whoever writes the policy.
 */
#include "policy/run.h"

#include "policy/hash-bytes.h"

#include <assert.h>

enum {
    N_SLOTS = 256,
    JSON_STEP_BYTES = 8, /* read for one step: reading is dearer than comparing */
};

static_assert(POLICY_MAX_JSON_DEPTH == (int)JMESPATH_MAX_JSON_DEPTH &&
                  POLICY_MAX_JSON_VALUES == (int)JMESPATH_MAX_JSON_VALUES &&
                  POLICY_MAX_STRING == (int)JMESPATH_MAX_STRING &&
                  POLICY_MAX_JMESPATH_STEPS == (int)JMESPATH_MAX_STEPS,
              "both rooms read the same documents");

struct document {
    struct document *next;
    struct span text;
    const struct jmespath_value *root;
};

struct compiled {
    struct compiled *next;
    struct span text;
    struct jmespath *query;
};

struct parsed {
    struct document *documents[N_SLOTS];
    struct compiled *queries[N_SLOTS];
};

static size_t slot_of(struct span text)
{
    return hash_fold(hash_seed(text.data), text.len | 1) % N_SLOTS;
}

static bool is_place(struct span a, struct span b)
{
    return a.data == b.data && a.len == b.len;
}

static err_t need_parsed(struct run *run)
{
    if (run->parsed == NULL) {
        run->parsed = arena_calloc(run->keep, 1, sizeof(*run->parsed));
    }
    return run->parsed == NULL ? run_no_memory(run) : ERR_OK;
}

static err_t read_json(struct run *run, const char *what, struct arena *arena, struct span text,
                       const struct jmespath_value **ret)
{
    struct trail trail = {0};
    err_t err = run_spend(run, 1 + text.len / JSON_STEP_BYTES);

    err = err ? err : jmespath_read(arena, text, &trail, ret);
    switch (err) {
    case ERR_OK:
    case ERR_VALUE:
        return err;
    case ERR_MEMORY:
        return run_no_memory(run);
    case ERR_TOO_MANY:
    case ERR_TOO_LARGE:
        return run_fail(run, POLICY_FAULT_LIMIT, what, "the JSON has more than %d values",
                        POLICY_MAX_JSON_VALUES);
    case ERR_TOO_DEEP:
        return run_fail(run, POLICY_FAULT_INVALID_JSON, what,
                        "the JSON is nested deeper than %d levels", POLICY_MAX_JSON_DEPTH);
    case ERR_JSON_DUPLICATE:
        return run_fail(run, POLICY_FAULT_INVALID_JSON, what,
                        "the JSON has a member twice in one object");
    case ERR_UNSUPPORTED:
        return run_fail(run, POLICY_FAULT_UNSUPPORTED_JSON, what,
                        "a number in the JSON is too large, or has more digits than can be kept");
    default:
        return run_fail(run, POLICY_FAULT_INVALID_JSON, what, "the text is not valid JSON");
    }
}

err_t run_json(struct run *run, const char *what, const struct value *json,
               const struct jmespath_value **ret)
{
    struct document *document;
    err_t err;

    if (!json->is_kept) {
        return read_json(run, what, run->scratch, json->string, ret);
    }
    err = need_parsed(run);
    if (err) {
        return err;
    }
    document = run->parsed->documents[slot_of(json->string)];
    while (document != NULL && !is_place(document->text, json->string)) {
        document = document->next;
    }
    if (document == NULL) {
        document = arena_calloc(run->keep, 1, sizeof(*document));
        if (document == NULL) {
            return run_no_memory(run);
        }
        err = read_json(run, what, run->keep, json->string, &document->root);
        if (err) {
            return err;
        }
        document->text = json->string;
        document->next = run->parsed->documents[slot_of(json->string)];
        run->parsed->documents[slot_of(json->string)] = document;
    }
    *ret = document->root;
    return ERR_OK;
}

static err_t compile_query(struct run *run, struct arena *arena, struct span text,
                           struct jmespath **ret)
{
    struct trail trail = {0};
    err_t err = run_spend(run, 1 + text.len);

    if (err) {
        return err;
    }
    err = jmespath_compile(arena, text, &trail, ret);
    switch (jmespath_fault(err)) {
    case JMESPATH_OK:
        return ERR_OK;
    case JMESPATH_SYNTAX:
        return run_fail(run, POLICY_FAULT_JMESPATH_SYNTAX, "JmesPath",
                        "the query is not valid: at byte %llu of it",
                        (unsigned long long)trail.offset);
    case JMESPATH_INVALID_ARITY:
    case JMESPATH_UNKNOWN_FUNCTION:
    case JMESPATH_INVALID_TYPE:
    case JMESPATH_INVALID_VALUE:
        return run_fail(run, POLICY_FAULT_JMESPATH_RUNTIME, "JmesPath",
                        "%s at byte %llu of the query", jmespath_fault_name(jmespath_fault(err)),
                        (unsigned long long)trail.offset);
    case JMESPATH_LIMIT:
        return run_fail(run, POLICY_FAULT_JMESPATH_SYNTAX, "JmesPath",
                        "the query is longer or nested deeper than queries may be");
    case JMESPATH_OTHER:
    default:
        return err == ERR_MEMORY ? run_no_memory(run) : err;
    }
}

static err_t query_of(struct run *run, const struct value *text, struct jmespath **ret)
{
    struct compiled *compiled;
    err_t err;

    if (!text->is_kept) {
        return compile_query(run, run->scratch, text->string, ret);
    }
    err = need_parsed(run);
    if (err) {
        return err;
    }
    compiled = run->parsed->queries[slot_of(text->string)];
    while (compiled != NULL && !is_place(compiled->text, text->string)) {
        compiled = compiled->next;
    }
    if (compiled == NULL) {
        compiled = arena_calloc(run->keep, 1, sizeof(*compiled));
        if (compiled == NULL) {
            return run_no_memory(run);
        }
        err = compile_query(run, run->keep, text->string, &compiled->query);
        if (err) {
            return err;
        }
        compiled->text = text->string;
        compiled->next = run->parsed->queries[slot_of(text->string)];
        run->parsed->queries[slot_of(text->string)] = compiled;
    }
    *ret = compiled->query;
    return ERR_OK;
}

err_t run_jmespath(struct run *run, const struct value *json, const struct value *query,
                   struct span *ret)
{
    const struct jmespath_value *root = NULL;
    const struct jmespath_value *result = NULL;
    struct jmespath *compiled = NULL;
    struct trail trail = {0};
    err_t err = run_json(run, "JmesPath", json, &root);

    err = err ? err : query_of(run, query, &compiled);
    if (err) {
        return err;
    }
    err = jmespath_search(compiled, run->scratch, root, &run->budget, &trail, &result);
    err = err ? err
              : jmespath_to_text(run->scratch, result, JMESPATH_COMPACT, &run->budget, &trail, ret);
    switch (jmespath_fault(err)) {
    case JMESPATH_OK:
        return ERR_OK;
    case JMESPATH_LIMIT:
        return run_fail(run, POLICY_FAULT_LIMIT, "JmesPath",
                        "the query takes too many steps or makes too large a value");
    case JMESPATH_OTHER:
        return err == ERR_MEMORY ? run_no_memory(run) : err;
    case JMESPATH_SYNTAX:
    case JMESPATH_INVALID_TYPE:
    case JMESPATH_INVALID_VALUE:
    case JMESPATH_INVALID_ARITY:
    case JMESPATH_UNKNOWN_FUNCTION:
    default:
        return run_fail(run, POLICY_FAULT_JMESPATH_RUNTIME, "JmesPath", "the query fails: %s",
                        jmespath_fault_name(jmespath_fault(err)));
    }
}
