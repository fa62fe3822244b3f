/*
 * Providers while others change them, when there are too many, and when they are damaged.
 */
#include "attester.h"
#include "owner.h"

#include "service/providers-internal.h"
#include "store/providers.h"

static const char permit[] = "version=1.0; authorizationrules{=> permit();};";

static void remove_provider(struct world *w, const char *name)
{
    const struct provider_path path = path_of(name);
    struct service_answer answer = {0};

    service_resource_delete(w->service, &w->call, &path, &answer);
    assert_int_equal(answer.status, 200);
}

static unsigned put_into(struct world *w, const char *group, const char *name)
{
    struct provider_path path = path_of(name);
    struct service_answer answer = {0};

    path.group = span_str(group);
    service_resource_put(w->service, &w->call, &path, span_str("{\"location\":\"eastus\"}"),
                         &answer);
    return answer.status;
}

/* Who may change the one is nobody to the other, whatever their names. */
static void a_change_of_one_never_lands_on_another_of_its_name(void **state)
{
    struct world *w = world_new();
    CLEANUP(provider_unref) struct provider *before = own_provider(w, "own", NULL);
    CLEANUP(provider_unref) struct provider *changed = NULL;
    struct trail trail = {0};
    struct service_answer answer;

    (void)state;
    remove_provider(w, "own");
    assert_int_equal(put_into(w, "another", "own"), 201);
    answer = set_policy(w, before, "Tpm", policy_by(w, NULL, permit));
    expect_refusal(&answer, 404, "NotFound", "removed meanwhile");
    assert_null(policy_of(w, "own", "Tpm"));
    assert_err(providers_rotate(w->service->providers, before, NOW, &trail, &changed),
               ERR_NOT_FOUND);
    assert_err(providers_remove(w->service->providers, before, &trail), ERR_NOT_FOUND);
    world_free(w);
}

/* One that was made anew where it was is not the one before either. */
static void nor_on_one_that_was_made_anew(void **state)
{
    struct world *w = world_new();
    struct person owner = person_new("Owner");
    CLEANUP(provider_unref) struct provider *before = own_provider(w, "own", NULL);
    struct service_answer answer;

    (void)state;
    remove_provider(w, "own");
    w->call.now++;
    provider_unref(own_provider(w, "own", &owner));
    answer = set_policy(w, before, "Tpm", policy_by(w, NULL, permit));
    assert_int_not_equal(answer.status, 200);
    assert_null(policy_of(w, "own", "Tpm"));
    person_done(&owner);
    world_free(w);
}

static void too_many_changes_at_once_are_refused_and_not_queued(void **state)
{
    struct world *w = world_new();
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", NULL);
    const char **changers = w->service->providers->changers;
    struct service_answer answer;

    (void)state;
    for (size_t i = 0; i < PROVIDERS_CHANGES_AT_ONCE; i++) {
        changers[i] = "another";
    }
    answer = set_policy(w, own, "Tpm", policy_by(w, NULL, permit));
    expect_refusal(&answer, 503, "ServiceUnavailable", "try again");
    assert_true(answer.retry_after_s > 0);
    answer = put_resource(w, "two", "{\"location\":\"eastus\"}");
    expect_refusal(&answer, 503, "ServiceUnavailable", "try again");
    assert_string_equal(changers[0], "another");
    /* One subscription does not take what is left for the others. */
    for (size_t i = 0; i < PROVIDERS_CHANGES_AT_ONCE; i++) {
        changers[i] = i < PROVIDERS_CHANGES_OF_ONE ? own->subscription : NULL;
    }
    answer = set_policy(w, own, "Tpm", policy_by(w, NULL, permit));
    expect_refusal(&answer, 503, "ServiceUnavailable", "try again");
    changers[0] = "another";
    answer = set_policy(w, own, "Tpm", policy_by(w, NULL, permit));
    expect_success(&answer);
    for (size_t i = PROVIDERS_CHANGES_OF_ONE; i < PROVIDERS_CHANGES_AT_ONCE; i++) {
        assert_null(changers[i]);
    }
    world_free(w);
}

/* ---- quotas ---- */

static void a_subscription_has_its_share_of_memory(void **state)
{
    static const char *const types[] = {"AzureGuest", "Tpm", "SgxEnclave", "OpenEnclave",
                                        "SevSnpVm"};
    struct world *w = world_new();
    char *text = arena_calloc(w->arena, 1, POLICY_MAX_BYTES + 1);
    struct span large;
    struct service_answer answer = {0};
    size_t sum = 0;

    (void)state;
    memset(text, ' ', POLICY_MAX_BYTES);
    memcpy(text, permit, sizeof(permit) - 1);
    large = policy_by(w, NULL, text);
    for (unsigned i = 0; i < 100 && answer.status != 409; i++) {
        CLEANUP(provider_unref)
        struct provider *own = own_provider(w, arena_printf(w->arena, "own%u", i), NULL);

        for (size_t j = 0; j < ARRAY_LEN(types) && answer.status != 409; j++) {
            answer = set_policy(w, own, types[j], large);
            sum += answer.status == 200 ? large.len : 0;
        }
    }
    expect_refusal(&answer, 409, "QuotaExceeded", "they may take 8388608");
    assert_in_range(sum, PROVIDERS_SUBSCRIPTION_BYTES - large.len, PROVIDERS_SUBSCRIPTION_BYTES);
    /* Who has too much may take some away, and somebody else has his own share. */
    {
        CLEANUP(provider_unref)
        struct provider *first = service_provider(w->service, span_str("own0"));

        answer = set_policy(w, first, "Tpm", policy_by(w, NULL, permit));
        expect_success(&answer);
    }
    world_free(w);
}

static void a_subscription_has_so_many_providers_and_no_more(void **state)
{
    struct world *w = world_new();
    struct provider_list *list = w->service->providers->list, *full;
    struct service_answer answer;

    (void)state;
    full = provider_list_new(list->n + PROVIDERS_PER_SUBSCRIPTION);
    assert_non_null(full);
    for (unsigned i = 0; i < PROVIDERS_PER_SUBSCRIPTION; i++) {
        struct provider *one = provider_new();

        assert_non_null(one);
        one->name = arena_printf(one->arena, "a%05u", i);
        one->subscription = SUBSCRIPTION;
        one->id = one->group = "";
        one->tags = span_str("{}");
        full->items[full->n++] = one;
    }
    for (size_t i = 0; i < list->n; i++) {
        full->items[full->n++] = provider_ref(list->items[i]);
    }
    w->service->providers->list = full;
    provider_list_unref(list);
    answer = put_resource(w, "own", "{\"location\":\"eastus\"}");
    expect_refusal(&answer, 409, "QuotaExceeded", "has 500");
    assert_false(file_exists(world_path(w, "signing/own")));
    world_free(w);
}

/* ---- damage ---- */

static void keys_of_one_that_was_removed_are_nobodys(void **state)
{
    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);
    const char *next, *before = arena_printf(w->arena, "%s", signer_kid(own->signer, NOW, &next));
    struct span key;
    const char **names = NULL;

    (void)state;
    /* As a server leaves it that was stopped between the database and the folder. */
    assert_ok(file_list(w->arena, world_path(w, "signing/own"), NULL, &names));
    for (; *names != NULL && strstr(*names, ".key") == NULL; names++) {
    }
    assert_non_null(*names);
    assert_ok(file_read(w->arena, world_path(w, arena_printf(w->arena, "signing/own/%s", *names)),
                        64 * 1024, NULL, &key));
    remove_provider(w, "own");
    provider_unref(own);
    assert_false(file_exists(world_path(w, "signing/own")));
    assert_int_equal(mkdir(world_path(w, "signing/own"), 0700), 0);
    assert_ok(file_write(world_path(w, "signing/own/old.key"), key, 0600, NULL));
    own = own_provider(w, "own", NULL);
    assert_string_not_equal(signer_kid(own->signer, NOW, &next), before);
    assert_false(file_exists(world_path(w, "signing/own/old.key")));
    provider_unref(own);
    world_free(w);
}

static void what_went_wrong_with_a_key_is_no_callers_business(void **state)
{
    struct world *w = world_new();
    struct service_answer answer;

    (void)state;
    assert_int_equal(mkdir(world_path(w, "signing/own"), 0700), 0);
    assert_int_equal(mkdir(world_path(w, "signing/own/sub"), 0700), 0);
    answer = put_resource(w, "own", "{\"location\":\"eastus\"}");
    expect_refusal(&answer, 500, "InternalError", "internal fault");
    assert_null(strstr(answer.message, w->folder));
    world_free(w);
}

static void a_damaged_provider_stops_nobody_else(void **state)
{
    struct world *w = world_new();
    struct service_answer answer;
    CLEANUP(provider_unref) struct provider *damaged = NULL;
    const struct provider_path path = path_of("bad");
    const char **names = NULL;
    struct trail trail = {0};

    (void)state;
    trust_issuer(w);
    provider_unref(own_provider(w, "bad", NULL));
    provider_unref(own_provider(w, "good", NULL));
    assert_ok(file_list(w->arena, world_path(w, "signing/bad"), NULL, &names));
    for (; *names != NULL; names++) {
        if (strstr(*names, ".key") != NULL) {
            assert_ok(file_write(world_path(w, arena_printf(w->arena, "signing/bad/%s", *names)),
                                 span_str("no key"), 0600, NULL));
        }
    }
    if (world_reopen(w, &trail) != ERR_OK) {
        fail_msg("%s: %s", trail.where, trail.what);
    }
    damaged = service_provider(w->service, span_str("bad"));
    assert_true(damaged->is_damaged);
    assert_int_equal(providers_count_damaged(w->service->providers), 1);
    service_resource_get(w->service, &w->call, &path, &answer);
    assert_string_equal(
        json_text(json_get(json_get(answer_root(w, &answer), "properties"), "status")), "Error");
    answer = set_policy(w, damaged, "Tpm", policy_by(w, NULL, permit));
    expect_refusal(&answer, 409, "Conflict", "damaged");
    answer = put_resource(w, "bad", "{\"location\":\"eastus\",\"tags\":{\"a\":\"b\"}}");
    expect_refusal(&answer, 409, "Conflict", "damaged");
    {
        CLEANUP(provider_unref)
        struct provider *good = service_provider(w->service, span_str("good"));

        answer = set_policy(w, good, "Tpm", policy_by(w, NULL, permit));
        expect_success(&answer);
    }
    remove_provider(w, "bad");
    provider_unref(own_provider(w, "bad", NULL));
    world_free(w);
}

/* Nor does the default judge in its place. */
/* Its key is asked for: relying parties know it, a new one would be another provider's. */
static void a_provider_whose_keys_are_gone_is_damaged(void **state)
{
    struct world *w = world_new();
    const char *keys = world_path(w, "signing/gone"), *aside = world_path(w, "aside");

    (void)state;
    provider_unref(own_provider(w, "gone", NULL));
    assert_int_equal(rename(keys, aside), 0);
    assert_ok(world_reopen(w, NULL));
    {
        CLEANUP(provider_unref)
        struct provider *gone = service_provider(w->service, span_str("gone"));

        assert_true(gone->is_damaged);
        assert_false(file_exists(keys));
    }
    assert_int_equal(rename(aside, keys), 0);
    assert_ok(world_reopen(w, NULL));
    {
        CLEANUP(provider_unref)
        struct provider *back = service_provider(w->service, span_str("gone"));

        assert_false(back->is_damaged);
    }
    world_free(w);
}

/* Of a further region: made when the region is new, asked for ever after. */
static void keys_of_a_shared_provider_are_asked_for(void **state)
{
    struct world *w = world_new();
    const char *keys = world_path(w, "signing/sharedweu"), *aside = world_path(w, "aside");
    struct trail trail = {0};

    (void)state;
    w->regions[0] = region_find(span_str("eastus"));
    w->regions[1] = region_find(span_str("westeurope"));
    w->n_regions = 2;
    assert_ok(world_reopen(w, NULL));
    assert_true(file_exists(keys));
    assert_ok(world_reopen(w, NULL));
    /* Not served for a while: it was here all the same. */
    assert_int_equal(rename(keys, aside), 0);
    w->n_regions = 1;
    assert_ok(world_reopen(w, NULL));
    w->n_regions = 2;
    assert_err(world_reopen(w, &trail), ERR_NOT_FOUND);
    assert_string_equal(trail.where, keys);
    assert_non_null(strstr(trail.what, "restore it from a backup; or, for a new one, remove"));
    assert_non_null(strstr(trail.what, "/initialised"));
    assert_false(file_exists(keys));
    assert_int_equal(rename(aside, keys), 0);
    assert_ok(world_reopen(w, NULL));
    /* What the words say helps. */
    assert_int_equal(rename(keys, aside), 0);
    assert_int_equal(unlink(world_path(w, "initialised")), 0);
    assert_ok(world_reopen(w, NULL));
    assert_true(file_exists(keys));
    world_free(w);
}

static void a_policy_that_is_none_any_more_judges_nothing(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request;
    struct service_answer answer = {0};
    const struct store_policy row = {"own", "AzureGuest", span_str("no JWS"), NOW};
    struct provider *own = own_provider(w, "own", NULL);

    (void)state;
    trust_issuer(w);
    assert_ok(store_policy_put(w->service->store, &row, NULL));
    provider_unref(own);
    assert_ok(world_reopen(w, NULL));
    own = service_provider(w->service, span_str("own"));
    assert_false(own->is_damaged);
    request = request_of(w, "a-secureboot-healthy");
    service_attest_azureguest(
        w->service, own, &w->call,
        fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request)), &answer);
    expect_refusal(&answer, 503, "PolicyUnavailable", "set it again");
    answer = set_policy(w, own, "AzureGuest", policy_by(w, NULL, permit));
    expect_success(&answer);
    provider_unref(own);
    own = service_provider(w->service, span_str("own"));
    answer = (struct service_answer){0};
    service_attest_azureguest(
        w->service, own, &w->call,
        fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request)), &answer);
    expect_success(&answer);
    provider_unref(own);
    world_free(w);
}

/* What is read wrongly must not open what was closed, nor let the default judge. */
static void nothing_of_a_damaged_row_is_guessed(void **state)
{
    static const char good[] = "{\"subscription\":\"s\",\"resourceGroup\":\"g\",\"trustModel\":"
                               "\"AAD\",\"publicNetworkAccess\":true,"
                               "\"tpmAttestationAuthentication\":true,\"signingAlgorithm\":"
                               "\"RS256\",\"policySigningCertificates\":{\"keys\":[]},\"tags\":{}}";
    static const char *const changes[][2] = {
        {"\"AAD\"", "\"Isolatd\""},
        {"\"AAD\"", "\"Isolated\""}, /* without anybody who may sign */
        {"\"RS256\"", "\"RS265\""},
        {"\"publicNetworkAccess\":true", "\"publicNetworkAccess\":1"},
    };
    struct provider *fresh = provider_new();
    struct trail trail = {0};

    (void)state;
    assert_ok(provider_properties_read(fresh, span_str(good), &trail));
    provider_unref(fresh);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct arena *arena = test_arena();
        const char *at = strstr(good, changes[i][0]);
        const char *bad = arena_printf(arena, "%.*s%s%s", (int)(at - good), good, changes[i][1],
                                       at + strlen(changes[i][0]));

        fresh = provider_new();
        assert_int_not_equal(provider_properties_read(fresh, span_str(bad), NULL), ERR_OK);
        provider_unref(fresh);
        arena_free(arena);
    }
}

static void a_policy_of_an_unknown_type_stops_its_provider(void **state)
{
    struct world *w = world_new();
    const struct store_policy row = {"own", "AzureGuestt", span_str("x"), NOW};
    struct provider *own = own_provider(w, "own", NULL);

    (void)state;
    assert_ok(store_policy_put(w->service->store, &row, NULL));
    provider_unref(own);
    assert_ok(world_reopen(w, NULL));
    own = service_provider(w->service, span_str("own"));
    assert_true(own->is_damaged);
    provider_unref(own);
    world_free(w);
}

/* ---- configuration rules ---- */

static void configuration_rules_that_fail_are_refused_when_they_are_set(void **state)
{
    struct world *w = world_new();
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", NULL);
    struct service_answer answer =
        set_policy(w, own, "Tpm",
                   policy_by(w, NULL,
                             "version=1.2; configurationrules{ => issueproperty(type=\"x\","
                             " value=JsonToClaimValue(\"{\")); };"
                             "authorizationrules{=> permit();};"));

    (void)state;
    expect_refusal(&answer, 400, "PolicyEvaluationError", "JSON");
    assert_null(policy_of(w, "own", "Tpm"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_of_one_never_lands_on_another_of_its_name),
        cmocka_unit_test(nor_on_one_that_was_made_anew),
        cmocka_unit_test(too_many_changes_at_once_are_refused_and_not_queued),
        cmocka_unit_test(a_subscription_has_its_share_of_memory),
        cmocka_unit_test(a_subscription_has_so_many_providers_and_no_more),
        cmocka_unit_test(keys_of_one_that_was_removed_are_nobodys),
        cmocka_unit_test(what_went_wrong_with_a_key_is_no_callers_business),
        cmocka_unit_test(a_damaged_provider_stops_nobody_else),
        cmocka_unit_test(a_provider_whose_keys_are_gone_is_damaged),
        cmocka_unit_test(keys_of_a_shared_provider_are_asked_for),
        cmocka_unit_test(a_policy_that_is_none_any_more_judges_nothing),
        cmocka_unit_test(nothing_of_a_damaged_row_is_guessed),
        cmocka_unit_test(a_policy_of_an_unknown_type_stops_its_provider),
        cmocka_unit_test(configuration_rules_that_fail_are_refused_when_they_are_set),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
