/*
 * discovery.h - the OpenID configuration of an issuer (OpenID Connect Discovery 1.0, 4).
 */
#ifndef IDENTITY_DISCOVERY_H
#define IDENTITY_DISCOVERY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum { DISCOVERY_MAX_BYTES = 256 * 1024, DISCOVERY_URL_MAX = 1024 };

/* ISSUER/.well-known/openid-configuration, whether the issuer ends in a slash or not. In the
 * arena; NULL at its limit. */
const char *discovery_url(struct arena *arena, const char *issuer);
/* jwks_uri of the document, which must say exactly this issuer (4.3): else whoever answers at its
 * address could name keys for another one. ERR_MISMATCH, ERR_VALUE for keys that are not at an
 * https address without user and fragment. */
err_t discovery_read(struct arena *arena, struct span json, const char *issuer, struct trail *trail,
                     const char **ret_jwks_uri) MUST_CHECK;
/* "https://host:port/path?query" to "https://host:port" and "/path?query". ERR_VALUE. */
err_t discovery_split(struct arena *arena, const char *url, struct trail *trail,
                      const char **ret_base, const char **ret_path) MUST_CHECK;

#endif
