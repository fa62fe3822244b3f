/*
 * provider-internal.h - what the files of the provider share. Not for other rooms.
 */
#ifndef IDENTITY_PROVIDER_INTERNAL_H
#define IDENTITY_PROVIDER_INTERNAL_H

#include "identity/provider.h"
#include "json/json.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PROVIDER_DIGEST_BYTES = 32, PROVIDER_UNKNOWN_BUCKETS = 512 };

struct provider_window {
    int64_t began;
    unsigned failures;
};

/* What is remembered of a client, as long as the process runs. */
struct provider_client {
    char client_id[GUID_SIZE]; /* "" = free */
    char secret[PASSWORD_TEXT_SIZE];
    bool has_digest;
    uint8_t digest[PROVIDER_DIGEST_BYTES];
    struct provider_window window;
};

struct provider {
    char *endpoint, *authority, *issuer_v1, *issuer_v2, *endpoint_slash;
    char tenant[GUID_SIZE];
    struct token_key *signing;
    struct access_keys *keys;
    uint8_t *jwks;
    size_t jwks_len;
    uint8_t digest_key[PROVIDER_DIGEST_BYTES];
    atomic_uint hashing;
    pthread_mutex_t lock; /* of all below; nothing is locked under it */
    struct principals *principals;
    struct provider_client clients[PRINCIPALS_MAX];
    /* Ids that nobody has share counters, so that trying many of them fills nothing. */
    struct provider_window unknown[PROVIDER_UNKNOWN_BUCKETS];
};

enum provider_proof {
    PROVIDER_PROVEN,
    PROVIDER_WRONG,
    PROVIDER_LIMITED,
    PROVIDER_BUSY,
    PROVIDER_FAULT
};
/* Is this client's secret right? PROVIDER_PROVEN fills *ret, a copy. */
enum provider_proof provider_prove(struct provider *provider, struct span client_id,
                                   struct span secret, int64_t now, struct principal *ret);

bool provider_is_tenant(const struct provider *provider, struct span tenant);
/* A refusal in Entra's shape. number: of AADSTS. */
void provider_refuse(const struct provider_call *call, struct provider_answer *ret, unsigned status,
                     const char *error, unsigned number, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(7, 8);
void provider_answer_json(struct arena *arena, struct provider_answer *ret, yyjson_mut_doc *doc,
                          yyjson_mut_val *root);

#endif
