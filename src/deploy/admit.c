/*
 * admit.c - which deployments may run, and how much they may hold together.
 *
 * A template that deploys templates multiplies: 800 times 800 and so on. All that follows from one
 * deployment is a tree, whose resources are counted together; a subscription has places for so many
 * deployments at each level, and a share of the memory. A nested one that finds no place waits for
 * it (run.c): the deepest level waits for nobody, so it always ends and makes room for the one
 * above.
 */
#include "deploy/run.h"

#include "base/codec.h"
#include "base/text.h"
#include "control/jobs.h"
#include "crypto/secret.h"

#include <stdlib.h>

#define SUBSCRIPTIONS "/subscriptions/" /* what every key begins with */

enum {
    RETRY_S = 5,
    ID_BYTES = 16,
    /* Of a run's arena, beside its request: who deploys, and tags that the group got meanwhile. */
    SLACK_BYTES = 256 * 1024,
};

/* No step of a run is refused for want of a place in the queue. */
_Static_assert((DEPLOY_NESTED_MAX + 1) * DEPLOY_RUNS_MAX * DEPLOY_TOGETHER_MAX <= JOBS_OF_ONE_MAX,
               "places for jobs");
/* A deployment that is alone has room, however large. */
_Static_assert((size_t)TEMPLATE_ARENA_BYTES + CONTROL_TEMPLATE_BODY_MAX + SLACK_BYTES <=
                   DEPLOY_MEMORY_OF_ONE_MAX,
               "memory of one");

/* Those that run or are about to, until they are freed. */
static pthread_mutex_t runs_lock = PTHREAD_MUTEX_INITIALIZER;
static struct run *runs;

/* ---- ends ---- */

static void free_run(struct run *run)
{
    struct run **at;

    pthread_mutex_lock(&runs_lock);
    for (at = &runs; *at != NULL && *at != run; at = &(*at)->next) {
    }
    if (*at == run) {
        *at = run->next;
    }
    pthread_mutex_unlock(&runs_lock);
    if (run->parent != NULL) {
        run_unref(run->parent);
    }
    pthread_mutex_destroy(&run->lock);
    arena_free(run->arena);
    free(run->key);
    free(run->tasks);
    free(run->failure);
    free(run->pruning.refusal);
    free(run);
}

static void ref(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    run->n_references++;
    pthread_mutex_unlock(&run->lock);
}

void run_unref(struct run *run)
{
    bool is_last;

    pthread_mutex_lock(&run->lock);
    is_last = --run->n_references == 0;
    pthread_mutex_unlock(&run->lock);
    if (is_last) {
        free_run(run);
    }
}

/* ---- cancelling ---- */

bool deploy_cancel(const char *key)
{
    bool is_found = false;

    pthread_mutex_lock(&runs_lock);
    for (struct run *run = runs; run != NULL; run = run->next) {
        if (strcmp(run->key, key) == 0) {
            run->is_canceled = is_found = true;
        }
    }
    pthread_mutex_unlock(&runs_lock);
    return is_found;
}

/* Nothing comes into a group that goes; what stands in it brings about nothing elsewhere either. */
err_t deploy_cancel_group(struct control_call *call, const char *group_id, struct trail *trail)
{
    const char *group = resource_key(call->arena, span_str(group_id));
    size_t len = group == NULL ? 0 : strlen(group);

    (void)trail;
    if (group == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_lock(&runs_lock);
    for (struct run *run = runs; run != NULL; run = run->next) {
        if (strncmp(run->key, group, len) == 0 && run->key[len] == '/') {
            run->is_canceled = true;
        }
    }
    pthread_mutex_unlock(&runs_lock);
    return ERR_OK;
}

bool run_is_there(const char *key)
{
    bool is_there = false;

    pthread_mutex_lock(&runs_lock);
    for (const struct run *run = runs; run != NULL && !is_there; run = run->next) {
        is_there = strcmp(run->key, key) == 0;
    }
    pthread_mutex_unlock(&runs_lock);
    return is_there;
}

bool run_is_canceled(const struct run *run)
{
    while (run != NULL && !run->is_canceled) {
        run = run->parent;
    }
    return run != NULL;
}

/* ---- room ---- */

/* "/subscriptions/S/..." in lower case: are they of one subscription? */
static bool is_of_subscription(const char *key, const char *other)
{
    size_t skip = strlen(SUBSCRIPTIONS), len = skip + strcspn(key + skip, "/");

    return strncmp(key, other, len) == 0 && other[len] == '/';
}

/* Under the lock. */
static bool has_place(const char *key, unsigned depth)
{
    size_t n = 0;

    for (const struct run *run = runs; run != NULL; run = run->next) {
        n += run->depth == depth && is_of_subscription(key, run->key);
    }
    return n < DEPLOY_RUNS_MAX;
}

bool run_has_place(const char *key, unsigned depth)
{
    bool is_free;

    pthread_mutex_lock(&runs_lock);
    is_free = has_place(key, depth);
    pthread_mutex_unlock(&runs_lock);
    return is_free;
}

/* Under the lock. */
static bool has_memory(const char *key, size_t bytes)
{
    size_t of_all = bytes, of_one = bytes;

    for (const struct run *run = runs; run != NULL; run = run->next) {
        of_all += run->bytes;
        of_one += is_of_subscription(key, run->key) ? run->bytes : 0;
    }
    return of_all <= DEPLOY_MEMORY_MAX && of_one <= DEPLOY_MEMORY_OF_ONE_MAX;
}

/* Would it fit when nothing ran but what it is nested in? That waits for it. */
static bool fits_alone(const struct run *run)
{
    size_t bytes = 0;

    for (; run != NULL; run = run->parent) {
        bytes += run->bytes;
    }
    return bytes <= DEPLOY_MEMORY_OF_ONE_MAX;
}

unsigned run_depth_below(const struct run *parent)
{
    return parent == NULL ? 0 : parent->depth + 1;
}

static struct run *root_of(struct run *run)
{
    while (run->parent != NULL) {
        run = run->parent;
    }
    return run;
}

size_t run_tree_size(struct run *run)
{
    size_t n;

    if (run == NULL) {
        return 0;
    }
    pthread_mutex_lock(&runs_lock);
    n = root_of(run)->n_tree;
    pthread_mutex_unlock(&runs_lock);
    return n;
}

enum room { ROOM, NO_PLACE, NO_MEMORY, TREE_TOO_LARGE };

/* In the list, and counted, or nothing. */
static enum room enter(struct run *run, size_t n_resources)
{
    struct run *root = root_of(run);
    enum room room = ROOM;

    pthread_mutex_lock(&runs_lock);
    if (n_resources > DEPLOY_TREE_MAX - root->n_tree) {
        room = TREE_TOO_LARGE;
    } else if (!has_place(run->key, run->depth)) {
        room = NO_PLACE;
    } else if (!has_memory(run->key, run->bytes)) {
        room = NO_MEMORY;
    } else {
        root->n_tree += n_resources;
        run->next = runs;
        runs = run;
    }
    pthread_mutex_unlock(&runs_lock);
    return room;
}

static bool refuse_room(struct control_call *call, const struct run *run, enum room room,
                        struct control_answer *ret)
{
    switch (room) {
    case NO_PLACE:
        control_refuse(call, ret, 429, DEPLOY_NO_PLACE,
                       "%d deployments of this subscription run already, and no more do at the "
                       "same time; try again when one has ended.",
                       DEPLOY_RUNS_MAX);
        ret->retry_after_s = RETRY_S;
        return false;
    case NO_MEMORY:
        control_refuse(call, ret, 503, "ServiceUnavailable",
                       "The deployments that run take all the memory that there is for them (%d "
                       "MiB, %d MiB of one subscription); try again when one has ended, or with a "
                       "smaller template.",
                       DEPLOY_MEMORY_MAX / DEPLOY_MIB, DEPLOY_MEMORY_OF_ONE_MAX / DEPLOY_MIB);
        ret->retry_after_s = RETRY_S;
        ret->note = fits_alone(run) ? DEPLOY_NO_MEMORY : NULL;
        return false;
    case TREE_TOO_LARGE:
        deploy_refuse_tree(call, ret);
        return false;
    case ROOM:
    default:
        return true;
    }
}

/* ---- making one ---- */

static char *dup(struct arena *arena, const char *text)
{
    return arena_printf(arena, "%s", text == NULL ? "" : text);
}

/* The template anew in an arena of the run's own: what it borrows from must live as long. It was
 * read a moment ago, but its group may have gone since: ERR_CONFLICT, and the answer says so. */
static err_t copy_request(struct control_call *call, const struct deploy_request *request,
                          struct run *run, struct control_answer *ret)
{
    struct control_call own = *call;
    struct control_answer answer = {0};

    own.arena = run->arena;
    own.doc = json_new(run->arena);
    own.body = arena_dup(run->arena, call->body);
    own.caller = &run->caller;
    if (own.doc == NULL || own.body.data == NULL) {
        return ERR_MEMORY;
    }
    if (deploy_read(&own, span_str(request->name), &run->request, &answer)) {
        return ERR_OK;
    }
    if (arena_is_exhausted(run->arena)) {
        return ERR_MEMORY;
    }
    control_refuse(call, ret, answer.status, answer.code, "%s", answer.message);
    ret->retry_after_s = answer.retry_after_s;
    return ERR_CONFLICT;
}

static const char *new_id(struct arena *arena)
{
    uint8_t id[ID_BYTES];

    return random_bytes(id, sizeof(id)) == ERR_OK ? hex_dup(arena, span_of(id, sizeof(id))) : NULL;
}

static err_t copy_caller(const struct control_call *call, struct run *run)
{
    const char *subscription = run->key + strlen(SUBSCRIPTIONS), *home = NULL;

    run->id = new_id(run->arena);
    run->owner = arena_printf(run->arena, "%.*s", (int)strcspn(subscription, "/"), subscription);
    run->correlation = dup(run->arena, call->correlation);
    run->asked_by = dup(run->arena, call->request);
    if (call->caller->home != NULL) {
        home = dup(run->arena, call->caller->home);
        if (home == NULL) {
            return ERR_MEMORY;
        }
    }
    run->caller = (struct access_caller){.issuer = dup(run->arena, call->caller->issuer),
                                         .tenant = dup(run->arena, call->caller->tenant),
                                         .object_id = dup(run->arena, call->caller->object_id),
                                         .name = dup(run->arena, call->caller->name),
                                         .client_id = dup(run->arena, call->caller->client_id),
                                         .is_application = call->caller->is_application,
                                         .home = home};
    return run->id == NULL || run->owner == NULL || run->correlation == NULL ||
                   run->asked_by == NULL || run->caller.issuer == NULL ||
                   run->caller.tenant == NULL || run->caller.object_id == NULL ||
                   run->caller.name == NULL || run->caller.client_id == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

/* All that it holds in memory of its own, within what was counted for it. */
static err_t fill(struct control_call *call, const struct deploy_request *request, struct run *run,
                  struct control_answer *ret)
{
    err_t err;

    run->arena = arena_new(run->bytes);
    if (run->arena == NULL) {
        return ERR_MEMORY;
    }
    err = copy_caller(call, run);
    err = err ? err : copy_request(call, request, run, ret);
    if (err) {
        return err;
    }
    run->n = template_n_resources(run->request.template);
    run->tasks = calloc(run->n + 1, sizeof(*run->tasks));
    if (run->tasks == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < run->n; i++) {
        run->tasks[i] = (struct task){.run = run, .index = i};
    }
    return ERR_OK;
}

/* Not in the list yet. */
static struct run *new_run(struct control_call *call, const struct deploy_request *request)
{
    struct run *run = calloc(1, sizeof(*run));

    if (run == NULL) {
        return NULL;
    }
    pthread_mutex_init(&run->lock, NULL);
    run->control = call->control;
    run->n_references = 1;
    run->began = call->now;
    run->bytes = request->bytes + call->body.len + SLACK_BYTES;
    run->depth = run_depth_below(call->part_of);
    if (call->part_of != NULL) {
        ref(call->part_of);
        run->parent = call->part_of;
    }
    run->key = strdup(request->key);
    if (run->key == NULL) {
        run_unref(run);
        return NULL;
    }
    return run;
}

static void refuse_memory(struct control_call *call, struct control_answer *ret)
{
    control_refuse(call, ret, 503, "ServiceUnavailable",
                   "there is no memory for this deployment now; try again later");
    ret->retry_after_s = RETRY_S;
}

struct run *deploy_admit(struct control_call *call, const struct deploy_request *request,
                         struct control_answer *ret)
{
    struct run *run = new_run(call, request);
    err_t err;

    if (run == NULL) {
        refuse_memory(call, ret);
        return NULL;
    }
    if (!refuse_room(call, run, enter(run, template_n_resources(request->template)), ret)) {
        run_unref(run);
        return NULL;
    }
    err = fill(call, request, run, ret);
    if (err) {
        if (err != ERR_CONFLICT) {
            refuse_memory(call, ret);
        }
        run_unref(run);
        return NULL;
    }
    return run;
}
