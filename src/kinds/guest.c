/*
 * guest.c - binding a virtual machine resource to the guest that proves its boots.
 */
#include "kinds/guest.h"

#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/secret.h"
#include "monitor/monitor.h"

#include <stdio.h>

enum { DAY_S = 86400, TOKEN_BYTES = 24 };

const char *guest_subscription(struct control_call *call, const struct resource *vm)
{
    struct resource_path path;
    const char *subscription = NULL;

    if (resource_id_read(call->arena, span_str(vm->key), NULL, &path) == ERR_OK) {
        subscription = resource_key(call->arena, path.subscription);
    }
    if (subscription == NULL || strlen(subscription) >= STORE_ID_SIZE) {
        return NULL;
    }
    return text_equal_nocase(subscription, control_subscription(call->control)) ? "" : subscription;
}

err_t guest_load(struct control_call *call, const char *vm_id, struct trail *trail,
                 struct vm_guest *ret)
{
    struct store *store = control_store(call->control);
    struct span facts;
    err_t err;

    memset(ret, 0, sizeof(*ret));
    err = store_machine_by_id(store, vm_id, trail, &ret->machine);
    if (err == ERR_NOT_FOUND) {
        err = store_announced_by_machine(store, vm_id, trail, &ret->announced);
        ret->is_announced = err == ERR_OK && ret->announced.expires > call->now;
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    ret->is_there = err == ERR_OK;
    err = err ? err : store_monitor_get(store, vm_id, trail, &ret->monitor);
    return err ? err : store_monitor_said(store, call->arena, vm_id, trail, &ret->status, &facts);
}

const char *guest_tag(const struct resource *vm, const char *name)
{
    return body_text(body_get(vm->tags, name));
}

/* ---- announcing ---- */

static const char *id_of(const struct resource *vm)
{
    return body_text_at(body_get(vm->body, RESOURCE_PRIVATE), "vmId");
}

static void name_guest(struct store_announced *announced, const char *name, bool has_suffix)
{
    char kept[STORE_NAME_MAX + 1];
    size_t n = 0;

    for (; *name != '\0' && n < STORE_NAME_MAX - 9; name++) {
        bool is_good = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                       (*name >= '0' && *name <= '9') || strchr("._-", *name) != NULL;

        kept[n++] = (char)(is_good ? *name : '-');
    }
    kept[n] = '\0';
    if (has_suffix) {
        snprintf(announced->name, sizeof(announced->name), "%.55s-%.8s", kept, announced->machine);
    } else {
        snprintf(announced->name, sizeof(announced->name), "%s", kept);
    }
}

/* Under its name; when another owner or group has that already, with a part of its id. */
static err_t announce(struct control_call *call, const struct resource *vm,
                      struct store_announced *announced, struct trail *trail)
{
    struct trail first = {0};
    err_t err;

    name_guest(announced, vm->name, false);
    err = store_announce(control_store(call->control), announced, &first);
    if (err == ERR_CONFLICT && strstr(first.what, "the name '") == first.what) {
        name_guest(announced, vm->name, true);
        return store_announce(control_store(call->control), announced, trail);
    }
    *trail = first;
    return err;
}

static bool fill(struct control_call *call, const struct resource *vm,
                 struct store_announced *announced)
{
    const char *vm_id = id_of(vm);
    const char *subscription = guest_subscription(call, vm);

    if (vm_id == NULL || subscription == NULL) {
        return false;
    }
    snprintf(announced->machine, sizeof(announced->machine), "%s", vm_id);
    snprintf(announced->subscription, sizeof(announced->subscription), "%s", subscription);
    announced->uses = 1;
    announced->created = call->now;
    announced->expires = call->now + (int64_t)GUEST_VALID_DAYS * DAY_S;
    snprintf(announced->who, sizeof(announced->who), "%s",
             text_escape_dup(call->arena, span_str(call->caller->name), STORE_WHO_MAX - 1));
    return true;
}

static bool finish(struct control_call *call, const struct resource *vm,
                   struct store_announced *announced, struct control_answer *ret)
{
    struct trail trail = {0};
    err_t err = announce(call, vm, announced, &trail);

    if (err == ERR_CONFLICT || err == ERR_TOO_MANY) {
        control_refuse(call, ret, 409, "Conflict",
                       "The guest of this virtual machine cannot be announced: %s.", trail.what);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool has_ek(struct control_call *call, const struct store_machine *machine, const char *ek)
{
    struct span digest = {0};

    return ek == NULL || (hex_decode(call->arena, span_str(ek), &digest) == ERR_OK &&
                          span_equal(digest, span_of(machine->ek_digest, STORE_DIGEST_BYTES)));
}

static const char *token_of(const struct resource *vm)
{
    return body_text_at(body_get(vm->body, RESOURCE_PRIVATE), "token");
}

bool guest_withdraw(struct control_call *call, const struct resource *vm,
                    struct control_answer *ret)
{
    const char *vm_id = id_of(vm);
    struct store_announced announced;
    struct trail trail = {0};
    err_t err = vm_id == NULL ? ERR_NOT_FOUND
                              : store_announced_by_machine(control_store(call->control), vm_id,
                                                           &trail, &announced);

    err = err ? err : store_announced_remove(control_store(call->control), announced.id, &trail);
    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        return true;
    }
    control_fail(call, err, &trail, ret);
    return false;
}

/* A token is for a guest to come. With one that joined it would lie about, good for whoever finds
 * it once that guest is removed. False and refused; *ret_is_there: there is one. */
static bool has_no_joined(struct control_call *call, const struct resource *vm, const char *token,
                          const char *ek, struct control_answer *ret, bool *ret_is_there)
{
    struct vm_guest guest = {0};
    struct trail trail = {0};
    const char *vm_id = id_of(vm);
    err_t err = vm_id == NULL ? ERR_OK : guest_load(call, vm_id, &trail, &guest);

    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    *ret_is_there = guest.is_there && guest.machine.ak_name_len > 0;
    if (*ret_is_there && (token != NULL || !has_ek(call, &guest.machine, ek))) {
        control_refuse(call, ret, 409, "PropertyChangeNotAllowed",
                       "The guest of this virtual machine, '%s', has joined: a join token or an "
                       "endorsement key is for one that has not. When it gets another TPM: "
                       "bootwarden-server machine replace %s",
                       guest.machine.name, guest.machine.name);
        return false;
    }
    return true;
}

bool guest_announce(struct control_call *call, const struct resource *before,
                    const struct resource *vm, struct control_answer *ret)
{
    const char *token = token_of(vm), *ek = guest_tag(vm, TAG_EK);
    bool is_moved = before != NULL && !is_same(id_of(before), id_of(vm));
    bool is_told = before != NULL && !is_moved;
    bool has_new_token = token != NULL && !(is_told && is_same(token, token_of(before)));
    struct store_announced announced = {0};
    struct span bytes = {0};
    bool is_there = false;

    if (is_told ? !has_new_token && is_same(token, token_of(before)) &&
                      is_same(ek, guest_tag(before, TAG_EK))
                : !is_moved && token == NULL && ek == NULL) {
        return true;
    }
    if (!has_no_joined(call, vm, has_new_token ? token : NULL, ek, ret, &is_there) ||
        (is_moved && !guest_withdraw(call, before, ret))) {
        return false;
    }
    if (is_there || (token == NULL && ek == NULL)) {
        return guest_withdraw(call, vm, ret);
    }
    if (!fill(call, vm, &announced)) {
        control_fail(call, ERR_INTERNAL, NULL, ret);
        return false;
    }
    if (token != NULL && hex_decode(call->arena, span_str(token), &bytes) == ERR_OK &&
        bytes.len == STORE_DIGEST_BYTES) {
        announced.has_token = true;
        memcpy(announced.token_digest, bytes.data, bytes.len);
    }
    if (ek != NULL && hex_decode(call->arena, span_str(ek), &bytes) == ERR_OK &&
        bytes.len == STORE_DIGEST_BYTES) {
        announced.has_ek = true;
        memcpy(announced.ek_digest, bytes.data, bytes.len);
    }
    return finish(call, vm, &announced, ret);
}

const char *guest_new_token(struct control_call *call, const struct resource *vm,
                            struct control_answer *ret, const char **ret_name)
{
    uint8_t bytes[TOKEN_BYTES];
    struct store_announced announced = {.has_token = true};
    const char *token;
    bool is_there;

    if (!has_no_joined(call, vm, "", NULL, ret, &is_there)) {
        return NULL;
    }
    if (random_bytes(bytes, sizeof(bytes)) != ERR_OK) {
        control_fail(call, ERR_CRYPTO, NULL, ret);
        return NULL;
    }
    token = arena_printf(call->arena, "bwj_%s",
                         base64_dup(call->arena, BASE64_URL, span_of(bytes, sizeof(bytes))));
    if (token == NULL || !fill(call, vm, &announced) ||
        hasher_once(call->hasher, HASH_SHA256, span_str(token), announced.token_digest) != ERR_OK) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return NULL;
    }
    if (!finish(call, vm, &announced, ret)) {
        return NULL;
    }
    *ret_name = (const char *)arena_dup(call->arena, span_str(announced.name)).data;
    return token;
}

const char *guest_scope(struct control_call *call, const struct resource *vm, const char *machine)
{
    const char *id = vm->id + sizeof("/subscriptions/") - 1;

    return arena_printf(call->arena,
                        "/subscriptions/%.*s/providers/Bootwarden.Monitor/machines%s%s",
                        (int)strcspn(id, "/"), id, machine[0] == '\0' ? "" : "/", machine);
}

static err_t forget_roles(struct control_call *call, const struct resource *vm,
                          const struct store_machine *machine, struct trail *trail)
{
    const char *const names[] = {machine->name, machine->id};
    size_t n = 0;
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(names); i++) {
        const char *scope = guest_scope(call, vm, names[i]);

        err = scope == NULL ? ERR_MEMORY : scope_forget(call, scope, trail, &n);
    }
    return err;
}

static err_t remove_machine(struct control_call *call, const struct resource *vm, const char *vm_id,
                            struct trail *trail)
{
    struct store *store = control_store(call->control);
    const char *who = text_escape_dup(call->arena, span_str(call->caller->name), STORE_WHO_MAX - 1);
    struct store_machine machine;
    bool is_new;
    err_t err;

    control_hold_scopes(call->control);
    err = store_machine_by_id(store, vm_id, trail, &machine);
    err = err ? err : forget_roles(call, vm, &machine, trail);
    err = err ? err
              : store_machine_change(store, vm_id, STORE_REMOVE, who[0] == '\0' ? "-" : who,
                                     call->now, trail, &is_new);
    control_let_scopes(call->control);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

bool guest_forget(struct control_call *call, const struct resource *vm, struct control_answer *ret)
{
    const char *vm_id = id_of(vm);
    struct trail trail = {0};
    err_t err;

    if (vm_id == NULL) {
        return true;
    }
    if (!guest_withdraw(call, vm, ret)) {
        return false;
    }
    err = remove_machine(call, vm, vm_id, &trail);
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

/* ---- showing ---- */

static void add_time(struct control_call *call, yyjson_mut_val *object, const char *name,
                     int64_t time)
{
    char text[TIMESTAMP_SIZE];

    if (time == 0) {
        return;
    }
    timestamp_format(time, text, sizeof(text));
    json_add_text(call->doc, object, name, text);
}

yyjson_mut_val *guest_value(struct control_call *call, const struct vm_guest *guest,
                            const char *vm_id)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    enum monitor_state state;

    json_add_text(doc, object, "machine", vm_id);
    json_add_text(doc, object, "binding",
                  guest->is_there       ? "Joined"
                  : guest->is_announced ? "Announced"
                                        : "None");
    if (guest->is_announced) {
        json_add_text(doc, object, "name", guest->announced.name);
        json_add_bool(doc, object, "hasToken", guest->announced.has_token);
        add_time(call, object, "expires", guest->announced.expires);
        if (guest->announced.has_ek) {
            json_add_hex(call->arena, doc, object, "ekDigest",
                         span_of(guest->announced.ek_digest, STORE_DIGEST_BYTES));
        }
    }
    if (!guest->is_there) {
        return object;
    }
    json_add_text(doc, object, "name", guest->machine.name);
    json_add_hex(call->arena, doc, object, "ekDigest",
                 span_of(guest->machine.ek_digest, STORE_DIGEST_BYTES));
    add_time(call, object, "joined", guest->machine.created);
    json_add_text(doc, object, "state", guest->monitor.state);
    add_time(call, object, "since", guest->monitor.since);
    json_add_text(doc, object, "why", guest->monitor.why);
    if (monitor_state_by_name(span_str(guest->monitor.state), &state)) {
        json_add_text(doc, object, "advice", monitor_state_advice(state));
    }
    add_time(call, object, "provenAt", guest->monitor.proof_time);
    add_time(call, object, "heardAt", guest->monitor.contact);
    json_add_text(doc, object, "agentVersion", guest->monitor.agent_version);
    return object;
}
