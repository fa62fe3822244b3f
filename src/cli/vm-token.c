/*
 * vm-token.c - bootwarden vm token, vm identity: what the guest of a virtual machine resource is
 * given once, a join token or the address where it gets tokens of the machine's own identity.
 */
#include "cli/vm.h"

struct given {
    const char *command, *action, *member;
    const char *doing, *look_at; /* for errors */
    const char *description;
    void (*explain)(struct online *online, const char *name, yyjson_val *answer);
};

static void explain_token(struct online *online, const char *name, yyjson_val *answer)
{
    fprintf(
        stderr,
        "The guest of '%s' joins with it, once, within %llu days, and is the machine '%s' then. "
        "Write it into a file\nof root:bootwarden-agent and mode 640 and name that with "
        "bootwarden-agent --join-token-file. What was announced\nfor this virtual machine before "
        "is withdrawn.\n",
        online_show(online, span_str(name)),
        (unsigned long long)yyjson_get_uint(json_get(answer, "validDays")),
        vm_text(online, answer, "name"));
}

static void explain_address(struct online *online, const char *name, yyjson_val *answer)
{
    bool has_own = json_get(answer, "principalId") != NULL;

    fprintf(stderr,
            "Whoever knows it gets tokens of '%s', %s%s: set MSI_ENDPOINT to it in the "
            "guest, for az login\n--identity and the SDKs. The address before it is none any "
            "more.\n",
            online_show(online, span_str(name)),
            has_own ? "principal " : "which has user-assigned identities alone",
            has_own ? vm_text(online, answer, "principalId") : "");
}

static const struct given join_token = {
    .command = "vm token",
    .action = "/createJoinToken",
    .member = "token",
    .doing = "making a join token",
    .look_at = "az vm show, properties.bootIntegrity",
    .description = "A join token for the guest of a virtual machine that was made with az, a "
                   "template or the API: on standard output, this once.",
    .explain = explain_token,
};
static const struct given identity_address = {
    .command = "vm identity",
    .action = "/createIdentityAddress",
    .member = "address",
    .doing = "making an address",
    .look_at = "az vm show, identity",
    .description =
        "The address at which the guest of a virtual machine with an identity, its "
        "own or user-assigned, gets that identity's tokens: on standard output, this once.",
    .explain = explain_address,
};

static int give(struct online *online, const struct given *given, const char *group,
                const char *name)
{
    yyjson_val *answer = NULL;
    yyjson_mut_doc *doc = json_new(online->arena);
    int code = online_need_subscription(online);

    code = code ? code
                : vm_ask(online, "POST", vm_resource_path(online, group, name, given->action),
                         (struct span){0}, given->doing, given->look_at, &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return doc == NULL ? online_out_of_memory(online)
                           : online_print_json(online, doc, yyjson_val_mut_copy(doc, answer));
    }
    printf("%s\n", vm_text(online, answer, given->member));
    given->explain(online, name, answer);
    return EXIT_YES;
}

static int run(const struct given *given, int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {{"resource-group", 'g', OPTION_TEXT, "GROUP",
                                      "in which the virtual machine is", &group, NULL, 0},
                                     ONLINE_WHERE(online.where),
                                     ONLINE_OUTPUT(online.where)};
    const struct option_set set = {
        .command = given->command,
        .arguments = "VM",
        .min_arguments = 1,
        .max_arguments = 1,
        .description = given->description,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .notes = "Exit status: 0 made, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    if (group == NULL) {
        cli_complain(online.command,
                     "--resource-group is missing: in which group is the virtual machine?");
        code = EXIT_USAGE;
    } else {
        code = give(&online, given, group, online.words.arguments[0]);
    }
    return online_finish(&online, code);
}

int vm_cmd_token(int argc, char **argv)
{
    return run(&join_token, argc, argv);
}

int vm_cmd_identity(int argc, char **argv)
{
    return run(&identity_address, argc, argv);
}
