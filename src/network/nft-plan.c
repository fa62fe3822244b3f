/*
 * nft-plan.c - what a ruleset needs: groups by network, and the tags that their rules name.
 */
#include "network/nft-internal.h"

#include <stdio.h>

bool nft_interface_is(struct span name)
{
    if (name.len == 0 || name.len > NFT_INTERFACE_MAX || span_is(name, ".") ||
        span_is(name, "..")) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_')) {
            return false;
        }
    }
    return true;
}

/* ---- names ---- */

void nft_chain_name(const struct nft_plan *plan, size_t group, enum nft_part part,
                    char name[static NFT_NAME_MAX])
{
    static const char *const parts[] = {"in", "out", "platform"};
    char word[RULE_NAME_MAX + 1];

    snprintf(word, sizeof(word), "%s", plan->groups[group].nsg->name);
    for (char *c = word; *c != '\0'; c++) {
        if (*c == '.' || *c == '-') {
            *c = '_';
        }
    }
    snprintf(name, NFT_NAME_MAX, "nsg_%zu_%s_%s", group + 1, word, parts[part]);
}

/* Separators in names of tags stand alone, so "_", "__" and "___" tell them apart. */
void nft_tag_set(const struct service_tag *tag, char name[static NFT_NAME_MAX])
{
    size_t len = (size_t)snprintf(name, NFT_NAME_MAX, "st_");

    for (const char *c = tag->name; *c != '\0' && len + 4 < NFT_NAME_MAX; c++) {
        const char *as = *c == '.' ? "_" : *c == '_' ? "__" : "___";

        len += *c == '.' || *c == '_' || *c == '-'
                   ? (size_t)snprintf(name + len, NFT_NAME_MAX - len, "%s", as)
                   : (size_t)snprintf(name + len, NFT_NAME_MAX - len, "%c", *c);
    }
}

/* No tag has these names: world_tag_is_reserved. */
void nft_network_set(size_t world, char name[static NFT_NAME_MAX])
{
    if (world == 0) {
        snprintf(name, NFT_NAME_MAX, "st_VirtualNetwork");
    } else {
        snprintf(name, NFT_NAME_MAX, "st_VirtualNetwork_%zu", world + 1);
    }
}

void nft_platform_set(size_t world, char name[static NFT_NAME_MAX])
{
    snprintf(name, NFT_NAME_MAX, "platform_%zu", world + 1);
}

/* ---- the plan ---- */

size_t nft_plan_world(const struct nft_plan *plan, const struct network_world *world)
{
    size_t i = 0;

    while (i < plan->n_worlds && plan->worlds[i] != world) {
        i++;
    }
    return i;
}

size_t nft_plan_group(const struct nft_plan *plan, const struct nsg *nsg,
                      const struct network_world *world)
{
    size_t w = nft_plan_world(plan, world), i = 0;

    while (i < plan->n_groups && (plan->groups[i].nsg != nsg || plan->groups[i].world != w)) {
        i++;
    }
    return i;
}

static err_t add_world(struct nft_plan *plan, const struct network_world *world,
                       struct trail *trail)
{
    if (nft_plan_world(plan, world) < plan->n_worlds) {
        return ERR_OK;
    }
    if (plan->n_worlds == NFT_WORLDS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "has NICs in more than %d virtual networks",
                         NFT_WORLDS_MAX);
    }
    if (plan->n_worlds > 0 && plan->worlds[0]->tags != world->tags) {
        return trail_set(trail, ERR_CONFLICT,
                         "has NICs with different lists of service tags; give all of them one");
    }
    plan->worlds[plan->n_worlds++] = world;
    return ERR_OK;
}

static err_t add_tag(struct nft_plan *plan, const struct service_tag *tag, struct arena *arena)
{
    const struct service_tag **tags;

    for (size_t i = 0; i < plan->n_tags; i++) {
        if (plan->tags[i] == tag) {
            return ERR_OK;
        }
    }
    /* Room grows in powers of two. */
    if ((plan->n_tags & (plan->n_tags - 1)) == 0) {
        tags = arena_calloc(arena, plan->n_tags == 0 ? 1 : plan->n_tags * 2,
                            sizeof(const struct service_tag *));
        if (tags == NULL) {
            return ERR_MEMORY;
        }
        if (plan->n_tags > 0) {
            memcpy(tags, plan->tags, plan->n_tags * sizeof(const struct service_tag *));
        }
        plan->tags = tags;
    }
    plan->tags[plan->n_tags++] = tag;
    return ERR_OK;
}

static err_t add_sides(struct arena *arena, struct nft_plan *plan, struct nft_group *group,
                       const struct rule *rule, struct trail *trail)
{
    const struct rule_side *sides[] = {&rule->source, &rule->destination};

    for (int i = 0; i < 2; i++) {
        struct world_side side;
        err_t err = world_side(arena, plan->worlds[group->world], sides[i], trail, &side);

        if (!err && side.name == WORLD_NAME_TAG) {
            err = add_tag(plan, side.tag, arena);
        }
        if (err) {
            return trail_in(trail, err, rule->name);
        }
        if (side.name == WORLD_NAME_PLATFORM && i == 1 && rule->direction == RULE_OUTBOUND) {
            group->reaches_platform = true;
        }
    }
    return ERR_OK;
}

static err_t add_group(struct arena *arena, struct nft_plan *plan, const struct nsg *nsg,
                       const struct network_world *world, struct trail *trail)
{
    struct nft_group *group;

    if (nsg == NULL || nft_plan_group(plan, nsg, world) < plan->n_groups) {
        return ERR_OK;
    }
    group = &plan->groups[plan->n_groups++];
    *group = (struct nft_group){.nsg = nsg, .world = nft_plan_world(plan, world)};
    for (size_t i = 0; i < nsg->n_rules; i++) {
        err_t err = add_sides(arena, plan, group, &nsg->rules[i], trail);

        if (err) {
            return trail_in(trail, err, nsg->name);
        }
    }
    return ERR_OK;
}

static err_t check_nic(const struct nft_nic *nics, size_t index, struct trail *trail)
{
    const struct nft_nic *nic = &nics[index];

    if (!nft_interface_is(span_str(nic->interface))) {
        return trail_set(trail, ERR_VALUE,
                         "'%.40s' is no name of an interface; use up to %d letters, digits, '.', "
                         "'-' and '_'",
                         nic->interface, NFT_INTERFACE_MAX);
    }
    if (nic->addresses.n == 0) {
        return trail_set(trail, ERR_VALUE,
                         "interface %s has no address; name those that its guest may send from",
                         nic->interface);
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(nics[i].interface, nic->interface) == 0) {
            return trail_set(trail, ERR_CONFLICT, "interface %s is there twice; leave one out",
                             nic->interface);
        }
    }
    return ERR_OK;
}

err_t nft_plan(struct arena *arena, const struct nft_nic *nics, size_t n, struct trail *trail,
               struct nft_plan *ret)
{
    struct nft_plan plan = {.groups = arena_calloc(arena, 2 * n + 1, sizeof(*plan.groups))};

    if (n == 0 || n > NFT_NICS_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "a ruleset has 1 to %d interfaces", NFT_NICS_MAX);
    }
    if (plan.groups == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        err_t err = check_nic(nics, i, trail);

        err = err ? err : add_world(&plan, nics[i].world, trail);
        err = err ? err : add_group(arena, &plan, nics[i].nic, nics[i].world, trail);
        err = err ? err : add_group(arena, &plan, nics[i].subnet, nics[i].world, trail);
        if (err) {
            return err;
        }
    }
    *ret = plan;
    return ERR_OK;
}
