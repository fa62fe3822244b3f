/*
 * idp-internal.h - what the files of the provider share. Not for other rooms.
 */
#ifndef IDENTITY_IDP_INTERNAL_H
#define IDENTITY_IDP_INTERNAL_H

#include "identity/form.h"
#include "identity/idp.h"
#include "identity/lockout.h"
#include "json/json.h"

#include <pthread.h>

enum {
    IDP_UNKNOWN_BUCKETS = 512,
    IDP_SHOWN_MAX = 128,
    IDP_USER_CODE_LETTERS = 8,
    IDP_MARK_SIZE = 2 * SHA256_BYTES + 1, /* idp_password_mark, and a NUL */
};

/* What is remembered of a client, as long as the process runs. */
struct idp_client {
    char client_id[GUID_SIZE]; /* "" = free */
    char secret[PASSWORD_TEXT_SIZE];
    bool has_digest;
    uint8_t digest[IDP_DIGEST_BYTES];
    struct idp_lockout lockout;
};

/* The same of a user. */
struct idp_known_user {
    char object_id[GUID_SIZE];         /* "" = free */
    char password[PASSWORD_TEXT_SIZE]; /* a new one begins anew */
    struct idp_lockout lockout;
};

/* Where a slow hash is made. */
struct idp_place {
    bool is_taken;
    uint8_t source[IDP_DIGEST_BYTES];
};

/* An assertion that was taken: not a second time while it lives. */
struct idp_used {
    uint8_t digest[IDP_DIGEST_BYTES];
    char client_id[GUID_SIZE];
    int64_t expires; /* 0 = free */
};

enum idp_device_state { IDP_DEVICE_PENDING, IDP_DEVICE_IS_ALLOWED, IDP_DEVICE_IS_DENIED };

struct idp_device {
    uint8_t digest[IDP_DIGEST_BYTES]; /* of the device code */
    char user_code[IDP_USER_CODE_LETTERS + 1];
    char client_id[GUID_SIZE];
    uint8_t source[IDP_DIGEST_BYTES];
    const char *audience; /* the provider's */
    bool wants_refresh;
    int64_t expires; /* 0 = free */
    int64_t polled;
    enum idp_device_state state;
    /* Of the user who decided: who, by which password, and when. */
    char object_id[GUID_SIZE];
    char mark[IDP_MARK_SIZE];
    int64_t decided;
};

struct idp {
    char *endpoint, *authority, *issuer_v1, *issuer_v2, *endpoint_slash;
    char tenant[GUID_SIZE];
    struct token_key *signing;
    struct access_keys *keys;
    struct store *store; /* NULL = none */
    struct idp_elsewhere elsewhere;
    uint8_t *jwks;
    size_t jwks_len;
    uint8_t digest_key[IDP_DIGEST_BYTES];
    uint8_t refresh_key[IDP_REFRESH_KEY_BYTES];
    pthread_mutex_t lock; /* of all below; nothing is locked under it */
    struct principals *principals;
    struct idp_client clients[PRINCIPALS_MAX];
    struct idp_place hashing[IDP_MAX_HASHING];
    struct idp_known_user users[USERS_MAX];
    /* Ids and names that nobody has share counters, so that trying many of them fills nothing. */
    struct idp_lockout unknown_clients[IDP_UNKNOWN_BUCKETS];
    struct idp_lockout unknown_users[IDP_UNKNOWN_BUCKETS];
    struct idp_window code_guesses[IDP_UNKNOWN_BUCKETS]; /* by where they come from */
    struct idp_used used[IDP_MAX_ASSERTIONS];
    struct idp_device devices[IDP_MAX_DEVICES];
};

/* ---- requests (grant.c) ---- */

struct idp_request {
    struct form form;
    struct span basic; /* id and secret of the header, to be wiped */
    struct span client_id, secret, assertion;
    struct span scope;    /* as it was asked for; data NULL without */
    const char *audience; /* the provider's; NULL before it is known */
    bool is_by_resource;
    bool wants_refresh;
    const char *authentication; /* of the client, once it is checked: as in struct idp_grant */
};

/* The audience of a text that a client sent, with or without its last slash, as the token will say
 * it; the provider's. NULL for a resource that is not here. */
const char *idp_known_resource(const struct idp *provider, struct span text);
/* A form of any call; false when it is none: then it is answered. */
bool idp_read_form(const struct idp_call *call, struct span body, struct form *form,
                   struct idp_answer *ret);
/* scope or resource into audience; false when it is answered. is_person: for user grants. */
bool idp_read_audience(const struct idp *provider, const struct idp_call *call, bool is_person,
                       struct idp_request *request, struct idp_answer *ret);
/* Who asks: client_id, secret and assertion, from the form or the header. False when it is
 * answered. */
bool idp_read_client(const struct idp_call *call, struct idp_request *request,
                     struct idp_answer *ret);
/* Its secrets, when it is answered. */
void idp_request_wipe(const struct idp_call *call, struct idp_request *request);
/* Is this an application that people may sign in with, and not somebody who knows its id? Else it
 * is answered. */
bool idp_check_client(struct idp *provider, const struct idp_call *call,
                      struct idp_request *request, struct idp_answer *ret);
/* "Microsoft Azure CLI", the name of a registered one, or NULL. In the arena. */
const char *idp_client_name(struct idp *provider, struct arena *arena, struct span client_id);
const char *idp_shown(const struct idp_call *call, struct span text);

/* ---- who, and from where (proof.c, user-proof.c, assertion.c, source.c) ---- */

enum idp_proof { IDP_PROVEN, IDP_WRONG, IDP_LIMITED, IDP_BUSY, IDP_DISABLED, IDP_FAULT };
/* Is this client's secret right? IDP_LIMITED and IDP_BUSY: not before *ret_retry_s. IDP_PROVEN
 * fills *ret, a copy. */
enum idp_proof idp_prove(struct idp *provider, const struct idp_call *call, struct span client_id,
                         struct span secret, struct principal *ret, unsigned *ret_retry_s);
/* The same of a user's password. */
enum idp_proof idp_prove_user(struct idp *provider, const struct idp_call *call, struct span upn,
                              struct span password, struct user *ret, unsigned *ret_retry_s);
/* The answer to a user who is not proven. */
void idp_refuse_user(const struct idp_call *call, enum idp_proof proof, unsigned retry_s,
                     struct idp_answer *ret);
/* A signed assertion (RFC 7523); false when it is answered. */
bool idp_prove_assertion(struct idp *provider, const struct idp_call *call,
                         const struct idp_request *request, struct idp_answer *ret,
                         struct principal *ret_principal);
/* Where the call comes from, as far as others can be told from it: an address, of version 6 the
 * network of 64 bits. One and the same for calls that do not say. */
err_t idp_source(const struct idp *provider, const struct idp_call *call,
                 uint8_t digest[IDP_DIGEST_BYTES]) MUST_CHECK;
/* A place for a slow hash, to be given back; NULL: this source has its share, or all are taken. */
struct idp_place *idp_hash_begin(struct idp *provider, const uint8_t source[IDP_DIGEST_BYTES]);
void idp_hash_end(struct idp *provider, struct idp_place *place);
/* With a key that nobody outside knows: where it lands cannot be aimed at. */
err_t idp_digest(const struct idp *provider, const char *what, struct span bytes,
                 uint8_t digest[IDP_DIGEST_BYTES]) MUST_CHECK;
size_t idp_bucket(const uint8_t digest[IDP_DIGEST_BYTES]);

/* ---- the token (issue.c) ---- */

struct idp_grant {
    const struct principal *principal; /* one of the two */
    const struct user *user;
    const char *client_id;      /* who asked */
    const char *authentication; /* "0" not at all, "1" by a secret, "2" by a certificate */
    const char *audience;
    struct span scope; /* to be told again; data NULL = not */
    int64_t began;     /* when the user typed a password */
    bool is_by_resource;
    bool wants_client_info;
    bool wants_refresh;
};
/* 200 with the token, or 500. */
void idp_grant(const struct idp *provider, const struct idp_call *call,
               const struct idp_grant *grant, struct idp_answer *ret);
/* The access token alone. */
err_t idp_issue(const struct idp *provider, const struct idp_call *call,
                const struct idp_grant *grant, struct span *ret) MUST_CHECK;

/* ---- what follows a sign-in (refresh.c, device.c) ---- */

/* Says nothing about the password's hash, and changes with it. NULL without memory. */
const char *idp_password_mark(const struct idp *provider, struct arena *arena,
                              const struct user *user);
/* The user, who showed the password that has this mark a while ago, as it is now. False when that
 * counts no more: removed, disabled, or another password; then it is answered. */
bool idp_recall_user(struct idp *provider, const struct idp_call *call, struct span object_id,
                     struct span mark, struct idp_answer *ret, struct user *ret_user);
err_t idp_refresh_seal(const struct idp *provider, const struct idp_call *call,
                       const struct idp_grant *grant, const char **ret) MUST_CHECK;
/* The grants of these two; request has its form and its client. */
void idp_grant_refresh(struct idp *provider, const struct idp_call *call,
                       struct idp_request *request, struct idp_answer *ret);
void idp_grant_device(struct idp *provider, const struct idp_call *call,
                      struct idp_request *request, struct idp_answer *ret);

bool idp_is_tenant(struct idp *provider, struct span tenant);
/* A refusal in Entra's shape. number: of AADSTS. */
void idp_refuse(const struct idp_call *call, struct idp_answer *ret, unsigned status,
                const char *error, unsigned number, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(7, 8);
/* What is our own fault: 500. */
void idp_fault(const struct idp_call *call, struct idp_answer *ret);
void idp_answer_json(struct arena *arena, struct idp_answer *ret, yyjson_mut_doc *doc,
                     yyjson_mut_val *root);

#endif
