/*
 * public-address.c - Microsoft.Network/publicIPAddresses. No address is given out here: who has one
 * says which it is, and it is kept and shown.
 */
#include "kinds/network.h"
#include "kinds/uses.h"

#include "base/text.h"

#include <stdlib.h>

#define MEMBER "properties.ipAddress"

/* What is never anybody's address in the internet. Those of documentation (RFC 5737, RFC 3849) lead
 * nowhere, and may be written down. */
static const char *const not_public[] = {
    WORLD_PLATFORM, "0.0.0.0/8",      "10.0.0.0/8",    "100.64.0.0/10",  "127.0.0.0/8",
    "224.0.0.0/3",  "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "::/8",
    "fc00::/7",     "fe80::/9",       "ff00::/8",
};

static bool is_public(const struct address *address)
{
    for (size_t i = 0; i < ARRAY_LEN(not_public); i++) {
        struct address_range range;

        if (address_range_read(span_str(not_public[i]), false, NULL, &range) == ERR_OK &&
            address_compare(&range.first, address) <= 0 &&
            address_compare(address, &range.last) <= 0) {
            return false;
        }
    }
    return true;
}

/* One of RFC 5737's, which leads nowhere, stands for it where nobody said which. NULL without
 * memory. */
static const char *stand_in(struct control_call *call, const char *id)
{
    const char *hex = derived_hex(call, id, "address", 2);

    return hex == NULL ? NULL : arena_printf(call->arena, "192.0.2.%ld", strtol(hex, NULL, 16));
}

/* ---- whose it is ---- */

#define WORD "public "

static err_t say(struct mentions *mentions, const struct resource *address)
{
    const char *text = body_text_at(address->body, MEMBER);
    const char *word = arena_printf(mentions_arena(mentions), WORD "%s", text == NULL ? "" : text);

    return text == NULL ? ERR_OK : word == NULL ? ERR_MEMORY : mention(mentions, word, "");
}

struct claim {
    const char *key; /* of who asks */
    bool is_taken;
};

static err_t look(void *context, struct span word, struct span resource, struct span value)
{
    struct claim *claim = context;

    (void)word;
    (void)value;
    claim->is_taken = claim->is_taken || !span_is(resource, claim->key);
    return ERR_OK;
}

static bool is_nobodys(struct control_call *call, const struct resource *wanted, const char *text,
                       struct control_answer *ret)
{
    struct claim claim = {.key = wanted->key};
    const char *word = arena_printf(call->arena, WORD "%s", text);
    struct trail trail = {0};
    err_t err = word == NULL
                    ? ERR_MEMORY
                    : resource_mentions(call, wanted->id, word, false, look, &claim, &trail);

    if (err) {
        control_fail(call, err, &trail, ret);
    } else if (claim.is_taken) {
        control_refuse(call, ret, 400, "PublicIPAddressInUse",
                       "%s: %s is the address of another public IP address of this subscription.",
                       MEMBER, text);
        ret->target = MEMBER;
    }
    return err == ERR_OK && !claim.is_taken;
}

/* ---- the kind ---- */

static bool family_is_right(yyjson_mut_val *properties, const struct address *address)
{
    const char *version = body_text_at(properties, "publicIPAddressVersion");

    return version == NULL ||
           text_equal_nocase(version, address->family == ADDRESS_V4 ? "IPv4" : "IPv6");
}

static bool prepare(struct control_call *call, const struct resource *before,
                    struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *properties = resource_properties(call, wanted);
    yyjson_mut_val *value = body_get(properties, "ipAddress");
    const char *old = before == NULL ? NULL : body_text_at(before->body, MEMBER);
    const char *text = body_text(value), *shown = stand_in(call, wanted->id);
    struct trail trail = {0};
    struct address address;
    char canonical[ADDRESS_TEXT_MAX];

    if (value == NULL || (text != NULL && shown != NULL && strcmp(text, shown) == 0)) {
        body_drop(properties, "ipAddress"); /* as it was shown: nobody said which */
        return true;
    }
    if (text == NULL) {
        return refuse_member(call, MEMBER, "is a text, such as \"198.51.100.7\"", ret);
    }
    if (address_read(span_str(text), &trail, &address) != ERR_OK) {
        return refuse_member(call, MEMBER, trail.what, ret);
    }
    if (!family_is_right(properties, &address)) {
        return refuse_member(call, MEMBER, "is not of the kind that publicIPAddressVersion says",
                             ret);
    }
    if (!is_public(&address)) {
        return refuse_member(call, MEMBER,
                             "is nobody's address in the internet: private, loopback, link-local, "
                             "multicast and reserved ones are none; a private address belongs into "
                             "an IP configuration of a network interface",
                             ret);
    }
    address_text(&address, canonical);
    text = (const char *)arena_dup(call->arena, span_str(canonical)).data;
    body_set_text(call->doc, properties, "ipAddress", text);
    return (old != NULL && text != NULL && strcmp(old, text) == 0) ||
           is_nobodys(call, wanted, canonical, ret);
}

static void show(struct control_call *call, const struct resource *resource, yyjson_mut_val *object)
{
    yyjson_mut_val *properties = body_need_object(call->doc, object, "properties");
    const char *text = stand_in(call, resource->id);

    if (body_get(properties, "ipAddress") == NULL && text != NULL) {
        body_set_text(call->doc, properties, "ipAddress", text);
    }
}

const struct kind kind_public_address = {
    .type = "Microsoft.Network/publicIPAddresses",
    .versions = NETWORK_VERSIONS,
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG | KIND_CLAIMS,
    .prepare = prepare,
    .show = show,
    .mention = say,
    .may_go = address_is_free,
};
