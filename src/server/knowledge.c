#include "server/knowledge.h"

#include "base/file.h"
#include "refdata/refdata.h"

enum { ARENA_BYTES = 2 * DBX_MINIMUM_MAX_BYTES };

err_t server_knowledge_load(const struct server_options *options, struct trail *trail,
                            struct knowledge **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct reference *reference = NULL;
    struct span dbx = {0};
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    /* What came with the program is as safe as the program; a folder that is named must be. */
    err =
        err ? err : refdata_load(options->reference, options->reference != NULL, trail, &reference);
    if (err == ERR_OK && options->dbx_minimum != NULL) {
        err = file_read_guarded(arena, options->dbx_minimum, DBX_MINIMUM_MAX_BYTES, trail, &dbx);
    }
    if (err) {
        reference_free(reference);
        return err;
    }
    err = knowledge_new(reference, options->sbat_minimum, dbx, trail, ret);
    return err == ERR_NOT_FOUND   ? trail_in(trail, err, "sbat-minimum")
           : err == ERR_MALFORMED ? trail_in(trail, err, options->dbx_minimum)
                                  : err;
}
