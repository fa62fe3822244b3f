/*
 * default.c - the policy of a provider that was given none (decisions section 3).
 *
 * Azure's own default is not public; this one denies what its public descriptions name. Rules
 * stand in a table so that each denial can say which one it was; `policy_text` is the same in
 * the policy language, and what x-ms-policy-hash is the hash of. A test holds the two together.
 */
#include "base/codec.h"
#include "crypto/hash.h"
#include "policy/policy.h"

#include <string.h>

struct rule {
    const char *claim;
    bool required; /* the value without which evidence is denied */
    const char *text;
};

struct policy {
    const char *text;
    const struct rule *rules;
    size_t n_rules;
};

static const struct rule azureguest_rules[] = {
    {"secureboot", true, "secureboot must be true"},
    {"x-ms-azurevm-default-securebootkeysvalidated", true,
     "x-ms-azurevm-default-securebootkeysvalidated must be true"},
    {"x-ms-azurevm-dbvalidated", true, "x-ms-azurevm-dbvalidated must be true"},
    {"x-ms-azurevm-dbxvalidated", true, "x-ms-azurevm-dbxvalidated must be true"},
    {"x-ms-azurevm-debuggersdisabled", true, "x-ms-azurevm-debuggersdisabled must be true"},
    {"x-ms-azurevm-signingdisabled", true, "x-ms-azurevm-signingdisabled must be true"},
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

static const struct policy azureguest = {azureguest_text, azureguest_rules,
                                         sizeof(azureguest_rules) / sizeof(azureguest_rules[0])};

const struct policy *policy_default_azureguest(void)
{
    return &azureguest;
}

const char *policy_text(const struct policy *policy)
{
    return policy->text;
}

err_t policy_hash(struct arena *arena, const struct policy *policy, const char **ret)
{
    uint8_t digest[SHA256_BYTES];
    const char *encoded = base64_dup(arena, BASE64_URL, span_str(policy->text));
    err_t err = encoded == NULL ? ERR_MEMORY : hash_once(HASH_SHA256, span_str(encoded), digest);

    if (err) {
        return err;
    }
    *ret = base64_dup(arena, BASE64_URL, span_of(digest, sizeof(digest)));
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

err_t policy_evaluate(struct arena *arena, const struct policy *policy,
                      const struct claims *incoming, struct policy_result *ret)
{
    struct policy_result result = {.is_permitted = true, .rule = "permit"};

    result.issued = arena_calloc(arena, 1, sizeof(*result.issued));
    if (result.issued == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct rule *rule = &policy->rules[i];
        const struct claim *claim = claims_find(incoming, rule->claim);

        /* An absent claim is neither true nor false: it denies (S-3). */
        if (claim == NULL || claim->kind != CLAIM_BOOL || claim->boolean != rule->required) {
            result.is_permitted = false;
            result.rule = rule->text;
            *ret = result;
            return ERR_OK;
        }
    }
    *result.issued = *incoming;
    *ret = result;
    return ERR_OK;
}
