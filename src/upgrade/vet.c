/* Who may send these bytes: the service, or whoever speaks for it; what is on the disk may have
 * been damaged since. */
#include "upgrade/vet.h"

#include "agent/options.h"
#include "base/file.h"
#include "crypto/ed25519.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

enum { PIECE_BYTES = 32 * 1024 };

static err_t read_keys(struct arena *arena, const char *path, struct trail *trail,
                       struct ed25519_keys *ret)
{
    struct span pem = {0};
    err_t err = file_read_guarded(arena, path, ED25519_PEM_MAX, trail, &pem);

    if (err) {
        return err;
    }
    err = ed25519_keys_read(pem, trail, ret);
    return err ? trail_in(trail, err, path) : ERR_OK;
}

err_t vet_keys(struct arena *arena, const char *key_file, struct trail *trail)
{
    struct ed25519_keys keys;

    return read_keys(arena, key_file, trail, &keys);
}

static err_t check_versions(const struct package *package, const struct vetting *vetting,
                            struct trail *trail)
{
    struct version above;

    if (version_read(span_str(vetting->above), &above) != ERR_OK) {
        return trail_set(trail, ERR_VALUE, "the version that runs, '%.40s', is none",
                         vetting->above);
    }
    if (version_compare(&package->version, &above) <= 0) {
        return trail_set(trail, ERR_DENIED, "version %s is not later than %s, which runs",
                         package->version_text, vetting->above);
    }
    if (vetting->is_upgrade && package->has_minimum &&
        version_compare(&above, &package->minimum) < 0) {
        return trail_set(trail, ERR_DENIED, "version %s wants to follow %s or later, not %s",
                         package->version_text, package->minimum_text, vetting->above);
    }
    return ERR_OK;
}

err_t vet_header(struct arena *arena, struct span bytes, const struct vetting *vetting,
                 struct trail *trail, struct package *ret)
{
    struct ed25519_keys keys;
    struct package package;
    err_t err = read_keys(arena, vetting->key_file, trail, &keys);

    err = err ? err : package_read(arena, bytes, trail, &package);
    if (err) {
        return err;
    }
    err = ed25519_verify(&keys, package.signed_bytes, package.signature);
    if (err == ERR_SIGNATURE) {
        return trail_set(trail, err, "the package is signed by none of the keys in %s",
                         vetting->key_file);
    }
    if (err == ERR_OK && strcmp(package.platform, AGENT_PLATFORM) != 0) {
        return trail_set(trail, ERR_MISMATCH,
                         "the package is for %s, this machine is " AGENT_PLATFORM,
                         package.platform);
    }
    err = err ? err : check_versions(&package, vetting, trail);
    if (err == ERR_OK) {
        *ret = package;
    }
    return err;
}

/* `to`: where the bytes go that the digest is of; -1 = nowhere. */
static err_t digest_of(int fd, uint64_t size, int to, uint8_t digest[SHA256_BYTES])
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    uint8_t piece[PIECE_BYTES];
    uint64_t at = 0;
    err_t err = hasher == NULL ? ERR_MEMORY : hasher_begin(hasher, HASH_SHA256);

    while (err == ERR_OK && at < size) {
        size_t want = size - at < sizeof(piece) ? (size_t)(size - at) : sizeof(piece);
        ssize_t got = pread(fd, piece, want, (off_t)at);

        if (got > 0) {
            err = hasher_add(hasher, span_of(piece, (size_t)got));
            err = err || to < 0 ? err : file_put(to, span_of(piece, (size_t)got));
            at += (uint64_t)got;
        } else if (got == 0 || errno != EINTR) {
            err = ERR_IO;
        }
    }
    return err ? err : hasher_end(hasher, digest);
}

static err_t vet_bytes(int fd, const struct package *package, int to, struct trail *trail)
{
    uint8_t digest[SHA256_BYTES];
    struct stat st;
    err_t err;

    if (fstat(fd, &st) != 0) {
        return trail_set(trail, ERR_IO, "the program cannot be looked at: %s", strerror(errno));
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
        return trail_set(trail, ERR_DENIED,
                         "the program belongs to another user, or others may write it");
    }
    if (st.st_size < 0 || (uint64_t)st.st_size != package->size) {
        return trail_set(trail, ERR_MISMATCH, "the program has %lld bytes, its manifest says %llu",
                         (long long)st.st_size, (unsigned long long)package->size);
    }
    err = digest_of(fd, package->size, to, digest);
    if (err) {
        return trail_set(trail, err, "the program cannot be read or copied");
    }
    return span_equal(span_of(digest, sizeof(digest)),
                      span_of(package->sha256, sizeof(package->sha256)))
               ? ERR_OK
               : trail_set(trail, ERR_MISMATCH,
                           "the program is not the one that its manifest names");
}

err_t vet_program(int fd, const struct package *package, struct trail *trail)
{
    return vet_bytes(fd, package, -1, trail);
}

/* Kernels before 6.3 do not know the flag, and need none. */
static int open_copy(void)
{
    static const char name[] = "bootwarden-agent";
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create(name, flags | MFD_EXEC);

    return fd < 0 && errno == EINVAL ? memfd_create(name, flags) : fd;
}

bool vet_can_run(void)
{
    int fd = open_copy();

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* A copy in memory that nobody can change any more, of the very bytes that were verified: the file
 * belongs to the user that the agent runs as, who could write it between a look and the start. */
static err_t vet_copy(int fd, const struct package *package, struct trail *trail, int *ret_fd)
{
    int copy = open_copy();
    err_t err;

    if (copy < 0) {
        return trail_set(trail, ERR_IO, "no memory that may be executed can be had: %s",
                         strerror(errno));
    }
    err = vet_bytes(fd, package, copy, trail);
    if (err == ERR_OK &&
        fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
        err = trail_set(trail, ERR_IO, "the copy of the program cannot be sealed: %s",
                        strerror(errno));
    }
    if (err) {
        close(copy);
        return err;
    }
    *ret_fd = copy;
    return ERR_OK;
}

err_t vet_slot(struct arena *arena, const struct slots *slots, enum slot slot,
               const struct vetting *vetting, struct trail *trail, int *ret_fd)
{
    char path[SLOTS_PATH_MAX];
    struct package package;
    struct span header = {0};
    err_t err = file_read_guarded(arena, slots_path(slots, slot, "header", path),
                                  PACKAGE_HEADER_MAX, trail, &header);
    int fd;

    err = err ? err : vet_header(arena, header, vetting, trail, &package);
    if (err) {
        return err;
    }
    fd = open(slots_path(slots, slot, "agent", path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return trail_set(trail, ERR_IO, "the program cannot be opened: %s", strerror(errno));
    }
    err = vet_copy(fd, &package, trail, ret_fd);
    close(fd);
    return err;
}
