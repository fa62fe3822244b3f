/*
 * tpm-message.c - the envelope of /attest/Tpm, read and written.
 *
 * Who may send these bytes: anybody who reaches the server.
 */
#include "evidence/tpm-message.h"

#include "base/codec.h"
#include "base/text.h"

enum { BODY_SLACK = 64, SHOWN_MAX = 40 };

/* `text` is escaped: it was a client's. */
static err_t refuse_type(struct span type, struct trail *trail)
{
    char shown[SHOWN_MAX];

    text_escape(type, shown, sizeof(shown));
    trail_set(trail, ERR_UNSUPPORTED, "is '%s': the only first message is aikcert", shown);
    return trail_in(trail, ERR_UNSUPPORTED, "type");
}

static err_t read_message(yyjson_val *message, struct trail *trail, struct tpm_message *ret)
{
    struct tpm_message found = {0};
    yyjson_val *type = json_get(message, "type");
    yyjson_val *request = json_get(message, "request");
    struct span text = {0};
    err_t err;

    /* Two readers could take it for two things. */
    if (type != NULL && request != NULL) {
        return trail_set(trail, ERR_VALUE, "has both 'type' and 'request'");
    }
    if (type == NULL && request == NULL) {
        return trail_set(trail, ERR_JSON_MISSING, "has neither 'type' nor 'request'");
    }
    if (type != NULL) {
        err = json_need_string(message, "type", trail, &text);
        err = err != ERR_OK || span_is(text, "aikcert") ? err : refuse_type(text, trail);
        found.kind = TPM_MESSAGE_INIT;
    } else {
        err = json_need_string(message, "request", trail, &found.request);
        found.kind = TPM_MESSAGE_REQUEST;
    }
    if (err == ERR_OK) {
        *ret = found;
    }
    return err;
}

static err_t read_envelope(struct arena *arena, struct span text, struct trail *trail,
                           struct tpm_message *ret)
{
    yyjson_val *envelope = NULL;
    yyjson_val *payload;
    err_t err = json_read(arena, text, NULL, trail, &envelope);

    if (err) {
        return err;
    }
    if (!yyjson_is_obj(envelope)) {
        return trail_set(trail, ERR_JSON_TYPE, "must be base64url of a JSON object");
    }
    payload = json_get(envelope, "payload");
    if (payload == NULL) {
        return read_message(envelope, trail, ret); /* as the protocol's own examples show it */
    }
    if (!yyjson_is_obj(payload)) {
        trail_set(trail, ERR_JSON_TYPE, "must be an object");
        return trail_in(trail, ERR_JSON_TYPE, "payload");
    }
    err = read_message(payload, trail, ret);
    return err ? trail_in(trail, err, "payload") : ERR_OK;
}

err_t tpm_message_parse(struct arena *arena, struct span body, struct trail *trail,
                        struct tpm_message *ret)
{
    yyjson_val *root = NULL;
    struct span text = {0};
    err_t err;

    if (body.len > EVIDENCE_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "request of %zu bytes, %d are allowed", body.len,
                         EVIDENCE_MAX_BYTES);
    }
    err = json_read(arena, body, NULL, trail, &root);
    if (err) {
        return err;
    }
    if (!yyjson_is_obj(root)) {
        return trail_set(trail, ERR_JSON_TYPE, "the request must be a JSON object");
    }
    err = json_need_base64(arena, root, "data", BASE64_URL_LENIENT, trail, &text);
    if (err) {
        return err;
    }
    err = read_envelope(arena, text, trail, ret);
    return err ? trail_in(trail, err, "data") : ERR_OK;
}

/* {"data": base64url(message)} */
static err_t wrap(struct arena *arena, struct span message, struct span *ret_body)
{
    CLEANUP(buf_done) struct buf body = {0};

    buf_init(&body, message.len / 3 * 4 + BODY_SLACK);
    buf_add_str(&body, "{\"data\":\"");
    base64_encode(&body, BASE64_URL, message);
    buf_add_str(&body, "\"}");
    return buf_copy(&body, arena, ret_body);
}

err_t tpm_challenge_write(struct arena *arena, struct span challenge, struct span service_context,
                          struct span *ret_body)
{
    CLEANUP(buf_done) struct buf message = {0};
    err_t err;

    buf_init(&message, (challenge.len + service_context.len) / 3 * 4 + (size_t)2 * BODY_SLACK);
    buf_add_str(&message, "{\"payload\":{\"challenge\":\"");
    base64_encode(&message, BASE64_URL, challenge);
    buf_add_str(&message, "\",\"service_context\":\"");
    base64_encode(&message, BASE64_URL, service_context);
    buf_add_str(&message, "\"}}");
    err = buf_err(&message);
    return err ? err : wrap(arena, buf_span(&message), ret_body);
}

/* A compact JWS needs no escaping. */
err_t tpm_report_write(struct arena *arena, struct span jwt, struct span *ret_body)
{
    CLEANUP(buf_done) struct buf message = {0};
    err_t err;

    buf_init(&message, jwt.len + BODY_SLACK);
    buf_add_str(&message, "{\"payload\":{\"report\":\"");
    buf_add(&message, jwt);
    buf_add_str(&message, "\"}}");
    err = buf_err(&message);
    return err ? err : wrap(arena, buf_span(&message), ret_body);
}
