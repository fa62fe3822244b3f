/*
 * reference.c - `bootwarden reference`: what this installation knows beforehand, and how old that
 * knowledge is.
 */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/reference-load.h"

#include <string.h>

enum { ARENA_BYTES = 256 * 1024 * 1024 };

static const char *const outputs[] = {"text", "json", NULL};

struct view {
    struct arena *arena;
    struct reference *reference;
    bool is_json;
    enum reference_kind kind; /* REFERENCE_KIND_COUNT: all */
    const char *const *words;
    size_t n_words;
};

static int print_json(const struct view *view, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    struct span text = json_write(view->arena, doc, root, true);

    if (text.data == NULL) {
        cli_complain("reference", "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

/* ---- list ---- */

static int list(const struct view *view)
{
    yyjson_mut_doc *doc = json_new(view->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_arr(doc);

    if (!view->is_json) {
        printf("%-16s %-12s %7s  %s\n", "KIND", "VERSION", "ENTRIES", "FILE");
    }
    for (enum reference_kind kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
        struct reference_info info = reference_info(view->reference, kind);

        if (view->is_json) {
            yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, root);

            json_add_text(doc, item, "kind", reference_kind_name(kind));
            json_add_text(doc, item, "version", info.version);
            json_add_uint(doc, item, "entries", info.n_entries);
            json_add_text(doc, item, "file", info.file);
            json_add_text(doc, item, "source", info.source);
        } else {
            char file[1024];

            text_escape(span_str(info.file), file, sizeof(file));
            printf("%-16s %-12s %7zu  %s\n", reference_kind_name(kind), info.version,
                   info.n_entries, file);
        }
    }
    return view->is_json ? print_json(view, doc, root) : EXIT_YES;
}

/* ---- show ---- */

static void print_value(yyjson_mut_val *value)
{
    size_t i;
    size_t n;
    yyjson_mut_val *item;

    if (yyjson_mut_is_arr(value)) {
        yyjson_mut_arr_foreach(value, i, n, item)
        {
            printf("%s%s", i > 0 ? ", " : "", yyjson_mut_get_str(item));
        }
    } else if (yyjson_mut_is_str(value)) {
        fputs(yyjson_mut_get_str(value), stdout);
    } else if (yyjson_mut_is_bool(value)) {
        fputs(yyjson_mut_get_bool(value) ? "yes" : "no", stdout);
    } else {
        printf("%llu", (unsigned long long)yyjson_mut_get_uint(value));
    }
    putchar('\n');
}

static void print_entry(enum reference_kind kind, yyjson_mut_val *entry, bool is_first)
{
    size_t i;
    size_t n;
    yyjson_mut_val *key;
    yyjson_mut_val *value;

    printf("%s%-14s %s\n", is_first ? "" : "\n", "kind", reference_kind_name(kind));
    yyjson_mut_obj_foreach(entry, i, n, key, value)
    {
        printf("%-14s ", yyjson_mut_get_str(key));
        print_value(value);
    }
}

/* Is it asked for? Marks the words that mean it. */
static bool is_wanted(const struct view *view, enum reference_kind kind, size_t index, bool *met)
{
    bool wanted = view->n_words == 0;

    for (size_t i = 0; i < view->n_words; i++) {
        if (reference_entry_is(view->reference, kind, index, view->words[i])) {
            wanted = met[i] = true;
        }
    }
    return wanted;
}

static int show(const struct view *view)
{
    bool met[OPTION_ARGUMENTS_MAX] = {false};
    yyjson_mut_doc *doc = json_new(view->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_arr(doc);
    size_t n_shown = 0;
    int code = EXIT_YES;

    for (enum reference_kind kind = 0; root != NULL && kind < REFERENCE_KIND_COUNT; kind++) {
        size_t n = reference_info(view->reference, kind).n_entries;

        for (size_t i = 0; i < n && (view->kind == REFERENCE_KIND_COUNT || view->kind == kind);
             i++) {
            yyjson_mut_val *entry;

            if (!is_wanted(view, kind, i, met)) {
                continue;
            }
            entry = reference_entry_json(view->arena, doc, view->reference, kind, i);
            if (view->is_json) {
                json_add_text(doc, entry, "kind", reference_kind_name(kind));
                yyjson_mut_arr_append(root, entry);
            } else {
                print_entry(kind, entry, n_shown == 0);
            }
            n_shown++;
        }
    }
    if (view->is_json || root == NULL) {
        code = print_json(view, doc, root);
    }
    for (size_t i = 0; code != EXIT_INTERNAL && i < view->n_words; i++) {
        if (!met[i]) {
            char word[256];

            text_escape(span_str(view->words[i]), word, sizeof(word));
            cli_complain("reference", "nothing is known of '%s'", word);
            code = EXIT_NO;
        }
    }
    return code;
}

static int run(struct view *view, const char *action)
{
    if (strcmp(action, "list") == 0) {
        if (view->n_words > 0 || view->kind != REFERENCE_KIND_COUNT) {
            cli_complain("reference",
                         "list takes no more words; see 'bootwarden reference --help'");
            return EXIT_USAGE;
        }
        return list(view);
    }
    if (view->n_words == 0 && view->kind == REFERENCE_KIND_COUNT) {
        cli_complain("reference", "show takes a NAME or DIGEST, or --kind");
        return EXIT_USAGE;
    }
    return show(view);
}

int cmd_reference(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    const char *kinds[REFERENCE_KIND_COUNT + 1] = {NULL};
    const char *folder = NULL;
    int kind = REFERENCE_KIND_COUNT;
    int output = 0;
    const struct option options[] = {
        {"kind", 'k', OPTION_CHOICE, "KIND", "only entries of this kind", &kind, kinds, 0},
        {"reference", 0, OPTION_TEXT, "DIR", "reference data of this folder", &folder, NULL, 0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
    };
    const struct option_set set = {
        .command = "reference",
        .arguments = "list | show [NAME | DIGEST]...",
        .description = "What is known beforehand of keys, images, SBAT levels and events.\n"
                       "list says which kinds there are and how new they are; show prints entries\n"
                       "by the beginning of a digest, a part of a name, a CVE.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = OPTION_ARGUMENTS_MAX,
        .notes = "Exit status: 0 shown, 1 nothing is known of a word, 2 wrong use, or the\n"
                 "reference data is missing or broken.",
    };
    struct option_result result;
    struct view view = {.arena = arena};
    int code = EXIT_YES;

    for (enum reference_kind k = 0; k < REFERENCE_KIND_COUNT; k++) {
        kinds[k] = reference_kind_name(k);
    }
    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    if (strcmp(result.arguments[0], "list") != 0 && strcmp(result.arguments[0], "show") != 0) {
        char word[128];

        text_escape(span_str(result.arguments[0]), word, sizeof(word));
        cli_complain("reference", "there is no '%s'; write list or show", word);
        return EXIT_USAGE;
    }
    if (arena == NULL) {
        cli_complain("reference", "out of memory");
        return EXIT_INTERNAL;
    }
    view.is_json = output == 1;
    view.kind = (enum reference_kind)kind;
    view.words = result.arguments + 1;
    view.n_words = result.n_arguments - 1;
    code = reference_load("reference", folder, &view.reference);
    code = code == EXIT_YES ? run(&view, result.arguments[0]) : code;
    reference_free(view.reference);
    return cli_finish("reference", NULL, code);
}
