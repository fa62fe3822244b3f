/*
 * guestca.h - the CA that certifies attestation keys, behind "a certificate for this AK of this
 * machine" and nothing else. Immutable after opening, any thread.
 */
#ifndef SERVICE_GUESTCA_H
#define SERVICE_GUESTCA_H

#include "base/arena.h"
#include "crypto/cert.h"
#include "service/folder.h"

enum { GUEST_CA_AK_DAYS = 365 };

struct guest_ca;

err_t guest_ca_open(const struct folder *folder, struct trail *trail,
                    struct guest_ca **ret) MUST_CHECK;
void guest_ca_free(struct guest_ca *ca);
DEFINE_CLEANUP(struct guest_ca *, guest_ca_free)
/* Borrowed. */
struct cert *guest_ca_cert(const struct guest_ca *ca);
/* Does the certificate name this CA as its issuer? Chooses words only: the signature is not asked.
 */
bool guest_ca_is_named(const struct guest_ca *ca, struct arena *arena, const struct cert *cert);
/* Profile of decisions section 5: CN=<id>.TrustedVM, SAN urn:uuid:<id>, EKU 2.23.133.8.3. */
err_t guest_ca_issue(const struct guest_ca *ca, struct arena *arena, const char *machine_id,
                     const struct pubkey *ak, int64_t now, struct cert **ret) MUST_CHECK;

#endif
