#include "server/principal.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "identity/files.h"
#include "server/options.h"
#include "service/audit.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { ARENA_BYTES = 4 * 1024 * 1024, WHO_MAX = 64 };

static const char usage[] =
    "usage: bootwarden-server principal list [--output table|json] [--data DIR]\n"
    "       bootwarden-server principal add NAME [--output table|json] [--data DIR]\n"
    "       bootwarden-server principal new-secret CLIENT-ID [--output table|json] [--data DIR]\n"
    "       bootwarden-server principal remove CLIENT-ID [--data DIR]\n"
    "\n"
    "Service principals of the built-in identity provider of DIR (default: ./bootwarden-data).\n"
    "A secret is shown once, when it is made. A running server sees a change within a second.\n";

struct run {
    struct arena *arena;
    const char *command, *subject, *data;
    bool is_json;
    int lock_fd;
    struct principals *principals;
    struct principal changed;
    char secret[PRINCIPAL_SECRET_SIZE];
};

/* ---- arguments ---- */

/* False ends the program with *ret_exit. */
static bool read_arguments(int argc, char **argv, struct run *run, int *ret_exit)
{
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int which, left;

    *ret_exit = SERVER_USAGE;
    while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (which) {
        case 'd':
            run->data = optarg;
            break;
        case 'o':
            run->is_json = strcmp(optarg, "json") == 0;
            if (!run->is_json && strcmp(optarg, "table") != 0) {
                server_complain(SERVER_USAGE, "--output must be table or json");
                return false;
            }
            break;
        case 'h':
            fputs(usage, stdout);
            *ret_exit = SERVER_DONE;
            return false;
        default:
            server_complain(SERVER_USAGE, "see bootwarden-server principal --help");
            return false;
        }
    }
    left = argc - optind;
    run->command = left > 0 ? argv[optind] : "";
    run->subject = left > 1 ? argv[optind + 1] : NULL;
    if (left > 2) {
        server_complain(SERVER_USAGE,
                        "'%.100s' is not expected; see bootwarden-server principal --help",
                        argv[optind + 2]);
        return false;
    }
    return true;
}

static bool check_arguments(const struct run *run)
{
    static const struct {
        const char *name, *needs;
    } commands[] = {{"list", NULL},
                    {"add", "a name"},
                    {"new-secret", "a client id"},
                    {"remove", "a client id"}};

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(run->command, commands[i].name) != 0) {
            continue;
        }
        if ((commands[i].needs == NULL) != (run->subject == NULL)) {
            server_complain(SERVER_USAGE, "principal %s needs %s", run->command,
                            commands[i].needs == NULL ? "nothing more" : commands[i].needs);
            return false;
        }
        if (run->is_json && strcmp(run->command, "remove") == 0) {
            server_complain(SERVER_USAGE, "--output is for list, add and new-secret");
            return false;
        }
        return true;
    }
    server_complain(SERVER_USAGE,
                    "principal: which command? There are list, add, new-secret and remove");
    return false;
}

/* ---- showing ---- */

static int print(struct run *run, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    struct span text = json_write(run->arena, doc, root, true);

    if (text.data == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    printf("%.*s\n", (int)text.len, (const char *)text.data);
    return SERVER_DONE;
}

static void add_principal(yyjson_mut_doc *doc, yyjson_mut_val *object,
                          const struct principal *principal)
{
    json_add_text(doc, object, "name", principal->name);
    json_add_text(doc, object, "clientId", principal->client_id);
    json_add_text(doc, object, "objectId", principal->object_id);
}

static int show_all(struct run *run)
{
    yyjson_mut_doc *doc = json_new(run->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    size_t n = principals_count(run->principals);

    if (root == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    if (run->is_json) {
        json_add_text(doc, root, "tenant", principals_tenant(run->principals));
        list = json_add_array(doc, root, "principals");
        for (size_t i = 0; i < n; i++) {
            add_principal(doc, yyjson_mut_arr_add_obj(doc, list),
                          principals_at(run->principals, i));
        }
        return print(run, doc, root);
    }
    printf("tenant %s\n", principals_tenant(run->principals));
    if (n > 0) {
        printf("%-36s  %-36s  %s\n", "CLIENT ID", "OBJECT ID", "NAME");
    }
    for (size_t i = 0; i < n; i++) {
        const struct principal *principal = principals_at(run->principals, i);

        printf("%-36s  %-36s  %s\n", principal->client_id, principal->object_id, principal->name);
    }
    return SERVER_DONE;
}

static int show_secret(struct run *run)
{
    yyjson_mut_doc *doc = json_new(run->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    if (run->is_json) {
        json_add_text(doc, root, "tenant", principals_tenant(run->principals));
        add_principal(doc, root, &run->changed);
        json_add_text(doc, root, "secret", run->secret);
        return print(run, doc, root);
    }
    printf("tenant     %s\nclient id  %s\nobject id  %s\nsecret     %s\n",
           principals_tenant(run->principals), run->changed.client_id, run->changed.object_id,
           run->secret);
    return SERVER_DONE;
}

/* ---- changing ---- */

/* Two commands at a time would lose the change of one. */
static int lock(struct run *run)
{
    const char *path = arena_printf(run->arena, "%s/identity/lock", run->data);

    if (path == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    run->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (run->lock_fd < 0 || flock(run->lock_fd, LOCK_EX) != 0) {
        return server_complain(
            errno == ENOENT ? SERVER_USAGE : SERVER_FAILED,
            "%s: %s; --data must name the folder of a server with its own identity "
            "provider",
            path, strerror(errno));
    }
    return SERVER_DONE;
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

/* The change in memory; the caller writes it. */
static err_t prepare(struct run *run, struct trail *trail, struct principals **ret)
{
    const struct principal *known;
    err_t err;

    if (strcmp(run->command, "add") == 0) {
        err = principal_new(run->subject, trail, &run->changed, run->secret);
        return err ? err : principals_with(run->principals, &run->changed, trail, ret);
    }
    known = principals_find(run->principals, span_str(run->subject));
    if (known == NULL) {
        return trail_set(trail, ERR_NOT_FOUND,
                         "no principal has the client id '%.60s'; see bootwarden-server principal "
                         "list",
                         run->subject);
    }
    run->changed = *known;
    if (strcmp(run->command, "remove") == 0) {
        return principals_without(run->principals, span_str(run->subject), ret);
    }
    err = principal_renew(&run->changed, run->secret);
    return err ? err : principals_with(run->principals, &run->changed, trail, ret);
}

static err_t write_audited(struct run *run, const struct principals *changed, struct trail *trail)
{
    CLEANUP(audit_close) struct audit *audit = NULL;
    const char *path = arena_printf(run->arena, "%s/audit.log", run->data);
    const char *action = arena_printf(run->arena, "principal %s", run->command);
    char who[WHO_MAX];
    struct audit_entry entry = {
        .time = timestamp_now(),
        .name = user_name(who),
        .peer = "command line",
        .action = action,
        .scope = arena_printf(run->arena, "/principals/%s", run->changed.client_id),
    };
    err_t err = path == NULL || action == NULL ? ERR_MEMORY : audit_open(path, NULL, trail, &audit);

    err = err ? err : audit_begin(audit, &entry, trail);
    if (err) {
        return err;
    }
    err = files_write_principals(run->arena, run->data, changed, trail);
    entry.reason = err_name(err);
    audit_finish(audit, &entry);
    return err;
}

static int change(struct run *run)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    struct trail trail = {0};
    err_t err = prepare(run, &trail, &changed);

    if (err == ERR_NOT_FOUND) {
        return server_complain(SERVER_NO, "%s", trail.what);
    }
    err = err ? err : write_audited(run, changed, &trail);
    if (err) {
        return server_fail(err, &trail);
    }
    if (strcmp(run->command, "remove") == 0) {
        printf("principal %s (%s) is removed; tokens that it has are refused from now on.\n",
               run->changed.name, run->changed.client_id);
        return SERVER_DONE;
    }
    return show_secret(run);
}

static int work(struct run *run)
{
    struct trail trail = {0};
    bool is_list = strcmp(run->command, "list") == 0;
    int code = is_list ? SERVER_DONE : lock(run);
    err_t err;

    if (code != SERVER_DONE) {
        return code;
    }
    err = files_principals(run->arena, run->data, &trail, &run->principals);
    if (err == ERR_NOT_FOUND) {
        return server_complain(
            SERVER_USAGE,
            "%s/identity/principals.json: does not exist; --data must name the folder "
            "of a server with its own identity provider",
            run->data);
    }
    if (err) {
        return server_fail(err, &trail);
    }
    code = is_list ? show_all(run) : change(run);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return server_complain(SERVER_FAILED, "standard output cannot be written");
    }
    return code;
}

int principal_command(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct run run = {.arena = arena, .data = "bootwarden-data", .lock_fd = -1};
    int code = SERVER_FAILED;

    if (!read_arguments(argc, argv, &run, &code)) {
        return code;
    }
    if (!check_arguments(&run)) {
        return SERVER_USAGE;
    }
    code = arena == NULL || crypto_init() != ERR_OK ? server_fail(ERR_MEMORY, NULL) : work(&run);
    principals_free(run.principals);
    secret_wipe(span_of(run.secret, sizeof(run.secret)));
    if (run.lock_fd >= 0) {
        close(run.lock_fd);
    }
    return code;
}
