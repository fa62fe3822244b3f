/*
 * providers.h - all providers of a service, found by name and by host; and what changes them.
 *
 * They are held as one immutable list, which a change replaces whole: a request sees all of a
 * change or nothing of it. Changes are made one at a time; each is in the store before anybody sees
 * it.
 */
#ifndef SERVICE_PROVIDERS_H
#define SERVICE_PROVIDERS_H

#include "service/provider.h"
#include "store/store.h"

enum {
    PROVIDERS_MAX_REGIONS = 16,
    PROVIDERS_PER_SUBSCRIPTION = 500,
    PROVIDERS_SUBSCRIPTION_BYTES = 8 * 1024 * 1024, /* provider_weight, all of a subscription */
    PROVIDERS_TOTAL_BYTES = 64 * 1024 * 1024,       /* of all */
    PROVIDERS_CHANGES_AT_ONCE = 3,                  /* one is made, the others wait */
    PROVIDERS_CHANGES_OF_ONE = 2,                   /* of those, in one subscription */
};

struct provider_list;

struct providers_options {
    const char *folder; /* DIR: for keys that are made later */
    struct store *store;
    struct provider_address address;
    const struct region *regions[PROVIDERS_MAX_REGIONS]; /* served; the first is home */
    size_t n_regions;
    enum signkey_kind key_kind; /* of shared providers, and of others unless they say otherwise */
    struct signer *home_signer; /* the key of the home region's shared provider */
    struct workers *workers;    /* borrowed: changes take some of them */
};

struct providers;

/* The shared ones of the regions, and those of the store. `opening` is the folder as it is opened.
 * A damaged one of the store is there with its `fault` and keeps nobody else from being served. */
err_t providers_open(const struct providers_options *options, const struct folder *opening,
                     struct trail *trail, struct providers **ret) MUST_CHECK;
void providers_close(struct providers *providers);
DEFINE_CLEANUP(struct providers *, providers_close)

/* References; NULL when there is none. */
struct provider *providers_home(struct providers *providers);
struct provider *providers_find(struct providers *providers, struct span name);
/* By the host of a request; a name below the suffix that is not known is nobody's. */
struct provider *providers_at_host(struct providers *providers, struct span host);

/* A snapshot of all, by name; give it back with provider_list_unref. */
const struct provider_list *providers_all(struct providers *providers);
void provider_list_unref(const struct provider_list *list);
size_t provider_list_count(const struct provider_list *list);
const struct provider *provider_list_at(const struct provider_list *list,
                                        size_t index); /* borrowed */
/* ERR_SIGNING_KEY, with the trail's words, when the key of a shared one does not sign
 * (signer_check): that of somebody's own keeps nobody else from being served. */
err_t providers_check(struct providers *providers, int64_t now, struct trail *trail) MUST_CHECK;
const struct region *providers_region(const struct providers *providers, size_t index);
size_t providers_region_count(const struct providers *providers);
/* What new providers sign with. */
enum signkey_kind providers_key_kind(const struct providers *providers);

/* Damaged providers and policies, for who watches the server. */
size_t providers_count_damaged(struct providers *providers);

/* ---- changes ----
 *
 * `expected` is the provider that the caller was allowed to change, as providers_find gave it. All
 * of them: ERR_UNAVAILABLE when too many changes wait, ERR_NOT_FOUND when it was removed meanwhile,
 * also when another one has its name now, ERR_DENIED for a shared one, ERR_TOO_MANY past a quota.
 * *ret is a reference to the changed one. What goes wrong with keys is in the log; callers get
 * ERR_INTERNAL.
 */

/* Add `fresh`, whose name, region, id, subscription, group, tags and switches are set: it gets a
 * key and an address. ERR_CONFLICT when its name is taken, ERR_VALUE for a region that is not
 * served here. */
err_t providers_add(struct providers *providers, struct provider *fresh, int64_t now,
                    struct trail *trail) MUST_CHECK;
/* `apply` gets a copy to change and may refuse with an error. */
typedef err_t provider_change(struct provider *copy, void *data, struct trail *trail);
err_t providers_change(struct providers *providers, const struct provider *expected,
                       provider_change *apply, void *data, int64_t now, struct trail *trail,
                       struct provider **ret) MUST_CHECK;
/* Why an owner's request was refused, in the words of the wire. */
struct owner_fault {
    const char *code;           /* "InvalidOperation", "PolicyParsingError", ...: static */
    struct policy_fault policy; /* of PolicyParsingError */
};
/* Set the policy of a type, or reset it when the request's payload is empty. An isolated provider
 * wants it signed by one of its signers, which is asked while nobody can change them. */
err_t providers_set_policy(struct providers *providers, const struct provider *expected,
                           enum attestation_type type, const struct owner_request *request,
                           int64_t now, struct trail *trail, struct owner_fault *fault,
                           struct provider **ret) MUST_CHECK;
/* Add or remove the certificate of a request, which one of the signers has signed. Only isolated
 * providers have signers. *ret_cert is a reference. */
err_t providers_set_signer(struct providers *providers, const struct provider *expected,
                           bool is_added, const struct owner_request *request, int64_t now,
                           struct trail *trail, struct owner_fault *fault,
                           struct cert **ret_cert) MUST_CHECK;
/* With its policies and its keys: what it signed cannot be verified any more. */
err_t providers_remove(struct providers *providers, const struct provider *expected,
                       struct trail *trail) MUST_CHECK;
/* A new key: published now, signing soon (signer.h). ERR_CONFLICT while one waits to sign,
 * ERR_TOO_MANY when no more can be published. */
err_t providers_rotate(struct providers *providers, const struct provider *expected, int64_t now,
                       struct trail *trail, struct provider **ret) MUST_CHECK;

#endif
