/*
 * discovery.c - documents of issuers. Who may send these bytes: whoever answers at the address that
 * an operator configured.
 */
#include "identity/discovery.h"

#include "base/text.h"
#include "json/json.h"

const char *discovery_url(struct arena *arena, const char *issuer)
{
    size_t len = strlen(issuer);

    while (len > 0 && issuer[len - 1] == '/') {
        len--;
    }
    return arena_printf(arena, "%.*s/.well-known/openid-configuration", (int)len, issuer);
}

static bool is_url(struct span url)
{
    static const char scheme[] = "https://";
    size_t host = strlen(scheme);

    if (url.len > DISCOVERY_URL_MAX || !span_starts(url, scheme) || url.len == host ||
        url.data[host] == '/') {
        return false;
    }
    for (size_t i = 0; i < url.len; i++) {
        uint8_t c = url.data[i];

        if (c <= ' ' || c > '~' || strchr("\"#<>\\^`{|}@", c) != NULL) {
            return false;
        }
    }
    return true;
}

err_t discovery_read(struct arena *arena, struct span json, const char *issuer, struct trail *trail,
                     const char **ret_jwks_uri)
{
    static const struct json_limits limits = {.max_depth = 8, .max_values = 4096};
    struct span said = {0}, uri = {0};
    yyjson_val *root = NULL;
    const char *text;
    err_t err;

    if (json.len > DISCOVERY_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", DISCOVERY_MAX_BYTES);
    }
    err = json_read(arena, json, &limits, trail, &root);
    err = err ? err : json_need_string(root, "issuer", trail, &said);
    err = err ? err : json_need_string(root, "jwks_uri", trail, &uri);
    if (err) {
        return err;
    }
    if (!span_is(said, issuer)) {
        char shown[128];

        text_escape(said, shown, sizeof(shown));
        return trail_set(trail, ERR_MISMATCH, "the document is of the issuer '%s', not of '%s'",
                         shown, issuer);
    }
    if (!is_url(uri)) {
        return trail_set(trail, ERR_VALUE, "its jwks_uri is no plain https address");
    }
    text = (const char *)arena_dup(arena, uri).data;
    if (text == NULL) {
        return ERR_MEMORY;
    }
    *ret_jwks_uri = text;
    return ERR_OK;
}

err_t discovery_split(struct arena *arena, const char *url, struct trail *trail,
                      const char **ret_base, const char **ret_path)
{
    const char *host, *path, *base;

    if (!is_url(span_str(url))) {
        return trail_set(trail, ERR_VALUE, "'%.100s' is no plain https address", url);
    }
    host = url + strlen("https://");
    path = host + strcspn(host, "/?");
    base = arena_printf(arena, "%.*s", (int)(path - url), url);
    path = arena_printf(arena, "%s%s", path[0] == '/' ? "" : "/", path);
    if (base == NULL || path == NULL) {
        return ERR_MEMORY;
    }
    *ret_base = base;
    *ret_path = path;
    return ERR_OK;
}
