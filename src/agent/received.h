/*
 * received.h - a token that the service sent, checked against the keys that it publishes.
 */
#ifndef AGENT_RECEIVED_H
#define AGENT_RECEIVED_H

#include "agent/agent.h"

struct received {
    yyjson_val *claims; /* of the token, whether or not its signature could be checked */
    const char *issuer; /* printable */
    int64_t expires_at;
    err_t err; /* ERR_OK: signature and validity hold */
    char words[TRAIL_WHAT_MAX + TRAIL_WHERE_MAX + 64];
};

/* Gets the keys and looks. */
void received_check(struct agent *agent, struct span jwt, struct received *ret);
/* Signature or validity are wrong. Not having got the keys says nothing against the token. */
bool received_is_bad(const struct received *checked);

#endif
