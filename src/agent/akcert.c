/* Who may send these bytes: the TPM's owner, or whoever answers in place of the platform. */
#include "agent/akcert.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "tpm/tpm.h"

#define AK_EKU "2.23.133.8.3"
#define STOPGAP_ISSUER "CN=MICROSOFT AZURE TRUSTED VM RSA"
enum { GUID_CHARS = 36, PEM_MAX = 2 * CERT_MAX_BYTES };

struct cert *akcert_for_key(struct span der, struct span public_area)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct tpm_public area;

    if (der.len == 0 || cert_new_der(der, NULL, &cert) != ERR_OK || cert_key(cert) == NULL ||
        tpm2b_public_parse(public_area, false, NULL, &area) != ERR_OK ||
        tpm_public_key(&area, NULL, &key) != ERR_OK || !pubkey_equal(key, cert_key(cert))) {
        return NULL;
    }
    return TAKE(cert);
}

bool akcert_is_valid(const struct cert *cert, int64_t now, int64_t margin_s)
{
    int64_t not_before, not_after;

    cert_validity(cert, &not_before, &not_after);
    return now >= not_before && now < not_after - margin_s;
}

int64_t akcert_left_s(const struct cert *cert, int64_t now)
{
    int64_t not_before, not_after;

    cert_validity(cert, &not_before, &not_after);
    return not_after - now;
}

bool akcert_is_clouds(const struct cert *cert, struct arena *arena)
{
    struct span name = span_str(cert_common_name(cert, arena));

    return !text_is_guid(span_cut(name, 0, GUID_CHARS)) ||
           !span_is(span_cut(name, GUID_CHARS, name.len), ".TrustedVM");
}

bool akcert_is_provisional(const struct cert *cert, struct arena *arena)
{
    const char *issuer = cert_issuer(cert, arena);

    return issuer != NULL && strstr(issuer, STOPGAP_ISSUER) != NULL;
}

static err_t check_time(const struct cert *cert, const struct cert *old, int64_t now,
                        struct trail *trail)
{
    char text[TIMESTAMP_SIZE];
    int64_t not_before, not_after;

    cert_validity(cert, &not_before, &not_after);
    if (now < not_before) {
        timestamp_format(not_before, text, sizeof(text));
        return trail_set(trail, ERR_EXPIRED, "the new certificate is valid from %s on only", text);
    }
    timestamp_format(not_after, text, sizeof(text));
    if (now >= not_after) {
        return trail_set(trail, ERR_EXPIRED, "the new certificate ended on %s", text);
    }
    if (akcert_left_s(old, now) >= akcert_left_s(cert, now)) {
        return trail_set(trail, ERR_EXPIRED,
                         "the new certificate ends on %s, no later than the one in the TPM", text);
    }
    return ERR_OK;
}

err_t akcert_read_successor(struct span pem, const struct cert *old, struct span public_area,
                            int64_t now, struct arena *arena, struct trail *trail,
                            struct cert **ret)
{
    CLEANUP(cert_free) struct cert *read = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err = pem.len > PEM_MAX ? ERR_TOO_LARGE : cert_new_pem(pem, NULL, &read);

    if (err) {
        return trail_set(trail, err, "the answer holds no certificate in PEM");
    }
    cert = akcert_for_key(cert_der(read), public_area);
    if (cert == NULL) {
        return trail_set(trail, ERR_MISMATCH, "the new certificate is not for the key of this TPM");
    }
    if (!cert_has_eku(cert, AK_EKU) || !cert_may_sign(cert)) {
        return trail_set(trail, ERR_MISMATCH,
                         "the new certificate is not one for attestation keys");
    }
    if (akcert_is_provisional(cert, arena)) {
        return trail_set(trail, ERR_CONFLICT,
                         "Azure has not provisioned the attestation key yet: the new certificate "
                         "is a stopgap");
    }
    err = check_time(cert, old, now, trail);
    if (err == ERR_OK) {
        *ret = TAKE(cert);
    }
    return err;
}
