/*
 * vm-network.c - a guest's way to its attestation endpoint, or to another address: what the network
 * rules of its virtual machine say, and which rule would open it.
 *
 * Names are not resolved here: what the guest's resolver answers is not what ours does. The names
 * of this server are known; for others the caller gives an address.
 */
#include "kinds/network.h"
#include "kinds/vm.h"

#include "base/text.h"
#include "provider/attestation-config.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WAY_ADDRESSES_MAX = 16,
    WAY_ARENA_BYTES = 64 * 1024 * 1024,
    HTTPS_PORT = 443,
    REMEDIES_MAX = 4,
};

/* Where a guest wants to go. */
struct way {
    struct span host;
    uint16_t port;
    uint8_t protocol;
    struct address addresses[WAY_ADDRESSES_MAX];
    size_t n;
};
struct judged {
    struct flow flow;
    struct flow_verdict verdict;
    struct flow_remedy remedies[2];
    size_t n_remedies;
};
struct journey {
    struct place place;
    struct judged judged[WAY_ADDRESSES_MAX];
    size_t n; /* addresses of a kind that the interface has */
    bool is_allowed;
    size_t deciding; /* of judged: the first that is allowed, else the first */
};

/* ---- where to ---- */

/* "https://[::1]:8443/x" to "::1" and 8443. */
static bool split_url(const char *url, struct way *way)
{
    const char *host = strstr(url, "://"), *colon;
    char *end = NULL;
    size_t len;

    host = host == NULL ? url : host + 3;
    if (host[0] == '[') {
        host++;
        len = strcspn(host, "]/");
        colon = host[len] == ']' ? host + len + 1 : host + len;
    } else {
        len = strcspn(host, ":/");
        colon = host + len;
    }
    way->host = span_of(host, len);
    way->port = HTTPS_PORT;
    if (*colon == ':') {
        unsigned long port = strtoul(colon + 1, &end, 10);

        if (port == 0 || port > UINT16_MAX || (*end != '/' && *end != '\0')) {
            return false;
        }
        way->port = (uint16_t)port;
    }
    return len > 0;
}

/* The first address of each prefix of the tag stands for it. */
static void own_addresses(const struct service_tags *tags, struct way *way)
{
    const struct service_tag *tag = tags_find(tags, span_str(SERVICE_TAG_ATTESTATION));

    for (size_t i = 0; tag != NULL && i < tag->set.n && way->n < WAY_ADDRESSES_MAX; i++) {
        struct address address = tag->set.items[i].first;

        way->addresses[way->n++] = address;
        if (address_compare(&address, &tag->set.items[i].last) != 0 && way->n < WAY_ADDRESSES_MAX) {
            way->addresses[way->n++] = tag->set.items[i].last;
        }
    }
}

/* A literal address, or a name of this server. False: another name. */
static bool find_host(struct control_call *call, const struct service_tags *tags, struct way *way)
{
    way->n = 0;
    if (address_read(way->host, NULL, &way->addresses[0]) == ERR_OK) {
        way->n = 1;
        return true;
    }
    if (!service_tags_is_own(control_service_tags(call->control), way->host)) {
        return false;
    }
    own_addresses(tags, way);
    return true;
}

/* maaEndpoint of the owner's settings, else this server. */
static err_t find_endpoint(struct control_call *call, const struct resource *vm,
                           const struct service_tags *tags, struct trail *trail, struct way *way,
                           bool *ret_is_known)
{
    struct attestation_config config = {0};
    struct store_extension extension = {0};
    yyjson_val *root = NULL;
    const char *url;
    err_t err = store_extension_get(control_store(call->control), call->arena, vm_id_of(vm), trail,
                                    &extension);

    if (err == ERR_OK && extension.settings.len > 0 &&
        json_read(call->arena, extension.settings, NULL, NULL, &root) == ERR_OK &&
        attestation_config_read(call->arena, root, NULL, &config) != ERR_OK) {
        config = (struct attestation_config){0};
    }
    url = config.attest_url != NULL ? config.attest_url : control_endpoint(call->control);
    way->protocol = FLOW_TCP;
    *ret_is_known = err == ERR_OK && split_url(url, way) && find_host(call, tags, way);
    return err;
}

/* ---- judging ---- */

static err_t judge_address(struct control_call *call, const struct way *way, size_t index,
                           struct journey *journey, struct trail *trail)
{
    const struct place *place = &journey->place;
    const struct address *remote = &way->addresses[index];
    const struct address *local = place_address(place, remote->family);
    struct judged *judged = &journey->judged[journey->n];
    err_t err;

    if (local == NULL) {
        return ERR_OK;
    }
    judged->flow = (struct flow){.direction = RULE_OUTBOUND,
                                 .protocol = way->protocol,
                                 .local = *local,
                                 .remote = *remote,
                                 .local_port = {.is_any = true},
                                 .remote_port = {.number = way->port}};
    err = flow_judge(call->arena, place->world, place->nic, place->of_subnet, &judged->flow, trail,
                     &judged->verdict);
    err = err ? err
              : flow_remedies(call->arena, place->world, &judged->flow, &judged->verdict,
                              judged->remedies, &judged->n_remedies);
    if (err == ERR_OK) {
        journey->n++;
    }
    return err;
}

/* A way is open when one of its addresses is reached: clients try them all. */
static err_t judge(struct control_call *call, const struct resource *interface,
                   const struct service_tags *tags, const struct way *way, struct trail *trail,
                   struct journey *ret)
{
    struct places places;
    err_t err = places_begin(call, tags, 1, &places);

    err = err ? err : place_load(&places, interface, trail, &ret->place);
    for (size_t i = 0; err == ERR_OK && i < way->n; i++) {
        err = judge_address(call, way, i, ret, trail);
    }
    for (size_t i = ret->n; err == ERR_OK && i > 0; i--) {
        if (ret->judged[i - 1].verdict.is_allowed) {
            ret->is_allowed = true;
            ret->deciding = i - 1;
        }
    }
    return err;
}

/* Several addresses of one tag have one remedy. */
static size_t collect_remedies(const struct journey *journey,
                               const struct flow_remedy *ret[REMEDIES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < journey->n; i++) {
        const struct judged *judged = &journey->judged[i];

        for (size_t j = 0; j < judged->n_remedies && n < REMEDIES_MAX; j++) {
            const struct flow_remedy *remedy = &judged->remedies[j];
            bool is_known = false;

            for (size_t k = 0; k < n; k++) {
                is_known = is_known ||
                           (ret[k]->stage == remedy->stage && ret[k]->rule != NULL &&
                            remedy->rule != NULL &&
                            strcmp(ret[k]->rule->destination.texts[0],
                                   remedy->rule->destination.texts[0]) == 0) ||
                           (ret[k]->stage == remedy->stage && remedy->rule == NULL);
            }
            if (!is_known) {
                ret[n++] = remedy;
            }
        }
    }
    return n;
}

/* ---- words ---- */

static const char *last_name(const char *id)
{
    const char *slash = id == NULL ? NULL : strrchr(id, '/');

    return slash == NULL ? "" : slash + 1;
}

/* The remedy as a command. What it names was checked: there is nothing to quote in it but "*". */
static const char *command_of(struct control_call *call, const char *group_id,
                              const struct rule *rule)
{
    struct resource_path path;

    if (group_id == NULL || resource_id_read(call->arena, span_str(group_id), NULL, &path)) {
        return "";
    }
    return arena_printf(
        call->arena,
        "az network nsg rule create --resource-group %.*s --nsg-name %s --name %s --priority %u "
        "--direction %s --access Allow --protocol %s --destination-address-prefixes %s "
        "--destination-port-ranges %s",
        (int)path.group.len, (const char *)path.group.data, last_name(group_id), rule->name,
        rule->priority, rule_direction_name(rule->direction), rule_protocol_name(rule->protocol),
        rule->destination.texts[0], rule->destination_ports.texts[0]);
}

static const char *stage_words(enum flow_stage stage)
{
    return stage == FLOW_NIC ? "of the interface" : "of the subnet";
}

/* "Network rule X (network security group Y, of the interface) blocks it." */
static const char *blocking_words(struct control_call *call, const struct flow_verdict *verdict)
{
    const char *words = "";

    for (size_t i = 0; words != NULL && i < verdict->n_steps; i++) {
        const struct flow_step *step = &verdict->steps[i];

        if (!step->is_allowed) {
            words = arena_printf(call->arena, "%s%s %s (network security group %s, %s)", words,
                                 words[0] == '\0' ? "Network rule" : " and rule", step->rule->name,
                                 step->nsg->name, stage_words(step->stage));
        }
    }
    return words == NULL ? "" : words;
}

static const char *remedy_words(struct control_call *call, const struct place *place,
                                const struct flow_remedy *remedy)
{
    const struct rule *rule = remedy->rule;
    const struct rule_side *to;

    if (rule == NULL) {
        return remedy->words;
    }
    to = &rule->destination;
    return arena_printf(call->arena, "Allow outbound %s to %s%s: %s",
                        rule->destination_ports.texts[0],
                        to->kind == RULE_SIDE_TAG ? "service tag " : "", to->texts[0],
                        command_of(call, place_group_id(place, remedy->stage), rule));
}

static const char *words_of(struct control_call *call, const struct journey *journey)
{
    const struct flow_verdict *verdict = &journey->judged[journey->deciding].verdict;
    const struct flow_remedy *remedies[REMEDIES_MAX];
    size_t n = collect_remedies(journey, remedies);
    const char *blocking = blocking_words(call, verdict);
    const char *words = arena_printf(call->arena, "%s %s it.", blocking,
                                     strstr(blocking, " and rule ") != NULL ? "block" : "blocks");

    for (size_t i = 0; words != NULL && i < n; i++) {
        words =
            arena_printf(call->arena, "%s %s%s", words,
                         i == 0 ? "" : "And: ", remedy_words(call, &journey->place, remedies[i]));
    }
    return words == NULL ? "" : words;
}

/* In an arena of its own: a list may have a thousand machines behind one bad rule. */
static const char *find_words(struct control_call *call, const struct resource *vm)
{
    CLEANUP(tags_release)
    struct tags_snapshot *snapshot = service_tags_take(control_service_tags(call->control));
    struct journey *journey = arena_calloc(call->arena, 1, sizeof(*journey));
    struct resource *interfaces = NULL;
    struct way way = {0};
    struct trail trail = {0};
    bool is_known = false;
    size_t n = 0;
    err_t err = journey == NULL ? ERR_MEMORY : vm_interfaces(call, vm, &trail, &interfaces, &n);

    if (err || n == 0) {
        return "";
    }
    err = find_endpoint(call, vm, tags_of(snapshot), &trail, &way, &is_known);
    if (err || !is_known) {
        return "";
    }
    err = judge(call, &interfaces[0], tags_of(snapshot), &way, &trail, journey);
    if (err == ERR_NOT_FOUND) {
        return arena_printf(call->arena, "Its network rules cannot be evaluated: %s.", trail.what);
    }
    return err || journey->n == 0 || journey->is_allowed ? "" : words_of(call, journey);
}

const char *network_words(struct control_call *call, const struct resource *vm)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    struct control_call own = *call;
    const char *words = NULL;

    if (call->n_network_words++ >= NETWORK_WORDS_MAX ||
        (arena = arena_new(WAY_ARENA_BYTES)) == NULL) {
        return "";
    }
    own.arena = arena;
    own.doc = json_new(arena);
    own.kept = NULL;
    words = own.doc == NULL ? NULL : find_words(&own, vm);
    words = words == NULL ? NULL : (const char *)arena_dup(call->arena, span_str(words)).data;
    return words == NULL ? "" : words;
}

/* ---- POST .../testNetwork ---- */

static bool read_port(yyjson_mut_val *value, uint16_t *ret)
{
    const char *text = body_text(value);
    uint64_t number = yyjson_mut_get_uint(value);
    struct flow_port port = {0};

    if (yyjson_mut_is_uint(value)) {
        *ret = (uint16_t)number;
        return number > 0 && number <= UINT16_MAX;
    }
    if (text == NULL || flow_port_read(span_str(text), NULL, &port) != ERR_OK || port.is_any) {
        return false;
    }
    *ret = port.number;
    return port.number > 0;
}

static bool read_protocol(yyjson_mut_val *value, uint8_t *ret)
{
    const char *text = body_text(value);
    bool is_udp = text != NULL && text_equal_nocase(text, "Udp");

    *ret = is_udp ? FLOW_UDP : FLOW_TCP;
    return value == NULL || is_udp || (text != NULL && text_equal_nocase(text, "Tcp"));
}

static bool read_way(struct control_call *call, const struct resource *vm,
                     const struct service_tags *tags, struct way *way, struct control_answer *ret)
{
    yyjson_mut_val *body = control_read_body(call, ret);
    yyjson_mut_val *port = body_get(body, "port");
    const char *host = body_text_at(body, "host");
    bool is_known = true;
    struct trail trail = {0};
    uint8_t protocol = FLOW_TCP;
    err_t err = body == NULL ? ERR_OK : find_endpoint(call, vm, tags, &trail, way, &is_known);

    if (body == NULL || err) {
        if (err) {
            control_fail(call, err, &trail, ret);
        }
        return false;
    }
    if (body_get(body, "host") != NULL && host == NULL) {
        return refuse_member(call, "host", "is an address, or a name of this server", ret);
    }
    if (host != NULL) {
        way->host = span_str(host);
        way->port = HTTPS_PORT;
        is_known = find_host(call, tags, way);
    }
    if (!is_known) {
        control_refuse(call, ret, 400, "HostNotKnown",
                       "The name %.*s is not resolved here, since the guest's resolver may answer "
                       "otherwise: give an address in its place.",
                       (int)way->host.len, (const char *)way->host.data);
        ret->target = "host";
        return false;
    }
    if (way->n == 0) {
        control_refuse(call, ret, 409, "EndpointAddressUnknown",
                       "The attestation endpoint %.*s has no known address: its name does not "
                       "resolve on the server. Set attest-addresses in the server's configuration, "
                       "or give an address.",
                       (int)way->host.len, (const char *)way->host.data);
        return false;
    }
    if (port != NULL && !read_port(port, &way->port)) {
        return refuse_member(call, "port", "is a number from 1 to 65535", ret);
    }
    if (!read_protocol(body_get(body, "protocol"), &protocol)) {
        return refuse_member(call, "protocol", "is Tcp or Udp", ret);
    }
    way->protocol = protocol;
    return true;
}

static void add_verdict(struct control_call *call, yyjson_mut_val *object,
                        const struct place *place, const struct judged *judged)
{
    const struct flow_verdict *verdict = &judged->verdict;
    const struct flow_step *step = &verdict->decided;

    json_add_text(call->doc, object, "access", verdict->is_allowed ? "Allow" : "Deny");
    json_add_text(call->doc, object, "ruleName", verdict->rule_name);
    json_add_text(call->doc, object, "networkSecurityGroup", place_group_id(place, step->stage));
    json_add_text(call->doc, object, "stage", flow_stage_name(step->stage));
    if (step->rule != NULL) {
        json_add_uint(call->doc, object, "priority", step->rule->priority);
    }
}

static void add_addresses(struct control_call *call, yyjson_mut_val *object,
                          const struct journey *journey)
{
    yyjson_mut_val *list = json_add_array(call->doc, object, "addresses");
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < journey->n; i++) {
        const struct judged *judged = &journey->judged[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(call->doc, list);

        address_text(&judged->flow.remote, text);
        json_add_text(call->doc, item, "address", text);
        address_text(&judged->flow.local, text);
        json_add_text(call->doc, item, "localAddress", text);
        add_verdict(call, item, &journey->place, judged);
        json_add_bool(call->doc, item, "dependsOnPort", judged->verdict.depends_on_port);
    }
}

static void add_remedies(struct control_call *call, yyjson_mut_val *object,
                         const struct journey *journey)
{
    yyjson_mut_val *list = json_add_array(call->doc, object, "remedies");
    const struct flow_remedy *remedies[REMEDIES_MAX];
    size_t n = journey->is_allowed ? 0 : collect_remedies(journey, remedies);

    for (size_t i = 0; i < n; i++) {
        const struct rule *rule = remedies[i]->rule;
        const char *group = place_group_id(&journey->place, remedies[i]->stage);
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(call->doc, list), *inner;

        json_add_text(call->doc, item, "networkSecurityGroup", group);
        json_add_text(call->doc, item, "stage", flow_stage_name(remedies[i]->stage));
        json_add_text(call->doc, item, "words", remedies[i]->words);
        if (rule != NULL) {
            inner = json_add_object(call->doc, item, "rule");
            json_add_text(call->doc, inner, "name", rule->name);
            json_add_value(call->doc, inner, "properties", rule_write(call->doc, rule));
            json_add_text(call->doc, item, "command", command_of(call, group, rule));
        }
    }
}

static void answer(struct control_call *call, const struct way *way, const struct journey *journey,
                   struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);

    json_add_span(call->doc, object, "host", way->host);
    json_add_uint(call->doc, object, "port", way->port);
    json_add_text(call->doc, object, "protocol", way->protocol == FLOW_UDP ? "Udp" : "Tcp");
    json_add_text(call->doc, object, "networkInterface", journey->place.interface);
    add_verdict(call, object, &journey->place, &journey->judged[journey->deciding]);
    add_addresses(call, object, journey);
    add_remedies(call, object, journey);
    control_answer_value(call, 200, object, ret);
}

void vm_test_network(struct control_call *call, struct resource *vm, struct control_answer *ret)
{
    CLEANUP(tags_release)
    struct tags_snapshot *snapshot = service_tags_take(control_service_tags(call->control));
    struct journey *journey = arena_calloc(call->arena, 1, sizeof(*journey));
    struct resource *interfaces = NULL;
    struct way way = {0};
    struct trail trail = {0};
    size_t n = 0;
    err_t err;

    if (journey == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }
    if (!vm_need_interfaces(call, vm, &interfaces, &n, ret) ||
        !read_way(call, vm, tags_of(snapshot), &way, ret)) {
        return;
    }
    err = judge(call, &interfaces[0], tags_of(snapshot), &way, &trail, journey);
    if (err) {
        place_fail(call, interfaces[0].id, err, &trail, ret);
    } else if (journey->n == 0) {
        control_refuse(call, ret, 409, "NoAddressOfThatKind",
                       "The network interface %s has no address of the kind (IPv4, IPv6) that %.*s "
                       "has.",
                       interfaces[0].id, (int)way.host.len, (const char *)way.host.data);
    } else {
        answer(call, &way, journey, ret);
    }
}
