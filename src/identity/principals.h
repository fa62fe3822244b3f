/*
 * principals.h - who can sign in at the built-in identity provider (docs/formats/principals.md).
 *
 * One small document: the tenant, the subscription of --dev, service principals with their
 * certificates, and users. A secret is there only as its hash: slow (scrypt) for secrets of clients
 * and passwords of users, SHA-256 for the random 21 bytes in a managed identity's address. A set is
 * immutable, reference counted, swapped whole.
 */
#ifndef IDENTITY_PRINCIPALS_H
#define IDENTITY_PRINCIPALS_H

#include "crypto/cert.h"
#include "crypto/guid.h"
#include "crypto/password.h"

#include "base/arena.h"

enum {
    PRINCIPALS_MAX = 256,
    PRINCIPALS_MAX_BYTES = 4 * 1024 * 1024,
    PRINCIPAL_NAME_MAX = 64,
    PRINCIPAL_SECRET_SIZE = 44, /* 32 random bytes in base64url and a NUL */
    PRINCIPAL_MAX_CERTS = 4,    /* of one principal: an old one, a new one, and some air */
    PRINCIPAL_DIGEST_SIZE = 65, /* SHA-256 in hexadecimal and a NUL */
    USERS_MAX = 256,
    USER_NAME_MAX = 113, /* of a user principal name, as Entra limits it */
    USER_PASSWORD_MIN = 8,
};

enum principal_kind {
    PRINCIPAL_APPLICATION, /* signs in with a secret or a certificate */
    PRINCIPAL_MANAGED,     /* gets tokens at an address of its own (identity/managed.c) */
};

enum { PRINCIPAL_HOME_SIZE = 128 };

struct principal {
    char client_id[GUID_SIZE]; /* what it signs in with */
    char object_id[GUID_SIZE]; /* what roles are given to */
    char name[PRINCIPAL_NAME_MAX + 1];
    enum principal_kind kind;
    char secret[PASSWORD_TEXT_SIZE];        /* hash; "" = none */
    char capability[PRINCIPAL_DIGEST_SIZE]; /* of a managed one: SHA-256 of its address; else "" */
    char home[PRINCIPAL_HOME_SIZE];         /* subscription of one that is a resource; else "" */
};

struct user {
    char object_id[GUID_SIZE];
    char upn[USER_NAME_MAX + 1]; /* user principal name: NAME@DOMAIN, in lower case */
    char name[PRINCIPAL_NAME_MAX + 1];
    char password[PASSWORD_TEXT_SIZE]; /* hash */
    bool is_disabled;
};

struct principals;

/* A tenant and a subscription of their own, nobody in it. */
err_t principals_new(struct principals **ret) MUST_CHECK;
/* ERR_VALUE, ERR_CONFLICT for ids that are there twice; unknown members are refused. */
err_t principals_read(struct span json, struct trail *trail, struct principals **ret) MUST_CHECK;
err_t principals_write(const struct principals *principals, struct arena *arena,
                       struct span *ret) MUST_CHECK;
struct principals *principals_ref(struct principals *principals);
void principals_free(struct principals *principals);
DEFINE_CLEANUP(struct principals *, principals_free)

const char *principals_tenant(const struct principals *principals);
const char *principals_subscription(const struct principals *principals);
/* A principal, or a user who is not disabled, ignoring case: are tokens for it good? */
bool principals_has_object(const struct principals *principals, struct span object_id);

/* ---- service principals ---- */

size_t principals_count(const struct principals *principals);
const struct principal *principals_at(const struct principals *principals, size_t index);
/* By client id, ignoring case; NULL when there is none. */
const struct principal *principals_find(const struct principals *principals, struct span client_id);
/* The managed identity whose address holds this secret; the time says nothing about it. */
const struct principal *principals_find_capability(const struct principals *principals,
                                                   struct span capability);

/* Is this the secret in its address? */
bool principal_has_capability(const struct principal *principal, struct span capability);

/* A principal of this name with new ids and a random secret, shown once. ERR_VALUE for a name that
 * is empty, long or not printable. */
err_t principal_new(const char *name, struct trail *trail, struct principal *ret,
                    char ret_secret[PRINCIPAL_SECRET_SIZE]) MUST_CHECK;
/* A managed identity: its secret is the part of its address. */
err_t principal_new_managed(const char *name, struct trail *trail, struct principal *ret,
                            char ret_secret[PRINCIPAL_SECRET_SIZE]) MUST_CHECK;
/* Another secret for it, or another address; the old one is none any more. */
err_t principal_renew(struct principal *principal,
                      char ret_secret[PRINCIPAL_SECRET_SIZE]) MUST_CHECK;
/* base with this principal, in place of one with its client id if there is one. */
err_t principals_with(const struct principals *base, const struct principal *principal,
                      struct trail *trail, struct principals **ret) MUST_CHECK;
/* base without it and its certificates; ERR_NOT_FOUND. */
err_t principals_without(const struct principals *base, struct span client_id,
                         struct principals **ret) MUST_CHECK;

/* ---- certificates ---- */

/* What a client signs its assertions with. */
struct principal_cert {
    char client_id[GUID_SIZE];
    uint8_t sha1[SHA1_BYTES], sha256[SHA256_BYTES]; /* x5t and x5t#S256 */
    struct cert *cert;
};
/* All of them, of all principals; borrowed. */
size_t principals_cert_count(const struct principals *principals);
const struct principal_cert *principals_cert_at(const struct principals *principals, size_t index);
/* Of this client, by SHA-1 or SHA-256 as the length of digest says; NULL. */
const struct principal_cert *principals_cert_find(const struct principals *principals,
                                                  const char *client_id, struct span digest);
/* Takes its own reference. ERR_VALUE for a key that is not RSA or may not sign, ERR_CONFLICT for
 * one that is there, ERR_TOO_MANY, ERR_NOT_FOUND, ERR_UNSUPPORTED for a managed identity. */
err_t principals_with_cert(const struct principals *base, struct span client_id, struct cert *cert,
                           struct trail *trail, struct principals **ret) MUST_CHECK;
/* By SHA-1 or SHA-256; ERR_NOT_FOUND. */
err_t principals_without_cert(const struct principals *base, const char *client_id,
                              struct span digest, struct principals **ret) MUST_CHECK;

/* ---- users ---- */

size_t principals_user_count(const struct principals *principals);
const struct user *principals_user_at(const struct principals *principals, size_t index);
/* By user principal name or by object id, ignoring case; NULL. */
const struct user *principals_user_find(const struct principals *principals, struct span upn);
const struct user *principals_user_of(const struct principals *principals, struct span object_id);
/* Is it what follows the @ of some user's name? */
bool principals_has_domain(const struct principals *principals, struct span domain);
/* NAME@DOMAIN in letters, digits and the marks that such names may have. */
bool user_name_is(struct span upn);

/* With a new object id and without a password. name NULL = what stands before the @. ERR_VALUE. */
err_t user_new(const char *upn, const char *name, struct trail *trail, struct user *ret) MUST_CHECK;
/* ERR_VALUE for a password that is too short or too long, or equal to the name. */
err_t user_set_password(struct user *user, struct span password, struct trail *trail) MUST_CHECK;
/* A random one, shown once. */
err_t user_renew(struct user *user, char ret_password[PRINCIPAL_SECRET_SIZE]) MUST_CHECK;
/* base with this user, in place of one with its object id. ERR_CONFLICT for a name that is
 * another's. */
err_t principals_with_user(const struct principals *base, const struct user *user,
                           struct trail *trail, struct principals **ret) MUST_CHECK;
/* By user principal name; ERR_NOT_FOUND. */
err_t principals_without_user(const struct principals *base, struct span upn,
                              struct principals **ret) MUST_CHECK;

#endif
