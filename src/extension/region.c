/* Who may send these bytes: the host of this machine, or whoever answers in its place. */
#include "extension/region.h"

#include "base/text.h"
#include "httpclient/metadata.h"
#include "provider/region.h"
#include "json/json.h"

#include <stdio.h>

#define METADATA_PATH "/metadata/instance/compute?api-version=2021-02-01"
#define REMEDY                                                                                     \
    "On Azure, let the guest reach that address without a proxy; elsewhere, set maaEndpoint in "   \
    "the extension's settings, or server in /etc/bootwarden/agent.conf."

enum { REGION_WORD_MAX = 64 };

err_t region_endpoint_parse(struct arena *arena, struct span body, struct trail *trail,
                            const char **ret_url)
{
    yyjson_val *root = NULL;
    struct span location = {0}, cloud = {0};
    const struct region *region;
    bool is_known_cloud;
    const char *url;
    err_t err = json_read(arena, body, NULL, trail, &root);

    err = err ? err : json_need_string(root, "location", trail, &location);
    err = err ? err : json_need_string(root, "azEnvironment", trail, &cloud);
    if (err) {
        return err;
    }
    region = region_find(location);
    is_known_cloud =
        region != NULL &&
        span_is(cloud, region->is_government ? "AzureUSGovernmentCloud" : "AzurePublicCloud");
    if (!is_known_cloud) {
        return trail_set(trail, ERR_NOT_FOUND,
                         "no shared provider is known for the region '%s' of '%s'",
                         text_escape_dup(arena, location, REGION_WORD_MAX),
                         text_escape_dup(arena, cloud, REGION_WORD_MAX));
    }
    url =
        arena_printf(arena, "https://%s.%s.attest.azure.%s", region_shared_provider(arena, region),
                     region->short_name, region->is_government ? "us" : "net");
    if (url == NULL) {
        return ERR_MEMORY;
    }
    *ret_url = url;
    return ERR_OK;
}

err_t region_endpoint_find(struct arena *arena, struct fault *fault, const char **ret_url)
{
    const char *address = metadata_address();
    struct trail trail = {0};
    struct span body = {0};
    const char *url;
    err_t err;

    url = arena_printf(arena, "%s" METADATA_PATH, address);
    err = url == NULL ? ERR_MEMORY : metadata_get(url, arena, &trail, &body);
    if (err == ERR_OK) {
        err = region_endpoint_parse(arena, body, &trail, ret_url);
        if (err) {
            return fault_set(fault, EXIT_USAGE, err,
                             "No attestation endpoint: %s. %s%s%s. Set maaEndpoint in the "
                             "extension's settings.",
                             address, trail.where, trail.where[0] != '\0' ? " " : "",
                             trail.what[0] != '\0' ? trail.what : err_text(err));
        }
        return ERR_OK;
    }
    if (err_category(err) != ERR_CAT_UNAVAILABLE) {
        return fault_from(fault, EXIT_INTERNAL, err, &trail);
    }
    fault_set(fault, EXIT_SERVICE, ERR_NETWORK,
              "Instance metadata service unreachable, and no attestation endpoint is set: %s. "
              "%s. " REMEDY,
              trail.where, trail.what);
    fault->is_temporary = true;
    return ERR_NETWORK;
}
