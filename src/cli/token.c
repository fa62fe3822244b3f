/*
 * token.c - `bootwarden token`: what a token says of itself, and whether it is to be believed.
 */
#include "cli/token.h"

#include "base/nearest.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "cli/online.h"
#include "cli/options.h"

#include <string.h>

enum { ARENA_BYTES = 64 * 1024 * 1024, SKEW_S = 60 };

static const char *const outputs[] = {"text", "json", NULL};

static int read_time(const char *command, const char *text, int64_t *ret)
{
    *ret = timestamp_now();
    if (text != NULL &&
        (timestamp_parse(text, ret) != ERR_OK || *ret < 0 || *ret > JUDGE_LATEST_TIME)) {
        cli_complain(command, "--time: expected 2026-12-31T23:59:59Z, 2026-12-31 or seconds since "
                              "1970, up to the year 9999");
        return EXIT_USAGE;
    }
    return EXIT_YES;
}

/* ---- inspect ---- */

static int inspect_token(struct arena *arena, const char *argument, int64_t now, bool is_json)
{
    static const char command[] = "token inspect";
    struct trail trail = {0};
    struct span text = {0};
    struct jws jws = {0};
    yyjson_val *payload = NULL;
    int code = token_source_read(command, arena, argument, &text);
    err_t err;

    if (code != EXIT_YES) {
        return code;
    }
    err = jws_read(arena, text, JUDGE_MAX_BYTES, &trail, &jws);
    if (err == ERR_OK) {
        err = json_read(arena, jws.payload, NULL, &trail, &payload);
        err = err ? trail_in(&trail, err, "payload") : ERR_OK;
    }
    if (err) {
        return cli_fail(command, "token", err, &trail);
    }
    return token_show_inspected(arena, &jws, payload, now, is_json);
}

static int inspect(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    const char *time = NULL;
    int output = 0;
    const struct option options[] = {
        {"time", 0, OPTION_TEXT, "T", "as seen at this time instead of now", &time, NULL, 0},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
    };
    const struct option_set set = {
        .command = "token inspect",
        .arguments = "TOKEN",
        .description = "What a token says of itself. Nothing is verified: anybody can write one.\n"
                       "TOKEN is a file, - for standard input, or the token itself.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 shown, 2 wrong use, or it is no token that can be read.",
    };
    struct option_result result;
    int64_t now = 0;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    if (arena == NULL) {
        cli_complain(set.command, "out of memory");
        return EXIT_INTERNAL;
    }
    code = read_time(set.command, time, &now);
    code = code == EXIT_YES ? inspect_token(arena, result.arguments[0], now, output == 1) : code;
    return cli_finish(set.command, arena, code);
}

/* ---- verify ---- */

struct verify_args {
    const char *jwks;
    const char *issuer;
    const char *endpoint;
    const char *ca;
    const char *nonce;
    const char *audience;
    const char *time;
    struct option_list claims;
    struct option_numbers skew;
    int output;
};

static const char verify_name[] = "token verify";

static int wrong_use(const char *words)
{
    cli_complain(verify_name, "%s; see 'bootwarden token verify --help'", words);
    return EXIT_USAGE;
}

/* Who is trusted is said once, and whole. */
static int check_args(const struct verify_args *args, const char *token)
{
    if (args->jwks == NULL && args->endpoint == NULL) {
        return wrong_use("needs --jwks FILE and --issuer URL, or --endpoint URL");
    }
    if (args->endpoint != NULL && (args->jwks != NULL || args->issuer != NULL)) {
        return wrong_use("--endpoint stands alone: keys and issuer are the endpoint's");
    }
    if (args->jwks != NULL && args->issuer == NULL) {
        return wrong_use("--jwks needs --issuer URL: whose token it must be");
    }
    if (args->ca != NULL && args->endpoint == NULL) {
        return wrong_use("--ca is for --endpoint");
    }
    if (args->jwks != NULL && strcmp(args->jwks, "-") == 0 && strcmp(token, "-") == 0) {
        return wrong_use("token and key set cannot both be standard input");
    }
    if (args->skew.n > 1) {
        return wrong_use("option --skew is given twice; give it once");
    }
    return EXIT_YES;
}

static int read_demands(struct arena *arena, const struct verify_args *args,
                        struct claim_demand demands[JUDGE_MAX_CLAIMS])
{
    for (size_t i = 0; i < args->claims.n; i++) {
        struct trail trail = {0};
        err_t err = i == JUDGE_MAX_CLAIMS
                        ? ERR_TOO_MANY
                        : claim_demand_read(arena, args->claims.items[i], &trail, &demands[i]);

        if (err) {
            return cli_fail(verify_name, "--claim", err, &trail);
        }
    }
    return EXIT_YES;
}

static int verify_token(struct arena *arena, const struct verify_args *args, const char *argument,
                        struct token_source_keys *keys)
{
    struct claim_demand demands[JUDGE_MAX_CLAIMS] = {0};
    struct judgement judgement = {0};
    struct judge_options options = {
        .iss = args->endpoint != NULL ? args->endpoint : args->issuer,
        .aud = args->audience,
        .nonce = args->nonce,
        .claims = demands,
        .n_claims = args->claims.n,
        .skew_s = args->skew.n > 0 ? (int64_t)args->skew.items[0] : SKEW_S,
    };
    struct token_shown shown = {
        .options = &options, .judgement = &judgement, .is_fetched = args->endpoint != NULL};
    struct span text = {0};
    int code = read_time(verify_name, args->time, &options.now);
    err_t err;

    code = code == EXIT_YES ? read_demands(arena, args, demands) : code;
    code = code == EXIT_YES ? token_source_read(verify_name, arena, argument, &text) : code;
    if (code != EXIT_YES) {
        return code;
    }
    code = args->endpoint != NULL
               ? token_keys_fetch(verify_name, arena, args->endpoint,
                                  online_setting(args->ca, "BOOTWARDEN_CA"), keys)
               : token_keys_load(verify_name, arena, args->jwks, keys);
    if (code != EXIT_YES) {
        return code;
    }
    options.keys = keys->keys;
    shown.left_out = keys->left_out;
    err = token_judge(arena, text, &options, &judgement);
    if (err) {
        return cli_fail(verify_name, "token", err, NULL);
    }
    return token_show_judged(arena, &shown, args->output == 1);
}

static int verify(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct verify_args args = {0};
    const struct option options[] = {
        {"jwks", 0, OPTION_TEXT, "FILE", "the issuer's key set", &args.jwks, NULL, 0},
        {"issuer", 0, OPTION_TEXT, "URL", "whose token it must be", &args.issuer, NULL, 0},
        {"endpoint", 0, OPTION_TEXT, "URL", "instead of both: the issuer, asked now",
         &args.endpoint, NULL, 0},
        {"ca", 0, OPTION_TEXT, "FILE", "the endpoint's CA, instead of BOOTWARDEN_CA", &args.ca,
         NULL, 0},
        {"nonce", 0, OPTION_TEXT, "V", "the nonce that it must carry", &args.nonce, NULL, 0},
        {"audience", 0, OPTION_TEXT, "A", "whom it must be meant for", &args.audience, NULL, 0},
        {"claim", 0, OPTION_LIST, "NAME=VALUE", "what it must say; repeatable", &args.claims, NULL,
         0},
        {"time", 0, OPTION_TEXT, "T", "as seen at this time instead of now", &args.time, NULL, 0},
        {"skew", 0, OPTION_NUMBER, "S", "clocks may differ by S seconds (60)", &args.skew, NULL,
         TOKEN_MAX_SKEW_S},
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &args.output, outputs, 0},
    };
    const struct option_set set = {
        .command = verify_name,
        .arguments = "TOKEN",
        .description = "Is this token the issuer's, valid now, and does it say what you demand?\n"
                       "TOKEN is a file, - for standard input, or the token itself.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 valid, 1 not valid, 2 wrong use or unreadable input, 3 the\n"
                 "endpoint cannot be reached, or is not what it was called.",
    };
    struct option_result result;
    struct token_source_keys keys = {0};
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    if (arena == NULL) {
        cli_complain(set.command, "out of memory");
        return EXIT_INTERNAL;
    }
    code = check_args(&args, result.arguments[0]);
    code = code == EXIT_YES ? verify_token(arena, &args, result.arguments[0], &keys) : code;
    token_keys_free(keys.keys);
    return cli_finish(set.command, arena, code);
}

/* ---- the command ---- */

static void print_help(FILE *out)
{
    fputs("usage: bootwarden token inspect [OPTION]... TOKEN\n"
          "       bootwarden token verify [OPTION]... TOKEN\n"
          "\n"
          "inspect shows what a token says, and believes nothing. verify says whether it is to be\n"
          "believed: signature, issuer, times, nonce and claims, each by name.\n"
          "\n"
          "`bootwarden token inspect --help` and `bootwarden token verify --help` explain more.\n",
          out);
}

int cmd_token(int argc, char **argv)
{
    static const char *const verbs[] = {"inspect", "verify"};
    const char *verb = argc > 1 ? argv[1] : "";
    const char *nearest;
    char word[128];

    if (strcmp(verb, "inspect") == 0) {
        return inspect(argc - 1, argv + 1);
    }
    if (strcmp(verb, "verify") == 0) {
        return verify(argc - 1, argv + 1);
    }
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        print_help(stdout);
        return cli_finish("token", NULL, EXIT_YES);
    }
    if (argc < 2) {
        cli_complain("token", "needs inspect or verify; see 'bootwarden token --help'");
        return EXIT_USAGE;
    }
    text_escape(span_str(verb), word, sizeof(word));
    nearest = nearest_word(verb, verbs, ARRAY_LEN(verbs));
    cli_complain("token", "there is no '%s'; %s%s%s", word,
                 nearest != NULL ? "did you mean '" : "write inspect or verify",
                 nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    return EXIT_USAGE;
}
