/*
 * package.c - bootwarden package: its verbs.
 */
#include "cli/package.h"
#include "cli/verbs.h"

static const struct command verbs[] = {
    {"sign", "make a package of an agent's program", package_cmd_sign},
    {"show", "what a package holds, and who signed it", package_cmd_show},
    {"publish", "hand a package to a server, which offers it in waves", package_cmd_publish},
    {"list", "packages of a server, and how far they are", package_cmd_list},
    {"stop", "offer a version to nobody else", package_cmd_stop},
    {"resume", "go on offering it", package_cmd_resume},
    {"withdraw", "remove it from the server", package_cmd_withdraw},
};

int cmd_package(int argc, char **argv)
{
    static const struct verb_set set = {
        .command = "package",
        .description =
            "Packages of the agent: signing them, and handing them out to machines in waves.",
        .verbs = verbs,
        .n_verbs = ARRAY_LEN(verbs),
        .notes =
            "sign and show work on files alone. The others ask the server of BOOTWARDEN_ENDPOINT,\n"
            "as bootwarden-vm(1) says.\n"
            "Exit status: 0 done, 1 the package is not good (show, publish), 2 wrong use,\n"
            "3 the service refuses or is not reachable, 4 internal.",
    };

    return verbs_run(&set, argc, argv);
}
