/* Reference data on disk: nothing missing, nothing broken, nothing that anybody can write. */
#include "support/reference.h"
#include "support/support.h"

#include "base/file.h"
#include "refdata/refdata.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(struct arena *arena, const char *folder, enum reference_kind kind)
{
    return arena_printf(arena, "%s/%s.json", folder, reference_kind_name(kind));
}

static const char *copy_of_data(struct arena *arena)
{
    char *folder = arena_printf(arena, "/tmp/bootwarden-refdata-XXXXXX");

    assert_non_null(mkdtemp(folder));
    for (enum reference_kind kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
        struct span bytes = {0};

        assert_ok(file_read(arena, path_of(arena, test_reference_folder(), kind),
                            REFERENCE_FILE_MAX_BYTES, NULL, &bytes));
        assert_ok(file_write(path_of(arena, folder, kind), bytes, 0644, NULL));
    }
    return folder;
}

static void remove_copy(struct arena *arena, const char *folder)
{
    for (enum reference_kind kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
        unlink(path_of(arena, folder, kind));
    }
    assert_int_equal(rmdir(folder), 0);
}

static void each_missing_file_is_an_error_that_names_it(void **state)
{
    struct arena *arena = test_arena();
    const char *folder = copy_of_data(arena);

    (void)state;
    for (enum reference_kind kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
        const char *path = path_of(arena, folder, kind);
        const char *aside = arena_printf(arena, "%s/aside", folder);
        struct reference *reference = NULL;
        struct trail trail = {0};

        assert_int_equal(rename(path, aside), 0);
        assert_err(refdata_load(folder, false, &trail, &reference), ERR_NOT_FOUND);
        assert_null(reference);
        assert_string_equal(trail.where, path);
        assert_non_null(strstr(trail.what, "reference data: "));
        assert_non_null(strstr(trail.what, "--reference"));
        assert_int_equal(rename(aside, path), 0);
    }
    remove_copy(arena, folder);
    arena_free(arena);
}

static void a_broken_file_is_an_error_that_says_where(void **state)
{
    struct arena *arena = test_arena();
    const char *folder = copy_of_data(arena);
    struct reference *reference = NULL;
    struct trail trail = {0};

    (void)state;
    assert_ok(
        file_write(path_of(arena, folder, REFERENCE_REVOKED_IMAGES), span_str("{"), 0644, NULL));
    assert_err(refdata_load(folder, false, &trail, &reference), ERR_JSON_SYNTAX);
    assert_non_null(strstr(trail.where, "/revoked-images.json"));
    assert_null(reference);
    /* A file cut short is no list that is short. */
    assert_ok(
        file_write(path_of(arena, folder, REFERENCE_REVOKED_IMAGES), span_str(""), 0644, NULL));
    assert_err(refdata_load(folder, false, NULL, &reference), ERR_JSON_SYNTAX);
    remove_copy(arena, folder);
    arena_free(arena);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    struct reference *reference = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(refdata_load("/nowhere/at/all", false, &trail, &reference), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.where, "/nowhere/at/all"));
}

static void a_guarded_load_refuses_what_others_can_write(void **state)
{
    struct arena *arena = test_arena();
    const char *folder = copy_of_data(arena);
    struct reference *reference = NULL;
    struct trail trail = {0};

    (void)state;
    assert_int_equal(chmod(path_of(arena, folder, REFERENCE_AUTHORITIES), 0666), 0);
    assert_err(refdata_load(folder, true, &trail, &reference), ERR_DENIED);
    assert_non_null(strstr(trail.where, "authorities.json"));
    assert_ok(refdata_load(folder, false, NULL, &reference));
    reference_free(reference);
    reference = NULL;
    assert_int_equal(chmod(path_of(arena, folder, REFERENCE_AUTHORITIES), 0644), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_err(refdata_load(folder, true, NULL, &reference), ERR_DENIED);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_ok(refdata_load(folder, true, NULL, &reference));
    reference_free(reference);
    remove_copy(arena, folder);
    arena_free(arena);
}

static void the_data_of_a_program_lies_beside_its_folder(void **state)
{
    struct arena *arena = test_arena();
    const char *folder = refdata_folder(arena);

    (void)state;
    assert_non_null(folder);
    assert_string_equal(folder + strlen(folder) - 26, "share/bootwarden/reference");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_missing_file_is_an_error_that_names_it),
        cmocka_unit_test(a_broken_file_is_an_error_that_says_where),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
        cmocka_unit_test(a_guarded_load_refuses_what_others_can_write),
        cmocka_unit_test(the_data_of_a_program_lies_beside_its_folder),
    };

    return RUN_TESTS(tests);
}
