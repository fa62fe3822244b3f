#include "unit/network/support.h"

/* What is read, and how it is written; NULL: refused. */
static const struct {
    const char *text;
    bool may_have_dash;
    const char *want;
} ranges[] = {
    {"", false, NULL},
    {"*", false, NULL},
    {"10.0.0", false, NULL},
    {"10.0.0.256", false, NULL},
    {"010.0.0.1", false, NULL}, /* octal to some */
    {"10.0.0.1 ", false, NULL},
    {" 10.0.0.1", false, NULL},
    {"0x0a.0.0.1", false, NULL},
    {"10.0.0.0/", false, NULL},
    {"10.0.0.0/33", false, NULL},
    {"10.0.0.0/08", false, NULL},
    {"10.0.0.0/+8", false, NULL},
    {"10.0.0.0/8/8", false, NULL},
    {"10.0.0.1/24", false, NULL}, /* one address, or 256? */
    {"10.0.0.0/255.0.0.0", false, NULL},
    {"2001:db8::1/64", false, NULL},
    {"2001:db8::/129", false, NULL},
    {"fe80::1%eth0", false, NULL},
    {"::ffff:10.0.0.1", false, NULL}, /* IPv4 to some, IPv6 to others */
    {"::ffff:10.0.0.0/120", false, NULL},
    {"10.0.0.1-10.0.0.9", false, NULL},
    {"10.0.0.9-10.0.0.1", true, NULL},
    {"10.0.0.1-2001:db8::1", true, NULL},
    {"10.0.0.1-", true, NULL},
    {"10.0.0.0/24-10.0.1.0/24", true, NULL},
    {"1111:1111:1111:1111:1111:1111:1111:1111:1111", false, NULL},
    {"10.0.0.1", false, "10.0.0.1"},
    {"10.0.0.1/32", false, "10.0.0.1"},
    {"0.0.0.0/0", false, "0.0.0.0/0"},
    {"::/0", false, "::/0"},
    {"2001:DB8:0::/32", false, "2001:db8::/32"},
    {"::1/128", false, "::1"},
    {"10.0.0.1-10.0.0.9", true, "10.0.0.1-10.0.0.9"},
    {"10.0.0.0-10.0.0.255", true, "10.0.0.0/24"},
    {"2001:db8::1-2001:db8::3", true, "2001:db8::1-2001:db8::3"},
};

static void reads_one_spelling_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        struct address_range range;
        struct trail trail = {0};
        char text[ADDRESS_RANGE_TEXT_MAX];
        err_t err =
            address_range_read(span_str(ranges[i].text), ranges[i].may_have_dash, &trail, &range);

        if (ranges[i].want == NULL) {
            if (err != ERR_VALUE || trail.what[0] == '\0') {
                fail_msg("'%s': %s", ranges[i].text, err_name(err));
            }
            continue;
        }
        assert_ok(err);
        address_range_text(&range, text);
        assert_string_equal(text, ranges[i].want);
    }
}

static void a_nul_inside_ends_nothing(void **state)
{
    struct address address;

    (void)state;
    assert_err(address_read(span_of("10.0.0.1\0x", 10), NULL, &address), ERR_VALUE);
    assert_err(address_read(span_of("10.0.0.1\0", 9), NULL, &address), ERR_VALUE);
}

static void says_what_to_write_instead(void **state)
{
    struct address_range range;
    struct trail trail = {0};

    (void)state;
    assert_err(address_range_read(span_str("10.0.0.5/24"), false, &trail, &range), ERR_VALUE);
    assert_non_null(strstr(trail.what, "write 10.0.0.0/24"));
}

static void reads_addresses_with_ports(void **state)
{
    static const struct {
        const char *text;
        int port; /* -2: refused */
    } cases[] = {
        {"10.0.0.1:", -2},     {"10.0.0.1:65536", -2}, {"10.0.0.1:0443", -2},
        {":443", -2},          {"[2001:db8::1", -2},   {"[2001:db8::1]443", -2},
        {"[]:443", -2},        {"name:443", -2},       {"10.0.0.1:443:1", -2},
        {"10.0.0.1:443", 443}, {"10.0.0.1", -1},       {"[2001:db8::1]:443", 443},
        {"[2001:db8::1]", -1}, {"2001:db8::1", -1},    {"10.0.0.1:0", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address address;
        int port = -3;
        err_t err = address_port_read(span_str(cases[i].text), NULL, &address, &port);

        if ((err != ERR_OK) != (cases[i].port == -2) || (!err && port != cases[i].port)) {
            fail_msg("'%s': %s, port %d", cases[i].text, err_name(err), port);
        }
    }
}

static const char *set_text(struct arena *arena, const struct address_set *set)
{
    const char *text = "";

    for (size_t i = 0; i < set->n; i++) {
        char one[ADDRESS_RANGE_TEXT_MAX];

        address_range_text(&set->items[i], one);
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : " ", one);
    }
    return text;
}

static void sets_merge_what_overlaps_or_touches(void **state)
{
    static const struct {
        const char *list, *want;
    } cases[] = {
        {"", ""},
        {"10.0.0.2 10.0.0.1 10.0.0.4", "10.0.0.1-10.0.0.2 10.0.0.4"},
        {"10.0.0.0/8 10.1.0.0/16 10.255.255.255", "10.0.0.0/8"},
        {"255.255.255.255 0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0"},
        {"::/1 8000::/1 0.0.0.0", "0.0.0.0 ::/0"},
        {"255.255.255.255 ::", "255.255.255.255 ::"}, /* families do not touch */
        {"10.0.0.0/25 10.0.0.128/25", "10.0.0.0/24"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address_set set = network_set(arena, cases[i].list);

        assert_string_equal(set_text(arena, &set), cases[i].want);
    }
}

static void sets_have_their_edges_and_nothing_beyond(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct address_set set = network_set(arena, "198.51.100.16/28 10.0.0.5 2001:db8:a77e::/48");
    static const struct {
        const char *address;
        bool is_in;
    } cases[] = {
        {"198.51.100.15", false},   {"198.51.100.16", true},
        {"198.51.100.31", true},    {"198.51.100.32", false},
        {"10.0.0.4", false},        {"10.0.0.5", true},
        {"10.0.0.6", false},        {"2001:db8:a77d::", false},
        {"2001:db8:a77e::", true},  {"::", false},
        {"2001:db8:a77f::", false}, {"255.255.255.255", false},
        {"0.0.0.0", false},         {"2001:db8:a77e:ffff::", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address address = network_address(cases[i].address);

        if (address_set_has(&set, &address) != cases[i].is_in) {
            fail_msg("%s", cases[i].address);
        }
    }
    assert_int_equal(address_set_of(&set, ADDRESS_V4).n, 2);
    assert_int_equal(address_set_of(&set, ADDRESS_V6).n, 1);
    assert_true(address_set_size(&set, ADDRESS_V4) == 17);
}

static void a_complement_is_everything_else(void **state)
{
    static const char *const cases[] = {
        "",
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/0 ::/0",
        "10.0.0.0/8",
        "0.0.0.0 255.255.255.255 :: ffff::/16",
        "10.77.0.0/16 10.88.0.0/16 2001:db8::1-2001:db8::3",
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct address_set set = network_set(arena, cases[i]), rest, again;

        assert_ok(address_set_complement(arena, &set, &rest));
        assert_ok(address_set_complement(arena, &rest, &again));
        assert_string_equal(set_text(arena, &again), set_text(arena, &set));
        assert_true(address_set_size(&set, ADDRESS_V4) + address_set_size(&rest, ADDRESS_V4) ==
                    4294967296.0);
    }
}

static void prefixes_of_a_set_are_the_set(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct address_set set = network_set(
                           arena,
                           "10.0.0.1-10.0.0.14 0.0.0.0 255.255.255.254/31 2001:db8::/32 ::1"),
                       same;
    const char *const *texts = NULL;
    size_t n = 0;
    const char *all = "";

    (void)state;
    assert_ok(address_set_cidrs(arena, &set, &texts, &n));
    for (size_t i = 0; i < n; i++) {
        assert_non_null(strchr(texts[i], '/'));
        all = arena_printf(arena, "%s%s%s", all, i == 0 ? "" : " ", texts[i]);
    }
    same = network_set(arena, all);
    assert_string_equal(set_text(arena, &same), set_text(arena, &set));
    assert_int_equal(n, 10); /* .1 .2/31 .4/30 .8/30 .12/31 .14, and four more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_spelling_alone),
        cmocka_unit_test(a_nul_inside_ends_nothing),
        cmocka_unit_test(says_what_to_write_instead),
        cmocka_unit_test(reads_addresses_with_ports),
        cmocka_unit_test(sets_merge_what_overlaps_or_touches),
        cmocka_unit_test(sets_have_their_edges_and_nothing_beyond),
        cmocka_unit_test(a_complement_is_everything_else),
        cmocka_unit_test(prefixes_of_a_set_are_the_set),
    };

    return RUN_TESTS(tests);
}
