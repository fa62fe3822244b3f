/*
 * vm-join.c - bootwarden vm joins, announce, admit, reject, withdraw: who may become a machine.
 */
#include "cli/vm.h"

#include "base/text.h"

#include <string.h>

enum { DAYS_MAX = 366, USES_MAX = 10000 };

/* Whom an announcement is for. */
static const char *expected(const struct online *online, yyjson_val *announced)
{
    if (json_text(json_get(announced, "name")) != NULL) {
        return vm_text(online, announced, "name");
    }
    return json_text(json_get(announced, "ekDigest")) != NULL ? "the machine with this TPM"
                                                              : "any machine that has this token";
}

/* ---- the list ---- */

static void print_announced(const struct online *online, yyjson_val *list)
{
    yyjson_val *one;
    size_t i, n;

    yyjson_arr_foreach(list, i, n, one)
    {
        if (i == 0) {
            printf("announced\n");
        }
        printf(
            "  %-24s until %s, by %s; %s\n", vm_text(online, one, "reference"),
            vm_text(online, one, "expires"), vm_text(online, one, "by"),
            json_text(json_get(one, "ekDigest")) == NULL
                ? arena_printf(online->arena, "whoever shows its token, %llu left",
                               (unsigned long long)yyjson_get_uint(json_get(one, "uses")))
                : arena_printf(online->arena, "EK %s%s", vm_text(online, one, "ekDigest"),
                               yyjson_is_true(json_get(one, "hasToken")) ? " with its token" : ""));
    }
}

static void print_waiting(const struct online *online, yyjson_val *list)
{
    yyjson_val *one;
    size_t i, n;

    yyjson_arr_foreach(list, i, n, one)
    {
        const char *maker = vm_text(online, one, "maker");

        if (i == 0) {
            printf("waiting\n");
        }
        printf("  %-24s %s since %s, last %s\n", vm_text(online, one, "name"),
               yyjson_is_true(json_get(one, "rejected")) ? "rejected," : "asks",
               vm_text(online, one, "firstAsked"), vm_text(online, one, "lastAsked"));
        printf("      EK %s\n", vm_text(online, one, "ekDigest"));
        printf("      %s%s\n",
               strcmp(maker, "-") == 0
                   ? "nobody vouches for its TPM: compare the digest with the hypervisor's"
                   : "its TPM was made by ",
               strcmp(maker, "-") == 0 ? "" : maker);
    }
}

static void print_left_out(yyjson_val *lists, const char *member, const char *what)
{
    uint64_t n = yyjson_get_uint(json_get(lists, member));

    if (n > 0) {
        printf("  and %llu more %s, not shown\n", (unsigned long long)n, what);
    }
}

static int joins(struct online *online)
{
    yyjson_val *lists = NULL;
    yyjson_mut_doc *doc = json_new(online->arena);
    int code = online_need_subscription(online);

    code = code ? code
                : vm_ask(online, "GET", vm_path(online, "joins", NULL, ""), (struct span){0},
                         "listing joins", NULL, &lists);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return doc == NULL ? online_out_of_memory(online)
                           : online_print_json(online, doc, yyjson_val_mut_copy(doc, lists));
    }
    print_announced(online, json_get(lists, "announced"));
    print_left_out(lists, "announcedLeftOut", "announced");
    print_waiting(online, json_get(lists, "waiting"));
    print_left_out(lists, "waitingLeftOut", "that wait");
    if (yyjson_arr_size(json_get(lists, "announced")) +
            yyjson_arr_size(json_get(lists, "waiting")) ==
        0) {
        printf("nobody is announced, and nobody waits\n");
    }
    return EXIT_YES;
}

int vm_cmd_joins(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const struct option options[] = {ONLINE_WHERE(online.where), ONLINE_OUTPUT(online.where)};
    const struct option_set set = {
        .command = "vm joins",
        .arguments = "",
        .description = "Machines that are announced, and guests that asked to join and wait.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .notes = "Exit status: 0 listed, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = joins(&online);
    return online_finish(&online, code);
}

/* ---- announcing ---- */

struct announcement {
    const char *name, *ek;
    bool with_token;
    struct option_numbers days, uses;
};

static struct span announcement_body(const struct online *online, const struct announcement *a)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return (struct span){0};
    }
    if (a->name != NULL) {
        json_add_text(doc, root, "name", a->name);
    }
    if (a->ek != NULL) {
        json_add_text(doc, root, "ekDigest", a->ek);
    }
    if (a->with_token) {
        json_add_bool(doc, root, "token", true);
    }
    if (a->days.n > 0) {
        json_add_uint(doc, root, "validDays", a->days.items[a->days.n - 1]);
    }
    if (a->uses.n > 0) {
        json_add_uint(doc, root, "uses", a->uses.items[a->uses.n - 1]);
    }
    return json_write(online->arena, doc, root, false);
}

static int announce(struct online *online, const struct announcement *announcement)
{
    yyjson_val *answer = NULL;
    yyjson_mut_doc *doc = json_new(online->arena);
    struct span body = announcement_body(online, announcement);
    const char *token;
    int code = body.data == NULL || doc == NULL ? online_out_of_memory(online)
                                                : online_need_subscription(online);

    code = code ? code
                : vm_ask(online, "POST", vm_path(online, "joins", NULL, ":announce"), body,
                         "the announcement", "bootwarden vm joins", &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        return online_print_json(online, doc, yyjson_val_mut_copy(doc, answer));
    }
    token = vm_text(online, answer, "token");
    printf("%s is announced until %s\n", expected(online, answer),
           vm_text(online, answer, "expires"));
    if (strcmp(token, "-") != 0) {
        printf("join token, shown this once: %s\n"
               "On the machine it belongs into a file that nobody but the agent reads (mode 0640,\n"
               "root:bootwarden-agent), which /etc/bootwarden/agent.conf names:\n"
               "  join-token-file = /etc/bootwarden/join-token\n",
               token);
    } else {
        printf("Its TPM is enough: no token is needed.\n");
    }
    return EXIT_YES;
}

int vm_cmd_announce(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    struct announcement announcement = {0};
    const struct option options[] = {
        {"ek", 0, OPTION_TEXT, "SHA256-HEX",
         "only the TPM whose endorsement key has this digest; needs no token then",
         &announcement.ek, NULL, 0},
        {"token", 0, OPTION_FLAG, NULL, "with --ek: a token as well, and both are needed",
         &announcement.with_token, NULL, 0},
        {"valid-days", 0, OPTION_COUNT, "N", "how long (default: 7)", &announcement.days, NULL,
         DAYS_MAX},
        {"uses", 0, OPTION_COUNT, "N", "a token for so many machines, without NAME",
         &announcement.uses, NULL, USES_MAX},
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "vm announce",
        .arguments = "[NAME]",
        .description = "Keep a place for a machine that will join: it is let in when it shows the\n"
                       "token that is printed once, or when its TPM is the one that is named.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    announcement.name = online.words.n_arguments > 0 ? online.words.arguments[0] : NULL;
    code = announce(&online, &announcement);
    return online_finish(&online, code);
}

/* ---- deciding ---- */

struct decision {
    const char *command, *method, *rest, *description, *done;
    bool takes_name;
};

static int decide(struct online *online, const struct decision *decision, const char *who,
                  const char *name)
{
    yyjson_val *answer = NULL;
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span body = {0};
    int code = root == NULL ? online_out_of_memory(online) : online_need_subscription(online);

    if (code == EXIT_YES && strcmp(decision->method, "POST") == 0) {
        if (name != NULL) {
            json_add_text(doc, root, "name", name);
        }
        body = json_write(online->arena, doc, root, false);
    }
    code = code ? code
                : vm_ask(online, decision->method, vm_path(online, "joins", who, decision->rest),
                         body, who, "bootwarden vm joins", &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (online->is_json) {
        doc = json_new(online->arena);
        return doc == NULL ? online_out_of_memory(online)
                           : online_print_json(online, doc, yyjson_val_mut_copy(doc, answer));
    }
    /* Under which name it is let in, which may not be what it was looked for by. */
    printf("%s: %s\n",
           decision->takes_name ? vm_text(online, answer, "name")
                                : online_show(online, span_str(who)),
           decision->done);
    return EXIT_YES;
}

static int run_decision(const struct decision *decision, int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *name = NULL;
    const struct option with_name[] = {
        {"name", 0, OPTION_TEXT, "NAME", "what the machine is called (default: as it wished)",
         &name, NULL, 0},
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = decision->command,
        .arguments = "NAME-OR-EK-DIGEST",
        .description = decision->description,
        .options = with_name + (decision->takes_name ? 0 : 1),
        .n_options = ARRAY_LEN(with_name) - (decision->takes_name ? 0 : 1),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 done, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = decide(&online, decision, online.words.arguments[0], name);
    return online_finish(&online, code);
}

int vm_cmd_admit(int argc, char **argv)
{
    static const struct decision admit = {
        "vm admit",
        "POST",
        ":admit",
        "Let a guest in that asked and waits: the very pair of keys that it proved. It becomes a\n"
        "machine when its agent asks again.",
        "it becomes a machine when its agent asks again",
        true};

    return run_decision(&admit, argc, argv);
}

int vm_cmd_reject(int argc, char **argv)
{
    static const struct decision reject = {
        "vm reject",
        "POST",
        ":reject",
        "Tell a guest that waits that it is not wanted. It stays in the list while it asks.",
        "it is told that it is not wanted",
        false};

    return run_decision(&reject, argc, argv);
}

int vm_cmd_withdraw(int argc, char **argv)
{
    static const struct decision withdraw = {
        "vm withdraw",
        "DELETE",
        "",
        "Take an announcement back: its token is good no more.",
        "no longer announced",
        false};

    return run_decision(&withdraw, argc, argv);
}
