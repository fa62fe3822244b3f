/*
 * provider-signer.c - bootwarden provider signer list, add and remove: whose signature an isolated
 * provider takes. Who may send the certificates read here: whoever sits at the provider's address.
 */
#include "cli/provider.h"

#include "base/codec.h"
#include "base/timestamp.h"
#include "provider/signers.h"

#include <string.h>

/* ---- list ---- */

static void print_signer(const struct online *online, const struct cert *cert)
{
    int64_t from = 0, to = 0;
    char expires[TIMESTAMP_SIZE];

    cert_validity(cert, &from, &to);
    timestamp_format(to, expires, sizeof(expires));
    printf("%-40s  %-20s  %s\n", signers_thumbprint(online->arena, cert), expires,
           cert_subject(cert, online->arena));
}

static int print_signers(const struct online *online, const struct provider_target *target,
                         const struct signers *signers)
{
    if (signers->n == 0) {
        cli_complain("provider", "%s has no policy signers: its policies need no signature",
                     target->name);
        return EXIT_YES;
    }
    printf("%-40s  %-20s  %s\n", "THUMBPRINT", "EXPIRES", "SUBJECT");
    for (size_t i = 0; i < signers->n; i++) {
        print_signer(online, signers->certs[i]);
    }
    return EXIT_YES;
}

static int print_signers_json(const struct online *online, const struct signers *signers)
{
    struct arena *arena = online->arena;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_arr(doc);

    for (size_t i = 0; root != NULL && i < signers->n; i++) {
        const struct cert *cert = signers->certs[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, root);
        int64_t from = 0, to = 0;
        char expires[TIMESTAMP_SIZE];

        cert_validity(cert, &from, &to);
        timestamp_format(to, expires, sizeof(expires));
        json_add_text(doc, object, "thumbprint", signers_thumbprint(arena, cert));
        json_add_text(doc, object, "subject", cert_subject(cert, arena));
        json_add_text(doc, object, "expires", expires);
        json_add_text(doc, object, "certificate",
                      base64_dup(arena, BASE64_STANDARD, cert_der(cert)));
    }
    return root == NULL ? online_out_of_memory(online) : online_print_json(online, doc, root);
}

static int list(struct online *online, const char *name, const char *group)
{
    CLEANUP(signers_done) struct signers signers = {0};
    struct provider_target target;
    struct provider_call call = {.target = &target, .method = "GET", .path = "/certificates"};
    struct trail trail = {0};
    yyjson_val *claims = NULL;
    err_t err;
    int code = provider_find(online, name, group, true, &target);

    call.what = target.name;
    code = code ? code : provider_result(online, &call, &claims);
    if (code != EXIT_YES) {
        return code;
    }
    err =
        signers_read(online->arena, json_get(claims, "x-ms-policy-certificates"), &trail, &signers);
    if (err) {
        return online_distrust(online, target.name, err, &trail);
    }
    return online->is_json ? print_signers_json(online, &signers)
                           : print_signers(online, &target, &signers);
}

int provider_cmd_signer_list(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider signer list",
        .arguments = "NAME",
        .description = "The certificates whose keys may sign policies of an isolated provider.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 listed, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = list(&online, online.words.arguments[0], group);
    return online_finish(&online, code);
}

/* ---- add and remove ---- */

struct signer_job {
    struct online *online;
    struct provider_target target;
    struct provider_signing signing;
    struct cert *cert; /* owned */
    bool is_added;
};

/* {"policyCertificate": JWK}, signed, as a JSON string (attestation-api section 7). */
static int make_body(const struct signer_job *job, struct span *ret)
{
    struct arena *arena = job->online->arena;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *quoted;
    enum token_alg alg = token_alg_of(cert_key(job->cert));
    struct cert *const chain[] = {job->cert};
    struct span payload, jws = {0};
    int code;

    if (root == NULL) {
        return online_out_of_memory(job->online);
    }
    json_add_value(doc, root, "policyCertificate",
                   jwk_value(arena, doc, NULL, alg, cert_key(job->cert), chain, 1));
    payload = json_write(arena, doc, root, false);
    if (payload.data == NULL) {
        return online_out_of_memory(job->online);
    }
    code = provider_jws(job->online, &job->signing, payload, &jws);
    if (code != EXIT_YES) {
        return code;
    }
    quoted = yyjson_mut_strn(doc, (const char *)jws.data, jws.len);
    if (quoted != NULL) {
        *ret = json_write(arena, doc, quoted, false);
    }
    return quoted == NULL || ret->data == NULL ? online_out_of_memory(job->online) : EXIT_YES;
}

/* Did the service do what was asked, with this certificate? */
static int check_result(const struct signer_job *job, yyjson_val *claims)
{
    struct span state = json_span(json_get(claims, "x-ms-policycertificates-result"));
    struct span thumbprint = json_span(json_get(claims, "x-ms-certificate-thumbprint"));
    const char *wanted = signers_thumbprint(job->online->arena, job->cert);

    if (wanted == NULL) {
        return online_out_of_memory(job->online);
    }
    if (!span_is(state, job->is_added ? "IsPresent" : "IsAbsent") || !span_is(thumbprint, wanted)) {
        return online_distrust(job->online,
                               arena_printf(job->online->arena,
                                            "%s: the result is of another request",
                                            job->target.name),
                               ERR_OK, NULL);
    }
    return EXIT_YES;
}

static int print_changed(const struct signer_job *job)
{
    struct arena *arena = job->online->arena;
    const char *thumbprint = signers_thumbprint(arena, job->cert);
    const char *subject = cert_subject(job->cert, arena);
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;

    if (!job->online->is_json) {
        printf("%s: %s %s (%s)\n", job->target.name, subject,
               job->is_added ? "signs policies from now on" : "signs policies no more", thumbprint);
        return EXIT_YES;
    }
    doc = json_new(arena);
    root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    if (root == NULL) {
        return online_out_of_memory(job->online);
    }
    json_add_text(doc, root, "provider", job->target.name);
    json_add_text(doc, root, "attestUri", job->target.uri);
    json_add_text(doc, root, "result", job->is_added ? "IsPresent" : "IsAbsent");
    json_add_text(doc, root, "subject", subject);
    json_add_text(doc, root, "thumbprint", thumbprint);
    return online_print_json(job->online, doc, root);
}

static int change(struct signer_job *job)
{
    struct provider_call call = {
        .target = &job->target,
        .method = "POST",
        .path = job->is_added ? "/certificates:add" : "/certificates:remove",
        .what = job->target.name,
        .look_with = arena_printf(job->online->arena, "bootwarden provider signer list %s",
                                  job->target.name),
    };
    yyjson_val *claims = NULL;
    int code = make_body(job, &call.body);

    code = code ? code : provider_result(job->online, &call, &claims);
    code = code ? code : check_result(job, claims);
    return code ? code : print_changed(job);
}

static int run(struct signer_job *job, const char *group)
{
    struct online *online = job->online;
    const struct option_result *words = &online->words;
    int code;

    if (job->signing.key_path == NULL || job->signing.cert_path == NULL) {
        cli_complain(online->command, "only a signer changes who signs; write --sign-key KEY.pem "
                                      "and --sign-cert CERT.pem of one");
        return EXIT_USAGE;
    }
    code = provider_read_cert(online, words->arguments[1], &job->cert);
    code = code ? code : provider_signing_load(online, &job->signing);
    code = code ? code : provider_find(online, words->arguments[0], group, true, &job->target);
    code = code ? code : provider_need_own(online, &job->target);
    return code ? code : change(job);
}

static int change_signer(int argc, char **argv, const char *command, bool is_added)
{
    CLEANUP(online_end) struct online online = {0};
    struct signer_job job = {.online = &online, .is_added = is_added};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_SIGNING(job.signing),
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = command,
        .arguments = "NAME CERT.pem",
        .description =
            is_added
                ? "Let the key of one more certificate sign policies of an isolated provider. One\n"
                  "of those that may already has to sign this."
                : "Take the right to sign policies of an isolated provider from a certificate. "
                  "One\n"
                  "of those that have it has to sign this; the last one cannot be removed.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 2,
        .max_arguments = 2,
        .notes =
            "Exit status: 0 done, 2 wrong use or unreadable file, 3 the service refuses or is\n"
            "not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = run(&job, group);
    provider_signing_done(&job.signing);
    cert_free(job.cert);
    return online_finish(&online, code);
}

int provider_cmd_signer_add(int argc, char **argv)
{
    return change_signer(argc, argv, "provider signer add", true);
}

int provider_cmd_signer_remove(int argc, char **argv)
{
    return change_signer(argc, argv, "provider signer remove", false);
}
