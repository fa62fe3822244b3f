/*
 * source.c - where a call comes from, and its share of the places for slow hashes. Who may send
 * these bytes: nobody, the address is the connection's own; but whoever has many addresses has many
 * sources.
 */
#include "identity/idp-internal.h"

#include <arpa/inet.h>

enum { V6_NETWORK_BYTES = 8, V6_BYTES = 16, V4_BYTES = 4 };

/* What one customer of a network has: an address of version 4, or the 64 bits before the 64 that
 * every machine of version 6 chooses as it likes (RFC 4291, 2.5.1). */
static struct span network_of(const char *text, uint8_t bytes[V6_BYTES])
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char plain[IDP_SOURCE_SIZE];
    size_t len = strlen(text);

    if (len > 2 && len < sizeof(plain) && text[0] == '[' && text[len - 1] == ']') {
        memcpy(plain, text + 1, len - 2);
        plain[len - 2] = '\0';
        text = plain;
    }
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return span_of(bytes, V4_BYTES);
    }
    if (inet_pton(AF_INET6, text, bytes) == 1) {
        return memcmp(bytes, mapped, sizeof(mapped)) == 0
                   ? span_of(bytes + sizeof(mapped), V4_BYTES)
                   : span_of(bytes, V6_NETWORK_BYTES);
    }
    return (struct span){0};
}

err_t idp_source(const struct idp *provider, const struct idp_call *call,
                 uint8_t digest[IDP_DIGEST_BYTES])
{
    uint8_t bytes[V6_BYTES];
    struct span network = network_of(call->source == NULL ? "" : call->source, bytes);

    return idp_digest(provider, "source", network, digest);
}

/* ---- places ---- */

struct idp_place *idp_hash_begin(struct idp *provider, const uint8_t source[IDP_DIGEST_BYTES])
{
    struct idp_place *free_one = NULL;
    size_t n_own = 0;

    pthread_mutex_lock(&provider->lock);
    for (size_t i = 0; i < IDP_MAX_HASHING; i++) {
        struct idp_place *one = &provider->hashing[i];

        if (!one->is_taken) {
            free_one = one;
        } else if (memcmp(one->source, source, IDP_DIGEST_BYTES) == 0) {
            n_own++;
        }
    }
    free_one = n_own >= IDP_MAX_HASHING_OF_ONE ? NULL : free_one;
    if (free_one != NULL) {
        free_one->is_taken = true;
        memcpy(free_one->source, source, IDP_DIGEST_BYTES);
    }
    pthread_mutex_unlock(&provider->lock);
    return free_one;
}

void idp_hash_end(struct idp *provider, struct idp_place *place)
{
    pthread_mutex_lock(&provider->lock);
    place->is_taken = false;
    pthread_mutex_unlock(&provider->lock);
}
