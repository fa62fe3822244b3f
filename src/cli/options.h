/*
 * options.h - options of a command as a table: parsing, errors and help follow from it.
 *
 * `--name VALUE` and `--name=VALUE`, `-x VALUE` for those with a letter, `--` ends the options,
 * a lone `-` is an argument. Options and arguments may be mixed. `--help` and `-h` belong to every
 * command. Values are borrowed from argv.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,   /* target: bool, set to true */
    OPTION_TEXT,   /* target: const char *; at most once */
    OPTION_LIST,   /* target: struct option_list; repeatable */
    OPTION_CHOICE, /* target: int, the index in `choices`; at most once */
    OPTION_NUMBER, /* target: struct option_numbers; 0..max, repeatable */
    OPTION_COUNT,  /* the same from 1 on */
};

enum { OPTION_LIST_MAX = 64, OPTION_ARGUMENTS_MAX = 64 };

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t n;
};

struct option_numbers {
    uint64_t items[OPTION_LIST_MAX];
    size_t n;
};

struct option {
    const char *name; /* without "--" */
    char letter;      /* 0: none */
    enum option_kind kind;
    const char *value; /* "FILE", "N": how help names it; NULL for flags */
    const char *help;
    void *target;
    const char *const *choices; /* NULL-terminated */
    uint64_t max;
};

struct option_set {
    const char *command;     /* "eventlog" */
    const char *arguments;   /* "FILE": for the usage line */
    const char *description; /* a sentence or two for help */
    const struct option *options;
    size_t n_options;
    size_t min_arguments, max_arguments;
    const char *notes; /* printed below the options; may be NULL */
};

struct option_result {
    const char *arguments[OPTION_ARGUMENTS_MAX];
    size_t n_arguments;
};

/* True when the command shall run; false with *ret_exit_code when it shall not (help was printed,
 * or what is wrong). */
bool options_parse(const struct option_set *set, int argc, char **argv, struct option_result *ret,
                   int *ret_exit_code);

#endif
