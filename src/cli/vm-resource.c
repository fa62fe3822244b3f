/*
 * vm-resource.c - the virtual machine resources of a name, and which machine each is: a machine and
 * a resource of one name can be two.
 */
#include "cli/vm.h"

#include "base/text.h"

#include <string.h>

#define VERSION "api-version=2024-11-01"
#define TYPE "Microsoft.Compute/virtualMachines"

const char *vm_resource_path(const struct online *online, const char *group, const char *name,
                             const char *action)
{
    const char *subscription = online_encode(online->arena, span_str(online->subscription));
    const char *in_group = group == NULL ? "" : online_encode(online->arena, span_str(group));
    const char *encoded = name == NULL ? "" : online_encode(online->arena, span_str(name));

    return subscription == NULL || in_group == NULL || encoded == NULL
               ? NULL
               : arena_printf(online->arena,
                              "/subscriptions/%s%s%s/providers/" TYPE "%s%s%s?" VERSION,
                              subscription, group == NULL ? "" : "/resourceGroups/", in_group,
                              name == NULL ? "" : "/", encoded, action);
}

/* ".../resourceGroups/GROUP/..." of an id. */
static const char *group_of(const struct online *online, const char *id)
{
    static const char before[] = "/resourceGroups/";
    const char *at = strcasestr(id, before);

    at = at == NULL ? "" : at + strlen(before);
    return online_show(online, span_of(at, strcspn(at, "/")));
}

bool vm_resource_read(const struct online *online, yyjson_val *value, struct vm_resource *ret)
{
    const char *id = json_text(json_get(value, "id"));
    yyjson_val *integrity = json_get(json_get(value, "properties"), "bootIntegrity");

    if (!online_is_path(id) || !yyjson_is_obj(integrity)) {
        return false;
    }
    *ret = (struct vm_resource){
        .name = vm_text(online, value, "name"),
        .group = group_of(online, id),
        .integrity = integrity,
        .has_joined = span_is(json_span(json_get(integrity, "binding")), "Joined"),
    };
    return true;
}

bool vm_resource_is(const struct vm_resource *resource, const char *id)
{
    return resource->has_joined && id != NULL &&
           text_span_equal_nocase(json_span(json_get(resource->integrity, "machine")), id);
}

/* ---- one of a group ---- */

int vm_resource_get(struct online *online, const char *group, const char *name,
                    struct vm_resource *ret)
{
    yyjson_val *value = NULL;
    int code = vm_ask(online, "GET", vm_resource_path(online, group, name, ""), (struct span){0},
                      arena_printf(online->arena, "%s in group %s", name, group), NULL, &value);

    if (code == EXIT_YES && !vm_resource_read(online, value, ret)) {
        return online_distrust(online, "the answer is no virtual machine", ERR_OK, NULL);
    }
    return code;
}

/* ---- all of a name ---- */

/* With their names alone: of each the whole is asked for. */
static int take(struct online *online, yyjson_val *item, void *context)
{
    struct vm_resources *list = context;
    const char *id = json_text(json_get(item, "id"));
    struct online_answer answer = {0};
    int code;

    if (!online_is_path(id) || list->n == VM_RESOURCES_MAX) {
        return EXIT_YES;
    }
    code = online_call(
        online,
        &(struct online_request){.audience = ONLINE_MANAGEMENT,
                                 .method = "GET",
                                 .path = arena_printf(online->arena, "%s?" VERSION, id)},
        &answer);
    if (code == EXIT_YES && answer.status == 200 &&
        vm_resource_read(online, answer.json, &list->at[list->n])) {
        list->n++;
    } else if (code == EXIT_YES && answer.status != 404) {
        list->is_unknown = true;
    }
    return code;
}

/* No resource has another name, and none of these characters ends the filter's text. */
static bool is_possible_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
}

int vm_resources_named(struct online *online, const char *name, struct vm_resources *ret)
{
    const char *subscription = online_encode(online->arena, span_str(online->subscription));
    const char *filter = online_encode(
        online->arena,
        span_str(arena_printf(online->arena, "resourceType eq '" TYPE "' and name eq '%s'", name)));
    unsigned status = 0;
    int code;

    *ret = (struct vm_resources){0};
    if (!is_possible_name(name)) {
        return EXIT_YES;
    }
    if (subscription == NULL || filter == NULL) {
        return online_out_of_memory(online);
    }
    code = online_each(online,
                       arena_printf(online->arena,
                                    "/subscriptions/%s/resources?api-version=2021-04-01&$filter=%s",
                                    subscription, filter),
                       NULL, NULL, take, ret, &status);
    ret->is_unknown |= code == EXIT_YES && status != 200 && status != 404;
    return code;
}

/* ---- two of one name ---- */

void vm_tell_apart(const struct online *online, const struct vm_resource *resource)
{
    const char *machine = resource->has_joined
                              ? arena_printf(online->arena, "the machine %s",
                                             vm_text(online, resource->integrity, "machine"))
                              : "which has not joined";

    cli_complain(online->command,
                 "the virtual machine '%s' in group %s is another one, %s: bootwarden vm show %s "
                 "-g %s",
                 resource->name, resource->group, machine, resource->name, resource->group);
}

int vm_check_name(struct online *online, const char *name, yyjson_val *machine, bool *ret_is_clear)
{
    struct vm_resources list;
    int code = EXIT_YES;

    *ret_is_clear = true;
    if (text_span_equal_nocase(json_span(json_get(machine, "id")), name)) {
        return EXIT_YES;
    }
    code = vm_resources_named(online, name, &list);
    for (size_t i = 0; code == EXIT_YES && i < list.n; i++) {
        if (!vm_resource_is(&list.at[i], json_text(json_get(machine, "id")))) {
            *ret_is_clear = false;
            vm_tell_apart(online, &list.at[i]);
        }
    }
    if (code == EXIT_YES && list.is_unknown) {
        cli_complain(online->command,
                     "you may not look whether a virtual machine '%s' is another one: with -g "
                     "GROUP that of a group is meant",
                     online_show(online, span_str(name)));
    }
    return code;
}

int vm_find(struct online *online, const char *group, const char *name, const char **ret)
{
    const struct online_request request = {.audience = ONLINE_MANAGEMENT,
                                           .method = "GET",
                                           .path = vm_path(online, "machines", name, "")};
    struct online_answer answer = {0};
    struct vm_resource resource = {0};
    bool is_clear;
    int code = online_need_subscription(online);

    if (code != EXIT_YES) {
        return code;
    }
    if (group != NULL) {
        code = vm_resource_get(online, group, name, &resource);
        if (code == EXIT_YES && !resource.has_joined) {
            cli_complain(online->command,
                         "the guest of '%s' in group %s has not joined: bootwarden vm show %s -g "
                         "%s says what to do",
                         resource.name, resource.group, resource.name, resource.group);
            return EXIT_NO;
        }
        *ret = code == EXIT_YES ? json_text(json_get(resource.integrity, "machine")) : NULL;
        return code == EXIT_YES && *ret == NULL
                   ? online_distrust(online, "the virtual machine has no machine", ERR_OK, NULL)
                   : code;
    }
    *ret = name;
    code = online_call(online, &request, &answer);
    if (code != EXIT_YES || answer.status != 200) {
        return code; /* the verb itself is refused with words */
    }
    code = vm_check_name(online, name, answer.json, &is_clear);
    if (code == EXIT_YES && !is_clear) {
        cli_complain(online->command, "the machine '%s' of id %s is meant, which is none of those",
                     vm_text(online, answer.json, "name"), vm_text(online, answer.json, "id"));
    }
    return code;
}
