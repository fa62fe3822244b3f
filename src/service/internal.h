/*
 * internal.h - inside of the service room.
 */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include "appraise/appraise.h"
#include "policy/policy.h"
#include "service/guestca.h"
#include "service/knowledge.h"
#include "service/providers.h"
#include "service/service.h"
#include "service/signer.h"
#include "service/ticket.h"
#include "service/trust.h"
#include "store/store.h"
#include "json/json.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct service {
    char *folder;
    char *trust_folder;
    char *data_path;
    dev_t data_device; /* of the file that the store has open */
    ino_t data_inode;
    char *issuer;
    int lock_fd;
    uint8_t secret[TICKET_SECRET_BYTES];
    struct store *store;
    struct signer *signer;
    struct guest_ca *guest_ca;
    struct providers *providers;
    pthread_mutex_t lock; /* trust and knowledge; nothing is locked under it */
    struct trust *trust;
    struct knowledge *knowledge;
    _Atomic uint64_t trust_quick;  /* trust_quick_stamp of that trust */
    _Atomic uint64_t trust_failed; /* trust_stamp of what could not be loaded; 0 = none */
    _Atomic int64_t next_sweep;
    int64_t next_count; /* of machines by state; the ticking thread's */
    bool is_sweep_held; /* the ticking thread's */
    bool is_join_open, is_issuer_public;
    int64_t period_s;   /* the longest between two proofs, for machines whose owners set no other */
    char *subscription; /* the server's own; NULL = none is */
    /* Since when machines could be heard; the last tick, which shows when the server slept. */
    _Atomic int64_t listening_since, last_tick;
    struct workers workers;
    struct metric *verdicts, *reasons, *freshness, *joins, *dropped, *damaged, *states;
};

static inline struct span service_secret(const struct service *service)
{
    return span_of(service->secret, sizeof(service->secret));
}

/* The anchors of now; free the reference. A folder that changed is read again first. */
struct trust *service_trust(struct service *service);

/* What to judge by now; free the reference. NULL when the service was opened without. */
struct knowledge *service_knowledge(struct service *service);

/* Refusals. message is escaped and copied to the arena. */
void answer_refuse(const struct service_call *call, struct service_answer *ret, unsigned status,
                   const char *code, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* What an error of another room becomes: 400 with the trail's words for bad input, 413 when the
 * call's arena has reached its limit, 503 when the store or the machine cannot, 500 for the rest.
 */
void answer_error(const struct service_call *call, struct service_answer *ret, err_t err,
                  const struct trail *trail);
/* Every reason of an appraisal, as "verdict: code: words; ...", in one message. more: what an
 * operator can do about one of them, or "" (NULL: nothing). */
void answer_reasons(const struct service_call *call, const struct appraisal *appraisal,
                    const char *code,
                    const char *(*more)(const void *context, const struct reason *reason),
                    const void *context, struct service_answer *ret);
/* The provider's policy of the type cannot be used any more: 503, and true. */
bool answer_damaged_policy(const struct service_call *call, const struct provider *provider,
                           enum attestation_type type, struct service_answer *ret);
/* The provider's policy is slow, and as many of those run as may: 503. */
void answer_busy_policy(const struct service_call *call, const struct provider *provider,
                        struct service_answer *ret);
/* 200 with value as the body. */
void answer_json(const struct service_call *call, struct service_answer *ret, yyjson_mut_doc *doc,
                 yyjson_mut_val *value);

#endif
