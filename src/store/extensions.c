#include "store/extensions.h"

#include "store/queue.h"

#include <stdio.h>

static err_t query_extension(struct sqlite *db, struct arena *arena, const char *machine_id,
                             struct trail *trail, struct store_extension *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    err_t err = sqlite_use(db, STATEMENT_EXTENSION_GET, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine_id));
    err = sqlite_step(db, row, trail, &has_row);
    if (err == ERR_OK && has_row) {
        ret->is_wanted = sqlite3_column_int(row, 0) != 0;
        column_text(row, 1, ret->version, sizeof(ret->version));
        ret->upgrades_minor = sqlite3_column_int(row, 2) != 0;
        ret->upgrades = sqlite3_column_int(row, 3) != 0;
        ret->settings = arena_dup(arena, column_span(row, 4));
        ret->sequence = sqlite3_column_int64(row, 5);
        ret->changed = sqlite3_column_int64(row, 6);
        err = ret->settings.data == NULL ? ERR_MEMORY : ERR_OK;
    }
    sqlite_release(row);
    return err;
}

err_t store_extension_get(struct store *store, struct arena *arena, const char *machine_id,
                          struct trail *trail, struct store_extension *ret)
{
    struct store_extension extension = {
        .is_wanted = true, .version = "1.0", .upgrades_minor = true, .settings = span_str("{}")};
    struct sqlite *db = NULL;
    err_t err = store_take_reader(store, trail, &db);

    if (err) {
        return err;
    }
    err = query_extension(db, arena, machine_id, trail, &extension);
    store_give_reader(store, db, err);
    if (err == ERR_OK) {
        *ret = extension;
    }
    return err;
}

struct setting {
    const char *machine_id;
    const struct store_extension *extension;
    int64_t sequence;
};

static err_t run_set(struct sqlite *db, void *data, struct trail *trail)
{
    struct setting *setting = data;
    const struct store_extension *e = setting->extension;
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_EXTENSION_SET, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(setting->machine_id));
    sqlite3_bind_int(row, 2, e->is_wanted);
    sqlite_bind_text(row, 3, span_str(e->version));
    sqlite3_bind_int(row, 4, e->upgrades_minor);
    sqlite3_bind_int(row, 5, e->upgrades);
    sqlite_bind_text(row, 6, e->settings);
    sqlite3_bind_int64(row, 7, e->changed);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    if (err == ERR_OK) {
        err = sqlite_use(db, STATEMENT_EXTENSION_GET, trail, &row);
    }
    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(setting->machine_id));
    err = sqlite_step(db, row, trail, &has_row);
    setting->sequence = err == ERR_OK && has_row ? sqlite3_column_int64(row, 5) : 0;
    sqlite_release(row);
    return err;
}

err_t store_extension_set(struct store *store, const char *machine_id,
                          const struct store_extension *extension, struct trail *trail,
                          int64_t *ret_sequence)
{
    struct setting setting = {machine_id, extension, 0};
    struct op op = {.kind = OP_CALL, .call = run_set, .data = &setting};
    err_t err = extension->settings.len > STORE_EXTENSION_SETTINGS_MAX
                    ? trail_set(trail, ERR_TOO_LARGE, "the settings take %zu bytes, %d are allowed",
                                extension->settings.len, STORE_EXTENSION_SETTINGS_MAX)
                    : store_wait_for(store, &op, trail);

    if (err == ERR_OK) {
        *ret_sequence = setting.sequence;
    }
    return err;
}
