/*
 * attestation.c - Microsoft.Attestation: attestation providers as resources (attestation-api
 * section 8). They are kept with their keys and policies by the service; this is their place in the
 * resource manager.
 */
#include "control/known.h"
#include "kinds/parts.h"

#include "base/text.h"
#include "service/resources.h"
#include "service/service.h"

#define PROVIDERS "Microsoft.Attestation/attestationProviders"

/* ---- between the two ---- */

static struct service_call service_call_of(const struct control_call *call)
{
    return (struct service_call){.arena = call->arena, .hasher = call->hasher, .now = call->now};
}

static void finish(const struct control_call *call, const struct service_answer *answer,
                   struct control_answer *ret)
{
    if (answer->code != NULL) {
        control_refuse(call, ret, answer->status, answer->code, "%s", answer->message);
    } else {
        ret->status = answer->status;
        ret->body = answer->body;
    }
    ret->retry_after_s = (int)answer->retry_after_s;
    ret->note = answer->note;
}

static struct provider_path path_of(const struct control_call *call)
{
    return (struct provider_path){
        .subscription = call->path.subscription,
        .group = call->path.group,
        .name = call->path.n >= 2 ? call->path.pieces[1] : (struct span){0},
    };
}

/* ---- what can be done with one ---- */

static void answer_get(struct control_call *call, struct service_answer *answer)
{
    const struct provider_path path = path_of(call);
    const struct service_call service = service_call_of(call);

    service_resource_get(control_service(call->control), &service, &path, answer);
}

static void rotate(struct control_call *call, struct control_answer *ret)
{
    const struct provider_path path = path_of(call);
    const struct service_call service = service_call_of(call);
    struct service_answer answer = {0};

    if (!place_is_open(call, ret)) {
        return;
    }
    service_resource_rotate(control_service(call->control), &service, &path, &answer);
    finish(call, &answer, ret);
}

/* Private endpoints belong to a network that this server does not run: there are none, and none are
 * made. */
static void answer_fixed(struct control_call *call, const char *body, struct control_answer *ret)
{
    struct service_answer answer = {0};

    answer_get(call, &answer);
    if (answer.code == NULL) {
        answer.body = span_str(body);
    }
    finish(call, &answer, ret);
}

static void connections(struct control_call *call, struct control_answer *ret)
{
    answer_fixed(call, "{\"value\":[]}", ret);
}

static void link_resources(struct control_call *call, struct control_answer *ret)
{
    answer_fixed(call,
                 "{\"value\":[{\"name\":\"tenant\",\"type\":\"Microsoft.Attestation/"
                 "attestationProviders/privateLinkResources\",\"properties\":{\"groupId\":"
                 "\"standard\",\"requiredMembers\":[\"default\"],\"requiredZoneNames\":["
                 "\"privatelink.attest.azure.net\"]}}]}",
                 ret);
}

static void connection(struct control_call *call, struct control_answer *ret)
{
    struct service_answer answer = {0};

    answer_get(call, &answer);
    if (answer.code != NULL) {
        finish(call, &answer, ret);
        return;
    }
    control_refuse(call, ret, 404, "PrivateEndpointConnectionNotFound",
                   "there are no private endpoint connections: this server has no private networks "
                   "of its own");
}

/* ---- one, and lists ---- */

/* Its key takes its time: the group may have ended meanwhile, or be somebody else's. */
static void put(struct control_call *call, const struct provider_path *path,
                struct control_answer *ret)
{
    struct service *service = control_service(call->control);
    const struct service_call service_call = service_call_of(call);
    struct service_answer answer = {0}, gone = {0};

    service_resource_put(service, &service_call, path, call->body, &answer);
    if (answer.status == 201 && !place_is_open(call, ret)) {
        service_resource_delete(service, &service_call, path, &gone);
        if (gone.code != NULL) {
            struct trail trail = {0};

            (void)trail_set(&trail, ERR_STORE, "%s", gone.message);
            control_log_lost("undoing of an attestation provider", call->target->id, ERR_STORE,
                             &trail);
        }
        return;
    }
    finish(call, &answer, ret);
}

/* What cannot be read at all the service refuses. */
static bool is_spelt_right(struct control_call *call, struct control_answer *ret)
{
    yyjson_val *root = NULL;

    return json_read(call->arena, call->body, NULL, NULL, &root) != ERR_OK ||
           known_members_read(call, root, &control_top_members, ret);
}

static void run(struct control_call *call, const struct control_target *target,
                struct control_answer *ret)
{
    struct service *service = control_service(call->control);
    const struct provider_path path = path_of(call);
    const struct service_call service_call = service_call_of(call);
    struct service_answer answer = {0};

    if (target->is_change && !place_is_open(call, ret)) {
        return;
    }
    if ((call->method == HTTP_PUT || call->method == HTTP_PATCH) && !is_spelt_right(call, ret)) {
        return;
    }
    if (target->id != NULL && call->method == HTTP_PUT) {
        put(call, &path, ret);
        return;
    }
    if (target->id == NULL) {
        service_resource_list(service, &service_call, &path, &answer);
    } else if (call->method == HTTP_PATCH) {
        service_resource_patch(service, &service_call, &path, call->body, &answer);
    } else if (call->method == HTTP_DELETE) {
        service_resource_delete(service, &service_call, &path, &answer);
    } else {
        service_resource_get(service, &service_call, &path, &answer);
    }
    finish(call, &answer, ret);
}

static err_t enlist(struct control_call *call, struct trail *trail, struct resource **ret,
                    size_t *ret_n)
{
    const struct provider_path path = {.subscription = call->path.subscription,
                                       .group = call->path.group};
    const struct service_call service = service_call_of(call);
    struct service_answer answer = {0};
    yyjson_val *root = NULL, *item;
    yyjson_arr_iter iter;
    size_t n = 0;
    err_t err;

    service_resource_list(control_service(call->control), &service, &path, &answer);
    err = answer.code != NULL ? ERR_STORE : json_read(call->arena, answer.body, NULL, trail, &root);
    if (err) {
        return err;
    }
    *ret = arena_calloc(call->arena, yyjson_arr_size(json_get(root, "value")) + 1, sizeof(**ret));
    if (*ret == NULL) {
        return ERR_MEMORY;
    }
    (void)yyjson_arr_iter_init(json_get(root, "value"), &iter);
    while ((item = yyjson_arr_iter_next(&iter)) != NULL) {
        yyjson_mut_val *value = yyjson_val_mut_copy(call->doc, item);

        (*ret)[n++] = (struct resource){.id = body_text_at(value, "id"),
                                        .key = "",
                                        .name = body_text_at(value, "name"),
                                        .location = body_text_at(value, "location"),
                                        .state = "Succeeded",
                                        .tags = body_get(value, "tags"),
                                        .body = value};
    }
    *ret_n = n;
    return ERR_OK;
}

static err_t group_gone(struct control_call *call, const char *group_id, struct trail *trail)
{
    struct control_call listing = *call;
    struct resource *providers = NULL;
    const struct service_call service = service_call_of(call);
    size_t n = 0;
    err_t err = resource_id_read(call->arena, span_str(group_id), trail, &listing.path);

    err = err ? err : enlist(&listing, trail, &providers, &n);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        const struct provider_path path = {.subscription = listing.path.subscription,
                                           .group = listing.path.group,
                                           .name = span_str(providers[i].name)};
        struct service_answer answer = {0};

        service_resource_delete(control_service(call->control), &service, &path, &answer);
        if (answer.code != NULL && answer.status != 404) {
            err = trail_set(trail, ERR_UNAVAILABLE, "attestation provider %s: %s",
                            providers[i].name, answer.message);
        }
    }
    return err;
}

const struct kind kind_attestation_provider = {
    .type = PROVIDERS,
    .versions = "2021-06-01 2020-10-01 2021-06-01-preview 2018-09-01-preview",
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS,
    .elsewhere = run,
    .enlist = enlist,
    .group_gone = group_gone,
};

/* ---- shared providers, and what is the same for everybody ---- */

static void handle_defaults(struct control_call *call, struct control_answer *ret)
{
    const struct service_call service = service_call_of(call);
    struct service_answer answer = {0};

    service_resource_defaults(control_service(call->control), &service, &answer);
    finish(call, &answer, ret);
}

static void handle_default(struct control_call *call, struct control_answer *ret)
{
    const struct service_call service = service_call_of(call);
    struct service_answer answer = {0};

    service_resource_default(control_service(call->control), &service, call->parameters[0],
                             &answer);
    finish(call, &answer, ret);
}

static void handle_operations(struct control_call *call, struct control_answer *ret)
{
    static const struct {
        const char *name, *operation, *description;
    } operations[] = {
        {"read", "Read", "Gets an attestation provider."},
        {"write", "Write", "Adds or changes an attestation provider."},
        {"delete", "Delete", "Removes an attestation provider."},
        {"attestation/read", "Read", "Gets the attestation service status."},
        {"attestation/write", "Write", "Adds attestation service."},
        {"attestation/delete", "Delete", "Removes attestation service."},
    };
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);

    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        yyjson_mut_val *object = yyjson_mut_obj(call->doc), *display;

        json_add_text(call->doc, object, "name",
                      arena_printf(call->arena, PROVIDERS "/%s", operations[i].name));
        display = json_add_object(call->doc, object, "display");
        json_add_text(call->doc, display, "provider", "Microsoft Azure Attestation");
        json_add_text(call->doc, display, "resource", "Attestation");
        json_add_text(call->doc, display, "operation", operations[i].operation);
        json_add_text(call->doc, display, "description", operations[i].description);
        (void)yyjson_mut_arr_append(array, object);
    }
    control_answer_list(call, array, NULL, ret);
}

/* What belongs to one provider is asked for at that provider. */
static const char *scope_of(struct control_call *call, struct control_answer *ret)
{
    (void)ret;
    return arena_printf(call->arena, "%s/providers/" PROVIDERS "/%.*s", call->path.scope,
                        (int)call->path.pieces[1].len, (const char *)call->path.pieces[1].data);
}

#define READ PROVIDERS "/read"
#define WRITE PROVIDERS "/write"
#define ONE "providers/" PROVIDERS "/{}/"

/* clang-format off */
const struct control_row attestation_rows[] = {
    {HTTP_GET, CONTROL_TENANT, "providers/Microsoft.Attestation/operations", READ, handle_operations, ROW_ANY_CALLER, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/Microsoft.Attestation/defaultProviders", READ, handle_defaults, 0, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/Microsoft.Attestation/locations/{}/defaultProvider", READ, handle_default, 0, NULL},
    {HTTP_POST, CONTROL_GROUP, ONE "rotateKey", WRITE, rotate, 0, scope_of},
    {HTTP_GET, CONTROL_GROUP, ONE "privateEndpointConnections", READ, connections, 0, scope_of},
    {HTTP_GET, CONTROL_GROUP, ONE "privateEndpointConnections/{}", READ, connection, 0, scope_of},
    {HTTP_PUT | HTTP_DELETE, CONTROL_GROUP, ONE "privateEndpointConnections/{}", WRITE, connection, 0, scope_of},
    {HTTP_GET, CONTROL_GROUP, ONE "privateLinkResources", READ, link_resources, 0, scope_of},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
/* clang-format on */
