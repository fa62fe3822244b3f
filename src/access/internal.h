/*
 * internal.h - what the files of this room share. Not for other rooms.
 */
#ifndef ACCESS_INTERNAL_H
#define ACCESS_INTERNAL_H

#include "access/rules.h"

#include <stdatomic.h>

struct access_rules {
    atomic_uint refs;
    struct arena *arena; /* of all texts and lists below; not used once the rules are shared */
    struct access_role *roles;
    size_t n_roles;
    struct access_assignment *assignments;
    size_t n_assignments;
};

/* Empty, with its arena and room for so many. NULL without memory. */
struct access_rules *access_rules_new(size_t n_roles, size_t n_assignments);
/* Copies the texts; ERR_VALUE for what is no definition, ERR_CONFLICT for an id that is taken. */
err_t access_rules_add_role(struct access_rules *rules, const struct access_role *role,
                            struct trail *trail) MUST_CHECK;
err_t access_rules_add_assignment(struct access_rules *rules,
                                  const struct access_assignment *assignment,
                                  struct trail *trail) MUST_CHECK;

#endif
