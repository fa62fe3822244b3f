/*
 * report.c - what a guest says for itself in its session: its report after a round, the status of
 * its extension; and what it is told: its goal state (docs/formats/guest-api.md).
 *
 * Who may send these bytes: guests whose attestation key was activated. What they say is their own
 * word: it can explain a state, and never makes one good.
 */
#include "service/guest.h"
#include "service/rollout.h"
#include "service/state.h"
#include "service/wanted.h"

#include "appraise/announced.h"
#include "base/codec.h"
#include "base/text.h"
#include "store/extensions.h"
#include "token/token.h"

enum {
    AGE_MAX_S = 90 * 86400,
    MESSAGE_MAX = STORE_WORDS_SIZE - 1,
    PROOFS_LOOKED_AT = 20, /* a report is queued while the server is away */
};

static err_t fault(struct trail *trail, const char *member, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, member);
}

/* ---- members ---- */

static err_t read_words(const struct service_call *call, yyjson_val *root, const char *name,
                        size_t max, struct trail *trail, const char **ret)
{
    yyjson_val *value = json_get(root, name);

    if (value == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_str(value)) {
        return fault(trail, name, "must be a string");
    }
    *ret = text_escape_dup(call->arena, json_span(value), max);
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t read_number(yyjson_val *root, const char *name, uint64_t max, struct trail *trail,
                         uint64_t *ret)
{
    yyjson_val *value = json_get(root, name);

    if (value == NULL) {
        return ERR_OK;
    }
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > max) {
        trail_set(trail, ERR_VALUE, "must be a number from 0 to %llu", (unsigned long long)max);
        return trail_in(trail, ERR_VALUE, name);
    }
    *ret = yyjson_get_uint(value);
    return ERR_OK;
}

/* What every word of a guest carries: it is there, and this is how often it comes. */
static err_t read_contact(const struct service_call *call, yyjson_val *root, struct trail *trail,
                          struct state_update *update)
{
    uint64_t period = 0;
    err_t err = read_number(root, "periodSeconds", MONITOR_PERIOD_MAX_S, trail, &period);

    err = err ? err
              : read_words(call, root, "agentVersion", STORE_VERSION_SIZE - 1, trail,
                           &update->agent_version);
    err =
        err ? err
            : read_words(call, root, "platform", STORE_VERSION_SIZE - 1, trail, &update->platform);
    update->is_contact = true;
    update->period_s = (int64_t)period;
    return err;
}

/* ---- the report ---- */

enum outcome { OUTCOME_ATTESTED, OUTCOME_REFUSED, OUTCOME_UNREACHABLE, OUTCOME_FAILED };

static err_t read_outcome(yyjson_val *root, struct trail *trail, enum outcome *ret)
{
    static const char *const names[] = {[OUTCOME_ATTESTED] = "attested",
                                        [OUTCOME_REFUSED] = "refused",
                                        [OUTCOME_UNREACHABLE] = "unreachable",
                                        [OUTCOME_FAILED] = "failed"};
    struct span name = {0};
    err_t err = json_need_string(root, "outcome", trail, &name);

    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(names); i++) {
        if (span_is(name, names[i])) {
            *ret = (enum outcome)i;
            return ERR_OK;
        }
    }
    return err ? err : fault(trail, "outcome", "must be attested, refused, unreachable or failed");
}

/* jti is random and stands nowhere but in the token, which only the TPM of the machine could open:
 * who knows it had the token. "" when there is none to be read. */
static const char *token_id(const struct service_call *call, struct span token)
{
    struct trail ignored = {0};
    struct jws jws;
    yyjson_val *payload = NULL;
    const char *id = NULL;

    if (jws_read(call->arena, token, 0, &ignored, &jws) == ERR_OK &&
        json_read(call->arena, jws.payload, NULL, &ignored, &payload) == ERR_OK) {
        id = json_text(json_get(payload, "jti"));
    }
    return id == NULL ? "" : id;
}

/* Was it issued to this machine? */
static err_t check_token(struct service *service, const struct service_call *call,
                         const struct store_machine *machine, const char *id, struct trail *trail,
                         bool *ret)
{
    struct store_attestation *proofs = NULL;
    size_t n = 0;
    err_t err = store_proofs(service->store, call->arena, machine->id, true, PROOFS_LOOKED_AT,
                             trail, &proofs, &n);

    *ret = false;
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        *ret |= proofs[i].token_id != NULL && strcmp(proofs[i].token_id, id) == 0;
    }
    return err;
}

static void trouble(struct state_update *update, enum monitor_state state, const char *words,
                    int64_t time)
{
    update->has_trouble = true;
    update->trouble = state;
    update->trouble_words = words;
    update->trouble_time = time;
}

static err_t read_report(struct service *service, const struct service_call *call,
                         const struct store_machine *machine, yyjson_val *root, struct trail *trail,
                         struct state_update *update)
{
    const char *words = "";
    enum outcome outcome = OUTCOME_FAILED;
    yyjson_val *facts = json_get(root, "facts");
    struct span token = json_span(json_get(root, "token"));
    uint64_t age = 0;
    bool is_ours = true;
    err_t err = read_contact(call, root, trail, update);

    /* Nothing in a report is quoted: a boot that is bad could announce itself. */
    if (err == ERR_OK && json_get(root, "announcement") != NULL) {
        err = fault(trail, "announcement", "is not taken in a report, which no quote covers");
    }
    err = err ? err : read_outcome(root, trail, &outcome);
    err = err ? err : read_words(call, root, "message", MESSAGE_MAX, trail, &words);
    err = err ? err : read_number(root, "ageSeconds", AGE_MAX_S, trail, &age);
    if (err == ERR_OK && facts != NULL && !yyjson_is_obj(facts)) {
        err = fault(trail, "facts", "must be an object");
    }
    if (err == ERR_OK && token.data != NULL) {
        err = check_token(service, call, machine, token_id(call, token), trail, &is_ours);
    }
    if (err) {
        return err;
    }
    if (!is_ours) {
        trouble(update, MONITOR_NOT_VERIFIED,
                "the guest reported a token that this server did not issue to it",
                call->now - (int64_t)age);
    } else if (outcome == OUTCOME_UNREACHABLE) {
        trouble(update, MONITOR_UNREACHABLE, words, call->now - (int64_t)age);
    } else if (outcome == OUTCOME_FAILED) {
        trouble(update, MONITOR_CANNOT_JUDGE, words, call->now - (int64_t)age);
    }
    if (facts != NULL) {
        yyjson_mut_doc *doc = json_new(call->arena);

        if (doc != NULL) {
            update->change.facts =
                json_write(call->arena, doc, yyjson_val_mut_copy(doc, facts), false);
        }
        err = update->change.facts.data == NULL ? ERR_MEMORY : ERR_OK;
    }
    return err;
}

/* ---- the extension's status ---- */

static bool is_status_word(yyjson_val *value)
{
    static const char *const words[] = {"transitioning", "warning", "error", "success"};
    struct span text = json_span(value);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (span_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* extension-handler section 8: the element of a status file. */
static err_t check_status(yyjson_val *root, struct trail *trail)
{
    yyjson_val *status = NULL, *list, *item;
    size_t i, n;
    err_t err = json_need_object(root, "status", trail, &status);

    if (err) {
        return err;
    }
    if (!is_status_word(json_get(status, "status"))) {
        return fault(trail, "status.status", "must be transitioning, warning, error or success");
    }
    list = json_get(status, "substatus");
    if (list == NULL || yyjson_is_null(list)) {
        return ERR_OK;
    }
    if (!yyjson_is_arr(list)) {
        return fault(trail, "status.substatus", "must be an array");
    }
    yyjson_arr_foreach(list, i, n, item)
    {
        if (!is_status_word(json_get(item, "status")) ||
            json_span(json_get(item, "name")).data == NULL) {
            return fault(trail, "status.substatus",
                         "must be objects with name and one of the four states");
        }
    }
    return ERR_OK;
}

static err_t read_status(struct service *service, const struct service_call *call,
                         const struct store_machine *machine, yyjson_val *root, struct trail *trail,
                         struct state_update *update)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    err_t err = read_contact(call, root, trail, update);

    (void)service;
    (void)machine;
    err = err ? err : check_status(root, trail);
    if (err) {
        return err;
    }
    if (doc != NULL) {
        update->change.status = json_write(call->arena, doc, yyjson_val_mut_copy(doc, root), false);
    }
    return update->change.status.data == NULL ? ERR_MEMORY : ERR_OK;
}

/* ---- both ---- */

typedef err_t read_fn(struct service *service, const struct service_call *call,
                      const struct store_machine *machine, yyjson_val *root, struct trail *trail,
                      struct state_update *update);

static err_t take(struct service *service, const struct service_call *call, struct span bearer,
                  struct span body, read_fn *read, struct trail *trail, struct service_answer *ret)
{
    struct state_update update = {0};
    struct wanted wanted = {0};
    struct store_machine machine;
    yyjson_val *root = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *answer = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = answer == NULL ? ERR_MEMORY : guest_session(service, call, bearer, trail, &machine);

    err = err ? err : guest_read_document(call, body, trail, &root);
    err = err ? err : read(service, call, &machine, root, trail, &update);
    err = err ? err : wanted_of(service, call, machine.id, trail, &wanted);
    if (err) {
        return err;
    }
    update.longest_s = wanted.longest_s;
    state_prepare(service, &update, &machine, call->now);
    err = state_apply(service, &update, trail);
    if (err) {
        return err;
    }
    json_add_text(doc, answer, "state", update.change.after.state);
    json_add_text(doc, answer, "why", update.change.after.why);
    answer_json(call, ret, doc, answer);
    ret->note =
        arena_printf(call->arena, "machine=%s state=%s", machine.id, update.change.after.state);
    return ERR_OK;
}

static void answer_session(const struct service_call *call, err_t err, const struct trail *trail,
                           struct service_answer *ret)
{
    if (err == ERR_DENIED) {
        answer_refuse(call, ret, 401, "Unauthorized", "%s", trail->what);
    } else if (err) {
        answer_error(call, ret, err, trail);
    }
}

void service_guest_report(struct service *service, const struct service_call *call,
                          struct span bearer, struct span body, struct service_answer *ret)
{
    struct trail trail = {0};

    answer_session(call, take(service, call, bearer, body, read_report, &trail, ret), &trail, ret);
}

void service_guest_status(struct service *service, const struct service_call *call,
                          struct span bearer, struct span body, struct service_answer *ret)
{
    struct trail trail = {0};

    answer_session(call, take(service, call, bearer, body, read_status, &trail, ret), &trail, ret);
}

/* ---- the goal state ---- */

static err_t add_extension(const struct service_call *call, yyjson_mut_doc *doc,
                           yyjson_mut_val *root, const struct store_extension *extension,
                           struct trail *trail)
{
    yyjson_mut_val *to = json_add_object(doc, root, "extension");
    yyjson_val *settings = NULL;
    err_t err = json_read(call->arena, extension->settings, NULL, trail, &settings);

    if (err) {
        return trail_set(trail, ERR_STORE, "the settings of the extension cannot be read");
    }
    json_add_bool(doc, to, "wanted", extension->is_wanted);
    json_add_text(doc, to, "publisher", "Microsoft.Azure.Security.LinuxAttestation");
    json_add_text(doc, to, "type", "GuestAttestation");
    json_add_text(doc, to, "typeHandlerVersion", extension->version);
    json_add_bool(doc, to, "autoUpgradeMinorVersion", extension->upgrades_minor);
    json_add_bool(doc, to, "enableAutomaticUpgrade", extension->upgrades);
    json_add_int(doc, to, "sequence", extension->sequence);
    json_add_value(doc, to, "settings", yyjson_val_mut_copy(doc, settings));
    return ERR_OK;
}

static err_t goalstate(struct service *service, const struct service_call *call, struct span bearer,
                       struct span body, struct trail *trail, struct service_answer *ret)
{
    struct state_update update = {0};
    struct wanted wanted = {0};
    struct store_machine machine;
    struct rollout_said said = {0};
    yyjson_val *asked = NULL;
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = root == NULL ? ERR_MEMORY : guest_session(service, call, bearer, trail, &machine);

    err = err ? err : guest_read_body(call, body, trail, &asked);
    err = err ? err : read_contact(call, asked, trail, &update);
    err = err ? err : rollout_read(call, asked, trail, &said);
    err = err ? err : wanted_of(service, call, machine.id, trail, &wanted);
    err = err ? err : add_extension(call, doc, root, &wanted.extension, trail);
    if (err) {
        return err;
    }
    update.longest_s = wanted.longest_s;
    state_prepare(service, &update, &machine, call->now);
    err = state_apply(service, &update, trail);
    err = err ? err
              : rollout_goal(service, call, &machine, &update.change.after, &wanted.extension,
                             &said, doc, root, trail);
    if (err) {
        return err;
    }
    json_add_text(doc, root, "machineId", machine.id);
    json_add_text(doc, root, "name", machine.name);
    if (service->is_issuer_public) {
        json_add_text(doc, root, "attestEndpoint", service->issuer);
    }
    json_add_uint(doc, root, "periodSeconds", (uint64_t)wanted.longest_s);
    json_add_bool(doc, root, "attestNow", update.change.after.wants_proof);
    json_add_text(doc, root, "state", update.change.after.state);
    answer_json(call, ret, doc, root);
    ret->note = arena_printf(call->arena, "machine=%s", machine.id);
    return ERR_OK;
}

void service_guest_goalstate(struct service *service, const struct service_call *call,
                             struct span bearer, struct span body, struct service_answer *ret)
{
    struct trail trail = {0};

    answer_session(call, goalstate(service, call, bearer, body, &trail, ret), &trail, ret);
}
