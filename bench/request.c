/*
 * request.c - POST /attest/AzureGuest in process: from the bytes of the body to those of the sealed
 * reply, once through the functions that the service calls, without its store, and once through
 * the service, which commits a record for each request before it answers.
 */
#include "bench.h"

#include "base/file.h"
#include "evidence/azureguest.h"
#include "service/knowledge.h"
#include "service/provider.h"
#include "service/service.h"
#include "support/policy.h"
#include "support/reference.h"
#include "support/support.h"
#include "token/token.h"

#include <stdlib.h>

enum { ARENA_BYTES = 4 * 1024 * 1024, TOKEN_LIFETIME_S = 28800 };

struct request_run {
    struct inputs *in;
    struct arena *arena;
    struct hasher *hasher;
    struct token_key *key;
    size_t token_bytes;
};

static struct token_key *make_token_key(enum signkey_kind kind, int64_t now)
{
    struct cert_request request = {.profile = CERT_TOKEN,
                                   .common_name = "https://localhost",
                                   .not_before = now,
                                   .not_after = now + 86400};
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct token_key *token = NULL;

    assert_ok(signkey_generate(kind, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(token_key_new(key, &cert, 1, &token));
    return token;
}

static void run_request(void *arg)
{
    struct request_run *r = arg;
    CLEANUP(appraisal_done) struct appraisal *a = NULL;
    struct appraise_trust trust = {.ak = r->in->ak_roots};
    struct appraise_options options = {
        .now = r->in->now, .has_nonce = true, .reference = test_reference()};
    struct claims *claims;
    struct evidence *evidence;
    struct policy_result result;
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
    const char *hash;
    char jti[TOKEN_JTI_SIZE];
    struct span token;
    struct span reply;

    arena_reset(r->arena);
    assert_ok(azureguest_parse(r->arena, r->in->body, NULL, &evidence));
    assert_ok(appraise(r->arena, evidence, &trust, &options, r->hasher, &a));
    doc = json_new(r->arena);
    claims = claims_new(r->arena);
    assert_ok(appraise_azurevm_claims(r->arena, doc, a, evidence,
                                      "6F1ED002-AB56-4B10-9C2F-000000000001", claims));
    assert_ok(policy_evaluate(r->arena, test_default_policy(), claims, NULL, &result));
    assert_true(result.is_permitted && a->verdict == VERDICT_HEALTHY);
    assert_ok(policy_hash(r->arena, policy_source(test_default_policy()), &hash));
    assert_ok(token_jti(jti));
    root = token_claims(doc, "https://localhost:8443", r->in->now, TOKEN_LIFETIME_S);
    claims_to_json(doc, claims, root);
    claims_to_json(doc, result.issued, root);
    json_add_text(doc, root, "jti", jti);
    json_add_text(doc, root, "x-ms-attestation-type", "azurevm");
    json_add_text(doc, root, "x-ms-policy-hash", hash);
    json_add_text(doc, root, "x-ms-ver", "1.0");
    assert_ok(token_issue(r->key, r->arena, "https://localhost:8443/certs", doc, root, &token));
    assert_ok(azureguest_seal_reply(r->arena, token, a->enc_key, &reply));
    r->token_bytes = token.len;
}

struct service_run {
    struct inputs *in;
    struct service *service;
    struct arena *arena, *bodies;
    struct hasher *hasher;
    struct span body;
};

/* Not a copy of the one before: for copies the service has a shorter way. */
static void make_body(void *arg)
{
    struct service_run *r = arg;

    arena_reset(r->bodies);
    r->body = inputs_next(r->in, r->bodies);
}

static void run_service(void *arg)
{
    struct service_run *r = arg;
    const struct service_call call = {r->arena, r->hasher, r->in->now};
    struct provider *provider = service_provider_at(r->service, span_str("localhost"));
    struct service_answer answer;

    arena_reset(r->arena);
    service_attest_azureguest(r->service, provider, &call, r->body, &answer);
    provider_unref(provider);
    if (answer.status != 200) {
        fail_msg("the service refused: %s", answer.message);
    }
}

static struct service *open_service(struct inputs *in, const char *folder, enum signkey_kind kind)
{
    struct service_options options = {
        .folder = folder, .issuer = "https://localhost:8443", .signing = kind, .now = in->now};
    CLEANUP(knowledge_free) struct knowledge *knowledge = NULL;
    struct service *service = NULL;
    struct trail trail = {0};
    struct span pem;

    assert_ok(knowledge_new(test_reference_own(), NULL, (struct span){0}, &trail, &knowledge));
    options.knowledge = knowledge;
    assert_ok(file_make_folder(arena_printf(in->arena, "%s/trust/ak", folder), 0700, NULL));
    assert_ok(cert_pem(in->guest->ca, in->arena, &pem));
    assert_ok(file_write(arena_printf(in->arena, "%s/trust/ak/ca.pem", folder), pem, 0600, NULL));
    assert_ok(service_lock(folder, &trail, &options.lock_fd));
    if (service_open(&options, &trail, &service) != ERR_OK) {
        fail_msg("%s: %s", trail.where, trail.what);
    }
    return service;
}

static void add_service(struct inputs *in, struct figures *all, enum signkey_kind kind,
                        const char *name)
{
    char folder[] = "/tmp/bootwarden-bench.XXXXXX";
    struct service_run r = {.in = in,
                            .arena = arena_new(ARENA_BYTES),
                            .bodies = arena_new(ARENA_BYTES),
                            .hasher = hasher_new()};
    const struct figure *request = &all->items[all->n - 1];
    struct figure *figure;

    assert_non_null(mkdtemp(folder));
    r.service = open_service(in, folder, kind);
    figure = figures_add(all, name, bench_process_cpu(make_body, run_service, &r), "");
    memcpy(figure->parts, request->parts, sizeof(figure->parts));
    figure->n_parts = request->n_parts;
    service_close(r.service);
    hasher_free(r.hasher);
    arena_free(r.bodies);
    arena_free(r.arena);
    bench_remove(in->arena, folder);
}

/* What the request adds to the appraisal. The appraisal's parts are those of its own figure. */
static void add_request(struct request_run *r, struct figures *all, enum signkey_kind kind,
                        const char *name, const char *budget)
{
    const struct figure *appraisal = &all->items[all->n - 1];
    struct figure *figure;

    while (strcmp(appraisal->name, "appraise AzureGuest evidence") != 0) {
        appraisal--;
    }
    r->key = make_token_key(kind, r->in->now);
    figure = figures_add(all, name, bench_cpu(run_request, r), budget);
    memcpy(figure->parts, appraisal->parts, sizeof(figure->parts));
    figure->n_parts = appraisal->n_parts;
    figure_part(figure, kind == SIGNKEY_P256 ? PRIMITIVE_P256_SIGN : PRIMITIVE_RSA2048_SIGN, 1);
    figure_part(figure, PRIMITIVE_RSA2048_ENCRYPT, 1);
    figure_part(figure, PRIMITIVE_AES_GCM_4K, (double)r->token_bytes / 4096);
    token_key_free(r->key);
}

void bench_request(struct inputs *in, struct figures *all)
{
    struct request_run r = {.in = in, .arena = arena_new(ARENA_BYTES), .hasher = hasher_new()};

    assert_non_null(r.arena);
    assert_non_null(r.hasher);
    add_request(&r, all, SIGNKEY_P256, "AzureGuest request in process, ES256 token", "< 250 us");
    add_service(in, all, SIGNKEY_P256, "the same through the service and its store, ES256");
    add_request(&r, all, SIGNKEY_RSA2048, "AzureGuest request in process, RS256 token", "< 500 us");
    add_service(in, all, SIGNKEY_RSA2048, "the same through the service and its store, RS256");
    hasher_free(r.hasher);
    arena_free(r.arena);
}
