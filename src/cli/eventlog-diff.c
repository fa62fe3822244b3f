/*
 * eventlog-diff.c - `bootwarden eventlog diff OLD NEW`: two boots by their logs, in words.
 */
#include "cli/eventlog.h"

#include "appraise/summary.h"
#include "cli/cli.h"
#include "cli/earlier-boot.h"
#include "cli/options.h"
#include "cli/reference-load.h"
#include "cli/trust.h"

#include <string.h>

enum { ARENA_BYTES = 512 * 1024 * 1024, ALL_PCRS = 0xffffff };

static const char *const outputs[] = {"text", "json", NULL};

struct diff {
    struct arena *arena;
    struct earlier_boot before, after;
    struct baseline_known known;
    struct reference *reference;
    struct trust trust;
    struct change changes[APPRAISE_MAX_CHANGES];
    size_t n;
    struct summary summary;
};

static void print_text(const struct diff *d)
{
    printf("%s\n\n", d->summary.sentence);
    for (size_t i = 0; i < d->n; i++) {
        printf("%-11s  %s\n             %s\n",
               d->changes[i].is_explained ? "explained" : "UNEXPLAINED", d->changes[i].text,
               d->changes[i].explanation);
    }
    for (size_t i = 0; i < d->summary.n_unchanged; i++) {
        printf("%s%s", i == 0 ? "unchanged    " : ", ", d->summary.unchanged[i]);
    }
    printf("%s%s: %s\nNeither log was compared with a quote: this is what they say.\n",
           d->summary.n_unchanged > 0 ? "\n\n" : "", verdict_name(d->summary.state),
           d->summary.why);
}

static int print_json(const struct diff *d)
{
    yyjson_mut_doc *doc = json_new(d->arena);
    yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
    yyjson_mut_val *list;
    struct span text;

    json_add_text(doc, root, "state", verdict_name(d->summary.state));
    json_add_text(doc, root, "why", d->summary.why);
    json_add_text(doc, root, "summary", d->summary.sentence);
    json_add_value(doc, root, "changes", appraise_changes_json(doc, d->changes, d->n));
    list = json_add_array(doc, root, "unchanged");
    for (size_t i = 0; i < d->summary.n_unchanged; i++) {
        yyjson_mut_arr_add_str(doc, list, d->summary.unchanged[i]);
    }
    json_add_value(doc, root, "oddities", boot_findings_json(doc, d->after.facts));
    text = json_write(d->arena, doc, root, true);
    if (text.data == NULL) {
        cli_complain("eventlog diff", "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

static int compare(struct diff *d, int output)
{
    const struct baseline_boot before = {d->before.facts, ALL_PCRS};
    const struct baseline_boot after = {d->after.facts, ALL_PCRS};
    const struct appraise_trust trust = trust_for_appraisal(&d->trust);
    err_t err = baseline_compare(d->arena, &before, &after, &d->known, d->changes, &d->n);
    int code = EXIT_YES;

    err = err ? err
              : baseline_summary(d->arena, d->before.facts, d->after.facts, d->changes, d->n,
                                 &trust, &d->summary);
    if (err) {
        return cli_fail("eventlog diff", "comparing", err, NULL);
    }
    if (output == 1) {
        code = print_json(d);
    } else {
        print_text(d);
    }
    return code != EXIT_YES ? code : d->summary.state == VERDICT_HEALTHY ? EXIT_YES : EXIT_NO;
}

/* Without a quote only Secure Boot keys are of use. */
static int add_trust(struct diff *d, const struct option_list *trust)
{
    for (size_t i = 0; i < trust->n; i++) {
        struct trail trail = {0};
        err_t err;

        if (strncmp(trust->items[i], "db=", 3) != 0) {
            cli_complain("eventlog diff", "--trust: logs are held against no TPM's keys; only "
                                          "db=PATH is of use here");
            return EXIT_USAGE;
        }
        err = trust_add(&d->trust, d->arena, trust->items[i], "db", &trail);
        if (err) {
            return cli_fail("eventlog diff", "--trust", err, &trail);
        }
    }
    return EXIT_YES;
}

int eventlog_diff(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct option_list trust = {0};
    bool is_shape_changed = false;
    const char *announced = NULL;
    const char *folder = NULL;
    int output = 0;
    const struct option list[] = {
        {"announced", 0, OPTION_TEXT, "FILE", "changes that a trusted boot announced", &announced,
         NULL, 0},
        {"shape-changed", 0, OPTION_FLAG, NULL,
         "the machine is known to have another number of vCPUs now", &is_shape_changed, NULL, 0},
        {"trust", 't', OPTION_LIST, "db=PATH", "test keys that may be enrolled; repeatable", &trust,
         NULL, 0},
        {"reference", 0, OPTION_TEXT, "DIR", "reference data of this folder", &folder, NULL, 0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
    };
    const struct option_set set = {
        .command = "eventlog diff",
        .arguments = "OLD NEW",
        .description = "Compare two boots by their logs: what changed, what explains it.\n"
                       "OLD and NEW are event logs, boot folders, AzureGuest requests or saved\n"
                       "baselines.",
        .options = list,
        .n_options = ARRAY_LEN(list),
        .min_arguments = 2,
        .max_arguments = 2,
        .notes = "Exit status: 0 nothing unexplained, 1 something unexplained or a bad boot,\n"
                 "2 a log cannot be read.",
    };
    struct option_result result;
    struct diff *d;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    d = arena == NULL || hasher == NULL ? NULL : arena_calloc(arena, 1, sizeof(*d));
    if (d == NULL) {
        cli_complain("eventlog diff", "out of memory");
        return EXIT_INTERNAL;
    }
    d->arena = arena;
    d->known.is_shape_changed = is_shape_changed;
    d->known.are_logs_alone = true;
    code = add_trust(d, &trust);
    code = code ? code : reference_load("eventlog diff", folder, &d->reference);
    code = code ? code
                : earlier_boot_load("eventlog diff", arena, d->reference, hasher,
                                    result.arguments[0], &d->before);
    code = code ? code
                : earlier_boot_load("eventlog diff", arena, d->reference, hasher,
                                    result.arguments[1], &d->after);
    if (code == EXIT_YES && announced != NULL) {
        code = announced_load("eventlog diff", arena, hasher, announced, &d->known.announced);
    }
    code = code ? code : compare(d, output);
    reference_free(d->reference);
    return cli_finish("eventlog diff", arena, code);
}
