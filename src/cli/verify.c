/*
 * verify.c - `bootwarden verify`: evidence, anchors, challenge and time in, a verdict out.
 */
#include "base/codec.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "cli/boot-folder.h"
#include "cli/cli.h"
#include "cli/earlier-boot.h"
#include "cli/options.h"
#include "cli/reference-load.h"
#include "cli/trust.h"
#include "cli/verify-show.h"

#include <string.h>

enum { ARENA_BYTES = 512 * 1024 * 1024 };

static const char *const outputs[] = {"text", "json", NULL};

struct verify {
    struct arena *arena;
    struct hasher *hasher;
    struct trust trust;
    struct evidence *evidence;
    struct reference *reference;
    struct dbx_minimum dbx_minimum;
    struct appraise_options options;
};

struct verify_args {
    struct option_list trust;
    struct option_list enrolled;
    const char *nonce;
    const char *time;
    const char *baseline;
    const char *announced;
    const char *save_baseline;
    bool is_shape_changed;
    bool is_approved;
    const char *reference;
    const char *sbat_minimum;
    const char *dbx_minimum;
    int output;
    bool is_verbose;
};

/* What went wrong is said already when this returns another code than EXIT_YES. */
static int read_trust(struct verify *v, const struct verify_args *args)
{
    const char *standard = v->evidence->form == EVIDENCE_AZUREGUEST ? "ak" : "ek";
    err_t err = trust_init(&v->trust);

    if (err) {
        return cli_fail("verify", "trust", err, NULL);
    }
    for (size_t i = 0; i < args->trust.n; i++) {
        struct trail trail = {0};

        err = trust_add(&v->trust, v->arena, args->trust.items[i], standard, &trail);
        if (err) {
            return cli_fail("verify", "--trust", err, &trail);
        }
    }
    for (size_t i = 0; i < args->enrolled.n; i++) {
        struct trail trail = {0};

        err = trust_add_ak(&v->trust, args->enrolled.items[i], &trail);
        if (err) {
            return cli_fail("verify", "--enrolled-ak", err, &trail);
        }
    }
    return EXIT_YES;
}

/* Reference data, and what is demanded beyond it. */
static int read_knowledge(struct verify *v, const struct verify_args *args)
{
    int code = reference_load("verify", args->reference, &v->reference);

    if (code != EXIT_YES) {
        return code;
    }
    v->options.reference = v->reference;
    if (args->sbat_minimum != NULL) {
        v->options.sbat_minimum = reference_sbat(v->reference, args->sbat_minimum);
        if (v->options.sbat_minimum == NULL) {
            cli_complain("verify", "--sbat-minimum: no such level is known; see 'bootwarden "
                                   "reference show --kind sbat-levels'");
            return EXIT_USAGE;
        }
    }
    if (args->dbx_minimum != NULL) {
        struct trail trail = {0};
        struct span bytes = {0};
        err_t err = file_read(v->arena, args->dbx_minimum, DBX_MINIMUM_MAX_BYTES, &trail, &bytes);

        err = err ? err : dbx_minimum_read(v->arena, bytes, &trail, &v->dbx_minimum);
        if (err) {
            return cli_fail("verify", args->dbx_minimum, err, &trail);
        }
        v->options.dbx_minimum = &v->dbx_minimum;
    }
    return EXIT_YES;
}

static int read_challenge(struct verify *v, const struct verify_args *args)
{
    v->options.now = timestamp_now();
    v->options.reads_unproven_log = true;
    if (args->time != NULL && timestamp_parse(args->time, &v->options.now) != ERR_OK) {
        cli_complain("verify",
                     "--time: expected 2026-12-31T23:59:59Z, 2026-12-31 or seconds since 1970");
        return EXIT_USAGE;
    }
    if (args->nonce != NULL) {
        if (hex_decode(v->arena, span_str(args->nonce), &v->options.nonce) != ERR_OK) {
            cli_complain("verify", "--nonce: expected an even number of hexadecimal digits");
            return EXIT_USAGE;
        }
        v->options.has_nonce = true;
    }
    return EXIT_YES;
}

static int print_json(struct verify *v, const struct appraisal *appraisal, yyjson_mut_doc *doc,
                      const struct claims *claims)
{
    struct span text =
        json_write(v->arena, doc, appraisal_json(v->arena, doc, appraisal, claims), true);

    if (text.data == NULL) {
        cli_complain("verify", "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

static int judge(struct verify *v, const struct verify_args *args)
{
    CLEANUP(appraisal_done) struct appraisal *appraisal = NULL;
    struct appraise_trust trust = trust_for_appraisal(&v->trust);
    yyjson_mut_doc *doc = json_new(v->arena);
    struct claims *claims = claims_new(v->arena);
    CLEANUP(policy_unref) struct policy *policy = NULL;
    struct policy_result decision = {0};
    err_t err = doc == NULL || claims == NULL ? ERR_MEMORY : ERR_OK;
    int code = EXIT_YES;

    err = err ? err : policy_default_azureguest(&policy);
    err = err ? err : appraise(v->arena, v->evidence, &trust, &v->options, v->hasher, &appraisal);
    err = err ? err
              : appraise_decide(v->arena, doc, appraisal, v->evidence, policy, NULL, claims,
                                &decision);
    if (err) {
        return cli_fail("verify", "appraisal", err, NULL);
    }
    if (args->output == 1) {
        code = print_json(v, appraisal, doc, claims);
    } else {
        verify_show(stdout, v->arena, appraisal, args->is_verbose);
    }
    if (code == EXIT_YES && args->save_baseline != NULL) {
        code = earlier_boot_save("verify", v->arena, appraisal, args->save_baseline,
                                 args->is_approved, v->options.now);
    }
    if (code != EXIT_YES) {
        return code;
    }
    return appraisal->verdict == VERDICT_HEALTHY ? EXIT_YES : EXIT_NO;
}

static int run(struct verify *v, const struct verify_args *args, const char *path)
{
    struct trail trail = {0};
    err_t err = evidence_load(v->arena, path, &trail, &v->evidence);
    int code;

    if (err) {
        return cli_fail("verify", path, err, &trail);
    }
    code = read_trust(v, args);
    code = code ? code : read_challenge(v, args);
    v->options.is_shape_changed = args->is_shape_changed;
    code = code ? code : read_knowledge(v, args);
    if (code == EXIT_YES && args->baseline != NULL) {
        struct earlier_boot earlier = {0};

        code = earlier_boot_load("verify", v->arena, v->reference, v->hasher, args->baseline,
                                 &earlier);
        if (code == EXIT_YES && earlier.facts->log->kind != EVENTLOG_PCRS) {
            cli_complain("verify", "--baseline: the log of a confidential VM (CCEL) is no baseline "
                                   "for a quote of PCRs");
            code = EXIT_USAGE;
        }
        v->options.baseline = earlier.facts;
        v->options.baseline_pcrs = earlier.pcrs;
    }
    if (code == EXIT_YES && args->announced != NULL) {
        code =
            announced_load("verify", v->arena, v->hasher, args->announced, &v->options.announced);
    }
    return code ? code : judge(v, args);
}

int cmd_verify(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct verify *v;
    struct verify_args args = {0};
    const struct option options[] = {
        {"trust", 't', OPTION_LIST, "[ek=|ak=|db=]PATH",
         "trust anchors: file or folder; repeatable", &args.trust, NULL, 0},
        {"enrolled-ak", 'a', OPTION_LIST, "NAME",
         "name of an attestation key that is enrolled; repeatable", &args.enrolled, NULL, 0},
        {"nonce", 'n', OPTION_TEXT, "HEX", "the challenge that the quotes must answer", &args.nonce,
         NULL, 0},
        {"time", 0, OPTION_TEXT, "TIME", "judge certificates at this time instead of now",
         &args.time, NULL, 0},
        {"baseline", 'b', OPTION_TEXT, "BOOT", "compare with this boot or saved baseline",
         &args.baseline, NULL, 0},
        {"announced", 0, OPTION_TEXT, "FILE", "changes that a trusted boot announced",
         &args.announced, NULL, 0},
        {"shape-changed", 0, OPTION_FLAG, NULL,
         "the machine is known to have another number of vCPUs now", &args.is_shape_changed, NULL,
         0},
        {"save-baseline", 0, OPTION_TEXT, "FILE",
         "keep this boot as a baseline, when it is healthy", &args.save_baseline, NULL, 0},
        {"approve", 0, OPTION_FLAG, NULL, "with --save-baseline: also when it is changed",
         &args.is_approved, NULL, 0},
        {"sbat-minimum", 0, OPTION_TEXT, "LEVEL", "SBAT level that shim must have had",
         &args.sbat_minimum, NULL, 0},
        {"dbx-minimum", 0, OPTION_TEXT, "FILE", "revocations that dbx must have held",
         &args.dbx_minimum, NULL, 0},
        {"reference", 0, OPTION_TEXT, "DIR", "reference data of this folder", &args.reference, NULL,
         0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &args.output, outputs, 0},
        {"verbose", 'v', OPTION_FLAG, NULL, "show every note", &args.is_verbose, NULL, 0},
    };
    const struct option_set set = {
        .command = "verify",
        .arguments = "EVIDENCE",
        .description =
            "Judge evidence of a boot: is it genuine, is it fresh, was the boot a good one,\n"
            "what changed. EVIDENCE is a file with an AzureGuest request, - for standard\n"
            "input, or a folder with the evidence of a boot.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Without a role, --trust means ek for folders and ak for AzureGuest requests.\n"
                 "Exit status: 0 healthy, 1 any other verdict, 2 wrong use, unreadable evidence\n"
                 "or reference data.",
    };
    struct option_result result;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    if (args.baseline == NULL && (args.announced != NULL || args.is_shape_changed)) {
        cli_complain("verify", "--announced and --shape-changed explain differences from a "
                               "baseline: name one with --baseline");
        return EXIT_USAGE;
    }
    if (args.save_baseline != NULL && strcmp(args.save_baseline, "-") == 0) {
        cli_complain("verify", "--save-baseline names a file, which may not be '-'");
        return EXIT_USAGE;
    }
    if (args.is_approved && args.save_baseline == NULL) {
        cli_complain("verify", "--approve is for --save-baseline");
        return EXIT_USAGE;
    }
    v = arena == NULL || hasher == NULL ? NULL : arena_calloc(arena, 1, sizeof(*v));
    if (v == NULL) {
        cli_complain("verify", "out of memory");
        return EXIT_INTERNAL;
    }
    v->arena = arena;
    v->hasher = hasher;
    code = run(v, &args, result.arguments[0]);
    trust_done(&v->trust);
    reference_free(v->reference);
    return cli_finish("verify", arena, code);
}
