/* Who may send the bytes fetched here: the service, or whoever has its certificate. They are kept
 * only when a key of this machine signed them, and run by nobody but the supervisor. */
#include "upgrade/upgrade.h"

#include "base/codec.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "upgrade/vet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE_BYTES = 32 * 1024 };

void upgrade_open(struct upgrade *upgrade, const struct agent_options *options,
                  struct lifeline *line)
{
    const char *state = options->state != NULL ? options->state : AGENT_STATE;
    struct trail ignored = {0};

    *upgrade = (struct upgrade){.options = options, .line = line};
    /* open_state has said what is wrong with the folder, if anything is. */
    upgrade->has_slots = line->fd >= 0 && slots_open(&upgrade->slots, state) == ERR_OK &&
                         slots_make(&upgrade->slots, &ignored) == ERR_OK;
}

static const char *key_file(const struct upgrade *upgrade)
{
    return upgrade->options->upgrade_key != NULL ? upgrade->options->upgrade_key : VET_KEY_FILE;
}

/* Since the machine booted. */
static uint64_t now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_boot_young(const struct upgrade *upgrade)
{
    unsigned after = upgrade->options->upgrade_after_ms != 0 ? upgrade->options->upgrade_after_ms
                                                             : (unsigned)UPGRADE_AFTER_MS;

    return now_ms() < after;
}

/* Why none is taken, in the arena; NULL: one may come. */
static const char *hindrance(const struct upgrade *upgrade, struct arena *arena)
{
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err;

    if (!upgrade->has_slots) {
        return "off: there is no folder for packages, or nobody supervises this agent";
    }
    if (upgrade->line->is_trial) {
        return "this version is on trial";
    }
    err = vet_keys(arena, key_file(upgrade), &trail);
    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        return arena_printf(arena, "off: no keys to verify packages with: %s", words);
    }
    if (!vet_can_run()) {
        return "off: this machine runs no program from memory (sysctl vm.memfd_noexec)";
    }
    if (now_ms() < upgrade->not_before_ms) {
        return arena_printf(arena, "later: %s", upgrade->trouble);
    }
    return is_boot_young(upgrade) ? "later: the machine has just booted" : NULL;
}

/* ---- telling ---- */

static const struct slot_bad *first_untold(const struct slot_bads *bads)
{
    for (size_t i = 0; i < bads->n; i++) {
        if (!bads->items[i].is_told) {
            return &bads->items[i];
        }
    }
    return NULL;
}

void upgrade_describe(struct upgrade *upgrade, struct arena *arena, yyjson_mut_doc *doc,
                      yyjson_mut_val *root)
{
    yyjson_mut_val *to = json_add_object(doc, root, "upgrade");
    const struct slot_bad *bad;
    struct slot_bads bads = {.n = 0};

    json_add_bool(doc, root, "takesPackages", hindrance(upgrade, arena) == NULL);
    if (!upgrade->line->is_trial) {
        json_add_text(doc, to, "runs", BOOTWARDEN_VERSION);
    }
    if (upgrade->has_slots) {
        slots_bads(&upgrade->slots, &bads);
    }
    bad = first_untold(&bads);
    upgrade->telling[0] = '\0';
    if (bad != NULL) {
        memcpy(upgrade->telling, bad->package, sizeof(upgrade->telling));
        json_add_text(doc, to, "failed", bad->package);
        json_add_text(doc, to, "message", bad->why);
    }
}

void upgrade_told(struct upgrade *upgrade)
{
    struct slot_bads bads;
    struct trail ignored = {0};

    if (upgrade->telling[0] == '\0') {
        return;
    }
    slots_bads(&upgrade->slots, &bads);
    for (size_t i = 0; i < bads.n; i++) {
        if (strcmp(bads.items[i].package, upgrade->telling) == 0) {
            bads.items[i].is_told = true;
            /* Where that cannot be written it is told again, which does no harm. */
            (void)!slots_set_bad(&upgrade->slots, &bads.items[i], &ignored);
        }
    }
    upgrade->telling[0] = '\0';
}

void upgrade_status(struct upgrade *upgrade, struct arena *arena, const struct goal *goal,
                    struct status *status)
{
    const char *why = hindrance(upgrade, arena);
    struct slot_bads bads = {.n = 0};
    const char *text;

    if (!goal->upgrades) {
        return;
    }
    if (upgrade->has_slots) {
        slots_bads(&upgrade->slots, &bads);
    }
    if (why != NULL) {
        text = arena_printf(arena, "%s runs; %s", BOOTWARDEN_VERSION, why);
    } else if (bads.n > 0) {
        const struct slot_bad *bad = &bads.items[bads.n - 1];

        text = arena_printf(arena, "%s runs; %s did not hold: %s", BOOTWARDEN_VERSION, bad->version,
                            bad->why);
    } else {
        text = "upgrades by itself; " BOOTWARDEN_VERSION " runs";
    }
    status_add(status, "AutomaticUpgrade",
               why == NULL && bads.n == 0 ? STATUS_SUCCESS : STATUS_WARNING, STATUS_OK,
               text == NULL ? "out of memory" : text);
}

/* ---- fetching ---- */

struct fetch {
    int fd;
    struct hasher *hasher;
    uint64_t size;
    int errno_of_write;
    const struct lifeline *line;
};

static bool take_piece(void *context, struct span piece)
{
    struct fetch *fetch = context;

    fetch->size += piece.len;
    if (hasher_add(fetch->hasher, piece) != ERR_OK || file_put(fetch->fd, piece) != ERR_OK) {
        fetch->errno_of_write = errno;
        return false;
    }
    lifeline_say(fetch->line->fd, "alive");
    return true;
}

/* ERR_NETWORK, ERR_TIMEOUT, ERR_REFUSED, ...: nothing is known about the package. ERR_IO,
 * ERR_MISMATCH: it cannot be kept, or is another one. */
static err_t fetch(struct upgrade *upgrade, struct agent *agent, const struct goal_package *package,
                   int fd, struct trail *trail)
{
    CLEANUP(http_client_free) struct http_client *client = NULL;
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct fetch to = {.fd = fd, .hasher = hasher, .line = upgrade->line};
    const struct http_client_request request = {.method = "GET",
                                                .path = package->path,
                                                .bearer = agent->session_token,
                                                .sink = take_piece,
                                                .sink_context = &to};
    uint8_t digest[SHA256_BYTES];
    char hex[SLOTS_DIGEST_SIZE];
    struct http_reply reply = {0};
    err_t err = hasher == NULL ? ERR_MEMORY : hasher_begin(hasher, HASH_SHA256);

    err = err ? err
              : remote_open_files(upgrade->options, agent->arena, PACKAGE_FILE_MAX,
                                  UPGRADE_FETCH_MS, trail, &client);
    err = err ? err : http_client_send(client, &request, agent->arena, trail, &reply);
    if (err == ERR_IO) {
        return trail_set(trail, ERR_IO, "the package cannot be kept: %s",
                         strerror(to.errno_of_write));
    }
    if (err) {
        return err;
    }
    if (reply.status != 200) {
        return trail_set(trail, ERR_REFUSED, "the service answered %u", reply.status);
    }
    err = hasher_end(hasher, digest);
    hex_encode(span_of(digest, sizeof(digest)), hex, sizeof(hex));
    if (err == ERR_OK && (to.size != package->size || strcmp(hex, package->digest) != 0)) {
        err = trail_set(trail, ERR_MISMATCH,
                        "what the service handed out (%llu bytes) is not what it announced (%llu)",
                        (unsigned long long)to.size, (unsigned long long)package->size);
    }
    return err;
}

/* ---- keeping ---- */

static err_t io_fault(struct trail *trail, const char *doing)
{
    return trail_set(trail, ERR_IO, "%s: %s", doing, strerror(errno));
}

static err_t copy_payload(int from, int to, uint64_t at, uint64_t size, struct trail *trail)
{
    uint8_t piece[PIECE_BYTES];

    for (uint64_t left = size; left > 0;) {
        ssize_t got =
            pread(from, piece, left < sizeof(piece) ? (size_t)left : sizeof(piece), (off_t)at);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got == 0) {
            return trail_set(trail, ERR_MISMATCH, "the package ends before its program does");
        }
        if (got < 0 || file_put(to, span_of(piece, (size_t)got)) != ERR_OK) {
            return io_fault(trail, "the program cannot be written");
        }
        at += (uint64_t)got;
        left -= (uint64_t)got;
    }
    return ERR_OK;
}

/* For the file and the program in it. Asked before anything is fetched: to the service a package
 * that was fetched and never confirmed did not hold, which stops it for everybody. */
static err_t need_room(int fd, uint64_t size, struct trail *trail)
{
    int code = posix_fallocate(fd, 0, (off_t)(2 * size));

    if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
        return trail_set(trail, ERR_IO, "there is no room for the package: %s", strerror(code));
    }
    return ftruncate(fd, 0) == 0 ? ERR_OK : io_fault(trail, "the package cannot be kept");
}

/* The program first, its header last: a slot without a header runs never. */
static err_t unpack(struct upgrade *upgrade, struct arena *arena, enum slot slot, int incoming,
                    struct trail *trail, char version[VERSION_TEXT_SIZE])
{
    const struct vetting vetting = {
        .key_file = key_file(upgrade), .above = BOOTWARDEN_VERSION, .is_upgrade = true};
    char path[SLOTS_PATH_MAX];
    uint8_t head[PACKAGE_HEADER_MAX];
    ssize_t got = pread(incoming, head, sizeof(head), 0);
    struct package package;
    err_t err = got < 0 ? io_fault(trail, "the package cannot be read")
                        : vet_header(arena, span_of(head, (size_t)got), &vetting, trail, &package);
    int fd;

    if (err) {
        return err;
    }
    slots_path(&upgrade->slots, slot, "agent", path);
    unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
    if (fd < 0) {
        return io_fault(trail, "the program cannot be written");
    }
    err = copy_payload(incoming, fd, package.header_bytes, package.size, trail);
    if (err == ERR_OK && (fchmod(fd, 0700) != 0 || fsync(fd) != 0)) {
        err = io_fault(trail, "the program cannot be written");
    }
    err = err ? err : vet_program(fd, &package, trail);
    close(fd);
    err = err ? err
              : file_write(slots_path(&upgrade->slots, slot, "header", path),
                           span_of(head, package.header_bytes), 0600, trail);
    snprintf(version, VERSION_TEXT_SIZE, "%s", err ? "" : package.version_text);
    return err;
}

static err_t take_package(struct upgrade *upgrade, struct agent *agent,
                          const struct goal_package *package, enum slot slot, struct trail *trail,
                          char version[VERSION_TEXT_SIZE])
{
    char incoming[SLOTS_PATH_MAX], header[SLOTS_PATH_MAX];
    err_t err;
    int fd;

    slots_path(&upgrade->slots, slot, "incoming", incoming);
    unlink(slots_path(&upgrade->slots, slot, "header", header));
    unlink(incoming);
    fd = open(incoming, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return io_fault(trail, "the package cannot be kept");
    }
    err = need_room(fd, package->size, trail);
    err = err ? err : fetch(upgrade, agent, package, fd, trail);
    err = err ? err : unpack(upgrade, agent->arena, slot, fd, trail, version);
    if (err == ERR_OK && strcmp(version, package->version) != 0) {
        err = trail_set(trail, ERR_MISMATCH, "the package holds version %s, announced was %s",
                        version, package->version);
    }
    close(fd);
    unlink(incoming);
    return err;
}

static void log_fetched(const struct goal_package *package, err_t err, const char *words)
{
    struct log_line line;

    log_begin(&line, err ? LOG_WARN : LOG_INFO, err ? "upgrade.refused" : "upgrade.fetched");
    log_text(&line, "version", package->version);
    log_text(&line, "package", package->digest);
    if (err) {
        log_text(&line, "why", words);
    }
    log_end(&line);
}

/* A way that broke says nothing about the package: it is fetched again at the next contact. */
static bool is_of_the_way(err_t err)
{
    enum err_category category = err_category(err);

    return category == ERR_CAT_UNAVAILABLE || err == ERR_UNTRUSTED || err == ERR_USAGE;
}

/* Nor does a machine that is full, or out of memory. */
static bool is_of_the_machine(err_t err)
{
    return err_category(err) == ERR_CAT_INTERNAL;
}

void upgrade_follow(struct upgrade *upgrade, struct agent *agent, const struct goal *goal,
                    unsigned level, unsigned period_s)
{
    const struct goal_package *package = &goal->package;
    struct slot_bad bad = {.is_told = false};
    char version[VERSION_TEXT_SIZE] = "";
    struct slot_current current;
    struct slot_bads bads;
    struct trail trail = {0};
    enum slot slot;
    err_t err;

    if (package->version == NULL || upgrade->has_asked ||
        hindrance(upgrade, agent->arena) != NULL) {
        return;
    }
    slots_bads(&upgrade->slots, &bads);
    if (slots_is_bad(&bads, package->digest)) {
        return;
    }
    slots_current(&upgrade->slots, BOOTWARDEN_VERSION, &current);
    slot = current.slot == SLOT_A ? SLOT_B : SLOT_A;
    err = take_package(upgrade, agent, package, slot, &trail, version);
    trail_format(&trail, err, bad.why, sizeof(bad.why));
    log_fetched(package, err, bad.why);
    if (err == ERR_OK) {
        upgrade->has_asked = true;
        lifeline_say(upgrade->line->fd, "switch %s %u %s %s", slot_name(slot), level,
                     package->digest, version);
    } else if (is_of_the_machine(err)) {
        upgrade->not_before_ms = now_ms() + (uint64_t)period_s * 1000;
        memcpy(upgrade->trouble, bad.why, sizeof(upgrade->trouble));
    } else if (!is_of_the_way(err)) {
        struct trail ignored = {0};

        memcpy(bad.package, package->digest, sizeof(bad.package));
        snprintf(bad.version, sizeof(bad.version), "%s", package->version);
        (void)!slots_set_bad(&upgrade->slots, &bad, &ignored);
    }
}
