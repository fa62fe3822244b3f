/*
 * eventlog.h - what the parts of `bootwarden eventlog` share.
 */
#ifndef CLI_EVENTLOG_H
#define CLI_EVENTLOG_H

#include "facts/facts.h"

struct eventlog_view {
    struct arena *arena;
    struct boot_facts *facts;
    struct reference *reference;
    struct eventlog_registers registers[HASH_COUNT];
    size_t n_registers;
    uint32_t pcr_mask;
    bool is_filtered; /* by --pcr */
    bool show_events;
    bool show_facts;
};

/* Shall events of this register be shown? Windows' trust point has none and hides in a filter. */
static inline bool eventlog_view_has(const struct eventlog_view *view, uint32_t pcr)
{
    return pcr < EVENTLOG_REGISTERS ? (view->pcr_mask & 1u << pcr) != 0 : !view->is_filtered;
}

/* `bootwarden eventlog diff`: argv[0] is "diff". An exit code. */
int eventlog_diff(int argc, char **argv);

/* The form for people, to standard output. */
void eventlog_print(const struct eventlog_view *view);

/* A canonical event log instead, in either form; an exit code. */
int eventlog_cel(struct arena *arena, const char *path, struct span bytes, bool as_json);

#endif
