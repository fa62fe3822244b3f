/*
 * network.h - what the parts of `bootwarden network` share: files into groups and worlds, verdicts
 * and rules as people and scripts see them. The showing asks nobody where its values come from.
 */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include "cli/options.h"
#include "network/flow.h"
#include "network/nft.h"

enum { NETWORK_ARENA_BYTES = 1024 * 1024 * 1024 };
extern const char *const network_outputs[];

/* The verbs: argv[0] is the verb. An exit code. */
int network_cmd_check(int argc, char **argv);
int network_cmd_test(int argc, char **argv);
int network_cmd_export(int argc, char **argv);

/* ---- from files (network-files.c); exit codes, what is wrong was said ---- */

/* Options that say what the rules' words mean. */
struct network_place {
    const char *nsg, *subnet_nsg, *tags; /* files; NULL: none */
    struct option_list vnet, platform;   /* prefixes; addresses */
};
#define NETWORK_PLACE(p)                                                                             \
    {"nsg", 0, OPTION_TEXT, "FILE", "the group of the network interface", &(p).nsg, NULL, 0},        \
        {"subnet-nsg", 0, OPTION_TEXT, "FILE", "the group of its subnet", &(p).subnet_nsg, NULL, 0}, \
        {"tags",                                                                                     \
         0,                                                                                          \
         OPTION_TEXT,                                                                                \
         "FILE",                                                                                     \
         "service tags: Azure's download, or a server's list",                                       \
         &(p).tags,                                                                                  \
         NULL,                                                                                       \
         0},                                                                                         \
        {"vnet",                                                                                     \
         0,                                                                                          \
         OPTION_LIST,                                                                                \
         "PREFIX",                                                                                   \
         "addresses of the virtual network and its peers",                                           \
         &(p).vnet,                                                                                  \
         NULL,                                                                                       \
         0},                                                                                         \
    {                                                                                                \
        "platform", 0, OPTION_LIST, "ADDRESS", "resolver, DHCP or metadata address of the host",     \
            &(p).platform, NULL, 0                                                                   \
    }

struct network_loaded {
    const struct nsg *nic, *subnet; /* NULL: none */
    const struct service_tags *tags;
    const struct network_world *world;
};
/* Files and prefixes; without --vnet the network is `own`. All tags of the rules are known then. */
int network_load(const char *command, struct arena *arena, const struct network_place *place,
                 const struct address_set *own, struct network_loaded *ret);
/* One document; path NULL: nothing. */
int network_load_tags(const char *command, struct arena *arena, const char *path,
                      const struct service_tags **ret);
/* A group, or why it is none: err with fault and trail. What cannot be read is EXIT_USAGE. */
int network_load_nsg(const char *command, struct arena *arena, const char *path,
                     struct network_fault *fault, struct trail *trail, err_t *ret_err,
                     const struct nsg **ret);
/* Addresses, prefixes and ranges. */
int network_load_set(const char *command, const char *option, struct arena *arena,
                     const struct option_list *list, struct address_set *ret);

/* ---- showing (network-show.c) ---- */

/* What judges a flow and what would let it through. */
struct network_answer {
    const struct flow *flow;
    struct flow_verdict verdict;
    struct flow_remedy remedies[2];
    size_t n_remedies;
};
/* EXIT_YES: it gets through, EXIT_NO: not. */
int network_show_answer(struct arena *arena, const struct network_answer *answer, bool is_json);
yyjson_mut_val *network_answer_json(yyjson_mut_doc *doc, const struct network_answer *answer);
/* A rule as its resource: {"name", "properties"}. */
yyjson_mut_val *network_rule_json(yyjson_mut_doc *doc, const struct rule *rule);
/* The document on standard output, indented. */
int network_print_json(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root);

#endif
