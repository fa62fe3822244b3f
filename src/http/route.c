#include "http/route.h"

#include "base/text.h"

/* The segment of a pattern that begins at *at; *at moves behind it. */
static struct span next_segment(const char **at)
{
    const char *begin = *at + 1; /* behind the slash */
    size_t len = strcspn(begin, "/");

    *at = begin + len;
    return span_of(begin, len);
}

static bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        uint8_t x = a.data[i], y = b.data[i];

        x = x >= 'A' && x <= 'Z' ? (uint8_t)(x | 0x20) : x;
        y = y >= 'A' && y <= 'Z' ? (uint8_t)(y | 0x20) : y;
        if (x != y) {
            return false;
        }
    }
    return true;
}

static bool matches(const char *pattern, struct http_request *request)
{
    const char *at = pattern;
    size_t i = 0;

    request->n_parameters = 0;
    if (strcmp(pattern, "/") == 0) {
        return request->path.n == 0;
    }
    for (; *at == '/'; i++) {
        struct span want = next_segment(&at);

        if (span_is(want, "*")) {
            return i < request->path.n;
        }
        if (i == request->path.n) {
            return false;
        }
        if (want.len > 0 && want.data[0] == '{') {
            if (request->path.segments[i].len == 0) {
                return false;
            }
            request->parameters[request->n_parameters++] = request->path.segments[i];
        } else if (!span_equal_nocase(want, request->path.segments[i])) {
            return false;
        }
    }
    return i == request->path.n;
}

enum http_match http_routes_match(const struct http_routes *routes, unsigned roles,
                                  enum http_method method, struct http_request *request,
                                  unsigned *ret_allowed)
{
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    unsigned allowed = 0;

    for (size_t i = 0; i < routes->n; i++) {
        const struct http_route *route = &routes->items[i];

        if ((route->roles != 0 && (route->roles & roles) == 0) ||
            !matches(route->pattern, request)) {
            continue;
        }
        if ((route->methods & wanted) != 0) {
            request->route = route;
            request->method = wanted;
            return HTTP_MATCH_FOUND;
        }
        allowed |= route->methods | ((route->methods & HTTP_GET) != 0 ? HTTP_HEAD : 0);
    }
    request->route = NULL;
    request->n_parameters = 0;
    *ret_allowed = allowed;
    return allowed != 0 ? HTTP_MATCH_NO_METHOD : HTTP_MATCH_NO_PATH;
}
