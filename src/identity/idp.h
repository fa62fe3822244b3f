/*
 * idp.h - the built-in identity provider: client credentials in, an access token out.
 *
 * Requests and answers have the shape of Entra ID, so that unmodified clients (@azure/identity,
 * MSAL) sign in here: /TENANT/oauth2/v2.0/token and the older /TENANT/oauth2/token, the discovery
 * documents, the keys. Pure calls over bodies; which route they are is the api room's business.
 * Any thread. Time is an input.
 *
 * Guessing is slow: a secret is checked against its scrypt hash, at most IDP_MAX_HASHING at a
 * time; an unknown client costs the same work and gets the same answer as a wrong secret; after
 * IDP_MAX_FAILURES wrong secrets of one client id in a minute all that follow are 429 for the
 * rest of it. A client that signed in before is recognised by a keyed digest of its secret without
 * scrypt, and is not locked out by others who guess: secrets are 32 random bytes, made here.
 */
#ifndef IDENTITY_IDP_H
#define IDENTITY_IDP_H

#include "access/token.h"
#include "identity/principals.h"

enum {
    IDP_TOKEN_S = 3600,
    IDP_MAX_FAILURES = 10, /* of one client id in a window */
    IDP_WINDOW_S = 60,
    IDP_MAX_HASHING = 2, /* scrypt at a time: 16 MiB each, and a thread that serves */
    IDP_MAX_KEYS = 8,
};

struct idp;

struct idp_options {
    const char *endpoint;          /* where this server is; no last slash */
    struct token_key *const *keys; /* the last one signs, all are published */
    size_t n_keys;
    struct principals *principals;
};
/* Takes references. */
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
    struct span correlation_id; /* what the client sent as client-request-id; may be empty */
    struct span authorization;  /* the request's header: "Basic ..." names the client as well */
};
struct idp_answer {
    unsigned status;
    struct span body; /* JSON; data NULL without memory */
    unsigned retry_after_s;
    const char *reason;    /* stable word for the audit; "ok" for a token */
    const char *client_id; /* who asked, escaped; "" when not said */
    const char *object_id; /* of a known client whose secret held; else "" */
};

/* The token request; its body is a form. The body's own bytes are the caller's to wipe. */
void idp_token(struct idp *provider, const struct idp_call *call, struct span body,
               struct idp_answer *ret);
/* The OpenID configuration of the tenant. */
void idp_openid(const struct idp *provider, const struct idp_call *call, struct idp_answer *ret);
/* {"keys":[...]} */
void idp_keys(const struct idp *provider, const struct idp_call *call, struct idp_answer *ret);
/* /common/discovery/instance: this host is an authority. */
void idp_instance(const struct idp *provider, const struct idp_call *call, struct idp_answer *ret);

#endif
