/*
 * jmespath.c - `bootwarden jmespath`: a query over a JSON document, as rules of policies have them.
 */
#include "jmespath/jmespath.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"

enum {
    ARENA_BYTES = 1024 * 1024 * 1024,
    DOCUMENT_MAX_BYTES = 64 * 1024 * 1024,
    AROUND_BYTES = 48, /* of an expression, shown before and behind a fault */
    ESCAPED_MAX = 8 * AROUND_BYTES,
    WORD_MAX = 64,
};

enum output { OUTPUT_JSON, OUTPUT_COMPACT, OUTPUT_TEXT };
static const char *const outputs[] = {"json", "compact", "text", NULL};

struct run {
    struct arena *arena;
    struct span expression;
    const char *file;
    enum output output;
    bool is_checked;
    struct jmespath_budget budget;
};

/* ---- faults of the expression ---- */

static bool is_inside_character(struct span text, size_t at)
{
    return at < text.len && (text.data[at] & 0xc0) == 0x80;
}

static size_t count_characters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += ((uint8_t)*text & 0xc0) != 0x80;
    }
    return n;
}

/* The expression around a byte, and a mark below it. */
static void point_at(struct span expression, size_t offset)
{
    size_t from = offset > AROUND_BYTES ? offset - AROUND_BYTES : 0;
    size_t to = expression.len - offset > AROUND_BYTES ? offset + AROUND_BYTES : expression.len;
    char before[ESCAPED_MAX];
    char behind[ESCAPED_MAX];

    while (from > 0 && is_inside_character(expression, from)) {
        from--;
    }
    while (is_inside_character(expression, to)) {
        to++;
    }
    text_escape(span_cut(expression, from, offset - from), before, sizeof(before));
    text_escape(span_cut(expression, offset, to - offset), behind, sizeof(behind));
    fprintf(stderr, "  %s%s%s%s\n", from > 0 ? "..." : "", before, behind,
            to < expression.len ? "..." : "");
    fprintf(stderr, "  %*s^\n", (int)(count_characters(before) + (from > 0 ? 3 : 0)), "");
}

/* "; did you mean 'length'?" for the name of a function at a byte, "" when none is near. */
static const char *suggest(const struct run *run, size_t offset)
{
    size_t n_names = 0;
    const char *const *names = jmespath_functions(&n_names);
    struct span rest = span_cut(run->expression, offset, WORD_MAX);
    const char *nearest;
    char word[WORD_MAX];
    size_t n = 0;

    while (n < rest.len && n + 1 < sizeof(word) && rest.data[n] != '(' && rest.data[n] > ' ') {
        word[n] = (char)rest.data[n];
        n++;
    }
    word[n] = '\0';
    nearest = nearest_word(word, names, n_names);
    return nearest == NULL ? "" : arena_printf(run->arena, "; did you mean %s()?", nearest);
}

static int fail_expression(const struct run *run, err_t err, const struct trail *trail)
{
    const char *advice = err == ERR_UNSUPPORTED ? suggest(run, (size_t)trail->offset) : "";

    if (jmespath_fault(err) == JMESPATH_OTHER) {
        return cli_fail("jmespath", "the expression", err, trail);
    }
    cli_complain("jmespath", "%s: %s%s", jmespath_fault_name(jmespath_fault(err)), trail->what,
                 advice == NULL ? "" : advice);
    if (trail->has_offset && trail->offset <= run->expression.len) {
        point_at(run->expression, (size_t)trail->offset);
    }
    return EXIT_USAGE;
}

/* ---- results ---- */

static int print_value(struct run *run, const struct jmespath_value *value, enum jmespath_form form)
{
    struct trail trail = {0};
    struct span text = {0};
    err_t err = jmespath_to_text(run->arena, value, form, &run->budget, &trail, &text);

    if (err) {
        return cli_fail("jmespath", "the result", err, &trail);
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

/* A string without its quotes, all else as one line of JSON. */
static int print_plain(struct run *run, const struct jmespath_value *value)
{
    struct span text = jmespath_string(value);
    const char *shown;

    if (text.data == NULL) {
        return print_value(run, value, JMESPATH_LINE);
    }
    shown = text_escape_dup(run->arena, text, DOCUMENT_MAX_BYTES);
    puts(shown);
    return EXIT_YES;
}

static int print(struct run *run, const struct jmespath_value *result)
{
    int code = EXIT_YES;

    if (run->output != OUTPUT_TEXT) {
        return print_value(run, result,
                           run->output == OUTPUT_JSON ? JMESPATH_INDENTED : JMESPATH_LINE);
    }
    if (jmespath_kind(result) != JMESPATH_ARRAY) {
        return print_plain(run, result);
    }
    for (size_t i = 0; code == EXIT_YES && i < jmespath_count(result); i++) {
        code = print_plain(run, jmespath_item(result, i));
    }
    return code;
}

static int answer(struct run *run)
{
    struct trail trail = {0};
    struct jmespath *query = NULL;
    const struct jmespath_value *root = NULL;
    const struct jmespath_value *result = NULL;
    struct span text = {0};
    int code;
    /* First what needs no document: nobody types one only to learn of a typing error. */
    err_t err = jmespath_compile(run->arena, run->expression, &trail, &query);

    if (err) {
        return fail_expression(run, err, &trail);
    }
    err = file_read(run->arena, run->file, DOCUMENT_MAX_BYTES, &trail, &text);
    err = err ? err : jmespath_read(run->arena, text, &trail, &root);
    if (err) {
        return cli_fail("jmespath", run->file, err, &trail);
    }
    err = jmespath_search(query, run->arena, root, &run->budget, &trail, &result);
    if (err) {
        return fail_expression(run, err, &trail);
    }
    code = print(run, result);
    return code == EXIT_YES && run->is_checked && !jmespath_is_true(result) ? EXIT_NO : code;
}

int cmd_jmespath(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    bool is_checked = false;
    int output = OUTPUT_JSON;
    const struct option options[] = {
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
        {"check", 'c', OPTION_FLAG, NULL, "exit status 1 when the result counts as false",
         &is_checked, NULL, 0},
    };
    const struct option_set set = {
        .command = "jmespath",
        .arguments = "EXPRESSION [FILE]",
        .description =
            "Evaluate a JMESPath expression on the JSON document in FILE, or on standard\n"
            "input, as the function JmesPath() of a policy does.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 2,
        .notes = "Exit status: 0 there is a result, 1 with --check: it is false, null or empty,\n"
                 "2 the expression or the document is wrong.",
    };
    struct option_result result;
    struct run run = {.arena = arena, .file = "-", .budget = {JMESPATH_MAX_STEPS}};
    int code = EXIT_YES;

    if (argc > 1 && argv[1][0] == '\0') {
        cli_complain("jmespath", "the expression is empty; '@' gives the whole document");
        return EXIT_USAGE;
    }
    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    if (arena == NULL) {
        cli_complain("jmespath", "out of memory");
        return EXIT_INTERNAL;
    }
    run.expression = span_str(result.arguments[0]);
    run.file = result.n_arguments > 1 ? result.arguments[1] : "-";
    run.output = (enum output)output;
    run.is_checked = is_checked;
    return cli_finish("jmespath", arena, answer(&run));
}
