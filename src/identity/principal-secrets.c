/*
 * principal-secrets.c - secrets of principals and addresses of managed identities: made here, shown
 * once, kept as digests.
 */
#include "identity/principals-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"

#include <stdio.h>

enum { SECRET_BYTES = 32 };

/* ---- addresses ---- */

static err_t capability_digest(struct span capability, char text[PRINCIPAL_DIGEST_SIZE])
{
    uint8_t digest[SHA256_BYTES];
    err_t err = hash_once(HASH_SHA256, capability, digest);

    if (err == ERR_OK) {
        hex_encode(span_of(digest, sizeof(digest)), text, PRINCIPAL_DIGEST_SIZE);
    }
    return err;
}

bool principal_has_capability(const struct principal *principal, struct span capability)
{
    char text[PRINCIPAL_DIGEST_SIZE];

    return principal->kind == PRINCIPAL_MANAGED && capability_digest(capability, text) == ERR_OK &&
           secret_equal(span_str(principal->capability), span_str(text));
}

const struct principal *principals_find_capability(const struct principals *principals,
                                                   struct span capability)
{
    const struct principal *found = NULL;
    char text[PRINCIPAL_DIGEST_SIZE];

    if (capability_digest(capability, text) != ERR_OK) {
        return NULL;
    }
    /* All of them are looked at, whichever it is. */
    for (size_t i = 0; i < principals->n; i++) {
        const struct principal *one = &principals->list[i];

        if (one->kind == PRINCIPAL_MANAGED &&
            secret_equal(span_str(one->capability), span_str(text))) {
            found = one;
        }
    }
    return found;
}

/* ---- new ones ---- */

/* Not with a dash in front: `az login -p -Xy...` takes it for an option. */
static err_t secret_bytes(uint8_t bytes[SECRET_BYTES])
{
    static const uint8_t dash = 62; /* its place in the alphabet of base64url (RFC 4648, 5) */
    err_t err;

    do {
        err = random_bytes(bytes, SECRET_BYTES);
    } while (err == ERR_OK && bytes[0] >> 2 == dash);
    return err;
}

err_t principal_secret(char ret[PRINCIPAL_SECRET_SIZE])
{
    CLEANUP(buf_done) struct buf text = {0};
    uint8_t bytes[SECRET_BYTES];
    err_t err = secret_bytes(bytes);

    buf_init_secret(&text, PRINCIPAL_SECRET_SIZE);
    base64_encode(&text, BASE64_URL, span_of(bytes, sizeof(bytes)));
    secret_wipe(span_of(bytes, sizeof(bytes)));
    err = err ? err : buf_err(&text);
    if (err == ERR_OK) {
        snprintf(ret, PRINCIPAL_SECRET_SIZE, "%s", buf_cstr(&text));
    }
    return err;
}

/* In hexadecimal, since MSAL for Node writes addresses in lower case. */
static err_t capability_secret(char ret[PRINCIPAL_SECRET_SIZE])
{
    uint8_t bytes[PRINCIPAL_SECRET_SIZE / 2 - 1];
    err_t err = random_bytes(bytes, sizeof(bytes));

    if (err == ERR_OK) {
        hex_encode(span_of(bytes, sizeof(bytes)), ret, PRINCIPAL_SECRET_SIZE);
    }
    secret_wipe(span_of(bytes, sizeof(bytes)));
    return err;
}

err_t principal_renew(struct principal *principal, char ret_secret[PRINCIPAL_SECRET_SIZE])
{
    char secret[PRINCIPAL_SECRET_SIZE], hash[PASSWORD_TEXT_SIZE] = "";
    char digest[PRINCIPAL_DIGEST_SIZE] = "";
    err_t err =
        principal->kind == PRINCIPAL_MANAGED ? capability_secret(secret) : principal_secret(secret);

    if (principal->kind == PRINCIPAL_MANAGED) {
        err = err ? err : capability_digest(span_str(secret), digest);
    } else {
        err = err ? err : password_hash(span_str(secret), hash);
    }
    if (err == ERR_OK) {
        memcpy(principal->secret, hash, sizeof(hash));
        memcpy(principal->capability, digest, sizeof(digest));
        memcpy(ret_secret, secret, sizeof(secret));
    }
    secret_wipe(span_of(secret, sizeof(secret)));
    return err;
}

static err_t new_of_kind(enum principal_kind kind, const char *name, struct trail *trail,
                         struct principal *ret, char ret_secret[PRINCIPAL_SECRET_SIZE])
{
    struct principal made = {.kind = kind};
    err_t err;

    if (!principal_name_is(span_str(name))) {
        return trail_set(trail, ERR_VALUE, "a name has 1 to %d printable characters",
                         PRINCIPAL_NAME_MAX);
    }
    snprintf(made.name, sizeof(made.name), "%s", name);
    err = guid_new(made.client_id);
    err = err ? err : guid_new(made.object_id);
    err = err ? err : principal_renew(&made, ret_secret);
    if (err) {
        return err;
    }
    *ret = made;
    return ERR_OK;
}

err_t principal_new(const char *name, struct trail *trail, struct principal *ret,
                    char ret_secret[PRINCIPAL_SECRET_SIZE])
{
    return new_of_kind(PRINCIPAL_APPLICATION, name, trail, ret, ret_secret);
}

err_t principal_new_managed(const char *name, struct trail *trail, struct principal *ret,
                            char ret_secret[PRINCIPAL_SECRET_SIZE])
{
    return new_of_kind(PRINCIPAL_MANAGED, name, trail, ret, ret_secret);
}
