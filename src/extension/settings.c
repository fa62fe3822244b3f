/* Who may send these bytes: who may deploy extensions to this machine, by way of Azure's guest
 * agent, which is root here. */
#include "extension/settings.h"

#include "agent/settings.h"
#include "base/codec.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/cms.h"
#include "crypto/hash.h"

#include <stdio.h>

enum { THUMBPRINT_CHARS = 40, PEM_MAX = 64 * 1024 };

/* ---- the file ---- */

static bool is_null(yyjson_val *value)
{
    return value == NULL || yyjson_is_null(value);
}

static err_t read_thumbprint(struct arena *arena, yyjson_val *settings, struct trail *trail,
                             const char **ret)
{
    struct span text = json_span(json_get(settings, "protectedSettingsCertThumbprint"));
    uint8_t digest[THUMBPRINT_CHARS / 2];

    /* It becomes a file's name. */
    if (text.len != THUMBPRINT_CHARS || hex_decode_into(text, digest, sizeof(digest)) != ERR_OK) {
        trail_set(trail, ERR_VALUE, "must be %d hexadecimal digits beside protectedSettings",
                  THUMBPRINT_CHARS);
        return trail_in(trail, ERR_VALUE, "protectedSettingsCertThumbprint");
    }
    *ret = (const char *)arena_dup(arena, text).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t read_envelope(struct arena *arena, yyjson_val *settings, struct trail *trail,
                           struct handler_settings_file *file)
{
    yyjson_val *value = json_get(settings, "protectedSettings");
    CLEANUP(buf_done) struct buf joined = {0};
    struct span text = json_span(value);
    err_t err;

    if (is_null(value) || (yyjson_is_str(value) && text.len == 0)) {
        return ERR_OK;
    }
    err = read_thumbprint(arena, settings, trail, &file->thumbprint);
    if (err) {
        return err;
    }
    /* Some encoders break lines. */
    buf_init(&joined, HANDLER_SETTINGS_MAX);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\n' && text.data[i] != '\r') {
            buf_u8(&joined, text.data[i]);
        }
    }
    err = text.data == NULL ? ERR_JSON_TYPE : buf_err(&joined);
    err = err ? err : base64_decode(arena, BASE64_STANDARD, buf_span(&joined), &file->envelope);
    if (err) {
        trail_set(trail, err, "must be base64 of CMS enveloped data");
        return trail_in(trail, err, "protectedSettings");
    }
    return ERR_OK;
}

static err_t read_settings(struct arena *arena, yyjson_val *settings, struct trail *trail,
                           struct handler_settings_file *file)
{
    err_t err =
        attestation_config_read(arena, json_get(settings, "publicSettings"), trail, &file->config);

    if (err) {
        return trail_in(trail, err, "publicSettings");
    }
    return read_envelope(arena, settings, trail, file);
}

err_t handler_settings_parse(struct arena *arena, struct span text, struct trail *trail,
                             struct handler_settings_file *ret)
{
    static const struct json_limits limits = {.max_depth = 16, .max_values = 4096};
    struct handler_settings_file file = {0};
    yyjson_val *root = NULL, *list = NULL, *settings = NULL;
    err_t err;

    while (text.len > 0 && text.data[text.len - 1] <= ' ') {
        text.len--;
    }
    if (text.len == 0) {
        *ret = file;
        return ERR_OK;
    }
    err = json_read(arena, text, &limits, trail, &root);
    err = err ? err : json_need_array(root, "runtimeSettings", trail, &list);
    if (err == ERR_OK && yyjson_arr_size(list) != 1) {
        trail_set(trail, ERR_VALUE, "must hold one element");
        err = trail_in(trail, ERR_VALUE, "runtimeSettings");
    }
    err = err ? err
              : json_need_object(yyjson_arr_get_first(list), "handlerSettings", trail, &settings);
    err = err ? err : read_settings(arena, settings, trail, &file);
    if (err == ERR_OK) {
        *ret = file;
    }
    return err;
}

/* ---- protected settings ---- */

static err_t read_secret(struct arena *arena, yyjson_val *object, const char *name, size_t max,
                         struct trail *trail, const char **ret)
{
    yyjson_val *value = json_get(object, name);
    const char *text = json_text(value);

    if (is_null(value) || (text != NULL && text[0] == '\0')) {
        return ERR_OK;
    }
    for (const char *c = text; c != NULL && *c != '\0'; c++) {
        text = *c <= ' ' || *c > '~' ? NULL : text;
    }
    if (text == NULL || strlen(text) > max) {
        trail_set(trail, ERR_VALUE, "must be a string of at most %zu printable characters", max);
        return trail_in(trail, ERR_VALUE, name);
    }
    *ret = (const char *)arena_dup(arena, span_str(text)).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

err_t handler_secrets_parse(struct arena *arena, struct span text, struct trail *trail,
                            struct handler_secrets *ret)
{
    static const char *const names[] = {"joinToken", "proxyUrl", NULL};
    static const struct json_limits limits = {.max_depth = 4, .max_values = 64};
    struct handler_secrets secrets = {0};
    yyjson_val *root = NULL;
    err_t err = json_read(arena, text, &limits, NULL, &root);

    /* Words of the parser could quote what it read. */
    if (err) {
        return trail_set(trail, ERR_VALUE, "is no JSON object when decrypted");
    }
    err = json_need_only(root, names, trail);
    err =
        err ? err
            : read_secret(arena, root, "joinToken", HANDLER_TOKEN_MAX, trail, &secrets.join_token);
    err = err ? err
              : read_secret(arena, root, "proxyUrl", HANDLER_PROXY_MAX, trail, &secrets.proxy_url);
    if (err == ERR_OK) {
        *ret = secrets;
    }
    return err;
}

/* The guest agent keeps certificate and key beside the folders of its handlers. */
static err_t read_pem(const struct handler *handler, const char *thumbprint, const char *suffix,
                      struct trail *trail, struct span *ret)
{
    const char *end = strrchr(handler->folder, '/');
    const char *path = arena_printf(handler->arena, "%.*s/%s.%s", (int)(end - handler->folder),
                                    handler->folder, thumbprint, suffix);
    struct trail inner = {0};
    err_t err = path == NULL ? ERR_MEMORY : file_read(handler->arena, path, PEM_MAX, &inner, ret);

    return err && path != NULL ? trail_set(trail, err, "%s %s", path, inner.what) : err;
}

static err_t open_envelope(const struct handler *handler, const struct handler_settings_file *file,
                           struct trail *trail, struct handler_secrets *ret)
{
    CLEANUP(buf_done) struct buf plain = {0};
    struct span cert = {0}, key = {0};
    err_t err = crypto_init();

    err = err ? err : read_pem(handler, file->thumbprint, "crt", trail, &cert);
    err = err ? err : read_pem(handler, file->thumbprint, "prv", trail, &key);
    buf_init_secret(&plain, HANDLER_PROTECTED_MAX);
    err = err ? err : cms_open(file->envelope, cert, key, trail, &plain);
    err = err ? err : handler_secrets_parse(handler->arena, buf_span(&plain), trail, ret);
    return err ? trail_in(trail, err, "protectedSettings") : ERR_OK;
}

/* ---- options ---- */

static err_t read_file(const struct handler *handler, int64_t sequence, struct trail *trail,
                       struct handler_settings_file *ret)
{
    const char *path = arena_printf(handler->arena, "%s/%lld.settings", handler->at.config_folder,
                                    (long long)sequence);
    struct span text = {0};
    err_t err = path == NULL ? ERR_MEMORY
                             : file_read(handler->arena, path, HANDLER_SETTINGS_MAX, trail, &text);

    if (err == ERR_NOT_FOUND) {
        *trail = (struct trail){0};
        *ret = (struct handler_settings_file){0};
        return ERR_OK; /* no settings were deployed */
    }
    if (err) {
        trail->where[0] = '\0'; /* its path says no more than its name */
        return err;
    }
    return handler_settings_parse(handler->arena, text, trail, ret);
}

/* What is said of this machine in its own agent.conf; what the settings say wins. */
static err_t read_conf(const struct handler *handler, struct agent_options *options,
                       struct trail *trail)
{
    const char *ca = handler_system_path(handler, "/etc/bootwarden/ca.pem");
    const char *conf = handler_system_path(handler, AGENT_CONFIG);

    if (ca == NULL || conf == NULL) {
        return ERR_MEMORY;
    }
    options->config_file = conf;
    if (file_exists(conf)) {
        err_t err = settings_read(handler->arena, options, trail);

        if (err) {
            return err;
        }
    }
    if (options->ca_file == NULL && options->server != NULL && file_exists(ca)) {
        options->ca_file = ca;
    }
    return ERR_OK;
}

static err_t apply(const struct handler *handler, const struct attestation_config *config,
                   const struct handler_secrets *secrets, struct agent_options *options,
                   struct trail *trail)
{
    err_t err;

    options->server = config->report_url;
    options->attest_server = config->attest_url;
    options->ca_file = NULL;
    options->period_ms = config->frequency_minutes * 60000;
    options->join_token = secrets->join_token;
    options->proxy = secrets->proxy_url; /* NULL: as agent.conf or the environment says */
    options->state = handler_path(handler, "state");
    options->retry_total_ms = HANDLER_RETRY_TOTAL_MS;
    err = read_conf(handler, options, trail);
    if (err || options->state == NULL) {
        return err ? err : ERR_MEMORY;
    }
    if (options->server == NULL) {
        options->server = options->attest_server;
        options->attest_server = NULL;
        options->is_azure = true; /* nobody to report to, or to ask for a challenge */
    }
    return ERR_OK;
}

err_t handler_configure(const struct handler *handler, int64_t sequence,
                        struct agent_options *options, struct trail *trail)
{
    struct handler_settings_file file = {0};
    struct handler_secrets secrets = {0};
    char name[48];
    err_t err = read_file(handler, sequence, trail, &file);

    err = err || file.envelope.len == 0 ? err : open_envelope(handler, &file, trail, &secrets);
    if (err) {
        snprintf(name, sizeof(name), "config/%lld.settings", (long long)sequence);
        return trail_in(trail, err, name);
    }
    return apply(handler, &file.config, &secrets, options, trail);
}

void handler_settings_words(const struct trail *trail, err_t err, char *text, size_t size)
{
    bool has_where = trail->where[0] != '\0'; /* agent.conf is named by the words */

    snprintf(text, size,
             "Settings not usable: %s%s%s. Correct the settings of the extension, or " AGENT_CONFIG
             ", and deploy it again.",
             trail->where, has_where ? ". " : "",
             trail->what[0] != '\0' ? trail->what : err_text(err));
}
