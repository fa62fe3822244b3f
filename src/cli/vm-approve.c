/*
 * vm-approve.c - bootwarden vm approve: what is approved is what was looked at, and nothing that
 * came after it.
 */
#include "cli/vm.h"

#include "base/text.h"

#include <string.h>

enum { CHANGE_MIN = 8, CHANGE_MAX = 64 };

static bool is_change(const char *text)
{
    size_t len = strlen(text);

    return len >= CHANGE_MIN && len <= CHANGE_MAX && strspn(text, "0123456789abcdef") == len;
}

static int find_change(struct online *online, const char *name, const char *wished,
                       const char **ret)
{
    yyjson_val *machine = NULL;
    const char *change;
    int code = vm_ask(online, "GET", vm_path(online, "machines", name, ""), (struct span){0}, name,
                      NULL, &machine);

    if (code != EXIT_YES) {
        return code;
    }
    change = json_text(json_get(json_get(machine, "baseline"), "change"));
    if (change == NULL || !is_change(change)) {
        cli_complain(online->command, "%s: nothing waits for approval; it is %s",
                     online_show(online, span_str(name)), vm_text(online, machine, "state"));
        return EXIT_NO;
    }
    if (wished != NULL && strncmp(change, wished, strlen(wished)) != 0) {
        cli_complain(online->command,
                     "%s: change %s does not wait any more, %.8s does: look at it with bootwarden "
                     "vm show %s",
                     online_show(online, span_str(name)), wished, change,
                     online_show(online, span_str(name)));
        return EXIT_NO;
    }
    if (wished == NULL && !online->is_json) {
        vm_print_changes(online, machine);
    }
    *ret = change;
    return EXIT_YES;
}

static int approve(struct online *online, const char *group, const char *called, const char *wished)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    yyjson_val *machine = NULL;
    const char *change = NULL, *name = NULL;
    struct span body;
    int code = vm_find(online, group, called, &name);

    code = code ? code : find_change(online, name, wished, &change);
    if (code != EXIT_YES) {
        return code;
    }
    if (root == NULL) {
        return online_out_of_memory(online);
    }
    json_add_text(doc, root, "change", change);
    body = json_write(online->arena, doc, root, false);
    code = body.data == NULL
               ? online_out_of_memory(online)
               : vm_ask(online, "POST", vm_path(online, "machines", name, ":approve"), body, name,
                        arena_printf(online->arena, "bootwarden vm show %s", name), &machine);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return vm_print(online, machine);
    }
    printf("%s: change %.8s is approved: that boot is the baseline now\n",
           online_show(online, span_str(called)), change);
    return EXIT_YES;
}

int vm_cmd_approve(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *change = NULL, *group = NULL;
    const struct option options[] = {
        {"change", 0, OPTION_TEXT, "DIGITS",
         "the change that you looked at, as vm show names it; without it: what waits now", &change,
         NULL, 0},
        VM_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "vm approve",
        .arguments = "NAME",
        .description =
            "Somebody has looked at what changed in the machine's last boot, and it is good: that\n"
            "boot is the measure for the next ones.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 1 that change does not wait, or its guest has not joined "
                 "(-g), 2 wrong\nuse, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    if (change != NULL && !is_change(change)) {
        cli_complain(online.command, "--change must be 8 to 64 hexadecimal digits in lower case");
        code = EXIT_USAGE;
    } else {
        code = approve(&online, group, online.words.arguments[0], change);
    }
    return online_finish(&online, code);
}
