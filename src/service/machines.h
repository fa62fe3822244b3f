/*
 * machines.h - machines for their owners: how they are and why, who may join, what is wanted of
 * their agents (docs/formats/machines.md). Who may ask was asked before.
 */
#ifndef SERVICE_MACHINES_H
#define SERVICE_MACHINES_H

#include "service/off.h"
#include "service/service.h"

/* Whose machines, and which; as they came in the path. */
struct machine_path {
    struct span subscription;
    struct span machine; /* name or id; data NULL: all */
    const char *who;     /* is asking, for the audit */
};

typedef void machine_call(struct service *service, const struct service_call *call,
                          const struct machine_path *path, struct span body,
                          struct service_answer *ret);

/* `body` of the first is the query's `after`: the name behind which the list begins. */
machine_call service_machine_list;
machine_call service_machine_get;
machine_call service_machine_approve; /* its changed boot is good */
machine_call service_machine_relearn; /* the next good boot is the measure */
machine_call service_machine_attest;  /* it shall prove itself now */
machine_call service_machine_disable;
machine_call service_machine_enable;
machine_call service_machine_remove;
machine_call service_extension_get;
machine_call service_extension_put;

/* What is wanted of the agent of a machine, which may be yet to join: the settings of its
 * extension, and whether it is monitored at all. who: asks. off: why not, if not. */
struct store_extension;
err_t service_want(struct service *service, struct arena *arena, int64_t now,
                   const char *machine_id, struct store_extension *extension, const char *who,
                   enum off_reason off, struct trail *trail) MUST_CHECK;
/* That it is not monitored was so before: `off` is why it is now. */
err_t service_want_nothing(struct service *service, struct arena *arena, int64_t now,
                           const char *machine_id, enum off_reason off,
                           struct trail *trail) MUST_CHECK;

/* Packages of the agent; `machine` of the path is a version. `body` of the last three is a
 * platform, or empty for all. */
machine_call service_package_list;
machine_call service_package_publish;
machine_call service_package_stop;
machine_call service_package_resume;
machine_call service_package_withdraw;

machine_call service_join_list;
machine_call service_join_announce;
machine_call service_join_admit;
machine_call service_join_reject;
machine_call service_join_withdraw;

#endif
