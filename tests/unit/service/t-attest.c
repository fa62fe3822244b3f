/*
 * The attest call with fabricated machines over recorded boots: verdicts and their HTTP form,
 * challenges, clocks, who counts as proven, what is recorded.
 */
#include "world.h"

#include "base/buf.h"
#include "evidence/azureguest.h"
#include "token/token.h"

static struct fabricated *machine; /* made once: keys are slow under sanitizers */
static struct arena *machine_arena;

static int make_machine(void **state)
{
    (void)state;
    machine_arena = test_arena();
    machine = fabricate_machine(machine_arena, NOW);
    return 0;
}

static int free_machine(void **state)
{
    (void)state;
    fabricated_free(machine);
    arena_free(machine_arena);
    return 0;
}

static struct fabricate_request request_of(struct world *w, const char *boot)
{
    return (struct fabricate_request){
        .pcrs_sha256 =
            test_vector(w->arena, arena_printf(w->arena, "boots/%s/pcrs_sha256.bin", boot)),
        .log = test_vector(w->arena, arena_printf(w->arena, "boots/%s/eventlog.bin", boot)),
    };
}

static struct service_answer attest(struct world *w, const struct fabricate_request *request)
{
    struct service_answer answer = {0};
    struct span inner = fabricate_inner(w->arena, machine, request);

    service_attest_azureguest(w->service, &w->call, fabricate_outer(w->arena, inner), &answer);
    return answer;
}

/* The CA of the fabricated machine as an external issuer of AK certificates. */
static void trust_issuer(struct world *w)
{
    struct span pem = {0};

    assert_ok(cert_pem(machine->ca, w->arena, &pem));
    world_trust(w, "ak/issuer.pem", pem);
}

/* The fabricated AK as if it had been activated. */
static struct store_machine enrol(struct world *w)
{
    struct store_machine wanted = {.created = NOW}, got;

    snprintf(wanted.id, sizeof(wanted.id), "0b5f2c7a-1111-4222-8333-444455556666");
    snprintf(wanted.name, sizeof(wanted.name), "web");
    memset(wanted.ek_digest, 7, sizeof(wanted.ek_digest));
    memcpy(wanted.ak_name, machine->ak_name.bytes, machine->ak_name.len);
    wanted.ak_name_len = machine->ak_name.len;
    assert_ok(store_machine_activate(w->service->store, &wanted, NULL, &got));
    return got;
}

static struct span challenge_for(struct world *w, const char *machine_id, int64_t expires)
{
    struct span context = {0};

    assert_ok(ticket_seal(w->arena, service_secret(w->service), TICKET_ATTEST, expires,
                          span_str(machine_id), &context));
    return context;
}

/* A request of our own agent: context in the member, its hash in extraData. */
static void use_challenge(struct world *w, struct fabricate_request *request, struct span context)
{
    uint8_t *nonce = arena_alloc(w->arena, SHA256_BYTES);

    request->has_bootwarden = true;
    request->context = context;
    assert_ok(azureguest_expected_nonce(context, (struct span){0}, nonce));
    request->nonce = span_of(nonce, SHA256_BYTES);
}

static struct store_attestation last_record(struct world *w)
{
    struct store_attestation *rows;
    size_t n;

    assert_ok(store_sweep(w->service->store, NOW, NULL)); /* behind what is queued */
    assert_ok(store_attestations(w->service->store, w->arena, NULL, 1, NULL, &rows, &n));
    assert_int_equal(n, 1);
    return rows[0];
}

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
    service_jwks(w->service, &w->call, &jwks);
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

        service_attest_azureguest(w->service, &w->call, span_str(cases[i].body), &answer);
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

/* ---- challenges ---- */

static void accepts_a_challenge_once(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_success(&answer);
    /* again, with all else as good as before. */
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    world_free(w);
}

struct runner {
    struct world *w;
    struct span body;
    int successes, reuses;
};

static void *attest_in_a_thread(void *context)
{
    struct runner *runner = context;
    struct arena *arena = arena_new(64u << 20);
    struct hasher *hasher = hasher_new();
    const struct service_call call = {.arena = arena, .hasher = hasher, .now = NOW};
    struct service_answer answer = {0};

    service_attest_azureguest(runner->w->service, &call, runner->body, &answer);
    runner->successes = answer.status == 200;
    runner->reuses = answer.status == 400 && strstr(answer.message, "challenge-reused: ") != NULL;
    hasher_free(hasher);
    arena_free(arena);
    return NULL;
}

/* the same proof on several connections at once gives one token. */
static void accepts_a_challenge_once_however_many_use_it_at_the_same_time(void **state)
{
    struct world *w = world_new();
    struct store_machine enrolled = enrol(w);

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct fabricate_request request = request_of(w, "a-secureboot-healthy");
        struct runner runners[4];
        pthread_t threads[4];
        int successes = 0, reuses = 0;
        struct span body;

        use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
        body = fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request));
        for (size_t i = 0; i < ARRAY_LEN(runners); i++) {
            runners[i] = (struct runner){.w = w, .body = body};
            assert_int_equal(pthread_create(&threads[i], NULL, attest_in_a_thread, &runners[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(runners); i++) {
            pthread_join(threads[i], NULL);
            successes += runners[i].successes;
            reuses += runners[i].reuses;
        }
        assert_int_equal(successes, 1);
        assert_int_equal(reuses, 3);
    }
    world_free(w);
}

/* used up by the first proof even when that fails. */
static void uses_a_challenge_up_with_a_proof_that_fails(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;
    struct span nonce;

    (void)state;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    nonce = request.nonce;
    request.nonce = span_str("something else altogether, 32 b.");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    request.nonce = nonce;
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    world_free(w);
}

/* after its life, of another machine, of another purpose, of nobody. */
static void refuses_challenges_that_are_not_for_this_proof(void **state)
{
    struct world *w = world_new();
    struct store_machine enrolled = enrol(w);
    struct span session = {0};
    struct {
        struct span context;
        const char *words;
    } cases[4] = {
        {challenge_for(w, enrolled.id, NOW), "challenge-expired: "},
        {challenge_for(w, "99999999-1111-4222-8333-444455556666", NOW + 300), "ak-other-machine: "},
        {span_str("0123456789abcdef0123456789abcdef0123456789abcdef"), "nonce: "},
    };

    (void)state;
    assert_ok(ticket_seal(w->arena, service_secret(w->service), TICKET_SESSION, NOW + 300,
                          span_str(enrolled.id), &session));
    cases[3].context = session;
    cases[3].words = "nonce: ";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fabricate_request request = request_of(w, "a-secureboot-healthy");
        struct service_answer answer;

        use_challenge(w, &request, cases[i].context);
        answer = attest(w, &request);
        expect_refusal(&answer, 400, "InvalidParameter", cases[i].words);
        assert_string_equal(last_record(w).verdict, "not-verified");
    }
    world_free(w);
}

/* the challenge must be in the quote, and without one the quote must say nothing. */
static void refuses_extra_data_that_is_not_the_challenge(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    request.nonce = span_str("unasked");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    request.nonce = (struct span){0};
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    world_free(w);
}

/* ---- freshness ---- */

static struct service_answer attest_body_at(struct world *w, struct span body, int64_t now)
{
    struct service_answer answer = {0};
    struct service_call call = w->call;

    call.now = now;
    service_attest_azureguest(w->service, &call, body, &answer);
    return answer;
}

static int64_t machine_last_seen(struct world *w, const struct store_machine *m)
{
    struct store_machine seen;

    assert_ok(store_machine_by_id(w->service->store, m->id, NULL, &seen));
    return seen.last_seen;
}

/* Azure's client has no challenge, so a copy of its request is answered, with a reply
 * that only the machine's TPM opens. The records say that it was a copy, and nobody was seen. */
static void answers_a_copied_request_and_records_that_it_was_one(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct span inner = fabricate_inner(w->arena, machine, &request);
    struct span body = fabricate_outer(w->arena, inner);
    const char *wrapped = arena_printf(w->arena, " %s\n", (const char *)body.data);
    struct service_answer answer = attest_body_at(w, body, NOW);
    struct store_attestation row;

    (void)state;
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "verdict=healthy freshness=clock "));
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CLOCK);
    for (int i = 1; i <= 3; i++) {
        answer = attest_body_at(w, body, NOW + 1000 * i);
        expect_success(&answer);
        assert_non_null(strstr(answer.note, "freshness=none repeat=yes proven=yes "));
    }
    row = last_record(w);
    assert_int_equal(row.time, NOW);
    assert_int_equal(row.repeats, 3);
    assert_int_equal(row.last_repeat, NOW + 3000);
    assert_int_equal(machine_last_seen(w, &enrolled), NOW);
    /* In another wrapping it is another request with the same quote. */
    answer = attest_body_at(w, span_str(wrapped), NOW + 4000);
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "freshness=none proven=yes machine="));
    row = last_record(w);
    assert_int_equal(row.time, NOW + 4000);
    assert_int_equal(row.freshness, STORE_FRESHNESS_NONE);
    assert_int_equal(machine_last_seen(w, &enrolled), NOW);
    world_free(w);
}

static void records_what_shows_that_a_proof_is_fresh(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    CLEANUP(buf_done) struct buf text = {0};
    struct service_answer answer;

    (void)state;
    request.clock_ms = 100000;
    answer = attest(w, &request);
    expect_success(&answer);
    request.clock_ms = 100001;
    answer = attest(w, &request);
    expect_success(&answer);
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CLOCK);
    request.clock_ms = 90000; /* overtaken: accepted, and not fresh */
    answer = attest(w, &request);
    expect_success(&answer);
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_NONE);
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_success(&answer);
    assert_non_null(strstr(answer.note, "freshness=challenge "));
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CHALLENGE);
    answer = attest(w, &request); /* with a challenge that is used up */
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_NONE);
    buf_init(&text, 1u << 20);
    metrics_write(w->metrics, &text);
    assert_non_null(
        strstr(buf_cstr(&text), "bootwarden_attestation_freshness_total{freshness=\"clock\"} 2\n"));
    assert_non_null(strstr(buf_cstr(&text),
                           "bootwarden_attestation_freshness_total{freshness=\"challenge\"} 1\n"));
    assert_non_null(
        strstr(buf_cstr(&text), "bootwarden_attestation_freshness_total{freshness=\"none\"} 2\n"));
    world_free(w);
}

/* ---- clocks ---- */

/* counters and clock never go back; requests that overtook each other by seconds may. */
static void refuses_evidence_from_before_the_last_proof(void **state)
{
    static const struct {
        uint32_t reset_count;
        uint64_t clock_ms;
        bool is_refused;
    } steps[] = {
        {3, 100000, false}, {3, 90000, false}, /* 10 s back */
        {3, 69999, true},                      /* more than 30 s */
        {3, 200000, false}, {2, 900000, true}, {4, 1000, false}, {3, 300000, true},
    };
    struct world *w = world_new();

    (void)state;
    enrol(w);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct fabricate_request request = request_of(w, "a-secureboot-healthy");
        struct service_answer answer;

        request.reset_count = steps[i].reset_count;
        request.clock_ms = steps[i].clock_ms;
        answer = attest(w, &request);
        if (steps[i].is_refused) {
            expect_refusal(&answer, 400, "InvalidParameter", "clock-went-back: ");
        } else {
            expect_success(&answer);
        }
    }
    world_free(w);
}

static void operate(struct world *w, const struct store_machine *m, enum store_change what)
{
    bool is_new = false;

    assert_ok(store_machine_change(w->service->store, m->id, what, "root", NOW, NULL, &is_new));
    assert_true(is_new);
}

static void expect_last_verdict(struct world *w, const struct store_machine *m, const char *wanted)
{
    char verdict[STORE_VERDICT_SIZE];

    assert_ok(store_last_verdict(w->service->store, m->id, NULL, verdict));
    assert_string_equal(verdict, wanted);
}

/* the whole attack: a good request is kept, the machine goes bad, the request comes again in
 * as many wrappings as it takes to fill the room for copies. */
static void no_copy_of_good_evidence_hides_a_red_verdict(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct fabricate_request bad = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct span kept;
    struct service_answer answer;

    (void)state;
    request.clock_ms = 100000;
    kept = fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request));
    answer = attest_body_at(w, kept, NOW);
    expect_success(&answer);
    bad.clock_ms = 101000; /* within what may overtake: the copies are accepted */
    bad.log = request_of(w, "f-kernel-update").log;
    answer = attest(w, &bad);
    expect_refusal(&answer, 400, "InvalidParameter", "log-replay: ");
    assert_non_null(strstr(answer.note, "verdict=not-verified freshness=clock proven=yes "));
    for (int i = 1; i <= STORE_MAX_STALE + 1; i++) {
        const char *wrapped = arena_printf(w->arena, "%s%*s", (const char *)kept.data, i, "");
        CLEANUP(arena_free) struct arena *arena = arena_new(64u << 20);
        struct service_call call = w->call;

        call.arena = arena;
        call.now = NOW + i;
        service_attest_azureguest(w->service, &call, span_str(wrapped), &answer);
        expect_success(&answer);
    }
    expect_last_verdict(w, &enrolled, "not-verified");
    assert_int_equal(machine_last_seen(w, &enrolled), NOW);
    world_free(w);
}

static struct service_answer attest_with_broken_signature(struct world *w,
                                                          const struct fabricate_request *request)
{
    struct span inner = fabricate_inner(w->arena, machine, request);
    char *at = strstr((char *)(uintptr_t)inner.data, "\"PcrSignature\"");

    assert_non_null(at);
    at = strchr(strchr(at, ':'), '"') + 1;
    memset(at, 'A', 8);
    return attest_body_at(w, fabricate_outer(w->arena, inner), NOW);
}

static bool is_used(struct world *w, struct span context)
{
    struct ticket ticket;
    bool was_used = false;

    assert_ok(ticket_open(w->arena, service_secret(w->service), TICKET_ATTEST, context, &ticket));
    assert_ok(
        store_was_used(w->service->store, span_of(ticket.id, sizeof(ticket.id)), NULL, &was_used));
    return was_used;
}

/* only a live challenge is used up by what proves nothing. One that is spent, has expired or
 * is another machine's makes no garbage a write that is waited for, nor a machine's word. */
static void notes_what_proves_nothing_whatever_challenge_it_has(void **state)
{
    struct world *w = world_new();
    struct store_machine enrolled = enrol(w);
    struct span spent = challenge_for(w, enrolled.id, NOW + 300);
    struct span foreign = challenge_for(w, "99999999-1111-4222-8333-444455556666", NOW + 300);
    const struct {
        struct span context;
        const char *words;
        bool is_used_up;
    } cases[] = {
        {spent, "challenge-reused: ", true},
        {challenge_for(w, enrolled.id, NOW), "challenge-expired: ", false},
        {foreign, "ak-other-machine: ", false},
        {challenge_for(w, enrolled.id, NOW + 300), "not-verified: ", true},
    };
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    use_challenge(w, &request, spent);
    answer = attest(w, &request);
    expect_success(&answer);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        use_challenge(w, &request, cases[i].context);
        answer = attest_with_broken_signature(w, &request);
        expect_refusal(&answer, 400, "InvalidParameter", cases[i].words);
        assert_non_null(strstr(answer.note, "freshness=none proven=no machine="));
        assert_int_equal(is_used(w, cases[i].context), cases[i].is_used_up);
        assert_false(last_record(w).is_proven);
        assert_null(last_record(w).machine_id);
    }
    expect_last_verdict(w, &enrolled, "healthy");
    /* With the machine's own proof the other's challenge is spent, and then that is what is said.
     */
    use_challenge(w, &request, foreign);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "ak-other-machine: ");
    assert_true(is_used(w, foreign));
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "challenge-reused: ");
    world_free(w);
}

/* a snapshot that was restored on purpose. */
static void accepts_a_clock_that_went_back_when_an_operator_says_so(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct store_machine enrolled = enrol(w);
    struct service_answer answer;

    (void)state;
    request.clock_ms = 900000;
    answer = attest(w, &request);
    expect_success(&answer);
    /* Anybody who kept a request may send it: no command is offered for that. */
    request.clock_ms = 400000;
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "may be a copy of old evidence");
    assert_null(strstr(answer.message, "forget-clock"));
    expect_last_verdict(w, &enrolled, "healthy");
    request.clock_ms = 500000;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "bootwarden-server machine forget-clock NAME");
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CHALLENGE);
    expect_last_verdict(w, &enrolled, "not-verified");
    operate(w, &enrolled, STORE_FORGET_CLOCK);
    request.clock_ms = 500100;
    use_challenge(w, &request, challenge_for(w, enrolled.id, NOW + 300));
    answer = attest(w, &request);
    expect_success(&answer);
    assert_int_equal(last_record(w).freshness, STORE_FRESHNESS_CHALLENGE);
    request.has_bootwarden = false; /* from where the clock stands now */
    request.nonce = (struct span){0};
    request.clock_ms = 400001;
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "clock-went-back: ");
    expect_last_verdict(w, &enrolled, "healthy");
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
    expect_refusal(&answer, 400, "InvalidParameter", "bootwarden-server machine enable NAME");
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

/* A refused proof, or one by a stranger with the same name, must not move the clock: it would
 * lock the machine out. */
static void does_not_move_the_clock_for_a_refused_proof(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    enrol(w);
    request.reset_count = 1000;
    request.nonce = span_str("unasked");
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "InvalidParameter", "nonce: ");
    request.reset_count = 3;
    request.nonce = (struct span){0};
    answer = attest(w, &request);
    expect_success(&answer);
    world_free(w);
}

/* ---- failing well ---- */

/* What cannot be recorded is not answered with a token. */
static void answers_503_when_the_record_cannot_be_written(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;
    const char *wal = world_path(w, "data.sqlite");
    uint8_t *junk = arena_calloc(w->arena, 1, 65536);

    (void)state;
    enrol(w);
    assert_ok(store_sweep(w->service->store, NOW, NULL));
    service_close(w->service);
    w->service = NULL;
    assert_ok(world_reopen(w, NULL));
    /* Damage under the open store: pages that are read next are no pages. */
    memset(junk, 0xa5, 65536);
    {
        int fd = open(wal, O_WRONLY);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, junk, 61440, 4096), 61440);
        close(fd);
    }
    answer = attest(w, &request);
    expect_refusal(&answer, 503, "ServiceUnavailable", "cannot be recorded now");
    assert_int_equal(answer.retry_after_s, 5);
    world_free(w);
}

/* One request in arenas of every size: the whole answer, or a refusal that says what it is. Never a
 * fault of the server, never an answer with something missing, never a record of one. */
static void answers_wholly_or_says_that_the_request_takes_too_much(void **state)
{
    static const struct {
        const char *boot;
        unsigned status;
    } cases[] = {{"a-secureboot-healthy", 200}, {"b-secureboot-off", 400}};
    struct world *w = world_new();

    (void)state;
    enrol(w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fabricate_request request = request_of(w, cases[i].boot);
        struct span body;
        const char *whole = NULL;
        size_t n_refused = 0, n_whole = 0;

        request.clock_ms = 100000 * (i + 1);
        body = fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request));
        for (size_t bytes = 1; n_whole < 5; bytes += 1 + bytes / 8) {
            struct service_call call = w->call;
            struct service_answer answer = {0};

            call.arena = arena_new(bytes);
            service_attest_azureguest(w->service, &call, body, &answer);
            if (answer.status == 413) {
                expect_refusal(&answer, 413, "RequestTooLarge", "takes more memory than");
                assert_string_equal(answer.note, "limit=request-memory");
                n_refused++;
            } else if (answer.status == 200) {
                assert_int_equal(cases[i].status, 200);
                expect_success(&answer);
                n_whole++;
            } else {
                expect_refusal(&answer, cases[i].status, "PolicyEvaluationError", "unhealthy: ");
                whole = whole == NULL
                            ? (const char *)arena_dup(w->arena, span_str(answer.message)).data
                            : whole;
                assert_string_equal(answer.message, whole);
                n_whole++;
            }
            arena_free(call.arena);
        }
        assert_true(n_refused > 20);
        assert_int_equal(last_record(w).repeats, n_whole - 1);
    }
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
        cmocka_unit_test(uses_a_challenge_up_with_a_proof_that_fails),
        cmocka_unit_test(accepts_a_challenge_once_however_many_use_it_at_the_same_time),
        cmocka_unit_test(refuses_challenges_that_are_not_for_this_proof),
        cmocka_unit_test(refuses_extra_data_that_is_not_the_challenge),
        cmocka_unit_test(answers_a_copied_request_and_records_that_it_was_one),
        cmocka_unit_test(no_copy_of_good_evidence_hides_a_red_verdict),
        cmocka_unit_test(notes_what_proves_nothing_whatever_challenge_it_has),
        cmocka_unit_test(records_what_shows_that_a_proof_is_fresh),
        cmocka_unit_test(refuses_evidence_from_before_the_last_proof),
        cmocka_unit_test(accepts_a_clock_that_went_back_when_an_operator_says_so),
        cmocka_unit_test(refuses_a_machine_that_was_disabled_or_replaced),
        cmocka_unit_test(does_not_move_the_clock_for_a_refused_proof),
        cmocka_unit_test(answers_wholly_or_says_that_the_request_takes_too_much),
        cmocka_unit_test(answers_503_when_the_record_cannot_be_written),
        cmocka_unit_test(gives_a_token_to_a_healthy_machine_of_an_external_issuer),
        cmocka_unit_test(names_the_machine_of_an_enrolled_key),
        cmocka_unit_test(accepts_a_challenge_once),
        cmocka_unit_test(trusts_a_certificate_that_comes_while_it_runs_and_forgets_one_that_goes),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
