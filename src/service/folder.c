#include "service/folder.h"

#include "base/file.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "crypto/secret.h"
#include "service/marker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DAY = 86400,
    CLOCK_SLACK = 300, /* machines whose clocks are a little behind */
    CA_DAYS = 3650,
    CA_LEFT_DAYS = 365,
    TLS_DAYS = 397, /* what browsers accept at most */
    TLS_LEFT_DAYS = 30,
    LABEL_BYTES = 4,
};

static const char trust_readme[] =
    "Certificates that this server trusts, one folder per role, PEM (.pem, .crt) or DER (.der, "
    ".cer):\n"
    "  ek  makers of TPMs: their endorsement keys may join as machines\n"
    "  ak  issuers of attestation key certificates other than this server\n"
    "  db  Secure Boot test keys that the operator accepts (also EFI signature lists: .esl, and "
    "db-* of efivarfs)\n"
    "A file that is added or changed counts within a second; no restart is needed.\n"
    "A TPM keeps only its own certificate, so the CA that issued it must be here as well as, or\n"
    "instead of, its root: for software TPMs of swtpm-localca put its issuercert.pem into ek.\n";

err_t folder_open(struct arena *arena, const char *path, struct trail *trail, int *ret_lock_fd)
{
    const char *lock = arena_printf(arena, "%s/lock", path);
    err_t err = lock == NULL ? ERR_MEMORY : file_make_folder(path, 0700, trail);
    int fd;

    err = err ? err : file_check_guarded(path, trail);
    if (err) {
        return err;
    }
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = errno == EACCES ? ERR_DENIED : ERR_IO;
        trail_set(trail, err, "cannot be written: %s", strerror(errno));
        return trail_in(trail, err, path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        trail_set(trail, ERR_CONFLICT, "another server is running on this folder");
        return trail_in(trail, ERR_CONFLICT, path);
    }
    *ret_lock_fd = fd;
    return ERR_OK;
}

const char *folder_in(const struct folder *folder, const char *name)
{
    return arena_printf(folder->arena, "%s/%s", folder->path, name);
}

static err_t make_below(const struct folder *folder, struct trail *trail)
{
    static const char *const below[] = {"tls",      "signing",  "guest-ca", "trust",
                                        "trust/ek", "trust/ak", "trust/db"};
    const char *readme = folder_in(folder, "trust/README");
    err_t err = readme == NULL ? ERR_MEMORY : ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(below); i++) {
        const char *name = folder_in(folder, below[i]);

        err = name == NULL ? ERR_MEMORY : file_make_folder(name, 0700, trail);
        err = err ? err : file_check_guarded(name, trail);
    }
    if (err == ERR_OK && !file_exists(readme)) {
        err = file_write(readme, span_str(trust_readme), 0644, trail);
    }
    return err;
}

/* With a clock that was never set everything here would be made again, and no client would know the
 * new CA: a CA that is not valid yet shows it. One that cannot be read is reported by its reader.
 */
static err_t check_clock(const struct folder *folder, const char *name, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *path = folder_in(folder, name);
    char is[TIMESTAMP_SIZE], from[TIMESTAMP_SIZE];
    int64_t not_before = 0, not_after = 0;

    if (path == NULL) {
        return ERR_MEMORY;
    }
    if (folder_cert(folder, path, NULL, &cert) != ERR_OK) {
        return ERR_OK;
    }
    cert_validity(cert, &not_before, &not_after);
    if (folder->now >= not_before) {
        return ERR_OK;
    }
    timestamp_format(folder->now, is, sizeof(is));
    timestamp_format(not_before, from, sizeof(from));
    trail_set(trail, ERR_EXPIRED,
              "the system clock says %s, the CA is valid from %s: set the clock (if the clock is "
              "right, the CA was made with a wrong one: restore an older one from a backup)",
              is, from);
    return trail_in(trail, ERR_EXPIRED, path);
}

err_t folder_begin(struct folder *folder, struct trail *trail)
{
    const char *tls_key = folder_in(folder, "tls/ca.key");
    err_t err = tls_key == NULL ? ERR_MEMORY : check_clock(folder, "guest-ca/ca.pem", trail);

    if (err == ERR_OK && folder->makes_tls && file_exists(tls_key)) {
        err = check_clock(folder, "tls/ca.pem", trail);
    }
    err = err ? err : marker_check(folder, trail, &folder->is_first);
    return err ? err : make_below(folder, trail);
}

err_t folder_finish(const struct folder *folder, struct trail *trail)
{
    return marker_write(folder, trail);
}

/* ---- what is made ---- */

/* At the first start everything is; later each is news, since others may have to be told. */
static void log_made(const struct folder *folder, const char *event, const char *what,
                     const char *path, const struct cert *cert, const char *advice)
{
    struct log_line line;
    char until[TIMESTAMP_SIZE];
    int64_t not_before = 0, not_after = 0;

    log_begin(&line, folder->is_first ? LOG_INFO : LOG_WARN, event);
    log_text(&line, "what", what);
    log_text(&line, "file", path);
    if (cert != NULL) {
        cert_validity(cert, &not_before, &not_after);
        timestamp_format(not_after, until, sizeof(until));
        log_text(&line, "until", until);
    }
    if (advice != NULL) {
        log_text(&line, "advice", advice);
    }
    log_end(&line);
}

/* What lies in the arena is ours to clear, though a span only lends it. */
static void wipe(struct span bytes)
{
    union {
        const uint8_t *lent;
        uint8_t *own;
    } data = {.lent = bytes.data};

    if (bytes.len > 0) {
        explicit_bzero(data.own, bytes.len);
    }
}

static const char no_backup[] = "restore it from a backup; without one, remove it, and the next "
                                "start says what a new one costs";

static err_t read_private(const struct folder *folder, const char *path, struct trail *trail,
                          struct span *ret)
{
    return file_exists(path)
               ? file_read_private(folder->arena, path, FOLDER_KEY_MAX_BYTES, trail, ret)
               : ERR_NOT_FOUND;
}

/* The file has the URI of a key that is held elsewhere, on one line. */
static err_t open_external(const struct folder *folder, struct span text, struct trail *trail,
                           struct signkey **ret)
{
    size_t len = 0;
    struct span uri;
    err_t err;

    while (len < text.len && text.data[len] > ' ' && text.data[len] < 0x7f) {
        len++;
    }
    for (size_t i = len; i < text.len; i++) {
        if (text.data[i] != '\n' && text.data[i] != '\r' && text.data[i] != ' ') {
            return trail_set(trail, ERR_MALFORMED, "is no key, and not one URI alone");
        }
    }
    uri = arena_dup(folder->arena, span_cut(text, 0, len));
    if (uri.data == NULL) {
        return ERR_MEMORY;
    }
    err = signkey_new_uri((const char *)uri.data, trail, ret);
    wipe(uri); /* a PIN may stand in it */
    return err;
}

err_t folder_key(const struct folder *folder, const char *path, enum signkey_kind kind,
                 struct trail *trail, struct signkey **ret)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct span pem = {0};
    err_t err = read_private(folder, path, trail, &pem);

    if (err == ERR_OK && signkey_is_uri(pem)) {
        err = open_external(folder, pem, trail, &key);
        if (err) {
            return trail_in(trail, err, path);
        }
    } else if (err == ERR_OK) {
        err = signkey_new_pem(pem, &key);
        if (err) {
            trail_set(trail, err, "holds no private key that can be used here: %s", no_backup);
            return trail_in(trail, err, path);
        }
    } else if (err == ERR_NOT_FOUND) {
        err = signkey_generate(kind, &key);
        err = err ? err : signkey_pem(key, folder->arena, &pem);
        err = err ? err : file_write(path, pem, 0600, trail);
        if (err == ERR_OK) {
            log_made(folder, "folder.made", "key", path, NULL, NULL);
        }
    }
    wipe(pem);
    if (err) {
        return err;
    }
    *ret = TAKE(key);
    return ERR_OK;
}

err_t folder_secret(const struct folder *folder, const char *path, struct trail *trail,
                    uint8_t *ret, size_t size)
{
    struct span bytes = {0};
    err_t err = read_private(folder, path, trail, &bytes);

    if (err == ERR_OK && bytes.len != size) {
        trail_set(trail, ERR_VALUE, "holds %zu bytes, not %zu: %s", bytes.len, size, no_backup);
        return trail_in(trail, ERR_VALUE, path);
    }
    if (err == ERR_NOT_FOUND) {
        err = random_bytes(ret, size);
        err = err ? err : file_write(path, span_of(ret, size), 0600, trail);
        if (err == ERR_OK) {
            log_made(folder, "folder.made", "secret", path, NULL, NULL);
        }
        return err;
    }
    if (err) {
        return err;
    }
    memcpy(ret, bytes.data, size);
    wipe(bytes);
    return ERR_OK;
}

err_t folder_cert(const struct folder *folder, const char *path, struct trail *trail,
                  struct cert **ret)
{
    struct span pem = {0};
    err_t err;

    if (!file_exists(path)) {
        return ERR_NOT_FOUND;
    }
    err = file_read(folder->arena, path, FOLDER_KEY_MAX_BYTES, trail, &pem);
    err = err ? err : cert_new_pem(pem, trail, ret);
    return err ? trail_in(trail, err, path) : ERR_OK;
}

static err_t write_cert(const struct folder *folder, const char *path, const struct cert *cert,
                        struct trail *trail)
{
    struct span pem = {0};
    err_t err = cert_pem(cert, folder->arena, &pem);

    return err ? err : file_write(path, pem, 0644, trail);
}

err_t folder_make_cert(const struct folder *folder, const char *path, const char *what,
                       const struct cert *cert, struct trail *trail)
{
    bool is_renewal = file_exists(path);
    err_t err = write_cert(folder, path, cert, trail);

    if (err == ERR_OK) {
        log_made(folder, is_renewal ? "folder.renewed" : "folder.made", what, path, cert, NULL);
    }
    return err;
}

void folder_warn_of_end(const char *what, const char *path, const struct cert *cert,
                        const char *advice)
{
    struct log_line line;
    char until[TIMESTAMP_SIZE];
    int64_t not_before = 0, not_after = 0;

    cert_validity(cert, &not_before, &not_after);
    timestamp_format(not_after, until, sizeof(until));
    log_begin(&line, LOG_WARN, "folder.ends");
    log_text(&line, "what", what);
    log_text(&line, "file", path);
    log_text(&line, "until", until);
    log_text(&line, "advice", advice);
    log_end(&line);
}

/* ---- CAs ---- */

static bool is_good_for(const struct cert *cert, int64_t now, int64_t days)
{
    int64_t not_before = 0, not_after = 0;

    cert_validity(cert, &not_before, &not_after);
    return now >= not_before && not_after > now && not_after - now >= days * DAY;
}

static err_t new_ca(const struct folder *folder, const struct folder_ca *ca, const char *cert_path,
                    const struct signkey *key, struct trail *trail, struct cert **ret)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    uint8_t label[LABEL_BYTES];
    struct cert_request request = {
        .profile = CERT_CA,
        .not_before = folder->now - CLOCK_SLACK,
        .not_after = folder->now + (int64_t)CA_DAYS * DAY,
    };
    err_t err = random_bytes(label, sizeof(label));

    /* CAs of different folders must not have one name: clients find them by it. */
    request.common_name = arena_printf(folder->arena, "%s %02x%02x%02x%02x", ca->common_name,
                                       label[0], label[1], label[2], label[3]);
    err = err ? err : request.common_name == NULL ? ERR_MEMORY : ERR_OK;
    err = err ? err : cert_issue(&request, signkey_public(key), NULL, key, &cert);
    err = err ? err : write_cert(folder, cert_path, cert, trail);
    if (err) {
        return err;
    }
    log_made(folder, "folder.made", "ca", cert_path, cert, folder->is_first ? NULL : ca->advice);
    *ret = TAKE(cert);
    return ERR_OK;
}

/* Made here, so that it can be made again with nothing lost: a name that is one CN, self-issued. */
static bool is_own_form(const struct folder *folder, const struct cert *cert)
{
    const char *name = cert_common_name(cert, folder->arena);
    const char *subject = arena_printf(folder->arena, "CN=%s", name);

    return name[0] != '\0' && subject != NULL && cert_is_self_issued(cert) &&
           strcmp(cert_subject(cert, folder->arena), subject) == 0;
}

/*
 * The same name, the same key, the same beginning: what the old one vouches for, the new one does,
 * and who has only the old one needs the new one when the old one ends, not before. The beginning
 * stays, because a clock that is ahead must not make a CA that is not valid when it is right again.
 */
static err_t renew_ca(const struct folder *folder, const struct folder_ca *ca,
                      const char *cert_path, const struct signkey *key, const struct cert *old,
                      struct trail *trail, struct cert **ret)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct cert_request request = {
        .profile = CERT_CA,
        .common_name = cert_common_name(old, folder->arena),
        .not_after = folder->now + (int64_t)CA_DAYS * DAY,
    };
    char until[TIMESTAMP_SIZE];
    const char *advice;
    int64_t not_after = 0;
    err_t err;

    cert_validity(old, &request.not_before, &not_after);
    err = cert_issue(&request, signkey_public(key), NULL, key, &cert);
    err = err ? err : write_cert(folder, cert_path, cert, trail);
    if (err) {
        return err;
    }
    timestamp_format(not_after, until, sizeof(until));
    advice = arena_printf(folder->arena, "same name and key; the one before %s %s: %s",
                          folder->now < not_after ? "serves until" : "ended", until, ca->advice);
    log_made(folder, "folder.renewed", "ca", cert_path, cert, advice);
    *ret = TAKE(cert);
    return ERR_OK;
}

/* An authority's own certificate is the operator's to renew. */
static err_t keep_foreign_ca(const struct folder *folder, const char *cert_path,
                             const struct cert *cert, struct trail *trail)
{
    struct log_line line;
    char until[TIMESTAMP_SIZE];
    int64_t not_before = 0, not_after = 0;

    cert_validity(cert, &not_before, &not_after);
    timestamp_format(not_after, until, sizeof(until));
    if (folder->now >= not_after) {
        trail_set(
            trail, ERR_EXPIRED,
            "the CA ended at %s and was not made by this server: put a renewed certificate of "
            "the same key here",
            until);
        return trail_in(trail, ERR_EXPIRED, cert_path);
    }
    log_begin(&line, LOG_WARN, "folder.ends");
    log_text(&line, "what", "ca");
    log_text(&line, "file", cert_path);
    log_text(&line, "until", until);
    log_text(&line, "advice", "not made by this server: renew it yourself, with the same key");
    log_end(&line);
    return ERR_OK;
}

static err_t check_pair(const struct folder_ca *ca, const char *key_path, const char *cert_path,
                        const struct cert *cert, const struct signkey *key, struct trail *trail)
{
    if (key == NULL) {
        trail_set(trail, ERR_NOT_FOUND,
                  "is missing, its certificate is there: restore it from a backup; without one, "
                  "remove %s too, for a new CA: %s",
                  cert_path, ca->advice);
        return trail_in(trail, ERR_NOT_FOUND, key_path);
    }
    if (cert_key(cert) == NULL || !pubkey_equal(cert_key(cert), signkey_public(key))) {
        trail_set(trail, ERR_MISMATCH, "is not the certificate of %s: restore both from one backup",
                  key_path);
        return trail_in(trail, ERR_MISMATCH, cert_path);
    }
    return ERR_OK;
}

err_t folder_ca_open(const struct folder *folder, const struct folder_ca *ca, struct trail *trail,
                     struct signkey **ret_key, struct cert **ret_cert)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *old = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *key_path = arena_printf(folder->arena, "%s/%s/ca.key", folder->path, ca->name);
    const char *cert_path = arena_printf(folder->arena, "%s/%s/ca.pem", folder->path, ca->name);
    bool has_cert = cert_path != NULL && file_exists(cert_path);
    err_t err = key_path == NULL || cert_path == NULL ? ERR_MEMORY : ERR_OK;

    /* The certificate first: a key for a certificate that is there cannot be made. */
    if (err == ERR_OK && has_cert) {
        err = folder_cert(folder, cert_path, trail, &old);
    }
    if (err == ERR_OK && (old == NULL || file_exists(key_path))) {
        err = folder_key(folder, key_path, SIGNKEY_P256, trail, &key);
    }
    if (err == ERR_OK && old != NULL) {
        err = check_pair(ca, key_path, cert_path, old, key, trail);
    }
    if (err) {
        return err;
    }
    if (old == NULL) {
        err = new_ca(folder, ca, cert_path, key, trail, &cert);
    } else if (is_good_for(old, folder->now, CA_LEFT_DAYS)) {
        cert = TAKE(old);
    } else if (is_own_form(folder, old)) {
        err = renew_ca(folder, ca, cert_path, key, old, trail, &cert);
    } else {
        err = keep_foreign_ca(folder, cert_path, old, trail);
        cert = err ? NULL : TAKE(old);
    }
    if (err) {
        return err;
    }
    *ret_key = TAKE(key);
    *ret_cert = TAKE(cert);
    return ERR_OK;
}

/* ---- TLS ---- */

struct tls_names {
    const char *dns[FOLDER_MAX_NAMES + 1];
    const char *ip[FOLDER_MAX_NAMES + 1];
    size_t n_dns, n_ip;
    const char *text; /* one per line, to see a change */
};

static bool is_ip(const char *name)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static err_t sort_names(struct arena *arena, const char *const *names, size_t n_names,
                        struct trail *trail, struct tls_names *ret)
{
    struct tls_names sorted = {.text = ""};

    if (n_names == 0 || n_names > FOLDER_MAX_NAMES) {
        trail_set(trail, ERR_TOO_MANY, "a certificate takes 1 to %d names here", FOLDER_MAX_NAMES);
        return ERR_TOO_MANY;
    }
    for (size_t i = 0; i < n_names; i++) {
        if (is_ip(names[i])) {
            sorted.ip[sorted.n_ip++] = names[i];
        } else {
            sorted.dns[sorted.n_dns++] = names[i];
        }
        sorted.text = arena_printf(arena, "%s%s\n", sorted.text, names[i]);
        if (sorted.text == NULL) {
            return ERR_MEMORY;
        }
    }
    *ret = sorted;
    return ERR_OK;
}

static err_t issue_tls(const struct folder *folder, const struct tls_names *names,
                       const struct signkey *key, const struct signkey *ca_key,
                       const struct cert *ca, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *cert_path = folder_in(folder, "tls/server.pem");
    const char *names_path = folder_in(folder, "tls/names");
    const char *first = names->n_dns > 0 ? names->dns[0] : names->ip[0];
    struct cert_request request = {
        .profile = CERT_TLS_SERVER,
        .common_name = strlen(first) <= 64 ? first : "bootwarden-server",
        .dns_names = names->dns,
        .ip_addresses = names->ip,
        .not_before = folder->now - CLOCK_SLACK,
        .not_after = folder->now + (int64_t)TLS_DAYS * DAY,
    };
    err_t err = cert_path == NULL || names_path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : cert_issue(&request, signkey_public(key), ca, ca_key, &cert);
    err = err ? err : folder_make_cert(folder, cert_path, "tls-certificate", cert, trail);
    return err ? err : file_write(names_path, span_str(names->text), 0644, trail);
}

/* Is there a certificate of this CA and this key for exactly these names, with time left? */
static bool has_tls(const struct folder *folder, const struct tls_names *names,
                    const struct signkey *key, struct cert *ca)
{
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *cert_path = folder_in(folder, "tls/server.pem");
    const char *names_path = folder_in(folder, "tls/names");
    struct span text = {0};

    return cert_path != NULL && names_path != NULL && anchors != NULL &&
           folder_cert(folder, cert_path, NULL, &cert) == ERR_OK &&
           is_good_for(cert, folder->now, TLS_LEFT_DAYS) && cert_key(cert) != NULL &&
           pubkey_equal(cert_key(cert), signkey_public(key)) &&
           file_read(folder->arena, names_path, FOLDER_KEY_MAX_BYTES, NULL, &text) == ERR_OK &&
           span_is(text, names->text) && cert_store_add(anchors, ca) == ERR_OK &&
           cert_verify(cert, NULL, anchors, CERT_ROLE_ANY, folder->now, false, NULL) == ERR_OK;
}

/* The operator's own certificate: nothing is made, and what is missing is asked for. */
static err_t check_own_tls(const struct folder *folder, const char *cert_path,
                           const char *server_key_path, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;

    if (!file_exists(server_key_path)) {
        trail_set(trail, ERR_NOT_FOUND,
                  "is missing: put the private key of %s here, or remove that too to have a "
                  "certificate made",
                  cert_path);
        return trail_in(trail, ERR_NOT_FOUND, server_key_path);
    }
    if (folder_cert(folder, cert_path, NULL, &cert) == ERR_OK &&
        !is_good_for(cert, folder->now, TLS_LEFT_DAYS)) {
        folder_warn_of_end("tls-certificate", cert_path, cert,
                           "without tls/ca.key this server does not renew it: do so");
    }
    return ERR_OK;
}

err_t folder_tls(const struct folder *folder, const char *const *names, size_t n_names,
                 struct trail *trail)
{
    static const struct folder_ca tls_ca = {
        .name = "tls",
        .common_name = "Bootwarden TLS CA",
        .advice = "clients must be given this file",
    };
    CLEANUP(signkey_free) struct signkey *ca_key = NULL;
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL;
    const char *ca_key_path = folder_in(folder, "tls/ca.key");
    const char *key_path = folder_in(folder, "tls/server.key");
    const char *cert_path = folder_in(folder, "tls/server.pem");
    struct tls_names sorted;
    err_t err = ca_key_path == NULL || key_path == NULL || cert_path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : sort_names(folder->arena, names, n_names, trail, &sorted);
    if (err) {
        return err;
    }
    if (file_exists(cert_path) && !file_exists(ca_key_path)) {
        return check_own_tls(folder, cert_path, key_path, trail);
    }
    err = folder_ca_open(folder, &tls_ca, trail, &ca_key, &ca);
    err = err ? err : folder_key(folder, key_path, SIGNKEY_P256, trail, &key);
    if (err == ERR_OK && !has_tls(folder, &sorted, key, ca)) {
        err = issue_tls(folder, &sorted, key, ca_key, ca, trail);
    }
    return err;
}
