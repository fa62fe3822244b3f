/*
 * vm-show.c - bootwarden vm show.
 */
#include "cli/vm.h"

#include "base/text.h"

#include <string.h>

enum { MODULES_SHOWN = 20, LIST_MAX_BYTES = 4096 };

/* Reasons that are changes are shown as those. */
static void print_reasons(const struct online *online, yyjson_val *reasons)
{
    size_t shown = 0;
    yyjson_val *reason;
    size_t i, n;

    yyjson_arr_foreach(reasons, i, n, reason)
    {
        const char *remedy = vm_text(online, reason, "remedy");

        if (span_starts(json_span(json_get(reason, "code")), "change-")) {
            continue;
        }
        if (shown++ == 0) {
            printf("\nreasons\n");
        }
        printf("  %s: %s\n", vm_text(online, reason, "code"), vm_text(online, reason, "text"));
        if (strcmp(remedy, "-") != 0 && remedy[0] != '\0') {
            printf("      %s\n", remedy);
        }
    }
}

/* Times of ISO 8601 sort as texts. */
static bool was_approved(const struct online *online, yyjson_val *machine)
{
    const char *learned = vm_text(online, json_get(machine, "baseline"), "learned");

    return strcmp(learned, "-") != 0 &&
           strcmp(learned, vm_text(online, json_get(machine, "proof"), "time")) > 0;
}

static void print_changes(const struct online *online, yyjson_val *machine)
{
    yyjson_val *changes = json_get(json_get(json_get(machine, "proof"), "appraisal"), "changes");
    /* Approval is advice where it is possible. */
    bool can_approve = span_is(json_span(json_get(machine, "state")), "changed");
    yyjson_val *change;
    size_t i, n;

    yyjson_arr_foreach(changes, i, n, change)
    {
        bool is_explained = yyjson_is_true(json_get(change, "explained"));

        if (i == 0) {
            printf("\nchanged against the baseline%s\n",
                   was_approved(online, machine) ? " before this one, and approved" : "");
        }
        printf("  %s%s: %s\n", vm_text(online, change, "code"), is_explained ? " (explained)" : "",
               vm_text(online, change, "text"));
        if (is_explained || can_approve) {
            printf("      %s\n", vm_text(online, change, "explanation"));
        }
    }
}

void vm_print_changes(const struct online *online, yyjson_val *machine)
{
    print_reasons(online, json_get(json_get(machine, "proof"), "reasons"));
    print_changes(online, machine);
}

static void print_history(const struct online *online, yyjson_val *history)
{
    yyjson_val *change;
    size_t i, n;

    yyjson_arr_foreach(history, i, n, change)
    {
        const char *why = vm_plain(vm_text(online, change, "why"));

        if (i == 0) {
            printf("\nhistory\n");
        }
        printf("  %s  %s -> %s%s%s\n", vm_text(online, change, "time"),
               vm_text(online, change, "from"), vm_text(online, change, "to"),
               why[0] != '\0' ? ": " : "", why);
    }
}

static void print_status(const struct online *online, yyjson_val *said)
{
    yyjson_val *status = json_get(said, "status"), *item;
    size_t i, n;

    if (status == NULL) {
        return;
    }
    printf("\nextension\n");
    vm_line("status", vm_text(online, status, "status"));
    vm_line("message", vm_plain(vm_text(online, json_get(status, "formattedMessage"), "message")));
    yyjson_arr_foreach(json_get(status, "substatus"), i, n, item)
    {
        const char *message = vm_text(online, json_get(item, "formattedMessage"), "message");

        printf("  %-16s %s: %s\n", vm_text(online, item, "name"), vm_text(online, item, "status"),
               message);
    }
}

/* One more word of a list: "a, b". What a machine sends may be any number of words. */
static void add_word(struct buf *list, const char *word)
{
    buf_addf(list, "%s%s", list->len > 0 ? ", " : "", word);
}

static void print_list(const char *name, const struct buf *list, const char *if_empty)
{
    vm_line(name, buf_err(list)   ? "more than can be shown; see --output json"
                  : list->len > 0 ? buf_cstr(list)
                                  : if_empty);
}

/* "OOT_MODULE, UNSIGNED_MODULE (12288)" */
static void print_taints(const struct online *online, yyjson_val *said)
{
    CLEANUP(buf_done) struct buf list = {0};
    uint64_t number = yyjson_get_uint(json_get(said, "Tainted"));
    yyjson_val *word;
    size_t i, n;

    buf_init(&list, LIST_MAX_BYTES);
    yyjson_arr_foreach(json_get(said, "TaintedBy"), i, n, word)
    {
        add_word(&list, online_show(online, json_span(word)));
    }
    if (number > 0) {
        buf_addf(&list, " (%llu)", (unsigned long long)number);
    }
    print_list("tainted", &list, "no");
}

/* The kernel found no good signature (letter E), or the file has none. */
static bool is_unsigned(yyjson_val *module)
{
    struct span letters = json_span(json_get(module, "Taints"));

    return (letters.len > 0 && memchr(letters.data, 'E', letters.len) != NULL) ||
           (yyjson_is_null(json_get(module, "Signer")) && json_get(module, "Unread") == NULL);
}

static void print_unsigned(const struct online *online, yyjson_val *modules)
{
    CLEANUP(buf_done) struct buf list = {0};
    size_t found = 0;
    yyjson_val *module;
    size_t i, n;

    buf_init(&list, LIST_MAX_BYTES);
    yyjson_arr_foreach(modules, i, n, module)
    {
        if (is_unsigned(module) && found++ < MODULES_SHOWN) {
            add_word(&list, vm_text(online, module, "Name"));
        }
    }
    if (found > MODULES_SHOWN) {
        buf_addf(&list, " and %zu more", found - MODULES_SHOWN);
    }
    print_list("unsigned modules", &list, "none");
}

/* Nothing of this is proven: it is what the machine says of itself. */
static void print_system(const struct online *online, yyjson_val *said)
{
    yyjson_val *modules = json_get(said, "Modules");

    if (!yyjson_is_obj(said)) {
        return;
    }
    printf("\nsystem, by its own word\n");
    vm_line("OS", vm_text(online, said, "OsName"));
    vm_line("kernel", vm_text(online, said, "KernelRelease"));
    vm_line("lockdown", vm_text(online, said, "Lockdown"));
    if (yyjson_is_uint(json_get(said, "Tainted"))) {
        print_taints(online, said);
    }
    if (yyjson_is_arr(modules)) {
        print_unsigned(online, modules);
    }
}

static void print_text(const struct online *online, yyjson_val *machine)
{
    yyjson_val *baseline = json_get(machine, "baseline");
    const char *why = vm_plain(vm_text(online, machine, "why"));
    const char *advice = vm_text(online, machine, "advice");

    printf("%s is %s\n", vm_text(online, machine, "name"), vm_text(online, machine, "state"));
    if (why[0] != '\0') {
        vm_line("why", why);
    }
    if (advice[0] != '\0') {
        vm_line("what to do", advice);
    }
    vm_line("since", vm_text(online, machine, "since"));
    vm_line("last verdict", vm_text(online, machine, "verdict"));
    vm_line("proven", vm_text(online, machine, "provenAt"));
    vm_line("judged by", vm_text(online, machine, "provider"));
    if (strcmp(vm_text(online, machine, "doubt"), "-") != 0) {
        vm_line("last proof", vm_text(online, machine, "doubt"));
    }
    vm_line("heard", vm_text(online, machine, "heardAt"));
    vm_line("agent", vm_text(online, machine, "agentVersion"));
    if (yyjson_is_obj(json_get(machine, "upgrade"))) {
        yyjson_val *upgrade = json_get(machine, "upgrade");
        const char *words = vm_text(online, upgrade, "why");

        vm_line("upgrade",
                arena_printf(online->arena, "%s %s%s%s", vm_text(online, upgrade, "version"),
                             vm_text(online, upgrade, "state"), words[0] != '\0' ? ": " : "",
                             words));
    }
    vm_line("joined", vm_text(online, machine, "joined"));
    vm_line("baseline", vm_text(online, baseline, "learned"));
    if (strcmp(vm_text(online, baseline, "waitsForApproval"), "-") != 0) {
        vm_line("waits", arena_printf(online->arena,
                                      "the boot of %s, for: bootwarden vm approve %s --change %.8s",
                                      vm_text(online, baseline, "waitsForApproval"),
                                      vm_text(online, machine, "name"),
                                      vm_text(online, baseline, "change")));
    }
    vm_line("id", vm_text(online, machine, "id"));
    vm_line("EK digest", vm_text(online, machine, "ekDigest"));
    vm_print_changes(online, machine);
    print_system(online, json_get(machine, "guestFacts"));
    print_status(online, json_get(machine, "extensionStatus"));
    print_history(online, json_get(machine, "history"));
}

int vm_print(const struct online *online, yyjson_val *machine)
{
    yyjson_mut_doc *doc;

    if (!online->is_json) {
        print_text(online, machine);
        return EXIT_YES;
    }
    doc = json_new(online->arena);
    return doc == NULL ? online_out_of_memory(online)
                       : online_print_json(online, doc, yyjson_val_mut_copy(doc, machine));
}

/* ---- one that has not joined ---- */

static int get(struct online *online, const char *path, struct online_answer *ret)
{
    const struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "GET", .path = path};

    return path == NULL ? online_out_of_memory(online) : online_call(online, &request, ret);
}

/* NULL: nobody of this name is, or who asks may not know. */
static yyjson_val *find_announced(struct online *online, const char *name)
{
    struct online_answer answer = {0};
    yyjson_val *one;
    size_t i, n;

    if (get(online, vm_path(online, "joins", NULL, ""), &answer) != EXIT_YES ||
        answer.status != 200) {
        return NULL;
    }
    yyjson_arr_foreach(json_get(answer.json, "announced"), i, n, one)
    {
        if (text_span_equal_nocase(json_span(json_get(one, "name")), name)) {
            return one;
        }
    }
    return NULL;
}

/* Its members behind the state, where there is no machine yet. */
static int print_waiting_json(const struct online *online, yyjson_val *value, const char *state)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *shown = doc == NULL ? NULL : yyjson_val_mut_copy(doc, value);

    json_add_text(doc, shown, "state", state);
    return shown == NULL ? online_out_of_memory(online) : online_print_json(online, doc, shown);
}

/* What a resource is told to do that nobody announced a guest for, or not with a token. */
static const char *need_token(const struct online *online, const struct vm_resource *resource)
{
    return arena_printf(online->arena,
                        "start the agent in its guest with a join token: bootwarden vm token %s -g "
                        "%s makes one",
                        resource->name, resource->group);
}

/* resource: whose guest it is to be; NULL: of none, or nobody knows of which. */
static int print_announced(const struct online *online, yyjson_val *announced,
                           const struct vm_resource *resource)
{
    const char *name = vm_text(online, announced, "name");
    bool has_token = yyjson_is_true(json_get(announced, "hasToken"));

    if (online->is_json) {
        return print_waiting_json(online, announced, "announced");
    }
    printf("%s is announced, and has not joined\n", name);
    vm_line("joins with", has_token ? "the token of its announcement" : "its TPM");
    vm_line("what to do",
            !has_token ? "start the agent in its guest"
            : resource != NULL
                ? arena_printf(online->arena,
                               "start the agent in its guest with the token; for another token: "
                               "bootwarden vm token %s -g %s",
                               resource->name, resource->group)
                : arena_printf(online->arena,
                               "start the agent in its guest with the token; for another token: "
                               "bootwarden vm token %s -g GROUP when az or a template made it, "
                               "else bootwarden vm withdraw %s and announce it again",
                               name, name));
    vm_line("until", vm_text(online, announced, "expires"));
    if (json_get(announced, "by") != NULL) {
        vm_line("announced by", vm_text(online, announced, "by"));
    }
    if (json_text(json_get(announced, "ekDigest")) != NULL) {
        vm_line("EK digest", vm_text(online, announced, "ekDigest"));
    }
    return EXIT_YES;
}

/* ---- the guest of a resource ---- */

/* All that its owner's role shows, where the machine itself may not be seen. */
static int print_integrity(const struct online *online, const struct vm_resource *resource)
{
    static const char *const members[][2] = {
        {"why", "why"},         {"advice", "what to do"}, {"since", "since"},
        {"provenAt", "proven"}, {"heardAt", "heard"},     {"agentVersion", "agent"},
        {"joined", "joined"},   {"machine", "id"},        {"ekDigest", "EK digest"}};

    if (online->is_json) {
        yyjson_mut_doc *doc = json_new(online->arena);

        return doc == NULL
                   ? online_out_of_memory(online)
                   : online_print_json(online, doc, yyjson_val_mut_copy(doc, resource->integrity));
    }
    printf("%s is %s\n", vm_text(online, resource->integrity, "name"),
           vm_text(online, resource->integrity, "state"));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *text = vm_plain(vm_text(online, resource->integrity, members[i][0]));

        if (text[0] != '\0' && strcmp(text, "-") != 0) {
            vm_line(members[i][1], text);
        }
    }
    fprintf(stderr, "More of it is seen with the right Bootwarden.Monitor/machines/read.\n");
    return EXIT_YES;
}

static int print_not_joined(const struct online *online, const struct vm_resource *resource)
{
    if (span_is(json_span(json_get(resource->integrity, "binding")), "Announced")) {
        return print_announced(online, resource->integrity, resource);
    }
    if (online->is_json) {
        return print_waiting_json(online, resource->integrity, "not-joined");
    }
    printf("%s has not joined\n", resource->name);
    vm_line("what to do", need_token(online, resource));
    vm_line("id", vm_text(online, resource->integrity, "machine"));
    return EXIT_YES;
}

static int verdict(int code, yyjson_val *of)
{
    return code == EXIT_YES && !span_is(json_span(json_get(of, "state")), "healthy") ? EXIT_NO
                                                                                     : code;
}

/* What the resource says of a machine that is not monitored names the group and what to type. */
static yyjson_val *in_its_terms(const struct online *online, const struct vm_resource *resource,
                                yyjson_val *machine)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *copy = doc == NULL ? NULL : yyjson_val_mut_copy(doc, machine);
    yyjson_val *said = machine;
    struct span text;

    if (copy == NULL || !span_is(json_span(json_get(machine, "state")), "not-applicable")) {
        return machine;
    }
    for (size_t i = 0; i < 2; i++) {
        static const char *const members[] = {"why", "advice"};
        struct span words = json_span(json_get(resource->integrity, members[i]));

        if (words.data != NULL) {
            (void)yyjson_mut_obj_remove_key(copy, members[i]);
            json_add_span(doc, copy, members[i], words);
        }
    }
    text = json_write(online->arena, doc, copy, false);
    return text.data == NULL || json_read(online->arena, text, NULL, NULL, &said) != ERR_OK
               ? machine
               : said;
}

static int show_resource(struct online *online, const struct vm_resource *resource)
{
    const char *id = vm_text(online, resource->integrity, "machine");
    struct online_answer answer = {0};
    int code;

    if (!resource->has_joined) {
        code = print_not_joined(online, resource);
        return code == EXIT_YES ? EXIT_NO : code;
    }
    code = get(online, vm_path(online, "machines", id, ""), &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (answer.status == 403) {
        return verdict(print_integrity(online, resource), resource->integrity);
    }
    if (answer.status != 200) {
        return online_refused(online, arena_printf(online->arena, "showing %s", resource->name),
                              &answer, NULL);
    }
    if (!vm_resource_is(resource, json_text(json_get(answer.json, "id")))) {
        return online_distrust(online, "the answer is another machine", ERR_OK, NULL);
    }
    return verdict(vm_print(online, in_its_terms(online, resource, answer.json)), answer.json);
}

/* ---- the command ---- */

/* There is no machine of this name: a virtual machine may be, whose guest is to join yet. */
static int show_missing(struct online *online, const char *name,
                        const struct online_answer *missing)
{
    struct vm_resources list;
    yyjson_val *announced;
    int code = vm_resources_named(online, name, &list);

    if (code == EXIT_YES && list.n == 1) {
        return show_resource(online, &list.at[0]);
    }
    for (size_t i = 0; code == EXIT_YES && i < list.n; i++) {
        vm_tell_apart(online, &list.at[i]);
    }
    if (code != EXIT_YES || list.n > 1) {
        return code == EXIT_YES ? EXIT_NO : code;
    }
    announced = find_announced(online, name);
    if (announced == NULL) {
        return online_refused(online, arena_printf(online->arena, "showing %s", name), missing,
                              list.is_unknown ? "of a virtual machine with the same name, say -g "
                                                "GROUP"
                                              : NULL);
    }
    code = print_announced(online, announced, NULL);
    return code == EXIT_YES ? EXIT_NO : code;
}

static int show(struct online *online, const char *group, const char *name)
{
    struct online_answer answer = {0};
    struct vm_resource resource;
    bool is_clear = true;
    int code = online_need_subscription(online);

    if (code == EXIT_YES && group != NULL) {
        code = vm_resource_get(online, group, name, &resource);
        return code == EXIT_YES ? show_resource(online, &resource) : code;
    }
    code = code ? code : get(online, vm_path(online, "machines", name, ""), &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (answer.status == 404) {
        return show_missing(online, name, &answer);
    }
    if (answer.status != 200) {
        return online_refused(online, arena_printf(online->arena, "showing %s", name), &answer,
                              NULL);
    }
    code = vm_check_name(online, name, answer.json, &is_clear);
    code = code ? code : verdict(vm_print(online, answer.json), answer.json);
    return code == EXIT_YES && !is_clear ? EXIT_NO : code;
}

int vm_cmd_show(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {VM_GROUP(group), ONLINE_WHERE(online.where),
                                     ONLINE_OUTPUT(online.where)};
    const struct option_set set = {
        .command = "vm show",
        .arguments = "NAME",
        .description = "How a machine is and why, what changed, what its agent says.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 healthy, 1 in another state, not joined yet, or a virtual machine "
                 "of this\n"
                 "name is another one, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = show(&online, group, online.words.arguments[0]);
    return online_finish(&online, code);
}
