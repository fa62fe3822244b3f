/*
 * alive.h - saying that the agent lives, to whoever ends one that says nothing for too long: before
 * each call, and now and then while it waits.
 */
#ifndef AGENT_ALIVE_H
#define AGENT_ALIVE_H

#include <stddef.h>

struct alive {
    void (*say)(void *context);
    void *context;
    unsigned every_ms; /* while it waits; not 0 */
};

/* NULL: nobody wants to know. */
static inline void alive_say(const struct alive *alive)
{
    if (alive != NULL) {
        alive->say(alive->context);
    }
}

#endif
