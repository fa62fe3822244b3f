/*
 * vm-token.c - bootwarden vm token: a join token for the guest of a virtual machine resource.
 */
#include "cli/vm.h"

#define VM_API_VERSION "2024-11-01"

static const char *token_path(const struct online *online, const char *group, const char *name)
{
    const char *subscription = online_encode(online->arena, span_str(online->subscription));
    const char *in_group = online_encode(online->arena, span_str(group));
    const char *encoded = online_encode(online->arena, span_str(name));

    return subscription == NULL || in_group == NULL || encoded == NULL
               ? NULL
               : arena_printf(online->arena,
                              "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/"
                              "virtualMachines/%s/createJoinToken?api-version=" VM_API_VERSION,
                              subscription, in_group, encoded);
}

static int token(struct online *online, const char *group, const char *name)
{
    yyjson_val *answer = NULL;
    yyjson_mut_doc *doc = json_new(online->arena);
    int code = online_need_subscription(online);

    code = code ? code
                : vm_ask(online, "POST", token_path(online, group, name), (struct span){0},
                         "making a join token", "az vm show, properties.bootIntegrity", &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return doc == NULL ? online_out_of_memory(online)
                           : online_print_json(online, doc, yyjson_val_mut_copy(doc, answer));
    }
    printf("%s\n", vm_text(online, answer, "token"));
    fprintf(
        stderr,
        "The guest of '%s' joins with it, once, within %llu days, and is the machine '%s' then. "
        "Write it into a file\nof root:bootwarden-agent and mode 640 and name that with "
        "bootwarden-agent --join-token-file. What was announced\nfor this virtual machine before "
        "is withdrawn.\n",
        online_show(online, span_str(name)),
        (unsigned long long)yyjson_get_uint(json_get(answer, "validDays")),
        vm_text(online, answer, "name"));
    return EXIT_YES;
}

int vm_cmd_token(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {{"resource-group", 'g', OPTION_TEXT, "GROUP",
                                      "in which the virtual machine is", &group, NULL, 0},
                                     ONLINE_WHERE(online.where),
                                     ONLINE_OUTPUT(online.where)};
    const struct option_set set = {
        .command = "vm token",
        .arguments = "VM",
        .min_arguments = 1,
        .max_arguments = 1,
        .description = "A join token for the guest of a virtual machine that was made with az, a "
                       "template or the API: on standard output, this once.",
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
        code = token(&online, group, online.words.arguments[0]);
    }
    return online_finish(&online, code);
}
