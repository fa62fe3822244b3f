/*
 * fqdn.h - host names in rules of a firewall: what such a rule may be, and which hosts it matches.
 *
 * A rule is a name, or a name with one "*" as its first character. "*.example.net" matches
 * everything below example.net and not example.net itself; "*example.net" matches whatever ends so,
 * "badexample.net" too; "*" matches every host. Case and one dot at the end do not count.
 */
#ifndef NETWORK_FQDN_H
#define NETWORK_FQDN_H

#include "base/err.h"
#include "base/span.h"

enum { FQDN_MAX = 253, FQDN_LABEL_MAX = 63 };

/* ERR_VALUE with what to write instead. */
err_t fqdn_rule_check(struct span rule, struct trail *trail) MUST_CHECK;
/* False as well when the rule is none, or the host no name: nothing that could be read in two ways
 * matches. */
bool fqdn_matches(struct span rule, struct span host);
/* A rule that matches more than its writer may think: "*example.net" and "*". */
bool fqdn_rule_is_risky(struct span rule);

#endif
