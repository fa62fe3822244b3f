#include "unit/network/support.h"

#define TAG(name, prefixes)                                                                        \
    "{\"name\":\"" name "\",\"properties\":{\"changeNumber\":1,\"region\":\"\","                   \
    "\"systemService\":\"\",\"addressPrefixes\":[" prefixes "]}}"

static err_t read_tags(struct arena *arena, const char *text, struct network_fault *fault,
                       struct trail *trail, const struct service_tags **ret)
{
    return tags_read(arena, network_json(arena, span_str(text)), fault, trail, ret);
}

static const struct {
    const char *text, *where;
} refusals[] = {
    {"[]", ""},
    {"{}", "values"},
    {"{\"values\":{}}", "values"},
    {"{\"values\":[],\"changeNumber\":-1}", "changeNumber"},
    {"{\"values\":[],\"changeNumber\":\"\"}", "changeNumber"},
    {"{\"values\":[],\"changeNumber\":\"1x\"}", "changeNumber"},
    {"{\"values\":[],\"changeNumber\":\"99999999999999999999\"}", "changeNumber"},
    {"{\"values\":[],\"cloud\":7}", "cloud"},
    {"{\"values\":[],\"nextLink\":\"https://x\"}", "nextLink"},
    {"{\"values\":[7]}", "values[0].name"},
    {"{\"values\":[" TAG("a b", "") "]}", "values[0].name"},
    {"{\"values\":[" TAG("a..b", "") "]}", "values[0].name"},
    {"{\"values\":[" TAG("virtualnetwork", "") "]}", "values[0].name"},
    {"{\"values\":[" TAG("Internet.x", "") "]}", "values[0].name"},
    {"{\"values\":[{\"name\":\"A\"}]}", "values[0].A.properties"},
    {"{\"values\":[{\"name\":\"A\",\"properties\":{}}]}", "values[0].A.addressPrefixes"},
    {"{\"values\":[" TAG("A", "7") "]}", "values[0].A.addressPrefixes"},
    {"{\"values\":[" TAG("A", "\"10.0.0.1/8\"") "]}", "values[0].A.addressPrefixes"},
    {"{\"values\":[" TAG("A", "\"10.0.0.1-10.0.0.2\"") "]}", "values[0].A.addressPrefixes"},
    {"{\"values\":[" TAG("A", "") "," TAG("a", "") "]}", "a.name"},
};

static void refuses_with_the_place(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct network_fault fault = {0};
        struct trail trail = {0};
        const struct service_tags *tags = NULL;
        err_t err = read_tags(arena, refusals[i].text, &fault, &trail, &tags);

        if (err == ERR_OK || fault.code == NULL || trail.what[0] == '\0' ||
            strcasecmp(trail.where, refusals[i].where) != 0) {
            fail_msg("%s: %s at %s: %s", refusals[i].text, err_name(err), trail.where, trail.what);
        }
    }
}

static void both_forms_say_the_same(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct service_tags *file = network_tags(arena), *rest = NULL;
    const struct service_tag *a, *b;

    (void)state;
    assert_ok(tags_read(
        arena, network_json(arena, test_vector(arena, "network/serviceTags-rest-list.json")), NULL,
        NULL, &rest));
    assert_int_equal(file->n, 5);
    assert_int_equal(file->change_number, 3);
    assert_int_equal(rest->change_number, 3);
    a = tags_find(file, span_str("AzureAttestation"));
    b = tags_find(rest, span_str("AZUREATTESTATION"));
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->change_number, b->change_number);
    assert_int_equal(a->set.n, 3);
    assert_memory_equal(a->set.items, b->set.items, 3 * sizeof(*a->set.items));
}

static void names_are_found_in_any_case_and_whole(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct service_tags *tags = network_tags(arena);

    (void)state;
    assert_non_null(tags_find(tags, span_str("azurekeyvault.westeurope")));
    assert_non_null(tags_find(tags, span_str("AzureKeyVault")));
    assert_null(tags_find(tags, span_str("AzureKeyVault.West")));
    assert_null(tags_find(tags, span_str("AzureKeyVault.WestEurope2")));
    assert_null(tags_find(tags, span_str("")));
    assert_null(tags_find(NULL, span_str("AzureKeyVault")));
}

static void what_is_written_reads_back(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct service_tags *tags = network_tags(arena);

    (void)state;
    for (int form = 0; form < 2; form++) {
        yyjson_mut_doc *doc = json_new(arena);
        yyjson_mut_val *root =
            form == 0 ? tags_write_rest(doc, tags, "/subscriptions/s/serviceTags/SelfHosted")
                      : tags_write_file(doc, tags);
        yyjson_val *json = network_json(arena, json_write(arena, doc, root, false));
        yyjson_val *first = yyjson_arr_get_first(json_get(json, "values"));
        const struct service_tags *again = NULL;

        assert_true(yyjson_is_str(json_get(json, "changeNumber")) == (form == 0));
        assert_true(yyjson_is_str(json_get(first, "serviceTagChangeNumber")) == (form == 0));
        assert_ok(tags_read(arena, json, NULL, NULL, &again));
        assert_int_equal(again->n, tags->n);
        assert_int_equal(again->change_number, tags->change_number);
        for (size_t i = 0; i < tags->n; i++) {
            assert_string_equal(again->items[i].name, tags->items[i].name);
            assert_string_equal(again->items[i].region, tags->items[i].region);
            assert_int_equal(again->items[i].change_number, tags->items[i].change_number);
            assert_int_equal(again->items[i].set.n, tags->items[i].set.n);
        }
    }
}

static void our_own_count_their_changes(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    static const char *const first[] = {"10.0.0.1"}, *const same[] = {"10.0.0.1/32", "10.0.0.1"},
                             *const other[] = {"10.0.0.2", "2001:db8::1"};
    static const char *const broken[] = {"10.0.0.1/24"};
    struct tag_source sources[] = {{"AzureAttestation", first, 1},
                                   {"AzureActiveDirectory", first, 1}};
    const struct service_tags *one = NULL, *two = NULL, *three = NULL;
    struct trail trail = {0};

    (void)state;
    assert_ok(tags_make(arena, sources, 2, NULL, NULL, NULL, &one));
    assert_string_equal(one->cloud, "SelfHosted");
    assert_int_equal(one->change_number, 1);
    assert_string_equal(one->items[1].prefixes[0], "10.0.0.1/32");
    sources[0].prefixes = same;
    sources[0].n_prefixes = 2;
    assert_ok(tags_make(arena, sources, 2, one, NULL, NULL, &two));
    assert_int_equal(two->change_number, 1);
    sources[0].prefixes = other;
    assert_ok(tags_make(arena, sources, 2, two, NULL, NULL, &three));
    assert_int_equal(three->change_number, 2);
    assert_int_equal(tags_find(three, span_str("AzureAttestation"))->change_number, 2);
    assert_int_equal(tags_find(three, span_str("AzureActiveDirectory"))->change_number, 1);
    assert_ok(tags_make(arena, sources, 1, three, NULL, NULL, &three));
    assert_int_equal(three->change_number, 3);
    sources[0] = (struct tag_source){"AzureAttestation", broken, 1};
    assert_err(tags_make(arena, sources, 1, NULL, NULL, &trail, &three), ERR_VALUE);
    assert_string_equal(trail.where, "AzureAttestation.addressPrefixes");
}

static void our_own_take_the_place_of_imported_ones(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    static const char *const mine[] = {"10.0.0.1"};
    const struct tag_source source = {"azureattestation", mine, 1};
    const struct service_tags *own = NULL, *both = NULL;

    (void)state;
    assert_ok(tags_make(arena, &source, 1, NULL, NULL, NULL, &own));
    assert_ok(tags_join(arena, own, network_tags(arena), &both));
    assert_int_equal(both->n, 5);
    assert_int_equal(tags_find(both, span_str("AzureAttestation"))->set.n, 1);
    assert_non_null(tags_find(both, span_str("AzureKeyVault.WestEurope")));
    assert_string_equal(both->cloud, "SelfHosted");
    assert_ok(tags_join(arena, NULL, NULL, &both));
    assert_int_equal(both->n, 0);
}

static void a_tag_that_rules_name_may_not_become_empty(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct service_tags *before = network_tags(arena), *empty = NULL, *gone = NULL;
    const struct nsg *groups[] = {network_nsg(arena, "nsg-blocking"),
                                  network_nsg(arena, "nsg-guest")};
    struct network_fault fault = {0};
    struct trail trail = {0};

    (void)state;
    assert_ok(read_tags(arena,
                        "{\"values\":[" TAG("azureattestation", "") "," TAG(
                            "AzureKeyVault.WestEurope", "\"203.0.113.144/29\"") "]}",
                        NULL, NULL, &empty));
    assert_ok(read_tags(arena, "{\"values\":[" TAG("AzureAttestation", "\"10.0.0.1\"") "]}", NULL,
                        NULL, &gone));
    assert_err(tags_check_change(before, empty, groups, 2, &fault, &trail), ERR_CONFLICT);
    assert_string_equal(fault.target, "AzureAttestation");
    assert_non_null(strstr(trail.what, "AllowAttestation"));
    assert_non_null(strstr(trail.what, "nsg-guest"));
    assert_err(tags_check_change(before, gone, groups, 2, &fault, NULL), ERR_CONFLICT);
    assert_string_equal(fault.target, "AzureKeyVault.WestEurope");
    assert_ok(tags_check_change(before, empty, groups, 1, &fault, NULL)); /* names none */
    assert_ok(tags_check_change(before, before, groups, 2, &fault, NULL));
    assert_ok(tags_check_change(empty, empty, groups, 2, &fault, NULL)); /* nothing gets worse */
}

static void rules_name_tags_that_are_known(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct network_world *none = network_world(arena, "", NULL);
    const struct network_world *world = network_world(arena, "", network_tags(arena));
    const struct nsg *nsg = network_nsg(arena, "nsg-guest");
    struct network_fault fault = {0};
    struct trail trail = {0};

    (void)state;
    assert_ok(world_check(world, nsg, NULL, NULL));
    assert_err(world_check(none, nsg, &fault, &trail), ERR_NOT_FOUND);
    assert_string_equal(fault.code, "SecurityRuleInvalidAddressPrefix");
    assert_string_equal(trail.where, "AllowAttestation.destinationAddressPrefix");
    nsg = network_rules(arena, "{\"name\":\"r\",\"properties\":{\"protocol\":\"*\","
                               "\"sourcePortRange\":\"*\",\"destinationPortRange\":\"*\","
                               "\"sourceAddressPrefix\":\"AzureAttestation.WestEurope\","
                               "\"destinationAddressPrefix\":\"*\",\"access\":\"Deny\","
                               "\"priority\":100,\"direction\":\"Inbound\"}}");
    trail = (struct trail){0};
    assert_err(world_check(world, nsg, &fault, &trail), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "write AzureAttestation"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_the_place),
        cmocka_unit_test(both_forms_say_the_same),
        cmocka_unit_test(names_are_found_in_any_case_and_whole),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(our_own_count_their_changes),
        cmocka_unit_test(our_own_take_the_place_of_imported_ones),
        cmocka_unit_test(a_tag_that_rules_name_may_not_become_empty),
        cmocka_unit_test(rules_name_tags_that_are_known),
    };

    return RUN_TESTS(tests);
}
