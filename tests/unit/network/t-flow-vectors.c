/*
 * The 22 flows of tests/vectors/network/flow-vectors.json: verdict, deciding rule, stage.
 */
#include "unit/network/support.h"

enum { VECTORS = 22 };

static const char *text_of(yyjson_val *object, const char *name)
{
    const char *text = json_text(json_get(object, name));

    return text == NULL ? "" : text;
}

static const struct nsg *group_of(struct arena *arena, yyjson_val *vector, const char *name)
{
    const char *file = text_of(vector, name);

    return strcmp(file, "none") == 0 ? NULL : network_nsg(arena, file);
}

static struct flow flow_of(yyjson_val *object)
{
    bool is_out = strcmp(text_of(object, "direction"), "Outbound") == 0;
    struct address source = network_address(text_of(object, "src"));
    struct address destination = network_address(text_of(object, "dst"));
    struct flow_port sport = {.number = (uint16_t)yyjson_get_uint(json_get(object, "sport"))};
    struct flow_port dport = {.number = (uint16_t)yyjson_get_uint(json_get(object, "dport"))};

    return (struct flow){
        .direction = is_out ? RULE_OUTBOUND : RULE_INBOUND,
        .protocol = strcmp(text_of(object, "protocol"), "UDP") == 0 ? FLOW_UDP : FLOW_TCP,
        .local = is_out ? source : destination,
        .remote = is_out ? destination : source,
        .local_port = is_out ? sport : dport,
        .remote_port = is_out ? dport : sport,
    };
}

static const struct network_world *world_of(struct arena *arena, yyjson_val *root)
{
    yyjson_val *list = json_get(root, "virtualNetwork");
    const char *text = "";

    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : " ",
                            json_text(yyjson_arr_get(list, i)));
    }
    return network_world(arena, text, network_tags(arena));
}

static void check(struct arena *arena, const struct network_world *world, yyjson_val *vector)
{
    yyjson_val *expect = json_get(vector, "expect");
    struct flow flow = flow_of(json_get(vector, "flow"));
    struct flow_verdict verdict;
    const char *stage;

    assert_ok(flow_judge(arena, world, group_of(arena, vector, "nicNsg"),
                         group_of(arena, vector, "subnetNsg"), &flow, NULL, &verdict));
    stage = flow_stage_name(verdict.decided.stage);
    print_message("%s\n", text_of(vector, "why"));
    assert_string_equal(verdict.is_allowed ? "Allow" : "Deny", text_of(expect, "access"));
    assert_string_equal(verdict.rule_name == NULL ? "" : verdict.rule_name,
                        text_of(expect, "ruleName"));
    assert_string_equal(stage == NULL ? "" : stage, text_of(expect, "stage"));
    if (!verdict.is_allowed) {
        struct flow_remedy remedies[2];
        size_t n = 0;

        assert_ok(flow_remedies(arena, world, &flow, &verdict, remedies, &n));
        assert_true(n >= 1);
        assert_ptr_equal(remedies[0].nsg, verdict.decided.nsg);
    }
}

static void every_flow_ends_as_expected(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    yyjson_val *root = network_json(arena, test_vector(arena, "network/flow-vectors.json"));
    yyjson_val *vectors = json_get(root, "vectors");
    const struct network_world *world = world_of(arena, root);

    (void)state;
    assert_int_equal(yyjson_arr_size(vectors), VECTORS);
    for (size_t i = 0; i < VECTORS; i++) {
        check(arena, world, yyjson_arr_get(vectors, i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flow_ends_as_expected),
    };

    return RUN_TESTS(tests);
}
