/*
 * issue.c - tokens, and the answer that carries them, as Entra ID writes both.
 */
#include "identity/idp-internal.h"

#include "base/codec.h"
#include "crypto/secret.h"

enum { UTI_BYTES = 16 };

/* A name of its own for each token. */
static err_t add_uti(yyjson_mut_doc *doc, yyjson_mut_val *claims)
{
    CLEANUP(buf_done) struct buf uti = {0};
    uint8_t random[UTI_BYTES];
    err_t err = random_bytes(random, sizeof(random));

    buf_init(&uti, 64);
    base64_encode(&uti, BASE64_URL, span_of(random, sizeof(random)));
    json_add_text(doc, claims, "uti", buf_cstr(&uti));
    return err ? err : buf_err(&uti);
}

static void add_application(const struct principal *who, yyjson_mut_doc *doc,
                            yyjson_mut_val *claims)
{
    json_add_text(doc, claims, "app_displayname", who->name);
    json_add_text(doc, claims, "idtyp", "app");
    json_add_text(doc, claims, "oid", who->object_id);
    json_add_text(doc, claims, "sub", who->object_id);
}

static void add_person(bool is_v1, const struct user *who, yyjson_mut_doc *doc,
                       yyjson_mut_val *claims)
{
    json_add_text(doc, claims, "name", who->name);
    json_add_text(doc, claims, "oid", who->object_id);
    json_add_text(doc, claims, "sub", who->object_id);
    json_add_text(doc, claims, "upn", who->upn);
    json_add_text(doc, claims, is_v1 ? "unique_name" : "preferred_username", who->upn);
}

/* Of every token: issuer, times, a number of its own. doc NULL: without memory. */
static err_t begin_claims(const struct idp *provider, const struct idp_call *call,
                          yyjson_mut_doc *doc, yyjson_mut_val **ret)
{
    const char *issuer = call->is_v1 ? provider->issuer_v1 : provider->issuer_v2;

    *ret = doc == NULL ? NULL : token_claims(doc, issuer, call->now, IDP_TOKEN_S);
    return *ret == NULL ? ERR_MEMORY : add_uti(doc, *ret);
}

err_t idp_issue(const struct idp *provider, const struct idp_call *call,
                const struct idp_grant *grant, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *claims = NULL;
    err_t err = begin_claims(provider, call, doc, &claims);

    if (err) {
        return err;
    }
    json_add_text(doc, claims, "aud", grant->audience);
    json_add_text(doc, claims, call->is_v1 ? "appid" : "azp", grant->client_id);
    json_add_text(doc, claims, call->is_v1 ? "appidacr" : "azpacr", grant->authentication);
    if (grant->user != NULL) {
        add_person(call->is_v1, grant->user, doc, claims);
        json_add_text(doc, claims, "idtyp", "user");
        json_add_text(doc, claims, "scp", "user_impersonation");
    } else {
        add_application(grant->principal, doc, claims);
    }
    json_add_text(doc, claims, "tid", provider->tenant);
    json_add_text(doc, claims, "ver", call->is_v1 ? "1.0" : "2.0");
    return token_issue(provider->signing, call->arena, NULL, doc, claims, ret);
}

/* Who the user is, for the client (OpenID Connect Core, 2): its audience is the client, so that it
 * is nothing to a service. */
static err_t issue_id(const struct idp *provider, const struct idp_call *call,
                      const struct idp_grant *grant, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *claims = NULL;
    err_t err = begin_claims(provider, call, doc, &claims);

    if (err) {
        return err;
    }
    json_add_text(doc, claims, "aud", grant->client_id);
    add_person(call->is_v1, grant->user, doc, claims);
    if (call->is_v1) { /* MSAL asks for either name, whichever address it was given */
        json_add_text(doc, claims, "preferred_username", grant->user->upn);
    }
    json_add_text(doc, claims, "tid", provider->tenant);
    json_add_text(doc, claims, "ver", call->is_v1 ? "1.0" : "2.0");
    return token_issue(provider->signing, call->arena, NULL, doc, claims, ret);
}

/* {"uid","utid"}: under which name MSAL keeps what it got. */
static const char *client_info(const struct idp *provider, const struct idp_call *call,
                               const struct idp_grant *grant)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span text;

    if (root == NULL) {
        return NULL;
    }
    json_add_text(doc, root, "uid", grant->user->object_id);
    json_add_text(doc, root, "utid", provider->tenant);
    text = json_write(call->arena, doc, root, false);
    return text.data == NULL ? NULL : base64_dup(call->arena, BASE64_URL, text);
}

/* Version 1 writes its numbers as texts. */
static void add_number(const struct idp_call *call, bool is_text, yyjson_mut_doc *doc,
                       yyjson_mut_val *root, const char *name, int64_t value)
{
    if (is_text) {
        json_add_text(doc, root, name, arena_printf(call->arena, "%lld", (long long)value));
    } else {
        json_add_int(doc, root, name, value);
    }
}

static err_t add_for_person(const struct idp *provider, const struct idp_call *call,
                            const struct idp_grant *grant, yyjson_mut_doc *doc,
                            yyjson_mut_val *root)
{
    struct span id = {0};
    const char *refresh = NULL;
    err_t err = issue_id(provider, call, grant, &id);

    if (err == ERR_OK && grant->wants_refresh) {
        err = idp_refresh_seal(provider, call, grant, &refresh);
        json_add_text(doc, root, "refresh_token", refresh);
    }
    json_add_span(doc, root, "id_token", id);
    if (grant->wants_client_info) {
        json_add_text(doc, root, "client_info", client_info(provider, call, grant));
    }
    return err;
}

void idp_grant(const struct idp *provider, const struct idp_call *call,
               const struct idp_grant *grant, struct idp_answer *ret)
{
    const int64_t left = IDP_TOKEN_S - 1;
    const bool is_text = grant->is_by_resource;
    const char *object_id =
        grant->user != NULL ? grant->user->object_id : grant->principal->object_id;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    struct span token = {0};

    if (root == NULL || idp_issue(provider, call, grant, &token) != ERR_OK ||
        (grant->user != NULL && add_for_person(provider, call, grant, doc, root) != ERR_OK)) {
        idp_fault(call, ret);
        return;
    }
    json_add_text(doc, root, "token_type", "Bearer");
    add_number(call, is_text, doc, root, "expires_in", left);
    add_number(call, is_text, doc, root, "ext_expires_in", left);
    if (is_text) {
        add_number(call, is_text, doc, root, "expires_on", call->now + IDP_TOKEN_S);
        add_number(call, is_text, doc, root, "not_before", call->now);
        json_add_text(doc, root, "resource", grant->audience);
    }
    if (grant->scope.data != NULL && grant->user != NULL) {
        json_add_span(doc, root, "scope", grant->scope);
    } else if (grant->user != NULL && !is_text) {
        json_add_text(doc, root, "scope",
                      arena_printf(call->arena, "%s/.default", grant->audience));
    }
    json_add_span(doc, root, "access_token", token);
    ret->status = 200;
    ret->reason = "ok";
    ret->object_id = (const char *)arena_dup(call->arena, span_str(object_id)).data;
    ret->object_id = ret->object_id == NULL ? "" : ret->object_id;
    idp_answer_json(call->arena, ret, doc, root);
}
