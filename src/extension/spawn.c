#include "extension/spawn.h"

#include "base/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 10, FILES_MAX = 4096 };

/* Whatever the caller left open stays behind: who waits for the end of our output must not wait for
 * the end of the program. */
static void drop_files(int from)
{
    struct rlimit limit = {0};
    long max = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_MAX
                   ? (long)limit.rlim_cur
                   : FILES_MAX;

#ifdef SYS_close_range
    if (syscall(SYS_close_range, from, ~0u, 0) == 0) {
        return;
    }
#endif
    for (long fd = from; fd < max; fd++) {
        close((int)fd);
    }
}

/* In the child: nothing here comes back, nothing allocates. */
static void become(const char *const *argv)
{
    int null = open("/dev/null", O_RDWR);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0) {
        _exit(126);
    }
    drop_files(STDERR_FILENO + 1);
    execvp(argv[0], (char *const *)(const void *)argv);
    _exit(127);
}

static bool wait_for(pid_t child)
{
    struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};
    uint64_t began = timestamp_ticks_us();
    int status = 0;
    pid_t got;

    for (;;) {
        got = waitpid(child, &status, WNOHANG);
        if (got == child || (got < 0 && errno != EINTR)) {
            return got == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        if ((timestamp_ticks_us() - began) / 1000 >= HANDLER_SPAWN_MS) {
            kill(child, SIGKILL);
            (void)!waitpid(child, &status, 0);
            return false;
        }
        nanosleep(&moment, NULL);
    }
}

bool handler_spawn_wait(const char *const *argv)
{
    pid_t child = fork();

    if (child == 0) {
        unsetenv("LD_LIBRARY_PATH"); /* its libraries are the system's */
        become(argv);
    }
    return child > 0 && wait_for(child);
}

err_t handler_spawn_detached(const char *const *argv, const char *folder, struct trail *trail)
{
    pid_t child = fork();

    if (child < 0) {
        return trail_set(trail, ERR_INTERNAL, "cannot start a process: %s", strerror(errno));
    }
    if (child == 0) {
        /* Once more: the one that lives on leads no session, and has no terminal to gain. */
        if (setsid() < 0 || chdir(folder) != 0) {
            _exit(126);
        }
        child = fork();
        if (child == 0) {
            become(argv);
        }
        _exit(child > 0 ? 0 : 126);
    }
    return wait_for(child) ? ERR_OK
                           : trail_set(trail, ERR_INTERNAL, "cannot start a process in %s", folder);
}
