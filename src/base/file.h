/*
 * file.h - whole small files, bounded, and written so that a crash leaves old or new.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum { FILE_MAX_NAMES = 65536 }; /* in one folder */

/* The file at path ("-" = standard input) into the arena, at most max_bytes (else
 * ERR_TOO_LARGE). ERR_NOT_FOUND when there is none, ERR_DENIED without the right, ERR_IO otherwise;
 * the trail names it. A named pipe is refused, since nobody may ever write into it; standard input
 * and a shell's <(command) are read to their end. */
err_t file_read(struct arena *arena, const char *path, size_t max_bytes, struct trail *trail,
                struct span *ret) MUST_CHECK;
/* Write to a temporary file beside path, sync, rename over path, sync the folder. The file gets
 * exactly this mode, whatever the umask. A symbolic link at path is replaced, not followed. */
err_t file_write(const char *path, struct span bytes, unsigned mode,
                 struct trail *trail) MUST_CHECK;
/* The same, but never over what is there: ERR_CONFLICT, also when it appeared meanwhile. */
err_t file_create(const char *path, struct span bytes, unsigned mode,
                  struct trail *trail) MUST_CHECK;
/* ERR_DENIED when the file can be read or written by others than its owner, or belongs neither
 * to this user nor to root (rule S-8). */
err_t file_check_private(const char *path, struct trail *trail) MUST_CHECK;
/* ERR_DENIED when others than its owner can write the file or folder, or it belongs neither to this
 * user nor to root: who can put an anchor of trust or a key there decides what is true. */
err_t file_check_guarded(const char *path, struct trail *trail) MUST_CHECK;
/* Guarded, and read by its owner alone: no key, but nobody else's business. */
err_t file_check_closed(const char *path, struct trail *trail) MUST_CHECK;
/* file_read of a file that is private or guarded, which is asked of the very file that is read; "-"
 * is a name like others. A link must belong to this user or to root as well. */
err_t file_read_private(struct arena *arena, const char *path, size_t max_bytes,
                        struct trail *trail, struct span *ret) MUST_CHECK;
err_t file_read_guarded(struct arena *arena, const char *path, size_t max_bytes,
                        struct trail *trail, struct span *ret) MUST_CHECK;
/* All of the bytes to an open file or pipe. ERR_IO, and errno says why. */
err_t file_put(int fd, struct span bytes) MUST_CHECK;
bool file_exists(const char *path);
bool file_is_folder(const char *path);
bool file_is_regular(const char *path);
/* mkdir -p with mode (less the umask) for new folders. ERR_NOT_FOUND for an empty path,
 * ERR_CONFLICT when a file is in the way. */
err_t file_make_folder(const char *path, unsigned mode, struct trail *trail) MUST_CHECK;
/* Names in a folder (no "." and ".."), in byte order, NULL-terminated, in the arena. ERR_TOO_MANY
 * past FILE_MAX_NAMES: never a part of them. */
err_t file_list(struct arena *arena, const char *path, struct trail *trail,
                const char ***ret) MUST_CHECK;
/* file_list of a folder that is guarded, which is asked of the very folder that is listed. */
err_t file_list_guarded(struct arena *arena, const char *path, struct trail *trail,
                        const char ***ret) MUST_CHECK;

#endif
