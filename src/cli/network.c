/*
 * network.c - `bootwarden network`: what network security groups let through, and why not.
 */
#include "cli/network.h"

#include "cli/verbs.h"

const char *const network_outputs[] = {"text", "json", NULL};

int cmd_network(int argc, char **argv)
{
    static const struct command verbs[] = {
        {"check", "is this a network security group, and what is wrong with it", network_cmd_check},
        {"test", "does a packet get through, by which rule, and what would change it",
         network_cmd_test},
        {"export", "groups as a ruleset for nft, on the host of the guests", network_cmd_export},
    };
    static const struct verb_set set = {
        .command = "network",
        .description =
            "Network security groups, from files or of a server: whether they are valid, "
            "what\nthey let through, and how a host enforces them.",
        .verbs = verbs,
        .n_verbs = ARRAY_LEN(verbs),
        .notes = "A group in a file is a JSON document with name and properties, as Azure's "
                 "resource\nmanager answers it. 'test VM' and 'export' without files ask a server.",
    };

    return verbs_run(&set, argc, argv);
}
