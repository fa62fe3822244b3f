#include "extension/keeper.h"

#include "base/log.h"
#include "extension/lock.h"
#include "extension/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TOLD_GRACE_MS = 5 * 1000, LINE_MAX_BYTES = 600 };

struct keeper {
    const struct handler *handler;
    int64_t sequence;
    int lock_fd, signal_fd;
    int beat_fd;  /* what the worker writes to; -1 = no worker */
    pid_t worker; /* 0 = none */
    unsigned n_crashes;
    /* Milliseconds of CLOCK_MONOTONIC, which stands still while the machine is suspended. */
    uint64_t beat_ms, restart_ms, verdict_ms, touch_ms, kill_ms; /* kill_ms 0 = not told to end */
    char last_end[64];
    struct handler_mark before; /* the status that was there when the keeper began */
};

static uint64_t now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

unsigned keeper_pause_ms(unsigned n_crashes)
{
    unsigned doublings = n_crashes > 1 ? n_crashes - 1 : 0;
    unsigned ms = KEEPER_FIRST_PAUSE_MS << (doublings < 8 ? doublings : 8);

    return ms < KEEPER_MAX_PAUSE_MS ? ms : KEEPER_MAX_PAUSE_MS;
}

unsigned keeper_limit_s(unsigned limit_s, unsigned age_s)
{
    unsigned left = age_s < KEEPER_ALL_S ? KEEPER_ALL_S - age_s : 0;

    return limit_s < left ? limit_s : left;
}

static unsigned verdict_s(void)
{
    const char *said = getenv(KEEPER_VERDICT_VARIABLE);
    int64_t seconds = 0;

    return handler_sequence_parse(span_str(said), &seconds) && seconds > 0 &&
                   seconds < KEEPER_VERDICT_S
               ? (unsigned)seconds
               : KEEPER_VERDICT_S;
}

static void say(const char *event, enum log_level level, const char *key, const char *value)
{
    struct log_line line;

    log_begin(&line, level, event);
    log_text(&line, key, value);
    log_end(&line);
}

/* ---- the worker ---- */

/* In the child. Signals stay blocked: the worker waits for them as the keeper does. */
static int become_worker(const struct keeper *keeper, pid_t parent, int beat_fd)
{
    close(keeper->signal_fd);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent ||
        handler_lock_take(keeper->lock_fd, HANDLER_BYTE_WORKER, 0) != ERR_OK) {
        _exit(1); /* the keeper is gone, or its last worker is not */
    }
    return beat_fd;
}

/* The descriptor of the worker in the worker, -1 in the keeper. */
static int start_worker(struct keeper *keeper)
{
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        keeper->restart_ms = now_ms() + KEEPER_MAX_PAUSE_MS;
        return -1;
    }
    keeper->worker = fork();
    if (keeper->worker == 0) {
        close(ends[0]);
        return become_worker(keeper, parent, ends[1]);
    }
    close(ends[1]);
    if (keeper->worker < 0) {
        close(ends[0]);
        keeper->worker = 0;
        keeper->restart_ms = now_ms() + KEEPER_MAX_PAUSE_MS;
        return -1;
    }
    keeper->beat_fd = ends[0];
    keeper->beat_ms = now_ms();
    return -1;
}

/* A status of an earlier life, of another boot perhaps, is no verdict of this one. */
static bool has_verdict(const struct keeper *keeper)
{
    struct handler_mark now = handler_status_mark(keeper->handler, keeper->sequence);

    return !handler_mark_equal(&keeper->before, &now) &&
           handler_status_read(keeper->handler, keeper->sequence) > HANDLER_TRANSITIONING;
}

static void say_no_verdict(struct keeper *keeper, const char *why)
{
    struct status status = {.operation = "Enable", .status = STATUS_ERROR, .code = STATUS_GENERAL};
    char text[LINE_MAX_BYTES];

    if (has_verdict(keeper)) {
        return;
    }
    snprintf(text, sizeof(text),
             STATUS_FAILED "No verdict: %s. Look into %.200s/" HANDLER_LOG_FILE
                           "; the service goes on trying.",
             why, keeper->handler->at.log_folder);
    status.message = text;
    status_add(&status, "Service", STATUS_ERROR, STATUS_GENERAL, why);
    handler_status_say(keeper->handler, keeper->sequence, status);
    handler_event(keeper->handler, HANDLER_ERROR, "Enable", text);
    say("extension.no-verdict", LOG_ERROR, "cause", why);
}

static void describe_end(struct keeper *keeper, int status)
{
    if (WIFSIGNALED(status)) {
        snprintf(keeper->last_end, sizeof(keeper->last_end), "killed by signal %d",
                 WTERMSIG(status));
    } else {
        snprintf(keeper->last_end, sizeof(keeper->last_end), "exit status %d", WEXITSTATUS(status));
    }
}

static void take_end(struct keeper *keeper, int status)
{
    char why[LINE_MAX_BYTES];

    close(keeper->beat_fd);
    keeper->beat_fd = -1;
    keeper->worker = 0;
    keeper->n_crashes++;
    keeper->restart_ms = now_ms() + keeper_pause_ms(keeper->n_crashes);
    describe_end(keeper, status);
    if (keeper->kill_ms != 0) {
        return;
    }
    say("extension.worker-ended", LOG_ERROR, "how", keeper->last_end);
    if (keeper->n_crashes >= KEEPER_CRASHES_MAX) {
        snprintf(why, sizeof(why), "the service ended %u times by itself, last with %s",
                 keeper->n_crashes, keeper->last_end);
        say_no_verdict(keeper, why);
        handler_heartbeat(keeper->handler, HANDLER_NOT_READY, STATUS_GENERAL, why);
    }
}

static void reap(struct keeper *keeper)
{
    int status = 0;

    if (keeper->worker > 0 && waitpid(keeper->worker, &status, WNOHANG) == keeper->worker) {
        take_end(keeper, status);
    }
}

static void take_beats(struct keeper *keeper)
{
    char bytes[64];

    while (keeper->beat_fd >= 0 && read(keeper->beat_fd, bytes, sizeof(bytes)) > 0) {
        keeper->beat_ms = now_ms();
        keeper->n_crashes = 0;
    }
}

/* ---- what is due ---- */

static void look_after_worker(struct keeper *keeper, uint64_t now)
{
    if (keeper->worker > 0 && now - keeper->beat_ms > KEEPER_HANG_S * 1000ull) {
        handler_heartbeat(keeper->handler, HANDLER_UNRESPONSIVE, STATUS_GENERAL,
                          "The service hung and is started again");
        say("extension.hung", LOG_ERROR, "limit", "9 minutes");
        kill(keeper->worker, SIGKILL);
        keeper->beat_ms = now; /* its end comes by a signal */
    }
    if (keeper->verdict_ms != 0 && now >= keeper->verdict_ms) {
        keeper->verdict_ms = 0;
        say_no_verdict(keeper, keeper->worker > 0 ? "the service does not answer in time"
                                                  : "the service does not stay up");
    }
    if (now >= keeper->touch_ms) {
        keeper->touch_ms = now + KEEPER_TOUCH_S * 1000ull;
        handler_heartbeat_touch(keeper->handler);
        handler_log_rotate(keeper->handler);
    }
}

static void take_signals(struct keeper *keeper)
{
    struct signalfd_siginfo info;

    while (read(keeper->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        int signal = (int)info.ssi_signo;

        if (signal == SIGCHLD) {
            continue; /* asked for each time round */
        }
        if (keeper->worker > 0) {
            kill(keeper->worker, signal);
        }
        if (signal == SIGTERM || signal == SIGINT) {
            keeper->kill_ms = now_ms() + TOLD_GRACE_MS;
        }
    }
}

static int until(uint64_t now, uint64_t then, int most_ms)
{
    uint64_t left = then > now ? then - now : 0;

    return left < (uint64_t)most_ms ? (int)left : most_ms;
}

static void wait_for_something(struct keeper *keeper)
{
    struct pollfd fds[] = {{.fd = keeper->signal_fd, .events = POLLIN},
                           {.fd = keeper->beat_fd, .events = POLLIN}};
    uint64_t now = now_ms();
    int wait = until(now, keeper->touch_ms, KEEPER_TOUCH_S * 1000);

    if (keeper->worker == 0) {
        wait = until(now, keeper->restart_ms, wait);
    }
    if (keeper->verdict_ms != 0) {
        wait = until(now, keeper->verdict_ms, wait);
    }
    if (keeper->kill_ms != 0) {
        wait = until(now, keeper->kill_ms, wait);
    }
    /* A worker that ended closed its pipe, which would wake us at once, and again. */
    (void)!poll(fds, keeper->beat_fd >= 0 ? 2 : 1, wait);
}

static bool is_over(struct keeper *keeper)
{
    if (keeper->kill_ms == 0) {
        return false;
    }
    if (keeper->worker > 0 && now_ms() >= keeper->kill_ms) {
        kill(keeper->worker, SIGKILL);
        (void)!waitpid(keeper->worker, NULL, 0);
        keeper->worker = 0;
    }
    return keeper->worker == 0;
}

static int keep(struct keeper *keeper)
{
    while (!is_over(keeper)) {
        if (keeper->worker == 0 && keeper->kill_ms == 0 && now_ms() >= keeper->restart_ms) {
            int fd = start_worker(keeper);

            if (fd >= 0) {
                return fd;
            }
        }
        wait_for_something(keeper);
        take_signals(keeper);
        take_beats(keeper);
        reap(keeper);
        look_after_worker(keeper, now_ms());
    }
    return -1;
}

int keeper_run(const struct handler *handler, int64_t sequence, int lock_fd)
{
    bool is_waited_for = handler_status_read(handler, sequence) == HANDLER_TRANSITIONING;
    unsigned age_s = is_waited_for ? handler_status_age_s(handler, sequence) : 0;
    struct keeper keeper = {.handler = handler,
                            .sequence = sequence,
                            .lock_fd = lock_fd,
                            .beat_fd = -1,
                            .before = handler_status_mark(handler, sequence),
                            .verdict_ms = now_ms() + 1000ull * keeper_limit_s(verdict_s(), age_s),
                            .touch_ms = now_ms() + KEEPER_TOUCH_S * 1000ull};
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    keeper.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (keeper.signal_fd < 0) {
        say("extension.keeper", LOG_ERROR, "cause", "no signals can be waited for");
        exit(1);
    }
    fd = keep(&keeper);
    if (fd >= 0) {
        return fd; /* the worker */
    }
    say("extension.end", LOG_INFO, "how", "told to");
    exit(0);
}
