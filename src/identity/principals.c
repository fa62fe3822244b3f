/*
 * principals.c - the document of principals. Who may send these bytes: whoever may write the
 * server's folder.
 */
#include "identity/principals.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "json/json.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct principals {
    atomic_uint refs;
    char tenant[GUID_SIZE], subscription[GUID_SIZE];
    size_t n;
    struct principal list[PRINCIPALS_MAX];
};

enum { READ_ARENA_BYTES = 4 * 1024 * 1024, SECRET_BYTES = 32 };

static struct principals *make(void)
{
    struct principals *made = calloc(1, sizeof(*made));

    if (made != NULL) {
        atomic_init(&made->refs, 1);
    }
    return made;
}

static struct principals *copy(const struct principals *from)
{
    struct principals *made = make();

    if (made != NULL) {
        memcpy(made->tenant, from->tenant, sizeof(made->tenant));
        memcpy(made->subscription, from->subscription, sizeof(made->subscription));
        memcpy(made->list, from->list, sizeof(made->list));
        made->n = from->n;
    }
    return made;
}

err_t principals_new(struct principals **ret)
{
    CLEANUP(principals_free) struct principals *made = make();
    err_t err = made == NULL ? ERR_MEMORY : guid_new(made->tenant);

    err = err ? err : guid_new(made->subscription);
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
}

struct principals *principals_ref(struct principals *principals)
{
    atomic_fetch_add_explicit(&principals->refs, 1, memory_order_relaxed);
    return principals;
}

void principals_free(struct principals *principals)
{
    if (principals != NULL &&
        atomic_fetch_sub_explicit(&principals->refs, 1, memory_order_acq_rel) == 1) {
        free(principals);
    }
}

const char *principals_tenant(const struct principals *principals)
{
    return principals->tenant;
}

const char *principals_subscription(const struct principals *principals)
{
    return principals->subscription;
}

size_t principals_count(const struct principals *principals)
{
    return principals->n;
}

const struct principal *principals_at(const struct principals *principals, size_t index)
{
    return index < principals->n ? &principals->list[index] : NULL;
}

const struct principal *principals_find(const struct principals *principals, struct span client_id)
{
    for (size_t i = 0; i < principals->n; i++) {
        if (text_span_equal_nocase(client_id, principals->list[i].client_id)) {
            return &principals->list[i];
        }
    }
    return NULL;
}

/* ---- new ones ---- */

static bool is_name(struct span name)
{
    char shown[PRINCIPAL_NAME_MAX + 8];

    if (name.len == 0 || name.len > PRINCIPAL_NAME_MAX) {
        return false;
    }
    text_escape(name, shown, sizeof(shown));
    return span_is(name, shown);
}

err_t principal_renew(struct principal *principal, char ret_secret[PRINCIPAL_SECRET_SIZE])
{
    CLEANUP(buf_done) struct buf text = {0};
    uint8_t bytes[SECRET_BYTES];
    char hash[PASSWORD_TEXT_SIZE];
    err_t err = random_bytes(bytes, sizeof(bytes));

    buf_init_secret(&text, PRINCIPAL_SECRET_SIZE);
    base64_encode(&text, BASE64_URL, span_of(bytes, sizeof(bytes)));
    secret_wipe(span_of(bytes, sizeof(bytes)));
    err = err ? err : buf_err(&text);
    err = err ? err : password_hash(buf_span(&text), hash);
    if (err) {
        return err;
    }
    memcpy(principal->secret, hash, sizeof(hash));
    snprintf(ret_secret, PRINCIPAL_SECRET_SIZE, "%s", buf_cstr(&text));
    return ERR_OK;
}

err_t principal_new(const char *name, struct trail *trail, struct principal *ret,
                    char ret_secret[PRINCIPAL_SECRET_SIZE])
{
    struct principal made = {0};
    err_t err;

    if (!is_name(span_str(name))) {
        return trail_set(trail, ERR_VALUE, "a name has 1 to %d printable characters",
                         PRINCIPAL_NAME_MAX);
    }
    snprintf(made.name, sizeof(made.name), "%s", name);
    err = guid_new(made.client_id);
    err = err ? err : guid_new(made.object_id);
    err = err ? err : principal_renew(&made, ret_secret);
    if (err) {
        return err;
    }
    *ret = made;
    return ERR_OK;
}

err_t principals_with(const struct principals *base, const struct principal *principal,
                      struct trail *trail, struct principals **ret)
{
    struct principals *made;
    size_t at = base->n;

    for (size_t i = 0; i < base->n; i++) {
        at = text_equal_nocase(base->list[i].client_id, principal->client_id) ? i : at;
    }
    if (at == PRINCIPALS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d principals", PRINCIPALS_MAX);
    }
    made = copy(base);
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->list[at] = *principal;
    made->n = at == base->n ? at + 1 : base->n;
    *ret = made;
    return ERR_OK;
}

err_t principals_without(const struct principals *base, struct span client_id,
                         struct principals **ret)
{
    const struct principal *gone = principals_find(base, client_id);
    struct principals *made = gone == NULL ? NULL : copy(base);
    size_t at = gone == NULL ? 0 : (size_t)(gone - base->list);

    if (gone == NULL) {
        return ERR_NOT_FOUND;
    }
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->n--;
    memmove(&made->list[at], &made->list[at + 1], (made->n - at) * sizeof(made->list[0]));
    *ret = made;
    return ERR_OK;
}

/* ---- the document ---- */

static const char *const root_members[] = {"tenant", "subscription", "principals", NULL};
static const char *const members[] = {"clientId", "objectId", "name", "secret", NULL};

static err_t need_guid(yyjson_val *object, const char *name, struct trail *trail,
                       char ret[GUID_SIZE])
{
    struct span text = {0};
    err_t err = json_need_string(object, name, trail, &text);

    if (err == ERR_OK && !text_is_guid(text)) {
        trail_set(trail, ERR_VALUE, "is not a UUID");
        err = trail_in(trail, ERR_VALUE, name);
    }
    if (err) {
        return err;
    }
    memcpy(ret, text.data, GUID_SIZE - 1);
    ret[GUID_SIZE - 1] = '\0';
    for (char *c = ret; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'F') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return ERR_OK;
}

static err_t read_principal(yyjson_val *value, struct trail *trail, struct principal *ret)
{
    const char *secret = json_text(json_get(value, "secret"));
    struct span name = {0};
    err_t err = json_need_only(value, members, trail);

    err = err ? err : need_guid(value, "clientId", trail, ret->client_id);
    err = err ? err : need_guid(value, "objectId", trail, ret->object_id);
    err = err ? err : json_need_string(value, "name", trail, &name);
    if (err) {
        return err;
    }
    if (!is_name(name)) {
        return trail_set(trail, ERR_VALUE, "has a name that is empty, long or not printable");
    }
    if (secret == NULL || !password_is_hash(secret)) {
        return trail_set(trail, ERR_VALUE, "has no secret in the form of its hash");
    }
    snprintf(ret->name, sizeof(ret->name), "%.*s", (int)name.len, (const char *)name.data);
    snprintf(ret->secret, sizeof(ret->secret), "%s", secret);
    return ERR_OK;
}

static err_t add(struct principals *made, yyjson_val *value, struct trail *trail)
{
    struct principal *added = &made->list[made->n];
    err_t err;

    if (made->n == PRINCIPALS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d principals", PRINCIPALS_MAX);
    }
    err = read_principal(value, trail, added);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < made->n; i++) {
        if (strcmp(made->list[i].client_id, added->client_id) == 0 ||
            strcmp(made->list[i].object_id, added->object_id) == 0) {
            return trail_set(trail, ERR_CONFLICT, "has the ids of another one");
        }
    }
    made->n++;
    return ERR_OK;
}

err_t principals_read(struct span json, struct trail *trail, struct principals **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(READ_ARENA_BYTES);
    CLEANUP(principals_free) struct principals *made = make();
    yyjson_val *root = NULL, *list = NULL, *item;
    size_t index, max;
    err_t err = arena == NULL || made == NULL ? ERR_MEMORY : ERR_OK;

    if (json.len > PRINCIPALS_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", PRINCIPALS_MAX_BYTES);
    }
    err = err ? err : json_read(arena, json, NULL, trail, &root);
    err = err ? err : json_need_only(root, root_members, trail);
    err = err ? err : need_guid(root, "tenant", trail, made->tenant);
    err = err ? err : need_guid(root, "subscription", trail, made->subscription);
    err = err ? err : json_need_array(root, "principals", trail, &list);
    yyjson_arr_foreach(list, index, max, item)
    {
        char where[40];

        err = err ? err : add(made, item, trail);
        if (err) {
            snprintf(where, sizeof(where), "principals[%zu]", index);
            return trail_in(trail, err, where);
        }
    }
    if (err) {
        return err;
    }
    *ret = TAKE(made);
    return ERR_OK;
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
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "clientId", principals->list[i].client_id);
        json_add_text(doc, item, "objectId", principals->list[i].object_id);
        json_add_text(doc, item, "name", principals->list[i].name);
        json_add_text(doc, item, "secret", principals->list[i].secret);
    }
    text = json_write(arena, doc, root, true);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}
