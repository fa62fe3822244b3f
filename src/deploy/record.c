/*
 * record.c - how a deployment ended, in its record. There is always room for that: what makes it
 * too long, or has no room in a full subscription, such as outputs that repeat large parameters, is
 * left out.
 */
#include "deploy/internal.h"

#include "resource/join-token.h"

enum { RETRIES = 8 };

void deploy_refuse_full(struct control_call *call, const char *id, struct control_answer *ret)
{
    const struct resource deployment = {.id = id};

    (void)resource_refuse_bar(call, &deployment, STORE_RESOURCE_SUBSCRIPTION_BYTES_FULL, "", false,
                              ret);
}

enum kept {
    KEPT,
    GONE, /* with its group, or another's has its place, or it is told already */
    TOO_LONG,
    FULL,  /* its subscription */
    LATER, /* the store does not take it now; deploy_tick tries again */
};

bool deploy_is_active(const struct resource *deployment)
{
    return strcmp(deployment->state, "Accepted") == 0 || strcmp(deployment->state, "Running") == 0;
}

static void fill(struct control_call *call, const struct deploy_end *end,
                 yyjson_mut_val *properties)
{
    body_set_text(call->doc, properties, "provisioningState", end->state);
    body_set_text(call->doc, properties, "timestamp", deploy_time(call->arena, call->now));
    if (end->duration != NULL) {
        body_set_text(call->doc, properties, "duration", end->duration);
    }
    if (end->resources != NULL) {
        body_set(call->doc, properties, "outputResources",
                 yyjson_mut_val_mut_copy(call->doc, end->resources));
    }
    if (end->outputs != NULL) {
        body_set(call->doc, properties, "outputs",
                 yyjson_mut_val_mut_copy(call->doc, end->outputs));
    }
    if (end->error != NULL) {
        body_set(call->doc, properties, "error", yyjson_mut_val_mut_copy(call->doc, end->error));
    }
}

static enum kept keep(struct control_call *call, const struct deploy_end *end, bool is_short)
{
    unsigned status = 0;
    bool is_raced = true, is_full = false;
    /* What went well and has nothing to say takes hardly any room. */
    bool is_owed = is_short || (end->error == NULL && yyjson_mut_obj_size(end->outputs) == 0);

    for (int i = 0; is_raced && i < RETRIES; i++) {
        struct control_answer answer = {0};
        struct resource record;
        yyjson_mut_val *properties;
        err_t err = resource_load(call, end->id, NULL, &record);

        if (err) {
            return err == ERR_NOT_FOUND ? GONE : err == ERR_MEMORY ? TOO_LONG : LATER;
        }
        if (!deploy_is_active(&record)) {
            return GONE;
        }
        record.state = end->state;
        record.holder = end->holder;
        properties = resource_properties(call, &record);
        if (is_short) {
            body_drop(properties, "parameters");
            body_drop(properties, "dependencies");
        }
        fill(call, end, properties);
        if (is_owed ? resource_keep(call, &record, "", &answer, &is_raced)
                    : resource_keep_in_room(call, &record, &answer, &is_raced)) {
            return KEPT;
        }
        status = answer.status;
        is_full = answer.code != NULL && strcmp(answer.code, CONTROL_QUOTA) == 0;
    }
    if (is_full) { /* when short, even what is held back for ends */
        return is_short ? LATER : FULL;
    }
    return status == 503 ? LATER : status == 404 || status == 409 ? GONE : TOO_LONG;
}

/* Outputs that nobody can read are as those that cannot be made: the deployment failed. */
static void shorten(struct control_call *call, struct deploy_end *end, bool is_full)
{
    const char *code = body_text_at(end->error, "code");
    const char *message = body_text_at(end->error, "message");
    yyjson_mut_val *error = yyjson_mut_obj(call->doc), *details;
    struct control_answer full = {0};

    if (is_full) {
        deploy_refuse_full(call, end->id, &full);
    }
    if (strcmp(end->state, "Succeeded") == 0 && is_full) {
        end->state = "Failed";
        code = full.code;
        message = arena_printf(call->arena,
                               "All resources were made, but what is kept of the deployment, its "
                               "outputs and parameters among it, has no room. %s",
                               full.message);
    } else if (strcmp(end->state, "Succeeded") == 0) {
        end->state = "Failed";
        code = "DeploymentJobSizeExceeded";
        message = arena_printf(call->arena,
                               "All resources were made, but what is kept of the deployment, its "
                               "outputs and parameters among it, takes more than %d MiB. Use "
                               "fewer or shorter ones.",
                               STORE_RESOURCE_BODY_MAX / DEPLOY_MIB);
    }
    json_add_text(call->doc, error, "code", code == NULL ? "DeploymentFailed" : code);
    json_add_text(call->doc, error, "target", end->id);
    json_add_text(call->doc, error, "message", message == NULL ? "" : message);
    if (is_full) { /* in place of those that there were */
        details = json_add_array(call->doc, error, "details");
        (void)yyjson_mut_arr_append(details, control_error_value(call, &full));
    }
    end->error = error;
    end->outputs = NULL;
}

/* In memory of its own: the call's may be what there was too little of. */
static enum kept keep_short(struct control_call *call, struct deploy_end *end, bool is_full,
                            const char *operation)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(TEMPLATE_ARENA_BYTES);
    struct control_call own = *call;
    enum kept kept;

    own.arena = arena;
    own.doc = arena == NULL ? NULL : json_new(arena);
    if (own.doc == NULL) {
        return LATER;
    }
    shorten(&own, end, is_full);
    kept = keep(&own, end, true);
    if (operation != NULL && kept != LATER) {
        operation_end(&own, operation, end->state, end->error);
    }
    end->error = NULL;
    return kept;
}

const char *deploy_keep_end(struct control_call *call, const struct deploy_end *wanted,
                            const char *operation)
{
    struct deploy_end end = *wanted;
    enum kept kept;

    join_token_strike(call->arena, end.error);
    join_token_strike(call->arena, end.outputs);
    kept = keep(call, &end, false);

    if (kept == TOO_LONG || kept == FULL) {
        kept = keep_short(call, &end, kept == FULL, operation);
    } else if (operation != NULL && kept != LATER) {
        operation_end(call, operation, end.state, end.error);
    }
    return kept == KEPT ? end.state : NULL;
}
