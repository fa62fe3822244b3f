/*
 * tags.h - service tags: names for the addresses of a service.
 *
 * Read from both forms that Azure publishes (the weekly download with numbers, the REST list with
 * texts), written in both. Names are found in any case. Immutable, in an arena.
 *
 * A tag says where packets go, never who sends them: everybody's endpoints of a service share it.
 */
#ifndef NETWORK_TAGS_H
#define NETWORK_TAGS_H

#include "network/nsg.h"

enum {
    TAGS_MAX = 16384,
    TAGS_PREFIXES_MAX = 65536,         /* of one tag */
    TAGS_MAX_BYTES = 64 * 1024 * 1024, /* of a document */
    TAGS_MAX_VALUES = 4 * 1024 * 1024,
    TAGS_WORD_MAX = 128, /* region, systemService, cloud */
};
extern const struct json_limits tags_json;
#define TAGS_CLOUD_OWN "SelfHosted"

struct service_tag {
    const char *name;
    const char *region; /* "": everywhere */
    const char *system_service;
    uint64_t change_number;
    const char *const *prefixes; /* as they came */
    size_t n_prefixes;
    struct address_set set;
};
struct service_tags {
    const char *cloud;
    uint64_t change_number;
    const struct service_tag *items; /* by name, whatever the case */
    size_t n;
};

/* Either form. A tag may not have the name of one that depends on the network (VirtualNetwork,
 * Internet, AzureLoadBalancer), nor may two have the same. */
err_t tags_read(struct arena *arena, yyjson_val *document, struct network_fault *fault,
                struct trail *trail, const struct service_tags **ret) MUST_CHECK;
/* NULL when there is none. */
const struct service_tag *tags_find(const struct service_tags *tags, struct span name);

/* What our own file is made of. */
struct tag_source {
    const char *name;
    const char *const *prefixes; /* addresses or prefixes */
    size_t n_prefixes;
};
/* Tags of cloud SelfHosted. Change numbers go on from `before` (NULL: the first): a tag's when its
 * addresses are others, the list's when any tag is. */
err_t tags_make(struct arena *arena, const struct tag_source *sources, size_t n,
                const struct service_tags *before, struct network_fault *fault, struct trail *trail,
                const struct service_tags **ret) MUST_CHECK;
/* Both together, where a tag of `own` takes the place of one in `others`. NULL lists are empty. */
err_t tags_join(struct arena *arena, const struct service_tags *own,
                const struct service_tags *others, const struct service_tags **ret) MUST_CHECK;

/* May these tags follow those? ERR_CONFLICT when a rule of the groups names one that would be gone
 * or have no address any more: rules that allow would close, rules that deny would open. */
err_t tags_check_change(const struct service_tags *before, const struct service_tags *after,
                        const struct nsg *const *groups, size_t n_groups,
                        struct network_fault *fault, struct trail *trail) MUST_CHECK;

/* The answer to GET .../serviceTags; `id` is the resource's. */
yyjson_mut_val *tags_write_rest(yyjson_mut_doc *doc, const struct service_tags *tags,
                                const char *id);
/* The form of the download. */
yyjson_mut_val *tags_write_file(yyjson_mut_doc *doc, const struct service_tags *tags);

#endif
