/*
 * Providers as resources: what is refused, what is made, what goes with them.
 */
#include "owner.h"

static struct service_answer get(struct world *w, const char *name)
{
    const struct provider_path path = path_of(name);
    struct service_answer answer = {0};

    service_resource_get(w->service, &w->call, &path, &answer);
    return answer;
}

static struct service_answer patch(struct world *w, const char *name, const char *body)
{
    const struct provider_path path = path_of(name);
    struct service_answer answer = {0};

    service_resource_patch(w->service, &w->call, &path, span_str(body), &answer);
    return answer;
}

static unsigned delete (struct world *w, const char *name)
{
    const struct provider_path path = path_of(name);
    struct service_answer answer = {0};

    service_resource_delete(w->service, &w->call, &path, &answer);
    return answer.status;
}

static yyjson_val *properties_of(struct world *w, const struct service_answer *answer)
{
    yyjson_val *root = NULL;

    assert_non_null(answer->body.data);
    assert_ok(json_read(w->arena, answer->body, NULL, NULL, &root));
    return json_get(root, "properties");
}

static void expect_text(yyjson_val *object, const char *name, const char *want)
{
    assert_string_equal(json_text(json_get(object, name)), want);
}

static void what_cannot_be_made_is_told(void **state)
{
    static const struct {
        const char *name, *body;
        unsigned status;
        const char *code, *words;
    } cases[] = {
        {"ab", "{\"location\":\"eastus\"}", 400, "InvalidResourceName", "3 to 24"},
        {"a-b-c", "{\"location\":\"eastus\"}", 400, "InvalidResourceName", "letters and digits"},
        {"sharedx", "{\"location\":\"eastus\"}", 400, "InvalidResourceName", "service's own"},
        {"sharedeus", "{\"location\":\"eastus\"}", 400, "InvalidResourceName", "service's own"},
        {"own", "{}", 400, "LocationRequired", "location"},
        {"own", "{\"location\":\"mars\"}", 400, "InvalidRequestContent", "region"},
        {"own", "{\"location\":\"westus\"}", 400, "LocationNotAvailableForResourceType",
         "not served here"},
        {"own", "{\"location\":7}", 400, "InvalidRequestContent", "region"},
        {"own", "[]", 400, "InvalidRequestContent", "object"},
        {"own", "{", 400, "InvalidRequestContent", ""},
        {"own", "{\"location\":\"eastus\",\"location\":\"eastus\"}", 400, "InvalidRequestContent",
         "twice"},
        {"own", "{\"location\":\"eastus\",\"tags\":{\"a\":1}}", 400, "InvalidRequestContent",
         "tag"},
        {"own", "{\"location\":\"eastus\",\"properties\":{\"publicNetworkAccess\":\"Maybe\"}}", 400,
         "InvalidRequestContent", "Enabled or Disabled"},
        {"own",
         "{\"location\":\"eastus\",\"properties\":{\"trustModel\":\"Isolated\","
         "\"policySigningCertificates\":{\"keys\":[]}}}",
         400, "InvalidOperation", "names a certificate"},
        {"own", "{\"location\":\"eastus\",\"properties\":{\"trustModel\":5}}", 400,
         "InvalidRequestContent", "AAD or Isolated"},
        {"own", "{\"location\":\"eastus\",\"properties\":{\"trustModel\":[\"Isolated\"]}}", 400,
         "InvalidRequestContent", "AAD or Isolated"},
        {"own",
         "{\"location\":\"eastus\",\"properties\":{\"policySigningCertificates\":{\"keys\":[{"
         "\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}}}",
         400, "InvalidRequestContent", "not an X509 security key"},
    };
    struct world *w = world_new();
    struct service_answer answer;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answer = put_resource(w, cases[i].name, cases[i].body);
        expect_refusal(&answer, cases[i].status, cases[i].code, cases[i].words);
    }
    answer = get(w, "own");
    expect_refusal(&answer, 404, "ResourceNotFound", "was not found");
    world_free(w);
}

static void a_name_belongs_to_who_had_it_first(void **state)
{
    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);
    struct provider_path other = path_of("OWN");
    struct service_answer answer = {0};

    (void)state;
    other.group = span_str("another");
    service_resource_put(w->service, &w->call, &other, span_str("{\"location\":\"eastus\"}"),
                         &answer);
    expect_refusal(&answer, 409, "NameAlreadyExists", "already");
    service_resource_get(w->service, &w->call, &other, &answer);
    expect_refusal(&answer, 404, "ResourceNotFound", "");
    answer = (struct service_answer){0};
    service_resource_delete(w->service, &w->call, &other, &answer);
    assert_int_equal(answer.status, 204);
    answer = get(w, "Own");
    expect_success(&answer);
    provider_unref(own);
    world_free(w);
}

/* Or an owner of the resource could sign policies of a provider that is isolated from owners. */
static void owners_do_not_choose_new_signers(void **state)
{
    struct world *w = world_new();
    struct person one = person_new("One"), two = person_new("Two");
    struct provider *own = own_provider(w, "own", &one), *open = own_provider(w, "open", NULL);
    const char *body =
        arena_printf(w->arena,
                     "{\"location\":\"eastus\",\"properties\":{\"policySigningCertificates\":{"
                     "\"keys\":[%s]}}}",
                     jwk_of(w, &two));
    struct service_answer answer = put_resource(w, "own", body);

    (void)state;
    expect_refusal(&answer, 400, "InvalidOperation", "chosen when a provider is made");
    answer = put_resource(w, "open", body);
    expect_refusal(&answer, 400, "InvalidOperation", "chosen when a provider is made");
    answer = patch(w, "own", body);
    expect_refusal(&answer, 400, "InvalidOperation", "chosen when a provider is made");
    /* The same again is no change; not to name them, neither. */
    answer = put_resource(w, "own", "{\"location\":\"eastus\",\"tags\":{\"a\":\"b\"}}");
    expect_success(&answer);
    expect_text(properties_of(w, &answer), "trustModel", "Isolated");
    provider_unref(own);
    provider_unref(open);
    person_done(&one);
    person_done(&two);
    world_free(w);
}

/* Or a template that is deployed again would ask for isolation, hear "200" and have none. */
static void the_trust_model_stays(void **state)
{
    static const char isolated[] =
        "{\"location\":\"eastus\",\"properties\":{\"trustModel\":\"Isolated\"}}";
    static const char aad[] = "{\"location\":\"eastus\",\"properties\":{\"trustModel\":\"aad\"}}";
    static const char none[] = "{\"location\":\"eastus\",\"properties\":{"
                               "\"policySigningCertificates\":{\"keys\":[]}}}";
    struct world *w = world_new();
    struct person one = person_new("One");
    struct provider *own = own_provider(w, "own", &one), *open = own_provider(w, "open", NULL);
    struct service_answer answer;

    (void)state;
    answer = put_resource(w, "open", isolated);
    expect_refusal(&answer, 400, "InvalidOperation", "is AAD, and stays so");
    answer = patch(w, "open", isolated);
    expect_refusal(&answer, 400, "InvalidOperation", "is AAD, and stays so");
    answer = put_resource(w, "own", aad);
    expect_refusal(&answer, 400, "InvalidOperation", "is Isolated, and stays so");
    answer = put_resource(w, "own", none);
    expect_refusal(&answer, 400, "InvalidOperation", "chosen when a provider is made");
    answer = put_resource(w, "own", isolated);
    expect_success(&answer);
    /* Azure's own templates name an empty set. */
    answer = put_resource(w, "open", none);
    expect_success(&answer);
    answer = put_resource(w, "open", aad);
    expect_success(&answer);
    provider_unref(own);
    provider_unref(open);
    person_done(&one);
    world_free(w);
}

static void a_put_replaces_and_a_patch_does_not(void **state)
{
    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);
    struct service_answer answer =
        patch(w, "own",
              "{\"tags\":{\"a\":\"b\"},\"properties\":{\"publicNetworkAccess\":\"Disabled\","
              "\"tpmAttestationAuthentication\":\"Disabled\"}}");

    (void)state;
    expect_success(&answer);
    answer = patch(w, "own", "{\"properties\":{\"publicNetworkAccess\":\"Enabled\"}}");
    expect_success(&answer);
    expect_text(properties_of(w, &answer), "publicNetworkAccess", "Enabled");
    expect_text(properties_of(w, &answer), "tpmAttestationAuthentication", "Disabled");
    expect_text(json_get(answer_root(w, &answer), "tags"), "a", "b");
    answer = put_resource(w, "own", "{\"location\":\"eastus\",\"properties\":{}}");
    expect_success(&answer);
    expect_text(properties_of(w, &answer), "publicNetworkAccess", "Enabled");
    expect_text(properties_of(w, &answer), "tpmAttestationAuthentication", "Enabled");
    assert_int_equal(yyjson_obj_size(json_get(answer_root(w, &answer), "tags")), 0);
    provider_unref(own);
    world_free(w);
}

static void a_provider_does_not_move(void **state)
{
    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);
    struct service_answer answer = put_resource(w, "own", "{\"location\":\"westus\"}");

    (void)state;
    expect_refusal(&answer, 409, "InvalidResourceLocation", "does not move");
    provider_unref(own);
    world_free(w);
}

static void a_resource_has_the_documented_form(void **state)
{
    struct world *w = world_new();
    struct service_answer answer =
        put_resource(w, "Own1",
                     "{\"location\":\"eastus\",\"tags\":{\"team\":\"x\"},\"properties\":{"
                     "\"tpmAttestationAuthentication\":\"Disabled\"}}");
    yyjson_val *root = NULL, *properties = properties_of(w, &answer);

    (void)state;
    assert_int_equal(answer.status, 201);
    assert_ok(json_read(w->arena, answer.body, NULL, NULL, &root));
    expect_text(root, "id",
                "/subscriptions/" SUBSCRIPTION
                "/resourceGroups/rg/providers/Microsoft.Attestation/attestationProviders/Own1");
    expect_text(root, "name", "Own1");
    expect_text(root, "type", "Microsoft.Attestation/attestationProviders");
    expect_text(root, "location", "East US");
    expect_text(json_get(root, "tags"), "team", "x");
    expect_text(properties, "attestUri", ISSUER "/providers/Own1");
    expect_text(properties, "status", "Ready");
    expect_text(properties, "trustModel", "AAD");
    expect_text(properties, "publicNetworkAccess", "Enabled");
    expect_text(properties, "tpmAttestationAuthentication", "Disabled");
    answer = patch(w, "own1", "{\"properties\":{\"tpmAttestationAuthentication\":\"Enabled\"}}");
    expect_success(&answer);
    expect_text(properties_of(w, &answer), "tpmAttestationAuthentication", "Enabled");
    answer = put_resource(w, "own1", "{\"location\":\"East US\"}");
    assert_int_equal(answer.status, 200);
    assert_ok(world_reopen(w, NULL));
    answer = get(w, "OWN1");
    expect_success(&answer);
    expect_text(properties_of(w, &answer), "attestUri", ISSUER "/providers/Own1");
    world_free(w);
}

static void lists_show_what_is_in_their_scope(void **state)
{
    struct world *w = world_new();
    struct provider *one = own_provider(w, "one", NULL), *two = own_provider(w, "two", NULL);
    struct provider_path group = path_of(NULL), subscription = {.subscription = span_str("other")};
    struct service_answer answer = {0};

    (void)state;
    service_resource_list(w->service, &w->call, &group, &answer);
    assert_int_equal(yyjson_arr_size(json_get(answer_root(w, &answer), "value")), 2);
    service_resource_list(w->service, &w->call, &subscription, &answer);
    assert_int_equal(yyjson_arr_size(json_get(answer_root(w, &answer), "value")), 0);
    subscription.subscription = span_str(SUBSCRIPTION);
    service_resource_list(w->service, &w->call, &subscription, &answer);
    assert_int_equal(yyjson_arr_size(json_get(answer_root(w, &answer), "value")), 2);
    service_resource_defaults(w->service, &w->call, &answer);
    assert_int_equal(yyjson_arr_size(json_get(answer_root(w, &answer), "value")), 1);
    service_resource_default(w->service, &w->call, span_str("East US"), &answer);
    expect_text(answer_root(w, &answer), "name", "sharedeus");
    service_resource_default(w->service, &w->call, span_str("westus"), &answer);
    expect_refusal(&answer, 404, "NoRegisteredProviderFound", "westus");
    provider_unref(one);
    provider_unref(two);
    world_free(w);
}

/* A provider of the same name made later is another one: it has no policy and no key of the first.
 */
static void what_is_deleted_is_gone_with_its_policies_and_keys(void **state)
{
    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);
    const char *next = NULL;
    const char *kid =
        (const char *)arena_dup(w->arena, span_str(signer_kid(own->signer, NOW, &next))).data;
    struct service_answer answer = set_policy(
        w, own, "Tpm",
        policy_by(w, NULL, "version=1.0; authorizationrules{=> permit();}; issuancerules{};"));

    (void)state;
    expect_success(&answer);
    provider_unref(own);
    assert_true(file_is_folder(world_path(w, "signing/own")));
    assert_int_equal(delete (w, "OWN"), 200);
    assert_int_equal(delete (w, "own"), 204);
    assert_false(file_is_folder(world_path(w, "signing/own")));
    assert_null(service_provider(w->service, span_str("own")));
    w->call.now = NOW + 1;
    own = own_provider(w, "own", NULL);
    assert_null(policy_of(w, "own", "Tpm"));
    assert_string_not_equal(signer_kid(own->signer, NOW + 1, &next), kid);
    provider_unref(own);
    world_free(w);
}

static void a_rotation_shows_the_key_that_comes(void **state)
{
    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);
    const struct provider_path path = path_of("own"), shared = path_of("sharedeus");
    struct service_answer answer = {0};
    yyjson_val *root;

    (void)state;
    service_resource_rotate(w->service, &w->call, &shared, &answer);
    expect_refusal(&answer, 404, "ResourceNotFound", "");
    answer = (struct service_answer){0};
    w->call.now = NOW + 10;
    service_resource_rotate(w->service, &w->call, &path, &answer);
    root = answer_root(w, &answer);
    assert_non_null(json_text(json_get(root, "signingKeyId")));
    assert_non_null(json_text(json_get(root, "nextSigningKeyId")));
    answer = (struct service_answer){0};
    service_resource_rotate(w->service, &w->call, &path, &answer);
    expect_refusal(&answer, 409, "Conflict", "a new key is published already");
    assert_null(strstr(answer.message, w->folder)); /* where keys lie is nobody's business */
    provider_unref(own);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_made_is_told),
        cmocka_unit_test(a_name_belongs_to_who_had_it_first),
        cmocka_unit_test(owners_do_not_choose_new_signers),
        cmocka_unit_test(the_trust_model_stays),
        cmocka_unit_test(a_put_replaces_and_a_patch_does_not),
        cmocka_unit_test(a_provider_does_not_move),
        cmocka_unit_test(a_resource_has_the_documented_form),
        cmocka_unit_test(lists_show_what_is_in_their_scope),
        cmocka_unit_test(what_is_deleted_is_gone_with_its_policies_and_keys),
        cmocka_unit_test(a_rotation_shows_the_key_that_comes),
    };

    return RUN_TESTS(tests);
}
