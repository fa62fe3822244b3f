/*
 * machines-internal.h - inside of the service room: what the files about owners' machines share.
 */
#ifndef SERVICE_MACHINES_INTERNAL_H
#define SERVICE_MACHINES_INTERNAL_H

#include "service/internal.h"
#include "service/machines.h"

/* The subscription as the store has it: "" for the server's own, which is compared ignoring case.
 * ERR_NOT_FOUND for what is no subscription. */
err_t machines_subscription(const struct service *service, struct span path, struct trail *trail,
                            char ret[STORE_ID_SIZE]) MUST_CHECK;
/* The machine of the path, by name or id. ERR_NOT_FOUND with words, also for another's. */
err_t machines_find(struct service *service, const struct service_call *call,
                    const struct machine_path *path, struct trail *trail,
                    struct store_machine *ret) MUST_CHECK;
/* Answer what went wrong: 404, 409, 400. */
void machines_fail(const struct service_call *call, err_t err, const struct trail *trail,
                   struct service_answer *ret);
/* A time in RFC 3339; null for 0. */
void machines_add_time(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const char *name, int64_t time);
/* Stored JSON as a member; what cannot be read is null. */
void machines_add_json(const struct service_call *call, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const char *name, struct span text);

#endif
