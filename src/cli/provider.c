/*
 * provider.c - bootwarden provider: its verbs.
 */
#include "cli/provider.h"
#include "cli/verbs.h"

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

int cmd_provider(int argc, char **argv)
{
    static const struct verb_set set = {
        .command = "provider",
        .description =
            "Attestation providers of a server: who judges, by which policy, with which keys.",
        .verbs = verbs,
        .n_verbs = ARRAY_LEN(verbs),
        .notes =
            "The server is named by BOOTWARDEN_ENDPOINT and BOOTWARDEN_CA, who calls by\n"
            "BOOTWARDEN_TENANT, _SUBSCRIPTION, _CLIENT_ID and _CLIENT_SECRET, or "
            "BOOTWARDEN_TOKEN.\n"
            "Exit status: 0 done, 1 the policy is none, 2 wrong use or unreadable input, 3 the\n"
            "service refuses or is not reachable, 4 internal.",
    };

    return verbs_run(&set, argc, argv);
}
