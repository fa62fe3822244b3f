/*
 * roles.h - Microsoft.Authorization at any scope, as its REST forms want it: who has which role
 * where, what the roles are, what the caller may do.
 *
 *     SCOPE/providers/Microsoft.Authorization/roleAssignments[/NAME]    GET, PUT, DELETE
 *     SCOPE/providers/Microsoft.Authorization/roleDefinitions[/ID]      GET
 *     SCOPE/providers/Microsoft.Authorization/permissions               GET
 *
 * Whether the caller may is asked in here: giving a role needs roleAssignments/write at that very
 * scope or above it. That the scope is there, and the audit log (service/audit.h, around every
 * call of roles_changes), are the caller's business. Roles of the configuration and of access.json
 * are listed like others, under names made from what they say; they are not taken away here.
 * Answers are JSON; refusals have a code and a message, for the usual error body.
 */
#ifndef IDENTITY_ROLES_H
#define IDENTITY_ROLES_H

#include "identity/gate.h"

enum { ROLES_BODY_MAX = 16 * 1024, ROLES_FILTER_MAX = 1024, ROLES_RETRY_S = 5 };

enum roles_kind { ROLES_ASSIGNMENTS, ROLES_DEFINITIONS, ROLES_PERMISSIONS };
enum roles_method { ROLES_GET, ROLES_PUT, ROLES_DELETE };

struct roles_call {
    struct arena *arena;
    int64_t now;
    const struct access_caller *caller;
    enum roles_kind kind;
    enum roles_method method;
    struct span scope;  /* "/subscriptions/S[/...]" or "/", decoded, without a last slash */
    struct span name;   /* behind the kind, decoded; data NULL = all of them */
    struct span filter; /* $filter, decoded; data NULL = none */
    struct span body;   /* of a PUT */
};
struct roles_answer {
    unsigned status;
    const char *code; /* of a refusal; else NULL */
    const char *message;
    unsigned retry_after_s; /* 0 = none */
    struct span body;       /* JSON; data NULL for 204 */
    const char *detail;     /* of a change, for the audit: "principal=.. role=.." */
};

/* Does this call change anything, if it is let? */
bool roles_changes(const struct roles_call *call);
/* The action that it needs: "Microsoft.Authorization/roleAssignments/write". */
const char *roles_action(const struct roles_call *call);
void roles_call(struct gate *gate, const struct roles_call *call, struct roles_answer *ret);

#endif
