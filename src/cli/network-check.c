/*
 * network-check.c - bootwarden network check: is a file a network security group?
 */
#include "cli/network.h"

#include "base/text.h"
#include "cli/cli.h"

enum { SHOWN_MAX = 512 };

struct check {
    struct arena *arena;
    const struct network_world *world; /* NULL: service tags are not asked about */
    yyjson_mut_doc *doc;               /* of JSON; else NULL */
    yyjson_mut_val *files;
};

static void tell(const struct check *c, const char *path, const struct nsg *nsg, err_t err,
                 const struct network_fault *fault, const struct trail *trail)
{
    char name[SHOWN_MAX], words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    yyjson_mut_val *object, *errors;

    trail_format(trail, err, words, sizeof(words));
    if (c->doc == NULL) {
        text_escape(span_str(path), name, sizeof(name));
        if (err) {
            cli_complain("network", "%s: %s [%s]", name, words, fault->code);
        } else {
            printf("%s: valid, %s with %zu rules\n", name, nsg->name, nsg->n_rules);
        }
        return;
    }
    object = yyjson_mut_arr_add_obj(c->doc, c->files);
    json_add_span(c->doc, object, "file", span_str(path));
    json_add_bool(c->doc, object, "valid", err == ERR_OK);
    errors = json_add_array(c->doc, object, "errors");
    if (err) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(c->doc, errors);

        json_add_text(c->doc, one, "code", fault->code);
        json_add_text(c->doc, one, "target", fault->target);
        json_add_text(c->doc, one, "where", trail->where);
        json_add_text(c->doc, one, "message", words);
    }
}

static int check(const struct check *c, const char *path)
{
    struct network_fault fault = {.code = "InvalidRequestFormat"};
    struct trail trail = {0};
    const struct nsg *nsg = NULL;
    err_t err = ERR_OK;
    int code = network_load_nsg("network", c->arena, path, &fault, &trail, &err, &nsg);

    if (code != EXIT_YES) {
        return code;
    }
    if (!err && c->world != NULL) {
        err = world_check(c->world, nsg, &fault, &trail);
    }
    tell(c, path, nsg, err, &fault, &trail);
    return err ? EXIT_NO : EXIT_YES;
}

static int check_all(struct check *c, const struct option_result *words, const char *tags_path)
{
    const struct address_set none = {0};
    const struct service_tags *tags = NULL;
    int code = network_load_tags("network", c->arena, tags_path, &tags), worst = EXIT_YES;

    if (code == EXIT_YES && tags != NULL &&
        world_new(c->arena, &none, &none, tags, NULL, 0, &c->world) != ERR_OK) {
        code = cli_fail("network", "rules", ERR_MEMORY, NULL);
    }
    for (size_t i = 0; i < words->n_arguments && code == EXIT_YES; i++) {
        int one = check(c, words->arguments[i]);

        worst = one > worst ? one : worst;
    }
    return code == EXIT_YES ? worst : code;
}

int network_cmd_check(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(NETWORK_ARENA_BYTES);
    struct check c = {.arena = arena};
    const char *tags = NULL;
    int output = 0;
    const struct option options[] = {
        {"tags", 0, OPTION_TEXT, "FILE", "service tags, of which rules may name no others", &tags,
         NULL, 0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, network_outputs, 0},
    };
    const struct option_set set = {
        .command = "network check",
        .arguments = "FILE...",
        .description = "Is this a network security group? What is wrong is named by rule, field\n"
                       "and what to write instead.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = OPTION_ARGUMENTS_MAX,
        .notes = "Exit status: 0 all are, 1 one is not, 2 wrong use or unreadable file.",
    };
    struct option_result words;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &words, &code)) {
        return code;
    }
    if (arena == NULL || (output == 1 && (c.doc = json_new(arena)) == NULL)) {
        cli_complain("network", "out of memory");
        return EXIT_INTERNAL;
    }
    c.files = c.doc == NULL ? NULL : yyjson_mut_arr(c.doc);
    code = check_all(&c, &words, tags);
    if (c.doc != NULL && (code == EXIT_YES || code == EXIT_NO)) {
        int printed = network_print_json(arena, c.doc, c.files);

        code = printed == EXIT_YES ? code : printed;
    }
    return cli_finish("network", arena, code);
}
