/*
 * Who may send these bytes: root of any guest.
 */
#include "uefi/device-path.h"

#include "base/reader.h"

enum { NODE_HARDWARE = 1, NODE_MESSAGING = 3, NODE_MEDIA = 4, NODE_END = 0x7f };

struct node {
    uint8_t type, subtype;
    struct span body;
};

/* False at the end, or where the path stops being one. */
static bool next_node(struct reader *in, struct node *node)
{
    uint16_t len = 0;
    err_t err = reader_u8(in, &node->type);

    err = err ? err : reader_u8(in, &node->subtype);
    err = err ? err : reader_u16le(in, &len);
    return err == ERR_OK && node->type != NODE_END && len >= 4 &&
           reader_take(in, (size_t)len - 4, &node->body) == ERR_OK;
}

struct span image_load_path(struct span data)
{
    struct reader in = reader_on(data);
    struct span path = {0};
    uint64_t len = 0;
    err_t err = reader_skip(&in, 24);

    err = err ? err : reader_u64le(&in, &len);
    if (err || len > reader_left(&in) || reader_take(&in, (size_t)len, &path)) {
        return (struct span){0};
    }
    return path;
}

struct span device_path_file(struct span path)
{
    struct reader in = reader_on(path);
    struct span file = {0};
    struct node node = {0};

    for (int i = 0; i < DEVICE_PATH_MAX_NODES && next_node(&in, &node); i++) {
        if (node.type == NODE_MEDIA && node.subtype == 4) {
            file = node.body;
        }
    }
    return file;
}

enum image_source device_path_source(struct span path)
{
    struct reader in = reader_on(path);
    struct node node = {0};
    bool pci = false;
    bool disk = false;
    bool network = false;
    bool firmware = false;
    bool range = false;

    for (int i = 0; i < DEVICE_PATH_MAX_NODES && next_node(&in, &node); i++) {
        pci = pci || (node.type == NODE_HARDWARE && node.subtype == 1);
        /* MAC, IPv4, IPv6, URI */
        network =
            network || (node.type == NODE_MESSAGING && (node.subtype == 11 || node.subtype == 12 ||
                                                        node.subtype == 13 || node.subtype == 24));
        if (node.type == NODE_MEDIA) {
            disk = disk || node.subtype == 1 || node.subtype == 2 || node.subtype == 4;
            firmware = firmware || node.subtype == 6 || node.subtype == 7;
            range = range || node.subtype == 8;
        }
    }
    if (network) {
        return SOURCE_NETWORK;
    }
    if (disk) {
        return SOURCE_DISK;
    }
    if (firmware) {
        return SOURCE_FIRMWARE;
    }
    return pci ? SOURCE_PCI : range ? SOURCE_MEMORY : SOURCE_UNKNOWN;
}

const char *image_source_name(enum image_source source)
{
    switch (source) {
    case SOURCE_FIRMWARE:
        return "firmware volume";
    case SOURCE_PCI:
        return "option ROM";
    case SOURCE_MEMORY:
        return "memory";
    case SOURCE_DISK:
        return "disk";
    case SOURCE_NETWORK:
        return "network";
    case SOURCE_UNKNOWN:
    default:
        return "unknown";
    }
}
