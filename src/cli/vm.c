/*
 * vm.c - bootwarden vm: its verbs; what the verbs share.
 */
#include "cli/vm.h"
#include "cli/verbs.h"

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
    {"token", "a join token for the guest of a virtual machine resource", vm_cmd_token},
    {"identity", "where the guest of one gets tokens of the machine's identity", vm_cmd_identity},
    {"admit", "let one in that waits", vm_cmd_admit},
    {"reject", "never let it in", vm_cmd_reject},
    {"withdraw", "take an announcement back", vm_cmd_withdraw},
    {"extension show", "what is wanted of its agent", vm_cmd_extension_show},
    {"extension set", "change that", vm_cmd_extension_set},
};

int cmd_vm(int argc, char **argv)
{
    static const struct verb_set set = {
        .command = "vm",
        .description =
            "Machines of a server: how they are and why, who may join, what their agents do.",
        .verbs = verbs,
        .n_verbs = ARRAY_LEN(verbs),
        .notes =
            "The server is named by BOOTWARDEN_ENDPOINT and BOOTWARDEN_CA, who calls by\n"
            "BOOTWARDEN_TENANT, _SUBSCRIPTION, _CLIENT_ID and _CLIENT_SECRET, or "
            "BOOTWARDEN_TOKEN.\n"
            "Exit status: 0 done, 1 the machine is not healthy (show), 2 wrong use, 3 the service\n"
            "refuses or is not reachable, 4 internal.",
    };

    return verbs_run(&set, argc, argv);
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

const char *vm_plain(const char *words)
{
    /* Azure's portal wants this in front (docs/formats/extension.md). */
    static const char prefix[] =
        "Microsoft.Azure.Security.LinuxAttestation.GuestAttestation provisioning failed. ";
    size_t len = strlen(prefix);

    return strncmp(words, prefix, len) == 0 ? words + len : words;
}

void vm_line(const char *name, const char *value)
{
    printf("  %-16s %s\n", name, value);
}
