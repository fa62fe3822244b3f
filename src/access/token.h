/*
 * token.h - who is calling: a bearer token held against the issuers that an operator configured.
 *
 * Every issuer is a fixed set: the exact `iss`, one tenant, the audiences of each plane, the keys
 * known now. Nothing in a token chooses more than a row of that table: `iss` selects the issuer,
 * `kid` a key in its set, and the algorithm is the key's (rules J-1 to J-8, token/token.h; never
 * none, never an HMAC). Issuers and keys are immutable and reference counted: a check sees one
 * snapshot, from any thread. Time is an input.
 *
 * Somebody is a principal (tenant, object id). The tenant is the issuer's own, as configured: no
 * issuer can speak for the principals of another tenant.
 */
#ifndef ACCESS_TOKEN_H
#define ACCESS_TOKEN_H

#include "access/reason.h"
#include "base/err.h"
#include "token/token.h"

/* What a token may be used for; each has audiences of its own, so that a token for one is nothing
 * to the other. */
enum access_plane {
    ACCESS_DATA,       /* attestation, policies, signers */
    ACCESS_MANAGEMENT, /* resources */
    ACCESS_PLANES,
};

enum {
    ACCESS_TOKEN_MAX_BYTES = 16 * 1024, /* a request's whole head has no more */
    /* Clocks differ: a token is taken this long before its nbf and after its exp. Issuers' own
     * libraries allow five minutes; a minute is what machines with NTP need, and every second more
     * prolongs a token that was taken away. */
    ACCESS_SKEW_S = 60,
    ACCESS_MAX_ISSUERS = 16,
    ACCESS_MAX_AUDIENCES = 8, /* of one plane */
    ACCESS_ID_MAX = 128,      /* an object id or a tenant; a UUID is 36 */
    ACCESS_NAME_MAX = 128,
    ACCESS_URL_MAX = 256,
};

/* Keys of an issuer, shared. */
struct access_keys;
/* Takes keys on success. NULL without memory. */
struct access_keys *access_keys_new(struct token_keys *keys);
struct access_keys *access_keys_ref(struct access_keys *keys);
void access_keys_free(struct access_keys *keys);
DEFINE_CLEANUP(struct access_keys *, access_keys_free)
const struct token_keys *access_keys_get(const struct access_keys *keys);

struct access_issuer {
    const char *url;    /* `iss`, compared byte for byte */
    const char *tenant; /* of all its principals */
    /* Exact values of `aud`; NULL behind the last. */
    const char *audiences[ACCESS_PLANES][ACCESS_MAX_AUDIENCES + 1];
    struct access_keys *keys; /* NULL: none are known now */
};

struct access_issuers;
/* Copies the strings, takes references to the keys. ERR_VALUE for an issuer without url, tenant or
 * audience, with one that is too long, or with a url that is there twice; ERR_TOO_MANY. */
err_t access_issuers_new(const struct access_issuer *list, size_t n, struct trail *trail,
                         struct access_issuers **ret) MUST_CHECK;
struct access_issuers *access_issuers_ref(struct access_issuers *issuers);
void access_issuers_free(struct access_issuers *issuers);
DEFINE_CLEANUP(struct access_issuers *, access_issuers_free)
size_t access_issuers_count(const struct access_issuers *issuers);
/* Borrowed; NULL past the end. */
const struct access_issuer *access_issuers_at(const struct access_issuers *issuers, size_t index);

/* Somebody who proved who they are. Texts are in the arena, printable, never NULL. */
struct access_caller {
    const char *issuer;
    const char *tenant;
    const char *object_id; /* `oid`, else `sub` */
    const char *name;      /* for people; "" when the token has none */
    const char *client_id; /* the application that asked for the token; "" when unknown */
    bool is_application;   /* a service principal, no person */
    const char *home;      /* of an identity that is a resource: its subscription, in lower case;
                              NULL: none. Not of the token: of who knows such identities */
};

/* Whom a refusal names: a person by name, whichever application asked for the token; an application
 * by its id. */
const char *access_caller_shown(const struct access_caller *caller);

struct access_result {
    enum access_reason reason; /* ACCESS_OK: caller is filled */
    struct access_caller
        caller;      /* of a refused token nothing is known: what it says is not proven */
    bool has_issuer; /* the token names issuer `issuer` of the set, rightly or not */
    size_t issuer;
};

/* bearer: the token alone; data NULL when none was sent. Always fills *ret. */
void access_token_check(struct arena *arena, const struct access_issuers *issuers,
                        enum access_plane plane, int64_t now, struct span bearer,
                        struct access_result *ret);

#endif
