/*
 * goal.h - what is wanted of the agent: the goal state of the service (docs/formats/guest-api.md),
 * and the public settings of the Guest Attestation extension (azure-guest-protocol, section 10).
 */
#ifndef AGENT_GOAL_H
#define AGENT_GOAL_H

#include "base/arena.h"
#include "base/err.h"
#include "package/package.h"
#include "json/json.h"

enum {
    GOAL_URL_MAX = 512,
    GOAL_FREQUENCY_MIN = 5, /* minutes (security-reports 3.2) */
    GOAL_FREQUENCY_MAX = 1440,
};

/* A package of the agent that is offered. */
struct goal_package {
    const char *version; /* NULL = none is */
    const char *path;    /* at the host of the guest API */
    const char *digest;  /* of the file: 64 hexadecimal digits, lower case */
    uint64_t size;       /* likewise */
};

/* AttestationConfig, or the older AttestationEndpointCfg. Empty leaves are defaults. */
struct attestation_config {
    const char *attest_url;     /* maaEndpoint; NULL = the default */
    const char *tenant;         /* maaTenantName; NULL */
    const char *report_url;     /* ascReportingEndpoint; NULL */
    unsigned frequency_minutes; /* ascReportingFrequency; 0 = the default */
    bool uses_custom_token;     /* useCustomToken, useAlternateToken */
    bool disables_alerts;
};

/* settings: the object of public settings, or NULL for none. Texts live in the arena. ERR_VALUE
 * with the member that is wrong and what it must be. */
err_t attestation_config_read(struct arena *arena, yyjson_val *settings, struct trail *trail,
                              struct attestation_config *ret) MUST_CHECK;

struct goal {
    bool is_wanted;         /* the machine is to be monitored */
    bool upgrades;          /* enableAutomaticUpgrade */
    const char *attest_url; /* the service's own, when the settings name none; NULL */
    unsigned period_s;      /* the service's default; 0 = none */
    bool wants_proof;       /* now */
    const char *state;      /* how the service sees this machine; "" */
    struct attestation_config config;
    struct goal_package package;
};

/* Where attestation is: as the settings say, else the service. NULL = not said. */
const char *goal_attest_url(const struct goal *goal);
/* Which settings these are; it rises with each change. 0 when it does not say. */
int64_t goal_sequence(yyjson_val *body);
/* Body of an answer. ERR_VALUE, ERR_JSON_TYPE with the member. */
err_t goal_read(struct arena *arena, yyjson_val *body, struct trail *trail,
                struct goal *ret) MUST_CHECK;

#endif
