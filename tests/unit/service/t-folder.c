/* The folder: made once, found again, refused when it is not private or not whole. */
#include "world.h"

#include "http/server.h"

static void expect_fault(struct world *w, err_t wanted, const char *where, const char *words)
{
    struct trail trail = {0};

    assert_err(world_reopen(w, &trail), wanted);
    if (strstr(trail.where, where) == NULL || strstr(trail.what, words) == NULL) {
        fail_msg("'%s: %s' is not about %s and %s", trail.where, trail.what, where, words);
    }
}

static const char *key_file(struct world *w)
{
    const char **names;
    const char *path = world_path(w, "signing");

    assert_ok(file_list(w->arena, path, NULL, &names));
    assert_non_null(strstr(names[0], ".key"));
    return arena_printf(w->arena, "%s/%s", path, names[0]);
}

/* The TLS key is read by the HTTP server. */
static void expect_tls_refused(struct world *w, const char *key)
{
    struct http_options options = {
        .listen = {{.host = "127.0.0.1"}},
        .n_listen = 1,
        .n_workers = 1,
        .certificate_file = world_path(w, "tls/server.pem"),
        .key_file = key,
    };
    struct http_server *server = NULL;
    struct trail trail = {0};

    assert_err(http_server_start(&options, &trail, &server), ERR_DENIED);
    assert_string_equal(trail.where, key);
    assert_non_null(strstr(trail.what, "chmod 600"));
}

/* S-8 */
static void refuses_keys_that_others_can_read_and_names_the_remedy(void **state)
{
    struct world *w = world_new();
    const char *const paths[] = {world_path(w, "secret.key"), world_path(w, "tls/ca.key"),
                                 world_path(w, "tls/server.key"), world_path(w, "guest-ca/ca.key"),
                                 key_file(w)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct stat st;

        assert_int_equal(stat(paths[i], &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(chmod(paths[i], 0640), 0);
        if (strstr(paths[i], "server.key") != NULL) {
            expect_tls_refused(w, paths[i]);
        } else {
            expect_fault(w, ERR_DENIED, paths[i], arena_printf(w->arena, "chmod 600 %s", paths[i]));
        }
        assert_int_equal(chmod(paths[i], 0600), 0);
    }
    world_free(w);
}

/* Who can write there decides whom the server trusts. */
static void refuses_folders_and_trust_files_that_others_can_write(void **state)
{
    struct world *w = world_new();
    const char *const folders[] = {w->folder, world_path(w, "signing"), world_path(w, "trust"),
                                   world_path(w, "trust/ek")};
    const char *anchor = world_path(w, "trust/db/test.der");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        assert_int_equal(chmod(folders[i], 0720), 0);
        expect_fault(
            w, ERR_DENIED, folders[i],
            arena_printf(w->arena, "its group (mode 0720); run: chmod go-w %s", folders[i]));
        assert_int_equal(chmod(folders[i], 0702), 0);
        expect_fault(w, ERR_DENIED, folders[i], "everybody (mode 0702)");
        assert_int_equal(chmod(folders[i], 0755), 0); /* reading does no harm */
    }
    assert_ok(file_write(anchor, span_str("x"), 0664, NULL));
    expect_fault(w, ERR_DENIED, anchor, "its group (mode 0664)");
    assert_int_equal(chmod(anchor, 0644), 0);
    assert_ok(world_reopen(w, NULL));
    world_free(w);
}

static void refuses_files_that_are_not_what_they_should_be(void **state)
{
    struct world *w = world_new();
    const struct {
        const char *path, *words;
    } cases[] = {
        {world_path(w, "secret.key"), "not 32"},
        {world_path(w, "guest-ca/ca.key"), "no private key"},
        {key_file(w), "no private key"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span kept = {0};
        struct trail trail = {0};

        assert_ok(file_read(w->arena, cases[i].path, 100000, NULL, &kept));
        assert_ok(file_write(cases[i].path, span_str("nonsense"), 0600, NULL));
        assert_true(world_reopen(w, &trail) != ERR_OK);
        assert_string_equal(trail.where, cases[i].path);
        assert_non_null(strstr(trail.what, cases[i].words));
        assert_ok(file_write(cases[i].path, kept, 0600, NULL));
    }
    assert_ok(world_reopen(w, NULL));
    world_free(w);
}

static void refuses_a_ca_certificate_of_another_key(void **state)
{
    struct world *w = world_new();
    struct span other = {0};

    (void)state;
    assert_ok(file_read(w->arena, world_path(w, "tls/ca.pem"), 100000, NULL, &other));
    assert_ok(file_write(world_path(w, "guest-ca/ca.pem"), other, 0644, NULL));
    expect_fault(w, ERR_MISMATCH, "guest-ca/ca.pem", "is not the certificate of");
    world_free(w);
}

static void lets_one_server_at_a_time_use_a_folder(void **state)
{
    struct world *w = world_new();
    struct trail trail = {0};
    int fd;

    (void)state;
    assert_err(service_lock(w->folder, &trail, &fd), ERR_CONFLICT);
    assert_non_null(strstr(trail.what, "another server is running"));
    world_free(w);
}

static struct span read_all(struct world *w, const char *name)
{
    struct span bytes = {0};

    assert_ok(file_read(w->arena, world_path(w, name), 100000, NULL, &bytes));
    return bytes;
}

static void finds_its_keys_again(void **state)
{
    struct world *w = world_new();
    struct service_answer before = {0}, after = {0};
    struct span tls = read_all(w, "tls/server.pem"), guest = read_all(w, "guest-ca/ca.pem");
    struct span first;

    (void)state;
    service_jwks(w->service, w->home, &w->call, &before);
    first = arena_dup(w->arena, before.body);
    assert_ok(world_reopen(w, NULL));
    service_jwks(w->service, w->home, &w->call, &after);
    assert_true(span_equal(first, after.body));
    assert_true(span_equal(tls, read_all(w, "tls/server.pem")));
    assert_true(span_equal(guest, read_all(w, "guest-ca/ca.pem")));
    world_free(w);
}

static struct cert *cert_at(struct world *w, const char *name)
{
    struct cert *cert = NULL;

    assert_ok(cert_new_pem(read_all(w, name), NULL, &cert));
    return cert;
}

/* What clients were given stays what they need, whatever the clock said at one start. */
static void does_not_start_before_the_beginning_of_its_cas(void **state)
{
    struct world *w = world_new();
    struct span tls = read_all(w, "tls/ca.pem"), guest = read_all(w, "guest-ca/ca.pem");
    struct span leaf = read_all(w, "tls/server.pem");
    struct trail trail = {0};

    (void)state;
    assert_err(world_reopen_at(w, 200000000, &trail), ERR_EXPIRED);
    assert_non_null(strstr(trail.where, "ca.pem"));
    assert_non_null(strstr(trail.what, "the system clock says 1976-"));
    assert_non_null(strstr(trail.what, "set the clock"));
    assert_ok(world_reopen(w, NULL));
    assert_true(span_equal(tls, read_all(w, "tls/ca.pem")));
    assert_true(span_equal(guest, read_all(w, "guest-ca/ca.pem")));
    assert_true(span_equal(leaf, read_all(w, "tls/server.pem")));
    world_free(w);
}

static void renews_a_ca_with_its_name_and_key_so_that_old_pins_hold(void **state)
{
    static const char *const names[] = {"tls/ca.pem", "guest-ca/ca.pem"};
    struct world *w = world_new();
    const int64_t later = NOW + (int64_t)3400 * 86400;
    CLEANUP(cert_store_free) struct cert_store *pinned = cert_store_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(cert_free) struct cert *before = cert_at(w, names[i]);
        CLEANUP(cert_free) struct cert *after = NULL;
        int64_t from, to, new_from, new_to;

        if (i == 0) {
            assert_ok(cert_store_add(pinned, before));
        }
        assert_ok(world_reopen_at(w, i == 0 ? later : later + 1, NULL));
        after = cert_at(w, names[i]);
        cert_validity(before, &from, &to);
        cert_validity(after, &new_from, &new_to);
        assert_string_equal(cert_subject(before, w->arena), cert_subject(after, w->arena));
        assert_true(span_equal(cert_spki(before), cert_spki(after)));
        assert_int_equal(from, new_from);
        assert_true(i > 0 || new_to > later + (int64_t)3000 * 86400);
    }
    {
        CLEANUP(cert_free) struct cert *leaf = cert_at(w, "tls/server.pem");

        assert_ok(cert_verify(leaf, NULL, pinned, CERT_ROLE_ANY, later, false, NULL));
    }
    assert_ok(world_reopen(w, NULL)); /* the clock was wrong, and is right again */
    world_free(w);
}

/* What is lost is asked for; a new one is made only when an operator says so. */
static void asks_for_what_was_lost_instead_of_making_it_anew(void **state)
{
    struct world *w = world_new();
    const char *const lost[] = {
        world_path(w, "data.sqlite"),     world_path(w, "secret.key"),
        world_path(w, "guest-ca/ca.key"), world_path(w, "guest-ca/ca.pem"),
        world_path(w, "tls/ca.pem"),      world_path(w, "trust/ek"),
        world_path(w, "trust/db"),        key_file(w),
    };
    const char *aside = world_path(w, "aside"), *marker = world_path(w, "initialised");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        struct trail trail = {0};

        service_close(w->service);
        w->service = NULL;
        assert_int_equal(rename(lost[i], aside), 0);
        assert_err(world_reopen(w, &trail), ERR_NOT_FOUND);
        assert_true(strncmp(trail.where, lost[i], strlen(trail.where)) == 0);
        assert_non_null(strstr(trail.what, "restore it from a backup"));
        assert_false(file_exists(lost[i]));
        assert_int_equal(rename(aside, lost[i]), 0);
        assert_ok(world_reopen(w, NULL));
    }
    /* An emptied database is a lost one. */
    service_close(w->service);
    w->service = NULL;
    assert_int_equal(truncate(lost[0], 0), 0);
    expect_fault(w, ERR_NOT_FOUND, lost[0], marker);
    assert_int_equal(unlink(marker), 0);
    assert_int_equal(unlink(lost[1]), 0);
    assert_ok(world_reopen(w, NULL));
    assert_true(file_exists(marker) && file_exists(lost[1]));
    /* A key for a certificate that is there cannot be made. */
    assert_int_equal(unlink(marker), 0);
    assert_int_equal(unlink(lost[2]), 0);
    expect_fault(w, ERR_NOT_FOUND, lost[2], "its certificate is there");
    assert_false(file_exists(lost[2]));
    world_free(w);
}

static void says_that_its_database_was_removed_or_replaced_while_it_runs(void **state)
{
    struct world *w = world_new();
    const char *data = world_path(w, "data.sqlite");
    struct trail removed = {0}, replaced = {0};

    (void)state;
    assert_ok(service_check(w->service, NOW, NULL));
    assert_int_equal(rename(data, world_path(w, "aside")), 0);
    assert_err(service_check(w->service, NOW, &removed), ERR_STORE);
    assert_non_null(strstr(removed.what, "was removed"));
    assert_ok(file_write(data, span_str("x"), 0600, NULL));
    assert_err(service_check(w->service, NOW, &replaced), ERR_STORE);
    assert_non_null(strstr(replaced.what, "was replaced"));
    world_free(w);
}

static void refuses_a_database_that_others_can_read(void **state)
{
    struct world *w = world_new();
    const char *data = world_path(w, "data.sqlite"), *wal = world_path(w, "data.sqlite-wal");

    (void)state;
    assert_int_equal(chmod(data, 0644), 0);
    expect_fault(w, ERR_DENIED, data, "chmod 600");
    assert_int_equal(chmod(data, 0600), 0);
    assert_ok(file_write(wal, span_str(""), 0604, NULL));
    expect_fault(w, ERR_DENIED, wal, "chmod 600");
    world_free(w);
}

static size_t count_ek(struct world *w)
{
    CLEANUP(trust_free) struct trust *trust = NULL;

    service_tick(w->service, NOW);
    trust = service_trust(w->service);
    return cert_store_count(trust->ek);
}

/* nobody but the operator makes an anchor, also not by way of a folder that was open for a
 * while. */
static void takes_nothing_from_a_trust_folder_that_others_can_write(void **state)
{
    static const char *const loose[] = {"trust/ek", "trust", "trust/db", "."};
    struct world *w = world_new();
    struct span first = test_vector(w->arena, "boots/a-secureboot-healthy/ca_issuer.pem");
    struct span second = read_all(w, "guest-ca/ca.pem");
    struct trail trail = {0};

    (void)state;
    world_trust(w, "ek/1.pem", first);
    assert_int_equal(count_ek(w), 1);
    for (size_t i = 0; i < ARRAY_LEN(loose); i++) {
        const char *folder = world_path(w, loose[i]);

        assert_int_equal(chmod(folder, 0777), 0);
        world_trust(w, "ek/2.pem", second);
        assert_int_equal(count_ek(w), 1);
        trail = (struct trail){0};
        assert_err(service_reload(w->service, &trail), ERR_DENIED);
        assert_non_null(strstr(trail.what, "chmod go-w"));
        assert_int_equal(unlink(world_path(w, "trust/ek/2.pem")), 0);
        assert_int_equal(chmod(folder, 0700), 0);
        assert_int_equal(count_ek(w), 1);
    }
    world_trust(w, "ek/2.pem", second);
    assert_int_equal(count_ek(w), 2);
    if (geteuid() == 0) {
        assert_int_equal(chown(world_path(w, "trust/ek/2.pem"), 65534, 65534), 0);
        assert_int_equal(count_ek(w), 1);
        expect_fault(w, ERR_DENIED, "trust/ek/2.pem", "belongs to another user (id 65534)");
        assert_int_equal(unlink(world_path(w, "trust/ek/2.pem")), 0);
        assert_int_equal(unlink(world_path(w, "trust/ek/1.pem")), 0);
        assert_ok(world_reopen(w, NULL));
        world_trust(w, "ek/1.pem.real", first);
        assert_int_equal(symlink("1.pem.real", world_path(w, "trust/ek/3.pem")), 0);
        assert_int_equal(count_ek(w), 1);
        assert_int_equal(lchown(world_path(w, "trust/ek/3.pem"), 65534, 65534), 0);
        assert_ok(service_reload(w->service, NULL));
        assert_int_equal(count_ek(w), 0);
    }
    world_free(w);
}

static void describes_itself_as_openid_clients_expect(void **state)
{
    struct world *w = world_new();
    struct service_answer answer = {0};
    yyjson_val *root;

    (void)state;
    service_openid(w->service, w->home, &w->call, &answer);
    root = answer_root(w, &answer);
    assert_string_equal(json_text(json_get(root, "issuer")), ISSUER);
    assert_string_equal(json_text(json_get(root, "jwks_uri")), ISSUER "/certs");
    assert_true(yyjson_arr_size(json_get(root, "response_types_supported")) > 0);
    assert_true(yyjson_arr_size(json_get(root, "claims_supported")) > 0);
    assert_true(span_is(
        json_span(yyjson_arr_get(json_get(root, "id_token_signing_alg_values_supported"), 0)),
        "RS256"));
    world_free(w);
}

/* All keys are published: tokens of an old one are good until they expire. A later key signs from
 * the time in its name on. */
static void publishes_all_keys_beside_the_one_that_signs(void **state)
{
    struct world *w = world_new();
    struct service_answer answer = {0};
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct span pem = {0}, token = {0}, payload = {0};
    yyjson_val *root, *keys, *header;
    struct span kid;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(signkey_pem(key, w->arena, &pem));
    assert_ok(file_write(world_path(w, "signing/20270116T000000Z-rs256.key"), pem, 0600, NULL));
    assert_ok(world_reopen(w, NULL));
    service_jwks(w->service, w->home, &w->call, &answer);
    root = answer_root(w, &answer);
    keys = json_get(root, "keys");
    assert_int_equal(yyjson_arr_size(keys), 2);
    assert_ok(signer_sign(w->service->signer, w->arena, NOW + 86400, SIGNER_PLAIN, span_str("{}"),
                          &token));
    assert_ok(base64_decode(
        w->arena, BASE64_URL,
        span_of(token.data,
                (size_t)((const uint8_t *)memchr(token.data, '.', token.len) - token.data)),
        &payload));
    assert_ok(json_read(w->arena, payload, NULL, NULL, &header));
    kid = json_span(json_get(header, "kid"));
    assert_true(span_equal(kid, json_span(json_get(yyjson_arr_get(keys, 1), "kid"))));
    world_free(w);
}

/* Another role's file, a file that is no certificate: the rest counts all the same. */
static void leaves_unreadable_trust_files_out(void **state)
{
    struct world *w = world_new();
    struct span good = test_vector(w->arena, "boots/a-secureboot-healthy/ca_issuer.pem");
    CLEANUP(trust_free) struct trust *trust = NULL;

    (void)state;
    world_trust(w, "ek/1-broken.pem", span_str("-----BEGIN CERTIFICATE-----\nxx\n"));
    world_trust(w, "ek/2-good.pem", good);
    world_trust(w, "ek/README.txt", span_str("not read at all"));
    service_tick(w->service, NOW);
    trust = service_trust(w->service);
    assert_int_equal(cert_store_count(trust->ek), 1);
    assert_int_equal(cert_store_count(trust->ak), 0);
    assert_int_equal(trust->n_unreadable, 1);
    world_free(w);
}

/* Written in place: the folder's own time does not change, the tick sees it. */
static void sees_a_trust_file_that_is_changed_in_place(void **state)
{
    struct world *w = world_new();
    struct span good = test_vector(w->arena, "boots/a-secureboot-healthy/ca_issuer.pem");
    CLEANUP(trust_free) struct trust *trust = NULL;
    int fd;

    (void)state;
    world_trust(w, "ek/ca.pem", span_str("soon"));
    service_tick(w->service, NOW);
    fd = open(world_path(w, "trust/ek/ca.pem"), O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, good.data, good.len), (ssize_t)good.len);
    close(fd);
    service_tick(w->service, NOW);
    trust = service_trust(w->service);
    assert_int_equal(cert_store_count(trust->ek), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_keys_that_others_can_read_and_names_the_remedy),
        cmocka_unit_test(refuses_folders_and_trust_files_that_others_can_write),
        cmocka_unit_test(refuses_files_that_are_not_what_they_should_be),
        cmocka_unit_test(refuses_a_ca_certificate_of_another_key),
        cmocka_unit_test(does_not_start_before_the_beginning_of_its_cas),
        cmocka_unit_test(asks_for_what_was_lost_instead_of_making_it_anew),
        cmocka_unit_test(refuses_a_database_that_others_can_read),
        cmocka_unit_test(takes_nothing_from_a_trust_folder_that_others_can_write),
        cmocka_unit_test(says_that_its_database_was_removed_or_replaced_while_it_runs),
        cmocka_unit_test(renews_a_ca_with_its_name_and_key_so_that_old_pins_hold),
        cmocka_unit_test(lets_one_server_at_a_time_use_a_folder),
        cmocka_unit_test(leaves_unreadable_trust_files_out),
        cmocka_unit_test(finds_its_keys_again),
        cmocka_unit_test(describes_itself_as_openid_clients_expect),
        cmocka_unit_test(publishes_all_keys_beside_the_one_that_signs),
        cmocka_unit_test(sees_a_trust_file_that_is_changed_in_place),
    };

    return RUN_TESTS(tests);
}
