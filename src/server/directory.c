#include "server/directory.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/hash.h"
#include "identity/files.h"
#include "server/options.h"
#include "service/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { ARENA_BYTES = 32 * 1024 * 1024, WHO_MAX = 64 };

/* ---- arguments ---- */

static int set_option(struct directory *directory, int which)
{
    switch (which) {
    case 'd':
        directory->data = optarg;
        return SERVER_DONE;
    case 'o':
        directory->is_json = strcmp(optarg, "json") == 0;
        return directory->is_json || strcmp(optarg, "table") == 0
                   ? SERVER_DONE
                   : server_complain(SERVER_USAGE, "--output must be table or json");
    case 'm':
        directory->is_managed = true;
        return SERVER_DONE;
    case 'c':
        directory->certificate = optarg;
        return SERVER_DONE;
    case 'n':
        directory->name = optarg;
        return SERVER_DONE;
    default:
        return server_complain(SERVER_USAGE, "see bootwarden-server %s --help", directory->noun);
    }
}

/* False ends the program with *ret_exit. */
static bool read_arguments(struct directory *directory, int argc, char **argv, int *ret_exit)
{
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"managed", no_argument, NULL, 'm'},
                                            {"certificate", required_argument, NULL, 'c'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int which;

    while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (which == 'h') {
            fputs(directory->usage, stdout);
            *ret_exit = SERVER_DONE;
            return false;
        }
        *ret_exit = set_option(directory, which);
        if (*ret_exit != SERVER_DONE) {
            return false;
        }
    }
    directory->command = optind < argc ? argv[optind++] : "";
    for (; optind < argc; optind++) {
        if (directory->n_words == DIRECTORY_WORDS) {
            *ret_exit = server_complain(SERVER_USAGE, "'%.100s' is not expected; see %s --help",
                                        argv[optind], directory->noun);
            return false;
        }
        directory->words[directory->n_words++] = argv[optind];
    }
    return true;
}

static const struct directory_command *find_command(const struct directory *directory,
                                                    const struct directory_command *commands,
                                                    size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct directory_command *one = &commands[i];

        if (strcmp(directory->command, one->name) != 0) {
            continue;
        }
        if (directory->n_words != one->n_words) {
            server_complain(SERVER_USAGE, "%s %s needs %s", directory->noun, one->name, one->needs);
            return NULL;
        }
        if (directory->is_json && !one->has_output) {
            server_complain(SERVER_USAGE, "%s %s takes no --output", directory->noun, one->name);
            return NULL;
        }
        if ((directory->is_managed || directory->certificate != NULL || directory->name != NULL) &&
            strcmp(one->name, "add") != 0) {
            server_complain(SERVER_USAGE, "--managed, --certificate and --name are for add");
            return NULL;
        }
        return one;
    }
    if (directory->command[0] != '\0') {
        server_complain(SERVER_USAGE, "%s: there is no '%.100s'; see bootwarden-server %s --help",
                        directory->noun, directory->command, directory->noun);
        return NULL;
    }
    server_complain(SERVER_USAGE, "%s: which command? See bootwarden-server %s --help",
                    directory->noun, directory->noun);
    return NULL;
}

/* ---- the document ---- */

/* Two commands at a time would lose the change of one. */
static int lock(struct directory *directory)
{
    const char *path = arena_printf(directory->arena, "%s/identity/lock", directory->data);

    if (path == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    directory->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (directory->lock_fd < 0 || flock(directory->lock_fd, LOCK_EX) != 0) {
        return server_complain(
            errno == ENOENT ? SERVER_USAGE : SERVER_FAILED,
            "%s: %s; --data must name the folder of a server with its own identity "
            "provider",
            path, strerror(errno));
    }
    return SERVER_DONE;
}

static int load(struct directory *directory)
{
    struct trail trail = {0};
    err_t err = files_principals(directory->arena, directory->data, &trail, &directory->principals);

    if (err == ERR_NOT_FOUND) {
        return server_complain(
            SERVER_USAGE,
            "%s/identity/principals.json: does not exist; --data must name the folder "
            "of a server with its own identity provider",
            directory->data);
    }
    return err ? server_fail(err, &trail) : SERVER_DONE;
}

static const char *user_name(char text[WHO_MAX])
{
    const struct passwd *user = getpwuid(getuid());

    if (user != NULL) {
        text_escape(span_str(user->pw_name), text, WHO_MAX);
    } else {
        snprintf(text, WHO_MAX, "uid %lu", (unsigned long)getuid());
    }
    return text;
}

static err_t write_audited(struct directory *directory, const struct principals *changed,
                           const char *scope, struct trail *trail)
{
    CLEANUP(audit_close) struct audit *audit = NULL;
    const char *path = arena_printf(directory->arena, "%s/audit.log", directory->data);
    const char *action =
        arena_printf(directory->arena, "%s %s", directory->noun, directory->command);
    char who[WHO_MAX];
    struct audit_entry entry = {
        .time = timestamp_now(),
        .name = user_name(who),
        .peer = "command line",
        .action = action,
        .scope = scope,
    };
    err_t err = path == NULL || action == NULL || scope == NULL
                    ? ERR_MEMORY
                    : audit_open(path, NULL, trail, &audit);

    err = err ? err : audit_begin(audit, &entry, trail);
    if (err) {
        return err;
    }
    err = files_write_principals(directory->arena, directory->data, changed, trail);
    entry.reason = err_name(err);
    audit_finish(audit, &entry);
    return err;
}

int directory_write(struct directory *directory, const struct principals *changed,
                    const char *scope)
{
    struct trail trail = {0};
    err_t err = write_audited(directory, changed, scope, &trail);

    return err ? server_fail(err, &trail) : SERVER_DONE;
}

int directory_print(struct directory *directory, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    struct span text = json_write(directory->arena, doc, root, true);

    if (text.data == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    printf("%.*s\n", (int)text.len, (const char *)text.data);
    return SERVER_DONE;
}

/* ---- the program ---- */

static int run(struct directory *directory, const struct directory_command *command)
{
    int code = command->changes ? lock(directory) : SERVER_DONE;

    code = code != SERVER_DONE ? code : load(directory);
    code = code != SERVER_DONE ? code : command->run(directory);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return server_complain(SERVER_FAILED, "standard output cannot be written");
    }
    return code;
}

int directory_main(struct directory *directory, const struct directory_command *commands, size_t n,
                   int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    const struct directory_command *command;
    int code = SERVER_FAILED;

    directory->arena = arena;
    directory->data = "bootwarden-data";
    directory->lock_fd = -1;
    if (!read_arguments(directory, argc, argv, &code)) {
        return code;
    }
    command = find_command(directory, commands, n);
    if (command == NULL) {
        return SERVER_USAGE;
    }
    code = arena == NULL || crypto_init() != ERR_OK ? server_fail(ERR_MEMORY, NULL)
                                                    : run(directory, command);
    principals_free(directory->principals);
    if (directory->lock_fd >= 0) {
        close(directory->lock_fd);
    }
    return code;
}
