/*
 * proof.c - is this client's secret right? Who may ask: anybody, as often as they like.
 */
#include "identity/idp-internal.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "crypto/secret.h"

err_t idp_digest(const struct idp *provider, const char *what, struct span bytes,
                 uint8_t digest[IDP_DIGEST_BYTES])
{
    uint8_t inner[IDP_DIGEST_BYTES];
    uint8_t both[2 * IDP_DIGEST_BYTES];
    const struct span key = span_of(provider->digest_key, sizeof(provider->digest_key));
    err_t err = hmac_once(HASH_SHA256, key, span_str(what), inner);

    memcpy(both, inner, sizeof(inner));
    err = err ? err : hmac_once(HASH_SHA256, key, bytes, inner);
    memcpy(both + sizeof(inner), inner, sizeof(inner));
    return err ? err : hmac_once(HASH_SHA256, key, span_of(both, sizeof(both)), digest);
}

size_t idp_bucket(const uint8_t digest[IDP_DIGEST_BYTES])
{
    return ((size_t)digest[0] << 8 | digest[1]) % IDP_UNKNOWN_BUCKETS;
}

/* Under the lock. The slot of a known client; what is remembered goes with its secret. */
static struct idp_client *slot_of(struct idp *provider, const struct principal *known)
{
    struct idp_client *slot = NULL;

    for (size_t i = 0; i < PRINCIPALS_MAX; i++) {
        struct idp_client *client = &provider->clients[i];

        if (strcmp(client->client_id, known->client_id) == 0) {
            slot = client;
            break;
        }
        /* Of one that was removed meanwhile. */
        if (client->client_id[0] == '\0' ||
            principals_find(provider->principals, span_str(client->client_id)) == NULL) {
            slot = client;
        }
    }
    /* There are as many slots as there can be principals, so one was found. */
    if (slot != NULL && (strcmp(slot->client_id, known->client_id) != 0 ||
                         strcmp(slot->secret, known->secret) != 0)) {
        *slot = (struct idp_client){0};
        memcpy(slot->client_id, known->client_id, sizeof(slot->client_id));
        memcpy(slot->secret, known->secret, sizeof(slot->secret));
    }
    return slot;
}

struct attempt {
    struct span client_id, secret;
    int64_t now;
    uint8_t source[IDP_DIGEST_BYTES];
    uint8_t digest[IDP_DIGEST_BYTES]; /* of the secret */
    size_t bucket;                    /* for an id that nobody has */
    bool is_known;
    struct principal known; /* a copy: the set may be swapped meanwhile */
    struct idp_counted counted;
};

/* Under the lock. */
static struct idp_lockout *lockout_for(struct idp *provider, const struct attempt *attempt)
{
    struct idp_client *client = attempt->is_known ? slot_of(provider, &attempt->known) : NULL;

    return client != NULL ? &client->lockout : &provider->unknown_clients[attempt->bucket];
}

/* What needs no slow hash: IDP_PROVEN, IDP_LIMITED, or IDP_WRONG for what is yet to be tried. */
static enum idp_proof prove_quickly(struct idp *provider, struct attempt *attempt,
                                    unsigned *ret_left)
{
    struct idp_client *client = NULL;
    const struct principal *known;
    bool is_proven;

    pthread_mutex_lock(&provider->lock);
    known = principals_find(provider->principals, attempt->client_id);
    known = known != NULL && known->secret[0] == '\0' ? NULL : known; /* has none */
    attempt->is_known = known != NULL;
    if (known != NULL) {
        attempt->known = *known;
        client = slot_of(provider, known);
    }
    is_proven = client != NULL && client->has_digest &&
                secret_equal(span_of(client->digest, sizeof(client->digest)),
                             span_of(attempt->digest, sizeof(attempt->digest)));
    *ret_left = lockout_left(&lockout_of_clients, lockout_for(provider, attempt), attempt->source,
                             attempt->now);
    pthread_mutex_unlock(&provider->lock);
    return is_proven ? IDP_PROVEN : *ret_left != 0 ? IDP_LIMITED : IDP_WRONG;
}

/* Before it is tried: many at the same time are many. Taken back when it is right. */
static unsigned count_attempt(struct idp *provider, struct attempt *attempt)
{
    struct idp_lockout *lockout;
    unsigned left;

    pthread_mutex_lock(&provider->lock);
    lockout = lockout_for(provider, attempt);
    left = lockout_left(&lockout_of_clients, lockout, attempt->source, attempt->now);
    if (left == 0) {
        lockout_count(&lockout_of_clients, lockout, attempt->source, attempt->now,
                      &attempt->counted);
    }
    pthread_mutex_unlock(&provider->lock);
    return left;
}

static void remember(struct idp *provider, const struct attempt *attempt)
{
    struct idp_client *client;

    pthread_mutex_lock(&provider->lock);
    client = slot_of(provider, &attempt->known);
    if (client != NULL) {
        lockout_take_back(&client->lockout, attempt->source, attempt->now, &attempt->counted);
        memcpy(client->digest, attempt->digest, sizeof(client->digest));
        client->has_digest = true;
    }
    pthread_mutex_unlock(&provider->lock);
}

static enum idp_proof prove_slowly(struct idp *provider, struct attempt *attempt,
                                   unsigned *ret_left)
{
    struct idp_place *place = idp_hash_begin(provider, attempt->source);
    err_t err = ERR_OK;

    if (place == NULL) {
        *ret_left = IDP_HASHING_RETRY_S;
        return IDP_BUSY;
    }
    *ret_left = count_attempt(provider, attempt);
    if (*ret_left == 0) {
        err = password_check(attempt->is_known ? attempt->known.secret : NULL, attempt->secret);
    }
    idp_hash_end(provider, place);
    if (*ret_left != 0) {
        return IDP_LIMITED;
    }
    if (err == ERR_OK) {
        remember(provider, attempt);
        return IDP_PROVEN;
    }
    return err == ERR_DENIED || err == ERR_TOO_LARGE ? IDP_WRONG : IDP_FAULT;
}

enum idp_proof idp_prove(struct idp *provider, const struct idp_call *call, struct span client_id,
                         struct span secret, struct principal *ret, unsigned *ret_retry_s)
{
    struct attempt attempt = {.client_id = client_id, .secret = secret, .now = call->now};
    uint8_t place[IDP_DIGEST_BYTES];
    enum idp_proof proof;

    if (idp_source(provider, call, attempt.source) != ERR_OK ||
        idp_digest(provider, "secret", secret, attempt.digest) != ERR_OK ||
        idp_digest(provider, "client", client_id, place) != ERR_OK) {
        return IDP_FAULT;
    }
    attempt.bucket = idp_bucket(place);
    proof = prove_quickly(provider, &attempt, ret_retry_s);
    proof = proof == IDP_WRONG ? prove_slowly(provider, &attempt, ret_retry_s) : proof;
    if (proof == IDP_PROVEN) {
        *ret = attempt.known;
    }
    return proof;
}
