/*
 * facts/windows-parts.h - what the facts-windows*.c files share while they make facts. Not for
 * others.
 *
 * Two walks over the same events: the first counts and finds what is malformed, the second keeps.
 * An event that is malformed anywhere says nothing at all. Failures stick in ctx->err.
 */
#ifndef FACTS_WINDOWS_PARTS_H
#define FACTS_WINDOWS_PARTS_H

#include "facts/parts.h"
#include "facts/windows.h"
#include "reading/sipa.h"

enum { PCR_SETTINGS = 12, PCR_DETAILS = 13, PCR_AUTHORITIES = 14, MEASURED_PCRS = 3 };

/* One of the registers 12 to 14. */
struct windows_side {
    bool is_closed;  /* by Windows' separator */
    bool is_broken;  /* something before it was not read */
    bool has_late;   /* reported */
    size_t n_events; /* that were read */
    struct windows_value value[WINDOWS_SETTING_COUNT];
};

struct windows_counts {
    size_t modules, loaded, authorities, elam;
};

struct windows_walk {
    struct facts_ctx *ctx;
    struct windows_facts *facts;
    uint8_t cap[HASH_MAX_BYTES]; /* H("WBCL"): whatever type the event claims (D-2) */
    int bank;
    bool is_counting;
    struct windows_counts counts;  /* then the room there is */
    bool *is_malformed;            /* of each reading, found by the first walk */
    struct windows_module *loaded; /* digests of PCR 12 */
    size_t n_loaded_kept;
    struct windows_side side[MEASURED_PCRS];
    const char *root[MEASURED_PCRS];
    bool has_counter;
    uint64_t counter;
    /* within one event */
    const struct event *event;
    struct windows_side *at;
    struct windows_module *module; /* the container that is open; NULL */
    struct windows_elam *elam;
    unsigned container_depth;
    uint8_t seen[WINDOWS_FLAG_COUNT];       /* 1: no, 2: yes */
    bool has_contradiction, has_bad_module; /* reported */
};

/* ---- facts/windows-records.c: one event ---- */

/* The first walk: what is in it. After an error nothing of it was counted. */
err_t windows_count_event(struct windows_walk *w, const struct event *event) MUST_CHECK;
/* The second, of events that can be read. */
void windows_keep_event(struct windows_walk *w, const struct event *event);

bool windows_has_value(const struct windows_value *value, uint64_t number);
void windows_add_value(struct windows_value *value, uint64_t number);
void windows_add_value_event(struct windows_value *value, uint32_t event);

/* ---- facts/windows-states.c: what follows from all events ---- */

/* Why a register does not tell all; NULL when it does. */
const char *windows_register_doubt(const struct windows_side *side);
void windows_conclude(struct windows_walk *w);

#endif
