/*
 * guest-conflicts.c - a guest that wants to join, against the machines that are there.
 */
#include "service/guest.h"

#include "base/codec.h"

/*
 * A conflict with a machine that is there. Anybody may ask: the answer says what kind it is and
 * what an operator types, but not which machine, since that is for the log alone.
 */
static err_t refuse_conflict(const struct service_call *call, const char *kind,
                             const struct store_machine *machine, struct trail *trail,
                             const char **ret_note, const char *words)
{
    *ret_note = arena_printf(call->arena, "conflict=%s machine=%s name=%s", kind, machine->id,
                             machine->name);
    return trail_set(trail, ERR_CONFLICT, "%s", words);
}

#define SEE_LOG " (the server's log says which)"

static err_t refuse_disabled(const struct service_call *call, const struct store_machine *machine,
                             struct trail *trail, const char **ret_note)
{
    return refuse_conflict(call, "disabled", machine, trail, ret_note,
                           "this machine was disabled by an operator, who lets it in again with: "
                           "bootwarden vm enable NAME" SEE_LOG);
}

/* The log names the key that asked, for an operator's `machine replace NAME --ek`. */
static const char *note_key(const struct service_call *call, const struct guest_pair *pair,
                            const char *note)
{
    return note == NULL
               ? NULL
               : arena_printf(call->arena, "%s ek=%s", note,
                              hex_dup(call->arena, span_of(pair->ek_digest, SHA256_BYTES)));
}

/* An operator may have said for which endorsement key a replaced machine is. */
static err_t check_place(const struct service_call *call, const struct guest_pair *pair,
                         const struct store_machine *machine, struct trail *trail,
                         const char **ret_note)
{
    err_t err;

    if (!machine->has_successor || span_equal(span_of(machine->successor_ek, STORE_DIGEST_BYTES),
                                              span_of(pair->ek_digest, SHA256_BYTES))) {
        return ERR_OK;
    }
    err = refuse_conflict(call, "place-kept", machine, trail, ret_note,
                          "the place of this machine is kept for another endorsement key; an "
                          "operator lets this one take it with: bootwarden-server machine replace "
                          "NAME --ek DIGEST" SEE_LOG);
    *ret_note = note_key(call, pair, *ret_note);
    return err;
}

static err_t check_name(struct service *service, const struct service_call *call,
                        const struct guest_pair *pair, struct trail *trail, const char **ret_note)
{
    struct store_machine found;
    const char *words;
    err_t err = store_machine_by_name(service->store, pair->name, trail, &found);

    if (err) {
        return err;
    }
    if (found.ak_name_len == 0) {
        return found.is_active ? check_place(call, pair, &found, trail, ret_note)
                               : refuse_disabled(call, &found, trail, ret_note);
    }
    words = arena_printf(call->arena,
                         "the name '%s' belongs to a machine with another endorsement key: choose "
                         "another, or an operator lets this one take its place with: "
                         "bootwarden-server machine replace %s",
                         pair->name, pair->name);
    if (words == NULL) {
        return ERR_MEMORY;
    }
    err = refuse_conflict(call, "name-taken", &found, trail, ret_note, words);
    *ret_note = note_key(call, pair, *ret_note);
    return err;
}

err_t guest_refuse_kept(const struct service_call *call, const struct guest_pair *pair,
                        enum store_kept kept, struct trail *trail, const char **ret_note)
{
    static const struct {
        const char *note, *words;
    } of_kept[] = {
        [STORE_KEPT_OWNER] = {"other-owner",
                              "this name or endorsement key belongs to a machine of another owner: "
                              "choose another name, or that machine is removed first"},
        [STORE_KEPT_ANNOUNCED] = {"name-announced",
                                  "this name is kept for a guest that was announced: choose "
                                  "another, or join as that guest, with its token"},
        [STORE_KEPT_PLACE] = {"other-machine",
                              "this name or endorsement key belongs to another machine than the "
                              "one that was announced: that machine is removed first"},
    };

    *ret_note = arena_printf(call->arena, "conflict=%s name=%s ek=%s", of_kept[kept].note,
                             pair->name[0] != '\0' ? pair->name : "-",
                             hex_dup(call->arena, span_of(pair->ek_digest, SHA256_BYTES)));
    return *ret_note == NULL ? ERR_MEMORY
                             : trail_set(trail, ERR_CONFLICT, "%s", of_kept[kept].words);
}

/* Of the EK; for a certified key, whose digest changes with it, of the id that its cloud gave. */
static err_t find_own(struct service *service, const struct guest_pair *pair, struct trail *trail,
                      struct store_machine *ret)
{
    err_t err = store_machine_by_ek(service->store, pair->ek_digest, trail, ret);

    return err == ERR_NOT_FOUND && pair->vm_id[0] != '\0'
               ? store_machine_by_id(service->store, pair->vm_id, trail, ret)
               : err;
}

static err_t refuse_other_key(const struct service_call *call, const struct guest_pair *pair,
                              const struct store_machine *own, struct trail *trail,
                              const char **ret_note)
{
    return refuse_conflict(call, "other-attestation-key", own, trail, ret_note,
                           pair->ek_bytes.len == 0
                               ? "the machine that this certificate names has another attestation "
                                 "key; an operator lets it join again with: bootwarden-server "
                                 "machine replace NAME" SEE_LOG
                               : "this endorsement key belongs to a machine with another "
                                 "attestation key; an operator lets it join again with: "
                                 "bootwarden-server machine replace NAME" SEE_LOG);
}

err_t guest_check_conflicts(struct service *service, const struct service_call *call,
                            const struct guest_pair *pair, bool is_activation, struct trail *trail,
                            const char **ret_note)
{
    struct span ak = tpm_name_span(&pair->ak_name);
    struct store_machine own, found;
    err_t by_ek = find_own(service, pair, trail, &own), err;
    bool is_own = by_ek == ERR_OK;

    if (is_own && own.ak_name_len > 0 && !span_equal(span_of(own.ak_name, own.ak_name_len), ak)) {
        return refuse_other_key(call, pair, &own, trail, ret_note);
    }
    if (is_own && !own.is_active) {
        return refuse_disabled(call, &own, trail, ret_note);
    }
    if (is_own && own.ak_name_len == 0) {
        err = check_place(call, pair, &own, trail, ret_note);
        if (err) {
            return err;
        }
    }
    if ((is_own && own.ak_name_len > 0) || (!is_own && by_ek != ERR_NOT_FOUND)) {
        return by_ek;
    }
    err = store_machine_by_ak(service->store, ak, trail, &found);
    if (err == ERR_OK) {
        return refuse_conflict(call, "other-endorsement-key", &found, trail, ret_note,
                               "this attestation key belongs to a machine with another endorsement "
                               "key; an operator lets it join again with: bootwarden-server "
                               "machine replace NAME" SEE_LOG);
    }
    if (err == ERR_NOT_FOUND && is_activation && !is_own && pair->name[0] != '\0') {
        err = check_name(service, call, pair, trail, ret_note);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}
