/*
 * service.h - the use cases: attest, join, activate, session, challenge.
 *
 * A service is a folder opened: keys, certificates, trust and store. It is opened once, used from
 * any thread, closed when no call is running. Configuration and keys are immutable; trust is a
 * snapshot that is replaced whole. Time is an input of every call. A call never fails to answer:
 * what went wrong is an answer with status, code and words (decisions section 1).
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "base/arena.h"
#include "base/metrics.h"
#include "crypto/hash.h"
#include "crypto/signkey.h"

enum {
    SERVICE_CHALLENGE_S = 300,
    SERVICE_JOIN_S = 300,
    SERVICE_JOIN_RETRY_S = 60, /* who waits for an owner asks again */
    SERVICE_SESSION_S = 3600,
    SERVICE_TOKEN_S = 28800,              /* token-claims section 2 */
    SERVICE_TOKEN_MAX_BYTES = 256 * 1024, /* of its claims (policy-language section 17) */
    SERVICE_SWEEP_EVERY_S = 60,
};

#define SERVICE_HOME_REGION "eastus"

struct service;
struct provider;  /* service/provider.h */
struct region;    /* provider/region.h */
struct knowledge; /* service/knowledge.h */
struct store;     /* store/store.h */

struct service_options {
    const char *folder;
    const char *issuer; /* attestUri of the home region's provider, without a last slash */
    const char
        *suffix; /* of hosts of providers, "attest.example.net"; NULL: paths tell them apart */
    const struct region *const *regions; /* served, the first is home; none: SERVICE_HOME_REGION */
    size_t n_regions;
    enum signkey_kind signing;
    const char *const *tls_names; /* for DIR/tls; NULL: no TLS files are made */
    size_t n_tls_names;
    int64_t now;
    struct metrics *metrics;     /* may be NULL; outlives the service */
    struct knowledge *knowledge; /* what to judge by; the service takes its own reference */
    bool is_issuer_public;       /* the issuer is an address at which guests reach it, too */
    bool is_join_open;  /* a trusted EK certificate is enough to join; else an owner's word */
    unsigned period_s;  /* the longest between two proofs of a machine; 0 = MONITOR_PERIOD_S */
    unsigned n_workers; /* threads that call; 0: not known */
    int lock_fd;        /* of service_lock; taken over on success */
};

/* Make the folder and lock it, before anything in it is read: the port, for example. */
err_t service_lock(const char *folder, struct trail *trail, int *ret_lock_fd) MUST_CHECK;
/* ERR_DENIED for a key file that others can read, ERR_STORE for the database, ...; the trail names
 * file and remedy. */
err_t service_open(const struct service_options *options, struct trail *trail,
                   struct service **ret) MUST_CHECK;
void service_close(struct service *service);
DEFINE_CLEANUP(struct service *, service_close)
/* Read the trust folders again, changed or not. */
err_t service_reload(struct service *service, struct trail *trail) MUST_CHECK;
/* Judge by this from the next request on; the service takes its own reference. */
void service_set_knowledge(struct service *service, struct knowledge *knowledge);
/* Whose the machines are that nobody announced; before the first call. Copied. */
err_t service_set_subscription(struct service *service, const char *subscription) MUST_CHECK;
/* About once a second: trust files that changed, what has expired. */
void service_tick(struct service *service, int64_t now);
/* Ready to serve? The trail says why not. ERR_SIGNING_KEY when a shared provider's key does not
 * sign. */
err_t service_check(struct service *service, int64_t now, struct trail *trail) MUST_CHECK;

/* Where it keeps what it knows; borrowed. */
struct store *service_store(struct service *service);

/* What a call works with: the arena takes the answer, the hasher is the thread's own. */
struct service_call {
    struct arena *arena;
    struct hasher *hasher;
    int64_t now;
};

struct service_answer {
    unsigned status;
    struct span body;    /* JSON; data NULL for a refusal */
    const char *code;    /* of a refusal */
    const char *message; /* of a refusal; escaped already */
    unsigned retry_after_s;
    const char *note; /* fields for the log line; or NULL */
};

/* A provider by its name or by the host of a request; NULL when there is none. A reference,
 * for provider_unref: what a call answers may borrow from it until then. */
struct provider *service_provider(struct service *service, struct span name);
struct provider *service_provider_at(struct service *service, struct span host);

/* POST /attest/AzureGuest (azure-guest-protocol): evidence in, sealed token or reasons out. */
void service_attest_azureguest(struct service *service, const struct provider *provider,
                               const struct service_call *call, struct span body,
                               struct service_answer *ret);

/* POST /attest/Tpm (tpm-attest-protocol): a challenge, or a report. Who may call was asked before.
 */
void service_attest_tpm(struct service *service, const struct provider *provider,
                        const struct service_call *call, struct span body,
                        struct service_answer *ret);

/* Policies and their signers (attestation-api sections 6 and 7); type: as it stood in the path. Who
 * may ask was asked before. */
void service_policy_get(struct service *service, const struct provider *provider,
                        const struct service_call *call, struct span type,
                        struct service_answer *ret);
void service_policy_set(struct service *service, const struct provider *provider,
                        const struct service_call *call, struct span type, struct span body,
                        struct service_answer *ret);
void service_policy_reset(struct service *service, const struct provider *provider,
                          const struct service_call *call, struct span type, struct span body,
                          struct service_answer *ret);
void service_signers_get(struct service *service, const struct provider *provider,
                         const struct service_call *call, struct service_answer *ret);
void service_signers_add(struct service *service, const struct provider *provider,
                         const struct service_call *call, struct span body,
                         struct service_answer *ret);
void service_signers_remove(struct service *service, const struct provider *provider,
                            const struct service_call *call, struct span body,
                            struct service_answer *ret);

/* The guest API (docs/formats/guest-api.md). */
void service_guest_join(struct service *service, const struct service_call *call, struct span body,
                        struct service_answer *ret);
void service_guest_activate(struct service *service, const struct service_call *call,
                            struct span body, struct service_answer *ret);
void service_guest_session(struct service *service, const struct service_call *call,
                           struct span body, struct service_answer *ret);
/* bearer: the session token, data NULL when the caller sent none. */
void service_guest_challenge(struct service *service, const struct service_call *call,
                             struct span bearer, struct span body, struct service_answer *ret);

/* What a machine's session says and asks; bearer as above. */
void service_guest_goalstate(struct service *service, const struct service_call *call,
                             struct span bearer, struct span body, struct service_answer *ret);
void service_guest_report(struct service *service, const struct service_call *call,
                          struct span bearer, struct span body, struct service_answer *ret);
void service_guest_status(struct service *service, const struct service_call *call,
                          struct span bearer, struct span body, struct service_answer *ret);
/* The package of the agent that the machine was offered: its file, no JSON. */
void service_guest_package(struct service *service, const struct service_call *call,
                           struct span bearer, struct span version, struct service_answer *ret);

/* For people: a page in HTML; and for scripts: every region's shared provider. */
void service_provider_info(struct service *service, const struct provider *provider,
                           const struct service_call *call, struct service_answer *ret);
void service_providers_list(struct service *service, const struct service_call *call,
                            struct service_answer *ret);

/* GET /certs and /.well-known/openid-configuration (attestation-api sections 3.3 and 3.4). */
void service_jwks(struct service *service, const struct provider *provider,
                  const struct service_call *call, struct service_answer *ret);
void service_openid(struct service *service, const struct provider *provider,
                    const struct service_call *call, struct service_answer *ret);

#endif
