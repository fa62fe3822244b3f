/*
 * resources.h - resources of a resource manager as they are kept, and the parts that belong to
 * them.
 *
 * A key is an id in lower case: "/subscriptions/s/resourcegroups/g/providers/ns/type/name".
 * Whatever lies below another one has its key and a slash in front. What bodies mean is the control
 * room's business.
 */
#ifndef STORE_RESOURCES_H
#define STORE_RESOURCES_H

#include "store/mentions.h"
#include "store/store.h"

enum {
    STORE_RESOURCE_KEY_MAX = 2048,
    STORE_RESOURCE_BODY_MAX = 4 * 1024 * 1024,
    STORE_RESOURCES_MAX = 1000000, /* of the whole server */
    STORE_RESOURCES_SUBSCRIPTION_MAX = 100000,
    /* Of tags, bodies and parts of one subscription. What the server owes, such as how a deployment
     * ended, may take so much more. What gets no larger is always kept. */
    STORE_RESOURCES_SUBSCRIPTION_BYTES_MAX = 512 * 1024 * 1024,
    STORE_RESOURCES_OWED_BYTES_MAX = 64 * 1024 * 1024,
};

/* Texts are never NULL. */
struct store_resource {
    const char *key;
    const char *id;           /* as it was written first */
    const char *subscription; /* in lower case */
    const char *type;         /* in lower case */
    const char *location;     /* "" = none */
    const char *state;        /* provisioningState */
    struct span tags;         /* JSON object */
    struct span body;         /* JSON object: all other members */
    int64_t version;          /* rises with each change, and no two resources ever have the same,
                                 not even one after the other; 0 = not kept yet */
    int64_t created, changed;
    const char *holder; /* of a change: who must hold it (below); NULL: whoever does */
    const struct store_mentions *mentions; /* of a change (mentions.h); NULL: it never has any */
    bool is_owed;                          /* of a change: it may take what is held back (above) */
};

/* In the arena. ERR_NOT_FOUND. */
err_t store_resource_get(struct store *store, struct arena *arena, const char *key,
                         struct trail *trail, struct store_resource *ret) MUST_CHECK;
/* Its version alone, however long it is. ERR_NOT_FOUND. */
err_t store_resource_version(struct store *store, const char *key, struct trail *trail,
                             int64_t *ret) MUST_CHECK;

/* Which ones; "" = any. */
struct store_resource_query {
    const char *below;               /* keys that begin with this and a slash */
    const char *subscription, *type; /* both, or neither */
    const char *after;               /* a key: behind it */
    size_t max;
    size_t bytes_max; /* of tags and bodies: the resource that reaches it is the last; 0 = any */
    bool is_short;    /* of any type: without tags and bodies, which may be long */
};
/* By key, in the arena. With bytes_max the end is where none is left, not where fewer than max are.
 */
err_t store_resources(struct store *store, struct arena *arena,
                      const struct store_resource_query *query, struct trail *trail,
                      struct store_resource **ret, size_t *ret_n) MUST_CHECK;
/* Of those of a type below a key (query->after, bytes_max and is_short aside): the ones past
 * `keep`, those whose last change is longest ago first, at most query->max and none that goes on.
 * Without tags and bodies. */
err_t store_resources_past(struct store *store, struct arena *arena,
                           const struct store_resource_query *query, size_t keep,
                           struct trail *trail, struct store_resource **ret,
                           size_t *ret_n) MUST_CHECK;
/* Of all subscriptions: those of a type that are in a state, such as groups that are being deleted
 * when a server starts, behind the key `after`. Without tags and bodies: as many as there are fit
 * into any arena. */
err_t store_resources_in_state(struct store *store, struct arena *arena, const char *type,
                               const char *state, const char *after, size_t max,
                               struct trail *trail, struct store_resource **ret,
                               size_t *ret_n) MUST_CHECK;

/* What stood in the way of a change. */
enum store_resource_bar {
    STORE_RESOURCE_NO_BAR,
    STORE_RESOURCE_CHANGED, /* it has another version, is there already, is gone, or is held by
                               another than wanted->holder */
    STORE_RESOURCE_NO_PARENT,
    STORE_RESOURCE_GOING,                   /* its parent is being deleted */
    STORE_RESOURCE_FULL,                    /* the server */
    STORE_RESOURCE_SUBSCRIPTION_FULL,       /* has as many as one may have */
    STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL, /* its resources take as much as they may */
};
enum { STORE_RESOURCE_PARENTS = 3 };
/*
 * In one write: the resource is as `wanted`, if it has wanted->version (0: is not there) and its
 * parents, by key, NULL behind the last, are there and not being deleted. *ret_parent is the one
 * that is not. *ret_version is the new one. Only ERR_OK with STORE_RESOURCE_NO_BAR wrote anything.
 */
err_t store_resource_put(struct store *store, const struct store_resource *wanted,
                         const char *const parents[STORE_RESOURCE_PARENTS], int64_t now,
                         struct trail *trail, enum store_resource_bar *ret_bar, size_t *ret_parent,
                         int64_t *ret_version) MUST_CHECK;
/* It and all that lies below it, if it has this version (0: any). *ret_was_there. */
err_t store_resource_remove(struct store *store, const char *key, int64_t version,
                            struct trail *trail, bool *ret_was_there,
                            enum store_resource_bar *ret_bar) MUST_CHECK;

/* ---- parts: what belongs to a resource and is too long to lie in its body ---- */

enum { STORE_PART_MAX = 8 * 1024 * 1024, STORE_PARTS_MAX = 2000 };
struct store_part {
    const char *name;
    struct span text;
};
/* Who works on a resource for longer than one request lies beside it as this part. So who goes on
 * when it is gone and made anew, with the same key, writes nothing into the new one. */
#define STORE_PART_HOLDER "holder"
/* In place of one of that name, in one write with this: its resource is there, and held by `holder`
 * (NULL: whoever); else ERR_NOT_FOUND. ERR_TOO_MANY: its subscription takes as much as it may; one
 * that replaces another is owed. Parts go with their resource. */
err_t store_part_put(struct store *store, const char *key, const char *holder, const char *name,
                     struct span text, struct trail *trail) MUST_CHECK;
/* In the arena; ERR_NOT_FOUND. */
err_t store_part_get(struct store *store, struct arena *arena, const char *key, const char *name,
                     struct trail *trail, struct span *ret) MUST_CHECK;
/* Those whose names begin so, by name, in the arena. */
err_t store_parts(struct store *store, struct arena *arena, const char *key, const char *prefix,
                  size_t max, struct trail *trail, struct store_part **ret,
                  size_t *ret_n) MUST_CHECK;
err_t store_parts_forget(struct store *store, const char *key, struct trail *trail) MUST_CHECK;

#endif
