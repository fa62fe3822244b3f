/*
 * format.h - parts of a policy as text on one line. Not for other rooms.
 */
#ifndef POLICY_FORMAT_H
#define POLICY_FORMAT_H

#include "base/buf.h"

/* The words of source between two offsets, in the usual spacing and without comments. */
void policy_format_flat(struct buf *out, struct span source, size_t from, size_t to);

#endif
