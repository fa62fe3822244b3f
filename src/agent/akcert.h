/*
 * akcert.h - certificates of the attestation key: whose they are, how long they last, and whether a
 * new one may take the place of the one in the TPM. Pure.
 *
 * Nobody is believed here: whether an issuer is trusted is for the service that judges the proof.
 */
#ifndef AGENT_AKCERT_H
#define AGENT_AKCERT_H

#include "base/arena.h"
#include "crypto/cert.h"

enum {
    AKCERT_DAY_S = 24 * 3600,
    AKCERT_RENEW_BEFORE_S = 90 * AKCERT_DAY_S, /* decisions, section 5: renewed at 90 days left */
    AKCERT_WARN_BEFORE_S = 30 * AKCERT_DAY_S,
};

/* NULL when the bytes are no certificate for the key (TPM2B_PUBLIC). The caller frees. */
struct cert *akcert_for_key(struct span der, struct span public_area);
/* Now, and for so many seconds more. */
bool akcert_is_valid(const struct cert *cert, int64_t now, int64_t margin_s);
/* Seconds until its end; negative after it. */
int64_t akcert_left_s(const struct cert *cert, int64_t now);

/* By somebody else than a service of ours, whose subject is "CN=<GUID>.TrustedVM". */
bool akcert_is_clouds(const struct cert *cert, struct arena *arena);
/* Azure's stopgap until the real one is there (azure-guest-protocol, section 7). */
bool akcert_is_provisional(const struct cert *cert, struct arena *arena);

#define AKCERT_NOT_PROVISIONED                                                                     \
    "Attestation key not provisioned: NV index 0x01c101d0 of the TPM. Azure has put a stopgap "    \
    "there, and its certificate not yet"
#define AKCERT_STOPGAP_REMEDY                                                                      \
    "Try again later; if it stays so for an hour, restart the virtual machine."

/*
 * May this text take the place of `old`? A PEM certificate for the same key, for attestation keys,
 * valid now, that ends later. ERR_MISMATCH: another key or use; ERR_EXPIRED: its time;
 * ERR_CONFLICT: a stopgap. The caller frees *ret.
 */
err_t akcert_read_successor(struct span pem, const struct cert *old, struct span public_area,
                            int64_t now, struct arena *arena, struct trail *trail,
                            struct cert **ret) MUST_CHECK;

#endif
