/*
 * path.h - the path of a management request taken apart: what it is about.
 *
 *     /subscriptions/S[/resourceGroups/G][/providers/NS/TYPE/NAME[/TYPE/NAME...]]...
 *
 * Clients write slashes twice and words in any case (control-plane-api 1): empty segments are
 * dropped, words compared ignoring ASCII case. Who may send these bytes: anybody who reaches the
 * port. Pure functions over borrowed bytes.
 */
#ifndef RESOURCE_PATH_H
#define RESOURCE_PATH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    RESOURCE_MAX_SEGMENTS = 24, /* of a path, without empty ones */
    RESOURCE_NAME_MAX = 260,    /* the longest that any type allows */
    RESOURCE_GROUP_MAX = 90,
    RESOURCE_ID_MAX = 2048,
};

/* What is behind the last "providers", or, without one, behind subscription and group. */
struct resource_path {
    struct span subscription; /* data NULL: none named */
    struct span group;        /* likewise */
    const char *scope;        /* what the rest is below: "/subscriptions/S/resourceGroups/G", or the
                                 id of a resource that this one is an extension of; "" = the tenant */
    bool is_extension;        /* of a resource */
    struct span ns;           /* "Microsoft.Compute"; data NULL: no "providers" */
    struct span pieces[RESOURCE_MAX_SEGMENTS];
    size_t n;
};

/* segments: decoded. ERR_VALUE for names that no resource has, ERR_TOO_MANY, ERR_TOO_LARGE; the
 * trail says which. scope is in the arena. */
err_t resource_path_read(struct arena *arena, const struct span *segments, size_t n,
                         struct trail *trail, struct resource_path *ret) MUST_CHECK;
/* The same of an id as text, such as a client writes it into a body: no escapes, begins with "/".
 */
err_t resource_id_read(struct arena *arena, struct span id, struct trail *trail,
                       struct resource_path *ret) MUST_CHECK;

/* "Microsoft.Compute/virtualMachines/extensions" of ns and every other piece; NULL without ns. */
const char *resource_path_type(struct arena *arena, const struct resource_path *path);
/* Names are as many as types: the path is of one resource, not of a collection. */
static inline bool resource_path_is_one(const struct resource_path *path)
{
    return path->ns.data != NULL && path->n >= 2 && path->n % 2 == 0;
}
/* The last name; data NULL when the path is not of one. */
struct span resource_path_name(const struct resource_path *path);

/* ASCII letters in lower case, in the arena: ids as keys. NULL at its limit. */
const char *resource_key(struct arena *arena, struct span id);
/* Printable UTF-8 that may stand in a path, at most RESOURCE_NAME_MAX bytes: no type allows more.
 */
bool resource_name_is_possible(struct span name);
/* Letters, digits and ._-(), no full stop at the end: the name of a resource group. */
bool resource_group_is_possible(struct span name);

#endif
