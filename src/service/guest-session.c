/*
 * guest-session.c - session tokens: for one machine, and for the attestation key that activated
 * them. A machine that was replaced is known by another key, and old tokens are nobody's.
 *
 * Who may send these bytes: anybody.
 */
#include "service/guest.h"

#include "base/codec.h"

err_t guest_session_new(const struct service *service, struct arena *arena,
                        const struct store_machine *machine, int64_t expires, const char **ret)
{
    CLEANUP(buf_done) struct buf payload = {0};
    struct span sealed = {0};
    err_t err;

    buf_init(&payload, TICKET_PAYLOAD_MAX);
    buf_tpm2b(&payload, span_str(machine->id));
    buf_tpm2b(&payload, span_of(machine->ak_name, machine->ak_name_len));
    err = buf_err(&payload);
    err = err ? err
              : ticket_seal(arena, service_secret(service), TICKET_SESSION, expires,
                            buf_span(&payload), &sealed);
    if (err) {
        return err;
    }
    *ret = base64_dup(arena, BASE64_URL, sealed);
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

/* One of a version before this one has no key in it. */
static err_t read_payload(struct arena *arena, struct span payload, struct trail *trail,
                          const char **ret_id, struct span *ret_ak)
{
    struct reader in = reader_on(payload);
    struct span id = {0};
    err_t err = reader_tpm2b(&in, STORE_ID_SIZE - 1, &id);

    err = err ? err : reader_tpm2b(&in, STORE_AK_NAME_MAX, ret_ak);
    if (err || reader_left(&in) != 0) {
        return trail_set(trail, ERR_DENIED,
                         "the session token is of an older form: open a new session");
    }
    *ret_id = (const char *)arena_dup(arena, id).data;
    return *ret_id == NULL ? ERR_MEMORY : ERR_OK;
}

err_t guest_session(struct service *service, const struct service_call *call, struct span bearer,
                    struct trail *trail, struct store_machine *ret)
{
    struct span sealed = {0}, ak = {0};
    struct ticket ticket;
    const char *id = NULL;
    err_t err;

    if (bearer.data == NULL) {
        return trail_set(trail, ERR_DENIED, "a session token is needed: Authorization: Bearer ...");
    }
    if (base64_decode(call->arena, BASE64_URL_LENIENT, bearer, &sealed) != ERR_OK) {
        return trail_set(trail, ERR_DENIED, "the session token is malformed");
    }
    err = ticket_open(call->arena, service_secret(service), TICKET_SESSION, sealed, &ticket);
    if (err == ERR_SIGNATURE) {
        return trail_set(trail, ERR_DENIED, "the session token was not made by this server");
    }
    if (err) {
        return err;
    }
    if (call->now >= ticket.expires) {
        return trail_set(trail, ERR_DENIED, "the session token has expired: open a new session");
    }
    err = read_payload(call->arena, ticket.payload, trail, &id, &ak);
    if (err) {
        return err;
    }
    err = store_machine_by_id(service->store, id, trail, ret);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && (!ret->is_active || ret->ak_name_len == 0))) {
        return trail_set(trail, ERR_DENIED, "the session's machine is not active any more");
    }
    if (err == ERR_OK && !span_equal(span_of(ret->ak_name, ret->ak_name_len), ak)) {
        return trail_set(trail, ERR_DENIED,
                         "the session's machine has another attestation key: join again");
    }
    return err;
}
