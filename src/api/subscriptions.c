/*
 * subscriptions.c - which subscriptions there are, and for whom. One is there when this server or
 * an assignment names it.
 */
#include "api/internal.h"
#include "base/text.h"
#include "identity/gate.h"

#include <stdlib.h>

/* "/subscriptions/S..." to S in lower case; NULL for "/" and what is no subscription's. */
static const char *subscription_of(struct arena *arena, const char *scope)
{
    static const char prefix[] = "/subscriptions/";
    size_t skip = sizeof(prefix) - 1;

    if (strlen(scope) <= skip || !text_span_equal_nocase(span_of(scope, skip), prefix)) {
        return NULL;
    }
    return resource_key(arena, span_of(scope + skip, strcspn(scope + skip, "/")));
}

bool api_may_any(void *context, const struct access_caller *caller, const char *subscription)
{
    return gate_knows_subscription(context, caller, span_str(subscription));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Has the caller a role at "/", and so in all of them? */
static bool sees_all(const struct access_rules *rules, const struct access_caller *caller)
{
    for (size_t i = 0; i < access_rules_count(rules); i++) {
        const struct access_assignment *rule = access_rules_at(rules, i);

        if (access_is_of(rule, caller) && strcmp(rule->scope, "/") == 0) {
            return true;
        }
    }
    return false;
}

err_t api_subscriptions(void *context, const struct access_caller *caller, struct arena *arena,
                        const char ***ret, size_t *ret_n)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(context);
    const char *own = gate_subscription(context);
    const char **list = arena_calloc(arena, access_rules_count(rules) + 2, sizeof(*list));
    bool is_all = sees_all(rules, caller);
    size_t n = 0, n_kept = 0, n_found;

    if (list == NULL) {
        return ERR_MEMORY;
    }
    if (own != NULL && api_may_any(context, caller, own)) {
        list[n_kept++] = own; /* first: clients take it for the default */
    }
    n = n_kept;
    for (size_t i = 0; i < access_rules_count(rules); i++) {
        const struct access_assignment *rule = access_rules_at(rules, i);
        const char *id =
            is_all || access_is_of(rule, caller) ? subscription_of(arena, rule->scope) : NULL;

        if (id != NULL && (own == NULL || strcmp(id, own) != 0)) {
            list[n++] = id;
        }
    }
    n_found = n;
    qsort(list + n_kept, n_found - n_kept, sizeof(*list), compare);
    for (size_t i = n_kept; i < n_found; i++) {
        if (n_kept == 0 || strcmp(list[n_kept - 1], list[i]) != 0) {
            list[n_kept++] = list[i];
        }
    }
    *ret = list;
    *ret_n = n_kept;
    return ERR_OK;
}

/* For anybody. */
static bool is_subscription(struct gate *gate, struct arena *arena, const char *key)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(gate);
    const char *own = gate_subscription(gate);

    if (own != NULL && strcmp(own, key) == 0) {
        return true;
    }
    for (size_t i = 0; i < access_rules_count(rules); i++) {
        const char *id = subscription_of(arena, access_rules_at(rules, i)->scope);

        if (id != NULL && strcmp(id, key) == 0) {
            return true;
        }
    }
    return false;
}

bool api_refuse_subscription(struct http_request *request, struct http_response *response,
                             const struct access_caller *caller, struct span subscription)
{
    struct gate *gate = api_of(request)->gate;
    const char *key = resource_key(request->arena, subscription);

    if (key == NULL || is_subscription(gate, request->arena, key) ||
        api_may_any(gate, caller, key)) {
        return false;
    }
    http_answer_error(request->arena, response, 404, "SubscriptionNotFound",
                      "The subscription '%s' could not be found.", key);
    return true;
}
