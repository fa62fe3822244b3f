/*
 * principals-document.c - the document of principals. Who may send these bytes: whoever may write
 * the server's folder.
 */
#include "identity/principals-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "json/json.h"

#include <stdio.h>

enum { READ_ARENA_BYTES = 16 * 1024 * 1024 };

static const char *const root_members[] = {"tenant", "subscription", "principals", "users", NULL};
static const char *const members[] = {"clientId", "objectId",   "name",         "kind",
                                      "secret",   "capability", "certificates", NULL};
static const char *const user_members[] = {"objectId", "userPrincipalName", "displayName",
                                           "password", "disabled",          NULL};
static const char managed[] = "managedIdentity", application[] = "application";

static err_t need_guid(yyjson_val *object, const char *name, struct trail *trail,
                       char ret[GUID_SIZE])
{
    struct span text = {0};
    err_t err = json_need_string(object, name, trail, &text);

    if (err == ERR_OK && !text_is_guid(text)) {
        trail_set(trail, ERR_VALUE, "is not a UUID");
        err = trail_in(trail, ERR_VALUE, name);
    }
    if (err == ERR_OK) {
        principal_lower(text, ret);
    }
    return err;
}

static err_t read_kind(yyjson_val *value, struct trail *trail, enum principal_kind *ret)
{
    yyjson_val *kind = json_get(value, "kind");

    if (kind == NULL || span_is(json_span(kind), application)) {
        *ret = PRINCIPAL_APPLICATION;
    } else if (span_is(json_span(kind), managed)) {
        *ret = PRINCIPAL_MANAGED;
    } else {
        return trail_set(trail, ERR_VALUE, "has a kind that is neither %s nor %s", application,
                         managed);
    }
    return ERR_OK;
}

/* A member that is the hash of something; "" when it is not there. */
static err_t read_hash(yyjson_val *value, const char *name, struct trail *trail,
                       char ret[PASSWORD_TEXT_SIZE])
{
    yyjson_val *member = json_get(value, name);
    const char *text = json_text(member);

    if (member == NULL) {
        ret[0] = '\0';
        return ERR_OK;
    }
    if (text == NULL || !password_is_hash(text)) {
        return trail_set(trail, ERR_VALUE, "has no %s in the form of its hash", name);
    }
    snprintf(ret, PASSWORD_TEXT_SIZE, "%s", text);
    return ERR_OK;
}

static err_t read_capability(yyjson_val *value, struct trail *trail, struct principal *ret)
{
    struct span text = json_span(json_get(value, "capability"));
    uint8_t digest[SHA256_BYTES];

    if ((json_get(value, "capability") != NULL) != (ret->kind == PRINCIPAL_MANAGED) ||
        (ret->kind == PRINCIPAL_MANAGED &&
         (ret->secret[0] != '\0' || json_get(value, "certificates") != NULL ||
          hex_decode_into(text, digest, sizeof(digest)) != ERR_OK))) {
        return trail_set(trail, ERR_VALUE,
                         "a managed identity, and nothing else, has a capability: 64 hexadecimal "
                         "digits, and neither secret nor certificates");
    }
    if (ret->kind == PRINCIPAL_MANAGED) {
        hex_encode(span_of(digest, sizeof(digest)), ret->capability, sizeof(ret->capability));
    }
    return ERR_OK;
}

static err_t read_principal(yyjson_val *value, struct trail *trail, struct principal *ret)
{
    struct span name = {0};
    err_t err = json_need_only(value, members, trail);

    err = err ? err : need_guid(value, "clientId", trail, ret->client_id);
    err = err ? err : need_guid(value, "objectId", trail, ret->object_id);
    err = err ? err : json_need_string(value, "name", trail, &name);
    err = err ? err : read_kind(value, trail, &ret->kind);
    err = err ? err : read_hash(value, "secret", trail, ret->secret);
    err = err ? err : read_capability(value, trail, ret);
    if (err) {
        return err;
    }
    if (!principal_name_is(name)) {
        return trail_set(trail, ERR_VALUE, "has a name that is empty, long or not printable");
    }
    if (ret->kind == PRINCIPAL_APPLICATION && ret->secret[0] == '\0' &&
        json_get(value, "certificates") == NULL) {
        return trail_set(trail, ERR_VALUE, "has neither a secret nor certificates");
    }
    snprintf(ret->name, sizeof(ret->name), "%.*s", (int)name.len, (const char *)name.data);
    return ERR_OK;
}

static err_t read_cert(struct arena *arena, struct principals *made, const char *client_id,
                       yyjson_val *value, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct span der = {0};
    err_t err;

    if (!yyjson_is_str(value)) {
        return trail_set(trail, ERR_JSON_TYPE, "is not a text");
    }
    err = base64_decode(arena, BASE64_STANDARD, json_span(value), &der);
    err = err ? trail_set(trail, err, "is not base64 of a certificate")
              : cert_new_der(der, trail, &cert);
    return err ? err : principals_add_cert(made, client_id, cert, trail);
}

static err_t read_certs(struct arena *arena, struct principals *made, const char *client_id,
                        yyjson_val *value, struct trail *trail)
{
    yyjson_val *list = json_get(value, "certificates"), *item;
    size_t index, max;
    char where[40];

    if (list != NULL && !yyjson_is_arr(list)) {
        trail_set(trail, ERR_JSON_TYPE, "is not an array");
        return trail_in(trail, ERR_JSON_TYPE, "certificates");
    }
    yyjson_arr_foreach(list, index, max, item)
    {
        err_t err = read_cert(arena, made, client_id, item, trail);

        if (err) {
            snprintf(where, sizeof(where), "certificates[%zu]", index);
            return trail_in(trail, err, where);
        }
    }
    return ERR_OK;
}

static err_t add_one(struct arena *arena, struct principals *made, yyjson_val *value,
                     struct trail *trail)
{
    struct principal added = {0};
    size_t n = made->n;
    err_t err = read_principal(value, trail, &added);

    if (err == ERR_OK && (principals_find(made, span_str(added.client_id)) != NULL ||
                          principals_has_object(made, span_str(added.object_id)))) {
        err = trail_set(trail, ERR_CONFLICT, "has the ids of another one");
    }
    err = err ? err : principals_add(made, &added, trail);
    return err ? err : read_certs(arena, made, made->list[n].client_id, value, trail);
}

static err_t add_user(struct arena *arena, struct principals *made, yyjson_val *value,
                      struct trail *trail)
{
    yyjson_val *disabled = json_get(value, "disabled");
    struct span upn = {0}, name = {0};
    struct user added = {0};
    err_t err = json_need_only(value, user_members, trail);

    (void)arena;
    err = err ? err : need_guid(value, "objectId", trail, added.object_id);
    err = err ? err : json_need_string(value, "userPrincipalName", trail, &upn);
    err = err ? err : json_need_string(value, "displayName", trail, &name);
    err = err ? err : read_hash(value, "password", trail, added.password);
    if (err) {
        return err;
    }
    if (!user_name_is(upn) || !principal_name_is(name)) {
        return trail_set(trail, ERR_VALUE, "has a name that is none");
    }
    if (added.password[0] == '\0') {
        return trail_set(trail, ERR_VALUE, "has no password in the form of its hash");
    }
    if (disabled != NULL && !yyjson_is_bool(disabled)) {
        trail_set(trail, ERR_JSON_TYPE, "is neither true nor false");
        return trail_in(trail, ERR_JSON_TYPE, "disabled");
    }
    if (principals_user_of(made, span_str(added.object_id)) != NULL) {
        return trail_set(trail, ERR_CONFLICT, "has the object id of another one");
    }
    added.is_disabled = yyjson_is_true(disabled);
    principal_lower(upn, added.upn);
    snprintf(added.name, sizeof(added.name), "%.*s", (int)name.len, (const char *)name.data);
    return principals_add_user(made, &added, trail);
}

static err_t read_list(struct arena *arena, struct principals *made, yyjson_val *list,
                       const char *name, struct trail *trail,
                       err_t (*add)(struct arena *, struct principals *, yyjson_val *,
                                    struct trail *))
{
    yyjson_val *item;
    size_t index, max;
    char where[40];

    yyjson_arr_foreach(list, index, max, item)
    {
        err_t err = add(arena, made, item, trail);

        if (err) {
            snprintf(where, sizeof(where), "%s[%zu]", name, index);
            return trail_in(trail, err, where);
        }
    }
    return ERR_OK;
}

err_t principals_read(struct span json, struct trail *trail, struct principals **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(READ_ARENA_BYTES);
    CLEANUP(principals_free) struct principals *made = principals_make();
    yyjson_val *root = NULL, *list = NULL, *users = NULL;
    err_t err = arena == NULL || made == NULL ? ERR_MEMORY : ERR_OK;

    if (json.len > PRINCIPALS_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", PRINCIPALS_MAX_BYTES);
    }
    err = err ? err : json_read(arena, json, NULL, trail, &root);
    err = err ? err : json_need_only(root, root_members, trail);
    err = err ? err : need_guid(root, "tenant", trail, made->tenant);
    err = err ? err : need_guid(root, "subscription", trail, made->subscription);
    err = err ? err : json_need_array(root, "principals", trail, &list);
    if (err == ERR_OK && json_get(root, "users") != NULL) {
        err = json_need_array(root, "users", trail, &users);
    }
    err = err ? err : read_list(arena, made, list, "principals", trail, add_one);
    err = err ? err : read_list(arena, made, users, "users", trail, add_user);
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

/* ---- writing ---- */

static void write_certs(const struct principals *principals, const char *client_id,
                        struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *item)
{
    yyjson_mut_val *list = NULL;

    for (size_t i = 0; i < principals->n_certs; i++) {
        const struct principal_cert *one = &principals->certs[i];
        const char *text;

        if (strcmp(one->client_id, client_id) != 0) {
            continue;
        }
        list = list != NULL ? list : json_add_array(doc, item, "certificates");
        text = base64_dup(arena, BASE64_STANDARD, cert_der(one->cert));
        yyjson_mut_arr_add_strcpy(doc, list, text); /* NULL: the arena is full, and doc fails */
    }
}

static void write_principal(const struct principals *principals, const struct principal *one,
                            struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *item)
{
    json_add_text(doc, item, "clientId", one->client_id);
    json_add_text(doc, item, "objectId", one->object_id);
    json_add_text(doc, item, "name", one->name);
    if (one->kind == PRINCIPAL_MANAGED) {
        json_add_text(doc, item, "kind", managed);
        json_add_text(doc, item, "capability", one->capability);
        return;
    }
    if (one->secret[0] != '\0') {
        json_add_text(doc, item, "secret", one->secret);
    }
    write_certs(principals, one->client_id, arena, doc, item);
}

static void write_user(const struct user *user, yyjson_mut_doc *doc, yyjson_mut_val *item)
{
    json_add_text(doc, item, "objectId", user->object_id);
    json_add_text(doc, item, "userPrincipalName", user->upn);
    json_add_text(doc, item, "displayName", user->name);
    json_add_text(doc, item, "password", user->password);
    if (user->is_disabled) {
        json_add_bool(doc, item, "disabled", true);
    }
}

err_t principals_write(const struct principals *principals, struct arena *arena, struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    struct span text;

    if (root == NULL) {
        return ERR_MEMORY;
    }
    json_add_text(doc, root, "tenant", principals->tenant);
    json_add_text(doc, root, "subscription", principals->subscription);
    list = json_add_array(doc, root, "principals");
    for (size_t i = 0; i < principals->n; i++) {
        write_principal(principals, &principals->list[i], arena, doc,
                        yyjson_mut_arr_add_obj(doc, list));
    }
    if (principals->n_users > 0) {
        list = json_add_array(doc, root, "users");
    }
    for (size_t i = 0; i < principals->n_users; i++) {
        write_user(&principals->users[i], doc, yyjson_mut_arr_add_obj(doc, list));
    }
    text = json_write(arena, doc, root, true);
    if (text.data == NULL || arena_is_exhausted(arena)) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}
