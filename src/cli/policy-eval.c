/*
 * policy-eval.c - bootwarden policy eval: what a policy decides on claims from a file.
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/policy.h"
#include "policy/claims-read.h"

enum { ARENA_BYTES = 512 * 1024 * 1024, CLAIMS_MAX_BYTES = 32 * 1024 * 1024, SHOWN_MAX = 400 };

static const char *const outputs[] = {"text", "json", NULL};

struct eval {
    struct arena *arena;
    const char *path, *claims_path;
    bool is_json, is_explained;
    struct span source;
    struct claims *claims;
    struct policy_properties configured;
    struct policy_result result;
    struct policy_trace trace;
    struct policy_fault fault; /* of reading or configuration; kind NONE: there is a result */
};

static bool is_failed(const struct eval *e)
{
    return e->fault.kind != POLICY_FAULT_NONE || e->result.decision == POLICY_ERROR;
}

static const struct policy_fault *fault_of(const struct eval *e)
{
    return e->fault.kind != POLICY_FAULT_NONE ? &e->fault : &e->result.fault;
}

static int exit_code(const struct eval *e)
{
    return is_failed(e) ? EXIT_USAGE : e->result.is_permitted ? EXIT_YES : EXIT_NO;
}

/* ---- JSON ---- */

static yyjson_mut_val *value_json(yyjson_mut_doc *doc, const struct claim *claim)
{
    return claim->kind == CLAIM_BOOL ? yyjson_mut_bool(doc, claim->boolean)
           : claim->kind == CLAIM_INT
               ? yyjson_mut_sint(doc, claim->integer)
               : yyjson_mut_strncpy(doc, (const char *)claim->string.data, claim->string.len);
}

static void add_claims(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct claims *claims,
                       const char *section)
{
    for (size_t i = 0; i < claims->n; i++) {
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

        json_add_span(doc, object, "type", claims->items[i].type);
        json_add_value(doc, object, "value", value_json(doc, &claims->items[i]));
        if (section != NULL) {
            json_add_text(doc, object, "section", section);
        }
    }
}

static void add_explanation(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct eval *e)
{
    yyjson_mut_val *list = json_add_array(doc, root, "explain");

    for (size_t i = 0; i < e->trace.n; i++) {
        const struct policy_traced_rule *rule = &e->trace.rules[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, object, "section", policy_section_name(rule->section));
        json_add_uint(doc, object, "line", rule->line);
        json_add_text(doc, object, "rule", rule->text);
        json_add_bool(doc, object, "reached", rule->was_reached);
        json_add_bool(doc, object, "fired", rule->has_fired);
        json_add_text(doc, object, "why", rule->words);
    }
}

static void add_decision(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct eval *e)
{
    const struct policy_result *result = &e->result;
    yyjson_mut_val *properties;

    json_add_text(doc, root, "result", result->is_permitted ? "permit" : "deny");
    if (!result->is_permitted) {
        json_add_text(doc, root, "reason",
                      result->decision == POLICY_DENY_ISSUED ? "deny-issued" : "no-permit");
    }
    json_add_text(doc, root, "rule", result->rule);
    add_claims(doc, json_add_array(doc, root, "issued"), result->issued, NULL);
    properties = json_add_array(doc, root, "properties");
    if (result->is_permitted) {
        add_claims(doc, properties, e->configured.claims,
                   policy_section_name(e->configured.section));
        add_claims(doc, properties, result->properties.claims,
                   policy_section_name(result->properties.section));
        claims_to_json(doc, result->issued, json_add_object(doc, root, "token_claims"));
    }
}

static int print_json(const struct eval *e)
{
    yyjson_mut_doc *doc = json_new(e->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    int code;

    if (root == NULL) {
        cli_complain("policy", "out of memory");
        return EXIT_INTERNAL;
    }
    if (is_failed(e)) {
        json_add_text(doc, root, "result", "error");
        json_add_value(doc, root, "error", policy_fault_json(e->arena, doc, fault_of(e)));
    } else {
        add_decision(doc, root, e);
    }
    if (e->is_explained && e->fault.kind == POLICY_FAULT_NONE) {
        add_explanation(doc, root, e);
    }
    code = policy_print_json(e->arena, doc, root);
    return code == EXIT_YES ? exit_code(e) : code;
}

/* ---- text ---- */

static void print_claims(const char *title, struct arena *arena, const struct claims *claims)
{
    if (claims->n > 0) {
        printf("%s:\n", title);
    }
    for (size_t i = 0; i < claims->n; i++) {
        const struct claim *claim = &claims->items[i];

        printf("  %s = ", text_escape_dup(arena, claim->type, SHOWN_MAX));
        if (claim->kind == CLAIM_BOOL) {
            puts(claim->boolean ? "true" : "false");
        } else if (claim->kind == CLAIM_INT) {
            printf("%lld\n", (long long)claim->integer);
        } else {
            printf("\"%s\"\n", text_escape_dup(arena, claim->string, SHOWN_MAX));
        }
    }
}

static void print_explanation(const struct eval *e)
{
    for (size_t i = 0; i < e->trace.n; i++) {
        const struct policy_traced_rule *rule = &e->trace.rules[i];

        if (i == 0 || rule->section != e->trace.rules[i - 1].section) {
            printf("%s:\n", policy_section_name(rule->section));
        }
        printf("  line %u: %s\n    %s%s\n", rule->line, rule->text,
               rule->has_fired                        ? "fired: "
               : rule->was_reached && !rule->is_fault ? "did not fire: "
                                                      : "",
               rule->words);
    }
}

static int print_text(const struct eval *e)
{
    if (e->is_explained && e->fault.kind == POLICY_FAULT_NONE) {
        print_explanation(e);
        putchar('\n');
    }
    if (is_failed(e)) {
        printf("error: %s\n", policy_fault_kind_name(fault_of(e)->kind));
        policy_complain(e->arena, e->path, fault_of(e), e->source);
        return EXIT_USAGE;
    }
    printf("%s: %s\n", e->result.is_permitted ? "permit" : "deny", e->result.rule);
    if (e->result.is_permitted) {
        print_claims("configuration", e->arena, e->configured.claims);
        print_claims("properties", e->arena, e->result.properties.claims);
        print_claims("issued", e->arena, e->result.issued);
    }
    return exit_code(e);
}

/* ---- running ---- */

static int load_claims(struct eval *e)
{
    static const struct json_limits limits = {.max_depth = 8,
                                              .max_values = (size_t)16 * CLAIMS_MAX};
    struct trail trail = {0};
    struct span text = {0};
    yyjson_val *root = NULL;
    err_t err = file_read(e->arena, e->claims_path, CLAIMS_MAX_BYTES, &trail, &text);

    err = err ? err : json_read(e->arena, text, &limits, &trail, &root);
    err = err ? err : claims_read(e->arena, root, &trail, &e->claims);
    return err ? cli_fail("policy", e->claims_path, err, &trail) : EXIT_YES;
}

/* ERR_VALUE stays in e->fault. */
static err_t decide(struct eval *e)
{
    CLEANUP(policy_unref) struct policy *policy = NULL;
    err_t err = policy_compile(e->source, &e->fault, &policy);

    err = err ? err : policy_configure(e->arena, policy, &e->configured, &e->fault);
    if (err) {
        return err == ERR_VALUE ? ERR_OK : err;
    }
    return policy_evaluate(e->arena, policy, e->claims, e->is_explained ? &e->trace : NULL,
                           &e->result);
}

static int eval(struct eval *e)
{
    int code = policy_load(e->arena, e->path, &e->source);
    err_t err;

    code = code ? code : load_claims(e);
    if (code != EXIT_YES) {
        return code;
    }
    err = decide(e);
    if (err) {
        return cli_fail("policy", e->path, err, NULL);
    }
    return e->is_json ? print_json(e) : print_text(e);
}

int policy_cmd_eval(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct eval e = {.arena = arena};
    int output = 0;
    const struct option options[] = {
        {"claims", 'c', OPTION_TEXT, "FILE", "the incoming claims, as JSON", &e.claims_path, NULL,
         0},
        {"explain", 'e', OPTION_FLAG, NULL, "say of each rule whether it fired, and why not",
         &e.is_explained, NULL, 0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
    };
    const struct option_set set = {
        .command = "policy eval",
        .arguments = "FILE --claims FILE",
        .description = "What does this policy decide on these claims, and what does it issue?",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Claims are an array of {\"type\", \"value\", \"issuer\"}; see\n"
                 "bootwarden-policy(1). Exit status: 0 permit, 1 deny, 2 the policy fails, wrong\n"
                 "use or unreadable file.",
    };
    struct option_result result;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    e.path = result.arguments[0];
    e.is_json = output == 1;
    if (e.claims_path == NULL) {
        cli_complain("policy eval", "--claims is missing: name the file with the incoming claims");
        return EXIT_USAGE;
    }
    if (strcmp(e.path, "-") == 0 && strcmp(e.claims_path, "-") == 0) {
        cli_complain("policy eval",
                     "the policy and the claims cannot both come from standard input (-): put one "
                     "of them into a file");
        return EXIT_USAGE;
    }
    if (arena == NULL) {
        cli_complain("policy", "out of memory");
        return EXIT_INTERNAL;
    }
    return cli_finish("policy", arena, eval(&e));
}
