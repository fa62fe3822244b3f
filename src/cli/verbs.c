#include "cli/verbs.h"

#include "base/nearest.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

enum { TYPED_MAX = 128, SHOWN_MAX = 160, GROUP_MAX = 32 };

static void print_help(FILE *out, const struct verb_set *set)
{
    fprintf(out, "usage: bootwarden %s VERB [OPTION]... [ARGUMENT]...\n\n%s\n\nVerbs:\n",
            set->command, set->description);
    for (size_t i = 0; i < set->n_verbs; i++) {
        fprintf(out, "  %-14s %s\n", set->verbs[i].name, set->verbs[i].help);
    }
    fprintf(out,
            "\n%s\n`bootwarden %s VERB --help` explains a verb, bootwarden-%s(1) all of them.\n",
            set->notes, set->command, set->command);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* How many words of the command line a verb is; 0: it is another. argv[1] is there. */
static int words_of(const char *verb, int argc, char **argv)
{
    const char *space = strchr(verb, ' ');
    size_t len = space == NULL ? strlen(verb) : (size_t)(space - verb);

    if (strncmp(verb, argv[1], len) != 0 || argv[1][len] != '\0') {
        return 0;
    }
    if (space == NULL) {
        return 1;
    }
    return argc > 2 && strcmp(space + 1, argv[2]) == 0 ? 2 : 0;
}

/* Is the verb one of the group `word`? */
static bool is_in_group(const char *verb, const char *word)
{
    size_t len = strlen(word);

    return strncmp(verb, word, len) == 0 && verb[len] == ' ';
}

static bool is_group(const struct verb_set *set, const char *word)
{
    for (size_t i = 0; i < set->n_verbs; i++) {
        if (is_in_group(set->verbs[i].name, word)) {
            return true;
        }
    }
    return false;
}

static int refuse_unknown(const struct verb_set *set, const char *typed)
{
    const char *names[2 * VERBS_MAX];
    char groups[VERBS_MAX][GROUP_MAX];
    const char *nearest;
    char shown[SHOWN_MAX];
    size_t n = 0;

    for (size_t i = 0; i < set->n_verbs; i++) {
        const char *name = set->verbs[i].name, *space = strchr(name, ' ');

        if (space != NULL) {
            snprintf(groups[i], sizeof(groups[i]), "%.*s", (int)(space - name), name);
            names[n++] = groups[i];
        }
        names[n++] = name;
    }
    nearest = nearest_word(typed, names, n);
    text_escape(span_str(typed), shown, sizeof(shown));
    if (nearest != NULL) {
        cli_complain(set->command, "there is no '%s'; did you mean '%s'?", shown, nearest);
    } else {
        cli_complain(set->command, "there is no '%s'; see 'bootwarden %s --help'", shown,
                     set->command);
    }
    return EXIT_USAGE;
}

/* "extension needs a verb: show, set; ..." */
static int refuse_lone_group(const struct verb_set *set, const char *group)
{
    char list[TYPED_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < set->n_verbs; i++) {
        const char *name = set->verbs[i].name;

        if (is_in_group(name, group) && len < sizeof(list)) {
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len > 0 ? ", " : "",
                                    name + strlen(group) + 1);
        }
    }
    cli_complain(set->command, "%s needs a verb: %s; see 'bootwarden %s --help'", group, list,
                 set->command);
    return EXIT_USAGE;
}

int verbs_run(const struct verb_set *set, int argc, char **argv)
{
    char typed[TYPED_MAX];

    assert(set->n_verbs <= VERBS_MAX);
    if (argc < 2) {
        print_help(stderr, set);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < set->n_verbs; i++) {
        int words = words_of(set->verbs[i].name, argc, argv);

        if (words > 0) {
            return set->verbs[i].run(argc - words, argv + words);
        }
    }
    if (is_help(argv[1]) || (is_group(set, argv[1]) && argc > 2 && is_help(argv[2]))) {
        print_help(stdout, set);
        return cli_finish(set->command, NULL, EXIT_YES);
    }
    if (!is_group(set, argv[1])) {
        return refuse_unknown(set, argv[1]);
    }
    if (argc == 2) {
        return refuse_lone_group(set, argv[1]);
    }
    snprintf(typed, sizeof(typed), "%s %.60s", argv[1], argv[2]);
    return refuse_unknown(set, typed);
}
