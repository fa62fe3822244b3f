/*
 * name.h - names of providers and the addresses made of them.
 */
#ifndef PROVIDER_NAME_H
#define PROVIDER_NAME_H

#include "base/err.h"
#include "provider/region.h"

enum { PROVIDER_NAME_MIN = 3, PROVIDER_NAME_MAX = 24 };

/* Letters and digits, 3 to 24: it is part of a host name and of a path. ERR_VALUE with words. */
err_t provider_name_check(struct span name, struct trail *trail) MUST_CHECK;
/* "shared" and what follows is the services' own. */
bool provider_name_is_shared(struct span name);

/* Where a deployment's providers are found. */
struct provider_address {
    const char *endpoint; /* "https://localhost:8443", without a last slash: of the bare host */
    const char *suffix;   /* "attest.example.net": host form; NULL: path form */
    const char *home;     /* the provider that the bare host is */
};
/* "https://NAME.eus.attest.example.net" (with the endpoint's port), or
 * "https://localhost:8443/providers/NAME", or the endpoint for the home provider in path form.
 * NULL at the arena's limit. */
const char *provider_uri(struct arena *arena, const struct provider_address *address,
                         const char *name, const struct region *region);

enum provider_host { PROVIDER_HOST_HOME, PROVIDER_HOST_NAMED, PROVIDER_HOST_UNKNOWN };
/* Whose host is this (with or without port, in the form that http_head_parse holds it to: what is
 * no host never comes here)? *ret_name and *ret_short of PROVIDER_HOST_NAMED borrow from it. Any
 * host that is not below the suffix is the bare one. */
enum provider_host provider_host_read(const struct provider_address *address, struct span host,
                                      struct span *ret_name, struct span *ret_short);

#endif
