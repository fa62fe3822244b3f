/*
 * damage.h - for tests: bytes that somebody damaged, through everything that reads a log.
 *
 * Each look is at a heap copy of exactly the bytes' size, so that AddressSanitizer and valgrind see
 * a read past the end.
 */
#ifndef TESTS_EVENTLOG_DAMAGE_H
#define TESTS_EVENTLOG_DAMAGE_H

#include "unit/facts/logs.h"

#include <stdlib.h>

struct damage_outcome {
    err_t err;
    size_t n_events;
    enum tristate secure_boot;
    struct eventlog_registers registers; /* of the last bank */
};

/* How many damages of a kind a large file gets. Fewer where every instruction is slow: the
 * environment variable is a number. */
static inline size_t damage_samples(size_t otherwise)
{
    const char *wanted = getenv("BOOTWARDEN_DAMAGE_SAMPLES");

    return wanted != NULL ? (size_t)strtoul(wanted, NULL, 10) : otherwise;
}

/* A step through n bytes in about so many samples; 1 when they are few enough for all. */
static inline size_t damage_step(size_t n, size_t samples)
{
    return n <= samples || samples == 0 ? 1 : n / samples;
}

/* Reading, replay of each bank, readings, facts, JSON. */
static inline struct damage_outcome damage_look(struct hasher *hasher, struct span bytes)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(64u * 1024 * 1024);
    struct damage_outcome out = {0};
    struct eventlog *log = NULL;
    struct readings *readings = NULL;
    struct boot_facts *facts = NULL;
    struct trail trail = {0};
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);

    assert_non_null(copy);
    assert_non_null(arena);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    out.err = eventlog_read(arena, span_of(copy, bytes.len), &trail, &log);
    if (out.err == ERR_OK) {
        yyjson_mut_doc *doc = json_new(arena);
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        out.n_events = log->n_events;
        for (size_t i = 0; i < log->n_banks; i++) {
            if (log->banks[i].hash != HASH_NONE) {
                err_t err = eventlog_replay(log, log->banks[i].hash, hasher, NULL, &out.registers);

                assert_true(err == ERR_OK || err == ERR_VALUE);
            }
        }
        assert_ok(readings_make(arena, log, hasher, &readings));
        assert_ok(boot_facts_make(arena, readings, test_reference(), hasher, &facts));
        out.secure_boot = facts->secure_boot;
        json_add_value(doc, root, "facts", boot_facts_json(arena, doc, facts));
        json_add_value(doc, root, "oddities", boot_findings_json(doc, facts));
        assert_non_null(json_write(arena, doc, root, false).data);
    } else {
        /* Refused with a reason, and where there are bytes, with a place (L-3, L-4). */
        assert_true(trail.what[0] != '\0');
        assert_true(trail.has_offset || out.err == ERR_NOT_FOUND || out.err == ERR_TOO_LARGE);
    }
    free(copy);
    return out;
}

#endif
