/*
 * provider.h - an attestation provider: who it is, what it demands, with which key it signs.
 *
 * A provider is immutable and reference counted; a change makes a new one in its place. So a
 * request keeps what it began with, whatever an owner changes meanwhile.
 */
#ifndef SERVICE_PROVIDER_H
#define SERVICE_PROVIDER_H

#include "policy/policy.h"
#include "provider/name.h"
#include "provider/request.h"
#include "provider/signers.h"
#include "provider/type.h"
#include "service/signer.h"
#include "service/slow.h"

#include <stdatomic.h>

struct provider_policy {
    struct span jws;       /* as it was set; data NULL: never, and the default holds */
    struct policy *policy; /* NULL: evidence of this type is not judged */
    const char *hash;      /* x-ms-policy-hash; NULL without a policy */
    struct span signer;    /* x-ms-policy-signer, JSON; data NULL: nobody signed it */
    /* What its configuration rules say. They know of no evidence, so they run once, when it is set:
     * nobody spends time on them by asking. */
    bool is_damaged; /* what the store has is none for this server: policy is NULL, jws is there */
    bool waives_ak_certificate; /* require_valid_aik_cert=false */
    uint32_t required_pcr_mask;
};

struct provider {
    _Atomic unsigned refs;
    struct arena *arena; /* of everything below */
    const char *name;
    const char *uri; /* attestUri: issuer of its tokens */
    bool is_damaged; /* its key or its row in the database: it serves nobody, its signer is NULL; it
                        can be shown and removed */
    const struct region *region;
    bool is_shared;                /* the service's own: nobody changes it */
    bool is_isolated;              /* only its signers set policies; else whoever may write */
    bool is_public;                /* publicNetworkAccess */
    bool needs_tpm_authentication; /* tpmAttestationAuthentication */
    struct signers signers;
    struct provider_policy policies[ATTEST_TYPE_COUNT];
    struct signer *signer;
    struct slow *slow; /* how long its policies took of late; shared with its earlier forms */
    /* Of the resource. A shared one has no subscription. */
    const char *id, *subscription, *group;
    struct span tags; /* JSON object */
    enum signkey_kind key_kind;
    int64_t version, created, changed;
};

struct provider *provider_ref(struct provider *provider);
void provider_unref(struct provider *provider);
DEFINE_CLEANUP(struct provider *, provider_unref)

/* Nothing in it but an arena, to be filled; NULL without memory. */
struct provider *provider_new(void);
/* The same again, to be changed: nothing is shared but references. */
err_t provider_copy(const struct provider *provider, struct provider **ret) MUST_CHECK;

/* The policy of a type from what an owner sent, or the default for NULL. ERR_VALUE with the trail's
 * words when there is none in it, and with *fault when it is no policy or its configuration rules
 * fail. */
err_t provider_set_policy(struct provider *provider, enum attestation_type type,
                          const struct owner_request *request, struct trail *trail,
                          struct policy_fault *fault) MUST_CHECK;

/* The policy of a type as `from` has it. */
err_t provider_take_policy(struct provider *provider, enum attestation_type type,
                           const struct provider *from) MUST_CHECK;
/* Bytes that its owner made: policies, certificates, tags. */
size_t provider_weight(const struct provider *provider);

/* The claim x-ms-policy-signer, when somebody signed the policy. */
err_t policy_signer_add(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                        const struct provider_policy *policy) MUST_CHECK;

/* A token of the provider: claims sorted, serialised and signed. ERR_TOO_LARGE past
 * SERVICE_TOKEN_MAX_BYTES, with the trail's words. */
err_t provider_sign(const struct provider *provider, struct arena *arena, int64_t now,
                    enum signer_form form, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                    struct trail *trail, struct span *ret_token) MUST_CHECK;

/* What the store keeps beside name, id and region: {"trustModel", "publicNetworkAccess", ...}. */
err_t provider_properties_write(struct arena *arena, const struct provider *provider,
                                struct span *ret) MUST_CHECK;
err_t provider_properties_read(struct provider *provider, struct span json,
                               struct trail *trail) MUST_CHECK;

#endif
