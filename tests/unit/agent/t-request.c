#include "agent/request.h"

#include "base/codec.h"
#include "evidence/azureguest.h"
#include "support/support.h"
#include "json/json.h"

static struct arena *arena;

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct guest_os os = {.distro = "Debian GNU/Linux", .version_major = 12};
static const char facts[] = "{\"AgentVersion\":\"0.1.0\",\"KernelRelease\":\"6.1.0-18\"}";

/* Bytes that tell the members apart. */
struct parts {
    struct tpmdev_ak ak;
    struct tpmdev_quote quote;
    struct tpmdev_enckey enckey;
    struct request request;
};

static void fill(struct parts *p, uint32_t mask)
{
    *p = (struct parts){0};
    p->ak.certificate = span_str("AK certificate");
    p->ak.public_area = span_str("AK public area");
    p->quote.attest = span_str("quote");
    p->quote.signature = span_str("signature of the quote");
    p->quote.pcr_mask = mask;
    p->quote.pcrs.have[HASH_SHA256] = mask;
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        memset(p->quote.pcrs.value[HASH_SHA256][pcr], (int)pcr + 1, SHA256_BYTES);
    }
    p->enckey.public_area = span_str("encryption key");
    p->enckey.certify = span_str("certify");
    p->enckey.certify_signature = span_str("signature of certify");
    p->request = (struct request){.ak = &p->ak,
                                  .quote = &p->quote,
                                  .enckey = &p->enckey,
                                  .os = &os,
                                  .event_log = span_str("event log")};
}

static void plain_form_is_exactly_what_azures_client_writes(void **state)
{
    struct parts p;
    struct span inner;

    (void)state;
    fill(&p, 0x0003);
    assert_ok(request_build_inner(arena, &p.request, &inner));
    assert_string_equal(
        (const char *)inner.data,
        "{\"AttestationProtocolVersion\":\"2.0\",\"ClientPayload\":{},"
        "\"IsolationInfo\":{\"Type\":\"TrustedLaunch\"},"
        "\"OSBuild\":\"Tm90QXBwbGljYXRpb24=\",\"OSDistro\":\"RGViaWFuIEdOVS9MaW51eA==\","
        "\"OSType\":\"TGludXg=\",\"OSVersionMajor\":12,\"OSVersionMinor\":0,"
        "\"TcgLogs\":\"ZXZlbnQgbG9n\","
        "\"TpmInfo\":{\"AikCert\":\"QUsgY2VydGlmaWNhdGU=\",\"AikPub\":\"QUsgcHVibGljIGFyZWE=\","
        "\"EncKeyCertifyInfo\":\"Y2VydGlmeQ==\","
        "\"EncKeyCertifyInfoSignature\":\"c2lnbmF0dXJlIG9mIGNlcnRpZnk=\","
        "\"EncKeyPub\":\"ZW5jcnlwdGlvbiBrZXk=\","
        "\"PCRs\":[{\"Digest\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\",\"Index\":0},"
        "{\"Digest\":\"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\",\"Index\":1}],"
        "\"PcrQuote\":\"cXVvdGU=\",\"PcrSet\":[0,1],"
        "\"PcrSignature\":\"c2lnbmF0dXJlIG9mIHRoZSBxdW90ZQ==\"}}");
}

static void own_form_reads_back_as_it_was_meant(void **state)
{
    static const uint8_t context[] = {0xfb, 0xff, 0x00, 0x01, 0x02};
    struct evidence *evidence = NULL;
    struct trail trail = {0};
    struct span body;
    struct parts p;

    (void)state;
    fill(&p, REQUEST_PCRS_OWN | REQUEST_PCR_IMA);
    p.request.facts = span_str(facts);
    p.request.context = span_of(context, sizeof(context));
    p.request.ima_log = span_str("ima log");
    assert_ok(request_build(arena, &p.request, &body));
    assert_ok(azureguest_parse(arena, body, &trail, &evidence));
    assert_true(span_equal(evidence->aks[0].certificate.bytes, p.ak.certificate));
    assert_true(span_equal(evidence->aks[0].public_area.bytes, p.ak.public_area));
    assert_true(span_equal(evidence->quotes[0].attest.bytes, p.quote.attest));
    assert_true(span_equal(evidence->quotes[0].signature.bytes, p.quote.signature));
    assert_int_equal(evidence->pcr_set, 0x7fff);
    assert_int_equal(evidence->pcrs.have[HASH_SHA256], 0x7fff);
    assert_true(span_all(tpm_pcr(&evidence->pcrs, HASH_SHA256, 14), 15));
    assert_true(span_equal(evidence->azure.enc_key_public.bytes, p.enckey.public_area));
    assert_true(span_equal(evidence->azure.enc_key_certify.bytes, p.enckey.certify));
    assert_true(span_equal(evidence->azure.enc_key_signature.bytes, p.enckey.certify_signature));
    assert_true(span_is(evidence->log.bytes, "event log"));
    assert_true(span_is(evidence->ima.bytes, "ima log"));
    assert_true(evidence->azure.has_bootwarden);
    assert_true(span_equal(evidence->azure.context, p.request.context));
}

/* what the guest hashes must be what the verifier makes of the facts as they travel. */
static void q_10_facts_arrive_in_their_canonical_form(void **state)
{
    struct evidence *evidence = NULL;
    /* Names of kernels and modules are free text to whoever builds them. */
    static const char odd[] =
        "{\"A\":\"6.1-\\\"quoted\\\"\\\\\xc3\xa9\\n/\",\"B\":[{\"C\":null},0]}";
    const char *const both[] = {facts, odd};
    struct parts p;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        struct span body;

        fill(&p, REQUEST_PCRS_OWN);
        p.request.facts = span_str(both[i]);
        p.request.context = span_str("opaque context of the service");
        assert_ok(request_build(arena, &p.request, &body));
        assert_ok(azureguest_parse(arena, body, NULL, &evidence));
        assert_true(span_is(evidence->azure.guest_facts_canonical, both[i]));
    }
}

static void more_than_the_service_takes_is_not_sent(void **state)
{
    uint8_t *log = arena_calloc(arena, 1, REQUEST_BODY_MAX_BYTES);
    struct span body;
    struct parts p;

    (void)state;
    assert_non_null(log);
    fill(&p, REQUEST_PCRS_OWN);
    p.request.event_log = span_of(log, REQUEST_BODY_MAX_BYTES);
    assert_err(request_build(arena, &p.request, &body), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_form_is_exactly_what_azures_client_writes),
        cmocka_unit_test(own_form_reads_back_as_it_was_meant),
        cmocka_unit_test(q_10_facts_arrive_in_their_canonical_form),
        cmocka_unit_test(more_than_the_service_takes_is_not_sent),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
