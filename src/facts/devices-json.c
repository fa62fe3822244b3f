/*
 * facts/devices-json.c - drivers, devices and disks in the JSON form of facts.
 */
#include "facts/parts.h"

static void add_digests(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct span digest[HASH_COUNT])
{
    yyjson_mut_val *digests = json_add_object(doc, object, "digests");

    for (int alg = 0; alg < HASH_COUNT; alg++) {
        if (digest[alg].len > 0) {
            json_add_hex(arena, doc, digests, hash_name((enum hash_alg)alg), digest[alg]);
        }
    }
}

static void add_guid(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                     const uint8_t guid[16])
{
    char text[40];

    uefi_guid_format(guid, text, sizeof(text));
    json_add_span(doc, object, name, span_str(text));
}

static const char *content_name(enum spdm_content content)
{
    return content == SPDM_MEASUREMENTS   ? "measurements"
           : content == SPDM_CERTIFICATES ? "certificates"
                                          : "other";
}

static const char *bus_name(enum spdm_bus bus)
{
    return bus == SPDM_BUS_PCI ? "PCI" : bus == SPDM_BUS_USB ? "USB" : "unknown";
}

static void add_drivers(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct boot_facts *facts)
{
    yyjson_mut_val *array = json_add_array(doc, object, "drivers");

    for (size_t i = 0; i < facts->n_drivers; i++) {
        yyjson_mut_val *value = yyjson_mut_arr_add_obj(doc, array);

        json_add_text(doc, value, "source_hint", image_source_name(facts->drivers[i].source));
        add_digests(arena, doc, value, facts->drivers[i].digest);
        json_add_uint(doc, value, "event", facts->drivers[i].event->index);
    }
}

static void add_devices(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct boot_facts *facts)
{
    yyjson_mut_val *array = json_add_array(doc, object, "devices");

    for (size_t i = 0; i < facts->n_devices; i++) {
        const struct spdm_event *spdm = &facts->devices[i].spdm;
        yyjson_mut_val *value = yyjson_mut_arr_add_obj(doc, array);

        json_add_text(doc, value, "about",
                      facts->devices[i].is_config ? "configuration" : "firmware");
        json_add_text(doc, value, "content", content_name(spdm->content));
        json_add_uint(doc, value, "blocks", spdm->n_blocks);
        json_add_text(doc, value, "bus_hint", bus_name(spdm->bus));
        json_add_text(doc, value, "pci_hint",
                      spdm->has_pci
                          ? arena_printf(arena, "%04x:%04x", spdm->pci_vendor, spdm->pci_device)
                          : NULL);
        json_add_uint(doc, value, "event", facts->devices[i].event->index);
    }
}

static void add_disks(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct boot_facts *facts)
{
    yyjson_mut_val *array = json_add_array(doc, object, "disks");

    for (size_t i = 0; i < facts->n_disks; i++) {
        const struct partition_table *table = &facts->disks[i].table;
        yyjson_mut_val *disk = yyjson_mut_arr_add_obj(doc, array);
        yyjson_mut_val *parts;

        add_guid(doc, disk, "id", table->disk);
        parts = json_add_array(doc, disk, "partitions");
        for (size_t j = 0; j < table->n; j++) {
            yyjson_mut_val *part = yyjson_mut_arr_add_obj(doc, parts);

            add_guid(doc, part, "type", table->items[j].type);
            add_guid(doc, part, "id", table->items[j].id);
            json_add_uint(doc, part, "first", table->items[j].first);
            json_add_uint(doc, part, "last", table->items[j].last);
            json_add_text(doc, part, "name", table->items[j].name);
        }
        json_add_uint(doc, disk, "event", facts->disks[i].event->index);
    }
}

void facts_devices_json(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct boot_facts *facts)
{
    add_drivers(arena, doc, object, facts);
    add_devices(arena, doc, object, facts);
    add_disks(doc, object, facts);
}
