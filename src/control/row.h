/*
 * row.h - paths of their own: everything that is no resource of a kind.
 */
#ifndef CONTROL_ROW_H
#define CONTROL_ROW_H

#include "control/control.h"

enum control_level {
    CONTROL_TENANT,       /* pattern below "" */
    CONTROL_SUBSCRIPTION, /* below "/subscriptions/S" */
    CONTROL_GROUP,        /* below "/subscriptions/S/resourceGroups/G" */
};

enum control_row_flag {
    ROW_ANY_CALLER = 1 << 0, /* who is signed in; no action is asked for */
    ROW_ANY_ROLE = 1 << 1,   /* who has a role anywhere in the subscription */
    ROW_TEMPLATE = 1 << 2,   /* its body may be as long as a template */
};

typedef void control_handler(struct control_call *call, struct control_answer *ret);
/* Where the action is asked for, when that is not the level: NULL and refused. */
typedef const char *control_scope_of(struct control_call *call, struct control_answer *ret);

/* {} in a pattern is one segment; "" is the level itself. Words are compared ignoring case. */
struct control_row {
    unsigned methods;
    enum control_level level;
    const char *pattern;
    const char *action;
    control_handler *handler; /* NULL ends a table */
    unsigned flags;
    control_scope_of *scope_of;
};

#endif
