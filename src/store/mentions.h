/*
 * mentions.h - what resources say that others ask for: the subnet that an interface is in, the
 * address that it has. A word is what is asked for, such as "subnet KEY"; who says it and, where
 * wanted, a value stand behind it. They are written with their resource, in one write, and go with
 * it; what they mean is the kinds room's business.
 */
#ifndef STORE_MENTIONS_H
#define STORE_MENTIONS_H

#include "store/store.h"

enum { STORE_MENTIONS_MAX = 16384 }; /* of one resource */

struct store_mention {
    const char *word, *value;
};
struct store_mentions {
    struct store_mention *items;
    size_t n;
};

/* Borrowed until it returns. An error ends the reading. The store must not be asked meanwhile. */
typedef err_t store_mention_visit(void *context, struct span word, struct span resource,
                                  struct span value);
/* All of a subscription (in lower case) with from <= word < to, in the order of bytes. */
err_t store_mentions(struct store *store, const char *subscription, const char *from,
                     const char *to, store_mention_visit *visit, void *context,
                     struct trail *trail) MUST_CHECK;
/* How many there are. */
err_t store_mentions_count(struct store *store, const char *subscription, const char *from,
                           const char *to, struct trail *trail, int64_t *ret) MUST_CHECK;

#endif
