/*
 * Who can send these bytes: any guest (EK and AK certificates), any client (signers of policies),
 * operators (anchors).
 */
#include "crypto/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct cert_store *store = cert_store_new();
    struct cert *cert = NULL;

    if (arena != NULL && store != NULL && crypto_init() == ERR_OK &&
        cert_new_nv(span_of(data, size), NULL, &cert) == ERR_OK) {
        struct cert *again = NULL;

        /* What was read is DER as it stands, without the padding. */
        if (cert_new_der(cert_der(cert), NULL, &again) != ERR_OK) {
            __builtin_trap();
        }
        cert_free(again);
        (void)cert_subject(cert, arena);
        (void)cert_issuer(cert, arena);
        (void)cert_common_name(cert, arena);
        (void)cert_has_eku(cert, "2.23.133.8.1");
        if (cert_store_add(store, cert) == ERR_OK) {
            (void)(cert_verify(cert, store, store, CERT_ROLE_EK, 0, true, NULL) == ERR_OK);
        }
    }
    cert_free(cert);
    cert_store_free(store);
    arena_free(arena);
    return 0;
}
