#include "service/machines-internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "service/rollout.h"
#include "service/state.h"
#include "store/joins.h"

#include <stdio.h>

enum { LIST_MAX = 500, SHOWN_CHANGES = 20 };

/* ---- finding ---- */

err_t machines_subscription(const struct service *service, struct span path, struct trail *trail,
                            char ret[STORE_ID_SIZE])
{
    if (path.len == 0 || path.len >= STORE_ID_SIZE) {
        return trail_set(trail, ERR_NOT_FOUND, "there is no such subscription");
    }
    memset(ret, 0, STORE_ID_SIZE);
    for (size_t i = 0; i < path.len; i++) {
        ret[i] =
            (char)(path.data[i] >= 'A' && path.data[i] <= 'Z' ? path.data[i] + 32 : path.data[i]);
    }
    if (service->subscription != NULL && text_equal_nocase(ret, service->subscription)) {
        ret[0] = '\0';
    }
    return ERR_OK;
}

static bool is_announced_for(struct service *service, const char *name, const char *subscription)
{
    struct store_announced announced;

    return store_announced_by_name(service->store, name, NULL, &announced) == ERR_OK &&
           strcmp(announced.subscription, subscription) == 0;
}

err_t machines_find(struct service *service, const struct service_call *call,
                    const struct machine_path *path, struct trail *trail, struct store_machine *ret)
{
    const char *text = text_escape_dup(call->arena, path->machine, STORE_NAME_MAX + 1);
    char subscription[STORE_ID_SIZE];
    err_t err = machines_subscription(service, path->subscription, trail, subscription);

    if (err || text == NULL) {
        return err ? err : ERR_MEMORY;
    }
    /* A guest may choose another's id as its name, and is not found by that. */
    err = store_machine_by_id(service->store, text, trail, ret);
    if (err == ERR_NOT_FOUND) {
        err = store_machine_by_name(service->store, text, trail, ret);
    }
    if (err == ERR_NOT_FOUND || (err == ERR_OK && strcmp(ret->subscription, subscription) != 0)) {
        return trail_set(trail, ERR_NOT_FOUND,
                         is_announced_for(service, text, subscription)
                             ? "there is no machine '%s' yet: it is announced, and has not joined"
                             : "there is no machine '%s'",
                         text);
    }
    return err;
}

void machines_fail(const struct service_call *call, err_t err, const struct trail *trail,
                   struct service_answer *ret)
{
    if (err == ERR_NOT_FOUND) {
        answer_refuse(call, ret, 404, "ResourceNotFound", "%s",
                      trail->what[0] != '\0' ? trail->what : "there is no such thing");
    } else {
        answer_error(call, ret, err, trail);
    }
}

void machines_add_time(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const char *name, int64_t time)
{
    char *text = arena_alloc(arena, TIMESTAMP_SIZE);

    if (time != 0 && text != NULL) {
        timestamp_format(time, text, TIMESTAMP_SIZE);
    }
    json_add_text(doc, object, name, time == 0 ? NULL : text);
}

/* ---- one machine ---- */

static const char *why_of(const struct store_machine *machine, const struct store_monitor *row)
{
    return !machine->is_active         ? "an operator disabled it"
           : machine->ak_name_len == 0 ? "an operator replaced it: it waits for a TPM to join as it"
                                       : row->why;
}

/* What an operator did beside the server shows at once. */
static const char *state_of(const struct store_machine *machine, const struct store_monitor *row)
{
    return machine->is_active ? row->state : monitor_state_name(MONITOR_NOT_APPLICABLE);
}

static yyjson_mut_val *summary(const struct service *service, const struct service_call *call,
                               yyjson_mut_doc *doc, const struct store_machine *machine,
                               const struct store_monitor *row)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    enum monitor_state state = MONITOR_NEVER_REPORTED;
    const char *name = state_of(machine, row);

    (void)!monitor_state_by_name(span_str(name), &state);
    json_add_text(doc, root, "id", machine->id);
    json_add_text(doc, root, "name", machine->name);
    json_add_text(doc, root, "state", name);
    machines_add_time(call->arena, doc, root, "since", row->since);
    json_add_text(doc, root, "why", why_of(machine, row));
    json_add_text(doc, root, "advice",
                  machine->is_active && state == MONITOR_NOT_APPLICABLE
                      ? off_advice(off_of(row->why))
                      : monitor_state_advice(state));
    json_add_text(doc, root, "verdict", row->proof[0] == '\0' ? NULL : row->proof);
    machines_add_time(call->arena, doc, root, "provenAt", row->proof_time);
    json_add_text(doc, root, "provider", row->provider[0] == '\0' ? NULL : row->provider);
    json_add_text(doc, root, "doubt", row->doubt[0] == '\0' ? NULL : row->doubt);
    machines_add_time(call->arena, doc, root, "heardAt", row->contact);
    json_add_uint(doc, root, "periodSeconds",
                  (uint64_t)(row->period_s > 0 ? row->period_s : service->period_s));
    json_add_text(doc, root, "agentVersion", row->agent_version[0] ? row->agent_version : NULL);
    json_add_text(doc, root, "platform", row->platform[0] ? row->platform : NULL);
    machines_add_time(call->arena, doc, root, "joined", machine->created);
    return root;
}

void machines_add_json(const struct service_call *call, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const char *name, struct span text)
{
    struct trail ignored = {0};
    yyjson_val *value = NULL;

    if (text.data == NULL || json_read(call->arena, text, NULL, &ignored, &value) != ERR_OK) {
        json_add_text(doc, object, name, NULL);
        return;
    }
    json_add_value(doc, object, name, yyjson_val_mut_copy(doc, value));
}

static err_t add_proof(struct service *service, const struct service_call *call,
                       yyjson_mut_doc *doc, yyjson_mut_val *root,
                       const struct store_machine *machine, struct trail *trail)
{
    struct store_attestation *proofs = NULL;
    yyjson_mut_val *to;
    size_t n = 0;
    err_t err = store_proofs(service->store, call->arena, machine->id, true, 1, trail, &proofs, &n);

    if (err || n == 0) {
        json_add_text(doc, root, "proof", NULL);
        return err;
    }
    to = json_add_object(doc, root, "proof");
    machines_add_time(call->arena, doc, to, "time", proofs[0].time);
    json_add_text(doc, to, "verdict", proofs[0].verdict);
    json_add_text(doc, to, "freshness", store_freshness_name(proofs[0].freshness));
    json_add_text(doc, to, "tokenId", proofs[0].token_id);
    if (proofs[0].has_clock) {
        json_add_uint(doc, to, "resetCount", proofs[0].clock.reset_count);
        json_add_uint(doc, to, "restartCount", proofs[0].clock.restart_count);
    }
    machines_add_json(call, doc, to, "reasons", proofs[0].reasons);
    machines_add_json(call, doc, to, "appraisal", proofs[0].facts);
    return ERR_OK;
}

static err_t add_history(struct service *service, const struct service_call *call,
                         yyjson_mut_doc *doc, yyjson_mut_val *root,
                         const struct store_machine *machine, struct trail *trail)
{
    yyjson_mut_val *list = json_add_array(doc, root, "history");
    struct store_state_change *changes = NULL;
    size_t n = 0;
    err_t err = store_state_changes(service->store, call->arena, machine->id, SHOWN_CHANGES, trail,
                                    &changes, &n);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list);

        machines_add_time(call->arena, doc, one, "time", changes[i].time);
        json_add_text(doc, one, "from", changes[i].before);
        json_add_text(doc, one, "to", changes[i].after);
        json_add_text(doc, one, "why", changes[i].why);
    }
    return err;
}

static err_t add_baseline(struct service *service, const struct service_call *call,
                          yyjson_mut_doc *doc, yyjson_mut_val *root,
                          const struct store_machine *machine, struct trail *trail)
{
    yyjson_mut_val *to = json_add_object(doc, root, "baseline");
    struct store_baseline baseline;
    err_t err = store_baseline_get(service->store, call->arena, machine->id, trail, &baseline);

    if (err) {
        return err;
    }
    machines_add_time(call->arena, doc, to, "learned", baseline.learned);
    machines_add_time(call->arena, doc, to, "waitsForApproval", baseline.candidate_time);
    if (baseline.candidate.data != NULL) {
        json_add_hex(call->arena, doc, to, "change", baseline.candidate_digest);
    } else {
        json_add_text(doc, to, "change", NULL);
    }
    return ERR_OK;
}

static err_t detail(struct service *service, const struct service_call *call,
                    const struct store_machine *machine, yyjson_mut_doc *doc, struct trail *trail,
                    yyjson_mut_val **ret)
{
    struct span status = {0}, facts = {0};
    struct store_monitor row;
    yyjson_mut_val *root;
    err_t err = store_monitor_get(service->store, machine->id, trail, &row);

    err =
        err ? err
            : store_monitor_said(service->store, call->arena, machine->id, trail, &status, &facts);
    if (err) {
        return err;
    }
    root = summary(service, call, doc, machine, &row);
    json_add_hex(call->arena, doc, root, "ekDigest",
                 span_of(machine->ek_digest, sizeof(machine->ek_digest)));
    json_add_hex(call->arena, doc, root, "akName", span_of(machine->ak_name, machine->ak_name_len));
    err = add_proof(service, call, doc, root, machine, trail);
    err = err ? err : add_baseline(service, call, doc, root, machine, trail);
    err = err ? err : add_history(service, call, doc, root, machine, trail);
    err = err ? err : rollout_show(service, call, machine, doc, root, trail);
    machines_add_json(call, doc, root, "extensionStatus", status);
    machines_add_json(call, doc, root, "guestFacts", facts);
    *ret = root;
    return err;
}

static void answer_machine(struct service *service, const struct service_call *call,
                           const struct store_machine *machine, struct service_answer *ret)
{
    struct trail trail = {0};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = NULL;
    err_t err = doc == NULL ? ERR_MEMORY : detail(service, call, machine, doc, &trail, &root);

    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    answer_json(call, ret, doc, root);
}

void service_machine_get(struct service *service, const struct service_call *call,
                         const struct machine_path *path, struct span body,
                         struct service_answer *ret)
{
    struct store_machine machine;
    struct trail trail = {0};
    err_t err = machines_find(service, call, path, &trail, &machine);

    (void)body;
    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    answer_machine(service, call, &machine, ret);
}

/* ---- all ---- */

static err_t list(struct service *service, const struct service_call *call,
                  const struct machine_path *path, const char *after, struct trail *trail,
                  struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *values;
    struct store_monitored *machines = NULL;
    char subscription[STORE_ID_SIZE];
    size_t n = 0;
    err_t err = root == NULL
                    ? ERR_MEMORY
                    : machines_subscription(service, path->subscription, trail, subscription);

    err = err ? err
              : store_monitored(service->store, call->arena, subscription, after, LIST_MAX, trail,
                                &machines, &n);
    if (err) {
        return err;
    }
    values = json_add_array(doc, root, "value");
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_arr_append(
            values, summary(service, call, doc, &machines[i].machine, &machines[i].monitor));
    }
    if (n == LIST_MAX) {
        json_add_text(doc, root, "nextAfter", machines[n - 1].machine.name);
    }
    answer_json(call, ret, doc, root);
    return ERR_OK;
}

void service_machine_list(struct service *service, const struct service_call *call,
                          const struct machine_path *path, struct span after,
                          struct service_answer *ret)
{
    struct trail trail = {0};
    const char *text =
        after.data == NULL ? "" : text_escape_dup(call->arena, after, STORE_NAME_MAX);
    err_t err = text == NULL ? ERR_MEMORY : list(service, call, path, text, &trail, ret);

    if (err) {
        machines_fail(call, err, &trail, ret);
    }
}

/* ---- what owners do ---- */

typedef err_t change_fn(struct service *service, const struct service_call *call,
                        const struct machine_path *path, struct span body,
                        struct store_machine *machine, struct trail *trail);

static void change(struct service *service, const struct service_call *call,
                   const struct machine_path *path, struct span body, change_fn *run,
                   struct service_answer *ret)
{
    struct store_machine machine;
    struct trail trail = {0};
    err_t err = machines_find(service, call, path, &trail, &machine);

    err = err ? err : run(service, call, path, body, &machine, &trail);
    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    answer_machine(service, call, &machine, ret);
}

/* {"change":"64 hexadecimal digits"}: of what was looked at. */
static err_t read_approval(const struct service_call *call, struct span body, struct trail *trail,
                           struct span *ret)
{
    yyjson_val *root = NULL;
    struct span text = {0};
    err_t err = json_read(call->arena, body, NULL, trail, &root);

    err = err ? err : json_need_string(root, "change", trail, &text);
    if (err == ERR_OK &&
        (hex_decode(call->arena, text, ret) != ERR_OK || ret->len != SHA256_BYTES)) {
        trail_set(trail, ERR_VALUE,
                  "must be 64 hexadecimal digits: baseline.change of the machine");
        return trail_in(trail, ERR_VALUE, "change");
    }
    return err;
}

static err_t approve(struct service *service, const struct service_call *call,
                     const struct machine_path *path, struct span body,
                     struct store_machine *machine, struct trail *trail)
{
    struct state_update update = {.is_approved = true};
    struct span digest = {0};
    err_t err = read_approval(call, body, trail, &digest);

    if (err) {
        return err;
    }
    update.words = arena_printf(call->arena, "change %.8s was approved by %s",
                                hex_dup(call->arena, digest), path->who);
    if (update.words == NULL) {
        return ERR_MEMORY;
    }
    state_prepare(service, &update, machine, call->now);
    err = store_baseline_approve(service->store, machine->id, digest, &update.change, trail);
    if (err == ERR_NOT_FOUND) {
        return trail_set(trail, ERR_CONFLICT,
                         "this change of '%s' does not wait for approval: its last proof is not in "
                         "the state changed, or it has changed once more since you looked",
                         machine->name);
    }
    if (err == ERR_OK) {
        state_log(&update);
    }
    return err;
}

void service_machine_approve(struct service *service, const struct service_call *call,
                             const struct machine_path *path, struct span body,
                             struct service_answer *ret)
{
    change(service, call, path, body, approve, ret);
}

static err_t relearn(struct service *service, const struct service_call *call,
                     const struct machine_path *path, struct span body,
                     struct store_machine *machine, struct trail *trail)
{
    (void)call;
    (void)path;
    (void)body;
    return store_baseline_forget(service->store, machine->id, trail);
}

void service_machine_relearn(struct service *service, const struct service_call *call,
                             const struct machine_path *path, struct span body,
                             struct service_answer *ret)
{
    change(service, call, path, body, relearn, ret);
}

static err_t ask_proof(struct service *service, const struct service_call *call,
                       const struct machine_path *path, struct span body,
                       struct store_machine *machine, struct trail *trail)
{
    struct state_update update = {.wants_proof = true};

    (void)path;
    (void)body;
    state_prepare(service, &update, machine, call->now);
    return state_apply(service, &update, trail);
}

void service_machine_attest(struct service *service, const struct service_call *call,
                            const struct machine_path *path, struct span body,
                            struct service_answer *ret)
{
    change(service, call, path, body, ask_proof, ret);
}

static err_t set_active(struct service *service, const struct service_call *call,
                        const struct machine_path *path, struct store_machine *machine,
                        bool is_active, struct trail *trail)
{
    struct state_update update = {0};
    bool is_new = false;
    err_t err =
        store_machine_change(service->store, machine->id, is_active ? STORE_ENABLE : STORE_DISABLE,
                             path->who, call->now, trail, &is_new);

    machine->is_active = is_active;
    state_prepare(service, &update, machine, call->now);
    return err ? err : state_apply(service, &update, trail);
}

static err_t disable(struct service *service, const struct service_call *call,
                     const struct machine_path *path, struct span body,
                     struct store_machine *machine, struct trail *trail)
{
    (void)body;
    return set_active(service, call, path, machine, false, trail);
}

static err_t enable(struct service *service, const struct service_call *call,
                    const struct machine_path *path, struct span body,
                    struct store_machine *machine, struct trail *trail)
{
    (void)body;
    return set_active(service, call, path, machine, true, trail);
}

void service_machine_disable(struct service *service, const struct service_call *call,
                             const struct machine_path *path, struct span body,
                             struct service_answer *ret)
{
    change(service, call, path, body, disable, ret);
}

void service_machine_enable(struct service *service, const struct service_call *call,
                            const struct machine_path *path, struct span body,
                            struct service_answer *ret)
{
    change(service, call, path, body, enable, ret);
}

void service_machine_remove(struct service *service, const struct service_call *call,
                            const struct machine_path *path, struct span body,
                            struct service_answer *ret)
{
    struct store_machine machine;
    struct trail trail = {0};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    bool is_new;
    err_t err = root == NULL ? ERR_MEMORY : machines_find(service, call, path, &trail, &machine);

    (void)body;
    err = err ? err
              : store_machine_change(service->store, machine.id, STORE_REMOVE, path->who, call->now,
                                     &trail, &is_new);
    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    json_add_text(doc, root, "id", machine.id);
    json_add_text(doc, root, "name", machine.name);
    ret->status = 200;
    ret->body = json_write(call->arena, doc, root, false);
}
