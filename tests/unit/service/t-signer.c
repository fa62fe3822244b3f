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

/* ---- keys and certificates that an operator brought ---- */

static struct signkey *put_key(struct world *w, const char *name, enum signkey_kind kind)
{
    struct signkey *key = NULL;
    struct span pem = {0};

    assert_ok(file_make_folder(world_path(w, "signing/one"), 0700, NULL));
    assert_ok(signkey_generate(kind, &key));
    assert_ok(signkey_pem(key, w->arena, &pem));
    assert_ok(file_write(world_path(w, name), pem, 0600, NULL));
    return key;
}

/* Another program's: here it is one of a CA, as openssl-req(1) makes them. */
static struct span put_foreign_cert(struct world *w, const char *name, const struct signkey *key,
                                    int64_t not_after)
{
    const struct cert_request request = {.profile = CERT_CA,
                                         .common_name = "ours",
                                         .not_before = NOW - 86400,
                                         .not_after = not_after};
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct span pem = {0};

    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(cert_pem(cert, w->arena, &pem));
    assert_ok(file_write(world_path(w, name), pem, 0644, NULL));
    return pem;
}

static struct span read_of(struct world *w, const char *name)
{
    struct span bytes = {0};

    assert_ok(file_read(w->arena, world_path(w, name), 16384, NULL, &bytes));
    return bytes;
}

static err_t open_as(struct world *w, enum signkey_kind kind, const char *issuer, const char *lost,
                     struct trail *trail, struct signer **ret)
{
    const struct folder folder = {.arena = w->arena, .path = w->folder, .now = NOW};
    const struct signer_options options = {
        .folder = &folder, .place = "signing/one", .issuer = issuer, .kind = kind, .lost = lost};

    return signer_open(&options, trail, ret);
}

static size_t count_files(struct world *w, const char *folder)
{
    const char **names = NULL;
    size_t n = 0;

    assert_ok(file_list(w->arena, world_path(w, folder), NULL, &names));
    while (names[n] != NULL) {
        n++;
    }
    return n;
}

static void an_operators_certificate_of_another_key_is_refused_and_kept(void **state)
{
    struct world *w = world_new();
    CLEANUP(signkey_free) struct signkey *other = NULL;
    CLEANUP(signer_free) struct signer *signer = NULL;
    struct trail trail = {0};
    struct span pem;

    (void)state;
    signkey_free(put_key(w, "signing/one/a.key", SIGNKEY_P256));
    assert_ok(signkey_generate(SIGNKEY_P256, &other));
    pem = put_foreign_cert(w, "signing/one/a.pem", other, NOW + 86400);
    assert_err(open_as(w, SIGNKEY_P256, ISSUER, NULL, &trail, &signer), ERR_MISMATCH);
    assert_non_null(strstr(trail.where, "signing/one/a.pem"));
    assert_non_null(strstr(trail.what, "a.key, and was not made by this server"));
    assert_true(span_equal(read_of(w, "signing/one/a.pem"), pem));
    world_free(w);
}

/* Its name is not the issuer's, it is about to end: it is the operator's all the same. */
static void an_operators_certificate_is_never_written_over(void **state)
{
    static const int64_t ends[] = {NOW + 400 * 86400, NOW + 86400, NOW - 3600};
    struct world *w = world_new();
    CLEANUP(signkey_free) struct signkey *key = put_key(w, "signing/one/a.key", SIGNKEY_P256);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        CLEANUP(signer_free) struct signer *signer = NULL;
        struct span pem = put_foreign_cert(w, "signing/one/a.pem", key, ends[i]);

        assert_ok(open_as(w, SIGNKEY_P256, ISSUER, NULL, NULL, &signer));
        expect_verifies(w, signer, signer_jwks(signer), NOW);
        assert_true(span_equal(read_of(w, "signing/one/a.pem"), pem));
    }
    world_free(w);
}

static void a_certificate_of_the_servers_own_is_made_again(void **state)
{
    struct world *w = world_new();
    CLEANUP(signkey_free) struct signkey *next = NULL;
    struct signer *signer = NULL;
    struct span first, second, third;

    (void)state;
    signkey_free(put_key(w, "signing/one/a.key", SIGNKEY_P256));
    assert_ok(open_as(w, SIGNKEY_P256, ISSUER, NULL, NULL, &signer));
    signer_free(signer);
    first = read_of(w, "signing/one/a.pem");
    /* It moved. */
    assert_ok(open_as(w, SIGNKEY_P256, "https://elsewhere", NULL, NULL, &signer));
    signer_free(signer);
    second = read_of(w, "signing/one/a.pem");
    assert_false(span_equal(first, second));
    assert_ok(open_as(w, SIGNKEY_P256, "https://elsewhere", NULL, NULL, &signer));
    signer_free(signer);
    assert_true(span_equal(second, read_of(w, "signing/one/a.pem")));
    /* An operator put another key there. */
    next = put_key(w, "signing/one/a.key", SIGNKEY_P256);
    assert_ok(open_as(w, SIGNKEY_P256, "https://elsewhere", NULL, NULL, &signer));
    signer_free(signer);
    third = read_of(w, "signing/one/a.pem");
    assert_false(span_equal(second, third));
    world_free(w);
}

/* The algorithm decides, not the size: no smaller key is made beside it. */
static void a_larger_key_signs(void **state)
{
    struct world *w = world_new();
    CLEANUP(signer_free) struct signer *signer = NULL;

    (void)state;
    signkey_free(put_key(w, "signing/one/a.key", SIGNKEY_RSA3072));
    assert_ok(open_as(w, SIGNKEY_RSA2048, ISSUER, NULL, NULL, &signer));
    assert_int_equal(count_keys(w, signer), 1);
    assert_string_equal(signer_algorithm(signer), "RS256");
    assert_int_equal(count_files(w, "signing/one"), 2);
    expect_verifies(w, signer, signer_jwks(signer), NOW);
    world_free(w);
}

/* ---- keys that were lost ---- */

static void keys_that_were_lost_are_not_made_anew(void **state)
{
    struct world *w = world_new();
    const char *folder = world_path(w, "signing/one");
    struct trail missing = {0}, empty = {0};
    struct signer *signer = NULL;

    (void)state;
    assert_err(open_as(w, SIGNKEY_P256, ISSUER, "restore it", &missing, &signer), ERR_NOT_FOUND);
    assert_non_null(strstr(missing.where, "signing/one"));
    assert_string_equal(missing.what, "is missing, but a key was made there before: restore it");
    assert_false(file_exists(folder));
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_err(open_as(w, SIGNKEY_P256, ISSUER, "restore it", &empty, &signer), ERR_NOT_FOUND);
    assert_non_null(strstr(empty.what, "holds no key any more"));
    assert_int_equal(count_files(w, "signing/one"), 0);
    /* Nothing is lost where another algorithm is asked for. */
    signkey_free(put_key(w, "signing/one/a.key", SIGNKEY_P256));
    assert_ok(open_as(w, SIGNKEY_P384, ISSUER, "restore it", NULL, &signer));
    assert_int_equal(count_keys(w, signer), 2);
    signer_free(signer);
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
        cmocka_unit_test(an_operators_certificate_of_another_key_is_refused_and_kept),
        cmocka_unit_test(an_operators_certificate_is_never_written_over),
        cmocka_unit_test(a_certificate_of_the_servers_own_is_made_again),
        cmocka_unit_test(a_larger_key_signs),
        cmocka_unit_test(keys_that_were_lost_are_not_made_anew),
    };

    return RUN_TESTS(tests);
}
