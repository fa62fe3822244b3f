/*
 * goal.h - what is wanted of the agent: the goal state of the service (docs/formats/guest-api.md).
 */
#ifndef AGENT_GOAL_H
#define AGENT_GOAL_H

#include "base/arena.h"
#include "base/err.h"
#include "package/package.h"
#include "provider/attestation-config.h"
#include "json/json.h"

enum { GOAL_URL_MAX = ATTESTATION_LEAF_MAX };

/* A package of the agent that is offered. */
struct goal_package {
    const char *version; /* NULL = none is */
    const char *path;    /* at the host of the guest API */
    const char *digest;  /* of the file: 64 hexadecimal digits, lower case */
    uint64_t size;       /* likewise */
};

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
