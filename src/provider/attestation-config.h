/*
 * attestation-config.h - the public settings of the Guest Attestation extension, as owners write
 * them (azure-guest-protocol, section 10). Every leaf is a string; an empty one means the default.
 */
#ifndef PROVIDER_ATTESTATION_CONFIG_H
#define PROVIDER_ATTESTATION_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

enum {
    ATTESTATION_LEAF_MAX = 512,
    ATTESTATION_HOST_MAX = 253,    /* of a name */
    ATTESTATION_FREQUENCY_MIN = 5, /* minutes (security-reports 3.2) */
    ATTESTATION_FREQUENCY_MAX = 1440,
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
/* The members that such documents have, each with ERR_VALUE for another form. A leaf, NULL for the
 * default; one that must be an https:// address and nothing else: host, port and path, no user, no
 * query; an object, NULL for none. */
err_t attestation_config_leaf(struct arena *arena, yyjson_val *object, const char *name,
                              struct trail *trail, const char **ret) MUST_CHECK;
err_t attestation_config_url(struct arena *arena, yyjson_val *object, const char *name,
                             struct trail *trail, const char **ret) MUST_CHECK;
err_t attestation_config_object(yyjson_val *parent, const char *name, struct trail *trail,
                                yyjson_val **ret) MUST_CHECK;

#endif
