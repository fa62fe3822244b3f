#include "service/folder.h"

#include "base/file.h"
#include "crypto/secret.h"

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

err_t folder_open(struct arena *arena, const char *folder, struct trail *trail, int *ret_lock_fd)
{
    static const char *const below[] = {"",       "/tls",      "/signing",  "/guest-ca",
                                        "/trust", "/trust/ek", "/trust/ak", "/trust/db"};
    const char *path = arena_printf(arena, "%s/lock", folder);
    const char *readme = arena_printf(arena, "%s/trust/README", folder);
    err_t err = path == NULL || readme == NULL ? ERR_MEMORY : ERR_OK;
    int fd;

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(below); i++) {
        const char *name = arena_printf(arena, "%s%s", folder, below[i]);

        err = name == NULL ? ERR_MEMORY : file_make_folder(name, 0700, trail);
        err = err ? err : file_check_guarded(name, trail);
    }
    if (err) {
        return err;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = errno == EACCES ? ERR_DENIED : ERR_IO;
        trail_set(trail, err, "cannot be written: %s", strerror(errno));
        return trail_in(trail, err, folder);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        trail_set(trail, ERR_CONFLICT, "another server is running on this folder");
        return trail_in(trail, ERR_CONFLICT, folder);
    }
    if (!file_exists(readme)) {
        err = file_write(readme, span_str(trust_readme), 0644, trail);
    }
    if (err) {
        close(fd);
        return err;
    }
    *ret_lock_fd = fd;
    return ERR_OK;
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

static err_t read_private(struct arena *arena, const char *path, struct trail *trail,
                          struct span *ret)
{
    err_t err;

    if (!file_exists(path)) {
        return ERR_NOT_FOUND;
    }
    err = file_check_private(path, trail);
    return err ? err : file_read(arena, path, FOLDER_KEY_MAX_BYTES, trail, ret);
}

err_t folder_key(struct arena *arena, const char *path, enum signkey_kind kind, struct trail *trail,
                 struct signkey **ret)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct span pem = {0};
    err_t err = read_private(arena, path, trail, &pem);

    if (err == ERR_OK) {
        err = signkey_new_pem(pem, &key);
        if (err) {
            trail_set(trail, err, "holds no private key that can be used here");
            return trail_in(trail, err, path);
        }
    } else if (err == ERR_NOT_FOUND) {
        err = signkey_generate(kind, &key);
        err = err ? err : signkey_pem(key, arena, &pem);
        err = err ? err : file_write(path, pem, 0600, trail);
    }
    wipe(pem);
    if (err) {
        return err;
    }
    *ret = TAKE(key);
    return ERR_OK;
}

err_t folder_secret(struct arena *arena, const char *path, struct trail *trail, uint8_t *ret,
                    size_t size)
{
    struct span bytes = {0};
    err_t err = read_private(arena, path, trail, &bytes);

    if (err == ERR_OK && bytes.len != size) {
        trail_set(trail, ERR_VALUE, "holds %zu bytes, not %zu", bytes.len, size);
        return trail_in(trail, ERR_VALUE, path);
    }
    if (err == ERR_NOT_FOUND) {
        err = random_bytes(ret, size);
        return err ? err : file_write(path, span_of(ret, size), 0600, trail);
    }
    if (err) {
        return err;
    }
    memcpy(ret, bytes.data, size);
    wipe(bytes);
    return ERR_OK;
}

err_t folder_cert(struct arena *arena, const char *path, struct trail *trail, struct cert **ret)
{
    struct span pem = {0};
    err_t err;

    if (!file_exists(path)) {
        return ERR_NOT_FOUND;
    }
    err = file_read(arena, path, FOLDER_KEY_MAX_BYTES, trail, &pem);
    err = err ? err : cert_new_pem(pem, trail, ret);
    return err ? trail_in(trail, err, path) : ERR_OK;
}

err_t folder_write_cert(struct arena *arena, const char *path, const struct cert *cert,
                        struct trail *trail)
{
    struct span pem = {0};
    err_t err = cert_pem(cert, arena, &pem);

    return err ? err : file_write(path, pem, 0644, trail);
}

static bool is_good_for(const struct cert *cert, int64_t now, int64_t days)
{
    int64_t not_before = 0, not_after = 0;

    cert_validity(cert, &not_before, &not_after);
    return now >= not_before && not_after > now && not_after - now >= days * DAY;
}

static err_t make_ca(const char *common_name, const struct signkey *key, int64_t now,
                     struct cert **ret)
{
    struct cert_request request = {
        .profile = CERT_CA,
        .common_name = common_name,
        .not_before = now - CLOCK_SLACK,
        .not_after = now + (int64_t)CA_DAYS * DAY,
    };

    return cert_issue(&request, signkey_public(key), NULL, key, ret);
}

err_t folder_ca(struct arena *arena, const char *key_path, const char *cert_path,
                const char *common_name, int64_t now, struct trail *trail, struct signkey **ret_key,
                struct cert **ret_cert)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    uint8_t label[LABEL_BYTES];
    const char *name;
    err_t err = folder_key(arena, key_path, SIGNKEY_P256, trail, &key);

    if (err) {
        return err;
    }
    err = folder_cert(arena, cert_path, trail, &cert);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (cert != NULL &&
        (cert_key(cert) == NULL || !pubkey_equal(cert_key(cert), signkey_public(key)))) {
        trail_set(trail, ERR_MISMATCH, "is not the certificate of %s", key_path);
        return trail_in(trail, ERR_MISMATCH, cert_path);
    }
    if (cert == NULL || !is_good_for(cert, now, CA_LEFT_DAYS)) {
        cert_free(cert);
        cert = NULL;
        /* CAs of different folders must not have one name: clients find them by it. */
        err = random_bytes(label, sizeof(label));
        name = arena_printf(arena, "%s %02x%02x%02x%02x", common_name, label[0], label[1], label[2],
                            label[3]);
        err = err ? err : name == NULL ? ERR_MEMORY : make_ca(name, key, now, &cert);
        err = err ? err : folder_write_cert(arena, cert_path, cert, trail);
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

static err_t issue_tls(struct arena *arena, const char *folder, const struct tls_names *names,
                       int64_t now, const struct signkey *ca_key, const struct cert *ca,
                       struct trail *trail)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *key_path = arena_printf(arena, "%s/tls/server.key", folder);
    const char *cert_path = arena_printf(arena, "%s/tls/server.pem", folder);
    const char *names_path = arena_printf(arena, "%s/tls/names", folder);
    const char *first = names->n_dns > 0 ? names->dns[0] : names->ip[0];
    struct cert_request request = {
        .profile = CERT_TLS_SERVER,
        .common_name = strlen(first) <= 64 ? first : "bootwarden-server",
        .dns_names = names->dns,
        .ip_addresses = names->ip,
        .not_before = now - CLOCK_SLACK,
        .not_after = now + (int64_t)TLS_DAYS * DAY,
    };
    err_t err = key_path == NULL || cert_path == NULL || names_path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : folder_key(arena, key_path, SIGNKEY_P256, trail, &key);
    err = err ? err : cert_issue(&request, signkey_public(key), ca, ca_key, &cert);
    err = err ? err : folder_write_cert(arena, cert_path, cert, trail);
    return err ? err : file_write(names_path, span_str(names->text), 0644, trail);
}

/* Is there a certificate of this CA for exactly these names, with time left? */
static bool has_tls(struct arena *arena, const char *folder, const struct tls_names *names,
                    int64_t now, struct cert *ca)
{
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *cert_path = arena_printf(arena, "%s/tls/server.pem", folder);
    const char *names_path = arena_printf(arena, "%s/tls/names", folder);
    struct span text = {0};

    return cert_path != NULL && names_path != NULL && anchors != NULL &&
           folder_cert(arena, cert_path, NULL, &cert) == ERR_OK &&
           is_good_for(cert, now, TLS_LEFT_DAYS) &&
           file_read(arena, names_path, FOLDER_KEY_MAX_BYTES, NULL, &text) == ERR_OK &&
           span_is(text, names->text) && cert_store_add(anchors, ca) == ERR_OK &&
           cert_verify(cert, NULL, anchors, CERT_ROLE_ANY, now, false, NULL) == ERR_OK;
}

err_t folder_tls(struct arena *arena, const char *folder, const char *const *names, size_t n_names,
                 int64_t now, struct trail *trail)
{
    CLEANUP(signkey_free) struct signkey *ca_key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL;
    const char *ca_key_path = arena_printf(arena, "%s/tls/ca.key", folder);
    const char *ca_path = arena_printf(arena, "%s/tls/ca.pem", folder);
    const char *server_path = arena_printf(arena, "%s/tls/server.pem", folder);
    struct tls_names sorted;
    err_t err = ca_key_path == NULL || ca_path == NULL || server_path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : sort_names(arena, names, n_names, trail, &sorted);
    if (err) {
        return err;
    }
    if (file_exists(server_path) && !file_exists(ca_key_path)) {
        return ERR_OK; /* the operator's own certificate */
    }
    err = folder_ca(arena, ca_key_path, ca_path, "Bootwarden TLS CA", now, trail, &ca_key, &ca);
    if (err == ERR_OK && !has_tls(arena, folder, &sorted, now, ca)) {
        err = issue_tls(arena, folder, &sorted, now, ca_key, ca, trail);
    }
    return err;
}
