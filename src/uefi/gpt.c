#include "uefi/gpt.h"

#include "base/reader.h"
#include "base/show.h"

enum { HEADER_BYTES = 92, ENTRY_MIN = 128, ENTRY_MAX = 4096, NAME_BYTES = 72 };

static err_t read_header(struct reader *in, struct partition_table *table, uint32_t *ret_entry)
{
    struct span header = {0};
    struct reader fields;
    struct span disk = {0};
    err_t err = reader_take(in, HEADER_BYTES, &header);

    if (err) {
        return err;
    }
    if (!span_starts(header, "EFI PART")) {
        return ERR_MALFORMED;
    }
    fields = reader_on(header);
    err = reader_skip(&fields, 56);
    err = err ? err : reader_take(&fields, 16, &disk);
    err =
        err ? err : reader_skip(&fields, 8 + 4); /* where the entries are, how many there may be */
    err = err ? err : reader_u32le(&fields, ret_entry);
    if (err == ERR_OK) {
        memcpy(table->disk, disk.data, 16);
    }
    return err;
}

static err_t read_entry(struct arena *arena, struct span entry, struct partition *part)
{
    struct reader in = reader_on(entry);
    struct span type = {0};
    struct span id = {0};
    struct span name = {0};
    err_t err = reader_take(&in, 16, &type);

    err = err ? err : reader_take(&in, 16, &id);
    err = err ? err : reader_u64le(&in, &part->first);
    err = err ? err : reader_u64le(&in, &part->last);
    err = err ? err : reader_skip(&in, 8); /* attributes */
    err = err ? err : reader_take(&in, NAME_BYTES, &name);
    if (err) {
        return err;
    }
    if (part->last < part->first) {
        return ERR_MALFORMED;
    }
    memcpy(part->type, type.data, 16);
    memcpy(part->id, id.data, 16);
    part->name = show_utf16(arena, name);
    return part->name == NULL ? ERR_MEMORY : ERR_OK;
}

err_t gpt_read(struct arena *arena, struct span data, struct partition_table *ret)
{
    struct reader in = reader_on(data);
    struct partition_table table = {0};
    uint32_t entry_bytes = 0;
    uint64_t n = 0;
    err_t err = read_header(&in, &table, &entry_bytes);

    err = err ? err : reader_u64le(&in, &n);
    if (err) {
        return err;
    }
    if (entry_bytes < ENTRY_MIN || entry_bytes > ENTRY_MAX) {
        return ERR_MALFORMED;
    }
    if (n > GPT_PARTITIONS_MAX) {
        return ERR_TOO_MANY;
    }
    if (n > reader_left(&in) / entry_bytes) {
        return ERR_SHORT;
    }
    table.n = (size_t)n;
    if (n > 0) {
        table.items = arena_calloc(arena, table.n, sizeof(*table.items));
        if (table.items == NULL) {
            return ERR_MEMORY;
        }
    }
    for (size_t i = 0; err == ERR_OK && i < table.n; i++) {
        struct span entry = {0};

        err = reader_take(&in, entry_bytes, &entry);
        err = err ? err : read_entry(arena, entry, &table.items[i]);
    }
    err = err ? err : reader_end(&in);
    if (err == ERR_OK) {
        *ret = table;
    }
    return err;
}
