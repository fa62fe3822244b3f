/*
 * eventlog.c - `bootwarden eventlog`: what a log says, for people and for scripts.
 */
#include "cli/eventlog.h"

#include "base/file.h"
#include "cli/cli.h"
#include "cli/log-read.h"
#include "cli/options.h"
#include "cli/reference-load.h"
#include "eventlog/cel.h"
#include "facts/stages.h"

#include <string.h>

enum { ARENA_BYTES = 512 * 1024 * 1024 };

static const char *const outputs[] = {"text", "json", NULL};

/* The matches_data member: null when the digest is of something that the log does not hold. */
static void add_match(yyjson_mut_doc *doc, yyjson_mut_val *object, enum reading_match match)
{
    switch (match) {
    case READING_MATCHES:
        json_add_bool(doc, object, "matches_data", true);
        break;
    case READING_DIFFERS:
        json_add_bool(doc, object, "matches_data", false);
        break;
    case READING_NOT_COVERED:
    default:
        json_add_value(doc, object, "matches_data", yyjson_mut_null(doc));
        break;
    }
}

static void add_event(const struct eventlog_view *view, yyjson_mut_doc *doc, yyjson_mut_val *array,
                      const struct reading *r)
{
    const struct eventlog *log = view->facts->log;
    yyjson_mut_val *value = yyjson_mut_arr_add_obj(doc, array);
    yyjson_mut_val *digests;

    json_add_uint(doc, value, "index", r->event->index);
    if (log->kind == EVENTLOG_PCRS) {
        json_add_uint(doc, value, "pcr", r->event->pcr);
    } else {
        json_add_text(doc, value, "register",
                      eventlog_register_name(view->arena, log, r->event->pcr));
    }
    json_add_text(doc, value, "type", eventlog_type_name(view->arena, r->event->type));
    digests = json_add_object(doc, value, "digests");
    for (size_t i = 0; i < log->n_banks; i++) {
        if (r->event->digest[i].len > 0) {
            json_add_hex(view->arena, doc, digests, eventlog_bank_name(view->arena, &log->banks[i]),
                         r->event->digest[i]);
        }
    }
    add_match(doc, value, r->match);
    json_add_text(doc, value, "role", event_role_name(r->role));
    json_add_text(doc, value, "stage", boot_stage_name(boot_stage_of(view->facts, r)));
    json_add_text(doc, value, "name", r->name[0] != '\0' ? r->name : NULL);
    json_add_bool(doc, value, "hint", r->name_is_hint);
    json_add_text(doc, value, "rule", r->rule);
    json_add_text(doc, value, "text", r->text);
    json_add_uint(doc, value, "bytes", r->event->data.len);
}

static void add_registers(const struct eventlog_view *view, yyjson_mut_doc *doc,
                          yyjson_mut_val *root)
{
    yyjson_mut_val *banks = json_add_object(doc, root, "registers");

    for (size_t i = 0; i < view->n_registers; i++) {
        const struct eventlog_registers *regs = &view->registers[i];
        yyjson_mut_val *bank = json_add_object(doc, banks, hash_name(regs->bank));

        for (unsigned pcr = 0; pcr < EVENTLOG_REGISTERS; pcr++) {
            const struct eventlog *log = view->facts->log;
            const char *name = log->kind == EVENTLOG_PCRS
                                   ? arena_printf(view->arena, "%u", pcr)
                                   : eventlog_register_name(view->arena, log, pcr);

            if ((regs->extended & view->pcr_mask & 1u << pcr) != 0 && name != NULL) {
                json_add_hex(view->arena, doc, bank, name,
                             span_of(regs->value[pcr], hash_size(regs->bank)));
            }
        }
    }
}

static int print_json(const struct eventlog_view *view)
{
    const struct eventlog *log = view->facts->log;
    yyjson_mut_doc *doc = json_new(view->arena);
    yyjson_mut_val *root = doc != NULL ? yyjson_mut_obj(doc) : NULL;
    yyjson_mut_val *array;
    struct span text;

    json_add_text(doc, root, "format", log->format == EVENTLOG_AGILE ? "crypto-agile" : "sha1");
    json_add_text(doc, root, "register_kind", log->kind == EVENTLOG_PCRS ? "pcr" : "rtmr");
    array = json_add_array(doc, root, "banks");
    for (size_t i = 0; i < log->n_banks; i++) {
        yyjson_mut_arr_add_strcpy(doc, array, eventlog_bank_name(view->arena, &log->banks[i]));
    }
    json_add_uint(doc, root, "startup_locality", log->startup_locality);
    add_registers(view, doc, root);
    if (view->show_events) {
        array = json_add_array(doc, root, "events");
        for (size_t i = 0; i < view->facts->readings->n; i++) {
            const struct reading *r = &view->facts->readings->items[i];

            if (eventlog_view_has(view, r->event->pcr)) {
                add_event(view, doc, array, r);
            }
        }
    }
    if (view->show_facts) {
        json_add_value(doc, root, "facts", boot_facts_json(view->arena, doc, view->facts));
    }
    json_add_value(doc, root, "oddities", boot_findings_json(doc, view->facts));
    text = json_write(view->arena, doc, root, true);
    if (text.data == NULL) {
        cli_complain("eventlog", "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

static err_t replay_all(struct eventlog_view *view, const struct eventlog *log,
                        struct hasher *hasher, struct trail *trail)
{
    for (size_t i = 0; i < log->n_banks; i++) {
        if (log->banks[i].hash != HASH_NONE) {
            err_t err = eventlog_replay(log, log->banks[i].hash, hasher, trail,
                                        &view->registers[view->n_registers]);

            if (err) {
                return err;
            }
            view->n_registers++;
        }
    }
    return ERR_OK;
}

static err_t read_file(struct eventlog_view *view, const char *path, struct trail *trail,
                       struct span *ret)
{
    if (strcmp(path, "-") != 0 && file_is_folder(path)) {
        trail_set(trail, ERR_IO, "is a folder; name the event log in it, such as %s/eventlog.bin",
                  path);
        trail_in(trail, ERR_IO, path);
        return ERR_IO;
    }
    return file_read(view->arena, path, EVENTLOG_MAX_BYTES, trail, ret);
}

static err_t look_at(struct eventlog_view *view, struct span bytes, struct trail *trail)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct eventlog *log = NULL;
    struct readings *readings = NULL;
    err_t err = hasher == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : log_read(view->arena, bytes, trail, &log);
    err = err ? err : replay_all(view, log, hasher, trail);
    err = err ? err : readings_make(view->arena, log, hasher, &readings);
    return err ? err
               : boot_facts_make(view->arena, readings, view->reference, hasher, &view->facts);
}

int cmd_eventlog(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct option_numbers pcrs = {0};
    bool only_events = false;
    bool only_facts = false;
    const char *folder = NULL;
    int output = 0;
    const struct option options[] = {
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &output, outputs, 0},
        {"pcr", 'p', OPTION_NUMBER, "N", "only events of this register; repeatable", &pcrs, NULL,
         EVENTLOG_REGISTERS - 1},
        {"events", 0, OPTION_FLAG, NULL, "the events and nothing else", &only_events, NULL, 0},
        {"facts", 0, OPTION_FLAG, NULL, "the facts and oddities and nothing else", &only_facts,
         NULL, 0},
        {"reference", 0, OPTION_TEXT, "DIR", "reference data of this folder", &folder, NULL, 0},
    };
    const struct option_set set = {
        .command = "eventlog",
        .arguments = "FILE",
        .description = "Read a TCG event log, replay it, and say what it proves about the boot.\n"
                       "FILE is binary_bios_measurements of the kernel, or - for standard input.\n"
                       "'bootwarden eventlog diff OLD NEW' compares two of them in words.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit status: 0 the log was read, 2 it cannot be read or there is none, or the\n"
                 "reference data is missing or broken.",
    };
    struct option_result result;
    struct eventlog_view view = {.arena = arena};
    struct trail trail = {0};
    struct span bytes = {0};
    int code = EXIT_YES;
    err_t err;

    if (argc > 1 && strcmp(argv[1], "diff") == 0) {
        return eventlog_diff(argc - 1, argv + 1);
    }
    if (!options_parse(&set, argc, argv, &result, &code)) {
        return code;
    }
    if (arena == NULL) {
        cli_complain("eventlog", "out of memory");
        return EXIT_INTERNAL;
    }
    view.show_events = only_events || !only_facts;
    view.show_facts = only_facts || !only_events;
    view.pcr_mask = pcrs.n == 0 ? UINT32_MAX : 0;
    for (size_t i = 0; i < pcrs.n; i++) {
        view.pcr_mask |= 1u << pcrs.items[i];
    }
    view.is_filtered = pcrs.n > 0;
    err = read_file(&view, result.arguments[0], &trail, &bytes);
    if (err == ERR_OK && cel_is_likely(bytes)) {
        return cli_finish("eventlog", arena,
                          eventlog_cel(arena, result.arguments[0], bytes, output == 1));
    }
    code = err ? EXIT_YES : reference_load("eventlog", folder, &view.reference);
    if (code != EXIT_YES) {
        return code;
    }
    err = err ? err : look_at(&view, bytes, &trail);
    if (err) {
        code = cli_fail("eventlog", result.arguments[0], err, &trail);
    } else if (output == 1) {
        code = print_json(&view);
    } else {
        eventlog_print(&view);
    }
    reference_free(view.reference);
    return cli_finish("eventlog", arena, code);
}
