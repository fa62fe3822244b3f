/*
 * policy.h - decide on claims, and say by which rule.
 *
 * Claims go in with a type, a value and an issuer, as in the policy language of Azure
 * Attestation; a decision and the claims for the token come out. Policies are immutable and
 * shared between threads. Today there is one: the built-in default for AzureGuest, whose rules
 * stand in a table (default.c). An interpreter of policy texts answers through this interface too.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

enum claim_kind { CLAIM_BOOL, CLAIM_INT, CLAIM_STRING, CLAIM_JSON };

struct claim {
    const char *type;
    const char *issuer; /* "AttestationService" for what the verifier found */
    enum claim_kind kind;
    bool boolean;
    int64_t integer;
    const char *string;
    yyjson_mut_val *json; /* CLAIM_JSON: arrays and objects, kept as they are */
};

enum { CLAIMS_MAX = 256 };
struct claims {
    struct claim items[CLAIMS_MAX];
    size_t n;
};

/* Adding past CLAIMS_MAX is ERR_TOO_MANY. Strings are borrowed. */
err_t claims_add_bool(struct claims *claims, const char *type, bool value) MUST_CHECK;
err_t claims_add_int(struct claims *claims, const char *type, int64_t value) MUST_CHECK;
err_t claims_add_string(struct claims *claims, const char *type, const char *value) MUST_CHECK;
err_t claims_add_json(struct claims *claims, const char *type, yyjson_mut_val *value) MUST_CHECK;
/* The first claim of the type, or NULL. */
const struct claim *claims_find(const struct claims *claims, const char *type);
/* All claims as members of object, in the order they stand. */
void claims_to_json(yyjson_mut_doc *doc, const struct claims *claims, yyjson_mut_val *object);

struct policy;

struct policy_result {
    bool is_permitted;
    const char
        *rule; /* which rule decided: "deny if secureboot is not true"; static or in the arena */
    struct claims *issued; /* for the token; empty when denied */
};

/* The built-in default for AzureGuest (decisions section 3). Static, never freed. */
const struct policy *policy_default_azureguest(void);
/* The policy in the policy language. */
const char *policy_text(const struct policy *policy);
/* b64url(SHA-256(b64url(policy text))): the claim x-ms-policy-hash (attestation-api 6.4). */
err_t policy_hash(struct arena *arena, const struct policy *policy, const char **ret) MUST_CHECK;
/* Denied is a result, not an error. No claim that a rule needs = denied (rule S-3). */
err_t policy_evaluate(struct arena *arena, const struct policy *policy,
                      const struct claims *incoming, struct policy_result *ret) MUST_CHECK;

#endif
