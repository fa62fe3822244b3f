/*
 * prune.c - mode Complete: what the group has and the template has not is deleted (arm-templates
 * section 5). Parts of a resource that stays, such as a virtual machine's extension, stay with it.
 *
 * A group may have very many, so it is done in slices, between which others have their turns.
 */
#include "deploy/internal.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 1000, SLICE = 50 /* deleted, or tried */, ROUNDS_MAX = 8 };

const struct kind *deploy_leftover(struct control_call *call, const struct template *t,
                                   const char *id, bool *ret_goes)
{
    const struct kind *kind;
    struct resource_path path;
    const char *type;

    if (resource_id_read(call->arena, span_str(id), NULL, &path) != ERR_OK) {
        return NULL;
    }
    type = resource_path_type(call->arena, &path);
    kind = type == NULL ? NULL : kind_find(call->control, type);
    if (kind == NULL || kind == &kind_deployment || template_find(t, id) != NULL) {
        return NULL;
    }
    *ret_goes = !path.is_extension && path.n == 2;
    return kind;
}

static void delete_one(struct control_call *call, const char *id, struct deploy_pruning *pruning)
{
    struct control_answer answer;
    struct span text;

    control_do(call, HTTP_DELETE, id, "2024-11-01", NULL, &answer);
    if (answer.code == NULL) {
        pruning->gone++;
        return;
    }
    answer.target = id;
    text = json_write(call->arena, call->doc, control_error_value(call, &answer), false);
    if (text.data != NULL) {
        free(pruning->refusal);
        pruning->refusal = strdup((const char *)text.data);
    }
    pruning->left++;
}

/* What others still refer to is refused now and goes in a later round. */
static bool begin_round(struct deploy_pruning *pruning)
{
    if (pruning->gone == 0 || pruning->left == 0 || pruning->round + 1 == ROUNDS_MAX) {
        return false;
    }
    pruning->round++;
    pruning->gone = pruning->left = 0;
    pruning->after[0] = '\0';
    return true;
}

err_t deploy_prune(struct control_call *call, const struct deploy_request *request,
                   struct deploy_pruning *pruning, struct trail *trail, bool *ret_has_more)
{
    struct store_resource_query query = {.below =
                                             resource_key(call->arena, span_str(request->group_id)),
                                         .subscription = "",
                                         .type = "",
                                         .after = pruning->after,
                                         .max = PAGE,
                                         .is_short = true};
    struct store_resource *rows = NULL;
    size_t n = 0, n_tried = 0;
    err_t err = query.below == NULL ? ERR_MEMORY
                                    : store_resources(control_store(call->control), call->arena,
                                                      &query, trail, &rows, &n);

    for (size_t i = 0; err == ERR_OK && i < n && n_tried < SLICE; i++) {
        bool goes = false;

        snprintf(pruning->after, sizeof(pruning->after), "%s", rows[i].key);
        if (deploy_leftover(call, request->template, rows[i].id, &goes) != NULL && goes) {
            delete_one(call, rows[i].id, pruning);
            n_tried++;
        }
    }
    *ret_has_more = err == ERR_OK && (n == PAGE || n_tried == SLICE || begin_round(pruning));
    return err;
}
