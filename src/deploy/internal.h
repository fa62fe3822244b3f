/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef DEPLOY_INTERNAL_H
#define DEPLOY_INTERNAL_H

#include "deploy/deploy.h"
#include "store/operations.h"
#include "store/resources.h"
#include "template/template.h"

#define DEPLOYMENT_TYPE "Microsoft.Resources/deployments"
#define PART_TEMPLATE "template"
#define PART_OPERATION "operation/"
#define RUNNING_OPERATION "deployment" /* `what` of the control's operation */

/* docs/formats/resource-manager.md has all of these for those who deploy. */
enum {
    DEPLOY_NAME_MAX = 64,
    DEPLOY_NESTED_MAX = 5,                    /* levels of deployments below the first */
    DEPLOY_TREE_MAX = TEMPLATE_MAX_RESOURCES, /* resources of one and all that are nested in it */
    DEPLOY_KEPT_MAX = 800,                    /* records in a group */
    DEPLOY_TOGETHER_MAX = 16,                 /* resources of one that are made at a time */
    DEPLOY_RUNS_MAX = 32,                     /* of one subscription at a time, at each level */
    DEPLOY_MIB = 1024 * 1024,
    DEPLOY_BODY_ARENA_BYTES = 64 * DEPLOY_MIB, /* to check what one resource becomes */
    DEPLOY_MEMORY_MAX = 816 * DEPLOY_MIB,      /* of what all that run were sent, and became */
    DEPLOY_MEMORY_OF_ONE_MAX = DEPLOY_MEMORY_MAX / 3, /* subscription's share of it */
};

/* A request of a deployment, read. Values live in the call's arena. */
struct deploy_request {
    const char *name;
    const char *group_id; /* "/subscriptions/S/resourceGroups/G", as it was written first */
    const char *id, *key;
    yyjson_val *root, *document, *parameters;
    bool is_complete, is_ids_only;
    struct template_scope scope;
    struct template *template;
    size_t bytes; /* of the arena that reading took */
};

/* Reads the body and opens the template; false and refused. */
bool deploy_read(struct control_call *call, struct span name, struct deploy_request *ret,
                 struct control_answer *ret_answer);
/* 400 InvalidTemplate and so on, with where. */
void deploy_refuse(struct control_call *call, const char *deployment, err_t err,
                   const struct trail *trail, const struct template_fault *fault,
                   struct control_answer *ret);
/* Not nested too deep, nor too many resources in all; false and refused with 400. */
bool deploy_nesting_is_good(struct control_call *call, const struct deploy_request *request,
                            struct control_answer *ret);
/* Types that are known, a caller who may, and what can be checked of resources that depend on
 * nothing. False and refused with 400 InvalidTemplateDeployment. */
bool deploy_preflight(struct control_call *call, const struct deploy_request *request,
                      struct control_answer *ret);
/* Of reference(): what is kept, as the caller may see it. context: a struct control_call. */
template_reference deploy_reference;

/* {"id","name","type","properties"} of a deployment that is not kept. */
yyjson_mut_val *deploy_value(struct control_call *call, const struct deploy_request *request,
                             const char *state, const char *resources_member);
/* Properties of one as it begins. NULL and refused. */
yyjson_mut_val *deploy_properties(struct control_call *call, const struct deploy_request *request,
                                  const char *state, struct control_answer *ret);

void deploy_what_if(struct control_call *call, const struct deploy_request *request,
                    struct control_answer *ret);

struct run;
/* A place for it, before anything is written about it; NULL and refused: 429 or 503 for who may
 * come again, 400 for what is too large, 404 when its group has gone. To be started, or given back
 * with run_unref. */
struct run *deploy_admit(struct control_call *call, const struct deploy_request *request,
                         struct control_answer *ret);
/* Takes the run over: it goes on behind this answer. */
void deploy_start(struct control_call *call, struct run *run, const char *operation_id);

/* There is one more in this group: the one that ended longest ago goes when they are more than
 * DEPLOY_KEPT_MAX, with its roles. */
void deploy_forget_oldest(struct control_call *call, const char *group_id);
/* Does it say that it has not ended? */
bool deploy_is_active(const struct resource *deployment);
/* 409: the subscription takes as much as it may, and what is to be kept of this deployment has no
 * room. */
void deploy_refuse_full(struct control_call *call, const char *id, struct control_answer *ret);
/* How one ended. Values are of any document. */
struct deploy_end {
    const char *id;
    const char *holder; /* who may say so (STORE_PART_HOLDER); NULL: whoever does */
    const char *state;
    const char *duration;                        /* NULL: as it is */
    yyjson_mut_val *error, *outputs, *resources; /* NULL: as they are */
};
/* In its record, and of its operation (NULL: none). What is too long for a record is left out, and
 * is an error by itself when there was none. The state that was kept; NULL: it went with its group,
 * says already how it ended, or cannot be written now. */
const char *deploy_keep_end(struct control_call *call, const struct deploy_end *wanted,
                            const char *operation);
/* Those that run are asked to stop, with all that is nested in them; false when there is none of
 * that key. */
bool deploy_cancel(const char *key);
kind_group_gone deploy_cancel_group;

/* The kind of a resource in a group that the template does not name; NULL: it does, or the resource
 * is a deployment, or of no type that is known. *ret_goes: it is one by itself, which mode Complete
 * deletes. */
const struct kind *deploy_leftover(struct control_call *call, const struct template *t,
                                   const char *id, bool *ret_goes);
/* How far the leftovers of a group are. `{0}`: not begun. */
struct deploy_pruning {
    unsigned round;
    size_t gone, left;                      /* of this round; at the end, left could not go */
    char *refusal;                          /* JSON: why the last of these could not; owned */
    char after[STORE_RESOURCE_KEY_MAX + 1]; /* key of the last one that was looked at */
};
/* Deletes what the group has and the template has not (mode Complete), some of it at a time. */
err_t deploy_prune(struct control_call *call, const struct deploy_request *request,
                   struct deploy_pruning *pruning, struct trail *trail,
                   bool *ret_has_more) MUST_CHECK;

/* "PT1.5S" */
const char *deploy_duration(struct arena *arena, int64_t seconds);
const char *deploy_time(struct arena *arena, int64_t time);

#endif
