#include "upgrade/supervise.h"

#include "agent/show.h"
#include "agent/state.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "upgrade/child.h"
#include "upgrade/lifeline.h"
#include "upgrade/slots.h"
#include "upgrade/upgrade.h"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MAX_MS = 30 * 1000 };

struct supervisor {
    const struct agent_options *options;
    char **argv;
    struct slots slots;
    bool has_slots;
    struct slot_current current; /* as on the disk */
    bool has_next;
    struct slot_current next; /* a change that was asked for */
    enum slot running;   /* of the child; the installed one, too, when the slot's was refused */
    int signal_fd, line; /* line -1: no child */
    pid_t pid;
    unsigned n_deaths;
    bool is_ending;
    bool is_mute; /* the child closed its end, and lives */
    /* Of now_ms; 0 = never. */
    uint64_t life_ms, trial_ends_ms, start_ms, kill_ms;
    unsigned best_level;                 /* of a trial */
    bool is_too_slow;                    /* the trial's time is up */
    char why[SLOTS_WHY_SIZE], said[160]; /* what the child said last: a refusal, its status */
};

/* Stands still while the machine is suspended: nobody can give a sign of life then. */
static uint64_t now_ms(void)
{
    return timestamp_ticks_us() / 1000;
}

unsigned supervise_wait_ms(unsigned n_deaths)
{
    unsigned doublings = n_deaths > 1 ? n_deaths - 1 : 0;

    return doublings >= 6 ? SUPERVISE_WAIT_MAX_MS : 1000U << doublings;
}

static void log_event(enum log_level level, const char *event, const char *version,
                      const char *words)
{
    struct log_line line;

    log_begin(&line, level, event);
    log_text(&line, "version", version);
    if (words[0] != '\0') {
        log_text(&line, "why", words);
    }
    log_end(&line);
}

/* ---- what is on the disk ---- */

static bool save(struct supervisor *s, const struct slot_current *current)
{
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = s->has_slots ? slots_set_current(&s->slots, current, &trail) : ERR_IO;

    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        log_event(LOG_ERROR, "upgrade.unwritten", current->version, words);
        return false;
    }
    s->current = *current;
    return true;
}

static void remember_bad(struct supervisor *s, const char *package, const char *version,
                         const char *words)
{
    struct slot_bad bad = {.is_told = false};
    struct trail trail = {0};

    snprintf(bad.package, sizeof(bad.package), "%s", package);
    snprintf(bad.version, sizeof(bad.version), "%s", version);
    text_escape(span_str(words), bad.why, sizeof(bad.why));
    if (package[0] != '\0' && slots_set_bad(&s->slots, &bad, &trail) != ERR_OK) {
        log_event(LOG_ERROR, "upgrade.unwritten", version, trail.what);
    }
}

/* What ran before, as what runs. */
static struct slot_current previous_of(const struct slot_current *current)
{
    struct slot_current back = {
        .slot = current->previous, .previous = SLOT_INSTALLED, .cut = current->cut};

    memcpy(back.version, current->previous_version, sizeof(back.version));
    memcpy(back.previous_version, BOOTWARDEN_VERSION, sizeof(BOOTWARDEN_VERSION));
    memcpy(back.cut_package, current->cut_package, sizeof(back.cut_package));
    return back;
}

/* A trial that the end of the machine, or of the supervisor, cut off: back, and not at once again,
 * since what runs at boot must be what worked. */
static void end_cut_trial(struct supervisor *s)
{
    struct slot_current was = s->current, back;

    if (strcmp(was.cut_package, was.package) != 0) {
        was.cut = 0;
        memcpy(was.cut_package, was.package, sizeof(was.cut_package));
    }
    was.cut++;
    back = previous_of(&was);
    log_event(LOG_WARN, "upgrade.cut", was.version, "its trial was cut off");
    if (was.cut >= SLOTS_CUTS_MAX) {
        remember_bad(s, was.package, was.version,
                     "its trial was cut off twice: the machine or the service ended meanwhile");
        back.cut = 0;
    }
    if (!save(s, &back)) {
        s->current = back; /* at least in this life */
    }
}

static void open_slots(struct supervisor *s)
{
    const char *state = state_folder(s->options);
    struct trail ignored = {0};

    s->has_slots =
        slots_open(&s->slots, state) == ERR_OK && slots_make(&s->slots, &ignored) == ERR_OK;
    /* Without a folder: an empty name, below which nothing is found. */
    slots_current(&s->slots, BOOTWARDEN_VERSION, &s->current);
    if (s->current.is_trial) {
        end_cut_trial(s);
    }
    s->running = s->current.slot;
}

/* ---- the child ---- */

static const char *version_of(const struct supervisor *s)
{
    return s->running == SLOT_INSTALLED ? BOOTWARDEN_VERSION : s->current.version;
}

static void start(struct supervisor *s)
{
    bool is_trial = s->current.is_trial;
    const struct child_start how = {.options = s->options,
                                    .argv = s->argv,
                                    .slots = &s->slots,
                                    .slot = s->running,
                                    .is_trial = is_trial,
                                    .above = is_trial ? s->current.previous_version
                                                      : BOOTWARDEN_VERSION};
    unsigned deadline = s->options->upgrade_deadline_ms != 0 ? s->options->upgrade_deadline_ms
                                                             : (unsigned)UPGRADE_DEADLINE_MS;

    s->start_ms = s->kill_ms = 0;
    s->why[0] = s->said[0] = '\0';
    s->best_level = 0;
    s->is_too_slow = s->is_mute = false;
    s->life_ms = now_ms();
    s->trial_ends_ms = is_trial ? s->life_ms + deadline : 0;
    if (child_start(&how, &s->pid, &s->line) != ERR_OK) {
        s->line = -1;
        s->start_ms = now_ms() + supervise_wait_ms(++s->n_deaths);
        log_event(LOG_ERROR, "agent.unstarted", version_of(s), "no process can be made");
    }
}

static void end_child(struct supervisor *s)
{
    if (s->line >= 0 && s->kill_ms == 0) {
        kill(s->pid, SIGTERM);
        s->kill_ms = now_ms() + SUPERVISE_END_MS;
    }
}

static void begin_next(struct supervisor *s)
{
    struct slot_current next = s->next;

    s->has_next = false;
    if (strcmp(next.cut_package, next.package) != 0) {
        next.cut = 0;
    }
    /* On the disk first: whoever starts after a loss of power knows that this was a trial. */
    if (save(s, &next)) {
        s->running = next.slot;
        log_event(LOG_INFO, "upgrade.trial", next.version, "");
    }
    s->n_deaths = 0;
    start(s);
}

static void go_back(struct supervisor *s, const char *words)
{
    struct slot_current was = s->current, back = previous_of(&was);

    log_event(LOG_WARN, "upgrade.failed", was.version, words);
    remember_bad(s, was.package, was.version, words);
    if (!save(s, &back)) {
        s->current = back;
    }
    s->running = back.slot;
    s->n_deaths = 0;
    start(s);
}

/* How the child ended, for people. */
static void describe_end(const struct supervisor *s, int status, char *words, size_t size)
{
    if (s->is_too_slow) {
        static const char *const levels[] = {"the service was not reached",
                                             "the service was reached, and no proof was judged",
                                             "a proof was judged"};

        snprintf(words, size, "%s within the time for it%s%s", levels[s->best_level],
                 s->said[0] != '\0' ? "; it said: " : "", s->said);
    } else if (s->why[0] != '\0') {
        snprintf(words, size, "%s", s->why);
    } else if (WIFSIGNALED(status)) {
        snprintf(words, size, "it was ended by signal %d", WTERMSIG(status));
    } else {
        snprintf(words, size, "it ended by itself with exit status %d", WEXITSTATUS(status));
    }
}

static void start_again(struct supervisor *s, bool is_refused, const char *words)
{
    log_event(LOG_ERROR, "agent.ended", version_of(s), words);
    s->n_deaths++;
    if (s->running != SLOT_INSTALLED && (is_refused || s->n_deaths >= SUPERVISE_DEATHS_MAX)) {
        s->running = SLOT_INSTALLED; /* of this life: the next tries the slot again */
        s->n_deaths = 0;
        start(s);
        return;
    }
    s->start_ms = now_ms() + supervise_wait_ms(s->n_deaths);
}

static void hear(struct supervisor *s);

static void bury(struct supervisor *s)
{
    char words[SLOTS_WHY_SIZE];
    bool is_refused;
    int status = 0;

    if (s->line < 0 || waitpid(s->pid, &status, WNOHANG) != s->pid) {
        return;
    }
    hear(s); /* its last words */
    close(s->line);
    s->line = -1;
    s->life_ms = s->trial_ends_ms = s->kill_ms = 0;
    is_refused = WIFEXITED(status) && WEXITSTATUS(status) == CHILD_REFUSED;
    if (s->is_ending) {
        return;
    }
    describe_end(s, status, words, sizeof(words));
    if (s->has_next) {
        begin_next(s);
    } else if (s->current.is_trial) {
        go_back(s, words);
    } else {
        start_again(s, is_refused, words);
    }
}

/* ---- what it says ---- */

static void confirm(struct supervisor *s)
{
    struct slot_current good = s->current;

    good.is_trial = false;
    good.cut = 0;
    s->trial_ends_ms = 0;
    if (save(s, &good)) {
        log_event(LOG_INFO, "upgrade.confirmed", good.version, "");
        lifeline_say(s->line, "confirmed");
    } else {
        s->trial_ends_ms = now_ms() + POLL_MAX_MS; /* a full disk may be mended: on trial a while */
    }
}

static void on_round(struct supervisor *s, const char *text)
{
    unsigned level = (unsigned)(text[0] - '0');

    if (level > 2 || text[1] != '\0') {
        return;
    }
    s->n_deaths = 0;
    s->best_level = level > s->best_level ? level : s->best_level;
    if (s->current.is_trial && !s->is_too_slow && level >= s->current.level) {
        confirm(s);
    }
}

static void on_switch(struct supervisor *s, const char *text)
{
    struct slot_current next = {.is_trial = true, .previous = s->running, .cut = s->current.cut};
    char slot[16] = "", level[2] = "", version[VERSION_TEXT_SIZE] = "";
    char digest[SLOTS_DIGEST_SIZE] = "";

    /* Sizes of the texts, less one each. */
    if (s->current.is_trial || !s->has_slots ||
        sscanf(text, "%15s %1[0-2] %64s %31s", slot, level, digest, version) != 4 ||
        !slot_by_name(span_str(slot), &next.slot) || next.slot == SLOT_INSTALLED ||
        next.slot == s->running) {
        return;
    }
    next.level = (unsigned)(level[0] - '0');
    memcpy(next.version, version, sizeof(version));
    memcpy(next.package, digest, sizeof(digest));
    snprintf(next.previous_version, sizeof(next.previous_version), "%s", version_of(s));
    memcpy(next.cut_package, s->current.cut_package, sizeof(next.cut_package));
    s->next = next;
    s->has_next = true;
    end_child(s);
}

static void take_message(struct supervisor *s, const char *text)
{
    s->life_ms = now_ms();
    if (strncmp(text, "status ", 7) == 0) {
        text_escape(span_str(text + 7), s->said, sizeof(s->said));
        notify("WATCHDOG=1\nSTATUS=%s", s->said);
    } else if (strncmp(text, "round ", 6) == 0) {
        on_round(s, text + 6);
    } else if (strncmp(text, "switch ", 7) == 0) {
        on_switch(s, text + 7);
    } else if (strncmp(text, "refused ", 8) == 0) {
        text_escape(span_str(text + 8), s->why, sizeof(s->why));
    } else {
        /* It runs; what its rounds come to is another matter. */
        notify("%sWATCHDOG=1", strcmp(text, "alive") == 0 ? "READY=1\n" : "");
    }
}

static void hear(struct supervisor *s)
{
    char text[LIFELINE_MAX];
    bool is_closed = false;

    while (s->line >= 0 && lifeline_hear(s->line, text, &is_closed)) {
        take_message(s, text);
    }
    s->is_mute |= is_closed;
}

/* ---- time ---- */

static void look_at_clock(struct supervisor *s)
{
    unsigned silence =
        s->options->silence_ms != 0 ? s->options->silence_ms : (unsigned)SUPERVISE_SILENCE_MS;
    uint64_t now = now_ms();

    if (s->line < 0) {
        if (s->start_ms != 0 && now >= s->start_ms && !s->is_ending) {
            start(s);
        }
        return;
    }
    if (s->kill_ms != 0) {
        if (now >= s->kill_ms) {
            kill(s->pid, SIGKILL);
        }
    } else if (s->trial_ends_ms != 0 && now >= s->trial_ends_ms && s->best_level > 0 &&
               s->best_level >= s->current.level) {
        confirm(s); /* it was good, and that could not be written */
    } else if (s->trial_ends_ms != 0 && now >= s->trial_ends_ms) {
        s->is_too_slow = true;
        end_child(s);
    } else if (now - s->life_ms >= silence) {
        snprintf(s->why, sizeof(s->why), "it gave no sign of life for %u s", silence / 1000);
        s->kill_ms = now;
        kill(s->pid, SIGKILL);
    }
}

static int poll_ms(const struct supervisor *s)
{
    unsigned silence =
        s->options->silence_ms != 0 ? s->options->silence_ms : (unsigned)SUPERVISE_SILENCE_MS;
    const uint64_t times[] = {s->start_ms, s->kill_ms, s->trial_ends_ms,
                              s->line >= 0 ? s->life_ms + silence : 0};
    uint64_t now = now_ms(), left = POLL_MAX_MS;

    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        uint64_t until = times[i] > now ? times[i] - now : 50;

        left = times[i] != 0 && until < left ? until : left;
    }
    return (int)left;
}

/* ---- life ---- */

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            s->is_ending = true;
            notify("STOPPING=1");
            end_child(s);
        } else if (info.ssi_signo != SIGCHLD && s->line >= 0) {
            kill(s->pid, (int)info.ssi_signo);
        }
    }
}

static bool open_signals(struct supervisor *s)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        sigaddset(&set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd >= 0;
}

/* Two agents would take each other's reports and slots. Without a folder there are none. */
static bool has_folder(const struct agent_options *options)
{
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = state_take(state_folder(options), &trail);

    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        show_warning("%s%s", words, err == ERR_CONFLICT ? "" : "; a second agent is not noticed");
    }
    return err != ERR_CONFLICT;
}

enum agent_exit supervise_run(const struct agent_options *options, char **argv)
{
    struct supervisor s = {.options = options, .argv = argv, .line = -1};

    if (!has_folder(options)) {
        return EXIT_INTERNAL;
    }
    if (!open_signals(&s)) {
        show_warning("no signals can be waited for");
        return EXIT_INTERNAL;
    }
    open_slots(&s);
    start(&s);
    malloc_trim(0);
    while (!s.is_ending || s.line >= 0) {
        struct pollfd wake[] = {{.fd = s.signal_fd, .events = POLLIN},
                                {.fd = s.is_mute ? -1 : s.line, .events = POLLIN}};

        (void)!poll(wake, ARRAY_LEN(wake), poll_ms(&s));
        hear(&s);
        take_signals(&s);
        bury(&s);
        look_at_clock(&s);
    }
    close(s.signal_fd);
    return EXIT_TOKEN;
}
