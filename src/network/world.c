#include "network/world.h"

#include "network/reading.h"

#include "base/text.h"

#include <stdlib.h>
#include <strings.h>

static const char *const reserved[] = {"VirtualNetwork", "Internet", "AzureLoadBalancer"};
static const struct platform_tag {
    const char *name;
    uint16_t port;
} platform_tags[] = {
    {"AzurePlatformDNS", WORLD_DNS_PORT},
    {"AzurePlatformIMDS", WORLD_METADATA_PORT},
    {"AzurePlatformLKM", WORLD_LICENCE_PORT},
};

bool world_tag_is_reserved(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        size_t len = strlen(reserved[i]);

        if (text_span_equal_nocase(span_cut(name, 0, len), reserved[i]) &&
            (name.len == len || name.data[len] == '.')) {
            return true;
        }
    }
    return false;
}

static struct address_range single(const char *text)
{
    struct address_range range = {0};

    if (address_read(span_str(text), NULL, &range.first) == ERR_OK) {
        range.last = range.first;
    }
    return range;
}

err_t world_new(struct arena *arena, const struct address_set *virtual_network,
                const struct address_set *platform, const struct service_tags *tags,
                const struct world_group *groups, size_t n_groups, const struct network_world **ret)
{
    struct network_world *world = arena_calloc(arena, 1, sizeof(*world));
    struct address_range *ranges = arena_calloc(arena, platform->n + 2, sizeof(*ranges));
    err_t err;

    if (world == NULL || ranges == NULL) {
        return ERR_MEMORY;
    }
    *world = (struct network_world){
        .virtual_network = *virtual_network, .tags = tags, .groups = groups, .n_groups = n_groups};
    ranges[0] = single(WORLD_PLATFORM);
    ranges[1] = single(WORLD_METADATA);
    if (platform->n > 0) {
        memcpy(ranges + 2, platform->items, platform->n * sizeof(*ranges));
    }
    err = address_set_make(arena, ranges, platform->n + 2, &world->platform);
    err = err ? err : address_set_make(arena, ranges, 1, &world->balancer);
    err = err ? err : address_set_complement(arena, virtual_network, &world->internet);
    if (err) {
        return err;
    }
    *ret = world;
    return ERR_OK;
}

/* ---- tags ---- */

/* "Storage.WestEurope" where only Storage is known: say so. */
static err_t refuse_tag(const struct network_world *world, const char *name, struct trail *trail)
{
    const char *dot = strchr(name, '.');
    const struct service_tag *global =
        dot == NULL ? NULL : tags_find(world->tags, span_of(name, (size_t)(dot - name)));

    if (global != NULL) {
        return trail_set(trail, ERR_NOT_FOUND,
                         "names %s, but %s is not known by region here; write %s", name,
                         global->name, global->name);
    }
    return trail_set(trail, ERR_NOT_FOUND,
                     "names the service tag %s, which is not known; check its spelling, or import "
                     "a list that has it",
                     name);
}

static err_t tag_side(const struct network_world *world, const char *name, struct trail *trail,
                      struct world_side *ret)
{
    const struct service_tag *tag;

    if (strcasecmp(name, "VirtualNetwork") == 0 || strcasecmp(name, "Internet") == 0) {
        *ret = (struct world_side){.form = strcasecmp(name, "Internet") == 0 ? WORLD_OUTSIDE
                                                                             : WORLD_INSIDE,
                                   .set = world->virtual_network,
                                   .name = WORLD_NAME_NETWORK};
        return ERR_OK;
    }
    if (strcasecmp(name, "AzureLoadBalancer") == 0) {
        *ret = (struct world_side){.form = WORLD_INSIDE, .set = world->balancer};
        return ERR_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(platform_tags); i++) {
        if (strcasecmp(name, platform_tags[i].name) == 0) {
            *ret = (struct world_side){.form = WORLD_INSIDE,
                                       .set = world->platform,
                                       .name = WORLD_NAME_PLATFORM,
                                       .port = platform_tags[i].port};
            return ERR_OK;
        }
    }
    tag = tags_find(world->tags, span_str(name));
    if (tag == NULL) {
        return refuse_tag(world, name, trail);
    }
    *ret = (struct world_side){
        .form = WORLD_INSIDE, .set = tag->set, .name = WORLD_NAME_TAG, .tag = tag};
    return ERR_OK;
}

/* ---- application security groups ---- */

static int compare_members(const void *a, const void *b)
{
    const struct world_member *x = a, *y = b;

    return strcasecmp(x->id, y->id);
}

static size_t end_of_group(const struct world_member *members, size_t n, size_t first)
{
    size_t end = first + 1;

    while (end < n && strcasecmp(members[end].id, members[first].id) == 0) {
        end++;
    }
    return end;
}

err_t world_groups_make(struct arena *arena, struct world_member *members, size_t n,
                        struct trail *trail, const struct world_group **ret, size_t *ret_n)
{
    struct address_range *ranges = arena_calloc(arena, n + 1, sizeof(*ranges));
    struct world_group *groups;
    size_t n_groups = 0;
    err_t err = ERR_OK;

    if (n > WORLD_MEMBERS_MAX) {
        return trail_set(trail, ERR_TOO_MANY,
                         "more than %d addresses are in application security groups",
                         WORLD_MEMBERS_MAX);
    }
    if (n > 0) {
        qsort(members, n, sizeof(*members), compare_members);
    }
    for (size_t i = 0; i < n; i = end_of_group(members, n, i)) {
        n_groups++;
    }
    groups = arena_calloc(arena, n_groups + 1, sizeof(*groups));
    if (ranges == NULL || groups == NULL) {
        return ERR_MEMORY;
    }
    n_groups = 0;
    for (size_t i = 0; i < n && err == ERR_OK;) {
        size_t end = end_of_group(members, n, i);
        struct world_group *group = &groups[n_groups++];

        for (size_t k = i; k < end; k++) {
            ranges[k] = (struct address_range){members[k].address, members[k].address};
        }
        group->id = members[i].id;
        err = address_set_make(arena, ranges + i, end - i, &group->set);
        i = end;
    }
    if (err) {
        return err;
    }
    *ret = groups;
    *ret_n = n_groups;
    return ERR_OK;
}

static const struct world_group *find_group(const struct network_world *world, const char *id)
{
    size_t low = 0, high = world->n_groups;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcasecmp(id, world->groups[middle].id);

        if (order == 0) {
            return &world->groups[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static err_t groups_set(struct arena *arena, const struct network_world *world,
                        const struct rule_side *side, struct address_set *ret)
{
    struct address_range *ranges;
    size_t room = 0, n = 0;

    for (size_t i = 0; i < side->n_texts; i++) {
        const struct world_group *group = find_group(world, side->texts[i]);

        room += group == NULL ? 0 : group->set.n;
    }
    ranges = arena_calloc(arena, room + 1, sizeof(*ranges));
    if (ranges == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < side->n_texts; i++) {
        const struct world_group *group = find_group(world, side->texts[i]);

        for (size_t k = 0; group != NULL && k < group->set.n; k++) {
            ranges[n++] = group->set.items[k];
        }
    }
    return address_set_make(arena, ranges, n, ret);
}

err_t world_side(struct arena *arena, const struct network_world *world,
                 const struct rule_side *side, struct trail *trail, struct world_side *ret)
{
    struct world_side found = {.form = WORLD_INSIDE};
    err_t err = ERR_OK;

    switch (side->kind) {
    case RULE_SIDE_ANY:
        found.form = WORLD_EVERYWHERE;
        break;
    case RULE_SIDE_TAG:
        err = tag_side(world, side->texts[0], trail, &found);
        break;
    case RULE_SIDE_GROUPS:
        err = groups_set(arena, world, side, &found.set);
        break;
    case RULE_SIDE_ADDRESSES:
    default:
        found.set = side->set;
    }
    if (err) {
        return err;
    }
    *ret = found;
    return ERR_OK;
}

bool world_side_has(const struct world_side *side, const struct address *address)
{
    return side->form == WORLD_EVERYWHERE ||
           address_set_has(&side->set, address) == (side->form == WORLD_INSIDE);
}

err_t world_side_match(const struct network_world *world, const struct rule_side *side,
                       const struct address *address, struct trail *trail,
                       struct world_side *ret_side, bool *ret_is_match)
{
    bool is_match = false;

    if (side->kind != RULE_SIDE_GROUPS) {
        /* Of groups alone a set is made. */
        err_t err = world_side(NULL, world, side, trail, ret_side);

        *ret_is_match = err == ERR_OK && world_side_has(ret_side, address);
        return err;
    }
    for (size_t i = 0; i < side->n_texts && !is_match; i++) {
        const struct world_group *group = find_group(world, side->texts[i]);

        is_match = group != NULL && address_set_has(&group->set, address);
    }
    *ret_side = (struct world_side){.form = WORLD_INSIDE};
    *ret_is_match = is_match;
    return ERR_OK;
}

err_t world_check(const struct network_world *world, const struct nsg *nsg,
                  struct network_fault *fault, struct trail *trail)
{
    struct reading r = {.fault = fault, .trail = trail};

    for (size_t i = 0; i < 2 * nsg->n_rules; i++) {
        const struct rule *rule = &nsg->rules[i / 2];
        bool is_source = i % 2 == 0;
        const struct rule_side *side = is_source ? &rule->source : &rule->destination;
        struct trail inner = {0};
        struct world_side ignored;
        err_t err = side->kind == RULE_SIDE_TAG ? tag_side(world, side->texts[0], &inner, &ignored)
                                                : ERR_OK;

        if (err) {
            err = reading_refuse(&r, err, "SecurityRuleInvalidAddressPrefix",
                                 is_source ? "sourceAddressPrefix" : "destinationAddressPrefix",
                                 "%s", inner.what);
            return trail_in(trail, err, rule->name);
        }
    }
    return ERR_OK;
}
