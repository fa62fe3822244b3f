/*
 * marker.h - DIR/initialised: the pieces that a start found or made, so that one that is lost later
 * is asked for and not made anew without a word.
 *
 * A name a line, '#' begins a comment. Keys of own providers are not listed: the database has
 * those. Written after a complete start, and again when the pieces change in a way that is allowed:
 * an operator's own TLS certificate takes the place of the CA. A folder of a version without it
 * gets it at the next start. Removing it has what is missing made.
 */
#ifndef SERVICE_MARKER_H
#define SERVICE_MARKER_H

#include "service/folder.h"

/* ERR_NOT_FOUND names a piece that was here, what helps, and what a new one costs. *ret_is_first:
 * there is neither a marker nor a piece. */
err_t marker_check(const struct folder *folder, struct trail *trail, bool *ret_is_first) MUST_CHECK;
/* Was a key of this further region's shared provider there at the end of an earlier start? place:
 * "signing/sharedNAME". */
err_t marker_has_key(const struct folder *folder, const char *place, struct trail *trail,
                     bool *ret) MUST_CHECK;
err_t marker_write(const struct folder *folder, struct trail *trail) MUST_CHECK;

#endif
