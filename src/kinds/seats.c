#include "kinds/seats.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum {
    HEX_LEN = 8, /* of an address in a word */
    PREFIX_MAX = 29,
    FIRST_HOST = 4, /* the first four and the last are the network's, as in Azure */
    SEATS_FIRST = 256,
};

/* "10.0.0.0/24" into network and length, in host order; false for what is no IPv4 prefix. */
static bool read_prefix(const char *text, uint32_t *ret_network, unsigned *ret_len)
{
    char address[INET_ADDRSTRLEN];
    struct in_addr in;
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - text);
    char *end = NULL;
    long bits;

    if (len == 0 || len >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    bits = strtol(slash + 1, &end, 10);
    if (inet_pton(AF_INET, address, &in) != 1 || end == slash + 1 || *end != '\0' || bits < 1 ||
        bits > PREFIX_MAX) {
        return false;
    }
    *ret_len = (unsigned)bits;
    *ret_network = ntohl(in.s_addr) & (UINT32_MAX << (32 - (unsigned)bits));
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct seat *x = a, *y = b;

    return x->subnet != y->subnet     ? (x->subnet < y->subnet ? -1 : 1)
           : x->address != y->address ? (x->address < y->address ? -1 : 1)
                                      : 0;
}

/* ---- what is taken ---- */

static size_t find_subnet_key(const struct seats *seats, const char *key)
{
    size_t i = 0;

    while (i < seats->n_subnets && strcmp(seats->subnets[i], key) != 0) {
        i++;
    }
    return i;
}

static err_t add(struct seats *seats, size_t subnet, uint32_t address)
{
    if (seats->n == SEATS_MAX) {
        return ERR_TOO_MANY;
    }
    if (seats->n == seats->max) {
        size_t max = seats->max == 0 ? SEATS_FIRST : 2 * seats->max;
        struct seat *items = arena_calloc(seats->call->arena, max, sizeof(*items));

        if (items == NULL) {
            return ERR_MEMORY;
        }
        if (seats->n > 0) {
            memcpy(items, seats->items, seats->n * sizeof(*items));
        }
        seats->items = items;
        seats->max = max;
    }
    seats->items[seats->n++] = (struct seat){subnet, address};
    return ERR_OK;
}

/* Its own: its subnets become those that count. */
static err_t add_own(struct seats *seats)
{
    struct arena *arena = seats->call->arena;
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;
    err_t err = ERR_OK;

    (void)yyjson_mut_arr_iter_init(body_at(seats->interface->body, "properties.ipConfigurations"),
                                   &iter);
    while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *id = reference_id(body_get(item, "properties"), "subnet");
        const char *key = id == NULL ? NULL : resource_key(arena, span_str(id));
        const char *text = body_text_at(item, "properties.privateIPAddress");
        size_t subnet = key == NULL ? seats->n_subnets : find_subnet_key(seats, key);
        struct in_addr in;

        if (key != NULL && subnet == seats->n_subnets) {
            if (subnet == PLACE_ADDRESSES_MAX) {
                return ERR_TOO_MANY;
            }
            seats->subnets[seats->n_subnets++] = key;
        }
        if (subnet < seats->n_subnets && text != NULL && inet_pton(AF_INET, text, &in) == 1) {
            err = add(seats, subnet, ntohl(in.s_addr));
        }
    }
    return err;
}

err_t seats_mention(struct mentions *mentions, const struct resource *interface)
{
    yyjson_mut_val *item;
    yyjson_mut_arr_iter iter;
    err_t err = ERR_OK;

    (void)yyjson_mut_arr_iter_init(body_at(interface->body, "properties.ipConfigurations"), &iter);
    while (err == ERR_OK && (item = yyjson_mut_arr_iter_next(&iter)) != NULL) {
        const char *text = body_text_at(item, "properties.privateIPAddress");
        const char *subnet = reference_id(body_get(item, "properties"), "subnet"), *id;
        struct in_addr in;

        if (text == NULL || subnet == NULL || inet_pton(AF_INET, text, &in) != 1) {
            continue;
        }
        id = arena_printf(mentions_arena(mentions), "%s %08x", subnet, (unsigned)ntohl(in.s_addr));
        err = id == NULL ? ERR_MEMORY : mention_id(mentions, "seat", id, "");
    }
    return err;
}

struct taking {
    struct seats *seats;
    size_t subnet;
};

static err_t visit(void *context, struct span word, struct span resource, struct span value)
{
    const struct taking *taking = context;
    uint32_t address = 0;

    (void)value;
    if (span_is(resource, taking->seats->interface->key) || word.len < HEX_LEN) {
        return ERR_OK;
    }
    for (size_t i = word.len - HEX_LEN; i < word.len; i++) {
        uint8_t c = word.data[i];

        address = address << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return add(taking->seats, taking->subnet, address);
}

static err_t load(struct seats *seats, struct trail *trail)
{
    err_t err = ERR_OK;

    if (seats->is_loaded) {
        return ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < seats->n_subnets; i++) {
        const char *word = arena_printf(seats->call->arena, "seat %s ", seats->subnets[i]);
        struct taking taking = {seats, i};

        err = word == NULL ? ERR_MEMORY
                           : resource_mentions(seats->call, seats->interface->id, word, true, visit,
                                               &taking, trail);
    }
    if (err == ERR_OK && seats->n > 0) {
        qsort(seats->items, seats->n, sizeof(*seats->items), compare);
    }
    seats->is_loaded = err == ERR_OK;
    return err;
}

err_t seats_begin(struct control_call *call, const struct resource *interface, struct seats *ret)
{
    *ret = (struct seats){.call = call, .interface = interface};
    return add_own(ret);
}

/* ---- what is free ---- */

/* *ret_at: where it belongs among those that are taken. */
static bool find_free(const struct seats *seats, size_t subnet, uint32_t network, unsigned len,
                      uint32_t *ret, size_t *ret_at)
{
    uint32_t last = network + (uint32_t)((1ULL << (32 - len)) - 1);
    struct seat free = {subnet, network + FIRST_HOST};
    size_t i = 0;

    while (i < seats->n && compare(&seats->items[i], &free) < 0) {
        i++;
    }
    for (; i < seats->n && free.address < last; i++) {
        int order = compare(&seats->items[i], &free);

        if (order > 0) {
            break;
        }
        free.address += order == 0;
    }
    *ret = free.address;
    *ret_at = i;
    return free.address < last;
}

static err_t take(struct seats *seats, size_t subnet, uint32_t address, size_t at)
{
    err_t err = add(seats, subnet, address);

    if (err) {
        return err;
    }
    memmove(seats->items + at + 1, seats->items + at, (seats->n - 1 - at) * sizeof(*seats->items));
    seats->items[at] = (struct seat){subnet, address};
    return ERR_OK;
}

static void refuse_full(struct control_call *call, const char *subnet_id, const char *prefix,
                        struct control_answer *ret)
{
    control_refuse(call, ret, 400, "SubnetIsFull",
                   "Subnet %s with address prefix %s does not have enough capacity for 1 IP "
                   "addresses.",
                   subnet_id, prefix);
}

/* A dry run keeps no address: is there room? Templates ask that for hundreds of interfaces. */
static bool has_room(struct seats *seats, size_t subnet, unsigned len, const char *subnet_id,
                     const char *prefix, struct control_answer *ret)
{
    const char *word = arena_printf(seats->call->arena, "seat %s ", seats->subnets[subnet]);
    struct trail trail = {0};
    size_t n = 0, room = ((size_t)1 << (32 - len)) - FIRST_HOST - 1;
    err_t err = word == NULL
                    ? ERR_MEMORY
                    : resource_mentions_count(seats->call, seats->interface->id, word, &trail, &n);

    if (err) {
        control_fail(seats->call, err, &trail, ret);
    } else if (n >= room) {
        refuse_full(seats->call, subnet_id, prefix, ret);
    }
    return err == ERR_OK && n < room;
}

bool seats_take(struct seats *seats, const char *subnet_id, const char *prefix,
                const char **ret_address, struct control_answer *ret)
{
    struct control_call *call = seats->call;
    const char *key = resource_key(call->arena, span_str(subnet_id));
    size_t subnet = key == NULL ? 0 : find_subnet_key(seats, key), at = 0;
    char text[INET_ADDRSTRLEN] = "";
    struct trail trail = {0};
    uint32_t network, address = 0;
    unsigned len;
    err_t err;

    *ret_address = NULL;
    if (!read_prefix(prefix, &network, &len)) {
        return true; /* IPv6 and such */
    }
    if (key != NULL && call->is_dry) {
        return has_room(seats, subnet, len, subnet_id, prefix, ret);
    }
    err = key == NULL ? ERR_MEMORY : load(seats, &trail);
    if (err == ERR_OK && !find_free(seats, subnet, network, len, &address, &at)) {
        refuse_full(call, subnet_id, prefix, ret);
        return false;
    }
    err = err ? err : take(seats, subnet, address, at);
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    address = htonl(address);
    (void)inet_ntop(AF_INET, &address, text, sizeof(text));
    *ret_address = (const char *)arena_dup(call->arena, span_str(text)).data;
    return true;
}

struct asking {
    const char *key; /* of who asks */
    bool is_anothers;
};

static err_t look(void *context, struct span word, struct span resource, struct span value)
{
    struct asking *asking = context;

    (void)word;
    (void)value;
    asking->is_anothers = asking->is_anothers || !span_is(resource, asking->key);
    return ERR_OK;
}

/* By another interface, or by another configuration of this one. */
static err_t is_taken(struct seats *seats, const struct seat *wanted, struct trail *trail,
                      bool *ret)
{
    struct asking asking = {.key = seats->interface->key};
    const char *word = arena_printf(seats->call->arena, "seat %s %08x",
                                    seats->subnets[wanted->subnet], (unsigned)wanted->address);
    size_t n = 0;
    err_t err = word == NULL ? ERR_MEMORY
                             : resource_mentions(seats->call, seats->interface->id, word, false,
                                                 look, &asking, trail);

    for (size_t i = 0; i < seats->n; i++) {
        n += compare(&seats->items[i], wanted) == 0;
    }
    *ret = asking.is_anothers || n > 1;
    return err;
}

bool seats_claim(struct seats *seats, const char *subnet_id, const char *prefix,
                 const char *address, struct control_answer *ret)
{
    struct control_call *call = seats->call;
    const char *key = resource_key(call->arena, span_str(subnet_id));
    size_t subnet = key == NULL ? 0 : find_subnet_key(seats, key);
    struct seat wanted = {.subnet = subnet};
    struct trail trail = {0};
    uint32_t network, last;
    bool is_anothers = false;
    struct in_addr in;
    unsigned len;
    err_t err;

    if (!read_prefix(prefix, &network, &len) || inet_pton(AF_INET, address, &in) != 1) {
        return true; /* IPv6 and such */
    }
    wanted.address = ntohl(in.s_addr);
    last = network + (uint32_t)((1ULL << (32 - len)) - 1);
    if (wanted.address < network || wanted.address > last) {
        control_refuse(call, ret, 400, "PrivateIPAddressNotInSubnet",
                       "Private static IP address %s does not belong to the range of subnet "
                       "prefix %s.",
                       address, prefix);
        return false;
    }
    if (wanted.address < network + FIRST_HOST || wanted.address == last) {
        control_refuse(call, ret, 400, "PrivateIPAddressInReservedRange",
                       "Private static IP address %s falls within reserved IP range of subnet "
                       "prefix %s: its first %d addresses and the last.",
                       address, prefix, FIRST_HOST);
        return false;
    }
    err = key == NULL ? ERR_MEMORY : is_taken(seats, &wanted, &trail, &is_anothers);
    if (err) {
        control_fail(call, err, &trail, ret);
        return false;
    }
    if (is_anothers) {
        control_refuse(call, ret, 400, "PrivateIPAddressInUse",
                       "The private IP address %s of subnet %s is another IP configuration's.",
                       address, subnet_id);
        return false;
    }
    return true;
}
