/*
 * guid.h - UUIDs as text: tenants, clients, requests.
 */
#ifndef CRYPTO_GUID_H
#define CRYPTO_GUID_H

#include "base/err.h"
#include "base/span.h"

enum { GUID_SIZE = 37 };

/* A random one (RFC 4122, 4.4), lower case. */
err_t guid_new(char text[GUID_SIZE]) MUST_CHECK;

#endif
