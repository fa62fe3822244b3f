/*
 * resume.c - deployments that ran when the server stopped, or whose end could not be written: they
 * say so, and so does each resource that was being made.
 *
 * There may be very many of them, and large ones: their keys come in pages, and each is loaded for
 * itself. What does not go now is tried again in a minute.
 */
#include "deploy/run.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>

enum {
    PAGE = 200,
    KEYS_BYTES = 4 * DEPLOY_MIB, /* of a page: key, id and subscription */
    OPEN_MAX = 100,              /* operations of one deployment */
};

/* Whether it was made, nobody knows who was not asked: its record must not say that it is. */
static void fail_part(struct control_call *call, const struct deploy_end *end, const char *key,
                      const struct store_part *part)
{
    yyjson_mut_val *value, *properties, *message;
    yyjson_val *root = NULL;
    const char *state;
    struct span text;

    if (json_read(call->arena, part->text, NULL, NULL, &root) != ERR_OK) {
        return;
    }
    value = yyjson_val_mut_copy(call->doc, root);
    properties = body_get(value, "properties");
    state = body_text_at(properties, "provisioningState");
    if (state == NULL || strcmp(state, "Running") != 0) {
        return;
    }
    body_set_text(call->doc, properties, "provisioningState", "Failed");
    body_set_text(call->doc, properties, "statusCode", "InternalServerError");
    message = body_need_object(call->doc, properties, "statusMessage");
    body_set_text(call->doc, message, "status", "Failed");
    body_set(call->doc, message, "error", yyjson_mut_val_mut_copy(call->doc, end->error));
    text = json_write(call->arena, call->doc, value, false);
    if (text.data != NULL) {
        (void)!store_part_put(control_store(call->control), key, end->holder, part->name, text,
                              NULL);
    }
}

static void fail_parts(struct control_call *call, const struct deploy_end *end, const char *key)
{
    struct store_part *parts = NULL;
    size_t n = 0;

    if (store_parts(control_store(call->control), call->arena, key, PART_OPERATION, STORE_PARTS_MAX,
                    NULL, &parts, &n) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fail_part(call, end, key, &parts[i]);
    }
}

static void end_operations(struct control_call *call, const char *key, yyjson_mut_val *error)
{
    struct store_operation *open = NULL;
    size_t n = 0;

    if (store_operations_of(control_store(call->control), call->arena, key, RUNNING_OPERATION,
                            OPEN_MAX, NULL, &open, &n) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        operation_end(call, open[i].id, "Failed", error);
    }
}

/* Who ran it. One that is begun in its place meanwhile is not mistaken for it. NULL: nobody knows.
 */
static const char *holder_of(struct control_call *call, const char *key)
{
    struct span holder = {0};

    return store_part_get(control_store(call->control), call->arena, key, STORE_PART_HOLDER, NULL,
                          &holder) == ERR_OK
               ? (const char *)holder.data
               : NULL;
}

static void fail_stopped(struct control_call *call, const struct store_resource *row)
{
    struct deploy_end end = {.id = row->id, .holder = holder_of(call, row->key), .state = "Failed"};
    struct control_answer answer = {0};
    struct log_line line;

    if (run_is_there(row->key)) {
        return; /* asked after its holder, so that this is not one that came meanwhile */
    }
    control_refuse(call, &answer, 500, "DeploymentFailed",
                   "The server stopped while this deployment ran, or could not write how it ended. "
                   "What was made until then is listed "
                   "in its operations; deploy it again.");
    answer.target = row->id;
    end.error = control_error_value(call, &answer);
    fail_parts(call, &end, row->key);
    if (deploy_keep_end(call, &end, NULL) == NULL) {
        return;
    }
    end_operations(call, row->key, end.error);
    log_begin(&line, LOG_WARN, "deployment.stopped");
    log_text(&line, "deployment", row->key);
    log_end(&line);
}

struct resuming {
    struct control *control;
    struct hasher *hasher;
    struct arena *keys, *arena; /* of a page, of one deployment */
    int64_t now;
};

static err_t fail_page(const struct resuming *r, const struct store_resource *rows, size_t n)
{
    static const struct access_caller nobody = {"", "", "", "", "", false, NULL};
    struct control_call call = {.control = r->control,
                                .arena = r->arena,
                                .hasher = r->hasher,
                                .now = r->now,
                                .caller = &nobody,
                                .correlation = "",
                                .base = ""};

    for (size_t i = 0; i < n; i++) {
        arena_reset(r->arena);
        call.doc = json_new(r->arena);
        if (call.doc == NULL) {
            return ERR_MEMORY;
        }
        fail_stopped(&call, &rows[i]);
    }
    return ERR_OK;
}

static err_t fail_in_state(const struct resuming *r, const char *state, struct trail *trail)
{
    char after[STORE_RESOURCE_KEY_MAX + 1] = "/";
    size_t n = PAGE;
    err_t err = ERR_OK;

    while (err == ERR_OK && n == PAGE) {
        struct store_resource *rows = NULL;
        const char *type;

        arena_reset(r->keys);
        type = resource_key(r->keys, span_str(DEPLOYMENT_TYPE));
        err = type == NULL ? ERR_MEMORY
                           : store_resources_in_state(control_store(r->control), r->keys, type,
                                                      state, after, PAGE, trail, &rows, &n);
        if (err == ERR_OK && n > 0) {
            snprintf(after, sizeof(after), "%s", rows[n - 1].key);
            err = fail_page(r, rows, n);
        }
    }
    return err;
}

err_t deploy_resume(struct control *control, int64_t now, struct trail *trail)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(arena_free) struct arena *keys = arena_new(KEYS_BYTES);
    CLEANUP(arena_free) struct arena *arena = arena_new(TEMPLATE_ARENA_BYTES);
    const struct resuming resuming = {
        .control = control, .hasher = hasher, .keys = keys, .arena = arena, .now = now};
    err_t err = hasher == NULL || keys == NULL || arena == NULL
                    ? ERR_MEMORY
                    : fail_in_state(&resuming, "Accepted", trail);

    return err ? err : fail_in_state(&resuming, "Running", trail);
}

void deploy_tick(struct control *control, int64_t now)
{
    struct trail trail = {0};
    struct log_line line;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];
    err_t err = deploy_resume(control, now, &trail);

    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        log_begin(&line, LOG_ERROR, "deployment.resume");
        log_text(&line, "cause", words);
        log_text(&line, "effect", "deployments that ended with the server still say that they run");
        log_end(&line);
    }
}
