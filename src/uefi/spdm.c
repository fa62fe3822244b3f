#include "uefi/spdm.h"

#include "base/reader.h"

static const char signature1[16] = "SPDM Device Sec";
static const char signature2[17] = "SPDM Device Sec2";

enum { PCI_CONTEXT_BYTES = 16 };

/* One block: index, specification, size, then that many bytes. */
static err_t take_block(struct reader *in)
{
    uint16_t size = 0;
    err_t err = reader_skip(in, 2);

    err = err ? err : reader_u16le(in, &size);
    return err ? err : reader_skip(in, size);
}

static enum spdm_bus bus_of(uint32_t type)
{
    return type == 0   ? SPDM_BUS_NONE
           : type == 1 ? SPDM_BUS_PCI
           : type == 2 ? SPDM_BUS_USB
                       : SPDM_BUS_OTHER;
}

/* DEVICE_SECURITY_EVENT_DATA_DEVICE_CONTEXT: version, length of all of it, then by bus. */
static err_t read_context(struct reader *in, struct spdm_event *event)
{
    uint16_t len = 0;
    struct span body = {0};
    err_t err;

    if (event->bus == SPDM_BUS_NONE && reader_left(in) == 0) {
        return ERR_OK;
    }
    err = reader_skip(in, 2);
    err = err ? err : reader_u16le(in, &len);
    if (err == ERR_OK && len < 4) {
        return ERR_MALFORMED;
    }
    err = err ? err : reader_take(in, (size_t)len - 4, &body);
    err = err ? err : reader_end(in);
    if (err || event->bus != SPDM_BUS_PCI) {
        return err;
    }
    if (len != PCI_CONTEXT_BYTES) {
        return ERR_MALFORMED;
    }
    event->has_pci = true;
    event->pci_vendor = (uint16_t)(body.data[0] | body.data[1] << 8);
    event->pci_device = (uint16_t)(body.data[2] | body.data[3] << 8);
    return ERR_OK;
}

/* Version 1: one block of measurements. */
static err_t read_v1(struct reader *in, struct spdm_event *event)
{
    uint16_t version = 0;
    uint16_t len = 0;
    uint32_t bus = 0;
    size_t from;
    err_t err = reader_u16le(in, &version);

    err = err ? err : reader_u16le(in, &len);
    err = err ? err : reader_u32le(in, &event->hash_alg);
    err = err ? err : reader_u32le(in, &bus);
    if (err) {
        return err;
    }
    if (version > 1) {
        return ERR_UNSUPPORTED;
    }
    if (len != in->bytes.len) {
        return len > in->bytes.len ? ERR_SHORT : ERR_TRAILING;
    }
    event->version = 1;
    event->bus = bus_of(bus);
    event->content = SPDM_MEASUREMENTS;
    event->n_blocks = 1;
    from = in->offset;
    err = take_block(in);
    event->payload = span_cut(in->bytes, from, in->offset - from);
    return err ? err : read_context(in, event);
}

static err_t read_sub_header(struct span sub, uint32_t type, struct spdm_event *event)
{
    struct reader in = reader_on(sub);
    err_t err;

    if (type > 1) {
        event->content = SPDM_OTHER;
        event->payload = sub;
        return ERR_OK;
    }
    event->content = type == 0 ? SPDM_MEASUREMENTS : SPDM_CERTIFICATES;
    err = reader_skip(&in, 2);
    err = err ? err : reader_u8(&in, &event->n_blocks); /* the slot, of certificates */
    err = err ? err : reader_skip(&in, 1);
    err = err ? err : reader_u32le(&in, &event->hash_alg);
    if (err) {
        return err;
    }
    event->payload = span_cut(sub, in.offset, sub.len);
    if (event->content == SPDM_CERTIFICATES) {
        event->n_blocks = 0;
        return ERR_OK;
    }
    for (uint8_t i = 0; err == ERR_OK && i < event->n_blocks; i++) {
        err = take_block(&in);
    }
    return err ? err : reader_end(&in);
}

static err_t read_v2(struct reader *in, struct spdm_event *event)
{
    uint16_t version = 0;
    uint32_t len = 0;
    uint32_t bus = 0;
    uint32_t sub_type = 0;
    uint32_t sub_len = 0;
    uint64_t path_len = 0;
    struct span sub = {0};
    err_t err = reader_u16le(in, &version);

    err = err ? err : reader_u8(in, &event->auth_state);
    err = err ? err : reader_skip(in, 1);
    err = err ? err : reader_u32le(in, &len);
    if (err) {
        return err;
    }
    if (version != 2) {
        return ERR_UNSUPPORTED;
    }
    /* "Length in bytes for all following structures". */
    if (len != reader_left(in)) {
        return len > reader_left(in) ? ERR_SHORT : ERR_TRAILING;
    }
    event->version = 2;
    err = reader_u32le(in, &bus);
    err = err ? err : reader_u32le(in, &sub_type);
    err = err ? err : reader_u32le(in, &sub_len);
    err = err ? err : reader_skip(in, 8); /* the log's own number for the device */
    err = err ? err : reader_u64le(in, &path_len);
    if (err == ERR_OK && path_len > reader_left(in)) {
        return ERR_SHORT;
    }
    err = err ? err : reader_take(in, (size_t)path_len, &event->path);
    err = err ? err : reader_take(in, sub_len, &sub);
    event->bus = bus_of(bus);
    err = err ? err : read_sub_header(sub, sub_type, event);
    return err ? err : read_context(in, event);
}

err_t spdm_event_read(struct span data, struct spdm_event *ret)
{
    struct spdm_event event = {0};
    struct reader in = reader_on(data);
    struct span signature = {0};
    err_t err = reader_take(&in, sizeof(signature1), &signature);

    if (err) {
        return err;
    }
    if (memcmp(signature.data, signature1, sizeof(signature1)) == 0) {
        err = read_v1(&in, &event);
    } else if (memcmp(signature.data, signature2, sizeof(signature1)) == 0) {
        err = read_v2(&in, &event);
    } else {
        return ERR_UNSUPPORTED;
    }
    if (err == ERR_OK) {
        *ret = event;
    }
    return err;
}
