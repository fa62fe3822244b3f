/*
 * groups.c - resource groups: the engine's rules for the group itself, and its end, which takes a
 * while.
 */
#include "control/internal.h"

#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <stdlib.h>

#define GROUPS "Microsoft.Resources/subscriptions/resourceGroups/"
#define ENDING "group-delete" /* `what` of its operation */

enum { PAGE = 200, OPEN_MAX = 1000, RESUMED_MAX = 1000, RETRY_S = 5 };

const struct kind control_group_kind = {
    .type = "Microsoft.Resources/resourceGroups",
    .versions = "2025-04-01 2024-11-01 2021-04-01 2019-10-01",
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_AT_SUBSCRIPTION,
    .name_max = RESOURCE_GROUP_MAX,
    .name_is_good = resource_group_is_possible,
    .name_words = "A resource group's name has 1 to 90 letters, digits, periods, underscores, "
                  "hyphens and parentheses, and does not end in a period.",
};

/* ---- one group ---- */

static struct control_target target_of(struct control_call *call, struct span group)
{
    const char *verb = call->method == HTTP_PUT || call->method == HTTP_PATCH ? "write" : "read";

    return (struct control_target){
        .kind = &control_group_kind,
        .id = arena_printf(call->arena, "/subscriptions/%.*s/resourceGroups/%.*s",
                           (int)call->path.subscription.len,
                           (const char *)call->path.subscription.data, (int)group.len,
                           (const char *)group.data),
        .action =
            arena_printf(call->arena, "Microsoft.Resources/subscriptions/resourceGroups/%s", verb),
        .scope = call->path.scope,
    };
}

static bool subscription_is_there(struct control_call *call, struct control_answer *ret)
{
    if (control_has_subscription(call->control, call->arena, call->caller,
                                 call->path.subscription)) {
        return true;
    }
    control_refuse(call, ret, 404, "SubscriptionNotFound",
                   "The subscription '%.*s' could not be found.", (int)call->path.subscription.len,
                   (const char *)call->path.subscription.data);
    return false;
}

static void handle_group(struct control_call *call, struct control_answer *ret)
{
    struct control_target target = target_of(call, call->path.group);

    if (target.id == NULL || target.action == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }
    if (!subscription_is_there(call, ret)) {
        return;
    }
    /* The engine takes the last name of a path for the resource's. */
    call->path.ns = span_str("Microsoft.Resources");
    call->path.pieces[0] = span_str("resourceGroups");
    call->path.pieces[1] = call->path.group;
    call->path.n = 2;
    resource_run(call, &target, ret);
    if (call->method == HTTP_HEAD && ret->status == 200) {
        ret->status = 204;
        ret->body = (struct span){0};
    }
}

static void handle_list(struct control_call *call, struct control_answer *ret)
{
    struct control_target target = {.kind = &control_group_kind, .scope = call->path.scope};

    if (subscription_is_there(call, ret)) {
        list_kind(call, &target, ret);
    }
}

/* ---- the end of a group ---- */

struct ending {
    struct ending *next; /* in the control's list */
    struct control *control;
    char *id, *key, *subscription;
    /* Who asked for it, with which request; "" after a restart. */
    char *issuer, *caller, *tenant, *name, *client, *request;
    bool is_off; /* the group could not be marked: it stays. Under the lock */
};

/* What one is made of; borrowed. */
struct ending_of {
    const char *id, *key;
    const char *subscription; /* in lower case: whose turn it takes */
    const struct access_caller *caller;
    const char *request; /* its id */
};

static void free_ending(struct ending *ending)
{
    free(ending->id);
    free(ending->key);
    free(ending->subscription);
    free(ending->issuer);
    free(ending->caller);
    free(ending->tenant);
    free(ending->name);
    free(ending->client);
    free(ending->request);
    free(ending);
}

/* Under the lock. */
static void unlink_ending(struct ending *ending)
{
    struct ending **at = &ending->control->endings;

    while (*at != NULL && *at != ending) {
        at = &(*at)->next;
    }
    if (*at == ending) {
        *at = ending->next;
    }
}

static void drop_ending(void *data)
{
    struct ending *ending = data;
    struct control *control = ending->control;

    pthread_mutex_lock(&control->endings_lock);
    unlink_ending(ending);
    pthread_mutex_unlock(&control->endings_lock);
    free_ending(ending);
}

/* Its resources, those below others first: a machine's extension goes before the machine. */
static err_t remove_page(struct control_call *call, const char *id, struct trail *trail,
                         bool *ret_is_end)
{
    struct resource_page page = {0};
    err_t err = resources_page_ending(call, id, PAGE, trail, &page);

    *ret_is_end = page.is_end;
    for (size_t i = page.n; err == ERR_OK && i > 0; i--) {
        const struct resource *r = &page.items[i - 1];
        enum store_resource_bar bar;
        struct control_answer answer = {0};
        bool was_there = false;

        err = store_resource_remove(call->control->store, r->key, 0, trail, &was_there, &bar);
        if (err == ERR_OK && was_there && r->kind != NULL && r->kind->gone != NULL) {
            r->kind->gone(call, r, &answer);
        }
    }
    return err;
}

static err_t remove_elsewhere(struct control_call *call, const char *id, struct trail *trail)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && call->control->kinds[i] != NULL; i++) {
        if (call->control->kinds[i]->group_gone != NULL) {
            err = call->control->kinds[i]->group_gone(call, id, trail);
        }
    }
    return err;
}

/* Whoever waits for the end of this group hears how it came out. */
static void end_operations(struct control_call *call, const char *key, err_t err,
                           const struct trail *trail)
{
    struct store_operation *open = NULL;
    struct control_answer failure = {0};
    size_t n = 0;

    if (err) {
        control_fail(call, err, trail, &failure);
    }
    if (store_operations_of(call->control->store, call->arena, key, ENDING, OPEN_MAX, NULL, &open,
                            &n) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        open[i].status = err ? "Failed" : "Succeeded";
        open[i].ended = call->now;
        if (err) {
            open[i].error =
                json_write(call->arena, call->doc, control_error_value(call, &failure), false);
        }
        struct trail lost = {0};

        control_log_lost("end of an operation", open[i].id,
                         store_operation_put(call->control->store, &open[i], &lost), &lost);
    }
}

/* The group itself, when all that was in it is gone. Who deletes it again finds it with its end, or
 * not at all: under the lock. */
static err_t remove_row(struct control_call *call, const struct ending *ending, struct trail *trail,
                        size_t *n_roles)
{
    enum store_resource_bar bar;
    bool was_there;
    err_t err;

    control_hold_scopes(call->control);
    err = scope_forget(call, ending->id, trail, n_roles);
    err =
        err ? err
            : store_resource_remove(call->control->store, ending->key, 0, trail, &was_there, &bar);
    control_let_scopes(call->control);
    return err;
}

/* Its roles go with it, so the audit log hears of it as of a change. */
static err_t remove_group(struct control_call *call, const struct ending *ending,
                          struct trail *trail)
{
    struct control_change change = {
        .path = ending->id, .action = GROUPS "delete", .scope = ending->id};
    struct control_answer answer = {.status = 200};
    size_t n_roles = 0;
    err_t err;

    if (!change_begin(call, &change, &answer)) {
        return trail_set(trail, ERR_UNAVAILABLE, "the audit log cannot be written");
    }
    err = remove_row(call, ending, trail, &n_roles);
    if (err) {
        control_fail(call, err, trail, &answer);
    } else {
        answer.note = scope_note(call, n_roles);
    }
    change_finish(call, &change, &answer);
    return err;
}

static void log_ending(const struct ending *ending, err_t err, const struct trail *trail)
{
    struct log_line line;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    log_begin(&line, err ? LOG_ERROR : LOG_INFO, "group.deleted");
    log_text(&line, "group", ending->key);
    if (err) {
        trail_format(trail, err, words, sizeof(words));
        log_text(&line, "cause", words);
        log_text(&line, "effect",
                 "what is left is tried again in a minute, and when it is deleted again");
    }
    log_end(&line);
}

/* Its job is there before the group is marked; who marks holds the lock until that is settled. */
static bool is_called_off(struct ending *ending)
{
    bool is_off;

    pthread_mutex_lock(&ending->control->endings_lock);
    is_off = ending->is_off;
    pthread_mutex_unlock(&ending->control->endings_lock);
    return is_off;
}

/* One page of it: then others have their turn. */
static err_t add_job(struct ending *ending);

/* Nothing is in it any more, or it cannot go on. */
static void finish_ending(struct control_call *call, struct ending *ending, err_t err,
                          struct trail *trail)
{
    err = err ? err : remove_elsewhere(call, ending->id, trail);
    pthread_mutex_lock(&ending->control->endings_lock);
    err = err ? err : remove_group(call, ending, trail);
    end_operations(call, ending->key, err, trail);
    unlink_ending(ending);
    pthread_mutex_unlock(&ending->control->endings_lock);
    log_ending(ending, err, trail);
    free_ending(ending);
}

static void run_ending(void *data, struct arena *arena, struct hasher *hasher)
{
    struct ending *ending = data;
    const struct access_caller caller = {.issuer = ending->issuer,
                                         .tenant = ending->tenant,
                                         .object_id = ending->caller,
                                         .name = ending->name,
                                         .client_id = ending->client};
    struct control_call call = {.control = ending->control,
                                .hasher = hasher,
                                .caller = &caller,
                                .correlation = ending->request,
                                .request = ending->request,
                                .base = "",
                                .arena = arena,
                                .method = HTTP_DELETE};
    struct trail trail = {0};
    bool is_end = false;
    err_t err = ERR_OK;

    if (is_called_off(ending)) {
        drop_ending(ending);
        return;
    }
    while (err == ERR_OK && !is_end) {
        if (jobs_is_closing(ending->control->jobs)) {
            drop_ending(ending); /* goes on at the next start */
            return;
        }
        arena_reset(arena);
        call.doc = json_new(arena);
        call.now = timestamp_now();
        err = call.doc == NULL ? ERR_MEMORY : remove_page(&call, ending->id, &trail, &is_end);
        /* Without room for another job this one goes on. */
        if (err == ERR_OK && !is_end && add_job(ending) == ERR_OK) {
            return;
        }
    }
    finish_ending(&call, ending, err, &trail);
}

static err_t add_job(struct ending *ending)
{
    const struct job job = {.class = JOB_END,
                            .owner = ending->subscription,
                            .run = run_ending,
                            .drop = drop_ending,
                            .data = ending};

    return jobs_add(ending->control->jobs, &job);
}

/* Under the lock. Whoever asks for it again waits for the same end, which is no new one. */
static err_t begin_ending(struct control *control, const struct ending_of *of,
                          struct ending **ret_new)
{
    struct ending *ending;
    err_t err;

    *ret_new = NULL;
    for (ending = control->endings; ending != NULL; ending = ending->next) {
        if (strcmp(ending->key, of->key) == 0) {
            return ERR_OK;
        }
    }
    ending = calloc(1, sizeof(*ending));
    if (ending == NULL) {
        return ERR_MEMORY;
    }
    ending->control = control;
    ending->id = strdup(of->id);
    ending->key = strdup(of->key);
    ending->subscription = strdup(of->subscription);
    ending->issuer = strdup(of->caller->issuer);
    ending->caller = strdup(of->caller->object_id);
    ending->tenant = strdup(of->caller->tenant);
    ending->name = strdup(of->caller->name);
    ending->client = strdup(of->caller->client_id);
    ending->request = strdup(of->request);
    err = ending->id == NULL || ending->key == NULL || ending->subscription == NULL ||
                  ending->issuer == NULL || ending->caller == NULL || ending->tenant == NULL ||
                  ending->name == NULL || ending->client == NULL || ending->request == NULL
              ? ERR_MEMORY
              : add_job(ending);
    if (err) {
        free_ending(ending);
        return err;
    }
    ending->next = control->endings;
    control->endings = ending;
    *ret_new = ending;
    return ERR_OK;
}

static bool find_group(struct control_call *call, const char *id, struct resource *group,
                       struct control_answer *ret)
{
    struct trail trail = {0};
    err_t err = resource_load(call, id, &trail, group);

    if (err == ERR_NOT_FOUND) {
        control_not_found(call, id, ret);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    }
    if (err) {
        return false;
    }
    group->kind = &control_group_kind;
    return condition_holds(call, group, ret);
}

/* False and refused: the group is as before. */
static bool make_sure_of_job(struct control_call *call, const struct resource *group,
                             struct ending **ret_new, struct control_answer *ret)
{
    const struct ending_of of = {.id = group->id,
                                 .key = group->key,
                                 .subscription = resource_key(call->arena, call->path.subscription),
                                 .caller = call->caller,
                                 .request = call->request == NULL ? "" : call->request};
    err_t err = of.subscription == NULL ? ERR_MEMORY : begin_ending(call->control, &of, ret_new);

    if (err == ERR_TOO_MANY) {
        control_refuse(call, ret, 429, "TooManyRequests",
                       "Too many resource groups are being deleted at the same time; '%s' is as it "
                       "was. Try again later.",
                       group->name);
        ret->retry_after_s = RETRY_S;
    } else if (err) {
        control_fail(call, err, NULL, ret);
    }
    return err == ERR_OK;
}

/* One try: nothing new comes into it from now on. False and refused; is_raced: somebody was faster.
 * The job comes first: a group that is marked without one would be so for ever. */
static bool mark_ending(struct control_call *call, const char *id, struct resource *group,
                        struct ending **ending, struct control_answer *ret, bool *ret_is_raced)
{
    *ret_is_raced = false;
    *ret = (struct control_answer){0};
    if (!find_group(call, id, group, ret) ||
        (*ending == NULL && !make_sure_of_job(call, group, ending, ret))) {
        return false;
    }
    if (strcmp(group->state, "Deleting") == 0) {
        return true;
    }
    group->state = "Deleting";
    return resource_keep(call, group, GROUPS "delete", ret, ret_is_raced);
}

static void delete_group(struct control_call *call, const char *id, struct control_answer *ret)
{
    struct ending *ending = NULL;
    struct resource group;
    bool is_raced = true, is_marked = false;

    for (int i = 0; is_raced && i < CONTROL_RETRIES; i++) {
        is_marked = mark_ending(call, id, &group, &ending, ret, &is_raced);
    }
    if (!is_marked) {
        if (ending != NULL) {
            unlink_ending(ending);
            ending->is_off = true;
        }
        return;
    }
    operation_begin(call, NULL, NULL, group.key, ENDING, ret, NULL);
    if (ret->code == NULL) {
        ret->status = 202;
    }
}

static void handle_delete(struct control_call *call, struct control_answer *ret)
{
    struct control_target target = target_of(call, call->path.group);

    if (target.id == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }
    pthread_mutex_lock(&call->control->endings_lock);
    delete_group(call, target.id, ret);
    pthread_mutex_unlock(&call->control->endings_lock);
}

err_t groups_resume(struct control *control, struct trail *trail)
{
    static const struct access_caller nobody = {"", "", "", "", "", false, NULL};
    CLEANUP(arena_free) struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
    struct store_resource *rows = NULL;
    struct ending *ignored;
    size_t n = 0;
    err_t err;

    /* Looked for under the lock: one that was gone, and made anew, meanwhile would go again. */
    pthread_mutex_lock(&control->endings_lock);
    err = arena == NULL ? ERR_MEMORY
                        : store_resources_in_state(control->store, arena, GROUP_TYPE, "Deleting",
                                                   "", RESUMED_MAX, trail, &rows, &n);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        const struct ending_of of = {.id = rows[i].id,
                                     .key = rows[i].key,
                                     .subscription = rows[i].subscription,
                                     .caller = &nobody,
                                     .request = ""};

        err = begin_ending(control, &of, &ignored);
        err = err == ERR_TOO_MANY ? ERR_OK : err; /* of this owner: it goes the next time */
    }
    pthread_mutex_unlock(&control->endings_lock);
    return err;
}

const struct control_row control_group_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, "resourcegroups", GROUPS "read", handle_list, 0, NULL},
    {HTTP_GET | HTTP_HEAD, CONTROL_GROUP, "", GROUPS "read", handle_group, 0, NULL},
    {HTTP_PUT | HTTP_PATCH, CONTROL_GROUP, "", GROUPS "write", handle_group, 0, NULL},
    {HTTP_DELETE, CONTROL_GROUP, "", GROUPS "delete", handle_delete, 0, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
