/*
 * Providers and policies: what is refused, what survives, what goes together.
 */
#include "folder.h"

#include "store/providers.h"

static struct store_provider provider_of(const char *name, const char *properties)
{
    static _Thread_local char id[256];

    snprintf(id, sizeof(id),
             "/subscriptions/s/resourceGroups/g/providers/p/attestationProviders/%s", name);
    return (struct store_provider){.name = name,
                                   .id = id,
                                   .region = "eastus",
                                   .properties = span_str(properties),
                                   .created = NOW,
                                   .changed = NOW};
}

static int64_t put(struct store *store, const char *name)
{
    struct store_provider provider = provider_of(name, "{}");
    int64_t version = 0;

    assert_ok(store_provider_put(store, &provider, NULL, &version));
    return version;
}

static void put_policy(struct store *store, const char *provider, const char *type, const char *jws)
{
    const struct store_policy policy = {provider, type, span_str(jws), NOW};

    assert_ok(store_policy_put(store, &policy, NULL));
}

static size_t count_providers(struct store *store, struct arena *arena, struct store_provider **ret)
{
    size_t n = 0;

    assert_ok(store_providers(store, arena, NULL, ret, &n));
    return n;
}

static size_t count_policies(struct store *store, struct arena *arena, struct store_policy **ret)
{
    size_t n = 0;

    assert_ok(store_policies(store, arena, NULL, ret, &n));
    return n;
}

static void a_name_is_given_once_whatever_its_case(void **state)
{
    struct store *store = open_store();
    struct store_provider twice = provider_of("ONE", "{\"other\":1}");
    struct trail trail = {0};
    int64_t version = 7;

    (void)state;
    assert_int_equal(put(store, "one"), 1);
    assert_err(store_provider_put(store, &twice, &trail, &version), ERR_CONFLICT);
    assert_non_null(strstr(trail.what, "already"));
    assert_int_equal(version, 7);
    store_close(store);
}

static void a_change_of_what_was_changed_meanwhile_is_refused(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_provider change = provider_of("one", "{\"a\":1}");
    struct store_provider *all = NULL;
    struct trail trail = {0};
    int64_t version = 0;

    (void)state;
    change.version = put(store, "one");
    assert_ok(store_provider_put(store, &change, NULL, &version));
    assert_int_equal(version, 2);
    change.properties = span_str("{\"a\":2}");
    assert_err(store_provider_put(store, &change, &trail, &version), ERR_CONFLICT);
    assert_non_null(strstr(trail.what, "meanwhile"));
    change.name = "two";
    assert_err(store_provider_put(store, &change, NULL, &version), ERR_CONFLICT);
    assert_int_equal(count_providers(store, arena, &all), 1);
    assert_true(span_is(all[0].properties, "{\"a\":1}"));
    store_close(store);
    arena_free(arena);
}

static void what_is_too_large_is_not_kept(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    char *large = arena_calloc(arena, 1, STORE_POLICY_MAX + 2);
    struct store_provider provider = provider_of("one", "{}");
    struct store_policy policy = {"one", "Tpm", {0}, NOW};
    struct store_policy *policies = NULL;
    int64_t version = 0;

    (void)state;
    memset(large, 'a', STORE_POLICY_MAX + 1);
    provider.properties = span_of(large, STORE_PROVIDER_PROPERTIES_MAX + 1);
    assert_err(store_provider_put(store, &provider, NULL, &version), ERR_TOO_LARGE);
    policy.jws = span_of(large, STORE_POLICY_MAX + 1);
    assert_err(store_policy_put(store, &policy, NULL), ERR_TOO_LARGE);
    assert_int_equal(count_policies(store, arena, &policies), 0);
    store_close(store);
    arena_free(arena);
}

static void a_provider_goes_with_its_policies_and_no_others(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_provider *all = NULL;
    struct store_policy *policies = NULL;

    (void)state;
    put(store, "one");
    put(store, "two");
    put_policy(store, "one", "Tpm", "a");
    put_policy(store, "One", "AzureGuest", "b");
    put_policy(store, "two", "Tpm", "c");
    assert_err(store_provider_remove(store, "three", NULL), ERR_NOT_FOUND);
    assert_ok(store_provider_remove(store, "ONE", NULL));
    assert_err(store_provider_remove(store, "one", NULL), ERR_NOT_FOUND);
    assert_int_equal(count_providers(store, arena, &all), 1);
    assert_string_equal(all[0].name, "two");
    assert_int_equal(count_policies(store, arena, &policies), 1);
    assert_true(span_is(policies[0].jws, "c"));
    /* The name is free again, without what belonged to the one before. */
    assert_int_equal(put(store, "one"), 1);
    assert_int_equal(count_policies(store, arena, &policies), 1);
    store_close(store);
    arena_free(arena);
}

static void everything_is_there_after_opening_again(void **state)
{
    struct arena *arena = test_arena();
    struct store *store = open_store();
    struct store_provider *all = NULL;
    struct store_policy *policies = NULL;

    (void)state;
    put(store, "two");
    put(store, "One");
    put_policy(store, "sharedeus", "AzureGuest", "old");
    put_policy(store, "sharedeus", "AzureGuest", "new");
    put_policy(store, "one", "Tpm", "gone");
    assert_ok(store_policy_remove(store, "ONE", "Tpm", NULL));
    assert_ok(store_policy_remove(store, "one", "Tpm", NULL));
    store_close(store);
    store = open_store();
    assert_int_equal(count_providers(store, arena, &all), 2);
    assert_string_equal(all[0].name, "One");
    assert_string_equal(all[1].name, "two");
    assert_string_equal(all[1].region, "eastus");
    assert_int_equal(all[1].version, 1);
    assert_int_equal(all[1].created, NOW);
    assert_int_equal(count_policies(store, arena, &policies), 1);
    assert_string_equal(policies[0].provider, "sharedeus");
    assert_true(span_is(policies[0].jws, "new"));
    store_close(store);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_name_is_given_once_whatever_its_case),
        WITH_FOLDER(a_change_of_what_was_changed_meanwhile_is_refused),
        WITH_FOLDER(what_is_too_large_is_not_kept),
        WITH_FOLDER(a_provider_goes_with_its_policies_and_no_others),
        WITH_FOLDER(everything_is_there_after_opening_again),
    };

    return RUN_TESTS(tests);
}
