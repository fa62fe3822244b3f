/*
 * network-export.c - Bootwarden.Monitor/networkRules: the rules of a subscription's or a group's
 * network interfaces as one ruleset for nft, on the host of their guests.
 */
#include "kinds/network.h"

#include "base/text.h"
#include "network/nft.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define INTERFACE_READ "Microsoft.Network/networkInterfaces/read"
#define INTERFACE_WRITE "Microsoft.Network/networkInterfaces/write"
#define READ "Bootwarden.Monitor/networkRules/read"

/* ---- which interfaces ---- */

struct found {
    const char *name, *id;
};
struct export
{
    struct control_call *call;
    struct found items[NFT_NICS_MAX];
    size_t n;
};

static bool is_in_group(const struct control_call *call, struct span key)
{
    struct resource_path path;

    return call->path.group.data == NULL ||
           (resource_id_read(call->arena, key, NULL, &path) == ERR_OK &&
            text_spans_equal_nocase(path.group, call->path.group));
}

#define WORD "interface "

/* Its name on the host is the word, and its id the value. */
err_t interface_name_mention(struct mentions *mentions, const struct resource *interface)
{
    const char *name = body_text(body_get(interface->tags, TAG_INTERFACE));
    const char *word = arena_printf(mentions_arena(mentions), WORD "%s", name == NULL ? "" : name);

    return name == NULL   ? ERR_OK
           : word == NULL ? ERR_MEMORY
                          : mention(mentions, word, interface->id);
}

static err_t add_found(struct export *e, struct span word, struct span id)
{
    struct found *next = &e->items[e->n];

    if (e->n == NFT_NICS_MAX) {
        return ERR_TOO_MANY;
    }
    word = span_cut(word, sizeof(WORD) - 1, word.len);
    next->name = (const char *)arena_dup(e->call->arena, word).data;
    next->id = (const char *)arena_dup(e->call->arena, id).data;
    e->n++;
    return next->name == NULL || next->id == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t visit(void *context, struct span word, struct span resource, struct span id)
{
    struct export *e = context;

    return is_in_group(e->call, resource) ? add_found(e, word, id) : ERR_OK;
}

static int compare_found(const void *a, const void *b)
{
    return strcasecmp(((const struct found *)a)->id, ((const struct found *)b)->id);
}

static err_t find_interfaces(struct export *e, struct trail *trail)
{
    err_t err = resource_mentions(e->call, e->call->path.scope, WORD, true, visit, e, trail);

    if (err == ERR_OK) {
        qsort(e->items, e->n, sizeof(e->items[0]), compare_found);
    }
    return err;
}

/* ---- one name, one interface ---- */

static bool is_same_group(struct arena *arena, const char *a, const char *b)
{
    struct resource_path one, other;

    return resource_id_read(arena, span_str(a), NULL, &one) == ERR_OK &&
           resource_id_read(arena, span_str(b), NULL, &other) == ERR_OK &&
           text_spans_equal_nocase(one.group, other.group);
}

static err_t visit_bearer(void *context, struct span word, struct span resource, struct span id)
{
    (void)resource;
    return add_found(context, word, id);
}

/* Groups may be of several hosts, which have interfaces of one name. That is for who owns both to
 * say: others would spoil the export of the subscription. NULL: nobody has it. */
static const char *who_has(struct control_call *call, const struct resource *wanted,
                           const struct export *bearers)
{
    for (size_t i = 0; i < bearers->n; i++) {
        const char *id = bearers->items[i].id;

        if (!text_equal_nocase(id, wanted->id) &&
            (is_same_group(call->arena, id, wanted->id) ||
             !control_caller_may(call, INTERFACE_WRITE, id))) {
            return id;
        }
    }
    return NULL;
}

bool interface_name_is_free(struct control_call *call, const struct resource *wanted,
                            struct control_answer *ret)
{
    const char *name = body_text(body_get(wanted->tags, TAG_INTERFACE)), *word, *id = NULL;
    struct export *bearers = arena_calloc(call->arena, 1, sizeof(*bearers));
    struct trail trail = {0};
    err_t err = bearers == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK && name != NULL) {
        bearers->call = call;
        word = arena_printf(call->arena, WORD "%s", name);
        err = word == NULL
                  ? ERR_MEMORY
                  : resource_mentions(call, wanted->id, word, false, visit_bearer, bearers, &trail);
        id = err ? NULL : who_has(call, wanted, bearers);
    }
    if (err) {
        control_fail(call, err, &trail, ret);
    } else if (id != NULL) {
        bool may_read = control_caller_may(call, INTERFACE_READ, id);

        control_refuse(call, ret, 409, "Conflict",
                       "The tag %s names the interface '%s' of the host, and %s has it already: "
                       "give the guest's interface on the host another name.",
                       TAG_INTERFACE, name, may_read ? id : "another network interface");
    }
    return err == ERR_OK && id == NULL;
}

/* ---- into what nft's writer takes ---- */

static err_t add_nic(struct places *places, const struct found *found, struct trail *trail,
                     struct nft_nic *ret)
{
    struct arena *arena = places->call->arena;
    struct address_range ranges[PLACE_ADDRESSES_MAX];
    struct resource interface;
    struct place place;
    err_t err = resource_load(places->call, found->id, trail, &interface);

    err = err ? err : place_load(places, &interface, trail, &place);
    if (err) {
        return trail_in(trail, err, found->id);
    }
    for (size_t i = 0; i < place.n_addresses; i++) {
        ranges[i] = (struct address_range){place.addresses[i], place.addresses[i]};
    }
    *ret = (struct nft_nic){.interface = found->name,
                            .nic = place.nic,
                            .subnet = place.of_subnet,
                            .world = place.world};
    return address_set_make(arena, ranges, place.n_addresses, &ret->addresses);
}

static err_t make_nics(struct export *e, const struct service_tags *tags, struct trail *trail,
                       struct nft_nic **ret)
{
    struct places places = {0};
    struct nft_nic *nics = arena_calloc(e->call->arena, e->n + 1, sizeof(*nics));
    err_t err = nics == NULL ? ERR_MEMORY : places_begin(e->call, tags, e->n, &places);

    err = err ? err : places_need_members(&places, e->items[0].id, trail);
    for (size_t i = 0; err == ERR_OK && i < e->n; i++) {
        err = add_nic(&places, &e->items[i], trail, &nics[i]);
    }
    *ret = nics;
    return err;
}

/* ---- the query ---- */

struct wish {
    bool is_text;        /* format=nft */
    bool is_refresh;     /* refresh=TAG, or refresh=* for all sets */
    struct span refresh; /* empty: all */
    struct nft_options options;
};

static bool read_number(struct span text, uint16_t *ret)
{
    unsigned long number = 0;

    for (size_t i = 0; i < text.len && i < 6; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned long)(text.data[i] - '0');
    }
    *ret = (uint16_t)number;
    return text.len > 0 && number <= UINT16_MAX;
}

static bool read_wish(struct control_call *call, struct wish *ret_wish, struct control_answer *ret)
{
    struct span format = control_query(call, "format"), log = control_query(call, "logGroup");
    struct span refresh = control_query(call, "refresh");

    *ret_wish = (struct wish){
        .is_text = text_span_equal_nocase(format, "nft"),
        .is_refresh = refresh.len > 0,
        .refresh = span_is(refresh, "*") ? span_of("", 0) : refresh,
        .options.forwards_others =
            text_span_equal_nocase(control_query(call, "forwardOthers"), "true"),
        .options.has_log = log.len > 0,
    };
    if (format.len > 0 && !ret_wish->is_text && !text_span_equal_nocase(format, "json")) {
        return refuse_member(call, "format", "is json or nft", ret);
    }
    return log.len == 0 || read_number(log, &ret_wish->options.log_group) ||
           refuse_member(call, "logGroup", "is a number from 0 to 65535", ret);
}

/* ---- the answer ---- */

static void answer(struct control_call *call, const struct export *e, const struct nft_nic *nics,
                   const struct service_tags *tags, struct span text, struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc), *list;
    char words[ADDRESS_RANGE_TEXT_MAX];

    json_add_text(call->doc, object, "table", NFT_TABLE);
    json_add_text(call->doc, object, "changeNumber",
                  tags == NULL
                      ? "0"
                      : arena_printf(call->arena, "%llu", (unsigned long long)tags->change_number));
    list = json_add_array(call->doc, object, "interfaces");
    for (size_t i = 0; i < e->n; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(call->doc, list), *addresses;

        json_add_text(call->doc, item, "interface", e->items[i].name);
        json_add_text(call->doc, item, "networkInterface", e->items[i].id);
        addresses = json_add_array(call->doc, item, "addresses");
        for (size_t j = 0; j < nics[i].addresses.n; j++) {
            address_range_text(&nics[i].addresses.items[j], words);
            (void)yyjson_mut_arr_add_strcpy(call->doc, addresses, words);
        }
    }
    json_add_span(call->doc, object, "ruleset", text);
    control_answer_value(call, 200, object, ret);
}

static void fail(struct control_call *call, err_t err, const struct trail *trail,
                 struct control_answer *ret)
{
    enum err_category category = err_category(err);
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    if (category == ERR_CAT_INTERNAL || category == ERR_CAT_UNAVAILABLE) {
        control_fail(call, err, trail, ret);
        return;
    }
    trail_format(trail, err, words, sizeof(words));
    control_refuse(call, ret, 409, "NetworkRulesNotExportable",
                   "The network rules cannot be exported: %s.", words);
}

/* Of a group that is not there nothing is missing a tag. */
static bool need_group(struct control_call *call, struct control_answer *ret)
{
    struct resource group;
    struct trail trail = {0};
    err_t err = call->path.group.data == NULL
                    ? ERR_OK
                    : resource_load(call, call->path.scope, &trail, &group);

    if (err == ERR_NOT_FOUND) {
        control_not_found(call, call->path.scope, ret);
    } else if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

static void handle(struct control_call *call, struct control_answer *ret)
{
    CLEANUP(tags_release)
    struct tags_snapshot *snapshot = service_tags_take(control_service_tags(call->control));
    struct export *e = arena_calloc(call->arena, 1, sizeof(*e));
    struct nft_nic *nics = NULL;
    struct trail trail = {0};
    struct wish wish;
    struct span text = {0};
    err_t err;

    if (!need_group(call, ret) || !read_wish(call, &wish, ret)) {
        return;
    }
    if (e != NULL) {
        e->call = call;
    }
    err = e == NULL ? ERR_MEMORY : find_interfaces(e, &trail);
    if (err == ERR_OK && e->n == 0) {
        control_refuse(call, ret, 409, "NetworkRulesNotExportable",
                       "No network interface here carries the tag %s, the name of its guest's "
                       "interface on the host.",
                       TAG_INTERFACE);
        return;
    }
    err = err ? err : make_nics(e, tags_of(snapshot), &trail, &nics);
    if (err == ERR_OK) {
        err = wish.is_refresh ? nft_refresh(call->arena, nics, e->n, wish.refresh, &trail, &text)
                              : nft_ruleset(call->arena, nics, e->n, &wish.options, &trail, &text);
    }
    if (err) {
        fail(call, err, &trail, ret);
    } else if (wish.is_text) {
        *ret = (struct control_answer){
            .status = 200, .body = text, .content_type = "text/plain; charset=utf-8"};
    } else {
        answer(call, e, nics, tags_of(snapshot), text, ret);
    }
}

const struct control_row network_export_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/Bootwarden.Monitor/networkRules", READ, handle, 0,
     NULL},
    {HTTP_GET, CONTROL_GROUP, "providers/Bootwarden.Monitor/networkRules", READ, handle, 0, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
