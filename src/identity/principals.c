#include "identity/principals-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the set ---- */

struct principals *principals_make(void)
{
    struct principals *made = calloc(1, sizeof(*made));

    if (made != NULL) {
        atomic_init(&made->refs, 1);
    }
    return made;
}

struct principals *principals_copy(const struct principals *from)
{
    struct principals *made = principals_make();

    if (made == NULL) {
        return NULL;
    }
    memcpy(made->tenant, from->tenant, sizeof(made->tenant));
    memcpy(made->subscription, from->subscription, sizeof(made->subscription));
    memcpy(made->list, from->list, sizeof(made->list));
    memcpy(made->users, from->users, sizeof(made->users));
    made->n = from->n;
    made->n_users = from->n_users;
    for (; made->n_certs < from->n_certs; made->n_certs++) {
        made->certs[made->n_certs] = from->certs[made->n_certs];
        cert_ref(made->certs[made->n_certs].cert);
    }
    return made;
}

err_t principals_new(struct principals **ret)
{
    CLEANUP(principals_free) struct principals *made = principals_make();
    err_t err = made == NULL ? ERR_MEMORY : guid_new(made->tenant);

    err = err ? err : guid_new(made->subscription);
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

struct principals *principals_ref(struct principals *principals)
{
    atomic_fetch_add_explicit(&principals->refs, 1, memory_order_relaxed);
    return principals;
}

void principals_free(struct principals *principals)
{
    if (principals == NULL ||
        atomic_fetch_sub_explicit(&principals->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < principals->n_certs; i++) {
        cert_free(principals->certs[i].cert);
    }
    free(principals);
}

const char *principals_tenant(const struct principals *principals)
{
    return principals->tenant;
}

const char *principals_subscription(const struct principals *principals)
{
    return principals->subscription;
}

bool principals_has_object(const struct principals *principals, struct span object_id)
{
    const struct user *user = principals_user_of(principals, object_id);

    if (user != NULL) {
        return !user->is_disabled;
    }
    for (size_t i = 0; i < principals->n; i++) {
        if (text_span_equal_nocase(object_id, principals->list[i].object_id)) {
            return true;
        }
    }
    return false;
}

size_t principals_count(const struct principals *principals)
{
    return principals->n;
}

const struct principal *principals_at(const struct principals *principals, size_t index)
{
    return index < principals->n ? &principals->list[index] : NULL;
}

const struct principal *principals_find(const struct principals *principals, struct span client_id)
{
    for (size_t i = 0; i < principals->n; i++) {
        if (text_span_equal_nocase(client_id, principals->list[i].client_id)) {
            return &principals->list[i];
        }
    }
    return NULL;
}

/* ---- new ones ---- */

bool principal_name_is(struct span name)
{
    char shown[PRINCIPAL_NAME_MAX + 8];

    if (name.len == 0 || name.len > PRINCIPAL_NAME_MAX) {
        return false;
    }
    text_escape(name, shown, sizeof(shown));
    return span_is(name, shown);
}

void principal_lower(struct span from, char *text)
{
    for (size_t i = 0; i < from.len; i++) {
        uint8_t c = from.data[i];

        text[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    text[from.len] = '\0';
}

err_t principals_add(struct principals *made, const struct principal *principal,
                     struct trail *trail)
{
    size_t at = made->n;

    for (size_t i = 0; i < made->n; i++) {
        at = text_equal_nocase(made->list[i].client_id, principal->client_id) ? i : at;
    }
    if (at == PRINCIPALS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d principals", PRINCIPALS_MAX);
    }
    made->list[at] = *principal;
    made->n = at == made->n ? at + 1 : made->n;
    return ERR_OK;
}

err_t principals_with(const struct principals *base, const struct principal *principal,
                      struct trail *trail, struct principals **ret)
{
    CLEANUP(principals_free) struct principals *made = principals_copy(base);
    err_t err = made == NULL ? ERR_MEMORY : principals_add(made, principal, trail);

    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

static void remove_cert(struct principals *made, size_t at)
{
    cert_free(made->certs[at].cert);
    made->n_certs--;
    memmove(&made->certs[at], &made->certs[at + 1], (made->n_certs - at) * sizeof(made->certs[0]));
}

err_t principals_without(const struct principals *base, struct span client_id,
                         struct principals **ret)
{
    const struct principal *gone = principals_find(base, client_id);
    struct principals *made = gone == NULL ? NULL : principals_copy(base);
    size_t at = gone == NULL ? 0 : (size_t)(gone - base->list);

    if (gone == NULL) {
        return ERR_NOT_FOUND;
    }
    if (made == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = made->n_certs; i > 0; i--) {
        if (strcmp(made->certs[i - 1].client_id, gone->client_id) == 0) {
            remove_cert(made, i - 1);
        }
    }
    made->n--;
    memmove(&made->list[at], &made->list[at + 1], (made->n - at) * sizeof(made->list[0]));
    *ret = made;
    return ERR_OK;
}

/* ---- certificates ---- */

size_t principals_cert_count(const struct principals *principals)
{
    return principals->n_certs;
}

const struct principal_cert *principals_cert_at(const struct principals *principals, size_t index)
{
    return index < principals->n_certs ? &principals->certs[index] : NULL;
}

const struct principal_cert *principals_cert_find(const struct principals *principals,
                                                  const char *client_id, struct span digest)
{
    for (size_t i = 0; i < principals->n_certs; i++) {
        const struct principal_cert *one = &principals->certs[i];

        if (text_equal_nocase(one->client_id, client_id) &&
            (span_equal(digest, span_of(one->sha1, sizeof(one->sha1))) ||
             span_equal(digest, span_of(one->sha256, sizeof(one->sha256))))) {
            return one;
        }
    }
    return NULL;
}

static err_t check_cert(const struct principals *made, const char *client_id,
                        const struct principal_cert *added, struct trail *trail)
{
    const struct pubkey *key = cert_key(added->cert);
    size_t n = 0;

    if (key == NULL || pubkey_kind(key) != PUBKEY_RSA || !cert_may_sign(added->cert)) {
        return trail_set(trail, ERR_VALUE,
                         "the certificate must have an RSA key of %d to %d bits that may sign",
                         RSA_MIN_BITS, RSA_MAX_BITS);
    }
    for (size_t i = 0; i < made->n_certs; i++) {
        n += strcmp(made->certs[i].client_id, client_id) == 0 ? 1 : 0;
    }
    if (principals_cert_find(made, client_id, span_of(added->sha256, sizeof(added->sha256)))) {
        return trail_set(trail, ERR_CONFLICT, "the principal has this certificate already");
    }
    if (n == PRINCIPAL_MAX_CERTS || made->n_certs == PRINCIPALS_MAX_CERTS) {
        return trail_set(trail, ERR_TOO_MANY,
                         "more than %d certificates of one principal, or %d in all: remove those "
                         "that are not used any more",
                         PRINCIPAL_MAX_CERTS, PRINCIPALS_MAX_CERTS);
    }
    return ERR_OK;
}

err_t principals_add_cert(struct principals *made, const char *client_id, struct cert *cert,
                          struct trail *trail)
{
    struct principal_cert added = {.cert = cert};
    err_t err = hash_once(HASH_SHA1, cert_der(cert), added.sha1);

    cert_fingerprint(cert, added.sha256);
    err = err ? err : check_cert(made, client_id, &added, trail);
    if (err) {
        return err;
    }
    snprintf(added.client_id, sizeof(added.client_id), "%s", client_id);
    made->certs[made->n_certs] = added;
    cert_ref(made->certs[made->n_certs++].cert);
    return ERR_OK;
}

err_t principals_with_cert(const struct principals *base, struct span client_id, struct cert *cert,
                           struct trail *trail, struct principals **ret)
{
    const struct principal *known = principals_find(base, client_id);
    CLEANUP(principals_free) struct principals *made = NULL;
    err_t err;

    if (known == NULL) {
        return trail_set(trail, ERR_NOT_FOUND, "there is no such principal");
    }
    if (known->kind == PRINCIPAL_MANAGED) {
        return trail_set(trail, ERR_UNSUPPORTED,
                         "a managed identity signs in at its address, not with a certificate");
    }
    made = principals_copy(base);
    err = made == NULL ? ERR_MEMORY : principals_add_cert(made, known->client_id, cert, trail);
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

err_t principals_without_cert(const struct principals *base, const char *client_id,
                              struct span digest, struct principals **ret)
{
    const struct principal_cert *gone = principals_cert_find(base, client_id, digest);
    struct principals *made = gone == NULL ? NULL : principals_copy(base);

    if (gone == NULL) {
        return ERR_NOT_FOUND;
    }
    if (made == NULL) {
        return ERR_MEMORY;
    }
    remove_cert(made, (size_t)(gone - base->certs));
    *ret = made;
    return ERR_OK;
}

/* ---- users ---- */

size_t principals_user_count(const struct principals *principals)
{
    return principals->n_users;
}

const struct user *principals_user_at(const struct principals *principals, size_t index)
{
    return index < principals->n_users ? &principals->users[index] : NULL;
}

const struct user *principals_user_find(const struct principals *principals, struct span upn)
{
    for (size_t i = 0; i < principals->n_users; i++) {
        if (text_span_equal_nocase(upn, principals->users[i].upn)) {
            return &principals->users[i];
        }
    }
    return NULL;
}

const struct user *principals_user_of(const struct principals *principals, struct span object_id)
{
    for (size_t i = 0; i < principals->n_users; i++) {
        if (text_span_equal_nocase(object_id, principals->users[i].object_id)) {
            return &principals->users[i];
        }
    }
    return NULL;
}

bool principals_has_domain(const struct principals *principals, struct span domain)
{
    for (size_t i = 0; i < principals->n_users; i++) {
        if (text_span_equal_nocase(domain, strchr(principals->users[i].upn, '@') + 1)) {
            return true;
        }
    }
    return false;
}

bool user_name_is(struct span upn)
{
    const uint8_t *at = upn.len == 0 ? NULL : memchr(upn.data, '@', upn.len);
    size_t before = at == NULL ? 0 : (size_t)(at - upn.data);

    if (upn.len > USER_NAME_MAX || before == 0 || before == upn.len - 1) {
        return false;
    }
    for (size_t i = 0; i < upn.len; i++) {
        uint8_t c = upn.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';

        if (!is_plain && i != before && (i > before || c == 0 || strchr("'!#^~+", c) == NULL)) {
            return false;
        }
    }
    return upn.data[before + 1] != '.' && upn.data[upn.len - 1] != '.';
}

err_t user_new(const char *upn, const char *name, struct trail *trail, struct user *ret)
{
    struct user made = {0};
    err_t err;

    if (!user_name_is(span_str(upn))) {
        return trail_set(trail, ERR_VALUE,
                         "'%.60s' is no user name: NAME@DOMAIN with letters, digits and "
                         "- . _ is, of at most %d characters",
                         upn, USER_NAME_MAX);
    }
    principal_lower(span_str(upn), made.upn);
    if (name == NULL) {
        snprintf(made.name, sizeof(made.name), "%.*s", (int)strcspn(made.upn, "@"), made.upn);
    } else if (principal_name_is(span_str(name))) {
        snprintf(made.name, sizeof(made.name), "%s", name);
    } else {
        return trail_set(trail, ERR_VALUE, "a display name has 1 to %d printable characters",
                         PRINCIPAL_NAME_MAX);
    }
    err = guid_new(made.object_id);
    if (err) {
        return err;
    }
    *ret = made;
    return ERR_OK;
}

err_t user_set_password(struct user *user, struct span password, struct trail *trail)
{
    if (password.len < USER_PASSWORD_MIN || password.len > PASSWORD_MAX_BYTES) {
        return trail_set(trail, ERR_VALUE, "a password has %d to %d characters", USER_PASSWORD_MIN,
                         PASSWORD_MAX_BYTES);
    }
    if (text_span_equal_nocase(password, user->upn)) {
        return trail_set(trail, ERR_VALUE, "a password must not be the user's name");
    }
    return password_hash(password, user->password);
}

err_t user_renew(struct user *user, char ret_password[PRINCIPAL_SECRET_SIZE])
{
    char secret[PRINCIPAL_SECRET_SIZE];
    err_t err = principal_secret(secret);

    err = err ? err : password_hash(span_str(secret), user->password);
    if (err == ERR_OK) {
        memcpy(ret_password, secret, sizeof(secret));
    }
    secret_wipe(span_of(secret, sizeof(secret)));
    return err;
}

err_t principals_add_user(struct principals *made, const struct user *user, struct trail *trail)
{
    size_t at = made->n_users;

    for (size_t i = 0; i < made->n_users; i++) {
        if (text_equal_nocase(made->users[i].object_id, user->object_id)) {
            at = i;
        } else if (text_equal_nocase(made->users[i].upn, user->upn)) {
            return trail_set(trail, ERR_CONFLICT, "there is a user %.113s already", user->upn);
        }
    }
    if (at == USERS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d users", USERS_MAX);
    }
    for (size_t i = 0; i < made->n; i++) {
        if (text_equal_nocase(made->list[i].object_id, user->object_id)) {
            return trail_set(trail, ERR_CONFLICT, "has the object id of a principal");
        }
    }
    made->users[at] = *user;
    made->n_users = at == made->n_users ? at + 1 : made->n_users;
    return ERR_OK;
}

err_t principals_with_user(const struct principals *base, const struct user *user,
                           struct trail *trail, struct principals **ret)
{
    CLEANUP(principals_free) struct principals *made = principals_copy(base);
    err_t err = made == NULL ? ERR_MEMORY : principals_add_user(made, user, trail);

    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

err_t principals_without_user(const struct principals *base, struct span upn,
                              struct principals **ret)
{
    const struct user *gone = principals_user_find(base, upn);
    struct principals *made = gone == NULL ? NULL : principals_copy(base);
    size_t at = gone == NULL ? 0 : (size_t)(gone - base->users);

    if (gone == NULL) {
        return ERR_NOT_FOUND;
    }
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->n_users--;
    memmove(&made->users[at], &made->users[at + 1], (made->n_users - at) * sizeof(made->users[0]));
    *ret = made;
    return ERR_OK;
}
