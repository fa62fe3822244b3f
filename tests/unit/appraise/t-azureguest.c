/*
 * AzureGuest evidence judged: the published Trusted Launch evidence verifies, and no flipped byte
 * of it does; what a request of our own agent must and must not contain.
 */
#include "support/fabricate.h"
#include "support/support.h"

#include "appraise/appraise.h"
#include "base/codec.h"
#include "evidence/azureguest.h"

#include <stdlib.h>

enum { NOW = 1800000000 };

static struct appraisal *judge(struct arena *arena, const struct evidence *evidence,
                               const struct cert_store *ak, const struct appraise_options *options)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct appraise_trust trust = {.ak = ak};
    struct appraisal *appraisal = NULL;

    assert_ok(appraise(arena, evidence, &trust, options, hasher, &appraisal));
    return appraisal;
}

static bool has_reason(const struct appraisal *a, enum reason_code code, const char *rule)
{
    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == code && (rule == NULL || strcmp(a->reasons[i].rule, rule) == 0)) {
            return true;
        }
    }
    return false;
}

static void print_reasons(const struct appraisal *a)
{
    for (size_t i = 0; i < a->n_reasons; i++) {
        print_message("  %s (%s): %s\n", reason_name(a->reasons[i].code), a->reasons[i].rule,
                      a->reasons[i].text);
    }
}

/* ---- the published evidence (third-party data, read where it is) ---- */

static struct span published(struct arena *arena)
{
    struct span info =
        test_public_file(arena, "attestation/azureguest-trustedlaunch-windows-tpminfo.json");
    CLEANUP(buf_done) struct buf out = {0};

    if (info.data == NULL) {
        print_message("skipped: no public corpora\n");
        arena_free(arena);
        skip();
    }
    buf_init(&out, 1 << 20);
    buf_add_str(&out, "{\"AttestationProtocolVersion\":\"2.0\",\"ClientPayload\":{},"
                      "\"IsolationInfo\":{\"Type\":\"TrustedLaunch\"},"
                      "\"OSBuild\":\"Tm90QXBwbGljYWJsZQ==\",\"OSDistro\":\"TWljcm9zb2Z0\","
                      "\"OSType\":\"V2luZG93cw==\","
                      "\"OSVersionMajor\":10,\"OSVersionMinor\":0,\"TcgLogs\":\"\",\"TpmInfo\":");
    buf_add(&out, info);
    buf_add_str(&out, "}");
    return arena_dup(arena, buf_span(&out));
}

static struct evidence *published_evidence(struct arena *arena)
{
    struct evidence *evidence = NULL;

    assert_ok(azureguest_parse_inner(arena, published(arena), NULL, &evidence));
    return evidence;
}

/* Everything about it holds but the issuer, which is not public, and the log, which was not
 * published. */
static void published_evidence_verifies(void **state)
{
    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct appraisal *a =
        judge(arena, evidence, NULL, &(struct appraise_options){.now = 1720000000});

    (void)state;
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_int_equal(a->n_reasons, 2);
    assert_true(has_reason(a, REASON_AK_UNTRUSTED, "X-1"));
    assert_true(has_reason(a, REASON_NO_LOG, "L-5"));
    assert_true(a->quotes[0].is_verified);
    assert_false(a->quotes[0].counts);
    assert_string_equal(a->aks[0].parent, "primary key of the endorsement hierarchy"); /* */
    assert_non_null(a->enc_key);
    assert_int_equal(a->shown.have[HASH_SHA256], 0x78ff);
    assert_int_equal(a->attested.have[HASH_SHA256],
                     0); /* nothing is attested by an unproven key */
    appraisal_done(a);
    arena_free(arena);
}

/* Time is an input: the certificate is judged at the time that is given. */
static void published_evidence_is_proven_by_enrolment_at_any_time(void **state)
{
    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct appraisal *first =
        judge(arena, evidence, NULL, &(struct appraise_options){.now = 1720000000});
    struct appraise_trust trust = {.enrolled_aks = &first->aks[0].name, .n_enrolled_aks = 1};
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct appraisal *a = NULL;

    (void)state;
    assert_ok(appraise(arena, evidence, &trust, &(struct appraise_options){.now = 4000000000},
                       hasher, &a));
    assert_int_equal(a->verdict, VERDICT_CANNOT_JUDGE);
    assert_int_equal(a->n_reasons, 1);
    assert_true(has_reason(a, REASON_NO_LOG, NULL));
    assert_int_equal(a->attested.have[HASH_SHA256], 0x78ff);
    appraisal_done(a);
    appraisal_done(first);
    arena_free(arena);
}

/* One flipped byte anywhere in a part: something must be wrong that was not wrong before. */
static void assert_every_flip_is_found(struct arena *arena, struct evidence *evidence,
                                       struct span *part, const char *what)
{
    struct span genuine = *part;
    uint8_t *bytes = malloc(genuine.len);
    size_t accepted = 0;

    memcpy(bytes, genuine.data, genuine.len);
    *part = span_of(bytes, genuine.len);
    for (size_t i = 0; i < genuine.len; i++) {
        struct arena *scratch = arena_new(4u * 1024 * 1024);
        struct appraisal *a;
        bool found;

        bytes[i] ^= (uint8_t)(1u << (i % 8));
        a = judge(scratch, evidence, NULL, &(struct appraise_options){.now = 1720000000});
        /* Beside the two reasons of the genuine one, or the certificate is no longer for this key.
         */
        found = a->n_reasons > 2 || !has_reason(a, REASON_AK_UNTRUSTED, "X-1");
        if (!found || a->verdict != VERDICT_NOT_VERIFIED) {
            print_message("%s: flip of byte %zu is not found\n", what, i);
            accepted++;
        }
        appraisal_done(a);
        arena_free(scratch);
        bytes[i] = genuine.data[i];
    }
    *part = genuine;
    free(bytes);
    print_message("figure: %s: %zu bytes flipped one by one, %zu accepted\n", what, genuine.len,
                  accepted);
    assert_int_equal(accepted, 0);
    (void)arena;
}

static void no_flipped_byte_of_the_published_evidence_verifies(void **state)
{
    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct evidence_azure *azure = &evidence->azure;

    (void)state;
    assert_every_flip_is_found(arena, evidence, &evidence->quotes[0].attest.bytes, "PcrQuote");
    assert_every_flip_is_found(arena, evidence, &evidence->quotes[0].signature.bytes,
                               "PcrSignature");
    assert_every_flip_is_found(arena, evidence, &evidence->aks[0].public_area.bytes, "AikPub");
    assert_every_flip_is_found(arena, evidence, &azure->enc_key_public.bytes, "EncKeyPub");
    assert_every_flip_is_found(arena, evidence, &azure->enc_key_certify.bytes, "EncKeyCertifyInfo");
    assert_every_flip_is_found(arena, evidence, &azure->enc_key_signature.bytes,
                               "EncKeyCertifyInfoSignature");
    arena_free(arena);
}

static void no_flipped_byte_of_a_published_pcr_value_verifies(void **state)
{
    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    size_t flips = 0;

    (void)state;
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        for (size_t i = 0; i < SHA256_BYTES && (evidence->pcr_set & 1u << pcr) != 0; i++) {
            struct arena *scratch = arena_new(4u * 1024 * 1024);
            struct appraisal *a;

            evidence->pcrs.value[HASH_SHA256][pcr][i] ^= 0x10;
            a = judge(scratch, evidence, NULL, &(struct appraise_options){.now = 1720000000});
            assert_true(has_reason(a, REASON_PCR_DIGEST, "Q-12"));
            assert_null(a->enc_key);
            evidence->pcrs.value[HASH_SHA256][pcr][i] ^= 0x10;
            appraisal_done(a);
            arena_free(scratch);
            flips++;
        }
    }
    print_message("figure: PCR digests: %zu bytes flipped one by one, 0 accepted\n", flips);
    arena_free(arena);
}

/* The modulus inside AikCert: found by its bytes in the certificate. */
static void no_flipped_byte_of_the_key_in_the_certificate_verifies(void **state)
{
    struct arena *arena = test_arena();
    struct evidence *evidence = published_evidence(arena);
    struct span *cert = &evidence->aks[0].certificate.bytes;
    struct span genuine = *cert;
    struct tpm_public pub;
    uint8_t *bytes = malloc(genuine.len);
    size_t at = 0;

    (void)state;
    assert_ok(tpm2b_public_parse(evidence->aks[0].public_area.bytes, true, NULL, &pub));
    while (memcmp(genuine.data + at, pub.a.data, pub.a.len) != 0) {
        at++;
        assert_true(at + pub.a.len <= genuine.len);
    }
    memcpy(bytes, genuine.data, genuine.len);
    *cert = span_of(bytes, genuine.len);
    for (size_t i = 0; i < pub.a.len; i++) {
        struct arena *scratch = arena_new(4u * 1024 * 1024);
        struct appraisal *a;

        bytes[at + i] ^= 0x04;
        a = judge(scratch, evidence, NULL, &(struct appraise_options){.now = 1720000000});
        assert_true(has_reason(a, REASON_AK_UNTRUSTED, NULL));
        assert_false(has_reason(a, REASON_AK_UNTRUSTED,
                                "X-1")); /* not "untrusted issuer": another key (AK-10) */
        bytes[at + i] = genuine.data[at + i];
        appraisal_done(a);
        arena_free(scratch);
    }
    print_message("figure: key inside AikCert: %zu bytes flipped one by one, 0 accepted\n",
                  pub.a.len);
    *cert = genuine;
    free(bytes);
    arena_free(arena);
}

/* ---- requests as a guest of ours sends them ---- */

struct machine {
    struct arena *arena;
    struct fabricated *keys;
    struct cert_store *ak;
    struct fabricate_request request;
};

static void machine_begin(struct machine *m)
{
    m->arena = test_arena();
    m->keys = fabricate_machine(m->arena, NOW);
    m->ak = cert_store_new();
    assert_ok(cert_store_add(m->ak, m->keys->ca));
    m->request = (struct fabricate_request){
        .pcrs_sha256 = test_vector(m->arena, "boots/a-secureboot-healthy/pcrs_sha256.bin"),
        .log = test_vector(m->arena, "boots/a-secureboot-healthy/eventlog.bin"),
    };
}

static void machine_end(struct machine *m)
{
    cert_store_free(m->ak);
    fabricated_free(m->keys);
    arena_free(m->arena);
}

static struct appraisal *machine_judge(struct machine *m, const struct appraise_options *options,
                                       struct evidence **ret)
{
    struct evidence *evidence = NULL;

    assert_ok(azureguest_parse_inner(m->arena, fabricate_inner(m->arena, m->keys, &m->request),
                                     NULL, &evidence));
    if (ret != NULL) {
        *ret = evidence;
    }
    return judge(m->arena, evidence, m->ak, options);
}

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
    claims = arena_calloc(m.arena, 1, sizeof(*claims));
    assert_ok(appraise_decide(m.arena, doc, a, evidence, policy_default_azureguest(), NULL, claims,
                              &result));
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
    claims = arena_calloc(m.arena, 1, sizeof(*claims));
    assert_ok(appraise_decide(m.arena, doc, a, evidence, policy_default_azureguest(), NULL, claims,
                              &result));
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    assert_true(has_reason(a, REASON_POLICY_DENIED, NULL));
    assert_non_null(strstr(a->reasons[0].text, "securebootkeysvalidated must be true"));
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
        bool is_refused;
    } cases[] = {
        {4, 500000, true},          /* older reset */
        {UINT32_MAX, 500000, true}, /* also before the count wrapped around */
        {5 + 0x80000000u, 1, true}, /* as far ahead as behind: not believed */
        {5 + 0x40000000u, 1, true}, /* no TPM boots that often */
        {5, 400000, true},          /* same reset, older clock */
        {5, 500000 - 29000, false}, /* overtaken in flight */
        {5, 500000 - 31000, true},
        {5, 500000, false}, /* sent twice */
        {5, 600000, false},
        {6, 1000, false}, /* after a restart the clock may be anywhere */
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
        if (has_reason(a, REASON_CLOCK_WENT_BACK, "Q-17") != cases[i].is_refused) {
            fail_msg("case %zu", i);
        }
        appraisal_done(a);
    }
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
    claims = arena_calloc(m.arena, 1, sizeof(*claims));
    assert_ok(appraise_azurevm_claims(m.arena, doc, a, evidence, "A-B", claims));
    assert_false(claims_find(claims, "secureboot")->boolean);
    assert_string_equal(claims_find(claims, "x-ms-azurevm-vmid")->string, "A-B");
    assert_ok(policy_evaluate(m.arena, policy_default_azureguest(), claims, &result));
    assert_false(result.is_permitted);
    appraisal_done(a);
    machine_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_flipped_byte_of_the_published_evidence_verifies),
        cmocka_unit_test(no_flipped_byte_of_a_published_pcr_value_verifies),
        cmocka_unit_test(no_flipped_byte_of_the_key_in_the_certificate_verifies),
        cmocka_unit_test(published_evidence_verifies),
        cmocka_unit_test(published_evidence_is_proven_by_enrolment_at_any_time),
        cmocka_unit_test(rejects_quotes_over_other_challenges),
        cmocka_unit_test(rejects_a_clock_that_went_back),
        cmocka_unit_test(an_ak_needs_a_certificate_of_a_trusted_ca),
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
