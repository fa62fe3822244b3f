/*
 * eventlog-cel.c - `bootwarden eventlog` of a canonical event log: records and register values.
 */
#include "cli/eventlog.h"

#include "base/codec.h"
#include "base/show.h"
#include "cli/cli.h"
#include "eventlog/cel.h"

#include <string.h>

enum { REGISTERS_MAX = 64 };

struct view {
    struct arena *arena;
    struct hasher *hasher;
    const struct cel *cel;
    const struct cel_record *registers[REGISTERS_MAX]; /* the first record of each */
    size_t n_registers;
    size_t n_beyond; /* records of registers for which there was no room */
};

static void find_registers(struct view *view)
{
    for (size_t i = 0; i < view->cel->n; i++) {
        const struct cel_record *record = &view->cel->records[i];
        size_t at = 0;

        while (at < view->n_registers && (view->registers[at]->kind != record->kind ||
                                          view->registers[at]->index != record->index)) {
            at++;
        }
        if (at == REGISTERS_MAX) {
            view->n_beyond++;
        } else if (at == view->n_registers) {
            view->registers[view->n_registers++] = record;
        }
    }
}

/* From zeros: what an earlier log left there is not known here. Empty when a record lacks it. */
static struct span value_of(const struct view *view, const struct cel_record *reg,
                            enum hash_alg bank)
{
    static const uint8_t zeros[HASH_MAX_BYTES];
    uint8_t *value = arena_alloc(view->arena, HASH_MAX_BYTES);

    if (bank == HASH_NONE || value == NULL ||
        cel_replay(view->cel, reg->kind, reg->index, bank, span_of(zeros, hash_size(bank)),
                   view->hasher, NULL, value)) {
        return (struct span){0};
    }
    return span_of(value, hash_size(bank));
}

static const char *text_of(const struct view *view, const struct cel_record *record)
{
    const char *text = show_bytes(view->arena, record->has_inner ? record->inner : record->content);

    return text != NULL ? text : "";
}

static const char *name_of(const struct view *view, const struct cel_record *record)
{
    const char *name = record->has_inner ? cel_cos_name(record->inner_type) : NULL;

    if (name == NULL) {
        name = arena_printf(view->arena, "content type %u%s", record->content_type,
                            record->has_inner ? ", unknown kind" : "");
    }
    return name != NULL ? name : "";
}

static bool is_covered(const struct view *view, const struct cel_record *record)
{
    bool covered = false;

    return cel_is_covered(record, view->hasher, &covered) == ERR_OK && covered;
}

static void print_text(const struct view *view)
{
    printf("%-18s canonical event log (CEL-TLV), %zu records\n", "Log:", view->cel->n);
    for (size_t i = 0; i < view->n_registers; i++) {
        const struct cel_record *reg = view->registers[i];

        printf("\n%s, begun at zeros\n", cel_register_name(view->arena, reg));
        for (size_t k = 0; k < reg->n_digests; k++) {
            enum hash_alg bank = hash_by_tpm_id(reg->digest[k].alg);
            struct span value = value_of(view, reg, bank);
            char hex[2 * HASH_MAX_BYTES + 1];

            hex_encode(value, hex, sizeof(hex));
            if (value.len > 0) {
                printf("  = %s %s\n", hash_name(bank), hex);
            }
        }
        for (size_t k = 0; k < view->cel->n; k++) {
            const struct cel_record *record = &view->cel->records[k];

            if (record->kind == reg->kind && record->index == reg->index) {
                printf("%5llu  %-21s %s%s\n", (unsigned long long)record->number,
                       name_of(view, record), text_of(view, record),
                       is_covered(view, record) ? "" : " [not what was measured, or not known]");
            }
        }
    }
    if (view->n_beyond > 0) {
        printf("\nNot shown: %zu records of further registers; the first %d registers are above\n",
               view->n_beyond, REGISTERS_MAX);
    }
}

static void add_registers(const struct view *view, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_val *registers = json_add_object(doc, root, "registers");

    for (int bank = 0; bank < HASH_COUNT; bank++) {
        yyjson_mut_val *values = NULL;

        for (size_t i = 0; i < view->n_registers; i++) {
            struct span value = value_of(view, view->registers[i], (enum hash_alg)bank);

            if (value.len > 0) {
                values = values != NULL
                             ? values
                             : json_add_object(doc, registers, hash_name((enum hash_alg)bank));
                json_add_hex(view->arena, doc, values,
                             cel_register_name(view->arena, view->registers[i]), value);
            }
        }
    }
}

static void add_record(const struct view *view, yyjson_mut_doc *doc, yyjson_mut_val *array,
                       const struct cel_record *record)
{
    yyjson_mut_val *value = yyjson_mut_arr_add_obj(doc, array);
    yyjson_mut_val *digests;

    json_add_uint(doc, value, "number", record->number);
    json_add_text(doc, value, "register", cel_register_name(view->arena, record));
    digests = json_add_object(doc, value, "digests");
    for (size_t i = 0; i < record->n_digests; i++) {
        enum hash_alg hash = hash_by_tpm_id(record->digest[i].alg);
        const char *name = hash != HASH_NONE
                               ? hash_name(hash)
                               : arena_printf(view->arena, "0x%04x", record->digest[i].alg);

        if (name != NULL) {
            json_add_hex(view->arena, doc, digests, name, record->digest[i].bytes);
        }
    }
    json_add_bool(doc, value, "matches_data", is_covered(view, record));
    json_add_uint(doc, value, "content_type", record->content_type);
    if (record->has_inner) {
        json_add_uint(doc, value, "kind", record->inner_type);
    }
    json_add_text(doc, value, "name", name_of(view, record));
    json_add_text(doc, value, "text", text_of(view, record));
    json_add_uint(doc, value, "bytes", record->content.len);
}

static int print_json(const struct view *view)
{
    yyjson_mut_doc *doc = json_new(view->arena);
    yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
    yyjson_mut_val *array;
    struct span text;

    json_add_text(doc, root, "format", "cel-tlv");
    add_registers(view, doc, root);
    json_add_uint(doc, root, "records_without_register", view->n_beyond);
    array = json_add_array(doc, root, "records");
    for (size_t i = 0; i < view->cel->n; i++) {
        add_record(view, doc, array, &view->cel->records[i]);
    }
    text = json_write(view->arena, doc, root, true);
    if (text.data == NULL) {
        cli_complain("eventlog", "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

int eventlog_cel(struct arena *arena, const char *path, struct span bytes, bool as_json)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct view view = {.arena = arena, .hasher = hasher};
    struct cel *cel = NULL;
    struct trail trail = {0};
    err_t err = hasher == NULL ? ERR_MEMORY : cel_read(arena, bytes, &trail, &cel);

    if (err) {
        return cli_fail("eventlog", path, err, &trail);
    }
    view.cel = cel;
    find_registers(&view);
    if (as_json) {
        return print_json(&view);
    }
    print_text(&view);
    return EXIT_YES;
}
