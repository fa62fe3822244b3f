/*
 * guest-certified.c - joining with an attestation key that has a certificate already, as the guests
 * of clouds have it (azure-guest-protocol, section 1): the certificate's issuer vouches for the
 * key, and a quote over a fresh nonce shows that the guest holds it. There is no endorsement key.
 *
 * Who may send these bytes: anybody.
 */
#include "service/guest.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"

/* What stands for the endorsement key, so that the rules about one machine, one key hold: no
 * digest of a SubjectPublicKeyInfo begins so. */
static const char key_prefix[] = "bootwarden attestation key without endorsement key:";

enum { GUID_CHARS = 36 };

err_t guest_certified_digest(const struct service_call *call, struct guest_pair *pair)
{
    CLEANUP(buf_done) struct buf bytes = {0};
    struct span spki = {0};
    err_t err = pubkey_spki(pair->ak, call->arena, &spki);

    buf_init(&bytes, GUEST_PUBLIC_MAX);
    buf_add_str(&bytes, key_prefix);
    buf_add(&bytes, spki);
    err = err ? err : buf_err(&bytes);
    return err ? err : hasher_once(call->hasher, HASH_SHA256, buf_span(&bytes), pair->ek_digest);
}

/* "GUID.TrustedVM.Azure...": the cloud's own name of the machine (AK-11). "" when there is none. */
static const char *machine_of(const struct cert *cert, struct arena *arena)
{
    const char *name = cert_common_name(cert, arena);
    char *id;

    if (name == NULL || !text_is_guid(span_cut(span_str(name), 0, GUID_CHARS)) ||
        (name[GUID_CHARS] != '\0' && name[GUID_CHARS] != '.')) {
        return "";
    }
    id = arena_printf(arena, "%.*s", GUID_CHARS, name);
    for (char *c = id; c != NULL && *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    }
    return id;
}

err_t guest_check_certificate(struct service *service, const struct service_call *call,
                              yyjson_val *root, struct guest_pair *pair, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(trust_free) struct trust *trust = service_trust(service);
    const struct guest_certificate kind = {.member = "akCertificate",
                                           .key_member = "akPublic",
                                           .name = "attestation key",
                                           .folder = "trust/ak",
                                           .key = pair->ak,
                                           .anchors = trust->ak,
                                           .role = CERT_ROLE_AK};
    err_t err = guest_read_certificate(call, root, &kind, trail, &cert);

    if (err) {
        return err;
    }
    pair->maker = cert_issuer(cert, call->arena);
    pair->vm_id = machine_of(cert, call->arena);
    return guest_certified_digest(call, pair);
}

/* SHA-256 of what a quote for this nonce must carry: no quote that was made for anything else does.
 */
err_t guest_quote_data(const struct service_call *call, struct span nonce,
                       uint8_t ret[SHA256_BYTES])
{
    CLEANUP(buf_done) struct buf bytes = {0};
    err_t err;

    buf_init(&bytes, 256);
    buf_add_str(&bytes, GUEST_JOIN_PREFIX);
    buf_add(&bytes, nonce);
    err = buf_err(&bytes);
    return err ? err : hasher_once(call->hasher, HASH_SHA256, buf_span(&bytes), ret);
}

err_t guest_read_quote(const struct service_call *call, yyjson_val *root,
                       const struct guest_pair *pair, struct trail *trail, struct span *ret_extra)
{
    struct span attest = {0}, raw = {0};
    struct tpm_signature signature;
    struct tpm_attest quote;
    err_t err = json_need_base64(call->arena, root, "quote", BASE64_STANDARD, trail, &attest);

    err =
        err ? err : json_need_base64(call->arena, root, "signature", BASE64_STANDARD, trail, &raw);
    if (err) {
        return err;
    }
    err = tpm_signature_raw(&pair->ak_pub, raw, trail, &signature);
    err = err ? err : tpm_signature_verify(&signature, &pair->ak_pub, pair->ak, attest, trail);
    err = err ? err : tpm_attest_parse(attest, TPM_ATTEST_QUOTE, trail, &quote);
    if (err) {
        return trail_in(trail, err, "quote");
    }
    *ret_extra = quote.extra_data;
    return ERR_OK;
}
