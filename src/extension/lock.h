/*
 * lock.h - who works on the extension of this machine: locks that the kernel keeps, and the
 * process that holds one.
 *
 * A lock is a byte of a file. The kernel says which process holds it and lets go when that process
 * is gone, so no number in a file is ever taken for a process that it once was. Locks of one
 * process on one file end when it closes any descriptor of that file: each process opens a lock
 * file once.
 */
#ifndef EXTENSION_LOCK_H
#define EXTENSION_LOCK_H

#include "base/err.h"

#include <sys/types.h>

enum handler_byte {
    HANDLER_BYTE_KEEPER, /* of the service: who watches, and who works */
    HANDLER_BYTE_WORKER,
    HANDLER_BYTE_COUNT
};

/* Open or make the file, in a folder that is made as well. ERR_* with the path. *ret_fd is closed
 * on exec. */
err_t handler_lock_open(const char *path, struct trail *trail, int *ret_fd) MUST_CHECK;
/* ERR_TIMEOUT when another process holds it for wait_ms. */
err_t handler_lock_take(int fd, enum handler_byte byte, unsigned wait_ms) MUST_CHECK;
/* The process that holds it; 0 = none, or this one. */
pid_t handler_lock_holder(int fd, enum handler_byte byte);
/* Ask the holder to end (SIGTERM); after grace_ms it is made to (SIGKILL). Returns when the lock is
 * free; ERR_TIMEOUT when it does not become so. Only a process that holds the lock at the very time
 * is signalled. */
err_t handler_lock_end_holder(int fd, enum handler_byte byte, unsigned grace_ms) MUST_CHECK;

#endif
