/* Who may send tickets: anybody; only those that this server made open. */
#include "service/ticket.h"

#include "base/buf.h"
#include "base/reader.h"
#include "crypto/seal.h"
#include "crypto/secret.h"

static const char *const labels[] = {
    [TICKET_ATTEST] = "bootwarden attest 1",
    [TICKET_JOIN] = "bootwarden join 1",
    [TICKET_SESSION] = "bootwarden session 1",
    [TICKET_TPM] = "bootwarden tpm 1",
};

/* The key sees one message only, so the IV may be constant (SP 800-38D, 8.2). */
static const uint8_t fixed_iv[GCM_IV_BYTES];

static err_t derive_key(struct span secret, enum ticket_purpose purpose,
                        const uint8_t id[TICKET_ID_BYTES], uint8_t key[SHA256_BYTES])
{
    uint8_t message[64];
    size_t len = strlen(labels[purpose]) + 1; /* with its NUL: no label is a prefix of another */

    memcpy(message, labels[purpose], len);
    memcpy(message + len, id, TICKET_ID_BYTES);
    return hmac_once(HASH_SHA256, secret, span_of(message, len + TICKET_ID_BYTES), key);
}

err_t ticket_seal(struct arena *arena, struct span secret, enum ticket_purpose purpose,
                  int64_t expires, struct span payload, struct span *ret)
{
    CLEANUP(buf_done) struct buf plain = {0}, out = {0};
    uint8_t id[TICKET_ID_BYTES], key[SHA256_BYTES], tag[GCM_TAG_BYTES];
    struct span cipher = {0};
    err_t err = random_bytes(id, sizeof(id));

    buf_init_secret(&plain, TICKET_PAYLOAD_MAX + 8);
    buf_u64be(&plain, (uint64_t)expires);
    buf_add(&plain, payload);
    err = err ? err : buf_err(&plain);
    err = err ? err : derive_key(secret, purpose, id, key);
    if (err) {
        return err;
    }
    err = gcm_seal(arena, span_of(key, sizeof(key)), span_of(fixed_iv, sizeof(fixed_iv)),
                   span_str(labels[purpose]), buf_span(&plain), &cipher, tag);
    explicit_bzero(key, sizeof(key));
    if (err) {
        return err;
    }
    buf_init(&out, TICKET_PAYLOAD_MAX + 256);
    buf_add(&out, span_of(id, sizeof(id)));
    buf_add(&out, cipher);
    buf_add(&out, span_of(tag, sizeof(tag)));
    return buf_copy(&out, arena, ret);
}

err_t ticket_open(struct arena *arena, struct span secret, enum ticket_purpose purpose,
                  struct span sealed, struct ticket *ret)
{
    struct ticket ticket;
    struct reader in = reader_on(sealed);
    struct span id, cipher, tag, plain = {0};
    uint8_t key[SHA256_BYTES];
    uint64_t expires;
    err_t err;

    if (sealed.len < TICKET_ID_BYTES + 8 + GCM_TAG_BYTES ||
        sealed.len > TICKET_ID_BYTES + 8 + TICKET_PAYLOAD_MAX + GCM_TAG_BYTES ||
        reader_take(&in, TICKET_ID_BYTES, &id) != ERR_OK ||
        reader_take(&in, reader_left(&in) - GCM_TAG_BYTES, &cipher) != ERR_OK ||
        reader_take(&in, GCM_TAG_BYTES, &tag) != ERR_OK) {
        return ERR_SIGNATURE;
    }
    memcpy(ticket.id, id.data, sizeof(ticket.id));
    err = derive_key(secret, purpose, ticket.id, key);
    if (err) {
        return err;
    }
    err = gcm_open(arena, span_of(key, sizeof(key)), span_of(fixed_iv, sizeof(fixed_iv)),
                   span_str(labels[purpose]), cipher, tag, &plain);
    explicit_bzero(key, sizeof(key));
    if (err) {
        return err;
    }
    in = reader_on(plain);
    err = reader_u64be(&in, &expires);
    err = err ? err : reader_take(&in, reader_left(&in), &ticket.payload);
    if (err) {
        return err;
    }
    ticket.expires = (int64_t)expires;
    *ret = ticket;
    return ERR_OK;
}
