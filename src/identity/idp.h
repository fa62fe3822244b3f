/*
 * idp.h - the built-in identity provider: proof of who one is in, an access token out.
 *
 * Requests and answers have the shape of Entra ID, so that unmodified clients (az, @azure/identity,
 * MSAL) sign in here: /TENANT/oauth2/v2.0/token and the older /TENANT/oauth2/token, the discovery
 * documents, the keys. Service principals sign in with a secret or a certificate, managed
 * identities at an address of their own, people with a password, with a code that they type
 * elsewhere, and from then on with a refresh token (docs/formats/sign-in.md). Pure calls over
 * bodies; which route they are is the api room's business. Any thread. Time is an input.
 *
 * Guessing is slow: a secret is checked against its scrypt hash, at most IDP_MAX_HASHING at a
 * time, of which one source has IDP_MAX_HASHING_OF_ONE; an unknown client costs the same work and
 * gets the same answer as a wrong secret; after IDP_MAX_FAILURES wrong secrets of one client id
 * from one source in a minute all that follow from there are 429 for a minute. A client that signed
 * in before is recognised by a keyed digest of its secret without scrypt, and is not locked out by
 * others who guess: secrets are 32 random bytes, made here. Users, whose passwords are not, are
 * locked out for longer (lockout.c).
 */
#ifndef IDENTITY_IDP_H
#define IDENTITY_IDP_H

#include "access/token.h"
#include "identity/principals.h"

enum {
    IDP_TOKEN_S = 3600,
    IDP_MAX_FAILURES = 10,          /* of one client id from one source in a window */
    IDP_MAX_FAILURES_OF_ALL = 1000, /* from all that are not the client's own */
    IDP_WINDOW_S = 60,
    /* scrypt at a time: 16 MiB each, and a thread that serves, of which there are four or more. */
    IDP_MAX_HASHING = 3,
    IDP_MAX_HASHING_OF_ONE = 2, /* source */
    IDP_HASHING_RETRY_S = 1,    /* for one too many */
    IDP_MAX_KEYS = 8,
    /* Users: so many wrong passwords of one source within a time lock it out, longer each time. */
    IDP_LOCK_FAILURES = 10,
    IDP_LOCK_WINDOW_S = 600,
    IDP_LOCK_FIRST_S = 60,
    IDP_LOCK_MAX_S = 3600,
    IDP_LOCK_FORGET_S = 24 * 3600, /* without a wrong one: the first length again */
    /* So many of all sources lock the user for those that are not the user's own. */
    IDP_LOCK_ALL_FAILURES = 100,
    IDP_LOCK_ALL_WINDOW_S = 3600,
    IDP_LOCK_ALL_FIRST_S = 300,
    IDP_LOCK_ALL_MAX_S = 4 * 3600,
    IDP_LOCK_SOURCES = 16, /* that are remembered of one user */
    IDP_LOCK_SOURCES_OWN = 8,
    /* A refresh token ends when it is not used for so long, and so long after the password. */
    IDP_REFRESH_S = 14 * 24 * 3600,
    IDP_REFRESH_MAX_S = 90 * 24 * 3600,
    IDP_REFRESH_KEY_BYTES = 32,
    /* Codes for devices. */
    IDP_DEVICE_S = 900,
    IDP_DEVICE_INTERVAL_S = 3,
    IDP_MAX_DEVICES = 1024,
    IDP_MAX_DEVICES_OF_ONE = 64, /* asked for from one address */
    /* Assertions that are remembered until they end. */
    IDP_MAX_ASSERTIONS = 4096,
    IDP_MAX_ASSERTIONS_OF_ONE = 1024, /* client */
    IDP_SOURCE_SIZE = 64,
};

struct idp;
struct store; /* store/store.h */

/* One whose tokens an address gives. */
struct idp_held {
    struct principal principal;
    const char
        *resource; /* in lower case, id of a user-assigned identity; "" = the address's own */
};

/* Managed identities that are kept elsewhere, such as those of virtual machines. */
struct idp_elsewhere {
    /* By object id; false when there is none, or no more. */
    bool (*find)(void *context, struct arena *arena, struct span object_id, struct principal *ret);
    /* The digest of an address, by the GUID that it begins with; false when there is none. Asked by
     * anybody, so it must be cheap. */
    bool (*address)(void *context, struct arena *arena, struct span id,
                    char ret_digest[PRINCIPAL_DIGEST_SIZE]);
    /* Whose tokens it gives, its own first, in the arena: for who has shown its secret. */
    bool (*held)(void *context, struct arena *arena, struct span id, struct idp_held **ret,
                 size_t *ret_n);
    void *context; /* outlives the provider */
};

struct idp_options {
    const char *endpoint;          /* where this server is; no last slash */
    struct token_key *const *keys; /* the last one signs, all are published */
    size_t n_keys;
    struct principals *principals;
    struct span refresh_key; /* IDP_REFRESH_KEY_BYTES; data NULL = one for as long as this lives */
    struct idp_elsewhere elsewhere; /* find NULL = none */
    struct store *store; /* where used assertions are kept; NULL = for as long as this lives */
};
/* Takes references; copies the key; borrows the store. */
err_t idp_new(const struct idp_options *options, struct idp **ret) MUST_CHECK;
void idp_free(struct idp *provider);
DEFINE_CLEANUP(struct idp *, idp_free)
/* From the next request on; takes a reference. */
void idp_set_principals(struct idp *provider, struct principals *principals);
/* Free the reference. */
struct principals *idp_principals(struct idp *provider);
const char *idp_tenant(const struct idp *provider);
/* "https://host/TENANT": where callers are told to sign in. */
const char *idp_authority(const struct idp *provider);

enum { IDP_ISSUERS = 2 }; /* tokens of version 1.0 and 2.0 */
/* What this provider is to those who verify. Borrowed texts; the keys are references to free. */
err_t idp_issuers(const struct idp *provider, struct access_issuer ret[IDP_ISSUERS]) MUST_CHECK;

struct idp_call {
    struct arena *arena;
    int64_t now;
    struct span tenant;         /* of the path; "adfs" is this tenant too */
    bool is_v1;                 /* /oauth2/token */
    bool is_adfs;               /* asked below /adfs, also when tenant is a name behind it */
    struct span correlation_id; /* what the client sent as client-request-id; may be empty */
    struct span authorization;  /* the request's header: "Basic ..." names the client as well */
    const char *source;         /* the address it comes from, without port; NULL = unknown */
};
struct idp_answer {
    unsigned status;
    struct span body; /* JSON; data NULL without memory */
    unsigned retry_after_s;
    const char *reason;    /* stable word for the audit; "ok" for a token */
    const char *client_id; /* who asked, escaped; "" when not said */
    const char *object_id; /* of a known client whose secret held; else "" */
};

/* Is it an application or a managed identity: one of the vendor's, or one of these? */
bool idp_is_client(const struct principals *principals, struct span client_id);
/* An identity that is kept elsewhere; false when there is none. */
bool idp_find_elsewhere(const struct idp *provider, struct arena *arena, struct span object_id,
                        struct principal *ret);

/* The token request; its body is a form. The body's own bytes are the caller's to wipe. */
void idp_token(struct idp *provider, const struct idp_call *call, struct span body,
               struct idp_answer *ret);
/* The OpenID configuration of the tenant. */
void idp_openid(struct idp *provider, const struct idp_call *call, struct idp_answer *ret);
/* {"keys":[...]} */
void idp_keys(struct idp *provider, const struct idp_call *call, struct idp_answer *ret);
/* /common/discovery/instance: this host is an authority. */
void idp_instance(const struct idp *provider, const struct idp_call *call, struct idp_answer *ret);

/* ---- people on another machine (RFC 8628) ---- */

/* The request for a code. */
void idp_device_code(struct idp *provider, const struct idp_call *call, struct span body,
                     struct idp_answer *ret);

/* What came of a form with code, username, password and action (allow or deny). */
enum idp_entry {
    IDP_ENTRY_ALLOWED,
    IDP_ENTRY_DENIED,
    IDP_ENTRY_INCOMPLETE,
    IDP_ENTRY_WRONG_CODE,
    IDP_ENTRY_LIMITED, /* too many wrong codes from here */
    IDP_ENTRY_WRONG_PASSWORD,
    IDP_ENTRY_LOCKED,
    IDP_ENTRY_DISABLED,
    IDP_ENTRY_BUSY,
    IDP_ENTRY_FAULT,
};
struct idp_entered {
    enum idp_entry entry;
    const char *client; /* the application that is waiting; "" while the code is not right */
    const char *user;   /* as it was typed, escaped; "" */
    unsigned retry_after_s;
};
void idp_device_enter(struct idp *provider, const struct idp_call *call, struct span body,
                      struct idp_entered *ret);
/* A stable word for the audit; "ok". */
const char *idp_entry_name(enum idp_entry entry);

/* ---- managed identities ---- */

/* capability: the secret part of the address. is_metadata: a header was sent that programs set on
 * purpose, such as Metadata: true.
 * parameters: the form or the query. */
void idp_managed(struct idp *provider, const struct idp_call *call, struct span capability,
                 bool is_metadata, struct span parameters, struct idp_answer *ret);

/* ---- the cloud that this server is (cloud.c) ---- */

/* /metadata/endpoints in the shape that the api-version has, or the nearest known one has. False
 * for what is no version: nothing is answered. */
bool idp_cloud(const struct idp *provider, const struct idp_call *call, struct span api_version,
               struct idp_answer *ret) MUST_CHECK;
/* Short names of images. */
void idp_aliases(const struct idp_call *call, struct idp_answer *ret);
/* The tenants of a caller: its own. */
void idp_tenants(struct idp *provider, const struct idp_call *call, const char *tenant,
                 struct idp_answer *ret);

#endif
