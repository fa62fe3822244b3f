/*
 * network-online.c - bootwarden network test VM, and export without files: the same questions, put
 * to a server that keeps the groups.
 */
#include "cli/network-online.h"

#include "base/text.h"
#include "cli/cli.h"

#include <string.h>

#define MACHINES "providers/Microsoft.Compute/virtualMachines"
#define RULES "providers/Bootwarden.Monitor/networkRules"
#define VERSION "api-version=2026-11-01"

/* ---- the machine ---- */

static const char *scope_of(const struct online *online, const char *group)
{
    const char *subscription = online_encode(online->arena, span_str(online->subscription));
    const char *encoded = group == NULL ? NULL : online_encode(online->arena, span_str(group));

    if (subscription == NULL || (group != NULL && encoded == NULL)) {
        return NULL;
    }
    return group == NULL ? arena_printf(online->arena, "/subscriptions/%s", subscription)
                         : arena_printf(online->arena, "/subscriptions/%s/resourceGroups/%s",
                                        subscription, encoded);
}

static int ask(struct online *online, const char *method, const char *path, struct span body,
               const char *what, yyjson_val **ret)
{
    const struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = method, .path = path, .body = body};
    struct online_answer answer = {0};
    int code = online_ask(online, &request, what, &answer);

    *ret = code == EXIT_YES ? answer.json : NULL;
    return code;
}

struct named {
    const char *name, *id; /* id NULL: none yet */
};

static int take_named(struct online *online, yyjson_val *item, void *context)
{
    struct named *named = context;
    const char *id = json_text(json_get(item, "id"));

    if (!text_span_equal_nocase(json_span(json_get(item, "name")), named->name) ||
        !online_is_path(id)) {
        return EXIT_YES;
    }
    if (named->id != NULL) {
        cli_complain(online->command,
                     "two virtual machines are called '%s': say which with --resource-group",
                     online_show(online, span_str(named->name)));
        return EXIT_USAGE;
    }
    named->id = id;
    return EXIT_YES;
}

static int find_machine(struct online *online, const char *name, const char **ret)
{
    struct named named = {.name = name};
    int code = online_each(
        online, arena_printf(online->arena, "%s/" MACHINES "?" VERSION, scope_of(online, NULL)),
        name, NULL, take_named, &named, NULL);

    *ret = named.id;
    if (code == EXIT_YES && *ret == NULL) {
        cli_complain(online->command,
                     "no virtual machine of the subscription is called '%s': the name of its "
                     "resource is meant, as az vm list shows it",
                     online_show(online, span_str(name)));
        return EXIT_SERVICE;
    }
    return code;
}

/* Its id: given whole, made of the group, or looked for. */
static int machine_id(struct online *online, const char *name, const char *group, const char **ret)
{
    if (name[0] == '/') {
        *ret = online_encode_path(online->arena, span_str(name));
        return *ret == NULL ? online_out_of_memory(online) : EXIT_YES;
    }
    if (group != NULL) {
        const char *scope = scope_of(online, group);
        const char *encoded = online_encode(online->arena, span_str(name));

        *ret = scope == NULL || encoded == NULL
                   ? NULL
                   : arena_printf(online->arena, "%s/" MACHINES "/%s", scope, encoded);
        return *ret == NULL ? online_out_of_memory(online) : EXIT_YES;
    }
    return find_machine(online, name, ret);
}

/* ---- test ---- */

static const char *member(const struct online *online, yyjson_val *object, const char *name)
{
    struct span text = json_span(json_get(object, name));

    return text.data == NULL ? "-" : online_show(online, text);
}

/* Behind the last slash: of ids the name. */
static const char *last(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash == NULL ? id : slash + 1;
}

static void print_verdict(const struct online *online, yyjson_val *object)
{
    bool is_allowed = span_is(json_span(json_get(object, "access")), "Allow");

    if (json_get(object, "ruleName") == NULL || yyjson_is_null(json_get(object, "ruleName"))) {
        printf("%s: no group has a say\n", is_allowed ? "allowed" : "denied");
        return;
    }
    printf("%s: rule %s of %s, at the %s\n", is_allowed ? "allowed" : "denied",
           last(member(online, object, "ruleName")),
           last(member(online, object, "networkSecurityGroup")), member(online, object, "stage"));
}

static void print_test(const struct online *online, yyjson_val *root)
{
    yyjson_val *item;
    size_t i, n;

    print_verdict(online, root);
    yyjson_arr_foreach(json_get(root, "addresses"), i, n, item)
    {
        printf("  %s from %s ", member(online, item, "address"),
               member(online, item, "localAddress"));
        print_verdict(online, item);
    }
    yyjson_arr_foreach(json_get(root, "remedies"), i, n, item)
    {
        const char *command = member(online, item, "command");

        printf("%s\n", member(online, item, "words"));
        if (strcmp(command, "-") != 0) {
            printf("  %s\n", command);
        }
    }
}

static int print_raw(const struct online *online, yyjson_val *root)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *copy = doc == NULL ? NULL : yyjson_val_mut_copy(doc, root);

    return copy == NULL ? online_out_of_memory(online) : online_print_json(online, doc, copy);
}

static struct span question(const struct online *online, const char *protocol)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return (struct span){0};
    }
    if (online->words.n_arguments > 1) {
        json_add_text(doc, root, "host", online->words.arguments[1]);
    }
    if (online->words.n_arguments > 2) {
        json_add_text(doc, root, "port", online->words.arguments[2]);
    }
    json_add_text(doc, root, "protocol", protocol);
    return json_write(online->arena, doc, root, false);
}

int network_test_online(struct online *online, const char *group, const char *protocol)
{
    const char *name = online->words.arguments[0], *id = NULL;
    struct span body = question(online, protocol), access;
    yyjson_val *answer = NULL;
    int code = online_need_subscription(online);

    if (body.data == NULL) {
        return online_out_of_memory(online);
    }
    code = code ? code : machine_id(online, name, group, &id);
    code = code ? code
                : ask(online, "POST", arena_printf(online->arena, "%s/testNetwork?" VERSION, id),
                      body, online_show(online, span_str(name)), &answer);
    if (code != EXIT_YES) {
        return code;
    }
    access = json_span(json_get(answer, "access"));
    if (!span_is(access, "Allow") && !span_is(access, "Deny")) {
        return online_distrust(online, "access", ERR_OK, NULL);
    }
    if (online->is_json) {
        code = print_raw(online, answer);
    } else {
        print_test(online, answer);
    }
    return code ? code : span_is(access, "Allow") ? EXIT_YES : EXIT_NO;
}

/* ---- export ---- */

static const char *export_path(const struct online *online, const struct network_wish *wish)
{
    const char *scope = scope_of(online, wish->group), *path;
    const char *tag = wish->tag == NULL ? NULL : online_encode(online->arena, span_str(wish->tag));

    if (scope == NULL || (wish->tag != NULL && tag == NULL)) {
        return NULL;
    }
    path = arena_printf(online->arena, "%s/" RULES "?" VERSION "%s%s%s", scope,
                        tag != NULL || wish->is_refresh ? "&refresh=" : "",
                        tag != NULL        ? tag
                        : wish->is_refresh ? "*"
                                           : "",
                        wish->forwards_others ? "&forwardOthers=true" : "");
    return path == NULL || !wish->has_log
               ? path
               : arena_printf(online->arena, "%s&logGroup=%u", path, wish->log_group);
}

int network_export_online(struct online *online, const struct network_wish *wish)
{
    yyjson_val *answer = NULL;
    struct span text;
    int code = online_need_subscription(online);

    code = code ? code
                : ask(online, "GET", export_path(online, wish), (struct span){0},
                      "the network rules", &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return print_raw(online, answer);
    }
    text = json_span(json_get(answer, "ruleset"));
    if (text.data == NULL) {
        return online_distrust(online, "ruleset", ERR_OK, NULL);
    }
    fwrite(text.data, 1, text.len, stdout);
    return EXIT_YES;
}
