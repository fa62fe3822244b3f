/*
 * raw.h - the text of a value as it stands in a document, byte for byte.
 *
 * For what is hashed or handed on as it was received: a value that is read and written again may
 * have another spelling. Works beside the values of json_read, on the very text that was given to
 * it: which member is meant is asked of the parsed object, so there is one reader of names.
 */
#ifndef JSON_RAW_H
#define JSON_RAW_H

#include "json/json.h"

/* The text of a document's root value, without the space around it. */
struct span json_raw_root(struct span document);
/* The text of the member that json_get(object, name) finds; raw is the text of object. Empty when
 * there is no such member. Linear in raw. */
struct span json_raw_member(yyjson_val *object, struct span raw, const char *name);
/* The text of an array's element; raw is the text of the array. Empty past the end. */
struct span json_raw_item(yyjson_val *array, struct span raw, size_t index);

#endif
