/* Keys of configured issuers: what happens when an issuer lies, fails, comes back, changes keys. */
#include "support/support.h"

#include "base/file.h"
#include "identity/issuers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ISSUER "https://login.example/t"
#define TENANT "11111111-1111-1111-1111-111111111111"
#define NOW 1800000000LL

struct side {
    struct signkey *key;
    struct cert *cert;
    struct token_key *token;
    struct span jwks;
};

/* An issuer that does as it is told. */
struct world {
    const char *discovery; /* NULL = not reached */
    struct span jwks;
    unsigned fetches;
    pthread_mutex_t lock;
    pthread_cond_t fetched;
};

static struct arena *arena;
static struct side first, second;

static void make(struct side *side)
{
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    const struct cert_request request = {
        .profile = CERT_TOKEN, .common_name = "i", .not_before = 0, .not_after = NOW + 1000};

    assert_ok(signkey_generate(SIGNKEY_P256, &side->key));
    assert_ok(cert_issue(&request, signkey_public(side->key), NULL, side->key, &side->cert));
    assert_ok(token_key_new(side->key, &side->cert, 1, &side->token));
    assert_ok(token_keys_add_own(keys, side->token));
    assert_ok(jwks_write(arena, keys, &side->jwks));
}

static void drop(struct side *side)
{
    token_key_free(side->token);
    cert_free(side->cert);
    signkey_free(side->key);
}

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    make(&first);
    make(&second);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    drop(&first);
    drop(&second);
    arena_free(arena);
    return 0;
}

static const char good_discovery[] =
    "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://keys.example/k\"}";

static err_t fetch(void *context, const struct issuer_config *config, const char *url,
                   size_t max_bytes, struct arena *into, struct trail *trail, struct span *ret)
{
    struct world *world = context;
    err_t err = ERR_OK;

    pthread_mutex_lock(&world->lock);
    world->fetches++;
    if (world->discovery == NULL) {
        err = trail_set(trail, ERR_NETWORK, "no connection");
    } else if (strcmp(url, ISSUER "/.well-known/openid-configuration") == 0) {
        *ret = arena_dup(into, span_str(world->discovery));
    } else if (strcmp(url, "https://keys.example/k") == 0 && world->jwks.len <= max_bytes) {
        *ret = arena_dup(into, world->jwks);
    } else {
        err = ERR_INTERNAL;
    }
    pthread_cond_broadcast(&world->fetched);
    pthread_mutex_unlock(&world->lock);
    assert_string_equal(config->url, ISSUER);
    return err;
}

static struct world new_world(void)
{
    return (struct world){.discovery = good_discovery,
                          .jwks = first.jwks,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .fetched = PTHREAD_COND_INITIALIZER};
}

static const struct issuer_config online = {
    .url = ISSUER, .tenant = TENANT, .audiences = {{"https://attest.azure.net"}}};

static struct issuers *open_on(struct world *world, bool has_thread)
{
    const struct issuers_options options = {.configs = &online,
                                            .n_configs = 1,
                                            .fetch = fetch,
                                            .fetch_context = world,
                                            .has_no_thread = !has_thread};
    struct issuers *issuers = NULL;

    assert_ok(issuers_open(&options, NULL, &issuers));
    return issuers;
}

/* What a token of this side is answered now. */
static enum access_reason check(struct issuers *issuers, const struct side *side)
{
    CLEANUP(access_issuers_free) struct access_issuers *snapshot = issuers_get(issuers);
    struct access_result result;
    struct span token = {0};

    assert_ok(token_sign(side->token, arena, NULL,
                         span_str("{\"iss\":\"" ISSUER
                                  "\",\"aud\":\"https://attest.azure.net\",\"exp\":1800000100,"
                                  "\"oid\":\"o\"}"),
                         &token));
    access_token_check(arena, snapshot, ACCESS_DATA, NOW, token, &result);
    return result.reason;
}

static void nothing_is_believed_before_the_keys_are_there(void **state)
{
    struct world world = new_world();
    CLEANUP(issuers_close) struct issuers *issuers = open_on(&world, false);

    (void)state;
    assert_int_equal(check(issuers, &first), ACCESS_NO_KEYS);
    assert_int_equal(world.fetches, 0);
    assert_int_equal(issuers_run(issuers, 1000), 1000 + ISSUERS_REFRESH_S);
    assert_int_equal(check(issuers, &first), ACCESS_OK);
    assert_int_equal(check(issuers, &second), ACCESS_KEY);
}

static void an_issuer_that_says_something_else_changes_nothing(void **state)
{
    static const char *const lies[] = {
        "{\"issuer\":\"https://evil.example\",\"jwks_uri\":\"https://keys.example/k\"}",
        "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://keys.example/k\"}",
        "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://elsewhere.example/k\"}",
        "<html>",
        "",
    };
    static const char *const sets[] = {"", "{}", "{\"keys\":[]}",
                                       "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AA\"}]}"};
    struct world world = new_world();
    CLEANUP(issuers_close) struct issuers *issuers = open_on(&world, false);
    int64_t now = 1000;

    (void)state;
    issuers_run(issuers, now);
    world.jwks = second.jwks;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        world.discovery = lies[i];
        now += ISSUERS_REFRESH_S;
        assert_int_equal(issuers_run(issuers, now), now + ISSUERS_RETRY_S);
        assert_int_equal(check(issuers, &first), ACCESS_OK);
        assert_int_equal(check(issuers, &second), ACCESS_KEY);
    }
    world.discovery = good_discovery;
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        world.jwks = span_str(sets[i]);
        now += ISSUERS_REFRESH_S;
        issuers_run(issuers, now);
        assert_int_equal(check(issuers, &first), ACCESS_OK);
    }
}

static void keys_of_an_issuer_that_is_away_stay_for_a_day_and_no_longer(void **state)
{
    struct world world = new_world();
    CLEANUP(issuers_close) struct issuers *issuers = open_on(&world, false);
    const int64_t good = 1000;

    (void)state;
    issuers_run(issuers, good);
    world.discovery = NULL;
    for (int64_t now = good + ISSUERS_REFRESH_S; now < good + ISSUERS_KEEP_S;
         now = issuers_run(issuers, now)) {
        assert_int_equal(check(issuers, &first), ACCESS_OK);
    }
    issuers_run(issuers, good + ISSUERS_KEEP_S + ISSUERS_RETRY_S);
    assert_int_equal(check(issuers, &first), ACCESS_NO_KEYS);
    world.discovery = good_discovery;
    issuers_run(issuers, good + ISSUERS_KEEP_S + 2 * ISSUERS_RETRY_S);
    assert_int_equal(check(issuers, &first), ACCESS_OK);
}

/* Random kids of an attacker. */
static void unknown_keys_cause_one_fetch_a_minute_at_most(void **state)
{
    struct world world = new_world();
    CLEANUP(issuers_close) struct issuers *issuers = open_on(&world, false);
    unsigned before;

    (void)state;
    issuers_run(issuers, 1000);
    before = world.fetches;
    for (int64_t now = 1000; now < 1000 + 10 * ISSUERS_WISH_S; now++) {
        for (int i = 0; i < 5; i++) {
            issuers_wish(issuers, 0);
        }
        issuers_run(issuers, now);
    }
    assert_int_equal((world.fetches - before) / 2, 9); /* two documents each */
    issuers_wish(issuers, 7);                          /* of no issuer */
}

static void a_new_key_is_found_when_a_token_needs_it(void **state)
{
    struct world world = new_world();
    CLEANUP(issuers_close) struct issuers *issuers = open_on(&world, false);

    (void)state;
    issuers_run(issuers, 1000);
    world.jwks = second.jwks;
    assert_int_equal(issuers_run(issuers, 1000 + ISSUERS_WISH_S), 1000 + ISSUERS_REFRESH_S);
    assert_int_equal(check(issuers, &second), ACCESS_KEY);
    issuers_wish(issuers, 0);
    issuers_run(issuers, 1000 + ISSUERS_WISH_S);
    assert_int_equal(check(issuers, &second), ACCESS_OK);
    assert_int_equal(check(issuers, &first), ACCESS_KEY); /* withdrawn */
}

static void the_thread_fetches_by_itself_and_ends(void **state)
{
    struct world world = new_world();
    struct issuers *issuers = open_on(&world, true);

    (void)state;
    pthread_mutex_lock(&world.lock);
    while (world.fetches < 2) {
        pthread_cond_wait(&world.fetched, &world.lock);
    }
    pthread_mutex_unlock(&world.lock);
    /* The fetch was there; what it brought is published before the thread waits again. */
    issuers_wish(issuers, 0);
    issuers_close(issuers);
    assert_int_equal(world.fetches, 2);
}

static void a_file_of_keys_needs_no_network_and_is_read_again(void **state)
{
    struct world world = new_world();
    struct issuer_config config = online;
    const struct issuers_options options = {
        .configs = &config, .n_configs = 1, .fetch = fetch, .fetch_context = &world};
    struct issuers *issuers = NULL;
    char folder[] = "/tmp/bootwarden-issuers-XXXXXX", path[64];
    struct trail trail = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/keys.json", folder);
    config.jwks_file = path;
    assert_err(issuers_open(&options, &trail, &issuers), ERR_NOT_FOUND);
    assert_string_equal(trail.where, path);
    assert_ok(file_write(path, first.jwks, 0666, NULL));
    assert_err(issuers_open(&options, NULL, &issuers), ERR_DENIED); /* others could sign in */
    assert_ok(file_write(path, span_str("{\"keys\":[]}"), 0644, NULL));
    assert_err(issuers_open(&options, NULL, &issuers), ERR_VALUE);
    assert_ok(file_write(path, first.jwks, 0644, NULL));
    assert_ok(issuers_open(&options, NULL, &issuers));
    assert_int_equal(check(issuers, &first), ACCESS_OK);
    assert_ok(file_write(path, second.jwks, 0644, NULL));
    issuers_tick(issuers, false);
    assert_int_equal(check(issuers, &second), ACCESS_OK);
    assert_int_equal(check(issuers, &first), ACCESS_KEY);
    /* A broken one changes nothing. */
    assert_ok(file_write(path, span_str("{"), 0644, NULL));
    issuers_tick(issuers, true);
    assert_int_equal(check(issuers, &second), ACCESS_OK);
    issuers_wish(issuers, 0);
    assert_int_equal(world.fetches, 0);
    issuers_close(issuers);
    unlink(path);
    rmdir(folder);
}

static void many_requests_look_while_keys_change(void **state)
{
    struct world world = new_world();
    CLEANUP(issuers_close) struct issuers *issuers = open_on(&world, true);

    (void)state;
    for (int i = 0; i < 200; i++) {
        CLEANUP(access_issuers_free) struct access_issuers *snapshot = issuers_get(issuers);

        assert_int_equal(access_issuers_count(snapshot), 1);
        issuers_wish(issuers, 0);
        issuers_tick(issuers, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_believed_before_the_keys_are_there),
        cmocka_unit_test(an_issuer_that_says_something_else_changes_nothing),
        cmocka_unit_test(keys_of_an_issuer_that_is_away_stay_for_a_day_and_no_longer),
        cmocka_unit_test(unknown_keys_cause_one_fetch_a_minute_at_most),
        cmocka_unit_test(a_new_key_is_found_when_a_token_needs_it),
        cmocka_unit_test(the_thread_fetches_by_itself_and_ends),
        cmocka_unit_test(a_file_of_keys_needs_no_network_and_is_read_again),
        cmocka_unit_test(many_requests_look_while_keys_change),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
