/*
 * policy.h - the default policy, compiled once for a test program.
 */
#ifndef TESTS_SUPPORT_POLICY_H
#define TESTS_SUPPORT_POLICY_H

#include "policy/policy.h"

/* Of AzureGuest; lives as long as the program. Fails the test when it does not compile. */
const struct policy *test_default_policy(void);

#endif
