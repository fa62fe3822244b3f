/*
 * facts/devices.c - drivers and option ROMs by digest (B-5), devices that speak SPDM (B-11).
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

static bool is_image_type(uint32_t type)
{
    return type == EV_EFI_BOOT_SERVICES_APPLICATION || type == EV_EFI_BOOT_SERVICES_DRIVER ||
           type == EV_EFI_RUNTIME_SERVICES_DRIVER;
}

static bool is_driver(const struct event *event)
{
    return event->home == 2 && is_image_type(event->type);
}

/* E3 and E4 are variables and stand in PCR 7: facts/secureboot.c. */
static bool is_device(const struct event *event)
{
    return event->type == EV_EFI_SPDM_FIRMWARE_BLOB || event->type == EV_EFI_SPDM_FIRMWARE_CONFIG;
}

static void add_driver(struct facts_ctx *ctx, const struct reading *r)
{
    struct boot_driver *driver = &ctx->facts->drivers[ctx->facts->n_drivers++];

    driver->event = r->event;
    driver->source = device_path_source(image_load_path(r->event->data));
    facts_digests(ctx, r->event, driver->digest);
}

static void add_device(struct facts_ctx *ctx, const struct reading *r)
{
    struct boot_device *device = &ctx->facts->devices[ctx->facts->n_devices];
    err_t err = spdm_event_read(r->event->data, &device->spdm);

    if (err) {
        facts_find(ctx, FINDING_DEVICE_EVENT, WEIGHT_NOTE, "B-11", r->event,
                   "event %u of a device is malformed (%s): nothing is known of the device",
                   r->event->index, err_name(err));
        return;
    }
    device->event = r->event;
    device->is_config = r->event->type == EV_EFI_SPDM_FIRMWARE_CONFIG;
    ctx->facts->n_devices++;
}

void facts_devices(struct facts_ctx *ctx)
{
    size_t n_drivers = 0;
    size_t n_devices = 0;

    for (size_t i = 0; i < ctx->readings->n; i++) {
        n_drivers += is_driver(ctx->readings->items[i].event) ? 1 : 0;
        n_devices += is_device(ctx->readings->items[i].event) ? 1 : 0;
    }
    ctx->facts->drivers = facts_alloc(ctx, n_drivers, sizeof(*ctx->facts->drivers));
    ctx->facts->devices = facts_alloc(ctx, n_devices, sizeof(*ctx->facts->devices));
    for (size_t i = 0; i < ctx->readings->n && ctx->err == ERR_OK; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (is_driver(r->event)) {
            add_driver(ctx, r);
        } else if (is_device(r->event)) {
            add_device(ctx, r);
        }
    }
}
