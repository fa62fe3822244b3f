/*
 * gate.h - who is calling, and may they: what every handler of a protected path asks.
 *
 *     DIR/identity/keys/NAME.key     keys of the built-in provider; the last NAME signs, all count
 *     DIR/identity/principals.json   who signs in there (docs/formats/principals.md)
 *     DIR/identity/dev.secret        --dev: the secret of the principal in DIR/dev.env
 *     DIR/identity/refresh.key       what seals refresh tokens; without it they are none any more
 *     DIR/identity/dev.password      --dev: the password of the user in DIR/dev.env
 *     DIR/identity/assignments.json  roles that were given while the server runs (roles.h)
 *     DIR/access.json                roles and assignments (docs/formats/access.md); may be absent
 *
 * All are private or guarded files, refused when looser. Documents are read again when they change;
 * one that cannot be read is logged, and what was in force stays. Any thread.
 *
 *     gate_caller(...)  ACCESS_OK, or a reason: 401 with gate_refuse's words, 503 for a temporary
 * one gate_may(...)     ACCESS_OK, or a reason: also 401 on the data plane (attestation-api 4), 403
 *                       AuthorizationFailed on the management plane (control-plane-api 4.4)
 *
 * Of the built-in provider, who was removed or disabled may nothing, whatever was begun before.
 * A shared provider is asked about with the scope ACCESS_SHARED_SCOPE + its name (access/rules.h).
 */
#ifndef IDENTITY_GATE_H
#define IDENTITY_GATE_H

#include "access/rules.h"
#include "identity/idp.h"
#include "identity/issuers.h"

enum { GATE_MAX_OWNERS = 16 };

/* Owner of everything here ("/"), from the configuration. */
struct gate_owner {
    const char *tenant; /* NULL = the built-in provider's */
    const char *object_id;
};

struct gate_options {
    const char *folder;   /* DIR, which is there and ours */
    const char *endpoint; /* of this server */
    bool has_provider;    /* the built-in one */
    bool is_dev;          /* with a principal that owns a subscription; needs the provider */
    const struct issuer_config *issuers;
    size_t n_issuers;
    const struct gate_owner *owners;
    size_t n_owners;
    struct metrics *metrics;        /* may be NULL; outlives the gate */
    struct store *store;            /* where used assertions are kept; the same */
    struct idp_elsewhere elsewhere; /* the same */
};

struct gate;

/* Makes what is missing: keys, the tenant, and with is_dev the principal. ERR_NOT_FOUND for a
 * piece that was there and is lost, ERR_DENIED for loose files; the trail names file and remedy. */
err_t gate_open(const struct gate_options *options, struct trail *trail,
                struct gate **ret) MUST_CHECK;
void gate_close(struct gate *gate);
DEFINE_CLEANUP(struct gate *, gate_close)
/* About once a second: documents that changed. is_forced: SIGHUP, read all again. */
void gate_tick(struct gate *gate, bool is_forced);

/* Before somebody signs in: who was added, or removed, a moment ago counts at once. */
void gate_look(struct gate *gate);

/* The built-in provider; NULL without. Borrowed. */
struct idp *gate_idp(struct gate *gate);
/* Where callers are told to sign in; borrowed. */
const char *gate_authority(const struct gate *gate);
/* What scripts need with --dev; borrowed, NULL without. */
struct gate_dev {
    const char *tenant, *subscription, *client_id, *object_id, *secret;
    const char *user, *user_object_id, *password;
};
const struct gate_dev *gate_dev(const struct gate *gate);

/* The one subscription that the built-in provider has; NULL without one. Borrowed. */
const char *gate_subscription(const struct gate *gate);

/* Who sent this token; data NULL for none. An unknown key is looked for in the background, so the
 * same token may be good a little later. */
enum access_reason gate_caller(struct gate *gate, struct arena *arena, enum access_plane plane,
                               int64_t now, struct span bearer, struct access_caller *ret);
enum access_reason gate_may(struct gate *gate, const struct access_caller *caller,
                            const char *action, struct span scope);
/* Has the caller a role anywhere in this subscription, or above it? Others need not learn of it. */
bool gate_knows_subscription(struct gate *gate, const struct access_caller *caller,
                             struct span subscription);
/* What was at this scope is gone: roles that were given there and below it while the server runs
 * are taken away, on the disk when it returns ERR_OK, *ret_n of them. What the operator wrote
 * stays. */
err_t gate_forget_scope(struct gate *gate, struct span scope, struct trail *trail,
                        size_t *ret_n) MUST_CHECK;
/* The rules of now; free the reference. */
struct access_rules *gate_rules(struct gate *gate);

#endif
