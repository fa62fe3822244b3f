/*
 * AzureGuest requests as a guest of ours sends them: what they must and must not contain.
 */
#include "support/policy.h"
#include "unit/appraise/machines.h"

#include "base/codec.h"

#include <stdlib.h>

static void a_good_boot_is_healthy(void **state)
{
    struct machine m;
    struct appraise_options options = {.now = NOW, .has_nonce = true};
    struct appraisal *a;

    (void)state;
    machine_begin(&m);
    a = machine_judge(&m, &options, NULL);
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_int_equal(a->aks[0].proof, AK_PROOF_CERTIFICATE);
    assert_int_equal(a->attested.have[HASH_SHA256], 0xff);
    assert_non_null(a->enc_key);
    assert_true(a->is_log_proven);
    appraisal_done(a);
    machine_end(&m);
}

/* ALG-1: SHA-1 never suffices. ALG-6: a bank we do not know. */
static void another_bank_than_sha256_does_not_suffice(void **state)
{
    static const struct {
        uint16_t bank;
        const char *rule;
    } cases[] = {{TPM_SHA1, "ALG-1"}, {TPM_SHA384, "ALG-1"}, {TPM_SM3_256, "ALG-6"}};
    struct machine m;

    (void)state;
    machine_begin(&m);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct appraisal *a;

        m.request.bank = cases[i].bank;
        a = machine_judge(&m, &(struct appraise_options){.now = NOW}, NULL);
        assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
        assert_true(has_reason(a, REASON_BANK_UNSUPPORTED, cases[i].rule));
        assert_int_equal(a->attested.have[HASH_SHA256], 0);
        appraisal_done(a);
    }
    machine_end(&m);
}

/* ORD-1: what an unverified quote says of itself is not looked at. */
static void nothing_is_read_from_a_quote_that_is_not_signed(void **state)
{
    struct machine m;
    struct evidence *evidence = NULL;
    struct appraisal *a;
    struct appraise_options options = {
        .now = NOW, .has_nonce = true, .nonce = span_str("another challenge, 32 bytes long")};

    (void)state;
    machine_begin(&m);
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL,
                                     &evidence));
    evidence->quotes[0].signature =
        evidence->azure.enc_key_signature; /* genuine, of another text */
    a = judge(m.arena, evidence, m.ak, &options);
    assert_true(has_reason(a, REASON_SIGNATURE, "Q-3"));
    assert_false(has_reason(a, REASON_NONCE, NULL));
    assert_false(has_reason(a, REASON_PCR_DIGEST, NULL));
    assert_int_equal(a->shown.have[HASH_SHA256], 0);
    assert_false(a->has_clock);
    appraisal_done(a);
    machine_end(&m);
}

/* what a request says of its own health is nowhere to be seen. */
static void members_of_the_request_do_not_become_claims(void **state)
{
    struct machine m;
    struct evidence *evidence = NULL;
    struct appraisal *a;
    struct claims *claims;
    struct policy_result result;
    yyjson_mut_doc *doc;

    (void)state;
    machine_begin(&m);
    m.request.pcrs_sha256 = test_vector(m.arena, "boots/b-secureboot-off/pcrs_sha256.bin");
    m.request.log = test_vector(m.arena, "boots/b-secureboot-off/eventlog.bin");
    m.request.client_payload = "{\"secureboot\":\"dHJ1ZQ==\",\"x-ms-azurevm-vmid\":\"Zm9v\"}";
    a = machine_judge(&m, &(struct appraise_options){.now = NOW}, &evidence);
    doc = json_new(m.arena);
    claims = claims_new(m.arena);
    assert_ok(
        appraise_decide(m.arena, doc, a, evidence, test_default_policy(), NULL, claims, &result));
    assert_false(claims_find(claims, "secureboot")->boolean);
    assert_null(claims_find(claims, "x-ms-azurevm-vmid"));
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    appraisal_done(a);
    machine_end(&m);
}

/* AK-13, Q-14: beside a proven key, a quote by a key that nobody vouches for counts for nothing. It
 * must not attest the registers that the proven one leaves out. */
static void a_quote_of_an_unproven_key_attests_nothing(void **state)
{
    struct machine m;
    struct machine other;
    struct evidence *mine = NULL;
    struct evidence *theirs = NULL;
    struct appraise_trust trust;
    struct appraisal *a = NULL;
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    (void)state;
    machine_begin(&m);
    machine_begin(&other);
    other.request.pcr_mask = 0x7bff;
    assert_ok(
        azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL, &mine));
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, other.keys, &other.request),
                                     NULL, &theirs));
    mine->form = EVIDENCE_BOOT_FOLDER;
    mine->has_pcr_set = false;
    mine->aks[0].certificate = (struct evidence_blob){0};
    mine->aks[1] = theirs->aks[0];
    mine->aks[1].certificate = (struct evidence_blob){0};
    mine->quotes[1] = theirs->quotes[0];
    mine->quotes[1].ak = 1;
    mine->n_aks = mine->n_quotes = 2;
    mine->pcrs = theirs->pcrs;
    trust = (struct appraise_trust){.enrolled_aks = &m.keys->ak_name, .n_enrolled_aks = 1};
    assert_ok(appraise(m.arena, mine, &trust, &(struct appraise_options){.now = NOW}, hasher, &a));
    assert_true(a->quotes[1].is_verified);
    assert_false(a->quotes[1].counts);
    assert_int_equal(a->shown.have[HASH_SHA256], 0xff);
    assert_int_equal(a->attested.have[HASH_SHA256], 0xff);
    assert_null(a->facts->cmdline);
    appraisal_done(a);
    machine_end(&other);
    machine_end(&m);
}

/* ORD-1, L-15: a server reads no log that no proven key stands behind. */
static void a_log_without_a_proven_quote_is_not_read(void **state)
{
    struct machine m;
    struct evidence *evidence = NULL;
    struct appraisal *a;

    (void)state;
    machine_begin(&m);
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL,
                                     &evidence));
    a = judge(m.arena, evidence, NULL, &(struct appraise_options){.now = NOW});
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_null(a->log);
    appraisal_done(a);
    a = judge(m.arena, evidence, NULL,
              &(struct appraise_options){.now = NOW, .reads_unproven_log = true});
    assert_non_null(a->facts);
    appraisal_done(a);
    machine_end(&m);
}

/* S-2, SB-14: a good boot with keys that nobody knows is the policy's to refuse, by its rule. */
static void the_policy_denies_platforms_with_unknown_keys(void **state)
{
    struct machine m;
    struct evidence *evidence = NULL;
    struct appraisal *a;
    struct claims *claims;
    struct policy_result result;
    yyjson_mut_doc *doc;

    (void)state;
    machine_begin(&m);
    a = machine_judge(&m, &(struct appraise_options){.now = NOW}, &evidence);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_true(a->is_db_known);
    a->is_db_known = false;
    doc = json_new(m.arena);
    claims = claims_new(m.arena);
    assert_ok(
        appraise_decide(m.arena, doc, a, evidence, test_default_policy(), NULL, claims, &result));
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    assert_true(has_reason(a, REASON_POLICY_DENIED, NULL));
    assert_non_null(strstr(a->reasons[0].text, "securebootkeysvalidated is false"));
    appraisal_done(a);
    machine_end(&m);
}

/* L-12, B-8, S-2: what is not attested is not a fact, even when the log says so. */
static void events_outside_the_quote_are_dropped(void **state)
{
    struct machine m;
    struct appraise_options options = {.now = NOW};
    struct appraisal *a;

    (void)state;
    machine_begin(&m);
    a = machine_judge(&m, &options, NULL);
    assert_null(a->facts->cmdline);
    assert_int_equal(a->facts->n_files, 0);
    appraisal_done(a);
    m.request.pcr_mask = 0x7bff; /* 0-9, 11-14 */
    a = machine_judge(&m, &options, NULL);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_non_null(a->facts->cmdline);
    appraisal_done(a);
    machine_end(&m);
}

/* old, empty, prefix, longer with the same prefix, missing. */
static void rejects_quotes_over_other_challenges(void **state)
{
    static const char *const given[] = {"", "challenge-of-an-hour-ago-0123456",
                                        "challenge-of-now-012345678901234",
                                        "challenge-of-now-0123456789012345678"};
    struct machine m;
    const char *wanted = "challenge-of-now-01234567890123456";

    (void)state;
    machine_begin(&m);
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        struct appraise_options options = {
            .now = NOW, .has_nonce = true, .nonce = span_str(wanted)};
        struct appraisal *a;

        m.request.nonce = span_str(given[i]);
        a = machine_judge(&m, &options, NULL);
        assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
        assert_true(has_reason(a, REASON_NONCE, "Q-8"));
        assert_int_equal(a->freshness, FRESHNESS_FAILED);
        appraisal_done(a);
    }
    m.request.nonce = span_str(wanted);
    {
        struct appraise_options none = {.now = NOW,
                                        .has_nonce = true}; /* none was issued: must be empty */
        struct appraisal *a = machine_judge(&m, &none, NULL);

        assert_true(has_reason(a, REASON_NONCE, "Q-8"));
        appraisal_done(a);
    }
    machine_end(&m);
}

/* reset count, restart count and clock of an AK never go back; requests may overtake by a
 * little. */
static void rejects_a_clock_that_went_back(void **state)
{
    static const struct {
        uint32_t reset;
        uint64_t clock_ms;
        enum freshness want;
    } cases[] = {
        {4, 500000, FRESHNESS_FAILED},          /* older reset */
        {UINT32_MAX, 500000, FRESHNESS_FAILED}, /* also before the count wrapped around */
        {5 + 0x80000000u, 1, FRESHNESS_FAILED}, /* as far ahead as behind: not believed */
        {5 + 0x40000000u, 1, FRESHNESS_FAILED}, /* no TPM boots that often */
        {5, 400000, FRESHNESS_FAILED},          /* same reset, older clock */
        {5, 500000 - 29000, FRESHNESS_NOT_CHECKED}, /* overtaken in flight */
        {5, 500000 - 31000, FRESHNESS_FAILED},
        {5, 500000, FRESHNESS_NOT_CHECKED}, /* sent twice */
        {5, 600000, FRESHNESS_CLOCK},
        {6, 1000, FRESHNESS_CLOCK}, /* after a restart the clock may be anywhere */
    };
    struct machine m;
    const struct tpm_clock last = {.reset_count = 5, .restart_count = 0, .clock_ms = 500000};

    (void)state;
    machine_begin(&m);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct appraise_options options = {.now = NOW, .last_clock = &last};
        struct appraisal *a;

        m.request.reset_count = cases[i].reset;
        m.request.clock_ms = cases[i].clock_ms;
        a = machine_judge(&m, &options, NULL);
        if (has_reason(a, REASON_CLOCK_WENT_BACK, "Q-17") != (cases[i].want == FRESHNESS_FAILED)) {
            fail_msg("case %zu", i);
        }
        assert_int_equal(a->freshness, cases[i].want);
        appraisal_done(a);
    }
    machine_end(&m);
}

/* what a result says of its own freshness, and that it never says more than was
 * checked. */
static void freshness_is_what_was_checked(void **state)
{
    static const char challenge[] = "challenge-of-now-01234567890123456";
    const struct tpm_clock last = {.reset_count = 1};
    const struct {
        struct appraise_options options;
        const char *nonce;
        enum freshness want;
        const char *name;
    } cases[] = {
        {{.now = NOW}, "", FRESHNESS_NOT_CHECKED, "not-checked"},
        {{.now = NOW}, challenge, FRESHNESS_NOT_CHECKED, "not-checked"},
        /* that there is none is no challenge */
        {{.now = NOW, .has_nonce = true}, "", FRESHNESS_NOT_CHECKED, "not-checked"},
        {{.now = NOW, .has_nonce = true, .last_clock = &last}, "", FRESHNESS_CLOCK, "clock"},
        {{.now = NOW, .has_nonce = true, .nonce = span_str(challenge)},
         challenge,
         FRESHNESS_NONCE,
         "nonce"},
        {{.now = NOW, .has_nonce = true, .nonce = span_str("other")},
         challenge,
         FRESHNESS_FAILED,
         "failed"},
    };
    struct machine m;
    struct evidence *evidence = NULL;
    struct appraisal *a;

    (void)state;
    machine_begin(&m);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        yyjson_mut_doc *doc = json_new(m.arena);

        m.request.nonce = span_str(cases[i].nonce);
        a = machine_judge(&m, &cases[i].options, NULL);
        assert_int_equal(a->freshness, cases[i].want);
        assert_string_equal(yyjson_mut_get_str(yyjson_mut_obj_get(
                                appraisal_json(m.arena, doc, a, NULL), "freshness")),
                            cases[i].name);
        appraisal_done(a);
    }
    /* A quote that does not verify answers nothing. */
    m.request.nonce = span_str(challenge);
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL,
                                     &evidence));
    evidence->quotes[0].signature = evidence->azure.enc_key_signature;
    a = judge(m.arena, evidence, m.ak, &cases[4].options);
    assert_int_equal(a->freshness, FRESHNESS_NOT_CHECKED);
    appraisal_done(a);
    machine_end(&m);
}

/* AK-10: certificate of another CA, expired, of another key. */
static void an_ak_needs_a_certificate_of_a_trusted_ca(void **state)
{
    struct machine m;
    struct machine other;
    struct evidence *evidence = NULL;
    struct appraisal *a;

    (void)state;
    machine_begin(&m);
    machine_begin(&other);
    a = machine_judge(&m, &(struct appraise_options){.now = NOW + 400LL * 86400}, NULL);
    assert_true(has_reason(a, REASON_AK_UNTRUSTED, NULL)); /* expired */
    appraisal_done(a);
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL,
                                     &evidence));
    a = judge(m.arena, evidence, other.ak, &(struct appraise_options){.now = NOW});
    assert_true(has_reason(a, REASON_AK_UNTRUSTED, "X-1"));
    assert_int_equal(a->attested.have[HASH_SHA256], 0);
    appraisal_done(a);
    evidence->aks[0].certificate.bytes = cert_der(other.keys->ak_cert);
    a = judge(m.arena, evidence, other.ak, &(struct appraise_options){.now = NOW});
    assert_true(has_reason(a, REASON_AK_UNTRUSTED, "AK-10"));
    assert_int_equal(a->attested.have[HASH_SHA256], 0);
    appraisal_done(a);
    machine_end(&other);
    machine_end(&m);
}

/* AK-10: enrolment proves the key; a certificate beside it must still be one, and this key's. */
static void an_enrolled_ak_comes_with_no_foreign_certificate(void **state)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct machine m;
    struct machine other;
    struct evidence *evidence = NULL;
    struct span sent[3];
    const enum verdict wanted[] = {VERDICT_NOT_VERIFIED, VERDICT_NOT_VERIFIED, VERDICT_HEALTHY};

    (void)state;
    machine_begin(&m);
    machine_begin(&other);
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL,
                                     &evidence));
    sent[0] = cert_der(other.keys->ak_cert);
    sent[1] = span_cut(cert_der(m.keys->ak_cert), 0, cert_der(m.keys->ak_cert).len - 1);
    sent[2] = cert_der(m.keys->ak_cert); /* its own, of a CA that nobody trusts: a note */
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        const struct appraise_trust trust = {.enrolled_aks = &m.keys->ak_name, .n_enrolled_aks = 1};
        struct appraisal *a = NULL;

        evidence->aks[0].certificate.bytes = sent[i];
        assert_ok(appraise(m.arena, evidence, &trust, &(struct appraise_options){.now = NOW},
                           hasher, &a));
        assert_int_equal(a->verdict, wanted[i]);
        assert_int_equal(has_reason(a, REASON_AK_UNTRUSTED, NULL), i < 2);
        appraisal_done(a);
    }
    machine_end(&other);
    machine_end(&m);
}

/* required PCRs missing from the selection; PcrSet that names others. Q-15: PCRs that the OS
 * can reset carry no boot. */
static void required_pcrs_must_be_in_the_signed_selection(void **state)
{
    static const uint32_t masks[] = {0x7f, 0xfe, 0x0f, 0x10000, 0x800000};
    struct machine m;
    struct evidence *evidence = NULL;
    struct appraisal *a;

    (void)state;
    machine_begin(&m);
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        m.request.pcr_mask = masks[i];
        a = machine_judge(&m, &(struct appraise_options){.now = NOW}, &evidence);
        assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
        assert_true(has_reason(a, REASON_PCR_MISSING, "Q-13"));
        assert_int_equal(a->attested.have[HASH_SHA256] & ~masks[i], 0); /* */
        appraisal_done(a);
    }
    m.request.pcr_mask = 0xff;
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL,
                                     &evidence));
    evidence->pcr_set = 0x7f;
    a = judge(m.arena, evidence, m.ak, &(struct appraise_options){.now = NOW});
    assert_true(has_reason(a, REASON_PCR_MISSING, "Q-13"));
    appraisal_done(a);
    machine_end(&m);
}

static bool is_inside(struct span part, const uint8_t *at)
{
    return part.data != NULL && at >= part.data && at < part.data + part.len;
}

/* L-12, L-13: any event dropped, any byte of any digest changed: never healthy. */
static void no_altered_log_is_healthy(void **state)
{
    struct machine m;
    struct span genuine;
    uint8_t *bytes;

    (void)state;
    machine_begin(&m);
    m.request.pcr_mask = 0x7bff;
    genuine = m.request.log;
    bytes = malloc(genuine.len);
    memcpy(bytes, genuine.data, genuine.len);
    for (size_t i = 0; i < genuine.len; i += 37) {
        struct evidence *evidence = NULL;
        struct arena *scratch = arena_new(16u * 1024 * 1024);
        struct appraisal *a;

        assert_ok(azureguest_parse_inner(scratch, fabricate_inner(scratch, m.keys, &m.request),
                                         NULL, &evidence));
        bytes[i] ^= 0x40;
        evidence->log.bytes = span_of(bytes, genuine.len);
        a = judge(scratch, evidence, m.ak, &(struct appraise_options){.now = NOW});
        if (a->verdict == VERDICT_HEALTHY) {
            /* What may differ unnoticed: text that no digest covers, which is shown as a hint, and
             * digests of banks that are not attested, which are not shown at all. */
            struct eventlog *log = NULL;
            bool is_free = false;
            CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
            struct readings *readings = NULL;

            assert_ok(eventlog_read(scratch, evidence->log.bytes, NULL, &log));
            assert_ok(readings_make(scratch, log, hasher, &readings));
            for (size_t e = 0; e < readings->n; e++) {
                const struct event *event = &log->events[e];

                is_free = is_free || (is_inside(event->data, bytes + i) &&
                                      (readings->items[e].match == READING_NOT_COVERED ||
                                       !is_inside(readings->items[e].content, bytes + i)));
                for (size_t bank = 0; bank < log->n_banks; bank++) {
                    is_free = is_free || (log->banks[bank].hash != HASH_SHA256 &&
                                          is_inside(event->digest[bank], bytes + i));
                }
            }
            /* The Spec ID record in front is not measured at all. */
            is_free = is_free || i < log->events[1].offset;
            if (!is_free) {
                fail_msg("byte %zu of the log can be altered unnoticed", i);
            }
        }
        bytes[i] = genuine.data[i];
        appraisal_done(a);
        arena_free(scratch);
    }
    free(bytes);
    machine_end(&m);
}

/* The reply must be sealed to a key that the AK certified and that is bound to these PCRs. */
static void another_encryption_key_is_refused(void **state)
{
    struct machine m;
    struct machine other;
    struct evidence *mine = NULL;
    struct evidence *theirs = NULL;
    struct appraisal *a;

    (void)state;
    machine_begin(&m);
    machine_begin(&other);
    assert_ok(
        azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL, &mine));
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, other.keys, &m.request),
                                     NULL, &theirs));
    mine->azure.enc_key_public = theirs->azure.enc_key_public;
    a = judge(m.arena, mine, m.ak, &(struct appraise_options){.now = NOW});
    assert_true(has_reason(a, REASON_ENCKEY_CERTIFY, "AK-8"));
    assert_null(a->enc_key);
    appraisal_done(a);
    mine->azure = theirs->azure;
    a = judge(m.arena, mine, m.ak, &(struct appraise_options){.now = NOW});
    assert_true(has_reason(a, REASON_ENCKEY_CERTIFY, "AK-8"));
    assert_null(a->enc_key);
    appraisal_done(a);
    /* Genuine, certified, but bound to other PCR values. */
    other.keys->ak_cert = cert_ref(other.keys->ak_cert);
    m.request.pcrs_sha256 = test_vector(m.arena, "boots/f-kernel-update/pcrs_sha256.bin");
    assert_ok(azureguest_parse_inner(m.arena, fabricate_inner(m.arena, m.keys, &m.request), NULL,
                                     &theirs));
    assert_ok(azureguest_parse_inner(
        m.arena,
        fabricate_inner(
            m.arena, m.keys,
            &(struct fabricate_request){
                .pcrs_sha256 = test_vector(m.arena, "boots/a-secureboot-healthy/pcrs_sha256.bin"),
                .log = m.request.log}),
        NULL, &mine));
    mine->azure = theirs->azure;
    a = judge(m.arena, mine, m.ak, &(struct appraise_options){.now = NOW});
    assert_true(has_reason(a, REASON_ENCKEY_POLICY, "AK-8"));
    assert_null(a->enc_key);
    appraisal_done(a);
    cert_free(other.keys->ak_cert);
    machine_end(&other);
    machine_end(&m);
}

/* The claims say what was attested and authenticated, S-2. */
static void claims_of_a_bad_boot_are_not_those_of_a_good_one(void **state)
{
    struct machine m;
    struct appraisal *a;
    struct evidence *evidence = NULL;
    yyjson_mut_doc *doc;
    struct claims *claims;
    struct policy_result result;

    (void)state;
    machine_begin(&m);
    m.request.pcrs_sha256 = test_vector(m.arena, "boots/b-secureboot-off/pcrs_sha256.bin");
    m.request.log = test_vector(m.arena, "boots/b-secureboot-off/eventlog.bin");
    a = machine_judge(&m, &(struct appraise_options){.now = NOW}, &evidence);
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    assert_true(has_reason(a, REASON_SECURE_BOOT_OFF, "SB-5"));
    doc = json_new(m.arena);
    claims = claims_new(m.arena);
    assert_ok(appraise_azurevm_claims(m.arena, doc, a, evidence, "A-B", claims));
    assert_false(claims_find(claims, "secureboot")->boolean);
    assert_true(span_is(claims_find(claims, "x-ms-azurevm-vmid")->string, "A-B"));
    assert_ok(policy_evaluate(m.arena, test_default_policy(), claims, NULL, &result));
    assert_false(result.is_permitted);
    appraisal_done(a);
    machine_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rejects_quotes_over_other_challenges),
        cmocka_unit_test(rejects_a_clock_that_went_back),
        cmocka_unit_test(freshness_is_what_was_checked),
        cmocka_unit_test(an_ak_needs_a_certificate_of_a_trusted_ca),
        cmocka_unit_test(an_enrolled_ak_comes_with_no_foreign_certificate),
        cmocka_unit_test(required_pcrs_must_be_in_the_signed_selection),
        cmocka_unit_test(another_bank_than_sha256_does_not_suffice),
        cmocka_unit_test(nothing_is_read_from_a_quote_that_is_not_signed),
        cmocka_unit_test(members_of_the_request_do_not_become_claims),
        cmocka_unit_test(the_policy_denies_platforms_with_unknown_keys),
        cmocka_unit_test(a_quote_of_an_unproven_key_attests_nothing),
        cmocka_unit_test(a_log_without_a_proven_quote_is_not_read),
        cmocka_unit_test(no_altered_log_is_healthy),
        cmocka_unit_test(another_encryption_key_is_refused),
        cmocka_unit_test(events_outside_the_quote_are_dropped),
        cmocka_unit_test(claims_of_a_bad_boot_are_not_those_of_a_good_one),
        cmocka_unit_test(a_good_boot_is_healthy),
    };

    return RUN_TESTS(tests);
}
