/*
 * policy.h - decide on claims by a policy in the language of Azure Attestation, versions 1.0 to
 * 1.2 (bootwarden-policy(7)).
 *
 * A policy is compiled once. Compiled, it is immutable and may be used by any number of threads at
 * the same time; the last policy_unref frees it. There is no global state.
 *
 * Evaluation fails closed: a denial, no permit and a fault of the evaluation are results, and only
 * POLICY_PERMIT lets anything be issued. err_t is for the machine's own failures (memory) alone.
 * Time and memory of an evaluation are bounded by the limits below, whatever the policy and the
 * claims are; it works in memory of its own, and only what it returns lies in the caller's arena.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "policy/claims.h"
#include "policy/fault.h"

/* policy-language section 17. */
enum {
    POLICY_MAX_BYTES = 256 * 1024,        /* of text: too-large */
    POLICY_MAX_RULES = 2000,              /* too-large */
    POLICY_MAX_CONDITIONS = 32,           /* in a rule: syntax */
    POLICY_MAX_TESTS = 16,                /* in a condition: syntax */
    POLICY_MAX_CALL_DEPTH = 32,           /* calls in calls: syntax */
    POLICY_MAX_CLAIMS = CLAIMS_MAX,       /* incoming and added: limit */
    POLICY_MAX_VALUES = 10000,            /* in one set: limit */
    POLICY_MAX_STRING = 16 * 1024 * 1024, /* bytes of one value: limit */
    POLICY_MAX_JSON_DEPTH = 128,          /* invalid-json */
    POLICY_MAX_JSON_VALUES = 1024 * 1024, /* of one document: limit */
    POLICY_MAX_JMESPATH_STEPS = 10000000, /* of all queries of an evaluation: limit */
    POLICY_MAX_STEPS = 50000000, /* tests of claims, 64 bytes compared, 8 bytes of JSON: limit */
    POLICY_MAX_MEMORY = 192 * 1024 * 1024, /* of an evaluation: limit */
    POLICY_MAX_ISSUED = 1000,              /* claims: limit */
    POLICY_MAX_ISSUED_BYTES = 256 * 1024,  /* of their types and values: limit */
    /* Of the configuration rules. They see no claims, so they need next to nothing; and they run at
     * each change and at each start, for all policies. */
    POLICY_CONFIGURE_STEPS = 50000,
    POLICY_CONFIGURE_JMESPATH_STEPS = 20000,
    POLICY_CONFIGURE_MEMORY = 8 * 1024 * 1024,
};

struct policy;

/* ---- life ---- */

/* Compile text, which is copied. ERR_VALUE with *fault (which is required) when it is no policy;
 * ERR_MEMORY. The result has one reference. */
err_t policy_compile(struct span text, struct policy_fault *fault, struct policy **ret) MUST_CHECK;
/* One more reference; from any thread. */
struct policy *policy_ref(const struct policy *policy);
void policy_unref(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_unref)

/* The text it was compiled from, unchanged: what is stored, shown and hashed. */
struct span policy_source(const struct policy *policy);
/* b64url(SHA-256(b64url(text))): the claim x-ms-policy-hash (policy-language 1.3). */
err_t policy_hash(struct arena *arena, struct span text, const char **ret) MUST_CHECK;

/* The default of the AzureGuest type (decisions section 3): its text, and it compiled. Whoever
 * needs it keeps it. */
struct span policy_default_azureguest_text(void);
err_t policy_default_azureguest(struct policy **ret) MUST_CHECK;
/* The default tests for `false`, so a claim that is absent would pass. Adds `false` of the service
 * for each of its six claims that is not there as a Boolean of the service (rule S-3). */
err_t policy_complete_azureguest(struct claims *claims) MUST_CHECK;

/* ---- looking at it ---- */

/* The text laid out anew, comments kept; *fault and ERR_VALUE as policy_compile. */
err_t policy_format(struct arena *arena, struct span text, struct policy_fault *fault,
                    struct span *ret) MUST_CHECK;
/* Do both say the same? Positions, layout and comments do not count. */
bool policy_same(const struct policy *a, const struct policy *b);

/* Legal, but hardly what was meant. */
struct policy_warning {
    uint32_t line, column;
    size_t offset;
    const char *text;
};
struct policy_warnings {
    const struct policy_warning *items;
    size_t n;
};
err_t policy_lint(struct arena *arena, const struct policy *policy,
                  struct policy_warnings *ret) MUST_CHECK;

/* ---- running it ---- */

enum policy_section { POLICY_CONFIGURATION, POLICY_AUTHORIZATION, POLICY_ISSUANCE };
/* "configuration", "authorization", "issuance" */
const char *policy_section_name(enum policy_section section);

/* Claims of issueproperty, in order; and what those say that this project knows, or the default.
 * Of a property issued twice the last one counts. */
struct policy_properties {
    enum policy_section section;         /* that issued them: configuration or issuance */
    struct claims *claims;               /* all of them, distinct, also unknown ones */
    bool require_valid_aik_cert;         /* configuration; true */
    uint32_t required_pcr_mask;          /* configuration; 0xffffff */
    uint32_t report_validity_in_minutes; /* issuance; 1440 */
    bool omit_x5c;                       /* issuance; false */
    bool has_require_valid_aik_cert, has_required_pcr_mask, has_report_validity_in_minutes,
        has_omit_x5c; /* the policy said so itself */
};

/* Phase 1: before evidence is appraised. ERR_VALUE with *fault (which is required) when a rule
 * fails: the request fails as one whose evaluation ends in POLICY_ERROR. */
err_t policy_configure(struct arena *arena, const struct policy *policy,
                       struct policy_properties *ret, struct policy_fault *fault) MUST_CHECK;

enum policy_decision {
    POLICY_ERROR,       /* the evaluation failed: fault */
    POLICY_NO_PERMIT,   /* no rule permitted */
    POLICY_DENY_ISSUED, /* a rule denied */
    POLICY_PERMIT,
};

struct policy_result {
    enum policy_decision decision;
    bool is_permitted; /* decision == POLICY_PERMIT */
    /* What decided, for people: "line 4 denies: secureboot is false"; escaped, in the arena. */
    const char *rule;
    uint32_t line;         /* of that rule; 0: none */
    struct claims *issued; /* by the policy, distinct, in order of first issue; empty when denied */
    struct policy_properties properties; /* of issuance; the defaults when denied */
    struct policy_fault fault;           /* of POLICY_ERROR */
    /* The steps it took, in thousandths of those that it may take: 1000 at a limit. */
    unsigned work;
};

/* How it came to the result, rule by rule, for `policy eval --explain`. */
struct policy_traced_rule {
    enum policy_section section;
    uint32_t line;
    const char *text; /* the rule on one line, escaped, cut when long */
    bool was_reached; /* no denial or fault ended the evaluation before it */
    bool has_fired;
    bool is_fault;     /* the evaluation failed here */
    const char *words; /* why it did not fire, or what firing did; escaped */
};
struct policy_trace {
    struct policy_traced_rule *rules;
    size_t n;
};

/* Authorization, and after a permit issuance. trace may be NULL. incoming is not changed. */
err_t policy_evaluate(struct arena *arena, const struct policy *policy,
                      const struct claims *incoming, struct policy_trace *trace,
                      struct policy_result *ret) MUST_CHECK;
/* The message of the wire for a result that is no permit (policy-language section 15). "" at the
 * arena's limit. */
const char *policy_result_message(struct arena *arena, const struct policy_result *result);

#endif
