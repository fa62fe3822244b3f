/*
 * rule.h - one rule of a network security group: what it matches and what follows.
 *
 * A rule is immutable and lives in an arena. It keeps the texts it was made of, so that it is shown
 * as it was written, and beside them the numbers that are compared. Names of members and values are
 * read in any case, and written as Azure writes them.
 */
#ifndef NETWORK_RULE_H
#define NETWORK_RULE_H

#include "network/address.h"
#include "json/json.h"

enum {
    RULE_NAME_MAX = 80,
    RULE_DESCRIPTION_MAX = 140, /* characters */
    RULE_PRIORITY_MIN = 100,
    RULE_PRIORITY_MAX = 4096,
    RULE_PREFIXES_MAX = 4000, /* of one side */
    RULE_PORTS_MAX = 4000,    /* ranges of one side */
    RULE_GROUPS_MAX = 10,     /* application security groups of one side */
    RULE_GROUP_ID_MAX = 512,
    RULE_TAG_NAME_MAX = 80,
};

enum rule_direction { RULE_INBOUND, RULE_OUTBOUND };
enum rule_access { RULE_ALLOW, RULE_DENY };
enum rule_protocol { RULE_ANY, RULE_TCP, RULE_UDP, RULE_ICMP, RULE_ESP, RULE_AH };

struct port_range {
    uint16_t first, last;
};
struct rule_ports {
    bool is_plural; /* written as a list */
    const char *const *texts;
    size_t n_texts;
    const struct port_range *ranges; /* sorted, apart from each other; any: one, 0-65535 */
    size_t n_ranges;
};

enum rule_side_kind { RULE_SIDE_ANY, RULE_SIDE_ADDRESSES, RULE_SIDE_TAG, RULE_SIDE_GROUPS };
struct rule_side {
    enum rule_side_kind kind;
    bool is_plural;           /* prefixes written as a list */
    const char *const *texts; /* prefixes, the tag, "*", or ids of groups */
    size_t n_texts;
    struct address_set set; /* of RULE_SIDE_ADDRESSES */
};

struct rule {
    const char *name;
    const char *description; /* NULL: none */
    enum rule_direction direction;
    enum rule_access access;
    enum rule_protocol protocol;
    uint32_t priority;
    bool is_default; /* of those that every group ends with */
    struct rule_ports source_ports, destination_ports;
    struct rule_side source, destination;
};

/* What is wrong, for who sent it: a code as Azure answers it, and the member. Written only with an
 * error of category INPUT, LIMIT or CONFLICT; {0} otherwise. The words are in the trail. */
struct network_fault {
    const char *code; /* "SecurityRuleConflict"; static */
    char target[64];  /* "destinationPortRange" */
};

/* At most RULE_NAME_MAX of letters, digits, ".", "-" and "_"; the first is a letter, digit or "_",
 * the last too. Groups have names of the same form. */
bool rule_name_is(struct span name);
/* Could it be a service tag? Letters and digits, with single ".", "-" or "_" between them. */
bool rule_tag_name_is(struct span name);

/* A rule from its `properties`, as a client sends them. fault and trail may be NULL. */
err_t rule_read(struct arena *arena, struct span name, yyjson_val *properties,
                struct network_fault *fault, struct trail *trail, struct rule *ret) MUST_CHECK;
/* The `properties` again: singular members where the rule was written so, lists always there. NULL
 * (and doc has failed) without memory. */
yyjson_mut_val *rule_write(yyjson_mut_doc *doc, const struct rule *rule);

/* The six that every group has behind its own, inbound first, each by priority. */
enum { RULE_DEFAULTS = 6 };
extern const struct rule rule_defaults[RULE_DEFAULTS];

/* "Inbound", "Allow", "Tcp" ("*" for any): as Azure writes them. */
const char *rule_direction_name(enum rule_direction direction);
const char *rule_access_name(enum rule_access access);
const char *rule_protocol_name(enum rule_protocol protocol);
/* In any case; "Any" is no protocol. */
bool rule_direction_by_name(struct span name, enum rule_direction *ret);
bool rule_protocol_by_name(struct span name, enum rule_protocol *ret);

bool rule_ports_are_any(const struct rule_ports *ports);
bool rule_ports_have(const struct rule_ports *ports, uint16_t port);

#endif
