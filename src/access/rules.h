/*
 * rules.h - who may do what where: role definitions and role assignments, as Azure has them.
 *
 * A role allows the actions that one of its `actions` matches and none of its `notActions` does.
 * notActions take away from their own role alone: what another role of the caller allows stays
 * allowed. An assignment gives a principal a role at a scope and everywhere below it. Nothing is
 * allowed that no assignment allows; there are no deny rules.
 *
 * Shared providers (below /providers) are another world: whoever is signed in may read and attest
 * there, nobody may change anything, and no assignment reaches them, not even an Owner's at "/".
 * So a service that serves a shared provider asks with the scope
 * /providers/Microsoft.Attestation/attestationProviders/NAME, which has no subscription in it, and
 * answers a refusal with 401 Unauthorized; it never skips the question.
 *
 * A set of rules is immutable, reference counted and swapped whole; any thread may ask.
 */
#ifndef ACCESS_RULES_H
#define ACCESS_RULES_H

#include "access/scope.h"
#include "access/token.h"

/* What the service asks for. */
#define ACCESS_PROVIDER "Microsoft.Attestation/attestationProviders/"
#define ACCESS_ATTESTATION_READ ACCESS_PROVIDER "attestation/read"
#define ACCESS_ATTESTATION_WRITE ACCESS_PROVIDER "attestation/write"
#define ACCESS_ATTESTATION_DELETE ACCESS_PROVIDER "attestation/delete"
#define ACCESS_PROVIDER_READ ACCESS_PROVIDER "read"
#define ACCESS_PROVIDER_WRITE ACCESS_PROVIDER "write"
#define ACCESS_PROVIDER_DELETE ACCESS_PROVIDER "delete"
#define ACCESS_SHARED_SCOPE "/providers/Microsoft.Attestation/attestationProviders/"

/* Azure's built-in roles: the same everywhere. */
#define ACCESS_ROLE_OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define ACCESS_ROLE_CONTRIBUTOR "b24988ac-6180-42a0-ab88-20f7382dd24c"
#define ACCESS_ROLE_READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define ACCESS_ROLE_ATTESTATION_READER "fd1bd22b-8476-40bc-a0bc-69b95687b9f3"
#define ACCESS_ROLE_ATTESTATION_CONTRIBUTOR "bbf86eb8-f7b4-4cce-96e4-18cddf81d86e"
#define ACCESS_ROLE_ACCESS_ADMINISTRATOR "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
#define ACCESS_ROLE_RBAC_ADMINISTRATOR "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
#define ACCESS_ROLE_VM_CONTRIBUTOR "9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
#define ACCESS_ROLE_NETWORK_CONTRIBUTOR "4d97b98b-1d4f-4787-a291-c67834d212e7"
#define ACCESS_ROLE_SECURITY_READER "39bc4728-0917-49c7-9d2c-d95423bc2eb4"
#define ACCESS_ROLE_SECURITY_ADMIN "fb1c8493-542b-48eb-b624-b4c8fea62acd"

/* Who gives roles asks for these. */
#define ACCESS_ASSIGNMENT_READ "Microsoft.Authorization/roleAssignments/read"
#define ACCESS_ASSIGNMENT_WRITE "Microsoft.Authorization/roleAssignments/write"
#define ACCESS_ASSIGNMENT_DELETE "Microsoft.Authorization/roleAssignments/delete"
#define ACCESS_DEFINITION_READ "Microsoft.Authorization/roleDefinitions/read"

enum {
    ACCESS_RULES_MAX_BYTES = 4 * 1024 * 1024, /* the JSON form */
    ACCESS_MAX_ROLES = 256,                   /* of one's own */
    ACCESS_MAX_ACTIONS = 64,                  /* of each list of a role */
    ACCESS_MAX_ASSIGNMENTS = 4096,
    ACCESS_DESCRIPTION_MAX = 1024,
};

struct access_role {
    const char *id; /* a UUID in lower case */
    const char *name;
    const char *const *actions; /* NULL behind the last */
    const char *const *not_actions;
    const char *description; /* for people; NULL = none */
};

struct access_assignment {
    const char *principal; /* object id */
    const char *tenant;    /* of the principal: object ids of two tenants may be alike */
    const char *role;      /* id of a definition */
    const char *scope;
    const char *description; /* for people; NULL = none */
};

struct access_rules;

/* The document of docs/formats/access.md. Unknown members are refused: a word that was misspelt
 * must not become a rule that is not there. */
err_t access_rules_read(struct span json, struct trail *trail,
                        struct access_rules **ret) MUST_CHECK;
/* Definitions of one's own and all assignments, sorted by nothing: as they were read. */
err_t access_rules_write(const struct access_rules *rules, struct arena *arena,
                         struct span *ret) MUST_CHECK;
/* base (NULL = none) and these besides; base stays as it is. ERR_VALUE for an assignment with an
 * unknown role, with no scope, or at a shared provider. One that is there already is not added. */
err_t access_rules_with(const struct access_rules *base, const struct access_assignment *more,
                        size_t n_more, struct trail *trail, struct access_rules **ret) MUST_CHECK;
struct access_rules *access_rules_ref(struct access_rules *rules);
void access_rules_free(struct access_rules *rules);
DEFINE_CLEANUP(struct access_rules *, access_rules_free)

size_t access_rules_count(const struct access_rules *rules);
const struct access_assignment *access_rules_at(const struct access_rules *rules, size_t index);
/* By id, built-in or own, ignoring case; NULL when there is none. */
const struct access_role *access_rules_role(const struct access_rules *rules, struct span id);
/* All of them, one by one: Azure's, and those of one's own. NULL past the end. */
const struct access_role *access_role_builtin(size_t index);
const struct access_role *access_rules_role_at(const struct access_rules *rules, size_t index);

/* ACCESS_OK, ACCESS_ROLE, or ACCESS_SHARED for anything but reading at a shared provider. A scope
 * or an action that is none is refused. */
enum access_reason access_decide(const struct access_rules *rules,
                                 const struct access_caller *caller, const char *action,
                                 struct span scope);
/* Is it this caller's? */
bool access_is_of(const struct access_assignment *assignment, const struct access_caller *caller);
/* Has the caller any role at this scope, above it or below it: may it know that the place is there?
 */
bool access_has_role_within(const struct access_rules *rules, const struct access_caller *caller,
                            struct span scope);
/* access_decide says ACCESS_OK. */
bool access_may(const struct access_rules *rules, const struct access_caller *caller,
                const char *action, struct span scope);

#endif
