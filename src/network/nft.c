/*
 * nft.c - the whole table, and the refresh of its sets.
 */
#include "network/nft-internal.h"

#define V4_SET "\t\ttype ipv4_addr\n"
#define V6_SET "\t\ttype ipv6_addr\n"
/* What IPv6 needs to find its neighbours, and no router advertisements: those are the host's. */
#define NEIGHBOURS                                                                                 \
    "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "                   \
    "mld-listener-report, mld-listener-done, mld2-listener-report }"

static void add_named_set(struct buf *out, const char *name, const struct address_set *set)
{
    for (int i = 0; i < 2; i++) {
        enum address_family family = i == 0 ? ADDRESS_V4 : ADDRESS_V6;

        buf_addf(out, "\tset %s_v%d {\n%s\t\tflags interval\n\t\tauto-merge\n", name,
                 i == 0 ? 4 : 6, i == 0 ? V4_SET : V6_SET);
        if (address_set_of(set, family).n > 0) {
            buf_add_str(out, "\t\telements = ");
            nft_add_set(out, set, family, true);
            buf_add_char(out, '\n');
        }
        buf_add_str(out, "\t}\n");
    }
}

/* Every named set of the plan, in one order: for the table and for its refresh. */
typedef void set_fn(struct buf *out, const char *name, const struct address_set *set);

static void each_set(const struct nft_plan *plan, struct buf *out, set_fn *with)
{
    char name[NFT_NAME_MAX];

    for (size_t i = 0; i < plan->n_tags; i++) {
        nft_tag_set(plan->tags[i], name);
        with(out, name, &plan->tags[i]->set);
    }
    for (size_t i = 0; i < plan->n_worlds; i++) {
        nft_network_set(i, name);
        with(out, name, &plan->worlds[i]->virtual_network);
        nft_platform_set(i, name);
        with(out, name, &plan->worlds[i]->platform);
    }
}

/* ---- NICs ---- */

static void add_jump(struct buf *out, const struct nft_plan *plan, const struct nft_nic *nic,
                     const struct nsg *nsg, enum nft_part part)
{
    size_t group = nsg == NULL ? 0 : nft_plan_group(plan, nsg, nic->world);
    char name[NFT_NAME_MAX];

    if (nsg == NULL || (part == NFT_PART_PLATFORM && !plan->groups[group].reaches_platform)) {
        return;
    }
    nft_chain_name(plan, group, part, name);
    buf_addf(out, "\t\tjump %s\n", name);
}

/* Nobody sends in another's name. A machine without an address yet may ask for one. */
static void add_source_chain(struct buf *out, const struct nft_nic *nic, size_t number)
{
    buf_addf(out, "\tchain nic_%zu_source {\n", number);
    for (int i = 0; i < 2; i++) {
        if (address_set_of(&nic->addresses, i == 0 ? ADDRESS_V4 : ADDRESS_V6).n > 0) {
            buf_addf(out, "\t\t%s saddr ", i == 0 ? "ip" : "ip6");
            nft_add_set(out, &nic->addresses, i == 0 ? ADDRESS_V4 : ADDRESS_V6, false);
            buf_add_str(out, " return\n");
        }
    }
    buf_add_str(out, "\t\tip saddr 0.0.0.0 udp sport 68 udp dport 67 return\n"
                     "\t\tip6 saddr { ::, fe80::/10 } " NEIGHBOURS " return\n"
                     "\t\tip6 saddr fe80::/10 udp sport 546 udp dport 547 return\n"
                     "\t\tcounter drop comment \"anti-spoof\"\n\t}\n");
}

static void add_nic(struct buf *out, const struct nft_plan *plan, const struct nft_nic *nic,
                    size_t number)
{
    char set[NFT_NAME_MAX];

    buf_addf(out, "\t# %s\n", nic->interface);
    add_source_chain(out, nic, number);
    buf_addf(out, "\tchain nic_%zu_platform {\n", number);
    add_jump(out, plan, nic, nic->nic, NFT_PART_PLATFORM);
    add_jump(out, plan, nic, nic->subnet, NFT_PART_PLATFORM);
    /* goto: what is asked of the platform is asked nowhere else. */
    nft_platform_set(nft_plan_world(plan, nic->world), set);
    buf_addf(out,
             "\t}\n\tchain nic_%zu_out {\n"
             "\t\tip daddr @%s_v4 goto nic_%zu_platform\n"
             "\t\tip6 daddr @%s_v6 goto nic_%zu_platform\n",
             number, set, number, set, number);
    add_jump(out, plan, nic, nic->nic, NFT_PART_OUT);
    add_jump(out, plan, nic, nic->subnet, NFT_PART_OUT);
    buf_addf(out, "\t}\n\tchain nic_%zu_in {\n", number);
    add_jump(out, plan, nic, nic->subnet, NFT_PART_IN);
    add_jump(out, plan, nic, nic->nic, NFT_PART_IN);
    buf_addf(out,
             "\t}\n\tchain nic_%zu_host {\n"
             "\t\tudp sport 68 udp dport 67 return\n"
             "\t\tudp sport 546 udp dport 547 return\n"
             "\t\t" NEIGHBOURS " return\n"
             "\t\tjump nic_%zu_out\n\t}\n",
             number, number);
}

static void add_map(struct buf *out, const struct nft_nic *nics, size_t n, const char *part)
{
    buf_addf(out, "\tmap nic_%s {\n\t\ttype ifname : verdict\n\t\telements = { ", part);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s\"%s\" : jump nic_%zu_%s", i == 0 ? "" : ", ", nics[i].interface, i + 1,
                 part);
    }
    buf_add_str(out, " }\n\t}\n");
}

static void add_interfaces(struct buf *out, const struct nft_nic *nics, size_t n)
{
    buf_add_str(out, "\tset nics {\n\t\ttype ifname\n\t\telements = { ");
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s\"%s\"", i == 0 ? "" : ", ", nics[i].interface);
    }
    buf_add_str(out, " }\n\t}\n");
}

/* From one guest to another both sides' chains are asked: a chain that lets something through
 * returns, and the end of `forward` accepts. */
static void add_hooks(struct buf *out, const struct nft_options *options)
{
    buf_addf(out,
             "\tchain prerouting {\n"
             "\t\ttype filter hook prerouting priority raw; policy accept;\n"
             "\t\tiifname vmap @nic_source\n\t}\n"
             "\tchain forward {\n"
             "\t\ttype filter hook forward priority filter; policy %s;\n"
             "\t\tct state established,related accept\n"
             "\t\tct state invalid iifname @nics drop\n"
             "\t\tct state invalid oifname @nics drop\n"
             "\t\tiifname vmap @nic_out\n"
             "\t\toifname vmap @nic_in\n"
             "\t\tiifname @nics accept\n"
             "\t\toifname @nics accept\n\t}\n"
             "\tchain input {\n"
             "\t\ttype filter hook input priority filter; policy accept;\n"
             "\t\tct state established,related accept\n"
             "\t\tiifname vmap @nic_host\n\t}\n",
             options->forwards_others ? "accept" : "drop");
}

static err_t add_groups(struct buf *out, struct arena *arena, const struct nft_plan *plan,
                        const struct nft_options *options, struct trail *trail)
{
    for (size_t i = 0; i < plan->n_groups; i++) {
        err_t err;

        buf_addf(out, "\t# network security group %s\n", plan->groups[i].nsg->name);
        err = nft_add_group(out, arena, plan, i, NFT_PART_OUT, options, trail);
        err = err ? err : nft_add_group(out, arena, plan, i, NFT_PART_IN, options, trail);
        if (!err && plan->groups[i].reaches_platform) {
            err = nft_add_group(out, arena, plan, i, NFT_PART_PLATFORM, options, trail);
        }
        if (err) {
            return trail_in(trail, err, plan->groups[i].nsg->name);
        }
    }
    return ERR_OK;
}

static err_t finish(const struct buf *out, struct arena *arena, struct trail *trail,
                    struct span *ret)
{
    if (buf_err(out) == ERR_TOO_LARGE) {
        return trail_set(trail, ERR_TOO_LARGE,
                         "the ruleset would be larger than %d MiB; use fewer interfaces or smaller "
                         "tags",
                         NFT_MAX_BYTES / (1024 * 1024));
    }
    return buf_copy(out, arena, ret);
}

err_t nft_ruleset(struct arena *arena, const struct nft_nic *nics, size_t n,
                  const struct nft_options *options, struct trail *trail, struct span *ret)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct nft_plan plan;
    err_t err = nft_plan(arena, nics, n, trail, &plan);

    if (err) {
        return err;
    }
    buf_init(&out, NFT_MAX_BYTES);
    buf_add_str(&out, "# Network security groups of the guests of this host, made by bootwarden.\n"
                      "# Check with `nft -c -f FILE`, load with `nft -f FILE`: all or nothing.\n"
                      "table inet " NFT_TABLE "\n"
                      "delete table inet " NFT_TABLE "\n"
                      "table inet " NFT_TABLE " {\n");
    each_set(&plan, &out, add_named_set);
    add_interfaces(&out, nics, n);
    err = add_groups(&out, arena, &plan, options, trail);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        add_nic(&out, &plan, &nics[i], i + 1);
    }
    add_map(&out, nics, n, "source");
    add_map(&out, nics, n, "out");
    add_map(&out, nics, n, "in");
    add_map(&out, nics, n, "host");
    add_hooks(&out, options);
    buf_add_str(&out, "}\n");
    return finish(&out, arena, trail, ret);
}

/* ---- refresh ---- */

static void refresh_set(struct buf *out, const char *name, const struct address_set *set)
{
    for (int i = 0; i < 2; i++) {
        enum address_family family = i == 0 ? ADDRESS_V4 : ADDRESS_V6;

        buf_addf(out, "flush set inet " NFT_TABLE " %s_v%d\n", name, i == 0 ? 4 : 6);
        if (address_set_of(set, family).n > 0) {
            buf_addf(out, "add element inet " NFT_TABLE " %s_v%d ", name, i == 0 ? 4 : 6);
            nft_add_set(out, set, family, true);
            buf_add_char(out, '\n');
        }
    }
}

err_t nft_refresh(struct arena *arena, const struct nft_nic *nics, size_t n, struct span tag,
                  struct trail *trail, struct span *ret)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct nft_plan plan;
    const struct service_tag *wanted;
    err_t err = nft_plan(arena, nics, n, trail, &plan);

    if (err) {
        return err;
    }
    buf_init(&out, NFT_MAX_BYTES);
    if (tag.len == 0) {
        each_set(&plan, &out, refresh_set);
        return finish(&out, arena, trail, ret);
    }
    wanted = tags_find(plan.worlds[0]->tags, tag);
    for (size_t i = 0; i < plan.n_tags && wanted != NULL; i++) {
        if (plan.tags[i] == wanted) {
            char name[NFT_NAME_MAX];

            nft_tag_set(wanted, name);
            refresh_set(&out, name, &wanted->set);
            return finish(&out, arena, trail, ret);
        }
    }
    return trail_set(trail, ERR_NOT_FOUND,
                     "no rule of these groups names the service tag '%.*s', so there is no set to "
                     "refresh",
                     (int)(tag.len < RULE_TAG_NAME_MAX ? tag.len : RULE_TAG_NAME_MAX),
                     (const char *)tag.data);
}
