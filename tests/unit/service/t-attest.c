/*
 * The attest call with fabricated machines over recorded boots: who counts as proven, verdicts and
 * their HTTP form, what is recorded.
 */
#include "unit/service/attester.h"

#include "token/token.h"

/* The token out of a sealed reply, verified with the published keys. */
static struct token open_token(struct world *w, const struct service_answer *answer)
{
    struct azureguest_sealed sealed;
    struct service_answer jwks = {0};
    struct token_keys *keys = NULL;
    struct span key = {0}, jwt = {0};
    struct token token;
    size_t left_out;

    expect_success(answer);
    assert_ok(azureguest_parse_reply(w->arena, answer->body, NULL, &sealed));
    assert_ok(signkey_decrypt_pkcs1(machine->enc_key, w->arena, sealed.wrapped_key, &key));
    assert_ok(azureguest_open_reply(w->arena, &sealed, key, &jwt));
    service_jwks(w->service, w->home, &w->call, &jwks);
    assert_ok(jwks_read(w->arena, jwks.body, NULL, &keys, &left_out));
    assert_ok(token_verify(w->arena, jwt,
                           &(struct token_verify_options){.keys = keys, .iss = ISSUER, .now = NOW},
                           NULL, &token));
    assert_true(span_is(json_span(json_get(token.header, "jku")), ISSUER "/certs"));
    token.key = NULL; /* of keys, which go now */
    token_keys_free(keys);
    return token;
}

/* ---- bytes that are no request ---- */

static void names_the_fault_of_a_request_that_cannot_be_read(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"", "JSON"},
        {"not json", "byte"},
        {"[]", "object"},
        {"{}", "AttestationInfo"},
        {"{\"AttestationInfo\":5}", "AttestationInfo"},
        {"{\"AttestationInfo\":\"***\"}", "AttestationInfo"},
        {"{\"AttestationInfo\":\"e30\"}", "AttestationProtocolVersion"},
        {"{\"AttestationInfo\":\"e30\",\"AttestationInfo\":\"e30\"}", "AttestationInfo"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
         "deep"},
    };
    struct world *w = world_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service_answer answer = {0};

        service_attest_azureguest(w->service, w->home, &w->call, span_str(cases[i].body), &answer);
        expect_refusal(&answer, 400, "InvalidParameter", cases[i].words);
    }
    world_free(w);
}

/* ---- who is proven ---- */

/* AK-13: a good quote by a key of which nobody says that a TPM holds it. Recorded all the same
 * (S-7), and as what it is: it names no machine and moves no clock. */
static void refuses_and_records_a_key_that_nobody_vouches_for(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer = attest(w, &request);
    struct store_attestation row = last_record(w);
    struct tpm_clock clock;

    (void)state;
    expect_refusal(&answer, 400, "InvalidParameter", "not-verified: ");
    expect_refusal(&answer, 400, "InvalidParameter", "ak-untrusted: ");
    assert_string_equal(row.verdict, "not-verified");
    assert_false(row.is_proven);
    assert_non_null(strstr((const char *)row.reasons.data, "ak-untrusted"));
    assert_err(store_clock_get(w->service->store, tpm_name_span(&machine->ak_name), NULL, &clock),
               ERR_NOT_FOUND);
    world_free(w);
}

/* anchors of one role do not serve another. */
static void does_not_take_an_endorsement_root_for_an_issuer_of_attestation_keys(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;
    struct span pem = {0};

    (void)state;
    assert_ok(cert_pem(machine->ca, w->arena, &pem));
    world_trust(w, "ek/issuer.pem", pem);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "ak-untrusted: ");
    world_free(w);
}

/* AK-6: our CA's signature is not enough: the machine's record must be there and active. */
static void refuses_our_own_certificate_without_an_active_record(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct cert *theirs = machine->ak_cert;
    struct service_answer answer;

    (void)state;
    assert_ok(guest_ca_issue(w->service->guest_ca, w->arena, "0b5f2c7a-1111-4222-8333-444455556666",
                             signkey_public(machine->ak_key), NOW, &machine->ak_cert));
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "no active machine has this attestation key");
    enrol(w);
    answer = attest(w, &request);
    expect_success(&answer);
    cert_free(machine->ak_cert);
    machine->ak_cert = theirs;
    world_free(w);
}

/* AK-6, AK-7: only an active record with this key counts. */
static void refuses_a_machine_that_was_disabled_or_replaced(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    operate(w, &enrolled, STORE_DISABLE);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "bootwarden vm enable NAME");
    assert_null(strstr(answer.message, enrolled.id));
    assert_non_null(strstr(answer.note, enrolled.id));
    operate(w, &enrolled, STORE_ENABLE);
    answer = attest(w, &request);
    expect_success(&answer);
    operate(w, &enrolled, STORE_REPLACE);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "ak-untrusted: ");
    world_free(w);
}

static void trusts_a_certificate_that_comes_while_it_runs_and_forgets_one_that_goes(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer = attest(w, &request);

    (void)state;
    expect_refusal(&answer, 400, "InvalidParameter", "ak-untrusted: ");
    trust_issuer(w);
    answer = attest(w, &request);
    expect_success(&answer);
    assert_int_equal(unlink(world_path(w, "trust/ak/issuer.pem")), 0);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "ak-untrusted: ");
    world_free(w);
}

/* ---- verdicts ---- */

/* AK-11: the VM id is the verified certificate's. J-9, S-4: policy hash, and an end. */
static void gives_a_token_to_a_healthy_machine_of_an_external_issuer(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;
    struct token token;
    struct store_attestation row;

    (void)state;
    trust_issuer(w);
    request.client_payload = "{\"ArmID\":\"L3N1YnM=\"}";
    answer = attest(w, &request);
    token = open_token(w, &answer);
    assert_true(yyjson_get_bool(json_get(token.payload, "secureboot")));
    /* From the certificate's CN, upper case; not from what the client says. */
    assert_true(span_is(json_span(json_get(token.payload, "x-ms-azurevm-vmid")),
                        "6F1ED002-AB56-4B10-9C2F-000000000001"));
    assert_true(span_is(json_span(json_get(token.payload, "x-ms-attestation-type")), "azurevm"));
    assert_true(span_is(json_span(json_get(token.payload, "x-ms-ver")), "1.0"));
    assert_int_equal(json_span(json_get(token.payload, "jti")).len, 64);
    assert_int_equal(json_span(json_get(token.payload, "x-ms-policy-hash")).len, 43);
    assert_int_equal(token.expires_at - token.issued_at, SERVICE_TOKEN_S);
    row = last_record(w);
    assert_string_equal(row.verdict, "healthy");
    assert_true(row.is_proven);
    assert_null(row.machine_id);
    assert_true(span_is(json_span(json_get(token.payload, "jti")), row.token_id));
    world_free(w);
}

static void names_the_machine_of_an_enrolled_key(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w), seen;
    struct service_answer answer = attest(w, &request);
    struct token token = open_token(w, &answer);
    struct store_attestation row = last_record(w);

    (void)state;
    assert_true(span_is(json_span(json_get(token.payload, "x-ms-azurevm-vmid")),
                        "0B5F2C7A-1111-4222-8333-444455556666"));
    assert_string_equal(row.machine_id, enrolled.id);
    assert_non_null(
        strstr(answer.note, "verdict=healthy freshness=clock proven=yes machine=0b5f2c7a-"));
    assert_ok(store_machine_by_id(w->service->store, enrolled.id, NULL, &seen));
    assert_int_equal(seen.last_seen, NOW);
    world_free(w);
}

/* decisions section 1: proven and bad is PolicyEvaluationError, with every reason in words. */
static void refuses_a_boot_without_secure_boot_with_all_reasons(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "b-secureboot-off");
    struct service_answer answer;
    struct store_attestation row;

    (void)state;
    enrol(w);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "PolicyEvaluationError", "unhealthy: ");
    expect_refusal(&answer, 400, "PolicyEvaluationError", "secure-boot-off: ");
    assert_null(strstr(answer.message, "policy-denied")); /* the reason itself says more */
    row = last_record(w);
    assert_string_equal(row.verdict, "unhealthy");
    assert_null(row.token_id);
    assert_non_null(strstr((const char *)row.facts.data, "secure_boot"));
    world_free(w);
}

static void says_that_it_cannot_judge_without_a_log(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    enrol(w);
    request.log = (struct span){0};
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "cannot-judge: no-log: ");
    world_free(w);
}

static void refuses_a_log_of_another_boot(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct fabricate_request other = request_of(w, "f-kernel-update");
    struct service_answer answer;

    (void)state;
    enrol(w);
    request.log = other.log;
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "log-replay: ");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_fault_of_a_request_that_cannot_be_read),
        cmocka_unit_test(refuses_and_records_a_key_that_nobody_vouches_for),
        cmocka_unit_test(does_not_take_an_endorsement_root_for_an_issuer_of_attestation_keys),
        cmocka_unit_test(refuses_our_own_certificate_without_an_active_record),
        cmocka_unit_test(refuses_a_boot_without_secure_boot_with_all_reasons),
        cmocka_unit_test(says_that_it_cannot_judge_without_a_log),
        cmocka_unit_test(refuses_a_log_of_another_boot),
        cmocka_unit_test(refuses_a_machine_that_was_disabled_or_replaced),
        cmocka_unit_test(gives_a_token_to_a_healthy_machine_of_an_external_issuer),
        cmocka_unit_test(names_the_machine_of_an_enrolled_key),
        cmocka_unit_test(trusts_a_certificate_that_comes_while_it_runs_and_forgets_one_that_goes),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
