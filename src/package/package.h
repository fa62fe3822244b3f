/*
 * package.h - a package of the agent: its header from bytes, and into bytes
 * (docs/formats/agent-package.md). Nothing is verified here but the form: package_signed and
 * `signature` are for crypto/ed25519.h.
 */
#ifndef PACKAGE_PACKAGE_H
#define PACKAGE_PACKAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "package/version.h"

enum {
    PACKAGE_MANIFEST_MAX = 4096,
    PACKAGE_MAGIC_BYTES = 8,
    PACKAGE_SIGNATURE_BYTES = 64,
    PACKAGE_HEADER_MAX = PACKAGE_MAGIC_BYTES + 4 + PACKAGE_MANIFEST_MAX + PACKAGE_SIGNATURE_BYTES,
    PACKAGE_FILE_MAX = 8 * 1024 * 1024,
    PACKAGE_PLATFORM_SIZE = 40,
    PACKAGE_SHA256_BYTES = 32,
};
#define PACKAGE_NAME "bootwarden-agent"

struct package {
    char version_text[VERSION_TEXT_SIZE];
    struct version version;
    char platform[PACKAGE_PLATFORM_SIZE];
    uint64_t size; /* of the payload */
    uint8_t sha256[PACKAGE_SHA256_BYTES];
    bool has_minimum;
    char minimum_text[VERSION_TEXT_SIZE];
    struct version minimum;
    /* Borrowed from the bytes. */
    struct span signed_bytes; /* magic, length, manifest */
    struct span signature;
    size_t header_bytes; /* all of it: the payload begins here */
};

/* The header at the beginning of bytes, which may end behind it or go on. The arena is for the
 * time of reading. ERR_MALFORMED, ERR_SHORT, ERR_TOO_LARGE, ERR_VALUE with words. */
err_t package_read(struct arena *arena, struct span bytes, struct trail *trail,
                   struct package *ret) MUST_CHECK;
/* What a signature is made over, in the arena: from version_text, platform, size, sha256 and
 * minimum_text (when it has one). ERR_VALUE when package_read would not take it. */
err_t package_write(struct arena *arena, const struct package *package, struct trail *trail,
                    struct span *ret) MUST_CHECK;
/* 1 to 39 of a-z 0-9 . _ - */
bool package_is_platform(struct span text);

#endif
