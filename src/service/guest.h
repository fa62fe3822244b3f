/*
 * guest.h - inside of the service room: the two keys of a guest's TPM, as a body of the guest API
 * (docs/formats/guest-api.md) brings them.
 */
#ifndef SERVICE_GUEST_H
#define SERVICE_GUEST_H

#include "service/internal.h"

#include "store/joins.h"
#include "tpm/tpm.h"

enum { GUEST_PUBLIC_MAX = 2 + TPM_PUBLIC_MAX_BYTES };

/* Two keys of one TPM, taken apart. The spans borrow from what was read. */
struct guest_pair {
    struct span ek_bytes, ak_bytes; /* TPM2B_PUBLIC */
    struct tpm_public ek_pub, ak_pub;
    struct pubkey *ek, *ak; /* owned */
    struct tpm_name ak_name;
    uint8_t ek_digest[SHA256_BYTES];
    const char *name;  /* wished for; "" */
    const char *maker; /* issuer of the EK certificate, which was verified; "" = none vouches */
    const char *vm_id; /* of a certified AK: what its cloud calls the machine; "" */
    struct span token_digest; /* of the join token; data NULL = none was shown */
};

enum { GUEST_TOKEN_MAX = 128 };

void guest_pair_done(struct guest_pair *pair);
DEFINE_CLEANUP_DONE(struct guest_pair, guest_pair_done)

/* guest-pair.c. The trail names the member of the body that is at fault. */
err_t guest_read_body(const struct service_call *call, struct span body, struct trail *trail,
                      yyjson_val **ret) MUST_CHECK;
/* The same with larger limits, for what a machine's own session brings. */
err_t guest_read_document(const struct service_call *call, struct span body, struct trail *trail,
                          yyjson_val **ret) MUST_CHECK;
err_t guest_need_public(const struct service_call *call, yyjson_val *root, const char *name,
                        struct trail *trail, struct span *ret) MUST_CHECK;
/* A certificate that vouches for one of the two keys. */
struct guest_certificate {
    const char *member, *key_member; /* of the body */
    const char *name, *folder;       /* for people */
    const struct pubkey *key;
    const struct cert_store *anchors;
    enum cert_role role;
    bool may_be_expired;
};
/* It is for the key and leads to an anchor, over the body's intermediates: else ERR_UNTRUSTED. The
 * caller frees. */
err_t guest_read_certificate(const struct service_call *call, yyjson_val *root,
                             const struct guest_certificate *kind, struct trail *trail,
                             struct cert **ret) MUST_CHECK;
/* From ak_bytes: AK-1 to AK-4. */
err_t guest_read_ak(struct guest_pair *pair, struct trail *trail) MUST_CHECK;
/* From ek_bytes. */
err_t guest_read_ek(const struct service_call *call, struct guest_pair *pair,
                    struct trail *trail) MUST_CHECK;
/* "" when the body has none. */
err_t guest_read_name(const struct service_call *call, yyjson_val *root, struct trail *trail,
                      const char **ret) MUST_CHECK;
/* SHA-256 of `joinToken`, when there is one. */
err_t guest_read_token(const struct service_call *call, yyjson_val *root, struct trail *trail,
                       struct span *ret) MUST_CHECK;
/* Sets pair->maker. The EK certificate is for this very EK, and leads to a maker that the operator
 * trusts: else ERR_UNTRUSTED. A guest may have none, and one whose EK was announced needs none:
 * then nobody vouches for it. */
err_t guest_check_ek(struct service *service, const struct service_call *call, yyjson_val *root,
                     struct guest_pair *pair, struct trail *trail) MUST_CHECK;

/* guest-certified.c: a guest whose AK has a certificate of a cloud, and no endorsement key that
 * anybody knows. Its pair has empty ek_bytes and a digest that stands for the EK's. */
#define GUEST_JOIN_PREFIX "bootwarden join 1:"
/* Sets maker, vm_id and ek_digest. ERR_UNTRUSTED when the certificate leads nowhere. */
err_t guest_check_certificate(struct service *service, const struct service_call *call,
                              yyjson_val *root, struct guest_pair *pair,
                              struct trail *trail) MUST_CHECK;
err_t guest_certified_digest(const struct service_call *call, struct guest_pair *pair) MUST_CHECK;
/* What the quote's extraData must be for a nonce. */
err_t guest_quote_data(const struct service_call *call, struct span nonce,
                       uint8_t ret[SHA256_BYTES]) MUST_CHECK;
/* extraData of a quote by the pair's AK; ERR_SIGNATURE and what the TPM's structures lack. */
err_t guest_read_quote(const struct service_call *call, yyjson_val *root,
                       const struct guest_pair *pair, struct trail *trail,
                       struct span *ret_extra) MUST_CHECK;

/* guest-session.c: a session token for the machine and the AK that it has now, in base64url. */
err_t guest_session_new(const struct service *service, struct arena *arena,
                        const struct store_machine *machine, int64_t expires,
                        const char **ret) MUST_CHECK;
/* The machine of a session token; ERR_DENIED when it is none, or not good any more: the machine was
 * disabled, replaced or removed, or has another AK since. */
err_t guest_session(struct service *service, const struct service_call *call, struct span bearer,
                    struct trail *trail, struct store_machine *ret) MUST_CHECK;

/* guest-conflicts.c: AK-7, asked early so that the guest need not begin; asked again, for good, at
 * activation. Names only then: who has not shown a TPM learns nothing about them. ERR_CONFLICT, and
 * *ret_note is for the log. */
err_t guest_check_conflicts(struct service *service, const struct service_call *call,
                            const struct guest_pair *pair, bool is_activation, struct trail *trail,
                            const char **ret_note) MUST_CHECK;
/* ERR_CONFLICT for a name or a place that no operator's `replace` would give to this guest. */
err_t guest_refuse_kept(const struct service_call *call, const struct guest_pair *pair,
                        enum store_kept kept, struct trail *trail,
                        const char **ret_note) MUST_CHECK;

#endif
