/*
 * joining.h - for tests: announced places, and guests that join the store of folder.h.
 */
#ifndef TESTS_STORE_JOINING_H
#define TESTS_STORE_JOINING_H

#include "unit/store/folder.h"

#include "store/joins.h"

enum { DAY = 86400 };

static const uint8_t token[STORE_DIGEST_BYTES] = {7};

static inline struct store_announced place(const char *name)
{
    struct store_announced a = {.uses = 1, .created = NOW, .expires = NOW + DAY};

    snprintf(a.name, sizeof(a.name), "%s", name);
    snprintf(a.who, sizeof(a.who), "owner");
    return a;
}

static inline struct store_announced with_token(struct store_announced a)
{
    a.has_token = true;
    memcpy(a.token_digest, token, sizeof(token));
    return a;
}

static inline struct store_announced with_ek(struct store_announced a, uint8_t ek)
{
    const struct store_machine m = machine_of(ek, ek, "");

    a.has_ek = true;
    memcpy(a.ek_digest, m.ek_digest, sizeof(a.ek_digest));
    return a;
}

static inline struct store_announced of(const char *subscription, struct store_announced a)
{
    snprintf(a.subscription, sizeof(a.subscription), "%s", subscription);
    return a;
}

static inline err_t try_join(struct store *store, const struct store_machine *wanted,
                             bool shows_token, const char *maker, struct store_joining *joining,
                             enum store_join *outcome, struct store_machine *got)
{
    *joining = (struct store_joining){
        .wanted = wanted,
        .wish = wanted->name,
        .maker = maker,
        .token_digest = shows_token ? span_of(token, sizeof(token)) : (struct span){0},
    };
    return store_join(store, joining, NULL, outcome, got);
}

static inline enum store_join join(struct store *store, const struct store_machine *wanted,
                                   bool shows_token, const char *maker, struct store_machine *got)
{
    struct store_joining joining;
    enum store_join outcome;

    assert_ok(try_join(store, wanted, shows_token, maker, &joining, &outcome, got));
    return outcome;
}

#endif
