/*
 * gpt.h - the partition table as firmware measures it (UEFI_GPT_DATA; PFP 1.06, 10.2.5): a GPT
 * header, a count, and only the entries in use.
 *
 * Who may send these bytes: root of any guest, and whoever may write to its disk.
 */
#ifndef UEFI_GPT_H
#define UEFI_GPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum { GPT_PARTITIONS_MAX = 128 }; /* what every known tool makes room for */

struct partition {
    uint8_t type[16]; /* GUIDs as they stand: the first three fields little endian */
    uint8_t id[16];
    uint64_t first, last; /* blocks, both included */
    const char *name;     /* escaped, in the arena; "" */
};

struct partition_table {
    uint8_t disk[16];
    struct partition *items; /* in the arena */
    size_t n;
};

/*
 * ERR_SHORT, ERR_TRAILING, ERR_MALFORMED (no GPT header; entries of an impossible size or range),
 * ERR_TOO_MANY; ERR_MEMORY. The checksums are not looked at: a digest covers all of it.
 */
err_t gpt_read(struct arena *arena, struct span data, struct partition_table *ret) MUST_CHECK;

#endif
