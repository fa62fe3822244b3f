#include "support/swtpm.h"

#include "base/arena.h"
#include "base/file.h"
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 20 * 1000 };

static pid_t spawn(const struct swtpm *tpm, const char *const *argv)
{
    char log[SWTPM_PATH_MAX + 16];
    pid_t parent = getpid();
    pid_t pid;

    snprintf(log, sizeof(log), "%s/output", tpm->folder);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        /* A test that dies must not leave its TPM behind. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || fd < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
            dup2(fd, STDERR_FILENO) < 0) {
            _exit(126);
        }
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return pid;
}

void swtpm_run(const struct swtpm *tpm, const char *const *argv)
{
    pid_t pid = spawn(tpm, argv);
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fail_msg("%s ended with status %d; its words are in %s/output", argv[0], status,
                 tpm->folder);
    }
}

static void write_file(const struct swtpm *tpm, const char *name, const char *format)
{
    char path[SWTPM_PATH_MAX + 32];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", tpm->folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    for (const char *c = format; *c != '\0'; c++) {
        if (*c == '@') {
            fputs(tpm->folder, file);
        } else {
            fputc(*c, file);
        }
    }
    assert_int_equal(fclose(file), 0);
}

static void make_state(const struct swtpm *tpm, bool with_certificates)
{
    char state[SWTPM_PATH_MAX + 16];
    char config[SWTPM_PATH_MAX + 16];
    const char *argv[] = {"swtpm_setup", "--tpm2",     "--tpmstate",  state,
                          "--config",    config,       "--overwrite", "--pcr-banks",
                          "sha1,sha256", "--createek", NULL,          NULL};

    snprintf(state, sizeof(state), "%s/state", tpm->folder);
    snprintf(config, sizeof(config), "%s/setup.conf", tpm->folder);
    assert_ok(file_make_folder(state, 0700, NULL));
    write_file(tpm, "localca.conf",
               "statedir = @\nsigningkey = @/signkey.pem\nissuercert = @/issuercert.pem\n"
               "certserial = @/certserial\n");
    write_file(tpm, "localca.options",
               "--tpm-manufacturer id:00001014\n--tpm-model swtpm\n--tpm-version id:20191023\n");
    write_file(tpm, "setup.conf",
               "create_certs_tool = /usr/bin/swtpm_localca\n"
               "create_certs_tool_config = @/localca.conf\n"
               "create_certs_tool_options = @/localca.options\n");
    if (with_certificates) {
        argv[10] = "--create-ek-cert";
    }
    swtpm_run(tpm, argv);
}

static bool is_listening(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_open;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    is_open = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return is_open;
}

/* Until both sockets answer, of which either may be first: woken by what appears in the folder,
 * bounded by the clock. */
static void wait_until_listening(const struct swtpm *tpm, int watch)
{
    char control[SWTPM_PATH_MAX + 32];
    char server[SWTPM_PATH_MAX + 32];
    char events[4096];
    struct pollfd waiting = {.fd = watch, .events = POLLIN};
    int waited_ms = 0;

    snprintf(control, sizeof(control), "%s/tpm.sock.ctrl", tpm->folder);
    snprintf(server, sizeof(server), "%s/tpm.sock", tpm->folder);
    while (!is_listening(control) || !is_listening(server)) {
        int status;

        if (waitpid(tpm->pid, &status, WNOHANG) == tpm->pid) {
            fail_msg("swtpm ended with status %d; its words are in %s/output", status, tpm->folder);
        }
        if (waited_ms >= START_TIMEOUT_MS) {
            fail_msg("swtpm does not listen after %d ms", waited_ms);
        }
        if (poll(&waiting, 1, 20) > 0 && read(watch, events, sizeof(events)) < 0) {
            fail_msg("cannot watch %s", tpm->folder);
        }
        waited_ms += 20;
    }
}

static void launch(struct swtpm *tpm)
{
    char state[SWTPM_PATH_MAX + 16];
    char server[SWTPM_PATH_MAX + 48];
    char control[SWTPM_PATH_MAX + 48];
    const char *const argv[] = {"swtpm", "socket",   "--tpm2",        "--tpmstate",
                                state,   "--server", server,          "--ctrl",
                                control, "--flags",  "startup-clear", NULL};
    int watch = inotify_init1(IN_CLOEXEC);

    assert_true(watch >= 0);
    assert_true(inotify_add_watch(watch, tpm->folder, IN_CREATE | IN_MOVED_TO) >= 0);
    snprintf(state, sizeof(state), "dir=%s/state", tpm->folder);
    snprintf(server, sizeof(server), "type=unixio,path=%s/tpm.sock", tpm->folder);
    snprintf(control, sizeof(control), "type=unixio,path=%s/tpm.sock.ctrl", tpm->folder);
    tpm->pid = spawn(tpm, argv);
    wait_until_listening(tpm, watch);
    close(watch);
}

static void end(struct swtpm *tpm)
{
    if (tpm->pid > 0) {
        kill(tpm->pid, SIGTERM);
        while (waitpid(tpm->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        tpm->pid = 0;
    }
}

void swtpm_start(struct swtpm *tpm, bool with_certificates)
{
    *tpm = (struct swtpm){0};
    snprintf(tpm->folder, sizeof(tpm->folder), "%s", "/tmp/bootwarden-swtpm.XXXXXX");
    assert_non_null(mkdtemp(tpm->folder));
    snprintf(tpm->tcti, sizeof(tpm->tcti), "swtpm:path=%s/tpm.sock", tpm->folder);
    make_state(tpm, with_certificates);
    launch(tpm);
}

void swtpm_restart(struct swtpm *tpm)
{
    end(tpm);
    launch(tpm);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void swtpm_stop(struct swtpm *tpm)
{
    end(tpm);
    if (tpm->folder[0] != '\0') {
        nftw(tpm->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        tpm->folder[0] = '\0';
    }
}
