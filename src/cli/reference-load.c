#include "cli/reference-load.h"

#include "cli/cli.h"

int reference_load(const char *command, const char *folder, struct reference **ret)
{
    struct trail trail = {0};
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    err_t err = refdata_load(folder, false, &trail, ret);

    if (err == ERR_OK) {
        return EXIT_YES;
    }
    trail_format(&trail, err, words, sizeof(words));
    cli_complain(command, "%s", words);
    return err == ERR_MEMORY || err == ERR_CRYPTO ? EXIT_INTERNAL : EXIT_USAGE;
}
