/*
 * What a TPM really makes: quote and certification as tpm2-tools write them, in a request, judged.
 *
 * The TPM shows a recorded boot: every event of its log is extended, then quoted.
 */
#include "support/swtpm.h"
#include "unit/appraise/tpm-requests.h"
#include "unit/facts/logs.h"

#include "base/codec.h"
#include "base/file.h"
#include "claims/claims.h"

#include <stdlib.h>

enum { ARGUMENTS_MAX = 128 };

/* What tpm2_certify of the tools answers, whatever was asked: so that is the challenge. */
static const uint8_t challenge[] = {0x00, 0xff, 0x55, 0xaa};

static struct swtpm tpm;
static struct arena *arena;

static const char *path(const char *name)
{
    return arena_printf(arena, "%s/%s", tpm.folder, name);
}

static struct span made(const char *name)
{
    struct span bytes;

    assert_ok(file_read(arena, path(name), 64 * 1024, NULL, &bytes));
    return bytes;
}

#define RUN(...) swtpm_run(&tpm, (const char *const[]){__VA_ARGS__, NULL})

static void flush(void)
{
    RUN("tpm2_flushcontext", "-t");
}

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    swtpm_start(&tpm, false);
    assert_int_equal(setenv("TPM2TOOLS_TCTI", tpm.tcti, 1), 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    swtpm_stop(&tpm);
    arena_free(arena);
    return 0;
}

/* In order; the tool takes many at a time. */
static void extend_log(struct span bytes)
{
    const struct eventlog *log = logs_read(arena, bytes);
    int sha1 = eventlog_bank(log, HASH_SHA1);
    int sha256 = eventlog_bank(log, HASH_SHA256);
    const char *argv[ARGUMENTS_MAX] = {"tpm2_pcrextend"};
    size_t n = 1;

    for (size_t i = 0; i < log->n_events; i++) {
        const struct event *event = &log->events[i];

        if (event->type != EV_NO_ACTION) {
            assert_true(n + 1 < ARGUMENTS_MAX);
            argv[n++] = arena_printf(arena, "%u:sha1=%s,sha256=%s", event->pcr,
                                     hex_dup(arena, event->digest[sha1]),
                                     hex_dup(arena, event->digest[sha256]));
        }
    }
    swtpm_run(&tpm, argv);
}

/* A primary key of the endorsement hierarchy, as agents make it, and a key below another. */
static void make_keys(void)
{
    RUN("tpm2_createprimary", "-Q", "-C", "e", "-G", "rsa2048:rsassa-sha256:null", "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda", "-c",
        path("ak.ctx"));
    flush();
    RUN("tpm2_readpublic", "-Q", "-c", path("ak.ctx"), "-f", "pem", "-o", path("ak.pem"), "-n",
        path("ak.name"));
    flush();
    RUN("tpm2_createprimary", "-Q", "-C", "o", "-c", path("parent.ctx"));
    flush();
    RUN("tpm2_create", "-Q", "-C", path("parent.ctx"), "-G", "rsa2048", "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign", "-u", path("key.pub"), "-r",
        path("key.priv"));
    flush();
    RUN("tpm2_load", "-Q", "-C", path("parent.ctx"), "-u", path("key.pub"), "-r", path("key.priv"),
        "-c", path("key.ctx"));
    flush();
}

static const char *certify_info(void)
{
    struct span public_area = made("key.pub");

    RUN("tpm2_certify", "-Q", "-c", path("key.ctx"), "-C", path("ak.ctx"), "-g", "sha256", "-o",
        path("key.attest"), "-s", path("key.sig"));
    flush();
    /* TPM2B_PUBLIC on disk, TPMT_PUBLIC on the wire. */
    return arena_printf(
        arena,
        "{\"tpm_certify\":{\"public\":\"%s\",\"certification\":\"%s\",\"signature\":\"%s\"}}",
        base64_dup(arena, BASE64_URL, span_cut(public_area, 2, public_area.len)),
        base64_dup(arena, BASE64_URL, made("key.attest")),
        base64_dup(arena, BASE64_URL, made("key.sig")));
}

static const char *key_jwk(void)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct tpm_public pub;

    assert_ok(tpm2b_public_parse(made("key.pub"), false, NULL, &pub));
    assert_ok(tpm_public_key(&pub, NULL, &key));
    return fabricate_public_jwk(arena, key);
}

static void quote(const char *jwk)
{
    CLEANUP(buf_done) struct buf bound = {0};
    uint8_t digest[SHA256_BYTES];

    buf_init(&bound, 4096);
    buf_add_str(&bound, jwk);
    buf_u8(&bound, 0);
    buf_add(&bound, span_of(challenge, sizeof(challenge)));
    assert_ok(hash_once(HASH_SHA256, buf_span(&bound), digest));
    RUN("tpm2_quote", "-Q", "-c", path("ak.ctx"), "-l",
        "sha256:0,1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,23", "-q",
        hex_dup(arena, span_of(digest, sizeof(digest))), "-m", path("quote.attest"), "-s",
        path("quote.sig"), "-g", "sha256");
    flush();
}

static struct cert *certify_ak(const struct attester *t, const struct pubkey *ak)
{
    const char *const uris[] = {"urn:uuid:6f1ed002-ab56-4b10-9c2f-000000000002", NULL};
    const struct cert_request request = {.profile = CERT_AK,
                                         .common_name = "software.TrustedVM",
                                         .uris = uris,
                                         .not_before = NOW - 86400,
                                         .not_after = NOW + 86400};
    struct cert *cert = NULL;

    assert_ok(cert_issue(&request, ak, t->r.machine.keys->ca, t->r.machine.keys->ca_key, &cert));
    return cert;
}

static void what_a_tpm_makes_is_healthy(void **state)
{
    CLEANUP(pubkey_free) struct pubkey *ak = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct attester t;
    struct appraisal *a;
    struct span keys;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    extend_log(t.request.logs[0].bytes);
    make_keys();
    assert_ok(pubkey_new_pem(made("ak.pem"), &ak));
    cert = certify_ak(&t, ak);
    quote(fabricate_jwk(arena, t.request_key));
    t.request.challenge = span_of(challenge, sizeof(challenge));
    t.options.nonce = t.request.challenge;
    t.request.attest = made("quote.attest");
    t.request.signature = made("quote.sig");
    t.request.aik_jwk = fabricate_public_jwk(arena, ak);
    t.request.certificate = cert_der(cert);
    /* Beside the boot's: registers in their reset state. */
    t.r.pcrs.have[HASH_SHA256] = 0x83fbff;
    memset(t.r.pcrs.value[HASH_SHA256][15], 0, SHA256_BYTES);
    memset(t.r.pcrs.value[HASH_SHA256][16], 0, SHA256_BYTES);
    memset(t.r.pcrs.value[HASH_SHA256][17], 0xff, SHA256_BYTES);
    memset(t.r.pcrs.value[HASH_SHA256][23], 0, SHA256_BYTES);
    t.request.n_other_keys = 1;
    t.request.other_keys[0] = (struct fabricate_key){.jwk = key_jwk(), .info = certify_info()};
    a = attester_judge(&t);
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_true(a->request_key.is_bound);
    assert_true(a->other_keys[0].is_bound);
    assert_true(a->aks[0].is_certificate_valid);
    assert_true(span_equal(tpm_name_span(&a->aks[0].name), made("ak.name"))); /* */
    assert_ok(claims_other_keys(arena, a, &keys));
    assert_non_null(strstr((const char *)keys.data, "\"obj_attr\":262258")); /* 0x00040072 */
    appraisal_done(a);
    /* The very same bytes, for another challenge. */
    t.options.nonce = span_of("\0\xff\x55\xab", 4);
    a = attester_judge(&t);
    assert_true(has_reason(a, REASON_NONCE, "Q-8"));
    appraisal_done(a);
    attester_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_tpm_makes_is_healthy)};

    return cmocka_run_group_tests(tests, start, stop);
}
