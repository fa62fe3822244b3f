/*
 * policy.c - bootwarden policy: check, lay out and try policies, offline.
 */
#include "cli/policy.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ARENA_BYTES = 256 * 1024 * 1024, MODE_BITS = 07777, MODE_NEW = 0644 };

static const char *const outputs[] = {"text", "json", NULL};

int policy_load(struct arena *arena, const char *path, struct span *ret)
{
    struct trail trail = {0};
    err_t err = arena == NULL ? ERR_MEMORY
                              : file_read(arena, path, (size_t)4 * POLICY_MAX_BYTES, &trail, ret);

    return err ? cli_fail("policy", path, err, &trail) : EXIT_YES;
}

void policy_complain(struct arena *arena, const char *path, const struct policy_fault *fault,
                     struct span source)
{
    fprintf(stderr, "bootwarden policy: %s", policy_fault_show(arena, fault, path, source));
}

yyjson_mut_val *policy_fault_json(struct arena *arena, yyjson_mut_doc *doc,
                                  const struct policy_fault *fault)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    const char *outer = fault->outer == NULL ? "" : fault->outer;

    json_add_text(doc, object, "code", policy_fault_code(fault));
    json_add_text(doc, object, "kind", policy_fault_kind_name(fault->kind));
    json_add_uint(doc, object, "line", fault->line);
    json_add_uint(doc, object, "column", fault->column);
    json_add_text(doc, object, "symbol", fault->symbol);
    json_add_text(doc, object, "rule",
                  arena_printf(arena, "%s%s%s", outer, outer[0] == '\0' ? "" : " > ",
                               fault->inner == NULL ? "" : fault->inner));
    json_add_text(doc, object, "message", fault->text);
    return object;
}

int policy_print_json(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    struct span text = json_write(arena, doc, root, true);

    if (text.data == NULL) {
        cli_complain("policy", "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

/* ---- check ---- */

struct check {
    struct arena *arena;
    const char *path;
    struct span source;
    struct policy_fault fault;
    struct policy_warnings warnings;
    bool is_valid, is_strict;
};

static int check_json(const struct check *c)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    yyjson_mut_val *errors, *warnings;
    const char *hash = NULL;

    if (root == NULL || policy_hash(c->arena, c->source, &hash) != ERR_OK) {
        cli_complain("policy", "out of memory");
        return EXIT_INTERNAL;
    }
    json_add_bool(doc, root, "valid", c->is_valid);
    errors = json_add_array(doc, root, "errors");
    if (!c->is_valid) {
        yyjson_mut_arr_append(errors, policy_fault_json(c->arena, doc, &c->fault));
    }
    warnings = json_add_array(doc, root, "warnings");
    for (size_t i = 0; i < c->warnings.n; i++) {
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, warnings);

        json_add_uint(doc, object, "line", c->warnings.items[i].line);
        json_add_uint(doc, object, "column", c->warnings.items[i].column);
        json_add_text(doc, object, "message", c->warnings.items[i].text);
    }
    json_add_text(doc, root, "hash", hash);
    return policy_print_json(c->arena, doc, root);
}

static int check_text(const struct check *c)
{
    const char *hash = NULL;
    char name[512];

    text_escape(span_str(c->path), name, sizeof(name));
    if (!c->is_valid) {
        policy_complain(c->arena, c->path, &c->fault, c->source);
        return EXIT_YES;
    }
    for (size_t i = 0; i < c->warnings.n; i++) {
        cli_complain("policy", "%s:%u:%u: warning: %s", name, c->warnings.items[i].line,
                     c->warnings.items[i].column, c->warnings.items[i].text);
    }
    if (policy_hash(c->arena, c->source, &hash) != ERR_OK) {
        cli_complain("policy", "out of memory");
        return EXIT_INTERNAL;
    }
    printf("%s: valid, x-ms-policy-hash %s\n", name, hash);
    return EXIT_YES;
}

static int check(struct check *c, bool is_json)
{
    CLEANUP(policy_unref) struct policy *policy = NULL;
    err_t err = policy_compile(c->source, &c->fault, &policy);
    int code;

    c->is_valid = err == ERR_OK;
    err = err == ERR_OK ? policy_lint(c->arena, policy, &c->warnings) : err;
    if (err != ERR_OK && err != ERR_VALUE) {
        return cli_fail("policy", c->path, err, NULL);
    }
    code = is_json ? check_json(c) : check_text(c);
    if (code != EXIT_YES) {
        return code;
    }
    return c->is_valid && !(c->is_strict && c->warnings.n > 0) ? EXIT_YES : EXIT_NO;
}

int policy_cmd_check(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct check c = {.arena = arena};
    int output = 0;
    const struct option options[] = {
        {"strict", 0, OPTION_FLAG, NULL, "take warnings for errors", &c.is_strict, NULL, 0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
    };
    const struct option_set set = {
        .command = "policy check",
        .arguments = "FILE",
        .description = "Is this a policy? Faults are shown with their place; warnings name what\n"
                       "is legal, but hardly meant.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 it is, 1 it is not, 2 wrong use or unreadable file.",
    };
    struct option_result result;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    c.path = result.arguments[0];
    code = policy_load(arena, c.path, &c.source);
    return cli_finish("policy", arena, code == EXIT_YES ? check(&c, output == 1) : code);
}

/* ---- fmt ---- */

struct fmt {
    struct arena *arena;
    bool is_write, is_check;
};

/* Where a link leads is what is written; who may read it stays. */
static int rewrite(const struct fmt *f, const char *path, struct span text)
{
    struct trail trail = {0};
    struct stat status;
    char *real = realpath(path, NULL);
    unsigned mode = MODE_NEW;
    err_t err;

    if (real != NULL && stat(real, &status) == 0) {
        mode = status.st_mode & MODE_BITS;
    }
    err = file_write(real == NULL ? path : real, text, mode, &trail);
    free(real);
    (void)f;
    return err ? cli_fail("policy", path, err, &trail) : EXIT_YES;
}

static int fmt(const struct fmt *f, const char *path)
{
    struct policy_fault fault = {0};
    struct span source = {0}, text = {0};
    bool is_same;
    err_t err;
    int code = policy_load(f->arena, path, &source);

    if (code != EXIT_YES) {
        return code;
    }
    err = policy_format(f->arena, source, &fault, &text);
    if (err == ERR_VALUE) {
        policy_complain(f->arena, path, &fault, source);
        return EXIT_USAGE;
    }
    if (err) {
        return cli_fail("policy", path, err, NULL);
    }
    is_same = span_equal(source, text);
    if (f->is_check) {
        char name[512];

        if (!is_same) {
            text_escape(span_str(path), name, sizeof(name));
            printf("%s\n", name);
        }
        return is_same ? EXIT_YES : EXIT_NO;
    }
    if (f->is_write) {
        return is_same ? EXIT_YES : rewrite(f, path, text);
    }
    fwrite(text.data, 1, text.len, stdout);
    return EXIT_YES;
}

int policy_cmd_fmt(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct fmt f = {.arena = arena};
    const struct option options[] = {
        {"write", 'w', OPTION_FLAG, NULL, "replace the files that change", &f.is_write, NULL, 0},
        {"check", 'c', OPTION_FLAG, NULL, "name the files that would change", &f.is_check, NULL, 0},
    };
    const struct option_set set = {
        .command = "policy fmt",
        .arguments = "FILE...",
        .description = "Lay policies out in the usual way, to standard output. Comments and\n"
                       "meaning stay.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = OPTION_ARGUMENTS_MAX,
        .notes =
            "Exit status: 0 done, 1 with --check: a file would change, 2 wrong use, or a file\n"
            "is no policy or cannot be read or written.",
    };
    struct option_result result;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    if (f.is_write && f.is_check) {
        cli_complain("policy fmt", "--write and --check exclude each other");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < result.n_arguments; i++) {
        int one;

        if (f.is_write && strcmp(result.arguments[i], "-") == 0) {
            cli_complain("policy fmt", "standard input cannot be written; leave --write out");
            return EXIT_USAGE;
        }
        one = fmt(&f, result.arguments[i]);
        code = one > code ? one : code;
    }
    return cli_finish("policy", arena, code);
}

/* ---- verbs ---- */

static const struct command verbs[] = {
    {"check", "is this a policy, and what in it is hardly meant", policy_cmd_check},
    {"eval", "what a policy decides on claims, and why", policy_cmd_eval},
    {"fmt", "lay policies out in the usual way", policy_cmd_fmt},
};

static void print_help(FILE *out)
{
    fputs("usage: bootwarden policy VERB [OPTION]... FILE\n"
          "\n"
          "Policies of attestation providers: check them, lay them out, try them on claims.\n"
          "\n"
          "Verbs:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].help);
    }
    fputs("\n"
          "`bootwarden policy VERB --help` explains a verb, bootwarden-policy(7) the language.\n",
          out);
}

int cmd_policy(int argc, char **argv)
{
    char shown[128];

    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return cli_finish("policy", NULL, EXIT_YES);
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    text_escape(span_str(argv[1]), shown, sizeof(shown));
    cli_complain("policy", "there is no '%s'; write check, fmt or eval", shown);
    return EXIT_USAGE;
}
