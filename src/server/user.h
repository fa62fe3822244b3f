/*
 * user.h - `bootwarden-server user COMMAND`: people who sign in at the built-in identity provider.
 *
 * Passwords come from standard input, never from arguments, which everybody on the machine can see.
 */
#ifndef SERVER_USER_H
#define SERVER_USER_H

/* argv[0] is "user". Returns an exit code. */
int user_command(int argc, char **argv);

#endif
