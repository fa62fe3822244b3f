/*
 * Requests of /attest/Tpm: each attack is refused with the reason that names it, and what is good
 * is good.
 */
#include "unit/appraise/tpm-requests.h"
#include "unit/facts/logs.h"

#include "base/codec.h"

static const char *as_other_spelling(struct attester *t)
{
    const char *jwk = fabricate_jwk(t->r.machine.arena, t->request_key);

    /* The same key to every reader of JSON. */
    return arena_printf(t->r.machine.arena, "{ %s", jwk + 1);
}

/* ---- attacks ---- */

static void answers_another_challenge(struct attester *t)
{
    t->request.challenge = span_str("fedcba9876543210");
}

static void quote_answers_another_challenge(struct attester *t)
{
    t->request.challenge = span_str("fedcba9876543210");
    t->request.sent_challenge = span_str(attester_challenge);
}

static void challenge_is_a_prefix(struct attester *t)
{
    t->request.challenge = span_cut(span_str(attester_challenge), 0, 15);
}

static void jwk_has_another_spelling_than_quoted(struct attester *t)
{
    t->request.quoted_jwk = as_other_spelling(t);
}

static void quote_binds_another_key(struct attester *t)
{
    t->request.quoted_jwk = fabricate_jwk(t->r.machine.arena, t->other_key);
}

static void quote_has_the_bare_challenge_for_a_quoted_key(struct attester *t)
{
    t->request.extra_data = t->request.challenge;
}

static void certified_key_with_a_quote_that_binds_it(struct attester *t)
{
    t->request.is_certified = true;
    t->request.extra_data = span_str("0123456789abcdef0123456789abcdef");
}

static void request_is_signed_by_another_key(struct attester *t)
{
    t->request.signer = t->other_key;
}

static void algorithm_is_none(struct attester *t)
{
    t->request.alg = "none";
    t->request.how = FABRICATE_NONE;
}

static void signature_is_empty(struct attester *t)
{
    t->request.how = FABRICATE_NONE;
}

static void algorithm_is_ps384(struct attester *t)
{
    t->request.alg = "PS384";
}

static void algorithm_is_rs256(struct attester *t)
{
    t->request.alg = "RS256";
    t->request.how = FABRICATE_PKCS1;
}

static void rs256_is_called_ps256(struct attester *t)
{
    t->request.how = FABRICATE_PKCS1;
}

static void request_key_is_unbound(struct attester *t)
{
    t->request.request_key.is_unbound = true;
}

static void request_key_may_leave_the_tpm(struct attester *t)
{
    t->request.is_certified = true;
    t->request.request_key.attributes = 0x00040060; /* not fixed to anything */
}

static void request_key_is_elliptic(struct attester *t)
{
    t->request.request_key.jwk =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}";
}

static void request_key_is_short(struct attester *t)
{
    t->request.request_key.jwk = "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}";
}

static void other_key_is_swapped(struct attester *t)
{
    t->request.n_other_keys = 1;
    t->request.other_keys[0] = (struct fabricate_key){
        .key = t->other_key, .jwk = fabricate_jwk(t->r.machine.arena, t->foreign_key)};
}

static void other_key_is_certified_under_another_name(struct attester *t)
{
    t->request.n_other_keys = 1;
    t->request.other_keys[0] = (struct fabricate_key){.key = t->other_key, .named = t->foreign_key};
}

static void other_key_was_certified_for_another_challenge(struct attester *t)
{
    t->request.n_other_keys = 1;
    t->request.other_keys[0] =
        (struct fabricate_key){.key = t->other_key, .challenge = span_str("fedcba9876543210")};
}

static void other_key_is_certified_by_itself(struct attester *t)
{
    t->request.n_other_keys = 1;
    t->request.other_keys[0] = (struct fabricate_key){.key = t->other_key, .signer = t->other_key};
}

static void a_quote_passes_for_a_certification(struct attester *t)
{
    struct arena *arena = t->r.machine.arena;
    struct fabricate_tpm plain = t->request;
    struct span attest;
    struct span signature;

    plain.is_certified = true; /* the bare challenge */
    fabricate_tpm_quote(arena, t->r.machine.keys, &plain, &attest, &signature);
    t->request.n_other_keys = 1;
    t->request.other_keys[0] = (struct fabricate_key){
        .key = t->other_key,
        .info = arena_printf(
            arena,
            "{\"tpm_certify\":{\"public\":\"AAAA\",\"certification\":\"%s\",\"signature\":\"%s\"}}",
            base64_dup(arena, BASE64_URL, attest), base64_dup(arena, BASE64_URL, signature))};
}

static void required_registers_are_not_quoted(struct attester *t)
{
    t->options.required_pcrs = 0xffffff;
}

static void a_quoted_register_is_not_sent(struct attester *t)
{
    t->request.hidden_pcrs = 1u << 7;
}

static void a_register_has_another_value(struct attester *t)
{
    struct arena *arena = t->r.machine.arena;
    struct span attest;
    struct span signature;

    fabricate_tpm_quote(arena, t->r.machine.keys, &t->request, &attest, &signature);
    t->request.attest = attest;
    t->request.signature = signature;
    t->r.pcrs.value[HASH_SHA256][7][0] ^= 1;
}

static void only_sha1_is_quoted(struct attester *t)
{
    t->r.pcrs.have[HASH_SHA1] = REQUOTED_PCRS;
    t->r.pcrs.have[HASH_SHA256] = 0;
}

static void the_log_is_of_another_boot(struct attester *t)
{
    t->request.logs[0].bytes =
        test_vector(t->r.machine.arena, "boots/f-kernel-update/eventlog.bin");
}

static void there_is_no_log(struct attester *t)
{
    t->request.n_logs = 0;
}

static void the_log_is_empty(struct attester *t)
{
    t->request.logs[0].bytes = (struct span){0};
}

static void the_log_is_cut(struct attester *t)
{
    t->request.logs[0].bytes.len -= 3;
}

static void the_log_is_sent_twice(struct attester *t)
{
    t->request.logs[1] = t->request.logs[0];
    t->request.n_logs = 2;
}

static void the_quote_is_replayed(struct attester *t)
{
    struct fabricate_tpm old = t->request;

    old.challenge = span_str("fedcba9876543210");
    fabricate_tpm_quote(t->r.machine.arena, t->r.machine.keys, &old, &t->request.attest,
                        &t->request.signature);
}

static void the_clock_went_back(struct attester *t)
{
    static const struct tpm_clock last = {.reset_count = 4, .clock_ms = 5};

    t->options.last_clock = &last;
}

static void the_quote_is_signed_by_another_key(struct attester *t)
{
    fabricate_tpm_quote(t->r.machine.arena, t->r.machine.keys, &t->request, &t->request.attest,
                        &t->request.signature);
    t->request.signature =
        fabricate_signature(t->r.machine.arena, t->foreign_key, t->request.attest);
}

static void the_certificate_is_of_another_key(struct attester *t)
{
    t->request.aik = t->foreign_key;
}

static void the_certificate_is_missing(struct attester *t)
{
    t->request.has_no_certificate = true;
}

static void the_certificate_is_of_a_foreign_ca(struct attester *t)
{
    t->trust.ak = NULL;
}

static void the_certificate_is_no_certificate(struct attester *t)
{
    t->request.certificate = span_str("not DER");
    t->options.waives_ak_certificate = true;
}

static void a_waiver_does_not_cover_another_key(struct attester *t)
{
    t->request.aik = t->foreign_key;
    t->options.waives_ak_certificate = true;
}

static void ima_list_is_cut(struct attester *t)
{
    struct span ima = test_vector(t->r.machine.arena, "boots/a-secureboot-healthy/ima.bin");

    t->r.pcrs.have[HASH_SHA256] |= 1u << 10;
    t->request.logs[1] = (struct fabricate_log){"IMA", span_cut(ima, 0, ima.len - 10)};
    t->request.n_logs = 2;
}

static void ima_list_is_missing(struct attester *t)
{
    t->r.pcrs.have[HASH_SHA256] |= 1u << 10;
}

typedef void (*attack_fn)(struct attester *t);
#define ATTACK(fn, code, rule)                                                                     \
    {                                                                                              \
#fn, fn, REASON_##code, rule                                                               \
    }

static const struct {
    const char *name;
    attack_fn attack;
    enum reason_code code;
    const char *rule;
} attacks[] = {
    ATTACK(answers_another_challenge, NONCE, "Q-8"),
    ATTACK(quote_answers_another_challenge, NONCE, "Q-8"),
    ATTACK(challenge_is_a_prefix, NONCE, "Q-8"),
    ATTACK(jwk_has_another_spelling_than_quoted, NONCE, "Q-8"), /* */
    ATTACK(quote_binds_another_key, NONCE, "Q-8"),              /* */
    ATTACK(quote_has_the_bare_challenge_for_a_quoted_key, NONCE, "Q-8"),
    ATTACK(certified_key_with_a_quote_that_binds_it, NONCE, "Q-8"),
    ATTACK(request_is_signed_by_another_key, REQUEST_SIGNATURE, "J-1"),
    ATTACK(algorithm_is_none, REQUEST_SIGNATURE, "J-1"),
    ATTACK(signature_is_empty, REQUEST_SIGNATURE, "J-1"),
    ATTACK(algorithm_is_ps384, REQUEST_SIGNATURE, "J-1"),
    ATTACK(algorithm_is_rs256, REQUEST_SIGNATURE, "J-1"),
    ATTACK(rs256_is_called_ps256, REQUEST_SIGNATURE, "J-1"),
    ATTACK(request_key_is_unbound, REQUEST_KEY, "Q-11"),
    ATTACK(request_key_may_leave_the_tpm, REQUEST_KEY, "AK-2"),
    ATTACK(request_key_is_elliptic, REQUEST_KEY, "AK-3"),
    ATTACK(request_key_is_short, REQUEST_KEY, "AK-3"),
    ATTACK(other_key_is_swapped, KEY_CERTIFY, "AK-8"),
    ATTACK(other_key_is_certified_under_another_name, KEY_CERTIFY, "AK-8"),
    ATTACK(other_key_was_certified_for_another_challenge, KEY_CERTIFY, "AK-8"),
    ATTACK(other_key_is_certified_by_itself, KEY_CERTIFY, "AK-8"),
    ATTACK(a_quote_passes_for_a_certification, KEY_CERTIFY, "AK-8"),
    ATTACK(required_registers_are_not_quoted, PCR_MISSING, "Q-13"),
    ATTACK(a_quoted_register_is_not_sent, PCR_MISSING, "Q-13"),
    ATTACK(a_register_has_another_value, PCR_DIGEST, "Q-12"),
    ATTACK(only_sha1_is_quoted, PCR_MISSING, "Q-13"), /* ALG-1 */
    ATTACK(the_log_is_of_another_boot, LOG_REPLAY, NULL),
    ATTACK(there_is_no_log, NO_LOG, "L-5"),
    ATTACK(the_log_is_empty, NO_LOG, "L-5"),
    ATTACK(the_log_is_cut, LOG_MALFORMED, "L-3"),
    ATTACK(the_log_is_sent_twice, LOG_REPLAY, NULL),
    ATTACK(the_quote_is_replayed, NONCE, "Q-8"),
    ATTACK(the_clock_went_back, CLOCK_WENT_BACK, "Q-17"),
    ATTACK(the_quote_is_signed_by_another_key, SIGNATURE, "Q-3"),
    ATTACK(the_certificate_is_of_another_key, AK_UNTRUSTED, "AK-10"),
    ATTACK(the_certificate_is_missing, AK_UNPROVEN, "AK-13"),
    ATTACK(the_certificate_is_of_a_foreign_ca, AK_UNTRUSTED, "X-1"),
    ATTACK(the_certificate_is_no_certificate, AK_UNTRUSTED, "X-1"),
    ATTACK(a_waiver_does_not_cover_another_key, AK_UNTRUSTED, "AK-10"),
    ATTACK(ima_list_is_cut, IMA_REPLAY, "L-12"),
    ATTACK(ima_list_is_missing, LOG_UNEXPLAINED_PCR, "L-12"),
};

static void every_attack_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct attester t;
        struct appraisal *a;

        attester_begin(&t, "a-secureboot-healthy");
        attacks[i].attack(&t);
        a = attester_judge(&t);
        if (!has_reason(a, attacks[i].code, attacks[i].rule) || appraisal_is_proven(a)) {
            print_reasons(a);
            fail_msg("%s: verdict %s", attacks[i].name, verdict_name(a->verdict));
        }
        appraisal_done(a);
        attester_end(&t);
    }
}

/* ---- what is good ---- */

static void expect_good(struct attester *t)
{
    struct appraisal *a = attester_judge(t);

    if (a->verdict != VERDICT_HEALTHY) {
        print_reasons(a);
        fail_msg("%s", verdict_name(a->verdict));
    }
    assert_true(a->request_key.is_bound);
    assert_int_equal(a->freshness, FRESHNESS_NONCE);
    assert_true(a->is_log_proven);
    appraisal_done(a);
}

static void a_good_request_is_healthy(void **state)
{
    struct attester t;
    struct appraisal *a;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    expect_good(&t);
    t.request.are_pcrs_unsorted = true;
    expect_good(&t);
    t.request.is_certified = true;
    expect_good(&t);
    t.request.n_other_keys = 2;
    t.request.other_keys[0] = (struct fabricate_key){.key = t.other_key};
    t.request.other_keys[1] = (struct fabricate_key){.key = t.foreign_key, .is_unbound = true};
    a = attester_judge(&t);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_int_equal(a->n_other_keys, 2);
    assert_true(a->other_keys[0].is_bound);
    assert_int_equal(a->other_keys[0].pub.attributes, 0x00040072);
    assert_false(a->other_keys[1].is_bound);
    assert_true(a->aks[0].is_certificate_valid);
    /* the name follows from the layout, and the quote confirms it. */
    assert_true(
        span_equal(tpm_name_span(&a->aks[0].name), tpm_name_span(&t.r.machine.keys->ak_name)));
    appraisal_done(a);
    attester_end(&t);
}

/* The text is what is bound, whatever its spelling. */
static void an_unusual_spelling_of_the_key_is_bound_as_it_was_sent(void **state)
{
    struct attester t;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    t.request.request_key.jwk = as_other_spelling(&t);
    expect_good(&t);
    t.request.request_key.jwk =
        arena_printf(t.r.machine.arena, "{\"note\":\"a \\\"}]{\\u007b\",\"list\":[[],{}],%s",
                     fabricate_jwk(t.r.machine.arena, t.request_key) + 1);
    expect_good(&t);
    attester_end(&t);
}

static void an_enrolled_key_needs_no_certificate(void **state)
{
    struct attester t;
    struct appraisal *a;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    t.request.has_no_certificate = true;
    t.trust =
        (struct appraise_trust){.enrolled_aks = &t.r.machine.keys->ak_name, .n_enrolled_aks = 1};
    a = attester_judge(&t);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_int_equal(a->aks[0].proof, AK_PROOF_ENROLLED);
    assert_false(a->aks[0].is_certificate_valid);
    appraisal_done(a);
    attester_end(&t);
}

/* AK-13: the policy's choice, and no claim says otherwise. */
static void a_policy_may_do_without_a_valid_certificate(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct attester t;
        struct appraisal *a;

        attester_begin(&t, "a-secureboot-healthy");
        t.trust.ak = NULL;
        t.request.has_no_certificate = i == 0;
        t.options.waives_ak_certificate = true;
        a = attester_judge(&t);
        assert_int_equal(a->verdict, VERDICT_HEALTHY);
        assert_int_equal(a->aks[0].proof, AK_PROOF_WAIVED);
        assert_false(a->aks[0].is_certificate_valid);
        appraisal_done(a);
        attester_end(&t);
    }
}

static void a_smaller_mask_judges_what_is_quoted(void **state)
{
    struct attester t;
    struct appraisal *a;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    t.r.pcrs.have[HASH_SHA256] = 1u << 7;
    t.options.required_pcrs = 1u << 7;
    a = attester_judge(&t);
    assert_true(appraisal_is_proven(a));
    assert_int_equal(a->attested.have[HASH_SHA256], 1u << 7);
    appraisal_done(a);
    t.options.required_pcrs = 0; /* nothing at all is demanded */
    a = attester_judge(&t);
    assert_true(appraisal_is_proven(a));
    appraisal_done(a);
    t.options.has_pcr_mask = false; /* no policy: the rule of the house */
    a = attester_judge(&t);
    assert_true(has_reason(a, REASON_PCR_MISSING, "Q-13"));
    appraisal_done(a);
    attester_end(&t);
}

static void ima_lists_explain_pcr_10(void **state)
{
    struct attester t;
    struct span ima;
    struct appraisal *a;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    ima = test_vector(t.r.machine.arena, "boots/a-secureboot-healthy/ima.bin");
    t.r.pcrs.have[HASH_SHA256] |= 1u << 10;
    t.request.logs[1] = (struct fabricate_log){"IMA", ima};
    t.request.n_logs = 2;
    a = attester_judge(&t);
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_true(a->n_ima_records > 1);
    appraisal_done(a);
    /* In two parts, cut between two records. */
    t.request.logs[1].bytes = span_cut(ima, 0, 106);
    t.request.logs[2] = (struct fabricate_log){"IMA", span_cut(ima, 106, ima.len)};
    t.request.n_logs = 3;
    a = attester_judge(&t);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    appraisal_done(a);
    attester_end(&t);
}

/* L-9: what a dynamic launch measured stands in a log of its own, and nowhere else. */
static void a_dynamic_launch_has_a_log_of_its_own_L_9(void **state)
{
    struct attester t;
    struct appraisal *a;
    struct logs_edit *edit;
    uint8_t both[2 * SHA256_BYTES] = {0};

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    edit = logs_edit_boot(t.r.machine.arena, "a-secureboot-healthy");
    edit->n = 0;
    logs_insert(edit, 0, 17, EV_EVENT_TAG, span_str("a measured launch"));
    memcpy(both + SHA256_BYTES, edit->items[0].digest[1], SHA256_BYTES);
    assert_int_equal(edit->banks[1].hash, HASH_SHA256);
    assert_ok(hash_once(HASH_SHA256, span_of(both, sizeof(both)), t.r.pcrs.value[HASH_SHA256][17]));
    t.r.pcrs.have[HASH_SHA256] |= 1u << 17;
    t.request.logs[1] = (struct fabricate_log){"TCG", logs_bytes(edit)};
    t.request.n_logs = 2;
    expect_good(&t);
    t.request.n_logs = 1;
    a = attester_judge(&t);
    assert_true(has_reason(a, REASON_LOG_UNEXPLAINED_PCR, NULL));
    appraisal_done(a);
    attester_end(&t);
}

/* Quotes that a TPM made, by keys of both kinds, of which only the key is sent: their names follow
 * from the layout (AK-1), and the framed signatures are read. */
static void recorded_keys_are_known_by_their_layout_Q_7(void **state)
{
    static const char *const kinds[] = {"rsa", "ecc"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
        CLEANUP(pubkey_free) struct pubkey *key = NULL;
        struct evidence *evidence = arena_calloc(arena, 1, sizeof(*evidence));
        struct tpm_public pub;
        struct tpm_name name;
        struct appraise_trust trust = {.enrolled_aks = &name, .n_enrolled_aks = 1};
        const struct appraise_options options = {.now = NOW, .reference = test_reference()};
        struct appraisal *a = NULL;
        struct span values = test_vector(arena, "boots/a-secureboot-healthy/pcrs_sha256.bin");
        yyjson_mut_doc *doc = json_new(arena);

#define FILE_OF(part, end)                                                                         \
    test_vector(arena,                                                                             \
                arena_printf(arena, "boots/a-secureboot-healthy/%s_%s.%s", part, kinds[i], end))
        assert_ok(tpm2b_public_parse(FILE_OF("ak", "pub"), false, NULL, &pub));
        assert_ok(tpm_public_name(&pub, &name));
        assert_ok(tpm_public_key(&pub, NULL, &key));
        assert_ok(json_read(arena,
                            json_write(arena, doc,
                                       jwk_value(arena, doc, NULL, token_alg_of(key), key, NULL, 0),
                                       false),
                            NULL, NULL, &evidence->aks[0].jwk));
        evidence->form = EVIDENCE_TPM_BOOT;
        evidence->aks[0].jwk_where = "aik_pub";
        evidence->n_aks = 1;
        evidence->quotes[0] =
            (struct evidence_quote){.attest = {FILE_OF("quote", "attest"), "quote"},
                                    .signature = {FILE_OF("quote", "sig"), "sig"},
                                    .is_framed = true};
        evidence->n_quotes = 1;
        for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            memcpy(evidence->pcrs.value[HASH_SHA256][pcr], values.data + pcr * SHA256_BYTES,
                   SHA256_BYTES);
        }
        evidence->pcrs.have[HASH_SHA256] = 0xffffff;
        evidence->pcrs_where = "pcrs";
        evidence->log = (struct evidence_blob){
            test_vector(arena, "boots/a-secureboot-healthy/eventlog.bin"), "log"};
        evidence->ima =
            (struct evidence_blob){test_vector(arena, "boots/a-secureboot-healthy/ima.bin"), "ima"};
        assert_ok(appraise(arena, evidence, &trust, &options, hasher, &a));
        print_reasons(a);
        assert_int_equal(a->verdict, VERDICT_HEALTHY);
        assert_int_equal(a->aks[0].proof, AK_PROOF_ENROLLED);
        assert_true(span_equal(tpm_name_span(&a->aks[0].name), tpm_name_span(&name)));
        appraisal_done(a);
        /* Of a key that is enrolled under another name nothing is known. */
        name.bytes[5] ^= 1;
        assert_ok(appraise(arena, evidence, &trust, &options, hasher, &a));
        assert_true(has_reason(a, REASON_AK_UNPROVEN, "AK-13"));
        appraisal_done(a);
    }
#undef FILE_OF
}

/* any bit of the request. */
static void no_flipped_bit_is_accepted(void **state)
{
    struct attester t;
    struct span jws;
    uint8_t *bytes;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    jws = fabricate_tpm_request(t.r.machine.arena, t.r.machine.keys, &t.request);
    bytes = arena_alloc(t.r.machine.arena, jws.len);
    memcpy(bytes, jws.data, jws.len);
    for (size_t i = 0; i < jws.len; i += 997) {
        CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
        CLEANUP(arena_free) struct arena *arena = arena_new(16u * 1024 * 1024);
        struct evidence *evidence = NULL;
        struct appraisal *a = NULL;

        bytes[i] = bytes[i] == 'A' ? 'B' : 'A';
        if (bytes[i] != jws.data[i] &&
            tpm_request_parse(arena, span_of(bytes, jws.len), NULL, &evidence) == ERR_OK) {
            assert_ok(appraise(arena, evidence, &t.trust, &t.options, hasher, &a));
            assert_false(appraisal_is_proven(a));
            appraisal_done(a);
        }
        bytes[i] = jws.data[i];
    }
    attester_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attack_is_refused_by_name),
        cmocka_unit_test(no_flipped_bit_is_accepted),
        cmocka_unit_test(an_unusual_spelling_of_the_key_is_bound_as_it_was_sent),
        cmocka_unit_test(an_enrolled_key_needs_no_certificate),
        cmocka_unit_test(a_policy_may_do_without_a_valid_certificate),
        cmocka_unit_test(a_smaller_mask_judges_what_is_quoted),
        cmocka_unit_test(ima_lists_explain_pcr_10),
        cmocka_unit_test(a_dynamic_launch_has_a_log_of_its_own_L_9),
        cmocka_unit_test(recorded_keys_are_known_by_their_layout_Q_7),
        cmocka_unit_test(a_good_request_is_healthy),
    };

    return RUN_TESTS(tests);
}
