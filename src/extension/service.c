#include "extension/service.h"

#include "base/file.h"
#include "base/timestamp.h"
#include "extension/spawn.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OWNER_MAX = HANDLER_PATH_MAX + 64, UNIT_MAX = 16 * 1024, LOOK_MS = 20 };

#define SYSTEMD_FOLDER "/run/systemd/system"

err_t handler_service_open(const struct handler *handler, struct trail *trail,
                           struct handler_service *ret)
{
    const char *path = handler_system_path(handler, HANDLER_SERVICE_LOCK);

    *ret = (struct handler_service){.handler = handler, .fd = -1};
    return path == NULL ? ERR_MEMORY : handler_lock_open(path, trail, &ret->fd);
}

void handler_service_done(struct handler_service *service)
{
    if (service->fd > 0) {
        close(service->fd);
    }
    service->fd = -1;
}

/* ---- who runs ---- */

/* "1234\n17\nfolder\n": process, sequence number of its settings, folder. */
err_t handler_service_sign(int fd, const struct handler *handler, int64_t sequence)
{
    char text[OWNER_MAX];
    int n = snprintf(text, sizeof(text), "%ld\n%lld\n%s\n", (long)getpid(), (long long)sequence,
                     handler->folder);

    return n < (int)sizeof(text) && ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n
               ? ERR_OK
               : ERR_IO;
}

static pid_t holder(const struct handler_service *service)
{
    pid_t keeper = handler_lock_holder(service->fd, HANDLER_BYTE_KEEPER);

    return keeper != 0 ? keeper : handler_lock_holder(service->fd, HANDLER_BYTE_WORKER);
}

/* Does the process that holds the lock work for this folder, and with which settings? */
static bool is_ours(const struct handler_service *service, int64_t *ret_sequence)
{
    char text[OWNER_MAX];
    ssize_t n = pread(service->fd, text, sizeof(text) - 1, 0);
    char *save = NULL;
    const char *pid, *sequence, *folder;

    text[n < 0 ? 0 : n] = '\0';
    pid = strtok_r(text, "\n", &save);
    sequence = pid == NULL ? NULL : strtok_r(NULL, "\n", &save);
    folder = sequence == NULL ? NULL : strtok_r(NULL, "\n", &save);
    return folder != NULL && strcmp(folder, service->handler->folder) == 0 &&
           handler_sequence_parse(span_str(sequence), ret_sequence);
}

pid_t handler_service_pid(const struct handler_service *service, int64_t *ret_sequence)
{
    pid_t pid = holder(service);

    return pid != 0 && is_ours(service, ret_sequence) ? pid : 0;
}

static bool comes_up(const struct handler_service *service)
{
    struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};
    uint64_t began = timestamp_ticks_us();
    int64_t sequence = 0;

    while (handler_lock_holder(service->fd, HANDLER_BYTE_KEEPER) == 0 ||
           !is_ours(service, &sequence)) {
        if ((timestamp_ticks_us() - began) / 1000 >= HANDLER_UP_MS) {
            return false;
        }
        nanosleep(&moment, NULL);
    }
    return true;
}

/* ---- systemd ---- */

static bool has_systemd(const struct handler *handler)
{
    const char *path = handler_system_path(handler, SYSTEMD_FOLDER);

    return path != NULL && file_is_folder(path);
}

static bool systemctl(const char *verb, const char *unit)
{
    const char *const argv[] = {"systemctl", verb, unit, NULL};

    return handler_spawn_wait(argv);
}

static const char *unit_path(const struct handler *handler)
{
    return handler_system_path(handler, SYSTEMD_FOLDER "/" HANDLER_UNIT);
}

const char *handler_unit_text(struct arena *arena, const char *folder)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "/._-+";

    if (strspn(folder, plain) != strlen(folder)) {
        return NULL; /* systemd has rules for quotes and % that nobody should need to know */
    }
    return arena_printf(arena,
                        "[Unit]\n"
                        "Description=Guest attestation (extension of Azure's guest agent)\n"
                        "Documentation=man:bootwarden-agent(8)\n"
                        "\n"
                        "[Service]\n"
                        "ExecStart=%s/bin/handler run --extension %s\n"
                        "Restart=always\n"
                        "RestartSec=5\n"
                        "KillMode=mixed\n"
                        "TimeoutStopSec=20\n"
                        "NoNewPrivileges=yes\n"
                        "ProtectHome=read-only\n",
                        folder, folder);
}

static bool is_unit_ours(const struct handler *handler, const char *path)
{
    const char *wanted = handler_unit_text(handler->arena, handler->folder);
    struct trail ignored = {0};
    struct span text = {0};

    return wanted != NULL && path != NULL &&
           file_read(handler->arena, path, UNIT_MAX, &ignored, &text) == ERR_OK &&
           span_is(text, wanted);
}

static bool start_unit(const struct handler_service *service)
{
    const struct handler *handler = service->handler;
    const char *text = handler_unit_text(handler->arena, handler->folder);
    const char *path = unit_path(handler);
    struct trail ignored = {0};

    return text != NULL && path != NULL && has_systemd(handler) &&
           file_write(path, span_str(text), 0644, &ignored) == ERR_OK &&
           systemctl("daemon-reload", NULL) && systemctl("restart", HANDLER_UNIT) &&
           comes_up(service);
}

static void stop_unit(const struct handler *handler)
{
    const char *path = unit_path(handler);

    if (path != NULL && has_systemd(handler) && file_exists(path)) {
        (void)systemctl("stop", HANDLER_UNIT);
    }
}

void handler_service_forget(const struct handler_service *service)
{
    const struct handler *handler = service->handler;
    const char *path = unit_path(handler);

    if (is_unit_ours(handler, path) && unlink(path) == 0) {
        (void)systemctl("daemon-reload", NULL);
    }
}

/* ---- start and stop ---- */

static err_t end_holders(const struct handler_service *service, struct trail *trail)
{
    err_t err = handler_lock_end_holder(service->fd, HANDLER_BYTE_KEEPER, HANDLER_GRACE_MS);

    /* It goes with its keeper, unless that one was killed and it does not listen. */
    err = err ? err : handler_lock_end_holder(service->fd, HANDLER_BYTE_WORKER, LOOK_MS * 50);
    return err ? trail_set(trail, err, "process %ld does not end", (long)holder(service)) : ERR_OK;
}

err_t handler_service_clear(const struct handler_service *service, struct trail *trail)
{
    stop_unit(service->handler);
    return end_holders(service, trail);
}

err_t handler_service_start(const struct handler_service *service, struct trail *trail)
{
    const struct handler *handler = service->handler;
    const char *program = handler_path(handler, "bin/handler");
    const char *const argv[] = {program, "run", "--extension", handler->folder, NULL};
    err_t err;

    if (program == NULL) {
        return ERR_MEMORY;
    }
    if (start_unit(service)) {
        return ERR_OK;
    }
    err = handler_service_clear(service, trail);
    err = err ? err : handler_spawn_detached(argv, handler->folder, trail);
    if (err) {
        return err;
    }
    return comes_up(service) ? ERR_OK
                             : trail_set(trail, ERR_TIMEOUT, "%s run did not come up in %d seconds",
                                         program, HANDLER_UP_MS / 1000);
}

err_t handler_service_stop(const struct handler_service *service, struct trail *trail)
{
    int64_t sequence = 0;

    if (is_unit_ours(service->handler, unit_path(service->handler))) {
        stop_unit(service->handler);
    }
    return handler_service_pid(service, &sequence) == 0 ? ERR_OK : end_holders(service, trail);
}
