/*
 * provider-find.c - from a name that somebody typed to a provider: its resource and its address.
 */
#include "cli/provider.h"

#include "base/nearest.h"
#include "base/text.h"
#include "provider/name.h"

#include <string.h>

#define RESOURCES "providers/Microsoft.Attestation/attestationProviders"
#define DEFAULTS "providers/Microsoft.Attestation/defaultProviders"
#define VERSION "2021-06-01"

enum { KNOWN_MAX = 256, GROUP_MAX = 90 };

int provider_check_group(const struct online *online, const char *group)
{
    size_t len = group == NULL ? 0 : strlen(group);
    bool is_name = len <= GROUP_MAX && (len == 0 || group[len - 1] != '.');

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)group[i];

        is_name = is_name && (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                              (c >= 'a' && c <= 'z') || strchr("-_.()", c) != NULL);
    }
    if (is_name) {
        return EXIT_YES;
    }
    cli_complain(online->command,
                 "'%s' is no resource group: a name has at most %d letters, digits, - _ . ( ) and "
                 "does not end with a full stop",
                 online_show(online, span_str(group)), GROUP_MAX);
    return EXIT_USAGE;
}

const char *provider_path(const struct online *online, const char *group)
{
    const char *subscription = online_encode(online->arena, span_str(online->subscription));
    const char *encoded = group == NULL ? NULL : online_encode(online->arena, span_str(group));

    if (subscription == NULL || (group != NULL && encoded == NULL)) {
        return NULL;
    }
    return encoded == NULL
               ? arena_printf(online->arena, "/subscriptions/%s/" RESOURCES, subscription)
               : arena_printf(online->arena, "/subscriptions/%s/resourceGroups/%s/" RESOURCES,
                              subscription, encoded);
}

const char *provider_versioned(const struct online *online, const char *path)
{
    return path == NULL ? NULL : arena_printf(online->arena, "%s?api-version=" VERSION, path);
}

const char *provider_group(const struct online *online, yyjson_val *resource)
{
    static const char before[] = "/resourceGroups/";
    const char *id = json_text(json_get(resource, "id"));
    const char *group = id == NULL ? NULL : strstr(id, before);

    if (group == NULL) {
        return "";
    }
    group += sizeof(before) - 1;
    return online_show(online, span_of(group, strcspn(group, "/")));
}

static int take(const struct online *online, yyjson_val *resource, struct provider_target *ret)
{
    yyjson_val *properties = json_get(resource, "properties");

    ret->resource = resource;
    ret->id = json_text(json_get(resource, "id"));
    ret->uri = json_text(json_get(properties, "attestUri"));
    ret->is_isolated = span_is(json_span(json_get(properties, "trustModel")), "Isolated");
    if (ret->id == NULL || ret->id[0] != '/' || ret->uri == NULL) {
        return online_distrust(
            online,
            arena_printf(online->arena, "%s: the resource has no id or no attestUri", ret->name),
            ERR_OK, NULL);
    }
    ret->path = online_encode_path(online->arena, span_str(ret->id));
    return ret->path == NULL ? online_out_of_memory(online) : EXIT_YES;
}

/* Names differ by more than case. */
static yyjson_val *find_in(yyjson_val *list, const char *name)
{
    yyjson_val *item;
    size_t i, n;

    yyjson_arr_foreach(list, i, n, item)
    {
        if (text_span_equal_nocase(json_span(json_get(item, "name")), name)) {
            return item;
        }
    }
    return NULL;
}

static int say_unknown(const struct online *online, const char *shown, const char *typed,
                       const char *group, yyjson_val *list)
{
    const char *names[KNOWN_MAX];
    const char *nearest;
    yyjson_val *item;
    size_t i, n, n_names = 0;

    yyjson_arr_foreach(list, i, n, item)
    {
        const char *name = json_text(json_get(item, "name"));

        if (name != NULL && n_names < KNOWN_MAX) {
            names[n_names++] = name;
        }
    }
    nearest = nearest_word(typed, names, n_names);
    cli_complain(
        online->command, "there is no provider '%s' in %s%s; %s%s%s", shown,
        group == NULL ? "the subscription " : "the resource group ",
        online_show(online, span_str(group == NULL ? online->subscription : group)),
        nearest == NULL ? "'bootwarden provider list' shows those there are" : "did you mean '",
        nearest == NULL ? "" : online_show(online, span_str(nearest)), nearest == NULL ? "" : "'?");
    return EXIT_SERVICE;
}

static int find_listed(struct online *online, const char *path, const char *name,
                       struct provider_target *ret)
{
    const struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "GET", .path = provider_versioned(online, path)};
    struct online_answer answer = {0};
    yyjson_val *found, *list;
    int code = online_call(online, &request, &answer);

    if (code != EXIT_YES) {
        return code;
    }
    if (answer.status != 200) {
        return online_refused(online, ret->name, &answer,
                              answer.status == 403 ? "with --group GROUP a role at the group or "
                                                     "the provider is enough"
                                                   : NULL);
    }
    list = json_get(answer.json, "value");
    found = find_in(list, name);
    return found != NULL ? take(online, found, ret)
                         : say_unknown(online, ret->name, name, NULL, list);
}

static int find_in_group(struct online *online, const char *group, const char *name,
                         struct provider_target *ret)
{
    const char *path = provider_path(online, group);
    const char *encoded = online_encode(online->arena, span_str(name));
    struct online_request request = {.audience = ONLINE_MANAGEMENT, .method = "GET"};
    struct online_answer answer = {0};
    int code;

    if (path != NULL && encoded != NULL) {
        path = arena_printf(online->arena, "%s/%s", path, encoded);
        request.path = provider_versioned(online, path);
    }
    code = online_call(online, &request, &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (answer.status == 404) {
        return say_unknown(online, ret->name, name, group, NULL);
    }
    return answer.status == 200 ? take(online, answer.json, ret)
                                : online_refused(online, ret->name, &answer, NULL);
}

int provider_find(struct online *online, const char *name, const char *group, bool or_uri,
                  struct provider_target *ret)
{
    const char *subscription, *path;
    int code;

    *ret = (struct provider_target){.name = online_show(online, span_str(name))};
    if (or_uri && strncmp(name, "https://", 8) == 0) {
        size_t len = strlen(name);

        while (name[len - 1] == '/') {
            len--;
        }
        ret->uri = (const char *)arena_dup(online->arena, span_of(name, len)).data;
        return ret->uri == NULL ? online_out_of_memory(online) : EXIT_YES;
    }
    if (strncmp(name, "https://", 8) == 0) {
        cli_complain(online->command,
                     "'%s' is an address, which says where policies and signers are, not which "
                     "resource it is; write the provider's name, which 'bootwarden provider list' "
                     "shows",
                     ret->name);
        return EXIT_USAGE;
    }
    code = online_need_subscription(online);
    code = code ? code : provider_check_group(online, group);
    if (code != EXIT_YES) {
        return code;
    }
    if (provider_name_is_shared(span_str(name))) {
        subscription = online_encode(online->arena, span_str(online->subscription));
        path = arena_printf(online->arena, "/subscriptions/%s/" DEFAULTS,
                            subscription == NULL ? "" : subscription);
        ret->is_shared = true;
        return find_listed(online, path, name, ret);
    }
    return group != NULL ? find_in_group(online, group, name, ret)
                         : find_listed(online, provider_path(online, NULL), name, ret);
}

int provider_need_own(const struct online *online, const struct provider_target *target)
{
    if (!target->is_shared) {
        return EXIT_YES;
    }
    cli_complain(online->command,
                 "%s is shared by everybody and belongs to the service: nobody changes it; "
                 "'bootwarden provider create' makes one of your own",
                 target->name);
    return EXIT_SERVICE;
}
