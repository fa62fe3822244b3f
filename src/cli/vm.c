/*
 * vm.c - bootwarden vm: finds the verb and runs it; what the verbs share.
 */
#include "cli/vm.h"

#include "base/text.h"

#include <string.h>

static const struct command verbs[] = {
    {"list", "machines and how they are", vm_cmd_list},
    {"show", "one machine: its last verdict and why", vm_cmd_show},
    {"approve", "its changed boot is good", vm_cmd_approve},
    {"relearn", "its next good boot is the measure", vm_cmd_relearn},
    {"attest", "let it prove itself now", vm_cmd_attest},
    {"disable", "refuse its evidence and sessions", vm_cmd_disable},
    {"enable", "accept them again", vm_cmd_enable},
    {"remove", "forget it", vm_cmd_remove},
    {"joins", "who is announced, who waits", vm_cmd_joins},
    {"announce", "keep a place for a machine, with a join token", vm_cmd_announce},
    {"admit", "let one in that waits", vm_cmd_admit},
    {"reject", "never let it in", vm_cmd_reject},
    {"withdraw", "take an announcement back", vm_cmd_withdraw},
    {"extension show", "what is wanted of its agent", vm_cmd_extension_show},
    {"extension set", "change that", vm_cmd_extension_set},
};

static void print_help(FILE *out)
{
    fputs("usage: bootwarden vm VERB [OPTION]... [ARGUMENT]...\n"
          "\n"
          "Machines of a server: how they are and why, who may join, what their agents do.\n"
          "\n"
          "Verbs:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        fprintf(out, "  %-14s %s\n", verbs[i].name, verbs[i].help);
    }
    fputs("\n"
          "The server is named by BOOTWARDEN_ENDPOINT and BOOTWARDEN_CA, who calls by\n"
          "BOOTWARDEN_TENANT, _SUBSCRIPTION, _CLIENT_ID and _CLIENT_SECRET, or BOOTWARDEN_TOKEN.\n"
          "`bootwarden vm VERB --help` explains a verb, bootwarden-vm(1) all of them.\n"
          "Exit status: 0 done, 1 the machine is not healthy (show), 2 wrong use, 3 the service\n"
          "refuses or is not reachable, 4 internal.\n",
          out);
}

static int unknown(const char *typed)
{
    const char *names[ARRAY_LEN(verbs) + 1] = {"extension"};
    const char *nearest;
    char shown[128];

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        names[i + 1] = verbs[i].name;
    }
    nearest = cli_nearest(typed, names, ARRAY_LEN(names));
    text_escape(span_str(typed), shown, sizeof(shown));
    if (nearest != NULL) {
        cli_complain("vm", "there is no '%s'; did you mean '%s'?", shown, nearest);
    } else {
        cli_complain("vm", "there is no '%s'; see 'bootwarden vm --help'", shown);
    }
    return EXIT_USAGE;
}

int cmd_vm(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return cli_finish("vm", NULL, EXIT_YES);
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        int words = cli_verb_words(verbs[i].name, argc, argv);

        if (words > 0) {
            return verbs[i].run(argc - words, argv + words);
        }
    }
    if (strcmp(argv[1], "extension") == 0) {
        cli_complain("vm", "extension needs a verb: show or set; see 'bootwarden vm --help'");
        return EXIT_USAGE;
    }
    return unknown(argv[1]);
}

/* ---- what the verbs share ---- */

const char *vm_path(const struct online *online, const char *kind, const char *name,
                    const char *rest)
{
    const char *subscription = online_encode(online->arena, span_str(online->subscription));
    const char *encoded = name == NULL ? "" : online_encode(online->arena, span_str(name));

    if (subscription == NULL || encoded == NULL) {
        return NULL;
    }
    return arena_printf(online->arena, "/subscriptions/%s/providers/Bootwarden.Monitor/%s%s%s%s",
                        subscription, kind, name == NULL ? "" : "/", encoded, rest);
}

int vm_ask(struct online *online, const char *method, const char *path, struct span body,
           const char *what, const char *look_with, yyjson_val **ret)
{
    const struct online_request request = {.audience = ONLINE_MANAGEMENT,
                                           .method = method,
                                           .path = path,
                                           .body = body,
                                           .look_with = look_with};
    struct online_answer answer = {0};
    int code =
        path == NULL ? online_out_of_memory(online) : online_ask(online, &request, what, &answer);

    if (code == EXIT_YES && !yyjson_is_obj(answer.json)) {
        return online_distrust(
            online, arena_printf(online->arena, "%s: the answer is no object", what), ERR_OK, NULL);
    }
    if (code == EXIT_YES) {
        *ret = answer.json;
    }
    return code;
}

const char *vm_text(const struct online *online, yyjson_val *object, const char *name)
{
    struct span text = json_span(json_get(object, name));

    return text.data == NULL ? "-" : online_show(online, text);
}

void vm_line(const char *name, const char *value)
{
    printf("  %-16s %s\n", name, value);
}
