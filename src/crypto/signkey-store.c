/*
 * signkey-store.c - private keys that never leave where they are: a module or a TPM behind an
 * OpenSSL provider, named by a URI of its store (provider-storemgmt(7)).
 */
#include "crypto/signkey.h"

#include "crypto/internal.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

enum { OBJECTS_MAX = 16, PROVIDERS_MAX = 4 };

/* Loaded for the life of the process, the default first: naming any would leave it out. */
static OSSL_PROVIDER *loaded[PROVIDERS_MAX];
static size_t n_loaded;

static int close_store(OSSL_STORE_CTX *store)
{
    return OSSL_STORE_close(store);
}
DEFINE_CLEANUP(OSSL_STORE_CTX *, close_store)
DEFINE_CLEANUP(OSSL_STORE_INFO *, OSSL_STORE_INFO_free)

err_t crypto_use_provider(const char *name, struct trail *trail)
{
    if (n_loaded == 0) {
        loaded[n_loaded] = OSSL_PROVIDER_load(NULL, "default");
        /* What the default has is taken from there: a TPM would offer its own hashes and keys. */
        if (loaded[n_loaded] == NULL ||
            EVP_set_default_properties(NULL, "?provider=default") != 1) {
            return openssl_failed(ERR_CRYPTO);
        }
        n_loaded++;
    }
    if (n_loaded == PROVIDERS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d OpenSSL providers", PROVIDERS_MAX - 1);
    }
    loaded[n_loaded] = OSSL_PROVIDER_load(NULL, name);
    if (loaded[n_loaded] == NULL) {
        return openssl_failed(
            trail_set(trail, ERR_NOT_FOUND,
                      "OpenSSL has no provider '%s', or it does not start: install it where "
                      "'openssl version -m' says",
                      name));
    }
    n_loaded++;
    return ERR_OK;
}

void crypto_drop_providers(void)
{
    while (n_loaded > 0) {
        OSSL_PROVIDER_unload(loaded[--n_loaded]);
        loaded[n_loaded] = NULL;
    }
}

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

err_t signkey_new_uri(const char *uri, struct trail *trail, struct signkey **ret)
{
    /* Nobody is asked for a PIN: the URI says where it is (pin-source). */
    CLEANUP(close_store)
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, UI_null(), NULL, NULL, NULL);
    EVP_PKEY *pkey = NULL;

    if (store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1) {
        pkey = load_key(store);
    }
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
    return signkey_wrap(pkey, true, ret);
}
