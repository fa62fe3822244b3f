/*
 * json.h - JSON from outside, read strictly, and JSON of ours, built sorted or in order.
 *
 * Reading goes through yyjson and is then held to rules that yyjson does not have: nesting and
 * value count are capped before anything is built, a member name may occur once (two readers
 * could disagree about the second), strings are valid UTF-8, no comments, no trailing commas, no
 * NaN. Values borrow from the document, the document from the arena.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#include <yyjson.h>

struct json_limits {
    size_t max_depth;
    size_t max_values;
    bool keeps_numbers; /* as their text (yyjson_is_raw), which says what a double cannot */
};

/* JSON_MAX_ESCAPED: longest text made of bytes that are no UTF-8. */
enum { JSON_MAX_DEPTH = 32, JSON_MAX_VALUES = 65536, JSON_MAX_ESCAPED = 4096 };

/* limits NULL = JSON_MAX_DEPTH, JSON_MAX_VALUES. ERR_JSON_SYNTAX with offset, ERR_JSON_DUPLICATE
 * with the member's path, ERR_TOO_DEEP, ERR_TOO_MANY. */
err_t json_read(struct arena *arena, struct span text, const struct json_limits *limits,
                struct trail *trail, yyjson_val **ret) MUST_CHECK;

/* A member by name, exactly or ignoring ASCII case; NULL when absent or not an object. Ignoring
 * case, a second spelling of the same name is reported as ERR_JSON_DUPLICATE. */
yyjson_val *json_get(yyjson_val *object, const char *name);
err_t json_get_nocase(yyjson_val *object, const char *name, struct trail *trail,
                      yyjson_val **ret) MUST_CHECK;

/* A string value as bytes; data NULL when it is no string. */
struct span json_span(yyjson_val *value);
/* The string as text when it holds no NUL byte, else NULL. */
const char *json_text(yyjson_val *value);

/* A number, given as its text of valid JSON, when it is whole (2.0 and 2e1 are) and 64 bits hold
 * its magnitude: exactly. False otherwise. */
bool json_number_whole(struct span text, bool *ret_is_negative, uint64_t *ret_magnitude);

/* An object with no members but these (NULL ends the names). ERR_JSON_TYPE, ERR_VALUE. */
err_t json_need_only(yyjson_val *object, const char *const *names, struct trail *trail) MUST_CHECK;
/* Members that must be there, of the right type; the trail names the member. */
err_t json_need(yyjson_val *object, const char *name, struct trail *trail,
                yyjson_val **ret) MUST_CHECK;
err_t json_need_string(yyjson_val *object, const char *name, struct trail *trail,
                       struct span *ret) MUST_CHECK;
err_t json_need_object(yyjson_val *object, const char *name, struct trail *trail,
                       yyjson_val **ret) MUST_CHECK;
err_t json_need_array(yyjson_val *object, const char *name, struct trail *trail,
                      yyjson_val **ret) MUST_CHECK;
err_t json_need_uint(yyjson_val *object, const char *name, uint64_t max, struct trail *trail,
                     uint64_t *ret) MUST_CHECK;
/* A string member decoded from base64 in the given form (see base/codec.h). */
err_t json_need_base64(struct arena *arena, yyjson_val *object, const char *name, int form,
                       struct trail *trail, struct span *ret) MUST_CHECK;

/* A document to build into; its memory comes from the arena. NULL at the arena's limit. */
yyjson_mut_doc *json_new(struct arena *arena);
/* Text of value, compact or indented; NUL-terminated in the arena. data NULL on failure, also when
 * anything that was added to doc before did not find room: no document comes out with a member
 * missing. doc must be of json_new. */
struct span json_write(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value,
                       bool pretty);
/* Members of value and of all objects inside it in byte order of their names: the form of
 * Azure's tokens, and of everything we hash. Depth as read, else ERR_TOO_DEEP. */
err_t json_sort(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value) MUST_CHECK;

/* Short forms for building: add a member to object. Strings are copied; invalid UTF-8 is escaped
 * (and cut at JSON_MAX_ESCAPED). NULL values of text are added as JSON null; a NULL object or value
 * is a failure. Failures stick to doc and show up in json_write. */
void json_add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text);
void json_add_span(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, struct span text);
void json_add_hex(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                  const char *name, struct span bytes);
void json_add_uint(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, uint64_t value);
void json_add_int(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, int64_t value);
void json_add_bool(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, bool value);
yyjson_mut_val *json_add_object(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name);
yyjson_mut_val *json_add_array(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name);
void json_add_value(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                    yyjson_mut_val *value);

#endif
