/*
 * memory.h - yyjson allocating from an arena, and remembering that it once could not.
 *
 * Not for other rooms. The functions of yyjson that add to a document answer false when memory is
 * out, and the document goes on without the member: a token without a claim, a report without a
 * reason. So a failure sticks here, and json_write refuses the document.
 */
#ifndef JSON_MEMORY_H
#define JSON_MEMORY_H

#include "json/json.h"

struct json_memory {
    yyjson_alc alc; /* its ctx is this struct */
    struct arena *arena;
    bool has_failed;
};

/* In the arena; NULL at its limit. */
struct json_memory *json_memory_new(struct arena *arena);
/* Of a document made by json_new. */
struct json_memory *json_memory_of(yyjson_mut_doc *doc);

#endif
