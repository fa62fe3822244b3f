#include "server/vm-principals.h"

#include "kinds/vm-identity.h"

#include <stdio.h>

static void take(const struct vm_identity *identity, struct principal *ret)
{
    *ret = (struct principal){.kind = PRINCIPAL_MANAGED};
    snprintf(ret->client_id, sizeof(ret->client_id), "%s", identity->client_id);
    snprintf(ret->object_id, sizeof(ret->object_id), "%s", identity->principal_id);
    snprintf(ret->name, sizeof(ret->name), "%s", identity->name);
    snprintf(ret->home, sizeof(ret->home), "%s", identity->home);
}

static bool find(void *context, struct arena *arena, struct span object_id, struct principal *ret)
{
    struct vm_identity identity;

    if (vm_identity_find(context, arena, object_id, &identity) != ERR_OK) {
        return false;
    }
    take(&identity, ret);
    return true;
}

static bool find_address(void *context, struct arena *arena, struct span id,
                         char ret_digest[PRINCIPAL_DIGEST_SIZE])
{
    return vm_address_find(context, arena, id, ret_digest) == ERR_OK;
}

static bool list_held(void *context, struct arena *arena, struct span id, struct idp_held **ret,
                      size_t *ret_n)
{
    struct vm_held *held = NULL;
    struct idp_held *list;
    size_t n = 0;

    if (vm_address_held(context, arena, id, &held, &n) != ERR_OK) {
        return false;
    }
    list = arena_calloc(arena, n + 1, sizeof(*list));
    for (size_t i = 0; list != NULL && i < n; i++) {
        take(&held[i].identity, &list[i].principal);
        list[i].resource = held[i].resource;
    }
    *ret = list;
    *ret_n = n;
    return list != NULL;
}

struct idp_elsewhere vm_principals(struct store *store)
{
    return (struct idp_elsewhere){
        .find = find, .address = find_address, .held = list_held, .context = store};
}
