#include "unit/network/support.h"

#define RULE(name, priority, direction)                                                            \
    "{\"name\":\"" name "\",\"properties\":{\"protocol\":\"*\",\"sourcePortRange\":\"*\","         \
    "\"destinationPortRange\":\"*\",\"sourceAddressPrefix\":\"*\","                                \
    "\"destinationAddressPrefix\":\"*\",\"access\":\"Deny\",\"priority\":" #priority               \
    ",\"direction\":\"" direction "\"}}"

static err_t read_rules(struct arena *arena, const char *properties, struct network_fault *fault,
                        struct trail *trail, const struct nsg **ret)
{
    return nsg_read(arena, span_str("nsg"), network_json(arena, span_str(properties)), fault, trail,
                    ret);
}

static const struct {
    const char *properties, *code, *where;
} refusals[] = {
    {"[]", "InvalidRequestFormat", "properties"},
    {"{\"securityRules\":{}}", "InvalidRequestFormat", "securityRules"},
    {"{\"securityRule\":[]}", "InvalidRequestFormat", "securityRule"},
    {"{\"securityRules\":[7]}", "InvalidResourceName", "securityRules[0].name"},
    {"{\"securityRules\":[{\"name\":\"a\"}]}", "InvalidRequestFormat", "a.properties"},
    {"{\"securityRules\":[{\"name\":\"-\"}]}", "InvalidResourceName", "securityRules[0].name"},
    {"{\"flushConnection\":\"true\"}", "InvalidRequestFormat", "flushConnection"},
    {"{\"securityRules\":[" RULE("a", 100, "Inbound") "," RULE("A", 101, "Inbound") "]}",
     "DuplicateResourceName", "securityRules"},
    {"{\"securityRules\":[" RULE("a", 100, "Inbound") "," RULE("b", 100, "Inbound") "]}",
     "SecurityRuleConflict", "b.priority"},
    {"{\"securityRules\":[" RULE("a", 100, "Inbound") "," RULE("b", 99, "Inbound") "]}",
     "SecurityRuleInvalidPriority", "b.priority"},
};

static void refuses_with_code_and_place(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct network_fault fault = {0};
        struct trail trail = {0};
        const struct nsg *nsg = NULL;
        err_t err = read_rules(arena, refusals[i].properties, &fault, &trail, &nsg);

        if (err == ERR_OK || fault.code == NULL || strcmp(fault.code, refusals[i].code) != 0 ||
            strcmp(trail.where, refusals[i].where) != 0) {
            fail_msg("%s: %s, %s, %s: %s", refusals[i].properties, err_name(err),
                     fault.code == NULL ? "none" : fault.code, trail.where, trail.what);
        }
    }
}

static void a_conflict_names_both_rules_and_a_way_out(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct trail trail = {0};
    const struct nsg *nsg = NULL;

    (void)state;
    assert_err(read_rules(arena,
                          "{\"securityRules\":[" RULE("first", 4096, "Outbound") "," RULE(
                              "second", 4096, "Outbound") "]}",
                          NULL, &trail, &nsg),
               ERR_CONFLICT);
    assert_non_null(strstr(trail.what, "first"));
    assert_non_null(strstr(trail.where, "second"));
    assert_non_null(strstr(trail.what, "4095"));
}

static void more_rules_than_the_limit_are_refused(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(buf_done) struct buf text = {0};
    struct network_fault fault = {0};
    const struct nsg *nsg = NULL;
    struct rule extra;

    (void)state;
    buf_init(&text, 1024 * 1024);
    for (unsigned i = 0; i < NSG_RULES_MAX; i++) {
        buf_addf(&text,
                 "%s{\"name\":\"r%u\",\"properties\":{\"protocol\":\"*\",\"sourcePortRange\":\"*\","
                 "\"destinationPortRange\":\"*\",\"sourceAddressPrefix\":\"*\","
                 "\"destinationAddressPrefix\":\"*\",\"access\":\"Deny\",\"priority\":%u,"
                 "\"direction\":\"Inbound\"}}",
                 i == 0 ? "" : ",", i, 100 + i);
    }
    nsg = network_rules(arena, buf_cstr(&text));
    extra = nsg->rules[0];
    extra.priority = 4000;
    assert_ok(nsg_with_rule(arena, nsg, &extra, NULL, NULL, &nsg)); /* in place of itself */
    extra.name = "more";
    extra.priority = 4001;
    assert_err(nsg_with_rule(arena, nsg, &extra, &fault, NULL, &nsg), ERR_TOO_MANY);
    assert_string_equal(fault.target, "securityRules");
    assert_err(
        read_rules(arena,
                   arena_printf(arena, "{\"securityRules\":[%s," RULE("x", 4000, "Inbound") "]}",
                                buf_cstr(&text)),
                   &fault, NULL, &nsg),
        ERR_TOO_MANY);
}

static void nothing_is_a_group_without_rules(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct nsg *nsg = NULL;

    (void)state;
    assert_ok(nsg_read(arena, span_str("nsg"), NULL, NULL, NULL, &nsg));
    assert_int_equal(nsg->n_rules, 0);
    assert_int_equal(nsg->n_order[RULE_INBOUND], 3);
    assert_string_equal(nsg->order[RULE_OUTBOUND][2]->name, "DenyAllOutBound");
    assert_err(nsg_read(arena, span_str("a b"), NULL, NULL, NULL, &nsg), ERR_VALUE);
}

static void rules_are_in_the_order_in_which_they_decide(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct nsg *nsg =
        network_rules(arena, RULE("c", 300, "Inbound") "," RULE("a", 100, "Inbound") "," RULE(
                                 "x", 100, "Outbound") "," RULE("b", 200, "Inbound"));
    static const char *const want[] = {
        "a", "b", "c", "AllowVnetInBound", "AllowAzureLoadBalancerInBound", "DenyAllInBound"};

    (void)state;
    assert_int_equal(nsg->n_order[RULE_INBOUND], ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_string_equal(nsg->order[RULE_INBOUND][i]->name, want[i]);
    }
    assert_string_equal(nsg->rules[0].name, "c"); /* shown as they came */
}

static void one_rule_is_put_replaced_and_removed(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct nsg *nsg =
        network_rules(arena, RULE("a", 100, "Inbound") "," RULE("b", 200, "Inbound"));
    const struct nsg *changed = NULL;
    struct network_fault fault = {0};
    struct rule rule = nsg->rules[0];

    (void)state;
    rule.name = "c";
    assert_err(nsg_with_rule(arena, nsg, &rule, &fault, NULL, &changed), ERR_CONFLICT);
    assert_string_equal(fault.code, "SecurityRuleConflict");
    rule.name = "A"; /* the same in any case, and may keep its priority */
    assert_ok(nsg_with_rule(arena, nsg, &rule, NULL, NULL, &changed));
    assert_int_equal(changed->n_rules, 2);
    rule.name = "c";
    rule.priority = 150;
    assert_ok(nsg_with_rule(arena, changed, &rule, NULL, NULL, &changed));
    assert_string_equal(changed->order[RULE_INBOUND][1]->name, "c");
    assert_ok(nsg_without_rule(arena, changed, span_str("B"), &changed));
    assert_null(nsg_rule(changed, span_str("b")));
    assert_err(nsg_without_rule(arena, changed, span_str("b"), &changed), ERR_NOT_FOUND);
    assert_int_equal(nsg->n_rules, 2);
    assert_non_null(nsg_rule(nsg, span_str("B")));
}

static void a_free_priority_is_the_nearest_below(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct nsg *nsg =
        network_rules(arena, RULE("a", 100, "Outbound") "," RULE("b", 4096, "Outbound") "," RULE(
                                 "c", 4095, "Outbound") "," RULE("d", 101, "Inbound"));

    (void)state;
    assert_int_equal(nsg_free_priority(nsg, RULE_OUTBOUND, 65500), 4094);
    assert_int_equal(nsg_free_priority(nsg, RULE_OUTBOUND, 102), 101);
    assert_int_equal(nsg_free_priority(nsg, RULE_OUTBOUND, 101), 0);
    assert_int_equal(nsg_free_priority(nsg, RULE_OUTBOUND, 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_code_and_place),
        cmocka_unit_test(a_conflict_names_both_rules_and_a_way_out),
        cmocka_unit_test(more_rules_than_the_limit_are_refused),
        cmocka_unit_test(nothing_is_a_group_without_rules),
        cmocka_unit_test(rules_are_in_the_order_in_which_they_decide),
        cmocka_unit_test(one_rule_is_put_replaced_and_removed),
        cmocka_unit_test(a_free_priority_is_the_nearest_below),
    };

    return RUN_TESTS(tests);
}
