/*
 * network-files.c - groups and service tags from files, addresses from options.
 */
#include "cli/network.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"

static int read_json(const char *command, struct arena *arena, const char *path, size_t max_bytes,
                     const struct json_limits *limits, yyjson_val **ret)
{
    struct trail trail = {0};
    struct span text = {0};
    err_t err = arena == NULL ? ERR_MEMORY : file_read(arena, path, max_bytes, &trail, &text);

    err = err ? err : json_read(arena, text, limits, &trail, ret);
    return err ? cli_fail(command, path, err, &trail) : EXIT_YES;
}

int network_load_tags(const char *command, struct arena *arena, const char *path,
                      const struct service_tags **ret)
{
    struct trail trail = {0};
    yyjson_val *root = NULL;
    int code;
    err_t err;

    if (path == NULL) {
        return EXIT_YES;
    }
    code = read_json(command, arena, path, TAGS_MAX_BYTES, &tags_json, &root);
    if (code != EXIT_YES) {
        return code;
    }
    err = tags_read(arena, root, NULL, &trail, ret);
    return err ? cli_fail(command, path, err, &trail) : EXIT_YES;
}

int network_load_nsg(const char *command, struct arena *arena, const char *path,
                     struct network_fault *fault, struct trail *trail, err_t *ret_err,
                     const struct nsg **ret)
{
    yyjson_val *root = NULL;
    int code = read_json(command, arena, path, NSG_MAX_BYTES, &nsg_json, &root);

    if (code != EXIT_YES) {
        return code;
    }
    *ret_err = nsg_read_resource(arena, root, fault, trail, ret);
    return *ret_err == ERR_MEMORY ? cli_fail(command, path, *ret_err, trail) : EXIT_YES;
}

/* Valid, and with no tag that is not known; else said. */
static int load_valid(const char *command, struct arena *arena, const char *path,
                      const struct network_world *world, const struct nsg **ret)
{
    struct trail trail = {0};
    err_t err = ERR_OK;
    int code;

    if (path == NULL) {
        return EXIT_YES;
    }
    code = network_load_nsg(command, arena, path, NULL, &trail, &err, ret);
    if (code != EXIT_YES) {
        return code;
    }
    err = err ? err : world_check(world, *ret, NULL, &trail);
    return err ? cli_fail(command, path, err, &trail) : EXIT_YES;
}

int network_load_set(const char *command, const char *option, struct arena *arena,
                     const struct option_list *list, struct address_set *ret)
{
    struct address_range ranges[OPTION_LIST_MAX];
    struct trail trail = {0};

    for (size_t i = 0; i < list->n; i++) {
        if (address_range_read(span_str(list->items[i]), true, &trail, &ranges[i]) != ERR_OK) {
            cli_complain(command, "--%s: %s", option, trail.what);
            return EXIT_USAGE;
        }
    }
    return address_set_make(arena, ranges, list->n, ret) == ERR_OK
               ? EXIT_YES
               : cli_fail(command, option, ERR_MEMORY, NULL);
}

int network_load(const char *command, struct arena *arena, const struct network_place *place,
                 const struct address_set *own, struct network_loaded *ret)
{
    struct address_set vnet = {0}, platform = {0};
    int code = network_load_tags(command, arena, place->tags, &ret->tags);

    code = code ? code : network_load_set(command, "vnet", arena, &place->vnet, &vnet);
    code = code ? code : network_load_set(command, "platform", arena, &place->platform, &platform);
    if (code != EXIT_YES) {
        return code;
    }
    if (world_new(arena, place->vnet.n > 0 ? &vnet : own, &platform, ret->tags, NULL, 0,
                  &ret->world) != ERR_OK) {
        return cli_fail(command, "rules", ERR_MEMORY, NULL);
    }
    code = load_valid(command, arena, place->nsg, ret->world, &ret->nic);
    return code ? code : load_valid(command, arena, place->subnet_nsg, ret->world, &ret->subnet);
}
