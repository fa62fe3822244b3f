/*
 * known-keys.c - is a key database made of certificates that platforms of common vendors carry?
 *
 * Being known means "a stock platform key" (authorities of the reference data), not "good": it is
 * what the claims x-ms-azurevm-*validated rest on (decisions section 3). A test key is nobody's
 * stock, and a key that is revoked is none any more.
 */
#include "appraise/internal.h"

static bool is_named_by_operator(const struct appraise_trust *trust, struct span der)
{
    for (size_t i = 0; i < trust->n_db_certificates; i++) {
        if (span_equal(trust->db_certificates[i], der)) {
            return true;
        }
    }
    return false;
}

static bool is_stock(const struct key_certificate *certificate, unsigned role)
{
    return certificate->known != NULL && (certificate->known->roles & role) != 0 &&
           !certificate->is_test_key && certificate->known->revoked == NULL;
}

const char *known_key_database(const struct appraise_trust *trust,
                               const struct key_database *database, unsigned role)
{
    const struct key_contents *keys = &database->keys;

    for (size_t i = 0; i < keys->n_certificates; i++) {
        const struct key_certificate *certificate = &keys->certificates[i];

        if (!is_stock(certificate, role) && !is_named_by_operator(trust, certificate->der)) {
            return certificate->subject != NULL ? certificate->subject
                                                : "an unreadable certificate";
        }
    }
    if (keys->n_x509 > keys->n_certificates) {
        return "more certificates than are looked at";
    }
    if (keys->n_hashes + keys->n_other > 0) {
        return "an entry that is no certificate";
    }
    return keys->is_malformed ? "a malformed list" : NULL;
}
