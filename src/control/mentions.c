/*
 * mentions.c - what resources say that others ask for is kept beside them (store/mentions.h), so
 * that nobody has to look through all of a subscription.
 */
#include "control/internal.h"

enum { MENTIONS_FIRST = 8 };

struct mentions {
    struct arena *arena;
    struct store_mentions all;
    size_t max;
};

err_t mention(struct mentions *mentions, const char *word, const char *value)
{
    struct store_mentions *all = &mentions->all;
    struct store_mention one = {arena_printf(mentions->arena, "%s", word),
                                arena_printf(mentions->arena, "%s", value)};

    if (one.word == NULL || one.value == NULL) {
        return ERR_MEMORY;
    }
    if (all->n == mentions->max) {
        size_t max = mentions->max == 0 ? MENTIONS_FIRST : 2 * mentions->max;
        struct store_mention *items = arena_calloc(mentions->arena, max, sizeof(*items));

        if (items == NULL) {
            return ERR_MEMORY;
        }
        if (all->n > 0) {
            memcpy(items, all->items, all->n * sizeof(*items));
        }
        all->items = items;
        mentions->max = max;
    }
    all->items[all->n++] = one;
    return ERR_OK;
}

struct arena *mentions_arena(struct mentions *mentions)
{
    return mentions->arena;
}

err_t mention_id(struct mentions *mentions, const char *word, const char *id, const char *value)
{
    const char *key;

    if (id == NULL) {
        return ERR_OK;
    }
    key = resource_key(mentions->arena, span_str(id));
    key = key == NULL ? NULL : arena_printf(mentions->arena, "%s %s", word, key);
    return key == NULL ? ERR_MEMORY : mention(mentions, key, value);
}

err_t mentions_of(struct control_call *call, const struct resource *resource,
                  const struct store_mentions **ret)
{
    struct mentions *mentions;
    err_t err;

    *ret = NULL;
    if (resource->kind == NULL || resource->kind->mention == NULL) {
        return ERR_OK;
    }
    mentions = arena_calloc(call->arena, 1, sizeof(*mentions));
    if (mentions == NULL) {
        return ERR_MEMORY;
    }
    mentions->arena = call->arena;
    err = resource->kind->mention(mentions, resource);
    *ret = &mentions->all;
    return err;
}

struct range {
    const char *subscription, *from, *to;
};

static err_t range_of(struct control_call *call, const char *id, const char *word, bool is_prefix,
                      struct trail *trail, struct range *ret)
{
    struct resource_path path;
    err_t err = resource_id_read(call->arena, span_str(id), trail, &path);

    if (err) {
        return err;
    }
    /* Behind a word there is nothing lower than 0x01, and in one nothing higher than 0xff. */
    *ret = (struct range){resource_key(call->arena, path.subscription), word,
                          arena_printf(call->arena, is_prefix ? "%s\xff" : "%s\x01", word)};
    return ret->subscription == NULL || ret->to == NULL ? ERR_MEMORY : ERR_OK;
}

err_t resource_mentions(struct control_call *call, const char *id, const char *word, bool is_prefix,
                        store_mention_visit *visit, void *context, struct trail *trail)
{
    struct range range;
    err_t err = range_of(call, id, word, is_prefix, trail, &range);

    return err ? err
               : store_mentions(control_store(call->control), range.subscription, range.from,
                                range.to, visit, context, trail);
}

err_t resource_mentions_count(struct control_call *call, const char *id, const char *word,
                              struct trail *trail, size_t *ret)
{
    struct range range;
    int64_t n = 0;
    err_t err = range_of(call, id, word, true, trail, &range);

    err = err ? err
              : store_mentions_count(control_store(call->control), range.subscription, range.from,
                                     range.to, trail, &n);
    *ret = (size_t)n;
    return err;
}
