/*
 * rollout.h - inside of the service room: packages of the agent on their way to machines, in waves
 * (docs/formats/agent-package.md, guest-api.md). Who gets one when is monitor/wave.h.
 */
#ifndef SERVICE_ROLLOUT_H
#define SERVICE_ROLLOUT_H

#include "service/internal.h"

#include "store/extensions.h"
#include "store/monitor.h"

/* What a goal state's request says of upgrades. */
struct rollout_said {
    bool takes;         /* it may be offered a package now */
    const char *runs;   /* the version that runs for good; NULL */
    const char *failed; /* digest of a package that did not hold; NULL */
    const char *words;  /* why */
};
err_t rollout_read(const struct service_call *call, yyjson_val *root, struct trail *trail,
                   struct rollout_said *ret) MUST_CHECK;
/* Take that down, and offer a package: member "package" of the answer. row: after the contact. */
err_t rollout_goal(struct service *service, const struct service_call *call,
                   const struct store_machine *machine, const struct store_monitor *row,
                   const struct store_extension *extension, const struct rollout_said *said,
                   yyjson_mut_doc *doc, yyjson_mut_val *root, struct trail *trail) MUST_CHECK;
/* The last upgrade of a machine, as member "upgrade"; null without one. */
err_t rollout_show(struct service *service, const struct service_call *call,
                   const struct store_machine *machine, yyjson_mut_doc *doc, yyjson_mut_val *root,
                   struct trail *trail) MUST_CHECK;
/* About once a second: offers that lapsed, machines that fell silent half way. */
void rollout_tick(struct service *service, int64_t now);

/* At the start: remove files of packages that no record names. */
void packages_sweep(struct service *service);
/* The file of a package, in the arena; NULL without memory. */
const char *rollout_path(const struct service *service, struct arena *arena, const char *file);

#endif
