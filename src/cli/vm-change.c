/*
 * vm-change.c - bootwarden vm relearn, attest, disable, enable, remove; extension.
 */
#include "cli/vm.h"

#include "base/file.h"
#include "base/text.h"

#include <string.h>

enum { SETTINGS_MAX_BYTES = 48 * 1024 };

/* Verbs that say one thing of one machine. */
static const struct simple {
    const char *command, *method, *rest, *description, *done;
} simple[] = {
    {"vm relearn", "POST", ":relearn",
     "Forget the machine's baseline: its next boot that is good by policy becomes the measure.",
     "its next good boot is the baseline"},
    {"vm attest", "POST", ":attest", "Let the machine prove its boot at the agent's next contact.",
     "it will prove itself at its agent's next contact"},
    {"vm disable", "POST", ":disable", "Refuse the machine's evidence and its sessions.",
     "its evidence and its sessions are refused from now on"},
    {"vm enable", "POST", ":enable",
     "Accept the machine's evidence again. It has to prove itself anew.",
     "its evidence counts again; it will prove itself at its agent's next contact"},
    {"vm remove", "DELETE", "", "Forget the machine. Its records stay for their time.",
     "forgotten"},
};
enum simple_verb { RELEARN, ATTEST, DISABLE, ENABLE, REMOVE };

static int change(struct online *online, const struct simple *verb, const char *group,
                  const char *name)
{
    yyjson_val *machine = NULL;
    const char *found = NULL;
    int code = vm_find(online, group, name, &found);

    code = code
               ? code
               : vm_ask(online, verb->method, vm_path(online, "machines", found, verb->rest),
                        strcmp(verb->method, "POST") == 0 ? span_str("{}") : (struct span){0}, name,
                        arena_printf(online->arena, "bootwarden vm show %s", found), &machine);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return vm_print(online, machine);
    }
    printf("%s: %s\n", online_show(online, span_str(name)), verb->done);
    return EXIT_YES;
}

static int run_simple(enum simple_verb which, int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {VM_GROUP(group), ONLINE_WHERE(online.where),
                                     ONLINE_OUTPUT(online.where)};
    const struct option_set set = {
        .command = simple[which].command,
        .arguments = "NAME",
        .description = simple[which].description,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 1 its guest has not joined (-g), 2 wrong use, 3 the service "
                 "refuses or is\nnot reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = change(&online, &simple[which], group, online.words.arguments[0]);
    return online_finish(&online, code);
}

int vm_cmd_relearn(int argc, char **argv)
{
    return run_simple(RELEARN, argc, argv);
}

int vm_cmd_attest(int argc, char **argv)
{
    return run_simple(ATTEST, argc, argv);
}

int vm_cmd_disable(int argc, char **argv)
{
    return run_simple(DISABLE, argc, argv);
}

int vm_cmd_enable(int argc, char **argv)
{
    return run_simple(ENABLE, argc, argv);
}

int vm_cmd_remove(int argc, char **argv)
{
    return run_simple(REMOVE, argc, argv);
}

/* ---- what is wanted of its agent ---- */

static int print_extension(const struct online *online, const char *name, yyjson_val *extension)
{
    static const char *const switches[] = {"wanted", "autoUpgradeMinorVersion",
                                           "enableAutomaticUpgrade"};
    yyjson_mut_doc *doc = json_new(online->arena);
    struct span settings;

    if (doc == NULL) {
        return online_out_of_memory(online);
    }
    if (online->is_json) {
        return online_print_json(online, doc, yyjson_val_mut_copy(doc, extension));
    }
    settings = json_write(online->arena, doc,
                          yyjson_val_mut_copy(doc, json_get(extension, "settings")), false);
    printf("%s\n", online_show(online, span_str(name)));
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        printf("  %-24s %s\n", switches[i],
               yyjson_is_true(json_get(extension, switches[i])) ? "yes" : "no");
    }
    printf("  %-24s %s\n", "typeHandlerVersion", vm_text(online, extension, "typeHandlerVersion"));
    printf("  %-24s %lld\n", "sequence",
           (long long)yyjson_get_sint(json_get(extension, "sequence")));
    printf("  %-24s %s\n", "settings", online_show(online, settings));
    return EXIT_YES;
}

int vm_cmd_extension_show(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {VM_GROUP(group), ONLINE_WHERE(online.where),
                                     ONLINE_OUTPUT(online.where)};
    const struct option_set set = {
        .command = "vm extension show",
        .arguments = "NAME",
        .description = "What is wanted of the agent on a machine: settings, version, upgrades.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes =
            "Exit status: 0 shown, 1 its guest has not joined (-g), 2 wrong use, 3 the service "
            "refuses or is\nnot reachable.",
    };
    yyjson_val *extension = NULL;
    const char *name, *found = NULL;
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    name = online.words.arguments[0];
    code = vm_find(&online, group, name, &found);
    code = code ? code
                : vm_ask(&online, "GET", vm_path(&online, "machines", found, "/extension"),
                         (struct span){0}, name, NULL, &extension);
    code = code ? code : print_extension(&online, name, extension);
    return online_finish(&online, code);
}

enum wish { AS_IT_IS = -1, ON, OFF };
static const char *const on_off[] = {[ON] = "on", [OFF] = "off", NULL};

struct wished {
    const char *settings; /* a file; NULL: as they are */
    const char *version;
    int wanted, upgrades, minor; /* enum wish */
};

static int wishes(struct online *online, const struct wished *wished, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span text = {0};
    struct trail trail = {0};
    yyjson_val *settings = NULL;
    err_t err = ERR_OK;

    if (root == NULL) {
        return online_out_of_memory(online);
    }
    if (wished->settings != NULL) {
        err = file_read(online->arena, wished->settings, SETTINGS_MAX_BYTES, &trail, &text);
        err = err ? err : json_read(online->arena, text, NULL, &trail, &settings);
        if (err) {
            return cli_fail(online->command, wished->settings, err, &trail);
        }
        json_add_value(doc, root, "settings", yyjson_val_mut_copy(doc, settings));
    }
    if (wished->version != NULL) {
        json_add_text(doc, root, "typeHandlerVersion", wished->version);
    }
    if (wished->wanted != AS_IT_IS) {
        json_add_bool(doc, root, "wanted", wished->wanted == ON);
    }
    if (wished->upgrades != AS_IT_IS) {
        json_add_bool(doc, root, "enableAutomaticUpgrade", wished->upgrades == ON);
    }
    if (wished->minor != AS_IT_IS) {
        json_add_bool(doc, root, "autoUpgradeMinorVersion", wished->minor == ON);
    }
    if (yyjson_mut_obj_size(root) == 0) {
        cli_complain(online->command, "nothing to change: give --settings, --wanted, "
                                      "--automatic-upgrade, --minor-upgrades or --version");
        return EXIT_USAGE;
    }
    *ret = json_write(online->arena, doc, root, false);
    return ret->data == NULL ? online_out_of_memory(online) : EXIT_YES;
}

int vm_cmd_extension_set(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    struct wished wished = {.wanted = AS_IT_IS, .upgrades = AS_IT_IS, .minor = AS_IT_IS};
    const struct option options[] = {
        {"settings", 0, OPTION_TEXT, "FILE",
         "public settings, a JSON object with AttestationConfig", &wished.settings, NULL, 0},
        {"wanted", 0, OPTION_CHOICE, "ON", "whether the machine is to be monitored", &wished.wanted,
         on_off, 0},
        {"automatic-upgrade", 0, OPTION_CHOICE, "ON", "upgrade to published versions by itself",
         &wished.upgrades, on_off, 0},
        {"minor-upgrades", 0, OPTION_CHOICE, "ON", "to later minor versions, too", &wished.minor,
         on_off, 0},
        {"version", 0, OPTION_TEXT, "X.Y", "the version that is wanted", &wished.version, NULL, 0},
        VM_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "vm extension set",
        .arguments = "NAME",
        .description = "Change what is wanted of the agent on a machine. What is not named stays.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 1 its guest has not joined (-g), 2 wrong use, 3 the service "
                 "refuses or is\nnot reachable.",
    };
    yyjson_val *extension = NULL;
    struct span body = {0};
    const char *name, *found = NULL;
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    name = online.words.arguments[0];
    code = wishes(&online, &wished, &body);
    code = code ? code : vm_find(&online, group, name, &found);
    code = code ? code
                : vm_ask(&online, "PUT", vm_path(&online, "machines", found, "/extension"), body,
                         name, arena_printf(online.arena, "bootwarden vm extension show %s", found),
                         &extension);
    code = code ? code : print_extension(&online, name, extension);
    return online_finish(&online, code);
}
