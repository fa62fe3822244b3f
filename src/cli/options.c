#include "cli/options.h"

#include "base/nearest.h"
#include "base/text.h"
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

struct parser {
    const struct option_set *set;
    char **argv;
    int argc;
    int at;
    uint64_t seen; /* bit per option */
};

enum { LEFT_COLUMN = 26, OPTIONS_MAX = 60, REFUSAL_MAX = 640, CHOICES_MAX = 256, HELP_WIDTH = 96 };

/* " (text, json)", in as many lines as it takes. */
static void print_choices(const struct option *option, size_t column)
{
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        size_t len = strlen(option->choices[i]) + strlen(" (,");

        if (column + len > HELP_WIDTH) {
            printf("\n%*s", LEFT_COLUMN, "");
            column = LEFT_COLUMN;
        }
        printf(" %s%s%s", i == 0 ? "(" : "", option->choices[i],
               option->choices[i + 1] == NULL ? ")" : ",");
        column += len;
    }
}

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
        print_choices(option, LEFT_COLUMN + strlen(option->help) + 1);
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

/* One line: what is wrong and the way out. Words from the command line are escaped already. */
PRINTF_LIKE(3, 4)
static bool refuse(const struct option_set *set, int *ret_exit_code, const char *fmt, ...)
{
    char words[REFUSAL_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    cli_complain(set->command, "%s", words);
    *ret_exit_code = EXIT_USAGE;
    return false;
}

/* A word of the command line, printable and bounded. */
struct shown {
    char text[160];
};

static struct shown show(const char *word)
{
    struct shown shown = {""};

    text_escape(span_str(word), shown.text, sizeof(shown.text));
    return shown;
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
    struct shown shown = show(word);
    size_t n = 0;

    for (size_t i = 0; i < set->n_options && i < OPTIONS_MAX; i++) {
        names[n++] = set->options[i].name;
    }
    nearest = strncmp(word, "--", 2) == 0 ? nearest_word(word + 2, names, n) : NULL;
    if (nearest == NULL) {
        return refuse(set, ret_exit_code, "unknown option '%s'; see 'bootwarden %s --help'",
                      shown.text, set->command);
    }
    return refuse(set, ret_exit_code, "unknown option '%s'; did you mean '--%s'?", shown.text,
                  nearest);
}

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
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
    return value >= min && value <= max;
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

/* "option --output: 'jsn' is not one of text, json; did you mean 'json'?" */
static bool refuse_choice(const struct option_set *set, const struct option *option,
                          const char *value, int *ret_exit_code)
{
    struct shown shown = show(value);
    const char *nearest;
    char list[CHOICES_MAX] = "";
    size_t n = 0;

    for (size_t len = 0; option->choices[n] != NULL; n++) {
        if (len < sizeof(list)) {
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", n > 0 ? ", " : "",
                                    option->choices[n]);
        }
    }
    nearest = nearest_word(value, option->choices, n);
    return refuse(set, ret_exit_code, "option --%s: '%s' is not one of %s%s%s%s", option->name,
                  shown.text, list, nearest != NULL ? "; did you mean '" : "",
                  nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static bool store_number(const struct option_set *set, const struct option *option,
                         const char *value, int *ret_exit_code)
{
    struct option_numbers *numbers = option->target;
    uint64_t min = option->kind == OPTION_COUNT ? 1 : 0;

    if (numbers->n == OPTION_LIST_MAX) {
        return refuse(set, ret_exit_code, "option --%s is given more than %d times", option->name,
                      OPTION_LIST_MAX);
    }
    if (!read_number(value, min, option->max, &numbers->items[numbers->n])) {
        struct shown shown = show(value);

        return refuse(set, ret_exit_code, "option --%s: '%s' is not a number from %llu to %llu",
                      option->name, shown.text, (unsigned long long)min,
                      (unsigned long long)option->max);
    }
    numbers->n++;
    return true;
}

static bool store(struct parser *p, const struct option *option, const char *value,
                  int *ret_exit_code)
{
    uint64_t bit = 1ull << (option - p->set->options);
    bool again = (p->seen & bit) != 0;

    p->seen |= bit;
    if (again && (option->kind == OPTION_TEXT || option->kind == OPTION_CHOICE)) {
        return refuse(p->set, ret_exit_code, "option --%s is given twice; give it once",
                      option->name);
    }
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->target = true;
        return true;
    case OPTION_TEXT:
        *(const char **)option->target = value;
        return true;
    case OPTION_CHOICE:
        return set_choice(option, value) || refuse_choice(p->set, option, value, ret_exit_code);
    case OPTION_LIST: {
        struct option_list *list = option->target;

        if (list->n == OPTION_LIST_MAX) {
            return refuse(p->set, ret_exit_code, "option --%s is given more than %d times",
                          option->name, OPTION_LIST_MAX);
        }
        list->items[list->n++] = value;
        return true;
    }
    case OPTION_NUMBER:
    case OPTION_COUNT:
        return store_number(p->set, option, value, ret_exit_code);
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
            return refuse(p->set, ret_exit_code, "option --%s takes no value", option->name);
        }
        return store(p, option, NULL, ret_exit_code);
    }
    if (inline_value == NULL && p->at < p->argc) {
        inline_value = p->argv[p->at++];
    }
    /* An empty one is a variable of a script that is not set: no answer to what was meant. */
    if (inline_value == NULL || inline_value[0] == '\0') {
        return refuse(p->set, ret_exit_code, "option --%s needs a value%s: %s", option->name,
                      inline_value != NULL ? ", not an empty one" : "", option->value);
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

static bool too_many(const struct option_set *set, const char *word, int *ret_exit_code)
{
    struct shown shown = show(word);
    bool takes_any = set->max_arguments > 0;

    return refuse(set, ret_exit_code,
                  "one argument too many: '%s'; takes %s%s, see 'bootwarden %s --help'", shown.text,
                  takes_any ? "one " : "none", takes_any ? set->arguments : "", set->command);
}

static bool check_count(const struct option_set *set, const struct option_result *result,
                        int *ret_exit_code)
{
    if (result->n_arguments < set->min_arguments) {
        return refuse(set, ret_exit_code, "needs %s; see 'bootwarden %s --help'", set->arguments,
                      set->command);
    }
    if (result->n_arguments > set->max_arguments) {
        return too_many(set, result->arguments[set->max_arguments], ret_exit_code);
    }
    for (size_t i = 0; i < result->n_arguments; i++) {
        if (result->arguments[i][0] == '\0') {
            return refuse(set, ret_exit_code, "%s is empty: name a file or folder", set->arguments);
        }
    }
    return true;
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
                return too_many(set, word, ret_exit_code);
            }
            ret->arguments[ret->n_arguments++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(set);
            *ret_exit_code = cli_finish(set->command, NULL, EXIT_YES);
            return false;
        } else if (!take_word(&p, word, ret_exit_code)) {
            return false;
        }
    }
    return check_count(set, ret, ret_exit_code);
}
