/*
 * package-server.c - bootwarden package publish, list, stop, resume and withdraw.
 */
#include "cli/package.h"
#include "cli/vm.h"

#include <string.h>

static int print_packages(const struct online *online, yyjson_val *answer)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_val *values = json_get(answer, "value"), *one;
    size_t i, n;

    if (doc == NULL) {
        return online_out_of_memory(online);
    }
    if (online->is_json) {
        return online_print_json(online, doc, yyjson_val_mut_copy(doc, values));
    }
    if (yyjson_arr_size(values) == 0) {
        printf("no package is published\n");
    }
    yyjson_arr_foreach(values, i, n, one)
    {
        const char *why = vm_text(online, one, "why");

        if (i == 0) {
            printf("%-12s  %-16s  %-8s  %8s  %6s  %9s  %6s\n", "VERSION", "PLATFORM", "STATE",
                   "OFFERED", "TAKEN", "CONFIRMED", "FAILED");
        }
        printf("%-12s  %-16s  %-8s  %8llu  %6llu  %9llu  %6llu\n", vm_text(online, one, "version"),
               vm_text(online, one, "platform"), vm_text(online, one, "state"),
               (unsigned long long)yyjson_get_uint(json_get(one, "offered")),
               (unsigned long long)yyjson_get_uint(json_get(one, "taken")),
               (unsigned long long)yyjson_get_uint(json_get(one, "confirmed")),
               (unsigned long long)yyjson_get_uint(json_get(one, "failed")));
        if (why[0] != '\0') {
            printf("    %s\n", why);
        }
    }
    return EXIT_YES;
}

/* ---- list ---- */

int package_cmd_list(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const struct option options[] = {ONLINE_WHERE(online.where), ONLINE_OUTPUT(online.where)};
    const struct option_set set = {
        .command = "package list",
        .arguments = "",
        .description =
            "Packages of a server: how many machines have them, and why one was stopped.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .notes = "Exit status: 0 listed, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    yyjson_val *answer = NULL;
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = online_need_subscription(&online);
    code = code ? code
                : vm_ask(&online, "GET", vm_path(&online, "packages", NULL, ""), (struct span){0},
                         "listing packages", NULL, &answer);
    code = code ? code : print_packages(&online, answer);
    return online_finish(&online, code);
}

/* ---- publish ---- */

static int publish(struct online *online, const char *path, const char *key)
{
    struct online_request request = {.audience = ONLINE_MANAGEMENT,
                                     .method = "POST",
                                     .content_type = "application/octet-stream",
                                     .look_with = "bootwarden package list"};
    yyjson_mut_doc *doc = json_new(online->arena);
    struct online_answer answer = {0};
    struct package_file file;
    int code = package_file_read(online->command, online->arena, path, &file);

    if (code == EXIT_YES && file.fault != NULL) {
        cli_complain(online->command, "%s: %s", online_show(online, span_str(path)), file.fault);
        code = EXIT_NO;
    }
    if (code == EXIT_YES && key != NULL) {
        code = package_file_verify(online->command, online->arena, path, &file, key);
    }
    code = code ? code : online_need_subscription(online);
    if (code != EXIT_YES) {
        return code;
    }
    request.path = vm_path(online, "packages", NULL, "");
    request.body = file.bytes;
    if (request.path == NULL || doc == NULL) {
        return online_out_of_memory(online);
    }
    code = online_ask(online, &request, "publishing", &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return online_print_json(online, doc, yyjson_val_mut_copy(doc, answer.json));
    }
    printf("%s for %s is published; machines with automatic upgrade on get it in waves\n",
           file.package.version_text, file.package.platform);
    if (key == NULL) {
        printf("its signature was not looked at: --key names the public keys of the machines\n");
    }
    return EXIT_YES;
}

int package_cmd_publish(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *key = NULL;
    const struct option options[] = {
        {"key", 0, OPTION_TEXT, "PUB.pem", "publish only what one of these keys signed", &key, NULL,
         0},
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "package publish",
        .arguments = "FILE",
        .description =
            "Hand a package to a server. Machines with automatic upgrade on are offered it\n"
            "in waves, a fifth of them at most at one time; the first that fails stops it.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 published, 1 the package is not good, 2 wrong use, 3 the service\n"
                 "refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = publish(&online, online.words.arguments[0], key);
    return online_finish(&online, code);
}

/* ---- one version ---- */

static const struct simple {
    const char *command, *method, *rest, *description;
} simple[] = {
    {"package stop", "POST", ":stop",
     "Offer the version to nobody else. Who has fetched it already goes on."},
    {"package resume", "POST", ":resume",
     "Go on offering the version. Machines that failed with it do not get it again, and what\n"
     "they say of it stops it no more."},
    {"package withdraw", "DELETE", "",
     "Remove the version from the server. Machines that run it go on running it."},
};
enum verb { STOP, RESUME, WITHDRAW };

static int change(struct online *online, const struct simple *verb, const char *version,
                  const char *platform)
{
    yyjson_val *answer = NULL;
    const char *rest = verb->rest;
    int code = online_need_subscription(online);

    if (platform != NULL) {
        const char *encoded = online_encode(online->arena, span_str(platform));

        rest = encoded == NULL ? NULL
                               : arena_printf(online->arena, "%s?platform=%s", verb->rest, encoded);
    }
    if (rest == NULL) {
        return online_out_of_memory(online);
    }
    code = code ? code
                : vm_ask(online, verb->method, vm_path(online, "packages", version, rest),
                         strcmp(verb->method, "POST") == 0 ? span_str("{}") : (struct span){0},
                         version, "bootwarden package list", &answer);
    return code ? code : print_packages(online, answer);
}

static int run(enum verb which, int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *platform = NULL;
    const struct option options[] = {
        {"platform", 0, OPTION_TEXT, "P", "of this platform alone", &platform, NULL, 0},
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = simple[which].command,
        .arguments = "VERSION",
        .description = simple[which].description,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = change(&online, &simple[which], online.words.arguments[0], platform);
    return online_finish(&online, code);
}

int package_cmd_stop(int argc, char **argv)
{
    return run(STOP, argc, argv);
}

int package_cmd_resume(int argc, char **argv)
{
    return run(RESUME, argc, argv);
}

int package_cmd_withdraw(int argc, char **argv)
{
    return run(WITHDRAW, argc, argv);
}
