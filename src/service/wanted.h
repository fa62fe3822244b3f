/*
 * wanted.h - inside of the service room: what an owner wants of a machine, the settings of its
 * extension, read.
 */
#ifndef SERVICE_WANTED_H
#define SERVICE_WANTED_H

#include "service/internal.h"

#include "provider/attestation-config.h"
#include "store/extensions.h"

struct wanted {
    struct store_extension extension;
    struct attestation_config config;
    /* The longest between two proofs: as its owner set, else as the server is. In seconds. A
     * machine may prove itself more often, never more rarely. */
    int64_t longest_s;
    /* Name of the provider that is to judge it, from the address in maaEndpoint; "" when it is none
     * of this server's; NULL when no address is set. */
    const char *provider;
};

/* Texts live in the call's arena. ERR_STORE also for settings that cannot be read. */
err_t wanted_of(struct service *service, const struct service_call *call, const char *machine_id,
                struct trail *trail, struct wanted *ret) MUST_CHECK;

#endif
