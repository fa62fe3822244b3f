/*
 * reading/devices.c - events of devices that speak SPDM (B-11).
 *
 * Who may send these bytes: root of any guest, and the maker of any device.
 */
#include "reading/readers.h"
#include "uefi/spdm.h"

void read_device(struct reading_ctx *ctx, struct reading *r)
{
    bool is_config = r->event->type == EV_EFI_SPDM_FIRMWARE_CONFIG;
    struct spdm_event spdm = {0};

    /* Elsewhere the type is a place to hide in (D-2): the role stays that of the register. */
    if (r->event->home == 2 || r->event->home == 3) {
        r->role = is_config ? ROLE_FIRMWARE_CONFIG : ROLE_DRIVER;
    }
    reading_match(ctx, r, r->event->data, "H(data), if it matches", READING_NOT_COVERED);
    if (spdm_event_read(r->event->data, &spdm) != ERR_OK) {
        r->text = "event of a device, malformed";
    } else if (spdm.content == SPDM_CERTIFICATES) {
        r->text = "certificates of a device [not checked]";
    } else {
        r->text = is_config ? "configuration of a device, by its own word"
                            : "firmware of a device, by its own word";
    }
}
