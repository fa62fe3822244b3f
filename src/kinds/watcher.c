/*
 * watcher.c - Microsoft.Network/networkWatchers: questions about what gets through
 * (network-rules 1.4). They are answered at once.
 */
#include "kinds/network.h"

#include "base/text.h"

#include <stdio.h>

#define VM_READ "Microsoft.Compute/virtualMachines/read"

/* ---- who is asked about ---- */

/* The virtual machine that the body names: a watcher's right is none to look at any machine. */
static bool load_target(struct control_call *call, yyjson_mut_val *body, struct resource *ret_vm,
                        struct control_answer *ret)
{
    const char *id = body_text_at(body, "targetResourceId");
    struct trail trail = {0};
    err_t err;

    if (id == NULL) {
        control_refuse(call, ret, 400, "InvalidRequestFormat",
                       "targetResourceId is missing: the id of a virtual machine.");
        ret->target = "targetResourceId";
        return false;
    }
    if (!may_link(call, VM_READ, id, "", ret)) {
        return false;
    }
    err = resource_load(call, id, &trail, ret_vm);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && ret_vm->kind != &kind_virtual_machine)) {
        control_refuse(call, ret, 400, "InvalidResourceReference",
                       "targetResourceId: %s is no virtual machine of this server.", id);
        ret->target = "targetResourceId";
        return false;
    }
    if (err) {
        control_fail(call, err, &trail, ret);
    }
    return err == ERR_OK;
}

static bool has_address(const struct resource *interface, const struct address *wanted)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;

    (void)yyjson_mut_arr_iter_init(body_at(interface->body, "properties.ipConfigurations"), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *text = body_text_at(item, "properties.privateIPAddress");
        struct address address;

        if (text != NULL && address_read(span_str(text), NULL, &address) == ERR_OK &&
            address_compare(&address, wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* The interface that is named, else the one with the address, else the primary one: a guest may
 * have addresses that its owner never wrote down. */
static const struct resource *choose_interface(const struct resource *interfaces, size_t n,
                                               const char *named, const struct address *local)
{
    for (size_t i = 0; i < n; i++) {
        if (named != NULL ? text_equal_nocase(interfaces[i].id, named)
                          : has_address(&interfaces[i], local)) {
            return &interfaces[i];
        }
    }
    return named != NULL || n == 0 ? NULL : &interfaces[0];
}

static bool load_place(struct control_call *call, struct places *places,
                       const struct resource *interface, struct place *ret_place,
                       struct control_answer *ret)
{
    struct trail trail = {0};
    err_t err = place_load(places, interface, &trail, ret_place);

    if (err) {
        place_fail(call, interface->id, err, &trail, ret);
    }
    return err == ERR_OK;
}

/* ---- ipFlowVerify ---- */

/* Ports come as texts, of some clients as numbers. */
static const char *text_of(struct control_call *call, yyjson_mut_val *body, const char *member)
{
    yyjson_mut_val *value = body_get(body, member);

    return yyjson_mut_is_uint(value)
               ? arena_printf(call->arena, "%llu", (unsigned long long)yyjson_mut_get_uint(value))
               : body_text(value);
}

static bool read_end(struct control_call *call, yyjson_mut_val *body, const char *address_member,
                     const char *port_member, struct address *ret_address,
                     struct flow_port *ret_port, struct control_answer *ret)
{
    const char *address = body_text_at(body, address_member);
    const char *port = text_of(call, body, port_member);
    struct trail trail = {0};

    if (address == NULL) {
        return refuse_member(call, address_member, "is missing: an address of IPv4 or IPv6", ret);
    }
    if (address_read(span_str(address), &trail, ret_address) != ERR_OK) {
        return refuse_member(call, address_member, trail.what, ret);
    }
    if (port == NULL) {
        return refuse_member(call, port_member,
                             "is missing: a port, or * for one that the system "
                             "picks",
                             ret);
    }
    return flow_port_read(span_str(port), &trail, ret_port) == ERR_OK ||
           refuse_member(call, port_member, trail.what, ret);
}

static bool read_flow(struct control_call *call, yyjson_mut_val *body, struct flow *flow,
                      struct control_answer *ret)
{
    const char *direction = body_text_at(body, "direction");
    const char *protocol = body_text_at(body, "protocol");

    if (direction == NULL || !rule_direction_by_name(span_str(direction), &flow->direction)) {
        return refuse_member(call, "direction", "is Inbound or Outbound", ret);
    }
    if (protocol == NULL ||
        (!text_equal_nocase(protocol, "TCP") && !text_equal_nocase(protocol, "UDP"))) {
        return refuse_member(call, "protocol", "is TCP or UDP", ret);
    }
    flow->protocol = text_equal_nocase(protocol, "TCP") ? FLOW_TCP : FLOW_UDP;
    if (!read_end(call, body, "localIPAddress", "localPort", &flow->local, &flow->local_port,
                  ret) ||
        !read_end(call, body, "remoteIPAddress", "remotePort", &flow->remote, &flow->remote_port,
                  ret)) {
        return false;
    }
    if (flow->local.family != flow->remote.family) {
        return refuse_member(call, "remoteIPAddress",
                             "is of another kind than localIPAddress: both are of IPv4, or both "
                             "of IPv6",
                             ret);
    }
    if (flow->direction == RULE_OUTBOUND ? flow->remote_port.is_any : flow->local_port.is_any) {
        return refuse_member(call, flow->direction == RULE_OUTBOUND ? "remotePort" : "localPort",
                             "is the port of the service, a number; the other one may be *", ret);
    }
    return true;
}

static void answer_flow(struct control_call *call, struct places *places,
                        const struct resource *interface, const struct flow *flow,
                        struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);
    struct flow_verdict verdict = {0};
    struct trail trail = {0};
    struct place place;
    err_t err;

    if (!load_place(call, places, interface, &place, ret)) {
        return;
    }
    err = flow_judge(call->arena, place.world, place.nic, place.of_subnet, flow, &trail, &verdict);
    if (err) {
        place_fail(call, interface->id, err, &trail, ret);
        return;
    }
    json_add_text(call->doc, object, "access", verdict.is_allowed ? "Allow" : "Deny");
    json_add_text(call->doc, object, "ruleName",
                  verdict.rule_name == NULL ? "" : verdict.rule_name);
    control_answer_value(call, 200, object, ret);
}

static void act_verify(struct control_call *call, struct resource *watcher,
                       struct control_answer *ret)
{
    CLEANUP(tags_release)
    struct tags_snapshot *snapshot = service_tags_take(control_service_tags(call->control));
    yyjson_mut_val *body = control_read_body(call, ret);
    const char *named = body_text_at(body, "targetNicResourceId");
    const struct resource *interface;
    struct resource vm, *list = NULL;
    struct places places;
    struct flow flow = {0};
    size_t n = 0;

    (void)watcher;
    if (body == NULL || !load_target(call, body, &vm, ret) || !read_flow(call, body, &flow, ret) ||
        !vm_need_interfaces(call, &vm, &list, &n, ret)) {
        return;
    }
    interface = choose_interface(list, n, named, &flow.local);
    if (interface == NULL) {
        (void)refuse_member(call, "targetNicResourceId",
                            "is no network interface of this virtual machine", ret);
        return;
    }
    if (places_begin(call, tags_of(snapshot), 1, &places) != ERR_OK) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }
    answer_flow(call, &places, interface, &flow, ret);
}

/* ---- effective rules ---- */

static bool add_effective(struct control_call *call, yyjson_mut_val *list,
                          const struct place *place, enum flow_stage stage,
                          struct control_answer *ret)
{
    const struct nsg *nsg = stage == FLOW_NIC ? place->nic : place->of_subnet;
    yyjson_mut_val *object = NULL, *association;
    struct trail trail = {0};
    err_t err;

    if (nsg == NULL) {
        return true;
    }
    err = flow_effective(call->arena, call->doc, place->world, nsg, &trail, &object);
    if (err) {
        place_fail(call, place->interface, err, &trail, ret);
        return false;
    }
    json_add_text(call->doc, json_add_object(call->doc, object, "networkSecurityGroup"), "id",
                  place_group_id(place, stage));
    association = json_add_object(call->doc, object, "association");
    json_add_text(
        call->doc,
        json_add_object(call->doc, association, stage == FLOW_NIC ? "networkInterface" : "subnet"),
        "id", stage == FLOW_NIC ? place->interface : place->subnet);
    (void)yyjson_mut_arr_append(list, object);
    return true;
}

static void act_effective(struct control_call *call, struct resource *interface,
                          struct control_answer *ret)
{
    CLEANUP(tags_release)
    struct tags_snapshot *snapshot = service_tags_take(control_service_tags(call->control));
    yyjson_mut_val *list = yyjson_mut_arr(call->doc);
    struct places places;
    struct place place;

    if (places_begin(call, tags_of(snapshot), 1, &places) != ERR_OK) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }
    if (load_place(call, &places, interface, &place, ret) &&
        add_effective(call, list, &place, FLOW_NIC, ret) &&
        add_effective(call, list, &place, FLOW_SUBNET, ret)) {
        control_answer_list(call, list, NULL, ret);
    }
}

/* ---- securityGroupView ---- */

/* The owner's rules of a group, as its resource shows them. */
static yyjson_mut_val *association(struct control_call *call, const char *id, const char *group)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc), *rules = NULL;
    struct resource resource;

    json_add_text(call->doc, object, "id", id);
    if (group != NULL && resource_load(call, group, NULL, &resource) == ERR_OK) {
        rules = body_at(resource_value(call, &resource), "properties.securityRules");
    }
    json_add_value(call->doc, object, "securityRules",
                   rules == NULL ? yyjson_mut_arr(call->doc)
                                 : yyjson_mut_val_mut_copy(call->doc, rules));
    return object;
}

static bool add_view(struct control_call *call, yyjson_mut_val *list, const struct place *place,
                     struct control_answer *ret)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(call->doc, list), *all, *item;
    yyjson_mut_val *effective = yyjson_mut_arr(call->doc), *flat = yyjson_mut_arr(call->doc);
    yyjson_mut_val *defaults = yyjson_mut_arr(call->doc);
    yyjson_mut_arr_iter iter, rules;

    if (!add_effective(call, effective, place, FLOW_NIC, ret) ||
        !add_effective(call, effective, place, FLOW_SUBNET, ret)) {
        return false;
    }
    (void)yyjson_mut_arr_iter_init(effective, &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        yyjson_mut_val *rule;

        (void)yyjson_mut_arr_iter_init(body_get(item, "effectiveSecurityRules"), &rules);
        while ((rule = yyjson_mut_arr_iter_next(&rules)) != NULL) {
            (void)yyjson_mut_arr_append(flat, yyjson_mut_val_mut_copy(call->doc, rule));
        }
    }
    for (size_t i = 0; i < RULE_DEFAULTS; i++) {
        item = yyjson_mut_arr_add_obj(call->doc, defaults);
        json_add_text(call->doc, item, "name", rule_defaults[i].name);
        json_add_value(call->doc, item, "properties", rule_write(call->doc, &rule_defaults[i]));
    }
    json_add_text(call->doc, object, "id", place->interface);
    all = json_add_object(call->doc, object, "securityRuleAssociations");
    json_add_value(call->doc, all, "networkInterfaceAssociation",
                   association(call, place->interface, place->nic_group));
    json_add_value(call->doc, all, "subnetAssociation",
                   association(call, place->subnet, place->subnet_group));
    json_add_value(call->doc, all, "defaultSecurityRules", defaults);
    json_add_value(call->doc, all, "effectiveSecurityRules", flat);
    return true;
}

static void act_view(struct control_call *call, struct resource *watcher,
                     struct control_answer *ret)
{
    CLEANUP(tags_release)
    struct tags_snapshot *snapshot = service_tags_take(control_service_tags(call->control));
    yyjson_mut_val *body = control_read_body(call, ret), *root = yyjson_mut_obj(call->doc), *views;
    struct resource vm, *list = NULL;
    struct places places;
    size_t n = 0;

    (void)watcher;
    if (body == NULL || !load_target(call, body, &vm, ret) ||
        !vm_need_interfaces(call, &vm, &list, &n, ret)) {
        return;
    }
    views = json_add_array(call->doc, root, "networkInterfaces");
    if (places_begin(call, tags_of(snapshot), n, &places) != ERR_OK) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct place place;

        if (!load_place(call, &places, &list[i], &place, ret) ||
            !add_view(call, views, &place, ret)) {
            return;
        }
    }
    control_answer_value(call, 200, root, ret);
}

const struct kind_action interface_actions[] = {
    {HTTP_POST, "effectiveNetworkSecurityGroups", "effectiveNetworkSecurityGroups/action",
     act_effective},
    {0, NULL, NULL, NULL},
};

static const struct kind_action watcher_actions[] = {
    {HTTP_POST, "ipFlowVerify", "ipFlowVerify/action", act_verify},
    {HTTP_POST, "securityGroupView", "securityGroupView/action", act_view},
    {0, NULL, NULL, NULL},
};

const struct kind kind_network_watcher = {
    .type = "Microsoft.Network/networkWatchers",
    .versions = "2022-07-01 2022-01-01 2025-05-01 2018-08-01",
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG,
    .actions = watcher_actions,
};
