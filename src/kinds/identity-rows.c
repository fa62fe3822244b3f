#include "kinds/identity-rows.h"

#include "base/text.h"

enum { FULL_DEPTH = 80, FULL_VALUES = 400000 };

static const char *row_key(struct arena *arena, struct span guid)
{
    const char *id =
        arena_printf(arena, "/identities/%.*s", (int)guid.len, (const char *)guid.data);

    return id == NULL ? NULL : resource_key(arena, span_str(id));
}

/* ---- what a row says ---- */

static void add_optional(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name,
                         const char *text)
{
    if (text != NULL) {
        json_add_text(doc, root, name, text);
    }
}

static err_t write_facts(struct arena *arena, const struct identity_facts *facts, int64_t version,
                         struct span *ret)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root == NULL) {
        return ERR_MEMORY;
    }
    json_add_text(doc, root, "resource", facts->resource);
    if (version != 0) {
        json_add_int(doc, root, "version", version);
        json_add_text(doc, root, "name", facts->name);
        add_optional(doc, root, IDENTITY_PRINCIPAL, facts->principal);
        add_optional(doc, root, IDENTITY_CLIENT, facts->client);
        add_optional(doc, root, IDENTITY_ADDRESS, facts->address);
        json_add_text(doc, root, IDENTITY_SECRET, facts->secret_digest);
    }
    *ret = json_write(arena, doc, root, false);
    return ret->data == NULL ? ERR_MEMORY : ERR_OK;
}

/* A row has the same members as the private part of a resource. */
void identity_facts_read(yyjson_val *object, struct identity_facts *facts)
{
    const char *digest = json_text(json_get(object, IDENTITY_SECRET));
    const char *address = json_text(json_get(object, IDENTITY_ADDRESS));

    facts->principal = json_text(json_get(object, IDENTITY_PRINCIPAL));
    facts->client = json_text(json_get(object, IDENTITY_CLIENT));
    facts->address = address == NULL ? facts->principal : address;
    facts->secret_digest = digest == NULL ? "" : digest;
}

/* ---- finding ---- */

/* False without memory; none stays none. */
static bool copy_text(struct arena *arena, const char **text)
{
    if (*text != NULL) {
        *text = arena_printf(arena, "%s", *text);
        return *text != NULL;
    }
    return true;
}

err_t identity_resource_read(struct store *store, struct arena *arena, const char *key,
                             struct store_resource *ret, yyjson_val **ret_private)
{
    static const struct json_limits limits = {.max_depth = FULL_DEPTH, .max_values = FULL_VALUES};
    yyjson_val *body = NULL;
    err_t err = store_resource_get(store, arena, key, NULL, ret);

    err = err ? err : json_read(arena, ret->body, &limits, NULL, &body);
    *ret_private = err ? NULL : json_get(body, RESOURCE_PRIVATE);
    return err;
}

/* From the resource itself, with its version. */
static err_t read_resource(struct store *store, struct arena *arena, struct identity_facts *facts,
                           int64_t *ret_version)
{
    CLEANUP(arena_free) struct arena *full = arena_new(IDENTITY_RESOURCE_BYTES);
    struct store_resource row = {0};
    yyjson_val *own = NULL;
    err_t err = full == NULL ? ERR_MEMORY
                             : identity_resource_read(store, full, facts->resource, &row, &own);

    if (err) {
        return err;
    }
    identity_facts_read(own, facts);
    facts->name = strrchr(row.id, '/') + 1;
    *ret_version = row.version;
    return copy_text(arena, &facts->name) && copy_text(arena, &facts->secret_digest) &&
                   copy_text(arena, &facts->principal) && copy_text(arena, &facts->client) &&
                   copy_text(arena, &facts->address)
               ? ERR_OK
               : ERR_MEMORY;
}

/* So that the next one who asks need not read the resource. What is lost is read once more. */
static void renew(struct store *store, struct arena *arena, struct store_resource *row,
                  const struct identity_facts *facts, int64_t version)
{
    const char *const parents[STORE_RESOURCE_PARENTS] = {facts->resource};
    enum store_resource_bar bar;
    size_t parent = 0;
    int64_t ignored = 0;

    row->is_owed = true; /* in a full subscription too: the row grows once, by some hundred bytes */
    if (write_facts(arena, facts, version, &row->body) == ERR_OK) {
        (void)!store_resource_put(store, row, parents, row->changed, NULL, &bar, &parent, &ignored);
    }
}

err_t identity_row_find(struct store *store, struct arena *arena, struct span guid,
                        struct identity_facts *ret)
{
    struct store_resource row = {0};
    struct identity_facts facts = {0};
    yyjson_val *body = NULL;
    int64_t version = 0;
    const char *key = row_key(arena, guid);
    err_t err = !text_is_guid(guid) ? ERR_NOT_FOUND
                : key == NULL       ? ERR_MEMORY
                                    : store_resource_get(store, arena, key, NULL, &row);

    err = err ? err : json_read(arena, row.body, NULL, NULL, &body);
    if (err) {
        return err;
    }
    facts.resource = json_text(json_get(body, "resource"));
    err = facts.resource == NULL ? ERR_NOT_FOUND
                                 : store_resource_version(store, facts.resource, NULL, &version);
    if (err == ERR_OK && yyjson_get_sint(json_get(body, "version")) == version) {
        facts.name = json_text(json_get(body, "name"));
        identity_facts_read(body, &facts);
    } else if (err == ERR_OK) {
        err = read_resource(store, arena, &facts, &version);
        if (err == ERR_OK) {
            renew(store, arena, &row, &facts, version);
        }
    }
    if (err == ERR_OK) {
        *ret = facts;
    }
    return err;
}

/* ---- rows ---- */

/* STORE_RESOURCE_CHANGED: somebody else wrote the same just now. */
static err_t put_new(struct control_call *call, const struct resource *resource,
                     struct store_resource *row, struct trail *trail, enum store_resource_bar *bar)
{
    const struct identity_facts facts = {.resource = resource->key};
    const char *const parents[STORE_RESOURCE_PARENTS] = {resource->key};
    size_t parent = 0;
    int64_t version = 0;
    err_t err = write_facts(call->arena, &facts, 0, &row->body);

    return err ? err
               : store_resource_put(control_store(call->control), row, parents, call->now, trail,
                                    bar, &parent, &version);
}

bool identity_row_add(struct control_call *call, const struct resource *resource, const char *guid,
                      struct control_answer *ret)
{
    struct store_resource known,
        row = {.type = "identities", .location = "", .state = "Succeeded", .tags = span_str("{}")};
    enum store_resource_bar bar = STORE_RESOURCE_NO_BAR;
    struct resource_path path;
    struct trail trail = {0};
    err_t err = resource_id_read(call->arena, span_str(resource->key), &trail, &path);

    row.key = row.id = row_key(call->arena, span_str(guid));
    row.subscription = err ? NULL : resource_key(call->arena, path.subscription);
    if (row.key == NULL || row.subscription == NULL) {
        control_fail(call, err ? err : ERR_MEMORY, &trail, ret);
        return false;
    }
    err = store_resource_get(control_store(call->control), call->arena, row.key, &trail, &known);
    if (err == ERR_OK) {
        return true;
    }
    err = err == ERR_NOT_FOUND ? put_new(call, resource, &row, &trail, &bar) : err;
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    return bar == STORE_RESOURCE_CHANGED ||
           resource_refuse_bar(call, resource, bar, resource->key, false, ret);
}

void identity_row_remove(struct control_call *call, const char *guid)
{
    const char *key = row_key(call->arena, span_str(guid));
    enum store_resource_bar bar;
    struct trail trail = {0};
    bool was_there;

    if (key != NULL) {
        control_log_lost(
            "identity-row", key,
            store_resource_remove(control_store(call->control), key, 0, &trail, &was_there, &bar),
            &trail);
    }
}
