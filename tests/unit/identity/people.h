/*
 * people.h - for tests of signing in: a provider with a user (ada@example.org, "right password"),
 * an application that has a secret and a certificate, and a managed identity.
 */
#ifndef TESTS_IDENTITY_PEOPLE_H
#define TESTS_IDENTITY_PEOPLE_H

#include "support/support.h"

#include "identity/idp.h"
#include "json/json.h"

#include <string.h>

#define ENDPOINT "https://localhost:8443"
#define NOW 1800000000LL
#define AZ "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#define SCOPE "&scope=" ENDPOINT "//.default+offline_access+openid+profile"
#define DAY (24 * 3600LL)

static struct arena *arena;
static struct signkey *key;
static struct token_key *token_key;
static struct cert *cert;
static struct principals *principals;
static struct principal client, managed;
static struct user ada;
static char secret[PRINCIPAL_SECRET_SIZE], address[PRINCIPAL_SECRET_SIZE]; /* of these two */
static struct idp *provider;
static struct idp_elsewhere elsewhere;   /* of the next provider */
static const char *source = "192.0.2.1"; /* where requests come from */

static inline void with(struct principals *more)
{
    principals_free(principals);
    principals = more;
}

static inline void make_people(void)
{
    struct principals *more = NULL;

    assert_ok(principals_new(&principals));
    assert_ok(user_new("ada@example.org", "Ada", NULL, &ada));
    assert_ok(user_set_password(&ada, span_str("right password"), NULL));
    assert_ok(principals_with_user(principals, &ada, NULL, &more));
    with(more);
    assert_ok(principal_new("app", NULL, &client, secret));
    assert_ok(principals_with(principals, &client, NULL, &more));
    with(more);
    assert_ok(principals_with_cert(principals, span_str(client.client_id), cert, NULL, &more));
    with(more);
    assert_ok(principal_new_managed("vm", NULL, &managed, address));
    assert_ok(principals_with(principals, &managed, NULL, &more));
    with(more);
}

static inline int people_start(void **state)
{
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = "identity",
                                         .not_before = NOW - DAY,
                                         .not_after = NOW + 400 * DAY};

    (void)state;
    arena = test_arena();
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(token_key_new(key, &cert, 1, &token_key));
    return 0;
}

static inline int people_stop(void **state)
{
    (void)state;
    token_key_free(token_key);
    cert_free(cert);
    signkey_free(key);
    arena_free(arena);
    return 0;
}

/* A provider that remembers nothing of the one before it, but what is in the store, if any. */
static inline void people_restart(struct store *store)
{
    static const uint8_t refresh_key[IDP_REFRESH_KEY_BYTES] = "the same one after each restart";
    const struct idp_options options = {.endpoint = ENDPOINT,
                                        .keys = &token_key,
                                        .n_keys = 1,
                                        .principals = principals,
                                        .refresh_key = span_of(refresh_key, sizeof(refresh_key)),
                                        .elsewhere = elsewhere,
                                        .store = store};

    idp_free(provider);
    provider = NULL;
    assert_ok(idp_new(&options, &provider));
}

static inline int people_begin(void **state)
{
    (void)state;
    make_people();
    people_restart(NULL);
    source = "192.0.2.1";
    return 0;
}

static inline int people_end(void **state)
{
    (void)state;
    idp_free(provider);
    provider = NULL;
    principals_free(principals);
    principals = NULL;
    return 0;
}

static inline struct idp_call call_at(int64_t now)
{
    return (struct idp_call){
        .arena = arena, .now = now, .tenant = span_str("adfs"), .is_v1 = true, .source = source};
}

static inline struct idp_answer ask(int64_t now, const char *body)
{
    const struct idp_call call = call_at(now);
    struct idp_answer answer;

    idp_token(provider, &call, span_str(body), &answer);
    return answer;
}

static inline yyjson_val *read_body(struct idp_answer answer)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, answer.body, NULL, NULL, &root));
    return root;
}

static inline const char *text_of(struct idp_answer answer, const char *name)
{
    const char *text = json_text(json_get(read_body(answer), name));

    return text == NULL ? "" : text;
}

static inline struct idp_answer password(int64_t now, const char *name, const char *text)
{
    return ask(now, arena_printf(arena,
                                 "client_id=" AZ "&grant_type=password&client_info=1&username=%s&"
                                 "password=%s" SCOPE,
                                 name, text));
}

static inline struct idp_answer refresh(int64_t now, const char *token)
{
    return ask(
        now,
        arena_printf(arena, "client_id=" AZ "&grant_type=refresh_token&refresh_token=%s", token));
}

static inline void change_user(const struct user *user)
{
    struct principals *more = NULL;

    assert_ok(principals_with_user(principals, user, NULL, &more));
    with(more);
    idp_set_principals(provider, principals);
}

#define WITH_PEOPLE(test) cmocka_unit_test_setup_teardown(test, people_begin, people_end)

#endif
