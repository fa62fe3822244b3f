/*
 * key-contents.h - what a signature database holds: its certificates by name, its digests by
 * number, security version numbers (SB-11, SB-12, SB-14; tcg-reference sections 5 and 6).
 *
 * A function of the bytes and of the reference data alone, so that it may be kept for the same
 * bytes. Lives in the arena it was made in and borrows from the bytes.
 */
#ifndef FACTS_KEY_CONTENTS_H
#define FACTS_KEY_CONTENTS_H

#include "crypto/hash.h"
#include "reference/reference.h"
#include "uefi/siglist.h"

enum { KEY_CERTIFICATES_MAX = 512, KEY_SVNS_MAX = 64 }; /* listed; the rest is counted */

struct key_certificate {
    struct span der;
    const char *subject; /* escaped; NULL: should be a certificate and is not */
    uint8_t sha256[SHA256_BYTES];
    const struct reference_authority *known; /* NULL */
    bool is_test_key;                        /* SB-14: by its name, or known as one */
};

/* Of a Windows boot manager: older ones do not start. An entry of dbx that is no digest. */
struct key_svn {
    uint8_t guid[16];
    uint16_t major, minor;
    const struct reference_svn *known; /* NULL */
};

struct key_contents {
    bool is_malformed; /* SB-11: the entries count for nothing */
    uint32_t n_x509, n_hashes, n_other;
    uint32_t n_unknown;    /* of n_other: of a kind we do not know */
    uint32_t n_unreadable; /* of n_x509, as far as they are listed */
    const struct key_certificate *certificates;
    size_t n_certificates;
    const struct key_svn *svns; /* counted among n_hashes, too */
    size_t n_svns;
};

/* reference may be NULL: nothing is named then. ERR_MEMORY, ERR_CRYPTO. */
err_t key_contents_read(struct arena *arena, struct span lists, const struct reference *reference,
                        struct hasher *hasher, struct key_contents *ret) MUST_CHECK;

/* Is this entry a security version number? Then true, and *ret_svn is filled but for `known`. */
bool key_svn_read(const struct siglist_entry *entry, struct key_svn *ret_svn);

#endif
