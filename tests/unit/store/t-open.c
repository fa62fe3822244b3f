/*
 * Opening: which files are a database of ours, and what a tool may do to one.
 */
#include "unit/store/folder.h"

#include "base/file.h"

#include <sys/stat.h>

static void expect_refusal(err_t wanted, const char *words)
{
    const struct store_options options = {.path = path, .now = NOW};
    struct store *store = NULL;
    struct trail trail = {0};

    assert_err(store_open(&options, &trail, &store), wanted);
    if (strstr(trail.what, words) == NULL) {
        fail_msg("'%s' does not say '%s'", trail.what, words);
    }
    assert_string_equal(trail.where, path);
}

static void refuses_a_schema_of_a_newer_version(void **state)
{
    (void)state;
    store_close(open_store());
    run_sql("PRAGMA user_version = 99");
    expect_refusal(ERR_UNSUPPORTED, "newer version (schema 99");
}

static void refuses_the_newest_schema_when_it_is_not_whole(void **state)
{
    (void)state;
    store_close(open_store());
    run_sql("DROP TABLE resource_mentions");
    expect_refusal(ERR_UNSUPPORTED, "between two releases");
}

static void refuses_databases_of_other_programs_and_files_that_are_none(void **state)
{
    (void)state;
    run_sql("CREATE TABLE letters (text TEXT)");
    expect_refusal(ERR_UNSUPPORTED, "another program");
    assert_ok(file_write(path,
                         span_str("this is a text file, longer than one hundred bytes so "
                                  "that it could be the head of a database, which it is not "
                                  "at all and never was"),
                         0600, NULL));
    expect_refusal(ERR_STORE, "no database");
}

static void says_that_a_folder_cannot_be_written(void **state)
{
    const struct store_options options = {.path = "/nonexistent/data.sqlite", .now = NOW};
    struct store *store = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(store_open(&options, &trail, &store), ERR_STORE);
    assert_non_null(strstr(trail.what, "cannot be opened"));
}

static void a_tool_makes_no_database_and_changes_no_schema(void **state)
{
    const struct store_options options = {.path = path, .now = NOW, .is_tool = true};
    struct store *store = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(store_open(&options, &trail, &store), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "no database here"));
    assert_false(file_exists(path));
    store_close(open_store());
    run_sql("PRAGMA user_version = 99");
    trail = (struct trail){0};
    assert_err(store_open(&options, &trail, &store), ERR_UNSUPPORTED);
    assert_non_null(strstr(trail.what, "newer version"));
    run_sql("PRAGMA user_version = 1");
    trail = (struct trail){0};
    assert_err(store_open(&options, &trail, &store), ERR_UNSUPPORTED);
    assert_non_null(strstr(trail.what, "older version"));
}

static void makes_its_file_private(void **state)
{
    struct stat st;

    (void)state;
    store_close(open_store());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(refuses_a_schema_of_a_newer_version),
        WITH_FOLDER(refuses_the_newest_schema_when_it_is_not_whole),
        WITH_FOLDER(refuses_databases_of_other_programs_and_files_that_are_none),
        WITH_FOLDER(says_that_a_folder_cannot_be_written),
        WITH_FOLDER(a_tool_makes_no_database_and_changes_no_schema),
        WITH_FOLDER(makes_its_file_private),
    };

    return RUN_TESTS(tests);
}
