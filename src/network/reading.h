/*
 * reading.h - how this room reads objects that clients send, and refuses them: code, member and
 * words in one call. Not for other rooms.
 */
#ifndef NETWORK_READING_H
#define NETWORK_READING_H

#include "network/rule.h"

struct reading {
    struct arena *arena;
    struct network_fault *fault;
    struct trail *trail;
};

/* Records the code, the member as target, and the words; the trail is at the member. Returns err.
 */
err_t reading_refuse(const struct reading *r, err_t err, const char *code, const char *member,
                     const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The fault without a rule of its own: "InvalidRequestFormat" with what the trail says already. */
err_t reading_failed(const struct reading *r, err_t err, const char *member);
/* A member in any case; NULL when it is absent, null, or an empty string or array: clients send all
 * of these for "not set". */
err_t reading_member(const struct reading *r, yyjson_val *object, const char *name,
                     yyjson_val **ret) MUST_CHECK;
/* The object has no members but these, in any case: what is not understood could be what decides.
 */
err_t reading_only(const struct reading *r, yyjson_val *object, const char *const *names,
                   size_t n) MUST_CHECK;
/* A copy in the arena; NULL at its limit. */
const char *reading_copy(const struct reading *r, struct span text);

#endif
