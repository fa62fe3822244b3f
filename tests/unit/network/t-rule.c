/*
 * One rule: what is refused, with which code and of which member; and that what is written is what
 * was read.
 */
#include "unit/network/support.h"

#define PLAIN                                                                                      \
    "\"protocol\":\"Tcp\",\"sourcePortRange\":\"*\",\"destinationPortRange\":\"443\","             \
    "\"sourceAddressPrefix\":\"*\",\"destinationAddressPrefix\":\"AzureAttestation\","             \
    "\"access\":\"Allow\",\"priority\":100,\"direction\":\"Outbound\""

/* The members of PLAIN with some replaced: later ones win. */
static yyjson_val *properties(struct arena *arena, const char *changes)
{
    yyjson_val *plain = network_json(arena, span_str("{" PLAIN "}"));
    yyjson_val *change = network_json(arena, span_str(arena_printf(arena, "{%s}", changes)));
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_val_mut_copy(doc, plain);
    size_t index, max;
    yyjson_val *key, *value;

    yyjson_obj_foreach(change, index, max, key, value)
    {
        yyjson_mut_obj_put(root, yyjson_val_mut_copy(doc, key), yyjson_val_mut_copy(doc, value));
    }
    return network_json(arena, json_write(arena, doc, root, false));
}

static const struct {
    const char *changes, *code, *target;
} refusals[] = {
    {"\"protocol\":\"Sctp\"", "InvalidParameter", "protocol"},
    {"\"protocol\":null", "InvalidParameter", "protocol"},
    {"\"protocol\":6", "InvalidParameter", "protocol"},
    {"\"direction\":\"Out\"", "InvalidParameter", "direction"},
    {"\"access\":\"Permit\"", "InvalidParameter", "access"},
    {"\"access\":\"\"", "InvalidParameter", "access"},
    {"\"priority\":99", "SecurityRuleInvalidPriority", "priority"},
    {"\"priority\":4097", "SecurityRuleInvalidPriority", "priority"},
    {"\"priority\":\"100\"", "SecurityRuleInvalidPriority", "priority"},
    {"\"priority\":100.5", "SecurityRuleInvalidPriority", "priority"},
    {"\"priority\":-100", "SecurityRuleInvalidPriority", "priority"},
    {"\"priority\":null", "SecurityRuleInvalidPriority", "priority"},
    {"\"destinationPortRange\":\"65536\"", "SecurityRuleInvalidPortRange", "destinationPortRange"},
    {"\"destinationPortRange\":\"443-\"", "SecurityRuleInvalidPortRange", "destinationPortRange"},
    {"\"destinationPortRange\":\"443-80\"", "SecurityRuleInvalidPortRange", "destinationPortRange"},
    {"\"destinationPortRange\":\"80,443\"", "SecurityRuleInvalidPortRange", "destinationPortRange"},
    {"\"destinationPortRange\":\"0443\"", "SecurityRuleInvalidPortRange", "destinationPortRange"},
    {"\"destinationPortRange\":443", "InvalidRequestFormat", "destinationPortRange"},
    {"\"destinationPortRange\":null", "InvalidParameter", "destinationPortRange"},
    {"\"destinationPortRanges\":[\"1\"]", "InvalidParameter", "destinationPortRanges"},
    {"\"destinationPortRange\":null,\"destinationPortRanges\":[\"1\",\"x\"]",
     "SecurityRuleInvalidPortRange", "destinationPortRanges"},
    {"\"destinationPortRange\":null,\"destinationPortRanges\":[\"1\",\"\"]", "InvalidRequestFormat",
     "destinationPortRanges"},
    {"\"destinationPortRange\":[\"1\"]", "InvalidRequestFormat", "destinationPortRange"},
    {"\"sourceAddressPrefix\":\"any\"", "SecurityRuleInvalidAddressPrefix", "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":\"10.0.0.1/24\"", "SecurityRuleInvalidAddressPrefix",
     "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":\"10.0.0.1-10.0.0.9\"", "SecurityRuleInvalidAddressPrefix",
     "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":\"10.0.0.1,10.0.0.9\"", "SecurityRuleInvalidAddressPrefix",
     "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":\"@st_x\"", "SecurityRuleInvalidAddressPrefix",
     "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":\"Stor age\"", "SecurityRuleInvalidAddressPrefix",
     "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":\"Storage..West\"", "SecurityRuleInvalidAddressPrefix",
     "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":\"x\\u0000y\"", "InvalidRequestFormat", "sourceAddressPrefix"},
    {"\"sourceAddressPrefix\":null", "InvalidParameter", "sourceAddressPrefix"},
    {"\"sourceAddressPrefixes\":[\"10.0.0.1\"]", "InvalidParameter", "sourceAddressPrefixes"},
    {"\"sourceAddressPrefix\":\"\",\"sourceAddressPrefixes\":[\"Storage\",\"10.0.0.1\"]",
     "SecurityRuleParameterContainsUnsupportedValue", "sourceAddressPrefixes"},
    {"\"sourceAddressPrefix\":\"\",\"sourceAddressPrefixes\":[\"10.0.0.1\",\"*\"]",
     "SecurityRuleParameterContainsUnsupportedValue", "sourceAddressPrefixes"},
    {"\"sourceApplicationSecurityGroups\":[{\"id\":\"/a\"}]", "InvalidParameter",
     "sourceApplicationSecurityGroups"},
    {"\"sourceAddressPrefix\":null,\"sourceApplicationSecurityGroups\":[{\"id\":\"a\"}]",
     "InvalidParameter", "sourceApplicationSecurityGroups"},
    {"\"sourceAddressPrefix\":null,\"sourceApplicationSecurityGroups\":[\"/a\"]",
     "InvalidParameter", "sourceApplicationSecurityGroups"},
    {"\"protocol\":\"Icmp\"", "InvalidParameter", "destinationPortRange"},
    {"\"protocol\":\"Esp\",\"destinationPortRange\":\"*\",\"sourcePortRange\":\"1\"",
     "InvalidParameter", "sourcePortRange"},
    {"\"description\":7", "InvalidParameter", "description"},
    {"\"sourceAdressPrefix\":\"10.0.0.1\"", "InvalidRequestFormat", "sourceAdressPrefix"},
    {"\"SourceAddressPrefix\":\"10.0.0.1\"", "InvalidRequestFormat", "sourceAddressPrefix"},
};

static void refuses_with_code_and_member(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct network_fault fault = {0};
        struct trail trail = {0};
        struct rule rule;
        err_t err = rule_read(arena, span_str("r"), properties(arena, refusals[i].changes), &fault,
                              &trail, &rule);

        if (err == ERR_OK || fault.code == NULL || strcmp(fault.code, refusals[i].code) != 0 ||
            strcmp(fault.target, refusals[i].target) != 0 || trail.what[0] == '\0' ||
            strncmp(trail.where, "r.", 2) != 0) {
            fail_msg("%s: %s, code %s, target %s, %s: %s", refusals[i].changes, err_name(err),
                     fault.code == NULL ? "none" : fault.code, fault.target, trail.where,
                     trail.what);
        }
    }
}

static void refuses_names_that_others_would_read_otherwise(void **state)
{
    static const char *const names[] = {"",    "-a",   "a-",  "a.", ".a",
                                        "a b", "a\"b", "a;b", "ä",  "a/b"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char longest[RULE_NAME_MAX + 2];
    struct rule rule;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct network_fault fault = {0};

        assert_err(rule_read(arena, span_str(names[i]), properties(arena, ""), &fault, NULL, &rule),
                   ERR_VALUE);
        assert_string_equal(fault.code, "InvalidResourceName");
    }
    memset(longest, 'x', sizeof(longest));
    assert_false(rule_name_is(span_of(longest, RULE_NAME_MAX + 1)));
    assert_true(rule_name_is(span_of(longest, RULE_NAME_MAX)));
    assert_true(rule_name_is(span_str("_a.b-c_")));
}

static void more_prefixes_than_the_limit_are_refused(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(buf_done) struct buf list = {0};
    struct network_fault fault = {0};
    struct rule rule;

    (void)state;
    buf_init(&list, 1024 * 1024);
    buf_add_str(&list, "\"sourceAddressPrefix\":null,\"sourceAddressPrefixes\":[\"10.0.0.0\"");
    for (unsigned i = 1; i < RULE_PREFIXES_MAX; i++) {
        buf_addf(&list, ",\"10.0.%u.%u\"", i / 256, i % 256);
    }
    assert_ok(rule_read(arena, span_str("r"),
                        properties(arena, arena_printf(arena, "%s]", buf_cstr(&list))), NULL, NULL,
                        &rule));
    assert_int_equal(rule.source.n_texts, RULE_PREFIXES_MAX);
    assert_int_equal(rule.source.set.n, 1);
    assert_err(rule_read(arena, span_str("r"),
                         properties(arena, arena_printf(arena, "%s,\"1.1.1.1\"]", buf_cstr(&list))),
                         &fault, NULL, &rule),
               ERR_TOO_MANY);
    assert_string_equal(fault.target, "sourceAddressPrefixes");
}

/* A client's words in, Azure's words out, and the same once more. */
static const struct {
    const char *changes, *want;
} forms[] = {
    {"\"protocol\":\"TCP\",\"access\":\"allow\",\"direction\":\"outbound\"",
     "{\"protocol\":\"Tcp\",\"sourcePortRange\":\"*\",\"destinationPortRange\":\"443\","
     "\"sourceAddressPrefix\":\"*\",\"destinationAddressPrefix\":\"AzureAttestation\","
     "\"access\":\"Allow\",\"priority\":100,\"direction\":\"Outbound\",\"sourcePortRanges\":[],"
     "\"destinationPortRanges\":[],\"sourceAddressPrefixes\":[],"
     "\"destinationAddressPrefixes\":[]}"},
    {"\"description\":\"why\",\"destinationPortRange\":\"\","
     "\"destinationPortRanges\":[\"53\",\"1-2\"],\"sourceAddressPrefix\":\"\","
     "\"sourceAddressPrefixes\":[\"10.0.0.1\",\"10.0.0.0/8\"],\"provisioningState\":\"Updating\"",
     "{\"description\":\"why\",\"protocol\":\"Tcp\",\"sourcePortRange\":\"*\","
     "\"destinationAddressPrefix\":\"AzureAttestation\",\"access\":\"Allow\",\"priority\":100,"
     "\"direction\":\"Outbound\",\"sourcePortRanges\":[],\"destinationPortRanges\":[\"53\","
     "\"1-2\"],\"sourceAddressPrefixes\":[\"10.0.0.1\",\"10.0.0.0/8\"],"
     "\"destinationAddressPrefixes\":[]}"},
    {"\"sourceAddressPrefix\":null,\"sourceApplicationSecurityGroups\":[{\"id\":\"/a/b\"}]",
     "{\"protocol\":\"Tcp\",\"sourcePortRange\":\"*\",\"destinationPortRange\":\"443\","
     "\"destinationAddressPrefix\":\"AzureAttestation\",\"access\":\"Allow\",\"priority\":100,"
     "\"direction\":\"Outbound\",\"sourcePortRanges\":[],\"destinationPortRanges\":[],"
     "\"sourceAddressPrefixes\":[],\"destinationAddressPrefixes\":[],"
     "\"sourceApplicationSecurityGroups\":[{\"id\":\"/a/b\"}]}"},
};

static void is_written_as_it_was_read(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        yyjson_val *object = properties(arena, forms[i].changes);

        for (int round = 0; round < 2; round++) {
            yyjson_mut_doc *doc = json_new(arena);
            struct rule rule;
            struct span text;

            assert_ok(rule_read(arena, span_str("r"), object, NULL, NULL, &rule));
            text = json_write(arena, doc, rule_write(doc, &rule), false);
            assert_string_equal((const char *)text.data, forms[i].want);
            object = network_json(arena, text);
        }
    }
}

static void ports_are_merged(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct rule rule;

    (void)state;
    assert_ok(rule_read(arena, span_str("r"),
                        properties(arena, "\"destinationPortRange\":null,\"destinationPortRanges\":"
                                          "[\"65535\",\"10-20\",\"21\",\"15-30\",\"0\"]"),
                        NULL, NULL, &rule));
    assert_int_equal(rule.destination_ports.n_ranges, 3);
    assert_true(rule_ports_have(&rule.destination_ports, 0));
    assert_true(rule_ports_have(&rule.destination_ports, 30));
    assert_true(rule_ports_have(&rule.destination_ports, 65535));
    assert_false(rule_ports_have(&rule.destination_ports, 31));
    assert_ok(rule_read(arena, span_str("r"),
                        properties(arena, "\"protocol\":\"Icmp\",\"destinationPortRange\":null,"
                                          "\"destinationPortRanges\":[\"0-100\",\"101-65535\"]"),
                        NULL, NULL, &rule));
    assert_true(rule_ports_are_any(&rule.destination_ports));
}

/* The samples name them, too. */
static void default_rules_are_those_of_the_samples(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    yyjson_val *root = network_json(arena, test_vector(arena, "network/nsg-guest.json"));
    yyjson_val *list = json_get(json_get(root, "properties"), "defaultSecurityRules");

    (void)state;
    assert_int_equal(yyjson_arr_size(list), RULE_DEFAULTS);
    for (size_t i = 0; i < RULE_DEFAULTS; i++) {
        yyjson_val *item = yyjson_arr_get(list, i), *wanted = json_get(item, "properties"), *got;
        yyjson_mut_doc *doc = json_new(arena);
        size_t index, max;
        yyjson_val *key, *value;

        assert_string_equal(json_text(json_get(item, "name")), rule_defaults[i].name);
        got =
            network_json(arena, json_write(arena, doc, rule_write(doc, &rule_defaults[i]), false));
        yyjson_obj_foreach(wanted, index, max, key, value)
        {
            assert_true(yyjson_equals(value, yyjson_obj_get(got, yyjson_get_str(key))));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_code_and_member),
        cmocka_unit_test(refuses_names_that_others_would_read_otherwise),
        cmocka_unit_test(more_prefixes_than_the_limit_are_refused),
        cmocka_unit_test(is_written_as_it_was_read),
        cmocka_unit_test(ports_are_merged),
        cmocka_unit_test(default_rules_are_those_of_the_samples),
    };

    return RUN_TESTS(tests);
}
