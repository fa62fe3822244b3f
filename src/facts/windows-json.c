/*
 * facts/windows-json.c - "windows" of the documented JSON form (docs/formats/boot-facts.md).
 */
#include "facts/windows.h"

static const char *state_name(enum tristate state)
{
    return state == STATE_YES ? "yes" : state == STATE_NO ? "no" : "unknown";
}

static void add_hex(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                    const char *name, struct span bytes)
{
    if (bytes.len > 0) {
        json_add_hex(arena, doc, object, name, bytes);
    } else {
        json_add_value(doc, object, name, yyjson_mut_null(doc));
    }
}

static void add_event(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                      const struct event *event)
{
    if (event != NULL) {
        json_add_uint(doc, object, name, event->index);
    } else {
        json_add_value(doc, object, name, yyjson_mut_null(doc));
    }
}

static void add_events(yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const struct windows_value *value)
{
    yyjson_mut_val *array = json_add_array(doc, object, "events");

    for (size_t i = 0; i < value->n_events; i++) {
        yyjson_mut_arr_add_uint(doc, array, value->event[i]);
    }
}

static void add_flags(yyjson_mut_doc *doc, yyjson_mut_val *object,
                      const struct windows_facts *windows)
{
    for (int i = 0; i < WINDOWS_FLAG_COUNT; i++) {
        yyjson_mut_val *flag =
            json_add_object(doc, object, windows_setting_name((enum windows_setting)i));

        json_add_text(doc, flag, "state", state_name(windows->flag[i]));
        add_events(doc, flag, &windows->value[i]);
    }
}

static void add_numbers(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct windows_facts *windows)
{
    for (int i = WINDOWS_FLAG_COUNT; i < WINDOWS_SETTING_COUNT; i++) {
        const struct windows_value *value = &windows->value[i];
        enum windows_setting setting = (enum windows_setting)i;
        yyjson_mut_val *number = json_add_object(doc, object, windows_setting_name(setting));
        yyjson_mut_val *values = json_add_array(doc, number, "values");
        yyjson_mut_val *words = NULL;

        if (setting == WINDOWS_BITLOCKER_UNLOCK || setting == WINDOWS_TRANSFER_CONTROL) {
            words = json_add_array(doc, number, "words");
        }
        for (size_t k = 0; k < value->n; k++) {
            yyjson_mut_arr_add_uint(doc, values, value->value[k]);
            if (words != NULL) {
                const char *word = windows_value_words(arena, setting, value->value[k]);

                yyjson_mut_arr_append(words, yyjson_mut_strcpy(doc, word == NULL ? "" : word));
            }
        }
        add_events(doc, number, value);
    }
}

static void add_module(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *array,
                       const struct windows_module *module)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, array);

    json_add_text(doc, object, "path", module->path);
    json_add_text(doc, object, "algorithm",
                  module->algorithm[0] == '\0' ? NULL : module->algorithm);
    add_hex(arena, doc, object, "digest", module->digest);
    if (module->event != NULL) {
        json_add_uint(doc, object, "image_size", module->image_size);
        json_add_text(doc, object, "issuer", module->issuer);
        json_add_text(doc, object, "publisher", module->publisher);
        add_hex(arena, doc, object, "serial", module->serial);
        add_hex(arena, doc, object, "thumbprint", module->thumbprint);
        json_add_text(doc, object, "validated", state_name(module->validated));
        if (module->has_svn) {
            json_add_uint(doc, object, "svn", module->svn);
        }
    }
    add_event(doc, object, "event", module->event);
    add_event(doc, object, "load_event", module->loaded);
}

static void add_elam(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                     const struct windows_facts *windows)
{
    yyjson_mut_val *array = json_add_array(doc, object, "elam");

    for (size_t i = 0; i < windows->n_elam; i++) {
        yyjson_mut_val *elam = yyjson_mut_arr_add_obj(doc, array);

        json_add_text(doc, elam, "name", windows->elam[i].name);
        add_hex(arena, doc, elam, "configuration", windows->elam[i].configuration);
        add_hex(arena, doc, elam, "policy", windows->elam[i].policy);
        add_hex(arena, doc, elam, "measured", windows->elam[i].measured);
        add_event(doc, elam, "event", windows->elam[i].event);
    }
}

static void add_revocations(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                            const char *name, const struct windows_revocations *revocations)
{
    yyjson_mut_val *value;

    if (revocations->event == NULL) {
        json_add_value(doc, object, name, yyjson_mut_null(doc));
        return;
    }
    value = json_add_object(doc, object, name);
    json_add_uint(doc, value, "created", revocations->created);
    add_hex(arena, doc, value, "digest", revocations->digest);
    add_event(doc, value, "event", revocations->event);
}

static void add_trust_point(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                            const struct windows_trust_point *point)
{
    yyjson_mut_val *value;

    if (point->event == NULL) {
        json_add_value(doc, object, "trust_point", yyjson_mut_null(doc));
        return;
    }
    value = json_add_object(doc, object, "trust_point");
    json_add_bool(doc, value, "measured", false);
    json_add_bool(doc, value, "checked", false);
    json_add_bool(doc, value, "well_formed", !point->is_malformed);
    json_add_uint(doc, value, "quote_bytes", point->quote.len);
    json_add_uint(doc, value, "signature_bytes", point->signature.len);
    json_add_text(doc, value, "aik_id_hint", point->aik_id[0] == '\0' ? NULL : point->aik_id);
    add_hex(arena, doc, value, "aik_digest_hint", point->aik_digest);
    add_event(doc, value, "event", point->event);
}

yyjson_mut_val *windows_facts_json(struct arena *arena, yyjson_mut_doc *doc,
                                   const struct windows_facts *windows)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    yyjson_mut_val *array;

    json_add_bool(doc, object, "whole", windows->is_whole);
    add_flags(doc, object, windows);
    add_numbers(arena, doc, object, windows);
    json_add_text(doc, object, "resumed", state_name(windows->resumed));
    json_add_text(doc, object, "system_root", windows->system_root);
    add_elam(arena, doc, object, windows);
    array = json_add_array(doc, object, "modules");
    for (size_t i = 0; i < windows->n_modules; i++) {
        add_module(arena, doc, array, &windows->modules[i]);
    }
    array = json_add_array(doc, object, "authorities");
    for (size_t i = 0; i < windows->n_authorities; i++) {
        yyjson_mut_val *authority = yyjson_mut_arr_add_obj(doc, array);

        add_hex(arena, doc, authority, "public_key", windows->authorities[i]);
        add_event(doc, authority, "event", windows->authority_events[i]);
    }
    add_revocations(arena, doc, object, "boot_revocations", &windows->boot_revocations);
    add_revocations(arena, doc, object, "os_revocations", &windows->os_revocations);
    json_add_uint(doc, object, "failures", windows->n_failures);
    json_add_uint(doc, object, "unknown_records", windows->n_unknown);
    add_trust_point(arena, doc, object, &windows->trust_point);
    return object;
}
