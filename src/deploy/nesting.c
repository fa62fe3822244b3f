/*
 * nesting.c - how deep and how large what a template brings about is at least, before anything is
 * made of it: templates inside of it, loops with a number for their count. What an expression makes
 * of it is counted when it is known (admit.c).
 */
#include "deploy/run.h"

#include "base/text.h"

struct nesting {
    unsigned levels; /* of deployments below */
    size_t n;        /* resources, up to one more than there may be */
};

static yyjson_val *get(yyjson_val *object, const char *name)
{
    yyjson_val *value = NULL;

    return json_get_nocase(object, name, NULL, &value) == ERR_OK ? value : NULL;
}

/* A loop's count; 1 when it is not known. */
static size_t count_of(yyjson_val *resource)
{
    yyjson_val *count = get(get(resource, "copy"), "count");

    return yyjson_is_uint(count) ? (size_t)yyjson_get_uint(count) : 1;
}

static void measure(yyjson_val *document, unsigned depth, struct nesting *ret);

static void measure_resource(yyjson_val *resource, unsigned depth, struct nesting *nesting)
{
    struct nesting below = {0};
    size_t count = count_of(resource), most = DEPLOY_TREE_MAX + 1;

    if (text_span_equal_nocase(json_span(get(resource, "type")), DEPLOYMENT_TYPE)) {
        measure(get(get(resource, "properties"), "template"), depth + 1, &below);
        below.levels++;
    }
    if (count > 0 && get(resource, "condition") == NULL) {
        size_t n = nesting->n + (count < most ? count : most) * (1 + below.n);

        nesting->n = n < most ? n : most;
        nesting->levels = below.levels > nesting->levels ? below.levels : nesting->levels;
    }
}

static void measure(yyjson_val *document, unsigned depth, struct nesting *ret)
{
    yyjson_val *resources = get(document, "resources"), *item;
    size_t i, n;

    if (depth > DEPLOY_NESTED_MAX + 1) {
        return; /* too deep already */
    }
    if (yyjson_is_arr(resources)) {
        yyjson_arr_foreach(resources, i, n, item)
        {
            measure_resource(item, depth, ret);
        }
    } else if (yyjson_is_obj(resources)) {
        yyjson_val *key;

        yyjson_obj_foreach(resources, i, n, key, item)
        {
            measure_resource(item, depth, ret);
        }
    }
}

void deploy_refuse_tree(struct control_call *call, struct control_answer *ret)
{
    control_refuse(call, ret, 400, "InvalidTemplate",
                   "Deployment template validation failed: 'a deployment and those nested in it "
                   "have at most %d resources together, copies included'. Split it.",
                   DEPLOY_TREE_MAX);
}

bool deploy_nesting_is_good(struct control_call *call, const struct deploy_request *request,
                            struct control_answer *ret)
{
    unsigned depth = run_depth_below(call->part_of);
    struct nesting nesting = {0};

    measure(request->document, depth, &nesting);
    if (depth + nesting.levels > DEPLOY_NESTED_MAX) {
        control_refuse(call, ret, 400, "InvalidTemplate",
                       "Deployment template validation failed: 'deployments are nested at most %d "
                       "levels deep, and those of '%s' are deeper'.",
                       DEPLOY_NESTED_MAX, request->name);
        return false;
    }
    if (nesting.n > DEPLOY_TREE_MAX - run_tree_size(call->part_of)) {
        deploy_refuse_tree(call, ret);
        return false;
    }
    return true;
}
