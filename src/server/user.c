#include "server/user.h"

#include "crypto/secret.h"
#include "server/directory.h"
#include "server/exit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const char usage[] =
    "usage: bootwarden-server user list [--output table|json] [--data DIR]\n"
    "       bootwarden-server user add NAME@DOMAIN [--name TEXT] [--data DIR]\n"
    "       bootwarden-server user password NAME@DOMAIN [--data DIR]\n"
    "       bootwarden-server user disable|enable|remove NAME@DOMAIN [--data DIR]\n"
    "\n"
    "People who sign in at the built-in identity provider of DIR (default: ./bootwarden-data). "
    "add\n"
    "and password read the password from the terminal, or one line of standard input. A running\n"
    "server sees a change within a second.\n";

/* ---- passwords ---- */

/* One line without its end; false when there is none, or when it is too long. */
static bool read_line(char *text, size_t size)
{
    size_t n = 0;
    int c;

    while ((c = getchar()) != EOF && c != '\n') {
        if (n + 1 == size) {
            return false;
        }
        text[n++] = (char)c;
    }
    if (n > 0 && text[n - 1] == '\r') {
        n--;
    }
    text[n] = '\0';
    return n > 0;
}

/* Typed, and not shown. */
static bool ask(const char *prompt, char *text, size_t size)
{
    struct termios before, silent;
    sigset_t signals, old;
    bool is_read;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return false;
    }
    /* Who stops the command here must not be left with a terminal that shows nothing. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTSTP);
    sigaddset(&signals, SIGQUIT);
    sigprocmask(SIG_BLOCK, &signals, &old);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs(prompt, stderr);
    is_read = read_line(text, size);
    fputs("\n", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return is_read;
}

static int read_password(char password[PASSWORD_MAX_BYTES + 2])
{
    char again[PASSWORD_MAX_BYTES + 2] = "";
    int code = SERVER_DONE;

    setvbuf(stdin, NULL, _IONBF, 0); /* no copy of it in a buffer that is not wiped */
    if (!isatty(STDIN_FILENO)) {
        return read_line(password, PASSWORD_MAX_BYTES + 2)
                   ? SERVER_DONE
                   : server_complain(SERVER_USAGE,
                                     "standard input: one line with the password is expected, of "
                                     "at most %d bytes",
                                     PASSWORD_MAX_BYTES);
    }
    if (!ask("Password: ", password, PASSWORD_MAX_BYTES + 2) ||
        !ask("Again: ", again, PASSWORD_MAX_BYTES + 2) || strcmp(password, again) != 0) {
        code = server_complain(SERVER_USAGE, "no password, or not the same one twice");
    }
    secret_wipe(span_of(again, sizeof(again)));
    return code;
}

static int set_password(struct user *user)
{
    char password[PASSWORD_MAX_BYTES + 2] = "";
    struct trail trail = {0};
    int code = read_password(password);

    if (code == SERVER_DONE) {
        err_t err = user_set_password(user, span_str(password), &trail);

        code = err ? server_fail(err, &trail) : SERVER_DONE;
    }
    secret_wipe(span_of(password, sizeof(password)));
    return code;
}

/* ---- showing ---- */

static int show_json(struct directory *directory)
{
    yyjson_mut_doc *doc = json_new(directory->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;

    if (root == NULL) {
        return server_fail(ERR_MEMORY, NULL);
    }
    json_add_text(doc, root, "tenant", principals_tenant(directory->principals));
    list = json_add_array(doc, root, "users");
    for (size_t i = 0; i < principals_user_count(directory->principals); i++) {
        const struct user *user = principals_user_at(directory->principals, i);
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "userPrincipalName", user->upn);
        json_add_text(doc, item, "displayName", user->name);
        json_add_text(doc, item, "objectId", user->object_id);
        json_add_bool(doc, item, "disabled", user->is_disabled);
    }
    return directory_print(directory, doc, root);
}

static int run_list(struct directory *directory)
{
    if (directory->is_json) {
        return show_json(directory);
    }
    printf("%-36s  %-8s  %-30s  %s\n", "OBJECT ID", "STATE", "USER", "NAME");
    for (size_t i = 0; i < principals_user_count(directory->principals); i++) {
        const struct user *user = principals_user_at(directory->principals, i);

        printf("%-36s  %-8s  %-30s  %s\n", user->object_id,
               user->is_disabled ? "disabled" : "enabled", user->upn, user->name);
    }
    return SERVER_DONE;
}

/* ---- changing ---- */

static int write_user(struct directory *directory, const struct user *user)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    struct trail trail = {0};
    err_t err = principals_with_user(directory->principals, user, &trail, &changed);

    return err ? server_fail(err, &trail)
               : directory_write(directory, changed,
                                 arena_printf(directory->arena, "/users/%s", user->upn));
}

static bool find(const struct directory *directory, struct user *ret)
{
    const struct user *known =
        principals_user_find(directory->principals, span_str(directory->words[0]));

    if (known == NULL) {
        server_complain(SERVER_NO, "there is no user '%.113s'; see bootwarden-server user list",
                        directory->words[0]);
        return false;
    }
    *ret = *known;
    return true;
}

static int run_add(struct directory *directory)
{
    struct trail trail = {0};
    struct user made = {0};
    err_t err;
    int code;

    if (directory->is_managed || directory->certificate != NULL) {
        return server_complain(SERVER_USAGE, "--managed and --certificate are for principals");
    }
    if (principals_user_find(directory->principals, span_str(directory->words[0])) != NULL) {
        return server_complain(SERVER_NO, "there is a user %.113s already", directory->words[0]);
    }
    err = user_new(directory->words[0], directory->name, &trail, &made);
    code = err ? server_fail(err, &trail) : set_password(&made);
    code = code != SERVER_DONE ? code : write_user(directory, &made);
    if (code == SERVER_DONE) {
        printf("user       %s\nobject id  %s\ntenant     %s\n", made.upn, made.object_id,
               principals_tenant(directory->principals));
    }
    return code;
}

static int run_password(struct directory *directory)
{
    struct user user;
    int code = find(directory, &user) ? set_password(&user) : SERVER_NO;

    code = code != SERVER_DONE ? code : write_user(directory, &user);
    if (code == SERVER_DONE) {
        printf("user %s has a new password; refresh tokens of the old one are refused.\n",
               user.upn);
    }
    return code;
}

static int set_disabled(struct directory *directory, bool is_disabled)
{
    struct user user;
    int code;

    if (!find(directory, &user)) {
        return SERVER_NO;
    }
    user.is_disabled = is_disabled;
    code = write_user(directory, &user);
    if (code == SERVER_DONE) {
        printf("user %s is %s\n", user.upn,
               is_disabled ? "disabled; tokens that it has are refused from now on." : "enabled.");
    }
    return code;
}

static int run_disable(struct directory *directory)
{
    return set_disabled(directory, true);
}

static int run_enable(struct directory *directory)
{
    return set_disabled(directory, false);
}

static int run_remove(struct directory *directory)
{
    CLEANUP(principals_free) struct principals *changed = NULL;
    struct user gone;
    err_t err;
    int code;

    if (!find(directory, &gone)) {
        return SERVER_NO;
    }
    err = principals_without_user(directory->principals, span_str(gone.upn), &changed);
    code = err ? server_fail(err, NULL)
               : directory_write(directory, changed,
                                 arena_printf(directory->arena, "/users/%s", gone.upn));
    if (code == SERVER_DONE) {
        printf("user %s is removed; tokens that it has are refused from now on.\n", gone.upn);
    }
    return code;
}

int user_command(int argc, char **argv)
{
    static const struct directory_command commands[] = {
        {"list", 0, "nothing more", true, false, run_list},
        {"add", 1, "a user name", false, true, run_add},
        {"password", 1, "a user name", false, true, run_password},
        {"disable", 1, "a user name", false, true, run_disable},
        {"enable", 1, "a user name", false, true, run_enable},
        {"remove", 1, "a user name", false, true, run_remove},
    };
    struct directory directory = {.noun = "user", .usage = usage};

    return directory_main(&directory, commands, ARRAY_LEN(commands), argc, argv);
}
