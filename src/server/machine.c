#include "server/machine.h"

#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "server/options.h"

#include <ctype.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_BYTES = 32 * 1024 * 1024 }; /* for a path; and for roles that are given */

static const char usage[] =
    "usage: bootwarden-server machine list [--output table|json] [--data DIR]\n"
    "       bootwarden-server machine show NAME-OR-ID [--output table|json] [--data DIR]\n"
    "       bootwarden-server machine replace NAME-OR-ID [--ek SHA256-HEX] [--data DIR]\n"
    "       bootwarden-server machine COMMAND NAME-OR-ID [--data DIR]\n"
    "\n"
    "Machines that joined the server of DIR (default: ./bootwarden-data), running or not.\n"
    "\n"
    "  list          all machines: state, last seen, last verdict\n"
    "  show          one machine, its last attestations, what was done to it\n"
    "  disable       refuse its evidence and its sessions\n"
    "  enable        accept them again\n"
    "  replace       forget its attestation key: it, or another one of its name, may join anew;\n"
    "                with --ek only the TPM whose endorsement key has this digest\n"
    "  forget-clock  accept its TPM's clock as it is, after a snapshot was restored\n"
    "  remove        forget the machine\n";

struct arguments {
    const char *command;
    const char *machine; /* NULL without */
    const char *data;
    bool is_json;
    bool has_ek;
    uint8_t ek[STORE_DIGEST_BYTES];
};

static const struct command {
    const char *name;
    bool is_change;
    enum store_change change;
    /* Of a change: what is true now, and what was true before already. The name is %s. */
    const char *done, *was_done;
} commands[] = {
    {.name = "list"},
    {.name = "show"},
    {"disable", true, STORE_DISABLE,
     "is disabled: its evidence and its sessions are refused from now on.\n"
     "Undo with: bootwarden-server machine enable",
     "was disabled already."},
    {"enable", true, STORE_ENABLE, "is enabled: its evidence counts again.", "was not disabled."},
    {"replace", true, STORE_REPLACE,
     "has no attestation key any more: what that key proves is refused.\n"
     "Its TPM, or another trusted TPM that joins under this name, becomes this machine, with a "
     "new\n"
     "key and the same id. Its records stay.",
     "was replaced already, and nobody has joined as it since."},
    {"forget-clock", true, STORE_FORGET_CLOCK,
     "may show any clock in its next proof that answers a challenge, and none before that from "
     "then on.",
     "has no clock recorded: its next proof that answers a challenge may show any."},
    {"remove", true, STORE_REMOVE,
     "is removed. Its records stay for their time, without a machine.", ""},
};

static int fail(err_t err, const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    trail_format(trail, err, words, sizeof(words));
    return server_complain(server_exit_of(err), "%s%s", words,
                           err == ERR_NOT_FOUND ? "; --data must name the folder of a server" : "");
}

/* ---- arguments ---- */

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool read_digest(const char *text, uint8_t digest[STORE_DIGEST_BYTES])
{
    return hex_decode_into(span_str(text), digest, STORE_DIGEST_BYTES) == ERR_OK;
}

/* False ends the program with *ret_exit. */
static bool read_arguments(int argc, char **argv, struct arguments *ret, int *ret_exit)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},
        {"output", required_argument, NULL, 'o'},
        {"ek", required_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int which, left;

    *ret = (struct arguments){.data = "bootwarden-data"};
    *ret_exit = SERVER_USAGE;
    while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (which) {
        case 'd':
            ret->data = optarg;
            break;
        case 'o':
            ret->is_json = strcmp(optarg, "json") == 0;
            if (!ret->is_json && strcmp(optarg, "table") != 0) {
                server_complain(SERVER_USAGE, "--output must be table or json");
                return false;
            }
            break;
        case 'e':
            if (!read_digest(optarg, ret->ek)) {
                server_complain(SERVER_USAGE,
                                "--ek must be a SHA-256 digest, 64 hex digits, as machine "
                                "show and the log of the server write it");
                return false;
            }
            ret->has_ek = true;
            break;
        case 'h':
            fputs(usage, stdout);
            *ret_exit = SERVER_DONE;
            return false;
        default:
            server_complain(SERVER_USAGE, "see bootwarden-server machine --help");
            return false;
        }
    }
    left = argc - optind;
    ret->command = left > 0 ? argv[optind] : NULL;
    ret->machine = left > 1 ? argv[optind + 1] : NULL;
    if (left > 2) {
        server_complain(SERVER_USAGE,
                        "'%.100s' is not expected; see bootwarden-server machine --help",
                        argv[optind + 2]);
        return false;
    }
    return true;
}

static const struct command *check_arguments(const struct arguments *arguments)
{
    const struct command *command =
        arguments->command == NULL ? NULL : find_command(arguments->command);
    bool is_list = command == &commands[0];

    if (arguments->command == NULL) {
        server_complain(SERVER_USAGE,
                        "machine: which command? There are list, show, disable, enable, "
                        "replace, forget-clock and remove");
    } else if (command == NULL) {
        server_complain(SERVER_USAGE,
                        "'%.100s' is no command; there are list, show, disable, enable, replace, "
                        "forget-clock and remove",
                        arguments->command);
    } else if (is_list != (arguments->machine == NULL)) {
        server_complain(SERVER_USAGE,
                        is_list ? "machine list takes no machine; use machine show %.100s"
                                : "machine %.100s: which one? Give its name or id",
                        is_list ? arguments->machine : command->name);
        command = NULL;
    } else if (arguments->is_json && command->is_change) {
        server_complain(SERVER_USAGE, "--output is for list and show");
        command = NULL;
    } else if (arguments->has_ek && (!command->is_change || command->change != STORE_REPLACE)) {
        server_complain(SERVER_USAGE, "--ek is for replace");
        command = NULL;
    }
    return command;
}

/* ---- the machine ---- */

static int find_machine(struct store *store, const char *text, struct store_machine *ret)
{
    struct store_machine by_id;
    struct trail trail = {0};
    char id[STORE_ID_SIZE] = "";
    bool is_id, is_name;
    err_t err;

    /* As tokens write it, in capitals, an id is the same. */
    if (strlen(text) == STORE_ID_SIZE - 1) {
        for (size_t i = 0; i < STORE_ID_SIZE - 1; i++) {
            id[i] = (char)tolower((unsigned char)text[i]);
        }
    }
    err = store_machine_by_id(store, id, &trail, &by_id);
    is_id = err == ERR_OK;
    if (is_id || err == ERR_NOT_FOUND) {
        err = store_machine_by_name(store, text, &trail, ret);
    }
    is_name = err == ERR_OK;
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return fail(err, &trail);
    }
    if (is_id && is_name && strcmp(by_id.id, ret->id) != 0) {
        return server_complain(SERVER_NO,
                               "'%.100s' is the id of machine %s and the name of machine %s; "
                               "use the other of the two for the one you mean",
                               text, by_id.name, ret->id);
    }
    if (!is_id && !is_name) {
        return server_complain(
            SERVER_NO, "no machine has the name or id '%.100s'; see bootwarden-server machine list",
            text);
    }
    if (is_id) {
        *ret = by_id;
    }
    return SERVER_DONE;
}

/* The name of the uid; the audit is to be read by people. */
static const char *user_name(char text[STORE_WHO_MAX])
{
    const struct passwd *user = getpwuid(getuid());

    if (user != NULL) {
        text_escape(span_str(user->pw_name), text, STORE_WHO_MAX);
    } else {
        snprintf(text, STORE_WHO_MAX, "uid %lu", (unsigned long)getuid());
    }
    return text;
}

/* What the command has to say when the general words would be wrong; NULL else. */
static const char *special_words(const struct command *command, const struct arguments *arguments,
                                 const struct store_machine *machine, bool is_new)
{
    if (command->change == STORE_FORGET_CLOCK && machine->ak_name_len == 0) {
        return "has no attestation key since it was replaced, and so no clock: wait until a TPM "
               "has joined as it.";
    }
    if (command->change == STORE_REPLACE && arguments->has_ek && is_new) {
        return "has no attestation key any more: what that key proves is refused.\n"
               "Only the TPM with the endorsement key that was named becomes this machine, when it "
               "joins\n"
               "under this name, with a new key and the same id. Its records stay.";
    }
    if (command->change == STORE_REPLACE && is_new && machine->ak_name_len == 0) {
        return "waits for any trusted TPM that joins under this name, no longer for one that was "
               "named.";
    }
    return NULL;
}

/* First, or whoever has them has them at the next machine of this name. */
static int forget_roles(const struct arguments *arguments, const struct store_machine *machine)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct trail trail = {0};
    size_t n = 0;
    err_t err = arena == NULL ? ERR_MEMORY
                              : machine_forget_roles(arena, arguments->data, machine, &trail, &n);

    if (err) {
        return fail(err, &trail);
    }
    if (n > 0) {
        printf("%zu role%s that had been given at machine %s %s taken away.\n", n,
               n == 1 ? "" : "s", machine->name, n == 1 ? "is" : "are");
    }
    return SERVER_DONE;
}

static int change(struct store *store, const struct command *command,
                  const struct arguments *arguments, const struct store_machine *machine)
{
    struct trail trail = {0};
    char who[STORE_WHO_MAX], name[STORE_NAME_MAX + 1];
    const char *words;
    bool is_new = true;
    err_t err = arguments->has_ek
                    ? store_machine_replace(store, machine->id, arguments->ek, user_name(who),
                                            timestamp_now(), &trail, &is_new)
                    : store_machine_change(store, machine->id, command->change, user_name(who),
                                           timestamp_now(), &trail, &is_new);

    if (err == ERR_CONFLICT) {
        return server_complain(SERVER_NO, "machine %s stays as it is: %s", machine->name,
                               trail.what);
    }
    if (err == ERR_NOT_FOUND) {
        return server_complain(SERVER_NO, "machine %s is gone", machine->name);
    }
    if (err) {
        return fail(err, &trail);
    }
    text_escape(span_str(machine->name), name, sizeof(name));
    words = special_words(command, arguments, machine, is_new);
    if (words == NULL) {
        words = is_new ? command->done : command->was_done;
    }
    printf("machine %s (%s) %s%s%s\n", name, machine->id, words,
           is_new && command->change == STORE_DISABLE ? " " : "",
           is_new && command->change == STORE_DISABLE ? name : "");
    return SERVER_DONE;
}

static int run(struct store *store, const struct command *command,
               const struct arguments *arguments)
{
    struct store_machine machine;
    struct trail trail = {0};
    int code = SERVER_DONE;
    err_t err = ERR_OK;

    if (arguments->machine != NULL) {
        code = find_machine(store, arguments->machine, &machine);
    }
    if (code != SERVER_DONE) {
        return code;
    }
    if (command->is_change) {
        code = command->change == STORE_REMOVE ? forget_roles(arguments, &machine) : SERVER_DONE;
        code = code == SERVER_DONE ? change(store, command, arguments, &machine) : code;
    } else if (arguments->machine == NULL) {
        err = machine_list(store, arguments->is_json, &trail);
    } else {
        err = machine_show(store, &machine, arguments->is_json, &trail);
    }
    if (err) {
        return fail(err, &trail);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return server_complain(SERVER_FAILED, "standard output cannot be written");
    }
    return code;
}

int machine_command(int argc, char **argv)
{
    struct arguments arguments;
    const struct command *command;
    CLEANUP(store_close) struct store *store = NULL;
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct store_options options = {.is_tool = true};
    struct trail trail = {0};
    int code;
    err_t err;

    if (!read_arguments(argc, argv, &arguments, &code)) {
        return code;
    }
    command = check_arguments(&arguments);
    if (command == NULL) {
        return SERVER_USAGE;
    }
    options.path = arena == NULL ? NULL : arena_printf(arena, "%s/data.sqlite", arguments.data);
    err = options.path == NULL ? ERR_MEMORY : store_open(&options, &trail, &store);
    return err ? fail(err, &trail) : run(store, command, &arguments);
}
