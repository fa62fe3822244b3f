/*
 * provider-policy.c - bootwarden provider policy show, set and reset. Who may send the policies
 * read here: the owners of a provider; who wrote the file that is to be set.
 */
#include "cli/provider.h"

#include "base/codec.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/text.h"
#include "policy/policy.h"
#include "provider/request.h"
#include "provider/type.h"

#include <string.h>
#include <unistd.h>

/* What the three have in common. */
struct policy_job {
    struct online *online;
    struct provider_target target;
    enum attestation_type type;
    struct provider_signing signing;
    const char *what; /* "corp, policy of Tpm": for messages */
};

/* ---- which ---- */

static int find_type(const struct online *online, const char *typed, enum attestation_type *ret)
{
    const char *names[ATTEST_TYPE_COUNT];
    const char *nearest;

    if (attestation_type_find(span_str(typed), ret)) {
        return EXIT_YES;
    }
    for (int type = 0; type < ATTEST_TYPE_COUNT; type++) {
        names[type] = attestation_type_name((enum attestation_type)type);
    }
    nearest = nearest_word(typed, names, ARRAY_LEN(names));
    cli_complain(online->command, "there is no attestation type '%s'; %s%s%s",
                 online_show(online, span_str(typed)),
                 nearest == NULL ? "there are AzureGuest, Tpm, SgxEnclave, OpenEnclave, SevSnpVm "
                                   "and TdxVm"
                                 : "did you mean '",
                 nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
    return EXIT_USAGE;
}

static int find(struct policy_job *job, const char *name, const char *group)
{
    int code = provider_find(job->online, name, group, true, &job->target);

    if (code == EXIT_YES) {
        job->what = arena_printf(job->online->arena, "%s, policy of %s", job->target.name,
                                 attestation_type_name(job->type));
    }
    return code;
}

static const char *path_of(const struct policy_job *job, const char *ending)
{
    return arena_printf(job->online->arena, "/policies/%s%s", attestation_type_name(job->type),
                        ending);
}

/* ---- show ---- */

enum origin { ORIGIN_NONE, ORIGIN_DEFAULT, ORIGIN_SET };
static const char *const origin_names[] = {"none", "default", "set"};

struct shown {
    struct owner_request request;
    struct span text; /* data NULL: none is set */
    enum origin origin;
    const char *hash;
};

static void shown_done(struct shown *shown)
{
    owner_request_done(&shown->request);
}
DEFINE_CLEANUP_DONE(struct shown, shown_done)

static int read_policy(const struct policy_job *job, yyjson_val *claims, struct shown *ret)
{
    struct arena *arena = job->online->arena;
    struct trail trail = {0};
    err_t err = owner_request_read(arena, json_span(json_get(claims, "x-ms-policy")), &trail,
                                   &ret->request);

    if (err == ERR_OK && ret->request.payload != NULL) {
        err = owner_request_policy(arena, &ret->request, &trail, &ret->text);
        err = err ? err : policy_hash(arena, ret->text, &ret->hash);
        ret->origin = job->type == ATTEST_AZUREGUEST && !ret->request.is_signed &&
                              span_equal(ret->text, policy_default_azureguest_text())
                          ? ORIGIN_DEFAULT
                          : ORIGIN_SET;
    }
    return err ? online_distrust(job->online, job->what, err, &trail) : EXIT_YES;
}

/* {"subject","thumbprint"}; NULL for JSON null. */
static yyjson_mut_val *signer_value(struct arena *arena, yyjson_mut_doc *doc,
                                    const struct cert *cert)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    json_add_text(doc, object, "subject", cert_subject(cert, arena));
    json_add_text(doc, object, "thumbprint", signers_thumbprint(arena, cert));
    return object;
}

static int print_shown_json(const struct policy_job *job, const struct shown *shown)
{
    struct arena *arena = job->online->arena;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return online_out_of_memory(job->online);
    }
    json_add_text(doc, root, "provider", job->target.name);
    json_add_text(doc, root, "attestUri", job->target.uri);
    json_add_text(doc, root, "type", attestation_type_name(job->type));
    json_add_text(doc, root, "origin", origin_names[shown->origin]);
    json_add_bool(doc, root, "signed", shown->request.is_signed);
    json_add_value(doc, root, "signer",
                   shown->request.n_chain > 0 ? signer_value(arena, doc, shown->request.chain[0])
                                              : yyjson_mut_null(doc));
    json_add_text(doc, root, "policyHash", shown->hash);
    if (shown->text.data != NULL) {
        json_add_span(doc, root, "policy", shown->text);
    } else {
        json_add_text(doc, root, "policy", NULL);
    }
    return online_print_json(job->online, doc, root);
}

/* Somebody else's text must not move the cursor of a terminal: line ends and tabs are kept, the
 * rest is escaped. */
static void print_to_terminal(struct arena *arena, struct span text)
{
    size_t at = 0;

    while (at < text.len) {
        size_t from = at;

        while (at < text.len && text.data[at] != '\n' && text.data[at] != '\t') {
            at++;
        }
        fputs(text_escape_dup(arena, span_cut(text, from, at - from), (at - from) * 8 + 8), stdout);
        if (at < text.len) {
            putchar(text.data[at++]);
        }
    }
    if (text.len > 0 && text.data[text.len - 1] != '\n') {
        putchar('\n');
    }
}

/* The policy alone on standard output, byte for byte, so that it can be kept, changed and set
 * again; what is to be known about it beside it. */
static int print_shown(const struct policy_job *job, const struct shown *shown)
{
    struct arena *arena = job->online->arena;

    if (shown->origin == ORIGIN_NONE) {
        cli_complain("provider",
                     "%s: none is set, and there is no default: such evidence is "
                     "refused",
                     job->what);
        return EXIT_YES;
    }
    cli_complain("provider", "%s: %s, %s%s, x-ms-policy-hash %s", job->what,
                 shown->origin == ORIGIN_DEFAULT ? "the default" : "set by an owner",
                 shown->request.is_signed ? "signed by " : "not signed",
                 !shown->request.is_signed     ? ""
                 : shown->request.n_chain == 0 ? "a key without a certificate"
                                               : cert_subject(shown->request.chain[0], arena),
                 shown->hash);
    if (isatty(STDOUT_FILENO)) {
        print_to_terminal(arena, shown->text);
    } else {
        fwrite(shown->text.data, 1, shown->text.len, stdout);
    }
    return EXIT_YES;
}

static int show(struct policy_job *job)
{
    CLEANUP(shown_done) struct shown shown = {0};
    const struct provider_call call = {
        .target = &job->target, .method = "GET", .path = path_of(job, ""), .what = job->what};
    yyjson_val *claims = NULL;
    int code = provider_result(job->online, &call, &claims);

    code = code ? code : read_policy(job, claims, &shown);
    if (code != EXIT_YES) {
        return code;
    }
    return job->online->is_json ? print_shown_json(job, &shown) : print_shown(job, &shown);
}

/* ---- set and reset ---- */

enum { WARNINGS_MAX = 10 }; /* printed; the rest is counted */

/* What is no policy is not sent; what is hardly meant is said. */
static int check(const struct online *online, const char *path, struct span text)
{
    CLEANUP(policy_unref) struct policy *policy = NULL;
    struct policy_warnings warnings = {0};
    struct policy_fault fault = {0};
    err_t err = policy_compile(text, &fault, &policy);

    if (err == ERR_VALUE) {
        fprintf(stderr, "bootwarden %s: %s", online->command,
                policy_fault_show(online->arena, &fault, path, text));
        cli_complain(online->command, "nothing was sent; the policy that was there stays");
        return EXIT_NO;
    }
    err = err ? err : policy_lint(online->arena, policy, &warnings);
    for (size_t i = 0; err == ERR_OK && i < warnings.n && i < WARNINGS_MAX; i++) {
        cli_complain(online->command, "%s:%u:%u: warning: %s", online_show(online, span_str(path)),
                     warnings.items[i].line, warnings.items[i].column, warnings.items[i].text);
    }
    if (err == ERR_OK && warnings.n > WARNINGS_MAX) {
        cli_complain(online->command, "%s: and %zu more warnings; see 'bootwarden policy check'",
                     online_show(online, span_str(path)), warnings.n - WARNINGS_MAX);
    }
    return err ? cli_fail(online->command, path, err, NULL) : EXIT_YES;
}

static int payload_of(const struct online *online, struct span text, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return online_out_of_memory(online);
    }
    json_add_text(doc, root, "AttestationPolicy", base64_dup(online->arena, BASE64_URL, text));
    *ret = json_write(online->arena, doc, root, false);
    return ret->data == NULL ? online_out_of_memory(online) : EXIT_YES;
}

/* Did the service do what was asked, with what was sent? */
static int check_result(const struct policy_job *job, yyjson_val *claims, struct span jws,
                        bool is_reset)
{
    struct span result = json_span(json_get(claims, "x-ms-policy-result"));
    struct span hash = json_span(json_get(claims, "x-ms-policy-token-hash"));
    uint8_t digest[SHA256_BYTES];
    const char *wanted;
    err_t err = hash_once(HASH_SHA256, jws, digest);

    wanted =
        err ? NULL : base64_dup(job->online->arena, BASE64_URL, span_of(digest, sizeof(digest)));
    if (wanted == NULL) {
        return online_out_of_memory(job->online);
    }
    if (!span_is(result, is_reset ? "Removed" : "Updated") ||
        (!is_reset && !span_is(hash, wanted))) {
        return online_distrust(
            job->online,
            arena_printf(job->online->arena, "%s: the result is of another request", job->what),
            ERR_OK, NULL);
    }
    return EXIT_YES;
}

static int print_changed(const struct policy_job *job, yyjson_val *claims, const char *hash)
{
    bool is_signed = job->signing.key != NULL;
    size_t n = 0;
    const struct cert *cert = is_signed ? token_key_chain(job->signing.key, &n)[0] : NULL;
    struct arena *arena = job->online->arena;
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;

    if (!job->online->is_json) {
        printf("%s: %s%s%s", job->what,
               hash != NULL                     ? "set"
               : job->type == ATTEST_AZUREGUEST ? "reset: the default holds again"
                                                : "removed: such evidence is refused now",
               is_signed ? ", signed by " : "", is_signed ? cert_subject(cert, arena) : "");
        printf("%s%s\n", hash != NULL ? ", x-ms-policy-hash " : "", hash != NULL ? hash : "");
        return EXIT_YES;
    }
    doc = json_new(arena);
    root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    if (root == NULL) {
        return online_out_of_memory(job->online);
    }
    json_add_text(doc, root, "provider", job->target.name);
    json_add_text(doc, root, "attestUri", job->target.uri);
    json_add_text(doc, root, "type", attestation_type_name(job->type));
    json_add_span(doc, root, "result", json_span(json_get(claims, "x-ms-policy-result")));
    json_add_value(doc, root, "signer",
                   is_signed ? signer_value(arena, doc, cert) : yyjson_mut_null(doc));
    json_add_text(doc, root, "policyHash", hash);
    return online_print_json(job->online, doc, root);
}

/* text NULL: a reset. */
static int change(struct policy_job *job, const struct span *text)
{
    struct online *online = job->online;
    struct provider_call call = {
        .target = &job->target,
        .method = text != NULL ? "PUT" : "POST",
        .path = path_of(job, text != NULL ? "" : ":reset"),
        .content_type = "text/plain",
        .what = job->what,
        .look_with = arena_printf(online->arena, "bootwarden provider policy show %s %s",
                                  job->target.name, attestation_type_name(job->type)),
        .remedy = job->signing.key == NULL && job->target.is_isolated
                      ? "sign it with --sign-key KEY.pem --sign-cert CERT.pem"
                      : NULL,
    };
    struct span payload = span_str("");
    yyjson_val *claims = NULL;
    const char *hash = NULL;
    int code = text != NULL ? payload_of(online, *text, &payload) : EXIT_YES;

    code = code ? code : provider_jws(online, &job->signing, payload, &call.body);
    if (code == EXIT_YES && text != NULL && policy_hash(online->arena, *text, &hash) != ERR_OK) {
        code = online_out_of_memory(online);
    }
    code = code ? code : provider_result(online, &call, &claims);
    code = code ? code : check_result(job, claims, call.body, text == NULL);
    return code ? code : print_changed(job, claims, hash);
}

/* ---- commands ---- */

#define NOTES                                                                                      \
    "NAME is a provider's name, or its address (https://...), which needs no\n"                    \
    "subscription.\n"                                                                              \
    "Exit status: 0 done, "

int provider_cmd_policy_show(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    struct policy_job job = {.online = &online};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider policy show",
        .arguments = "NAME TYPE",
        .description = "The policy for evidence of a type (AzureGuest, Tpm), to standard output;\n"
                       "where it is from and who signed it to standard error.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 2,
        .max_arguments = 2,
        .notes = NOTES "2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = find_type(&online, online.words.arguments[1], &job.type);
    code = code ? code : find(&job, online.words.arguments[0], group);
    code = code ? code : show(&job);
    return online_finish(&online, code);
}

static int set_policy(struct policy_job *job, const char *group)
{
    struct online *online = job->online;
    const struct option_result *words = &online->words;
    const char *path = words->arguments[2];
    struct trail trail = {0};
    struct span text = {0};
    err_t err;
    int code = find_type(online, words->arguments[1], &job->type);

    if (code != EXIT_YES) {
        return code;
    }
    err = file_read(online->arena, path, (size_t)4 * POLICY_MAX_BYTES, &trail, &text);
    code = err ? cli_fail(online->command, path, err, &trail) : check(online, path, text);
    code = code ? code : provider_signing_load(online, &job->signing);
    code = code ? code : find(job, words->arguments[0], group);
    code = code ? code : provider_need_own(online, &job->target);
    return code ? code : change(job, &text);
}

int provider_cmd_policy_set(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    struct policy_job job = {.online = &online};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_SIGNING(job.signing),
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider policy set",
        .arguments = "NAME TYPE FILE",
        .description = "Set the policy for evidence of a type (AzureGuest, Tpm). It is checked\n"
                       "here first: what is no policy is not sent.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 3,
        .max_arguments = 3,
        .notes = NOTES "1 it is no policy, 2 wrong use or unreadable file,\n"
                       "3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = set_policy(&job, group);
    provider_signing_done(&job.signing);
    return online_finish(&online, code);
}

int provider_cmd_policy_reset(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    struct policy_job job = {.online = &online};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_SIGNING(job.signing),
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider policy reset",
        .arguments = "NAME TYPE",
        .description = "Back to the default policy of a type, or to none where there is no "
                       "default.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 2,
        .max_arguments = 2,
        .notes = NOTES "2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = find_type(&online, online.words.arguments[1], &job.type);
    code = code ? code : provider_signing_load(&online, &job.signing);
    code = code ? code : find(&job, online.words.arguments[0], group);
    code = code ? code : provider_need_own(&online, &job.target);
    code = code ? code : change(&job, NULL);
    provider_signing_done(&job.signing);
    return online_finish(&online, code);
}
