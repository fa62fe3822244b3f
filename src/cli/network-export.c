/*
 * network-export.c - bootwarden network export: groups as a ruleset for nft.
 */
#include "cli/network.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/network-online.h"

#include <string.h>

static const char command[] = "network export";
enum { LOG_GROUP_MAX = 65535 };

struct export
{
    struct arena *arena;
    struct network_place place;
    struct option_list interfaces, addresses;
    struct option_numbers log_group;
    const char *tag;
    const char *group; /* of resources */
    bool forwards_others, is_refresh;
    int output;
};

/* "NAME=ADDRESS,ADDRESS": of one interface among several. */
static int read_own(const struct export *e, const char *text, struct nft_nic *nic)
{
    const char *equals = strchr(text, '='), *at = equals + 1;
    struct option_list list = {0};

    nic->interface = (const char *)arena_dup(e->arena, span_of(text, (size_t)(equals - text))).data;
    while (nic->interface != NULL && list.n < OPTION_LIST_MAX) {
        size_t len = strcspn(at, ",");

        list.items[list.n] = (const char *)arena_dup(e->arena, span_of(at, len)).data;
        if (list.items[list.n++] == NULL) {
            return cli_fail(command, "interfaces", ERR_MEMORY, NULL);
        }
        if (at[len] == '\0') {
            return network_load_set(command, "interface", e->arena, &list, &nic->addresses);
        }
        at += len + 1;
    }
    cli_complain(command, "--interface: at most %d addresses of one", OPTION_LIST_MAX);
    return EXIT_USAGE;
}

static int read_nics(const struct export *e, struct nft_nic *nics)
{
    if (e->interfaces.n == 0) {
        cli_complain(command, "--interface is missing: name the guest's interface on this host");
        return EXIT_USAGE;
    }
    if (e->interfaces.n > 1 && e->addresses.n > 0) {
        cli_complain(command, "--address is for one --interface; of several, write each as "
                              "--interface NAME=ADDRESS,ADDRESS");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < e->interfaces.n; i++) {
        const char *text = e->interfaces.items[i];
        bool has_own = strchr(text, '=') != NULL;
        int code;

        if (has_own == (e->addresses.n > 0)) {
            cli_complain(command, "--interface: write NAME with --address, or NAME=ADDRESS,ADDRESS "
                                  "without");
            return EXIT_USAGE;
        }
        nics[i].interface = text;
        code = has_own ? read_own(e, text, &nics[i])
                       : network_load_set(command, "address", e->arena, &e->addresses,
                                          &nics[i].addresses);
        if (code != EXIT_YES) {
            return code;
        }
    }
    return EXIT_YES;
}

static int export_text(const struct export *e, const struct nft_nic *nics)
{
    const struct nft_options options = {
        .forwards_others = e->forwards_others,
        .has_log = e->log_group.n > 0,
        .log_group = e->log_group.n > 0 ? (uint16_t)e->log_group.items[0] : 0};
    struct trail trail = {0};
    struct span text = {0};
    err_t err = e->is_refresh || e->tag != NULL
                    ? nft_refresh(e->arena, nics, e->interfaces.n, span_str(e->tag), &trail, &text)
                    : nft_ruleset(e->arena, nics, e->interfaces.n, &options, &trail, &text);

    if (err) {
        return cli_fail(command, "ruleset", err, &trail);
    }
    fwrite(text.data, 1, text.len, stdout);
    return EXIT_YES;
}

static int export(struct export *e)
{
    struct nft_nic nics[OPTION_LIST_MAX] = {0};
    struct network_loaded loaded = {0};
    struct address_set none = {0};
    int code = read_nics(e, nics);

    if (code == EXIT_YES && e->place.vnet.n == 0) {
        cli_complain(command, "--vnet is missing: name the addresses of the virtual network, which "
                              "the rules that every group ends with are about");
        return EXIT_USAGE;
    }
    code = code ? code : network_load(command, e->arena, &e->place, &none, &loaded);
    if (code != EXIT_YES) {
        return code;
    }
    for (size_t i = 0; i < e->interfaces.n; i++) {
        nics[i].nic = loaded.nic;
        nics[i].subnet = loaded.subnet;
        nics[i].world = loaded.world;
    }
    return export_text(e, nics);
}

static bool is_offline(const struct export *e)
{
    const struct network_place *p = &e->place;

    return e->interfaces.n > 0 || e->addresses.n > 0 || p->nsg != NULL || p->subnet_nsg != NULL ||
           p->tags != NULL || p->vnet.n > 0 || p->platform.n > 0;
}

static int ask_server(const struct option_set *set, int argc, char **argv, struct export *e,
                      struct online *online)
{
    const struct network_wish wish = {.group = e->group,
                                      .tag = e->tag,
                                      .is_refresh = e->is_refresh,
                                      .forwards_others = e->forwards_others,
                                      .has_log = e->log_group.n > 0,
                                      .log_group =
                                          e->log_group.n > 0 ? (unsigned)e->log_group.items[0] : 0};
    int code = EXIT_YES;

    if (!online_begin(set, argc, argv, online, &code)) {
        return code;
    }
    online->is_json = e->output == 1;
    return online_finish(online, network_export_online(online, &wish));
}

int network_cmd_export(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(NETWORK_ARENA_BYTES);
    CLEANUP(online_end) struct online online = {0};
    struct export e = {.arena = arena};
    const struct option options[] = {
        NETWORK_PLACE(e.place),
        {"interface", 'i', OPTION_LIST, "NAME", "the guest's interface on this host", &e.interfaces,
         NULL, 0},
        {"address", 'a', OPTION_LIST, "ADDRESS", "what the guest may send from", &e.addresses, NULL,
         0},
        {"refresh", 0, OPTION_FLAG, NULL, "only the contents of all sets", &e.is_refresh, NULL, 0},
        {"tag", 0, OPTION_TEXT, "TAG", "only the contents of this service tag's sets", &e.tag, NULL,
         0},
        {"refresh-tag", 0, OPTION_TEXT, "TAG", "the same", &e.tag, NULL, 0},
        {"log-group", 0, OPTION_NUMBER, "N", "send denials to this NFLOG group", &e.log_group, NULL,
         LOG_GROUP_MAX},
        {"forward-others", 0, OPTION_FLAG, NULL,
         "let through what this host forwards for others; else it is dropped", &e.forwards_others,
         NULL, 0},
        {"resource-group", 'g', OPTION_TEXT, "NAME", "of a server's rules: those of this group",
         &e.group, NULL, 0},
        ONLINE_WHERE(online.where),
        {"output", 'o', OPTION_CHOICE, "FORM", "json: a server's whole answer", &e.output,
         network_outputs, 0},
    };
    const struct option_set set = {
        .command = command,
        .arguments = "[--vnet PREFIX --interface NAME --address ADDRESS]",
        .description = "The groups as a ruleset for nft, for guests behind routed interfaces. The\n"
                       "table that it makes replaces the one before, so name all interfaces in "
                       "one\nexport: --interface NAME=ADDRESS,ADDRESS, again and again. Without "
                       "files and\ninterfaces a server is asked: for the network interfaces that "
                       "carry the tag\nbootwarden-interface, the name of the interface here.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 0,
        .max_arguments = 0,
        .notes = "Load it with: bootwarden network export ... | nft -f -\n"
                 "Exit status: 0 done, 2 wrong use, or an input is unreadable or not valid, 3 the\n"
                 "server refuses or is not reachable.",
    };
    struct option_result words;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &words, &code)) {
        return code;
    }
    if (e.tag != NULL && e.is_refresh) {
        cli_complain(command, "--refresh and --refresh-tag exclude each other");
        return EXIT_USAGE;
    }
    if (arena == NULL) {
        cli_complain(command, "out of memory");
        return EXIT_INTERNAL;
    }
    if (!is_offline(&e)) {
        return ask_server(&set, argc, argv, &e, &online);
    }
    if (e.group != NULL || e.output == 1) {
        cli_complain(command, "--resource-group and --output are for the rules of a server");
        return EXIT_USAGE;
    }
    return cli_finish(command, arena, export(&e));
}
