/*
 * provider.h - what the parts of `bootwarden provider` share.
 *
 * A provider is a resource of the management plane, which says where its data plane is; policies
 * and signers are asked for there. What the data plane says in a result token is believed once the
 * token verifies under the keys that the provider publishes.
 */
#ifndef CLI_PROVIDER_H
#define CLI_PROVIDER_H

#include "cli/online.h"
#include "token/token.h"

/* The verbs: argv[0] is the verb. An exit code. */
command_fn provider_cmd_list;
command_fn provider_cmd_show;
command_fn provider_cmd_create;
command_fn provider_cmd_update;
command_fn provider_cmd_delete;
command_fn provider_cmd_rotate;
command_fn provider_cmd_policy_show;
command_fn provider_cmd_policy_set;
command_fn provider_cmd_policy_reset;
command_fn provider_cmd_signer_list;
command_fn provider_cmd_signer_add;
command_fn provider_cmd_signer_remove;

/* ---- which provider: provider-find.c ---- */

struct provider_target {
    const char *name;     /* as people call it, printable: its name, or its address */
    const char *id;       /* of the resource; NULL when only the address is known */
    const char *path;     /* the id as it goes into a request */
    const char *uri;      /* where the data plane is */
    yyjson_val *resource; /* NULL when only the address is known */
    bool is_shared;
    bool is_isolated;
};

/* The row of an option table for it; `g` is a const char *. */
#define PROVIDER_GROUP(g)                                                                          \
    {                                                                                              \
        "group", 'g', OPTION_TEXT, "GROUP", "its resource group", &(g), NULL, 0                    \
    }
/* By name, in the group or (NULL) in the whole subscription; names of shared ones, too. With
 * `or_uri` the name may be the address itself, "https://...", which asks the management plane
 * nothing. That there is none is said: EXIT_SERVICE. */
int provider_find(struct online *online, const char *name, const char *group, bool or_uri,
                  struct provider_target *ret);
/* EXIT_USAGE with words for what is no name of a resource group; NULL is fine. */
int provider_check_group(const struct online *online, const char *group);
/* EXIT_SERVICE with words for one that is shared: nobody changes it. */
int provider_need_own(const struct online *online, const struct provider_target *target);
/* "/subscriptions/S/resourceGroups/G/providers/.../attestationProviders"; group NULL: of the
 * subscription. NULL at the arena's limit. */
const char *provider_path(const struct online *online, const char *group);
/* path?api-version=..., of the management plane; NULL for NULL or at the limit. */
const char *provider_versioned(const struct online *online, const char *path);
/* The group in a resource's id, printable; "" when there is none. */
const char *provider_group(const struct online *online, yyjson_val *resource);

/* ---- showing: provider-show.c ---- */

/* One resource: for people, or as the service has it. An exit code. */
int provider_print(const struct online *online, yyjson_val *resource);

/* ---- what owners ask of it: provider-request.c ---- */

/* Who signs: a key and its certificates, or nobody. */
struct provider_signing {
    const char *key_path, *cert_path;
    struct token_key *key; /* NULL: nobody */
};
void provider_signing_done(struct provider_signing *signing);
DEFINE_CLEANUP_DONE(struct provider_signing, provider_signing_done)
#define PROVIDER_SIGNING(s)                                                                        \
    {"sign-key", 0, OPTION_TEXT, "KEY.pem", "sign with this key", &(s).key_path, NULL, 0},         \
    {                                                                                              \
        "sign-cert", 0, OPTION_TEXT, "CERT.pem", "its certificate, and those above it",            \
            &(s).cert_path, NULL, 0                                                                \
    }

/* Read what the options name; both or none of them. An exit code. */
int provider_signing_load(const struct online *online, struct provider_signing *signing);
/* The certificate of a PEM file, for the caller to free. An exit code. */
int provider_read_cert(const struct online *online, const char *path, struct cert **ret);
/* payload (empty: none) as a JWS, signed or not. An exit code. */
int provider_jws(const struct online *online, const struct provider_signing *signing,
                 struct span payload, struct span *ret);

/* The keys that the provider publishes; NULL in *ret with EXIT_YES when it shows them to nobody. */
int provider_keys(struct online *online, const struct provider_target *target,
                  struct token_keys **ret);
/* A call of the data plane whose answer is a result token: its claims, verified. `method` and
 * `path` without version; body as it goes out. `what` names the thing in messages, look_with as in
 * online_request. */
struct provider_call {
    const struct provider_target *target;
    const char *method, *path, *content_type, *what, *look_with;
    struct span body;
    const char *remedy; /* for a refusal with InvalidOperation; NULL: the usual */
};
int provider_result(struct online *online, const struct provider_call *call, yyjson_val **ret);

#endif
