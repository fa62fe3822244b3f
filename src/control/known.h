/*
 * known.h - objects in which a misspelt member would be lost, and with it the protection that its
 * owner believes in. Such members are refused, as Azure does it; all else that is not known here is
 * kept as it came.
 */
#ifndef CONTROL_KNOWN_H
#define CONTROL_KNOWN_H

#include "control/control.h"

enum known_how {
    KNOWN_ALL,   /* in any case, and no others */
    KNOWN_EXACT, /* likewise, for readers that tell "Name" from "name" */
    KNOWN_SOME,  /* new ones come with each version: refused is what is near to one of these */
};
struct known_object {
    const char *path; /* in the body: "properties.securityProfile"; "" = the body itself */
    const char *type; /* what Azure calls it */
    enum known_how how;
    const char *const *names; /* NULL behind the last */
};
#define KNOWN(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Are these what the body says they are: objects, or not there, with no members but the known ones?
 * False and refused. Those are spelt afterwards as they are here: clients that read them tell
 * "uefiSettings" from "UefiSettings". */
bool known_members(const struct control_call *call, yyjson_mut_val *body,
                   const struct known_object *objects, size_t n, struct control_answer *ret);
/* The same of one object that is only read, and stays as it is spelt. */
bool known_members_read(const struct control_call *call, yyjson_val *value,
                        const struct known_object *object, struct control_answer *ret);
/* What stands at the top of the body of any resource. */
extern const struct known_object control_top_members;

#endif
