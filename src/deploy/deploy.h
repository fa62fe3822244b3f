/*
 * deploy.h - deployments: templates that become resources (arm-templates sections 5 to 7).
 *
 * A deployment is checked while its client waits and runs behind the answer: resources in the order
 * of their dependencies, independent ones at the same time, each in the caller's name. What was
 * begun is in the store before it happens. A server that stops in the middle says so in the
 * deployment when it starts again; nothing is done twice behind anybody's back.
 */
#ifndef DEPLOY_DEPLOY_H
#define DEPLOY_DEPLOY_H

#include "control/kind.h"
#include "control/row.h"

extern const struct kind kind_deployment;
/* Ends with a row without handler. */
extern const struct control_row deploy_rows[];

/* Those that say that they run and do not, such as after a stop, are failed. */
err_t deploy_resume(struct control *control, int64_t now, struct trail *trail) MUST_CHECK;
/* The same after control_open and about once a minute. What does not go is logged, and goes later:
 * nobody's deployments keep a server from starting. */
void deploy_tick(struct control *control, int64_t now);

#endif
