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

/* What stands for {name} of "{name}:operation" or "{name}"; empty when nothing does. */
static struct span before_operation(struct span segment, struct span want)
{
    const uint8_t *end = memchr(want.data, '}', want.len);
    struct span operation = span_cut(want, (size_t)(end - want.data) + 1, want.len);

    if (segment.len < operation.len ||
        !text_spans_equal_nocase(span_cut(segment, segment.len - operation.len, operation.len),
                                 operation)) {
        return (struct span){0};
    }
    return span_cut(segment, 0, segment.len - operation.len);
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
            struct span name = before_operation(request->path.segments[i], want);

            if (name.len == 0) {
                return false;
            }
            request->parameters[request->n_parameters++] = name;
        } else if (!text_spans_equal_nocase(want, request->path.segments[i])) {
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
        if (strstr(route->pattern, "}:") != NULL) {
            break;
        }
    }
    request->route = NULL;
    request->n_parameters = 0;
    *ret_allowed = allowed;
    return allowed != 0 ? HTTP_MATCH_NO_METHOD : HTTP_MATCH_NO_PATH;
}
