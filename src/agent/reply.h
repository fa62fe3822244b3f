/*
 * reply.h - opening the sealed reply (azure-guest-protocol, section 6): the TPM opens the key, the
 * key opens the token.
 */
#ifndef AGENT_REPLY_H
#define AGENT_REPLY_H

#include "tpmdev/tpmdev.h"

/* The compact JWS out of the answer's body. ERR_MISMATCH when the PCRs are no longer the quoted
 * ones, ERR_SIGNATURE when it was sealed to another key or was altered; what the form lacks with
 * the codes of azureguest_parse_reply. */
err_t reply_open(struct tpmdev_enckey *key, struct arena *arena, struct span body,
                 struct trail *trail, struct span *ret_jwt) MUST_CHECK;

#endif
