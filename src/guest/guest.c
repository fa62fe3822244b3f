#include "guest/guest.h"

#include "base/file.h"
#include "base/text.h"
#include "guest/kernel-text.h"

#include <sys/utsname.h>

enum { OS_RELEASE_MAX = 16 * 1024, OS_NAME_MAX = 128, BOOT_ID_MAX = 64, VERSION_DIGITS_MAX = 9 };

/* The value of KEY=value or KEY="value" in os-release(5), without its quotes; empty when absent. */
static struct span os_release_value(struct span text, const char *key)
{
    size_t key_len = strlen(key);

    while (text.len > 0) {
        struct span line = kernel_text_until(&text, '\n');

        if (!span_starts(line, key) || line.len <= key_len || line.data[key_len] != '=') {
            continue;
        }
        line = span_cut(line, key_len + 1, line.len);
        if (line.len >= 2 && (line.data[0] == '"' || line.data[0] == '\'') &&
            line.data[line.len - 1] == line.data[0]) {
            line = span_cut(line, 1, line.len - 2);
        }
        return line;
    }
    return (struct span){0};
}

/* Digits from *at on; false when there are none, or more than a version has. */
static bool take_number(struct span text, size_t *at, unsigned *ret)
{
    size_t start = *at;
    unsigned value = 0;

    while (*at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9') {
        value = value * 10 + (unsigned)(text.data[(*at)++] - '0');
        if (*at - start > VERSION_DIGITS_MAX) {
            return false;
        }
    }
    if (*at == start) {
        return false;
    }
    *ret = value;
    return true;
}

static const char *name_of(struct arena *arena, struct span value)
{
    return value.len == 0 ? NULL : text_escape_dup(arena, value, OS_NAME_MAX);
}

void guest_os_parse(struct arena *arena, struct span os_release, struct guest_os *ret)
{
    struct span name = os_release_value(os_release, "NAME");
    struct span version = os_release_value(os_release, "VERSION_ID");
    struct guest_os os = {.distro = "Linux", .version_major = 1, .version_minor = 0};
    size_t at = 0;

    os.pretty_name = name_of(arena, os_release_value(os_release, "PRETTY_NAME"));
    os.version = name_of(arena, version);
    if (name.len > 0) {
        os.distro = text_escape_dup(arena, name, OS_NAME_MAX);
    }
    /* A major version of 0 is what Azure's client refuses to send. */
    if (take_number(version, &at, &os.version_major) && at < version.len &&
        version.data[at] == '.') {
        at++;
        if (!take_number(version, &at, &os.version_minor)) {
            os.version_minor = 0;
        }
    }
    os.version_major = os.version_major == 0 ? 1 : os.version_major;
    *ret = os;
}

void guest_os_read(struct arena *arena, struct guest_os *ret)
{
    struct span text = {0};

    if (file_read(arena, "/etc/os-release", OS_RELEASE_MAX, NULL, &text) != ERR_OK &&
        file_read(arena, "/usr/lib/os-release", OS_RELEASE_MAX, NULL, &text) != ERR_OK) {
        text = (struct span){0};
    }
    guest_os_parse(arena, text, ret);
}

err_t guest_facts_read(struct arena *arena, struct guest_facts *ret)
{
    struct guest_facts facts = {.agent_version = BOOTWARDEN_VERSION, .boot_id = ""};
    struct utsname names;
    struct span text = {0};

    if (uname(&names) != 0) {
        return ERR_INTERNAL;
    }
    facts.kernel_release = text_escape_dup(arena, span_str(names.release), OS_NAME_MAX);
    if (file_read(arena, "/proc/sys/kernel/random/boot_id", BOOT_ID_MAX, NULL, &text) == ERR_OK) {
        facts.boot_id = text_escape_dup(arena, kernel_text_trim(text), BOOT_ID_MAX);
    }
    *ret = facts;
    return ERR_OK;
}

err_t guest_event_log(struct arena *arena, const char *path, struct trail *trail, struct span *ret)
{
    struct trail inner = {0};
    struct span bytes = {0};
    err_t err = file_read(arena, path != NULL ? path : GUEST_EVENT_LOG, GUEST_EVENT_LOG_MAX, &inner,
                          &bytes);

    if (err == ERR_NOT_FOUND && path == NULL) {
        *ret = (struct span){0};
        return ERR_OK;
    }
    if (err == ERR_DENIED && path == NULL) {
        return trail_set(trail, err,
                         "no permission to read the event log %s; for the user of the service: "
                         "systemd-tmpfiles --create bootwarden-agent.conf, else run as root",
                         GUEST_EVENT_LOG);
    }
    if (err) {
        char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];

        trail_format(&inner, err, words, sizeof(words));
        return trail_set(trail, path != NULL ? ERR_USAGE : err, "event log: %s; %s", words,
                         path != NULL ? "check --event-log" : "name a copy with --event-log");
    }
    *ret = bytes;
    return ERR_OK;
}

err_t guest_ima_log(struct arena *arena, const char *path, struct trail *trail, struct span *ret,
                    bool *ret_is_too_large)
{
    struct trail inner = {0};
    struct span bytes = {0};
    err_t err =
        file_read(arena, path != NULL ? path : GUEST_IMA_LOG, GUEST_IMA_LOG_MAX, &inner, &bytes);

    *ret_is_too_large = err == ERR_TOO_LARGE;
    if (err == ERR_TOO_LARGE || (path == NULL && (err == ERR_NOT_FOUND || err == ERR_DENIED))) {
        *ret = (struct span){0};
        return ERR_OK;
    }
    if (err) {
        char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];

        trail_format(&inner, err, words, sizeof(words));
        return trail_set(trail, path != NULL ? ERR_USAGE : err, "IMA log: %s; %s", words,
                         path != NULL ? "check --ima-log" : "leave it out: --ima-log /dev/null");
    }
    *ret = bytes;
    return ERR_OK;
}
