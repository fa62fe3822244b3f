/*
 * guest.h - inside of the service room: the two keys of a guest's TPM, as a body of the guest API
 * (docs/formats/guest-api.md) brings them.
 */
#ifndef SERVICE_GUEST_H
#define SERVICE_GUEST_H

#include "service/internal.h"

#include "tpm/tpm.h"

enum { GUEST_PUBLIC_MAX = 2 + TPM_PUBLIC_MAX_BYTES };

/* Two keys of one TPM, taken apart. The spans borrow from what was read. */
struct guest_pair {
    struct span ek_bytes, ak_bytes; /* TPM2B_PUBLIC */
    struct tpm_public ek_pub, ak_pub;
    struct pubkey *ek, *ak; /* owned */
    struct tpm_name ak_name;
    uint8_t ek_digest[SHA256_BYTES];
    const char *name; /* wished for; "" */
};

void guest_pair_done(struct guest_pair *pair);
DEFINE_CLEANUP_DONE(struct guest_pair, guest_pair_done)

/* guest-pair.c. The trail names the member of the body that is at fault. */
err_t guest_read_body(const struct service_call *call, struct span body, struct trail *trail,
                      yyjson_val **ret) MUST_CHECK;
err_t guest_need_public(const struct service_call *call, yyjson_val *root, const char *name,
                        struct trail *trail, struct span *ret) MUST_CHECK;
/* From ak_bytes: AK-1 to AK-4. */
err_t guest_read_ak(struct guest_pair *pair, struct trail *trail) MUST_CHECK;
/* From ek_bytes. */
err_t guest_read_ek(const struct service_call *call, struct guest_pair *pair,
                    struct trail *trail) MUST_CHECK;
/* "" when the body has none. */
err_t guest_read_name(const struct service_call *call, yyjson_val *root, struct trail *trail,
                      const char **ret) MUST_CHECK;
/* The EK certificate is for this very EK, and leads to a maker that the operator trusts: else
 * ERR_UNTRUSTED. */
err_t guest_check_ek(struct service *service, const struct service_call *call, yyjson_val *root,
                     const struct guest_pair *pair, struct trail *trail) MUST_CHECK;

/* guest-conflicts.c: AK-7, asked early so that the guest need not begin; asked again, for good, at
 * activation. Names only then: who has not shown a TPM learns nothing about them. ERR_CONFLICT, and
 * *ret_note is for the log. */
err_t guest_check_conflicts(struct service *service, const struct service_call *call,
                            const struct guest_pair *pair, bool is_activation, struct trail *trail,
                            const char **ret_note) MUST_CHECK;

#endif
