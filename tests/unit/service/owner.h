/*
 * owner.h - for tests: providers of one's own, and people who sign what they ask of them.
 */
#ifndef TESTS_SERVICE_OWNER_H
#define TESTS_SERVICE_OWNER_H

#include "unit/service/world.h"

#include "provider/request.h"
#include "service/resources.h"
#include "token/token.h"

enum { DAY = 86400 };
#define SUBSCRIPTION "00000000-1111-2222-3333-444444444444"

/* A key with a certificate that it signed itself. */
struct person {
    struct signkey *key;
    struct cert *cert;
};

static inline struct person person_new(const char *name)
{
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = name,
                                         .not_before = NOW - DAY,
                                         .not_after = NOW + DAY};
    struct person made = {0};

    assert_ok(signkey_generate(SIGNKEY_P256, &made.key));
    assert_ok(cert_issue(&request, signkey_public(made.key), NULL, made.key, &made.cert));
    return made;
}

static inline void person_done(struct person *person)
{
    signkey_free(person->key);
    cert_free(person->cert);
}

/* payload signed by somebody, or by nobody (NULL). "" for an empty one. */
static inline struct span jws_by(struct world *w, const struct person *person, const char *payload)
{
    const struct token_header header = {.typ = "JWT", .cert = TOKEN_X5C};
    CLEANUP(token_key_free) struct token_key *key = NULL;
    struct span text = {0};

    if (person == NULL) {
        assert_ok(jws_unsecured(w->arena, span_str(payload), &text));
        return text;
    }
    assert_ok(token_key_new(person->key, &person->cert, 1, &key));
    assert_ok(token_sign_with(key, w->arena, &header, span_str(payload), &text));
    return text;
}

static inline struct span policy_by(struct world *w, const struct person *person, const char *text)
{
    return jws_by(w, person,
                  arena_printf(w->arena, "{\"AttestationPolicy\":\"%s\"}",
                               base64_dup(w->arena, BASE64_URL, span_str(text))));
}

static inline const char *jwk_of(struct world *w, const struct person *person)
{
    return arena_printf(w->arena, "{\"kty\":\"EC\",\"use\":\"sig\",\"x5c\":[\"%s\"]}",
                        base64_dup(w->arena, BASE64_STANDARD, cert_der(person->cert)));
}

static inline struct provider_path path_of(const char *name)
{
    return (struct provider_path){.subscription = span_str(SUBSCRIPTION),
                                  .group = span_str("rg"),
                                  .name = name == NULL ? (struct span){0} : span_str(name)};
}

static inline struct service_answer put_resource(struct world *w, const char *name,
                                                 const char *body)
{
    const struct provider_path path = path_of(name);
    struct service_answer answer = {0};

    service_resource_put(w->service, &w->call, &path, span_str(body), &answer);
    return answer;
}

/* A provider of one's own: isolated when somebody is to sign for it. For provider_unref. */
static inline struct provider *own_provider(struct world *w, const char *name,
                                            const struct person *signer)
{
    const char *properties =
        signer == NULL ? "{}"
                       : arena_printf(w->arena, "{\"policySigningCertificates\":{\"keys\":[%s]}}",
                                      jwk_of(w, signer));
    struct service_answer answer = put_resource(
        w, name,
        arena_printf(w->arena, "{\"location\":\"East US\",\"properties\":%s}", properties));
    struct provider *provider;

    if (answer.status != 201) {
        fail_msg("%u %s", answer.status, answer.message == NULL ? "" : answer.message);
    }
    provider = service_provider(w->service, span_str(name));
    assert_non_null(provider);
    return provider;
}

/* The payload of the answer's token, which the provider's published keys verify. */
static inline yyjson_val *result_of(struct world *w, const struct provider *provider,
                                    const struct service_answer *answer)
{
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct token_verify_options options = {.iss = provider->uri, .now = w->call.now};
    struct service_answer certs = {0};
    struct token token;
    size_t left_out = 0;

    service_jwks(w->service, provider, &w->call, &certs);
    assert_ok(jwks_read(w->arena, certs.body, NULL, &keys, &left_out));
    options.keys = keys;
    options.max_bytes = 4 * 1024 * 1024;
    assert_ok(token_verify(w->arena, json_span(json_get(answer_root(w, answer), "token")), &options,
                           NULL, &token));
    assert_int_equal(token.expires_at - token.issued_at, 3600);
    return token.payload;
}

static inline struct service_answer set_policy(struct world *w, const struct provider *provider,
                                               const char *type, struct span body)
{
    struct service_answer answer = {0};

    service_policy_set(w->service, provider, &w->call, span_str(type), body, &answer);
    return answer;
}

static inline struct service_answer reset_policy(struct world *w, const struct provider *provider,
                                                 const char *type, struct span body)
{
    struct service_answer answer = {0};

    service_policy_reset(w->service, provider, &w->call, span_str(type), body, &answer);
    return answer;
}

/* The policy of now, as text; NULL when there is none. */
static inline const char *policy_of(struct world *w, const char *name, const char *type)
{
    CLEANUP(provider_unref)
    struct provider *provider = service_provider(w->service, span_str(name));
    CLEANUP(owner_request_done) struct owner_request request = {0};
    struct service_answer answer = {0};
    struct span text = {0};

    service_policy_get(w->service, provider, &w->call, span_str(type), &answer);
    assert_ok(owner_request_read(
        w->arena, json_span(json_get(result_of(w, provider, &answer), "x-ms-policy")), NULL,
        &request));
    if (request.payload == NULL) {
        return NULL;
    }
    assert_ok(owner_request_policy(w->arena, &request, NULL, &text));
    return (const char *)arena_dup(w->arena, text).data;
}

#endif
