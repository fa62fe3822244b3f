#include "base/text.h"
#include "crypto/cert-internal.h"

#include <stdio.h>
#include <stdlib.h>

struct cert_store {
    struct cert **certs;
    size_t count;
    size_t size;
};

struct cert_store *cert_store_new(void)
{
    return calloc(1, sizeof(struct cert_store));
}

void cert_store_free(struct cert_store *store)
{
    if (store != NULL) {
        for (size_t i = 0; i < store->count; i++) {
            cert_free(store->certs[i]);
        }
        free(store->certs);
        free(store);
    }
}

static bool holds(const struct cert_store *store, const struct cert *cert)
{
    for (size_t i = 0; i < store->count; i++) {
        if (memcmp(store->certs[i]->fingerprint, cert->fingerprint, SHA256_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

err_t cert_store_add(struct cert_store *store, struct cert *cert)
{
    if (holds(store, cert)) {
        return ERR_OK;
    }
    if (store->count == CERT_STORE_MAX) {
        return ERR_TOO_MANY;
    }
    if (store->count == store->size) {
        size_t size = store->size == 0 ? 8 : store->size * 2;
        struct cert **certs = reallocarray(store->certs, size, sizeof(struct cert *));

        if (certs == NULL) {
            return ERR_MEMORY;
        }
        store->certs = certs;
        store->size = size;
    }
    store->certs[store->count++] = cert_ref(cert);
    return ERR_OK;
}

static err_t add_der(struct cert_store *store, struct span der, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err = cert_new_der(der, trail, &cert);

    if (err) {
        return err;
    }
    err = cert_store_add(store, cert);
    return err ? trail_set(trail, err, "more than %d certificates", CERT_STORE_MAX) : ERR_OK;
}

/* DER begins with a SEQUENCE, which is '0': so may the text in front of a PEM block. */
static bool has_pem(struct span bytes)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";

    return memmem(bytes.data, bytes.len, begin, sizeof(begin) - 1) != NULL;
}

err_t cert_store_add_file(struct cert_store *store, struct span bytes, struct trail *trail)
{
    size_t from = 0;
    size_t count = 0;

    if (bytes.len > 0 && bytes.data[0] == DER_SEQUENCE && !has_pem(bytes)) {
        return add_der(store, bytes, trail);
    }
    for (;; count++) {
        uint8_t *der = NULL;
        size_t len = 0;
        char which[40];
        err_t err = pem_next(bytes, &from, "CERTIFICATE", &der, &len);

        if (err == ERR_NOT_FOUND && count > 0) {
            return ERR_OK;
        }
        if (err == ERR_NOT_FOUND) {
            return trail_set(trail, ERR_MALFORMED, "holds no certificate in PEM or DER form");
        }
        if (err) {
            return trail_set(trail, err, "certificate %zu is no PEM block that can be read",
                             count + 1);
        }
        err = add_der(store, span_of(der, len), trail);
        OPENSSL_free(der);
        if (err) {
            snprintf(which, sizeof(which), "certificate[%zu]", count);
            return trail_in(trail, err, which);
        }
    }
}

size_t cert_store_count(const struct cert_store *store)
{
    return store->count;
}

const struct cert *cert_store_at(const struct cert_store *store, size_t index)
{
    return index < store->count ? store->certs[index] : NULL;
}
