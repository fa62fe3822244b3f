/*
 * history.c - of a group's deployments so many are kept; then the one goes that ended longest ago.
 */
#include "deploy/internal.h"

enum { AT_ONCE = 20 /* of a group that has more, from before there was a limit */ };

void deploy_forget_oldest(struct control_call *call, const char *group_id)
{
    struct control_call own = *call;
    struct store_resource_query query = {
        .below = resource_key(call->arena, span_str(group_id)),
        .subscription = resource_key(call->arena, call->path.subscription),
        .type = resource_key(call->arena, span_str(DEPLOYMENT_TYPE)),
        .after = "",
        .max = AT_ONCE};
    struct store_resource *rows = NULL;
    struct trail trail = {0};
    size_t n = 0;
    err_t err = query.below == NULL || query.subscription == NULL || query.type == NULL
                    ? ERR_MEMORY
                    : store_resources_past(control_store(call->control), call->arena, &query,
                                           DEPLOY_KEPT_MAX, &trail, &rows, &n);

    own.is_rule = true; /* also of who may deploy and not delete */
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        struct control_answer ignored = {0};

        control_do(&own, HTTP_DELETE, rows[i].id, "2024-11-01", NULL, &ignored);
    }
    control_log_lost("forgetting of old deployments", group_id, err, &trail);
}
