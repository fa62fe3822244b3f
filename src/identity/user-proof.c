/*
 * user-proof.c - is this user's password right? Who may ask: anybody, as often as they like.
 *
 * People choose passwords that can be guessed, so guessing is stopped for each user, also against
 * the right password: IDP_LOCK_FAILURES wrong ones within IDP_LOCK_WINDOW_S lock the user for
 * IDP_LOCK_FIRST_S, and each time it happens again for twice as long, up to IDP_LOCK_MAX_S. The
 * price is that whoever knows a name can keep its owner out for that long; a password of another
 * form (an operator sets it anew) begins anew. A name that nobody has is locked in the same way,
 * costs the same work and gets the same answers.
 */
#include "identity/idp-internal.h"

#include "base/text.h"
#include "identity/principals-internal.h"

/* ---- locks; all under the provider's lock ---- */

static unsigned locked_for(const struct idp_lock *lock, int64_t now)
{
    int64_t left = lock->until - now;

    /* A clock that was set back must not lock anybody out for long. */
    return left > 0 && left <= IDP_LOCK_MAX_S ? (unsigned)left : 0;
}

static void count_wrong(struct idp_lock *lock, int64_t now)
{
    int64_t length = IDP_LOCK_FIRST_S;

    if (now - lock->last >= IDP_LOCK_FORGET_S || now < lock->last) {
        lock->rounds = 0;
    }
    lock->last = now;
    idp_window_count(&lock->window, now, IDP_LOCK_WINDOW_S);
    if (lock->window.failures < IDP_LOCK_FAILURES) {
        return;
    }
    for (unsigned i = 0; i < lock->rounds && length < IDP_LOCK_MAX_S; i++) {
        length *= 2;
    }
    lock->until = now + (length < IDP_LOCK_MAX_S ? length : IDP_LOCK_MAX_S);
    lock->rounds++;
    lock->window = (struct idp_window){0};
}

static void begin_anew(struct idp_lock *lock, const struct user *known)
{
    *lock = (struct idp_lock){0};
    memcpy(lock->object_id, known->object_id, sizeof(lock->object_id));
    memcpy(lock->password, known->password, sizeof(lock->password));
}

static struct idp_lock *lock_of(struct idp *provider, const struct user *known)
{
    struct idp_lock *found = NULL;

    for (size_t i = 0; i < USERS_MAX; i++) {
        struct idp_lock *one = &provider->locks[i];

        if (strcmp(one->object_id, known->object_id) == 0) {
            found = one;
            break;
        }
        /* Of one who was removed meanwhile. */
        if (one->object_id[0] == '\0' ||
            principals_user_of(provider->principals, span_str(one->object_id)) == NULL) {
            found = one;
        }
    }
    /* There are as many as there can be users; one who was removed just now may find none. */
    if (found != NULL && (strcmp(found->object_id, known->object_id) != 0 ||
                          strcmp(found->password, known->password) != 0)) {
        begin_anew(found, known);
    }
    return found;
}

/* ---- an attempt ---- */

struct attempt {
    int64_t now;
    size_t bucket; /* for a name that nobody has */
    bool is_known;
    struct user known; /* a copy: the set may be swapped meanwhile */
};

static struct idp_lock *lock_for(struct idp *provider, const struct attempt *attempt)
{
    struct idp_lock *lock = attempt->is_known ? lock_of(provider, &attempt->known) : NULL;

    return lock != NULL ? lock : &provider->unknown_users[attempt->bucket];
}

static unsigned find_locked(struct idp *provider, struct span upn, struct attempt *attempt)
{
    const struct user *known;
    unsigned left;

    pthread_mutex_lock(&provider->lock);
    known = principals_user_find(provider->principals, upn);
    attempt->is_known = known != NULL;
    if (known != NULL) {
        attempt->known = *known;
    }
    left = locked_for(lock_for(provider, attempt), attempt->now);
    pthread_mutex_unlock(&provider->lock);
    return left;
}

/* Counted before it is tried: many at the same time are many. Forgotten when it is right. */
static unsigned count_attempt(struct idp *provider, const struct attempt *attempt)
{
    struct idp_lock *lock;
    unsigned left;

    pthread_mutex_lock(&provider->lock);
    lock = lock_for(provider, attempt);
    left = locked_for(lock, attempt->now);
    if (left == 0) {
        count_wrong(lock, attempt->now);
    }
    pthread_mutex_unlock(&provider->lock);
    return left;
}

static void forget(struct idp *provider, const struct attempt *attempt)
{
    struct idp_lock *lock;

    pthread_mutex_lock(&provider->lock);
    lock = lock_of(provider, &attempt->known);
    if (lock != NULL) {
        begin_anew(lock, &attempt->known);
    }
    pthread_mutex_unlock(&provider->lock);
}

/* Names are compared without case: so must their buckets be. */
static err_t find_bucket(const struct idp *provider, struct span upn, size_t *ret)
{
    uint8_t digest[IDP_DIGEST_BYTES];
    char lower[USER_NAME_MAX + 1];
    err_t err;

    if (upn.len <= USER_NAME_MAX) {
        principal_lower(upn, lower);
        upn = span_of(lower, upn.len);
    }
    err = idp_digest(provider, "user", upn, digest);
    *ret = idp_bucket(digest);
    return err;
}

enum idp_proof idp_prove_user(struct idp *provider, struct span upn, struct span password,
                              int64_t now, struct user *ret, unsigned *ret_retry_s)
{
    struct attempt attempt = {.now = now};
    unsigned left;
    err_t err;

    if (find_bucket(provider, upn, &attempt.bucket) != ERR_OK) {
        return IDP_FAULT;
    }
    left = find_locked(provider, upn, &attempt);
    if (left == 0) {
        if (!idp_hash_begin(provider)) {
            return IDP_BUSY;
        }
        left = count_attempt(provider, &attempt);
        err = left != 0
                  ? ERR_DENIED
                  : password_check(attempt.is_known ? attempt.known.password : NULL, password);
        idp_hash_end(provider);
    }
    if (left != 0) {
        *ret_retry_s = left;
        return IDP_LIMITED;
    }
    if (err) {
        return err == ERR_DENIED || err == ERR_TOO_LARGE ? IDP_WRONG : IDP_FAULT;
    }
    forget(provider, &attempt);
    if (attempt.known.is_disabled) {
        return IDP_DISABLED;
    }
    *ret = attempt.known;
    return IDP_PROVEN;
}

void idp_refuse_user(const struct idp_call *call, enum idp_proof proof, unsigned retry_s,
                     struct idp_answer *ret)
{
    switch (proof) {
    case IDP_WRONG:
        /* One answer for both: who has an account is not told. */
        idp_refuse(call, ret, 400, "invalid_grant", 50126, "password-wrong",
                   "Error validating credentials due to invalid username or password.");
        return;
    case IDP_LIMITED:
        idp_refuse(call, ret, 400, "invalid_grant", 50053, "user-locked",
                   "The account is locked, you've tried to sign in too many times with an "
                   "incorrect user ID or password. Try again in %u seconds.",
                   retry_s);
        ret->retry_after_s = retry_s;
        return;
    case IDP_DISABLED: /* who knows the password may know this */
        idp_refuse(call, ret, 400, "invalid_grant", 50057, "user-disabled",
                   "The user account is disabled.");
        return;
    case IDP_BUSY:
        idp_refuse(call, ret, 429, "temporarily_unavailable", 90055, "provider-busy",
                   "Too many sign-ins at a time. Try again.");
        ret->retry_after_s = 1;
        return;
    case IDP_PROVEN:
    case IDP_FAULT:
    default:
        idp_fault(call, ret);
        return;
    }
}
