/*
 * provider-rotate.c - bootwarden provider rotate-key.
 */
#include "cli/provider.h"

#include "base/timestamp.h"

struct rotation {
    const char *kid, *next; /* next NULL: the new key signs already */
    int64_t from;           /* seconds since 1970 */
};

static int read_rotation(const struct online *online, const struct provider_target *target,
                         yyjson_val *json, struct rotation *ret)
{
    yyjson_val *after = json_get(json, "signsInSeconds");

    ret->kid = json_text(json_get(json, "signingKeyId"));
    ret->next = json_text(json_get(json, "nextSigningKeyId"));
    if (ret->kid == NULL || !yyjson_is_uint(after) || yyjson_get_uint(after) > INT32_MAX) {
        return online_distrust(
            online, arena_printf(online->arena, "%s: the answer names no keys", target->name),
            ERR_OK, NULL);
    }
    ret->from = timestamp_now() + (int64_t)yyjson_get_uint(after);
    return EXIT_YES;
}

/* Whoever verifies tokens looks at /certs: a new key that is not there would be a gap. */
static int check_published(struct online *online, const struct provider_target *target,
                           const struct rotation *rotation)
{
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    const char *fresh = rotation->next != NULL ? rotation->next : rotation->kid;
    int code = provider_keys(online, target, &keys);

    if (code == EXIT_YES && keys != NULL && token_keys_find(keys, span_str(fresh)) == NULL) {
        return online_distrust(online,
                               arena_printf(online->arena,
                                            "%s: the new key is not among those that %s/certs "
                                            "publishes",
                                            target->name, target->uri),
                               ERR_OK, NULL);
    }
    return code;
}

static int print(const struct online *online, const struct provider_target *target,
                 const struct rotation *rotation)
{
    char from[TIMESTAMP_SIZE];
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;

    timestamp_format(rotation->from, from, sizeof(from));
    if (!online->is_json) {
        printf("%s: a new key is published\n", target->name);
        printf("  %-22s %s\n", "signs now", online_show(online, span_str(rotation->kid)));
        if (rotation->next != NULL) {
            printf("  %-22s %s, from %s on\n", "signs next",
                   online_show(online, span_str(rotation->next)), from);
        }
        return EXIT_YES;
    }
    doc = json_new(online->arena);
    root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    if (root == NULL) {
        return online_out_of_memory(online);
    }
    json_add_text(doc, root, "provider", target->name);
    json_add_text(doc, root, "signingKeyId", rotation->kid);
    json_add_text(doc, root, "nextSigningKeyId", rotation->next);
    json_add_text(doc, root, "nextSignsFrom", rotation->next == NULL ? NULL : from);
    return online_print_json(online, doc, root);
}

static int rotate(struct online *online, const char *name, const char *group)
{
    struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "POST", .body = span_str("{}")};
    struct online_answer answer = {0};
    struct provider_target target;
    struct rotation rotation = {0};
    int code = provider_find(online, name, group, false, &target);

    code = code ? code : provider_need_own(online, &target);
    if (code != EXIT_YES) {
        return code;
    }
    request.path =
        provider_versioned(online, arena_printf(online->arena, "%s/rotateKey", target.path));
    request.look_with = online->ca == NULL
                            ? arena_printf(online->arena, "curl %s/certs", target.uri)
                            : arena_printf(online->arena, "curl --cacert %s %s/certs",
                                           online_show(online, span_str(online->ca)), target.uri);
    code = online_ask(online, &request, target.name, &answer);
    code = code ? code : read_rotation(online, &target, answer.json, &rotation);
    code = code ? code : check_published(online, &target, &rotation);
    return code ? code : print(online, &target, &rotation);
}

int provider_cmd_rotate(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider rotate-key",
        .arguments = "NAME",
        .description = "Give a provider a new signing key. It is published at once and signs a\n"
                       "little later; the one before stays published while its tokens are valid.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = rotate(&online, online.words.arguments[0], group);
    return online_finish(&online, code);
}
