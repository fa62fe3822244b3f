/*
 * POST /attest/Tpm: two exchanges, a challenge that is good once, a policy of the owner. Refusals
 * first.
 */
#include "attester.h"
#include "owner.h"
#include "support/fabricate-tpm.h"

static const char policy[] =
    "version=1.2;\n"
    "configurationrules{ => issueproperty(type=\"required_pcr_mask\", value=255); };\n"
    "authorizationrules{ [type==\"secureBootEnabled\", value==true] => permit(); };\n"
    "issuancerules{\n"
    "  => issue(type=\"secure\", value=true);\n"
    "  c:[type==\"aikValidated\"] => issue(type=\"aikValidated\", value=c.value);\n"
    "  => issueproperty(type=\"report_validity_in_minutes\", value=90);\n"
    "};\n";

struct client {
    struct world *w;
    struct provider *provider;
    struct signkey *request_key;
    struct tpm_pcrs pcrs;
    struct fabricate_tpm request;
};

static void client_begin(struct client *c, const char *boot, const char *text)
{
    struct span values;

    memset(c, 0, sizeof(*c));
    c->w = world_new();
    values = test_vector(c->w->arena, arena_printf(c->w->arena, "boots/%s/pcrs_sha256.bin", boot));
    trust_issuer(c->w);
    assert_ok(service_reload(c->w->service, NULL));
    c->provider = own_provider(c->w, "own", NULL);
    if (text != NULL) {
        struct service_answer answer =
            set_policy(c->w, c->provider, "Tpm", policy_by(c->w, NULL, text));

        expect_success(&answer);
        provider_unref(c->provider);
        c->provider = service_provider(c->w->service, span_str("own"));
    }
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &c->request_key));
    c->pcrs.have[HASH_SHA256] = 0x7bff;
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        memcpy(c->pcrs.value[HASH_SHA256][pcr], values.data + pcr * 32, 32);
    }
    c->request = (struct fabricate_tpm){
        .pcrs = &c->pcrs,
        .logs = {{"TCG", test_vector(c->w->arena,
                                     arena_printf(c->w->arena, "boots/%s/eventlog.bin", boot))}},
        .n_logs = 1,
        .rp_data = "bm9uY2U",
        .request_key = {.key = c->request_key},
    };
}

static void client_end(struct client *c)
{
    provider_unref(c->provider);
    signkey_free(c->request_key);
    world_free(c->w);
}

static struct service_answer post(struct client *c, struct span body)
{
    struct service_answer answer = {0};

    service_attest_tpm(c->w->service, c->provider, &c->w->call, body, &answer);
    return answer;
}

static struct service_answer init(struct client *c)
{
    return post(c, fabricate_tpm_body(c->w->arena, span_str("{\"type\":\"aikcert\"}")));
}

/* The message in an answer. */
static yyjson_val *payload_of(struct client *c, const struct service_answer *answer)
{
    struct span text = {0};
    yyjson_val *root = NULL;

    assert_ok(base64_decode(c->w->arena, BASE64_URL,
                            json_span(json_get(answer_root(c->w, answer), "data")), &text));
    assert_ok(json_read(c->w->arena, text, NULL, NULL, &root));
    return json_get(root, "payload");
}

static void take_challenge(struct client *c)
{
    struct service_answer answer = init(c);
    yyjson_val *payload = payload_of(c, &answer);

    assert_ok(json_need_base64(c->w->arena, payload, "challenge", BASE64_URL, NULL,
                               &c->request.challenge));
    assert_ok(json_need_base64(c->w->arena, payload, "service_context", BASE64_URL, NULL,
                               &c->request.service_context));
    assert_int_equal(c->request.challenge.len, 16);
}

static struct service_answer send(struct client *c)
{
    struct arena *arena = c->w->arena;
    struct span jws = fabricate_tpm_request(arena, machine, &c->request);

    return post(c, fabricate_tpm_body(arena, span_str(arena_printf(arena, "{\"request\":\"%.*s\"}",
                                                                   (int)jws.len, jws.data))));
}

static struct service_answer exchange(struct client *c)
{
    take_challenge(c);
    return send(c);
}

static void without_a_policy_there_is_nothing_to_ask(void **state)
{
    struct client c;
    struct service_answer answer;

    (void)state;
    client_begin(&c, "a-secureboot-healthy", NULL);
    answer = init(&c);
    expect_refusal(&answer, 400, "Bad request",
                   "A VBS attestation policy has not been set on the attestation provider.");
    client_end(&c);
}

static void a_challenge_is_good_once_here_and_now_Q_9(void **state)
{
    struct client c;
    struct provider *other;
    struct service_answer answer;

    (void)state;
    client_begin(&c, "a-secureboot-healthy", policy);
    /* Not ours. */
    c.request.challenge = span_str("0123456789abcdef");
    answer = send(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: the service_context was not issued");
    /* Another provider's. */
    other = own_provider(c.w, "other", NULL);
    answer = set_policy(c.w, other, "Tpm", policy_by(c.w, NULL, policy));
    expect_success(&answer);
    take_challenge(&c);
    provider_unref(other);
    other = c.provider;
    c.provider = service_provider(c.w->service, span_str("other"));
    answer = send(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: the service_context was not issued");
    provider_unref(c.provider);
    c.provider = other;
    /* Over. */
    c.w->call.now = NOW + SERVICE_CHALLENGE_S;
    answer = send(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-expired");
    /* In time, twice. */
    c.w->call.now = NOW + SERVICE_CHALLENGE_S - 1;
    answer = send(&c);
    expect_success(&answer);
    answer = send(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused");
    /* The context of one challenge, the challenge of another. */
    take_challenge(&c);
    c.request.challenge = span_str("0123456789abcdef");
    answer = send(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    client_end(&c);
}

static void what_is_not_proven_is_not_asked_of_the_policy(void **state)
{
    struct client c;
    struct service_answer answer;
    struct signkey *foreign = NULL;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &foreign));
    client_begin(&c, "a-secureboot-healthy",
                 "version=1.0; authorizationrules{=> permit();}; issuancerules{};");
    /* This policy leaves the mask as it is: all 24. */
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "pcr-missing");
    answer = set_policy(c.w, c.provider, "Tpm", policy_by(c.w, NULL, policy));
    expect_success(&answer);
    provider_unref(c.provider);
    c.provider = service_provider(c.w->service, span_str("own"));
    c.request.signer = foreign;
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "not-verified: ");
    c.request.signer = NULL;
    c.request.logs[0].bytes = test_vector(c.w->arena, "boots/c-cmdline-changed/eventlog.bin");
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "log-replay");
    answer = post(&c, span_str("{}"));
    expect_refusal(&answer, 400, "InvalidParameter", "");
    signkey_free(foreign);
    client_end(&c);
}

/* The owner's rule, not ours, says that Secure Boot must be on. */
static void the_policy_decides_on_what_is_proven(void **state)
{
    struct client c;
    struct service_answer answer;

    (void)state;
    client_begin(&c, "b-secureboot-off", policy);
    answer = exchange(&c);
    expect_refusal(&answer, 400, "PolicyEvaluationError", "Permit claim was not issued");
    answer = send(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused");
    client_end(&c);
}

static void an_attestation_key_without_a_known_issuer_needs_a_policy_that_waives_it(void **state)
{
    static const char waives[] =
        "version=1.2;\n"
        "configurationrules{ => issueproperty(type=\"required_pcr_mask\", value=255);\n"
        "  => issueproperty(type=\"require_valid_aik_cert\", value=false); };\n"
        "authorizationrules{ [type==\"aikValidated\", value==false] => permit(); };\n"
        "issuancerules{ c:[type==\"aikValidated\"] => issue(claim=c); };\n";
    struct client c;
    struct service_answer answer;

    (void)state;
    client_begin(&c, "a-secureboot-healthy", policy);
    world_remove(world_path(c.w, "trust/ak/issuer.pem"));
    assert_ok(service_reload(c.w->service, NULL));
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "ak-untrusted");
    answer = set_policy(c.w, c.provider, "Tpm", policy_by(c.w, NULL, waives));
    expect_success(&answer);
    provider_unref(c.provider);
    c.provider = service_provider(c.w->service, span_str("own"));
    answer = exchange(&c);
    expect_success(&answer);
    client_end(&c);
}

/* A certificate of ours names the machine; the record says whose key the machine has now. */
static void a_key_that_was_replaced_proves_nothing_any_more_AK_6(void **state)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct client c;
    struct service_answer answer;
    struct store_machine m, wanted, got;
    bool is_new = false;

    (void)state;
    client_begin(&c, "a-secureboot-healthy", policy);
    world_remove(world_path(c.w, "trust/ak/issuer.pem"));
    assert_ok(service_reload(c.w->service, NULL));
    m = enrol(c.w);
    assert_ok(guest_ca_issue(c.w->service->guest_ca, c.w->arena, m.id,
                             signkey_public(machine->ak_key), NOW, &cert));
    c.request.certificate = cert_der(cert);
    answer = exchange(&c);
    expect_success(&answer);
    assert_non_null(strstr(answer.note, m.id));
    operate(c.w, &m, STORE_DISABLE);
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "this server issued");
    operate(c.w, &m, STORE_ENABLE);
    /* The same machine by another TPM, with another key. */
    wanted = m;
    memset(wanted.ek_digest, 9, sizeof(wanted.ek_digest));
    memset(wanted.ak_name + 2, 0x55, 32);
    assert_ok(store_machine_replace(c.w->service->store, m.id, wanted.ek_digest, "root", NOW, NULL,
                                    &is_new));
    assert_ok(store_machine_activate(c.w->service->store, &wanted, NULL, &got));
    assert_string_equal(got.id, m.id);
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "has this key");
    assert_null(strstr(answer.note, m.id));
    client_end(&c);
}

/* Whoever else vouches for its key. */
static void a_disabled_machine_is_refused_AK_7(void **state)
{
    static const char waives[] =
        "version=1.2;\n"
        "configurationrules{ => issueproperty(type=\"required_pcr_mask\", value=255);\n"
        "  => issueproperty(type=\"require_valid_aik_cert\", value=false); };\n"
        "authorizationrules{ => permit(); };\nissuancerules{};\n";
    struct client c;
    struct service_answer answer;
    struct store_machine m;

    (void)state;
    client_begin(&c, "a-secureboot-healthy", policy);
    m = enrol(c.w);
    answer = exchange(&c);
    expect_success(&answer);
    operate(c.w, &m, STORE_DISABLE);
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "was disabled by an operator");
    answer = set_policy(c.w, c.provider, "Tpm", policy_by(c.w, NULL, waives));
    expect_success(&answer);
    provider_unref(c.provider);
    c.provider = service_provider(c.w->service, span_str("own"));
    answer = exchange(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "was disabled by an operator");
    operate(c.w, &m, STORE_ENABLE);
    answer = exchange(&c);
    expect_success(&answer);
    client_end(&c);
}

/* Of the boot nothing is known then, and nothing is said. */
static void a_proof_of_almost_nothing_is_no_health(void **state)
{
    static const char asks_nothing[] =
        "version=1.2;\n"
        "configurationrules{ => issueproperty(type=\"required_pcr_mask\", value=0); };\n"
        "authorizationrules{ => permit(); };\n"
        "issuancerules{ c:[type==\"secureBootEnabled\"] => issue(claim=c); };\n";
    struct client c;
    struct service_answer answer;

    (void)state;
    client_begin(&c, "a-secureboot-healthy", asks_nothing);
    c.pcrs.have[HASH_SHA256] = 1u << 4;
    answer = exchange(&c);
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "verdict=cannot-judge policy=permits"));
    c.pcrs.have[HASH_SHA256] = 0xff;
    answer = exchange(&c);
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "verdict=healthy policy=permits"));
    client_end(&c);
}

/* Another one of the same name is somebody else's. */
static void a_challenge_ends_with_its_provider(void **state)
{
    struct client c;
    struct service_answer answer = {0};
    const struct provider_path path = path_of("own");

    (void)state;
    client_begin(&c, "a-secureboot-healthy", policy);
    take_challenge(&c);
    service_resource_delete(c.w->service, &c.w->call, &path, &answer);
    assert_int_equal(answer.status, 200);
    provider_unref(c.provider);
    c.w->call.now++;
    c.provider = own_provider(c.w, "own", NULL);
    answer = set_policy(c.w, c.provider, "Tpm", policy_by(c.w, NULL, policy));
    expect_success(&answer);
    provider_unref(c.provider);
    c.provider = service_provider(c.w->service, span_str("own"));
    answer = send(&c);
    expect_refusal(&answer, 400, "InvalidParameter", "was not issued by this provider");
    client_end(&c);
}

static void a_report_says_what_the_policy_issues(void **state)
{
    struct client c;
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct token_verify_options options = {.now = NOW};
    struct service_answer answer, certs = {0};
    struct token token;
    size_t left_out = 0;

    (void)state;
    client_begin(&c, "a-secureboot-healthy", policy);
    answer = exchange(&c);
    service_jwks(c.w->service, c.provider, &c.w->call, &certs);
    assert_ok(jwks_read(c.w->arena, certs.body, NULL, &keys, &left_out));
    options.keys = keys;
    options.iss = c.provider->uri;
    assert_ok(token_verify(c.w->arena, json_span(json_get(payload_of(&c, &answer), "report")),
                           &options, NULL, &token));
    assert_int_equal(token.expires_at - token.issued_at, 90 * 60);
    assert_non_null(json_get(token.header, "x5c"));
    assert_true(yyjson_get_bool(json_get(token.payload, "secure")));
    assert_true(yyjson_get_bool(json_get(token.payload, "aikValidated")));
    assert_string_equal(json_text(json_get(token.payload, "rp_data")), "bm9uY2U");
    assert_string_equal(json_text(json_get(token.payload, "x-ms-attestation-type")), "tpm");
    assert_string_equal(json_text(json_get(token.payload, "x-ms-policy-hash")),
                        c.provider->policies[ATTEST_TPM].hash);
    assert_null(json_get(token.payload, "report_validity_in_minutes"));
    client_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_policy_there_is_nothing_to_ask),
        cmocka_unit_test(a_challenge_is_good_once_here_and_now_Q_9),
        cmocka_unit_test(what_is_not_proven_is_not_asked_of_the_policy),
        cmocka_unit_test(the_policy_decides_on_what_is_proven),
        cmocka_unit_test(an_attestation_key_without_a_known_issuer_needs_a_policy_that_waives_it),
        cmocka_unit_test(a_key_that_was_replaced_proves_nothing_any_more_AK_6),
        cmocka_unit_test(a_disabled_machine_is_refused_AK_7),
        cmocka_unit_test(a_proof_of_almost_nothing_is_no_health),
        cmocka_unit_test(a_challenge_ends_with_its_provider),
        cmocka_unit_test(a_report_says_what_the_policy_issues),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
