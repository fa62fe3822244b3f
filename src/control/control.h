/*
 * control.h - the control plane: a resource manager (control-plane-api).
 *
 * A request is resolved first: which row of the tables it is, what its caller has to be allowed,
 * and where. Whoever serves it asks that question (api/manage.c), and then lets it run. There is
 * one table of rows for paths of their own (control/row.h), and kinds for types of resources
 * (control/kind.h); all of them can be listed, so that a test finds one that nobody protects.
 *
 * Resources lie in the store and nowhere else. Any thread may call. Long work goes on in threads of
 * the control (control/jobs.h).
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "access/token.h"
#include "base/arena.h"
#include "crypto/hash.h"
#include "http/message.h"
#include "resource/body.h"
#include "resource/path.h"

enum {
    CONTROL_BODY_MAX = 512 * 1024,               /* of a resource */
    CONTROL_TEMPLATE_BODY_MAX = 5 * 1024 * 1024, /* of a deployment: the template's own limit is
                                                    4 MiB, and who is over it gets that answer */
    CONTROL_PARAMETERS_MAX = 8,
    CONTROL_PAGE_MAX = 1000,
};

struct control;
struct service;
struct store;
struct kind;
struct kind_action;
struct control_row;
struct service_tags_source;

/* May this caller do that there? */
typedef bool control_may(void *context, const struct access_caller *caller, const char *action,
                         const char *scope);
/* Has this caller a role in the subscription, or in part of it? */
typedef bool control_may_any(void *context, const struct access_caller *caller,
                             const char *subscription);
/* Subscriptions in which this caller has a role, in the arena; in lower case. */
typedef err_t control_subscriptions(void *context, const struct access_caller *caller,
                                    struct arena *arena, const char ***ret, size_t *ret_n);

/* This place is gone: roles that were given there and below it go too. *ret_n: how many. */
typedef err_t control_forget_scope(void *context, const char *scope, struct trail *trail,
                                   size_t *ret_n);

/* A line of the audit log about what no request of its own asks for (service/audit.h says what the
 * lines promise). The same change in both lines; texts may be NULL. */
struct control_change {
    const struct access_caller *caller;
    int64_t time;
    const char *id;
    const char *cause; /* id of the request that it comes from; "" when nobody knows any more */
    const char *method, *path, *action, *scope;
    unsigned status;
    const char *reason, *detail;
};
enum control_audit_event { CONTROL_AUDIT_BEGIN, CONTROL_AUDIT_FINISH, CONTROL_AUDIT_REFUSED };
/* Of CONTROL_AUDIT_BEGIN anything but ERR_OK: nothing must be changed; ERR_TOO_MANY for this
 * caller. */
typedef err_t control_audit(void *context, enum control_audit_event event,
                            const struct control_change *change);

struct control_options {
    struct store *store;            /* outlives the control */
    struct service *service;        /* likewise; NULL in tests of the engine alone */
    const char *endpoint;           /* "https://localhost:8443" */
    const char *const *authorities; /* HOST:PORT of it too, for control_base; NULL behind the last,
                                       outlives the control; NULL = none */
    const char *tenant;             /* of the subscription */
    const char *subscription;       /* the server's own; NULL = none */
    control_may *may;
    control_may_any *may_any;
    control_subscriptions *subscriptions;
    control_forget_scope *forget_scope; /* NULL: nobody is given roles here */
    void *may_context;
    control_audit *audit; /* NULL: no audit log, in tests of the engine alone */
    void *audit_context;
    const struct kind *const *kinds;      /* NULL behind the last; static */
    const struct kind *const *more_kinds; /* likewise; NULL = none */
    const struct control_row *const
        *row_tables;                          /* likewise; each ends with a row without handler */
    struct service_tags_source *service_tags; /* for kinds; outlives the control; NULL = none */
};
err_t control_open(const struct control_options *options, struct trail *trail,
                   struct control **ret) MUST_CHECK;
/* Waits for jobs that run; those that have not begun are there at the next start. */
void control_close(struct control *control);
DEFINE_CLEANUP(struct control *, control_close)
/* About once a minute: what has expired, and ends of groups that stand still. */
void control_tick(struct control *control, int64_t now);

struct store *control_store(const struct control *control);
struct service *control_service(const struct control *control);
const char *control_endpoint(const struct control *control);
/* What addresses in answers begin with, for a request that names this authority (its Host header):
 * that, when it is one of the server's own, else the endpoint. Never what a client made up: others
 * follow such addresses with their tokens. NULL without memory. */
const char *control_base(const struct control *control, struct arena *arena, struct span authority);
const char *control_tenant(const struct control *control);
const char *control_subscription(const struct control *control); /* the server's own; "" */
struct service_tags_source *control_service_tags(const struct control *control);

/* A value of the request's query, decoded; data NULL for what was not sent. */
typedef struct span control_query_of(void *context, const char *name);

/* What the questions above are asked with. */
void *control_may_context(const struct control *control);

/* A request. Spans are borrowed, decoded; data NULL for what was not sent. */
struct control_call {
    struct control *control;
    const struct control_target *target; /* set by control_run: what is asked for, and allowed */
    struct arena *arena;
    struct hasher *hasher;
    yyjson_mut_doc *doc; /* of the arena: for everything that is built */
    int64_t now;
    const struct access_caller *caller; /* NULL: not known; then control_resolve reads the path
                                           alone, and nothing may be run */
    const char *correlation;            /* for logs and records */
    const char *request; /* id of the request that this is, or comes from; NULL = none */
    const char *base;    /* of addresses in answers: control_base's */
    enum http_method method;
    struct resource_path path;
    struct span body;
    struct span api_version, expand, filter, top, skip_token, order_by, if_match, if_none_match;
    struct span parameters[CONTROL_PARAMETERS_MAX]; /* of a row, in order */
    bool is_dry;             /* a PUT checks and says what would be, and keeps nothing */
    control_query_of *query; /* NULL = there is none */
    void *query_context;
    void *kept; /* by a kind's show, for the length of the call: what is the same for a whole list
                   (kinds/uses.c) */
    unsigned n_network_words; /* how often network rules were judged for it (kinds/vm.h) */
    void *part_of; /* the deployment that asks in its caller's name, as the deploy room knows it;
                      NULL = none does */
    bool is_rule;  /* a rule of the subscription's administrator asks: no role of the caller's is
                      needed */
};
/* One of the query that is not among the members above. */
struct span control_query(const struct control_call *call, const char *name);

/* What comes back. Everything lives in the arena. */
struct control_answer {
    unsigned status;
    struct span body;         /* JSON; empty = none */
    const char *content_type; /* of a body that is no JSON; NULL */
    const char *code;         /* of a refusal */
    const char *message;      /* of a refusal, escaped */
    const char *target;       /* of a refusal; NULL = none */
    yyjson_mut_val *details;  /* of a refusal: an array of errors; NULL = none */
    const char *operation;    /* Azure-AsyncOperation; NULL = none */
    const char *location;     /* Location */
    const char *operation_id; /* of what goes on, to ask operation_state; NULL = nothing does */
    const char *etag;
    int retry_after_s; /* with operation or location, or of a 429 or 503; else 0 is none */
    const char *note;  /* fields for the log line */
};

/* What a request is, and what it takes. */
struct control_target {
    const struct control_row *row;
    const struct kind *kind;
    const struct kind_action *kind_action;
    const char *id;     /* of the resource, its types as they are written in the tables; NULL for
                           collections and rows */
    const char *action; /* NULL: any signed-in caller */
    const char *scope;
    bool needs_any_role; /* in the subscription, instead of `action` */
    bool is_change;
    size_t body_max;
};
/* Fills call->path from decoded segments. False: there is no such path, or it is no good;
 * *ret_answer says so, for a caller that is signed in. */
bool control_resolve(struct control_call *call, const struct span *segments, size_t n,
                     struct control_target *ret, struct control_answer *ret_answer);
/* The caller may. */
void control_run(struct control_call *call, const struct control_target *target,
                 struct control_answer *ret);
/* A request of our own in a caller's name, such as of a deployment: resolved, asked, run. body NULL
 * = none. *call is filled for it; its arena and doc are those of `like`. */
void control_do(const struct control_call *like, enum http_method method, const char *id,
                const char *api_version, yyjson_mut_val *body, struct control_answer *ret);

/* Everything that can be asked for, one by one, until false: for tests and for documents. */
struct control_listed {
    unsigned methods;
    const char *pattern; /* "/subscriptions/{}/..." with {} for each name */
    const char *action;  /* of the first method; NULL: any signed-in caller */
};
bool control_list(const struct control *control, struct arena *arena, size_t index,
                  struct control_listed *ret);

/* ---- for kinds and rows ---- */

/* Who gives roles, or ends a place, does it between these two: so that none is given at one
 * that is gone, or by somebody who may no more. Never twice. */
void control_hold_scopes(struct control *control);
void control_let_scopes(struct control *control);
/* Is there what somebody is given a role at: a group, a resource, a part of one, a guest? Of a
 * subscription who serves it has asked. False and refused. */
bool control_scope_is_there(struct control_call *call, const char *scope,
                            struct control_answer *ret);

bool control_caller_may(const struct control_call *call, const char *action, const char *scope);

void control_refuse(const struct control_call *call, struct control_answer *ret, unsigned status,
                    const char *code, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* 404 ResourceNotFound in the words that clients know. */
void control_not_found(const struct control_call *call, const char *id, struct control_answer *ret);
/* What an error of another room becomes. */
void control_fail(const struct control_call *call, err_t err, const struct trail *trail,
                  struct control_answer *ret);
/* The address of a path, such as a resource's id, as the client reaches it. NULL without memory. */
const char *control_link(const struct control_call *call, const char *path);
/* A value of call->doc as the body. */
void control_answer_value(const struct control_call *call, unsigned status, yyjson_mut_val *value,
                          struct control_answer *ret);
/* {"value":[...]} with a nextLink when there is more behind `after` (NULL: there is not). */
void control_answer_list(const struct control_call *call, yyjson_mut_val *array, const char *after,
                         struct control_answer *ret);
/* {"code","message","target","details"} of a refusal, to stand in other answers. */
yyjson_mut_val *control_error_value(const struct control_call *call,
                                    const struct control_answer *answer);
/* The body as an object that may be changed, checked and cleaned of nulls; NULL and refused. */
yyjson_mut_val *control_read_body(const struct control_call *call, struct control_answer *ret);

#endif
