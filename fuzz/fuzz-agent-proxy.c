/*
 * Who can send these bytes: whoever sets the settings of the agent. Three lines: the proxy, the
 * hosts that need none, the address.
 */
#include "base/arena.h"
#include "httpclient/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *nothing(const char *name)
{
    (void)name;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1024 * 1024);
    char *rest = arena_printf(arena, "%.*s", (int)size, (const char *)data);
    char *lines[3] = {0};
    struct http_proxy proxy = {0};
    struct http_address to;

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        lines[i] = strsep(&rest, "\n");
    }
    if (lines[2] != NULL && http_address_read(lines[2], NULL, &to) == ERR_OK) {
        const struct http_proxy_settings settings = {.proxy = lines[0], .no_proxy = lines[1]};

        if (http_proxy_choose(&settings, nothing, to.host, NULL, &proxy) == ERR_OK &&
            proxy.kind != HTTP_PROXY_NONE &&
            (proxy.at.host[0] == '\0' || proxy.at.port == 0 ||
             (direct_kind(to.host) != DIRECT_NOT && strchr(lines[1], '-') == NULL))) {
            __builtin_trap();
        }
    }
    http_proxy_done(&proxy);
    arena_free(arena);
    return 0;
}
