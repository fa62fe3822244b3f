/*
 * signkey-store.c - private keys that never leave where they are: a module or a TPM behind an
 * OpenSSL provider, named by a URI of its store (provider-storemgmt(7)).
 *
 * A provider keeps its connection for as long as it is loaded, and that of a TPM never recovers
 * from one that broke. So the providers have a context of their own, which is given up and made
 * anew when a key fails; what else uses OpenSSL notices nothing. Giving it up takes the way to all
 * keys of it, so all of them are used under one lock. Each is opened again when it is next asked to
 * sign, and must be the key that it was.
 */
#include "crypto/signkey.h"

#include "base/timestamp.h"
#include "crypto/internal.h"

#include <ctype.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    OBJECTS_MAX = 16,
    PROVIDERS_MAX = 3,
    NAME_SIZE = 64,
    RETRY_US = 1000 * 1000,
    OTHERS_US = 5 * RETRY_US, /* a key that signed this lately shows that its device answers */
    HANG_S = 5,               /* a device that takes longer for one use does not answer */
    PROPERTIES_SIZE = NAME_SIZE + 16,
};

/* A key that is held elsewhere. Everything in it belongs to the lock below. */
struct outside {
    char *uri;                        /* may have a PIN in it: wiped, never shown */
    EVP_PKEY *pkey;                   /* NULL: to be opened when it is next used */
    char properties[PROPERTIES_SIZE]; /* what fetches its provider's algorithms */
    struct outside *next;
    bool has_failed;
    uint64_t retry_us;  /* of one that has failed: not before */
    uint64_t failed_us; /* when that began */
    uint64_t signed_us; /* when it signed last; 0: never */
    char cause[SIGNKEY_CAUSE_SIZE];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* nothing else is locked under it */

/* Of the process, like the devices behind it. */
static struct {
    char names[PROVIDERS_MAX][NAME_SIZE]; /* of the providers, in the order of the options */
    size_t n_names;
    OSSL_LIB_CTX
    *context; /* NULL: OpenSSL's default when none are named, else none could be made */
    OSSL_PROVIDER *loaded[PROVIDERS_MAX + 1];
    size_t n_loaded;
    struct outside *keys;
    uint64_t restart_us; /* not before */
} all;

static _Atomic uint64_t held_us; /* since when somebody uses a device; 0: nobody does */

static _Atomic uint64_t n_failed; /* asked for while a device does not answer */

static int close_store(OSSL_STORE_CTX *store)
{
    return OSSL_STORE_close(store);
}
DEFINE_CLEANUP(OSSL_STORE_CTX *, close_store)
DEFINE_CLEANUP(OSSL_STORE_INFO *, OSSL_STORE_INFO_free)
DEFINE_CLEANUP(CONF *, NCONF_free)
DEFINE_CLEANUP(BIO *, BIO_free)

/* ---- the providers and their context ---- */

/* The file, and behind it a section of ours that asks for its providers alone. */
static BIO *config_text(const char *path, const char *providers)
{
    CLEANUP(BIO_free) BIO *file = BIO_new_file(path, "r");
    BIO *text = file == NULL ? NULL : BIO_new(BIO_s_mem());
    char chunk[4096];
    int n;

    while (text != NULL && (n = BIO_read(file, chunk, sizeof(chunk))) > 0) {
        if (BIO_write(text, chunk, n) != n) {
            BIO_free(text);
            return NULL;
        }
    }
    if (text != NULL) {
        BIO_printf(text,
                   "\n[bootwarden_section]\nproviders = %s\n"
                   "[default]\nbootwarden = bootwarden_section\n",
                   providers);
    }
    return text;
}

static bool is_any_named(const CONF *conf, const char *section)
{
    for (size_t i = 0; section != NULL && i < all.n_names; i++) {
        if (NCONF_get_string(conf, section, all.names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/*
 * What openssl.cnf says of these providers, such as where a module is. Nothing else of it: its
 * settings of TLS are the process's, and reading them again would free them under the threads that
 * use them. And only if it says something: OpenSSL keeps a note of each reading until the end.
 * Without that file, or with one that is broken, the providers have no settings.
 */
static void configure(OSSL_LIB_CTX *context)
{
    char *path = CONF_get1_default_config_file();
    CLEANUP(NCONF_free) CONF *whole = NCONF_new_ex(context, NULL);
    CLEANUP(NCONF_free) CONF *part = NCONF_new_ex(context, NULL);
    CLEANUP(BIO_free) BIO *text = NULL;
    const char *section = NULL, *providers = NULL;
    long line = 0;

    if (path != NULL && whole != NULL && part != NULL && NCONF_load(whole, path, &line) > 0) {
        section = NCONF_get_string(whole, NULL, "openssl_conf");
        providers = section == NULL ? NULL : NCONF_get_string(whole, section, "providers");
    }
    text = is_any_named(whole, providers) ? config_text(path, providers) : NULL;
    if (text != NULL && NCONF_load_bio(part, text, &line) > 0) {
        CONF_modules_load(part, "bootwarden",
                          CONF_MFLAGS_IGNORE_ERRORS | CONF_MFLAGS_IGNORE_RETURN_CODES |
                              CONF_MFLAGS_SILENT);
    }
    OPENSSL_free(path);
    ERR_clear_error();
}

/* This thread's part of the context goes at once: nobody could free it later, when the context is
 * gone and the thread is not. */
static void leave_context(void)
{
    if (all.context != NULL) {
        OPENSSL_thread_stop_ex(all.context);
    }
}

static void drop_context(void)
{
    while (all.n_loaded > 0) {
        OSSL_PROVIDER_unload(all.loaded[--all.n_loaded]);
    }
    leave_context();
    OSSL_LIB_CTX_free(all.context);
    all.context = NULL;
}

static bool load_provider(const char *name)
{
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(all.context, name);

    if (provider == NULL) {
        return false;
    }
    all.loaded[all.n_loaded++] = provider;
    return true;
}

/* The default first: naming any would leave it out. What it has is taken from there: a TPM would
 * offer its own hashes and keys. needs_all: or one that does not start leaves the others without
 * theirs. */
static bool make_context(bool needs_all)
{
    bool is_made;

    all.context = OSSL_LIB_CTX_new();
    is_made = all.context != NULL;
    if (is_made) {
        configure(all.context);
    }
    is_made = is_made && load_provider("default") &&
              EVP_set_default_properties(all.context, "?provider=default") == 1;
    for (size_t i = 0; is_made && i < all.n_names; i++) {
        is_made = load_provider(all.names[i]) || !needs_all;
    }
    if (!is_made) {
        drop_context();
    }
    return is_made;
}

static err_t use_provider(const char *name, struct trail *trail)
{
    if (all.n_names == PROVIDERS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d OpenSSL providers", PROVIDERS_MAX);
    }
    if (strlen(name) >= NAME_SIZE) {
        return trail_set(trail, ERR_TOO_LARGE,
                         "the name of an OpenSSL provider has less than %d characters", NAME_SIZE);
    }
    /* openssl.cnf may have one that is active for all. */
    if (EVP_set_default_properties(NULL, "?provider=default") != 1) {
        return openssl_failed(ERR_CRYPTO);
    }
    snprintf(all.names[all.n_names++], NAME_SIZE, "%s", name);
    drop_context();
    if (!make_context(true)) {
        all.n_names--;
        return openssl_failed(
            trail_set(trail, ERR_NOT_FOUND,
                      "OpenSSL has no provider '%s', or it does not start: install it where "
                      "'openssl version -m' says",
                      name));
    }
    return ERR_OK;
}

err_t crypto_use_provider(const char *name, struct trail *trail)
{
    err_t err;

    pthread_mutex_lock(&lock);
    err = use_provider(name, trail);
    leave_context();
    pthread_mutex_unlock(&lock);
    return err;
}

void crypto_drop_providers(void)
{
    pthread_mutex_lock(&lock);
    drop_context();
    all.n_names = 0;
    pthread_mutex_unlock(&lock);
}

/* ---- finding a key ---- */

/* RFC 3986, 3.1. A path or file: is none: a key in a file is guarded as a file. */
bool signkey_is_uri(struct span text)
{
    size_t n = 0;

    while (n < text.len && (isalnum(text.data[n]) || strchr("+-.", text.data[n]) != NULL)) {
        n++;
    }
    return n > 1 && n < text.len && text.data[n] == ':' && isalpha(text.data[0]) &&
           !(n == 4 && strncasecmp((const char *)text.data, "file", 4) == 0);
}

static EVP_PKEY *load_key(OSSL_STORE_CTX *store)
{
    for (unsigned i = 0; i < OBJECTS_MAX && OSSL_STORE_eof(store) == 0; i++) {
        CLEANUP(OSSL_STORE_INFO_free) OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL) {
            /* One that cannot be read is followed by others, unless the store itself is broken. */
            if (OSSL_STORE_error(store) != 0) {
                return NULL;
            }
        } else if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
            return OSSL_STORE_INFO_get1_PKEY(info);
        }
    }
    return NULL;
}

static EVP_PKEY *find_key(const char *uri)
{
    /* Nobody is asked for a PIN: the URI says where it is (pin-source). */
    CLEANUP(close_store) OSSL_STORE_CTX *store = NULL;

    if (all.n_names > 0 && all.context == NULL) {
        return NULL; /* the default context has none of the providers */
    }
    store = OSSL_STORE_open_ex(uri, all.context, NULL, UI_null(), NULL, NULL, NULL, NULL);
    return store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1 ? load_key(store)
                                                                                : NULL;
}

/* Takes pkey. */
static void set_key(struct outside *outside, EVP_PKEY *pkey)
{
    outside->pkey = pkey;
    snprintf(outside->properties, sizeof(outside->properties), "?provider=%s",
             OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(pkey)));
}

static err_t open_first(const char *uri, struct trail *trail, struct signkey **ret)
{
    EVP_PKEY *pkey = find_key(uri);
    struct outside *outside = NULL;
    struct signkey *key = NULL;
    err_t err;

    if (pkey == NULL) {
        return openssl_failed(
            trail_set(trail, ERR_NOT_FOUND,
                      "names a key that no OpenSSL provider finds: is the provider loaded "
                      "(openssl-provider), the module there, its PIN right?"));
    }
    if (!EVP_PKEY_is_a(pkey, "RSA") && !EVP_PKEY_is_a(pkey, "EC")) {
        EVP_PKEY_free(pkey);
        return trail_set(trail, ERR_VALUE, "names a key that is neither RSA nor EC");
    }
    err = signkey_wrap(pkey, &key);
    if (err != ERR_OK && err != ERR_VALUE) {
        return err;
    }
    if (err) {
        return trail_set(trail, err,
                         "names a key of another size or curve than can be used here: RSA with "
                         "%d to %d bits, or P-256, P-384",
                         RSA_MIN_BITS, RSA_MAX_BITS);
    }
    outside = calloc(1, sizeof(*outside));
    if (outside == NULL || (outside->uri = strdup(uri)) == NULL) {
        free(outside);
        signkey_free(key);
        return ERR_MEMORY;
    }
    key->pkey = NULL;
    key->outside = outside;
    set_key(outside, pkey);
    outside->next = all.keys;
    all.keys = outside;
    *ret = key;
    return ERR_OK;
}

err_t signkey_new_uri(const char *uri, struct trail *trail, struct signkey **ret)
{
    err_t err;

    pthread_mutex_lock(&lock);
    err = open_first(uri, trail, ret);
    leave_context();
    pthread_mutex_unlock(&lock);
    return err;
}

void outside_free(struct outside *outside)
{
    if (outside == NULL) {
        return;
    }
    pthread_mutex_lock(&lock);
    for (struct outside **at = &all.keys; *at != NULL; at = &(*at)->next) {
        if (*at == outside) {
            *at = outside->next;
            break;
        }
    }
    EVP_PKEY_free(outside->pkey);
    pthread_mutex_unlock(&lock);
    explicit_bzero(outside->uri, strlen(outside->uri));
    free(outside->uri);
    free(outside);
}

/* ---- signing ---- */

/* What OpenSSL and the provider say, the first cause first; what fails after it is its consequence.
 * may_detail: with the data beside the reasons; of a store that has the URI in it, or a part. */
static void note_cause(struct outside *outside, bool may_detail)
{
    const char *data = NULL, *reason;
    bool is_first = outside->cause[0] == '\0';
    size_t used = 0;
    unsigned long code;
    int flags = 0;

    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        bool has_data = may_detail && (flags & ERR_TXT_STRING) != 0 && data != NULL &&
                        data[0] != '\0' && strstr(data, outside->uri) == NULL &&
                        strcasestr(data, "pin") == NULL;

        reason = ERR_reason_error_string(code);
        if (is_first && (reason != NULL || has_data) && used < sizeof(outside->cause) - 1) {
            used += (size_t)snprintf(outside->cause + used, sizeof(outside->cause) - used,
                                     "%s%s%s%s", used > 0 ? "; " : "", reason == NULL ? "" : reason,
                                     reason != NULL && has_data ? ": " : "", has_data ? data : "");
        }
    }
}

static void drop_key(struct outside *outside)
{
    EVP_PKEY_free(outside->pkey);
    outside->pkey = NULL;
}

static bool open_again(const struct signkey *key)
{
    struct outside *outside = key->outside;
    CLEANUP(pubkey_free) struct pubkey *found = NULL;
    EVP_PKEY *pkey = find_key(outside->uri);

    if (pkey == NULL) {
        return false;
    }
    /* Tokens would bear the name of a key that did not sign them. */
    if (pubkey_from_evp(pkey, &found) != ERR_OK || !pubkey_equal(found, key->public_key)) {
        EVP_PKEY_free(pkey);
        snprintf(outside->cause, sizeof(outside->cause),
                 "there is another key now than at the start of the server");
        return false;
    }
    set_key(outside, pkey);
    return true;
}

static bool sign_now(const struct signkey *key, struct sign_job *job)
{
    struct outside *outside = key->outside;

    if (outside->pkey == NULL && !open_again(key)) {
        note_cause(outside, false);
        return false;
    }
    if (sign_job_do(job, outside->pkey, all.context, outside->properties) != ERR_OK) {
        note_cause(outside, true);
        drop_key(outside);
        return false;
    }
    return true;
}

/* Does another key of the same provider sign, as far as one can know? */
static bool do_others_sign(const struct outside *outside, uint64_t now)
{
    uint64_t since = outside->has_failed ? outside->failed_us
                     : now > OTHERS_US   ? now - OTHERS_US
                                         : 0;

    for (const struct outside *each = all.keys; each != NULL; each = each->next) {
        if (each != outside && each->signed_us != 0 && each->signed_us >= since &&
            strcmp(each->properties, outside->properties) == 0) {
            return true;
        }
    }
    return false;
}

/* Not while other keys of the device sign: then it is this one's fault, and they would pay for it.
 */
static bool restart_providers(struct outside *outside)
{
    uint64_t now = timestamp_ticks_us();

    if (all.n_names == 0 || now < all.restart_us || do_others_sign(outside, now)) {
        return false;
    }
    all.restart_us = now + RETRY_US;
    for (struct outside *each = all.keys; each != NULL; each = each->next) {
        drop_key(each);
    }
    drop_context();
    if (!make_context(false)) {
        note_cause(outside, true);
        return false;
    }
    return true;
}

static err_t sign(const struct signkey *key, struct sign_job *job)
{
    struct outside *outside = key->outside;
    bool was_open, is_signed;

    if (outside->has_failed && timestamp_ticks_us() < outside->retry_us) {
        atomic_fetch_add(&n_failed, 1);
        return ERR_SIGNING_KEY;
    }
    outside->cause[0] = '\0';
    was_open = outside->pkey != NULL;
    is_signed = sign_now(key, job);
    if (!is_signed && was_open) {
        is_signed = sign_now(key, job); /* opens it again */
    }
    if (!is_signed && restart_providers(outside)) {
        is_signed = sign_now(key, job);
    }
    if (is_signed) {
        outside->has_failed = false;
        outside->cause[0] = '\0';
        outside->signed_us = timestamp_ticks_us();
        return ERR_OK;
    }
    outside->failed_us = outside->has_failed ? outside->failed_us : timestamp_ticks_us();
    outside->has_failed = true;
    outside->retry_us = timestamp_ticks_us() + RETRY_US;
    atomic_fetch_add(&n_failed, 1);
    if (outside->cause[0] == '\0') {
        snprintf(outside->cause, sizeof(outside->cause), "%s",
                 all.n_names > 0 && all.context == NULL ? "its OpenSSL provider does not start"
                                                        : "no OpenSSL provider finds the key");
    }
    return ERR_SIGNING_KEY;
}

/* A device that hangs keeps the one who asked it; nobody else waits for it long. */
static bool take_lock(void)
{
    uint64_t since = atomic_load(&held_us);
    struct timespec until;

    if (since != 0 && timestamp_ticks_us() - since > (uint64_t)HANG_S * 1000 * 1000) {
        return false;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HANG_S;
    if (pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &until) != 0) {
        return false;
    }
    atomic_store(&held_us, timestamp_ticks_us());
    return true;
}

static void give_lock(void)
{
    atomic_store(&held_us, 0);
    pthread_mutex_unlock(&lock);
}

err_t outside_sign(const struct signkey *key, struct sign_job *job)
{
    err_t err;

    if (!take_lock()) {
        atomic_fetch_add(&n_failed, 1);
        return ERR_SIGNING_KEY;
    }
    err = openssl_failed(sign(key, job));
    leave_context();
    give_lock();
    return err;
}

void signkey_cause(const struct signkey *key, char text[SIGNKEY_CAUSE_SIZE])
{
    text[0] = '\0';
    if (key->outside == NULL) {
        return;
    }
    if (pthread_mutex_trylock(&lock) != 0) {
        snprintf(text, SIGNKEY_CAUSE_SIZE,
                 "a device or module is in use, maybe for more than %d seconds", HANG_S);
        return;
    }
    snprintf(text, SIGNKEY_CAUSE_SIZE, "%s", key->outside->cause);
    pthread_mutex_unlock(&lock);
}

uint64_t signkey_failures(void)
{
    return atomic_load(&n_failed);
}
