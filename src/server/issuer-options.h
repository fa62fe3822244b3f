/*
 * issuer-options.h - who may sign in and who owns everything: the sections [identity], [access] and
 * [issuer NAME] of the configuration.
 */
#ifndef SERVER_ISSUER_OPTIONS_H
#define SERVER_ISSUER_OPTIONS_H

#include "identity/gate.h"

struct access_options {
    bool has_no_provider;
    struct gate_owner owners[GATE_MAX_OWNERS];
    size_t n_owners;
    struct issuer_config issuers[ISSUERS_MAX];
    const char *issuer_names[ISSUERS_MAX];
    size_t n_issuers;
};

/* Is this section one of ours? Then *ret_fault is NULL or what is wrong with the line; texts in the
 * arena. */
bool access_option(struct arena *arena, struct access_options *options, const char *section,
                   const char *key, const char *value, const char **ret_fault);
/* When everything is read: usual audiences where none are named. NULL, or what is missing. */
const char *access_options_finish(struct arena *arena, struct access_options *options);

#endif
