/*
 * signkey.h - private keys that sign, and the certificates made for them.
 *
 * Only the signer and the CA of the service hold these. Immutable after creation, reference
 * counted, usable from many threads. Of a key that is held elsewhere the way to it changes, behind
 * a lock of this room; the key itself never does.
 */
#ifndef CRYPTO_SIGNKEY_H
#define CRYPTO_SIGNKEY_H

#include "crypto/pubkey.h"

struct signkey;

enum signkey_kind { SIGNKEY_RSA2048, SIGNKEY_RSA3072, SIGNKEY_P256, SIGNKEY_P384 };

err_t signkey_generate(enum signkey_kind kind, struct signkey **ret) MUST_CHECK;
/* PKCS#8 PEM, unencrypted: the file's mode protects it (0600; the caller checks). */
err_t signkey_new_pem(struct span pem, struct signkey **ret) MUST_CHECK;
/* One that is held elsewhere, by the URI of an OpenSSL store: "pkcs11:token=...;object=...",
 * "handle:0x81000001". Such keys sign one message at a time, all of them together. One that fails
 * is opened again, and its provider started again, at most once a second. ERR_NOT_FOUND with the
 * trail's words, which do not repeat the URI: it may have a PIN in it. */
err_t signkey_new_uri(const char *uri, struct trail *trail, struct signkey **ret) MUST_CHECK;
/* Does text begin like such a URI? Not for "file:". */
bool signkey_is_uri(struct span text);
bool signkey_is_external(const struct signkey *key); /* made by signkey_new_uri */
/* Why the last signature of such a key was not made, for the log; "" after one that was. */
enum { SIGNKEY_CAUSE_SIZE = 256 };
void signkey_cause(const struct signkey *key, char text[SIGNKEY_CAUSE_SIZE]);
/* Signatures that keys held elsewhere did not make since the process began. */
uint64_t signkey_failures(void);
/* Load an OpenSSL provider by name, for such URIs, apart from what else uses OpenSSL; before other
 * threads use this room. Dropped when no key of it is left and nobody else runs. */
err_t crypto_use_provider(const char *name, struct trail *trail) MUST_CHECK;
void crypto_drop_providers(void);
/* ERR_UNSUPPORTED for one that is held elsewhere. */
err_t signkey_pem(const struct signkey *key, struct arena *arena, struct span *ret) MUST_CHECK;
struct signkey *signkey_ref(struct signkey *key);
void signkey_free(struct signkey *key);
DEFINE_CLEANUP(struct signkey *, signkey_free)

/* Borrowed; lives as long as key. */
const struct pubkey *signkey_public(const struct signkey *key);

/* RSASSA-PKCS1-v1_5 / RSAPSS (salt = hash size) / ECDSA as r || s (JOSE form), into the arena.
 * ERR_SIGNING_KEY when the key is held elsewhere and cannot be used now. */
err_t signkey_sign(const struct signkey *key, struct arena *arena, enum sig_scheme scheme,
                   enum hash_alg hash, struct span msg, struct span *ret) MUST_CHECK;
/* RSAES-PKCS1-v1_5 / OAEP decryption, for tests and tools. ERR_CRYPTO when it does not open. */
err_t signkey_decrypt_pkcs1(const struct signkey *key, struct arena *arena, struct span cipher,
                            struct span *ret) MUST_CHECK;

#endif
