/*
 * provider-change.c - bootwarden provider create, update and delete.
 */
#include "cli/provider.h"

#include "base/file.h"
#include "provider/name.h"
#include "provider/signers.h"

#include <string.h>

#define GROUP_DEFAULT "bootwarden"

static const char *const switches[] = {"enabled", "disabled", NULL};
static const char *const switch_words[] = {"Enabled", "Disabled"};

/* What create and update have in common. A switch is -1 when it is not asked for. */
struct wanted {
    const char *group, *location;
    struct option_list tags, untags, signers;
    int tpm_authentication, public_access;
};

#define NOTHING_WANTED                                                                             \
    {                                                                                              \
        .tpm_authentication = -1, .public_access = -1                                              \
    }

#define SWITCHES(w)                                                                                \
    {"tpm-authentication",                                                                         \
     0,                                                                                            \
     OPTION_CHOICE,                                                                                \
     "SWITCH",                                                                                     \
     "must who sends TPM evidence sign in",                                                        \
     &(w).tpm_authentication,                                                                      \
     switches,                                                                                     \
     0},                                                                                           \
    {                                                                                              \
        "public-access", 0, OPTION_CHOICE, "SWITCH", "does its address answer at all",             \
            &(w).public_access, switches, 0                                                        \
    }

/* ---- the body ---- */

/* "K=V": where the value begins; NULL, and said, when it is no tag. */
static const char *split_tag(const struct online *online, const char *tag, size_t *ret_len)
{
    const char *equals = strchr(tag, '=');

    if (equals == NULL || equals == tag) {
        cli_complain(online->command, "option --tag: '%s' is no tag; write NAME=VALUE",
                     online_show(online, span_str(tag)));
        return NULL;
    }
    *ret_len = (size_t)(equals - tag);
    return equals + 1;
}

static void set_tag(yyjson_mut_doc *doc, yyjson_mut_val *tags, struct span name, const char *value)
{
    yyjson_mut_obj_remove_keyn(tags, (const char *)name.data, name.len);
    if (value != NULL) {
        yyjson_mut_obj_add(tags, yyjson_mut_strncpy(doc, (const char *)name.data, name.len),
                           yyjson_mut_strcpy(doc, value));
    }
}

/* Tags go as a whole: those that are there, and what is to be different. */
static int add_tags(const struct online *online, const struct wanted *wanted, yyjson_val *before,
                    yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_val *tags;

    if (wanted->tags.n == 0 && wanted->untags.n == 0) {
        return EXIT_YES;
    }
    tags = yyjson_is_obj(before) ? yyjson_val_mut_copy(doc, before) : yyjson_mut_obj(doc);
    if (tags == NULL) {
        return online_out_of_memory(online);
    }
    for (size_t i = 0; i < wanted->untags.n; i++) {
        set_tag(doc, tags, span_str(wanted->untags.items[i]), NULL);
    }
    for (size_t i = 0; i < wanted->tags.n; i++) {
        size_t len = 0;
        const char *value = split_tag(online, wanted->tags.items[i], &len);

        if (value == NULL) {
            return EXIT_USAGE;
        }
        set_tag(doc, tags, span_of(wanted->tags.items[i], len), value);
    }
    json_add_value(doc, root, "tags", tags);
    return EXIT_YES;
}

static int add_signers(const struct online *online, const struct wanted *wanted,
                       yyjson_mut_doc *doc, yyjson_mut_val *properties)
{
    CLEANUP(signers_done) struct signers signers = {0};

    for (size_t i = 0; i < wanted->signers.n; i++) {
        CLEANUP(cert_free) struct cert *cert = NULL;
        int code = provider_read_cert(online, wanted->signers.items[i], &cert);

        if (code != EXIT_YES) {
            return code;
        }
        if (signers_add(&signers, cert) != ERR_OK) {
            cli_complain(online->command, "more than %d signers; a provider has no more",
                         SIGNERS_MAX);
            return EXIT_USAGE;
        }
    }
    if (signers.n > 0) {
        json_add_value(doc, properties, "policySigningCertificates",
                       signers_value(online->arena, doc, &signers));
    }
    return EXIT_YES;
}

static int write_body(const struct online *online, const struct wanted *wanted, yyjson_val *tags,
                      struct span *ret)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    yyjson_mut_val *properties;
    int code;

    if (root == NULL) {
        return online_out_of_memory(online);
    }
    if (wanted->location != NULL) {
        json_add_text(doc, root, "location", wanted->location);
    }
    properties = json_add_object(doc, root, "properties");
    if (wanted->tpm_authentication >= 0) {
        json_add_text(doc, properties, "tpmAttestationAuthentication",
                      switch_words[wanted->tpm_authentication]);
    }
    if (wanted->public_access >= 0) {
        json_add_text(doc, properties, "publicNetworkAccess", switch_words[wanted->public_access]);
    }
    code = add_tags(online, wanted, tags, doc, root);
    code = code ? code : add_signers(online, wanted, doc, properties);
    if (code != EXIT_YES) {
        return code;
    }
    *ret = json_write(online->arena, doc, root, false);
    return ret->data == NULL ? online_out_of_memory(online) : EXIT_YES;
}

static const char *look_with(const struct online *online, const char *name)
{
    return arena_printf(online->arena, "bootwarden provider show %s",
                        online_show(online, span_str(name)));
}

/* ---- create ---- */

static int check_name(const struct online *online, const char *name)
{
    struct trail trail = {0};
    err_t err = provider_name_check(span_str(name), &trail);

    if (err == ERR_OK && provider_name_is_shared(span_str(name))) {
        err = trail_set(&trail, ERR_VALUE,
                        "names that begin with 'shared' are the service's own; choose another");
    }
    if (err) {
        cli_complain(online->command, "'%s': %s", online_show(online, span_str(name)), trail.what);
        return EXIT_USAGE;
    }
    return EXIT_YES;
}

/* A PUT on one that is there would change it. */
static int check_free(struct online *online, const char *path, const char *name, const char *group)
{
    const struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "GET", .path = provider_versioned(online, path)};
    struct online_answer answer = {0};
    int code = online_call(online, &request, &answer);

    if (code != EXIT_YES || answer.status == 404) {
        return code;
    }
    if (answer.status == 200) {
        cli_complain(online->command,
                     "%s: there is a provider of this name in the resource group %s already; "
                     "'bootwarden provider update' changes it",
                     name, online_show(online, span_str(group)));
        return EXIT_SERVICE;
    }
    return online_refused(online, name, &answer, NULL);
}

static const char *remedy_for(const struct online_answer *answer)
{
    const char *code = online_error_code(answer);
    struct span words = json_span(json_get(json_get(answer->json, "error"), "message"));

    if (strcmp(code, "NameAlreadyExists") == 0) {
        return "names are unique on a server; choose another";
    }
    if (strcmp(code, "LocationNotAvailableForResourceType") == 0 ||
        span_starts(words, "location:")) {
        return "'bootwarden provider list' shows the locations that are served";
    }
    return NULL;
}

static int create(struct online *online, const char *name, const struct wanted *wanted)
{
    const char *path = provider_path(online, wanted->group);
    struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "PUT", .look_with = look_with(online, name)};
    struct online_answer answer = {0};
    int code = write_body(online, wanted, NULL, &request.body);

    if (code != EXIT_YES) {
        return code;
    }
    path = path == NULL ? NULL : arena_printf(online->arena, "%s/%s", path, name);
    request.path = provider_versioned(online, path);
    code = check_free(online, path, name, wanted->group);
    code = code ? code : online_call(online, &request, &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (answer.status != 200 && answer.status != 201) {
        return online_refused(online, name, &answer, remedy_for(&answer));
    }
    return provider_print(online, answer.json);
}

int provider_cmd_create(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    struct wanted w = NOTHING_WANTED;
    const struct option options[] = {
        {"location", 'l', OPTION_TEXT, "LOCATION", "region, such as eastus", &w.location, NULL, 0},
        {"group", 'g', OPTION_TEXT, "GROUP", "resource group (" GROUP_DEFAULT ")", &w.group, NULL,
         0},
        {"signer", 0, OPTION_LIST, "CERT.pem", "isolated: policies are signed; repeatable",
         &w.signers, NULL, 0},
        SWITCHES(w),
        {"tag", 't', OPTION_LIST, "NAME=VALUE", "repeatable", &w.tags, NULL, 0},
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider create",
        .arguments = "NAME",
        .description = "Make a provider with policies of its own. With signers it is isolated for\n"
                       "good: only what one of them signs changes its policies.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 made, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    if (w.location == NULL) {
        cli_complain("provider create", "needs --location; 'bootwarden provider list' shows those "
                                        "that are served");
        return EXIT_USAGE;
    }
    w.group = w.group == NULL ? GROUP_DEFAULT : w.group;
    code = online_need_subscription(&online);
    code = code ? code : check_name(&online, online.words.arguments[0]);
    code = code ? code : provider_check_group(&online, w.group);
    code = code ? code : create(&online, online.words.arguments[0], &w);
    return online_finish(&online, code);
}

/* ---- update ---- */

static int update(struct online *online, const char *name, const struct wanted *wanted)
{
    struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "PATCH", .look_with = look_with(online, name)};
    struct online_answer answer = {0};
    struct provider_target target;
    int code = provider_find(online, name, wanted->group, false, &target);

    code = code ? code : provider_need_own(online, &target);
    code =
        code ? code : write_body(online, wanted, json_get(target.resource, "tags"), &request.body);
    if (code != EXIT_YES) {
        return code;
    }
    request.path = provider_versioned(online, target.path);
    code = online_ask(online, &request, target.name, &answer);
    return code ? code : provider_print(online, answer.json);
}

int provider_cmd_update(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    struct wanted w = NOTHING_WANTED;
    const struct option options[] = {
        SWITCHES(w),
        {"tag", 't', OPTION_LIST, "NAME=VALUE", "set this tag; repeatable", &w.tags, NULL, 0},
        {"untag", 0, OPTION_LIST, "NAME", "remove this tag; repeatable", &w.untags, NULL, 0},
        PROVIDER_GROUP(w.group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider update",
        .arguments = "NAME",
        .description = "Change the switches and tags of a provider; what is not named stays.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 changed, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    if (w.tpm_authentication < 0 && w.public_access < 0 && w.tags.n == 0 && w.untags.n == 0) {
        cli_complain("provider update", "nothing to change is named; write --tpm-authentication, "
                                        "--public-access, --tag or --untag");
        return EXIT_USAGE;
    }
    code = update(&online, online.words.arguments[0], &w);
    return online_finish(&online, code);
}

/* ---- delete ---- */

static int print_deleted(const struct online *online, const struct provider_target *target,
                         bool was_there)
{
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;

    if (!online->is_json) {
        printf("%s: %s\n", target->name,
               was_there ? "deleted with its policies and keys; tokens that it signed cannot be "
                           "verified any more"
                         : "was deleted by somebody else meanwhile");
        return EXIT_YES;
    }
    doc = json_new(online->arena);
    root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    if (root == NULL) {
        return online_out_of_memory(online);
    }
    json_add_text(doc, root, "id", target->id);
    json_add_bool(doc, root, "deleted", was_there);
    return online_print_json(online, doc, root);
}

static int remove_one(struct online *online, const char *name, const char *group)
{
    struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "DELETE", .look_with = look_with(online, name)};
    struct online_answer answer = {0};
    struct provider_target target;
    int code = provider_find(online, name, group, false, &target);

    code = code ? code : provider_need_own(online, &target);
    if (code != EXIT_YES) {
        return code;
    }
    request.path = provider_versioned(online, target.path);
    code = online_ask(online, &request, target.name, &answer);
    return code ? code : print_deleted(online, &target, answer.status == 200);
}

int provider_cmd_delete(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *group = NULL;
    const struct option options[] = {
        PROVIDER_GROUP(group),
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "provider delete",
        .arguments = "NAME",
        .description =
            "Remove a provider, its policies and its keys. Tokens that it signed cannot\n"
            "be verified any more, and there is no way back.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 removed, 2 wrong use, 3 there is none, or the service refuses or "
                 "is\nnot reachable.",
    };
    int code = EXIT_YES;

    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = remove_one(&online, online.words.arguments[0], group);
    return online_finish(&online, code);
}
