/*
 * documents.h - for tests: the events document of a log, taken for proven, and what stands in it.
 */
#ifndef TESTS_CLAIMS_DOCUMENTS_H
#define TESTS_CLAIMS_DOCUMENTS_H

#include "unit/facts/logs.h"

#include "claims/claims.h"

struct document {
    struct arena *arena;
    struct appraisal appraisal;
    struct evidence evidence;
    struct span json;
    yyjson_val *events;
};

/* As if the registers were those of the log. err: of claims_events. */
static inline err_t document_try(struct document *d, struct arena *arena, struct span log,
                                 struct trail *trail)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct logs_made made = logs_facts(arena, log);
    yyjson_val *root = NULL;
    err_t err;

    d->arena = arena;
    d->appraisal.log = made.facts->log;
    d->appraisal.facts = made.facts;
    d->appraisal.is_log_proven = true;
    err = claims_events(arena, hasher, &d->appraisal, &d->evidence, trail, &d->json);
    if (err) {
        return err;
    }
    assert_ok(json_read(arena, d->json,
                        &(struct json_limits){.max_depth = 32, .max_values = 4 * 1024 * 1024}, NULL,
                        &root));
    d->events = json_get(root, "Events");
    assert_true(yyjson_is_arr(d->events));
    return ERR_OK;
}

static inline void document_make(struct document *d, struct arena *arena, struct span log)
{
    memset(d, 0, sizeof(*d));
    assert_ok(document_try(d, arena, log, NULL));
}

static inline yyjson_val *document_event(const struct document *d, uint32_t seq)
{
    size_t index;
    size_t max;
    yyjson_val *event;

    yyjson_arr_foreach(d->events, index, max, event)
    {
        if (yyjson_get_uint(json_get(event, "EventSeq")) == seq) {
            return event;
        }
    }
    return NULL;
}

static inline yyjson_val *document_processed(yyjson_val *event)
{
    yyjson_val *processed = json_get(event, "ProcessedData");

    assert_true(yyjson_is_obj(processed));
    return processed;
}

/* How many variables of this name are decoded, and the last one. */
static inline size_t document_variables(const struct document *d, const char *name,
                                        yyjson_val **ret_event)
{
    size_t n = 0;
    size_t index;
    size_t max;
    yyjson_val *event;

    yyjson_arr_foreach(d->events, index, max, event)
    {
        if (yyjson_equals_str(json_get(document_processed(event), "UnicodeName"), name)) {
            *ret_event = event;
            n++;
        }
    }
    return n;
}

/* The text of a value, compact. */
static inline const char *document_text(const struct document *d, yyjson_val *value)
{
    yyjson_mut_doc *doc = json_new(d->arena);

    return (const char *)json_write(d->arena, doc, yyjson_val_mut_copy(doc, value), false).data;
}

#endif
