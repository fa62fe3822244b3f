#include "server/vm-principals.h"

#include "kinds/vm-identity.h"

#include <stdio.h>

static bool find(void *context, struct arena *arena, struct span object_id, struct principal *ret)
{
    struct vm_identity identity;

    if (vm_identity_find(context, arena, object_id, &identity) != ERR_OK) {
        return false;
    }
    *ret = (struct principal){.kind = PRINCIPAL_MANAGED};
    snprintf(ret->client_id, sizeof(ret->client_id), "%s", identity.client_id);
    snprintf(ret->object_id, sizeof(ret->object_id), "%s", identity.principal_id);
    snprintf(ret->name, sizeof(ret->name), "%s", identity.name);
    snprintf(ret->capability, sizeof(ret->capability), "%s", identity.secret_digest);
    return true;
}

struct idp_elsewhere vm_principals(struct store *store)
{
    return (struct idp_elsewhere){.find = find, .context = store};
}
