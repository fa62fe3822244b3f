/*
 * guest-binding.c - what an owner says about the guest of a virtual machine resource: a join token
 * in customData or userData, an endorsement key, a machine that joined before.
 */
#include "kinds/guest.h"

#include "base/codec.h"
#include "base/text.h"
#include "resource/join-token.h"

#include <stdio.h>

enum { DATA_MAX = 65536 };

#define MACHINE_WRITE "Bootwarden.Monitor/machines/write"

/* ---- tokens ---- */

/* customData and userData come in base64. False and refused. */
static bool read_token(struct control_call *call, yyjson_mut_val *value, const char *member,
                       struct span *ret_token, struct control_answer *ret)
{
    const char *text = body_text(value);
    struct span data = {0};

    if (value == NULL) {
        return true;
    }
    if (text == NULL || strlen(text) > DATA_MAX * 4 / 3 + 4 ||
        base64_decode(call->arena, BASE64_STANDARD, span_str(text), &data) != ERR_OK) {
        control_refuse(call, ret, 400, "InvalidParameter", "%s must be base64 of at most %d bytes.",
                       member, DATA_MAX);
        return false;
    }
    if (join_token_is_missing(data)) {
        control_refuse(call, ret, 400, "InvalidParameter",
                       "There is no token behind " JOIN_TOKEN_MARK " in %s: it must have %d to %d "
                       "characters that nobody can guess.",
                       member, JOIN_TOKEN_MIN, JOIN_TOKEN_MAX);
        return false;
    }
    *ret_token = join_token_find(data);
    if (ret_token->data != NULL &&
        (ret_token->len < JOIN_TOKEN_MIN || ret_token->len > JOIN_TOKEN_MAX)) {
        control_refuse(call, ret, 400, "InvalidParameter",
                       "The join token in %s has %zu characters: it must have %d to %d that nobody "
                       "can guess.",
                       member, ret_token->len, JOIN_TOKEN_MIN, JOIN_TOKEN_MAX);
        return false;
    }
    return true;
}

/* Its digest, among what is shown to nobody. */
static bool keep_digest(struct control_call *call, struct resource *wanted, const char *name,
                        struct span secret, struct control_answer *ret)
{
    uint8_t digest[HASH_MAX_BYTES];

    if (hasher_once(call->hasher, HASH_SHA256, secret, digest) != ERR_OK) {
        control_fail(call, ERR_CRYPTO, NULL, ret);
        return false;
    }
    body_set_text(call->doc, resource_private(call, wanted), name,
                  hex_dup(call->arena, span_of(digest, STORE_DIGEST_BYTES)));
    return true;
}

/* ---- endorsement keys and machines ---- */

/* Naming a guest that somebody else may have started is more than writing the resource. An
 * endorsement key is no secret, and whoever names it first keeps all others of the subscription
 * from it: so that takes the right to all of its machines. */
static bool may_name(struct control_call *call, const struct resource *wanted, const char *scope,
                     const char *name, struct control_answer *ret)
{
    const char *more = arena_printf(call->arena,
                                    " The tag %s needs it. A join token needs no more than the "
                                    "virtual machine: bootwarden vm token %s",
                                    name, wanted->name);

    return may_link(call, MACHINE_WRITE, scope, more == NULL ? "" : more, ret);
}

static bool check_ek(struct control_call *call, const struct resource *before,
                     const struct resource *wanted, struct control_answer *ret)
{
    const char *text = guest_tag(wanted, TAG_EK);
    const char *old = before == NULL ? NULL : guest_tag(before, TAG_EK);
    const char *scope = guest_scope(call, wanted, "");
    struct span digest = {0};

    if (text == NULL) {
        return true;
    }
    if (scope == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return false;
    }
    if (hex_decode(call->arena, span_str(text), &digest) == ERR_OK &&
        digest.len == STORE_DIGEST_BYTES) {
        return (old != NULL && strcmp(old, text) == 0) ||
               may_name(call, wanted, scope, TAG_EK, ret);
    }
    control_refuse(
        call, ret, 400, "InvalidParameter",
        "The tag %s must be the SHA-256 of the endorsement key's SubjectPublicKeyInfo in "
        "64 hexadecimal digits, as `bootwarden vm joins` shows it.",
        TAG_EK);
    return false;
}

#define WORD "machine "

struct guest_asking {
    const char *key;
    bool is_anothers;
};

static err_t look(void *context, struct span word, struct span resource, struct span value)
{
    struct guest_asking *asking = context;

    (void)word;
    (void)value;
    asking->is_anothers = asking->is_anothers || !span_is(resource, asking->key);
    return ERR_OK;
}

err_t guest_mention(struct mentions *mentions, const struct resource *vm)
{
    const char *id = body_text_at(body_get(vm->body, RESOURCE_PRIVATE), "vmId");
    const char *word = arena_printf(mentions_arena(mentions), WORD "%s", id == NULL ? "" : id);

    return id == NULL ? ERR_OK : word == NULL ? ERR_MEMORY : mention(mentions, word, "");
}

/* One guest has one virtual machine: who could name another's guest could remove it with a machine
 * of their own. False and refused. */
bool guest_is_nobodys(struct control_call *call, const struct resource *wanted,
                      const char *machine_id, struct control_answer *ret)
{
    struct guest_asking asking = {.key = wanted->key};
    const char *word = arena_printf(call->arena, WORD "%s", machine_id);
    struct trail trail = {0};
    err_t err = word == NULL
                    ? ERR_MEMORY
                    : resource_mentions(call, wanted->id, word, false, look, &asking, &trail);

    if (err) {
        control_fail(call, err, &trail, ret);
    } else if (asking.is_anothers) {
        control_refuse(call, ret, 409, "Conflict",
                       "The machine that the tag %s names is the guest of another virtual machine.",
                       TAG_MACHINE);
    }
    return err == ERR_OK && !asking.is_anothers;
}

static bool has_no_guest(struct control_call *call, const char *vm_id, struct control_answer *ret)
{
    struct vm_guest guest = {0};
    struct trail trail = {0};
    err_t err = vm_id == NULL ? ERR_OK : guest_load(call, vm_id, &trail, &guest);

    if (err) {
        control_fail(call, err, &trail, ret);
    } else if (guest.is_there) {
        control_refuse(call, ret, 409, "PropertyChangeNotAllowed",
                       "This virtual machine has the guest '%s' already; the tag %s cannot give "
                       "it another one.",
                       guest.machine.name, TAG_MACHINE);
    }
    return err == ERR_OK && !guest.is_there;
}

/* A guest that joined before there was this resource: its id becomes the vmId. */
static bool take_machine(struct control_call *call, struct resource *wanted, const char *name,
                         struct control_answer *ret)
{
    struct store *store = control_store(call->control);
    const char *subscription = guest_subscription(call, wanted);
    yyjson_mut_val *own = resource_private(call, wanted);
    const char *vm_id = body_text_at(own, "vmId");
    struct store_machine machine;
    struct trail trail = {0};
    const char *scope;
    err_t err = store_machine_by_name(store, name, &trail, &machine);

    if (err == ERR_NOT_FOUND) {
        err = store_machine_by_id(store, name, &trail, &machine);
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    if (err == ERR_NOT_FOUND || subscription == NULL ||
        strcmp(machine.subscription, subscription) != 0) {
        control_refuse(call, ret, 400, "InvalidParameter",
                       "The tag %s names the machine '%.64s', which has not joined in this "
                       "subscription.",
                       TAG_MACHINE, name);
        return false;
    }
    if (vm_id != NULL && strcmp(vm_id, machine.id) == 0) {
        return true;
    }
    scope = guest_scope(call, wanted, machine.name);
    if (scope == NULL || !may_name(call, wanted, scope, TAG_MACHINE, ret) ||
        !has_no_guest(call, vm_id, ret) || !guest_is_nobodys(call, wanted, machine.id, ret)) {
        return false;
    }
    body_drop(own, "token"); /* what was announced was for another id */
    body_set_text(call->doc, own, "vmId",
                  (const char *)arena_dup(call->arena, span_str(machine.id)).data);
    return true;
}

/* ---- both ---- */

/* userData stays, and comes back with every update: only what is new in it counts. */
static bool read_user_data(struct control_call *call, const struct resource *before,
                           struct resource *wanted, struct span *ret_token,
                           struct control_answer *ret)
{
    yyjson_mut_val *properties = resource_properties(call, wanted);
    yyjson_mut_val *own = resource_private(call, wanted), *value = body_get(properties, "userData");
    yyjson_mut_val *old = before == NULL ? NULL : body_at(before->body, "properties.userData");
    const char *kept = body_text_at(own, "userData"), *last = NULL;

    if (value == NULL || body_equal(old, value)) {
        return true;
    }
    if (!read_token(call, value, "userData", ret_token, ret) ||
        !keep_digest(call, wanted, "userData", span_str(body_text(value)), ret)) {
        return false;
    }
    last = body_text_at(own, "userData");
    if (kept != NULL && last != NULL && strcmp(kept, last) == 0) {
        *ret_token = (struct span){0};
    }
    join_token_strike(call->arena, value);
    return true;
}

bool guest_prepare(struct control_call *call, const struct resource *before,
                   struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *os = body_at(wanted->body, "properties.osProfile");
    struct span token = {0}, user_token = {0};
    const char *machine = guest_tag(wanted, TAG_MACHINE);

    if (!read_token(call, body_get(os, "customData"), "osProfile.customData", &token, ret) ||
        !read_user_data(call, before, wanted, &user_token, ret) ||
        !check_ek(call, before, wanted, ret) ||
        (machine != NULL && !take_machine(call, wanted, machine, ret))) {
        return false;
    }
    token = token.data == NULL ? user_token : token;
    if (token.data != NULL && !keep_digest(call, wanted, "token", token, ret)) {
        return false;
    }
    body_drop(os, "customData"); /* never shown again */
    return own_guid(call, wanted, "vmId") != NULL;
}
