/*
 * nft-internal.h - what the files that write rulesets share. Not for other rooms.
 */
#ifndef NETWORK_NFT_INTERNAL_H
#define NETWORK_NFT_INTERNAL_H

#include "network/nft.h"

enum { NFT_NAME_MAX = 256 };

/* A group in a virtual network: the same group means something else in another one. */
struct nft_group {
    const struct nsg *nsg;
    size_t world;          /* index */
    bool reaches_platform; /* has rules that name the platform's tags */
};
struct nft_plan {
    const struct network_world *worlds[NFT_WORLDS_MAX];
    size_t n_worlds;
    struct nft_group *groups;
    size_t n_groups;
    const struct service_tag **tags; /* that rules name, each once */
    size_t n_tags;
};

/* What must be in the ruleset of these NICs. */
err_t nft_plan(struct arena *arena, const struct nft_nic *nics, size_t n, struct trail *trail,
               struct nft_plan *ret) MUST_CHECK;
/* Index of the group of a NIC in its world. Of one that is in the plan. */
size_t nft_plan_group(const struct nft_plan *plan, const struct nsg *nsg,
                      const struct network_world *world);
size_t nft_plan_world(const struct nft_plan *plan, const struct network_world *world);

enum nft_part { NFT_PART_IN, NFT_PART_OUT, NFT_PART_PLATFORM };
/* "nsg_1_web_out": the group's number keeps names apart that differ in what nft does not take. */
void nft_chain_name(const struct nft_plan *plan, size_t group, enum nft_part part,
                    char name[static NFT_NAME_MAX]);
/* Names of sets without their "_v4" or "_v6". */
void nft_tag_set(const struct service_tag *tag, char name[static NFT_NAME_MAX]);
void nft_network_set(size_t world, char name[static NFT_NAME_MAX]);
void nft_platform_set(size_t world, char name[static NFT_NAME_MAX]);

/* "{ 192.0.2.0/24, 198.51.100.7 }" of one family, a single one without braces. */
void nft_add_set(struct buf *out, const struct address_set *set, enum address_family family,
                 bool has_braces);
/* The chain of a group for one part. */
err_t nft_add_group(struct buf *out, struct arena *arena, const struct nft_plan *plan, size_t group,
                    enum nft_part part, const struct nft_options *options,
                    struct trail *trail) MUST_CHECK;

#endif
