/*
 * prune.c - mode Complete: what the group has and the template has not is deleted (arm-templates
 * section 5). Parts of a resource that stays, such as a virtual machine's extension, stay with it.
 */
#include "deploy/internal.h"

#include "base/text.h"

enum { PAGE = 500, ROUNDS_MAX = 8 };

/* Of a resource in a group: is it one by itself, and not named by the template? */
static bool is_leftover(struct control_call *call, const struct template *t,
                        const struct resource *resource)
{
    struct resource_path path;

    if (resource->kind == NULL || resource->kind == &kind_deployment ||
        resource_id_read(call->arena, span_str(resource->id), NULL, &path) != ERR_OK ||
        path.is_extension || path.n != 2) {
        return false;
    }
    return template_find(t, resource->id) == NULL;
}

/* One round: what others still refer to is refused now and goes in a later one. */
static err_t prune_round(struct control_call *call, const struct template *t, const char *group_id,
                         struct control_answer *last, size_t *ret_gone, size_t *ret_left)
{
    const char *after = "";
    struct trail trail = {0};
    size_t n = PAGE;
    err_t err = ERR_OK;

    *ret_gone = *ret_left = 0;
    while (err == ERR_OK && n == PAGE) {
        struct resource *resources = NULL;

        err = resources_load(call, NULL, group_id, after, PAGE, &trail, &resources, &n);
        for (size_t i = 0; err == ERR_OK && i < n; i++) {
            struct control_answer answer;

            after = resources[i].key;
            if (!is_leftover(call, t, &resources[i])) {
                continue;
            }
            control_do(call, HTTP_DELETE, resources[i].id, "2024-11-01", NULL, &answer);
            if (answer.code != NULL) {
                *last = answer;
                last->target = resources[i].id;
                (*ret_left)++;
            } else {
                (*ret_gone)++;
            }
        }
    }
    return err;
}

void deploy_prune(struct control_call *call, const struct template *t, const char *group_id,
                  struct control_answer *ret)
{
    struct control_answer last = {0};
    size_t gone = 1, left = 1;
    err_t err = ERR_OK;

    for (int i = 0; err == ERR_OK && gone > 0 && left > 0 && i < ROUNDS_MAX; i++) {
        err = prune_round(call, t, group_id, &last, &gone, &left);
    }
    if (err) {
        control_fail(call, err, NULL, ret);
    } else if (left > 0) {
        *ret = last;
    }
}
