#include "cli/options.h"

#include "base/text.h"
#include "cli/cli.h"

#include <string.h>

struct parser {
    const struct option_set *set;
    char **argv;
    int argc;
    int at;
    uint64_t seen; /* bit per option */
};

enum { LEFT_COLUMN = 26, OPTIONS_MAX = 60 };

static void print_option(const struct option *option)
{
    char letter[8] = "    ";
    char left[64];

    if (option->letter != 0) {
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    }
    snprintf(left, sizeof(left), "  %s--%s%s%s", letter, option->name,
             option->value != NULL ? " " : "", option->value != NULL ? option->value : "");
    printf("%-*s %s", LEFT_COLUMN, left, option->help);
    if (option->choices != NULL) {
        fputs(" (", stdout);
        for (size_t i = 0; option->choices[i] != NULL; i++) {
            printf("%s%s", i > 0 ? ", " : "", option->choices[i]);
        }
        fputs(")", stdout);
    }
    putchar('\n');
}

static void print_help(const struct option_set *set)
{
    printf("usage: bootwarden %s [OPTION]... %s\n\n%s\n\nOptions:\n", set->command, set->arguments,
           set->description);
    for (size_t i = 0; i < set->n_options; i++) {
        print_option(&set->options[i]);
    }
    printf("%-*s %s\n", LEFT_COLUMN, "  -h, --help", "this help");
    if (set->notes != NULL) {
        printf("\n%s\n", set->notes);
    }
}

/* One line with the way out: what, and the command that explains. */
static bool refuse(const struct option_set *set, int *ret_exit_code, const char *what,
                   const char *word, const char *hint)
{
    char shown[160];

    text_escape(span_str(word), shown, sizeof(shown));
    cli_complain(set->command, "%s '%s'%s%s%s", what, shown, hint != NULL ? "; did you mean '" : "",
                 hint != NULL ? hint : "", hint != NULL ? "'?" : "");
    *ret_exit_code = EXIT_USAGE;
    return false;
}

static const struct option *find(const struct option_set *set, const char *name, size_t len)
{
    for (size_t i = 0; i < set->n_options; i++) {
        if (strlen(set->options[i].name) == len && memcmp(set->options[i].name, name, len) == 0) {
            return &set->options[i];
        }
    }
    return NULL;
}

static bool unknown_option(const struct option_set *set, const char *word, int *ret_exit_code)
{
    const char *names[OPTIONS_MAX];
    const char *nearest;
    char hint[64];
    size_t n = 0;

    for (size_t i = 0; i < set->n_options && i < OPTIONS_MAX; i++) {
        names[n++] = set->options[i].name;
    }
    nearest = strncmp(word, "--", 2) == 0 ? cli_nearest(word + 2, names, n) : NULL;
    if (nearest == NULL) {
        return refuse(set, ret_exit_code, "unknown option", word, NULL);
    }
    snprintf(hint, sizeof(hint), "--%s", nearest);
    return refuse(set, ret_exit_code, "unknown option", word, hint);
}

static bool read_number(const char *text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;

    if (text[0] == '\0') {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value)) {
            return false;
        }
    }
    *ret = value;
    return value <= max;
}

static bool set_choice(const struct option *option, const char *value)
{
    for (int i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], value) == 0) {
            *(int *)option->target = i;
            return true;
        }
    }
    return false;
}

static bool store(struct parser *p, const struct option *option, const char *value,
                  int *ret_exit_code)
{
    uint64_t bit = 1ull << (option - p->set->options);
    bool again = (p->seen & bit) != 0;

    p->seen |= bit;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->target = true;
        return true;
    case OPTION_TEXT:
        if (again) {
            return refuse(p->set, ret_exit_code, "given twice: option", option->name, NULL);
        }
        *(const char **)option->target = value;
        return true;
    case OPTION_CHOICE:
        if (again) {
            return refuse(p->set, ret_exit_code, "given twice: option", option->name, NULL);
        }
        if (!set_choice(option, value)) {
            size_t n = 0;

            while (option->choices[n] != NULL) {
                n++;
            }
            return refuse(p->set, ret_exit_code, "not a value of this option:", value,
                          cli_nearest(value, option->choices, n));
        }
        return true;
    case OPTION_LIST: {
        struct option_list *list = option->target;

        if (list->n == OPTION_LIST_MAX) {
            return refuse(p->set, ret_exit_code, "too often: option", option->name, NULL);
        }
        list->items[list->n++] = value;
        return true;
    }
    case OPTION_NUMBER: {
        struct option_numbers *numbers = option->target;

        if (numbers->n == OPTION_LIST_MAX) {
            return refuse(p->set, ret_exit_code, "too often: option", option->name, NULL);
        }
        if (!read_number(value, option->max, &numbers->items[numbers->n])) {
            return refuse(p->set, ret_exit_code, "not a number in range:", value, NULL);
        }
        numbers->n++;
        return true;
    }
    default:
        return false;
    }
}

/* `inline_value` is what followed "=", or NULL. */
static bool take(struct parser *p, const struct option *option, const char *inline_value,
                 int *ret_exit_code)
{
    if (option->kind == OPTION_FLAG) {
        if (inline_value != NULL) {
            return refuse(p->set, ret_exit_code, "takes no value: option", option->name, NULL);
        }
        return store(p, option, NULL, ret_exit_code);
    }
    if (inline_value == NULL) {
        if (p->at == p->argc) {
            return refuse(p->set, ret_exit_code, "needs a value: option", option->name, NULL);
        }
        inline_value = p->argv[p->at++];
    }
    return store(p, option, inline_value, ret_exit_code);
}

static bool take_word(struct parser *p, const char *word, int *ret_exit_code)
{
    const struct option *option = NULL;
    const char *equals = NULL;

    if (word[1] == '-') {
        equals = strchr(word, '=');
        option =
            find(p->set, word + 2, equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2);
    } else if (word[2] == '\0') {
        for (size_t i = 0; i < p->set->n_options; i++) {
            if (p->set->options[i].letter == word[1]) {
                option = &p->set->options[i];
            }
        }
    }
    if (option == NULL) {
        return unknown_option(p->set, word, ret_exit_code);
    }
    return take(p, option, equals != NULL ? equals + 1 : NULL, ret_exit_code);
}

static bool check_count(const struct option_set *set, const struct option_result *result,
                        int *ret_exit_code)
{
    if (result->n_arguments < set->min_arguments) {
        cli_complain(set->command, "needs %s; see 'bootwarden %s --help'", set->arguments,
                     set->command);
    } else if (result->n_arguments > set->max_arguments) {
        return refuse(set, ret_exit_code,
                      "one argument too many:", result->arguments[set->max_arguments], NULL);
    } else {
        return true;
    }
    *ret_exit_code = EXIT_USAGE;
    return false;
}

bool options_parse(const struct option_set *set, int argc, char **argv, struct option_result *ret,
                   int *ret_exit_code)
{
    struct parser p = {.set = set, .argv = argv, .argc = argc, .at = 1};
    bool only_arguments = false;

    memset(ret, 0, sizeof(*ret));
    while (p.at < argc) {
        const char *word = argv[p.at++];

        if (only_arguments || word[0] != '-' || word[1] == '\0') {
            if (ret->n_arguments == OPTION_ARGUMENTS_MAX) {
                return refuse(set, ret_exit_code, "one argument too many:", word, NULL);
            }
            ret->arguments[ret->n_arguments++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(set);
            *ret_exit_code = cli_finish(set->command, EXIT_YES);
            return false;
        } else if (!take_word(&p, word, ret_exit_code)) {
            return false;
        }
    }
    return check_count(set, ret, ret_exit_code);
}
