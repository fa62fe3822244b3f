/*
 * refresh.c - refresh tokens: what stands for a password for a while. Who may send these bytes:
 * anybody.
 *
 * A token is sealed, not stored: AES-256-GCM with a key of the server's folder, over who signed in,
 * with which client, for what, when, and a keyed digest of the hash that the password had then. So
 * nobody can make or change one, a password that is set anew ends all of them, and so does
 * disabling or removing the user. Each use gives another one that lives for IDP_REFRESH_S again,
 * until IDP_REFRESH_MAX_S after the password was typed. An older one stays good until its own end:
 * several processes of one client share what they keep.
 */
#include "identity/idp-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "crypto/secret.h"

enum { TOKEN_MAX = 4096, TOKEN_TEXT_MAX = 8192, VERSION = 1 };

/* Also of another tenant or another use of the key it would be something else. */
static const char *context_of(const struct idp *provider, struct arena *arena)
{
    return arena_printf(arena, "bootwarden refresh %d %s", VERSION, provider->tenant);
}

static struct span key_of(const struct idp *provider)
{
    return span_of(provider->refresh_key, sizeof(provider->refresh_key));
}

const char *idp_password_mark(const struct idp *provider, struct arena *arena,
                              const struct user *user)
{
    uint8_t mark[SHA256_BYTES];

    return hmac_once(HASH_SHA256, key_of(provider), span_str(user->password), mark) != ERR_OK
               ? NULL
               : hex_dup(arena, span_of(mark, sizeof(mark)));
}

err_t idp_refresh_seal(const struct idp *provider, const struct idp_call *call,
                       const struct idp_grant *grant, const char **ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    const char *context = context_of(provider, call->arena);
    int64_t expires = call->now + IDP_REFRESH_S, last = grant->began + IDP_REFRESH_MAX_S;
    CLEANUP(buf_done) struct buf text = {0};
    uint8_t iv[GCM_IV_BYTES], tag[GCM_TAG_BYTES];
    struct span plain, cipher = {0};
    err_t err = root == NULL || context == NULL ? ERR_MEMORY : random_bytes(iv, sizeof(iv));

    if (err) {
        return err;
    }
    json_add_text(doc, root, "user", grant->user->object_id);
    json_add_text(doc, root, "client", grant->client_id);
    json_add_text(doc, root, "audience", grant->audience);
    json_add_text(doc, root, "password", idp_password_mark(provider, call->arena, grant->user));
    json_add_int(doc, root, "began", grant->began);
    json_add_int(doc, root, "expires", expires < last ? expires : last);
    plain = json_write(call->arena, doc, root, false);
    err = plain.data == NULL ? ERR_MEMORY
                             : gcm_seal(call->arena, key_of(provider), span_of(iv, sizeof(iv)),
                                        span_str(context), plain, &cipher, tag);
    buf_init(&text, TOKEN_MAX);
    buf_u8(&text, VERSION);
    buf_add(&text, span_of(iv, sizeof(iv)));
    buf_add(&text, span_of(tag, sizeof(tag)));
    buf_add(&text, cipher);
    err = err ? err : buf_err(&text);
    *ret = err ? NULL : base64_dup(call->arena, BASE64_URL, buf_span(&text));
    return err ? err : *ret == NULL ? ERR_MEMORY : ERR_OK;
}

struct refresh {
    struct span user, client, audience, mark;
    int64_t began, expires;
};

static err_t read_plain(struct arena *arena, struct span plain, struct refresh *ret)
{
    yyjson_val *root = NULL;
    uint64_t began = 0, expires = 0;
    err_t err = json_read(arena, plain, NULL, NULL, &root);

    err = err ? err : json_need_string(root, "user", NULL, &ret->user);
    err = err ? err : json_need_string(root, "client", NULL, &ret->client);
    err = err ? err : json_need_string(root, "audience", NULL, &ret->audience);
    err = err ? err : json_need_string(root, "password", NULL, &ret->mark);
    err = err ? err : json_need_uint(root, "began", INT64_MAX, NULL, &began);
    err = err ? err : json_need_uint(root, "expires", INT64_MAX, NULL, &expires);
    ret->began = (int64_t)began;
    ret->expires = (int64_t)expires;
    return err;
}

static err_t open_sealed(const struct idp *provider, struct arena *arena, struct span text,
                         struct refresh *ret)
{
    const char *context = context_of(provider, arena);
    struct span bytes = {0}, plain = {0};
    err_t err =
        text.len > TOKEN_TEXT_MAX ? ERR_TOO_LARGE : base64_decode(arena, BASE64_URL, text, &bytes);

    if (err || context == NULL) {
        return err ? err : ERR_MEMORY;
    }
    if (bytes.len < 1 + GCM_IV_BYTES + GCM_TAG_BYTES || bytes.data[0] != VERSION) {
        return ERR_MALFORMED;
    }
    err = gcm_open(arena, key_of(provider), span_cut(bytes, 1, GCM_IV_BYTES), span_str(context),
                   span_cut(bytes, 1 + GCM_IV_BYTES + GCM_TAG_BYTES, bytes.len),
                   span_cut(bytes, 1 + GCM_IV_BYTES, GCM_TAG_BYTES), &plain);
    return err ? err : read_plain(arena, plain, ret);
}

bool idp_recall_user(struct idp *provider, const struct idp_call *call, struct span object_id,
                     struct span mark, struct idp_answer *ret, struct user *ret_user)
{
    CLEANUP(principals_free) struct principals *principals = idp_principals(provider);
    const struct user *user = principals_user_of(principals, object_id);
    const char *now = user == NULL ? NULL : idp_password_mark(provider, call->arena, user);

    if (user == NULL) {
        idp_refuse(call, ret, 400, "invalid_grant", 50034, "user-removed",
                   "The user account does not exist in this directory any more.");
        return false;
    }
    if (user->is_disabled) {
        idp_refuse_user(call, IDP_DISABLED, 0, ret);
        return false;
    }
    if (now == NULL || !secret_equal(span_str(now), mark)) {
        idp_refuse(
            call, ret, 400, "invalid_grant", 50173, "password-changed",
            "The provided grant has expired: the password was changed since. Sign in again.");
        return false;
    }
    *ret_user = *user;
    return true;
}

/* A scope may ask for another resource than before; without one it is as before. */
static bool find_audience(const struct idp *provider, const struct idp_call *call,
                          const struct refresh *refresh, struct idp_request *request,
                          struct idp_answer *ret)
{
    if (form_get(&request->form, "scope").data != NULL ||
        form_get(&request->form, "resource").data != NULL) {
        return idp_read_audience(provider, call, true, request, ret);
    }
    request->audience = idp_known_resource(provider, refresh->audience);
    if (request->audience == NULL) { /* the server's address changed meanwhile */
        idp_refuse(call, ret, 400, "invalid_grant", 70000, "refresh-invalid",
                   "The provided value for the input parameter 'refresh_token' is for another "
                   "service. Sign in again.");
    }
    return request->audience != NULL;
}

void idp_grant_refresh(struct idp *provider, const struct idp_call *call,
                       struct idp_request *request, struct idp_answer *ret)
{
    struct span text = form_get(&request->form, "refresh_token");
    struct idp_grant grant = {.authentication = request->authentication, .wants_refresh = true};
    struct refresh refresh = {0};
    struct user who = {0};

    if (text.data == NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "request-incomplete",
                   "The request body must contain the following parameter: 'refresh_token'.");
        return;
    }
    if (open_sealed(provider, call->arena, text, &refresh) != ERR_OK ||
        !text_spans_equal_nocase(refresh.client, request->client_id)) {
        idp_refuse(call, ret, 400, "invalid_grant", 70000, "refresh-invalid",
                   "The provided value for the input parameter 'refresh_token' is not valid, or "
                   "was given to another application.");
        return;
    }
    if (call->now >= refresh.expires) {
        idp_refuse(call, ret, 400, "invalid_grant", 700082, "refresh-expired",
                   "The refresh token has expired due to inactivity, or because the sign-in is too "
                   "long ago. Sign in again.");
        return;
    }
    if (!idp_recall_user(provider, call, refresh.user, refresh.mark, ret, &who) ||
        !find_audience(provider, call, &refresh, request, ret)) {
        return;
    }
    grant.user = &who;
    grant.client_id = ret->client_id;
    grant.audience = request->audience;
    grant.scope = request->scope;
    grant.began = refresh.began;
    grant.is_by_resource = request->is_by_resource;
    grant.wants_client_info = span_is(form_get(&request->form, "client_info"), "1");
    idp_grant(provider, call, &grant, ret);
}
