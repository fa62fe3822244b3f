/*
 * roles-internal.h - what the files of roles.h share. Not for other rooms.
 */
#ifndef IDENTITY_ROLES_INTERNAL_H
#define IDENTITY_ROLES_INTERNAL_H

#include "identity/gate-internal.h"
#include "identity/roles.h"
#include "json/json.h"

#define ROLES_PROVIDER "/providers/Microsoft.Authorization/"

/* $filter: terms that all must hold. Texts in the arena; NULL = not asked. */
struct roles_filter {
    bool is_at_scope; /* atScope(): nothing from below */
    const char *principal;
    const char *role_name;
    const char *type; /* of a definition */
};
/* ERR_VALUE for what is none of the terms above. */
err_t roles_filter_read(struct arena *arena, struct span text, struct trail *trail,
                        struct roles_filter *ret) MUST_CHECK;

void roles_refuse(const struct roles_call *call, struct roles_answer *ret, unsigned status,
                  const char *code, const char *fmt, ...) PRINTF_LIKE(5, 6);
void roles_answer_json(const struct roles_call *call, struct roles_answer *ret, unsigned status,
                       yyjson_mut_doc *doc, yyjson_mut_val *root);
/* The filter of a list; false when it is refused. */
bool roles_read_filter(const struct roles_call *call, struct roles_answer *ret,
                       struct roles_filter *filter);
/* A resource id below the call's subscription: SCOPE/providers/Microsoft.Authorization/KIND/NAME.
 */
const char *roles_id(struct arena *arena, struct span scope, const char *kind, const char *name);
/* As definitions are named: in the subscription of the scope, or of the whole server. */
const char *roles_definition_id(struct arena *arena, struct span scope, const char *role);

void roles_definitions(struct gate *gate, const struct roles_call *call, struct roles_answer *ret);
void roles_permissions(struct gate *gate, const struct roles_call *call, struct roles_answer *ret);

#endif
