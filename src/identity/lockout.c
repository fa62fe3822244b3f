/*
 * lockout.c - wrong passwords and secrets are counted, and who sends too many waits. Everything
 * here is done under the provider's lock.
 *
 * Two counts stand beside each other. One is of a user and a source: so many within a time lock
 * that source out of that user, so that whoever guesses from afar locks out nobody else. One is of
 * the user alone, against guesses that come from many sources: many more, which one source cannot
 * reach, lock the user for all sources that the right password never came from. Those it did come
 * from neither count there nor are locked by it: they are the user's own. The same for clients and
 * their secrets, with other figures: those are random, so that stopping guesses saves work alone.
 */
#include "identity/lockout.h"

#include <string.h>

const struct lockout_rules lockout_of_users = {
    {IDP_LOCK_FAILURES, IDP_LOCK_WINDOW_S, IDP_LOCK_FIRST_S, IDP_LOCK_MAX_S},
    {IDP_LOCK_ALL_FAILURES, IDP_LOCK_ALL_WINDOW_S, IDP_LOCK_ALL_FIRST_S, IDP_LOCK_ALL_MAX_S},
};
const struct lockout_rules lockout_of_clients = {
    {IDP_MAX_FAILURES, IDP_WINDOW_S, IDP_WINDOW_S, IDP_WINDOW_S},
    {IDP_MAX_FAILURES_OF_ALL, IDP_WINDOW_S, IDP_WINDOW_S, IDP_WINDOW_S},
};

bool idp_window_is_over(const struct idp_window *window, int64_t now, int64_t length_s)
{
    /* A clock that was set back must not lock anybody out for long. */
    return now - window->began >= length_s || now < window->began;
}

bool idp_window_is_limited(const struct idp_window *window, int64_t now)
{
    return !idp_window_is_over(window, now, IDP_WINDOW_S) && window->failures >= IDP_MAX_FAILURES;
}

void idp_window_count(struct idp_window *window, int64_t now, int64_t length_s)
{
    if (idp_window_is_over(window, now, length_s)) {
        *window = (struct idp_window){.began = now};
    }
    window->failures++;
}

/* ---- one count ---- */

static unsigned locked_for(const struct idp_lock *lock, const struct lockout_rule *rule,
                           int64_t now)
{
    int64_t left = lock->until - now;

    return left > 0 && left <= rule->max_s ? (unsigned)left : 0;
}

/* True when this one locks. */
static bool count_wrong(struct idp_lock *lock, const struct lockout_rule *rule, int64_t now)
{
    int64_t length = rule->first_s;

    if (now - lock->last >= IDP_LOCK_FORGET_S || now < lock->last) {
        lock->rounds = 0;
    }
    lock->last = now;
    idp_window_count(&lock->window, now, rule->window_s);
    if (lock->window.failures < rule->failures) {
        return false;
    }
    for (unsigned i = 0; i < lock->rounds && length < rule->max_s; i++) {
        length *= 2;
    }
    lock->until = now + (length < rule->max_s ? length : rule->max_s);
    lock->rounds++;
    lock->window = (struct idp_window){0};
    return true;
}

/* ---- sources ---- */

static struct idp_lock_source *find_source(struct idp_lockout *lockout,
                                           const uint8_t source[IDP_DIGEST_BYTES])
{
    for (size_t i = 0; i < IDP_LOCK_SOURCES; i++) {
        struct idp_lock_source *one = &lockout->sources[i];

        if (one->is_taken && memcmp(one->source, source, IDP_DIGEST_BYTES) == 0) {
            return one;
        }
    }
    return NULL;
}

/* The one that was silent for the longest time: of those that the right password came from, or of
 * the others. NULL when there are fewer than at_least. */
static struct idp_lock_source *oldest(struct idp_lockout *lockout, bool is_own, size_t at_least)
{
    struct idp_lock_source *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < IDP_LOCK_SOURCES; i++) {
        struct idp_lock_source *one = &lockout->sources[i];

        if (one->is_taken && one->is_own == is_own) {
            n++;
            found = found == NULL || one->seen < found->seen ? one : found;
        }
    }
    return n < at_least ? NULL : found;
}

/* Who sends from many addresses pushes out no more than counts of such as itself: the user's own
 * sources take up IDP_LOCK_SOURCES_OWN places at most, and never lose them to strangers. */
static struct idp_lock_source *need_source(struct idp_lockout *lockout,
                                           const uint8_t source[IDP_DIGEST_BYTES])
{
    struct idp_lock_source *found = find_source(lockout, source);

    for (size_t i = 0; found == NULL && i < IDP_LOCK_SOURCES; i++) {
        found = lockout->sources[i].is_taken ? NULL : &lockout->sources[i];
    }
    found = found != NULL ? found : oldest(lockout, false, 1);
    if (!found->is_taken || memcmp(found->source, source, IDP_DIGEST_BYTES) != 0) {
        *found = (struct idp_lock_source){.is_taken = true};
        memcpy(found->source, source, IDP_DIGEST_BYTES);
    }
    return found;
}

/* ---- the calls ---- */

unsigned lockout_left(const struct lockout_rules *rules, struct idp_lockout *lockout,
                      const uint8_t source[IDP_DIGEST_BYTES], int64_t now)
{
    const struct idp_lock_source *one = find_source(lockout, source);
    unsigned left = one == NULL ? 0 : locked_for(&one->lock, &rules->of_source, now);
    unsigned all = one != NULL && one->is_own ? 0 : locked_for(&lockout->all, &rules->of_all, now);

    return left > all ? left : all;
}

void lockout_count(const struct lockout_rules *rules, struct idp_lockout *lockout,
                   const uint8_t source[IDP_DIGEST_BYTES], int64_t now, struct idp_counted *ret)
{
    struct idp_lock_source *one = need_source(lockout, source);

    *ret = (struct idp_counted){.is_in_all = !one->is_own, .before = lockout->all};
    one->seen = now;
    (void)count_wrong(&one->lock, &rules->of_source, now);
    if (!one->is_own) {
        ret->has_locked_all = count_wrong(&lockout->all, &rules->of_all, now);
    }
}

void lockout_take_back(struct idp_lockout *lockout, const uint8_t source[IDP_DIGEST_BYTES],
                       int64_t now, const struct idp_counted *counted)
{
    struct idp_lock_source *one = need_source(lockout, source);

    if (!one->is_own && oldest(lockout, true, IDP_LOCK_SOURCES_OWN) != NULL) {
        oldest(lockout, true, 1)->is_own = false;
    }
    one->is_own = true;
    one->seen = now;
    one->lock = (struct idp_lock){0};
    /* The right password ends no count of others: else whoever guesses would wait for its owner to
     * sign in, and begin anew. */
    if (counted->has_locked_all) {
        lockout->all = counted->before;
    } else if (counted->is_in_all && lockout->all.window.failures > 0) {
        lockout->all.window.failures--;
    }
}
