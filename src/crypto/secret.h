/*
 * secret.h - random bytes, and comparing or wiping what must stay secret.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/err.h"
#include "base/span.h"

/* From OpenSSL's CSPRNG. ERR_CRYPTO means no entropy: stop, never go on with less. */
err_t random_bytes(void *bytes, size_t len) MUST_CHECK;
/* Constant time in the contents; false at once when the lengths differ. */
bool secret_equal(struct span a, struct span b);
/* Overwrite bytes of ours, such as those in an arena, that nobody needs any more. */
void secret_wipe(struct span bytes);

#endif
