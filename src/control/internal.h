/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef CONTROL_INTERNAL_H
#define CONTROL_INTERNAL_H

#include "control/jobs.h"
#include "control/kind.h"
#include "control/row.h"
#include "store/operations.h"
#include "store/resources.h"

#include <pthread.h>

#define GROUP_TYPE "microsoft.resources/resourcegroups"

enum {
    CONTROL_RETRIES = 8, /* when somebody else is faster */
    CLAIMS_LOCKS = 64,   /* subscriptions share them */
};

struct control {
    struct store *store;
    struct service *service;
    char *endpoint, *tenant, *subscription;
    const char *const *authorities;
    control_may *may;
    control_may_any *may_any;
    control_subscriptions *subscriptions;
    control_forget_scope *forget_scope;
    void *may_context;
    control_audit *audit;
    void *audit_context;
    const struct kind **kinds; /* NULL behind the last */
    const struct control_row *const *tables;
    struct service_tags_source *service_tags;
    struct jobs *jobs;
    /* Of `endings`, and held while a group is taken away or marked: one group has one end at a
     * time, or the second would take what was made anew under its name. */
    pthread_mutex_t endings_lock;
    /* Held, by many at once, while something is kept; alone while a place ends or a role is given
     * (scopes.c). Taken under endings_lock, never the other way round, and never twice. */
    pthread_rwlock_t scopes_lock;
    /* Of subscriptions: held while a resource that claims something is changed (claims.c). Taken
     * before the two above, never under them. */
    pthread_mutex_t claims_locks[CLAIMS_LOCKS];
    struct ending *endings;
};

/* What every control has: subscriptions, groups, operations, records. */
extern const struct control_row control_subscription_rows[];
extern const struct control_row control_group_rows[];
extern const struct control_row control_operation_rows[];
extern const struct control_row control_list_rows[];
extern const struct control_row control_provider_rows[];
extern const struct control_row control_activity_rows[];

void claims_open(struct control *control);
void claims_close(struct control *control);
/* Around a request that changes something of KIND_CLAIMS; NULL for others. */
/* What the resource mentions, for the store; NULL: its kind never does. In the arena. */
err_t mentions_of(struct control_call *call, const struct resource *resource,
                  const struct store_mentions **ret) MUST_CHECK;

pthread_mutex_t *claims_hold(struct control_call *call, const struct control_target *target);
void claims_let(pthread_mutex_t *lock);

void scopes_open(struct control *control);
/* A type that is kept elsewhere. */
void scopes_run_elsewhere(struct control_call *call, const struct control_target *target,
                          struct control_answer *ret);
/* May the caller still do what was asked for? False and refused. Right before something is kept or
 * goes, under the lock, or is done: a place may have ended since, and be another owner's. */
bool scopes_may_still(struct control_call *call, struct control_answer *ret);
/* What the audit log says of that; NULL for none. */
const char *scope_note(struct control_call *call, size_t n);
/* resource_keep, when members that `before` (NULL: none) has and `after` has not end with their
 * roles. */
bool resource_replace(struct control_call *call, const struct resource *before,
                      struct resource *after, struct control_answer *ret, bool *ret_is_raced);
/* Its write alone, under the lock. */
bool resource_write(struct control_call *call, struct resource *resource,
                    struct control_answer *ret, bool *ret_is_raced);
/* 403: the caller has no such right. */
void control_refuse_caller(const struct control_call *call, const struct control_target *target,
                           struct control_answer *ret);

/* Around a change: path, action and scope are filled. False and refused, and nothing must be
 * changed. */
bool change_begin(const struct control_call *call, struct control_change *change,
                  struct control_answer *ret);
void change_finish(const struct control_call *call, struct control_change *change,
                   const struct control_answer *answer);
/* Its caller may not, and hears `status`. */
void change_refused(const struct control_call *call, const struct control_target *target,
                    const char *path, unsigned status);

/* For ends: who cannot be read has an empty body. */
err_t resource_load_ending(struct control_call *call, const char *id, struct trail *trail,
                           struct resource *ret) MUST_CHECK;
err_t resources_page_ending(struct control_call *call, const char *below, size_t max,
                            struct trail *trail, struct resource_page *ret) MUST_CHECK;
/* Is it, as it is wanted, small enough to be read again? False and refused. */
bool resource_is_keepable(struct control_call *call, const struct resource *resource,
                          struct control_answer *ret);

/* As resource_run, for kinds that are members of their parents. */
void embedded_run(struct control_call *call, const struct control_target *target,
                  struct control_answer *ret);

/* If-Match and If-None-Match against what is there (NULL: nothing). False and refused. */
bool condition_holds(const struct control_call *call, const struct resource *before,
                     struct control_answer *ret);
/* Is the name of the target one for its kind? False and refused. */
bool name_is_good(const struct control_call *call, const struct kind *kind, struct span name,
                  struct control_answer *ret);

/* GET /subscriptions/S[/resourceGroups/G]/resources, and lists of kinds across the subscription. */
void list_kind(struct control_call *call, const struct control_target *target,
               struct control_answer *ret);

/* Groups that are being deleted and have no job go on: at a start, and about once a minute. */
err_t groups_resume(struct control *control, struct trail *trail) MUST_CHECK;

/* Is there such a subscription here? */
bool control_has_subscription(const struct control *control, struct arena *arena,
                              const struct access_caller *caller, struct span subscription);
extern const struct kind control_group_kind;
/* What was done, for the activity log. */
void activity_record(struct control_call *call, const struct control_target *target,
                     const struct control_answer *answer);
/* How many entries a page may have; 0: $top says what is none. */
size_t page_size(const struct control_call *call);
/* The key behind which a page begins, from $skiptoken; "" = from the first on. NULL and refused. */
const char *page_after(struct control_call *call, struct control_answer *ret);

/* The caller's name for records: never empty. */
const char *caller_name(const struct access_caller *caller);
const char *control_guid(struct arena *arena);

#endif
