/*
 * Who can send these bytes: root of any guest. A log, as policies are told of it: what is written
 * must be JSON.
 */
#include "claims/claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.max_depth = 64, .max_values = 64u * 1024 * 1024};
    struct arena *arena = arena_new(512u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct eventlog *log = NULL;
    struct readings *readings = NULL;
    struct boot_facts facts = {0};
    struct evidence evidence = {0};
    struct appraisal appraisal = {.is_log_proven = true, .facts = &facts};
    struct span json;

    if (eventlog_read(arena, span_of(data, size), NULL, &log) == ERR_OK &&
        log->kind == EVENTLOG_PCRS && readings_make(arena, log, hasher, &readings) == ERR_OK) {
        facts.readings = readings;
        appraisal.log = log;
        if (claims_events(arena, hasher, &appraisal, &evidence, NULL, &json) == ERR_OK) {
            yyjson_val *root = NULL;
            err_t err = json_read(arena, json, &limits, NULL, &root);

            if (err == ERR_JSON_SYNTAX || err == ERR_JSON_DUPLICATE) {
                __builtin_trap();
            }
        }
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
