/*
 * told.h - for tests: what a manager told about ends of places and about changes, one line each.
 *
 *     told_listen(&m);                     on the same store, with ears
 *     ... requests ...
 *     assert_told("forget " THING);        and forgets it
 *     assert_told_nothing();
 */
#ifndef TESTS_CONTROL_TOLD_H
#define TESTS_CONTROL_TOLD_H

#include "unit/control/manager.h"

#include <pthread.h>

enum { TOLD_LINES = 256, TOLD_LINE_MAX = 512 };

/* Jobs tell too, in threads of their own. */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static char told_lines[TOLD_LINES][TOLD_LINE_MAX];
static size_t told_n;
static bool told_refuses;      /* everything that is asked is refused */
static const char *told_keeps; /* roles at what begins so cannot be taken away; NULL: at nothing */

static inline void told_add(const char *line)
{
    pthread_mutex_lock(&told_lock);
    assert_true(told_n < TOLD_LINES);
    snprintf(told_lines[told_n++], TOLD_LINE_MAX, "%s", line);
    pthread_mutex_unlock(&told_lock);
}

static inline err_t told_forget(void *context, const char *scope, struct trail *trail,
                                size_t *ret_n)
{
    char line[TOLD_LINE_MAX];

    (void)context;
    snprintf(line, sizeof(line), "forget %s", scope);
    told_add(line);
    *ret_n = 1;
    return told_refuses || (told_keeps != NULL && strstr(scope, told_keeps) == scope)
               ? trail_set(trail, ERR_IO, "the disk is full")
               : ERR_OK;
}

static inline err_t told_audit(void *context, enum control_audit_event event,
                               const struct control_change *change)
{
    static const char *const words[] = {"begin", "finish", "refused"};
    char line[TOLD_LINE_MAX];

    (void)context;
    assert_non_null(change->id);
    assert_non_null(change->cause);
    snprintf(line, sizeof(line), "%s %s %s %s %s by %s for %s%s%s", words[event], change->method,
             change->path, change->action, change->reason == NULL ? "" : change->reason,
             change->caller->object_id, change->cause, change->detail == NULL ? "" : " ",
             change->detail == NULL ? "" : change->detail);
    told_add(line);
    return told_refuses ? ERR_IO : ERR_OK;
}

static inline void told_listen(struct manager *manager)
{
    manager_stop(manager);
    manager->options.forget_scope = told_forget;
    manager->options.audit = told_audit;
    manager_start(manager);
    told_n = 0;
    told_refuses = false;
    told_keeps = NULL;
}

/* Where a line that begins so stands; -1: nowhere. */
static inline int told_where(const char *start)
{
    int found = -1;

    pthread_mutex_lock(&told_lock);
    for (size_t i = 0; i < told_n && found < 0; i++) {
        if (strncmp(told_lines[i], start, strlen(start)) == 0) {
            found = (int)i;
        }
    }
    pthread_mutex_unlock(&told_lock);
    return found;
}

static inline void assert_told(const char *start)
{
    int where = told_where(start);

    if (where < 0) {
        for (size_t i = 0; i < told_n; i++) {
            print_error("told: %s\n", told_lines[i]);
        }
        fail_msg("nobody was told: %s", start);
    }
    told_lines[where][0] = '\0';
}

static inline void assert_told_nothing(void)
{
    for (size_t i = 0; i < told_n; i++) {
        assert_string_equal(told_lines[i], "");
    }
    told_n = 0;
}

#endif
