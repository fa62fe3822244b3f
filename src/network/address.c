/*
 * address.c - addresses and ranges as text. Who may send these bytes: whoever may write network
 * rules or service tags, and whoever wrote a file or an argument given to the command line.
 */
#include "network/internal.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { SHOWN = 64, LENGTH_DIGITS = 3, PORT_DIGITS = 5, V4_BITS = 32, V6_BITS = 128 };

static err_t refuse(struct trail *trail, struct span text, const char *why)
{
    return trail_set(trail, ERR_VALUE, "'%.*s' %s", (int)(text.len < SHOWN ? text.len : SHOWN),
                     text.len == 0 ? "" : (const char *)text.data, why);
}

unsigned address_bits(enum address_family family)
{
    return family == ADDRESS_V4 ? V4_BITS : V6_BITS;
}

/* ::ffff:0:0/96. Nothing on the wire has these addresses; what reads them may take them for IPv4.
 */
static bool is_mapped(const struct address *a)
{
    static const uint8_t start[12] = {[10] = 0xff, [11] = 0xff};

    return a->family == ADDRESS_V6 && memcmp(a->bytes, start, sizeof(start)) == 0;
}

static bool parse(struct span text, struct address *ret)
{
    struct address a = {0};
    char copy[ADDRESS_TEXT_MAX];

    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, a.bytes) == 1) {
        a.family = ADDRESS_V4;
    } else if (inet_pton(AF_INET6, copy, a.bytes) == 1) {
        a.family = ADDRESS_V6;
    } else {
        return false;
    }
    *ret = a;
    return true;
}

err_t address_read(struct span text, struct trail *trail, struct address *ret)
{
    struct address a;

    if (!parse(text, &a)) {
        return refuse(trail, text, "is no address; write 192.0.2.1 or 2001:db8::1");
    }
    if (is_mapped(&a)) {
        return refuse(trail, text, "is an IPv4 address written as IPv6; write it as IPv4");
    }
    *ret = a;
    return ERR_OK;
}

/* A whole number of at most `digits` digits without leading zeros; -1 when it is none. */
static int number(struct span text, size_t digits)
{
    int value = 0;

    if (text.len == 0 || text.len > digits || (text.len > 1 && text.data[0] == '0')) {
        return -1;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

int network_port_read(struct span text)
{
    int value = number(text, PORT_DIGITS);

    return value > UINT16_MAX ? -1 : value;
}

void address_mask(struct address *a, unsigned length, bool is_ones)
{
    for (unsigned i = 0; i < address_bits(a->family) / 8; i++) {
        unsigned kept = length >= i * 8 + 8 ? 8 : length > i * 8 ? length - i * 8 : 0;
        uint8_t host = (uint8_t)(0xffu >> kept);

        a->bytes[i] = (uint8_t)(is_ones ? a->bytes[i] | host : a->bytes[i] & ~host);
    }
}

static err_t read_prefix(struct span text, size_t slash, struct trail *trail,
                         struct address_range *ret)
{
    struct address a, first, last;
    int length = number(span_cut(text, slash + 1, text.len), LENGTH_DIGITS);
    char right[ADDRESS_TEXT_MAX];

    if (!parse(span_cut(text, 0, slash), &a) || length < 0 ||
        (unsigned)length > address_bits(a.family)) {
        return refuse(trail, text, "is no prefix; write 192.0.2.0/24 or 2001:db8::/32");
    }
    if (is_mapped(&a)) {
        return refuse(trail, text, "is an IPv4 prefix written as IPv6; write it as IPv4");
    }
    first = last = a;
    address_mask(&first, (unsigned)length, false);
    address_mask(&last, (unsigned)length, true);
    if (address_compare(&first, &a) != 0) {
        address_text(&first, right);
        return trail_set(trail, ERR_VALUE,
                         "'%.*s' has bits behind its prefix; write %s/%d, or a single address "
                         "without /%d",
                         (int)text.len, (const char *)text.data, right, length, length);
    }
    ret->first = first;
    ret->last = last;
    return ERR_OK;
}

static err_t read_dashed(struct span text, size_t dash, struct trail *trail,
                         struct address_range *ret)
{
    struct address first, last;
    err_t err = address_read(span_cut(text, 0, dash), trail, &first);

    err = err ? err : address_read(span_cut(text, dash + 1, text.len), trail, &last);
    if (err) {
        return err;
    }
    if (first.family != last.family || address_compare(&first, &last) > 0) {
        return refuse(trail, text, "is no range; write the lower address first, both of one kind");
    }
    ret->first = first;
    ret->last = last;
    return ERR_OK;
}

err_t address_range_read(struct span text, bool may_have_dash, struct trail *trail,
                         struct address_range *ret)
{
    const uint8_t *slash = text.len == 0 ? NULL : memchr(text.data, '/', text.len);
    const uint8_t *dash = text.len == 0 ? NULL : memchr(text.data, '-', text.len);
    struct address a;
    err_t err;

    if (text.len >= ADDRESS_RANGE_TEXT_MAX) {
        return refuse(trail, text, "is too long for an address or prefix");
    }
    if (slash != NULL) {
        return read_prefix(text, (size_t)(slash - text.data), trail, ret);
    }
    if (dash != NULL && may_have_dash) {
        return read_dashed(text, (size_t)(dash - text.data), trail, ret);
    }
    err = address_read(text, trail, &a);
    if (err) {
        return err;
    }
    ret->first = ret->last = a;
    return ERR_OK;
}

/* Where the address ends and ":PORT" begins; text.len without a port. False: neither form. */
static bool split_port(struct span text, struct span *ret_address, size_t *ret_end)
{
    const uint8_t *mark;

    if (text.len > 0 && text.data[0] == '[') {
        mark = memchr(text.data, ']', text.len);
        if (mark == NULL) {
            return false;
        }
        *ret_address = span_cut(text, 1, (size_t)(mark - text.data) - 1);
        *ret_end = (size_t)(mark - text.data) + 1;
        return *ret_end == text.len || text.data[*ret_end] == ':';
    }
    mark = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
    /* Two colons: IPv6 without brackets, and no port. */
    if (mark != NULL && memchr(mark + 1, ':', text.len - (size_t)(mark - text.data) - 1) == NULL) {
        *ret_end = (size_t)(mark - text.data);
    } else {
        *ret_end = text.len;
    }
    *ret_address = span_cut(text, 0, *ret_end);
    return true;
}

err_t address_port_read(struct span text, struct trail *trail, struct address *ret, int *ret_port)
{
    struct address a;
    struct span part;
    size_t end;
    int port = -1;
    err_t err;

    if (text.len >= ADDRESS_RANGE_TEXT_MAX || !split_port(text, &part, &end)) {
        return refuse(trail, text, "is no address; write 192.0.2.1:443 or [2001:db8::1]:443");
    }
    err = address_read(part, trail, &a);
    if (err) {
        return err;
    }
    if (end < text.len) {
        port = network_port_read(span_cut(text, end + 1, text.len));
        if (port < 0) {
            return refuse(trail, text, "has no port behind its colon; ports are 0 to 65535");
        }
    }
    *ret = a;
    *ret_port = port;
    return ERR_OK;
}

int address_compare(const struct address *a, const struct address *b)
{
    if (a->family != b->family) {
        return a->family < b->family ? -1 : 1;
    }
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

void address_text(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
    text[0] = '\0';
    if (address->family != ADDRESS_NONE) {
        (void)inet_ntop(address->family == ADDRESS_V4 ? AF_INET : AF_INET6, address->bytes, text,
                        ADDRESS_TEXT_MAX);
    }
}

/* The length of the prefix that the range is; -1 when it is none. */
static int prefix_length(const struct address_range *range)
{
    for (unsigned length = 0; length <= address_bits(range->first.family); length++) {
        struct address first = range->first, last = range->first;

        address_mask(&first, length, false);
        address_mask(&last, length, true);
        if (address_compare(&first, &range->first) == 0 &&
            address_compare(&last, &range->last) == 0) {
            return (int)length;
        }
    }
    return -1;
}

void address_range_text(const struct address_range *range, char text[static ADDRESS_RANGE_TEXT_MAX])
{
    int length = prefix_length(range);
    char first[ADDRESS_TEXT_MAX], last[ADDRESS_TEXT_MAX];

    address_text(&range->first, first);
    address_text(&range->last, last);
    if (length == (int)address_bits(range->first.family)) {
        snprintf(text, ADDRESS_RANGE_TEXT_MAX, "%s", first);
    } else if (length >= 0) {
        snprintf(text, ADDRESS_RANGE_TEXT_MAX, "%s/%d", first, length);
    } else {
        snprintf(text, ADDRESS_RANGE_TEXT_MAX, "%s-%s", first, last);
    }
}
