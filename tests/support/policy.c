#include "support/policy.h"

#include "support/support.h"

const struct policy *test_default_policy(void)
{
    static struct policy *policy;

    if (policy == NULL) {
        assert_ok(policy_default_azureguest(&policy));
    }
    return policy;
}
