#include "extension/handler.h"

#include "agent/show.h"
#include "base/file.h"
#include "extension/report.h"
#include "extension/service.h"
#include "extension/settings.h"
#include "extension/words.h"
#include "tpmdev/tpmdev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FOLDER_ARENA = 4 * 1024 * 1024, CAUSE_MAX = TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64 };

struct command {
    const struct agent_options *options;
    struct arena *arena;
    const char *operation; /* "Enable" */
    struct handler handler;
    struct handler_service service;
    int turn_fd; /* one command at a time */
    int64_t sequence;
};

/* ---- telling ---- */

static void note(struct command *command, enum log_level level, const char *words)
{
    struct log_line line;

    log_begin(&line, level, "extension.command");
    log_text(&line, "operation", command->operation);
    log_text(&line, level == LOG_ERROR ? "cause" : "result", words);
    handler_log_line(&command->handler, &line);
    handler_event(&command->handler, level == LOG_ERROR ? HANDLER_ERROR : HANDLER_INFORMATIONAL,
                  command->operation, words);
}

static int done(struct command *command, const char *words)
{
    printf("%s: %s\n", command->operation, words);
    note(command, LOG_INFO, words);
    return HANDLER_DONE;
}

/* The same words on standard error, in the status, the log and an event. sub: which check failed.
 */
static int fail(struct command *command, enum handler_exit exit, const char *sub, const char *text)
{
    const char *words = extension_words(command->arena, text, false);
    const char *whole = arena_printf(command->arena, STATUS_FAILED "%s", words);
    struct status status = {
        .operation = command->operation, .status = STATUS_ERROR, .code = (int)exit};

    whole = whole == NULL ? text : whole;
    fprintf(stderr, "%s\n", whole);
    if (command->handler.folder == NULL) {
        return exit; /* nobody said where anything else goes */
    }
    if (sub != NULL) {
        status_add(&status, sub, STATUS_ERROR, (int)exit, words);
    }
    status.message = whole;
    if (command->sequence >= 0) {
        handler_status_say(&command->handler, command->sequence, status);
    }
    handler_heartbeat(&command->handler, HANDLER_NOT_READY, (int)exit, whole);
    note(command, LOG_ERROR, whole);
    return exit;
}

static int fail_from(struct command *command, enum handler_exit exit, const char *sub, err_t err,
                     const struct trail *trail, const char *what, const char *remedy)
{
    char why[CAUSE_MAX];
    const char *text;

    trail_format(trail, err, why, sizeof(why));
    text = arena_printf(command->arena, "%s: %s. %s", what, why, remedy);
    return fail(command, exit, sub, text == NULL ? what : text);
}

/* ---- what is needed ---- */

bool handler_kernel_is_supported(const char *release)
{
    char *end = NULL;
    unsigned long major = strtoul(release, &end, 10), minor;

    if (end == release || *end != '.' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    minor = strtoul(end + 1, &end, 10);
    return major > HANDLER_KERNEL_MAJOR ||
           (major == HANDLER_KERNEL_MAJOR && minor >= HANDLER_KERNEL_MINOR);
}

/* NULL when the system will do, else why not. */
static const char *system_fault(struct command *command)
{
    const char *etc = handler_system_path(&command->handler, "/etc/os-release");
    const char *usr = handler_system_path(&command->handler, "/usr/lib/os-release");
    struct utsname system;

    if (uname(&system) != 0 || strcmp(system.sysname, "Linux") != 0) {
        return "Unsupported operating system: this is no Linux. Use a supported distribution.";
    }
    if (!handler_kernel_is_supported(system.release)) {
        return arena_printf(command->arena,
                            "Unsupported operating system: Linux %.60s. It has no resource manager "
                            "for TPMs. Use a distribution with Linux %d.%d or newer.",
                            system.release, HANDLER_KERNEL_MAJOR, HANDLER_KERNEL_MINOR);
    }
    if (etc == NULL || usr == NULL || (!file_exists(etc) && !file_exists(usr))) {
        return "Unsupported operating system: it does not say what it is. There is no "
               "/etc/os-release. Use a supported distribution.";
    }
    return NULL;
}

static int check_tpm(struct command *command, const struct agent_options *options)
{
    CLEANUP(tpmdev_free) struct tpmdev *tpm = NULL;
    struct trail trail = {0};
    err_t err = tpmdev_open(options->tcti, false, &trail, &tpm);

    if (err == ERR_OK) {
        return HANDLER_DONE;
    }
    if (err == ERR_USAGE) {
        return fail_from(command, HANDLER_SETTINGS, "Settings", err, &trail, "Settings not usable",
                         "Correct /etc/bootwarden/agent.conf.");
    }
    return fail_from(command, HANDLER_MISSING, "Vtpm", err, &trail, "No vTPM to attest with",
                     "Turn on Trusted Launch with vTPM for this virtual machine.");
}

/* ---- life of a command ---- */

static int begin(struct command *command)
{
    const char *folder = command->options->extension;
    struct trail trail = {0};
    const char *turn;
    err_t err =
        handler_open(command->arena, folder == NULL ? "." : folder, &trail, &command->handler);

    if (err) {
        return fail_from(command, HANDLER_FAILED, NULL, err, &trail,
                         "This is no folder of an extension",
                         "Azure's guest agent calls this command in the folder that it made.");
    }
    turn = handler_system_path(&command->handler, HANDLER_COMMAND_LOCK);
    err = turn == NULL ? ERR_MEMORY : handler_lock_open(turn, &trail, &command->turn_fd);
    err = err ? err : handler_lock_take(command->turn_fd, HANDLER_BYTE_KEEPER, HANDLER_TURN_MS);
    err = err ? err : handler_service_open(&command->handler, &trail, &command->service);
    if (err) {
        return fail_from(command, err == ERR_DENIED ? HANDLER_MISSING : HANDLER_FAILED, NULL, err,
                         &trail, "No turn on this machine",
                         "Run it as root, and look whether another command of the extension "
                         "hangs.");
    }
    return HANDLER_DONE;
}

static void command_done(struct command *command)
{
    handler_service_done(&command->service);
    if (command->turn_fd > 0) {
        close(command->turn_fd);
    }
    arena_free(command->arena);
}
DEFINE_CLEANUP_DONE(struct command, command_done)

/* ---- enable ---- */

/* Nothing to do, as at every start of the guest agent? */
static bool is_enabled(struct command *command, enum handler_verdict verdict)
{
    int64_t running = -1;

    return handler_taken_sequence(&command->handler) == command->sequence &&
           verdict != HANDLER_NO_VERDICT && handler_service_pid(&command->service, &running) != 0 &&
           running == command->sequence;
}

static int begin_enabling(struct command *command, enum handler_verdict verdict)
{
    struct trail trail = {0};
    bool was_good =
        verdict == HANDLER_GOOD && handler_taken_sequence(&command->handler) == command->sequence;
    err_t err;

    /* After a reboot what was said stays until something new is known. Anything else begins anew,
     * also a status in transition that was copied from another version: nobody would end it. */
    if (!was_good) {
        handler_status_say(
            &command->handler, command->sequence,
            (struct status){.operation = command->operation,
                            .status = STATUS_TRANSITIONING,
                            .message = "Enable accepted; the first attestation is under way"});
    }
    err = handler_take_sequence(&command->handler, command->sequence, &trail);
    return err ? fail_from(command, HANDLER_FAILED, NULL, err, &trail, "Folder not usable",
                           "Look whether the disk is full or read-only.")
               : HANDLER_DONE;
}

static int configure(struct command *command, struct agent_options *options)
{
    struct trail trail = {0};
    char words[CAUSE_MAX + CAUSE_MAX];
    err_t err = handler_configure(&command->handler, command->sequence, options, &trail);

    if (err == ERR_OK) {
        return HANDLER_DONE;
    }
    handler_settings_words(&trail, err, words, sizeof(words));
    return fail(command, err_category(err) == ERR_CAT_INTERNAL ? HANDLER_FAILED : HANDLER_SETTINGS,
                "Settings", words);
}

static int start(struct command *command)
{
    struct trail trail = {0};
    err_t err;

    handler_heartbeat(&command->handler, HANDLER_READY, 0,
                      "Enabled; the first attestation is under way");
    err = handler_service_start(&command->service, &trail);
    return err ? fail_from(command, HANDLER_FAILED, "Service", err, &trail,
                           "The service does not start",
                           "Look into extension.log in the extension's log folder.")
               : done(command, "the service runs; its verdict comes in the status");
}

static int enable(struct command *command)
{
    struct agent_options options = *command->options;
    enum handler_verdict verdict;
    struct trail trail = {0};
    const char *fault;
    int code;
    err_t err = handler_wanted_sequence(&command->handler, getenv("ConfigSequenceNumber"), &trail,
                                        &command->sequence);

    if (err) {
        command->sequence = 0;
        return fail_from(command, HANDLER_SETTINGS, "Settings", err, &trail, "Settings not usable",
                         "Look into the guest agent's log.");
    }
    verdict = handler_status_read(&command->handler, command->sequence);
    if (is_enabled(command, verdict)) {
        return done(command, "enabled already; the status stays as it is");
    }
    code = begin_enabling(command, verdict);
    if (code == HANDLER_DONE && (fault = system_fault(command)) != NULL) {
        code = fail(command, HANDLER_UNSUPPORTED_OS, NULL, fault);
    }
    code = code ? code : configure(command, &options);
    if (code == HANDLER_DONE &&
        (err = handler_service_clear(&command->service, &trail)) != ERR_OK) {
        code = fail_from(command, HANDLER_FAILED, "Service", err, &trail,
                         "The service of before does not end", "Restart the machine.");
    }
    code = code ? code : check_tpm(command, &options);
    return code ? code : start(command);
}

/* ---- the others ---- */

static int install(struct command *command)
{
    const char *fault = system_fault(command);
    struct trail ignored = {0};

    if (fault != NULL) {
        (void)!handler_wanted_sequence(&command->handler, getenv("ConfigSequenceNumber"), &ignored,
                                       &command->sequence);
        return fail(command, HANDLER_UNSUPPORTED_OS, NULL, fault);
    }
    /* The guest agent wants one from here on. */
    handler_heartbeat(&command->handler, HANDLER_INSTALLING, 0, "Installed; not enabled yet");
    return done(command, "succeeded");
}

const char *handler_sibling(struct arena *arena, const char *folder, const char *version)
{
    const char *dash = strrchr(folder, '-');

    if (dash == NULL || strchr(dash, '/') != NULL || version == NULL || version[0] == '\0' ||
        strspn(version, "0123456789.") != strlen(version)) {
        return NULL;
    }
    return arena_printf(arena, "%.*s-%s", (int)(dash - folder), folder, version);
}

/* Reports that could not be sent yet go along. Install follows, and then enable. */
static int update(struct command *command)
{
    const char *from = getenv("AZURE_GUEST_AGENT_UPDATING_FROM_VERSION");
    const char *older = handler_sibling(command->arena, command->handler.folder, from);
    const char *to = handler_path(&command->handler, "state");
    const char *state = older == NULL ? NULL : arena_printf(command->arena, "%s/state", older);

    if (state != NULL && to != NULL && file_is_folder(state) && !file_exists(to)) {
        (void)!rename(state, to);
    }
    return done(command, "succeeded");
}

static int stop(struct command *command)
{
    struct trail trail = {0};
    err_t err = handler_service_stop(&command->service, &trail);

    return err ? fail_from(command, HANDLER_FAILED, NULL, err, &trail, "The service does not end",
                           "Restart the machine.")
               : HANDLER_DONE;
}

static int disable(struct command *command)
{
    int code;

    command->sequence = handler_taken_sequence(&command->handler);
    code = stop(command);
    if (code) {
        return code;
    }
    if (command->sequence >= 0) {
        handler_status_say(
            &command->handler, command->sequence,
            (struct status){.operation = command->operation,
                            .status = STATUS_SUCCESS,
                            .message = "Disable succeeded; boots are not attested any more"});
    }
    handler_heartbeat(&command->handler, HANDLER_NOT_READY, 0, "Disabled");
    return done(command, "succeeded");
}

static int uninstall(struct command *command)
{
    int code = stop(command);

    if (code) {
        return code;
    }
    handler_service_forget(&command->service);
    return done(command, "succeeded");
}

/* From which one the table below counts. */
enum { FIRST = COMMAND_INSTALL };

int handler_run(const struct agent_options *options)
{
    static const struct {
        const char *name;
        int (*run)(struct command *command);
    } commands[] = {
        [COMMAND_INSTALL - FIRST] = {"Install", install},
        [COMMAND_ENABLE - FIRST] = {"Enable", enable},
        [COMMAND_UPDATE - FIRST] = {"Update", update},
        [COMMAND_DISABLE - FIRST] = {"Disable", disable},
        [COMMAND_UNINSTALL - FIRST] = {"Uninstall", uninstall},
    };
    size_t which = (size_t)options->command - FIRST;
    CLEANUP(command_done)
    struct command command = {.options = options,
                              .arena = arena_new(FOLDER_ARENA),
                              .operation = commands[which].name,
                              .service = {.fd = -1},
                              .turn_fd = -1,
                              .sequence = -1};
    int code;

    if (command.arena == NULL) {
        show_warning("out of memory");
        return HANDLER_FAILED;
    }
    code = begin(&command);
    return code ? code : commands[which].run(&command);
}
