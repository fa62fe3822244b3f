/*
 * body.h - bodies of resources as JSON that can be changed. Members are found ignoring ASCII case,
 * as clients expect (control-plane-api 7). Every function takes NULL and values of another type as
 * "not there". Depth is that of json_read.
 */
#ifndef RESOURCE_BODY_H
#define RESOURCE_BODY_H

#include "json/json.h"

enum { BODY_MAX_MEMBERS = 1000 };

/* NULL when absent. */
yyjson_mut_val *body_get(yyjson_mut_val *object, const char *name);
/* "properties.securityProfile.uefiSettings": member of member. */
yyjson_mut_val *body_at(yyjson_mut_val *object, const char *path);
/* The text of a string without NUL bytes; NULL for anything else. */
const char *body_text(yyjson_mut_val *value);
const char *body_text_at(yyjson_mut_val *object, const char *path);
bool body_is_true(yyjson_mut_val *value); /* also the string "true", in any case */
/* Remove every spelling of the name. */
void body_drop(yyjson_mut_val *object, const char *name);
/* In place of every spelling of the name, under this spelling. */
void body_set(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, yyjson_mut_val *value);
void body_set_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text);
/* The object of that name, made when it is not there. NULL without memory. */
yyjson_mut_val *body_need_object(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name);
/* Members that are null are gone, in all objects: null means absent (arm-templates 3.1). */
void body_clean(yyjson_mut_val *value);
/* RFC 7396, with names in any case. `patch` is of the same document, and not used afterwards. */
void body_merge(yyjson_mut_doc *doc, yyjson_mut_val *object, yyjson_mut_val *patch);
/* The same value: members in any order and case, numbers by value. */
bool body_equal(yyjson_mut_val *a, yyjson_mut_val *b);
/* Of bodies from outside: no name twice in one object, however it is spelt (two readers could
 * disagree about the second), no NUL in names, at most BODY_MAX_MEMBERS. ERR_JSON_DUPLICATE,
 * ERR_TOO_MANY with the member's path. */
err_t body_check(yyjson_mut_val *value, struct trail *trail) MUST_CHECK;

#endif
