/*
 * exit.h - how bootwarden-server ends: exit codes, and what is wrong in one line on standard error.
 */
#ifndef SERVER_EXIT_H
#define SERVER_EXIT_H

#include "base/err.h"

/* Documented in bootwarden-server(8), EXIT STATUS. */
enum server_exit {
    SERVER_DONE = 0,
    SERVER_NO = 1, /* no such machine */
    SERVER_USAGE = 2,
    SERVER_ADDRESS = 3,
    SERVER_FAILED = 4,
};
/* 2 for what whoever starts the program puts right (words, files, modes), 4 for what fails. */
enum server_exit server_exit_of(err_t err);

/* One line, printable whatever is in it. Returns `code`. */
int server_complain(enum server_exit code, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The trail's words, or the error's. */
int server_fail_with(enum server_exit code, err_t err, const struct trail *trail);
/* The same with server_exit_of(err). */
int server_fail(err_t err, const struct trail *trail);

#endif
