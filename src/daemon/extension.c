#include "daemon/extension.h"

#include "agent/show.h"
#include "base/timestamp.h"
#include "crypto/hash.h"
#include "daemon/daemon.h"
#include "extension/keeper.h"
#include "extension/region.h"
#include "extension/report.h"
#include "extension/service.h"
#include "extension/settings.h"
#include "extension/words.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_ARENA = 4 * 1024 * 1024 };

/* ---- status ---- */

/* What a round must have passed to come to its outcome. */
static const struct {
    bool has_tpm, has_answer;
} passed[] = {
    [ROUND_ATTESTED] = {true, true},     [ROUND_REFUSED] = {true, true},
    [ROUND_UNREACHABLE] = {true, false}, [ROUND_WAITS] = {true, true},
    [ROUND_FAILED] = {false, false},     [ROUND_IDLE] = {true, true},
};

static bool has_sub(const struct round *round, const char *name)
{
    for (size_t i = 0; i < round->status.n_subs; i++) {
        if (strcmp(round->status.subs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void extension_status(struct arena *arena, const struct round *round, bool is_azure,
                      struct status *ret)
{
    struct status status = round->status;

    bool is_refused = has_sub(round, "Service"); /* it got there, and was sent away */

    status.n_subs = 0;
    status.message = extension_words(arena, round->status.message, is_azure);
    if (passed[round->outcome].has_tpm || is_refused) {
        status_add(&status, "Vtpm", STATUS_SUCCESS, STATUS_OK, "the TPM 2.0 answers");
    }
    if (passed[round->outcome].has_answer || is_refused) {
        status_add(&status, "Connectivity", STATUS_SUCCESS, STATUS_OK,
                   "every endpoint that was needed answered");
    }
    for (size_t i = 0; i < round->status.n_subs; i++) {
        const struct substatus *sub = &round->status.subs[i];

        status_add(&status, sub->name, sub->status, sub->code,
                   extension_words(arena, sub->message, is_azure));
    }
    *ret = status;
}

static void fail_round(struct arena *arena, const struct fault *fault, struct round *ret)
{
    const char *text = (const char *)arena_dup(arena, span_str(fault->text)).data;
    const char *whole = arena_printf(arena, STATUS_FAILED "%s", fault->text);
    bool is_network = fault->exit == EXIT_SERVICE;
    int code = is_network ? STATUS_UNREACHABLE : STATUS_SETTINGS;

    *ret = (struct round){.outcome = is_network ? ROUND_UNREACHABLE : ROUND_FAILED,
                          .status = {.operation = "Enable",
                                     .status = STATUS_ERROR,
                                     .code = code,
                                     .message = whole == NULL ? "out of memory" : whole,
                                     .time = timestamp_now()}};
    status_add(&ret->status, is_network ? "Connectivity" : "Settings", STATUS_ERROR, code,
               text == NULL ? "out of memory" : text);
}

/* ---- rounds ---- */

bool extension_prepare(struct extension *extension, struct arena *arena, struct round *ret)
{
    struct fault fault = {0};
    struct log_line line;
    const char *url = NULL;

    if (extension == NULL || extension->options->server != NULL) {
        return true;
    }
    if (region_endpoint_find(arena, &fault, &url) != ERR_OK) {
        fail_round(arena, &fault, ret);
        return false;
    }
    snprintf(extension->region_url, sizeof(extension->region_url), "%s", url);
    extension->options->server = extension->region_url;
    extension->options->never_joins = true;
    log_begin(&line, LOG_INFO, "extension.region");
    log_text(&line, "server", url);
    log_end(&line);
    return true;
}

void extension_report(struct extension *extension, struct arena *arena, const struct round *round)
{
    struct status status;
    bool is_able =
        !has_sub(round, "Vtpm") && !has_sub(round, "Settings") && !has_sub(round, "Machine");
    bool is_good = round->status.status == STATUS_SUCCESS;

    if (extension == NULL) {
        return;
    }
    extension_status(arena, round, extension->options->is_azure, &status);
    status.applied = extension->applied;
    handler_status_write(extension->handler, arena, extension->sequence, &status);
    handler_heartbeat(extension->handler, is_able ? HANDLER_READY : HANDLER_NOT_READY,
                      is_able ? 0 : status.code, status.message);
    if (!extension->has_round || extension->last != round->outcome) {
        handler_event(extension->handler, is_good ? HANDLER_INFORMATIONAL : HANDLER_ERROR, "Enable",
                      status.message);
    }
    extension->has_round = true;
    extension->last = round->outcome;
}

void extension_beat(struct extension *extension)
{
    if (extension != NULL) {
        (void)!write(extension->beat_fd, "", 1); /* a full pipe is as good */
    }
}

/* ---- the processes ---- */

static enum agent_exit fail(const struct handler *handler, int64_t sequence, enum agent_exit exit,
                            int code, const char *words)
{
    struct log_line line;

    log_begin(&line, LOG_ERROR, "extension.unable");
    log_text(&line, "cause", words);
    log_end(&line);
    if (handler != NULL) {
        handler_status_say(
            handler, sequence,
            (struct status){
                .operation = "Enable", .status = STATUS_ERROR, .code = code, .message = words});
        handler_heartbeat(handler, HANDLER_NOT_READY, code, words);
    }
    return exit;
}

static enum agent_exit work(struct extension *extension, struct agent_options *options)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 256];
    const char *whole;
    struct trail trail = {0};
    err_t err = crypto_init();

    err = err ? err : handler_configure(extension->handler, extension->sequence, options, &trail);
    if (err) {
        handler_settings_words(&trail, err, words, sizeof(words));
        whole = arena_printf(extension->handler->arena, STATUS_FAILED "%s", words);
        return fail(extension->handler, extension->sequence, EXIT_USAGE, STATUS_SETTINGS,
                    whole == NULL ? words : whole);
    }
    return daemon_run(options, extension);
}

/* The lock of the service, with our name on it. */
static err_t take_service(const struct handler *handler, int64_t sequence, struct trail *trail,
                          int *ret_fd)
{
    struct handler_service service = {.fd = -1};
    err_t err = handler_service_open(handler, trail, &service);

    err = err ? err : handler_lock_take(service.fd, HANDLER_BYTE_KEEPER, HANDLER_UP_MS);
    err = err ? err : handler_service_sign(service.fd, handler, sequence);
    if (err) {
        return trail_set(trail, err, "another process holds " HANDLER_SERVICE_LOCK);
    }
    *ret_fd = service.fd; /* open until the end: that is what the lock lives by */
    return ERR_OK;
}

enum agent_exit extension_run(struct agent_options *options)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(FOLDER_ARENA);
    struct extension extension = {.options = options, .applied = timestamp_now()};
    struct handler handler = {0};
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    int lock = -1;
    err_t err =
        arena == NULL ? ERR_MEMORY : handler_open(arena, options->extension, &trail, &handler);

    if (err == ERR_OK) {
        (void)handler_log_open(&handler);
        extension.sequence = handler_taken_sequence(&handler);
        extension.sequence = extension.sequence < 0 ? 0 : extension.sequence;
        err = take_service(&handler, extension.sequence, &trail, &lock);
    }
    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        return fail(NULL, 0, EXIT_INTERNAL, 0, words);
    }
    extension.handler = &handler;
    extension.beat_fd = keeper_run(&handler, extension.sequence, lock);
    return work(&extension, options);
}
