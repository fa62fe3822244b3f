/*
 * join-token.h - join tokens of guests in what owners write: customData, userData, and the
 * templates and parameters that these come from. Whoever may read what is kept sees such texts, so
 * no token stays in them.
 */
#ifndef RESOURCE_JOIN_TOKEN_H
#define RESOURCE_JOIN_TOKEN_H

#include "json/json.h"

/* In customData or userData: "bootwarden-join-token: TOKEN" on a line of its own. */
#define JOIN_TOKEN_MARK "bootwarden-join-token"
#define JOIN_TOKEN_PREFIX "bwj_" /* of those that the server makes */

enum { JOIN_TOKEN_MIN = 20, JOIN_TOKEN_MAX = 128 };

/* The word behind JOIN_TOKEN_MARK and a colon or an equals sign; cloud-config, shell and plain text
 * have that in common. Borrowed from text; data NULL when there is none. */
struct span join_token_find(struct span text);
/* The mark is there, and nothing stands behind it: whoever wrote it believes that a token does. */
bool join_token_is_missing(struct span text);
/* Stars in place of these words, and of all with JOIN_TOKEN_PREFIX, in every string of the value,
 * which may be NULL; also where a string is base64 of such a text. Names of members stay. A string
 * for which there is no memory becomes empty. */
void join_token_strike(struct arena *arena, yyjson_mut_val *value);

#endif
