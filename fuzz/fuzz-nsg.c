/*
 * Who can send these bytes: whoever may write network security groups; and to the command line,
 * whoever wrote a file.
 */
#include "network/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each rule that was read is written as one that reads back to the same words. */
static void check_rule(struct arena *arena, const struct rule *rule)
{
    struct span once = {0}, twice = {0};
    struct rule again = *rule;

    for (int round = 0; round < 2; round++) {
        yyjson_mut_doc *doc = json_new(arena);
        yyjson_val *json = NULL;

        once = twice;
        twice = doc == NULL ? twice : json_write(arena, doc, rule_write(doc, &again), false);
        if (twice.data == NULL || json_read(arena, twice, &nsg_json, NULL, &json) != ERR_OK) {
            return; /* no memory left */
        }
        if (rule_read(arena, span_str(rule->name), json, NULL, NULL, &again) == ERR_VALUE ||
            (round == 1 && !span_equal(once, twice))) {
            __builtin_trap();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(64u * 1024 * 1024);
    struct network_fault fault = {0};
    const struct nsg *nsg = NULL;
    yyjson_val *json = NULL;

    if (arena == NULL || json_read(arena, span_of(data, size), &nsg_json, NULL, &json) != ERR_OK) {
        return 0;
    }
    if (nsg_read_resource(arena, json, &fault, NULL, &nsg) != ERR_OK) {
        return 0;
    }
    for (size_t i = 0; i < nsg->n_rules; i++) {
        check_rule(arena, &nsg->rules[i]);
    }
    return 0;
}
