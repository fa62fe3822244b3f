/*
 * principal.h - `bootwarden-server principal COMMAND`: who signs in at the built-in identity
 * provider.
 *
 * Works on DIR/identity, whether the server runs or not; a running one sees a change within a
 * second. Every change is in DIR/audit.log before it is made.
 */
#ifndef SERVER_PRINCIPAL_H
#define SERVER_PRINCIPAL_H

/* argv[0] is "principal". Returns an exit code. */
int principal_command(int argc, char **argv);

#endif
