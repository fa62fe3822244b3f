/*
 * folder.h - the server's folder: keys and certificates that make themselves at the first start
 * and are found again at every later one.
 *
 *     DIR/lock                 held while a server runs on DIR
 *     DIR/port                 the remembered port
 *     DIR/data.sqlite          the store
 *     DIR/secret.key           32 bytes that tickets are sealed with
 *     DIR/tls/ca.key, ca.pem   makes server.pem; remove ca.key to bring a certificate of your own
 *     DIR/tls/server.key, server.pem, names
 *     DIR/signing/NAME.key, NAME.pem   token keys; the last NAME signs, all are published
 *     DIR/guest-ca/ca.key, ca.pem      issues AK certificates
 *     DIR/trust/ek, ak, db     anchors: PEM or DER files
 *     DIR/dev.env              addresses for scripts
 *
 * Files with private keys have mode 0600; looser ones are refused with the chmod to run (S-8), and
 * so are folders, and files in trust, that others can write.
 */
#ifndef SERVICE_FOLDER_H
#define SERVICE_FOLDER_H

#include "base/arena.h"
#include "crypto/cert.h"

enum { FOLDER_KEY_MAX_BYTES = 16 * 1024, FOLDER_MAX_NAMES = 16 };

/* Make DIR and what is below it (0700), take the lock. ERR_DENIED when others can write one of the
 * folders, ERR_CONFLICT when another server has it; the lock goes with the descriptor. */
err_t folder_open(struct arena *arena, const char *folder, struct trail *trail,
                  int *ret_lock_fd) MUST_CHECK;

/* The key at path, made when there is none. */
err_t folder_key(struct arena *arena, const char *path, enum signkey_kind kind, struct trail *trail,
                 struct signkey **ret) MUST_CHECK;
/* A self-signed CA: key and certificate, made when there are none, made again when it expires
 * within a year. ERR_MISMATCH when the two do not belong together. */
err_t folder_ca(struct arena *arena, const char *key_path, const char *cert_path,
                const char *common_name, int64_t now, struct trail *trail, struct signkey **ret_key,
                struct cert **ret_cert) MUST_CHECK;
/* `size` random bytes into ret, made when there are none. */
err_t folder_secret(struct arena *arena, const char *path, struct trail *trail, uint8_t *ret,
                    size_t size) MUST_CHECK;
/* DIR/tls: a certificate for these names (DNS names and IP addresses), good for a month or more.
 * Without ca.key nothing is made: what is there is used. */
err_t folder_tls(struct arena *arena, const char *folder, const char *const *names, size_t n_names,
                 int64_t now, struct trail *trail) MUST_CHECK;
/* The certificate in a PEM file; ERR_NOT_FOUND when there is none. */
err_t folder_cert(struct arena *arena, const char *path, struct trail *trail,
                  struct cert **ret) MUST_CHECK;
err_t folder_write_cert(struct arena *arena, const char *path, const struct cert *cert,
                        struct trail *trail) MUST_CHECK;

#endif
