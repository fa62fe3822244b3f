/*
 * guest.h - inside of the kinds room: the guest of a virtual machine resource. Its id is the
 * resource's vmId: whoever joins by what was announced for that is its guest.
 */
#ifndef KINDS_GUEST_H
#define KINDS_GUEST_H

#include "kinds/parts.h"

#include "store/extensions.h"
#include "store/joins.h"
#include "store/monitor.h"

/* Tags with which an owner says which guest a virtual machine has. */
#define TAG_EK "bootwarden-ek"           /* SHA-256 of its endorsement key, in hexadecimal */
#define TAG_MACHINE "bootwarden-machine" /* name or id of one that joined before */
enum { GUEST_VALID_DAYS = 30 };

struct vm_guest {
    bool is_there; /* somebody joined */
    struct store_machine machine;
    struct store_monitor monitor;
    struct span status; /* what it said last; data NULL = nothing */
    bool is_announced;
    struct store_announced announced;
};
err_t guest_load(struct control_call *call, const char *vm_id, struct trail *trail,
                 struct vm_guest *ret) MUST_CHECK;

/* "" for the server's own subscription, as machines are kept. */
const char *guest_subscription(struct control_call *call, const struct resource *vm);

/* TAG_EK or TAG_MACHINE; NULL = it has none. */
const char *guest_tag(const struct resource *vm, const char *name);

/* What the owner said about the guest: of the body as it was sent, before it is kept. Fills the
 * private part; false and refused. */
bool guest_prepare(struct control_call *call, const struct resource *before,
                   struct resource *wanted, struct control_answer *ret);
/* Announce it, when there is something else to announce than before (NULL: the resource is new).
 * False and refused: the token or the key is another's. */
bool guest_announce(struct control_call *call, const struct resource *before,
                    const struct resource *vm, struct control_answer *ret);
/* Nobody joins by what was announced for it any more. False and refused. */
bool guest_withdraw(struct control_call *call, const struct resource *vm,
                    struct control_answer *ret);
/* For kind_mention: the machine that is its guest. */
err_t guest_mention(struct mentions *mentions, const struct resource *vm) MUST_CHECK;
/* False and refused: that machine is another virtual machine's guest. */
bool guest_is_nobodys(struct control_call *call, const struct resource *wanted,
                      const char *machine_id, struct control_answer *ret);
/* A new token; what was announced before is withdrawn. NULL and refused. *ret_name: of the machine
 * that the guest becomes. */
const char *guest_new_token(struct control_call *call, const struct resource *vm,
                            struct control_answer *ret, const char **ret_name);
/* The resource is gone: so is its guest, with the roles that were given at it, and what was
 * announced. A guest whose roles cannot be taken away stays, or the next of its name would have
 * them. False and refused. */
bool guest_forget(struct control_call *call, const struct resource *vm, struct control_answer *ret);
/* Where rights to a machine of that name or id in the subscription of `vm` are given; "": to all of
 * them. NULL without memory. */
const char *guest_scope(struct control_call *call, const struct resource *vm, const char *machine);

/* {"machine","name","state",...} for the resource. */
yyjson_mut_val *guest_value(struct control_call *call, const struct vm_guest *guest,
                            const char *vm_id);

#endif
