/*
 * scope.h - where something may be done, and what: resource paths and actions.
 *
 *     /                                                     everything of this server
 *     /subscriptions/S
 *     /subscriptions/S/resourceGroups/G
 *     /subscriptions/S[/resourceGroups/G]/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME...]
 *     /providers/Microsoft.Attestation/attestationProviders/NAME    a shared provider
 *
 * Scopes are compared segment by segment ignoring ASCII case, never as strings: /subscriptions/S1
 * is no parent of /subscriptions/S12. Pure functions over borrowed bytes.
 */
#ifndef ACCESS_SCOPE_H
#define ACCESS_SCOPE_H

#include "base/err.h"
#include "base/span.h"

enum {
    ACCESS_SCOPE_MAX_BYTES = 1024,
    ACCESS_SCOPE_MAX_SEGMENTS = 16,
    ACCESS_ACTION_MAX_BYTES = 256,
};

/* Of one of the forms above: decoded, no empty segment, no "." or "..", no last slash. ERR_VALUE
 * or ERR_TOO_LARGE with what is wrong. */
err_t access_scope_check(struct span scope, struct trail *trail) MUST_CHECK;
/* Is inner the same as outer, or below it? False when either is no scope. */
bool access_scope_covers(struct span outer, struct span inner);
/* Below /providers: owned by the service, in no subscription. */
bool access_scope_is_shared(struct span scope);

/* "Microsoft.Attestation/attestationProviders/read": letters, digits and ./-_ alone; with
 * may_have_wildcards also "*". */
bool access_action_is(struct span action, bool may_have_wildcards);
/* As Azure matches: ASCII case is ignored, "*" stands for any characters, "/" too. */
bool access_action_matches(struct span pattern, struct span action);

#endif
