#include "agent/state.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

const char *state_folder(const struct agent_options *options)
{
    return options->state != NULL ? options->state : AGENT_STATE;
}

static int open_lock(const char *folder, int flags)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof(path), "%s/" STATE_LOCK_FILE, folder);

    if (len < 0 || len >= PATH_SIZE) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

err_t state_take(const char *folder, struct trail *trail)
{
    struct flock lock = whole_file();
    err_t err = file_make_folder(folder, 0755, trail);
    int fd = err ? -1 : open_lock(folder, O_RDWR | O_CREAT);

    if (err) {
        return err;
    }
    if (fd < 0) {
        return trail_set(trail, ERR_IO, "%.200s/" STATE_LOCK_FILE ": %s", folder, strerror(errno));
    }
    if (fcntl(fd, F_SETLK, &lock) == 0) {
        return ERR_OK; /* open until the end: that is what the lock lives by */
    }
    if (errno != EACCES && errno != EAGAIN) {
        err = trail_set(trail, ERR_IO, "%.200s/" STATE_LOCK_FILE ": %s", folder, strerror(errno));
    } else {
        lock = whole_file();
        (void)fcntl(fd, F_GETLK, &lock);
        err = trail_set(trail, ERR_CONFLICT,
                        "%.100s belongs to another bootwarden-agent run (process %ld): end that "
                        "one, or give this one a folder of its own with --state",
                        folder, lock.l_type == F_UNLCK ? 0L : (long)lock.l_pid);
    }
    close(fd);
    return err;
}

enum state_holder state_look(const char *folder)
{
    struct flock lock = whole_file();
    int fd = open_lock(folder, O_RDONLY);
    bool is_known;

    if (fd < 0) {
        return errno == ENOENT ? STATE_FREE : STATE_UNKNOWN;
    }
    is_known = fcntl(fd, F_GETLK, &lock) == 0;
    close(fd);
    return !is_known ? STATE_UNKNOWN : lock.l_type == F_UNLCK ? STATE_FREE : STATE_HELD;
}
