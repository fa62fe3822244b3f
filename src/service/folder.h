/*
 * folder.h - the server's folder: keys and certificates that make themselves at the first start
 * and are found again at every later one.
 *
 *     DIR/lock                 held while a server runs on DIR
 *     DIR/initialised          what was made here: none of it is made twice (marker.h)
 *     DIR/port                 the remembered port
 *     DIR/data.sqlite          the store
 *     DIR/secret.key           32 bytes that tickets are sealed with
 *     DIR/tls/ca.key, ca.pem   makes server.pem; remove ca.key to bring a certificate of your own
 *     DIR/tls/server.key, server.pem, names
 *     DIR/signing/NAME.key, NAME.pem   token keys; the last NAME signs, all are published
 *     DIR/guest-ca/ca.key, ca.pem      issues AK certificates
 *     DIR/trust/ek, ak, db     anchors: PEM or DER files
 *     DIR/identity             the built-in identity provider (identity/gate.h)
 *     DIR/access.json          roles and assignments (identity/gate.h)
 *     DIR/packages             packages of the agent, published here (packages.c)
 *     DIR/audit.log            refusals and changes (audit.h)
 *     DIR/dev.env              for scripts: addresses, and who they are
 *
 * Files with private keys have mode 0600; looser ones are refused with the chmod to run (S-8), and
 * so are folders, and files in trust, that others can write or own.
 */
#ifndef SERVICE_FOLDER_H
#define SERVICE_FOLDER_H

#include "base/arena.h"
#include "crypto/cert.h"

enum { FOLDER_KEY_MAX_BYTES = 16 * 1024, FOLDER_MAX_NAMES = 16 };

struct folder {
    struct arena *arena; /* of what is read and named while opening */
    const char *path;    /* DIR */
    int64_t now;
    bool makes_tls;
    bool is_first; /* nothing was made here before; set by folder_begin */
};

/* Make DIR (0700) and take the lock. ERR_DENIED when others can write it or own it, ERR_CONFLICT
 * when another server has it; the lock goes with the descriptor. */
err_t folder_open(struct arena *arena, const char *path, struct trail *trail,
                  int *ret_lock_fd) MUST_CHECK;
/* Before anything is made: ERR_EXPIRED when the clock is before the beginning of a CA,
 * ERR_NOT_FOUND for a piece that was here and is missing (marker.h). Then the folders below DIR. */
err_t folder_begin(struct folder *folder, struct trail *trail) MUST_CHECK;
/* When everything is there: note that it is. */
err_t folder_finish(const struct folder *folder, struct trail *trail) MUST_CHECK;
/* DIR/name in the arena; NULL without memory. */
const char *folder_in(const struct folder *folder, const char *name);

/* What is made or renewed is logged: which file, until when. */

/* The key at path, made when there is none. */
err_t folder_key(const struct folder *folder, const char *path, enum signkey_kind kind,
                 struct trail *trail, struct signkey **ret) MUST_CHECK;

struct folder_ca {
    const char *name;        /* "tls": DIR/tls/ca.key, ca.pem */
    const char *common_name; /* of a new one; a random label is added */
    const char *advice;      /* for the log, when there is a new one */
};
/* A self-signed CA: key and certificate, made when there are none, renewed (same name, same key)
 * when it expires within a year. One that this server did not make is not renewed. ERR_MISMATCH
 * when the two do not belong together, ERR_NOT_FOUND for a certificate without its key. */
err_t folder_ca_open(const struct folder *folder, const struct folder_ca *ca, struct trail *trail,
                     struct signkey **ret_key, struct cert **ret_cert) MUST_CHECK;
/* `size` random bytes into ret, made when there are none. */
err_t folder_secret(const struct folder *folder, const char *path, struct trail *trail,
                    uint8_t *ret, size_t size) MUST_CHECK;
/* DIR/tls: a certificate for these names (DNS names and IP addresses), good for a month or more.
 * Without ca.key nothing is made: what is there is used. */
err_t folder_tls(const struct folder *folder, const char *const *names, size_t n_names,
                 struct trail *trail) MUST_CHECK;
/* The certificate in a PEM file; ERR_NOT_FOUND when there is none. */
err_t folder_cert(const struct folder *folder, const char *path, struct trail *trail,
                  struct cert **ret) MUST_CHECK;
/* Writes it; what: "token-certificate", for the log. */
err_t folder_make_cert(const struct folder *folder, const char *path, const char *what,
                       const struct cert *cert, struct trail *trail) MUST_CHECK;
/* To the log: a certificate that this server does not renew is about to end. */
void folder_warn_of_end(const char *what, const char *path, const struct cert *cert,
                        const char *advice);

#endif
