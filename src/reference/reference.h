/*
 * reference.h - what is known of boots beforehand: authorities, revoked and known images, SBAT
 * levels, security version numbers, words for numbers.
 *
 * Made from JSON documents (docs/formats/reference.md), one of each kind, that are shipped as data
 * and can be replaced without building anything. Reading is strict: an unknown member, a second
 * entry of the same key, a missing kind refuse the whole, because a revocation that was not
 * understood must not look like none. Pure: bytes in. A reference is immutable and reference
 * counted, and may be shared between threads; everything it hands out lives as long as it does.
 * All its texts are printable and need no escaping. Rules B-4, SB-13, SB-14, SB-16.
 */
#ifndef REFERENCE_REFERENCE_H
#define REFERENCE_REFERENCE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "crypto/hash.h"
#include "json/json.h"

#define REFERENCE_SCHEMA "bootwarden-reference/1"

enum {
    REFERENCE_FILE_MAX_BYTES = 8 * 1024 * 1024,
    REFERENCE_MAX_ENTRIES = 32768, /* of one kind */
    REFERENCE_MAX_WORDS = 32,      /* in one list */
    REFERENCE_TEXT_MAX = 512,      /* bytes of one text */
};

enum reference_kind {
    REFERENCE_AUTHORITIES,
    REFERENCE_REVOKED_IMAGES,
    REFERENCE_KNOWN_IMAGES,
    REFERENCE_SBAT_LEVELS,
    REFERENCE_SVN,
    REFERENCE_EVENT_TYPES,
    REFERENCE_REGISTERS,
    REFERENCE_IDENTIFIERS,
    REFERENCE_KIND_COUNT,
};
/* "revoked-images": static; also the name of the file, less ".json". */
const char *reference_kind_name(enum reference_kind kind);
/* REFERENCE_KIND_COUNT when there is no such kind. */
enum reference_kind reference_kind_by_name(const char *name);

/* Where a certificate of stock belongs. */
enum reference_role {
    REFERENCE_PK = 1,
    REFERENCE_KEK = 2,
    REFERENCE_DB = 4,
    REFERENCE_SHIM = 8,     /* built into the shim of a distribution */
    REFERENCE_WINDOWS = 16, /* what it signs is Windows */
};

/* Lists end with NULL. Texts that an entry need not have are NULL when it has none. The first
 * member of each is its key: no two entries of a kind have the same. */
struct reference_authority {
    uint8_t sha256[SHA256_BYTES]; /* of the DER form */
    const char *name;
    const char *owner;
    unsigned roles;      /* enum reference_role; 0: of no stock */
    const char *expires; /* "2026-06-24"; firmware ignores it */
    bool is_test_key;    /* its private half is public (SB-14) */
    const char *revoked; /* date; what it signed is revoked */
    const char *remark;
};
struct reference_image {
    uint8_t sha256[SHA256_BYTES]; /* Authenticode digest, not of the file */
    const char *name;
    const char *version;
    const char *owner;
    const char *const *architectures;
    const char *date; /* of the revocation */
    const char *const *cves;
    const char *remark;
};
struct reference_sbat {
    const char *level; /* "2024040900" */
    const char *date;
    const char *const *lines; /* "shim,4", ... without the first line of the variable */
    const char *reason;
    const char *remark;
};
struct reference_svn {
    uint8_t guid[16]; /* as in an entry of dbx */
    const char *name;
    const char *version; /* "9.0" */
    const char *date;
    const char *const *cves;
    const char *remark;
};
struct reference_event {
    uint32_t value;
    const char *name;
    const char *pcrs;
    const char *digest; /* what it covers */
    const char *data;   /* what the record holds */
};
struct reference_register {
    uint32_t pcr;
    const char *firmware, *linux_use, *windows, *tdx;
};
struct reference_identifier {
    const char *id;   /* GUID, number or digest in lower case, or a word */
    const char *type; /* "guid", "systemd-tag", "boot-phase", "digest" */
    const char *name;
};

struct reference;

/* A document; `name` is how messages call it (its path). */
struct reference_file {
    const char *name;
    struct span text;
};

/* From one document of each kind, in any order; the trail names file and member. ERR_VALUE,
 * ERR_JSON_*, ERR_CONFLICT (key twice, kind twice), ERR_NOT_FOUND (a kind is missing),
 * ERR_TOO_LARGE, ERR_TOO_MANY. Keeps nothing of the files. */
err_t reference_new(const struct reference_file *files, size_t n, struct trail *trail,
                    struct reference **ret) MUST_CHECK;
struct reference *reference_ref(struct reference *reference);
void reference_free(struct reference *reference);
DEFINE_CLEANUP(struct reference *, reference_free)

/* ---- what is asked in judgement; each NULL when nothing is known, or reference is NULL ---- */

const struct reference_authority *reference_authority(const struct reference *reference,
                                                      const uint8_t sha256[SHA256_BYTES]);
/* By Authenticode digest; of the lengths there are, only SHA-256 is known. */
const struct reference_image *reference_revoked(const struct reference *reference,
                                                struct span digest);
const struct reference_image *reference_known(const struct reference *reference,
                                              struct span digest);
/* By its level, "2024040900". */
const struct reference_sbat *reference_sbat(const struct reference *reference, const char *level);
const struct reference_svn *reference_svn(const struct reference *reference,
                                          const uint8_t guid[16]);
const struct reference_event *reference_event(const struct reference *reference, uint32_t value);
const struct reference_register *reference_register(const struct reference *reference,
                                                    uint32_t pcr);
/* GUIDs, numbers and digests in lower case. */
const struct reference_identifier *reference_identifier(const struct reference *reference,
                                                        const char *id);

/* Level number `index` in the order of their dates; NULL past the last. */
const struct reference_sbat *reference_sbat_at(const struct reference *reference, size_t index);

/* "9d132b61-59d5-4388-ab1c-185c3cb2eb92": the first three groups are little endian in memory. */
void reference_guid_show(const uint8_t guid[16], char text[37]);

/* ---- for people who look into it ---- */

struct reference_info {
    const char *version; /* "2026-11-22" */
    const char *source;
    const char *file; /* the name it was given */
    size_t n_entries;
};
struct reference_info reference_info(const struct reference *reference, enum reference_kind kind);
/* Entry `index` in the order of keys, as its document writes it. */
yyjson_mut_val *reference_entry_json(struct arena *arena, yyjson_mut_doc *doc,
                                     const struct reference *reference, enum reference_kind kind,
                                     size_t index);
/* Does a word mean this entry? The beginning of its key (a digest's at least four digits), a whole
 * word of its lists (a CVE), or a part of a text other than remarks, upper and lower case alike. */
bool reference_entry_is(const struct reference *reference, enum reference_kind kind, size_t index,
                        const char *word);

#endif
