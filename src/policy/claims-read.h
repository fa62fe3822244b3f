/*
 * claims-read.h - claims from JSON: what `bootwarden policy eval --claims` and tests read.
 */
#ifndef POLICY_CLAIMS_READ_H
#define POLICY_CLAIMS_READ_H

#include "policy/claims.h"

/*
 * list is an array of {"type", "value", "valueType"?, "issuer"?, "readOnly"?}: value is a string, a
 * whole number of 64 bits or a Boolean, valueType names its kind when it is there, issuer is
 * CustomClaim without. The trail says what is wrong otherwise. Strings are borrowed from list.
 */
err_t claims_read(struct arena *arena, yyjson_val *list, struct trail *trail,
                  struct claims **ret) MUST_CHECK;

#endif
