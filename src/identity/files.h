/*
 * files.h - inside of the identity room, and for the command that changes principals: what lies in
 * DIR/identity.
 */
#ifndef IDENTITY_FILES_H
#define IDENTITY_FILES_H

#include "identity/idp.h"

/* DIR/identity and DIR/identity/keys, mode 0700. */
err_t files_begin(struct arena *arena, const char *folder, struct trail *trail) MUST_CHECK;
/* The keys by name, each to free; one is made when there is none: tokens live for an hour, so a
 * lost key costs little. */
err_t files_keys(struct arena *arena, const char *folder, int64_t now, struct trail *trail,
                 struct token_key *ret[IDP_MAX_KEYS], size_t *ret_n) MUST_CHECK;
/* DIR/identity/principals.json; NULL without memory. */
const char *files_principals_path(struct arena *arena, const char *folder);
/* ERR_NOT_FOUND when there are none. */
err_t files_principals(struct arena *arena, const char *folder, struct trail *trail,
                       struct principals **ret) MUST_CHECK;
err_t files_write_principals(struct arena *arena, const char *folder,
                             const struct principals *principals, struct trail *trail) MUST_CHECK;
/* The secret of --dev, "" when there is none. */
err_t files_dev_secret(struct arena *arena, const char *folder, struct trail *trail,
                       const char **ret) MUST_CHECK;
err_t files_write_dev_secret(struct arena *arena, const char *folder, const char *secret,
                             struct trail *trail) MUST_CHECK;
/* The password of its user, in the same way. */
err_t files_dev_password(struct arena *arena, const char *folder, struct trail *trail,
                         const char **ret) MUST_CHECK;
err_t files_write_dev_password(struct arena *arena, const char *folder, const char *password,
                               struct trail *trail) MUST_CHECK;
/* IDP_REFRESH_KEY_BYTES for refresh tokens, made when there are none: for the caller to wipe. */
err_t files_refresh_key(struct arena *arena, const char *folder, struct trail *trail,
                        struct span *ret) MUST_CHECK;
/* Who reads the roles that were given, and writes them changed, holds this meanwhile: the server,
 * and commands beside it. Waits for whoever has it, until then (ticks), once at least:
 * ERR_UNAVAILABLE, so that a command which was stopped stops nobody else. To be closed; -1: there
 * is no folder for them. */
enum { FILES_LOCK_WAIT_US = 2 * 1000 * 1000 };
err_t files_lock_assignments(const char *folder, uint64_t until_us, struct trail *trail,
                             int *ret_fd) MUST_CHECK;
/* Inode, size and time of a file; 0 when there is none. */
uint64_t files_stamp(const char *path);

#endif
