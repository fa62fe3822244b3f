/*
 * place.h - inside of the server: where it is, for its guests and owners: port, address, names.
 */
#ifndef SERVER_PLACE_H
#define SERVER_PLACE_H

#include "server/options.h"

enum { PLACE_NAMES_MAX = SERVER_MAX_NAMES + HTTP_MAX_LISTEN + 4 };

struct place {
    uint16_t port;
    const char *endpoint;               /* "https://host:port": the issuer of tokens */
    const char *names[PLACE_NAMES_MAX]; /* for the certificate */
    size_t n_names;
};

/* The port given, else the one that DIR/port remembers, else a free one, which is written there.
 * Every listener without a port gets it. ERR_VALUE, ERR_NOT_FOUND: the file is damaged or lost. */
err_t place_choose_port(struct arena *arena, struct server_options *options, const char *folder,
                        struct trail *trail, struct place *ret) MUST_CHECK;
/* Endpoint and names, once there is a port. Borrows from the options. */
err_t place_choose_names(struct arena *arena, const struct server_options *options,
                         struct place *ret) MUST_CHECK;

#endif
