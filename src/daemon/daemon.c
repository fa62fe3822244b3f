#include "daemon/daemon.h"

#include "agent/show.h"
#include "agent/state.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "crypto/secret.h"
#include "daemon/renewal.h"
#include "daemon/round.h"
#include "upgrade/lifeline.h"
#include "upgrade/upgrade.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { ALIVE_MAX_MS = 30 * 1000, STATE_ARENA = 64 * 1024 };

struct daemon {
    const struct agent_options *options;
    struct extension *extension; /* NULL: not one of Azure's agent */
    struct arena *arena;         /* of what lasts */
    const char *status_path;
    struct queue queue;
    struct lifeline line;
    struct upgrade upgrade;
    struct rounds rounds;
    struct renewal renewal;
    struct alive alive;
    int signal_fd;
    uint64_t next_round_ms, next_contact_ms; /* of CLOCK_BOOTTIME */
    unsigned n_failures;
    bool is_ending;
};

static uint64_t now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- when ---- */

uint64_t daemon_wait_ms(uint64_t period_ms, unsigned n_failures, unsigned asked_s, uint32_t random)
{
    uint64_t asked_ms = (uint64_t)asked_s * 1000;
    uint64_t wait = period_ms;
    uint64_t spread;

    if (n_failures > 0) {
        unsigned doublings = n_failures - 1 < 16 ? n_failures - 1 : 16;
        uint64_t retry = (uint64_t)DAEMON_FIRST_RETRY_MS << doublings;

        wait = retry < period_ms ? retry : period_ms;
    }
    asked_ms = asked_ms < period_ms ? asked_ms : period_ms;
    wait = wait > asked_ms ? wait : asked_ms;
    spread = wait / 100 * DAEMON_JITTER;
    return spread == 0 ? wait : wait - spread + random % (2 * spread + 1);
}

static uint64_t period_ms(const struct daemon *daemon)
{
    uint64_t goal = (uint64_t)daemon->rounds.goal_period_s * 1000;

    uint64_t own = daemon->options->period_ms;

    /* More often than the service wants, but not more rarely: to it that would be silence. */
    if (own > 0 && (goal == 0 || own < goal)) {
        return own;
    }
    return goal > 0 ? goal : AGENT_PERIOD_MS;
}

static uint64_t contact_ms(const struct daemon *daemon)
{
    uint64_t contact =
        daemon->options->contact_ms > 0 ? daemon->options->contact_ms : AGENT_CONTACT_MS;
    uint64_t period = period_ms(daemon);

    return contact < period ? contact : period;
}

static void plan(struct daemon *daemon, bool has_failed, unsigned asked_s)
{
    uint32_t random = 0;

    (void)!random_bytes(&random, sizeof(random));
    daemon->n_failures = has_failed ? daemon->n_failures + 1 : 0;
    daemon->next_round_ms =
        now_ms() + daemon_wait_ms(period_ms(daemon), daemon->n_failures, asked_s, random);
    daemon->next_contact_ms = now_ms() + contact_ms(daemon);
}

/* ---- what is left behind ---- */

static void log_round(const struct daemon *daemon, const struct round *round, uint64_t took_ms)
{
    bool is_good = round->outcome == ROUND_ATTESTED || round->outcome == ROUND_IDLE;
    const struct status *status = &round->status;
    struct log_line line;

    log_begin(&line, is_good ? LOG_INFO : LOG_WARN, "agent.round");
    log_text(&line, "outcome", round_outcome_name(round->outcome));
    if (daemon->rounds.name[0] != '\0') {
        log_text(&line, "name", daemon->rounds.name);
    }
    if (!is_good) {
        log_text(&line, "why", status->n_subs > 0 ? status->subs[0].message : status->message);
    }
    log_uint(&line, "ms", took_ms);
    log_uint(&line, "next", (daemon->next_round_ms - now_ms()) / 1000);
    log_end(&line);
}

/* A full disk costs the file and no round. */
static void write_status(const struct daemon *daemon, struct arena *arena,
                         const struct round *round)
{
    const struct status_origin origin = {.outcome = round_outcome_name(round->outcome),
                                         .period_s = (unsigned)(period_ms(daemon) / 1000)};
    struct trail trail = {0};
    struct log_line line;

    if (daemon->status_path == NULL ||
        status_keep(daemon->status_path, arena, &round->status, &origin, &trail) == ERR_OK) {
        return;
    }
    log_begin(&line, LOG_WARN, "agent.status.unwritten");
    log_text(&line, "cause", trail.what);
    log_end(&line);
}

/* To who watches: the supervisor, or systemd itself where there is none. */
static void say_alive(void *context)
{
    const struct daemon *daemon = context;

    if (daemon->line.fd < 0) {
        notify("READY=1\nWATCHDOG=1");
    }
    lifeline_say(daemon->line.fd, "alive");
}

/* Three times within the limit. */
static unsigned alive_ms(const struct agent_options *options)
{
    unsigned most = options->silence_ms / 3;

    return most > 0 && most < ALIVE_MAX_MS ? most : ALIVE_MAX_MS;
}

static void say_round(const struct daemon *daemon, const struct round *round)
{
    const char *outcome = round_outcome_name(round->outcome);

    if (daemon->line.fd < 0) {
        notify("WATCHDOG=1\nSTATUS=%s: %.200s", outcome, round->status.message);
        return;
    }
    lifeline_say(daemon->line.fd, "status %s: %.200s", outcome, round->status.message);
    lifeline_say(daemon->line.fd, "round %u", daemon->rounds.level);
}

/* ---- rounds ---- */

static void attest(struct daemon *daemon)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(AGENT_ARENA_MAX);
    struct round round = {0};
    uint64_t began_ms = now_ms(), took_ms;
    bool has_failed;

    if (arena == NULL) {
        plan(daemon, true, 0);
        return;
    }
    daemon->rounds.period_s = (unsigned)(period_ms(daemon) / 1000);
    if (extension_prepare(daemon->extension, arena, &round)) {
        round_run(&daemon->rounds, arena, &round);
    }
    took_ms = now_ms() - began_ms;
    has_failed = round.outcome == ROUND_UNREACHABLE || round.outcome == ROUND_FAILED ||
                 round.outcome == ROUND_WAITS;
    plan(daemon, has_failed, round.retry_after_s);
    write_status(daemon, arena, &round);
    extension_report(daemon->extension, arena, &round);
    log_round(daemon, &round, took_ms);
    say_round(daemon, &round);
    renewal_look(&daemon->renewal, &round.ak, now_ms());
}

static void look(struct daemon *daemon)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(AGENT_ARENA_MAX);
    struct round round = {0};

    daemon->next_contact_ms = now_ms() + contact_ms(daemon);
    if (arena == NULL || daemon->options->is_azure) {
        return;
    }
    daemon->rounds.period_s = (unsigned)(period_ms(daemon) / 1000);
    round_contact(&daemon->rounds, arena, &round);
    if (round.wants_proof) {
        daemon->next_round_ms = now_ms();
    }
}

/* ---- life ---- */

static void take_signals(struct daemon *daemon)
{
    struct signalfd_siginfo info;

    while (read(daemon->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            daemon->is_ending = true;
        } else {
            daemon->next_round_ms = now_ms();
            daemon->n_failures = 0;
        }
    }
}

/* Confirmed: the service hears it at once, for others wait for it. Without a supervisor there is
 * no agent. */
static void take_words(struct daemon *daemon)
{
    char text[LIFELINE_MAX];
    bool is_closed = false;

    while (lifeline_hear(daemon->line.fd, text, &is_closed)) {
        if (strcmp(text, "confirmed") == 0) {
            daemon->line.is_trial = false;
            daemon->next_contact_ms = now_ms();
        }
    }
    daemon->is_ending |= is_closed;
}

static void wait_for_next(struct daemon *daemon)
{
    struct pollfd wake[] = {{.fd = daemon->signal_fd, .events = POLLIN},
                            {.fd = daemon->line.fd, .events = POLLIN}};
    uint64_t now = now_ms();
    uint64_t next = daemon->next_round_ms < daemon->next_contact_ms ? daemon->next_round_ms
                                                                    : daemon->next_contact_ms;
    uint64_t due = renewal_due_ms(&daemon->renewal);
    uint64_t left;

    next = next < due ? next : due;
    left = next > now ? next - now : 0;
    extension_beat(daemon->extension);
    /* poll does not count the time of a suspend: so not too long at once. */
    left = left < daemon->alive.every_ms ? left : daemon->alive.every_ms;
    if (renewal_poll(&daemon->renewal, wake, ARRAY_LEN(wake), (int)left) > 0) {
        take_signals(daemon);
        if (wake[1].revents != 0) {
            take_words(daemon);
        }
    }
    say_alive(daemon);
}

static void serve(struct daemon *daemon)
{
    daemon->next_round_ms = now_ms();
    daemon->next_contact_ms = daemon->next_round_ms + contact_ms(daemon);
    while (!daemon->is_ending) {
        if (now_ms() >= daemon->next_round_ms) {
            attest(daemon);
        } else if (now_ms() >= daemon->next_contact_ms) {
            look(daemon);
        }
        if (renewal_go_on(&daemon->renewal, now_ms())) {
            daemon->next_round_ms = now_ms(); /* the service is to see the new certificate */
        }
        malloc_trim(0); /* what a round took, others may have until the next */
        take_signals(daemon);
        if (!daemon->is_ending) {
            wait_for_next(daemon);
        }
    }
}

static err_t open_signals(struct daemon *daemon)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    daemon->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return daemon->signal_fd < 0 ? ERR_INTERNAL : ERR_OK;
}

/* Without a folder to write to the agent works on, and says so. */
static void open_state(struct daemon *daemon)
{
    const char *folder = state_folder(daemon->options);
    const char *queue = arena_printf(daemon->arena, "%s/queue", folder);
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = queue == NULL ? ERR_MEMORY : file_make_folder(folder, 0755, &trail);

    err = err ? err : queue_open(&daemon->queue, queue, &trail);
    daemon->status_path = arena_printf(daemon->arena, "%s/" STATUS_FILE, folder);
    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        show_warning("%s: %s; reports that cannot be sent are lost, and status tells nothing",
                     folder, words);
        daemon->status_path = NULL;
    }
}

enum agent_exit daemon_run(const struct agent_options *options, struct extension *extension)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(STATE_ARENA);
    CLEANUP(modules_free) struct modules *modules = modules_new();
    struct daemon daemon = {.options = options, .extension = extension, .arena = arena};
    struct log_line line;

    if (arena == NULL || open_signals(&daemon) != ERR_OK) {
        show_warning("out of memory, or no signals can be waited for");
        return EXIT_INTERNAL;
    }
    open_state(&daemon);
    lifeline_open(&daemon.line);
    if (daemon.line.fd < 0) {
        /* Without a supervisor, who holds it. An extension has a lock of its own against others. */
        (void)!state_take(state_folder(options), NULL);
    }
    upgrade_open(&daemon.upgrade, options, &daemon.line);
    daemon.alive = (struct alive){say_alive, &daemon, alive_ms(options)};
    daemon.rounds = (struct rounds){.options = options,
                                    .alive = &daemon.alive,
                                    .queue = &daemon.queue,
                                    .upgrade = &daemon.upgrade,
                                    .wake_fd = daemon.signal_fd,
                                    .modules = modules,
                                    .renewal = &daemon.renewal,
                                    .is_wanted = true};
    say_alive(&daemon);
    log_begin(&line, LOG_INFO, "agent.start");
    log_text(&line, "version", BOOTWARDEN_VERSION);
    log_text(&line, "server", options->server == NULL ? "of the region" : options->server);
    log_end(&line);
    daemon.renewal.options = options;
    serve(&daemon);
    renewal_done(&daemon.renewal);
    log_begin(&line, LOG_INFO, "agent.end");
    log_end(&line);
    close(daemon.signal_fd);
    return EXIT_TOKEN;
}
