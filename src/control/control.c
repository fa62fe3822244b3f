#include "control/internal.h"

#include "base/log.h"
#include "base/text.h"
#include "crypto/guid.h"

#include <stdlib.h>

static size_t count(const struct kind *const *kinds)
{
    size_t n = 0;

    while (kinds != NULL && kinds[n] != NULL) {
        n++;
    }
    return n;
}

static err_t join_kinds(struct control *control, const struct kind *const *a,
                        const struct kind *const *b)
{
    size_t n = count(a), m = count(b);

    control->kinds = calloc(n + m + 1, sizeof(const struct kind *));
    if (control->kinds == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n + m; i++) {
        control->kinds[i] = i < n ? a[i] : b[i - n];
    }
    return ERR_OK;
}

static void log_failure(const char *event, err_t err, const struct trail *trail)
{
    struct log_line line;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_ERROR, event);
    log_text(&line, "cause", words);
    log_text(&line, "effect", "it is tried again in a minute");
    log_end(&line);
}

/* What is in the way of the ends of groups is in the way of nothing else. */
static void resume(struct control *control)
{
    struct trail trail = {0};
    err_t err = groups_resume(control, &trail);

    if (err) {
        log_failure("control.resume", err, &trail);
    }
}

err_t control_open(const struct control_options *options, struct trail *trail, struct control **ret)
{
    CLEANUP(control_close) struct control *control = calloc(1, sizeof(*control));
    err_t err;

    (void)trail; /* nothing that fails here has more words than its error */
    if (control == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&control->endings_lock, NULL);
    scopes_open(control);
    claims_open(control);
    control->store = options->store;
    control->service = options->service;
    control->endpoint = strdup(options->endpoint);
    control->authorities = options->authorities;
    control->tenant = strdup(options->tenant == NULL ? "" : options->tenant);
    control->subscription = strdup(options->subscription == NULL ? "" : options->subscription);
    control->may = options->may;
    control->may_any = options->may_any;
    control->subscriptions = options->subscriptions;
    control->forget_scope = options->forget_scope;
    control->may_context = options->may_context;
    control->audit = options->audit;
    control->audit_context = options->audit_context;
    control->tables = options->row_tables;
    control->service_tags = options->service_tags;
    if (control->endpoint == NULL || control->tenant == NULL || control->subscription == NULL) {
        return ERR_MEMORY;
    }
    err = join_kinds(control, options->kinds, options->more_kinds);
    err = err ? err : jobs_open(&control->jobs);
    if (err) {
        return err;
    }
    resume(control);
    *ret = TAKE(control);
    return ERR_OK;
}

void control_close(struct control *control)
{
    if (control == NULL) {
        return;
    }
    jobs_close(control->jobs);
    pthread_mutex_destroy(&control->endings_lock);
    pthread_rwlock_destroy(&control->scopes_lock);
    claims_close(control);
    free(control->endpoint);
    free(control->tenant);
    free(control->subscription);
    free(control->kinds);
    free(control);
}

void control_tick(struct control *control, int64_t now)
{
    struct trail trail = {0};
    err_t err;

    resume(control);
    err = store_operations_sweep(control->store, now, &trail);
    if (err) {
        log_failure("control.sweep", err, &trail);
    }
}

void *control_may_context(const struct control *control)
{
    return control->may_context;
}

struct store *control_store(const struct control *control)
{
    return control->store;
}

struct service *control_service(const struct control *control)
{
    return control->service;
}

const char *control_subscription(const struct control *control)
{
    return control->subscription;
}

const char *control_tenant(const struct control *control)
{
    return control->tenant;
}

const char *control_endpoint(const struct control *control)
{
    return control->endpoint;
}

/* The usual port is the same as none. */
static struct span without_port(struct span authority)
{
    struct span port =
        span_cut(authority, authority.len < 4 ? 0 : authority.len - 4, authority.len);

    return span_is(port, ":443") ? span_cut(authority, 0, authority.len - 4) : authority;
}

const char *control_base(const struct control *control, struct arena *arena, struct span authority)
{
    struct span wanted = without_port(authority);

    for (const char *const *own = control->authorities; own != NULL && *own != NULL; own++) {
        if (text_spans_equal_nocase(wanted, without_port(span_str(*own)))) {
            return arena_printf(arena, "https://%s", *own);
        }
    }
    return control->endpoint;
}

struct service_tags_source *control_service_tags(const struct control *control)
{
    return control->service_tags;
}

struct span control_query(const struct control_call *call, const char *name)
{
    return call->query != NULL ? call->query(call->query_context, name) : (struct span){0};
}

struct jobs *control_jobs(const struct control *control)
{
    return control->jobs;
}

const struct kind *kind_find(const struct control *control, const char *type)
{
    for (size_t i = 0; control->kinds[i] != NULL; i++) {
        if (text_equal_nocase(control->kinds[i]->type, type)) {
            return control->kinds[i];
        }
    }
    return NULL;
}

bool control_caller_may(const struct control_call *call, const char *action, const char *scope)
{
    const struct control *control = call->control;

    return call->is_rule || control->may(control->may_context, call->caller, action, scope);
}

bool control_has_subscription(const struct control *control, struct arena *arena,
                              const struct access_caller *caller, struct span subscription)
{
    const char *key = resource_key(arena, subscription);

    return key != NULL && (text_equal_nocase(control->subscription, key) ||
                           control->may_any(control->may_context, caller, key));
}

const char *caller_name(const struct access_caller *caller)
{
    return caller->name[0] != '\0' ? caller->name : caller->object_id;
}

const char *control_guid(struct arena *arena)
{
    char text[GUID_SIZE];

    return guid_new(text) == ERR_OK ? arena_printf(arena, "%s", text) : NULL;
}

static bool may_do(const struct control_call *call, const struct control_target *target)
{
    const struct control *control = call->control;
    const char *subscription;

    if (target->action != NULL) {
        return control_caller_may(call, target->action, target->scope);
    }
    subscription = resource_key(call->arena, call->path.subscription);
    return !target->needs_any_role ||
           (subscription != NULL &&
            control->may_any(control->may_context, call->caller, subscription));
}

void control_refuse_caller(const struct control_call *call, const struct control_target *target,
                           struct control_answer *ret)
{
    const struct access_caller *caller = call->caller;

    control_refuse(call, ret, 403, "AuthorizationFailed",
                   "The client '%s' with object id '%s' does not have authorization to perform "
                   "action '%s' over scope '%s'.",
                   access_caller_shown(caller), caller->object_id,
                   target->action == NULL ? "*/read" : target->action, target->scope);
}

void control_do(const struct control_call *like, enum http_method method, const char *id,
                const char *api_version, yyjson_mut_val *body, struct control_answer *ret)
{
    struct control_call call = {.control = like->control,
                                .arena = like->arena,
                                .hasher = like->hasher,
                                .doc = like->doc,
                                .now = like->now,
                                .caller = like->caller,
                                .correlation = like->correlation,
                                .request = like->request,
                                .base = like->base,
                                .method = method,
                                .api_version = span_str(api_version),
                                .part_of = like->part_of,
                                .is_rule = like->is_rule,
                                .is_dry = like->is_dry};
    /* One more than there may be: what is cut off would be about something else. */
    struct span segments[RESOURCE_MAX_SEGMENTS + 1];
    struct control_target target;
    struct control_change change;
    struct span rest = span_str(id);
    size_t n = 0;

    *ret = (struct control_answer){0};
    while (rest.len > 0 && n < ARRAY_LEN(segments)) {
        size_t len;

        rest = span_cut(rest, 1, rest.len);
        len = rest.len == 0 ? 0 : strcspn((const char *)rest.data, "/");
        segments[n++] = span_cut(rest, 0, len);
        rest = span_cut(rest, len, rest.len);
    }
    if (body != NULL) {
        call.body = json_write(call.arena, call.doc, body, false);
        if (call.body.data == NULL) {
            control_fail(&call, ERR_MEMORY, NULL, ret);
            return;
        }
    }
    if (!control_resolve(&call, segments, n, &target, ret)) {
        return;
    }
    if (!may_do(&call, &target)) {
        change_refused(&call, &target, id, 403);
        control_refuse_caller(&call, &target, ret);
        return;
    }
    if (!target.is_change || call.is_dry) {
        control_run(&call, &target, ret);
        return;
    }
    change = (struct control_change){.path = id, .action = target.action, .scope = target.scope};
    if (change_begin(&call, &change, ret)) {
        control_run(&call, &target, ret);
        change_finish(&call, &change, ret);
    }
}
