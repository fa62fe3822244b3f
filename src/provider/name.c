#include "provider/name.h"

#include "base/text.h"

#include <string.h>

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

err_t provider_name_check(struct span name, struct trail *trail)
{
    if (name.len < PROVIDER_NAME_MIN || name.len > PROVIDER_NAME_MAX) {
        return trail_set(trail, ERR_VALUE,
                         "a provider's name has %d to %d characters, this one %zu",
                         PROVIDER_NAME_MIN, PROVIDER_NAME_MAX, name.len);
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_letter_or_digit(name.data[i])) {
            return trail_set(trail, ERR_VALUE,
                             "a provider's name has letters and digits alone: character %zu is "
                             "neither",
                             i + 1);
        }
    }
    return ERR_OK;
}

bool provider_name_is_shared(struct span name)
{
    return text_span_equal_nocase(span_cut(name, 0, 6), "shared");
}

/* ":8443" of "https://host:8443", "" without a port. */
static const char *port_of(const char *endpoint)
{
    const char *host = strstr(endpoint, "://");
    const char *bracket = strchr(endpoint, ']');
    const char *port;

    host = host == NULL ? endpoint : host + 3;
    port = strchr(bracket != NULL ? bracket : host, ':');
    return port == NULL ? "" : port;
}

const char *provider_uri(struct arena *arena, const struct provider_address *address,
                         const char *name, const struct region *region)
{
    if (address->suffix != NULL) {
        return arena_printf(arena, "https://%s.%s.%s%s", name, region->short_name, address->suffix,
                            port_of(address->endpoint));
    }
    if (text_equal_nocase(name, address->home)) {
        return arena_printf(arena, "%s", address->endpoint);
    }
    return arena_printf(arena, "%s/providers/%s", address->endpoint, name);
}

static struct span without_port(struct span host)
{
    const uint8_t *colon = host.len == 0 ? NULL : memrchr(host.data, ':', host.len);
    const uint8_t *bracket = host.len == 0 ? NULL : memrchr(host.data, ']', host.len);

    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        host = span_cut(host, 0, (size_t)(colon - host.data));
    }
    if (host.len > 1 && host.data[host.len - 1] == '.') { /* the root of names */
        host = span_cut(host, 0, host.len - 1);
    }
    return host;
}

enum provider_host provider_host_read(const struct provider_address *address, struct span host,
                                      struct span *ret_name, struct span *ret_short)
{
    size_t suffix = address->suffix == NULL ? 0 : strlen(address->suffix);
    const uint8_t *dot;
    struct span rest;

    host = without_port(host);
    if (suffix == 0 || host.len <= suffix + 1 || host.data[host.len - suffix - 1] != '.' ||
        !text_span_equal_nocase(span_cut(host, host.len - suffix, suffix), address->suffix)) {
        return PROVIDER_HOST_HOME;
    }
    rest = span_cut(host, 0, host.len - suffix - 1);
    dot = memchr(rest.data, '.', rest.len);
    if (dot == NULL || dot == rest.data || dot + 1 == rest.data + rest.len) {
        return PROVIDER_HOST_UNKNOWN;
    }
    *ret_name = span_cut(rest, 0, (size_t)(dot - rest.data));
    *ret_short = span_cut(rest, ret_name->len + 1, rest.len);
    return memchr(ret_short->data, '.', ret_short->len) == NULL ? PROVIDER_HOST_NAMED
                                                                : PROVIDER_HOST_UNKNOWN;
}
