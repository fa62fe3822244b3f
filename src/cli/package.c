/*
 * package.c - bootwarden package: finds the verb and runs it.
 */
#include "cli/package.h"

#include "base/text.h"

#include <string.h>

static const struct command verbs[] = {
    {"sign", "make a package of an agent's program", package_cmd_sign},
    {"show", "what a package holds, and who signed it", package_cmd_show},
    {"publish", "hand a package to a server, which offers it in waves", package_cmd_publish},
    {"list", "packages of a server, and how far they are", package_cmd_list},
    {"stop", "offer a version to nobody else", package_cmd_stop},
    {"resume", "go on offering it", package_cmd_resume},
    {"withdraw", "remove it from the server", package_cmd_withdraw},
};

static void print_help(FILE *out)
{
    fputs("usage: bootwarden package VERB [OPTION]... [ARGUMENT]...\n"
          "\n"
          "Packages of the agent: signing them, and handing them out to machines in waves.\n"
          "\n"
          "Verbs:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        fprintf(out, "  %-14s %s\n", verbs[i].name, verbs[i].help);
    }
    fputs("\n"
          "sign and show work on files alone. The others ask the server of BOOTWARDEN_ENDPOINT,\n"
          "as bootwarden-vm(1) says.\n"
          "`bootwarden package VERB --help` explains a verb, bootwarden-package(1) all of them.\n"
          "Exit status: 0 done, 1 the package is not good (show, publish), 2 wrong use,\n"
          "3 the service refuses or is not reachable, 4 internal.\n",
          out);
}

int cmd_package(int argc, char **argv)
{
    const char *names[ARRAY_LEN(verbs)];
    const char *nearest;
    char shown[128];

    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return cli_finish("package", NULL, EXIT_YES);
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
        names[i] = verbs[i].name;
    }
    nearest = cli_nearest(argv[1], names, ARRAY_LEN(names));
    text_escape(span_str(argv[1]), shown, sizeof(shown));
    if (nearest != NULL) {
        cli_complain("package", "there is no '%s'; did you mean '%s'?", shown, nearest);
    } else {
        cli_complain("package", "there is no '%s'; see 'bootwarden package --help'", shown);
    }
    return EXIT_USAGE;
}
