/*
 * options.h - command line and configuration file of bootwarden-server.
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "base/arena.h"
#include "crypto/signkey.h"
#include "http/server.h"
#include "server/exit.h"
#include "server/issuer-options.h"
#include "service/providers.h"

enum {
    SERVER_MAX_NAMES = 12,
    SERVER_MAX_OPENSSL_PROVIDERS = 3,
    SERVER_DEFAULT_PORT = 8443,
    SERVER_MAX_ATTEST_ADDRESSES = 64,
};

enum server_join { SERVER_JOIN_DEFAULT, SERVER_JOIN_OPEN, SERVER_JOIN_APPROVAL };

struct server_options {
    bool is_dev;
    const char *data;
    struct http_listen listen[HTTP_MAX_LISTEN]; /* port 0 = remembered or any */
    size_t n_listen;
    unsigned period_minutes;  /* the longest between two proofs; 0 = the service's default */
    enum server_join join;    /* default: open with --dev, else approval */
    const char *subscription; /* whose guests are that nobody announced; NULL = the built-in one */
    unsigned workers;
    enum signkey_kind signing;
    const char *openssl_providers[SERVER_MAX_OPENSSL_PROVIDERS];
    size_t n_openssl_providers;
    const char *endpoint; /* attestUri; NULL = made from the address */
    const char *names[SERVER_MAX_NAMES];
    size_t n_names;
    const struct region *regions[PROVIDERS_MAX_REGIONS]; /* the first is home; a default */
    size_t n_regions;                                    /* at least one, once read */
    const char *host_suffix;                             /* NULL = providers have paths */
    const char *tls_certificate, *tls_key;               /* NULL = DIR/tls */
    /* Of the attestation endpoint, as guests reach it; none = what its name resolves to. */
    const char *attest_addresses[SERVER_MAX_ATTEST_ADDRESSES];
    size_t n_attest_addresses;
    const char *reference;    /* folder; NULL = what came with the program */
    const char *sbat_minimum; /* level; NULL = none */
    const char *dbx_minimum;  /* file; NULL = none */
    struct access_options access;
};

/* Strings live in the arena. Returns true when the program shall go on; else *ret_exit says how to
 * end (help and version are printed, faults reported in one line). */
bool server_options_read(struct arena *arena, int argc, char **argv, struct server_options *ret,
                         int *ret_exit);

#endif
