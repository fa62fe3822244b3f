#include "service/marker.h"

#include "base/buf.h"
#include "base/file.h"

#include <string.h>
#include <sys/stat.h>

enum { MARKER_MAX_BYTES = 4096 };

static const char shared[] = "signing/shared";

static const char heading[] = "# Made by bootwarden-server. A piece that is listed here and "
                              "missing is not made anew: restore "
                              "it\n# from a backup, or remove this file to have a new one made.\n";

static const struct piece {
    const char *name;
    const char *also; /* to remove with the marker for a new one; or NULL */
    const char *cost;
    bool is_trust; /* an operator may have filled it before the first start */
    bool is_tls;
} pieces[] = {
    {"data.sqlite", NULL, "then every machine must join again, and all records are gone", false,
     false},
    {"secret.key", NULL, "then open sessions and challenges end", false, false},
    {"signing", "signing/*.pem", "then tokens that are out cannot be verified any more", false,
     false},
    {"guest-ca/ca.key", "guest-ca/ca.pem", "then every machine needs a new session", false, false},
    {"guest-ca/ca.pem", NULL, "then every machine needs a new session", false, false},
    {"tls/ca.key", "tls/ca.pem", "then clients must be given the new tls/ca.pem", false, true},
    {"tls/ca.pem", NULL, "then clients must be given the new tls/ca.pem", false, true},
    {"trust/ek", NULL, "then no TPM is trusted until its CA is put there", true, false},
    {"trust/ak", NULL, "then no other issuer of attestation keys is trusted", true, false},
    {"trust/db", NULL, "then no Secure Boot test key is accepted", true, false},
};

static bool has_key(const struct folder *folder, const char *path)
{
    const char **names = NULL;

    if (file_list(folder->arena, path, NULL, &names) != ERR_OK) {
        return false;
    }
    for (; *names != NULL; names++) {
        size_t len = strlen(*names);

        if (len > 4 && strcmp(*names + len - 4, ".key") == 0) {
            return true;
        }
    }
    return false;
}

static bool is_there(const struct folder *folder, const struct piece *piece)
{
    const char *path = folder_in(folder, piece->name);
    struct stat st;

    if (path == NULL || stat(path, &st) != 0) {
        return false;
    }
    if (strcmp(piece->name, "signing") == 0) {
        return has_key(folder, path);
    }
    /* SQLite would take an empty file for a new database. */
    return strcmp(piece->name, "data.sqlite") != 0 || st.st_size > 0;
}

/* Without the CA's key the certificate is the operator's: then nothing of the CA is needed. */
static bool is_wanted(const struct folder *folder, const struct piece *piece)
{
    const char *key = folder_in(folder, "tls/ca.key");
    const char *cert = folder_in(folder, "tls/server.pem");

    return !piece->is_tls || (folder->makes_tls && key != NULL && cert != NULL &&
                              (file_exists(key) || !file_exists(cert)));
}

static bool is_listed(struct span text, const char *name)
{
    size_t at = 0;

    while (at < text.len) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t to = end == NULL ? text.len : (size_t)(end - text.data);

        if (span_is(span_cut(text, at, to - at), name)) {
            return true;
        }
        at = to + 1;
    }
    return false;
}

static err_t refuse(const struct folder *folder, const struct piece *piece, const char *marker,
                    struct trail *trail)
{
    const char *path = folder_in(folder, piece->name);
    const char *also = piece->also == NULL
                           ? ""
                           : arena_printf(folder->arena, " and %s/%s", folder->path, piece->also);
    const char *what = strcmp(piece->name, "signing") == 0 ? "holds no key any more"
                       : path != NULL && file_exists(path) ? "is empty, but was not before"
                                                           : "is missing, but was here before";

    if (path == NULL || also == NULL) {
        return ERR_MEMORY;
    }
    trail_set(trail, ERR_NOT_FOUND,
              "%s: restore it from a backup; or, for a new one, remove %s%s: %s", what, marker,
              also, piece->cost);
    return trail_in(trail, ERR_NOT_FOUND, path);
}

err_t marker_check(const struct folder *folder, struct trail *trail, bool *ret_is_first)
{
    const char *marker = folder_in(folder, "initialised");
    struct span text = {0};
    bool is_first = true;
    err_t err;

    if (marker == NULL) {
        return ERR_MEMORY;
    }
    if (file_exists(marker)) {
        is_first = false;
        err = file_read_guarded(folder->arena, marker, MARKER_MAX_BYTES, trail, &text);
        if (err) {
            return err;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        if (is_there(folder, &pieces[i])) {
            is_first = is_first && pieces[i].is_trust;
        } else if (is_listed(text, pieces[i].name) && is_wanted(folder, &pieces[i])) {
            return refuse(folder, &pieces[i], marker, trail);
        }
    }
    *ret_is_first = is_first;
    return ERR_OK;
}

static err_t read_marker(const struct folder *folder, const char *marker, struct trail *trail,
                         struct span *ret)
{
    return file_exists(marker)
               ? file_read_guarded(folder->arena, marker, MARKER_MAX_BYTES, trail, ret)
               : ERR_OK;
}

err_t marker_has_key(const struct folder *folder, const char *place, struct trail *trail, bool *ret)
{
    const char *marker = folder_in(folder, "initialised");
    struct span text = {0};
    err_t err = marker == NULL ? ERR_MEMORY : read_marker(folder, marker, trail, &text);

    if (err == ERR_OK) {
        *ret = is_listed(text, place);
    }
    return err;
}

/* Keys of shared providers of further regions, those that are there and those that were: a region
 * may be served again after a while. Only theirs begin like this (docs/formats/providers.md). */
static void add_shared(const struct folder *folder, struct span text, struct buf *list)
{
    const char *path = folder_in(folder, "signing");
    const char **names = NULL;

    if (path != NULL && file_list(folder->arena, path, NULL, &names) == ERR_OK) {
        for (; *names != NULL; names++) {
            const char *place = arena_printf(folder->arena, "signing/%s", *names);

            const char *keys = place == NULL ? NULL : folder_in(folder, place);

            if (keys != NULL && strncmp(place, shared, strlen(shared)) == 0 &&
                !is_listed(text, place) && has_key(folder, keys)) {
                buf_addf(list, "%s\n", place);
            }
        }
    }
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
        size_t to = end == NULL ? text.len : (size_t)(end - text.data);
        struct span entry = span_cut(text, at, to - at);

        if (entry.len > strlen(shared) && memcmp(entry.data, shared, strlen(shared)) == 0) {
            buf_addf(list, "%.*s\n", (int)entry.len, (const char *)entry.data);
        }
        at = to + 1;
    }
}

err_t marker_write(const struct folder *folder, struct trail *trail)
{
    CLEANUP(buf_done) struct buf list = {0};
    const char *marker = folder_in(folder, "initialised");
    struct span text = {0};
    err_t err = marker == NULL ? ERR_MEMORY : read_marker(folder, marker, trail, &text);

    if (err) {
        return err;
    }
    buf_init(&list, MARKER_MAX_BYTES);
    buf_add_str(&list, heading);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        /* A TLS CA that this start did not look at is what it was. */
        bool is_kept = pieces[i].is_tls && !folder->makes_tls ? is_listed(text, pieces[i].name)
                                                              : is_there(folder, &pieces[i]);

        if (is_kept) {
            buf_addf(&list, "%s\n", pieces[i].name);
        }
    }
    add_shared(folder, text, &list);
    err = buf_err(&list);
    if (err || span_equal(text, buf_span(&list))) {
        return err;
    }
    return file_write(marker, buf_span(&list), 0600, trail);
}
