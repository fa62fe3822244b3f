/*
 * issuers.h - the issuers that an operator configured, and their keys as they are now.
 *
 * One thread fetches discovery documents and key sets, at the start and then on a schedule; no
 * request ever waits for it. What a request sees is a snapshot (access/token.h), swapped whole.
 * A token with an unknown kid asks for a refresh, at most one a minute for each issuer, so that
 * random kids cannot cause a storm. While an issuer cannot be reached its keys stay for
 * ISSUERS_KEEP_S; after that its tokens are refused, because a key that was withdrawn meanwhile
 * would still count. An issuer with a file of keys is never asked for; its file is read again when
 * it changes and at a reload.
 *
 * Addresses are https, redirects are not followed, sizes and times are bounded. Any thread may
 * call anything; ending waits for a fetch that is under way, at most twice ISSUERS_TIMEOUT_MS.
 */
#ifndef IDENTITY_ISSUERS_H
#define IDENTITY_ISSUERS_H

#include "access/token.h"
#include "base/metrics.h"

enum {
    ISSUERS_MAX = 8,
    ISSUERS_REFRESH_S = 3600,   /* after a success */
    ISSUERS_RETRY_S = 60,       /* after a failure */
    ISSUERS_WISH_S = 60,        /* between refreshes that unknown kids caused */
    ISSUERS_KEEP_S = 24 * 3600, /* keys of an issuer that cannot be reached */
    ISSUERS_TIMEOUT_MS = 5000,
    ISSUERS_KEYS_MAX_BYTES = 512 * 1024,
};

struct issuer_config {
    const char *url; /* `iss`; keys are found at its discovery document */
    const char *tenant;
    const char *audiences[ACCESS_PLANES][ACCESS_MAX_AUDIENCES + 1];
    const char *jwks_file; /* NULL = over the network */
    const char *ca_file;   /* to reach it; NULL = the system's roots */
};

/* The body that url answers with status 200; in the arena. */
typedef err_t issuers_fetch(void *context, const struct issuer_config *config, const char *url,
                            size_t max_bytes, struct arena *arena, struct trail *trail,
                            struct span *ret);

struct issuers_options {
    const struct access_issuer *fixed; /* such as the built-in provider; they come first */
    size_t n_fixed;
    const struct issuer_config *configs; /* copied */
    size_t n_configs;
    struct metrics *metrics; /* may be NULL */
    issuers_fetch *fetch;    /* NULL = https */
    void *fetch_context;
    bool has_no_thread; /* tests: issuers_run alone fetches */
};

struct issuers;

/* Files of keys are read now, so that a wrong one is told to who starts the server; nothing else is
 * waited for. */
err_t issuers_open(const struct issuers_options *options, struct trail *trail,
                   struct issuers **ret) MUST_CHECK;
void issuers_close(struct issuers *issuers);
DEFINE_CLEANUP(struct issuers *, issuers_close)

/* The issuers of now; free the reference. */
struct access_issuers *issuers_get(struct issuers *issuers);
/* A token named issuer `index` of the snapshot, and a key that is not there. */
void issuers_wish(struct issuers *issuers, size_t index);
/* Read changed files of keys again; what cannot be read is logged and changes nothing. Cheap. */
void issuers_tick(struct issuers *issuers, bool is_forced);
/* Fetch what is due at now_s, a clock that only goes forward; returns when to come again. */
int64_t issuers_run(struct issuers *issuers, int64_t now_s);

#endif
