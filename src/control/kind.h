/*
 * kind.h - a type of resources: one file, one table.
 *
 * A kind says how a body that a client sent becomes what is kept, and what is shown beside that.
 * All else is the same for every type and done by the engine: ids, groups and parents, location and
 * tags, ETags and conditions, PATCH, lists and paging, the record of what was done.
 */
#ifndef CONTROL_KIND_H
#define CONTROL_KIND_H

#include "control/control.h"
#include "store/resources.h"

/* What the server keeps with a resource and shows to nobody, an object of its body: a kind reads
 * and writes it, clients do neither. */
#define RESOURCE_PRIVATE "_"

/* One resource. Texts are never NULL; values are of call->doc. */
struct resource {
    const struct kind *kind;
    const char *id;
    const char *key;
    const char *name;
    const char *location; /* "" = none */
    const char *state;    /* provisioningState */
    yyjson_mut_val *tags; /* an object, or NULL */
    yyjson_mut_val *body; /* an object: properties and all members beside id, name, type, location
                             and tags */
    int64_t version;      /* 0 = not kept yet */
    int64_t created, changed;
    const char *holder; /* of a change: who must hold it (store/resources.h); NULL: whoever does */
    bool is_owed;       /* of a change: also when the subscription is full (store/resources.h) */
};

enum kind_flag {
    KIND_HAS_LOCATION = 1 << 0, /* and needs one */
    KIND_HAS_TAGS = 1 << 1,
    KIND_SHOWS_ETAG = 1 << 2,      /* in the body, as of Microsoft.Network */
    KIND_OWN_LOCATION = 1 << 3,    /* takes the parent's when a body has none */
    KIND_AT_SUBSCRIPTION = 1 << 4, /* is in no group */
    KIND_NO_PATCH = 1 << 5,
    KIND_EXTENDS =
        1 << 6, /* may stand below any resource: .../providers/NS/TYPE/NAME behind its id */
    KIND_CLAIMS = 1 << 7, /* `prepare` or `may_go` asks what others of the subscription have: of
                             all such kinds one is changed there at a time (claims.c) */
};

/* Check and complete what a client wants. before: as it is; NULL = new. May change *wanted; false
 * and refused. Runs again when somebody else was faster, so it must not change anything else. */
typedef bool kind_prepare(struct control_call *call, const struct resource *before,
                          struct resource *wanted, struct control_answer *ret);
/* It is kept. May say more in the answer, such as an operation; the body is written after this. */
typedef void kind_done(struct control_call *call, const struct resource *before,
                       struct resource *after, struct control_answer *ret);
/* Add what is not kept but follows from elsewhere. `object` is the whole resource as it is shown,
 * `resource` as it is kept. */
typedef void kind_show(struct control_call *call, const struct resource *resource,
                       yyjson_mut_val *object);
/* What others will ask for with resource_mentions, from what is kept of it alone: calls mention().
 */
struct mentions;
typedef err_t kind_mention(struct mentions *mentions, const struct resource *resource);
/* May it be deleted? False and refused. */
typedef bool kind_may_go(struct control_call *call, const struct resource *resource,
                         struct control_answer *ret);
/* It is gone. */
typedef void kind_gone(struct control_call *call, const struct resource *resource,
                       struct control_answer *ret);
/* POST .../NAME/start, GET .../NAME/instanceView */
typedef void kind_act(struct control_call *call, struct resource *resource,
                      struct control_answer *ret);
struct kind_action {
    unsigned methods;
    const char *name;
    const char *action; /* behind the type: "start/action" */
    kind_act *act;
};
/* Types that are kept elsewhere: everything about them is theirs. target->id NULL: a list. */
typedef void kind_elsewhere(struct control_call *call, const struct control_target *target,
                            struct control_answer *ret);
/* How far an operation on it is: "InProgress" and so on; error of a failure. NULL: as recorded. */
typedef const char *kind_progress(struct control_call *call, const struct resource *resource,
                                  yyjson_mut_val **ret_error);

/* Types that are kept elsewhere: all of the call's subscription or group, for lists of everything;
 * and those of a group that is deleted go. */
typedef err_t kind_enlist(struct control_call *call, struct trail *trail, struct resource **ret,
                          size_t *ret_n);
typedef err_t kind_group_gone(struct control_call *call, const char *group_id, struct trail *trail);

struct kind {
    const char *type;     /* "Microsoft.Compute/virtualMachines" */
    const char *versions; /* "2024-11-01 2022-08-01", the newest that is no preview first */
    unsigned flags;
    size_t name_max;                        /* 0 = 80 */
    bool (*name_is_good)(struct span name); /* NULL: letters, digits and ._-() */
    const char *name_words; /* what it wants of a name, as a sentence; with name_is_good */
    kind_prepare *prepare;
    kind_done *done;
    kind_show *show;
    kind_mention *mention;
    kind_may_go *may_go;
    kind_gone *gone;
    kind_progress *progress;
    const struct kind_action *actions; /* the last has no name */
    kind_elsewhere *elsewhere;
    kind_enlist *enlist;
    kind_group_gone *group_gone;
    const char *member; /* is kept in this array of its parent's properties ("securityRules") */
    size_t body_max;    /* 0 = CONTROL_BODY_MAX */
    unsigned made;      /* status of a PUT that made one; 0 = 201: clients of some types take
                           nothing but 200 */
};

const struct kind *kind_find(const struct control *control, const char *type);

/* ---- the engine, for kinds ---- */

/* As it is kept; false when there is none (*ret_answer stays as it is) or the store failed. */
err_t resource_load(struct control_call *call, const char *id, struct trail *trail,
                    struct resource *ret) MUST_CHECK;
/* Keep it, if it has the version that it had when it was loaded; the record says `action`. False
 * and refused; is_raced: somebody was faster. It is the server's own change, which is owed: a full
 * subscription keeps it too. */
bool resource_keep(struct control_call *call, struct resource *resource, const char *action,
                   struct control_answer *ret, bool *ret_is_raced);
/* The same, if there is room for it: else 409 with CONTROL_QUOTA. */
bool resource_keep_in_room(struct control_call *call, struct resource *resource,
                           struct control_answer *ret, bool *ret_is_raced);
#define CONTROL_QUOTA "QuotaExceeded"
/* What store_resource_put said about a row of `resource`: false and refused, unless it is kept.
 * is_group: the parent that is in the way is its group. */
bool resource_refuse_bar(struct control_call *call, const struct resource *resource,
                         enum store_resource_bar bar, const char *parent, bool is_group,
                         struct control_answer *ret);
/* As it is shown to clients. */
yyjson_mut_val *resource_value(struct control_call *call, const struct resource *resource);
/* W/"GUID" of its version. */
const char *resource_etag(const struct control_call *call, const struct resource *resource);
/* Some of a kind's, NULL of any, below an id ("/subscriptions/s", a group, a parent); in the arena.
 * Those that cannot be read are left out, and logged. */
enum { RESOURCE_PAGE_BYTES = 1024 * 1024 }; /* a page ends with the resource that reaches this */
struct resource_page {
    struct resource *items;
    size_t n;         /* also 0 in the middle */
    const char *last; /* behind this key the next page begins */
    bool is_end;      /* there is no next one */
};
/* At most `max`. after: a key, "" = from the first on. */
err_t resources_page(struct control_call *call, const struct kind *kind, const char *below,
                     const char *after, size_t max, struct trail *trail,
                     struct resource_page *ret) MUST_CHECK;
/* The first `max` behind `after`, however large they are; fewer: that is all. */
err_t resources_load(struct control_call *call, const struct kind *kind, const char *below,
                     const char *after, size_t max, struct trail *trail, struct resource **ret,
                     size_t *ret_n) MUST_CHECK;
/* Id of the resource that this one is a part of: of a child its parent's, else its group's. */
const char *resource_parent_id(struct arena *arena, const char *id);
/* RESOURCE_PRIVATE of a body, made when it is missing. */
yyjson_mut_val *resource_private(const struct control_call *call, struct resource *resource);
/* Properties of a body, made when they are missing. */
yyjson_mut_val *resource_properties(const struct control_call *call, struct resource *resource);

/* For the operator: what stands beside a change, and could not be kept though the change was, or
 * could not be undone though it was refused. Nothing for ERR_OK. */
void control_log_lost(const char *what, const char *id, err_t err, const struct trail *trail);

/* Roles at this id and below it are taken away, and counted into *n. Between control_hold_scopes
 * and control_let_scopes, with the place that ends. */
err_t scope_forget(struct control_call *call, const char *id, struct trail *trail,
                   size_t *n) MUST_CHECK;

/* For types that are kept elsewhere, where no lock of the engine's reaches: may the caller still do
 * what was asked for, and is its group, if there is one, not on its way out? False and refused.
 * Right before something is changed, and once more behind what was made: who finds it closed then
 * takes it away again. So the end of a group finds all that it has to take along. */
bool place_is_open(struct control_call *call, struct control_answer *ret);

#define OPERATION_DONE "done" /* it is done already; clients ask all the same */

/* What the engine does with a request about a kind, for those that do a part of it themselves. */
void resource_run(struct control_call *call, const struct control_target *target,
                  struct control_answer *ret);

/* For kind_mention: one more. Texts are copied. */
err_t mention(struct mentions *mentions, const char *word, const char *value) MUST_CHECK;
/* For words and values that are put together. */
struct arena *mentions_arena(struct mentions *mentions);
/* "WORD KEY": the key is that of an id, in lower case. id NULL: none is added. */
err_t mention_id(struct mentions *mentions, const char *word, const char *id,
                 const char *value) MUST_CHECK;
/* Who mentions exactly this word, or all that begin with it, in the subscription of `id`; in the
 * order of words. Of changes that are going on it knows nothing (KIND_CLAIMS). Visitors ask the
 * store nothing. */
err_t resource_mentions(struct control_call *call, const char *id, const char *word, bool is_prefix,
                        store_mention_visit *visit, void *context, struct trail *trail) MUST_CHECK;

/* How many of those that begin with this word. */
err_t resource_mentions_count(struct control_call *call, const char *id, const char *word,
                              struct trail *trail, size_t *ret) MUST_CHECK;

/* How far an operation is: Running, Succeeded, Failed or Canceled; NULL and refused when there is
 * none. *ret_error: of a failure, else NULL. */
const char *operation_state(struct control_call *call, const char *id, yyjson_mut_val **ret_error,
                            struct control_answer *ret);
/* It came to an end. error NULL = none. */
void operation_end(struct control_call *call, const char *id, const char *status,
                   yyjson_mut_val *error);
#define OPERATION_DONE_ELSEWHERE "elsewhere" /* who began it ends it */

/* An operation that goes on behind this answer. what: "" = the kind's progress says. Fills the
 * headers of *ret. */
void operation_begin(struct control_call *call, const char *ns, const char *location,
                     const char *resource_key, const char *what, struct control_answer *ret,
                     const char **ret_id);

#endif
