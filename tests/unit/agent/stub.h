/*
 * stub.h - a service for tests of the agent: real TLS, real credentials, real sealing, and the
 * faults that it is told to show. What it accepts it does not judge: that is the server's work.
 *
 * One stub per program. Its handlers run on the server's only worker, and the test looks at what
 * they did only after the answer has come.
 */
#ifndef TESTS_AGENT_STUB_H
#define TESTS_AGENT_STUB_H

#include "base/codec.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "crypto/cert.h"
#include "crypto/secret.h"
#include "crypto/signkey.h"
#include "evidence/azureguest.h"
#include "http/server.h"
#include "support/support.h"
#include "token/token.h"
#include "tpm/tpm.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STUB_DAY_S (24 * 3600)

/* What to do wrong in one test; {0} is nothing. */
struct stub_faults {
    unsigned unavailable;        /* that many calls: 503 */
    unsigned busy_challenges;    /* that many challenges: 429, Retry-After 1 */
    unsigned expired_sessions;   /* that many challenges: 401 */
    unsigned untrusted;          /* that many proofs: 400, ak-untrusted */
    unsigned bent_replies;       /* that many sealed replies: altered */
    unsigned other_certificates; /* that many activations: a certificate for another key */
    bool forgets_ak;             /* session: 404 */
    bool refuses_join;           /* join: 403 */
    bool ends_sessions;          /* activate: 401 */
    bool talks_nonsense;         /* attest: 200 with what is no sealed reply */
    bool accepts_all;            /* everything: 202 with an empty object */
    bool keeps_waiting;          /* activate: 202, an owner has to let it in */
    unsigned report_status;      /* of each report; 0 = 200 */
    const char *goal;            /* goal state; NULL = {"extension":{}} */
    const char *verdict;         /* attest: 400 with this message */
    int64_t certificate_days;    /* of AK certificates; 0 = 365 */
};

struct stub {
    struct stub_faults faults;
    unsigned joins, sessions, activations, challenges, proofs; /* calls seen in this test */
    unsigned goals, reports, statuses, packages;
    char order[32];            /* of calls: g goal state, r report, s status, p proof */
    char report[1024];         /* the last one */
    struct evidence *evidence; /* of the last proof */

    struct arena *arena;
    struct http_server *server;
    struct signkey *ca_key;
    struct cert *ca;
    struct token_key *token_key;
    struct span ek_area, ak_area; /* of the last join, of the last challenge */
    uint8_t secret[32];
    uint8_t context[48];
    char folder[64];
    char ca_file[96];
    char url[64];
};

static struct stub stub;

/* cmocka's asserts belong to the main thread. */
#define STUB_MUST(expression)                                                                      \
    do {                                                                                           \
        err_t must_ = (expression);                                                                \
        if (must_ != ERR_OK) {                                                                     \
            fprintf(stderr, "stub: %s: %s\n", #expression, err_name(must_));                       \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline yyjson_val *stub_read(const struct http_request *request)
{
    struct span copy = arena_dup(stub.arena, request->body);
    yyjson_val *root = NULL;

    STUB_MUST(json_read(stub.arena, copy, NULL, NULL, &root));
    return root;
}

static inline struct span stub_bytes(yyjson_val *root, const char *name)
{
    struct span bytes = {0};

    STUB_MUST(json_need_base64(stub.arena, root, name, BASE64_STANDARD, NULL, &bytes));
    return bytes;
}

static inline void stub_add(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name,
                            struct span bytes)
{
    json_add_text(doc, root, name, base64_dup(stub.arena, BASE64_STANDARD, bytes));
}

static inline void stub_note(char call)
{
    size_t len = strlen(stub.order);

    if (len + 1 < sizeof(stub.order)) {
        stub.order[len] = call;
    }
}

static inline bool stub_is_out(struct http_request *request, struct http_response *response)
{
    if (stub.faults.accepts_all) {
        http_answer_json(response, 202, span_str("{}"));
        return true;
    }
    if (stub.faults.unavailable == 0) {
        return false;
    }
    stub.faults.unavailable--;
    http_answer_error(request->arena, response, 503, "ServiceUnavailable", "out for lunch");
    return true;
}

/* A credential for ak_area under the EK that joined. */
static inline void stub_challenge_ak(struct http_response *response, struct span ak_area)
{
    CLEANUP(pubkey_free) struct pubkey *ek_key = NULL;
    yyjson_mut_doc *doc = json_new(stub.arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct tpm_public ak, ek;
    struct tpm_name name;
    struct span blob, wrapped;

    stub.ak_area = ak_area;
    STUB_MUST(tpm2b_public_parse(ak_area, false, NULL, &ak));
    STUB_MUST(tpm_public_name(&ak, &name));
    STUB_MUST(tpm2b_public_parse(stub.ek_area, false, NULL, &ek));
    STUB_MUST(tpm_public_key(&ek, NULL, &ek_key));
    STUB_MUST(random_bytes(stub.secret, sizeof(stub.secret)));
    STUB_MUST(tpm_make_credential(stub.arena, &ek, ek_key, &name,
                                  span_of(stub.secret, sizeof(stub.secret)), &blob, &wrapped));
    json_add_text(doc, root, "session", "opaque-session");
    stub_add(doc, root, "credentialBlob", blob);
    stub_add(doc, root, "encryptedSecret", wrapped);
    json_add_uint(doc, root, "expiresIn", 300);
    http_answer_json(response, 200, json_write(stub.arena, doc, root, false));
}

static inline void stub_join(struct http_request *request, struct http_response *response)
{
    yyjson_val *root = stub_read(request);

    stub.joins++;
    if (stub_is_out(request, response)) {
        return;
    }
    if (stub.faults.refuses_join) {
        http_answer_error(request->arena, response, 403, "Untrusted",
                          "no CA in trust/ek issued the endorsement key certificate");
        return;
    }
    stub.ek_area = stub_bytes(root, "ekPublic");
    stub_challenge_ak(response, stub_bytes(root, "akPublic"));
}

static inline void stub_session(struct http_request *request, struct http_response *response)
{
    yyjson_val *root = stub_read(request);

    stub.sessions++;
    if (stub_is_out(request, response)) {
        return;
    }
    if (stub.faults.forgets_ak) {
        http_answer_error(request->arena, response, 404, "NotFound", "this AK is not known: join");
        return;
    }
    stub_challenge_ak(response, stub_bytes(root, "akPublic"));
}

static inline struct span stub_certificate(void)
{
    CLEANUP(pubkey_free) struct pubkey *ak_key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *uris[] = {"urn:uuid:11111111-2222-3333-4444-555555555555", NULL};
    int64_t days = stub.faults.certificate_days != 0 ? stub.faults.certificate_days : 365;
    struct cert_request request = {.profile = CERT_AK,
                                   .common_name = "11111111-2222-3333-4444-555555555555.TrustedVM",
                                   .uris = uris,
                                   .not_before = timestamp_now() - STUB_DAY_S,
                                   .not_after = timestamp_now() + days * STUB_DAY_S};
    const struct pubkey *key;
    struct tpm_public ak;

    STUB_MUST(tpm2b_public_parse(stub.ak_area, false, NULL, &ak));
    STUB_MUST(tpm_public_key(&ak, NULL, &ak_key));
    key = stub.faults.other_certificates > 0 ? signkey_public(stub.ca_key) : ak_key;
    stub.faults.other_certificates -= stub.faults.other_certificates > 0 ? 1 : 0;
    STUB_MUST(cert_issue(&request, key, stub.ca, stub.ca_key, &cert));
    return arena_dup(stub.arena, cert_der(cert));
}

static inline void stub_activate(struct http_request *request, struct http_response *response)
{
    yyjson_val *body = stub_read(request);
    yyjson_mut_doc *doc = json_new(stub.arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *list;

    stub.activations++;
    if (stub_is_out(request, response)) {
        return;
    }
    if (stub.faults.ends_sessions ||
        !span_is(json_span(json_get(body, "session")), "opaque-session") ||
        !span_equal(stub_bytes(body, "secret"), span_of(stub.secret, sizeof(stub.secret)))) {
        http_answer_error(request->arena, response, 401, "ActivationFailed", "wrong secret");
        return;
    }
    if (stub.faults.keeps_waiting) {
        http_answer_json(response, 202, span_str("{\"ekDigest\":\"00ff\"}"));
        return;
    }
    json_add_text(doc, root, "machineId", "11111111-2222-3333-4444-555555555555");
    json_add_text(doc, root, "name", "stub-machine");
    stub_add(doc, root, "akCertificate", stub_certificate());
    list = json_add_array(doc, root, "caCertificates");
    yyjson_mut_arr_append(
        list, yyjson_mut_strcpy(doc, base64_dup(stub.arena, BASE64_STANDARD, cert_der(stub.ca))));
    json_add_text(doc, root, "sessionToken", "session-token");
    json_add_uint(doc, root, "sessionExpiresIn", 3600);
    http_answer_json(response, 200, json_write(stub.arena, doc, root, false));
}

static inline void stub_context(struct http_request *request, struct http_response *response)
{
    yyjson_mut_doc *doc = json_new(stub.arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    stub.challenges++;
    if (stub_is_out(request, response)) {
        return;
    }
    if (stub.faults.busy_challenges > 0) {
        stub.faults.busy_challenges--;
        http_answer_error(request->arena, response, 429, "TooManyRequests", "slower, please");
        response->retry_after_s = 1;
        return;
    }
    if (stub.faults.expired_sessions > 0 ||
        !span_is(http_request_bearer(request), "session-token")) {
        stub.faults.expired_sessions -= stub.faults.expired_sessions > 0 ? 1 : 0;
        http_answer_error(request->arena, response, 401, "Unauthorized", "the session has expired");
        return;
    }
    STUB_MUST(random_bytes(stub.context, sizeof(stub.context)));
    json_add_text(doc, root, "context",
                  base64_dup(stub.arena, BASE64_URL, span_of(stub.context, sizeof(stub.context))));
    json_add_uint(doc, root, "expiresIn", 300);
    http_answer_json(response, 200, json_write(stub.arena, doc, root, false));
}

static inline struct span stub_token(void)
{
    yyjson_mut_doc *doc = json_new(stub.arena);
    yyjson_mut_val *claims = token_claims(doc, stub.url, timestamp_now(), 28800);
    struct span jwt = {0};

    json_add_bool(doc, claims, "secureboot", true);
    STUB_MUST(token_issue(stub.token_key, stub.arena, NULL, doc, claims, &jwt));
    return jwt;
}

/* One character in the middle of the encrypted token. */
static inline struct span stub_bend(struct span body)
{
    CLEANUP(buf_done) struct buf bent = {0};
    yyjson_val *root = NULL;
    struct span inner = {0};
    uint8_t *bytes;

    STUB_MUST(json_read(stub.arena, body, NULL, NULL, &root));
    STUB_MUST(json_need_base64(stub.arena, root, "token", BASE64_URL, NULL, &inner));
    bytes = arena_alloc(stub.arena, inner.len);
    memcpy(bytes, inner.data, inner.len);
    bytes[60] = bytes[60] == 'A' ? 'B' : 'A'; /* behind {"Jwt":" */
    buf_init(&bent, 65536);
    buf_add_str(&bent, "{\"token\":\"");
    base64_encode(&bent, BASE64_URL, span_of(bytes, inner.len));
    buf_add_str(&bent, "\"}");
    return arena_dup(stub.arena, buf_span(&bent));
}

static inline void stub_attest(struct http_request *request, struct http_response *response)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct tpm_public area;
    struct span sealed = {0};

    stub.proofs++;
    stub_note('p');
    if (stub_is_out(request, response)) {
        return;
    }
    STUB_MUST(
        azureguest_parse(stub.arena, arena_dup(stub.arena, request->body), NULL, &stub.evidence));
    if (stub.faults.untrusted > 0 || stub.faults.verdict != NULL) {
        http_answer_error(request->arena, response, 400, "InvalidParameter", "%s",
                          stub.faults.untrusted > 0 ? "not-verified: ak-untrusted: unknown CA"
                                                    : stub.faults.verdict);
        stub.faults.untrusted -= stub.faults.untrusted > 0 ? 1 : 0;
        return;
    }
    if (stub.faults.talks_nonsense) {
        http_answer_json(response, 200, span_str("{\"token\":\"e30\"}"));
        return;
    }
    STUB_MUST(tpm2b_public_parse(stub.evidence->azure.enc_key_public.bytes, false, NULL, &area));
    STUB_MUST(tpm_public_key(&area, NULL, &key));
    STUB_MUST(azureguest_seal_reply(stub.arena, stub_token(), key, &sealed));
    if (stub.faults.bent_replies > 0) {
        stub.faults.bent_replies--;
        sealed = stub_bend(sealed);
    }
    http_answer_json(response, 200, sealed);
}

/* ---- the rest of the guest API ---- */

static inline void stub_goal(struct http_request *request, struct http_response *response)
{
    stub.goals++;
    stub_note('g');
    if (!stub_is_out(request, response)) {
        http_answer_json(
            response, 200,
            span_str(stub.faults.goal != NULL ? stub.faults.goal : "{\"extension\":{}}"));
    }
}

static inline void stub_report(struct http_request *request, struct http_response *response)
{
    stub.reports++;
    stub_note('r');
    snprintf(stub.report, sizeof(stub.report), "%.*s", (int)request->body.len,
             (const char *)request->body.data);
    if (stub_is_out(request, response)) {
        return;
    }
    if (stub.faults.report_status != 0) {
        http_answer_error(request->arena, response, stub.faults.report_status, "Code", "words");
        return;
    }
    http_answer_json(response, 200, span_str("{}"));
}

static inline void stub_status(struct http_request *request, struct http_response *response)
{
    stub.statuses++;
    stub_note('s');
    if (!stub_is_out(request, response)) {
        http_answer_json(response, 200, span_str("{}"));
    }
}

/* Larger than a test lets a file become, where it says so. */
static inline void stub_package(struct http_request *request, struct http_response *response)
{
    (void)request;
    stub.packages++;
    http_answer_json(response, 200, span_of((const uint8_t *)stub.order, sizeof(stub.order)));
}

static inline void stub_write(const char *path, struct span text, unsigned mode)
{
    assert_ok(file_write(path, text, mode, NULL));
}

/* TLS: a self-signed certificate for 127.0.0.1 is its own CA. */
static inline void stub_make_tls(char *key_file, size_t size)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *addresses[] = {"127.0.0.1", NULL};
    struct cert_request request = {.profile = CERT_TLS_SERVER,
                                   .common_name = "stub",
                                   .ip_addresses = addresses,
                                   .not_before = timestamp_now() - STUB_DAY_S,
                                   .not_after = timestamp_now() + STUB_DAY_S};
    struct span text;

    snprintf(key_file, size, "%s/key.pem", stub.folder);
    snprintf(stub.ca_file, sizeof(stub.ca_file), "%s/cert.pem", stub.folder);
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(cert_pem(cert, stub.arena, &text));
    stub_write(stub.ca_file, text, 0644);
    assert_ok(signkey_pem(key, stub.arena, &text));
    stub_write(key_file, text, 0600);
}

static inline void stub_make_keys(void)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct cert_request request = {.profile = CERT_CA,
                                   .common_name = "stub CA",
                                   .not_before = timestamp_now() - STUB_DAY_S,
                                   .not_after = timestamp_now() + 3650ll * STUB_DAY_S};

    assert_ok(signkey_generate(SIGNKEY_P256, &stub.ca_key));
    assert_ok(cert_issue(&request, signkey_public(stub.ca_key), NULL, stub.ca_key, &stub.ca));
    request.profile = CERT_TOKEN;
    request.common_name = "stub token key";
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(token_key_new(key, &cert, 1, &stub.token_key));
}

static inline void stub_start(void)
{
    static const struct http_route items[] = {
        {.methods = HTTP_POST,
         .pattern = "/guest/v1/join",
         .handler = stub_join,
         .body_max_bytes = 65536},
        {.methods = HTTP_POST,
         .pattern = "/guest/v1/session",
         .handler = stub_session,
         .body_max_bytes = 65536},
        {.methods = HTTP_POST,
         .pattern = "/guest/v1/activate",
         .handler = stub_activate,
         .body_max_bytes = 65536},
        {.methods = HTTP_POST,
         .pattern = "/guest/v1/challenge",
         .handler = stub_context,
         .body_max_bytes = 65536},
        {.methods = HTTP_POST,
         .pattern = "/guest/v1/goalstate",
         .handler = stub_goal,
         .body_max_bytes = 65536},
        {.methods = HTTP_POST,
         .pattern = "/guest/v1/report",
         .handler = stub_report,
         .body_max_bytes = 65536},
        {.methods = HTTP_POST,
         .pattern = "/guest/v1/status",
         .handler = stub_status,
         .body_max_bytes = 65536},
        {.methods = HTTP_GET, .pattern = "/guest/v1/package/9.9", .handler = stub_package},
        {.methods = HTTP_POST,
         .pattern = "/providers/p1/attest/AzureGuest",
         .handler = stub_attest,
         .body_max_bytes = 1024 * 1024},
    };
    char key_file[96];
    struct http_options options = {.listen = {{.host = "127.0.0.1"}},
                                   .n_listen = 1,
                                   .n_workers = 1,
                                   .certificate_file = stub.ca_file,
                                   .key_file = key_file,
                                   .routes = {.items = items, .n = ARRAY_LEN(items)}};
    struct trail trail = {0};
    err_t err;

    stub = (struct stub){.arena = test_arena()};
    snprintf(stub.folder, sizeof(stub.folder), "%s", "/tmp/bootwarden-stub.XXXXXX");
    assert_non_null(mkdtemp(stub.folder));
    stub_make_tls(key_file, sizeof(key_file));
    stub_make_keys();
    err = http_server_start(&options, &trail, &stub.server);
    if (err) {
        fail_msg("%s: %s", trail.where, trail.what);
    }
    snprintf(stub.url, sizeof(stub.url), "https://127.0.0.1:%u/providers/p1",
             http_server_port(stub.server, 0));
}

static inline void stub_stop(void)
{
    char key_file[96];

    snprintf(key_file, sizeof(key_file), "%s/key.pem", stub.folder);
    http_server_stop(stub.server, 1000);
    http_server_free(stub.server);
    token_key_free(stub.token_key);
    cert_free(stub.ca);
    signkey_free(stub.ca_key);
    unlink(key_file);
    unlink(stub.ca_file);
    rmdir(stub.folder);
    arena_free(stub.arena);
}

#endif
