/* Who may write these lists: whoever configures the program, or sets its environment. */
#include "httpclient/direct.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { NUMERIC_MAX = 64 };

/* A numeric address, or none (family 0). */
struct numeric {
    int family;
    uint8_t bytes[16];
    unsigned n_bits;
};

static struct numeric numeric_of(struct span text)
{
    struct numeric n = {0};
    char copy[NUMERIC_MAX];

    if (text.len == 0 || text.len >= sizeof(copy)) {
        return n;
    }
    snprintf(copy, sizeof(copy), "%.*s", (int)text.len, (const char *)text.data);
    if (inet_pton(AF_INET, copy, n.bytes) == 1) {
        n.family = AF_INET;
        n.n_bits = 32;
    } else if (inet_pton(AF_INET6, copy, n.bytes) == 1) {
        n.family = AF_INET6;
        n.n_bits = 128;
    }
    return n;
}

static bool same_start(const uint8_t *a, const uint8_t *b, unsigned n_bits)
{
    unsigned whole = n_bits / 8, rest = n_bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool is_in(const struct numeric *address, const char *net, unsigned n_bits)
{
    struct numeric other = numeric_of(span_str(net));

    return address->family == other.family && same_start(address->bytes, other.bytes, n_bits);
}

/* Without the dot that ends a full name. */
static struct span name_of(const char *host)
{
    struct span name = span_str(host);

    return name.len > 1 && name.data[name.len - 1] == '.' ? span_cut(name, 0, name.len - 1) : name;
}

/* The name itself, or one below it. */
static bool is_below(struct span name, struct span domain)
{
    struct span tail;

    if (domain.len == 0 || domain.len > name.len) {
        return false;
    }
    tail = span_cut(name, name.len - domain.len, domain.len);
    return text_spans_equal_nocase(tail, domain) &&
           (tail.len == name.len || name.data[name.len - domain.len - 1] == '.');
}

enum direct_kind direct_kind(const char *host)
{
    struct numeric address = numeric_of(span_str(host));

    if (is_in(&address, "::ffff:0.0.0.0", 96)) {
        /* IPv4 in the clothes of IPv6 leads to the same machine. */
        memcpy(address.bytes, address.bytes + 12, 4);
        address.family = AF_INET;
    }
    if (is_in(&address, "127.0.0.0", 8) || is_in(&address, "::1", 128) ||
        (address.family == 0 && is_below(name_of(host), span_str("localhost")))) {
        return DIRECT_LOOPBACK;
    }
    if (is_in(&address, "169.254.0.0", 16) || is_in(&address, "fe80::", 10) ||
        is_in(&address, "168.63.129.16", 32)) {
        return DIRECT_LINK_LOCAL;
    }
    return DIRECT_NOT;
}

static bool is_separator(uint8_t c)
{
    return c == ',' || c == ' ' || c == '\t';
}

/* The next entry from *at on; empty at the end. */
static struct span next_entry(struct span list, size_t *at)
{
    size_t start;

    while (*at < list.len && is_separator(list.data[*at])) {
        ++*at;
    }
    start = *at;
    while (*at < list.len && !is_separator(list.data[*at])) {
        ++*at;
    }
    return span_cut(list, start, *at - start);
}

/* Digits alone, at most max. */
static bool read_bits(struct span text, unsigned max, unsigned *ret)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 3) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    *ret = value;
    return value <= max;
}

static bool names_address(struct span entry, const struct numeric *address)
{
    const uint8_t *slash = memchr(entry.data, '/', entry.len);
    size_t len = slash == NULL ? entry.len : (size_t)(slash - entry.data);
    struct numeric net = numeric_of(span_cut(entry, 0, len));
    unsigned n_bits = net.n_bits;

    return net.family != 0 && net.family == address->family &&
           (slash == NULL || read_bits(span_cut(entry, len + 1, entry.len), n_bits, &n_bits)) &&
           same_start(net.bytes, address->bytes, n_bits);
}

static bool names_host(struct span entry, struct span name)
{
    if (entry.len > 1 && entry.data[entry.len - 1] == '.') {
        entry = span_cut(entry, 0, entry.len - 1);
    }
    if (entry.len > 1 && entry.data[0] == '.') {
        entry = span_cut(entry, 1, entry.len);
    }
    return is_below(name, entry);
}

struct span direct_entry(const char *list, const char *host)
{
    struct numeric address = numeric_of(span_str(host));
    struct span entry, all = span_str(list);
    size_t at = 0;

    if (span_is(all, "*")) {
        return all;
    }
    while ((entry = next_entry(all, &at)).len > 0) {
        if (address.family != 0 ? names_address(entry, &address)
                                : names_host(entry, name_of(host))) {
            return entry;
        }
    }
    return (struct span){0};
}

bool direct_has_word(const char *list, const char *word)
{
    struct span entry, all = span_str(list);
    size_t at = 0;

    while ((entry = next_entry(all, &at)).len > 0) {
        if (span_is(entry, word)) {
            return true;
        }
    }
    return false;
}
