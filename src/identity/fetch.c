#include "identity/fetch.h"

#include "httpclient/client.h"
#include "identity/discovery.h"

err_t fetch_https(void *context, const struct issuer_config *config, const char *url,
                  size_t max_bytes, struct arena *arena, struct trail *trail, struct span *ret)
{
    CLEANUP(http_client_free) struct http_client *client = NULL;
    const char *base = NULL, *path = NULL;
    struct http_client_options options = {
        .ca_file = config->ca_file,
        .timeout_ms = ISSUERS_TIMEOUT_MS,
        .body_max_bytes = max_bytes,
    };
    struct http_reply reply = {0};
    err_t err = discovery_split(arena, url, trail, &base, &path);

    (void)context;
    options.base_url = base;
    err = err ? err : http_client_new(&options, trail, &client);
    err = err ? err
              : http_client_call(client, "GET", path, NULL, (struct span){0}, arena, trail, &reply);
    if (err) {
        return err;
    }
    if (reply.status != 200) {
        return trail_set(trail, ERR_REFUSED, "%s answered %u%s", url, reply.status,
                         reply.status >= 300 && reply.status < 400
                             ? ": redirects are not followed, configure the address itself"
                             : "");
    }
    *ret = reply.body;
    return ERR_OK;
}
