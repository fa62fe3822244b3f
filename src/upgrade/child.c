#include "upgrade/child.h"

#include "crypto/hash.h"
#include "upgrade/lifeline.h"
#include "upgrade/vet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VET_ARENA_BYTES = 1024 * 1024 };

/* In the child: it has a process to itself, so that no key and no library stays with the
 * supervisor. */
static err_t open_slot(const struct child_start *start, struct trail *trail, int *ret_fd)
{
    const struct vetting vetting = {.key_file = start->options->upgrade_key != NULL
                                                    ? start->options->upgrade_key
                                                    : VET_KEY_FILE,
                                    .above = start->above,
                                    .is_upgrade = start->is_trial};
    struct arena *arena = arena_new(VET_ARENA_BYTES);
    err_t err = arena == NULL ? ERR_MEMORY : crypto_init();

    err = err ? err : vet_slot(arena, start->slots, start->slot, &vetting, trail, ret_fd);
    arena_free(arena);
    return err;
}

static void set_environment(int line, bool is_trial)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", line);
    setenv(LIFELINE_FD, number, 1);
    if (is_trial) {
        setenv(LIFELINE_TRIAL, "1", 1);
    } else {
        unsetenv(LIFELINE_TRIAL);
    }
    unsetenv("NOTIFY_SOCKET"); /* systemd hears the supervisor */
    unsetenv("WATCHDOG_USEC");
}

static _Noreturn void become(const struct child_start *start, pid_t parent, int line)
{
    struct trail trail = {0};
    char words[LIFELINE_MAX / 2];
    sigset_t none;
    err_t err = ERR_OK;
    int fd = -1;

    /* Never two agents at one TPM: without a supervisor there is no agent. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(CHILD_REFUSED);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (start->slot == SLOT_INSTALLED) {
        fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        err = fd < 0 ? trail_set(&trail, ERR_IO, "/proc/self/exe: %s", strerror(errno)) : ERR_OK;
    } else {
        err = open_slot(start, &trail, &fd);
    }
    if (err == ERR_OK) {
        set_environment(line, start->is_trial);
        fcntl(line, F_SETFD, 0);
        fexecve(fd, start->argv, environ);
        err = trail_set(&trail, ERR_IO, "the program cannot be started: %s", strerror(errno));
    }
    trail_format(&trail, err, words, sizeof(words));
    lifeline_say(line, "refused %s", words);
    _exit(CHILD_REFUSED);
}

err_t child_start(const struct child_start *start, pid_t *ret_pid, int *ret_line)
{
    pid_t self = getpid(), pid;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return ERR_INTERNAL;
    }
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        become(start, self, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return ERR_INTERNAL;
    }
    *ret_pid = pid;
    *ret_line = ends[0];
    return ERR_OK;
}
