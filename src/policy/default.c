/*
 * default.c - the policy of a provider that was given none (decisions section 3).
 *
 * Azure's own default is not public; this one denies what its public descriptions name. The text
 * is what x-ms-policy-hash is the hash of, so it does not change without need.
 */
#include "policy/policy.h"

static const char *const required[] = {
    "secureboot",
    "x-ms-azurevm-default-securebootkeysvalidated",
    "x-ms-azurevm-dbvalidated",
    "x-ms-azurevm-dbxvalidated",
    "x-ms-azurevm-debuggersdisabled",
    "x-ms-azurevm-signingdisabled",
};

static const char azureguest_text[] =
    "version=1.0;\n"
    "authorizationrules\n"
    "{\n"
    "    [type==\"secureboot\", value==false] => deny();\n"
    "    [type==\"x-ms-azurevm-default-securebootkeysvalidated\", value==false] => deny();\n"
    "    [type==\"x-ms-azurevm-dbvalidated\", value==false] => deny();\n"
    "    [type==\"x-ms-azurevm-dbxvalidated\", value==false] => deny();\n"
    "    [type==\"x-ms-azurevm-debuggersdisabled\", value==false] => deny();\n"
    "    [type==\"x-ms-azurevm-signingdisabled\", value==false] => deny();\n"
    "    => permit();\n"
    "};\n"
    "issuancerules\n"
    "{\n"
    "};\n";

struct span policy_default_azureguest_text(void)
{
    return span_of(azureguest_text, sizeof(azureguest_text) - 1);
}

err_t policy_default_azureguest(struct policy **ret)
{
    struct policy_fault fault;
    err_t err = policy_compile(policy_default_azureguest_text(), &fault, ret);

    return err == ERR_VALUE ? ERR_INTERNAL : err;
}

err_t policy_complete_azureguest(struct claims *claims)
{
    size_t n = claims->n;

    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        bool is_there = false;
        err_t err;

        for (size_t j = 0; j < n && !is_there; j++) {
            is_there = claims->items[j].kind == CLAIM_BOOL &&
                       claims->items[j].issuer == CLAIM_SERVICE &&
                       span_is(claims->items[j].type, required[i]);
        }
        err = is_there ? ERR_OK : claims_add_bool(claims, required[i], false);
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}
