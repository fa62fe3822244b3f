#include "server/authorities.h"

#include "api/api.h"

#include <string.h>

enum { LOCAL_NAMES = 3 };

bool server_is_local(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static bool add(struct arena *arena, const char **list, size_t *n, const char *host, unsigned port)
{
    const char *text =
        arena_printf(arena, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);

    list[(*n)++] = text;
    return text != NULL;
}

err_t server_authorities(struct arena *arena, const struct server_options *options,
                         const char *const **ret)
{
    static const char *const local[LOCAL_NAMES] = {"localhost", "127.0.0.1", "::1"};
    const char **list = arena_calloc(
        arena, options->n_listen * (LOCAL_NAMES + options->n_names) + 1, sizeof(*list));
    size_t n = 0;
    bool is_good = list != NULL;

    for (size_t i = 0; is_good && i < options->n_listen; i++) {
        const struct http_listen *listen = &options->listen[i];
        bool is_local = server_is_local(listen->host);

        if (listen->roles != 0 && (listen->roles & API_ROLE_MANAGE) == 0) {
            continue;
        }
        if (!is_local) {
            is_good = add(arena, list, &n, listen->host, listen->port);
        }
        for (size_t j = 0; is_good && is_local && options->endpoint == NULL && j < LOCAL_NAMES;
             j++) {
            is_good = add(arena, list, &n, local[j], listen->port);
        }
        for (size_t j = 0; is_good && j < options->n_names; j++) {
            is_good = add(arena, list, &n, options->names[j], listen->port);
        }
    }
    *ret = list;
    return is_good ? ERR_OK : ERR_MEMORY;
}
