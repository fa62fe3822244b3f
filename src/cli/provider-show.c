/*
 * provider-show.c - bootwarden provider list and show.
 */
#include "cli/provider.h"

#include "base/buf.h"

#include <string.h>

enum { COLUMNS = 5, ROWS_MAX = 65536, TAGS_MAX_BYTES = 64 * 1024 };

/* ---- one ---- */

static const char *property(const struct online *online, yyjson_val *resource, const char *name)
{
    struct span text = json_span(json_get(json_get(resource, "properties"), name));

    return text.data == NULL ? "-" : online_show(online, text);
}

static const char *member(const struct online *online, yyjson_val *object, const char *name)
{
    struct span text = json_span(json_get(object, name));

    return text.data == NULL ? "-" : online_show(online, text);
}

static void print_line(const char *name, const char *value, const char *remark)
{
    printf("  %-22s %s%s\n", name, value, remark);
}

static void print_tags(const struct online *online, yyjson_val *tags)
{
    CLEANUP(buf_done) struct buf text = {0};
    yyjson_val *key, *value;
    size_t i, n;

    buf_init(&text, TAGS_MAX_BYTES);
    yyjson_obj_foreach(tags, i, n, key, value)
    {
        buf_addf(&text, "%s%s=%s", i > 0 ? ", " : "", online_show(online, json_span(key)),
                 online_show(online, json_span(value)));
    }
    if (text.len > 0) {
        print_line("tags", buf_cstr(&text), "");
    }
}

static void print_text(const struct online *online, yyjson_val *resource)
{
    const char *trust = property(online, resource, "trustModel");
    const char *tpm = property(online, resource, "tpmAttestationAuthentication");
    const char *access = property(online, resource, "publicNetworkAccess");
    const char *group = provider_group(online, resource);
    yyjson_val *times = json_get(resource, "systemData");

    printf("%s\n", member(online, resource, "name"));
    print_line("address", property(online, resource, "attestUri"), "");
    print_line("location", member(online, resource, "location"), "");
    print_line("resource group", group[0] == '\0' ? "none" : group,
               group[0] == '\0' ? ": shared by everybody, changed by nobody" : "");
    print_line("trust model", trust,
               strcmp(trust, "Isolated") == 0 ? ": policies must be signed by its signers"
                                              : ": policies need no signature");
    print_line("TPM authentication", tpm,
               strcmp(tpm, "Disabled") == 0 ? ": TPM evidence is taken from anybody"
                                            : ": who sends TPM evidence must sign in");
    print_line("public network access", access,
               strcmp(access, "Disabled") == 0 ? ": its address answers nobody" : "");
    print_line("status", property(online, resource, "status"), "");
    print_tags(online, json_get(resource, "tags"));
    if (json_get(times, "createdAt") != NULL) {
        print_line("created", member(online, times, "createdAt"), "");
        print_line("changed", member(online, times, "lastModifiedAt"), "");
    }
    print_line("id", member(online, resource, "id"), "");
}

int provider_print(const struct online *online, yyjson_val *resource)
{
    yyjson_mut_doc *doc;

    if (!online->is_json) {
        print_text(online, resource);
        return EXIT_YES;
    }
    doc = json_new(online->arena);
    return doc == NULL ? online_out_of_memory(online)
                       : online_print_json(online, doc, yyjson_val_mut_copy(doc, resource));
}

int provider_cmd_show(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider show",
        .arguments = "NAME",
        .description = "What the service says of a provider, also of a shared one.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 shown, 2 wrong use, 3 there is none, or the service refuses or is "
                 "not reachable.",
    };
    struct provider_target target;
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = provider_find(&online, online.words.arguments[0], group, false, &target);
    code = code ? code : provider_print(&online, target.resource);
    return online_finish(&online, code);
}

/* ---- all ---- */

struct rows {
    const char *(*items)[COLUMNS];
    size_t n, width[COLUMNS];
};

static void add_row(struct rows *rows, const char *const cells[COLUMNS])
{
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t len = strlen(cells[c]);

        rows->items[rows->n][c] = cells[c];
        rows->width[c] = len > rows->width[c] ? len : rows->width[c];
    }
    rows->n++;
}

static void print_rows(const struct rows *rows)
{
    for (size_t r = 0; r < rows->n; r++) {
        for (size_t c = 0; c + 1 < COLUMNS; c++) {
            printf("%-*s  ", (int)rows->width[c], rows->items[r][c]);
        }
        printf("%s\n", rows->items[r][COLUMNS - 1]);
    }
}

static void add_resources(const struct online *online, yyjson_val *list, struct rows *rows)
{
    yyjson_val *item;
    size_t i, n;

    yyjson_arr_foreach(list, i, n, item)
    {
        const char *group = provider_group(online, item);
        const char *const cells[COLUMNS] = {
            member(online, item, "name"),          member(online, item, "location"),
            group[0] == '\0' ? "(shared)" : group, property(online, item, "trustModel"),
            property(online, item, "attestUri"),
        };

        add_row(rows, cells);
    }
}

static int print_table(const struct online *online, yyjson_val *shared, yyjson_val *own)
{
    static const char *const heads[COLUMNS] = {"NAME", "LOCATION", "GROUP", "TRUST", "ADDRESS"};
    size_t n = yyjson_arr_size(shared) + yyjson_arr_size(own) + 1;
    struct rows rows = {0};

    rows.items = n > ROWS_MAX ? NULL : arena_calloc(online->arena, n, sizeof(*rows.items));
    if (rows.items == NULL) {
        return online_out_of_memory(online);
    }
    add_row(&rows, heads);
    add_resources(online, shared, &rows);
    add_resources(online, own, &rows);
    print_rows(&rows);
    return EXIT_YES;
}

static int print_lists(const struct online *online, yyjson_val *shared, yyjson_val *own)
{
    yyjson_val *const lists[] = {shared, own};
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_arr(doc);
    yyjson_val *item;
    size_t i, n;

    for (size_t l = 0; root != NULL && l < ARRAY_LEN(lists); l++) {
        yyjson_arr_foreach(lists[l], i, n, item)
        {
            if (!yyjson_mut_arr_append(root, yyjson_val_mut_copy(doc, item))) {
                return online_out_of_memory(online);
            }
        }
    }
    return root == NULL ? online_out_of_memory(online) : online_print_json(online, doc, root);
}

static int fetch(struct online *online, const char *path, yyjson_val **ret)
{
    const struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "GET", .path = provider_versioned(online, path)};
    struct online_answer answer = {0};
    int code = online_ask(online, &request, "listing providers", &answer);

    if (code == EXIT_YES) {
        *ret = json_get(answer.json, "value");
        if (!yyjson_is_arr(*ret)) {
            return online_distrust(online, "listing providers: the answer is no list", ERR_OK,
                                   NULL);
        }
    }
    return code;
}

static int list(struct online *online, const char *group)
{
    yyjson_val *shared = NULL, *own = NULL;
    const char *subscription;
    int code = online_need_subscription(online);

    code = code ? code : provider_check_group(online, group);
    if (code == EXIT_YES && group == NULL) {
        subscription = online_encode(online->arena, span_str(online->subscription));
        code = subscription == NULL
                   ? online_out_of_memory(online)
                   : fetch(online,
                           arena_printf(online->arena,
                                        "/subscriptions/%s/providers/Microsoft.Attestation/"
                                        "defaultProviders",
                                        subscription),
                           &shared);
    }
    code = code ? code : fetch(online, provider_path(online, group), &own);
    if (code != EXIT_YES) {
        return code;
    }
    return online->is_json ? print_lists(online, shared, own) : print_table(online, shared, own);
}

int provider_cmd_list(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {
        {"group", 'g', OPTION_TEXT, "GROUP", "only those of this resource group", &group, NULL, 0},
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider list",
        .arguments = "",
        .description = "The shared providers that everybody signed in may use, and those of the\n"
                       "subscription.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .notes = "Exit status: 0 listed, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = list(&online, group);
    return online_finish(&online, code);
}
