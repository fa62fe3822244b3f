#include "extension/lock.h"

#include "base/file.h"
#include "base/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 20, KILL_MS = 10 * 1000 };

static void pause_ms(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&left, NULL);
}

err_t handler_lock_open(const char *path, struct trail *trail, int *ret_fd)
{
    char *copy = strdup(path);
    err_t err = copy == NULL ? ERR_MEMORY : file_make_folder(dirname(copy), 0700, trail);
    int fd;

    free(copy);
    if (err) {
        return err;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        err = errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_IO;
        trail_set(trail, err, "cannot be opened: %s", strerror(errno));
        return trail_in(trail, err, path);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static struct flock whole_byte(enum handler_byte byte)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

err_t handler_lock_take(int fd, enum handler_byte byte, unsigned wait_ms)
{
    uint64_t began = timestamp_ticks_us();

    for (;;) {
        struct flock lock = whole_byte(byte);

        if (fcntl(fd, F_SETLK, &lock) == 0) {
            return ERR_OK;
        }
        if (errno != EACCES && errno != EAGAIN && errno != EINTR) {
            return ERR_IO;
        }
        if ((timestamp_ticks_us() - began) / 1000 >= wait_ms) {
            return ERR_TIMEOUT;
        }
        pause_ms(LOOK_MS);
    }
}

pid_t handler_lock_holder(int fd, enum handler_byte byte)
{
    struct flock lock = whole_byte(byte);

    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0 ? lock.l_pid
                                                                                      : 0;
}

/* A process descriptor cannot come to mean another process between asking and signalling. Kernels
 * before 5.3 have none: there the lock is asked for right before. */
static void signal_holder(int fd, enum handler_byte byte, pid_t pid, int signal)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);

    if (handler_lock_holder(fd, byte) == pid) {
        if (process >= 0) {
            (void)!syscall(SYS_pidfd_send_signal, process, signal, NULL, 0);
        } else {
            kill(pid, signal);
        }
    }
    if (process >= 0) {
        close(process);
    }
}

static bool is_free_in(int fd, enum handler_byte byte, unsigned ms)
{
    uint64_t began = timestamp_ticks_us();

    while (handler_lock_holder(fd, byte) != 0) {
        if ((timestamp_ticks_us() - began) / 1000 >= ms) {
            return false;
        }
        pause_ms(LOOK_MS);
    }
    return true;
}

err_t handler_lock_end_holder(int fd, enum handler_byte byte, unsigned grace_ms)
{
    pid_t pid = handler_lock_holder(fd, byte);

    if (pid == 0) {
        return ERR_OK;
    }
    signal_holder(fd, byte, pid, SIGTERM);
    if (is_free_in(fd, byte, grace_ms)) {
        return ERR_OK;
    }
    pid = handler_lock_holder(fd, byte);
    if (pid != 0) {
        signal_holder(fd, byte, pid, SIGKILL);
    }
    return is_free_in(fd, byte, KILL_MS) ? ERR_OK : ERR_TIMEOUT;
}
