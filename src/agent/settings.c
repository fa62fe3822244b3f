/* Who may write the file read here: root. */
#include "agent/settings.h"

#include "agent/show.h"
#include "base/file.h"
#include "httpclient/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEYS_MAX = 32, SHOWN_MAX = 40 };

struct reading {
    struct arena *arena;
    struct agent_options *options;
    const char *fault; /* of the first bad line; NULL = none */
    unsigned line;     /* at hand, from 1 */
    /* Keys so far, and where. */
    struct {
        const char *key;
        unsigned line;
    } seen[KEYS_MAX];
    size_t n_seen;
};

#define OF(member) offsetof(struct agent_options, member)
/* Where a text goes; what is there already stays. */
static const struct {
    const char *key;
    size_t offset, line_offset; /* of the line that said it; 0 = nobody asks */
} texts[] = {
    {"server", OF(server), OF(lines.server)},
    {"attest-server", OF(attest_server), OF(lines.attest_server)},
    {"proxy", OF(proxy), OF(lines.proxy)},
    {"no-proxy", OF(no_proxy), 0},
    {"ca", OF(ca_file), OF(lines.ca)},
    {"name", OF(name), 0},
    {"join-token", OF(join_token), OF(lines.join_token)},
    {"join-token-file", OF(join_token_file), 0},
    {"tcti", OF(tcti), OF(lines.tcti)},
    {"event-log", OF(event_log), 0},
    {"ima-log", OF(ima_log), 0},
    {"state", OF(state), 0},
    {"upgrade-key", OF(upgrade_key), 0},
};
static const struct {
    const char *key;
    size_t offset;
    unsigned min_ms;
} periods[] = {
    {"period", OF(period_ms), AGENT_MIN_PERIOD_MS},
    {"contact", OF(contact_ms), AGENT_MIN_PERIOD_MS},
    {"upgrade-after", OF(upgrade_after_ms), AGENT_MIN_PERIOD_MS},
    {"upgrade-deadline", OF(upgrade_deadline_ms), AGENT_MIN_PERIOD_MS},
    {"silence-limit", OF(silence_ms), AGENT_MIN_SILENCE_MS},
};
#undef OF

static void *at(struct reading *r, size_t offset)
{
    return (char *)r->options + offset;
}

static bool set_text(struct reading *r, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char **to = at(r, texts[i].offset);

        if (strcmp(key, texts[i].key) != 0) {
            continue;
        }
        if (*to == NULL) {
            *to = value;
            if (texts[i].line_offset != 0) {
                *(unsigned *)at(r, texts[i].line_offset) = r->line;
            }
        }
        return true;
    }
    return false;
}

static bool set_period(struct reading *r, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(periods); i++) {
        unsigned *to = at(r, periods[i].offset);
        struct trail trail = {0};
        unsigned ms = 0;

        if (strcmp(key, periods[i].key) != 0) {
            continue;
        }
        if (agent_period_parse(value, key, &trail, &ms) != ERR_OK) {
            r->fault = arena_printf(r->arena, "%s", trail.what);
        } else if (ms < periods[i].min_ms) {
            r->fault = arena_printf(r->arena, "%s takes %u seconds or more, not '%.40s'", key,
                                    periods[i].min_ms / 1000, value);
        }
        *to = *to == 0 ? ms : *to;
        return true;
    }
    return false;
}

static bool set_retry(struct reading *r, const char *key, const char *value)
{
    struct agent_options *o = r->options;
    bool is_count = strcmp(key, "retries") == 0;
    struct trail trail = {0};
    unsigned number = 0;
    err_t err;

    if (!is_count && strcmp(key, "retry-wait") != 0) {
        return false;
    }
    err = is_count ? agent_retries_parse(value, key, &trail, &number)
                   : agent_retry_wait_parse(value, key, &trail, &number);
    if (err) {
        r->fault = arena_printf(r->arena, "%s", trail.what);
    } else if (is_count && !o->has_retries) {
        o->retries = number;
    } else if (!is_count && !o->has_retry_wait) {
        o->retry_wait_ms = number;
    }
    return true;
}

static bool set_switch(struct reading *r, const char *key, const char *value)
{
    bool is_yes = strcmp(value, "yes") == 0;

    if (strcmp(key, "azure") != 0) {
        return false;
    }
    if (!is_yes && strcmp(value, "no") != 0) {
        r->fault = "azure takes yes or no";
    }
    r->options->is_azure |= is_yes;
    return true;
}

/* A line that is not read must not look as if it was. */
static bool is_second(struct reading *r, const char *key)
{
    for (size_t i = 0; i < r->n_seen; i++) {
        if (strcmp(r->seen[i].key, key) == 0) {
            r->fault = arena_printf(r->arena, "%.40s is set twice, in line %u, too: remove one",
                                    key, r->seen[i].line);
            return true;
        }
    }
    if (r->n_seen < KEYS_MAX) {
        r->seen[r->n_seen].key = key;
        r->seen[r->n_seen++].line = r->line;
    }
    return false;
}

static void on_entry(struct reading *r, const char *key, const char *value)
{
    if (value[0] == '\0') {
        r->fault = arena_printf(r->arena, "%.40s has no value", key);
    } else if (is_second(r, key)) {
        return;
    } else if (!set_text(r, key, value) && !set_period(r, key, value) &&
               !set_retry(r, key, value) && !set_switch(r, key, value)) {
        r->fault =
            arena_printf(r->arena, "there is no setting '%.40s'; see bootwarden-agent(8)", key);
    }
}

/* ---- lines ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim(struct span text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text = span_cut(text, 1, text.len);
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* A remark behind a value begins with a blank and a semicolon. */
static struct span without_remark(struct span value)
{
    for (size_t i = 1; i < value.len; i++) {
        if (value.data[i] == ';' && is_blank(value.data[i - 1])) {
            return trim(span_cut(value, 0, i));
        }
    }
    return value;
}

static void read_line(struct reading *r, struct span line)
{
    size_t at = 0;
    const char *key, *value;

    line = trim(line);
    if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
        return;
    }
    if (line.data[0] == '[') {
        r->fault = arena_printf(r->arena, "there are no sections, but %.*s",
                                (int)(line.len < SHOWN_MAX ? line.len : SHOWN_MAX),
                                (const char *)line.data);
        return;
    }
    while (at < line.len && line.data[at] != '=' && line.data[at] != ':') {
        at++;
    }
    if (at == line.len || at == 0 || memchr(line.data, '\0', line.len) != NULL) {
        r->fault = "is not of the form key = value";
        return;
    }
    key = (const char *)arena_dup(r->arena, trim(span_cut(line, 0, at))).data;
    value =
        (const char *)arena_dup(r->arena, without_remark(trim(span_cut(line, at + 1, line.len))))
            .data;
    if (key == NULL || value == NULL) {
        r->fault = "is too much: out of memory";
        return;
    }
    on_entry(r, key, value);
}

/* To the first fault. */
static void read_lines(struct reading *r, struct span text)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, by some editors */

    text = span_cut(text, span_starts(text, mark) ? sizeof(mark) - 1 : 0, text.len);
    while (text.len > 0 && r->fault == NULL) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);

        r->line++;
        read_line(r, span_cut(text, 0, len));
        text = span_cut(text, len + 1, text.len);
    }
}

/* ---- the file ---- */

static const char *path_of(const struct agent_options *options)
{
    return options->config_file != NULL ? options->config_file : AGENT_CONFIG;
}

/* NULL when the file is not there or empty. */
static err_t read_token_file(struct arena *arena, const char *path, struct trail *trail,
                             const char **ret)
{
    struct span text = {0};
    err_t err = file_read(arena, path, SETTINGS_TOKEN_MAX, trail, &text);

    while (err == ERR_OK && text.len > 0 && text.data[text.len - 1] <= ' ') {
        text.len--;
    }
    *ret = NULL;
    if (err || text.len == 0) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    *ret = (const char *)arena_dup(arena, text).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

/* Tokens are good once, so many delete the file when it has joined; of an empty one settings_warn
 * tells. */
static err_t read_token(struct arena *arena, struct agent_options *options, struct trail *trail)
{
    struct trail inner = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err;

    if (options->join_token != NULL || options->join_token_file == NULL ||
        options->command == COMMAND_STATUS) {
        return ERR_OK;
    }
    options->has_token_of_file = true;
    err = read_token_file(arena, options->join_token_file, &inner, &options->join_token);
    if (err == ERR_OK || err == ERR_MEMORY) {
        return err;
    }
    trail_format(&inner, err, words, sizeof(words));
    return trail_set(trail, ERR_USAGE, "join token: %s", words);
}

const char *settings_join_token(struct arena *arena, const struct agent_options *options)
{
    const char *token = NULL;

    return options->has_token_of_file &&
                   read_token_file(arena, options->join_token_file, NULL, &token) == ERR_OK
               ? token
               : options->join_token;
}

const char *settings_no_token(struct arena *arena, const struct agent_options *options)
{
    const char *path = options->join_token_file;

    if (path == NULL || settings_join_token(arena, options) != NULL) {
        return NULL;
    }
    return arena_printf(arena, "%s: %s", path,
                        file_exists(path) ? "holds no join token" : "no such file");
}

err_t settings_read(struct arena *arena, struct agent_options *options, struct trail *trail)
{
    const char *path = path_of(options);
    struct reading r = {.arena = arena, .options = options};
    struct trail inner = {0};
    struct span text = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = file_read(arena, path, SETTINGS_FILE_MAX, &inner, &text);

    if (err == ERR_NOT_FOUND && options->config_file == NULL) {
        return read_token(arena, options, trail);
    }
    if (err == ERR_DENIED && options->config_file == NULL && options->command == COMMAND_STATUS) {
        return ERR_OK; /* a password may stand there; the status is for everybody */
    }
    if (err) {
        trail_format(&inner, err, words, sizeof(words));
        return trail_set(trail, ERR_USAGE, "settings: %s", words);
    }
    read_lines(&r, text);
    if (r.fault != NULL) {
        return trail_set(trail, ERR_USAGE, "%s:%u: %s", path, r.line, r.fault);
    }
    return read_token(arena, options, trail);
}

/* ---- before `run` begins ---- */

/* Words of a value that will not do, with who said it in front. */
static err_t blame(const struct agent_options *options, unsigned line, const char *option,
                   err_t err, struct trail *trail)
{
    char words[TRAIL_WHAT_MAX];

    if (err == ERR_OK || err_category(err) == ERR_CAT_INTERNAL) {
        return err;
    }
    snprintf(words, sizeof(words), "%s", trail->what);
    *trail = (struct trail){0};
    return line == 0 ? trail_set(trail, ERR_USAGE, "%s: %s", option, words)
                     : trail_set(trail, ERR_USAGE, "%s:%u: %s", path_of(options), line, words);
}

static err_t check_address(const struct agent_options *options, const char *url, unsigned line,
                           const char *option, struct trail *trail)
{
    struct http_address address;

    return blame(options, line, option, http_address_read(url, trail, &address), trail);
}

/* Which is used is decided by the host, and so is whether its form matters. */
static err_t check_proxy(const struct agent_options *options, struct trail *trail)
{
    const struct http_proxy_settings settings = {options->proxy, options->no_proxy};
    CLEANUP(http_proxy_done) struct http_proxy proxy = {0};
    struct http_address address;
    err_t err = http_address_read(options->server, trail, &address);

    err = err ? err : http_proxy_choose(&settings, getenv, address.host, trail, &proxy);
    return blame(options, options->lines.proxy, "--proxy (or https_proxy)", err, trail);
}

err_t settings_check(const struct agent_options *options, struct trail *trail)
{
    const struct setting_lines *lines = &options->lines;
    err_t err = check_address(options, options->server, lines->server,
                              "--server (or BOOTWARDEN_ENDPOINT)", trail);

    if (err == ERR_OK && options->attest_server != NULL) {
        err = check_address(options, options->attest_server, lines->attest_server,
                            "--attest-server", trail);
    }
    err = err ? err : check_proxy(options, trail);
    if (err == ERR_OK && options->ca_file != NULL) {
        err = blame(options, lines->ca, "--ca (or BOOTWARDEN_CA)",
                    http_ca_file_check(options->ca_file, trail), trail);
    }
    if (err == ERR_OK && options->tcti != NULL) {
        err = blame(options, lines->tcti, "--tcti",
                    tpmdev_tcti_check(options->tcti, options->is_verbose, trail), trail);
    }
    return err;
}

static bool is_open_to_all(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0;
}

static void warn_if_open(const char *path, const char *what)
{
    if (is_open_to_all(path)) {
        show_warning("%s holds %s and can be read by everybody on this machine: "
                     "chown root:bootwarden-agent %s && chmod 640 %s",
                     path, what, path, path);
    }
}

void settings_warn(const struct agent_options *options)
{
    const char *file = options->join_token_file;

    if (options->lines.join_token != 0) {
        warn_if_open(path_of(options), "a join token");
    }
    if (options->lines.proxy != 0 && strchr(options->proxy, '@') != NULL) {
        warn_if_open(path_of(options), "the password of a proxy");
    }
    if (file != NULL) {
        warn_if_open(file, "a join token");
        if (file_is_regular(file) && options->join_token == NULL) {
            show_warning("%s is empty, and no token is sent: write the token into it, or delete "
                         "it when this machine has joined",
                         file);
        }
    }
}
