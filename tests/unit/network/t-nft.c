/*
 * Rulesets as text; tests/functional/network-nft.py asks a kernel.
 */
#include "unit/network/support.h"

#include "network/nft.h"

static const struct nft_options plain;

static struct nft_nic nic_of(struct arena *arena, const char *interface, const char *addresses,
                             const struct nsg *nsg, const struct network_world *world)
{
    return (struct nft_nic){interface, network_set(arena, addresses), nsg, NULL, world};
}

static void refuses_interfaces_that_nft_would_read_otherwise(void **state)
{
    static const char *const names[] = {
        "", "a*", "a b", "a\"", "a;b", "a\n", "..", "sixteen-letters-", "a/b", "\xc3\xa4"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct network_world *world = network_world(arena, "10.0.0.0/8", NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct nft_nic nic = nic_of(arena, names[i], "10.0.0.1", NULL, world);
        struct span text = {0};

        assert_err(nft_ruleset(arena, &nic, 1, &plain, NULL, &text), ERR_VALUE);
        assert_null(text.data);
    }
}

static void refuses_nics_that_cannot_be_told_apart_or_kept_honest(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct network_world *world = network_world(arena, "10.0.0.0/8", NULL);
    const struct network_world *other = network_world(arena, "10.0.0.0/8", network_tags(arena));
    struct nft_nic nics[] = {nic_of(arena, "tap0", "10.0.0.1", NULL, world),
                             nic_of(arena, "tap0", "10.0.0.2", NULL, world)};
    struct span text = {0};

    (void)state;
    assert_err(nft_ruleset(arena, nics, 0, &plain, NULL, &text), ERR_TOO_MANY);
    assert_err(nft_ruleset(arena, nics, 2, &plain, NULL, &text), ERR_CONFLICT);
    nics[1].interface = "tap1";
    nics[1].world = other;
    assert_err(nft_ruleset(arena, nics, 2, &plain, NULL, &text), ERR_CONFLICT);
    nics[1].world = world;
    nics[1].addresses = (struct address_set){0};
    assert_err(nft_ruleset(arena, nics, 2, &plain, NULL, &text), ERR_VALUE);
}

static void refuses_a_tag_that_is_not_known(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct nft_nic nic = nic_of(arena, "tap0", "10.0.0.1", network_nsg(arena, "nsg-guest"),
                                network_world(arena, "10.0.0.0/8", NULL));
    struct trail trail = {0};
    struct span text = {0};

    (void)state;
    assert_err(nft_ruleset(arena, &nic, 1, &plain, &trail, &text), ERR_NOT_FOUND);
    assert_string_equal(trail.where, "nsg-guest.AllowAttestation");
}

static size_t count(struct span text, const char *word)
{
    size_t n = 0;

    for (const char *at = (const char *)text.data; (at = strstr(at, word)) != NULL; at++) {
        n++;
    }
    return n;
}

static void a_group_is_written_once_for_each_network(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct service_tags *tags = network_tags(arena);
    const struct network_world *one = network_world(arena, "10.77.0.0/16", tags);
    const struct network_world *two = network_world(arena, "10.99.0.0/16", tags);
    const struct nsg *nsg = network_nsg(arena, "nsg-guest");
    struct nft_nic nics[] = {nic_of(arena, "tap0", "10.77.0.1", nsg, one),
                             nic_of(arena, "tap1", "10.77.0.2 2001:db8::2", nsg, one),
                             nic_of(arena, "tap2", "10.99.0.1", nsg, two)};
    struct span text = {0};

    (void)state;
    nics[0].subnet = nsg;
    assert_ok(nft_ruleset(arena, nics, 3, &plain, NULL, &text));
    assert_int_equal(count(text, "chain nsg_1_nsg_guest_out {"), 1);
    assert_int_equal(count(text, "chain nsg_2_nsg_guest_out {"), 1);
    assert_int_equal(count(text, "chain nsg_3"), 0);
    assert_int_equal(count(text, "jump nsg_1_nsg_guest_in\n"), 3); /* tap0: NIC and subnet */
    assert_int_equal(count(text, "set st_VirtualNetwork_v4 {"), 1);
    assert_int_equal(count(text, "set st_VirtualNetwork_2_v4 {"), 1);
    assert_int_equal(count(text, "set st_AzureAttestation_v6 {"), 1);
    assert_int_equal(count(text, "ip6 saddr 2001:db8::2 return"), 1);
    assert_int_equal(count(text, " log "), 0);
}

static void tags_that_differ_in_separators_have_different_sets(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    static const char *const first[] = {"192.0.2.1"}, *const second[] = {"192.0.2.2"},
                             *const third[] = {"192.0.2.3"};
    const struct tag_source sources[] = {{"A.B", first, 1}, {"A_B", second, 1}, {"A-B", third, 1}};
    const struct service_tags *tags = NULL;
    CLEANUP(buf_done) struct buf rules = {0};
    struct nft_nic nic;
    struct span text = {0};

    (void)state;
    assert_ok(tags_make(arena, sources, 3, NULL, NULL, NULL, &tags));
    buf_init(&rules, 4096);
    for (unsigned i = 0; i < 3; i++) {
        buf_addf(&rules,
                 "%s{\"name\":\"r%u\",\"properties\":{\"protocol\":\"*\",\"sourcePortRange\":\"*\","
                 "\"destinationPortRange\":\"*\",\"sourceAddressPrefix\":\"*\","
                 "\"destinationAddressPrefix\":\"%s\",\"access\":\"Deny\",\"priority\":%u,"
                 "\"direction\":\"Outbound\"}}",
                 i == 0 ? "" : ",", i, sources[i].name, 100 + i);
    }
    nic = nic_of(arena, "tap0", "10.0.0.1", network_rules(arena, buf_cstr(&rules)),
                 network_world(arena, "10.0.0.0/8", tags));
    assert_ok(nft_ruleset(arena, &nic, 1, &plain, NULL, &text));
    assert_int_equal(count(text, "@st_A_B_v4 counter drop comment \"100 r0\""), 1);
    assert_int_equal(count(text, "@st_A__B_v4 counter drop comment \"101 r1\""), 1);
    assert_int_equal(count(text, "@st_A___B_v4 counter drop comment \"102 r2\""), 1);
}

static void a_refresh_is_about_sets_alone(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct nft_nic nic = nic_of(arena, "tap0", "10.77.0.1", network_nsg(arena, "nsg-guest"),
                                network_world(arena, "10.77.0.0/16", network_tags(arena)));
    struct span text = {0};

    (void)state;
    assert_err(nft_refresh(arena, &nic, 1, span_str("AzureResourceManager"), NULL, &text),
               ERR_NOT_FOUND);
    assert_err(nft_refresh(arena, &nic, 1, span_str("x; drop"), NULL, &text), ERR_NOT_FOUND);
    assert_ok(nft_refresh(arena, &nic, 1, span_str("AZUREATTESTATION"), NULL, &text));
    assert_string_equal(
        (const char *)text.data,
        "flush set inet bootwarden_nsg st_AzureAttestation_v4\n"
        "add element inet bootwarden_nsg st_AzureAttestation_v4 { 198.51.100.16/28, "
        "198.51.100.64/31 }\n"
        "flush set inet bootwarden_nsg st_AzureAttestation_v6\n"
        "add element inet bootwarden_nsg st_AzureAttestation_v6 { 2001:db8:a77e::/48 }\n");
    assert_ok(nft_refresh(arena, &nic, 1, (struct span){0}, NULL, &text));
    assert_int_equal(count(text, "flush set"), 8); /* two tags, network, platform */
}

static void denials_are_logged_when_asked_for(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct nft_options options = {.has_log = true, .log_group = 77, .forwards_others = true};
    struct nft_nic nic = nic_of(arena, "tap0", "10.77.0.1", network_nsg(arena, "nsg-guest"),
                                network_world(arena, "10.77.0.0/16", network_tags(arena)));
    struct span text = {0};

    (void)state;
    assert_ok(nft_ruleset(arena, &nic, 1, &options, NULL, &text));
    assert_int_equal(count(text, "limit rate 5/second log prefix \"nsg:out:4096:DenyInternet \" "
                                 "group 77\n"),
                     2);
    assert_int_equal(count(text, "priority filter; policy drop"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_interfaces_that_nft_would_read_otherwise),
        cmocka_unit_test(refuses_nics_that_cannot_be_told_apart_or_kept_honest),
        cmocka_unit_test(refuses_a_tag_that_is_not_known),
        cmocka_unit_test(a_group_is_written_once_for_each_network),
        cmocka_unit_test(tags_that_differ_in_separators_have_different_sets),
        cmocka_unit_test(a_refresh_is_about_sets_alone),
        cmocka_unit_test(denials_are_logged_when_asked_for),
    };

    return RUN_TESTS(tests);
}
