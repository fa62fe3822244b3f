/*
 * nft.h - network security groups as a ruleset for nft(8), for guests behind routed interfaces.
 *
 * The text is one whole table, which replaces the one before in a single transaction; nothing goes
 * into it that was not checked, and all names in it have a prefix of ours. Each rule becomes lines
 * with a counter and the comment "PRIORITY NAME", so that the kernel can be asked which rule
 * decided. What a rule calls by a tag is a named set, which can be refreshed alone. What each chain
 * is for: docs/formats/network.md.
 */
#ifndef NETWORK_NFT_H
#define NETWORK_NFT_H

#include "network/world.h"

#define NFT_TABLE "bootwarden_nsg"
enum {
    NFT_NICS_MAX = 1024,
    NFT_WORLDS_MAX = 256,
    NFT_INTERFACE_MAX = 15, /* bytes: what the kernel allows */
    NFT_MAX_BYTES = 128 * 1024 * 1024,
    NFT_LOGS_PER_SECOND = 5, /* of each rule that denies */
};

/* A guest's interface as the host sees it. All NICs of a ruleset share one list of service tags. */
struct nft_nic {
    const char *interface;
    struct address_set addresses; /* what it may send from; at least one */
    const struct nsg *nic;        /* NULL: no group */
    const struct nsg *subnet;
    const struct network_world *world;
};
struct nft_options {
    bool forwards_others; /* what belongs to no NIC here is none of our business; else dropped */
    bool has_log;         /* denials go to this NFLOG group, some each second */
    uint16_t log_group;
};

/* Letters, digits, ".", "-" and "_", at most NFT_INTERFACE_MAX. */
bool nft_interface_is(struct span name);

/* ERR_VALUE, ERR_CONFLICT, ERR_NOT_FOUND (a tag) or ERR_TOO_MANY with words. */
err_t nft_ruleset(struct arena *arena, const struct nft_nic *nics, size_t n,
                  const struct nft_options *options, struct trail *trail,
                  struct span *ret) MUST_CHECK;
/* One transaction that gives the named sets of the ruleset of these NICs their contents again:
 * those of one service tag, or with an empty name all, VirtualNetwork too. ERR_NOT_FOUND when no
 * rule names the tag. Rules stay, and so do connections. */
err_t nft_refresh(struct arena *arena, const struct nft_nic *nics, size_t n, struct span tag,
                  struct trail *trail, struct span *ret) MUST_CHECK;

#endif
