/*
 * joins.c - who may join: an owner announces a machine, or admits a guest that waits.
 */
#include "service/machines-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "store/joins.h"

#include <stdio.h>

enum {
    TOKEN_RANDOM_BYTES = 24,
    DAYS_DEFAULT = 7,
    DAYS_MAX = 366,
    USES_MAX = 10000,
    SHOWN_MAX = 1000,
    DAY_S = 86400,
};
#define TOKEN_PREFIX "bwj_" /* so that scanners for secrets know one when they see it */

/* ---- reading ---- */

static err_t fault(struct trail *trail, const char *member, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, member);
}

/* Before the number of an announcement that has no name; no name begins so. */
#define REFERENCE_MARK "@"

static err_t read_name(yyjson_val *root, struct trail *trail, char ret[STORE_NAME_MAX + 1])
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    yyjson_val *value = json_get(root, "name");
    const char *text = value == NULL ? "" : json_text(value);

    if (text == NULL || strlen(text) > STORE_NAME_MAX || text[strspn(text, allowed)] != '\0' ||
        (value != NULL && text[0] == '\0')) {
        return fault(trail, "name", "must be 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    snprintf(ret, STORE_NAME_MAX + 1, "%s", text);
    return ERR_OK;
}

/* 64 hexadecimal digits. */
static err_t read_digest(const struct service_call *call, yyjson_val *value, struct trail *trail,
                         uint8_t ret[STORE_DIGEST_BYTES])
{
    struct span digest = {0};

    if (!yyjson_is_str(value) || hex_decode(call->arena, json_span(value), &digest) != ERR_OK ||
        digest.len != STORE_DIGEST_BYTES) {
        return fault(trail, "ekDigest",
                     "must be 64 hexadecimal digits: the SHA-256 of the endorsement key's "
                     "SubjectPublicKeyInfo");
    }
    memcpy(ret, digest.data, digest.len);
    return ERR_OK;
}

static err_t read_count(yyjson_val *root, const char *name, unsigned max, struct trail *trail,
                        unsigned *ret)
{
    yyjson_val *value = json_get(root, name);

    if (value == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) == 0 || yyjson_get_uint(value) > max) {
        trail_set(trail, ERR_VALUE, "must be 1 to %u", max);
        return trail_in(trail, ERR_VALUE, name);
    }
    *ret = (unsigned)yyjson_get_uint(value);
    return ERR_OK;
}

static err_t read_object(const struct service_call *call, struct span body, struct trail *trail,
                         yyjson_val **ret)
{
    err_t err = json_read(call->arena, body, NULL, trail, ret);

    if (err == ERR_OK && !yyjson_is_obj(*ret)) {
        err = trail_set(trail, ERR_JSON_TYPE, "the body is not a JSON object");
    }
    return err;
}

/* ---- announcing ---- */

/* The token is told once and never kept: only its digest is. */
static err_t make_token(const struct service_call *call, struct store_announced *announced,
                        const char **ret)
{
    uint8_t bytes[TOKEN_RANDOM_BYTES];
    const char *token;
    err_t err = random_bytes(bytes, sizeof(bytes));

    if (err) {
        return err;
    }
    token = arena_printf(call->arena, TOKEN_PREFIX "%s",
                         base64_dup(call->arena, BASE64_URL, span_of(bytes, sizeof(bytes))));
    if (token == NULL) {
        return ERR_MEMORY;
    }
    announced->has_token = true;
    *ret = token;
    return hasher_once(call->hasher, HASH_SHA256, span_str(token), announced->token_digest);
}

static err_t read_announcement(struct service *service, const struct service_call *call,
                               const struct machine_path *path, struct span body,
                               struct trail *trail, struct store_announced *ret,
                               const char **ret_token)
{
    yyjson_val *root = NULL, *ek;
    unsigned days = DAYS_DEFAULT, uses = 1;
    bool wants_token;
    err_t err = read_object(call, body, trail, &root);

    err = err ? err : machines_subscription(service, path->subscription, trail, ret->subscription);
    err = err ? err : read_name(root, trail, ret->name);
    err = err ? err : read_count(root, "validDays", DAYS_MAX, trail, &days);
    err = err ? err : read_count(root, "uses", USES_MAX, trail, &uses);
    if (err) {
        return err;
    }
    ek = json_get(root, "ekDigest");
    if (ek != NULL) {
        err = read_digest(call, ek, trail, ret->ek_digest);
        ret->has_ek = true;
    }
    if (err == ERR_OK && uses > 1 && (ret->name[0] != '\0' || ret->has_ek)) {
        err = fault(trail, "uses",
                    "more than one goes without name and ekDigest: one machine has "
                    "one of each");
    }
    if (err == ERR_OK && uses == 1 && ret->name[0] == '\0' && !ret->has_ek) {
        err = fault(trail, "name", "is missing: what shall the machine be called?");
    }
    /* A TPM that is named needs no token, unless both are wanted. */
    wants_token = yyjson_is_true(json_get(root, "token")) || !ret->has_ek;
    if (err == ERR_OK && wants_token) {
        err = make_token(call, ret, ret_token);
    }
    ret->uses = uses;
    ret->created = call->now;
    ret->expires = call->now + (int64_t)days * DAY_S;
    snprintf(ret->who, sizeof(ret->who), "%s", path->who);
    return err;
}

static void add_announced(const struct service_call *call, yyjson_mut_doc *doc, yyjson_mut_val *to,
                          const struct store_announced *a)
{
    json_add_text(doc, to, "name", a->name[0] == '\0' ? NULL : a->name);
    if (a->id != 0) { /* as DELETE takes it */
        json_add_text(doc, to, "reference",
                      a->name[0] != '\0'
                          ? a->name
                          : arena_printf(call->arena, REFERENCE_MARK "%lld", (long long)a->id));
    }
    if (a->has_ek) {
        json_add_hex(call->arena, doc, to, "ekDigest", span_of(a->ek_digest, STORE_DIGEST_BYTES));
    } else {
        json_add_text(doc, to, "ekDigest", NULL);
    }
    json_add_bool(doc, to, "hasToken", a->has_token);
    json_add_uint(doc, to, "uses", a->uses);
    machines_add_time(call->arena, doc, to, "created", a->created);
    machines_add_time(call->arena, doc, to, "expires", a->expires);
    json_add_text(doc, to, "by", a->who);
}

/* For the audit: what the change was about. Names are of few characters, digests of fewer. */
static const char *note_of(const struct service_call *call, const struct store_announced *a)
{
    return arena_printf(
        call->arena, "name=%s ek=%s uses=%u", a->name[0] == '\0' ? "-" : a->name,
        a->has_ek ? hex_dup(call->arena, span_of(a->ek_digest, STORE_DIGEST_BYTES)) : "-", a->uses);
}

void service_join_announce(struct service *service, const struct service_call *call,
                           const struct machine_path *path, struct span body,
                           struct service_answer *ret)
{
    struct store_announced announced = {0};
    struct trail trail = {0};
    const char *token = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = root == NULL
                    ? ERR_MEMORY
                    : read_announcement(service, call, path, body, &trail, &announced, &token);

    err = err ? err : store_announce(service->store, &announced, &trail);
    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    add_announced(call, doc, root, &announced);
    json_add_text(doc, root, "token", token);
    answer_json(call, ret, doc, root);
    ret->note = note_of(call, &announced);
}

/* ---- the list ---- */

static err_t list(struct service *service, const struct service_call *call,
                  const struct machine_path *path, struct trail *trail, struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *announced, *waiting;
    struct store_announced *a = NULL;
    struct store_waiting *w = NULL;
    char subscription[STORE_ID_SIZE];
    size_t n_a = 0, n_w = 0, all_a = 0, all_w = 0;
    err_t err = root == NULL
                    ? ERR_MEMORY
                    : machines_subscription(service, path->subscription, trail, subscription);

    err = err ? err
              : store_announced_list(service->store, call->arena, subscription, SHOWN_MAX, trail,
                                     &a, &n_a);
    err = err ? err : store_announced_count(service->store, subscription, trail, &all_a);
    /* Who waits belongs to nobody yet: the server's own subscription decides. */
    if (err == ERR_OK && subscription[0] == '\0') {
        err = store_waiting_list(service->store, call->arena, SHOWN_MAX, trail, &w, &n_w);
        err = err ? err : store_waiting_count(service->store, trail, &all_w);
    }
    if (err) {
        return err;
    }
    announced = json_add_array(doc, root, "announced");
    for (size_t i = 0; i < n_a; i++) {
        add_announced(call, doc, yyjson_mut_arr_add_obj(doc, announced), &a[i]);
    }
    waiting = json_add_array(doc, root, "waiting");
    for (size_t i = 0; i < n_w; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, waiting);

        json_add_text(doc, one, "name", w[i].name[0] == '\0' ? NULL : w[i].name);
        json_add_hex(call->arena, doc, one, "ekDigest",
                     span_of(w[i].ek_digest, STORE_DIGEST_BYTES));
        json_add_text(doc, one, "maker", w[i].maker[0] == '\0' ? NULL : w[i].maker);
        json_add_bool(doc, one, "rejected", w[i].is_rejected);
        machines_add_time(call->arena, doc, one, "firstAsked", w[i].first);
        machines_add_time(call->arena, doc, one, "lastAsked", w[i].last);
    }
    /* One may have come, or gone, between the two readings. */
    json_add_uint(doc, root, "announcedLeftOut", all_a > n_a ? all_a - n_a : 0);
    json_add_uint(doc, root, "waitingLeftOut", all_w > n_w ? all_w - n_w : 0);
    answer_json(call, ret, doc, root);
    return ERR_OK;
}

void service_join_list(struct service *service, const struct service_call *call,
                       const struct machine_path *path, struct span body,
                       struct service_answer *ret)
{
    struct trail trail = {0};
    err_t err = list(service, call, path, &trail, ret);

    (void)body;
    if (err) {
        machines_fail(call, err, &trail, ret);
    }
}

/* ---- deciding ---- */

/* A digest of 64 digits is no name: it would be a strange one, and has 64 characters. */
static bool is_digest(const struct service_call *call, struct span text, struct span *ret)
{
    return text.len == (size_t)2 * STORE_DIGEST_BYTES &&
           hex_decode(call->arena, text, ret) == ERR_OK;
}

/* The one that waits: by its digest, or by the name that it wished for when no other did. */
static err_t find_waiting(struct service *service, const struct service_call *call,
                          const struct machine_path *path, struct trail *trail,
                          struct store_waiting *ret)
{
    const char *name = text_escape_dup(call->arena, path->machine, STORE_NAME_MAX + 1);
    char subscription[STORE_ID_SIZE];
    struct span digest = {0};
    size_t n = 1;
    err_t err = name == NULL
                    ? ERR_MEMORY
                    : machines_subscription(service, path->subscription, trail, subscription);

    if (err == ERR_OK && subscription[0] != '\0') {
        err = trail_set(trail, ERR_NOT_FOUND, "nobody waits in this subscription");
    }
    if (err) {
        return err;
    }
    err = is_digest(call, path->machine, &digest)
              ? store_waiting_by_ek(service->store, digest.data, trail, ret)
              : store_waiting_by_name(service->store, name, trail, ret, &n);
    if (err == ERR_NOT_FOUND) {
        return trail_set(trail, err,
                         "no guest waits under this name or digest: see bootwarden vm joins");
    }
    if (err == ERR_OK && n > 1) {
        return trail_set(trail, ERR_CONFLICT,
                         "more than one guest waits under this name: say which by its ekDigest");
    }
    return err;
}

static err_t admit(struct service *service, const struct service_call *call,
                   const struct machine_path *path, struct span body, struct trail *trail,
                   struct store_announced *ret)
{
    struct store_announced announced = {.uses = 1, .created = call->now};
    struct store_waiting waiting;
    yyjson_val *root = NULL;
    err_t err = find_waiting(service, call, path, trail, &waiting);

    err = err || body.len == 0 ? err : read_object(call, body, trail, &root);
    err = err ? err : read_name(root, trail, announced.name);
    if (err) {
        return err;
    }
    /* The name that is shown now is the machine's, or one that the guest has no say in. */
    if (announced.name[0] == '\0') {
        snprintf(announced.name, sizeof(announced.name), "%s", waiting.name);
    }
    if (announced.name[0] == '\0') {
        const char *digest = hex_dup(call->arena, span_of(waiting.ek_digest, STORE_DIGEST_BYTES));

        snprintf(announced.name, sizeof(announced.name), "vm-%.8s", digest == NULL ? "" : digest);
    }
    announced.expires = call->now + (int64_t)DAYS_DEFAULT * DAY_S;
    snprintf(announced.who, sizeof(announced.who), "%s", path->who);
    err = store_waiting_approve(service->store, &waiting, &announced, trail);
    if (err == ERR_OK) {
        announced.has_ek = true;
        memcpy(announced.ek_digest, waiting.ek_digest, STORE_DIGEST_BYTES);
        *ret = announced;
    }
    return err;
}

void service_join_admit(struct service *service, const struct service_call *call,
                        const struct machine_path *path, struct span body,
                        struct service_answer *ret)
{
    struct store_announced announced;
    struct trail trail = {0};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = root == NULL ? ERR_MEMORY : admit(service, call, path, body, &trail, &announced);

    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    add_announced(call, doc, root, &announced);
    answer_json(call, ret, doc, root);
    ret->note = note_of(call, &announced);
}

void service_join_reject(struct service *service, const struct service_call *call,
                         const struct machine_path *path, struct span body,
                         struct service_answer *ret)
{
    struct store_waiting waiting;
    struct trail trail = {0};
    err_t err = find_waiting(service, call, path, &trail, &waiting);

    (void)body;
    err = err ? err : store_waiting_reject(service->store, waiting.ek_digest, &trail);
    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    ret->status = 200;
    ret->body = span_str("{}");
    ret->note =
        arena_printf(call->arena, "name=%s ek=%s", waiting.name[0] == '\0' ? "-" : waiting.name,
                     hex_dup(call->arena, span_of(waiting.ek_digest, STORE_DIGEST_BYTES)));
}

/* Small enough for an int64. */
static bool is_number(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= 18 && strspn(text, "0123456789") == len;
}

static err_t find_announced(struct service *service, const struct service_call *call,
                            const struct machine_path *path, struct trail *trail,
                            struct store_announced *ret)
{
    const char *name = text_escape_dup(call->arena, path->machine, STORE_NAME_MAX + 1);
    char subscription[STORE_ID_SIZE];
    struct span digest = {0};
    err_t err = name == NULL
                    ? ERR_MEMORY
                    : machines_subscription(service, path->subscription, trail, subscription);

    if (err) {
        return err;
    }
    if (is_digest(call, path->machine, &digest)) {
        err =
            store_announced_by_ek(service->store, digest.data, subscription, call->now, trail, ret);
    } else if (span_starts(path->machine, REFERENCE_MARK) && is_number(name + 1)) {
        err = store_announced_by_id(service->store, name + 1, trail, ret);
    } else {
        err = store_announced_by_name(service->store, name, trail, ret);
    }
    if (err == ERR_NOT_FOUND || (err == ERR_OK && strcmp(ret->subscription, subscription) != 0)) {
        return trail_set(trail, ERR_NOT_FOUND, "nothing is announced under this name or digest");
    }
    return err;
}

void service_join_withdraw(struct service *service, const struct service_call *call,
                           const struct machine_path *path, struct span body,
                           struct service_answer *ret)
{
    struct store_announced announced;
    struct trail trail = {0};
    err_t err = find_announced(service, call, path, &trail, &announced);

    (void)body;
    err = err ? err : store_announced_remove(service->store, announced.id, &trail);
    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    ret->status = 200;
    ret->body = span_str("{}");
    ret->note = note_of(call, &announced);
}
