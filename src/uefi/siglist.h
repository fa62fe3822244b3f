/*
 * siglist.h - EFI_SIGNATURE_LISTs: PK, KEK, db, dbx, MOK lists (UEFI 2.10, 32.4.1; rules SB-11,
 * SB-12).
 */
#ifndef UEFI_SIGLIST_H
#define UEFI_SIGLIST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/reader.h"

enum { SIGLIST_MAX_ENTRIES = 16384, SIGLIST_MAX_LISTS = 1024 };

enum siglist_kind {
    SIGLIST_X509,   /* one DER certificate */
    SIGLIST_SHA256, /* Authenticode digest */
    SIGLIST_SHA1,
    SIGLIST_SHA384,
    SIGLIST_SHA512,
    SIGLIST_X509_SHA256, /* TBS digest and revocation time */
    SIGLIST_X509_SHA384,
    SIGLIST_X509_SHA512,
    SIGLIST_RSA2048,
    SIGLIST_OTHER, /* kept as opaque, reported (SB-12) */
};

struct siglist_entry {
    enum siglist_kind kind;
    uint8_t type_guid[16];
    uint8_t owner[16];
    struct span data; /* without the owner */
};

struct siglist_iter {
    struct reader in;
    struct span entries; /* left in the current list */
    uint32_t entry_size;
    uint8_t type_guid[16];
    enum siglist_kind kind;
    size_t n_lists, n_entries;
};

void siglist_begin(struct siglist_iter *iter, struct span lists);
/* ERR_END after the last entry; ERR_MALFORMED, ERR_SHORT, ERR_TOO_MANY otherwise. */
err_t siglist_next(struct siglist_iter *iter, struct siglist_entry *ret) MUST_CHECK;
/* Is this very entry (kind and data, any owner) in the lists? Malformed lists contain nothing. */
bool siglist_contains(struct span lists, enum siglist_kind kind, struct span data);

#endif
