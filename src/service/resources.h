/*
 * resources.h - attestation providers as resources of a resource manager: Microsoft.Attestation.
 *
 * Each call is one operation of attestation-api section 8, and answers in that shape. Who may ask
 * was asked before.
 */
#ifndef SERVICE_RESOURCES_H
#define SERVICE_RESOURCES_H

#include "service/service.h"

/* Pieces of a resource's path, as they came; compared ignoring case. */
struct provider_path {
    struct span subscription;
    struct span group; /* data NULL: of the whole subscription */
    struct span name;  /* data NULL: of all */
};

void service_resource_get(struct service *service, const struct service_call *call,
                          const struct provider_path *path, struct service_answer *ret);
void service_resource_list(struct service *service, const struct service_call *call,
                           const struct provider_path *path, struct service_answer *ret);
/* The shared ones, of every region and of one. */
void service_resource_defaults(struct service *service, const struct service_call *call,
                               struct service_answer *ret);
void service_resource_default(struct service *service, const struct service_call *call,
                              struct span location, struct service_answer *ret);
void service_resource_put(struct service *service, const struct service_call *call,
                          const struct provider_path *path, struct span body,
                          struct service_answer *ret);
void service_resource_patch(struct service *service, const struct service_call *call,
                            const struct provider_path *path, struct span body,
                            struct service_answer *ret);
void service_resource_delete(struct service *service, const struct service_call *call,
                             const struct provider_path *path, struct service_answer *ret);
/* A new signing key, from now on published, signing soon. */
void service_resource_rotate(struct service *service, const struct service_call *call,
                             const struct provider_path *path, struct service_answer *ret);

#endif
