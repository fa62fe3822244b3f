/*
 * address-set.c - sets of addresses: merged once, then searched, inverted and written as prefixes.
 */
#include "network/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* The next address; false behind the last of its family. */
static bool step(struct address *a)
{
    for (unsigned i = address_bits(a->family) / 8; i > 0; i--) {
        if (++a->bytes[i - 1] != 0) {
            return true;
        }
    }
    return false;
}

/* The address before; false before the first of its family. */
static bool step_back(struct address *a)
{
    for (unsigned i = address_bits(a->family) / 8; i > 0; i--) {
        if (a->bytes[i - 1]-- != 0) {
            return true;
        }
    }
    return false;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct address_range *x = a, *y = b;
    int order = address_compare(&x->first, &y->first);

    return order != 0 ? order : address_compare(&x->last, &y->last);
}

/* Does `next`, which does not begin before `range`, overlap or touch it? */
static bool touches(const struct address_range *range, const struct address_range *next)
{
    struct address behind = range->last;

    return range->last.family == next->first.family &&
           (!step(&behind) || address_compare(&next->first, &behind) <= 0);
}

err_t address_set_make(struct arena *arena, const struct address_range *ranges, size_t n,
                       struct address_set *ret)
{
    struct address_range *items;
    size_t used = 0;

    if (n == 0) {
        *ret = (struct address_set){0};
        return ERR_OK;
    }
    items = arena_calloc(arena, n, sizeof(*items));
    if (items == NULL) {
        return ERR_MEMORY;
    }
    memcpy(items, ranges, n * sizeof(*items));
    qsort(items, n, sizeof(*items), compare_ranges);
    for (size_t i = 0; i < n; i++) {
        if (used > 0 && touches(&items[used - 1], &items[i])) {
            if (address_compare(&items[used - 1].last, &items[i].last) < 0) {
                items[used - 1].last = items[i].last;
            }
        } else {
            items[used++] = items[i];
        }
    }
    ret->items = items;
    ret->n = used;
    return ERR_OK;
}

bool address_set_has(const struct address_set *set, const struct address *address)
{
    size_t low = 0, high = set->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (address_compare(&set->items[middle].last, address) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->n && address_compare(&set->items[low].first, address) <= 0;
}

struct address_set address_set_of(const struct address_set *set, enum address_family family)
{
    size_t from = 0, to;

    while (from < set->n && set->items[from].first.family != family) {
        from++;
    }
    to = from;
    while (to < set->n && set->items[to].first.family == family) {
        to++;
    }
    if (to == from) {
        return (struct address_set){0};
    }
    return (struct address_set){.items = set->items + from, .n = to - from};
}

static struct address_range whole(enum address_family family)
{
    struct address_range all = {{.family = family}, {.family = family}};

    address_mask(&all.last, 0, true);
    return all;
}

bool address_set_is_whole(const struct address_set *set, enum address_family family)
{
    struct address_set part = address_set_of(set, family);
    struct address_range all = whole(family);

    return part.n == 1 && compare_ranges(&part.items[0], &all) == 0;
}

static double as_number(const struct address *a)
{
    double value = 0;

    for (unsigned i = 0; i < address_bits(a->family) / 8; i++) {
        value = value * 256 + a->bytes[i];
    }
    return value;
}

double address_set_size(const struct address_set *set, enum address_family family)
{
    struct address_set part = address_set_of(set, family);
    double size = 0;

    for (size_t i = 0; i < part.n; i++) {
        size += as_number(&part.items[i].last) - as_number(&part.items[i].first) + 1;
    }
    return size;
}

/* What lies between the ranges of one family, appended to `out`, which has room. */
static size_t gaps(const struct address_set *part, enum address_family family,
                   struct address_range *out)
{
    struct address_range rest = whole(family);
    size_t n = 0;

    for (size_t i = 0; i < part->n; i++) {
        struct address_range gap = {rest.first, part->items[i].first};

        if (step_back(&gap.last) && address_compare(&gap.first, &gap.last) <= 0) {
            out[n++] = gap;
        }
        rest.first = part->items[i].last;
        if (!step(&rest.first)) {
            return n;
        }
    }
    out[n++] = rest;
    return n;
}

err_t address_set_complement(struct arena *arena, const struct address_set *set,
                             struct address_set *ret)
{
    struct address_range *items = arena_calloc(arena, set->n + 2, sizeof(*items));
    struct address_set v4 = address_set_of(set, ADDRESS_V4), v6 = address_set_of(set, ADDRESS_V6);
    size_t n;

    if (items == NULL) {
        return ERR_MEMORY;
    }
    n = gaps(&v4, ADDRESS_V4, items);
    n += gaps(&v6, ADDRESS_V6, items + n);
    ret->items = items;
    ret->n = n;
    return ERR_OK;
}

/* The shortest prefix that begins where the range does and stays inside; its last address. */
static unsigned widest_prefix(const struct address_range *range, struct address *ret_last)
{
    unsigned length = 0;

    for (;; length++) { /* ends at the full length: the address alone is inside */
        struct address first = range->first, last = range->first;

        address_mask(&first, length, false);
        address_mask(&last, length, true);
        if (address_compare(&first, &range->first) == 0 &&
            address_compare(&last, &range->last) <= 0) {
            *ret_last = last;
            return length;
        }
    }
}

struct texts {
    struct arena *arena;
    const char **items;
    size_t n, room;
};

static err_t add_text(struct texts *t, const char *text)
{
    if (t->n == t->room) {
        size_t room = t->room == 0 ? 16 : t->room * 2;
        const char **items = arena_calloc(t->arena, room, sizeof(*items));

        if (t->n == ADDRESS_CIDRS_MAX) {
            return ERR_TOO_MANY;
        }
        if (items == NULL) {
            return ERR_MEMORY;
        }
        if (t->n > 0) {
            memcpy(items, t->items, t->n * sizeof(*items));
        }
        t->items = items;
        t->room = room;
    }
    t->items[t->n] = text;
    return text == NULL ? ERR_MEMORY : (t->n++, ERR_OK);
}

static err_t split(struct texts *t, struct address_range rest)
{
    for (;;) {
        char first[ADDRESS_TEXT_MAX];
        struct address last = rest.first;
        unsigned length = widest_prefix(&rest, &last);
        err_t err;

        address_text(&rest.first, first);
        err = add_text(t, arena_printf(t->arena, "%s/%u", first, length));
        if (err || address_compare(&last, &rest.last) == 0) {
            return err;
        }
        rest.first = last;
        (void)step(&rest.first);
    }
}

err_t address_set_cidrs(struct arena *arena, const struct address_set *set, const char *const **ret,
                        size_t *ret_n)
{
    struct texts texts = {.arena = arena};

    for (size_t i = 0; i < set->n; i++) {
        err_t err = split(&texts, set->items[i]);

        if (err) {
            return err;
        }
    }
    *ret = texts.items;
    *ret_n = texts.n;
    return ERR_OK;
}
