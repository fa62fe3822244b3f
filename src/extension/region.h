/*
 * region.h - the attestation provider that a machine on Azure uses when nobody names one: the
 * shared one of its region, which the instance metadata service tells.
 *
 * That service speaks plain HTTP, so whoever sits on the link may answer in its place. What is
 * taken from it is one word out of our own table: the worst that a liar gets is a provider of
 * another region, whose name TLS still checks.
 */
#ifndef EXTENSION_REGION_H
#define EXTENSION_REGION_H

#include "agent/fault.h"
#include "base/arena.h"
#include "base/span.h"

/* "https://sharedeus.eus.attest.azure.net" from the service's answer. ERR_NOT_FOUND for a region or
 * cloud that has none, ERR_JSON_* for an answer of another form. */
err_t region_endpoint_parse(struct arena *arena, struct span body, struct trail *trail,
                            const char **ret_url) MUST_CHECK;
/* Asks. The fault says "what: host:port. why. remedy". */
err_t region_endpoint_find(struct arena *arena, struct fault *fault,
                           const char **ret_url) MUST_CHECK;

#endif
