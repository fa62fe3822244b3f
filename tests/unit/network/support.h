/*
 * support.h - short ways to rules, groups and worlds for the tests of this room.
 */
#ifndef TESTS_NETWORK_SUPPORT_H
#define TESTS_NETWORK_SUPPORT_H

#include "support/support.h"

#include "network/flow.h"

static inline yyjson_val *network_json(struct arena *arena, struct span text)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, text, &tags_json, NULL, &root));
    return root;
}

/* {"name":...,"properties":{...}} in a file of tests/vectors/network. */
static inline const struct nsg *network_nsg(struct arena *arena, const char *file)
{
    const struct nsg *nsg = NULL;
    char path[128];

    snprintf(path, sizeof(path), "network/%s.json", file);
    assert_ok(
        nsg_read_resource(arena, network_json(arena, test_vector(arena, path)), NULL, NULL, &nsg));
    return nsg;
}

/* A group of these rules: the elements of securityRules, without the brackets. */
static inline const struct nsg *network_rules(struct arena *arena, const char *rules)
{
    const struct nsg *nsg = NULL;
    struct trail trail = {0};
    const char *text = arena_printf(arena, "{\"securityRules\":[%s]}", rules);
    err_t err =
        nsg_read(arena, span_str("nsg"), network_json(arena, span_str(text)), NULL, &trail, &nsg);

    if (err) {
        fail_msg("%s: %s: %s", err_name(err), trail.where, trail.what);
    }
    return nsg;
}

static inline const struct service_tags *network_tags(struct arena *arena)
{
    const struct service_tags *tags = NULL;

    assert_ok(tags_read(
        arena,
        network_json(arena, test_vector(arena, "network/ServiceTags_SelfHosted_20261122.json")),
        NULL, NULL, &tags));
    return tags;
}

static inline struct address network_address(const char *text)
{
    struct address address;

    assert_ok(address_read(span_str(text), NULL, &address));
    return address;
}

/* Of prefixes and ranges apart by spaces. */
static inline struct address_set network_set(struct arena *arena, const char *list)
{
    struct address_range ranges[64];
    struct address_set set;
    size_t n = 0;

    while (*list != '\0') {
        size_t len = strcspn(list, " ");

        assert_ok(address_range_read(span_of(list, len), true, NULL, &ranges[n++]));
        list += len;
        list += *list == ' ';
    }
    assert_ok(address_set_make(arena, ranges, n, &set));
    return set;
}

static inline const struct network_world *network_world(struct arena *arena, const char *prefixes,
                                                        const struct service_tags *tags)
{
    const struct network_world *world = NULL;
    struct address_set vnet = network_set(arena, prefixes), none = {0};

    assert_ok(world_new(arena, &vnet, &none, tags, NULL, 0, &world));
    return world;
}

#endif
