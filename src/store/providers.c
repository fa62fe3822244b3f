#include "store/providers.h"

#include "store/queue.h"

static const char *kept_text(struct arena *arena, sqlite3_stmt *row, int index)
{
    return (const char *)arena_dup(arena, column_span(row, index)).data;
}

/* ---- reading ---- */

static err_t count_rows(struct sqlite *db, enum statement which, struct trail *trail, size_t *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = sqlite_use(db, which, trail, &row);

    err = err ? err : sqlite_step(db, row, trail, &has_row);
    *ret = err == ERR_OK && has_row ? (size_t)sqlite3_column_int64(row, 0) : 0;
    if (row != NULL) {
        sqlite_release(row);
    }
    return err;
}

static err_t read_provider(struct arena *arena, sqlite3_stmt *row, struct store_provider *ret)
{
    ret->name = kept_text(arena, row, 0);
    ret->id = kept_text(arena, row, 1);
    ret->region = kept_text(arena, row, 2);
    ret->properties = arena_dup(arena, column_span(row, 3));
    ret->version = sqlite3_column_int64(row, 4);
    ret->created = sqlite3_column_int64(row, 5);
    ret->changed = sqlite3_column_int64(row, 6);
    return ret->name == NULL || ret->id == NULL || ret->region == NULL ||
                   ret->properties.data == NULL
               ? ERR_MEMORY
               : ERR_OK;
}

static err_t read_policy(struct arena *arena, sqlite3_stmt *row, struct store_policy *ret)
{
    ret->provider = kept_text(arena, row, 0);
    ret->type = kept_text(arena, row, 1);
    ret->jws = arena_dup(arena, column_span(row, 2));
    ret->changed = sqlite3_column_int64(row, 3);
    return ret->provider == NULL || ret->type == NULL || ret->jws.data == NULL ? ERR_MEMORY
                                                                               : ERR_OK;
}

static err_t query_providers(struct sqlite *db, struct arena *arena, struct trail *trail,
                             struct store_provider **ret, size_t *ret_n)
{
    struct store_provider *list;
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t size = 0;
    size_t n = 0;
    err_t err = count_rows(db, STATEMENT_PROVIDER_COUNT, trail, &size);

    list = err ? NULL : arena_calloc(arena, size + 1, sizeof(*list));
    err = err ? err : list == NULL ? ERR_MEMORY : sqlite_use(db, STATEMENT_PROVIDERS, trail, &row);
    while (err == ERR_OK && n < size) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err || !has_row) {
            break;
        }
        err = read_provider(arena, row, &list[n]);
        n++;
    }
    if (row != NULL) {
        sqlite_release(row);
    }
    if (err) {
        return err;
    }
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

static err_t query_policies(struct sqlite *db, struct arena *arena, struct trail *trail,
                            struct store_policy **ret, size_t *ret_n)
{
    struct store_policy *list;
    sqlite3_stmt *row = NULL;
    bool has_row = true;
    size_t size = 0;
    size_t n = 0;
    err_t err = count_rows(db, STATEMENT_POLICY_COUNT, trail, &size);

    list = err ? NULL : arena_calloc(arena, size + 1, sizeof(*list));
    err = err ? err : list == NULL ? ERR_MEMORY : sqlite_use(db, STATEMENT_POLICIES, trail, &row);
    while (err == ERR_OK && n < size) {
        err = sqlite_step(db, row, trail, &has_row);
        if (err || !has_row) {
            break;
        }
        err = read_policy(arena, row, &list[n]);
        n++;
    }
    if (row != NULL) {
        sqlite_release(row);
    }
    if (err) {
        return err;
    }
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

err_t store_providers(struct store *store, struct arena *arena, struct trail *trail,
                      struct store_provider **ret, size_t *ret_n)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_providers(reader, arena, trail, ret, ret_n);
    store_give_reader(store, reader, err);
    return err;
}

err_t store_policies(struct store *store, struct arena *arena, struct trail *trail,
                     struct store_policy **ret, size_t *ret_n)
{
    struct sqlite *reader = NULL;
    err_t err = store_take_reader(store, trail, &reader);

    if (err) {
        return err;
    }
    err = query_policies(reader, arena, trail, ret, ret_n);
    store_give_reader(store, reader, err);
    return err;
}

/* ---- writing: run by the writer thread, inside its transaction ---- */

struct put {
    const struct store_provider *provider;
    int64_t version;
};

static err_t add_provider(struct sqlite *db, struct put *put, struct trail *trail)
{
    const struct store_provider *p = put->provider;
    sqlite3_stmt *row = NULL;
    bool has_row;
    size_t n = 0;
    err_t err = count_rows(db, STATEMENT_PROVIDER_COUNT, trail, &n);

    if (err == ERR_OK && n >= STORE_PROVIDERS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "there are %zu providers already", n);
    }
    err = err ? err : sqlite_use(db, STATEMENT_PROVIDER_ADD, trail, &row);
    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(p->name));
    sqlite_bind_text(row, 2, span_str(p->id));
    sqlite_bind_text(row, 3, span_str(p->region));
    sqlite_bind_text(row, 4, p->properties);
    sqlite3_bind_int64(row, 5, p->created);
    sqlite3_bind_int64(row, 6, p->changed);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    if (err) {
        return err;
    }
    put->version = 1;
    return sqlite3_changes(db->db) == 1
               ? ERR_OK
               : trail_set(trail, ERR_CONFLICT, "there is a provider of that name already");
}

static err_t change_provider(struct sqlite *db, struct put *put, struct trail *trail)
{
    const struct store_provider *p = put->provider;
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_PROVIDER_SET, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(p->name));
    sqlite3_bind_int64(row, 2, p->version);
    sqlite_bind_text(row, 3, p->properties);
    sqlite3_bind_int64(row, 4, p->changed);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    if (err) {
        return err;
    }
    put->version = p->version + 1;
    return sqlite3_changes(db->db) == 1
               ? ERR_OK
               : trail_set(trail, ERR_CONFLICT, "the provider was changed meanwhile");
}

static err_t run_put(struct sqlite *db, void *data, struct trail *trail)
{
    struct put *put = data;

    return put->provider->version == 0 ? add_provider(db, put, trail)
                                       : change_provider(db, put, trail);
}

static err_t run_named(struct sqlite *db, enum statement which, const char *a, const char *b,
                       struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, which, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(a));
    if (b != NULL) {
        sqlite_bind_text(row, 2, span_str(b));
    }
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t run_remove(struct sqlite *db, void *data, struct trail *trail)
{
    const char *const *name = data;
    err_t err = run_named(db, STATEMENT_POLICIES_FORGET, *name, NULL, trail);

    err = err ? err : run_named(db, STATEMENT_PROVIDER_REMOVE, *name, NULL, trail);
    return err || sqlite3_changes(db->db) == 1 ? err : ERR_NOT_FOUND;
}

static err_t run_policy_put(struct sqlite *db, void *data, struct trail *trail)
{
    const struct store_policy *policy = data;
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_POLICY_PUT, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(policy->provider));
    sqlite_bind_text(row, 2, span_str(policy->type));
    sqlite_bind_span(row, 3, policy->jws);
    sqlite3_bind_int64(row, 4, policy->changed);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

static err_t run_policy_remove(struct sqlite *db, void *data, struct trail *trail)
{
    const struct store_policy *policy = data;

    return run_named(db, STATEMENT_POLICY_REMOVE, policy->provider, policy->type, trail);
}

err_t store_provider_put(struct store *store, const struct store_provider *provider,
                         struct trail *trail, int64_t *ret_version)
{
    struct put put = {.provider = provider};
    struct op op = {.kind = OP_CALL, .call = run_put, .data = &put};
    err_t err = provider->properties.len > STORE_PROVIDER_PROPERTIES_MAX
                    ? trail_set(trail, ERR_TOO_LARGE, "the provider's properties take %zu bytes",
                                provider->properties.len)
                    : store_wait_for(store, &op, trail);

    if (err == ERR_OK) {
        *ret_version = put.version;
    }
    return err;
}

err_t store_provider_remove(struct store *store, const char *name, struct trail *trail)
{
    struct op op = {.kind = OP_CALL, .call = run_remove, .data = &name};

    return store_wait_for(store, &op, trail);
}

err_t store_policy_put(struct store *store, const struct store_policy *policy, struct trail *trail)
{
    struct store_policy copy = *policy;
    struct op op = {.kind = OP_CALL, .call = run_policy_put, .data = &copy};

    if (policy->jws.len > STORE_POLICY_MAX) {
        return trail_set(trail, ERR_TOO_LARGE, "the policy takes %zu bytes", policy->jws.len);
    }
    return store_wait_for(store, &op, trail);
}

err_t store_policy_remove(struct store *store, const char *provider, const char *type,
                          struct trail *trail)
{
    struct store_policy policy = {.provider = provider, .type = type};
    struct op op = {.kind = OP_CALL, .call = run_policy_remove, .data = &policy};

    return store_wait_for(store, &op, trail);
}
