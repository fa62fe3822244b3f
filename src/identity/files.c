#include "identity/files.h"

#include "base/codec.h"
#include "base/file.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 86400, CERT_DAYS = 3650, KEY_MAX_BYTES = 16 * 1024, SECRET_MAX_BYTES = 256 };

static const char ending[] = ".key";

static const char *in(struct arena *arena, const char *folder, const char *name)
{
    return arena_printf(arena, "%s/identity/%s", folder, name);
}

err_t files_begin(struct arena *arena, const char *folder, struct trail *trail)
{
    const char *const names[] = {arena_printf(arena, "%s/identity", folder),
                                 in(arena, folder, "keys")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        err_t err = names[i] == NULL ? ERR_MEMORY : file_make_folder(names[i], 0700, trail);

        err = err ? err : file_check_guarded(names[i], trail);
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

static void log_made(const char *what, const char *path)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "identity.made");
    log_text(&line, "what", what);
    log_text(&line, "file", path);
    log_end(&line);
}

/* ---- keys ---- */

/* The certificate is for those who take keys from x5c; it is not kept, since the key's name comes
 * from the key alone and is the same after a restart. */
static err_t wrap(struct signkey *key, int64_t now, struct token_key **ret)
{
    const struct cert_request request = {
        .profile = CERT_TOKEN,
        .common_name = "Bootwarden identity",
        .not_before = now - DAY,
        .not_after = now + (int64_t)CERT_DAYS * DAY,
    };
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err = cert_issue(&request, signkey_public(key), NULL, key, &cert);

    return err ? err : token_key_new(key, &cert, 1, ret);
}

static err_t read_key(struct arena *arena, const char *path, int64_t now, struct trail *trail,
                      struct token_key **ret)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct span pem = {0};
    err_t err = file_read_private(arena, path, KEY_MAX_BYTES, trail, &pem);

    if (err == ERR_OK) {
        err = signkey_new_pem(pem, &key);
        secret_wipe(pem);
        if (err) {
            trail_set(trail, err,
                      "holds no private key that can be used here: restore it from a backup, or "
                      "remove it: tokens that it signed are refused then, for an hour at most");
            return trail_in(trail, err, path);
        }
    }
    return err ? err : wrap(key, now, ret);
}

static err_t make_key(struct arena *arena, const char *folder, int64_t now, struct trail *trail,
                      struct token_key **ret)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    time_t seconds = (time_t)now;
    struct tm tm;
    char day[32] = "key";
    struct span pem = {0};
    const char *path;
    err_t err = signkey_generate(SIGNKEY_RSA2048, &key);

    if (gmtime_r(&seconds, &tm) != NULL) {
        strftime(day, sizeof(day), "%Y%m%dT%H%M%SZ", &tm);
    }
    path = arena_printf(arena, "%s/identity/keys/%s%s", folder, day, ending);
    err = err ? err : path == NULL ? ERR_MEMORY : signkey_pem(key, arena, &pem);
    if (err) {
        return err;
    }
    err = file_write(path, pem, 0600, trail);
    secret_wipe(pem);
    if (err) {
        return err;
    }
    log_made("key", path);
    return wrap(key, now, ret);
}

err_t files_keys(struct arena *arena, const char *folder, int64_t now, struct trail *trail,
                 struct token_key *ret[IDP_MAX_KEYS], size_t *ret_n)
{
    const char *keys = in(arena, folder, "keys"), **names = NULL;
    size_t n = 0;
    err_t err = keys == NULL ? ERR_MEMORY : file_list_guarded(arena, keys, trail, &names);

    for (size_t i = 0; err == ERR_OK && names[i] != NULL; i++) {
        size_t len = strlen(names[i]);
        const char *path;

        if (len <= strlen(ending) || strcmp(names[i] + len - strlen(ending), ending) != 0) {
            continue;
        }
        if (n == IDP_MAX_KEYS) {
            trail_set(trail, ERR_TOO_MANY, "holds more than %d keys: remove the oldest",
                      IDP_MAX_KEYS);
            err = trail_in(trail, ERR_TOO_MANY, keys);
            break;
        }
        path = arena_printf(arena, "%s/%s", keys, names[i]);
        err = path == NULL ? ERR_MEMORY : read_key(arena, path, now, trail, &ret[n]);
        n += err == ERR_OK ? 1 : 0;
    }
    if (err == ERR_OK && n == 0) {
        err = make_key(arena, folder, now, trail, &ret[0]);
        n = err == ERR_OK ? 1 : 0;
    }
    if (err) {
        while (n > 0) {
            token_key_free(ret[--n]);
        }
        return err;
    }
    *ret_n = n;
    return ERR_OK;
}

/* ---- principals ---- */

const char *files_principals_path(struct arena *arena, const char *folder)
{
    return in(arena, folder, "principals.json");
}

err_t files_principals(struct arena *arena, const char *folder, struct trail *trail,
                       struct principals **ret)
{
    const char *path = files_principals_path(arena, folder);
    struct span json = {0};
    err_t err;

    if (path == NULL) {
        return ERR_MEMORY;
    }
    if (!file_exists(path)) {
        return ERR_NOT_FOUND;
    }
    err = file_read_private(arena, path, PRINCIPALS_MAX_BYTES, trail, &json);
    if (err) {
        return err;
    }
    err = principals_read(json, trail, ret);
    return err ? trail_in(trail, err, path) : ERR_OK;
}

err_t files_write_principals(struct arena *arena, const char *folder,
                             const struct principals *principals, struct trail *trail)
{
    const char *path = files_principals_path(arena, folder);
    struct span json = {0};
    bool is_new = path != NULL && !file_exists(path);
    err_t err = path == NULL ? ERR_MEMORY : principals_write(principals, arena, &json);

    err = err ? err : file_write(path, json, 0600, trail);
    if (err == ERR_OK && is_new) {
        log_made("principals", path);
    }
    return err;
}

static err_t read_secret(struct arena *arena, const char *folder, const char *name,
                         struct trail *trail, const char **ret)
{
    const char *path = in(arena, folder, name);
    struct span text = {0};
    err_t err = path == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK && file_exists(path)) {
        err = file_read_private(arena, path, SECRET_MAX_BYTES, trail, &text);
    }
    if (err) {
        return err;
    }
    while (text.len > 0 && text.data[text.len - 1] == '\n') {
        text.len--;
    }
    *ret = arena_printf(arena, "%.*s", (int)text.len,
                        text.data == NULL ? "" : (const char *)text.data);
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t write_secret(struct arena *arena, const char *folder, const char *name,
                          const char *secret, struct trail *trail)
{
    const char *path = in(arena, folder, name);

    return path == NULL ? ERR_MEMORY : file_write(path, span_str(secret), 0600, trail);
}

err_t files_dev_secret(struct arena *arena, const char *folder, struct trail *trail,
                       const char **ret)
{
    return read_secret(arena, folder, "dev.secret", trail, ret);
}

err_t files_write_dev_secret(struct arena *arena, const char *folder, const char *secret,
                             struct trail *trail)
{
    return write_secret(arena, folder, "dev.secret", secret, trail);
}

err_t files_dev_password(struct arena *arena, const char *folder, struct trail *trail,
                         const char **ret)
{
    return read_secret(arena, folder, "dev.password", trail, ret);
}

err_t files_write_dev_password(struct arena *arena, const char *folder, const char *password,
                               struct trail *trail)
{
    return write_secret(arena, folder, "dev.password", password, trail);
}

err_t files_refresh_key(struct arena *arena, const char *folder, struct trail *trail,
                        struct span *ret)
{
    const char *path = in(arena, folder, "refresh.key"), *hex = NULL;
    uint8_t *key = arena_alloc(arena, IDP_REFRESH_KEY_BYTES);
    err_t err = path == NULL || key == NULL
                    ? ERR_MEMORY
                    : read_secret(arena, folder, "refresh.key", trail, &hex);

    if (err == ERR_OK && hex[0] == '\0') {
        err = random_bytes(key, IDP_REFRESH_KEY_BYTES);
        hex = err ? "" : hex_dup(arena, span_of(key, IDP_REFRESH_KEY_BYTES));
        err = err ? err : write_secret(arena, folder, "refresh.key", hex, trail);
    } else if (err == ERR_OK && hex_decode_into(span_str(hex), key, IDP_REFRESH_KEY_BYTES)) {
        trail_set(trail, ERR_VALUE,
                  "is not %d bytes in hexadecimal: restore it from a backup, or remove it: "
                  "people must sign in again then",
                  IDP_REFRESH_KEY_BYTES);
        err = trail_in(trail, ERR_VALUE, path);
    }
    if (hex != NULL && hex[0] != '\0') {
        secret_wipe(span_str(hex));
    }
    if (err) {
        return err;
    }
    *ret = span_of(key, IDP_REFRESH_KEY_BYTES);
    return ERR_OK;
}

/* The folder itself is locked: it is everybody's who may read the roles, also when a command that
 * runs as root was first. */
err_t files_lock_assignments(const char *folder, uint64_t until_us, struct trail *trail,
                             int *ret_fd)
{
    const struct timespec pause = {.tv_nsec = 5000000L};
    CLEANUP(buf_done) struct buf path = {0};
    err_t err = ERR_OK;
    int fd, result;

    *ret_fd = -1;
    buf_init(&path, PATH_MAX);
    buf_addf(&path, "%s/identity", folder);
    if (buf_err(&path) != ERR_OK) {
        return buf_err(&path);
    }
    fd = open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return ERR_OK;
    }
    result = fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB);
    while (fd >= 0 && result != 0 && (errno == EINTR || errno == EWOULDBLOCK) &&
           timestamp_ticks_us() < until_us) {
        (void)nanosleep(&pause, NULL);
        result = flock(fd, LOCK_EX | LOCK_NB);
    }
    if (result != 0 && fd >= 0 && errno == EWOULDBLOCK) {
        err = trail_set(trail, ERR_UNAVAILABLE,
                        "is locked by another program, such as a bootwarden-server machine remove "
                        "that was stopped: let it go on, or end it");
    } else if (result != 0) {
        err = trail_set(trail, ERR_IO, "cannot be locked: %s", strerror(errno));
    }
    if (err) {
        if (fd >= 0) {
            close(fd);
        }
        return trail_in(trail, err, buf_cstr(&path));
    }
    *ret_fd = fd;
    return ERR_OK;
}

uint64_t files_stamp(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return 0;
    }
    return (uint64_t)st.st_ino ^ (uint64_t)st.st_size << 20 ^ (uint64_t)st.st_mtim.tv_sec << 32 ^
           (uint64_t)st.st_mtim.tv_nsec;
}
