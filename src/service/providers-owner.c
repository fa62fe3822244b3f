/*
 * providers-owner.c - what the owners of a provider set: its policies, and who may sign them.
 *
 * A policy is read and tried before its turn comes, so that a long one keeps nobody waiting.
 * Whether its signer may set it is asked when nobody can change the signers any more.
 */
#include "service/providers-internal.h"

#include "store/providers.h"

static err_t authorize(const struct provider *provider, const struct owner_request *request,
                       struct arena *arena, int64_t now, struct trail *trail,
                       struct owner_fault *fault)
{
    err_t err;

    if (!provider->is_isolated) {
        return ERR_OK;
    }
    err = owner_request_authorize(arena, request, &provider->signers, now, trail);
    fault->code = err == ERR_OK         ? NULL
                  : !request->is_signed ? "InvalidOperation"
                                        : "InvalidParameter";
    return err;
}

/* ---- policies ---- */

static err_t read_policy(struct provider *draft, enum attestation_type type,
                         const struct owner_request *request, struct trail *trail,
                         struct owner_fault *fault)
{
    bool is_reset = request->payload == NULL;
    err_t err = provider_set_policy(draft, type, is_reset ? NULL : request, trail, &fault->policy);

    if (err) {
        fault->code = fault->policy.kind != POLICY_FAULT_NONE ? policy_fault_code(&fault->policy)
                                                              : "InvalidOperation";
    }
    return err;
}

static err_t save_policy(struct provider_turn *turn, enum attestation_type type,
                         struct trail *trail)
{
    const struct provider *copy = turn->copy;
    struct store *store = turn->providers->options.store;
    const struct store_policy row = {copy->name, attestation_type_name(type),
                                     copy->policies[type].jws, copy->changed};

    return row.jws.data != NULL ? store_policy_put(store, &row, trail)
                                : store_policy_remove(store, copy->name, row.type, trail);
}

err_t providers_set_policy(struct providers *providers, const struct provider *expected,
                           enum attestation_type type, const struct owner_request *request,
                           int64_t now, struct trail *trail, struct owner_fault *fault,
                           struct provider **ret)
{
    CLEANUP(provider_unref) struct provider *draft = provider_new();
    CLEANUP(provider_unref)
    struct provider *there = providers_find(providers, span_str(expected->name));
    struct provider_turn turn;
    err_t err = draft == NULL ? ERR_MEMORY : ERR_OK;

    *fault = (struct owner_fault){0};
    err =
        err ? err
            : authorize(there != NULL ? there : expected, request, draft->arena, now, trail, fault);
    err = err ? err : read_policy(draft, type, request, trail, fault);
    err = err ? err : turn_begin(providers, expected, now, trail, &turn);
    if (err) {
        return err;
    }
    err = authorize(turn.copy, request, turn.arena, now, trail, fault);
    err = err ? err : provider_take_policy(turn.copy, type, draft);
    err = err ? err : turn_prepare(&turn, trail);
    err = err ? err : save_policy(&turn, type, trail);
    turn_end(&turn, err, request->payload != NULL ? "policy.set" : "policy.reset", ret);
    return err;
}

/* ---- signers ---- */

static err_t apply_signer(struct provider *copy, bool is_added, struct cert *cert,
                          struct trail *trail, struct owner_fault *fault)
{
    err_t err;

    if (!copy->is_isolated) {
        fault->code = "InvalidOperation";
        return trail_set(trail, ERR_VALUE,
                         "this provider has the trust model AAD: it has no policy signing "
                         "certificates");
    }
    err = is_added ? signers_add(&copy->signers, cert) : signers_remove(&copy->signers, cert);
    if (err) {
        fault->code = "InvalidOperation";
        trail_set(trail, err,
                  err == ERR_CONFLICT
                      ? "the last policy signing certificate cannot be removed: nobody could "
                        "change this provider any more"
                      : "there are as many policy signing certificates as there can be");
    }
    return err;
}

static err_t set_signer(struct provider_turn *turn, bool is_added,
                        const struct owner_request *request, int64_t now, struct trail *trail,
                        struct owner_fault *fault, struct cert **ret_cert)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err = authorize(turn->copy, request, turn->arena, now, trail, fault);

    if (err == ERR_OK) {
        err = owner_request_certificate(turn->arena, request, trail, &cert);
        fault->code = err ? "InvalidOperation" : NULL;
    }
    err = err ? err : apply_signer(turn->copy, is_added, cert, trail, fault);
    err = err ? err : turn_prepare(turn, trail);
    err = err ? err : turn_save(turn, trail);
    if (err == ERR_OK) {
        *ret_cert = TAKE(cert);
    }
    return err;
}

err_t providers_set_signer(struct providers *providers, const struct provider *expected,
                           bool is_added, const struct owner_request *request, int64_t now,
                           struct trail *trail, struct owner_fault *fault, struct cert **ret_cert)
{
    struct provider_turn turn;
    err_t err;

    *fault = (struct owner_fault){0};
    err = turn_begin(providers, expected, now, trail, &turn);
    if (err) {
        return err;
    }
    err = set_signer(&turn, is_added, request, now, trail, fault, ret_cert);
    turn_end(&turn, err, is_added ? "signer.added" : "signer.removed", NULL);
    return err;
}
