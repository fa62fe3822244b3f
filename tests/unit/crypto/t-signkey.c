#include "crypto/signkey.h"

#include "base/file.h"
#include "base/timestamp.h"
#include "crypto/internal.h"
#include "support/support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void refuses_what_is_no_private_key(void **state)
{
    struct arena *arena = test_arena();
    struct signkey *key = NULL;

    (void)state;
    assert_err(signkey_new_pem((struct span){0}, &key), ERR_MALFORMED);
    assert_err(signkey_new_pem(span_str("-----BEGIN PRIVATE KEY-----\nMAA=\n"
                                        "-----END PRIVATE KEY-----\n"),
                               &key),
               ERR_MALFORMED);
    assert_err(signkey_new_pem(test_vector(arena, "boots/a-secureboot-healthy/ak_rsa.pem"), &key),
               ERR_MALFORMED);
    assert_null(key);
    arena_free(arena);
}

static struct span pem_of(struct arena *arena, EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    struct span copy;
    long len;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &text);
    copy = arena_dup(arena, span_of(text, (size_t)len));
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return copy;
}

static void refuses_weak_and_foreign_kinds(void **state)
{
    struct arena *arena = test_arena();
    struct signkey *key = NULL;

    (void)state;
    assert_err(
        signkey_new_pem(pem_of(arena, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024)), &key),
        ERR_VALUE);
    assert_err(signkey_new_pem(pem_of(arena, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")), &key),
               ERR_VALUE);
    assert_err(signkey_new_pem(pem_of(arena, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224")), &key),
               ERR_VALUE);
    assert_null(key);
    arena_free(arena);
}

static void reads_the_pem_it_writes(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_P256, SIGNKEY_P384};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(signkey_free) struct signkey *key = NULL;
        CLEANUP(signkey_free) struct signkey *again = NULL;
        enum sig_scheme scheme = i == 0 ? SIG_RSAPSS : SIG_ECDSA;
        struct span pem = {0};
        struct span sig = {0};

        assert_ok(signkey_generate(kinds[i], &key));
        assert_ok(signkey_pem(key, arena, &pem));
        assert_true(span_starts(pem, "-----BEGIN PRIVATE KEY-----\n"));
        assert_ok(signkey_new_pem(pem, &again));
        assert_true(pubkey_equal(signkey_public(key), signkey_public(again)));
        assert_ok(signkey_sign(again, arena, scheme, HASH_SHA256, span_str("m"), &sig));
        assert_ok(pubkey_verify(signkey_public(key), scheme, HASH_SHA256, span_str("m"), sig));
        assert_err(signkey_sign(again, arena, i == 0 ? SIG_ECDSA : SIG_RSASSA, HASH_SHA256,
                                span_str("m"), &sig),
                   ERR_VALUE);
    }
    arena_free(arena);
}

/* A public half of another key, as a damaged or mixed up file would have. */
static void refuses_halves_that_do_not_fit(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct signkey *again = NULL;
    struct span pem = {0};
    EVP_PKEY *pkey;
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIO *bio;
    uint8_t point[65];
    size_t len = 0;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(signkey_pem(key, arena, &pem));
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_int_equal(EVP_PKEY_get_octet_string_param(other, "pub", point, sizeof(point), &len), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(pkey, point, len), 1);
    EVP_PKEY_free(other);
    assert_true(signkey_new_pem(pem_of(arena, pkey), &again) != ERR_OK);
    assert_null(again);
    arena_free(arena);
}

/* ---- keys that are held elsewhere: here in a file, which OpenSSL's own provider finds ---- */

struct elsewhere {
    struct arena *arena;
    char folder[40];
    const char *file, *uri;
};

static struct span pem_of_new(struct arena *arena)
{
    return pem_of(arena, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
}

static struct elsewhere elsewhere_new(void)
{
    struct elsewhere e = {.arena = test_arena(), .folder = "/tmp/bootwarden-signkey.XXXXXX"};

    assert_non_null(mkdtemp(e.folder));
    e.file = arena_printf(e.arena, "%s/key.pem", e.folder);
    e.uri = arena_printf(e.arena, "file:%s", e.file);
    assert_ok(file_write(e.file, pem_of_new(e.arena), 0600, NULL));
    assert_ok(crypto_use_provider("base", NULL));
    return e;
}

static void elsewhere_done(struct elsewhere *e)
{
    crypto_drop_providers();
    unlink(e->file);
    rmdir(e->folder);
    arena_free(e->arena);
}

static err_t sign_with(const struct elsewhere *e, const struct signkey *key)
{
    struct span sig = {0};
    err_t err = signkey_sign(key, e->arena, SIG_ECDSA, HASH_SHA256, span_str("m"), &sig);

    if (err == ERR_OK) {
        assert_ok(pubkey_verify(signkey_public(key), SIG_ECDSA, HASH_SHA256, span_str("m"), sig));
    }
    return err;
}

/* What no key does: as good as a device that fails. The way to the key is given up. */
static void break_way(const struct signkey *key)
{
    static const uint8_t digest[SHA256_BYTES];
    struct sign_job job = {.scheme = SIG_ECDSA, .hash = HASH_NONE, .digest = digest};

    assert_err(signkey_do(key, &job), ERR_SIGNING_KEY);
}

/* The next try comes within a second; one that never comes ends the test. */
static err_t sign_soon(const struct elsewhere *e, const struct signkey *key)
{
    uint64_t end = timestamp_ticks_us() + 5000000;
    err_t err = sign_with(e, key);

    while (err != ERR_OK && timestamp_ticks_us() < end) {
        usleep(10000);
        err = sign_with(e, key);
    }
    return err;
}

static void a_key_held_elsewhere_comes_back_by_itself(void **state)
{
    struct elsewhere e = elsewhere_new();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    const char *aside = arena_printf(e.arena, "%s.aside", e.file);
    uint64_t failures = signkey_failures(), begin;
    err_t err;
    char cause[SIGNKEY_CAUSE_SIZE];
    struct span pem = {0};

    (void)state;
    assert_ok(signkey_new_uri(e.uri, NULL, &key));
    assert_true(signkey_is_external(key));
    assert_err(signkey_pem(key, e.arena, &pem), ERR_UNSUPPORTED);
    assert_ok(sign_with(&e, key));
    signkey_cause(key, cause);
    assert_string_equal(cause, "");
    assert_int_equal(rename(e.file, aside), 0);
    begin = timestamp_ticks_us();
    break_way(key);
    assert_err(sign_with(&e, key), ERR_SIGNING_KEY);
    assert_int_equal(signkey_failures(), failures + 2);
    signkey_cause(key, cause);
    assert_true(cause[0] != '\0');
    assert_null(strstr(cause, e.file));
    /* Once a second at most, whoever asks. A machine that was busy for that long has no answer. */
    assert_int_equal(rename(aside, e.file), 0);
    err = sign_with(&e, key);
    assert_true(err == ERR_SIGNING_KEY || timestamp_ticks_us() - begin >= 1000000);
    assert_ok(sign_soon(&e, key));
    assert_true(timestamp_ticks_us() - begin >= 1000000);
    signkey_cause(key, cause);
    assert_string_equal(cause, "");
    signkey_free(TAKE(key));
    elsewhere_done(&e);
}

/* Its tokens would bear the name of the key before. */
static void another_key_in_its_place_is_not_taken_for_it(void **state)
{
    struct elsewhere e = elsewhere_new();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct span before = {0};
    char cause[SIGNKEY_CAUSE_SIZE];
    uint64_t end;

    (void)state;
    assert_ok(file_read(e.arena, e.file, 4096, NULL, &before));
    assert_ok(signkey_new_uri(e.uri, NULL, &key));
    assert_ok(file_write(e.file, pem_of_new(e.arena), 0600, NULL));
    break_way(key);
    /* Until it was opened again, and looked at. */
    end = timestamp_ticks_us() + 5000000;
    do {
        usleep(10000);
        assert_err(sign_with(&e, key), ERR_SIGNING_KEY);
        signkey_cause(key, cause);
    } while (strstr(cause, "another key") == NULL && timestamp_ticks_us() < end);
    assert_non_null(strstr(cause, "another key"));
    assert_ok(file_write(e.file, before, 0600, NULL));
    assert_ok(sign_soon(&e, key));
    signkey_free(TAKE(key));
    elsewhere_done(&e);
}

/* The providers are started again for one key: the others are opened again when they sign. */
static void one_that_fails_does_not_take_the_others_along(void **state)
{
    struct elsewhere e = elsewhere_new();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(signkey_free) struct signkey *other = NULL;
    const char *file = arena_printf(e.arena, "%s/other.pem", e.folder);

    (void)state;
    assert_ok(file_write(file, pem_of_new(e.arena), 0600, NULL));
    assert_ok(signkey_new_uri(e.uri, NULL, &key));
    assert_ok(signkey_new_uri(arena_printf(e.arena, "file:%s", file), NULL, &other));
    break_way(key);
    assert_ok(sign_with(&e, other));
    assert_ok(sign_soon(&e, key));
    assert_ok(sign_with(&e, other));
    signkey_free(TAKE(key));
    signkey_free(TAKE(other));
    unlink(file);
    elsewhere_done(&e);
}

struct signing_thread {
    const struct elsewhere *where;
    const struct signkey *key;
    _Atomic unsigned *n_signed, *n_failed;
};

static void *sign_many(void *data)
{
    struct signing_thread *t = data;

    for (int i = 0; i < 40; i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct span sig = {0};
        err_t err = signkey_sign(t->key, arena, SIG_ECDSA, HASH_SHA256, span_str("m"), &sig);

        if (err == ERR_OK || err == ERR_SIGNING_KEY) {
            atomic_fetch_add(err == ERR_OK ? t->n_signed : t->n_failed, 1);
        }
        if (i % 10 == 5) {
            break_way(t->key);
        }
    }
    return NULL;
}

/* Threads come and go while the context of the providers does. */
static void many_threads_sign_while_the_way_breaks(void **state)
{
    struct elsewhere e = elsewhere_new();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    _Atomic unsigned n_signed = 0, n_failed = 0;
    struct signing_thread data = {&e, NULL, &n_signed, &n_failed};
    pthread_t threads[6];

    (void)state;
    assert_ok(signkey_new_uri(e.uri, NULL, &key));
    data.key = key;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &data), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(n_signed + n_failed, 40 * ARRAY_LEN(threads));
    assert_ok(sign_soon(&e, key));
    signkey_free(TAKE(key));
    elsewhere_done(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_private_key),
        cmocka_unit_test(refuses_weak_and_foreign_kinds),
        cmocka_unit_test(reads_the_pem_it_writes),
        cmocka_unit_test(refuses_halves_that_do_not_fit),
        cmocka_unit_test(a_key_held_elsewhere_comes_back_by_itself),
        cmocka_unit_test(another_key_in_its_place_is_not_taken_for_it),
        cmocka_unit_test(many_threads_sign_while_the_way_breaks),
        cmocka_unit_test(one_that_fails_does_not_take_the_others_along),
    };

    return RUN_TESTS(tests);
}
