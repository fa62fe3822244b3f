/*
 * package.h - what the parts of `bootwarden package` share: packages of the agent, as files and at
 * a server.
 */
#ifndef CLI_PACKAGE_H
#define CLI_PACKAGE_H

#include "cli/cli.h"
#include "package/package.h"

command_fn package_cmd_sign;
command_fn package_cmd_show;
command_fn package_cmd_publish;
command_fn package_cmd_list;
command_fn package_cmd_stop;
command_fn package_cmd_resume;
command_fn package_cmd_withdraw;

struct package_file {
    struct span bytes, payload;
    struct package package;
    uint8_t digest[PACKAGE_SHA256_BYTES]; /* of all of it */
    const char *fault;                    /* it is not whole; NULL */
};
/* A package from a file; its payload is held against the manifest. An exit code, said. */
int package_file_read(const char *command, struct arena *arena, const char *path,
                      struct package_file *ret);
/* Is it signed by one of the public keys in that file? EXIT_NO, said, when not. */
int package_file_verify(const char *command, struct arena *arena, const char *path,
                        const struct package_file *file, const char *key_path);

#endif
