/*
 * authorities.h - inside of the server: under which HOST:PORT clients of the resource manager may
 * know it, beside its endpoint.
 *
 * A client follows addresses in answers with its token. So they name what the operator said that
 * this server is, whatever a request's Host header says: the endpoint; where the resource manager
 * listens; the further names of the certificate. Addresses of the machine itself are among them
 * only while no --endpoint says that others come from elsewhere.
 */
#ifndef SERVER_AUTHORITIES_H
#define SERVER_AUTHORITIES_H

#include "server/options.h"

/* Any address, or one of this machine alone. */
bool server_is_local(const char *host);

/* "name:8443", NULL behind the last; in the arena. Ports are chosen by now. */
err_t server_authorities(struct arena *arena, const struct server_options *options,
                         const char *const **ret) MUST_CHECK;

#endif
