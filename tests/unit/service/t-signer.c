/*
 * Keys that follow one another: a token is verifiable at every moment, by who keeps a copy of the
 * key set, too.
 */
#include "world.h"

#include "service/signer.h"
#include "token/token.h"

static struct signer *open_at(struct world *w, int64_t now, const char *place)
{
    const struct folder folder = {.arena = w->arena, .path = w->folder, .now = now};
    const struct signer_options options = {
        .folder = &folder, .place = place, .issuer = ISSUER, .kind = SIGNKEY_P256};
    struct trail trail = {0};
    struct signer *signer = NULL;

    if (signer_open(&options, &trail, &signer) != ERR_OK) {
        fail_msg("%s: %s", trail.where, trail.what);
    }
    return signer;
}

static err_t add_at(struct world *w, int64_t now, const char *place)
{
    const struct folder folder = {.arena = w->arena, .path = w->folder, .now = now};
    const struct signer_options options = {
        .folder = &folder, .place = place, .issuer = ISSUER, .kind = SIGNKEY_P256};

    return signer_add_key(&options, NULL);
}

/* The token verifies under the key set. */
static void expect_verifies(struct world *w, const struct signer *signer, struct span jwks,
                            int64_t now)
{
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct span token = {0};
    struct token read;
    size_t left_out = 0;
    yyjson_mut_doc *doc = json_new(w->arena);
    struct token_verify_options with = {0};

    assert_ok(jwks_read(w->arena, jwks, NULL, &keys, &left_out));
    assert_int_equal(left_out, 0);
    assert_ok(signer_sign(signer, w->arena, now, SIGNER_PLAIN,
                          json_write(w->arena, doc, token_claims(doc, ISSUER, now, 60), false),
                          &token));
    with.keys = keys;
    with.iss = ISSUER;
    with.now = now;
    assert_ok(token_verify(w->arena, token, &with, NULL, &read));
}

static size_t count_keys(struct world *w, const struct signer *signer)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(w->arena, signer_jwks(signer), NULL, NULL, &root));
    return yyjson_arr_size(json_get(root, "keys"));
}

static void a_rotation_leaves_no_gap(void **state)
{
    struct world *w = world_new();
    CLEANUP(signer_free) struct signer *before = open_at(w, NOW, "signing/one");
    CLEANUP(signer_free) struct signer *after = NULL;
    struct span old_copy, new_copy;
    const char *none = NULL, *next = NULL, *first = signer_kid(before, NOW, &next);

    (void)state;
    assert_null(next);
    old_copy = arena_dup(w->arena, signer_jwks(before));
    assert_ok(add_at(w, NOW + 1000, "signing/one"));
    after = open_at(w, NOW + 1000, "signing/one");
    new_copy = signer_jwks(after);
    assert_int_equal(count_keys(w, after), 2);
    /* For a while the old one signs: a copy of the key set from before is good. */
    assert_string_equal(signer_kid(after, NOW + 1000, &next), first);
    assert_non_null(next);
    assert_string_not_equal(next, first);
    expect_verifies(w, after, old_copy, NOW + 1000);
    expect_verifies(w, after, old_copy, NOW + 1000 + SIGNER_AHEAD_S - 1);
    /* Then the new one, which whoever fetched it since knows. */
    assert_string_equal(signer_kid(after, NOW + 1000 + SIGNER_AHEAD_S, &none), next);
    assert_null(none);
    expect_verifies(w, after, new_copy, NOW + 1000 + SIGNER_AHEAD_S);
    /* What the old one signed stays verifiable. */
    expect_verifies(w, before, new_copy, NOW + 1000 + SIGNER_AHEAD_S - 1);
    world_free(w);
}

/* Once on disk, one key too many would keep the server from starting. */
static void a_key_too_many_is_not_made(void **state)
{
    struct world *w = world_new();
    CLEANUP(signer_free) struct signer *signer = open_at(w, NOW, "signing/one");
    const char **names = NULL;
    size_t n = 0;

    (void)state;
    for (int i = 1; i < TOKEN_MAX_KEYS; i++) {
        const char *name = arena_printf(w->arena, "signing/one/20200101T0000%02dZ-es256.key", i);

        assert_ok(file_write(world_path(w, name), span_str(""), 0600, NULL));
    }
    assert_int_equal(count_keys(w, signer), 1);
    assert_err(add_at(w, NOW + 1000, "signing/one"), ERR_TOO_MANY);
    assert_ok(file_list(w->arena, world_path(w, "signing/one"), NULL, &names));
    while (names[n] != NULL) {
        n++;
    }
    assert_int_equal(n, TOKEN_MAX_KEYS + 1); /* and the first one's certificate */
    world_free(w);
}

static void a_first_key_signs_at_once(void **state)
{
    struct world *w = world_new();
    CLEANUP(signer_free) struct signer *signer = open_at(w, NOW, "signing/one");

    (void)state;
    assert_int_equal(count_keys(w, signer), 1);
    expect_verifies(w, signer, signer_jwks(signer), NOW);
    expect_verifies(w, signer, signer_jwks(signer), NOW - 1000); /* the clock was set back */
    world_free(w);
}

static void a_key_is_published_as_long_as_its_tokens_can_live(void **state)
{
    struct world *w = world_new();
    const int64_t taken_over = NOW + 1000 + SIGNER_AHEAD_S;
    struct signer *signer = open_at(w, NOW, "signing/one");

    (void)state;
    signer_free(signer);
    assert_ok(add_at(w, NOW + 1000, "signing/one"));
    signer = open_at(w, taken_over + SIGNER_TOKEN_MAX_S, "signing/one");
    assert_int_equal(count_keys(w, signer), 2);
    signer_free(signer);
    signer = open_at(w, taken_over + SIGNER_TOKEN_MAX_S + 1, "signing/one");
    assert_int_equal(count_keys(w, signer), 1);
    expect_verifies(w, signer, signer_jwks(signer), taken_over + SIGNER_TOKEN_MAX_S + 1);
    signer_free(signer);
    world_free(w);
}

static void keys_of_one_second_keep_their_order(void **state)
{
    struct world *w = world_new();
    struct signer *signer = open_at(w, NOW, "signing/one");
    const char *first, *next;

    (void)state;
    first = arena_printf(w->arena, "%s", signer_kid(signer, NOW, &next));
    assert_ok(add_at(w, NOW, "signing/one"));
    assert_ok(add_at(w, NOW, "signing/one"));
    signer_free(signer);
    signer = open_at(w, NOW, "signing/one");
    assert_int_equal(count_keys(w, signer), 3);
    assert_string_equal(signer_kid(signer, NOW, &next), first);
    assert_non_null(next);
    assert_string_not_equal(signer_kid(signer, NOW + 2 + SIGNER_AHEAD_S, &next), first);
    assert_null(next);
    signer_free(signer);
    world_free(w);
}

/* Tokens of one provider mean nothing to another. */
static void providers_have_keys_of_their_own(void **state)
{
    struct world *w = world_new();
    CLEANUP(signer_free) struct signer *one = open_at(w, NOW, "signing/one");
    CLEANUP(signer_free) struct signer *two = open_at(w, NOW, "signing/two");
    const char *next;

    (void)state;
    assert_string_not_equal(signer_kid(one, NOW, &next), signer_kid(two, NOW, &next));
    world_free(w);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    struct world *w = world_new();
    const struct folder folder = {.arena = w->arena, .path = w->folder, .now = NOW};
    const struct signer_options options = {
        .folder = &folder, .place = "signing/one", .issuer = ISSUER, .kind = SIGNKEY_P256};
    struct trail trail = {0};
    struct signer *signer = open_at(w, NOW, "signing/one");
    char *name = arena_printf(w->arena, "%s/signing/one/20270115T080000Z-es256.key", w->folder);

    (void)state;
    signer_free(signer);
    assert_int_equal(chmod(name, 0640), 0);
    assert_err(signer_open(&options, &trail, &signer), ERR_DENIED);
    assert_non_null(strstr(trail.what, "chmod 600"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rotation_leaves_no_gap),
        cmocka_unit_test(a_key_too_many_is_not_made),
        cmocka_unit_test(a_first_key_signs_at_once),
        cmocka_unit_test(a_key_is_published_as_long_as_its_tokens_can_live),
        cmocka_unit_test(keys_of_one_second_keep_their_order),
        cmocka_unit_test(providers_have_keys_of_their_own),
        cmocka_unit_test(a_key_that_others_can_read_is_refused),
    };

    return RUN_TESTS(tests);
}
