/*
 * public.h - for tests of the public corpora: the table of its files and a line for each.
 */
#ifndef TESTS_EVENTLOG_PUBLIC_H
#define TESTS_EVENTLOG_PUBLIC_H

#include "unit/facts/logs.h"

/* What the table says of a file, and how much of it was compared. */
struct row {
    const char *file;
    yyjson_val *entry;
    yyjson_val *expect;
    unsigned registers; /* replayed and asserted values that agree */
    unsigned facts;     /* other expected values that agree */
    char outcome[TRAIL_WHAT_MAX + 64];
};

struct tally {
    unsigned files, read, refused, no_log, registers, facts;
};

static inline yyjson_val *read_index(struct arena *arena)
{
    struct span text = test_public_file(arena, "eventlogs/index.json");
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, text, NULL, NULL, &root));
    return json_get(root, "entries");
}

static inline void say_refused(struct row *row, err_t err, const struct trail *trail)
{
    snprintf(row->outcome, sizeof(row->outcome), "refused at byte %llu: %s",
             (unsigned long long)trail->offset, trail->what);
    assert_true(err != ERR_OK && err != ERR_NOT_FOUND);
    assert_true(trail->has_offset && trail->what[0] != '\0');
}

/* The line of one file; adds it to the tally. */
static inline void row_done(const struct row *row, struct tally *tally)
{
    print_message("%-58.58s %3u registers %3u facts  %s\n", row->file, row->registers, row->facts,
                  row->outcome);
    tally->files++;
    tally->registers += row->registers;
    tally->facts += row->facts;
}

static inline const char *wanted_text(const struct row *row, const char *name)
{
    yyjson_val *value = json_get(row->expect, name);

    return value != NULL ? json_text(value) : NULL;
}

#endif
