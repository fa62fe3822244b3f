/*
 * siglist.c - walk EFI_SIGNATURE_LISTs without believing any of their lengths.
 *
 * Who may send these bytes: whoever sends the log they stand in; root of any guest.
 */
#include "uefi/siglist.h"

#include "crypto/hash.h"

enum { LIST_HEADER = 28, OWNER_BYTES = 16, EFI_TIME_BYTES = 16 };

/* UEFI 2.10, 32.4.1. `data` is what follows the owner; 0: any size. */
static const struct {
    uint8_t guid[16];
    enum siglist_kind kind;
    uint32_t data;
} kinds[] = {
    /* a5c059a1-94e4-4aa7-87b5-ab155c2bf072 */
    {{0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0,
      0x72},
     SIGLIST_X509,
     0},
    /* c1c41626-504c-4092-aca9-41f936934328 */
    {{0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43,
      0x28},
     SIGLIST_SHA256,
     SHA256_BYTES},
    /* 826ca512-cf10-4ac9-b187-be01496631bd */
    {{0x12, 0xa5, 0x6c, 0x82, 0x10, 0xcf, 0xc9, 0x4a, 0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31,
      0xbd},
     SIGLIST_SHA1,
     SHA1_BYTES},
    /* ff3e5307-9fd0-48c9-85f1-8ad56c701e01 */
    {{0x07, 0x53, 0x3e, 0xff, 0xd0, 0x9f, 0xc9, 0x48, 0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e,
      0x01},
     SIGLIST_SHA384,
     SHA384_BYTES},
    /* 093e0fae-a6c4-4f50-9f1b-d41e2b89c19a */
    {{0xae, 0x0f, 0x3e, 0x09, 0xc4, 0xa6, 0x50, 0x4f, 0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1,
      0x9a},
     SIGLIST_SHA512,
     SHA512_BYTES},
    /* 3bd2a492-96c0-4079-b420-fcf98ef103ed */
    {{0x92, 0xa4, 0xd2, 0x3b, 0xc0, 0x96, 0x79, 0x40, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03,
      0xed},
     SIGLIST_X509_SHA256,
     SHA256_BYTES + EFI_TIME_BYTES},
    /* 7076876e-80c2-4ee6-aad2-28b349a6865b */
    {{0x6e, 0x87, 0x76, 0x70, 0xc2, 0x80, 0xe6, 0x4e, 0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86,
      0x5b},
     SIGLIST_X509_SHA384,
     SHA384_BYTES + EFI_TIME_BYTES},
    /* 446dbf63-2502-4cda-bcfa-2465d2b0fe9d */
    {{0x63, 0xbf, 0x6d, 0x44, 0x02, 0x25, 0xda, 0x4c, 0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe,
      0x9d},
     SIGLIST_X509_SHA512,
     SHA512_BYTES + EFI_TIME_BYTES},
    /* 3c5766e8-269c-4e34-aa14-ed776e85b3b6 */
    {{0xe8, 0x66, 0x57, 0x3c, 0x9c, 0x26, 0x34, 0x4e, 0xaa, 0x14, 0xed, 0x77, 0x6e, 0x85, 0xb3,
      0xb6},
     SIGLIST_RSA2048,
     256},
};

void siglist_begin(struct siglist_iter *iter, struct span lists)
{
    memset(iter, 0, sizeof(*iter));
    iter->in = reader_on(lists);
}

static err_t identify(struct siglist_iter *iter, uint32_t data_len)
{
    iter->kind = SIGLIST_OTHER;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (memcmp(kinds[i].guid, iter->type_guid, sizeof(iter->type_guid)) == 0) {
            iter->kind = kinds[i].kind;
            return kinds[i].data == 0 || kinds[i].data == data_len ? ERR_OK : ERR_MALFORMED;
        }
    }
    return ERR_OK;
}

/* SB-11: every length is taken from what is left, never added up. */
static err_t next_list(struct siglist_iter *iter)
{
    struct reader in = iter->in;
    struct span guid = {0};
    struct span body = {0};
    uint32_t list_size = 0;
    uint32_t header_size = 0;
    uint32_t entry_size = 0;
    err_t err;

    if (iter->n_lists == SIGLIST_MAX_LISTS) {
        return ERR_TOO_MANY;
    }
    err = reader_take(&in, sizeof(iter->type_guid), &guid);
    err = err ? err : reader_u32le(&in, &list_size);
    err = err ? err : reader_u32le(&in, &header_size);
    err = err ? err : reader_u32le(&in, &entry_size);
    if (err) {
        return err;
    }
    if (list_size < LIST_HEADER || header_size > list_size - LIST_HEADER ||
        entry_size <= OWNER_BYTES) {
        return ERR_MALFORMED;
    }
    err = reader_skip(&in, header_size);
    err = err ? err : reader_take(&in, list_size - LIST_HEADER - header_size, &body);
    if (err) {
        return err;
    }
    if (body.len % entry_size != 0) {
        return ERR_MALFORMED;
    }
    memcpy(iter->type_guid, guid.data, sizeof(iter->type_guid));
    err = identify(iter, entry_size - OWNER_BYTES);
    if (err) {
        return err;
    }
    iter->in = in;
    iter->entries = body;
    iter->entry_size = entry_size;
    iter->n_lists++;
    return ERR_OK;
}

err_t siglist_next(struct siglist_iter *iter, struct siglist_entry *ret)
{
    struct span entry;

    while (iter->entries.len == 0) {
        err_t err = reader_left(&iter->in) == 0 ? ERR_END : next_list(iter);

        if (err) {
            return err;
        }
    }
    if (iter->n_entries == SIGLIST_MAX_ENTRIES) {
        return ERR_TOO_MANY;
    }
    entry = span_cut(iter->entries, 0, iter->entry_size);
    iter->entries = span_cut(iter->entries, iter->entry_size, iter->entries.len);
    iter->n_entries++;
    ret->kind = iter->kind;
    memcpy(ret->type_guid, iter->type_guid, sizeof(ret->type_guid));
    memcpy(ret->owner, entry.data, sizeof(ret->owner));
    ret->data = span_cut(entry, OWNER_BYTES, entry.len);
    return ERR_OK;
}

bool siglist_contains(struct span lists, enum siglist_kind kind, struct span data)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    bool found = false;
    err_t err;

    siglist_begin(&iter, lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        found = found || (entry.kind == kind && span_equal(entry.data, data));
    }
    return err == ERR_END && found;
}
