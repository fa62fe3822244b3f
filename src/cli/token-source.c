/*
 * token-source.c - tokens from files, key sets from files and endpoints. Who may send these bytes:
 * whoever wrote the file; the service at the endpoint, after TLS said that it is that one.
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/token.h"
#include "httpclient/client.h"

#include <string.h>

enum {
    METADATA_MAX_BYTES = 256 * 1024,
    FETCH_TIMEOUT_MS = 20 * 1000,
    CONNECT_TIMEOUT_MS = 10 * 1000,
    SHOWN_MAX = 300,
};

static const char metadata_path[] = "/.well-known/openid-configuration";

/* ---- tokens ---- */

/* Not a name somebody mistyped: the header of a token is an object, and '{"' is "eyJ" in base64.
 * Cut ones too: they are no valid tokens, and no missing files. */
static bool looks_compact(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const char *dot = strchr(text, '.');
    bool has_parts = text[0] == 'e' && dot != NULL && strchr(dot + 1, '.') != NULL;

    return (has_parts || strncmp(text, "eyJ", 3) == 0) && strspn(text, allowed) == strlen(text);
}

/* An answer of the service, or what bootwarden-agent prints as JSON. */
static int read_member(const char *command, struct arena *arena, const char *name, struct span json,
                       struct span *ret)
{
    struct trail trail = {0};
    yyjson_val *root = NULL;
    struct span token = {0};
    err_t err = json_read(arena, json, NULL, &trail, &root);

    err = err ? err : json_need_string(root, "token", &trail, &token);
    if (err) {
        return cli_fail(command, name, err, &trail);
    }
    /* azure-guest-protocol, section 6. */
    if (token.len > 0 && memchr(token.data, '.', token.len) == NULL) {
        trail_set(
            &trail, ERR_UNSUPPORTED,
            "token is no compact token: an answer to an AzureGuest request is sealed, and only "
            "the machine opens it (bootwarden-agent attest --output token)");
        return cli_fail(command, name, ERR_UNSUPPORTED, &trail);
    }
    *ret = token_trim(token);
    return EXIT_YES;
}

int token_source_read(const char *command, struct arena *arena, const char *argument,
                      struct span *ret)
{
    const char *name = strcmp(argument, "-") == 0 ? "standard input" : argument;
    struct trail trail = {0};
    struct span text = {0};
    err_t err;

    if (strcmp(argument, "-") != 0 && looks_compact(argument) && !file_exists(argument)) {
        *ret = span_str(argument);
        return EXIT_YES;
    }
    err = file_read(arena, argument, TOKEN_FILE_MAX_BYTES, &trail, &text);
    if (err) {
        return cli_fail(command, name, err, &trail);
    }
    text = token_trim(text);
    if (text.len == 0) {
        trail_set(&trail, ERR_MALFORMED, "is empty; expected a token");
        return cli_fail(command, name, ERR_MALFORMED, &trail);
    }
    if (text.data[0] == '{') {
        return read_member(command, arena, name, text, ret);
    }
    *ret = text;
    return EXIT_YES;
}

/* ---- key sets ---- */

int token_keys_load(const char *command, struct arena *arena, const char *path,
                    struct token_source_keys *ret)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    struct trail trail = {0};
    struct span json = {0};
    err_t err = file_read(arena, path, TOKEN_SET_MAX_BYTES, &trail, &json);

    err = err ? err : jwks_read(arena, json, &trail, &ret->keys, &ret->left_out);
    return err ? cli_fail(command, name, err, &trail) : EXIT_YES;
}

static const char *shown(struct arena *arena, const char *text)
{
    return text_escape_dup(arena, span_str(text), SHOWN_MAX);
}

/* Not to be reached, or not what it should be: nothing is said about the token. */
static int fetch_failed(const char *command, err_t err, const struct trail *trail, bool has_ca)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    const char *remedy = "";

    trail_format(trail, err, words, sizeof(words));
    if (err == ERR_UNTRUSTED) {
        remedy = has_ca ? "; is --ca or BOOTWARDEN_CA the CA of this endpoint?"
                        : "; name its CA with --ca FILE or BOOTWARDEN_CA";
    } else if (err == ERR_NETWORK || err == ERR_TIMEOUT) {
        remedy = "; check name, port, firewalls and https_proxy";
    }
    cli_complain(command, "%s%s", words, remedy);
    if (err == ERR_USAGE) {
        return EXIT_USAGE;
    }
    return err_category(err) == ERR_CAT_INTERNAL ? EXIT_INTERNAL : EXIT_SERVICE;
}

static err_t get(struct http_client *client, struct arena *arena, const char *path,
                 struct trail *trail, struct span *ret)
{
    struct http_reply reply = {0};
    err_t err = http_client_call(client, "GET", path, NULL, (struct span){0}, arena, trail, &reply);

    if (err) {
        return err;
    }
    if (reply.status != 200) {
        trail_set(trail, ERR_REFUSED, "answered %u to GET %s%s", reply.status, path,
                  reply.status / 100 == 3 ? "; redirects are not followed" : "");
        return trail_in(trail, ERR_REFUSED, http_client_address(client));
    }
    *ret = reply.body;
    return ERR_OK;
}

/* The metadata must be the endpoint's own (OpenID Connect Discovery 1.0, 4.3). */
static err_t read_metadata(struct arena *arena, struct span json, const char *endpoint,
                           struct trail *trail, const char **ret_jwks_uri)
{
    static const struct json_limits limits = {.max_depth = 8, .max_values = 4096};
    yyjson_val *root = NULL;
    struct span issuer = {0};
    struct span uri = {0};
    const char *text;
    err_t err = json_read(arena, json, &limits, trail, &root);

    err = err ? err : json_need_string(root, "issuer", trail, &issuer);
    err = err ? err : json_need_string(root, "jwks_uri", trail, &uri);
    if (err) {
        return trail_in(trail, err, "OpenID metadata");
    }
    if (!span_is(issuer, endpoint)) {
        return trail_set(trail, ERR_MISMATCH, "the endpoint calls itself '%s', not '%s'",
                         text_escape_dup(arena, issuer, SHOWN_MAX / 3),
                         text_escape_dup(arena, span_str(endpoint), SHOWN_MAX / 3));
    }
    text = json_text(json_get(root, "jwks_uri"));
    if (text == NULL) {
        return trail_set(trail, ERR_VALUE, "jwks_uri has a NUL byte");
    }
    *ret_jwks_uri = text;
    return ERR_OK;
}

/* Keys from another host would be another's keys. The client for the second call is made for the
 * address of the first, whatever the URI is: only its path comes from outside. */
static err_t get_keys(const struct http_client_options *options, struct arena *arena,
                      const char *address, const char *uri, struct trail *trail, struct span *ret)
{
    CLEANUP(http_client_free) struct http_client *there = NULL;
    CLEANUP(http_client_free) struct http_client *client = NULL;
    struct http_client_options at = *options;
    static const char scheme[] = "https://";
    const char *path = NULL;
    err_t err;

    if (strncasecmp(uri, scheme, strlen(scheme)) != 0) {
        trail_set(trail, ERR_MISMATCH, "'%s' does not begin with %s",
                  text_escape_dup(arena, span_str(uri), SHOWN_MAX / 3), scheme);
        return trail_in(trail, ERR_MISMATCH, "jwks_uri");
    }
    at.base_url = uri;
    err = http_client_new(&at, trail, &there);
    if (err) {
        return trail_in(trail, err == ERR_USAGE ? ERR_VALUE : err, "jwks_uri");
    }
    if (strcmp(http_client_address(there), address) != 0) {
        trail_set(trail, ERR_MISMATCH, "'%s' is not of the endpoint's own origin (https://%s)",
                  text_escape_dup(arena, span_str(uri), SHOWN_MAX / 3), address);
        return trail_in(trail, ERR_MISMATCH, "jwks_uri");
    }
    path = strchr(uri + strlen(scheme), '/');
    at.base_url = arena_printf(arena, "https://%s", address);
    at.body_max_bytes = TOKEN_SET_MAX_BYTES;
    if (at.base_url == NULL) {
        return ERR_MEMORY;
    }
    err = http_client_new(&at, trail, &client);
    return err ? err : get(client, arena, path == NULL ? "/" : path, trail, ret);
}

int token_keys_fetch(const char *command, struct arena *arena, const char *endpoint, const char *ca,
                     struct token_source_keys *ret)
{
    CLEANUP(http_client_free) struct http_client *client = NULL;
    const struct http_client_options options = {.base_url = endpoint,
                                                .ca_file = ca,
                                                .timeout_ms = FETCH_TIMEOUT_MS,
                                                .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                .body_max_bytes = METADATA_MAX_BYTES};
    struct trail trail = {0};
    struct span json = {0};
    const char *uri = "";
    err_t err = http_client_new(&options, &trail, &client);

    err = err ? err : get(client, arena, metadata_path, &trail, &json);
    err = err ? err : read_metadata(arena, json, endpoint, &trail, &uri);
    err = err ? err : get_keys(&options, arena, http_client_address(client), uri, &trail, &json);
    if (err == ERR_OK) {
        err = jwks_read(arena, json, &trail, &ret->keys, &ret->left_out);
        err = err ? trail_in(&trail, err, shown(arena, uri)) : ERR_OK;
    }
    return err ? fetch_failed(command, err, &trail, ca != NULL) : EXIT_YES;
}
