/*
 * idp-internal.h - what the files of the provider share. Not for other rooms.
 */
#ifndef IDENTITY_IDP_INTERNAL_H
#define IDENTITY_IDP_INTERNAL_H

#include "identity/idp.h"
#include "json/json.h"

#include <pthread.h>
#include <stdatomic.h>

enum { IDP_DIGEST_BYTES = 32, IDP_UNKNOWN_BUCKETS = 512 };

struct idp_window {
    int64_t began;
    unsigned failures;
};

/* What is remembered of a client, as long as the process runs. */
struct idp_client {
    char client_id[GUID_SIZE]; /* "" = free */
    char secret[PASSWORD_TEXT_SIZE];
    bool has_digest;
    uint8_t digest[IDP_DIGEST_BYTES];
    struct idp_window window;
};

struct idp {
    char *endpoint, *authority, *issuer_v1, *issuer_v2, *endpoint_slash;
    char tenant[GUID_SIZE];
    struct token_key *signing;
    struct access_keys *keys;
    uint8_t *jwks;
    size_t jwks_len;
    uint8_t digest_key[IDP_DIGEST_BYTES];
    atomic_uint hashing;
    pthread_mutex_t lock; /* of all below; nothing is locked under it */
    struct principals *principals;
    struct idp_client clients[PRINCIPALS_MAX];
    /* Ids that nobody has share counters, so that trying many of them fills nothing. */
    struct idp_window unknown[IDP_UNKNOWN_BUCKETS];
};

enum idp_proof { IDP_PROVEN, IDP_WRONG, IDP_LIMITED, IDP_BUSY, IDP_FAULT };
/* Is this client's secret right? IDP_PROVEN fills *ret, a copy. */
enum idp_proof idp_prove(struct idp *provider, struct span client_id, struct span secret,
                         int64_t now, struct principal *ret);

bool idp_is_tenant(const struct idp *provider, struct span tenant);
/* A refusal in Entra's shape. number: of AADSTS. */
void idp_refuse(const struct idp_call *call, struct idp_answer *ret, unsigned status,
                const char *error, unsigned number, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(7, 8);
void idp_answer_json(struct arena *arena, struct idp_answer *ret, yyjson_mut_doc *doc,
                     yyjson_mut_val *root);

#endif
