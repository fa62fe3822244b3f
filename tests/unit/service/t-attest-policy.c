/*
 * AzureGuest evidence at a provider with a policy of its owner: what it may change, and what not.
 */
#include "attester.h"
#include "owner.h"

static struct service_answer attest_at(struct world *w, const char *name, const char *boot)
{
    CLEANUP(provider_unref)
    struct provider *provider = service_provider(w->service, span_str(name));
    struct fabricate_request request = request_of(w, boot);
    struct service_answer answer = {0};

    service_attest_azureguest(
        w->service, provider, &w->call,
        fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request)), &answer);
    return answer;
}

static void use_policy(struct world *w, const char *name, const char *text)
{
    CLEANUP(provider_unref)
    struct provider *provider = service_provider(w->service, span_str(name));
    struct service_answer answer = set_policy(w, provider, "AzureGuest", policy_by(w, NULL, text));

    expect_success(&answer);
}

/* The claims of the token in a sealed answer, which this provider's keys verify. */
static yyjson_val *claims_of(struct world *w, const char *name, const struct service_answer *answer)
{
    CLEANUP(provider_unref)
    struct provider *provider = service_provider(w->service, span_str(name));
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct token_verify_options options = {
        .iss = provider->uri, .now = w->call.now, .max_bytes = 512 * 1024};
    struct azureguest_sealed sealed;
    struct service_answer certs = {0};
    struct span key = {0}, jwt = {0};
    struct token token;
    size_t left_out = 0;

    expect_success(answer);
    assert_ok(azureguest_parse_reply(w->arena, answer->body, NULL, &sealed));
    assert_ok(signkey_decrypt_pkcs1(machine->enc_key, w->arena, sealed.wrapped_key, &key));
    assert_ok(azureguest_open_reply(w->arena, &sealed, key, &jwt));
    service_jwks(w->service, provider, &w->call, &certs);
    assert_ok(jwks_read(w->arena, certs.body, NULL, &keys, &left_out));
    options.keys = keys;
    assert_ok(token_verify(w->arena, jwt, &options, NULL, &token));
    return token.payload;
}

static struct world *world_with_provider(void)
{
    struct world *w = world_new();

    trust_issuer(w);
    assert_ok(service_reload(w->service, NULL));
    provider_unref(own_provider(w, "own", NULL));
    return w;
}

/* A policy decides on what is proven. What is not, it is never asked about. */
static void no_policy_makes_a_proof_of_what_is_none(void **state)
{
    struct world *w = world_with_provider();
    struct service_answer answer;

    (void)state;
    use_policy(w, "own", "version=1.0; authorizationrules{=> permit();}; issuancerules{};");
    answer = attest_at(w, "own", "j-log-truncated");
    expect_refusal(&answer, 400, "InvalidParameter", "not-verified: ");
    answer = attest_at(w, "own", "j-old-log-new-quote");
    expect_refusal(&answer, 400, "InvalidParameter", "not-verified: ");
    world_remove(world_path(w, "trust/ak/issuer.pem"));
    assert_ok(service_reload(w->service, NULL));
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_refusal(&answer, 400, "InvalidParameter", "ak-untrusted");
    world_free(w);
}

static void an_owner_may_deny_what_the_default_permits(void **state)
{
    struct world *w = world_with_provider();
    struct service_answer answer = attest_at(w, "own", "a-secureboot-healthy");

    (void)state;
    expect_success(&answer);
    use_policy(w, "own",
               "version=1.0; authorizationrules{ [type==\"secureboot\", value==true] => deny(); =>"
               " permit(); };");
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_refusal(&answer, 400, "PolicyEvaluationError", "policy-denied");
    /* The shared provider is not an owner's business. */
    answer = attest_at(w, "sharedeus", "a-secureboot-healthy");
    expect_success(&answer);
    use_policy(w, "own", "version=1.0; authorizationrules{};");
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_refusal(&answer, 400, "PolicyEvaluationError", "policy-denied");
    world_free(w);
}

/* Who relies on the token reads there what was proven; the verdict that is recorded stays. */
static void an_owner_may_permit_what_the_default_denies(void **state)
{
    struct world *w = world_with_provider();
    struct service_answer answer = attest_at(w, "own", "b-secureboot-off");
    struct store_attestation row;
    yyjson_val *claims;

    (void)state;
    expect_refusal(&answer, 400, "PolicyEvaluationError", "secure-boot-off");
    use_policy(w, "own", "version=1.0; authorizationrules{=> permit();};");
    w->call.now = NOW + 5;
    answer = attest_at(w, "own", "b-secureboot-off");
    claims = claims_of(w, "own", &answer);
    assert_false(yyjson_get_bool(json_get(claims, "secureboot")));
    assert_true(yyjson_is_bool(json_get(claims, "secureboot")));
    row = last_record(w);
    assert_string_equal(row.verdict, "unhealthy");
    /* Not at the shared provider, nor after a reset. */
    answer = attest_at(w, "sharedeus", "b-secureboot-off");
    expect_refusal(&answer, 400, "PolicyEvaluationError", "secure-boot-off");
    {
        CLEANUP(provider_unref)
        struct provider *own = service_provider(w->service, span_str("own"));

        answer = reset_policy(w, own, "AzureGuest", span_str(owner_request_empty));
        expect_success(&answer);
    }
    answer = attest_at(w, "own", "b-secureboot-off");
    expect_refusal(&answer, 400, "PolicyEvaluationError", "secure-boot-off");
    world_free(w);
}

/* It could not have told these boots from good ones: no claim speaks of what is wrong. */
static void no_policy_permits_what_no_claim_shows(void **state)
{
    struct world *w = world_with_provider();
    struct service_answer answer;

    (void)state;
    use_policy(w, "own", "version=1.0; authorizationrules{=> permit();};");
    answer = attest_at(w, "own", "m-shim-validation-disabled");
    expect_refusal(&answer, 400, "PolicyEvaluationError", "shim-validation-off");
    answer = attest_at(w, "own", "h-dbx-revokes-loader-sboff");
    expect_refusal(&answer, 400, "PolicyEvaluationError", "revoked-image");
    world_free(w);
}

static void a_policy_adds_claims_and_replaces_none_of_ours(void **state)
{
    struct world *w = world_with_provider();
    struct person owner = person_new("Owner");
    CLEANUP(provider_unref) struct provider *own = service_provider(w->service, span_str("own"));
    struct service_answer answer = set_policy(
        w, own, "AzureGuest",
        policy_by(w, &owner,
                  "version=1.0; authorizationrules{=> permit();};\n"
                  "issuancerules{ => issue(type=\"team\", value=\"blue\");\n"
                  "  c:[type==\"x-ms-azurevm-attested-pcrs\"] => issue(type=\"pcrs\","
                  " value=c.value);\n"
                  "  => issue(type=\"secureboot\", value=false);\n"
                  "  => issueproperty(type=\"report_validity_in_minutes\", value=10); };"));
    yyjson_val *claims;

    (void)state;
    expect_success(&answer);
    answer = attest_at(w, "own", "a-secureboot-healthy");
    claims = claims_of(w, "own", &answer);
    assert_string_equal(json_text(json_get(claims, "team")), "blue");
    assert_true(yyjson_arr_size(json_get(claims, "pcrs")) >= 8);
    assert_true(yyjson_get_bool(json_get(claims, "secureboot")));
    assert_int_equal(
        yyjson_get_sint(json_get(claims, "exp")) - yyjson_get_sint(json_get(claims, "iat")), 600);
    assert_non_null(json_get(json_get(claims, "x-ms-policy-signer"), "x5c"));
    assert_string_equal(json_text(json_get(claims, "iss")), ISSUER "/providers/own");
    person_done(&owner);
    world_free(w);
}

static void a_policy_that_fails_refuses(void **state)
{
    struct world *w = world_with_provider();
    struct service_answer answer;

    (void)state;
    use_policy(w, "own",
               "version=1.2; authorizationrules{=> permit();};\n"
               "issuancerules{ => issue(type=\"x\", value=JsonToClaimValue(\"{\")); };");
    answer = attest_at(w, "own", "a-secureboot-healthy");
    /* Its owner's fault is not the machine's. */
    expect_refusal(&answer, 400, "PolicyEvaluationError", "cannot-judge: policy-failed: ");
    assert_non_null(strstr(answer.message, "cannot be evaluated"));
    world_free(w);
}

static void a_slow_policy_is_evaluated_once_at_a_time(void **state)
{
    struct world *w = world_with_provider();
    CLEANUP(provider_unref) struct provider *own = service_provider(w->service, span_str("own"));
    struct service_answer answer;
    struct slow_turn first, second;

    (void)state;
    use_policy(w, "own", "version=1.0; authorizationrules{=> permit();}; issuancerules{};");
    /* Nothing is known of it: as many as like. */
    assert_true(slow_enter(own->slow, &w->service->workers, w->call.now, &first));
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_success(&answer);
    slow_leave(own->slow, &first, SLOW_WORK, w->call.now);
    /* It was slow, and one runs: also after its owner set another. */
    assert_true(slow_enter(own->slow, &w->service->workers, w->call.now, &first));
    assert_false(slow_enter(own->slow, &w->service->workers, w->call.now, &second));
    use_policy(w, "own", "version=1.0; authorizationrules{=> permit();}; issuancerules{ };");
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_refusal(&answer, 503, "PolicyBusy", "try again");
    assert_int_equal(answer.retry_after_s, 1);
    answer = attest_at(w, "sharedeus", "a-secureboot-healthy");
    expect_success(&answer);
    slow_leave(own->slow, &first, 0, w->call.now);
    w->call.now++;
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_success(&answer);
    /* As many as may, of others. */
    atomic_store(&w->service->workers.n_slow, SLOW_AT_ONCE);
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_refusal(&answer, 503, "PolicyBusy", "try again");
    assert_int_equal(atomic_load(&w->service->workers.n_slow), SLOW_AT_ONCE);
    atomic_store(&w->service->workers.n_slow, 0);
    /* A minute later it is one of many. */
    w->call.now += SLOW_FOR_S;
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_success(&answer);
    /* Slow or not, the last worker is not for owners' policies: the default is nobody's. */
    atomic_store(&w->service->workers.n_busy, SLOW_USUAL_WORKERS - 1);
    w->call.now++;
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_refusal(&answer, 503, "PolicyBusy", "try again");
    assert_int_equal(atomic_load(&w->service->workers.n_busy), SLOW_USUAL_WORKERS - 1);
    answer = attest_at(w, "sharedeus", "a-secureboot-healthy");
    expect_success(&answer);
    w->service->workers.n = 1;
    atomic_store(&w->service->workers.n_busy, 0);
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_success(&answer);
    assert_int_equal(atomic_load(&w->service->workers.n_busy), 0);
    world_free(w);
}

/* One that takes long says so by what it took. */
static void a_policy_that_takes_long_is_known_by_it(void **state)
{
    struct world *w = world_with_provider();
    CLEANUP(provider_unref) struct provider *own = service_provider(w->service, span_str("own"));
    const char *list = "", *text;
    struct service_answer answer;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        list = arena_printf(w->arena, "%s%s%d", list, i == 0 ? "" : ",", i);
    }
    text = arena_printf(w->arena,
                        "version=1.2; authorizationrules{=> permit();};\n"
                        "issuancerules{ => issue(type=\"n\", value=JmesPath(\"[%s]\", "
                        "\"length(@)\")); };",
                        list);
    use_policy(w, "own", text);
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_success(&answer);
    assert_int_equal(atomic_load(&own->slow->until), 0);
    use_policy(
        w, "own",
        arena_printf(w->arena,
                     "version=1.2; authorizationrules{=> permit();};\n"
                     "issuancerules{ => issue(type=\"n\", value=JmesPath(\"[%s]\", "
                     "\"[[*].[@,@,@,@,@,@,@,@][],[*].[@,@,@,@,@,@,@,@][]][].[@,@,@,@,@,@,@,@][]"
                     "[?@ != `0`] | length(@)\")); };",
                     list));
    w->call.now++;
    answer = attest_at(w, "own", "a-secureboot-healthy");
    expect_success(&answer);
    assert_int_equal(atomic_load(&own->slow->until), w->call.now + SLOW_FOR_S);
    world_free(w);
}

/* So many bytes of claims, in four of the same. */
static struct service_answer attest_with(struct world *w, size_t bytes)
{
    char *value = arena_calloc(w->arena, 1, bytes / 4 + 1);

    memset(value, 'v', bytes / 4);
    use_policy(w, "own",
               arena_printf(w->arena,
                            "version=1.0; authorizationrules{=> permit();};\n"
                            "issuancerules{ => add(type=\"v\", value=\"%s\");\n"
                            "  c:[type==\"v\"] => issue(type=\"a\", value=c.value);\n"
                            "  c:[type==\"v\"] => issue(type=\"b\", value=c.value);\n"
                            "  c:[type==\"v\"] => issue(type=\"c\", value=c.value);\n"
                            "  c:[type==\"v\"] => issue(type=\"d\", value=c.value); };",
                            value));
    w->call.now++;
    return attest_at(w, "own", "a-secureboot-healthy");
}

/* Below it a token of any size reaches its machine; above, the owner hears which limit it was. */
static void a_token_has_one_limit(void **state)
{
    struct world *w = world_with_provider();
    struct service_answer answer;

    (void)state;
    for (size_t bytes = 40000; bytes < 256000; bytes += 43000) {
        answer = attest_with(w, bytes);
        assert_int_equal(strlen(json_text(json_get(claims_of(w, "own", &answer), "d"))), bytes / 4);
    }
    answer = attest_with(w, 261200);
    expect_refusal(&answer, 400, "InvalidParameter", "a token has at most 262144");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_policy_makes_a_proof_of_what_is_none),
        cmocka_unit_test(an_owner_may_deny_what_the_default_permits),
        cmocka_unit_test(no_policy_permits_what_no_claim_shows),
        cmocka_unit_test(an_owner_may_permit_what_the_default_denies),
        cmocka_unit_test(a_policy_adds_claims_and_replaces_none_of_ours),
        cmocka_unit_test(a_token_has_one_limit),
        cmocka_unit_test(a_policy_that_fails_refuses),
        cmocka_unit_test(a_slow_policy_is_evaluated_once_at_a_time),
        cmocka_unit_test(a_policy_that_takes_long_is_known_by_it),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
