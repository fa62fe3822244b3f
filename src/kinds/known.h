/*
 * known.h - inside of the kinds room: objects in which a misspelt member would be lost, and with it
 * the protection that its owner believes in. Such members are refused, as Azure does it; all else
 * that is not known here is kept as it came.
 */
#ifndef KINDS_KNOWN_H
#define KINDS_KNOWN_H

#include "kinds/parts.h"

enum known_how {
    KNOWN_ALL,   /* in any case, and no others */
    KNOWN_EXACT, /* likewise, for readers that tell "Name" from "name" */
    KNOWN_SOME,  /* new ones come with each version: refused is what is near to one of these */
};
struct known_object {
    const char *path; /* in the body: "properties.securityProfile" */
    const char *type; /* what Azure calls it */
    enum known_how how;
    const char *const *names; /* NULL behind the last */
};
#define KNOWN(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Are these what the body says they are: objects, or not there, with no members but the known ones?
 * False and refused. Those are spelt afterwards as they are here: clients that read them tell
 * "uefiSettings" from "UefiSettings". */
bool known_members(struct control_call *call, yyjson_mut_val *body,
                   const struct known_object *objects, size_t n, struct control_answer *ret);

#endif
