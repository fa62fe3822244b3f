/*
 * service-tags.h - the service tags that rules of this server may name.
 *
 * Our own list (cloud SelfHosted) gives AzureAttestation, AzureResourceManager and
 * AzureActiveDirectory the addresses of this server's endpoint; DIR/service-tags.json, in either
 * form that Azure publishes, adds others. Both together are one immutable, reference counted
 * snapshot, swapped whole: a request works with the one that it took. A list that cannot be read,
 * or that empties a tag which rules name, is logged and changes nothing.
 *
 * The endpoint's name is resolved in a thread of its own, at the start and from time to time, never
 * in a request. Own addresses and their change numbers outlast a restart in
 * DIR/service-tags.own.json.
 */
#ifndef KINDS_SERVICE_TAGS_H
#define KINDS_SERVICE_TAGS_H

#include "network/tags.h"

struct store;
struct service_tags_source;

#define SERVICE_TAG_ATTESTATION "AzureAttestation"

enum {
    SERVICE_TAGS_ADDRESSES_MAX = 64, /* of the endpoint */
    SERVICE_TAGS_LOOKUP_S = 60,      /* between two lookups */
};

struct service_tags_options {
    const char *folder;
    struct store *store;          /* outlives the source */
    const char *endpoint;         /* "https://host:port/path" */
    const char *suffix;           /* of hosts that are this server too; NULL = none */
    const char *const *addresses; /* or prefixes, in place of the endpoint's own */
    size_t n_addresses;
};
err_t service_tags_open(const struct service_tags_options *options, struct trail *trail,
                        struct service_tags_source **ret) MUST_CHECK;
void service_tags_close(struct service_tags_source *source);
/* About once a second, by the thread that opened it: a file that changed, a lookup that ended. */
void service_tags_tick(struct service_tags_source *source, int64_t now);

struct tags_snapshot;
/* What is in force; any thread. NULL source: NULL, which is no tags at all. */
struct tags_snapshot *service_tags_take(struct service_tags_source *source);
void tags_release(struct tags_snapshot *snapshot);
DEFINE_CLEANUP(struct tags_snapshot *, tags_release)
const struct service_tags *tags_of(const struct tags_snapshot *snapshot);

/* Is this host (no port) the endpoint of this server? */
bool service_tags_is_own(const struct service_tags_source *source, struct span host);

#endif
