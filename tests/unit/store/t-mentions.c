/*
 * What resources mention, as the store keeps it: in one write with its resource, and gone with it.
 */
#include "unit/store/keeping.h"

#define NIC G "/providers/n/nics/nic"

static const char *const no_parents[STORE_RESOURCE_PARENTS];

static void put_mentioning(const char *key, int64_t version, struct store_mention *items, size_t n,
                           enum store_resource_bar wanted)
{
    const struct store_mentions mentions = {items, n};
    const struct store_resource resource = {.key = key,
                                            .id = key,
                                            .subscription = "s",
                                            .type = "n/nics",
                                            .location = "",
                                            .state = "Succeeded",
                                            .tags = span_str("{}"),
                                            .body = span_str("{}"),
                                            .version = version,
                                            .mentions = &mentions};
    enum store_resource_bar bar = STORE_RESOURCE_FULL;
    int64_t ignored;
    size_t parent;

    assert_ok(store_resource_put(store, &resource, no_parents, NOW, NULL, &bar, &parent, &ignored));
    assert_int_equal(bar, wanted);
}

static char *seen;

static err_t see(void *context, struct span word, struct span resource, struct span value)
{
    (void)context;
    seen = arena_printf(
        arena, "%s%.*s by %s%s%.*s; ", seen, (int)word.len, (const char *)word.data,
        resource.len > strlen(NIC)
            ? (const char *)arena_dup(arena, span_cut(resource, strlen(NIC), resource.len)).data
            : "",
        value.len == 0 ? "" : "=", (int)value.len, (const char *)value.data);
    return ERR_OK;
}

static const char *between(const char *subscription, const char *from, const char *to)
{
    seen = arena_printf(arena, "%s", "");
    assert_ok(store_mentions(store, subscription, from, to, see, NULL, NULL));
    return seen;
}

static int64_t version_of(const char *key)
{
    struct store_resource got;

    assert_ok(store_resource_get(store, arena, key, NULL, &got));
    return got.version;
}

static void words_are_found_between_their_neighbours(void **state)
{
    struct store_mention one[] = {{"subnet /a", "1"}, {"subnet /a/b", "2"}, {"subnet /a", "1"}},
                         two[] = {{"subnet /a", "3"}, {"subnet /a-b", ""}, {"seat /a", ""}};

    (void)state;
    put_mentioning(NIC "1", 0, one, ARRAY_LEN(one), STORE_RESOURCE_NO_BAR);
    put_mentioning(NIC "2", 0, two, ARRAY_LEN(two), STORE_RESOURCE_NO_BAR);
    assert_string_equal(between("s", "subnet /a", "subnet /a\x01"),
                        "subnet /a by 1=1; subnet /a by 2=3; ");
    assert_string_equal(between("s", "subnet /a/", "subnet /a/\xff"), "subnet /a/b by 1=2; ");
    assert_string_equal(between("s", "seat ", "seat \xff"), "seat /a by 2; ");
    assert_string_equal(between("t", "", "\xff"), "");
}

static void they_change_and_go_with_their_resource(void **state)
{
    struct store_mention old[] = {{"a", ""}, {"b", ""}}, new[] = {{"b", "1"}};
    enum store_resource_bar bar;
    bool was_there;

    (void)state;
    put_mentioning(NIC "1", 0, old, ARRAY_LEN(old), STORE_RESOURCE_NO_BAR);
    /* Who was too slow changes nothing. */
    put_mentioning(NIC "1", 999, new, ARRAY_LEN(new), STORE_RESOURCE_CHANGED);
    assert_string_equal(between("s", "", "\xff"), "a by 1; b by 1; ");
    put_mentioning(NIC "1", version_of(NIC "1"), new, ARRAY_LEN(new), STORE_RESOURCE_NO_BAR);
    assert_string_equal(between("s", "", "\xff"), "b by 1=1; ");
    put_mentioning(NIC "1/below", 0, old, ARRAY_LEN(old), STORE_RESOURCE_NO_BAR);
    put_mentioning(NIC "2", 0, old, 1, STORE_RESOURCE_NO_BAR);
    assert_ok(store_resource_remove(store, NIC "1", 0, NULL, &was_there, &bar));
    assert_string_equal(between("s", "", "\xff"), "a by 2; ");
    assert_int_equal(count_of("resource_mentions"), 1);
}

static err_t stop_there(void *context, struct span word, struct span resource, struct span value)
{
    (void)word;
    (void)resource;
    (void)value;
    ++*(int *)context;
    return ERR_TOO_MANY;
}

static void whoever_looks_may_have_enough(void **state)
{
    struct store_mention some[] = {{"a", ""}, {"b", ""}};
    int n = 0;

    (void)state;
    put_mentioning(NIC "1", 0, some, ARRAY_LEN(some), STORE_RESOURCE_NO_BAR);
    assert_err(store_mentions(store, "s", "", "\xff", stop_there, &n, NULL), ERR_TOO_MANY);
    assert_int_equal(n, 1);
    assert_string_equal(between("s", "", "\xff"), "a by 1; b by 1; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(words_are_found_between_their_neighbours),
        WITH_STORE(they_change_and_go_with_their_resource),
        WITH_STORE(whoever_looks_may_have_enough),
    };

    return RUN_TESTS(tests);
}
