/*
 * user-proof.c - is this user's password right? Who may ask: anybody, as often as they like.
 *
 * People choose passwords that can be guessed, so guessing is stopped, also against the right
 * password (lockout.c). A password of another form (an operator sets it anew) begins anew. A name
 * that nobody has is locked in the same way, costs the same work and gets the same answers.
 */
#include "identity/idp-internal.h"

#include "base/text.h"
#include "identity/principals-internal.h"

/* Under the lock. What was counted of a known user. */
static struct idp_lockout *lockout_of(struct idp *provider, const struct user *known)
{
    struct idp_known_user *found = NULL;

    for (size_t i = 0; i < USERS_MAX; i++) {
        struct idp_known_user *one = &provider->users[i];

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
        *found = (struct idp_known_user){0};
        memcpy(found->object_id, known->object_id, sizeof(found->object_id));
        memcpy(found->password, known->password, sizeof(found->password));
    }
    return found == NULL ? NULL : &found->lockout;
}

/* ---- an attempt ---- */

struct attempt {
    int64_t now;
    uint8_t source[IDP_DIGEST_BYTES];
    size_t bucket; /* for a name that nobody has */
    bool is_known;
    struct user known; /* a copy: the set may be swapped meanwhile */
    struct idp_counted counted;
};

static struct idp_lockout *lockout_for(struct idp *provider, const struct attempt *attempt)
{
    struct idp_lockout *lockout = attempt->is_known ? lockout_of(provider, &attempt->known) : NULL;

    return lockout != NULL ? lockout : &provider->unknown_users[attempt->bucket];
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
    left = lockout_left(&lockout_of_users, lockout_for(provider, attempt), attempt->source,
                        attempt->now);
    pthread_mutex_unlock(&provider->lock);
    return left;
}

static unsigned count_attempt(struct idp *provider, struct attempt *attempt)
{
    struct idp_lockout *lockout;
    unsigned left;

    pthread_mutex_lock(&provider->lock);
    lockout = lockout_for(provider, attempt);
    left = lockout_left(&lockout_of_users, lockout, attempt->source, attempt->now);
    if (left == 0) {
        lockout_count(&lockout_of_users, lockout, attempt->source, attempt->now, &attempt->counted);
    }
    pthread_mutex_unlock(&provider->lock);
    return left;
}

static void take_back(struct idp *provider, const struct attempt *attempt)
{
    struct idp_lockout *lockout;

    pthread_mutex_lock(&provider->lock);
    lockout = lockout_of(provider, &attempt->known);
    if (lockout != NULL) {
        lockout_take_back(lockout, attempt->source, attempt->now, &attempt->counted);
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

/* IDP_LIMITED with *ret_left, or what the hash says. */
static enum idp_proof try_password(struct idp *provider, struct attempt *attempt,
                                   struct span password, unsigned *ret_left)
{
    struct idp_place *place = idp_hash_begin(provider, attempt->source);
    err_t err = ERR_OK;

    if (place == NULL) {
        *ret_left = IDP_HASHING_RETRY_S;
        return IDP_BUSY;
    }
    *ret_left = count_attempt(provider, attempt);
    if (*ret_left == 0) {
        err = password_check(attempt->is_known ? attempt->known.password : NULL, password);
    }
    idp_hash_end(provider, place);
    return *ret_left != 0                              ? IDP_LIMITED
           : err == ERR_OK                             ? IDP_PROVEN
           : err == ERR_DENIED || err == ERR_TOO_LARGE ? IDP_WRONG
                                                       : IDP_FAULT;
}

enum idp_proof idp_prove_user(struct idp *provider, const struct idp_call *call, struct span upn,
                              struct span password, struct user *ret, unsigned *ret_retry_s)
{
    struct attempt attempt = {.now = call->now};
    enum idp_proof proof;

    if (find_bucket(provider, upn, &attempt.bucket) != ERR_OK ||
        idp_source(provider, call, attempt.source) != ERR_OK) {
        return IDP_FAULT;
    }
    *ret_retry_s = find_locked(provider, upn, &attempt);
    proof =
        *ret_retry_s != 0 ? IDP_LIMITED : try_password(provider, &attempt, password, ret_retry_s);
    if (proof != IDP_PROVEN) {
        return proof;
    }
    take_back(provider, &attempt);
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
        ret->retry_after_s = IDP_HASHING_RETRY_S;
        return;
    case IDP_PROVEN:
    case IDP_FAULT:
    default:
        idp_fault(call, ret);
        return;
    }
}
