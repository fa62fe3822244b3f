/*
 * device-path.h - where an image came from, by its device path (UEFI 2.10, 10.3): always a hint,
 * no digest covers it.
 */
#ifndef UEFI_DEVICE_PATH_H
#define UEFI_DEVICE_PATH_H

#include "base/span.h"

enum { DEVICE_PATH_MAX_NODES = 64 };

enum image_source {
    SOURCE_UNKNOWN,
    SOURCE_FIRMWARE, /* a file in a firmware volume */
    SOURCE_PCI,      /* an option ROM, read from a device on the bus */
    SOURCE_MEMORY,   /* a range of memory; no device is named */
    SOURCE_DISK,     /* a partition or a file */
    SOURCE_NETWORK,
};

/* Of UEFI_IMAGE_LOAD_EVENT's data (PFP 1.06, 10.2.3): address, length, link address, path. Empty
 * when it is malformed. */
struct span image_load_path(struct span data);
/* The last file name in a path, UTF-16LE; empty when there is none. */
struct span device_path_file(struct span path);
enum image_source device_path_source(struct span path);
/* "firmware volume", "option ROM", "memory", "disk", "network", "unknown"; static. */
const char *image_source_name(enum image_source source);

#endif
