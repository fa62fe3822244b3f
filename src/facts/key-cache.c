/*
 * key-cache.c - signature databases that were read before.
 *
 * Who may send these bytes: root of any guest whose quote was verified.
 */
#include "facts/key-cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* One block of memory each: this, the lists, the arrays, the subjects. Immutable. */
struct entry {
    _Atomic unsigned references;
    uint8_t digest[SHA256_BYTES];
    struct span lists;
    struct key_contents contents; /* its spans and texts point into the block */
    size_t bytes;
};

struct slot {
    struct entry *entry; /* NULL: free */
    unsigned hits;
};

struct key_cache {
    const struct reference *reference;
    pthread_mutex_t lock; /* all below */
    struct slot slots[KEY_CACHE_ENTRIES];
    size_t hand; /* the slot that is asked next to give way */
    uint64_t seen[KEY_CACHE_SEEN];
    struct key_cache_figures figures;
};

struct key_cache *key_cache_new(const struct reference *reference)
{
    struct key_cache *cache = calloc(1, sizeof(*cache));

    if (cache != NULL) {
        cache->reference = reference;
        pthread_mutex_init(&cache->lock, NULL);
    }
    return cache;
}

static void entry_release(struct entry *entry)
{
    if (entry != NULL &&
        atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) == 1) {
        free(entry);
    }
}

void key_cache_free(struct key_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < KEY_CACHE_ENTRIES; i++) {
        entry_release(cache->slots[i].entry);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

const struct reference *key_cache_reference(const struct key_cache *cache)
{
    return cache->reference;
}

/* ---- finding ---- */

/* With a reference of its own; NULL: not there. */
static struct entry *find(struct key_cache *cache, const uint8_t digest[SHA256_BYTES], size_t len)
{
    struct entry *found = NULL;

    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; found == NULL && i < KEY_CACHE_ENTRIES; i++) {
        struct slot *slot = &cache->slots[i];

        if (slot->entry != NULL && slot->entry->lists.len == len &&
            memcmp(slot->entry->digest, digest, SHA256_BYTES) == 0) {
            found = slot->entry;
            slot->hits += slot->hits < KEY_CACHE_HITS_MAX;
            atomic_fetch_add_explicit(&found->references, 1, memory_order_relaxed);
        }
    }
    cache->figures.hits += found != NULL;
    cache->figures.misses += found == NULL;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

/* As if these lists had been read: certificates are those bytes of them. */
static err_t copy_out(const struct entry *entry, struct arena *arena, struct span lists,
                      struct key_contents *ret)
{
    struct key_contents contents = entry->contents;
    struct key_certificate *certificates =
        arena_calloc(arena, contents.n_certificates + 1, sizeof(*certificates));
    struct key_svn *svns = arena_calloc(arena, contents.n_svns + 1, sizeof(*svns));

    if (certificates == NULL || svns == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < contents.n_certificates; i++) {
        struct key_certificate *to = &certificates[i];

        *to = contents.certificates[i];
        to->der = span_cut(lists, (size_t)(to->der.data - entry->lists.data), to->der.len);
        if (to->subject != NULL) {
            to->subject = (const char *)arena_dup(arena, span_str(to->subject)).data;
            if (to->subject == NULL) {
                return ERR_MEMORY;
            }
        }
    }
    if (contents.n_svns > 0) {
        memcpy(svns, contents.svns, contents.n_svns * sizeof(*svns));
    }
    contents.certificates = certificates;
    contents.svns = svns;
    *ret = contents;
    return ERR_OK;
}

/* ---- keeping ---- */

static size_t size_of(struct span lists, const struct key_contents *contents)
{
    size_t size = contents->n_certificates * sizeof(*contents->certificates) +
                  contents->n_svns * sizeof(*contents->svns);

    for (size_t i = 0; i < contents->n_certificates; i++) {
        const char *subject = contents->certificates[i].subject;

        size += subject == NULL ? 0 : strlen(subject) + 1;
    }
    return size > KEY_CACHE_CONTENTS_MAX ? 0 : sizeof(struct entry) + size + lists.len;
}

/* NULL when it is too large to be kept, or there is no memory. */
static struct entry *entry_new(const uint8_t digest[SHA256_BYTES], struct span lists,
                               const struct key_contents *contents)
{
    size_t size = size_of(lists, contents);
    struct entry *entry = size == 0 ? NULL : calloc(1, size);
    struct key_certificate *certificates;
    struct key_svn *svns;
    char *text;

    if (entry == NULL) {
        return NULL;
    }
    /* Arrays first: they want alignment, texts and lists do not. */
    certificates = (struct key_certificate *)(entry + 1);
    svns = (struct key_svn *)(certificates + contents->n_certificates);
    text = (char *)(svns + contents->n_svns);
    atomic_init(&entry->references, 1);
    memcpy(entry->digest, digest, SHA256_BYTES);
    entry->bytes = size;
    entry->contents = *contents;
    entry->contents.certificates = certificates;
    entry->contents.svns = svns;
    entry->lists = span_of(text, lists.len);
    memcpy(text, lists.data, lists.len);
    text += lists.len;
    for (size_t i = 0; i < contents->n_certificates; i++) {
        certificates[i] = contents->certificates[i];
        certificates[i].der =
            span_cut(entry->lists, (size_t)(contents->certificates[i].der.data - lists.data),
                     contents->certificates[i].der.len);
        if (certificates[i].subject != NULL) {
            size_t len = strlen(certificates[i].subject) + 1;

            memcpy(text, certificates[i].subject, len);
            certificates[i].subject = text;
            text += len;
        }
    }
    if (contents->n_svns > 0) {
        memcpy(svns, contents->svns, contents->n_svns * sizeof(*svns));
    }
    return entry;
}

/* Was this digest met before? It has been now. Under the lock. */
static bool was_seen(struct key_cache *cache, const uint8_t digest[SHA256_BYTES])
{
    uint64_t mark;
    uint64_t *at;

    memcpy(&mark, digest, sizeof(mark));
    at = &cache->seen[(digest[8] | digest[9] << 8) % KEY_CACHE_SEEN];
    if (*at == mark) {
        return true;
    }
    *at = mark;
    return false;
}

/* A free slot, or one whose entry has had no hit since it was asked last. Under the lock. */
static struct slot *make_room(struct key_cache *cache)
{
    for (size_t i = 0; i < KEY_CACHE_ENTRIES; i++) {
        if (cache->slots[i].entry == NULL) {
            return &cache->slots[i];
        }
    }
    for (size_t i = 0; i < KEY_CACHE_TRIES; i++) {
        struct slot *slot = &cache->slots[cache->hand];

        cache->hand = (cache->hand + 1) % KEY_CACHE_ENTRIES;
        if (slot->hits == 0) {
            return slot;
        }
        slot->hits /= 2;
    }
    return NULL;
}

static bool is_there(const struct key_cache *cache, const struct entry *entry)
{
    for (size_t i = 0; i < KEY_CACHE_ENTRIES; i++) {
        const struct entry *other = cache->slots[i].entry;

        if (other != NULL && memcmp(other->digest, entry->digest, SHA256_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void keep(struct key_cache *cache, const uint8_t digest[SHA256_BYTES], struct span lists,
                 const struct key_contents *contents)
{
    struct entry *entry = NULL;
    struct entry *gone = NULL;
    bool seen;

    pthread_mutex_lock(&cache->lock);
    seen = was_seen(cache, digest);
    pthread_mutex_unlock(&cache->lock);
    if (seen) {
        entry = entry_new(digest, lists, contents);
    }
    if (entry == NULL) {
        return;
    }
    pthread_mutex_lock(&cache->lock);
    gone = entry; /* unless there is room for it */
    if (!is_there(cache, entry)) {
        struct slot *slot = make_room(cache);

        if (slot != NULL) {
            gone = slot->entry;
            cache->figures.kept++;
            cache->figures.given_way += gone != NULL;
            cache->figures.entries += gone == NULL;
            cache->figures.bytes += entry->bytes - (gone != NULL ? gone->bytes : 0);
            *slot = (struct slot){.entry = entry};
        }
    }
    pthread_mutex_unlock(&cache->lock);
    entry_release(gone);
}

err_t key_cache_read(struct key_cache *cache, const uint8_t digest[SHA256_BYTES],
                     struct arena *arena, struct span lists, struct hasher *hasher,
                     struct key_contents *ret)
{
    bool is_kept = lists.len > 0 && lists.len <= KEY_CACHE_LISTS_MAX;
    struct entry *entry = is_kept ? find(cache, digest, lists.len) : NULL;
    err_t err;

    if (entry != NULL) {
        bool is_same = span_equal(entry->lists, lists);

        err = is_same ? copy_out(entry, arena, lists, ret) : ERR_OK;
        entry_release(entry);
        if (is_same) {
            return err;
        }
    }
    err = key_contents_read(arena, lists, cache->reference, hasher, ret);
    if (err == ERR_OK && is_kept && !ret->is_malformed) {
        keep(cache, digest, lists, ret);
    }
    return err;
}

struct key_cache_figures key_cache_figures(struct key_cache *cache)
{
    struct key_cache_figures figures;

    pthread_mutex_lock(&cache->lock);
    figures = cache->figures;
    pthread_mutex_unlock(&cache->lock);
    return figures;
}
