/*
 * claims.c - what only one may have: an address, the name of an interface on the host, a network
 * interface, a place among the extensions. Nobody keeps a list of these. Who wants one looks at
 * what others of the subscription have, in `prepare`, and so does who deletes what others may use,
 * in `may_go`. Of two that look at the same time both would find it free, so one changes such
 * things at a time, from the look to what is done behind the change.
 */
#include "control/internal.h"

#include "base/text.h"

void claims_open(struct control *control)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    /* What is done behind a change may change more: a virtual machine gets its extension. */
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    for (size_t i = 0; i < CLAIMS_LOCKS; i++) {
        pthread_mutex_init(&control->claims_locks[i], &attributes);
    }
    pthread_mutexattr_destroy(&attributes);
}

void claims_close(struct control *control)
{
    for (size_t i = 0; i < CLAIMS_LOCKS; i++) {
        pthread_mutex_destroy(&control->claims_locks[i]);
    }
}

/* Ids are hexadecimal: in both cases bit 5 is all that differs, and it is left out. */
static size_t lock_of(struct span subscription)
{
    size_t sum = 0;

    for (size_t i = 0; i < subscription.len; i++) {
        sum = 31 * sum + (subscription.data[i] | 0x20U);
    }
    return sum % CLAIMS_LOCKS;
}

pthread_mutex_t *claims_hold(struct control_call *call, const struct control_target *target)
{
    bool is_change =
        call->method == HTTP_PUT || call->method == HTTP_PATCH || call->method == HTTP_DELETE;
    pthread_mutex_t *lock;

    if (!is_change || call->is_dry || target->kind == NULL ||
        (target->kind->flags & KIND_CLAIMS) == 0) {
        return NULL;
    }
    lock = &call->control->claims_locks[lock_of(call->path.subscription)];
    pthread_mutex_lock(lock);
    return lock;
}

void claims_let(pthread_mutex_t *lock)
{
    if (lock != NULL) {
        pthread_mutex_unlock(lock);
    }
}
