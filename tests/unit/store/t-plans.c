/*
 * How SQLite means to find what each statement asks for: a table that is read whole, or records
 * that are sorted, cost more with every record that is kept.
 */
#include "folder.h"

#include "store/sqlite.h"

#define X(name, sql) {#name, sql},
static const struct {
    const char *name, *sql;
} statements[] = {STATEMENT_TABLE(X)};
#undef X

/* One row; the records of all machines, by their own order; the few lines that people wrote. */
static const struct {
    const char *statement, *step;
} allowed[] = {
    {"CHECK", "SCAN checks"},
    {"ATTESTATIONS", "SCAN attestations"},
    {"SWEEP_UNPROVEN", "SCAN attestations USING INDEX attestations_unproven"},
    {"CLOCK_DOUBT", "SCAN CONSTANT ROW"},
    /* The service holds all of them anyway. */
    {"PROVIDER_COUNT", "SCAN providers USING COVERING INDEX sqlite_autoindex_providers_2"},
    {"PROVIDERS", "SCAN providers"},
    {"POLICY_COUNT", "SCAN policies"},
    {"POLICIES", "SCAN policies"},
    /* Bounded, and people ask for them or a guest without permission. */
    {"WAITING", "SCAN waiting"},
    {"WAITING", "USE TEMP B-TREE FOR ORDER BY"},
    {"WAITING_COUNT", "SCAN waiting"},
    {"MONITOR_COUNTS", "SCAN monitor USING COVERING INDEX monitor_state"},
    /* At most 64 packages of a subscription, and as many rows of a machine. */
    {"PACKAGES", "USE TEMP B-TREE FOR ORDER BY"},
    {"PACKAGES_FOR", "USE TEMP B-TREE FOR ORDER BY"},
    {"ROLLOUT_LAST", "USE TEMP B-TREE FOR ORDER BY"},
    /* Counting a group, once for each place that is given away. */
    {"ROLLOUT_GROUP", "SCAN e USING INDEX extensions_upgrades"},
    /* Who is half way, once a second: a fifth of the machines at most. */
    {"ROLLOUT_GONE", "SCAN r USING INDEX rollouts_open"},
    /* One row. */
    {"RESOURCE_VERSION_RAISE", "SCAN resource_versions"},
    {"RESOURCE_VERSION", "SCAN resource_versions"},
    /* Only once as many were made as there may be. */
    {"RESOURCE_COUNT", "SCAN CONSTANT ROW"},
    {"RESOURCE_COUNT_OF", "SCAN CONSTANT ROW"},
    {"RESOURCE_COUNT", "SCAN resources USING COVERING INDEX sqlite_autoindex_resources_1"},
    /* 800 deployments of a group, when there is one more. */
    {"RESOURCES_TOO_MANY", "USE TEMP B-TREE FOR ORDER BY"},
    /* A row for each subscription, once a minute. */
    {"ACTIVITY_TRIM", "SCAN subscriptions"},
    {"ACTIVITY_TRIM", "SCAN s"},
    {"OPERATIONS_TRIM", "SCAN subscriptions"},
    {"OPERATIONS_TRIM", "SCAN s"},
    {"AUDITS", "USE TEMP B-TREE FOR ORDER BY"},
};

static bool is_allowed(const char *statement, const char *step)
{
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        if (strcmp(allowed[i].statement, statement) == 0 && strcmp(allowed[i].step, step) == 0) {
            return true;
        }
    }
    return false;
}

static size_t count_slow_steps(sqlite3 *db, const char *name, const char *sql)
{
    char explain[2048];
    sqlite3_stmt *row = NULL;
    size_t n = 0;

    assert_true(snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql) <
                (int)sizeof(explain));
    assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(row, 3);

        if ((strncmp(step, "SCAN ", 5) == 0 || strstr(step, "TEMP B-TREE") != NULL) &&
            !is_allowed(name, step)) {
            print_error("%s: %s\n", name, step);
            n++;
        }
    }
    sqlite3_finalize(row);
    return n;
}

static void no_statement_reads_or_sorts_more_than_it_gives(void **state)
{
    sqlite3 *db = NULL;
    size_t n_slow = 0;

    (void)state;
    store_close(open_store());
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        n_slow += count_slow_steps(db, statements[i].name, statements[i].sql);
    }
    sqlite3_close(db);
    assert_int_equal(n_slow, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(no_statement_reads_or_sorts_more_than_it_gives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
