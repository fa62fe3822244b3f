/*
 * operations.h - what goes on with resources for longer than one request, and what was done to
 * whom.
 */
#ifndef STORE_OPERATIONS_H
#define STORE_OPERATIONS_H

#include "store/store.h"

enum {
    STORE_OPERATION_DAYS = 1,                 /* that an ended operation can be asked for */
    STORE_OPERATION_SUBSCRIPTION_MAX = 20000, /* of the ended ones: the newest, as below */
    STORE_OPERATION_OPEN_DAYS = 7, /* for one of which nobody ever asked how it came out */
    STORE_ACTIVITY_DAYS = 90,
    STORE_ACTIVITY_SUBSCRIPTION_MAX = 50000, /* the newest; about a minute's more until the sweep */
};

/* ---- operations ---- */

struct store_operation {
    const char *id;           /* a GUID */
    const char *subscription; /* in lower case */
    const char *resource;     /* key */
    const char *what;         /* who knows how far it is: a word of the control room */
    const char *status;       /* Running, Succeeded, Failed, Canceled */
    struct span error;        /* JSON object; empty = none */
    struct span output;       /* JSON; empty = none */
    int64_t started, ended;   /* ended 0: it goes on */
};
err_t store_operation_put(struct store *store, const struct store_operation *operation,
                          struct trail *trail) MUST_CHECK;
/* In the arena. ERR_NOT_FOUND. */
err_t store_operation_get(struct store *store, struct arena *arena, const char *id,
                          struct trail *trail, struct store_operation *ret) MUST_CHECK;
/* Those of this resource that go on, of this `what`, the oldest first. */
err_t store_operations_of(struct store *store, struct arena *arena, const char *resource,
                          const char *what, size_t max, struct trail *trail,
                          struct store_operation **ret, size_t *ret_n) MUST_CHECK;

/* ---- what was done ---- */

struct store_activity {
    int64_t id, time;
    const char *subscription; /* in lower case */
    const char *resource;     /* key */
    const char *action;       /* Microsoft.Compute/virtualMachines/write */
    const char *status;       /* Accepted, Succeeded, Failed */
    const char *caller;       /* object id or name, for people */
    const char *correlation;  /* GUID or id of the request */
    struct span detail;       /* JSON object */
};
/* Written with the next batch; the caller waits for it. */
err_t store_activity_add(struct store *store, const struct store_activity *activity,
                         struct trail *trail) MUST_CHECK;
struct store_activity_query {
    const char *subscription;
    const char *below; /* of this key, and of what lies below it */
    int64_t from, to;  /* seconds */
    int64_t before;    /* ids lower than this; 0 = from the newest on */
    size_t max;
};
/* Newest first, in the arena. */
err_t store_activities(struct store *store, struct arena *arena,
                       const struct store_activity_query *query, struct trail *trail,
                       struct store_activity **ret, size_t *ret_n) MUST_CHECK;

/* Operations and activities that are past their time, and the oldest activities of a subscription
 * that has too many: nobody's push out another's. */
err_t store_operations_sweep(struct store *store, int64_t now, struct trail *trail) MUST_CHECK;

#endif
