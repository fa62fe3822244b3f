#include "network/rule.h"

#include "base/text.h"

static const char *const directions[] = {"Inbound", "Outbound"};
static const char *const accesses[] = {"Allow", "Deny"};
static const char *const protocols[] = {"*", "Tcp", "Udp", "Icmp", "Esp", "Ah"};

/* ---- the rules that every group ends with ---- */

static const char *const any_text[] = {"*"};
static const char *const vnet_text[] = {"VirtualNetwork"};
static const char *const balancer_text[] = {"AzureLoadBalancer"};
static const char *const internet_text[] = {"Internet"};
static const struct port_range all_ports[] = {{0, UINT16_MAX}};

/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): initializers cannot stand in parentheses. */
#define ANY_PORTS {.texts = any_text, .n_texts = 1, .ranges = all_ports, .n_ranges = 1}
#define ANY_SIDE {.kind = RULE_SIDE_ANY, .texts = any_text, .n_texts = 1}
#define TAG_SIDE(text) {.kind = RULE_SIDE_TAG, .texts = (text), .n_texts = 1}
#define DEFAULT_RULE(NAME, WORDS, DIRECTION, ACCESS, PRIORITY, SOURCE, DESTINATION)                \
    {.name = (NAME), .description = (WORDS), .direction = (DIRECTION), .access = (ACCESS),         \
     .protocol = RULE_ANY, .priority = (PRIORITY), .is_default = true, .source_ports = ANY_PORTS,  \
     .destination_ports = ANY_PORTS, .source = SOURCE, .destination = DESTINATION}

const struct rule rule_defaults[RULE_DEFAULTS] = {
    DEFAULT_RULE("AllowVnetInBound", "Allow inbound traffic from all VMs in VNET", RULE_INBOUND,
                 RULE_ALLOW, 65000, TAG_SIDE(vnet_text), TAG_SIDE(vnet_text)),
    DEFAULT_RULE("AllowAzureLoadBalancerInBound", "Allow inbound traffic from azure load balancer",
                 RULE_INBOUND, RULE_ALLOW, 65001, TAG_SIDE(balancer_text), ANY_SIDE),
    DEFAULT_RULE("DenyAllInBound", "Deny all inbound traffic", RULE_INBOUND, RULE_DENY, 65500,
                 ANY_SIDE, ANY_SIDE),
    DEFAULT_RULE("AllowVnetOutBound", "Allow outbound traffic from all VMs to all VMs in VNET",
                 RULE_OUTBOUND, RULE_ALLOW, 65000, TAG_SIDE(vnet_text), TAG_SIDE(vnet_text)),
    DEFAULT_RULE("AllowInternetOutBound", "Allow outbound traffic from all VMs to Internet",
                 RULE_OUTBOUND, RULE_ALLOW, 65001, ANY_SIDE, TAG_SIDE(internet_text)),
    DEFAULT_RULE("DenyAllOutBound", "Deny all outbound traffic", RULE_OUTBOUND, RULE_DENY, 65500,
                 ANY_SIDE, ANY_SIDE),
};
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/* ---- names ---- */

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool rule_name_is(struct span name)
{
    if (name.len == 0 || name.len > RULE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_edge = i == 0 || i + 1 == name.len;

        if (!is_letter_or_digit(c) && c != '_' && (is_edge || (c != '.' && c != '-'))) {
            return false;
        }
    }
    return true;
}

bool rule_tag_name_is(struct span name)
{
    bool was_separator = true;

    if (name.len == 0 || name.len > RULE_TAG_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_separator = c == '.' || c == '-' || c == '_';

        if (is_separator ? was_separator : !is_letter_or_digit(c)) {
            return false;
        }
        was_separator = is_separator;
    }
    return !was_separator;
}

const char *rule_direction_name(enum rule_direction direction)
{
    return directions[direction];
}

const char *rule_access_name(enum rule_access access)
{
    return accesses[access];
}

const char *rule_protocol_name(enum rule_protocol protocol)
{
    return protocols[protocol];
}

static bool find(struct span name, const char *const *names, size_t n, size_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (text_span_equal_nocase(name, names[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

bool rule_direction_by_name(struct span name, enum rule_direction *ret)
{
    size_t index;

    if (!find(name, directions, ARRAY_LEN(directions), &index)) {
        return false;
    }
    *ret = (enum rule_direction)index;
    return true;
}

bool rule_protocol_by_name(struct span name, enum rule_protocol *ret)
{
    size_t index;

    if (!find(name, protocols, ARRAY_LEN(protocols), &index)) {
        return false;
    }
    *ret = (enum rule_protocol)index;
    return true;
}

bool rule_ports_have(const struct rule_ports *ports, uint16_t port)
{
    for (size_t i = 0; i < ports->n_ranges; i++) {
        if (port >= ports->ranges[i].first && port <= ports->ranges[i].last) {
            return true;
        }
    }
    return false;
}

bool rule_ports_are_any(const struct rule_ports *ports)
{
    return ports->n_ranges == 1 && ports->ranges[0].first == 0 &&
           ports->ranges[0].last == UINT16_MAX;
}

/* ---- writing ---- */

static void write_list(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                       const char *const *texts, size_t n)
{
    yyjson_mut_val *list = json_add_array(doc, object, name);

    for (size_t i = 0; i < n; i++) {
        yyjson_mut_arr_add_strcpy(doc, list, texts[i]);
    }
}

static void write_single(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                         bool is_single, const char *const *texts)
{
    if (is_single) {
        json_add_text(doc, object, name, texts[0]);
    }
}

static bool is_single(const struct rule_side *side)
{
    return side->kind != RULE_SIDE_GROUPS && !side->is_plural;
}

static bool is_list(const struct rule_side *side)
{
    return side->kind != RULE_SIDE_GROUPS && side->is_plural;
}

static void write_groups(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                         const struct rule_side *side)
{
    yyjson_mut_val *list;

    if (side->kind != RULE_SIDE_GROUPS) {
        return;
    }
    list = json_add_array(doc, object, name);
    for (size_t i = 0; i < side->n_texts; i++) {
        json_add_text(doc, yyjson_mut_arr_add_obj(doc, list), "id", side->texts[i]);
    }
}

yyjson_mut_val *rule_write(yyjson_mut_doc *doc, const struct rule *rule)
{
    yyjson_mut_val *o = yyjson_mut_obj(doc);
    const struct rule_ports *from = &rule->source_ports, *to = &rule->destination_ports;

    if (rule->description != NULL) {
        json_add_text(doc, o, "description", rule->description);
    }
    json_add_text(doc, o, "protocol", rule_protocol_name(rule->protocol));
    write_single(doc, o, "sourcePortRange", !from->is_plural, from->texts);
    write_single(doc, o, "destinationPortRange", !to->is_plural, to->texts);
    write_single(doc, o, "sourceAddressPrefix", is_single(&rule->source), rule->source.texts);
    write_single(doc, o, "destinationAddressPrefix", is_single(&rule->destination),
                 rule->destination.texts);
    json_add_text(doc, o, "access", rule_access_name(rule->access));
    json_add_uint(doc, o, "priority", rule->priority);
    json_add_text(doc, o, "direction", rule_direction_name(rule->direction));
    write_list(doc, o, "sourcePortRanges", from->texts, from->is_plural ? from->n_texts : 0);
    write_list(doc, o, "destinationPortRanges", to->texts, to->is_plural ? to->n_texts : 0);
    write_list(doc, o, "sourceAddressPrefixes", rule->source.texts,
               is_list(&rule->source) ? rule->source.n_texts : 0);
    write_list(doc, o, "destinationAddressPrefixes", rule->destination.texts,
               is_list(&rule->destination) ? rule->destination.n_texts : 0);
    write_groups(doc, o, "sourceApplicationSecurityGroups", &rule->source);
    write_groups(doc, o, "destinationApplicationSecurityGroups", &rule->destination);
    return o;
}
