/* Who may write the file read here: root. */
#include "agent/settings.h"

#include "base/file.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

struct reading {
    struct arena *arena;
    struct agent_options *options;
    const char *fault; /* of the first bad line; NULL = none */
};

/* Where a text goes; what is there already stays. */
static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    {"server", offsetof(struct agent_options, server)},
    {"attest-server", offsetof(struct agent_options, attest_server)},
    {"proxy", offsetof(struct agent_options, proxy)},
    {"no-proxy", offsetof(struct agent_options, no_proxy)},
    {"ca", offsetof(struct agent_options, ca_file)},
    {"name", offsetof(struct agent_options, name)},
    {"join-token", offsetof(struct agent_options, join_token)},
    {"join-token-file", offsetof(struct agent_options, join_token_file)},
    {"tcti", offsetof(struct agent_options, tcti)},
    {"event-log", offsetof(struct agent_options, event_log)},
    {"ima-log", offsetof(struct agent_options, ima_log)},
    {"state", offsetof(struct agent_options, state)},
    {"upgrade-key", offsetof(struct agent_options, upgrade_key)},
};
static const struct {
    const char *key;
    size_t offset;
} periods[] = {
    {"period", offsetof(struct agent_options, period_ms)},
    {"contact", offsetof(struct agent_options, contact_ms)},
    {"upgrade-after", offsetof(struct agent_options, upgrade_after_ms)},
    {"upgrade-deadline", offsetof(struct agent_options, upgrade_deadline_ms)},
    {"silence-limit", offsetof(struct agent_options, silence_ms)},
};

static bool set_text(struct reading *r, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char **to = (const char **)(void *)((char *)r->options + texts[i].offset);

        if (strcmp(key, texts[i].key) != 0) {
            continue;
        }
        if (*to == NULL) {
            *to = (const char *)arena_dup(r->arena, span_str(value)).data;
        }
        return true;
    }
    return false;
}

static bool set_period(struct reading *r, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(periods); i++) {
        unsigned *to = (unsigned *)(void *)((char *)r->options + periods[i].offset);
        struct trail trail = {0};
        unsigned ms = 0;

        if (strcmp(key, periods[i].key) != 0) {
            continue;
        }
        if (agent_period_parse(value, key, &trail, &ms) != ERR_OK) {
            r->fault = arena_printf(r->arena, "%s", trail.what);
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

static int on_entry(void *context, const char *section, const char *key, const char *value)
{
    struct reading *r = context;

    if (r->fault != NULL) {
        return 1; /* the first fault is the one reported */
    }
    if (section[0] != '\0') {
        r->fault = arena_printf(r->arena, "there are no sections, but [%.40s]", section);
    } else if (value[0] == '\0') {
        r->fault = arena_printf(r->arena, "%.40s has no value", key);
    } else if (!set_text(r, key, value) && !set_period(r, key, value) &&
               !set_retry(r, key, value) && !set_switch(r, key, value)) {
        r->fault =
            arena_printf(r->arena, "there is no setting '%.40s'; see bootwarden-agent(8)", key);
    }
    return r->fault == NULL;
}

static err_t read_token(struct arena *arena, struct agent_options *options, struct trail *trail)
{
    struct trail inner = {0};
    struct span text = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err;

    if (options->join_token != NULL || options->join_token_file == NULL) {
        return ERR_OK;
    }
    err = file_read(arena, options->join_token_file, SETTINGS_TOKEN_MAX, &inner, &text);
    while (err == ERR_OK && text.len > 0 && text.data[text.len - 1] <= ' ') {
        text.len--;
    }
    if (err == ERR_NOT_FOUND) {
        return ERR_OK; /* tokens are good once: many delete the file when it has joined */
    }
    if (err) {
        trail_format(&inner, err, words, sizeof(words));
        return trail_set(trail, ERR_USAGE, "join token: %s", words);
    }
    options->join_token = (const char *)arena_dup(arena, text).data;
    return options->join_token == NULL ? ERR_MEMORY : ERR_OK;
}

err_t settings_read(struct arena *arena, struct agent_options *options, struct trail *trail)
{
    const char *path = options->config_file != NULL ? options->config_file : AGENT_CONFIG;
    struct reading r = {.arena = arena, .options = options};
    struct trail inner = {0};
    struct span text = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    err_t err = file_read(arena, path, SETTINGS_FILE_MAX, &inner, &text);
    int line = 0;

    if (err == ERR_NOT_FOUND && options->config_file == NULL) {
        return read_token(arena, options, trail);
    }
    if (err) {
        trail_format(&inner, err, words, sizeof(words));
        return trail_set(trail, ERR_USAGE, "settings: %s", words);
    }
    line = ini_parse_string((const char *)text.data, on_entry, &r);
    if (line != 0) {
        return trail_set(trail, ERR_USAGE, "%s:%d: %s", path, line < 0 ? 0 : line,
                         r.fault != NULL ? r.fault : "is not of the form key = value");
    }
    return read_token(arena, options, trail);
}
