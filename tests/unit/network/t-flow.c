/*
 * What the vectors do not show: platform addresses, ports that the system picks, groups of
 * machines, tags that are not known, remedies, effective rules.
 */
#include "unit/network/support.h"

#include "base/buf.h"

#define RULE(name, priority, access, more)                                                         \
    "{\"name\":\"" name "\",\"properties\":{\"priority\":" #priority ",\"access\":\"" access       \
    "\",\"direction\":\"Outbound\"," more "}}"
#define ANY_PORTS "\"sourcePortRange\":\"*\",\"destinationPortRange\":\"*\""
#define ANY_FROM "\"sourceAddressPrefix\":\"*\""
#define TO(prefix) "\"destinationAddressPrefix\":\"" prefix "\""
#define DENY_ALL                                                                                   \
    RULE("DenyAll", 200, "Deny", "\"protocol\":\"*\"," ANY_PORTS "," ANY_FROM "," TO("*"))

struct bench {
    struct arena *arena;
    const struct network_world *world;
    struct flow_verdict verdict;
};

static struct flow outbound(const char *remote, int port)
{
    return (struct flow){
        .direction = RULE_OUTBOUND,
        .protocol = FLOW_TCP,
        .local = network_address(strchr(remote, ':') == NULL ? "10.77.0.10" : "2001:db8:1::10"),
        .remote = network_address(remote),
        .local_port = {.is_any = true},
        .remote_port = {.number = (uint16_t)port}};
}

static const char *judged(struct bench *b, const char *rules, const struct flow *flow)
{
    assert_ok(flow_judge(b->arena, b->world, network_rules(b->arena, rules), NULL, flow, NULL,
                         &b->verdict));
    return b->verdict.rule_name == NULL ? "none" : b->verdict.rule_name;
}

static struct bench bench(struct arena *arena)
{
    return (struct bench){.arena = arena,
                          .world = network_world(arena, "10.77.0.0/16", network_tags(arena))};
}

static void addresses_of_two_kinds_are_no_flow(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    struct flow flow = outbound("2001:db8::1", 443);
    struct trail trail = {0};

    (void)state;
    flow.local = network_address("10.77.0.10");
    assert_err(flow_judge(arena, b.world, NULL, NULL, &flow, &trail, &b.verdict), ERR_VALUE);
}

static void a_port_is_a_number_or_a_star(void **state)
{
    static const char *const wrong[] = {"", "65536", "-1", "0443", "4 4", "**", "any"};
    struct flow_port port;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_err(flow_port_read(span_str(wrong[i]), NULL, &port), ERR_VALUE);
    }
    assert_ok(flow_port_read(span_str("*"), NULL, &port));
    assert_true(port.is_any);
    assert_ok(flow_port_read(span_str("65535"), NULL, &port));
    assert_true(!port.is_any && port.number == 65535);
}

/* Taken as an empty set, a rule that denies would let everything through. */
static void a_tag_that_is_not_known_is_no_verdict(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    struct flow flow = outbound("192.0.2.1", 443);
    struct trail trail = {0};
    yyjson_mut_val *shown = NULL;
    const struct nsg *nsg =
        network_rules(arena, RULE("r", 100, "Deny",
                                  "\"protocol\":\"*\"," ANY_PORTS "," ANY_FROM "," TO("Storag")));

    (void)state;
    assert_err(flow_judge(arena, b.world, nsg, NULL, &flow, &trail, &b.verdict), ERR_NOT_FOUND);
    assert_string_equal(trail.what,
                        "rule r of the network security group nsg names the service tag Storag, "
                        "which is not known; check its spelling, or import a list that has it");
    trail = (struct trail){0};
    assert_err(flow_effective(arena, json_new(arena), b.world, nsg, &trail, &shown), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "rule r of the network security group nsg names"));
}

static void the_platform_is_exempt_but_from_rules_that_name_it(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    static const char named[] = RULE("NoMetadata", 100, "Deny",
                                     "\"protocol\":\"Tcp\"," ANY_PORTS "," ANY_FROM
                                     "," TO("azureplatformimds")) "," DENY_ALL;
    struct flow metadata = outbound("169.254.169.254", 80);
    struct flow other = outbound("169.254.169.254", 8080);
    struct flow wire = outbound("168.63.129.16", 32526);

    (void)state;
    assert_string_equal(judged(&b, DENY_ALL, &metadata), "none");
    assert_true(b.verdict.is_allowed && b.verdict.is_platform && b.verdict.n_steps == 1);
    assert_string_equal(judged(&b, named, &metadata), "securityRules/NoMetadata");
    assert_false(b.verdict.is_allowed);
    assert_string_equal(judged(&b, named, &other), "none");
    assert_string_equal(judged(&b, named, &wire), "none");
    wire.direction = RULE_INBOUND; /* what comes from there is a probe like others */
    assert_string_equal(judged(&b, DENY_ALL, &wire),
                        "defaultSecurityRules/AllowAzureLoadBalancerInBound");
}

static void ports_that_the_system_picks_are_all_or_unsure(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    struct flow flow = outbound("192.0.2.1", 443);
    static const struct {
        const char *ports, *want;
        bool depends;
    } cases[] = {
        {"*", "securityRules/r", false},
        {"1024-65535", "securityRules/r", false},
        {"49152-65535", "securityRules/r", false},
        {"50000-65535", "defaultSecurityRules/AllowInternetOutBound", true},
        {"50000", "defaultSecurityRules/AllowInternetOutBound", true},
        {"1024-2048", "defaultSecurityRules/AllowInternetOutBound", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *rules = arena_printf(
            arena,
            "{\"name\":\"r\",\"properties\":{\"priority\":100,\"access\":\"Deny\",\"direction\":"
            "\"Outbound\",\"protocol\":\"*\",\"sourcePortRange\":\"%s\","
            "\"destinationPortRange\":\"*\"," ANY_FROM "," TO("*") "}}",
            cases[i].ports);

        assert_string_equal(judged(&b, rules, &flow), cases[i].want);
        assert_int_equal(b.verdict.depends_on_port, cases[i].depends);
    }
}

static void rules_with_ports_are_about_tcp_and_udp(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    struct flow flow = outbound("192.0.2.1", 443);
    static const char rule[] = RULE("r", 100, "Deny",
                                    "\"protocol\":\"*\",\"sourcePortRange\":\"*\","
                                    "\"destinationPortRange\":\"443\"," ANY_FROM "," TO("*"));
    static const uint8_t others[] = {FLOW_ICMP, FLOW_ESP, FLOW_AH, 132};

    (void)state;
    assert_string_equal(judged(&b, rule, &flow), "securityRules/r");
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        flow.protocol = others[i];
        assert_string_equal(judged(&b, rule, &flow), "defaultSecurityRules/AllowInternetOutBound");
    }
}

static void groups_of_machines_are_their_addresses(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct address_set web = network_set(arena, "10.77.0.10 10.77.0.11"), none = {0}, vnet;
    const struct world_group groups[] = {{"/subscriptions/S/asg/web", web}};
    struct bench b = bench(arena);
    struct flow flow = outbound("192.0.2.1", 443);
    static const char rule[] =
        RULE("r", 100, "Deny",
             "\"protocol\":\"*\"," ANY_PORTS
             ",\"sourceApplicationSecurityGroups\":[{\"id\":\"/nobody\"},{\"id\":"
             "\"/Subscriptions/s/asg/WEB\"}]," TO("*"));

    (void)state;
    assert_string_equal(judged(&b, rule, &flow), "defaultSecurityRules/AllowInternetOutBound");
    vnet = network_set(arena, "10.77.0.0/16");
    assert_ok(world_new(arena, &vnet, &none, NULL, groups, 1, &b.world));
    assert_string_equal(judged(&b, rule, &flow), "securityRules/r");
    flow.local = network_address("10.77.0.12");
    assert_string_equal(judged(&b, rule, &flow), "defaultSecurityRules/AllowInternetOutBound");
}

/* The most there may be: compared each with each, this would take minutes. */
static void many_groups_with_many_members_take_no_time(void **state)
{
    enum { GROUPS = 16384, EACH = WORLD_MEMBERS_MAX / GROUPS, RULES = 1000, SIDE = 10 };
    CLEANUP(arena_free) struct arena *arena = arena_new(512 * 1024 * 1024);
    struct world_member *members = arena_calloc(arena, GROUPS * EACH + 1, sizeof(*members));
    struct address_set vnet = network_set(arena, "10.0.0.0/8"), none = {0};
    struct bench b = {.arena = arena};
    struct flow flow = outbound("192.0.2.1", 443);
    CLEANUP(buf_done) struct buf text = {.max = 16 * 1024 * 1024};
    const struct world_group *groups = NULL;
    struct trail trail = {0};
    size_t n = 0;

    (void)state;
    for (uint32_t i = 0; i < GROUPS * EACH; i++) {
        members[i].id = arena_printf(arena, "/subscriptions/s/asg/%u", (i * 7919U) % GROUPS);
        members[i].address =
            (struct address){ADDRESS_V4, {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
    }
    members[GROUPS * EACH].id = "/one/too/many";
    assert_err(world_groups_make(arena, members, GROUPS * EACH + 1, &trail, &groups, &n),
               ERR_TOO_MANY);
    assert_ok(world_groups_make(arena, members, GROUPS * EACH, NULL, &groups, &n));
    assert_int_equal(n, GROUPS);
    assert_ok(world_new(arena, &vnet, &none, NULL, groups, n, &b.world));
    for (unsigned i = 0; i < RULES; i++) {
        buf_addf(&text,
                 "%s{\"name\":\"r%u\",\"properties\":{\"priority\":%u,\"access\":"
                 "\"Deny\",\"direction\":\"Outbound\",\"protocol\":\"*\"," ANY_PORTS
                 "," TO("*") ",\"sourceApplicationSecurityGroups\":[",
                 i == 0 ? "" : ",", i, 100 + i);
        for (unsigned k = 0; k < SIDE; k++) {
            buf_addf(&text, "%s{\"id\":\"/SUBSCRIPTIONS/s/asg/%u\"}", k == 0 ? "" : ",",
                     i * SIDE + k);
        }
        buf_addf(&text, "]}}");
    }
    assert_ok(buf_err(&text));
    flow.local =
        network_address("10.0.0.0"); /* the first: of group 0, which the first rule names */
    assert_string_equal(judged(&b, buf_cstr(&text), &flow), "securityRules/r0");
    flow.local = network_address("10.0.0.2"); /* of group 15838, which no rule names */
    assert_string_equal(judged(&b, buf_cstr(&text), &flow),
                        "defaultSecurityRules/AllowInternetOutBound");
}

/* What is proposed is added, and the flow is judged again. */
static void check_remedies(struct bench *b, const struct nsg *nic, const struct nsg *subnet,
                           const struct flow *flow, size_t want)
{
    const struct nsg *groups[2] = {nic, subnet};
    struct flow_remedy remedies[2];
    size_t n = 0;

    assert_ok(flow_judge(b->arena, b->world, nic, subnet, flow, NULL, &b->verdict));
    assert_ok(flow_remedies(b->arena, b->world, flow, &b->verdict, remedies, &n));
    assert_int_equal(n, want);
    for (size_t i = 0; i < n; i++) {
        int which = remedies[i].stage == FLOW_SUBNET;
        yyjson_mut_doc *doc = json_new(b->arena);
        struct network_fault fault = {0};
        struct rule rule;

        assert_non_null(remedies[i].rule);
        assert_non_null(strstr(remedies[i].words, remedies[i].nsg->name));
        /* As a client would send it. */
        assert_ok(
            rule_read(b->arena, span_str(remedies[i].rule->name),
                      network_json(b->arena, json_write(b->arena, doc,
                                                        rule_write(doc, remedies[i].rule), false)),
                      &fault, NULL, &rule));
        assert_ok(nsg_with_rule(b->arena, groups[which], &rule, NULL, NULL, &groups[which]));
    }
    assert_ok(flow_judge(b->arena, b->world, groups[0], groups[1], flow, NULL, &b->verdict));
    assert_true(b->verdict.is_allowed);
}

static void a_remedy_is_a_rule_that_lets_the_flow_through(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    const struct nsg *blocking = network_nsg(arena, "nsg-blocking");
    const struct nsg *guest = network_nsg(arena, "nsg-guest");
    const struct nsg *named = network_rules(arena, RULE("NoMetadata", 200, "Deny",
                                                        "\"protocol\":\"Tcp\"," ANY_PORTS
                                                        "," ANY_FROM "," TO("AzurePlatformIMDS")));
    struct flow flow = outbound("198.51.100.20", 443);

    (void)state;
    check_remedies(&b, guest, blocking, &flow, 1);
    check_remedies(&b, blocking, blocking, &flow, 2);
    check_remedies(&b, guest, NULL, &flow, 0);
    flow = outbound("192.0.2.1", 8443);
    check_remedies(&b, guest, blocking, &flow, 2);
    flow = outbound("2001:db8:dead::1", 443);
    check_remedies(&b, blocking, NULL, &flow, 1);
    flow.protocol = FLOW_ICMP6;
    check_remedies(&b, blocking, NULL, &flow, 1);
    flow = outbound("169.254.169.254", 80);
    check_remedies(&b, named, NULL, &flow, 1);
    flow = outbound("192.0.2.1", 50000);
    flow.direction = RULE_INBOUND;
    flow.local_port = (struct flow_port){.number = 22};
    check_remedies(&b, guest, guest, &flow, 2);
}

static void a_remedy_names_the_documented_tag(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    struct flow flow = outbound("198.51.100.20", 443);
    struct flow_remedy remedies[2];
    size_t n = 0;

    (void)state;
    assert_ok(flow_judge(arena, b.world, network_nsg(arena, "nsg-blocking"), NULL, &flow, NULL,
                         &b.verdict));
    assert_ok(flow_remedies(arena, b.world, &flow, &b.verdict, remedies, &n));
    assert_string_equal(
        remedies[0].words,
        "Allow outbound TCP 443 to service tag AzureAttestation in network security "
        "group nsg-blocking, with a priority below 4096 (4095 is free).");
    assert_string_equal(remedies[0].rule->destination.texts[0], "AzureAttestation");
    flow = outbound("203.0.113.145", 443); /* in the global tag and the regional one */
    assert_ok(flow_judge(arena, b.world, network_nsg(arena, "nsg-blocking"), NULL, &flow, NULL,
                         &b.verdict));
    assert_ok(flow_remedies(arena, b.world, &flow, &b.verdict, remedies, &n));
    assert_string_equal(remedies[0].rule->destination.texts[0], "AzureKeyVault.WestEurope");
}

static void without_a_free_priority_a_remedy_says_so(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    struct flow flow = outbound("198.51.100.20", 443);
    struct flow_remedy remedies[2];
    size_t n = 0;

    (void)state;
    judged(&b, RULE("first", 100, "Deny", "\"protocol\":\"*\"," ANY_PORTS "," ANY_FROM "," TO("*")),
           &flow);
    assert_ok(flow_remedies(arena, b.world, &flow, &b.verdict, remedies, &n));
    assert_int_equal(n, 1);
    assert_null(remedies[0].rule);
    assert_non_null(strstr(remedies[0].words, "move rule first"));
}

static void effective_rules_have_tags_written_out(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct bench b = bench(arena);
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = NULL;
    yyjson_val *json, *list, *rule, *map;
    struct address_set rest = {0}, vnet;

    (void)state;
    assert_ok(flow_effective(arena, doc, b.world, network_nsg(arena, "nsg-guest"), NULL, &root));
    json = network_json(arena, json_write(arena, doc, root, false));
    list = json_get(json, "effectiveSecurityRules");
    assert_int_equal(yyjson_arr_size(list), 11);
    rule = yyjson_arr_get(list, 4); /* behind the inbound ones */
    assert_string_equal(json_text(json_get(rule, "name")), "securityRules/AllowAttestation");
    assert_string_equal(json_text(json_get(rule, "destinationPortRange")), "443-443");
    assert_string_equal(json_text(json_get(rule, "destinationAddressPrefix")), "AzureAttestation");
    assert_int_equal(yyjson_arr_size(json_get(rule, "expandedDestinationAddressPrefix")), 3);
    rule = yyjson_arr_get(list, 10);
    assert_string_equal(json_text(json_get(rule, "name")), "defaultSecurityRules/DenyAllOutBound");
    assert_string_equal(json_text(json_get(rule, "protocol")), "All");
    assert_string_equal(json_text(json_get(rule, "sourcePortRange")), "0-65535");
    /* Internet and VirtualNetwork together are everything. */
    map = json_get(json_get(json, "tagMap"), "Internet");
    {
        struct address_range ranges[64];
        size_t n = yyjson_arr_size(map);

        for (size_t i = 0; i < n; i++) {
            assert_ok(
                address_range_read(json_span(yyjson_arr_get(map, i)), false, NULL, &ranges[i]));
        }
        assert_ok(address_set_make(arena, ranges, n, &rest));
    }
    vnet = b.world->virtual_network;
    assert_true(address_set_size(&rest, ADDRESS_V4) + address_set_size(&vnet, ADDRESS_V4) ==
                4294967296.0);
    assert_true(address_set_is_whole(&rest, ADDRESS_V6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_two_kinds_are_no_flow),
        cmocka_unit_test(a_port_is_a_number_or_a_star),
        cmocka_unit_test(a_tag_that_is_not_known_is_no_verdict),
        cmocka_unit_test(the_platform_is_exempt_but_from_rules_that_name_it),
        cmocka_unit_test(ports_that_the_system_picks_are_all_or_unsure),
        cmocka_unit_test(rules_with_ports_are_about_tcp_and_udp),
        cmocka_unit_test(groups_of_machines_are_their_addresses),
        cmocka_unit_test(many_groups_with_many_members_take_no_time),
        cmocka_unit_test(a_remedy_is_a_rule_that_lets_the_flow_through),
        cmocka_unit_test(a_remedy_names_the_documented_tag),
        cmocka_unit_test(without_a_free_priority_a_remedy_says_so),
        cmocka_unit_test(effective_rules_have_tags_written_out),
    };

    return RUN_TESTS(tests);
}
