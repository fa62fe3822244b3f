/*
 * refdata.h - the reference data where it lies: files into one struct reference.
 *
 * For programs; the only room that reads these files, so that the command and the server see the
 * same. Data that is missing or broken is an error with file, place and remedy, never an empty
 * reference: "nothing is known to be revoked" must not come from a lost file.
 */
#ifndef REFDATA_REFDATA_H
#define REFDATA_REFDATA_H

#include "base/arena.h"
#include "base/err.h"
#include "reference/reference.h"

/* Where the data lies that came with the program: ../share/bootwarden/reference as seen from the
 * folder of the executable; NULL when the system does not say where that is. */
const char *refdata_folder(struct arena *arena);

/*
 * The documents of a folder: KIND.json for each kind; other files are left alone. folder NULL is
 * refdata_folder. `is_guarded`: refuse files and folders that others can write (ERR_DENIED), as
 * for anchors of trust; the data that came with the program is as safe as the program.
 * ERR_NOT_FOUND, ERR_DENIED, ERR_IO and what reference_new says; the trail names the file.
 */
err_t refdata_load(const char *folder, bool is_guarded, struct trail *trail,
                   struct reference **ret) MUST_CHECK;

#endif
