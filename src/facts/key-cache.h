/*
 * key-cache.h - the contents of signature databases that many machines have alike.
 *
 * A fleet has few platforms: PK, KEK, db and dbx are the same bytes in request after request. What
 * key_contents_read made of them is kept, together with the bytes, which are compared at each hit:
 * nothing rests on a digest alone. Bounded in entries and bytes. Who sends ever new databases
 * cannot push out what is used: only what was seen before is kept, and an entry gives way only
 * after its hits have been halved away: one that is used once for each KEY_CACHE_ENTRIES newcomers
 * stays. For one reference, which must outlive the cache. Any
 * thread; the lock is held for a look at a small table, never for reading or copying.
 */
#ifndef FACTS_KEY_CACHE_H
#define FACTS_KEY_CACHE_H

#include "facts/key-contents.h"

enum {
    KEY_CACHE_ENTRIES = 128,
    KEY_CACHE_SEEN = 1024, /* digests that were met once */
    KEY_CACHE_LISTS_MAX = 64 * 1024,
    KEY_CACHE_CONTENTS_MAX = 32 * 1024, /* larger ones are read each time */
    KEY_CACHE_TRIES = 4,                /* entries that a new one may ask to give way */
    KEY_CACHE_HITS_MAX = 1024,
};

struct key_cache;
/* NULL when out of memory. */
struct key_cache *key_cache_new(const struct reference *reference);
void key_cache_free(struct key_cache *cache);
DEFINE_CLEANUP(struct key_cache *, key_cache_free)

const struct reference *key_cache_reference(const struct key_cache *cache);

/* key_contents_read, from the cache where it has these very bytes. digest tells databases apart
 * quickly: of the event that measured them, as it stands in the log. *ret lives in the arena and
 * borrows from lists, as if it had been read. */
err_t key_cache_read(struct key_cache *cache, const uint8_t digest[SHA256_BYTES],
                     struct arena *arena, struct span lists, struct hasher *hasher,
                     struct key_contents *ret) MUST_CHECK;

/* For metrics and tests. */
struct key_cache_figures {
    uint64_t hits, misses, kept, given_way;
    size_t entries, bytes;
};
struct key_cache_figures key_cache_figures(struct key_cache *cache);

#endif
