/*
 * device.c - signing in with a code that is typed on another machine (RFC 8628). Who may send these
 * bytes: anybody.
 *
 * What waits is kept in memory alone, for IDP_DEVICE_S. Places are bounded, also for each address
 * that asks, so that nobody fills them all from one place. A code has eight letters of twenty:
 * 2.5e10 of them, against IDP_MAX_FAILURES wrong ones a minute from one address; and whoever finds
 * one needs a user's password besides.
 */
#include "identity/idp-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "identity/principals-internal.h"

static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ"; /* no vowels: no words; no 0, 1, O, I */

static bool is_live(const struct idp_device *device, int64_t now)
{
    return device->expires > now;
}

/* ---- asking for a code ---- */

static err_t make_code(char text[IDP_USER_CODE_LETTERS + 1])
{
    const unsigned n = sizeof(letters) - 1;
    uint8_t byte = 0;

    for (size_t i = 0; i < IDP_USER_CODE_LETTERS;) {
        err_t err = random_bytes(&byte, 1);

        if (err) {
            return err;
        }
        if (byte < 256 / n * n) { /* else some letters would be likelier */
            text[i++] = letters[byte % n];
        }
    }
    text[IDP_USER_CODE_LETTERS] = '\0';
    return ERR_OK;
}

/* Under the lock. NULL: there are too many. Those that ended are told so while their place is not
 * needed. */
static struct idp_device *find_place(struct idp *provider, const uint8_t source[IDP_DIGEST_BYTES],
                                     int64_t now)
{
    struct idp_device *place = NULL;
    size_t n_own = 0;

    for (size_t i = 0; i < IDP_MAX_DEVICES; i++) {
        struct idp_device *one = &provider->devices[i];

        if (!is_live(one, now)) {
            place = place == NULL || one->expires < place->expires ? one : place;
        } else {
            n_own += memcmp(one->source, source, IDP_DIGEST_BYTES) == 0 ? 1 : 0;
        }
    }
    return n_own >= IDP_MAX_DEVICES_OF_ONE ? NULL : place;
}

static struct idp_device *find_code(struct idp *provider, const char *code, int64_t now)
{
    for (size_t i = 0; i < IDP_MAX_DEVICES; i++) {
        struct idp_device *one = &provider->devices[i];

        if (is_live(one, now) && one->state == IDP_DEVICE_PENDING &&
            secret_equal(span_str(one->user_code), span_str(code))) {
            return one;
        }
    }
    return NULL;
}

static bool keep(struct idp *provider, const struct idp_device *made, int64_t now)
{
    struct idp_device *place;

    pthread_mutex_lock(&provider->lock);
    /* The same code twice is as likely as guessing one; then there is none. */
    place = find_code(provider, made->user_code, now) != NULL
                ? NULL
                : find_place(provider, made->source, now);
    if (place != NULL) {
        *place = *made;
    }
    pthread_mutex_unlock(&provider->lock);
    return place != NULL;
}

static void tell_codes(const struct idp *provider, const struct idp_call *call,
                       const struct idp_device *device, const char *code, struct idp_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    const char *uri = arena_printf(call->arena, "%s/devicelogin", provider->endpoint);
    const char *shown =
        arena_printf(call->arena, "%.4s-%s", device->user_code, device->user_code + 4);

    if (root == NULL || uri == NULL || shown == NULL) {
        idp_fault(call, ret);
        return;
    }
    json_add_text(doc, root, "user_code", shown);
    json_add_text(doc, root, "device_code", code);
    json_add_text(doc, root, "verification_uri", uri);
    json_add_text(doc, root, "verification_url", uri); /* as version 1 spells it */
    json_add_int(doc, root, "expires_in", IDP_DEVICE_S);
    json_add_int(doc, root, "interval", IDP_DEVICE_INTERVAL_S);
    json_add_text(doc, root, "message",
                  arena_printf(call->arena,
                               "To sign in, use a web browser to open the page %s and enter the "
                               "code %s to authenticate.",
                               uri, shown));
    ret->status = 200;
    ret->reason = "ok";
    idp_answer_json(call->arena, ret, doc, root);
}

static void make_device(struct idp *provider, const struct idp_call *call,
                        const struct idp_request *request, struct idp_answer *ret)
{
    struct idp_device made = {
        .audience = request->audience,
        .wants_refresh = request->wants_refresh,
        .expires = call->now + IDP_DEVICE_S,
    };
    char code[PRINCIPAL_SECRET_SIZE];
    err_t err = make_code(made.user_code);

    err = err ? err : idp_source(provider, call, made.source);
    err = err ? err : principal_secret(code);
    err = err ? err : hash_once(HASH_SHA256, span_str(code), made.digest);
    if (err) {
        idp_fault(call, ret);
        return;
    }
    principal_lower(span_cut(request->client_id, 0, GUID_SIZE - 1), made.client_id);
    if (!keep(provider, &made, call->now)) {
        idp_refuse(call, ret, 429, "temporarily_unavailable", 90055, "device-limited",
                   "Too many device codes are waiting. Try again later.");
        ret->retry_after_s = IDP_WINDOW_S;
        return;
    }
    tell_codes(provider, call, &made, code, ret);
    secret_wipe(span_of(code, sizeof(code)));
}

void idp_device_code(struct idp *provider, const struct idp_call *call, struct span body,
                     struct idp_answer *ret)
{
    struct idp_request request = {0};

    *ret = (struct idp_answer){.client_id = "", .object_id = "", .reason = "fault"};
    if (!idp_is_tenant(provider, call->tenant)) {
        idp_refuse(call, ret, 400, "invalid_request", 90002, "tenant-unknown",
                   "Tenant '%s' not found.", idp_shown(call, call->tenant));
        return;
    }
    /* RFC 8628, 3.1: an application that has a secret shows it here too. */
    if (idp_read_form(call, body, &request.form, ret) && idp_read_client(call, &request, ret) &&
        idp_check_client(provider, call, &request, ret) &&
        idp_read_audience(provider, call, true, &request, ret)) {
        make_device(provider, call, &request, ret);
    }
    idp_request_wipe(call, &request);
}

/* ---- asking for the token ---- */

enum poll { POLL_UNKNOWN, POLL_EXPIRED, POLL_SOON, POLL_PENDING, POLL_DENIED, POLL_ALLOWED };

/* Under the lock. What is decided is told once. */
static enum poll poll_device(struct idp_device *device, struct span client_id, int64_t now,
                             struct idp_device *ret)
{
    if (!text_span_equal_nocase(client_id, device->client_id)) {
        return POLL_UNKNOWN;
    }
    if (!is_live(device, now)) {
        return POLL_EXPIRED;
    }
    if (now - device->polled < IDP_DEVICE_INTERVAL_S && now >= device->polled) {
        return POLL_SOON;
    }
    device->polled = now;
    *ret = *device;
    if (device->state == IDP_DEVICE_PENDING) {
        return POLL_PENDING;
    }
    *device = (struct idp_device){0};
    return ret->state == IDP_DEVICE_IS_ALLOWED ? POLL_ALLOWED : POLL_DENIED;
}

static enum poll poll_code(struct idp *provider, struct span client_id, struct span code,
                           int64_t now, struct idp_device *ret)
{
    enum poll poll = POLL_UNKNOWN;
    uint8_t digest[IDP_DIGEST_BYTES];

    if (hash_once(HASH_SHA256, code, digest) != ERR_OK) {
        return POLL_UNKNOWN;
    }
    pthread_mutex_lock(&provider->lock);
    for (size_t i = 0; i < IDP_MAX_DEVICES; i++) {
        struct idp_device *one = &provider->devices[i];

        if (one->expires != 0 && memcmp(one->digest, digest, sizeof(digest)) == 0) {
            poll = poll_device(one, client_id, now, ret);
            break;
        }
    }
    pthread_mutex_unlock(&provider->lock);
    return poll;
}

static void grant_allowed(struct idp *provider, const struct idp_call *call,
                          const struct idp_request *request, const struct idp_device *device,
                          struct idp_answer *ret)
{
    struct user user = {0};
    struct idp_grant grant = {
        .user = &user,
        .client_id = ret->client_id,
        .authentication = request->authentication,
        .audience = device->audience,
        .began = device->decided,
        .wants_refresh = device->wants_refresh,
        .wants_client_info = span_is(form_get(&request->form, "client_info"), "1"),
    };

    if (idp_recall_user(provider, call, span_str(device->object_id), span_str(device->mark), ret,
                        &user)) {
        idp_grant(provider, call, &grant, ret);
    }
}

void idp_grant_device(struct idp *provider, const struct idp_call *call,
                      struct idp_request *request, struct idp_answer *ret)
{
    struct span code = form_get(&request->form, "device_code");
    struct idp_device device = {0};

    code = code.data != NULL ? code : form_get(&request->form, "code"); /* version 1 */
    if (code.data == NULL) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "request-incomplete",
                   "The request body must contain the following parameter: 'device_code'.");
        return;
    }
    switch (poll_code(provider, request->client_id, code, call->now, &device)) {
    case POLL_ALLOWED:
        grant_allowed(provider, call, request, &device, ret);
        return;
    case POLL_PENDING:
        idp_refuse(call, ret, 400, "authorization_pending", 70016, "device-pending",
                   "OAuth 2.0 device flow error. Authorization is pending. Continue polling.");
        return;
    case POLL_SOON:
        idp_refuse(call, ret, 400, "slow_down", 70016, "device-slow-down",
                   "OAuth 2.0 device flow error. Ask every %d seconds.", IDP_DEVICE_INTERVAL_S);
        return;
    case POLL_DENIED:
        idp_refuse(call, ret, 400, "access_denied", 65004, "device-denied",
                   "User declined to sign in to the application.");
        return;
    case POLL_EXPIRED:
        idp_refuse(call, ret, 400, "expired_token", 70019, "device-expired",
                   "Verification code expired. Ask for another one.");
        return;
    case POLL_UNKNOWN:
    default:
        idp_refuse(call, ret, 400, "invalid_grant", 70018, "device-unknown",
                   "Invalid verification code: it was never given to this application, or was used "
                   "already.");
        return;
    }
}

/* ---- the person ---- */

/* As people type it: in either case, with or without the dash. False for what is none. */
static bool read_code(struct span text, char ret[IDP_USER_CODE_LETTERS + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '-' || c == ' ') {
            continue;
        }
        c = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
        if (n == IDP_USER_CODE_LETTERS || c < 'A' || c > 'Z') {
            return false;
        }
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    return n == IDP_USER_CODE_LETTERS;
}

/* Is there such a code? Wrong ones are counted where they come from. */
static enum idp_entry check_code(struct idp *provider, const struct idp_call *call,
                                 const char *code, char ret_client[GUID_SIZE])
{
    uint8_t digest[IDP_DIGEST_BYTES];
    const struct idp_device *device;
    struct idp_window *window;
    enum idp_entry entry = IDP_ENTRY_ALLOWED;

    if (idp_source(provider, call, digest) != ERR_OK) {
        return IDP_ENTRY_FAULT;
    }
    pthread_mutex_lock(&provider->lock);
    window = &provider->code_guesses[idp_bucket(digest)];
    device = find_code(provider, code, call->now);
    if (idp_window_is_limited(window, call->now)) {
        entry = IDP_ENTRY_LIMITED;
    } else if (device == NULL) {
        idp_window_count(window, call->now, IDP_WINDOW_S);
        entry = IDP_ENTRY_WRONG_CODE;
    } else {
        memcpy(ret_client, device->client_id, GUID_SIZE);
    }
    pthread_mutex_unlock(&provider->lock);
    return entry;
}

static enum idp_entry decide(struct idp *provider, const struct idp_call *call, const char *code,
                             const struct user *user, bool is_allowed)
{
    const char *mark = idp_password_mark(provider, call->arena, user);
    struct idp_device *device;

    if (mark == NULL) {
        return IDP_ENTRY_FAULT;
    }
    pthread_mutex_lock(&provider->lock);
    device = find_code(provider, code, call->now);
    if (device != NULL) {
        snprintf(device->mark, sizeof(device->mark), "%s", mark);
        device->decided = call->now;
        device->state = is_allowed ? IDP_DEVICE_IS_ALLOWED : IDP_DEVICE_IS_DENIED;
        memcpy(device->object_id, user->object_id, sizeof(device->object_id));
    }
    pthread_mutex_unlock(&provider->lock);
    return device == NULL ? IDP_ENTRY_WRONG_CODE
           : is_allowed   ? IDP_ENTRY_ALLOWED
                          : IDP_ENTRY_DENIED;
}

static enum idp_entry entry_of(enum idp_proof proof)
{
    switch (proof) {
    case IDP_WRONG:
        return IDP_ENTRY_WRONG_PASSWORD;
    case IDP_LIMITED:
        return IDP_ENTRY_LOCKED;
    case IDP_DISABLED:
        return IDP_ENTRY_DISABLED;
    case IDP_BUSY:
        return IDP_ENTRY_BUSY;
    case IDP_PROVEN:
    case IDP_FAULT:
    default:
        return IDP_ENTRY_FAULT;
    }
}

static enum idp_entry enter(struct idp *provider, const struct idp_call *call,
                            const struct form *form, struct idp_entered *ret)
{
    struct span name = form_get(form, "username"), password = form_get(form, "password");
    struct span action = form_get(form, "action");
    char code[IDP_USER_CODE_LETTERS + 1] = "", client[GUID_SIZE] = "";
    struct user user = {0};
    enum idp_entry entry;
    enum idp_proof proof;

    if (form_get(form, "code").data == NULL || name.data == NULL || password.data == NULL ||
        (!span_is(action, "allow") && !span_is(action, "deny"))) {
        return IDP_ENTRY_INCOMPLETE;
    }
    ret->user = idp_shown(call, name);
    entry =
        check_code(provider, call, read_code(form_get(form, "code"), code) ? code : "-", client);
    if (entry != IDP_ENTRY_ALLOWED) {
        ret->retry_after_s = entry == IDP_ENTRY_LIMITED ? IDP_WINDOW_S : 0;
        return entry;
    }
    ret->client = idp_client_name(provider, call->arena, span_str(client));
    ret->client = ret->client == NULL ? "an application" : ret->client;
    proof = idp_prove_user(provider, call, name, password, &user, &ret->retry_after_s);
    return proof == IDP_PROVEN ? decide(provider, call, code, &user, span_is(action, "allow"))
                               : entry_of(proof);
}

void idp_device_enter(struct idp *provider, const struct idp_call *call, struct span body,
                      struct idp_entered *ret)
{
    struct form form = {0};

    *ret = (struct idp_entered){.entry = IDP_ENTRY_INCOMPLETE, .client = "", .user = ""};
    if (form_read(call->arena, body, NULL, &form) == ERR_OK) {
        ret->entry = enter(provider, call, &form, ret);
    }
    form_wipe(&form);
}

const char *idp_entry_name(enum idp_entry entry)
{
    static const char *const names[] = {
        [IDP_ENTRY_ALLOWED] = "ok",
        [IDP_ENTRY_DENIED] = "device-denied",
        [IDP_ENTRY_INCOMPLETE] = "request-incomplete",
        [IDP_ENTRY_WRONG_CODE] = "code-wrong",
        [IDP_ENTRY_LIMITED] = "code-limited",
        [IDP_ENTRY_WRONG_PASSWORD] = "password-wrong",
        [IDP_ENTRY_LOCKED] = "user-locked",
        [IDP_ENTRY_DISABLED] = "user-disabled",
        [IDP_ENTRY_BUSY] = "provider-busy",
        [IDP_ENTRY_FAULT] = "fault",
    };

    return (size_t)entry < ARRAY_LEN(names) ? names[entry] : "fault";
}
