/*
 * provider.c - bootwarden provider: finds the verb and runs it.
 */
#include "cli/provider.h"

#include "base/text.h"

#include <string.h>

static const struct command verbs[] = {
    {"list", "shared providers, and those of the subscription", provider_cmd_list},
    {"show", "what the service says of one", provider_cmd_show},
    {"create", "make one with policies of its own", provider_cmd_create},
    {"update", "change its switches and tags", provider_cmd_update},
    {"delete", "remove it with its policies and keys", provider_cmd_delete},
    {"rotate-key", "give it a new signing key", provider_cmd_rotate},
    {"policy show", "its policy for a type of evidence", provider_cmd_policy_show},
    {"policy set", "check a policy and set it", provider_cmd_policy_set},
    {"policy reset", "back to the default policy", provider_cmd_policy_reset},
    {"signer list", "who may sign policies of an isolated one", provider_cmd_signer_list},
    {"signer add", "let one more sign", provider_cmd_signer_add},
    {"signer remove", "let one sign no more", provider_cmd_signer_remove},
};

static void print_help(FILE *out)
{
    fputs("usage: bootwarden provider VERB [OPTION]... [ARGUMENT]...\n"
          "\n"
          "Attestation providers of a server: who judges, by which policy, with which keys.\n"
          "\n"
          "Verbs:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        fprintf(out, "  %-14s %s\n", verbs[i].name, verbs[i].help);
    }
    fputs("\n"
          "The server is named by BOOTWARDEN_ENDPOINT and BOOTWARDEN_CA, who calls by\n"
          "BOOTWARDEN_TENANT, _SUBSCRIPTION, _CLIENT_ID and _CLIENT_SECRET, or BOOTWARDEN_TOKEN.\n"
          "`bootwarden provider VERB --help` explains a verb, bootwarden-provider(1) all of them.\n"
          "Exit status: 0 done, 1 the policy is none, 2 wrong use or unreadable input, 3 the\n"
          "service refuses or is not reachable, 4 internal.\n",
          out);
}

static int unknown(const char *typed)
{
    const char *names[ARRAY_LEN(verbs) + 2] = {"policy", "signer"};
    const char *nearest;
    char shown[128];

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        names[i + 2] = verbs[i].name;
    }
    nearest = cli_nearest(typed, names, ARRAY_LEN(names));
    text_escape(span_str(typed), shown, sizeof(shown));
    if (nearest != NULL) {
        cli_complain("provider", "there is no '%s'; did you mean '%s'?", shown, nearest);
    } else {
        cli_complain("provider", "there is no '%s'; see 'bootwarden provider --help'", shown);
    }
    return EXIT_USAGE;
}

int cmd_provider(int argc, char **argv)
{
    char typed[128];

    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return cli_finish("provider", NULL, EXIT_YES);
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        int words = cli_verb_words(verbs[i].name, argc, argv);

        if (words > 0) {
            return verbs[i].run(argc - words, argv + words);
        }
    }
    if (strcmp(argv[1], "policy") == 0 || strcmp(argv[1], "signer") == 0) {
        if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
            print_help(stdout);
            return cli_finish("provider", NULL, EXIT_YES);
        }
        if (argc == 2) {
            cli_complain("provider", "%s needs a verb; see 'bootwarden provider --help'", argv[1]);
            return EXIT_USAGE;
        }
        snprintf(typed, sizeof(typed), "%s %.60s", argv[1], argv[2]);
        return unknown(typed);
    }
    return unknown(argv[1]);
}
