/*
 * kinds.h - the types of resources that this server has: the tables that a control is opened with.
 *
 * A new one is a file with a `struct kind` here, and a line in kinds.c.
 */
#ifndef KINDS_KINDS_H
#define KINDS_KINDS_H

#include "control/kind.h"
#include "control/row.h"

/* NULL behind the last. */
extern const struct kind *const kinds_all[];
extern const struct control_row *const kinds_rows[];

#endif
