/*
 * machine.h - `bootwarden-server machine COMMAND`: what an operator does to joined machines.
 *
 * Works on the database of a server's folder, whether the server runs or not; a running one sees
 * a change at its next request.
 */
#ifndef SERVER_MACHINE_H
#define SERVER_MACHINE_H

#include "store/store.h"

#include <stdio.h>

/* argv[0] is "machine". Returns an exit code. */
int machine_command(int argc, char **argv);

/* machine-show.c: to standard output, as a table for people or as JSON. */
err_t machine_list(struct store *store, bool is_json, struct trail *trail) MUST_CHECK;
err_t machine_show(struct store *store, const struct store_machine *machine, bool is_json,
                   struct trail *trail) MUST_CHECK;

/* Roles at this machine, by either of its names, are taken from DIR/identity/assignments.json,
 * which a server that runs reads again. access.json is the operator's. */
err_t machine_forget_roles(struct arena *arena, const char *folder,
                           const struct store_machine *machine, struct trail *trail,
                           size_t *ret_n) MUST_CHECK;

#endif
