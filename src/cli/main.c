/*
 * main.c - bootwarden: finds the command and runs it.
 */
#include "cli/cli.h"

#include "base/nearest.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

/* One line a command; keep it sorted. */
static const struct command commands[] = {
    {"eventlog", "show what a TCG event log says about a boot", cmd_eventlog},
    {"jmespath", "try a query of a policy on a JSON document", cmd_jmespath},
    {"network", "what network security groups let through, and why not", cmd_network},
    {"package", "packages of the agent: sign them, hand them out in waves", cmd_package},
    {"policy", "check, lay out and try policies of attestation providers", cmd_policy},
    {"provider", "manage attestation providers of a server", cmd_provider},
    {"reference", "show what is known beforehand of keys, images and events", cmd_reference},
    {"template", "show what an ARM template makes", cmd_template},
    {"token", "show what a token says, or verify it for who relies on it", cmd_token},
    {"verify", "judge evidence of a boot, against trust anchors and a baseline", cmd_verify},
    {"vm", "machines of a server: how they are and why, who may join", cmd_vm},
};

void cli_complain(const char *command, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, command[0] != '\0' ? "bootwarden %s: " : "bootwarden%s: ", command);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

int cli_fail(const char *command, const char *what, err_t err, const struct trail *trail)
{
    char name[256];
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    enum err_category category = err_category(err);
    const char *remedy = "";

    text_escape(span_str(what), name, sizeof(name));
    trail_format(trail, err, words, sizeof(words));
    if (category == ERR_CAT_NOT_FOUND && strstr(words, "cannot open") != NULL) {
        remedy = "; check the name";
    } else if (err == ERR_DENIED && strchr(words, ';') == NULL) { /* none of its own */
        remedy = "; run as a user who may read it";
    }
    /* Messages about files name the file themselves. */
    if (strncmp(words, name, strlen(name)) == 0) {
        cli_complain(command, "%s%s", words, remedy);
    } else {
        cli_complain(command, "%s: %s%s", name, words, remedy);
    }
    /* A file that cannot be read is the caller's to mend, not a fault of ours. */
    return category == ERR_CAT_INTERNAL && err != ERR_IO ? EXIT_INTERNAL : EXIT_USAGE;
}

int cli_finish(const char *command, const struct arena *arena, int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_complain(command, "standard output: %s; the result is not whole", strerror(errno));
        return EXIT_INTERNAL;
    }
    if (arena != NULL && arena_is_exhausted(arena) && (code == EXIT_YES || code == EXIT_NO)) {
        cli_complain(command, "the memory for one file is used up; the result is not whole");
        return EXIT_INTERNAL;
    }
    return code;
}

static void print_help(FILE *out)
{
    fputs("usage: bootwarden COMMAND [OPTION]... [ARGUMENT]...\n"
          "       bootwarden --help | --version\n"
          "\n"
          "Reads and judges evidence of how a machine booted, and manages who judges.\n"
          "\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
    }
    fputs("\n"
          "`bootwarden COMMAND --help` explains a command.\n"
          "Exit status: 0 yes or done, 1 the answer is no, 2 wrong use or unreadable input,\n"
          "3 service not reachable or refusing, 4 internal.\n",
          out);
}

static int unknown_command(const char *typed)
{
    const char *names[ARRAY_LEN(commands)];
    const char *nearest;
    char shown[128];

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        names[i] = commands[i].name;
    }
    nearest = nearest_word(typed, names, ARRAY_LEN(names));
    text_escape(span_str(typed), shown, sizeof(shown));
    if (nearest != NULL) {
        cli_complain("", "unknown command '%s'; did you mean '%s'?", shown, nearest);
    } else {
        cli_complain("", "unknown command '%s'; see 'bootwarden --help'", shown);
    }
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    /* A reader that went away is an error of writing with its exit status, not a silent end. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return cli_finish("", NULL, EXIT_YES);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("bootwarden " BOOTWARDEN_VERSION);
        return cli_finish("", NULL, EXIT_YES);
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            if (crypto_init() != ERR_OK) {
                cli_complain("", "the cryptographic library does not work");
                return EXIT_INTERNAL;
            }
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown_command(argv[1]);
}
