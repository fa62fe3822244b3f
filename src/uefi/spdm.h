/*
 * spdm.h - what firmware writes of devices that speak SPDM (PFP 1.06, 10.2.7; B-11).
 *
 * DEVICE_SECURITY_EVENT_DATA, both versions. Decoded as far as lengths go: what a device says of
 * itself counts for nothing without its certificate chain and the nonce of the exchange, which
 * nobody here checks. No public log holds such an event.
 *
 * Who may send these bytes: root of any guest, and the maker of any device.
 */
#ifndef UEFI_SPDM_H
#define UEFI_SPDM_H

#include "base/err.h"
#include "base/span.h"

enum spdm_content { SPDM_MEASUREMENTS, SPDM_CERTIFICATES, SPDM_OTHER };
enum spdm_bus { SPDM_BUS_NONE, SPDM_BUS_PCI, SPDM_BUS_USB, SPDM_BUS_OTHER };

struct spdm_event {
    uint8_t version;    /* of the structure: 1 or 2 */
    uint8_t auth_state; /* version 2: 0 authenticated, as the firmware says */
    enum spdm_content content;
    uint32_t hash_alg;   /* SPDM's number */
    uint8_t n_blocks;    /* of measurements */
    struct span payload; /* the blocks, or the certificate chain */
    struct span path;    /* version 2: UEFI device path */
    enum spdm_bus bus;
    bool has_pci; /* then these are the device's own words */
    uint16_t pci_vendor, pci_device;
};

/* ERR_SHORT, ERR_TRAILING, ERR_MALFORMED; ERR_UNSUPPORTED for another structure or version. */
err_t spdm_event_read(struct span data, struct spdm_event *ret) MUST_CHECK;

#endif
