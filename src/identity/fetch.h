/*
 * fetch.h - inside of the identity room: one document over https.
 */
#ifndef IDENTITY_FETCH_H
#define IDENTITY_FETCH_H

#include "identity/issuers.h"

/* As issuers_fetch; context is not used. A redirect is a status like others, and only 200 is
 * good. */
err_t fetch_https(void *context, const struct issuer_config *config, const char *url,
                  size_t max_bytes, struct arena *arena, struct trail *trail,
                  struct span *ret) MUST_CHECK;

#endif
