/*
 * network-show.c - verdicts on packets, for people and for scripts.
 */
#include "cli/network.h"

#include "base/text.h"
#include "cli/cli.h"

int network_print_json(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    struct span text = json_write(arena, doc, root, true);

    if (text.data == NULL) {
        cli_complain("network", "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

yyjson_mut_val *network_rule_json(yyjson_mut_doc *doc, const struct rule *rule)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    json_add_text(doc, object, "name", rule->name);
    json_add_value(doc, object, "properties", rule_write(doc, rule));
    return object;
}

/* ---- JSON ---- */

static void add_step(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct flow_step *step)
{
    json_add_text(doc, object, "stage", flow_stage_name(step->stage));
    json_add_text(doc, object, "networkSecurityGroup", step->nsg == NULL ? NULL : step->nsg->name);
    if (step->rule == NULL) {
        json_add_text(doc, object, "priority", NULL);
    } else {
        json_add_uint(doc, object, "priority", step->rule->priority);
    }
}

yyjson_mut_val *network_answer_json(yyjson_mut_doc *doc, const struct network_answer *answer)
{
    const struct flow_verdict *verdict = &answer->verdict;
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list;

    json_add_text(doc, root, "access", verdict->is_allowed ? "Allow" : "Deny");
    json_add_text(doc, root, "ruleName", verdict->rule_name);
    add_step(doc, root, &verdict->decided);
    json_add_bool(doc, root, "isPlatform", verdict->is_platform);
    json_add_bool(doc, root, "dependsOnPort", verdict->depends_on_port);
    list = json_add_array(doc, root, "steps");
    for (size_t i = 0; i < verdict->n_steps; i++) {
        const struct flow_step *step = &verdict->steps[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, object, "access", step->is_allowed ? "Allow" : "Deny");
        json_add_text(doc, object, "rule", step->rule == NULL ? NULL : step->rule->name);
        add_step(doc, object, step);
    }
    list = json_add_array(doc, root, "remedies");
    for (size_t i = 0; i < answer->n_remedies; i++) {
        const struct flow_remedy *remedy = &answer->remedies[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, object, "stage", flow_stage_name(remedy->stage));
        json_add_text(doc, object, "networkSecurityGroup", remedy->nsg->name);
        json_add_text(doc, object, "words", remedy->words);
        json_add_value(doc, object, "rule",
                       remedy->rule == NULL ? yyjson_mut_null(doc)
                                            : network_rule_json(doc, remedy->rule));
    }
    return root;
}

/* ---- text ---- */

/* Names of rules and groups are of a form that no terminal minds. */
static void print_step(const struct flow_step *step)
{
    const struct rule *rule = step->rule;

    printf("  %-7s %-24s ", flow_stage_name(step->stage), step->nsg->name);
    if (rule == NULL) {
        puts("exempt");
    } else {
        printf("%s by %s%s, priority %u\n", step->is_allowed ? "allowed" : "denied", rule->name,
               rule->is_default ? " (default)" : "", rule->priority);
    }
}

static int print_remedy(struct arena *arena, const struct flow_remedy *remedy)
{
    yyjson_mut_doc *doc = json_new(arena);
    struct span text = {0};

    printf("%s\n", remedy->words);
    if (remedy->rule == NULL) {
        return EXIT_YES;
    }
    if (doc != NULL) {
        text = json_write(arena, doc, network_rule_json(doc, remedy->rule), false);
    }
    if (text.data == NULL) {
        cli_complain("network", "out of memory");
        return EXIT_INTERNAL;
    }
    printf("  %s\n", (const char *)text.data);
    return EXIT_YES;
}

static int print_answer(struct arena *arena, const struct network_answer *answer)
{
    const struct flow_verdict *verdict = &answer->verdict;
    int code = EXIT_YES;

    if (verdict->decided.rule != NULL) {
        printf("%s: rule %s of %s, at the %s\n", verdict->is_allowed ? "allowed" : "denied",
               verdict->decided.rule->name, verdict->decided.nsg->name,
               flow_stage_name(verdict->decided.stage));
    } else {
        printf("allowed: %s\n", verdict->is_platform
                                    ? "an address of the platform, exempt from the rules"
                                    : "no group has a say");
    }
    for (size_t i = 0; i < verdict->n_steps; i++) {
        print_step(&verdict->steps[i]);
    }
    if (verdict->depends_on_port) {
        puts("A rule before it names some of the ports that a system picks from; give both ports "
             "to be sure.");
    }
    for (size_t i = 0; i < answer->n_remedies && code == EXIT_YES; i++) {
        code = print_remedy(arena, &answer->remedies[i]);
    }
    return code;
}

int network_show_answer(struct arena *arena, const struct network_answer *answer, bool is_json)
{
    yyjson_mut_doc *doc = is_json ? json_new(arena) : NULL;
    int code;

    if (is_json && doc == NULL) {
        cli_complain("network", "out of memory");
        return EXIT_INTERNAL;
    }
    code = is_json ? network_print_json(arena, doc, network_answer_json(doc, answer))
                   : print_answer(arena, answer);
    return code != EXIT_YES ? code : answer->verdict.is_allowed ? EXIT_YES : EXIT_NO;
}
