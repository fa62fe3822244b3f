#include "cli/earlier-boot.h"

#include "appraise/learned.h"
#include "base/file.h"
#include "cli/boot-folder.h"
#include "cli/cli.h"
#include "cli/log-read.h"

static err_t read_log(struct arena *arena, const struct reference *reference, struct hasher *hasher,
                      struct span bytes, struct trail *trail, struct boot_facts **ret)
{
    struct eventlog *log = NULL;
    struct readings *readings = NULL;
    err_t err = log_read(arena, bytes, trail, &log);

    err = err ? err : readings_make(arena, log, hasher, &readings);
    return err ? err : boot_facts_make(arena, readings, reference, hasher, ret);
}

int earlier_boot_load(const char *command, struct arena *arena, const struct reference *reference,
                      struct hasher *hasher, const char *path, struct earlier_boot *ret)
{
    struct trail trail = {0};
    struct span bytes = {0};
    struct learned learned = {0};
    struct boot_facts *facts = NULL;
    err_t err = baseline_load(arena, path, &trail, &bytes);

    if (err == ERR_OK && learned_is(bytes)) {
        err = learned_read(arena, bytes, reference, hasher, &trail, &learned);
        *ret = (struct earlier_boot){learned.facts, learned.pcrs};
    } else if (err == ERR_OK) {
        err = read_log(arena, reference, hasher, bytes, &trail, &facts);
        *ret = (struct earlier_boot){facts, 0};
    }
    return err ? cli_fail(command, path, err, &trail) : EXIT_YES;
}

int announced_load(const char *command, struct arena *arena, struct hasher *hasher,
                   const char *path, const struct announced **ret)
{
    struct trail trail = {0};
    struct span bytes = {0};
    struct announced *announced = NULL;
    err_t err = file_read(arena, path, ANNOUNCED_MAX_BYTES, &trail, &bytes);

    err = err ? err : announced_read(arena, bytes, hasher, &trail, &announced);
    if (err) {
        return cli_fail(command, path, err, &trail);
    }
    *ret = announced;
    return EXIT_YES;
}

int earlier_boot_save(const char *command, struct arena *arena, const struct appraisal *appraisal,
                      const char *path, bool is_approved, int64_t now)
{
    struct trail trail = {0};
    struct span json = {0};
    err_t err = baseline_learn(arena, appraisal, is_approved, now, &trail, &json);

    if (err == ERR_DENIED) {
        cli_complain(command, "no baseline was saved: %s", trail.what);
        return EXIT_YES;
    }
    err = err ? err : file_create(path, json, 0644, &trail);
    return err ? cli_fail(command, path, err, &trail) : EXIT_YES;
}
